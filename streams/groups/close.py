"""The close of a day: the figures of the window, symptoms, phase and health. See docs/groups.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.bits import bits_in
from streams.calendar import Zone
from streams.columnar import Array, Keyed, touch
from streams.compiled import Integer, compiled, making_arrays
from streams.groups.benefits import end_week
from streams.groups.days import begin_day
from streams.groups.rulebook import start_of_day
from streams.groups.state import (
    ADS,
    BENEFIT_ACTIONS,
    BENEFITS,
    CLASSES,
    DECLINE,
    GROUP_BLOCK,
    HEARD,
    ICEBREAKERS,
    JOINS,
    LEAST_ANSWERS,
    LEAVES,
    NEAR,
    OUTBREAK,
    PLATFORM,
    POSTS,
    PURCHASES,
    QUESTION_ANSWERS,
    QUESTIONS,
    REPLIES,
    SEED,
    SHARES,
    STAFF_POSTS,
    TOPICS,
    VIEWS,
    WINDOW_DAYS,
    WINDOW_MASK,
    GroupState,
)
from streams.groups.symptoms import health_of, judge_symptoms

_FEW = 32

Group = Any
"""One row of `GROUP`."""
RuleSet = Any
"""One row of `GROUP_RULES`."""


@compiled
def _is_gone_early(member: Any, early: Integer, closed_at: Integer) -> bool:
    """Whether a newcomer left, or fell silent, soon after joining."""
    joined = np.int64(member["joined_at"])
    if not member["member"]:
        return bool(np.int64(member["left_at"]) - joined < early)
    last = np.int64(member["last_at"])
    return bool(joined + early <= closed_at and last < joined + early and last + early <= closed_at)


@making_arrays
def _sort_many(numbers: Array) -> None:
    numbers[:] = np.sort(numbers)


@compiled
def _sort(numbers: Array) -> None:
    """Sort in place: the few of most groups by insertion."""
    if len(numbers) > _FEW:
        _sort_many(numbers)
        return
    for i in range(1, len(numbers)):
        number, k = numbers[i], i
        while k > 0 and numbers[k - 1] > number:
            numbers[k] = numbers[k - 1]
            k -= 1
        numbers[k] = number


@compiled
def _half_written_by(posts: Array) -> Integer:
    """The fewest of these writers who wrote at least half of all; sorts their numbers of posts."""
    _sort(posts)
    whole = np.int64(0)
    for i in range(len(posts)):
        whole += posts[i]
    written, people = np.int64(0), 0
    while 2 * written < whole:
        people += 1
        written += posts[len(posts) - people]
    return people


@compiled
def _posts_on(member: Any, days: Integer) -> Integer:
    """The posts of these days: bit k is that of the latest active day - k."""
    counts, posts = member["posts"], np.int64(0)
    slot: Integer = np.int64(member["day"]) % WINDOW_DAYS
    while days:
        if days & 1:
            posts += np.int64(counts[slot])
        days >>= 1
        slot = slot - 1 if slot > 0 else WINDOW_DAYS - 1
    return posts


@compiled
def _count_members(group: Group, memberships: Keyed, numbers: Array, t: RuleSet, closed_at: Integer) -> None:
    """The figures that are made of memberships; `numbers` has room for one of each of them."""
    f = group["figures"]
    today = np.int64(group["day"])
    active_1, active_7, active_28, participants, sharers = np.int64(0), 0, 0, 0, 0
    newcomers, gone_early, writers = 0, 0, 0
    core, fell_silent = np.int64(0), np.int64(0)
    # Without activity in the window there is nobody to be counted.
    count, members = np.int64(0), memberships.rows
    if today - np.int64(group["active_day"]) < WINDOW_DAYS:
        count = np.int64(group["memberships"])
    after: Integer = np.int64(group["first_member"]) - 1
    for i in range(count):
        row = np.int64(group["near"][i]) if i < NEAR else after
        member = members[row]
        if i >= NEAR:
            after = np.int64(member["next"]) - 1
        away = today - np.int64(member["day"])
        if away < WINDOW_DAYS and member["days"] != 0:
            days = (np.int64(member["days"]) << away) & WINDOW_MASK
            active_1 += days & 1
            active_7 += (days & 127) != 0
            active_28 += days != 0
            own = (np.int64(member["own_days"]) << away) & WINDOW_MASK
            participants += own != 0
            sharers += ((np.int64(member["share_days"]) << away) & WINDOW_MASK) != 0
            core += np.int64(member["member"] and bits_in(days) >= t["core_days"])
            fell_silent += np.int64(member["member"] and away == t["silent_days"])
            if own != 0:
                posts = _posts_on(member, own >> away)
                if posts > 0:
                    numbers[writers] = posts
                    writers += 1
        if member["joined_at"] > 0 and np.int64(member["joined_day"]) > today - WINDOW_DAYS:
            newcomers += 1
            gone_early += _is_gone_early(member, np.int64(t["early"]), closed_at)
    f["active_1"] = active_1
    f["active_7"] = active_7
    f["active_28"] = active_28
    f["participants"] = participants
    f["sharers"] = sharers
    f["core"] = core
    f["buyers"] = group["buyers"]
    f["newcomers"] = newcomers
    f["gone_early"] = gone_early
    f["fell_silent"] = fell_silent
    f["absence_factor"] = _half_written_by(numbers[:writers])


@compiled
def _all(group: Group, what: Integer) -> Integer:
    sums = group["sums"]
    return sums[0, what] + sums[1, what] + sums[2, what]


@compiled
def _longest_pause(topic_days: Integer) -> Integer:
    """The longest run of days of the window without topics."""
    without: Integer = ~topic_days & WINDOW_MASK
    longest = 0
    while without:  # each time every run gets shorter by a day
        without &= without << 1
        longest += 1
    return longest


@compiled
def _sum_days(group: Group) -> None:
    """The figures that are sums of days; their last is the open day, which is about to close."""
    f, sums = group["figures"], group["sums"]
    f["topic_pause"] = _longest_pause(np.int64(group["topic_days"]))
    f["joins_7"] = sums[0, JOINS]
    f["joins_7_before"] = sums[1, JOINS]
    f["leaves_7"] = sums[0, LEAVES]
    f["posts_7"] = sums[0, POSTS]
    f["posts_7_before"] = sums[1, POSTS]
    f["staff_posts_7"] = sums[0, STAFF_POSTS]
    f["heard_7"] = sums[0, HEARD]
    f["ads_7"] = sums[0, ADS]
    f["joins_28"] = _all(group, JOINS)
    f["leaves_28"] = _all(group, LEAVES)
    f["posts_28"] = _all(group, POSTS)
    f["staff_posts_28"] = _all(group, STAFF_POSTS)
    f["replies_28"] = _all(group, REPLIES)
    f["questions_28"] = _all(group, QUESTIONS)
    f["question_answers_28"] = _all(group, QUESTION_ANSWERS)
    f["benefits_28"] = _all(group, BENEFITS)
    f["benefit_actions_28"] = _all(group, BENEFIT_ACTIONS)
    f["shares_28"] = _all(group, SHARES)
    f["purchases_28"] = _all(group, PURCHASES)
    f["views_28"] = _all(group, VIEWS)
    f["icebreakers_28"] = _all(group, ICEBREAKERS)
    f["topics_28"] = _all(group, TOPICS)


@compiled
def _rank_delays(group: Group, sums: Array) -> None:
    """The classes of the median and the 90th percentile of the delays of first replies."""
    f = group["figures"]
    f["answers"] = 0
    f["median_class"] = 0
    f["p90_class"] = 0
    if np.int64(group["day"]) - np.int64(group["answer_day"]) >= WINDOW_DAYS:
        return
    whole = np.int64(0)
    for k in range(CLASSES):
        sums[k] = 0
        for slot in range(WINDOW_DAYS):
            sums[k] += np.int64(group["answers"][slot, k])
        whole += sums[k]
    f["answers"] = whole
    if whole < LEAST_ANSWERS:
        return
    so_far, median, p90 = np.int64(0), -1, -1
    for k in range(CLASSES):
        so_far += sums[k]
        if median < 0 and so_far >= (whole + 1) // 2:
            median = k
        if p90 < 0 and so_far >= (9 * whole + 9) // 10:
            p90 = k
    f["median_class"] = median
    f["p90_class"] = p90


@compiled
def _phase_of(group: Group, t: RuleSet) -> Integer:
    joins, leaves = np.int64(group["figures"]["joins_28"]), np.int64(group["figures"]["leaves_28"])
    members = np.int64(group["members"])
    before = members - joins + leaves
    if joins >= t["outbreak_joins"] and joins >= t["outbreak_growth"] * max(before, 1):
        return OUTBREAK
    if before >= t["seed_members"] and leaves > joins:
        return DECLINE
    return SEED if members < t["seed_members"] else PLATFORM


@compiled
def close_day(
    state: GroupState, group: Group, index: Integer, zone: Zone, t: RuleSet, base: Integer
) -> Integer:
    """The open day is over; how many members fell silent on it."""
    day, at = np.int64(group["day"]), np.int64(group["close_at"])
    if (day + 3) % 7 == 6:  # a Sunday
        end_week(group, t)
    _count_members(group, state.memberships, state.numbers, t, at)
    _sum_days(group)
    _rank_delays(group, state.numbers)
    judge_symptoms(state.desk.moves, group, index, t, at, base)
    phase = _phase_of(group, t)
    if phase != group["phase"]:
        group["phase"] = phase
        group["phase_since"] = at
    group["health"] = health_of(
        group["severity"], np.int64(group["figures"]["participants"]), np.int64(group["members"]), t
    )
    group["closes"] += 1
    begin_day(group)
    group["close_at"] = start_of_day(zone, day + 2)
    touch(state.groups, index, GROUP_BLOCK)
    return np.int64(group["figures"]["fell_silent"])
