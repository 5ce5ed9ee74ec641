"""What docs/rules.md says of rules that change under a running system."""

from __future__ import annotations

import asyncio
from math import exp2
from typing import Any

import pytest

from schemas.rules import Rules
from streams.packing import Message
from tests.local_run import Run
from tests.stories import Line, event_log, ms

Change = tuple[str, str, int, str]
"""A transition: its ladder, to which segment, when, by which rule."""

STORY: list[Line] = [(0, "join"), (1, "post"), *((day, "clock") for day in range(2, 12))]
"""Ann is active on days 0 and 1 and then does nothing; the clock goes on to day 11."""
LATE = {"lifecycle": {"silent_days": 14}}
SOON = {"lifecycle": {"silent_days": 7}}


class Restarted:
    """Stages that took in `STORY`, were stopped, and go on over the same log under other rules."""

    def __init__(self, before: dict[str, Any], after: dict[str, Any], *later: Line) -> None:
        records = event_log(*STORY, *later)
        self.run = Run(records[: len(STORY)], Rules.model_validate(before))
        asyncio.run(self.run.finish())
        self.before, self.user_before = self._changes(), self._user()
        self.run.rules = Rules.model_validate(after)
        self.run.start()
        for record in records[len(STORY) :]:
            self.run.log.append(Message("events", record.partition, record.value, record.headers, record.key))
        asyncio.run(self.run.finish())
        self.after, self.user = self._changes(), self._user()

    def _changes(self) -> list[Change]:
        rows = self.run.store.table("segment_transitions")
        return [(r["ladder"], r["to_segment"], r["at"], r["rule"]) for r in rows if r["user_id"] == "ann"]

    def _user(self) -> dict[str, Any]:
        [row] = [row for row in self.run.store.table("users") if row["user_id"] == "ann"]
        return row

    @property
    def added(self) -> list[Change]:
        """Since the restart; what was before must still be there as it was."""
        assert self.after[: len(self.before)] == self.before
        return self.after[len(self.before) :]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LATE, SOON),
        (LATE, {}),
        (LATE, LATE | {"communities": {"default": SOON}}),
        (LATE | {"communities": {"default": {"lifecycle": {"silent_days": 15}}}}, SOON),
        ({"communities": {"default": LATE, "other": SOON}}, {"communities": {"other": SOON}}),
    ],
    ids=["for all", "to the default", "comes into the file", "leaves it", "other numbers of sets"],
)
def test_what_time_alone_decides_is_done_at_the_restart_at_its_own_moment(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert Restarted(before, after).added == [("lifecycle", "silent", ms(8), "no_activity")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LATE, LATE),
        (LATE, LATE | {"communities": {"other": SOON}}),
        ({"communities": {"default": LATE}}, LATE),
    ],
    ids=["the same", "of another community", "of all instead of theirs"],
)
def test_who_has_the_rules_that_they_had_stays_as_they_are(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    restarted = Restarted(before, after)
    assert restarted.added == []
    assert restarted.user["segment"] == "active"


def test_what_needs_an_event_waits_for_it() -> None:
    enter = {"core_enter_days": 2, "core_enter_score": 1, "core_keep_days": 2, "core_keep_score": 0.1}
    easy = {"lifecycle": {"silent_days": 14, **enter}}
    assert Restarted(LATE, easy).added == []
    assert Restarted(LATE, easy, (11, "view")).added[0] == ("lifecycle", "core", ms(11), "core_activity")


def test_what_was_counted_stays_counted_and_new_weights_count_from_then_on() -> None:
    heavy = LATE | {"weights": {"post": 100}, "points": {"post": 70}}
    score = exp2(-1 / 7) + 2
    still, again = Restarted(LATE, heavy), Restarted(LATE, heavy, (11, "post"))
    assert still.user["score"] == still.user_before["score"] == score
    assert still.user["points_post"] == 5
    assert again.user["score"] == pytest.approx(score * exp2(-10 / 7) + 100)
    assert again.user["points_post"] == 75


def test_days_stay_those_of_the_time_zone_in_which_they_were() -> None:
    # Noon of day 11 in Greenwich is already day 12 in Apia (UTC+13).
    apia = LATE | {"time_zone": "Pacific/Apia"}
    moved = Restarted(LATE, apia, (11, "view"), (11.5, "view"))
    assert moved.user["active_days_28"] == 4
    assert Restarted(LATE, LATE, (11, "view"), (11.5, "view")).user["active_days_28"] == 3
