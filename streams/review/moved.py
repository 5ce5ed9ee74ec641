"""The sections of the page of a review on what moved, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from streams.review import charts
from streams.review.figures import Change, Part, Verdict
from streams.review.markup import Markup, card, element, plain
from streams.review.reading import Review
from streams.review.sentences import number, percent
from streams.review.spans import Span

MOST_PARTS = 6


# --- what moved ----------------------------------------------------------------------------------


def figures(review: Review) -> Iterator[Markup]:
    """A card for each figure that was not 0 in all periods."""
    labels = [span.short for span in review.spans]
    cards = [_card(review, change, labels) for change in review.changes.values() if any(change.values)]
    if cards:
        yield element("div", *cards, class_="grid")
    else:
        yield card("Nothing happened in any of these periods.")


def _card(review: Review, change: Change, labels: Sequence[str]) -> Markup:
    label = change.figure.label[:1].upper() + change.figure.label[1:]
    return element(
        "article",
        element("h3", plain(label)),
        element("p", plain(number(change.now)), class_="value"),
        element("p", *_against(review, change), class_="moved-by"),
        charts.columns(labels, change.values, f"{label} by {review.span.kind}"),
        class_="card figure",
    )


def _against(review: Review, change: Change) -> Iterator[Markup]:
    before = change.before
    if before is None:
        yield element("small", plain(f"no whole {review.span.kind} before"))
        return
    if change.verdict is Verdict.FEW:
        yield element("small", plain(f"{number(before)} before; too few to compare"))
        return
    moved = change.now - before
    by = percent(change.now, before)
    text = f"{'▲' if moved > 0 else '▼'} {by or number(moved)}" if moved else "no change"
    kind = {Verdict.UP: "moved plus", Verdict.DOWN: "moved minus"}.get(change.verdict, "moved muted")
    yield element("span", plain(text), class_=kind)
    note = "; few people, or chance" if change.verdict is Verdict.UNEVEN else ""
    yield element("small", plain(f" after {number(before)}{note}"))


# --- why -----------------------------------------------------------------------------------------


def reasons(review: Review) -> Iterator[Markup]:
    """Who came and went, day by day, and who has most of each change."""
    if not review.has_before or not any(review.flow):
        return
    parts = [
        part
        for change in review.changes.values()
        if change.verdict in (Verdict.UP, Verdict.DOWN, Verdict.UNEVEN)
        for part in _contributors(review, change)
    ]
    if parts:
        note = "By how much the largest parts of each change moved. A person in two groups counts in both."
        yield element("p", plain(note), class_="muted note")
    yield element("div", _flow(review), _days(review), *parts, class_="grid")


def _flow(review: Review) -> Markup:
    flow, span = review.flow, review.span
    before, now = flow.stayed + flow.gone, flow.stayed + flow.came + flow.returned
    level = float(flow.stayed)
    bars = [
        charts.Bar(_tag(span.before), 0, before, f"{before:,}", "before"),
        charts.Bar("stayed away", level, before, f"-{flow.gone:,}", "minus"),
        charts.Bar("came back", level, level + flow.returned, f"+{flow.returned:,}", "plus"),
        charts.Bar("first time", level + flow.returned, now, f"+{flow.came:,}", "plus"),
        charts.Bar(_tag(span), 0, now, f"{now:,}", "now"),
    ]
    title = "Active people: who came, who stayed away"
    return element("article", element("h3", plain(title)), charts.rows(bars, title), class_="card")


def _days(review: Review) -> Markup:
    now, before = (
        [review.days.get(span.first + timedelta(days=n), 0) for n in range(span.days)]
        for span in (review.span, review.span.before)
    )
    title = "Active people day by day"
    names = (review.span.name, review.span.before.name)
    return element(
        "article",
        element("h3", plain(title)),
        charts.days(now, before, title, names),
        element("small", plain(f"Columns: {names[0]}. Line: {names[1]}.")),
        class_="card",
    )


def _contributors(review: Review, change: Change) -> Iterator[Markup]:
    by = "person" if review.group else "group"
    for way in (by, "channel", "reason"):
        if way == "person" and change.figure.name in ("active_people", "newcomers"):
            continue
        found = [part for part in change.by.get(way, ()) if part.change][:MOST_PARTS]
        if len(found) > 1:
            title = f"{change.figure.label[:1].upper()}{change.figure.label[1:]} by {way}"
            bars = [_part_bar(part) for part in found]
            yield element(
                "article", element("h3", plain(title)), charts.rows(bars, f"{title}, change"), class_="card"
            )


def _part_bar(part: Part) -> charts.Bar:
    rose = part.change > 0
    text = f"{'+' if rose else '-'}{charts.short(abs(part.change))}"
    return charts.Bar(part.key or "none named", 0, part.change, text, "plus" if rose else "minus")


def _tag(span: Span) -> str:
    return span.short if span.kind == "month" else f"from {span.short}"
