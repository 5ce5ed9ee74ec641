"""docs/cdnow.md says what the data says: asked again of the database, and counted again in plain Python."""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from pages import cdnow
from pages.template import Answer, Question, questions, render

LAST = date(1998, 6, 30)
Orders = dict[str, list[tuple[date, Decimal]]]


@pytest.fixture(scope="module")
def found() -> dict[Question, Answer]:
    return cdnow.answers()


@pytest.fixture(scope="module")
def page() -> str:
    return cdnow.PAGE.read_text("utf-8")


@pytest.fixture(scope="module")
def orders() -> Orders:
    """Each customer's orders, in the order of time."""
    result: Orders = defaultdict(list)
    with gzip.open(cdnow.DATA, "rt", encoding="utf-8") as lines:
        for event in map(json.loads, lines):
            if event["action"] == "purchase":
                day = date.fromisoformat(event["occurred_at"][:10])
                result[event["user_id"]].append((day, Decimal(event["amount"])))
    return result


@pytest.fixture(scope="module")
def days(orders: Orders) -> list[list[date]]:
    """Each customer's days with a purchase."""
    return [sorted({day for day, _ in found}) for found in orders.values()]


def columns(page: str, header: str) -> list[list[str]]:
    """The cells of the tables with this header, by column; commas of thousands left out."""
    tables = re.findall(rf"^\| {re.escape(header)} \|\n\|[- :|]+\|\n((?:\|.*\|\n)+)", page, re.MULTILINE)
    assert tables, f"no table | {header} |"
    rows = [line.strip("| ").replace(",", "").split(" | ") for line in tables[0].splitlines()]
    return [list(column) for column in zip(*rows, strict=True)]


def numbers(cells: list[str]) -> list[int]:
    return [int(cell) for cell in cells]


def bought_within(days: list[list[date]], end: date, length: int) -> int:
    return sum(any(end - timedelta(length) < day <= end for day in customer) for customer in days)


def test_the_page_is_what_the_database_says(found: dict[Question, Answer], page: str) -> None:
    assert page == cdnow.page(found), "stale: make it again with `python -m pages`"


def test_the_pictures_show_what_the_database_says(found: dict[Question, Answer]) -> None:
    for name, picture in cdnow.pictures(found).items():
        file = cdnow.FIGURES / name
        assert f"<!-- {picture.digest} -->" in file.read_text("utf-8"), f"{name} is stale: `python -m pages`"
        assert f"(figures/{name})" in cdnow.PAGE.read_text("utf-8")


def test_growth_accounting_balances_from_month_to_month(page: str) -> None:
    tables = re.findall(r"\| month end \| active before .*\n.*\n((?:\|.*\|\n)+)", page)
    assert len(tables) == 2
    for text in tables:
        rows = [numbers(line.strip("| ").replace(",", "").split(" | ")[1:]) for line in text.splitlines()]
        assert len(rows) == 18
        for before, new, resurrected, gone, active in rows:
            assert active == before + new + resurrected - gone
        assert [row[0] for row in rows] == [0, *(row[-1] for row in rows[:-1])]


def test_valuable_is_who_bought_within_90_days(page: str, days: list[list[date]]) -> None:
    month_end, first, again, lapsed, valuable, kept = columns(
        page, "month end | first time | again | lapsed | valuable | since the first purchase"
    )
    ends = [date.fromisoformat(end) for end in month_end]
    assert ends[-1] == LAST
    assert numbers(valuable) == [bought_within(days, end, 90) for end in ends]
    without_a_break = [
        sum(
            customer[0] <= end
            and all(b - a < timedelta(90) for a, b in pairwise([d for d in customer if d <= end]))
            and end - max(d for d in customer if d <= end) < timedelta(90)
            for customer in days
        )
        for end in ends
    ]
    assert numbers(kept) == without_a_break
    assert sum(numbers(first)) == len(days)
    assert sum(numbers(first)) + sum(numbers(again)) - sum(numbers(lapsed)) == int(valuable[-1])


def test_how_long_silences_are(page: str, days: list[list[date]]) -> None:
    header = "days | % of intervals that were no longer | silences that lasted so long"
    found = columns(page, f"{header} | with a purchase in the next 90 days | %")
    intervals = [(b - a).days for customer in days for a, b in pairwise(customer)]
    for length, shorter, silences, ended, rate in zip(*found, strict=True):
        n = int(length)
        watched = [
            next_day is not None and (next_day - day).days <= n + 90
            for customer in days
            for day, next_day in zip(customer, [*customer[1:], None], strict=True)
            if day + timedelta(n + 90) <= LAST and (next_day is None or (next_day - day).days > n)
        ]
        assert shorter == f"{100 * sum(i <= n for i in intervals) / len(intervals):.1f}"
        assert (int(silences), int(ended)) == (len(watched), sum(watched))
        assert rate == f"{100 * sum(watched) / len(watched):.1f}"
        if n == 28:
            assert f"{float(shorter):.0f} of 100 intervals are no longer" in page
        if n == 180:
            assert f"{float(rate):.0f} of 100 buy within the next 90 days" in page


def test_what_the_lifecycle_leaves_out(page: str, days: list[list[date]]) -> None:
    ends, bought, active, _ = columns(page, "quarter end | bought in 28 days | active | %")
    assert numbers(bought) == [bought_within(days, date.fromisoformat(end), 28) for end in ends]
    assert all(a < b for a, b in zip(numbers(active), numbers(bought), strict=True))


def test_who_buys_again(page: str, orders: Orders) -> None:
    again = {user for user, found in orders.items() if len(found) > 1}
    relied = {
        user for user, found in orders.items() if any((b - a).days < 90 for (a, _), (b, _) in pairwise(found))
    }
    assert f"{len(again):,} customers ({100 * len(again) / len(orders):.1f} %) ordered a second time" in page
    assert f"{len(relied):,} ({100 * len(relied) / len(orders):.1f} %) twice within 90 days" in page
    _, people, _ = columns(page, "lifecycle the day before | people | median days since first purchase")
    assert sum(numbers(people)) == len(relied)

    found = columns(page, "first order usd | people | % who bought again | % who ever relied")
    for (low, high), cells in zip(
        pairwise([0, 15, 30, 60, 10**9]), zip(*found[1:], strict=True), strict=True
    ):
        band = {user for user, bought in orders.items() if low <= bought[0][1] < high}
        shares = [f"{100 * len(band & some) / len(band):.1f}" for some in (again, relied)]
        assert list(cells) == [str(len(band)), *shares]


def test_whose_value_ends(page: str, orders: Orders, days: list[list[date]]) -> None:
    def ending(end: date) -> list[list[date]]:
        return [
            customer
            for customer in days
            if any(d <= end for d in customer)
            and 76 <= (end - max(d for d in customer if d <= end)).days <= 89
        ]

    assert f"\n{len(ending(LAST))} people\nare on the list" in page
    users, ends, purchases, spent = columns(page, "user id | ends | purchases | spent")
    for user, end, count, amount in zip(users, ends, purchases, spent, strict=True):
        assert date.fromisoformat(end) == orders[user][-1][0] + timedelta(90)
        assert (int(count), Decimal(amount)) == (len(orders[user]), sum(a for _, a in orders[user]))

    mondays = [date(1997, 7, 7) + timedelta(7 * n) for n in range(50)]
    assert {monday.isoweekday() for monday in mondays} == {1}
    listed = [(monday, customer) for monday in mondays for customer in ending(monday)]
    bought = sum(any(m < d <= m + timedelta(14) for d in customer) for m, customer in listed)
    names, bought_in_14_days, rate = columns(page, "names on lists | bought in 14 days | %")
    assert (numbers(names), numbers(bought_in_14_days)) == ([len(listed)], [bought])
    assert rate == [f"{100 * bought / len(listed):.1f}"]


def test_who_never_came_back(page: str, days: list[list[date]]) -> None:
    cohort = [customer for customer in days if customer[0] < date(1997, 4, 1)]
    header = "on 30 june 1997 | people | bought later | never after the first day | % bought later"
    _, people, later, never, _ = columns(page, header)
    assert sum(numbers(people)) == len(cohort)
    assert sum(numbers(later)) == sum(customer[-1] > date(1997, 6, 30) for customer in cohort)
    assert sum(numbers(never)) == sum(len(customer) == 1 for customer in cohort)
    assert f"Of all customers {sum(len(customer) == 1 for customer in days):,} (" in page


TEMPLATE = """{{db: SELECT 1}} of
{{db %: SELECT a / b}}, {{file: LICENSE}}
```sql db
SELECT x
```
```sql db table
SELECT 1
```
"""


def test_a_template_asks_each_question_once() -> None:
    assert questions(TEMPLATE) == [Question("db", sql) for sql in ("SELECT 1", "SELECT a / b", "SELECT x")]


def test_a_template_is_filled_with_the_answers() -> None:
    moment = datetime(1998, 6, 30, 12, 5, tzinfo=UTC)
    rows: list[list[object]] = [
        [1.25, "ann", moment, Decimal("1234.5")],
        [2.0, None, date(1998, 1, 2), Decimal(0)],
    ]
    answers: dict[str, Answer] = {
        "SELECT 1": (["a_name"], [[12345]]),
        "SELECT a / b": (["share"], [[0.1234]]),
        "SELECT x": (["n", "who", "at", "money"], rows),
    }
    shown = render(TEMPLATE, lambda question: answers[question.sql])
    assert shown.startswith("12,345 of\n12.3 %, MIT License\n")
    assert shown.endswith(
        "```sql\nSELECT x\n```\n\n"
        "| n | who | at | money |\n| --: | --- | --- | --: |\n"
        "| 1.2 | ann | 1998-06-30 12:05 | 1,234.50 |\n| 2.0 |  | 1998-01-02 | 0.00 |\n"
        "| a name |\n| --: |\n| 12,345 |\n"
    )


@pytest.mark.parametrize("rows", [[], [[1], [2]], [[1, 2]], [[None]]])
def test_a_figure_in_the_text_is_one_figure(rows: list[list[object]]) -> None:
    with pytest.raises(ValueError, match="not a single figure: SELECT 1"):
        render("{{db: SELECT 1}}", lambda _: (["a"], rows))
