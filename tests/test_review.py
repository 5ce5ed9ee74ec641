"""``groupbeat review``: figures worked out by hand, what the summary says of them, and the page."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from streams.backfill import backfill
from streams.cli import app
from streams.page import NotFound, asked
from streams.review.document import page
from streams.review.figures import Part
from streams.review.reading import Flow, Review, Standing, read_review
from streams.review.sentences import summary
from streams.review.spans import Kind, Span
from streams.settings import Settings
from tests.hand_rows import insert
from tests.page_reader import check_page
from tests.review_story import engine, fill
from tests.review_story import event as made

NOT_IN_THE_VIEW = {("", "newcomers"), ("general", "newcomers")}
REAL = Path(__file__).parent.parent / "data/slack-houstondatavis.ndjson.gz"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return fill(tmp_path_factory.mktemp("review") / "story")


@pytest.fixture
def story(filled: Settings) -> Iterator[Settings]:
    with engine(filled):
        yield filled


@pytest.fixture
def february(story: Settings) -> Review:
    """February against January."""
    return read_review(story, Kind.MONTH, None, "runners")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(clickhouse=None, rules=None, path=tmp_path_factory.mktemp("real") / "clickhouse")
    backfill(made, [REAL])
    return made


@pytest.fixture
def real(replayed: Settings) -> Iterator[Settings]:
    """A real community: the latest month that is over is June 2016."""
    with engine(replayed):
        yield replayed


# --- figures -------------------------------------------------------------------------------------


def test_figures_of_two_months_in_the_time_of_the_place(february: Review) -> None:
    assert [span.name for span in february.spans] == [
        "January 2026",
        "February 2026",
    ]  # December began within
    told = {name: (change.before, change.now) for name, change in february.changes.items()}
    assert told == {
        "active_people": (30, 61), "newcomers": (30, 40), "joins": (30, 4), "leaves": (0, 0),
        "posts": (30, 61), "questions": (0, 1), "staff_posts": (1, 2), "shares": (1, 25), "views": (50, 52),
        "purchases": (3, 0),
        "amount": (15, 0),
    }  # fmt: skip
    assert february.flow == Flow(stayed=20, came=40, returned=1, gone=10)
    assert february.days == {
        date(2026, 1, 1): 1, date(2026, 1, 10): 30, date(2026, 2, 1): 1, date(2026, 2, 12): 61,
    }  # fmt: skip
    joins = february.changes["joins"].by
    assert joins["group"] == [Part("a", 0, 30), Part("b", 4, 0)]
    assert joins["channel"] == [Part("ad", 0, 20), Part("link", 4, 10)]
    assert february.segments["lifecycle"] == [Standing("core", 24, 0, 24, 0), Standing("new", 6, 30, 0, 24)]
    assert february.segments["pyramid"] == [
        Standing("general", 29, 30, 0, 1),
        Standing("valuable", 1, 0, 1, 0),
    ]
    assert february.segments["closeness"] == [Standing("know", 30, 30, 0, 0)]
    assert (february.care_of, [each.row["group_id"] for each in february.care]) == ((1, 2), ["a"])
    assert february.care[0].posts == Part("a", 20, 30)
    [hit] = february.contents
    assert (hit["shares"], hit["shares_before"], hit["sharers"], hit["views"], hit["views_before"]) == (
        25, 1, 1, 52, 50,
    )  # fmt: skip
    alerts = {row["rule"]: (row["before"], row["opened"], row["still_open"]) for row in february.alerts}
    assert alerts == {"spam_burst": (1, 1, 0), "monologue": (0, 1, 1)}


def test_of_a_group(story: Settings) -> None:
    review = read_review(story, Kind.MONTH, "a", "runners")
    told = {name: (change.before, change.now) for name, change in review.changes.items() if change.values[-1]}
    assert told == {
        "active_people": (30, 26), "newcomers": (30, 6), "posts": (30, 20), "questions": (0, 1),
        "staff_posts": (1, 2), "shares": (1, 25),
        "views": (50, 52),
    }  # fmt: skip
    assert review.flow == Flow(stayed=20, came=6, returned=0, gone=10)
    assert review.changes["shares"].contributors("person") == [Part("p10", 25, 1)]
    b = read_review(story, Kind.MONTH, "b", None)
    assert [span.name for span in b.spans] == ["January 2026", "February 2026"]
    assert b.segments["lifecycle"] == [], "none of its people has a transition"
    assert [(each.row["group_id"], each.alerts) for each in b.care] == [("b", [])]


def test_the_summary(february: Review) -> None:
    assert summary(february) == [
        "Active people rose from 30 to 61 (+103%): 40 came for the first time; 1 came back after a break; "
        "10 of the 30 active before stayed away; most in b (0 to 41).",
        "Joins fell from 30 to 4 (-87%): most in a (30 to 0); by channel ad (20 to 0) and link (10 to 4).",
        "Posts of members rose from 30 to 61 (+103%): most in b (0 to 41).",
        "Few people, or chance, may make the difference in new people (30 to 40) and shares (1 to 25): no "
        "trend is read from it.",
        "About as before: views (50, now 52).",
        "Too few to compare: questions, posts of staff, purchases and amount paid.",
        "More people are core: 24 at the end, 0 at the beginning (24 came, 0 went).",
        "1 of 2 groups needs care; the health of a is lowest, 62 of 100.",
        "1 content was shared, 1 in January 2026; hit most, 25 times, once before.",
        "2 alerts opened, 1 in January 2026; critical: spam burst (1, before 1).",
    ]


def test_a_week(story: Settings) -> None:
    review = read_review(story, Kind.WEEK, None, "runners")
    assert review.span == Span(Kind.WEEK, date(2026, 2, 23))
    assert summary(review)[0] == (
        "Nothing happened in the community, neither in the week from 23 February to 1 March 2026 nor in the "
        "week from 16 to 22 February 2026. The last event is of 2026-03-02 10:00."
    )
    assert review.segments["lifecycle"] == [Standing("lost", 30, 0, 30, 0), *(
        Standing(segment, 0, people, 0, people) for segment, people in (("core", 24), ("new", 6))
    )]  # fmt: skip


def test_what_there_is_no_comparison_for(february: Review) -> None:
    first = replace(
        february,
        spans=february.spans[-1:],
        changes={n: replace(c, values=c.values[-1:]) for n, c in february.changes.items()},
    )
    assert summary(first) == [
        "February 2026 is the first whole month that there is, so there is nothing to compare it with yet."
    ]
    assert "no whole month before" in page(first) and "Why it moved" not in page(first)


# --- what is asked for ---------------------------------------------------------------------------


def test_what_is_not_there_is_said(story: Settings) -> None:
    with pytest.raises(NotFound, match=r"choose one of 2 communities with --community: 'runners', 'walkers'"):
        read_review(story, Kind.MONTH, None, None)
    with pytest.raises(
        NotFound, match=r"no events are of the community 'swimmers'; there is 'runners', 'walkers'"
    ):
        read_review(story, Kind.MONTH, None, "swimmers")
    with pytest.raises(
        NotFound, match=r"the group_id 'walk'; there is 'walks' in 'walkers', 'b' in 'runners', 'a'"
    ):
        read_review(story, Kind.MONTH, "walk", None)
    with pytest.raises(NotFound, match="'a' is not in the community 'walkers', but in 'runners'"):
        read_review(story, Kind.MONTH, "a", "walkers")


def test_too_little_to_review(tmp_path: Path) -> None:
    empty = Settings(path=tmp_path / "clickhouse")
    client = connect(empty)
    migrate(client)
    create_views(client)
    with pytest.raises(NotFound, match="the database has no events yet"):
        read_review(empty, Kind.MONTH, None, None)
    insert(client, "events", made("post", "ann", "2026-02-03 09:00"))
    with pytest.raises(
        NotFound, match=r"no whole month is over yet: .* of 2026-02-03, .* ends on 2026-03-31, "
    ):
        read_review(empty, Kind.MONTH, None, None)
    client.close()


def test_the_command(story: Settings, tmp_path: Path, clean_environment: None) -> None:
    def call(*arguments: str) -> tuple[int, str]:
        told = CliRunner().invoke(app, ["review", "--path", str(story.path), *arguments])
        return told.exit_code, told.output

    out = tmp_path / "review.html"
    assert call("--out", str(out), "--community", "runners", "--period", "week")[0] == 0
    assert "<h1>runners: the week from 23 February to 1 March 2026</h1>" in out.read_text("utf-8")
    code, told = call("--out", str(out), "--period", "year")
    assert code == 1 and "choose week or month" in told
    code, told = call("--out", str(out), "--group", "nowhere")
    assert code == 1 and "no group has the group_id 'nowhere'" in told
    code, told = call("--out", str(tmp_path / "no folder/x.html"), "--community", "runners")
    assert code == 1 and "No such file or directory" in told


# --- the real community --------------------------------------------------------------------------


def test_a_real_month(real: Settings) -> None:
    review = read_review(real, Kind.MONTH, None, None)
    assert review.community == "hdv" and review.span.name == "June 2016" and len(review.spans) == 12
    months: dict[str, Counter[str]] = defaultdict(Counter)
    people: dict[str, set[str]] = defaultdict(set)
    groups: Counter[tuple[str, str]] = Counter()
    for event in map(json.loads, gzip.decompress(REAL.read_bytes()).splitlines()):
        month = event["occurred_at"][:7]
        months[month][event["action"]] += 1
        months[month]["questions"] += event.get("kind") == "question"
        groups[month, event["group_id"]] += event["action"] == "post"
        if event["action"] != "leave":
            people[month].add(event["user_id"])
    for place, span in enumerate(review.spans):
        told = {name: change.values[place] for name, change in review.changes.items()}
        month = f"{span.first:%Y-%m}"
        assert told["active_people"] == len(people[month])
        assert told["newcomers"] == len(
            people[month] - set().union(*(people[m] for m in people if m < month))
        )
        assert told["questions"] == months[month]["questions"]
        for figure, action in (
            ("joins", "join"),
            ("posts", "post"),
            ("shares", "share"),
            ("leaves", "leave"),
        ):
            assert told[figure] == months[month][action], (month, figure)
    now, before = people["2016-06"], people["2016-05"]
    assert review.flow.stayed == len(now & before) and review.flow.gone == len(before - now)
    for part in review.changes["posts"].by["group"]:
        assert (part.now, part.before) == (groups["2016-06", part.key], groups["2016-05", part.key])
    assert summary(review)[0].startswith(
        "Active people rose from 11 to 24 (+118%): 16 came for the first time; "
    )
    assert {row["rule"]: (row["before"], row["opened"]) for row in review.alerts} == {
        "unanswered_question": (3, 9), "group_quiet": (0, 1),
    }  # fmt: skip
    check_page(page(review))


@pytest.mark.parametrize("kind", list(Kind))
def test_figures_are_those_of_the_view_period_review(real: Settings, kind: Kind) -> None:
    rows = asked(
        real,
        "SELECT * FROM period_review WHERE period = {period:String} AND group_id IN ('', 'general')",
        period=str(kind),
    )
    reviews = {group: read_review(real, kind, group or None, None) for group in ("", "general")}
    told = {(group, name) for group, of in reviews.items() for name in of.changes} - NOT_IN_THE_VIEW
    assert {(row["group_id"], row["figure"]) for row in rows} <= told
    for row in rows:
        review = reviews[row["group_id"]]
        change = review.changes[row["figure"]]
        assert (review.span.first, change.now, change.before) == (row["starts_on"], row["now"], row["before"])
        if row["top_contributor"] and not row["group_id"]:
            parts = {part.key: part.change for part in change.by["group"]}
            assert parts[row["top_contributor"]] == row["contribution"]
    silent = told - {(row["group_id"], row["figure"]) for row in rows}
    assert silent and all(reviews[group].changes[name].count == 0 for group, name in silent)
