"""Memberships, counts, answers and figures of the oracle of groups against examples worked out by hand."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.group_tables import ALERT_CHANGES, GROUPS, MEMBERSHIPS
from schemas.rules import Rules
from tests.generate import records
from tests.group_stories import AD, BENEFIT, HOUR, MINUTE, STAFF, GroupStory, Line, Row, question, reply
from tests.group_strategies import group_logs, group_rulesets
from tests.oracle import LogRecord, judge
from tests.oracle.groups import Groups
from tests.stories import BROKER_MS, MILLI, log, message, ms
from tests.strategies import Message

SOON = 0.9
"""On day 0, after everything that happens in its morning."""

# --- memberships -------------------------------------------------------------------------------------


def test_what_makes_a_member() -> None:
    story = GroupStory(
        (0.1, "post", "poster"),
        (0.2, "share", "sharer"),
        (0.3, "purchase", "buyer"),
        (0.4, "view", "viewer"),
        (0.5, "leave", "stranger"),
        (0.6, "join", "poster"),
        until=SOON,
    )
    told = {
        user: story.member(user)["member"] for user in ("poster", "sharer", "buyer", "viewer", "stranger")
    }
    assert told == {"poster": 1, "sharer": 1, "buyer": 1, "viewer": 0, "stranger": 0}
    assert (story.member("poster")["joined_at"], story.member("viewer")["joined_at"]) == (ms(0.1), 0)
    assert (story.member("poster")["phase_at_joining"], story.member("viewer")["phase_at_joining"]) == (
        "seed",
        "",
    )
    assert (story.group["members"], story.group["joins_total"], story.group["leaves_total"]) == (3, 3, 0)


def test_leaving_and_coming_back() -> None:
    lines: list[Line] = [(0, "join", "ann"), (1, "leave", "ann"), (2, "leave", "ann"), (3, "view", "ann")]
    out = GroupStory(*lines, until=3.5)
    assert (out.member("ann")["member"], out.member("ann")["left_at"]) == (0, ms(1))
    assert (out.group["members"], out.group["leaves_total"]) == (0, 1)
    back = GroupStory(*lines, (4, "share", "ann"), until=4.5)
    assert (back.member("ann")["member"], back.member("ann")["joined_at"]) == (1, ms(4))
    assert (back.member("ann")["left_at"], back.group["joins_total"]) == (ms(1), 2)


def test_what_joins_and_posts_say_of_somebody() -> None:
    assert GroupStory((0, "join", "ann"), until=1).member("ann")["role"] == ""
    first: Line = (0, "join", "ann", {"channel": "qr", "inviter_id": "bob", "role": "moderator"})
    story = GroupStory(first, (0.1, "join", "ann", {"inviter_id": "ann"}), until=SOON)
    who = story.member("ann")
    assert (who["channel"], who["inviter_id"], who["role"]) == ("qr", "bob", "moderator")
    assert (story.group["staff"], story.group["per_staff"]) == (1, 1.0)
    story = GroupStory(first, (0.1, "post", "ann"), (0.2, "join", "ann", {"channel": "ad"}), until=SOON)
    who = story.member("ann")
    assert (who["channel"], who["role"], story.group["per_staff"]) == ("ad", "member", None)


def left_after(*lines: Line, leave: float) -> Any:
    """Of ann, who came first of all."""
    story = GroupStory((0, "join", "ann"), *lines, (leave, "leave", "ann"), until=leave + 1)
    return story.member("ann")["left_after"]


def test_what_came_last_before_somebody_left() -> None:
    assert left_after(leave=0.1) == "silence"
    assert left_after((0, "post", "ann"), leave=0.1) == ""
    assert left_after((0, "post", "bob", AD), (0.1, "post", "ann"), leave=0.2) == "ad"
    assert left_after((0, "post", "bob", AD), leave=1) == "ad"
    assert left_after((0, "post", "bob", AD), leave=1 + MILLI) == "silence"
    assert left_after((0.1, "post", "bob"), (0.2, "post", "op", BENEFIT), leave=0.3) == "benefit"
    # The one that was applied last, though another one is of a later moment.
    assert left_after((0.2, "post", "bob", AD), question(0.1, "eve", "c"), leave=0.3) == "question"
    assert left_after(question(0.1, "ann", "c"), (0.2, "post", "bob"), leave=0.3) == "unanswered"
    assert left_after(question(0.1, "ann", "c"), reply(0.2, "bob", "c"), leave=0.3) == "talk"
    assert GroupStory((0, "join", "ann"), until=1).member("ann")["left_after"] == ""


def test_first_post_is_the_earliest() -> None:
    story = GroupStory((2, "post", "ann"), (1, "post", "ann"), (3, "post", "ann"), until=4)
    assert (story.member("ann")["first_post_at"], story.group["last_post_at"]) == (ms(1), ms(3))


# --- order -------------------------------------------------------------------------------------------


def test_actions_come_in_the_order_of_clock_partition_and_offset() -> None:
    def record(partition: int, offset: int, day: float, kind: str) -> LogRecord:
        value = message(ms(day), "post", f"{partition}-{offset}", user_id=f"u{partition}", kind=kind)
        return LogRecord(partition, offset, BROKER_MS, value)

    leave = message(ms(1.5), "leave", "l", user_id="u0")
    records = [
        LogRecord(0, 1, BROKER_MS, leave), record(0, 0, 0, "talk"),
        record(1, 0, 1, "ad"), record(2, 0, 1, "benefit"),
        # Older than both, but its partition's clock is past them.
        record(3, 0, 1.2, "talk"), record(3, 1, 0.5, "question"),
    ]  # fmt: skip
    (ann,) = [r for r in Groups(judge(records)).rows("memberships") if r["user_id"] == "u0"]
    assert ann["left_after"] == "question"
    (ann,) = [r for r in Groups(judge(records[:4])).rows("memberships") if r["user_id"] == "u0"]
    assert ann["left_after"] == "benefit"


def test_actions_are_taken_up_to_the_clock_of_the_stage() -> None:
    lines: list[Line] = [(0, "post", "ann"), (1, "post", "ann")]
    assert GroupStory(*lines, until=1).group["posts_total"] == 1
    assert GroupStory(*lines, until=1).group["day"] == date(2024, 1, 1)
    assert GroupStory(*lines, until=1 + MILLI).group["posts_total"] == 2
    assert GroupStory(*lines, until=1 - MILLI).group["day"] == date(1970, 1, 1)


# --- counts of a day ---------------------------------------------------------------------------------


def figures(*lines: Line, until: float, rules: Row | None = None) -> Row:
    """Those that are neither 0 nor null."""
    return {
        name: value for name, value in GroupStory(*lines, until=until, rules=rules).group.items() if value
    }


def test_windows_of_7_and_28_days() -> None:
    def joins(until: float) -> tuple[int, int, int]:
        row = GroupStory((0.5, "join", "ann"), until=until).group
        return row["joins_7"], row["joins_7_before"], row["joins_28"]

    assert [joins(day) for day in (0.9, 1, 7, 8, 14, 15, 28, 29)] == [
        (0, 0, 0), (1, 0, 1), (1, 0, 1), (0, 1, 1), (0, 1, 1), (0, 0, 1), (0, 0, 1), (0, 0, 0)
    ]  # fmt: skip


def test_each_count() -> None:
    row = figures(
        (0.1, "join", "ann"),
        (0.11, "post", "ann", AD),
        (0.12, "post", "ann", {"kind": "benefit"}),
        (0.13, "post", "op", STAFF),
        (0.14, "post", "op", BENEFIT | {"reply_to": "x"}),
        (0.15, "share", "ann"),
        (0.16, "purchase", "ann", {"amount": "2.000001"}),
        (0.17, "view", "ann"),
        (0.18, "leave", "ann"),
        until=1,
    )
    assert {name: value for name, value in row.items() if name.endswith(("_28", "_7", "_7_before"))} == {
        "active_7": 2, "active_28": 2, "joins_7": 2, "leaves_7": 1, "posts_7": 2, "staff_posts_7": 2,
        "ads_7": 1, "joins_28": 2, "leaves_28": 1, "posts_28": 2, "staff_posts_28": 2, "replies_28": 1,
        "benefits_28": 1, "benefit_actions_28": 1, "shares_28": 1, "purchases_28": 1, "views_28": 1,
        "icebreakers_28": 2, "topics_28": 1,
    }  # fmt: skip
    totals = {name: value for name, value in row.items() if name.endswith("_total")}
    assert totals == {
        "joins_total": 2, "leaves_total": 1, "posts_total": 4, "shares_total": 1, "purchases_total": 1,
        "views_total": 1, "amount_total": 2.000001,
    }  # fmt: skip
    assert (row["topic_pause"], row["topics_a_week"]) == (27, 0.25)


def test_an_action_before_the_window_counts_in_memberships_and_totals_only() -> None:
    def posts(day: float) -> tuple[int, int, int]:
        story = GroupStory((30.5, "view", "bob"), (day, "post", "ann"), until=31)
        group = story.group
        assert story.member("ann")["first_post_at"] == story.member("ann")["joined_at"] == ms(day)
        return group["posts_total"], group["posts_28"], group["joins_28"]

    assert posts(3) == (1, 1, 1)
    assert posts(3 - MILLI) == (1, 0, 0)


def test_the_ice_is_broken_by_a_first_post_within_a_day() -> None:
    def broken(day: float) -> int:
        number: int = GroupStory(
            (0, "join", "ann"), (day, "post", "ann"), (day, "post", "ann"), until=3
        ).group["icebreakers_28"]
        return number

    assert (broken(1), broken(1 + MILLI)) == (1, 0)
    # Before they joined, by its moment.
    assert GroupStory((1, "join", "ann"), (0.9, "post", "ann"), until=3).group["icebreakers_28"] == 0


def heard(*lines: Line) -> int:
    """Of those of day 0."""
    number: int = GroupStory(*lines, until=1).group["heard_7"]
    return number


def test_staff_posts_are_heard_within_half_an_hour() -> None:
    staff: Line = (0, "post", "op", STAFF)
    assert heard(staff, (30 * MINUTE, "post", "ann")) == 1
    assert heard(staff, (0, "post", "ann")) == 1
    assert heard(staff, (30 * MINUTE + MILLI, "post", "ann")) == 0
    assert (
        heard(staff, (MINUTE, "post", "op", STAFF), (2 * MINUTE, "post", "ann"), (3 * MINUTE, "post", "ann"))
        == 2
    )
    assert heard(staff, (MINUTE, "view", "ann"), (MINUTE, "post", "mod", {"role": "moderator"})) == 0
    # A post that is older than it hears nothing; the first of nine is forgotten.
    assert heard((MINUTE, "post", "op", STAFF), (0, "post", "ann")) == 0
    nine: list[Line] = [(n * MINUTE, "post", "op", STAFF) for n in range(9)]
    assert heard(*nine, (9 * MINUTE, "post", "ann")) == 8


# --- answers -----------------------------------------------------------------------------------------


def test_median_and_90th_percentile_of_first_replies() -> None:
    # Edges of the classes: 60, 84.852 (60 * sqrt 2), 120 s.
    delays = (60_000, 0, 60_001, 84_853, 120_000)
    lines: list[Line] = []
    for number, delay in enumerate(delays):
        asked = number * HOUR
        lines += [question(asked, "ann", f"c{number}"), reply(asked + delay * MILLI, "bob", f"c{number}")]
    row = GroupStory(*lines, until=1).group
    assert (row["response_median_s"], row["response_p90_s"]) == (84.852, 120.0)
    assert (row["questions_28"], row["question_answers_28"]) == (5, 5)
    assert GroupStory(*lines[:-1], until=1).group["response_median_s"] is None


def test_a_topic_that_comes_too_late_waits_for_nobody() -> None:
    def median(asked: float) -> float | None:
        lines: list[Line] = [(30.5, "view", "eve")]
        for number in range(5):
            lines += [question(asked, "ann", f"c{number}"), reply(30.5, "bob", f"c{number}")]
        seconds: float | None = GroupStory(*lines, until=31).group["response_median_s"]
        return seconds

    # The last class counts with its own edge: 60 * 2^11.5 = 173,778.
    assert median(3) == pytest.approx(173_778, abs=1)
    assert median(3 - MILLI) is None


def answered(*lines: Line, until: float = 12) -> tuple[int, int]:
    """Questions, and how many of them members answered."""
    row = GroupStory(*lines, until=until).group
    return row["questions_28"], row["question_answers_28"]


def test_what_is_a_question_and_what_answers_it() -> None:
    asked = question(0, "ann", "c")
    assert answered(asked, reply(0.1, "bob", "c")) == (1, 1)
    assert answered(asked, reply(0.1, "ann", "c")) == (1, 0)
    assert answered(asked, reply(0.1, "op", "c", **STAFF), reply(0.2, "bob", "c")) == (1, 0)
    assert answered(asked, question(0.1, "eve", "c"), reply(0.2, "eve", "c")) == (1, 1)
    assert answered((0, "post", "ann", {"kind": "question"})) == (0, 0)
    assert answered((0, "post", "ann", {"kind": "question", "content_id": "c", "role": "operator"})) == (0, 0)
    assert answered(reply(0, "bob", "c"), question(0.1, "ann", "c")) == (1, 0)


def test_a_topic_is_known_until_the_end_of_the_next_generation() -> None:
    # Weeks since 1970 begin on Thursdays: on day 3, and on day 10.
    asked = question(0, "ann", "c")
    assert answered(asked, reply(10 - MILLI, "bob", "c")) == (1, 1)
    assert answered(asked, reply(10, "bob", "c")) == (1, 0)
    assert answered(asked, question(9, "ann", "c")) == (1, 0)
    assert answered(asked, question(10, "ann", "c"), reply(11, "bob", "c")) == (2, 1)


# --- figures of people -------------------------------------------------------------------------------


def test_active_people() -> None:
    lines: list[Line] = [(0, "post", "ann"), (1, "view", "bob"), (7.5, "share", "eve"), (27.5, "view", "ann")]
    row = GroupStory(*lines, until=28, rules={"rates_min_count": 1}).group
    assert (row["active_1"], row["active_7"], row["active_28"]) == (1, 1, 3)
    assert (row["participants"], row["sharers"], row["sharer_share"]) == (2, 1, 1 / 3)
    assert (row["d1_d7"], row["d7_d28"], row["participation"]) == (1.0, 1 / 3, 1.0)
    row = GroupStory(*lines, until=29).group
    assert (row["active_28"], row["participants"]) == (3, 1)


def test_core_and_buyers() -> None:
    rules = {"groups": {"core_days": 3}, "rates_min_count": 1}
    lines: list[Line] = [(day, "view", "ann") for day in (0, 1, 2)]
    assert GroupStory(*lines, until=3, rules=rules).group["core"] == 0
    story = GroupStory(*lines, (2.5, "purchase", "ann"), (2.6, "post", "bob"), until=3, rules=rules)
    assert (story.group["core"], story.group["buyers"], story.group["conversion"]) == (1, 1, 0.5)
    story = GroupStory(*lines, (2.5, "purchase", "ann"), (2.6, "leave", "ann"), until=3, rules=rules)
    assert (story.group["core"], story.group["buyers"], story.group["conversion"]) == (0, 0, None)


def test_gone_early() -> None:
    def gone(*lines: Line, until: float) -> tuple[int, int]:
        row = GroupStory((0.5, "join", "ann"), *lines, until=until).group
        return row["newcomers"], row["gone_early"]

    assert gone((7.5 - MILLI, "leave", "ann"), until=8) == (1, 1)
    assert gone((7.5, "leave", "ann"), until=8) == (1, 0)
    # In, and silent from the first moment on: known at the first close 7 days later.
    assert gone(until=7) == (1, 0)
    assert gone(until=8) == (1, 1)
    # Active on day 6: for 7 days more it might go on.
    assert gone((6, "view", "ann"), until=12.9) == (1, 0)
    assert gone((6, "view", "ann"), until=13) == (1, 1)
    assert gone((7.5, "view", "ann"), until=27) == (1, 0)
    assert gone(until=29) == (0, 0)


def test_fewest_people_who_wrote_half() -> None:
    def fewest(**posts: int) -> int:
        lines: list[Line] = [(0, "post", user) for user, number in posts.items() for _ in range(number)]
        number: int = GroupStory((0, "view", "ann"), *lines, until=1).group["absence_factor"]
        return number

    assert fewest() == 0
    assert fewest(ann=1, bob=1) == 1
    assert fewest(ann=2, bob=2, eve=1) == 2
    assert fewest(ann=5, bob=2, eve=2) == 1


def test_members_who_fall_silent() -> None:
    lines: list[Line] = [(0.5, "post", "ann"), (0.5, "view", "bob"), (1, "post", "eve")]
    silent = [GroupStory(*lines, until=day).group["fell_silent"] for day in (7, 8, 9, 10)]
    assert silent == [0, 1, 1, 0]


def test_a_day_ends_at_midnight_there() -> None:
    rules = {"time_zone": "America/Sao_Paulo"}
    lines: list[Line] = [(0.5, "post", "ann")]
    assert GroupStory(*lines, until=1 + 3 * HOUR - MILLI, rules=rules).group["posts_28"] == 0
    assert GroupStory(*lines, until=1 + 3 * HOUR, rules=rules).group["posts_28"] == 1


def test_rates_are_null_below_the_least_count() -> None:
    lines: list[Line] = [(0, "post", f"u{n}") for n in range(20)]
    row = GroupStory(*lines, until=1).group
    assert (row["participation"], row["staff_share"], row["early_hazard"]) == (1.0, 0.0, 0.0)
    assert (row["ads_share"], row["reply_depth"], row["icebreaking"]) == (0.0, 0.0, 1.0)
    row = GroupStory(*lines[1:], until=1).group
    assert {row[name] for name in ("participation", "staff_share", "early_hazard", "ads_share")} == {None}


# --- the oracle itself -------------------------------------------------------------------------------

some = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


def made(messages: list[Message], rules: Rules, partitions: int, until: int | None = None) -> Groups:
    judged = judge(records(messages, partitions=partitions, timestamp_ms=BROKER_MS), rules)
    end = max(judged.clock.values(), default=0) + 1
    return Groups(judged, rules, lambda *_: end if until is None else until)


@some
@given(messages=group_logs(), rules=group_rulesets(), partitions=st.integers(1, 3), cut=st.floats(0, 1))
def test_what_was_told_stays_told(messages: list[Message], rules: Rules, partitions: int, cut: float) -> None:
    """Up to any clock the alerts of a group are the first of those up to a later one; and they alternate."""
    end = ms(500)
    before = made(messages, rules, partitions, ms(400 * cut))
    later = made(messages, rules, partitions, end)
    for place, group in before.groups.items():
        told = group.alerts.rows
        assert told == later.groups[place].alerts.rows[: len(told)]
    for group in later.groups.values():
        last = dict[str, str]()
        for row in group.alerts.rows:
            assert row["change"] == ("resolved" if last.get(row["rule"]) == "opened" else "opened")
            last[row["rule"]] = row["change"]
        assert group.alerts.names == [rule for rule in group.alerts.names if last[rule] == "opened"]


@some
@given(messages=group_logs(), rules=group_rulesets(), partitions=st.integers(1, 3))
def test_rows_are_those_of_the_tables_and_add_up(
    messages: list[Message], rules: Rules, partitions: int
) -> None:
    groups = made(messages, rules, partitions)
    for table in (MEMBERSHIPS, GROUPS, ALERT_CHANGES):
        for row in groups.rows(table.name):
            assert set(row) == {column.name for column in table.columns}
    for row in groups.rows("groups"):
        assert row["members"] == row["joins_total"] - row["leaves_total"]
        assert 0 <= row["health"] <= 100


def test_what_differs_is_told_by_column() -> None:
    story = GroupStory((0, "post", "ann"), question(0, "bob", "c"), until=2)
    groups = story.groups

    def stage(table: str) -> list[Row]:
        if table != "alert_changes":
            return groups.rows(table)
        return [row | {"evidence": json.dumps(row["evidence"])} for row in reversed(groups.rows(table))]

    assert groups.differing(stage) == {}
    wrong: dict[str, Row] = {
        "groups": {"members": 3},
        "alert_changes": {"evidence": '{"unanswered":7}'},
        "memberships": {},
    }
    told = groups.differing(lambda table: [row | wrong[table] for row in stage(table)])
    assert list(told) == ["groups", "alert_changes"]
    assert "members: expected 2, is 3" in told["groups"]
    assert "{'unanswered': 7}" in told["alert_changes"]
    told = groups.differing(lambda table: [] if table == "memberships" else stage(table))
    assert "missing" in told["memberships"]


def test_a_table_of_another_stage() -> None:
    with pytest.raises(ValueError, match="users"):
        Groups(judge(log())).rows("users")
