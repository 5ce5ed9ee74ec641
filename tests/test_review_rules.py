"""The rules of a review: calendar periods, when a change says something, and what the summary may say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.review.figures import DEVIATIONS, FIGURES, SMALLEST_CHANGE, Change, Verdict, judge
from streams.review.reading import Review
from streams.review.sentences import percent, summary
from streams.review.spans import Kind, Span, back_from, day_of, latest_over, start_ms
from tests import review_story


@pytest.fixture(scope="module")
def february(tmp_path_factory: pytest.TempPathFactory) -> Review:
    return review_story.february(tmp_path_factory.mktemp("review") / "story")


# --- periods -------------------------------------------------------------------------------------

DAYS = st.dates(date(1971, 1, 1), date(2100, 12, 1))
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Beirut", "America/Nuuk"]
)


@given(DAYS, st.sampled_from(Kind))
def test_spans_follow_each_other(day: date, kind: Kind) -> None:
    span = Span.of(kind, day)
    assert span.first <= day <= span.last < span.end == span.first + timedelta(days=span.days)
    assert span.before.end == span.first
    assert (span.first.weekday(), span.days) == (0, 7) if kind is Kind.WEEK else span.first.day == 1
    assert list(back_from(span, 3, span.before.first)) == [span, span.before]
    assert list(back_from(span, 3, span.before.first + timedelta(days=1))) == [span]


@given(DAYS, ZONES)
def test_a_day_starts_with_its_first_moment(day: date, zone: str) -> None:
    at = start_ms(day, zone)
    first, before = (
        day_of(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms), zone) for ms in (at, at - 1)
    )
    assert before < day <= first


def test_what_is_over_is_a_matter_of_the_place() -> None:
    midnight_there = datetime(2026, 2, 28, 23)
    assert latest_over(Kind.MONTH, midnight_there, "Europe/Berlin").name == "February 2026"
    assert (
        latest_over(Kind.MONTH, midnight_there - timedelta(milliseconds=1), "Europe/Berlin").name
        == "January 2026"
    )
    assert (
        latest_over(Kind.WEEK, midnight_there, "Europe/Berlin").name == "the week from 16 to 22 February 2026"
    )
    new_year = Span.of(Kind.WEEK, date(2026, 1, 1))
    assert new_year.name == "the week from 29 December 2025 to 4 January 2026"


# --- what a change says --------------------------------------------------------------------------

COUNTS = st.integers(0, 10**6)


@given(COUNTS, COUNTS, st.floats(0, 1e12), st.integers(1, 1000))
def test_verdicts(now: int, before: int, squares: float, least: int) -> None:
    verdict = judge(now, before, squares, max(now, before), least)
    assert (verdict is Verdict.FEW) == (max(now, before) < least)
    if verdict in (Verdict.UP, Verdict.DOWN):
        assert (now > before) == (verdict is Verdict.UP)
        assert abs(now - before) >= SMALLEST_CHANGE * before
        assert abs(now - before) > DEVIATIONS * squares**0.5
    alone = judge(now, before, float(now - before) ** 2, max(now, before), least)
    assert alone not in (Verdict.UP, Verdict.DOWN), "one person makes no trend"
    assert judge(now, None, squares, now, least) is Verdict.UNKNOWN


def test_the_edges_of_verdicts() -> None:
    assert judge(20, 0, 20, 20, 20) is Verdict.UP and judge(19, 0, 19, 19, 20) is Verdict.FEW
    assert judge(110, 100, 0, 110, 20) is Verdict.UP and judge(109, 100, 0, 109, 20) is Verdict.SAME
    assert judge(90, 100, 0, 100, 20) is Verdict.DOWN and judge(100, 100, 0, 100, 20) is Verdict.SAME
    assert judge(120, 100, 100, 120, 20) is Verdict.UNEVEN and judge(121, 100, 100, 121, 20) is Verdict.UP
    assert (percent(0, 5), percent(3, 2), percent(3, 0), percent(110, 10), percent(95, 5)) == (
        "-100%", "+50%", "", "11 times", "19 times",
    )  # fmt: skip


@given(st.lists(st.tuples(COUNTS, COUNTS, st.floats(0, 1e12)), min_size=len(FIGURES), max_size=len(FIGURES)))
def test_no_number_is_said_without_its_comparison(
    february: Review, drawn: list[tuple[int, int, float]]
) -> None:
    changes = {
        figure.name: Change(figure, [before, now], squares, 20, max(now, before), {})
        for figure, (now, before, squares) in zip(FIGURES, drawn, strict=True)
    }
    told = summary(
        replace(february, changes=changes, care=[], contents=[], alerts=[], segments={"lifecycle": []})
    )
    for change in changes.values():
        lines = [line for line in told if change.figure.label in line[0].lower() + line[1:]]
        assert len(lines) == (1 if change.count else 0), change
        for line in lines:
            if change.verdict is Verdict.FEW:
                assert not re.search(r"\d", line)
            else:
                assert f"{change.now:,}" in line and f"{change.before:,}" in line
