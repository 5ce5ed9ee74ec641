"""The sections of the page of a review below what moved: segments, groups, contents, alerts, help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from schemas.group_tables import SYMPTOMS
from streams.alert_words import in_words
from streams.group_figures import has_figures, lowered
from streams.page import Row
from streams.review import charts
from streams.review.figures import DEVIATIONS, SMALLEST_CHANGE
from streams.review.markup import Markup, card, element, heading, joined, plain, scrolling, table
from streams.review.reading import Care, Review, Standing
from streams.review.sentences import words
from streams.users.standing import milliseconds

# --- segments ------------------------------------------------------------------------------------


def segments(review: Review) -> Iterator[Markup]:
    """Where people are on each ladder, at the end and at the beginning of the period."""
    lifecycle = [each for each in review.segments["lifecycle"] if each.now or each.before]
    if not lifecycle:
        yield card("No person has a segment yet.")
        return
    bars = [
        charts.Bar(words(each.segment), 0, people, f"{people:,}", kind)
        for each in lifecycle
        for kind, people in (("now", each.now), ("before", each.before))
    ]
    title = "People by lifecycle segment"
    chart = element(
        "article",
        element("h3", plain(title)),
        charts.rows(bars, title, pair=True),
        element("small", plain("Above: as the period ended. Below: as it began.")),
        class_="card",
    )
    others = [
        _ladder(ladder, standings)
        for ladder, standings in review.segments.items()
        if ladder != "lifecycle" and len(standings) > 1
    ]
    yield element("div", chart, _ladder("lifecycle", lifecycle), *others, class_="pile")


def _ladder(ladder: str, standings: Sequence[Standing]) -> Markup:
    rows = [
        (words(each.segment), f"{each.now:,}", f"{each.before:,}", f"{each.came:,}", f"{each.went:,}")
        for each in standings
    ]
    return table(ladder.title(), ("Segment", "Now", "Before", "Came", "Went"), rows)


# --- groups --------------------------------------------------------------------------------------


def care(review: Review) -> Iterator[Markup]:
    """Each group with a symptom or an open alert, and what tells so; of a review of a group, that one."""
    need, there = review.care_of
    if not review.care:
        yield card(f"No group of {there:,} has a symptom or an open alert." if there else "No groups yet.")
        return
    if not review.group:
        shown = f"; the {len(review.care)} with the lowest health" if need > len(review.care) else ""
        yield element(
            "p", plain(f"{need:,} of {there:,} with a symptom or an open alert{shown}."), class_="note"
        )
    yield element("div", *(_care_card(review, each) for each in review.care), class_="pile")


def _care_card(review: Review, each: Care) -> Markup:
    row = each.row
    opened = {alert["rule"]: alert for alert in each.alerts}
    lines = [
        f"{words(name)} since {review.when(row[f'{name}_since'])}, severity {row[name]:.2f} of 1"
        + _because(review, name, opened)
        for name in SYMPTOMS
        if milliseconds(row[f"{name}_since"])
    ]
    lines += [
        f"{alert['severity']} alert {words(rule)}, open since {review.when(alert['opened_at'])}"
        + _because(review, rule, opened)
        for rule, alert in opened.items()
        if rule not in SYMPTOMS
    ]
    lines += [
        f"health is lowered by {words(name)}: {points:.0f} points"
        for name, points in lowered(row, review.rules)
    ]
    health = f"Health {row['health']:.0f} of 100" if has_figures(row) else "No day of it is over yet"
    return element(
        "article",
        element("h3", plain(row["group_id"])),
        element(
            "p",
            element("strong", plain(health)),
            element("span", plain(f", {row['members']:,} members, phase {row['phase']}"), class_="muted"),
        ),
        element(
            "p",
            plain(
                f"Posts of members: {each.posts.now:,.0f}, {each.posts.before:,.0f} in the "
                f"{review.span.kind} before."
            ),
        ),
        element("ul", *(element("li", plain(line)) for line in lines)) if lines else plain(""),
        element("small", plain(f"As of the end of {row['day']}." if has_figures(row) else "")),
        class_="card care",
    )


def _because(review: Review, rule: str, opened: dict[str, Row]) -> str:
    alert = opened.get(rule)
    return f": {in_words(rule, alert['opened_evidence'], review.when)}" if alert else ""


# --- contents and alerts -------------------------------------------------------------------------


def contents(review: Review) -> Iterator[Markup]:
    """The contents that were shared most."""
    if not review.contents:
        yield card(f"No content was shared in {review.span.name}.")
        return
    rows = [
        (
            row["content_id"] + (" (explosive)" if row["explosive"] else ""),
            f"{row['shares']:,}",
            f"{row['shares_before']:,}",
            f"{row['sharers']:,}",
            f"{row['views']:,}",
            f"{row['views_before']:,}",
            f"{row['joins']:,}",
            f"{row['depth']:,}",
        )
        for row in review.contents
    ]
    names = ("Content", "Shares", "Before", "By people", "Views", "Views before", "Joins", "Depth")
    now, before = review.contents_of
    title = f"Shared most, of {now:,} contents; {before:,} in the {review.span.kind} before"
    yield table(title, names, rows)


def alerts(review: Review) -> Iterator[Markup]:
    """Alerts that opened, by rule, with the latest of each."""
    if not review.alerts:
        yield card(f"No alert opened, neither in {review.span.name} nor in the {review.span.kind} before.")
        return
    names = ("Rule", "Severity", "Opened", "Before", "Open now", "The latest, and why")
    head = [heading(name, number=name in ("Opened", "Before", "Open now")) for name in names]
    body = []
    for row in review.alerts:
        group, content, opened_at, evidence = row["latest"]
        why = ""
        if row["opened"]:
            place = f"{group}, content {content}" if content else group
            why = f"{place}, {review.when(opened_at)}: {in_words(row['rule'], evidence, review.when)}"
        cells = [
            element("th", plain(words(row["rule"])), scope="row"),
            element("td", element("span", plain(row["severity"]), class_=f"tag {row['severity']}")),
            *(
                element("td", plain(f"{row[name]:,}"), class_="n")
                for name in ("opened", "before", "still_open")
            ),
            element("td", plain(why or "none in this period"), class_="long"),
        ]
        body.append(element("tr", *cells))
    yield scrolling("Alerts by rule", head, body)


# --- how to read it ------------------------------------------------------------------------------


def reading_help(review: Review) -> Iterator[Markup]:
    """The rules behind the words."""
    least, kind = review.rules.rates_min_count, review.span.kind
    yield element(
        "div",
        element(
            "p",
            plain(
                f"A {kind} is one of the calendar in {review.rules.time_zone}"
                f"{', from Monday on' if kind == 'week' else ''}; what is not over, or began within one, "
                f"is left out. A figure is said to have moved when one of the two {kind}s has {least:,} "
                f"or more, the change is at least {SMALLEST_CHANGE:.0%}, and larger than "
                f"{DEVIATIONS:.0f} standard deviations of what each person changed by. So a few people alone "
                "make no trend."
            ),
        ),
        element(
            "dl",
            *(
                joined(element("dt", plain(change.figure.label)), element("dd", plain(change.figure.meaning)))
                for change in review.changes.values()
                if any(change.values)
            ),
            *(
                joined(element("dt", plain(name)), element("dd", plain(meaning)))
                for name, meaning in (
                    (
                        "segments",
                        "of people in the community: as the period ended, and before as it began",
                    ),
                    ("health", "of 100: symptoms and low participation take points; as of now"),
                    ("alerts", "by when they opened; open now: at the end of the data"),
                )
            ),
        ),
        class_="card",
    )
