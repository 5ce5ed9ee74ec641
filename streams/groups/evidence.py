"""What decided an alert, as JSON; and who it was about, for churn alerts, counted from the memberships."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from streams.calendar import Zone
from streams.columnar import Array
from streams.compiled import Integer, compiled
from streams.groups.days import day_of
from streams.groups.state import FALLING_SILENT, OPENED, RULE_NAMES, Tables

MOST_NAMED = 5
"""So many channels, and cohorts, are named; the others count together."""
OTHERS = "(others)"

_SILENCE = ("measure", "level", "hours")
_CHURN = ("count", "expected", "score", "threshold", "began_at", "ended_at")
NAMES: dict[str, tuple[str, ...]] = {
    "group_silence": _SILENCE,
    "group_quiet": _SILENCE,
    "churn_spike": _CHURN,
    "falling_silent": _CHURN,
    "hit_and_run": ("newcomers", "gone_early", "", "", "severity"),
    "hollow_growth": ("joins_7", "joins_7_before", "posts_7", "posts_7_before", "severity"),
    "monologue": ("staff_posts_7", "posts_7", "", "", "severity"),
    "no_response": ("staff_posts_7", "heard_7", "", "", "severity"),
    "benefit_deaf": ("posts", "usual", "", "", "severity"),
    "spam_ridden": ("ads_7", "posts_7", "", "", "severity"),
    "chaos_warning": ("joins_7", "joins_7_before", "leaves_7", "spam_ridden", "severity"),
    "benefit_lift_lost": ("posts", "usual", "posts_before", "usual_before"),
    "unanswered_question": ("unanswered",),
    "spam_burst": ("ads",),
}
"""What the numbers `x` of an `ALERT` are, by rule; those without a name are not told."""
_FRACTIONS = frozenset(
    ("measure", "level", "hours", "expected", "score", "threshold", "severity", "usual", "usual_before")
)


def evidence_of(alert: Any, detail: dict[str, Any]) -> str:
    """The JSON of one row of `ALERT`, with what else there is to tell."""
    rule = RULE_NAMES[alert["rule"]]
    names = NAMES[rule]
    if names is _SILENCE and alert["change"] != OPENED:
        return json.dumps({"gap_hours": float(alert["x"][0])})
    values = {
        name: float(x) if name in _FRACTIONS else int(x)
        for name, x in zip(names, alert["x"].tolist(), strict=False)
        if name
    }
    return json.dumps({**values, **detail}, ensure_ascii=False)


@compiled
def _members_of(memberships: Array, first: Integer, found: Array) -> Integer:
    """Fill `found` with the rows of a group's memberships; how many (also beyond its length)."""
    count = 0
    row = np.int64(first)
    while row > 0:
        if count < len(found):
            found[count] = row - 1
        count += 1
        row = np.int64(memberships[row - 1]["next"])
    return count


def churn_detail(tables: Tables, alert: Any, zone: Zone, silent_days: int, *, usual: bool) -> dict[str, Any]:
    """Who is gone, by channel and by the month in which they joined; as of now."""
    group = tables.groups.arrays.rows[alert["row"]]
    memberships = tables.memberships.arrays.rows
    rows = np.zeros(_members_of(memberships, group["first_member"], np.zeros(0, np.int64)), np.int64)
    _members_of(memberships, group["first_member"], rows)
    members = memberships[rows]
    began_at, ended_at = int(alert["x"][4]), int(alert["x"][5])
    if alert["rule"] == FALLING_SILENT:
        told_on = members["day"].astype(np.int64) + silent_days + 1
        gone = (members["member"] == 1) & (members["days"] != 0)
        gone &= (told_on > day_of(zone, began_at)) & (told_on <= day_of(zone, ended_at))
    else:
        left = members["left_clock"]
        gone = (members["member"] == 0) & (members["joined_at"] > 0) & (left >= began_at) & (left < ended_at)
    who = members[gone]
    detail: dict[str, Any] = {
        "members": int(group["members"]),
        "by_channel": _most(_channels(tables, who["channel"])),
        "by_cohort": _most(who["joined_day"].astype("datetime64[D]").astype("datetime64[M]").astype(str)),
    }
    if alert["change"] != OPENED:
        detail["usual"] = int(usual)
    return detail


def _channels(tables: Tables, numbers: Array) -> list[str]:
    """The texts of rows of `names` + 1; empty for 0."""
    names = tables.names
    return [names.key(int(n) - 1)[:-1].decode() if n else "" for n in numbers]


def _most(values: Iterable[str]) -> dict[str, int]:
    """The 5 that are there most often, and how often; the others together."""
    order = sorted(Counter(map(str, values)).items(), key=lambda pair: (-pair[1], pair[0]))
    found = dict(order[:MOST_NAMED])
    if rest := sum(count for _, count in order[MOST_NAMED:]):
        found[OTHERS] = rest
    return found
