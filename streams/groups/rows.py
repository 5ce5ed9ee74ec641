"""From the state of groups to the rows of `groups`, `memberships` and `alert_changes`, as Arrow columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas.actions import ROLES
from schemas.group_tables import (
    ALERT_CHANGES,
    ALERT_RULES,
    GROUPS,
    LEFT_AFTER,
    MEMBERSHIPS,
    PHASES,
    SYMPTOMS,
)
from streams.arrow_rows import batch_of, rate, texts_of
from streams.columnar import Array, Keyed
from streams.groups.answers import EDGES
from streams.groups.rulebook import GroupRulebook
from streams.groups.state import (
    BENEFIT_RESULTS,
    CHANGES,
    FIGURES,
    HIT_AND_RUN,
    LATEST_BENEFITS,
    LEAST_ANSWERS,
    RULE_NAMES,
    Tables,
    shown_of,
)
from streams.text import key_column, moments, words

_TOTALS = (
    "joins_total", "leaves_total", "posts_total", "shares_total", "purchases_total", "views_total",
)  # fmt: skip
_NOT_SHOWN = ("answers", "median_class", "p90_class")
_MILLIONTHS = 1e6
_RATES = {
    "d1_d7": ("active_1", "active_7"),
    "d7_d28": ("active_7", "active_28"),
    "sharer_share": ("sharers", "active_28"),
    "answered_share": ("question_answers_28", "questions_28"),
    "early_hazard": ("gone_early", "newcomers"),
    "icebreaking": ("icebreakers_28", "joins_28"),
    "reward_share": ("benefit_actions_28", "posts_28"),
    "heard_share": ("heard_7", "staff_posts_7"),
    "ads_share": ("ads_7", "posts_7"),
}
"""Rates of two figures."""


def _which(keys: Keyed, rows: Array) -> dict[str, pa.Array]:
    return {
        "community_id": key_column(keys.arena, keys.starts, rows, first=True),
        "group_id": key_column(keys.arena, keys.starts, rows, first=False),
    }


def alert_rows(
    keys: Keyed, found: Array, evidence: Sequence[str], ingested_ms: Sequence[int]
) -> pa.RecordBatch:
    """Rows of `alert_changes`; `found` is of `ALERT`, `evidence` the JSON of each."""
    columns = {
        **_which(keys, found["row"]),
        "rule": words(found["rule"], RULE_NAMES),
        "severity": words(found["rule"], tuple(ALERT_RULES.values())),
        "change": words(found["change"], CHANGES),
        "at": moments(found["at"]),
        "opened_at": moments(found["opened_at"]),
        "evidence": pa.array(evidence, pa.string()),
        "content_id": pa.repeat("", len(found)),
        "_position": pa.array(found["position"]),
        "_ingested_at": moments(np.array(ingested_ms, np.int64)),
    }
    return batch_of(ALERT_CHANGES, columns)


def membership_rows(tables: Tables, touched: Array, version: int) -> pa.RecordBatch:
    """Rows of `memberships`."""
    keys = tables.memberships.arrays
    members = keys.rows[touched]
    names = tables.names.arrays
    columns = {
        **_which(tables.groups.arrays, members["group"].astype(np.int64)),
        "user_id": key_column(keys.arena, keys.starts, touched, first=True),
        "member": pa.array(members["member"]),
        "joined_at": moments(members["joined_at"]),
        "phase_at_joining": words(members["phase"], ("", *PHASES)),
        "channel": texts_of(names, members["channel"]),
        "inviter_id": texts_of(names, members["inviter"]),
        "role": words(members["role"], ROLES),
        "first_post_at": moments(members["first_post_at"]),
        "left_at": moments(members["left_at"]),
        "left_after": words(members["left_after"], LEFT_AFTER),
        "_version": pa.array(np.full(len(touched), version, np.uint64)),
    }
    return batch_of(MEMBERSHIPS, columns)


def _delay(figures: Array, which: str) -> pa.Array:
    """The edge of a class of delays, in seconds; null with too few answers."""
    return pa.array(EDGES[figures[which]] / 1000.0, pa.float64(), mask=figures["answers"] < LEAST_ANSWERS)


def _lift(groups: Array, least: Array) -> pa.Array:
    """Posts after the latest benefits, to those usual there."""
    half = LATEST_BENEFITS
    kept = groups["results"].astype(np.int64)
    places = np.clip(kept[:, None] - half + np.arange(half), 0, BENEFIT_RESULTS - 1)
    posts = np.take_along_axis(groups["result_posts"], places, 1).sum(1, dtype=np.int64)
    usual = np.zeros(len(groups))
    for place in np.take_along_axis(groups["result_usual"], places, 1).T:  # in order: sums are exact
        usual += place.astype(np.float64)
    return pa.array(posts / np.maximum(usual, 1e-9), pa.float64(), mask=(kept < half) | (usual < least))


def _rates(groups: Array, figures: Array, book: GroupRulebook) -> dict[str, pa.Array]:
    sets = book.sets[groups["rules"]]
    least = sets["rates_min"]
    f = {name: figures[name].astype(np.int64) for name in FIGURES.names or ()}
    members, staff = groups["members"].astype(np.int64), groups["staff"].astype(np.int64)
    return {
        **{name: rate(f[part], f[whole], least) for name, (part, whole) in _RATES.items()},
        "participation": rate(f["participants"], members, least),
        "core_share": rate(f["core"], members, least),
        "conversion": rate(f["buyers"], members, least),
        "reply_depth": rate(f["replies_28"], f["posts_28"] + f["staff_posts_28"], least),
        "staff_share": rate(f["staff_posts_7"], f["posts_7"] + f["staff_posts_7"], least),
        "benefit_lift": _lift(groups, sets["lift_posts"]),
        "per_staff": rate(members, staff, 1),
        "topics_a_week": pa.array(f["topics_28"] / 4.0),
    }


def _open_alerts(groups: Array) -> pa.Array:
    """The names of open alerts, in the order of the rules."""
    masks, which = np.unique(groups["open"], return_inverse=True)
    lists = [[name for bit, name in enumerate(RULE_NAMES) if int(mask) >> bit & 1] for mask in masks]
    return pa.array(lists, GROUPS.arrow_schema.field("alerts").type).take(pa.array(which))


def group_rows(tables: Tables, touched: Array, version: int, book: GroupRulebook) -> pa.RecordBatch:
    """Rows of `groups`."""
    keys = tables.groups.arrays
    groups = shown_of(keys.rows, touched)
    figures = groups["figures"]
    day = np.where(groups["closes"] > 0, groups["day"] - 1, 0).astype(np.int32)
    columns = {
        **_which(keys, touched),
        "members": pa.array(groups["members"].astype(np.uint32)),
        "staff": pa.array(groups["staff"].astype(np.uint32)),
        **{name: pa.array(groups[name].astype(np.uint64)) for name in _TOTALS},
        "amount_total": pa.array(groups["units_total"] + groups["millionths_total"] / _MILLIONTHS),
        "last_post_at": moments(groups["last_post_at"]),
        "day": pa.array(day).cast(pa.date32()),
        **{name: pa.array(figures[name]) for name in FIGURES.names or () if name not in _NOT_SHOWN},
        "response_median_s": _delay(figures, "median_class"),
        "response_p90_s": _delay(figures, "p90_class"),
        "unanswered": pa.array(groups["unanswered"].astype(np.uint32)),
        **_rates(groups, figures, book),
        "phase": words(groups["phase"], PHASES),
        "phase_since": moments(groups["phase_since"]),
        "health": pa.array(groups["health"]),
        "alerts": _open_alerts(groups),
        "_version": pa.array(np.full(len(touched), version, np.uint64)),
    }
    for place, name in enumerate(SYMPTOMS):
        rule = HIT_AND_RUN + place
        on = (groups["open"] >> rule & 1).astype(bool)
        columns[name] = pa.array(groups["severity"][:, place])
        columns[f"{name}_since"] = moments(np.where(on, groups["opened_at"][:, rule], 0))
    return batch_of(GROUPS, columns)
