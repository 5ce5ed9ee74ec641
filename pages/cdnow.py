"""docs/cdnow.md: what the people stage finds among the customers of a shop."""

from __future__ import annotations

from pages.pictures import Picture, lifecycle, save, value
from pages.replayed import ask
from pages.template import ROOT, Answer, Question, questions, render

DATA = ROOT / "data/cdnow-purchases.ndjson.gz"
RULES = {"defaults": None, "shop": ROOT / "docs/shop.toml"}
TEMPLATE = ROOT / "pages/cdnow.md"
PAGE = ROOT / "docs/cdnow.md"
FIGURES = ROOT / "docs/figures"

LIFECYCLE = """
SELECT if(segment = 'core', 'active', segment) AS state, day, sum(people)
FROM segments_by_day
WHERE ladder = 'lifecycle' AND toDayOfWeek(day) = 7
GROUP BY state, day
ORDER BY state, day
""".strip()

VALUE = """
WITH moves AS
(
    SELECT
        toMonday(day) + 6 AS week_end,
        to_segment = 'valuable' AS came,
        row_number() OVER (PARTITION BY user_id ORDER BY at, _position) AS number
    FROM segment_transitions
    WHERE ladder = 'pyramid'
)
SELECT
    week_end,
    toInt64(sum(countIf(number = 1) - countIf(number = 2)) OVER (ORDER BY week_end)) AS kept,
    toInt64(sum(countIf(came) - countIf(NOT came)) OVER (ORDER BY week_end)) AS valuable,
    rely
FROM moves
INNER JOIN
(
    SELECT day AS week_end, people AS rely
    FROM segments_by_day
    WHERE ladder = 'closeness' AND segment = 'rely'
) AS closeness USING week_end
GROUP BY week_end, rely
ORDER BY week_end
""".strip()

DRAWN = (Question("defaults", LIFECYCLE), Question("shop", LIFECYCLE), Question("shop", VALUE))


def answers() -> dict[Question, Answer]:
    """All that the page and its pictures ask, replayed and answered."""
    return ask(DATA, RULES, [*questions(TEMPLATE.read_text("utf-8")), *DRAWN])


def page(found: dict[Question, Answer]) -> str:
    """The text of the page."""
    return render(TEMPLATE.read_text("utf-8"), found.__getitem__)


def pictures(found: dict[Question, Answer]) -> dict[str, Picture]:
    """The pictures of the page, by file name."""
    defaults, shop, valuable = (found[question][1] for question in DRAWN)
    return {
        "cdnow-lifecycle.svg": lifecycle({"The defaults": defaults, "Rules for a shop": shop}),
        "cdnow-value.svg": value(valuable),
    }


def write() -> None:
    """Make the page and its pictures anew."""
    found = answers()
    PAGE.write_text(page(found), "utf-8")
    FIGURES.mkdir(exist_ok=True)
    for name, picture in pictures(found).items():
        save(picture, FIGURES / name)
