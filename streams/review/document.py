"""The page of a review: one HTML file that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator

from streams.review import moved, parts
from streams.review.markup import Markup, element, joined, plain
from streams.review.reading import Review
from streams.review.sentences import summary
from streams.review.style import css

NOTHING_LOADED = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may load for the page, beside the page: nothing."""


def page(review: Review) -> str:
    """The whole file."""
    head = joined(
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{NOTHING_LOADED}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        element("title", plain(f"{_subject(review)}: {review.span.name}")),
        Markup(f"<style>\n{css()}</style>"),
    )
    main = element("main", joined(*_sections(review)))
    return (
        '<!doctype html>\n<html lang="en">\n'
        f"<head>\n{head}\n</head>\n<body>\n{_header(review)}\n{main}\n{_footer(review)}\n</body>\n</html>\n"
    )


def _subject(review: Review) -> str:
    return f"{review.group} in {review.community}" if review.group else review.community


def _header(review: Review) -> Markup:
    span = review.span
    against = f"compared with {span.before.name}" if review.has_before else "with nothing before to compare"
    return element(
        "header",
        element("p", plain(f"{span.kind.title()} in review"), class_="eyebrow"),
        element("h1", plain(f"{_subject(review)}: {span.name}")),
        element(
            "p",
            plain(
                f"{span.first} to {span.last}, {against}. Days are those of {review.rules.time_zone}; the "
                f"data goes up to {review.when(review.clock)}."
            ),
            class_="muted",
        ),
    )


def _sections(review: Review) -> Iterator[Markup]:
    lines = [element("li", plain(line)) for line in summary(review)]
    yield element(
        "section",
        element("h2", plain("Summary"), id="summary"),
        element("div", element("ul", *lines), class_="card summary"),
        aria_labelledby="summary",
    )
    for title, blocks in (
        ("What moved", moved.figures(review)),
        ("Why it moved", moved.reasons(review)),
        ("Segments", parts.segments(review)),
        ("The group now" if review.group else "Groups that need care", parts.care(review)),
        ("Content that spread", parts.contents(review)),
        ("Alerts", parts.alerts(review)),
        ("How to read this page", parts.reading_help(review)),
    ):
        found = list(blocks)
        if found:
            name = title.lower().replace(" ", "-")
            heading = element("h2", plain(title), id=name)
            yield element("section", joined(heading, *found), aria_labelledby=name)


def _footer(review: Review) -> Markup:
    return element(
        "footer",
        element("p", plain(f"Made by groupbeat of data up to {review.when(review.clock)}."), class_="muted"),
    )
