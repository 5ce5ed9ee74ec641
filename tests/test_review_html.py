"""The page of a review: what it says, that texts of others are no markup, and its colours."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest

from streams.review.document import page
from streams.review.figures import Part
from streams.review.reading import Flow, Review, Standing
from streams.review.sentences import summary
from streams.review.style import DARK, LIGHT, MARKS, TEXTS, css
from tests import review_story
from tests.page_reader import check_page

STRANGE = "<script>alert(1)</script>\"' onload='x' &amp; \u202e\x1b[31m"
SHOWN = "<script>alert(1)</script>\"' onload='x' &amp; \ufffd\ufffd[31m"


@pytest.fixture(scope="module")
def february(tmp_path_factory: pytest.TempPathFactory) -> Review:
    return review_story.february(tmp_path_factory.mktemp("review") / "story")


def test_the_page(february: Review) -> None:
    read = check_page(page(february))
    texts = set(read.texts)
    assert {"runners: February 2026", *summary(february)} <= texts
    assert (
        "2026-02-01 to 2026-02-28, compared with January 2026. Days are those of Europe/Berlin; the data "
        "goes up to 2026-03-05 11:00."
    ) in texts
    headings = [
        "Summary",
        "What moved",
        "Why it moved",
        "Segments",
        "Groups that need care",
        "Content that spread",
    ]
    assert {*headings, "Alerts", "How to read this page"} <= texts
    for told in (
        "monologue since 2026-02-12 10:00, severity 0.50 of 1: in 7 days 45 posts of staff, 5 of members",
        "warning alert group quiet, open since 2026-03-02 11:00: no post for 31 hours; measured in its habit "
        "9.2, the level is 8.5",
        "health is lowered by participation: 15 points",
        "Posts of members: 20, 30 in the month before.",
        "Shared most, of 1 contents; 1 in the month before",
        "a, 2026-02-12 10:00: ads of members in a short time: 7",
        "▲ +103%", "▼ -87%", "3 before; too few to compare",
    ):  # fmt: skip
        assert told in texts, told
    labels = [attributes["aria-label"] for tag, attributes in read.tags if tag == "svg"]
    assert labels[0] == "Active people by month: Jan 2026 30, Feb 2026 61"
    assert (
        "Active people: who came, who stayed away: Jan 2026 30, stayed away -10, came back +1, first time "
        "+40, Feb 2026 61"
    ) in labels
    assert "Joins by group, change: a -30, b +4" in labels


def test_a_page_of_nothing(february: Review) -> None:
    nothing = replace(
        february,
        changes={name: replace(c, values=[0, 0], count=0, by={}) for name, c in february.changes.items()},
        flow=Flow(0, 0, 0, 0), days={}, segments=dict.fromkeys(february.segments, ()), care=[],
        care_of=(0, 0), contents=[], contents_of=(0, 0), alerts=[],
    )  # fmt: skip
    texts = set(check_page(page(nothing)).texts)
    assert {
        "Nothing happened in any of these periods.",
        "No person has a segment yet.",
        "No groups yet.",
    } <= texts


def test_texts_of_others_are_no_markup(february: Review) -> None:
    alert = {
        "rule": STRANGE,
        "severity": STRANGE,
        "opened_at": datetime(2026, 2, 3),
        "opened_evidence": STRANGE,
    }
    care = february.care[0]
    parts = {by: [Part(STRANGE, 0, 50), Part("b", 0, 5)] for by in ("group", "person", "channel", "reason")}
    strange = replace(
        february,
        community=STRANGE,
        changes={name: replace(change, by=parts) for name, change in february.changes.items()},
        care=[care._replace(row={**care.row, "group_id": STRANGE, "phase": STRANGE}, alerts=[alert])],
        contents=[{**february.contents[0], "content_id": STRANGE}],
        alerts=[
            {**february.alerts[0], **alert, "latest": (STRANGE, STRANGE, alert["opened_at"], STRANGE)},
        ],
        segments={**february.segments, "lifecycle": [Standing(STRANGE, 60, 20, 41, 1)]},
    )
    for of in (strange, replace(strange, group=STRANGE)):
        text = page(of)
        read = check_page(text)
        told = "".join(read.texts)
        assert "\x1b" not in text and "\u202e" not in text
        assert told.count(SHOWN) >= 12
        labels = [attributes["aria-label"] or "" for tag, attributes in read.tags if tag == "svg"]
        assert any(SHOWN in label for label in labels)


# --- colours -------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def schemes() -> list[tuple[str, dict[str, str]]]:
    """The colours of both schemes, read from the style sheet as a browser would."""
    blocks = re.findall(r":root\{([^}]*)\}", css())
    return [
        (name, dict(re.findall(r"--(\w+):(#[0-9a-f]{6})", block)))
        for name, block in zip(("light", "dark"), blocks, strict=True)
    ]


@pytest.mark.parametrize(("name", "colours"), schemes())
def test_contrast(name: str, colours: dict[str, str]) -> None:
    assert colours == {"light": LIGHT, "dark": DARK}[name]
    for ground in ("page", "card"):
        for text in TEXTS:
            assert contrast(colours[text], colours[ground]) >= 4.5, (name, text, ground)
    for mark in MARKS:
        assert contrast(colours[mark], colours["card"]) >= 3, (name, mark)
    used = set(re.findall(r"(?:color|fill):var\(--(\w+)\)", css())) - {"past", "before"}
    assert used <= set(TEXTS), "every colour of text is checked"
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
