"""The written summary: sentences made of the figures, by rule.

No number is said without the one that it is compared with, and nothing of figures that are too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.review.figures import Change, Part, Verdict, judge
from streams.review.reading import Review, Standing

ADDITIVE = ("joins", "leaves", "posts", "questions", "staff_posts", "shares", "views", "purchases", "amount")
"""Figures of which the parts of groups add up to the whole."""
TOLD_SEGMENTS = ("core", "silent", "lost")


def summary(review: Review) -> list[str]:
    """What the page opens with."""
    if not review.has_before:
        return [
            f"{_first_up(review.span.name)} is the first whole {review.span.kind} that there is, so there is "
            "nothing to compare it with yet."
        ]
    figures = [*_nothing(review), *_moved(review), *_uneven(review), *_same(review), *_few(review)]
    return [*figures, *_segments(review), *_care(review), *_contents(review), *_alerts(review)]


def number(value: float) -> str:
    """A figure as it is written: whole ones without a fraction."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.2f}"


def percent(now: float, before: float) -> str:
    """By how much it changed, as `+35%`; empty where there was none before."""
    if not before:
        return ""
    change = (now - before) / before
    return f"{change:+.0%}" if abs(change) < 9.995 else f"{now / before:,.0f} times"


def words(rule: str) -> str:
    """The name of a rule or a segment, as it is read."""
    return rule.replace("_", " ")


def listed(items: Sequence[str]) -> str:
    """As `a, b and c`."""
    return " and ".join((", ".join(items[:-1]), items[-1])) if len(items) > 1 else "".join(items)


# --- what moved, and why -------------------------------------------------------------------------


def _moved(review: Review) -> Iterator[str]:
    for change in review.changes.values():
        if change.verdict not in (Verdict.UP, Verdict.DOWN):
            continue
        assert change.before is not None
        rose = "rose" if change.verdict is Verdict.UP else "fell"
        by = percent(change.now, change.before)
        sentence = (
            f"{_first_up(change.figure.label)} {rose} from {number(change.before)} to {number(change.now)}"
        )
        sentence += f" ({by})" if by else ""
        reasons = list(_reasons(review, change))
        yield sentence + (f": {'; '.join(reasons)}." if reasons else ".")


def _reasons(review: Review, change: Change) -> Iterator[str]:
    flow = review.flow
    if change.figure.name == "active_people":
        if flow.came:
            yield f"{flow.came:,} came for the first time"
        if flow.returned:
            yield f"{flow.returned:,} came back after a break"
        if flow.gone:
            yield f"{flow.gone:,} of the {flow.gone + flow.stayed:,} active before stayed away"
    for by in ("group", "person"):
        if (by == "person") != bool(review.group) or (by == "person" and change.figure.name not in ADDITIVE):
            continue
        if named := change.contributors(by):
            yield f"most in {_parts(named)}" if by == "group" else f"most by {_parts(named)}"
    for by in ("channel", "reason"):
        if named := change.contributors(by):
            yield f"by {by} {_parts(named)}"


def _parts(parts: Sequence[Part]) -> str:
    return listed(
        [f"{part.key or 'none named'} ({number(part.before)} to {number(part.now)})" for part in parts]
    )


def _uneven(review: Review) -> Iterator[str]:
    found = [
        f"{change.figure.label} ({number(change.before or 0)} to {number(change.now)})"
        for change in review.changes.values()
        if change.verdict is Verdict.UNEVEN
    ]
    if found:
        yield f"Few people, or chance, may make the difference in {listed(found)}: no trend is read from it."


def _same(review: Review) -> Iterator[str]:
    found = [
        f"{change.figure.label} ({number(change.before or 0)}, now {number(change.now)})"
        for change in review.changes.values()
        if change.verdict is Verdict.SAME
    ]
    if found:
        yield f"About as before: {listed(found)}."


def _few(review: Review) -> Iterator[str]:
    few = [change for change in review.changes.values() if change.verdict is Verdict.FEW]
    found = [change.figure.label for change in few if change.count]
    if found:
        yield f"Too few to compare: {listed(found)}."


def _nothing(review: Review) -> Iterator[str]:
    if not any(change.now or change.before for change in review.changes.values()):
        of = "the group" if review.group else "the community"
        yield (
            f"Nothing happened in {of}, neither in {review.span.name} nor in {review.span.before.name}. "
            f"The last event is of {review.when(review.last_at)}."
        )


def _segments(review: Review) -> Iterator[str]:
    """Of those in a few telling segments, where enough people moved."""
    for standing in review.segments["lifecycle"]:
        if standing.segment in TOLD_SEGMENTS and segment_moved(review, standing):
            more = "More" if standing.now > standing.before else "Fewer"
            yield (
                f"{more} people are {standing.segment}: {standing.now:,} at the end, "
                f"{standing.before:,} at the beginning ({standing.came:,} came, {standing.went:,} went)."
            )


def segment_moved(review: Review, standing: Standing) -> bool:
    """Whether the number of people in a segment moved by the rules for figures."""
    most = max(standing.now, standing.before)
    changed = standing.came + standing.went
    verdict = judge(standing.now, standing.before, changed, most, review.rules.rates_min_count)
    return verdict in (Verdict.UP, Verdict.DOWN)


# --- groups, contents, alerts --------------------------------------------------------------------


def _care(review: Review) -> Iterator[str]:
    need, there = review.care_of
    if review.group or not review.care:
        return
    worst = review.care[0].row
    needs = f"{'group' if there == 1 else 'groups'} {'needs' if need == 1 else 'need'} care"
    yield (
        f"{need:,} of {there:,} {needs}; the health of {worst['group_id']} is lowest, "
        f"{worst['health']:.0f} of 100."
    )


def _contents(review: Review) -> Iterator[str]:
    if review.changes["shares"].verdict is Verdict.FEW:
        return
    now, before = review.contents_of
    first = review.contents[0] if review.contents else None
    most = (
        f"; {first['content_id']} most, {_times(first['shares'])}, {_times(first['shares_before'])} before"
        if first
        else ""
    )
    shared = "content was shared" if now == 1 else "contents were shared"
    yield f"{now:,} {shared}, {before:,} in {review.span.before.name}{most}."


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _alerts(review: Review) -> Iterator[str]:
    now, before = (sum(row[name] for row in review.alerts) for name in ("opened", "before"))
    if not now and not before:
        return
    sentence = f"{now:,} {'alert' if now == 1 else 'alerts'} opened, {before:,} in {review.span.before.name}"
    critical = [
        f"{words(row['rule'])} ({row['opened']:,}, before {row['before']:,})"
        for row in review.alerts
        if row["severity"] == "critical"
    ]
    yield f"{sentence}; critical: {listed(critical)}." if critical else f"{sentence}."


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]
