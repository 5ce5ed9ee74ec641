"""What benefits bring: members' posts in the hour after, against those usual there; and bursts of ads.

See docs/groups.md, Benefits and Ads.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from schemas.rules import HOUR_MS
from streams.calendar import WEEK_HOURS, Zone, hour_of, hour_of_week, place_in
from streams.compiled import Integer, compiled
from streams.groups.moves import is_open, open_alert, resolve_alert
from streams.groups.state import (
    ADS_REMEMBERED,
    BENEFIT_LIFT_LOST,
    BENEFIT_RESULTS,
    BENEFITS_BEFORE,
    LEVEL_DAYS,
    MOST_COUNT,
    NEVER,
    SPAM_BURST,
    WATCHED,
    Moves,
)

Group = Any
"""One row of `GROUP`."""
RuleSet = Any
"""One row of `GROUP_RULES`."""

_BURSTS = 4.0
"""Posts come in conversations: their counts scatter so many times as much as Poisson's."""
_LEVEL_LEAST = 20.0
"""Posts that both sides of a level get on top, so that few posts hardly move it."""


@compiled
def begin_habit(group: Group, zone: Zone, clock: Integer) -> None:
    """Nothing is usual yet; the first week is the rest of this one."""
    group["habit_weeks"] = -hour_of_week(hour_of(zone, clock)) / 168.0


@compiled
def end_week(group: Group, t: RuleSet) -> None:
    """What is usual decays."""
    keep = t["habit_keep"]
    for h in range(24):
        group["by_hour"][h] = keep * np.float64(group["by_hour"][h])
        group["taken_hour"][h] = keep * np.float64(group["taken_hour"][h])
    for d in range(7):
        group["by_day"][d] = keep * np.float64(group["by_day"][d])
        group["taken_day"][d] = keep * np.float64(group["taken_day"][d])
    group["habit_weeks"] = keep * (np.float64(group["habit_weeks"]) + 1.0)
    group["weeks"] += 1


@compiled
def _usual_at(group: Group, place: Integer, weeks: float, mean: float) -> float:
    """Posts usual in an hour of the week: what its hour of the day and its day have, against the mean."""
    hour, day = place % 24, place // 24
    hours = 7 * weeks - np.float64(group["taken_hour"][hour])
    day_hours = 24 * weeks - np.float64(group["taken_day"][day])
    if mean <= 0.0 or hours <= 0.0 or day_hours <= 0.0:
        return 0.0
    by_hour, by_day = np.float64(group["by_hour"][hour]) / hours, np.float64(group["by_day"][day]) / day_hours
    usual: float = by_hour * by_day / mean
    return usual


@compiled
def _weeks_now(group: Group, hour: Integer) -> float:
    weeks: float = np.float64(group["habit_weeks"]) + hour_of_week(hour) / 168.0
    return weeks


@compiled
def _mean(group: Group, weeks: float) -> float:
    """Posts usual in an hour on average; 0 if that is not known."""
    total, taken = 0.0, 0.0
    for h in range(24):
        total += np.float64(group["by_hour"][h])
        taken += np.float64(group["taken_hour"][h])
    hours = 168 * weeks - taken
    if total <= 0.0 or hours <= 0.0:
        return 0.0
    mean: float = total / hours
    return mean


@compiled
def usual_after(group: Group, zone: Zone, at: Integer, clock: Integer) -> float:
    """Members' posts that are usual in the hour after a moment, whatever the level is now."""
    weeks = _weeks_now(group, hour_of(zone, clock))
    mean = _mean(group, weeks)
    place, part = _place(zone, at)
    here, after = (
        _usual_at(group, place, weeks, mean),
        _usual_at(group, (place + 1) % WEEK_HOURS, weeks, mean),
    )
    usual: float = (1.0 - part) * here + part * after
    return usual


@compiled
def _to_level_of(group: Group, day: Integer) -> None:
    """The days of the level go on to this one."""
    last = np.int64(group["level_day"])
    for d in range(max(last + 1, day - LEVEL_DAYS + 1), day + 1):
        group["level_posts"][d % LEVEL_DAYS] = 0
        group["level_taken"][d % LEVEL_DAYS] = 0.0
    group["level_day"] = max(last, day)


@compiled
def level_now(group: Group, zone: Zone, clock: Integer) -> float:
    """Members' posts of today and the day before, to those usual then; benefits' hours are left out."""
    hour = hour_of(zone, clock)
    day = hour // 24
    _to_level_of(group, day)
    weeks = _weeks_now(group, hour)
    mean = _mean(group, weeks)
    first = day - LEVEL_DAYS + 1
    usual = 0.0
    for h in range(24 * first, hour):
        usual += _usual_at(group, hour_of_week(h), weeks, mean)
    place, part = _place(zone, clock)
    usual += part * _usual_at(group, place, weeks, mean)
    posts = 0.0
    for d in range(max(first, np.int64(group["level_day"]) - LEVEL_DAYS + 1), day + 1):
        posts += np.float64(group["level_posts"][d % LEVEL_DAYS])
        usual -= np.float64(group["level_taken"][d % LEVEL_DAYS])
    level: float = (posts + _LEVEL_LEAST) / (max(usual, 0.0) + _LEVEL_LEAST)
    return level


@compiled
def _place(zone: Zone, at: Integer) -> tuple[Integer, float]:
    """The hour of the week of a moment, and how much of it is over."""
    local = at + zone.offsets[place_in(zone, at)]
    return hour_of_week(local // HOUR_MS), (local % HOUR_MS) / HOUR_MS


@compiled
def _take_hour(group: Group, place: Integer, part: float) -> None:
    """A benefit takes a part of an hour of the week: what is usual there can't be learnt now."""
    hour, day = place % 24, place // 24
    group["taken_hour"][hour] = np.float64(group["taken_hour"][hour]) + part
    group["taken_day"][day] = np.float64(group["taken_day"][day]) + part


@compiled
def watch_benefit(group: Group, zone: Zone, t: RuleSet, at: Integer, clock: Integer) -> None:
    """Staff post a benefit: the hour after it is watched."""
    place = np.int64(group["benefits"])
    if at + HOUR_MS <= clock or place == WATCHED:
        return
    known = group["weeks"] >= t["lift_weeks"]
    usual, level = usual_after(group, zone, at, clock), level_now(group, zone, clock)
    group["benefit_at"][place] = at
    group["benefit_posts"][place] = 0
    group["benefit_usual"][place] = usual * level if known else -1.0
    group["benefits"] = place + 1
    today = hour_of(zone, clock) // 24 % LEVEL_DAYS
    group["level_taken"][today] = np.float64(group["level_taken"][today]) + usual
    hour, part = _place(zone, at)
    _take_hour(group, hour, 1.0 - part)
    _take_hour(group, (hour + 1) % WEEK_HOURS, part)


@compiled
def credit_benefits(group: Group, at: Integer) -> bool:
    """A member's post counts for the benefits in whose hour it is; whether there are any."""
    found = False
    for i in range(np.int64(group["benefits"])):
        begin = np.int64(group["benefit_at"][i])
        if begin <= at < begin + HOUR_MS:
            group["benefit_posts"][i] = min(np.int64(group["benefit_posts"][i]) + 1, MOST_COUNT)
            found = True
    return found


@compiled
def learn_post(group: Group, zone: Zone, at: Integer) -> None:
    """A member's post is part of what is usual, and of the level of its day."""
    hour = hour_of(zone, at)
    day, place = hour // 24, hour_of_week(hour)
    group["by_hour"][place % 24] = np.float64(group["by_hour"][place % 24]) + 1.0
    group["by_day"][place // 24] = np.float64(group["by_day"][place // 24]) + 1.0
    _to_level_of(group, day)
    if day > group["level_day"] - LEVEL_DAYS:
        group["level_posts"][day % LEVEL_DAYS] += 1


@compiled
def next_benefit(group: Group) -> tuple[Integer, Integer]:
    """Which benefit's hour ends next, and when; the first of those of one moment. NEVER."""
    place, first = -1, np.int64(NEVER)
    for i in range(np.int64(group["benefits"])):
        due = np.int64(group["benefit_at"][i]) + HOUR_MS
        if due < first:
            place, first = i, due
    return place, first


@compiled
def lift_sums(group: Group, first: Integer, end: Integer) -> tuple[Integer, float]:
    """Posts after benefits, from result `first` to `end`, and the usual ones."""
    posts, usual = np.int64(0), 0.0
    for i in range(first, end):
        posts += np.int64(group["result_posts"][i])
        usual += np.float64(group["result_usual"][i])
    return posts, usual


@compiled
def _keep_result(group: Group, posts: Integer, usual: float) -> None:
    kept = np.int64(group["results"])
    if kept == BENEFIT_RESULTS:
        for i in range(kept - 1):
            group["result_posts"][i] = group["result_posts"][i + 1]
            group["result_usual"][i] = group["result_usual"][i + 1]
        kept -= 1
    group["result_posts"][kept] = posts
    group["result_usual"][kept] = usual
    group["results"] = kept + 1


@compiled
def _is_lost(t: RuleSet, posts: Integer, usual: float, posts_before: Integer, usual_before: float) -> bool:
    """Whether benefits bring hardly anything now, and surely less than before."""
    if usual < t["lift_posts"] or usual_before < t["lift_posts"]:
        return False
    if posts >= t["lift"] * usual or posts_before <= t["lift_before"] * usual_before:
        return False
    scatter = posts_before / (usual_before * usual_before) + max(float(posts), usual) / (usual * usual)
    fall = posts_before / usual_before - posts / usual
    return bool(fall >= t["lift_sure"] * math.sqrt(_BURSTS * scatter))


@compiled
def settle_benefit(
    moves: Moves, group: Group, index: Integer, t: RuleSet, place: Integer, at: Integer, base: Integer
) -> None:
    """The hour after a benefit is over: did it bring anything?"""
    posts, usual = np.int64(group["benefit_posts"][place]), np.float64(group["benefit_usual"][place])
    last = np.int64(group["benefits"]) - 1
    for i in range(place, last):
        group["benefit_at"][i] = group["benefit_at"][i + 1]
        group["benefit_posts"][i] = group["benefit_posts"][i + 1]
        group["benefit_usual"][i] = group["benefit_usual"][i + 1]
    group["benefits"] = last
    if usual < 0.0:
        return
    _keep_result(group, posts, usual)
    if group["results"] < BENEFIT_RESULTS:
        return
    posts_before, usual_before = lift_sums(group, 0, BENEFITS_BEFORE)
    posts, usual_now = lift_sums(group, BENEFITS_BEFORE, BENEFIT_RESULTS)
    if is_open(group, BENEFIT_LIFT_LOST):
        if posts < t["lift_before"] * usual_now:
            return
        alert = resolve_alert(moves, group, index, BENEFIT_LIFT_LOST, at, base)
    else:
        if not _is_lost(t, posts, usual_now, posts_before, usual_before):
            return
        alert = open_alert(moves, group, index, BENEFIT_LIFT_LOST, at, base)
    alert["x"][0] = posts
    alert["x"][1] = usual_now
    alert["x"][2] = posts_before
    alert["x"][3] = usual_before


@compiled
def take_ad(
    moves: Moves, group: Group, index: Integer, t: RuleSet, at: Integer, clock: Integer, base: Integer
) -> None:
    """A member posts an ad: is it a burst?"""
    kept = np.int64(group["ads"])
    if kept == ADS_REMEMBERED:
        for i in range(kept - 1):
            group["ad_at"][i] = group["ad_at"][i + 1]
        kept -= 1
    group["ad_at"][kept] = at
    group["ads"] = kept + 1
    span = np.int64(t["spam"])
    if not is_open(group, SPAM_BURST):
        found = 0
        for i in range(kept + 1):
            if at - span < group["ad_at"][i] <= at:
                found += 1
        if found < t["spam_ads"]:
            return
        open_alert(moves, group, index, SPAM_BURST, clock, base)["x"][0] = found
    group["spam_until"] = clock + span


@compiled
def settle_spam(moves: Moves, group: Group, index: Integer, at: Integer, base: Integer) -> None:
    """There was no ad for so long that the burst is over."""
    group["spam_until"] = NEVER
    resolve_alert(moves, group, index, SPAM_BURST, at, base)
