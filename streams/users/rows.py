"""From the state of people to the rows of `users`, `segment_transitions` and `medals`, as Arrow columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from schemas.actions import ROLES
from schemas.rules import Rules
from schemas.tables import MEDALS, SEGMENT_TRANSITIONS, USERS
from streams.arrow_rows import batch_of, rate
from streams.columnar import Array, Keyed
from streams.text import key_column, moments, words
from streams.users import closeness, intent, lifecycle, pyramid
from streams.users.ladders import EVIDENCE, LADDERS
from streams.users.medals import MEDALS as MEDAL_WORDS
from streams.users.rulebook import Rulebook
from streams.users.state import (
    CLOSENESS,
    INTENT,
    INVITED,
    INVITED_BY_SHARE,
    LEVEL,
    LIFECYCLE,
    NEVER,
    POINT_KINDS,
    PYRAMID,
    Tables,
)

_COUNTS = ("joins", "posts", "shares", "leaves", "purchases", "views")
_ACTIONS_OF_DAY = (1 << 14) - 1
_MEDAL_SETS = pa.array(
    [
        [word for bit, word in enumerate(MEDAL_WORDS) if held >> bit & 1]
        for held in range(1 << len(MEDAL_WORDS))
    ],
    USERS.arrow_schema.field("medals").type,
)


def _who(keys: Keyed, rows: Array) -> dict[str, pa.Array]:
    return {
        "community_id": key_column(keys.arena, keys.starts, rows, first=True),
        "user_id": key_column(keys.arena, keys.starts, rows, first=False),
    }


def transition_rows(keys: Keyed, found: Array, ingested_ms: int) -> pa.RecordBatch:
    """Rows of `segment_transitions`; `found` is of `TRANSITION`."""
    count = len(found)
    before, after, rule, evidence = (np.empty(count, object) for _ in range(4))
    for code, ladder in enumerate(LADDERS):
        mine = np.flatnonzero(found["ladder"] == code)
        if len(mine):
            some = found[mine]
            segments, rules = np.array(ladder.segments, object), np.array(ladder.rules, object)
            before[mine], after[mine] = segments[some["before"]], segments[some["after"]]
            rule[mine] = rules[some["rule"]]
            evidence[mine] = EVIDENCE[code](some)
    columns = {
        **_who(keys, found["row"]),
        "ladder": words(found["ladder"], tuple(ladder.name for ladder in LADDERS)),
        "from_segment": pa.array(before, pa.string()),
        "to_segment": pa.array(after, pa.string()),
        "at": moments(found["at"]),
        "day": pa.array(found["day"], pa.int32()).cast(pa.date32()),
        "rule": pa.array(rule, pa.string()),
        "evidence": pa.array(evidence, pa.string()),
        "_position": pa.array(found["position"]),
        "_ingested_at": moments(np.full(count, ingested_ms)),
    }
    return batch_of(SEGMENT_TRANSITIONS, columns)


def medal_rows(keys: Keyed, found: Array, ingested_ms: int) -> pa.RecordBatch:
    """Rows of `medals`; `found` is of `MEDAL`."""
    columns = {
        **_who(keys, found["row"]),
        "medal": words(found["medal"], MEDAL_WORDS),
        "at": moments(found["at"]),
        "_position": pa.array(found["position"]),
        "_ingested_at": moments(np.full(len(found), ingested_ms)),
    }
    return batch_of(MEDALS, columns)


def user_rows(tables: Tables, touched: Array, version: int, rules: Rules, book: Rulebook) -> pa.RecordBatch:
    """Rows of `users` for those of the touched people who have done something."""
    keys = tables.people.arrays
    people = keys.rows[touched]
    there = people["first_at"] != NEVER
    if not there.all():
        touched, people = touched[there], people[there]
    columns = {
        **_who(keys, touched),
        **_lifecycle(people),
        **_standings(people),
        **_contributions(people, book),
        **_inviters(tables, people),
        **_level(people, rules),
        "_version": pa.array(np.full(len(touched), version, np.uint64)),
    }
    return batch_of(USERS, columns)


def _lifecycle(people: Array) -> dict[str, pa.Array]:
    day = people["day"].astype(np.int64)
    ring = people["ring"]
    of_day = ring & _ACTIONS_OF_DAY
    week = (day[:, None] - np.arange(7)) % ring.shape[1]
    return {
        "segment": words(people["on"][:, LIFECYCLE], lifecycle.SEGMENTS),
        "segment_since": moments(people["since"][:, LIFECYCLE]),
        "first_at": moments(people["first_at"]),
        "last_at": moments(people["last_at"]),
        **{name: pa.array(people["counts"][:, code]) for code, name in enumerate(_COUNTS)},
        "active_days_28": pa.array(np.bitwise_count(people["days"]).astype(np.uint8)),
        "actions_7": pa.array(np.take_along_axis(of_day, week, 1).sum(1, dtype=np.uint32)),
        "actions_28": pa.array(of_day.sum(1, dtype=np.uint32)),
        "own_28": pa.array((((ring >> 14) & 127) + ((ring >> 21) & 63)).sum(1, dtype=np.uint32)),
        "benefits_28": pa.array((ring >> 27).sum(1, dtype=np.uint32)),
        "score": pa.array(people["score"]),
        "score_at": moments(people["score_at"]),
        "groups": pa.array(people["groups"]),
        "groups_left": pa.array(people["groups_left"]),
        "role": words(people["role"], ROLES),
    }


def _standings(people: Array) -> dict[str, pa.Array]:
    return {
        "pyramid": words(people["on"][:, PYRAMID], pyramid.SEGMENTS),
        "pyramid_since": moments(people["since"][:, PYRAMID]),
        "intent": words(people["on"][:, INTENT], intent.SEGMENTS),
        "intent_since": moments(people["since"][:, INTENT]),
        "intent_score": pa.array(people["intent_score"]),
        "intent_at": moments(people["intent_at"]),
        "closeness": words(people["on"][:, CLOSENESS], closeness.SEGMENTS),
        "closeness_since": moments(people["since"][:, CLOSENESS]),
    }


def _contributions(people: Array, book: Rulebook) -> dict[str, pa.Array]:
    sets = book.sets[people["rules"]]
    counts = people["counts"].astype(np.int64)
    posts = counts[:, _COUNTS.index("posts")]
    activities = counts.sum(1) - counts[:, _COUNTS.index("leaves")]
    after = people["first_post_at"] - people["joined_at"]
    joined, posted = counts[:, _COUNTS.index("joins")] > 0, posts > 0
    activated = joined & posted & (after >= 0) & (after <= sets["activation"])
    return {
        "joined_at": moments(people["joined_at"]),
        "first_post_at": moments(people["first_post_at"]),
        "activated": pa.array(activated.astype(np.uint8)),
        "benefits": pa.array(people["benefits"]),
        "replies": pa.array(people["replies"]),
        "interaction_depth": rate(people["replies"], posts, sets["rates_min"]),
        "reward_share": rate(people["benefits"], activities, sets["rates_min"]),
        "purchase_at": moments(people["purchase_at"]),
        "purchase_before": moments(people["purchase_before"]),
    }


def _inviters(tables: Tables, people: Array) -> dict[str, pa.Array]:
    by_share = (people["flags"] & INVITED_BY_SHARE) != 0
    by_name = (people["flags"] & INVITED != 0) & ~by_share
    return {
        "inviter_id": _texts(tables.names.arrays, people["invited_by"], by_name),
        "via_share_id": _texts(tables.vias.arrays, people["invited_by"], by_share),
        "invites": pa.array(people["invites"]),
        "invites_stayed": pa.array(people["invites_stayed"]),
    }


def _texts(keys: Keyed, rows: Array, where: Array) -> pa.Array:
    """The second piece of the keys of `rows`, empty but `where`."""
    if not where.any():
        return pa.repeat("", len(rows))
    found = key_column(keys.arena, keys.starts, rows[where], first=False)
    at = np.cumsum(where) - 1
    return found.take(pa.array(at, mask=~where)).fill_null("")


def _level(people: Array, rules: Rules) -> dict[str, pa.Array]:
    level = people["on"][:, LEVEL]
    titles = [found.level.titles for found in rules.sets]
    if len(titles) == 1:
        title = words(np.minimum(level, len(titles[0]) - 1), titles[0])
    else:
        title = pa.array(
            [
                titles[number][min(n, len(titles[number]) - 1)]
                for number, n in zip(people["rules"].tolist(), level.tolist(), strict=True)
            ],
            pa.string(),
        )
    return {
        "level": pa.array(level),
        "level_since": moments(people["since"][:, LEVEL]),
        "title": title,
        "level_points": pa.array(people["level_points"]),
        **{f"points_{kind}": pa.array(people["points"][:, code]) for code, kind in enumerate(POINT_KINDS)},
        "medals": _MEDAL_SETS.take(pa.array(people["medals"])),
    }
