"""What a churn detector expects of each hour of the week, how counts scatter around it, and so what h is.

It takes in a week at a time: `learn` adds it to decayed sums, `set_rates` makes the baseline of them,
`set_chart` step, spread, margin and h. `s` is the state of `streams.groups.churn`. The definition is
docs/churn.md; where the constants come from is docs/decisions/0015-churn.md.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from streams.compiled import Integer, compiled, making_arrays

State = Any
"""One row of `CHURN` or `CHURN_BY_DAY`, or that part of a group's row."""
RuleRow = Any
"""One row of `CHURN_RULES`."""

SPIKE = 65_535
"""In `counts`: part of an alarm, so not learnt."""

_HOURS_DIFFER = 0.25
"""How much an hour of the week differs from its hour of the day times its day; coefficient of variation."""
_BY_HOUR, _BY_DAY = 48.0, 70.0
"""How many leaves a flat prior of the hours of the day, and of the days of the week, weighs."""
_FIRST_SPREAD = (0.5, 0.05, 0.03)
"""The spread of hours, days and weeks while nothing is known, as if seen for so many weeks:"""
_FIRST_WEEKS = 4.0
_DOUBT = 1.5
"""Days scatter more than their hours tell only if by so many standard errors."""
_LEAST_SPREAD, _MOST_SPREAD = 0.02, 20.0
_DRIFT = 0.03
"""How much the level of a week differs from that of the weeks before; coefficient of variation."""
_STAYS = 0.8
"""A step stays until so much fewer leave than it takes to get it."""
_WEEKS_A_MONTH = 365.25 / 12 / 7
_RUNS, _CROWDED = 0.68, 3.1
"""False alarms a step are _RUNS * i / (1 + _CROWDED * i) * exp(-h), i its information: see docs/churn.md."""
LOG_2 = math.log(2.0)


@compiled
def llr(x: Integer, mu: float, spread: float) -> float:
    """The log-likelihood ratio of twice the mean against the mean, for x leaves of a negative binomial."""
    base = math.log((1.0 + 2.0 * spread * mu) / (1.0 + spread * mu))
    ratio: float = x * (LOG_2 - base) - base / spread
    return ratio


@compiled
def expected_in(s: State, place: Integer, step: Integer) -> float:
    """Leaves expected in the `step` slots from a place of the week on."""
    mu = 0.0
    for i in range(place, place + step):
        mu += np.float64(s["rates"][i])
    return mu


@compiled
def _excess(s: State, scale: Integer) -> float:
    """The spread of hours (0), days (1) or weeks (2) as they tell themselves."""
    square, spread = np.float64(s["squares"][scale]), _FIRST_SPREAD[scale]
    if square > 0.0:
        spread = np.float64(s["errors"][scale]) / square
    return min(max(spread, _LEAST_SPREAD), _MOST_SPREAD)


@compiled
def _spread_of(s: State, scale: Integer) -> float:
    """How counts of hours (0), days (1) or weeks (2) scatter beyond Poisson around what was expected.

    Where days scatter surely more than their hours tell, that of hours is the one which makes days so.
    """
    spread, square = _excess(s, scale), np.float64(s["squares"][0])
    if scale > 0 or square == 0.0:
        return spread
    by_day = (np.float64(s["errors"][1]) - _DOUBT * math.sqrt(np.float64(s["noise"]))) / square
    return max(spread, min(by_day, _MOST_SPREAD))


@compiled
def _spread_of_slots(s: State) -> float:
    """That of hours; of days where a slot is a day."""
    return _spread_of(s, 0 if len(s["counts"]) > 7 else 1)


@compiled
def learn(s: State, rules: RuleRow) -> None:
    """A week is over: what it was like goes into the sums; slots of an alarm count as expected."""
    hours = len(s["counts"]) // 7
    keep, weeks = np.float64(rules["rhythm_keep"]), np.int64(s["weeks"])
    spread = _excess(s, 0)
    e0, e1, q0, q1, noise = 0.0, 0.0, 0.0, 0.0, 0.0
    week_x, week_mu, days = 0.0, 0.0, 0
    for day in range(7):
        e, q, day_x, day_mu, known = 0.0, 0.0, 0.0, 0.0, True
        for place in range(day * hours, (day + 1) * hours):
            mu = np.float64(s["rates"][place])
            x = np.float64(s["counts"][place])
            if x == SPIKE:
                x = mu
                known = False
            e += (x - mu) * (x - mu) - mu
            q += mu * mu
            day_x += x
            day_mu += mu
            s["cells"][place] = keep * np.float64(s["cells"][place]) + x
        if known:
            variance = day_mu + spread * q
            e0 += e
            e1 += (day_x - day_mu) * (day_x - day_mu) - day_mu
            q0 += q
            q1 += day_mu * day_mu
            noise += 2.0 * variance * variance
            days += 1
        week_x += day_x
        week_mu += day_mu
    if weeks > 0:
        e2, q2 = 0.0, 0.0
        if days == 7:
            e2, q2 = (week_x - week_mu) * (week_x - week_mu) - week_mu, week_mu * week_mu
        found = ((e0, q0), (e1, q1), (e2, q2))
        for i in range(3):
            if weeks == 1:
                s["squares"][i] = _FIRST_WEEKS * found[i][1]
                s["errors"][i] = _FIRST_SPREAD[i] * np.float64(s["squares"][i])
            s["errors"][i] = keep * np.float64(s["errors"][i]) + found[i][0]
            s["squares"][i] = keep * np.float64(s["squares"][i]) + found[i][1]
        s["noise"] = keep * np.float64(s["noise"]) + noise
    keep_level = np.float64(rules["level_keep"])
    s["level"] = keep_level * np.float64(s["level"]) + week_x
    s["level_weeks"] = keep_level * np.float64(s["level_weeks"]) + 1.0
    s["level_squares"] = keep_level * keep_level * np.float64(s["level_squares"]) + 1.0
    s["rhythm_weeks"] = keep * np.float64(s["rhythm_weeks"]) + 1.0
    s["weeks"] = min(weeks + 1, 1000)


@making_arrays
def set_rates(s: State) -> None:
    """What is expected in each slot of a week: its share, drawn to that of its hour and day, of the level."""
    hours = len(s["counts"]) // 7
    by_hour, by_day, total = np.zeros(hours), np.zeros(7), 0.0
    for day in range(7):
        for hour in range(hours):
            x = np.float64(s["cells"][day * hours + hour])
            by_hour[hour] += x
            by_day[day] += x
            total += x
    spread = _spread_of_slots(s)
    weeks, shares = np.float64(s["rhythm_weeks"]), 0.0
    for day in range(7):
        for hour in range(hours):
            place = day * hours + hour
            share = (by_hour[hour] + _BY_HOUR / hours) / (total + _BY_HOUR)
            share *= (by_day[day] + _BY_DAY / 7.0) / (total + _BY_DAY)
            usual = share * total
            prior = (1.0 + spread * usual / weeks) / (_HOURS_DIFFER * _HOURS_DIFFER)
            share *= (np.float64(s["cells"][place]) + prior) / (usual + prior)
            s["rates"][place] = share
            shares += share
    weekly = (np.float64(s["level"]) + 1.0) / np.float64(s["level_weeks"])
    for place in range(7 * hours):
        s["rates"][place] = np.float64(s["rates"][place]) * (weekly / shares)


@compiled
def _step(s: State, rules: RuleRow, weekly: float) -> Integer:
    """By what step to watch a group that so many usually leave a week."""
    slots, step = len(s["counts"]), np.int64(s["step"])
    hours = slots // 7
    if hours > 1 and weekly >= rules["hourly_from"] * (_STAYS if step == 1 else 1.0):
        return np.int64(1)
    stays = step == 1 or step == hours
    return np.int64(hours if weekly >= rules["daily_from"] * (_STAYS if stays else 1.0) else slots)


@compiled
def set_chart(s: State, rules: RuleRow) -> None:
    """How sure what is expected is, by what step the group is watched from now on, and h."""
    slots = len(s["counts"])
    hours = slots // 7
    weekly, square = 0.0, 0.0
    for place in range(slots):
        mu = np.float64(s["rates"][place])
        weekly += mu
        square += mu * mu
    scatter = 1.0 / weekly + _spread_of_slots(s) * square / (weekly * weekly)
    weeks = np.float64(s["level_weeks"])
    error = scatter * np.float64(s["level_squares"]) / (weeks * weeks) + _DRIFT * _DRIFT
    margin = 1.0 + math.sqrt(error)
    step = _step(s, rules, weekly * margin) if s["sum"] == 0.0 else np.int64(s["step"])
    spread = _spread_of(s, 2 if step == slots else (1 if step == hours else 0))
    information = 0.0
    for place in range(0, slots, step):
        usual = margin * expected_in(s, place, step)
        information -= llr(0, usual, spread) + usual * (llr(1, usual, spread) - llr(0, usual, spread))
    runs = _RUNS * information / (1.0 + _CROWDED * (information * step / slots))
    h = math.log(rules["false_alarm_months"] * _WEEKS_A_MONTH * runs)
    s["margin"] = margin
    s["step"] = step
    s["spread"] = spread
    s["threshold"] = max(h, rules["least_leaves"] * LOG_2)
