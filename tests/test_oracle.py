"""The oracle against examples worked out by hand, and the generators against what they promise.

Moments are days since 2024-01-01T00:00:00Z (day 0), so 7.5 is noon of 8 January. A line of an example is
``(day, action)`` or ``(day, action, group)``, of the person "ann" in the community "default".
"""

from __future__ import annotations

import json
import math
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.events import ACTIONS
from schemas.rules import Lifecycle, Rules, Weights
from schemas.tables import EVENTS, REJECTED, SEGMENT_TRANSITIONS, USERS
from tests.generate import (
    DAY_MS,
    DISPUTED,
    HOUR_MS,
    MALFORMED,
    community,
    encode,
    key_of,
    padded,
    records,
    rfc3339,
)
from tests.oracle import Counts, Judged, LogRecord, compare, judge, people
from tests.oracle.intake import REASONS
from tests.oracle.people import Ladder, Person
from tests.strategies import SPAN_DAYS, START_MS, Message, logs

BROKER_MS = START_MS + 5 * SPAN_DAYS * DAY_MS
"""Later than anything here, so nothing is from the future by accident."""
TOO_FAR = START_MS + SPAN_DAYS * DAY_MS

FIELDS: dict[str, dict[str, Any]] = {
    "join": {},
    "post": {},
    "share": {"content_id": "c", "share_id": "s"},
    "leave": {},
    "purchase": {"order_id": "o", "amount": "1.50", "currency": "EUR"},
    "view": {"content_id": "c"},
}


def ms(day: float) -> int:
    """The moment of a day, to the nearest millisecond."""
    return START_MS + round(day * DAY_MS)


def message(moment: int, action: str = "view", event_id: str = "e", **fields: Any) -> bytes:
    """One event of ann's in g1, by default a view."""
    base = {"event_id": event_id, "action": action, "group_id": "g1", "user_id": "ann"}
    return encode(base | {"occurred_at": rfc3339(moment)} | FIELDS[action] | fields)


def log(*values: bytes | None, partition: int = 0, timestamp_ms: int = BROKER_MS) -> list[LogRecord]:
    """Messages at offsets from 0."""
    return [LogRecord(partition, offset, timestamp_ms, value) for offset, value in enumerate(values)]


def verdicts(judged: Judged, partition: int = 0) -> str:
    """What became of each message of a partition, by offset: A accepted, R refused, a dot for a duplicate."""
    consumed = judged.counts[partition].consumed
    accepted = {row["source_offset"] for row in judged.accepted if row["source_partition"] == partition}
    rejected = {row["source_offset"] for row in judged.rejected if row["source_partition"] == partition}
    return "".join("A" if n in accepted else "R" if n in rejected else "." for n in range(consumed))


Line = tuple[float, str] | tuple[float, str, str]


class Story:
    """What happened to ann."""

    def __init__(self, *lines: Line, until: float, rules: Rules | None = None) -> None:
        values = []
        for number, (day, action, *group) in enumerate(lines):
            # "clock" is somebody else's view, which only moves the clock.
            who, what = ("other", "view") if action == "clock" else ("ann", action)
            values.append(
                message(ms(day), what, f"e{number}", user_id=who, group_id=group[0] if group else "g1")
            )
        judged = judge(log(*values), rules)
        assert not judged.rejected
        users, transitions = people(judged.with_clocks(), ms(until), rules)
        self.judged = judged
        self.user = users["default", "ann"]
        self.rows = [row for row in transitions if row["user_id"] == "ann"]

    @property
    def path(self) -> list[tuple[str, int, str]]:
        """Each transition: to which segment, when, by which rule."""
        return [(row["to_segment"], row["at"], row["rule"]) for row in self.rows]

    def evidence(self, number: int) -> dict[str, Any]:
        """Of one transition."""
        found: dict[str, Any] = json.loads(self.rows[number]["evidence"])
        return found


def path(*steps: tuple[str, float, str]) -> list[tuple[str, int, str]]:
    """The expected one, with days for moments."""
    return [(segment, ms(day), rule) for segment, day, rule in steps]


MILLI = 1 / DAY_MS
"""A millisecond, in days."""


# --- people: the ladder, worked out by hand ----------------------------------------------------------


def test_new_then_join_and_stay_then_lost() -> None:
    story = Story((0.5, "join"), until=40)
    # 7 days after it began with one active day; 28 days after the one activity.
    assert story.path == path(
        ("new", 0.5, "first_action"),
        ("join_and_stay", 7.5, "no_second_active_day"),
        ("lost", 28.5, "no_activity_for_long"),
    )
    last = ms(0.5)
    # score 1 of a join, halved after 7 days, 2^-4 of it after 28; on day 28 the window is days 1 to 28: none.
    assert [row["evidence"] for row in story.rows] == [
        f'{{"active_days_28":1,"score":1.0,"last_at":{last},"groups":1}}',
        f'{{"active_days_28":1,"score":0.5,"last_at":{last},"groups":1}}',
        f'{{"active_days_28":0,"score":0.0625,"last_at":{last},"groups":1}}',
    ]
    assert [row["from_segment"] for row in story.rows] == ["", "new", "join_and_stay"]
    assert story.user == {
        "community_id": "default",
        "user_id": "ann",
        "segment": "lost",
        "segment_since": ms(28.5),
        "first_at": last,
        "last_at": last,
        "joins": 1,
        "posts": 0,
        "shares": 0,
        "leaves": 0,
        "purchases": 0,
        "views": 0,
        "active_days_28": 1,
        "actions_7": 1,
        "actions_28": 1,
        "score": 1.0,
        "score_at": last,
        "groups": 1,
        "groups_left": 0,
        "role": "",
    }


def test_all_the_way_up_down_and_back() -> None:
    posts: list[Line] = [(day + 0.5, "post") for day in range(12)]
    story = Story(*posts, (50.5, "post"), (51.5, "post"), until=58)
    # A post a day: after 12 of them the score is 2 * (1 + r + ... + r^11) with r = 2^(-1/7), which is 14.7.
    r = 2 ** (-1 / 7)
    score = 2 * (1 - r**12) / (1 - r)
    assert story.evidence(2)["score"] == pytest.approx(score)
    # It is down to 8 after 7 * log2(14.7 / 8) = 6.16 days: within the 7 days to silence.
    faded = story.path[3][1]
    assert 0 <= faded - ms(11.5 + 7 * math.log2(score / 8)) <= 2
    assert story.path == [
        *path(("new", 0.5, "first_action"), ("active", 1.5, "enough_active_days")),
        *path(("core", 11.5, "core_activity")),
        ("active", faded, "core_score_faded"),
        *path(("silent", 18.5, "no_activity"), ("lost", 39.5, "no_activity_for_long")),
        # Back on day 50 and 51; a week after the return there are 2 active days: active again.
        *path(("resurrected", 50.5, "acted_again"), ("active", 57.5, "return_kept")),
    ]
    assert [story.evidence(n)["active_days_28"] for n in range(8)] == [1, 2, 12, 12, 12, 0, 1, 2]
    assert story.evidence(3)["score"] < 8
    assert (story.user["posts"], story.user["role"], story.user["actions_28"]) == (14, "member", 2)


EXACT = Rules(weights=Weights(view=0, purchase=16), score_half_life_days=3)
"""Scores that can be worked out in one's head: views weigh nothing, a purchase 16, halved every 3 days."""


def test_core_score_fades_a_millisecond_after_it_is_just_enough() -> None:
    views: list[Line] = [(day, "view") for day in range(11)]
    story = Story(*views, (11, "purchase"), until=100, rules=EXACT)
    # 16 on day 11; exactly 8, still enough, on day 14; below it a millisecond later.
    assert story.path[2:5] == path(
        ("core", 11, "core_activity"),
        ("active", 14 + MILLI, "core_score_faded"),
        ("silent", 18, "no_activity"),
    )


def test_silence_comes_before_the_score_fades_a_millisecond_later() -> None:
    rules = EXACT.model_copy(update={"score_half_life_days": 7.0})
    views: list[Line] = [(day, "view") for day in range(11)]
    story = Story(*views, (11, "purchase"), until=18, rules=rules)
    assert story.path[2:] == path(("core", 11, "core_activity"), ("silent", 18, "no_activity"))
    assert story.evidence(3)["score"] == 8.0


def test_core_days_fade_at_the_start_of_a_day() -> None:
    buys: list[Line] = [(day + 0.5, "purchase") for day in (*range(12), 17, 23, 29)]
    story = Story(*buys, (35.5, "purchase"), until=36)
    # On day 34 the window is days 7 to 34 with 7, 8, 9, 10, 11, 17, 23, 29: eight. On day 35 it is seven,
    # before the purchase of that noon, and with it eight: not the 12 that core takes.
    # The score is above 8 all along: 15.5 at day 29.5, 9.0 at day 35.
    assert story.path[2:] == path(("core", 11.5, "core_activity"), ("active", 35, "core_days_faded"))
    assert story.evidence(3)["active_days_28"] == 7
    assert story.user["active_days_28"] == 8
    assert story.user["score"] > 12


def test_at_a_tie_silence_comes_before_fading() -> None:
    rules = Rules(weights=Weights(view=100), lifecycle=Lifecycle(core_enter_days=12, core_keep_days=12))
    # Days 0, 2, ..., 20 and 21 are 12; on day 28, when day 0 falls out, 11. It is also 7 days after the last.
    views: list[Line] = [(day, "view") for day in (*range(0, 21, 2), 21)]
    story = Story(*views, until=28, rules=rules)
    assert story.path[2:] == path(("core", 21, "core_activity"), ("silent", 28, "no_activity"))
    # A millisecond later on day 21, the start of day 28 comes first.
    views[-1] = (21 + MILLI, "view")
    story = Story(*views, until=28, rules=rules)
    assert story.path[2:] == path(("core", 21 + MILLI, "core_activity"), ("active", 28, "core_days_faded"))


def test_core_takes_both_days_and_score() -> None:
    views: list[Line] = [(day + 0.5, "view") for day in range(20)]
    # 0.2 a day: never more than 0.2 / (1 - 2^(-1/7)) = 2.1.
    assert Story(*views, until=20).user["segment"] == "active"
    # 5 a day is score enough, but 11 days are not 12.
    buys: list[Line] = [(day + 0.5, "purchase") for day in range(11)]
    assert Story(*buys, until=11).user["segment"] == "active"


def test_returns_straight_to_core() -> None:
    buys: list[Line] = [(day + 0.5, "purchase") for day in (*range(13), *range(20, 28))]
    story = Story(*buys, until=27.5)
    # Silent 7 days after day 12. Back on day 20; a week later, at 27.5, days 0 to 27 have 13 + 7 active ones
    # before the purchase of that very moment, which comes after.
    assert story.path[3:] == path(
        ("silent", 19.5, "no_activity"), ("resurrected", 20.5, "acted_again"), ("core", 27.5, "return_kept")
    )
    assert story.evidence(5)["active_days_28"] == 20


def test_a_return_of_one_day_is_silent_again_before_it_is_kept() -> None:
    # At day 16 both are due: 7 days since the last activity, and since the return, with 3 active days of 28.
    story = Story((0, "post"), (1, "post"), (9, "post"), until=20)
    assert story.path[2:] == path(
        ("silent", 8, "no_activity"), ("resurrected", 9, "acted_again"), ("silent", 16, "no_activity")
    )


def test_a_return_with_too_few_days_waits_for_the_second() -> None:
    # Back on day 60, twice that day. A week later there is one active day: nothing; the next day makes two,
    # and the return counts as kept a week after it began, for which it is never too late.
    story = Story((0, "post"), (60, "post"), (60.5, "post"), (67.25, "view"), until=68)
    assert story.path[3:] == path(("resurrected", 60, "acted_again"), ("active", 67, "return_kept"))
    assert story.evidence(4)["last_at"] == ms(67.25)


def test_leaving_every_group() -> None:
    story = Story(
        (0, "join", "g1"),
        (0.5, "share", "g2"),
        (1, "leave", "g1"),  # still in g2
        (1.5, "leave", "g9"),  # never was in g9
        (2, "leave", "g2"),
        (2.5, "leave", "g2"),  # lost already
        (3, "view", "g1"),  # looking puts nobody into a group
        (3.5, "leave", "g1"),
        until=60,
    )
    assert story.path == path(
        ("new", 0, "first_action"),
        ("lost", 2, "left_every_group"),
        ("resurrected", 3, "acted_again"),
        ("lost", 3.5, "left_every_group"),
    )
    assert [story.evidence(n)["groups"] for n in range(4)] == [1, 0, 0, 0]
    assert (story.user["groups"], story.user["groups_left"], story.user["leaves"]) == (0, 5, 5)
    # Leaving is no activity: the last was the view.
    assert story.user["last_at"] == story.user["score_at"] == ms(3)
    assert (story.user["actions_7"], story.user["active_days_28"]) == (3, 2)


def test_first_event_a_leave() -> None:
    story = Story((1, "leave"), until=90)
    assert story.path == path(("lost", 1, "left_every_group"))
    assert story.rows[0]["evidence"] == '{"active_days_28":0,"score":0.0,"last_at":0,"groups":0}'
    assert (story.user["last_at"], story.user["score_at"], story.user["first_at"]) == (0, 0, ms(1))
    assert (story.user["active_days_28"], story.user["actions_28"], story.user["score"]) == (0, 0, 0.0)
    # Then an older post: it is a return, and not before what it returns from.
    story = Story((1, "leave"), (0, "post"), until=1)
    assert story.path == path(("lost", 1, "left_every_group"), ("resurrected", 1, "acted_again"))
    assert (story.user["first_at"], story.user["last_at"], story.user["score"]) == (ms(0), ms(0), 2.0)


def test_an_old_event_of_someone_silent() -> None:
    # Silent at 8.5, as the clock is at 9.5 when an event of 3.5 comes: back at that same moment, and not
    # silent before 10.5.
    story = Story((0.5, "post"), (1.5, "post"), (9.5, "clock"), (3.5, "view"), until=10.4)
    assert story.path[2:] == path(("silent", 8.5, "no_activity"), ("resurrected", 8.5, "acted_again"))
    # One that is older than their last changes nothing about the silence: three transitions at one moment.
    story = Story((0.5, "post"), (1.5, "post"), (9.5, "clock"), (0.6, "view"), until=10.4)
    assert story.path[2:] == path(
        ("silent", 8.5, "no_activity"), ("resurrected", 8.5, "acted_again"), ("silent", 8.5, "no_activity")
    )


def test_a_late_event_of_someone_lost() -> None:
    story = Story((0.5, "join"), (60, "clock"), (10.5, "post"), until=60)
    assert [row["late"] for row in story.judged.accepted] == [0, 0, 1]
    # Back when they were lost, not before; last activity 10.5, so silent since (17.5 is past), lost at 38.5.
    # After a week of the return, day 35, one active day: not kept.
    assert story.path == path(
        ("new", 0.5, "first_action"),
        ("join_and_stay", 7.5, "no_second_active_day"),
        ("lost", 28.5, "no_activity_for_long"),
        ("resurrected", 28.5, "acted_again"),
        ("silent", 28.5, "no_activity"),
        ("lost", 38.5, "no_activity_for_long"),
    )
    assert story.user["active_days_28"] == 2


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        (8 - MILLI, []),
        (8, [("silent", 8, "no_activity"), ("resurrected", 8, "acted_again")]),
        (8 + MILLI, [("silent", 8, "no_activity"), ("resurrected", 8 + MILLI, "acted_again")]),
    ],
)
def test_seven_days_to_the_millisecond(back: float, expected: list[tuple[str, float, str]]) -> None:
    story = Story((0, "post"), (1, "post"), (back, "post"), until=back)
    assert story.path[2:] == path(*expected)


@pytest.mark.parametrize(("until", "segment"), [(29 - MILLI, "silent"), (29, "lost")])
def test_twenty_eight_days_to_the_millisecond(until: float, segment: str) -> None:
    assert Story((0, "post"), (1, "post"), until=until).user["segment"] == segment


def test_new_for_seven_days_to_the_millisecond() -> None:
    # A second active day at the very end of the week comes after the week: by way of join_and_stay.
    story = Story((0, "join"), (7, "view"), until=7)
    assert story.path[1:] == path(
        ("join_and_stay", 7, "no_second_active_day"), ("active", 7, "enough_active_days")
    )
    story = Story((0, "join"), (7 - MILLI, "view"), until=7)
    assert story.path[1:] == path(("active", 7 - MILLI, "enough_active_days"))


def test_days_change_at_midnight_utc() -> None:
    assert Story((0, "view"), (1 - MILLI, "view"), until=1).user["segment"] == "new"
    story = Story((1 - MILLI, "view"), (1, "view"), until=1)
    assert (story.user["segment"], story.user["active_days_28"]) == ("active", 2)


def test_windows_are_calendar_days() -> None:
    # 7 days that end on day 7 are days 1 to 7: the last millisecond of day 0 is not in them.
    story = Story((1 - MILLI, "view"), (1, "view"), (7, "view"), until=7)
    assert (story.user["actions_7"], story.user["actions_28"]) == (2, 3)
    story = Story((1 - MILLI, "view"), (1, "view"), (28, "view"), until=28)
    assert (story.user["actions_7"], story.user["actions_28"], story.user["active_days_28"]) == (1, 2, 2)


def test_an_activity_before_the_window_counts_for_life_and_in_the_score() -> None:
    story = Story((100, "view"), (72, "share"), until=100)
    assert (story.user["views"], story.user["shares"], story.user["first_at"]) == (1, 1, ms(72))
    assert (story.user["active_days_28"], story.user["actions_28"], story.user["last_at"]) == (1, 1, ms(100))
    assert story.user["score"] == 0.2 + 3 / 16
    assert story.user["segment"] == "new"


def test_score_of_an_older_activity_is_added_as_it_would_have_faded() -> None:
    story = Story((7, "post"), (0, "post"), until=7)
    assert (story.user["score"], story.user["score_at"]) == (2 + 2 * 0.5, ms(7))


def test_a_days_number_stops() -> None:
    view = {
        "community_id": "c",
        "user_id": "u",
        "action": "view",
        "group_id": "g",
        "role": "",
        "occurred_at": ms(0),
    }
    users, _ = people(((view, ms(0)) for _ in range(65_537)), ms(0))
    assert users["c", "u"]["actions_7"] == users["c", "u"]["actions_28"] == 65_535
    assert users["c", "u"]["views"] == 65_537


def test_role_is_the_last_one_named() -> None:
    values = [
        message(ms(0), "join", "1", role="operator"),
        message(ms(1), "join", "2"),
        message(ms(1), "view", "3"),
    ]
    users, _ = people(judge(log(*values)).with_clocks(), ms(2))
    assert users["default", "ann"]["role"] == "operator"
    values.append(message(ms(0), "post", "4"))  # the last in the log, though not the last in time
    users, _ = people(judge(log(*values)).with_clocks(), ms(2))
    assert users["default", "ann"]["role"] == "member"


def test_a_person_is_one_of_each_community() -> None:
    values = [message(ms(0), event_id="1"), message(ms(1), event_id="2", community_id="other")]
    users, _ = people(judge(log(*values)).with_clocks(), ms(1))
    assert {who: row["views"] for who, row in users.items()} == {("default", "ann"): 1, ("other", "ann"): 1}


# --- intake, worked out by hand ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", MALFORMED)
def test_each_kind_of_refusal(kind: str) -> None:
    reason, make = MALFORMED[kind]
    value = make(json.loads(message(ms(0))))
    judged = judge([LogRecord(3, 7, BROKER_MS, value, b"key")])
    assert judged.rejected == [
        {
            "reason": reason,
            "payload": value,
            "key": b"key",
            "source_partition": 3,
            "source_offset": 7,
            "replay_of": None,
        }
    ]
    assert (judged.counts, judged.clock) == ({3: Counts(1, 0, 1, 0)}, {3: 0})


def test_kinds_of_refusal_cover_every_reason() -> None:
    assert {reason for reason, _ in MALFORMED.values()} == set(REASONS)
    for reason in REASONS:
        assert reason in REJECTED.columns[0].doc


@pytest.mark.parametrize("kind", DISPUTED)
def test_json_at_the_edge(kind: str) -> None:
    reason, make = DISPUTED[kind]
    judged = judge(log(make(json.loads(message(ms(0))))))
    assert [row["reason"] for row in judged.rejected] == ([reason] if reason else [])


def test_no_value_is_not_json() -> None:
    judged = judge(log(None))
    assert judged.rejected[0]["reason"] == "not_json"
    assert (judged.rejected[0]["payload"], judged.rejected[0]["key"]) == (b"", b"")


def test_the_largest_message() -> None:
    raw = json.loads(message(ms(0)))
    assert len(padded(65_536)(raw)) == 65_536
    assert verdicts(judge(log(padded(65_536)(raw), padded(65_537)(raw | {"event_id": "2"})))) == "AR"
    assert verdicts(judge(log(message(ms(0))), max_event_bytes=len(message(ms(0))) - 1)) == "R"


@pytest.mark.parametrize(
    ("occurred_at", "reason"),
    [
        ("2024-01-01T00:10:00.000Z", None),
        ("2024-01-01T00:10:00.000999Z", None),  # cut to the millisecond, 600 s ahead and no more
        ("2024-01-01T00:10:00.001Z", "from_future"),
        ("2024-01-01T02:10:00.000+02:00", None),
        ("1970-01-01T00:00:00Z", None),
        ("1969-12-31T23:59:59.999999Z", "before_1970"),
    ],
)
def test_600_seconds_ahead_of_the_broker_and_the_epoch(occurred_at: str, reason: str | None) -> None:
    judged = judge(log(message(0, occurred_at=occurred_at), timestamp_ms=ms(0)))
    assert [row["reason"] for row in judged.rejected] == ([reason] if reason else [])


def test_every_column_of_an_event() -> None:
    purchase = message(
        ms(0) + 999, "purchase", via_share_id="s1", occurred_at="2024-01-01T01:00:00.999999+01:00"
    )
    judged = judge(log(purchase, message(ms(0), "post", "2"), message(ms(0), "leave", "3", reason=None)))
    row = dict.fromkeys((column.name for column in EVENTS.columns), "") | {
        "event_id": "e",
        "action": "purchase",
        "community_id": "default",
        "group_id": "g1",
        "user_id": "ann",
        "occurred_at": ms(0) + 999,
        "via_share_id": "s1",
        "order_id": "o",
        "amount": Decimal("1.500000"),
        "currency": "EUR",
        "late": 0,
        "source_partition": 0,
        "source_offset": 0,
        "replay_of": None,
    }
    assert judged.accepted[0] == row
    assert (judged.accepted[1]["role"], judged.accepted[1]["kind"]) == ("member", "talk")
    assert (judged.accepted[2]["reason"], judged.accepted[2]["amount"]) == ("", 0)
    assert judged.clock_after == [ms(0) + 999] * 3


def test_the_clock_only_goes_on() -> None:
    values = [message(ms(day), event_id=f"{day}") for day in (3, 1, 4, 2)]
    judged = judge(log(*values))
    assert judged.clock_after == [ms(3), ms(3), ms(4), ms(4)]
    assert judged.clock == {0: ms(4)}


def test_late_is_more_than_28_days() -> None:
    moments = (ms(28), ms(0), ms(0) - 1)
    judged = judge(log(*(message(moment, event_id=f"{moment}") for moment in moments)))
    assert [row["late"] for row in judged.accepted] == [0, 0, 1]


@pytest.mark.parametrize(("gap", "expected"), [(0, "AA."), (3_600_000, "AA."), (3_600_001, "AAA")])
def test_a_repeat_within_an_hour_of_the_clock(gap: int, expected: str) -> None:
    first, other = message(ms(0)), message(ms(0) + gap, event_id="other")
    assert verdicts(judge(log(first, other, first))) == expected


def test_what_counts_for_a_repeat_is_the_id() -> None:
    first = message(ms(0))
    # Other content, another person, an older moment: the same event.
    assert verdicts(judge(log(first, message(ms(-1), "post", user_id="bob", group_id="g2")))) == "A."
    # Another community: not the same.
    assert verdicts(judge(log(first, message(ms(0), community_id="c2")))) == "AA"
    # Its own moment counts as the clock: an hour and a millisecond on, it is another event.
    assert verdicts(judge(log(first, message(ms(0) + HOUR_MS)))) == "A."
    assert verdicts(judge(log(first, message(ms(0) + HOUR_MS + 1)))) == "AA"
    # Another partition knows nothing of it.
    judged = judge([*log(first), *log(first, partition=1)])
    assert (verdicts(judged, 0), verdicts(judged, 1)) == ("A", "A")
    # A refused message is not remembered.
    assert verdicts(judge(log(message(ms(0), user_id=""), first))) == "RA"


def test_what_was_in_force_is_the_clock_not_the_moment() -> None:
    # Accepted when the clock was at 10 days, though it happened on day 0: known for an hour from then.
    old, now = message(ms(0), event_id="old"), message(ms(10), event_id="now")
    assert verdicts(judge(log(now, old, old, message(ms(10) + HOUR_MS, event_id="x"), old))) == "AA.A."
    assert verdicts(judge(log(now, old, message(ms(10) + HOUR_MS + 1, event_id="x"), old))) == "AAAA"


def test_a_repeat_moves_nothing() -> None:
    first = message(ms(0))
    half = message(ms(0) + HOUR_MS // 2, event_id="half")
    over = message(ms(0) + HOUR_MS + 1, event_id="over")
    judged = judge(log(first, half, first, over, first))
    # The repeat at half an hour does not renew the window; the one after it is accepted, and opens its own.
    assert verdicts(judged) == "AA.AA"
    # Nor does one that says it is later move the clock.
    judged = judge(log(first, message(ms(0) + HOUR_MS)))
    assert judged.clock == {0: ms(0)}


def test_partitions_in_the_order_of_their_offsets() -> None:
    first, second = message(ms(0), event_id="1"), message(ms(1), event_id="2")
    shuffled = [
        LogRecord(1, 5, BROKER_MS, second),
        LogRecord(0, 9, BROKER_MS, first),
        LogRecord(1, 4, BROKER_MS, first),
    ]
    judged = judge(shuffled)
    assert [(row["source_partition"], row["source_offset"]) for row in judged.accepted] == [
        (0, 9),
        (1, 4),
        (1, 5),
    ]
    assert judged.clock == {0: ms(0), 1: ms(1)}
    assert judge([]) == Judged()


def replay(offset: int, of: bytes, value: bytes) -> LogRecord:
    """A message that repeats a refused one."""
    return LogRecord(0, offset, BROKER_MS, value, None, (("other", b"x"), ("replay-of", of)))


def test_a_refused_message_is_brought_in_once() -> None:
    broken = message(ms(0), user_id="")
    later = message(ms(9), event_id="later")
    judged = judge(
        [
            *log(broken, broken),
            replay(2, b"0", broken),  # not mended: refused again
            replay(3, b"0", message(ms(0), event_id="a")),  # brought in
            LogRecord(0, 4, BROKER_MS, later),
            replay(
                5, b"0", message(ms(0), event_id="b")
            ),  # long after, under another id: all the same a repeat
            replay(6, b"1", message(ms(0), event_id="c")),  # another refused message
            replay(7, b"0", broken),  # refused comes first
        ]
    )
    assert verdicts(judged) == "RRRAA.AR"
    assert [row["replay_of"] for row in judged.accepted] == [0, None, 1]
    assert [row["replay_of"] for row in judged.rejected] == [None, None, 0, 0]


def test_a_replay_that_repeats_a_known_event_brings_nothing_in() -> None:
    known = message(ms(0), event_id="a")
    judged = judge(
        [*log(b"broken", known), replay(2, b"0", known), replay(3, b"0", message(ms(0), event_id="b"))]
    )
    assert verdicts(judged) == "RA.A"


@pytest.mark.parametrize(
    "of", [b"", b"x", b"-1", b" 1", b"1.0", b"+1", b"1_0", "١".encode(), b"\xff", b"9" * 40]
)
def test_a_header_that_is_no_offset(of: bytes) -> None:
    judged = judge([replay(0, of, message(ms(0)))])
    assert judged.accepted[0]["replay_of"] is None


# --- the generators ----------------------------------------------------------------------------------

LADDER = {
    ("", "new", "first_action"),
    ("", "lost", "left_every_group"),
    ("new", "active", "enough_active_days"),
    ("new", "join_and_stay", "no_second_active_day"),
    ("new", "lost", "left_every_group"),
    ("join_and_stay", "active", "enough_active_days"),
    ("join_and_stay", "lost", "no_activity_for_long"),
    ("join_and_stay", "lost", "left_every_group"),
    ("active", "core", "core_activity"),
    ("active", "silent", "no_activity"),
    ("active", "lost", "left_every_group"),
    ("core", "silent", "no_activity"),
    ("core", "active", "core_days_faded"),
    ("core", "active", "core_score_faded"),
    ("core", "lost", "left_every_group"),
    ("resurrected", "silent", "no_activity"),
    ("resurrected", "active", "return_kept"),
    ("resurrected", "core", "return_kept"),
    ("resurrected", "lost", "left_every_group"),
    ("silent", "resurrected", "acted_again"),
    ("silent", "lost", "no_activity_for_long"),
    ("silent", "lost", "left_every_group"),
    ("lost", "resurrected", "acted_again"),
}
"""Every way there is from one segment to another."""


def test_a_generated_community_has_everything() -> None:
    values = community(7, 20_000, 400, 300, start_ms=START_MS)
    assert len(values) == 20_000
    judged = judge(records(values, partitions=3, timestamp_ms=BROKER_MS))
    users, transitions = people(judged.with_clocks(), max(judged.clock.values()))
    assert {(row["from_segment"], row["to_segment"], row["rule"]) for row in transitions} == LADDER
    assert {row["reason"] for row in judged.rejected} == set(REASONS)
    assert {row["action"] for row in judged.accepted} == set(ACTIONS)
    assert {row["late"] for row in judged.accepted} == {0, 1}
    assert sum(counts.duplicate for counts in judged.counts.values()) > 100
    # Some repeats came after the window and are in twice, some in other words.
    times = Counter((row["community_id"], row["event_id"]) for row in judged.accepted)
    assert times.most_common(1)[0][1] > 1
    assert len({community_id for community_id, _ in users}) > 3
    names = {user_id for _, user_id in users}
    assert any("\x00" in name for name in names)
    assert any(len(name) == 128 for name in names)
    assert max(len(row["event_id"]) for row in judged.accepted) == 64
    for rows, table in (
        (judged.accepted, EVENTS),
        (list(users.values()), USERS),
        (transitions, SEGMENT_TRANSITIONS),
    ):
        columns = [column.name for column in table.columns]
        assert all(sorted(row) == sorted(columns) for row in rows)
    columns = [column.name for column in REJECTED.columns if column.name != "error"]
    assert all(list(row) == columns for row in judged.rejected)


def test_a_community_in_order_has_nothing_wrong() -> None:
    values = community(1, 3000, 30, 90, start_ms=START_MS, disorder=False)
    judged = judge(records(values, timestamp_ms=BROKER_MS))
    assert judged.counts == {0: Counts(3000, 3000, 0, 0)}
    assert [row["occurred_at"] for row in judged.accepted] == judged.clock_after


def test_the_same_seed_gives_the_same_community() -> None:
    assert community(5, 500, 9, 60, start_ms=START_MS) == community(5, 500, 9, 60, start_ms=START_MS)
    assert community(5, 500, 9, 60, start_ms=START_MS) != community(6, 500, 9, 60, start_ms=START_MS)
    assert community(5, 0, 9, 60, start_ms=START_MS) == []
    assert len(community(5, 300, 1, 1, start_ms=START_MS)) == 300


def test_key_of() -> None:
    assert key_of(message(ms(0), user_id="zoë\x00")) == "zoë\x00".encode()
    for value in (
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"user_id":5}',
        b'{"user_id":"\\ud800"}',
        b"[" * 50_000,
    ):
        assert key_of(value) == b""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    messages=logs(), partitions=st.integers(1, 3), steps=st.lists(st.integers(1, 40 * DAY_MS), max_size=12)
)
def test_what_holds_of_any_log(messages: list[Message], partitions: int, steps: list[int]) -> None:
    judged = judge(records(messages, partitions=partitions, timestamp_ms=TOO_FAR))
    for counts in judged.counts.values():
        assert counts.consumed == counts.accepted + counts.rejected + counts.duplicate
    assert sum(counts.consumed for counts in judged.counts.values()) == len(messages)
    now = max(judged.clock.values(), default=0)
    users, transitions = people(judged.with_clocks(), now + sum(steps))
    # A history has no gaps and never runs backwards.
    segments: dict[tuple[str, str], tuple[str, int]] = {}
    for row in transitions:
        who = row["community_id"], row["user_id"]
        before, since = segments.get(who, ("", 0))
        assert (row["from_segment"], row["at"] >= since) == (before, True)
        assert row["from_segment"] != row["to_segment"]
        segments[who] = row["to_segment"], row["at"]
    assert segments == {who: (row["segment"], row["segment_since"]) for who, row in users.items()}
    assert settled_in_steps(judged, [now, *steps]) == transitions_by_person(transitions)


def settled_in_steps(judged: Judged, steps: list[int]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The same transitions, with time going on in small steps at the end, each of them twice."""
    ladder = Ladder(Rules())
    everyone: dict[tuple[str, str], Person] = {}
    for row, clock in judged.with_clocks():
        who = row["community_id"], row["user_id"]
        person = everyone.setdefault(who, Person(*who))
        for moment in (clock - DAY_MS, clock, clock):
            ladder.settle(person, moment)
        ladder.apply(person, row)
        ladder.settle(person, clock)
    clock = 0
    for step in steps:
        clock += step
        for person in everyone.values():
            ladder.settle(person, clock)
            ladder.settle(person, clock)
    return transitions_by_person(ladder.transitions)


def transitions_by_person(rows: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Each person's, in order."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["community_id"], row["user_id"]), []).append(row)
    return found


# --- compare -----------------------------------------------------------------------------------------


def test_compare_says_what_differs() -> None:
    rows = [{"id": "a", "n": 1}, {"id": "a", "n": 2}, {"id": "b", "n": 3}]
    assert compare(rows, [row | {"_version": 9} for row in rows], ("id",)) == ""
    assert compare([], [], ("id",)) == ""
    actual = [{"id": "a", "n": 1}, {"id": "a", "n": 5}, {"id": "c", "n": 3}]
    text = compare(rows, actual, ("id",))
    assert text.splitlines() == [
        "3 differences:",
        "  id='a' [row 1]: n: expected 2, is 5",
        "  id='b': missing: {'id': 'b', 'n': 3}",
        "  id='c': not expected: {'id': 'c', 'n': 3}",
    ]
    assert compare(rows, actual, ("id",), limit=1).splitlines()[-1] == "... and 2 more"
    assert compare(rows[:1], [{"id": "a"}], ("id",)).endswith("id='a': no column n")
