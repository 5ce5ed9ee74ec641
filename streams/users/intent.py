"""Ladder 3, intent: none, potential, intent, strong, buyer; and hunters, who are set apart.

The definition is ``docs/people.md``, Intent; thresholds are in ``schemas/rules.py``.
"""

from __future__ import annotations

import numpy as np

from schemas.actions import PURCHASE
from streams.columnar import Array
from streams.compiled import Integer, codes, compiled
from streams.users.figures import (
    Row,
    RuleSet,
    benefits_since,
    benefits_within,
    day_of,
    fades_at,
    intent_as_of,
    start_of,
)
from streams.users.ladder import Ladder, Step
from streams.users.rulebook import Rulebook
from streams.users.state import INTENT, NEVER, NO_DAY, WINDOW_DAYS, Desk
from streams.users.transitions import write_transition

SEGMENTS = ("none", "potential", "intent", "strong", "buyer", "hunter")
NOTHING, POTENTIAL, INTENDS, STRONG, BUYER, HUNTER = codes(len(SEGMENTS))

RULES = ("score_reached", "score_faded", "bought", "benefits_only", "hunting_ended")
SCORE_REACHED, SCORE_FADED, BOUGHT, BENEFITS_ONLY, HUNTING_ENDED = codes(len(RULES))

LADDER = Ladder(
    "intent",
    "intent",
    "How near is this person to buying?",
    SEGMENTS,
    RULES,
    (
        Step(
            "hunter", "benefits_only",
            "{hunter_benefits} benefit actions, no talk and no purchase in 28 days: set apart",
        ),
        Step("buyer", "bought", "a purchase, once and for all"),
        Step(
            "strong", "score_reached",
            "a score of {strong_score} (purchase {purchase}, question {question}, click through a share "
            "{click}, benefit action {benefit}, view {view}; half-life {half_life_days} days)",
        ),
        Step("intent", "score_reached", "a score of {intent_score}"),
        Step("potential", "score_reached", "any score"),
        Step("intent", "score_faded", "from strong: a score below {strong_score}"),
        Step("potential", "score_faded", "from intent: a score below {intent_score}"),
        Step("buyer", "hunting_ended", "from hunter: not so any more, and they had bought before"),
        Step("strong", "hunting_ended", "from hunter: not so any more, with a score of {strong_score}"),
        Step("intent", "hunting_ended", "from hunter: not so any more, with a score of {intent_score}"),
        Step("potential", "hunting_ended", "from hunter: not so any more, with any score"),
        Step("none", "hunting_ended", "from hunter: not so any more, with no score"),
    ),
)  # fmt: skip


def evidence(found: Array) -> list[str]:
    """JSON of each transition of this ladder."""
    return [
        f'{{"score":{score!r},"purchases":{purchases},"benefits_28":{benefits},"purchase_at":{bought}}}'
        for score, purchases, benefits, bought in zip(
            found["number"].tolist(), found["a"].tolist(), found["b"].tolist(), found["c"].tolist(),
            strict=True,
        )
    ]  # fmt: skip


@compiled
def _busy_day(row: Row, t: RuleSet, book: Rulebook) -> Integer:
    """The latest day with a talk or a purchase; NO_DAY."""
    day = np.int64(row["talk_day"])
    if row["purchase_at"] > 0:
        day = max(day, day_of(book, t, row["purchase_at"]))
    return day


@compiled
def _is_hunter(row: Row, t: RuleSet, book: Rulebook, at: Integer) -> bool:
    if row["benefits"] < t["hunter_benefits"]:
        return False
    day = max(day_of(book, t, at), np.int64(row["day"]))
    if benefits_within(row, day) < t["hunter_benefits"]:
        return False
    return bool(_busy_day(row, t, book) + WINDOW_DAYS <= day)


@compiled
def _standing(row: Row, t: RuleSet, book: Rulebook, at: Integer) -> Integer:
    """The segment at a moment: the first that holds."""
    if _is_hunter(row, t, book, at):
        return HUNTER
    if row["counts"][PURCHASE] > 0:
        return BUYER
    score = intent_as_of(row, at, t["intent_half_life"])
    if score >= t["strong_score"]:
        return STRONG
    if score >= t["intent_score"]:
        return INTENDS
    return POTENTIAL if score > 0 else NOTHING


@compiled
def _move(desk: Desk, row: Row, index: Integer, after: int, rule: int, at: Integer, base: Integer) -> None:
    t = desk.book.sets[row["rules"]]
    score = intent_as_of(row, at, t["intent_half_life"])
    benefits = benefits_within(row, day_of(desk.book, t, at))
    write_transition(
        desk, row, index, base, INTENT, after, rule, at, score, row["counts"][PURCHASE], benefits,
        row["purchase_at"], 0, 0, 0,
    )  # fmt: skip


@compiled
def act(desk: Desk, row: Row, index: Integer, action: int, at: Integer, base: Integer) -> None:
    """The transition that one action causes, if any, after its figures are in the row."""
    moment = max(at, row["since"][INTENT])
    before = row["on"][INTENT]
    after = _standing(row, desk.book.sets[row["rules"]], desk.book, moment)
    if after == before:
        return
    if after == HUNTER:
        rule = BENEFITS_ONLY
    elif after == BUYER and (before != HUNTER or action == PURCHASE):
        rule = BOUGHT
    elif before == HUNTER:
        rule = HUNTING_ENDED
    else:
        rule = SCORE_REACHED if after > before else SCORE_FADED
    _move(desk, row, index, after, rule, moment, base)


@compiled
def next_change(row: Row, t: RuleSet, book: Rulebook) -> tuple[Integer, bool]:
    """When time alone changes the segment (NEVER: it does not), and whether because the score fades."""
    segment = row["on"][INTENT]
    if segment == HUNTER:
        return start_of(book, t, benefits_since(row, t["hunter_benefits"]) + WINDOW_DAYS), False
    due = NEVER
    if row["benefits"] >= t["hunter_benefits"]:
        busy = _busy_day(row, t, book)
        day = busy + WINDOW_DAYS
        since = day_of(book, t, row["since"][INTENT])
        if busy != NO_DAY and day > row["day"] and day > since:
            start = start_of(book, t, day)
            if day_of(book, t, start) < benefits_since(row, t["hunter_benefits"]) + WINDOW_DAYS:
                due = start
    if segment in (STRONG, INTENDS):
        least = t["strong_score"] if segment == STRONG else t["intent_score"]
        fade = fades_at(row["intent_score"], row["intent_at"], t["intent_half_life"], least)
        if fade < due:
            return fade, True
    return due, False


@compiled
def pass_time(desk: Desk, row: Row, index: Integer, base: Integer) -> None:
    """Do what `next_change` says."""
    t = desk.book.sets[row["rules"]]
    due, fades = next_change(row, t, desk.book)
    at = max(due, row["since"][INTENT])
    before = row["on"][INTENT]
    if fades:
        _move(desk, row, index, before - 1, SCORE_FADED, at, base)
    else:
        after = _standing(row, t, desk.book, at)
        _move(desk, row, index, after, BENEFITS_ONLY if after == HUNTER else HUNTING_ENDED, at, base)
