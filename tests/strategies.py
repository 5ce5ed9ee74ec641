"""Hypothesis strategies: small logs with everything that can be wrong with a log."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import strategies as st

from tests.generate import (
    ACTIONS,
    DAY_MS,
    HOUR_MS,
    MALFORMED,
    MINUTE_MS,
    STRANGE_IDS,
    encode,
    event,
    key_of,
    rfc3339,
)

START_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z: where every log of `logs` begins, but for what is out of order."""
SPAN_DAYS = 400

PEOPLE = ("ann", "bob", "eve", *STRANGE_IDS[:6], "u" * 128)
GROUPS = ("g1", "g2", STRANGE_IDS[4])
COMMUNITIES = (None, "c2", "\u793e\u533a")

Message = tuple[bytes, bytes]
"""Key and value."""

_GAPS = st.one_of(
    st.just(0),
    st.integers(1, 2 * HOUR_MS),
    st.integers(0, 40).map(lambda days: days * DAY_MS),
    st.sampled_from([7 * DAY_MS, 28 * DAY_MS, 600_000, HOUR_MS, DAY_MS]).flatmap(
        lambda gap: st.integers(-1, 1).map(lambda more: gap + more)
    ),
    st.integers(0, 120 * DAY_MS),
)
_KINDS = ("stretch", "stretch", "stretch", "stretch", "core", "repeat", "other", "malformed")
_STEPS = st.one_of(
    st.integers(0, 5 * MINUTE_MS),
    st.sampled_from([DAY_MS, DAY_MS, DAY_MS - 1, DAY_MS // 2, 2 * DAY_MS, 6 * DAY_MS, 7 * DAY_MS]),
)
_SKEWS = st.one_of(
    st.just(0),
    st.just(0),
    st.just(0),
    st.integers(0, HOUR_MS),
    st.integers(0, 12 * DAY_MS),
    st.integers(27 * DAY_MS, 60 * DAY_MS),
    st.just(28 * DAY_MS),
)


@st.composite
def logs(draw: st.DrawFn, *, max_events: int = 400) -> list[Message]:
    """A log of 0 to `max_events` messages over up to 400 days, a few people in a few groups, as (key, value).

    Made of stretches: one person doing much the same at regular steps, which is how anybody gets to core,
    with gaps, repeats and refused messages in between. The right timestamp of the broker for all of
    them is any from `START_MS` + 400 days to the year 2149.
    """
    log: list[Message] = []
    now = START_MS
    number = 0
    for _ in range(draw(st.integers(0, 25))):
        what = draw(st.sampled_from(_KINDS))
        now = min(now + draw(_GAPS), START_MS + SPAN_DAYS * DAY_MS)
        if what == "stretch":
            who, group, community = (
                draw(st.sampled_from(PEOPLE)),
                draw(st.sampled_from(GROUPS)),
                draw(st.sampled_from(COMMUNITIES)),
            )
            actions = draw(st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=4))
            step, skew = draw(_STEPS), draw(_SKEWS)
            rng = random.Random(draw(st.integers(0, 3)))  # forms and optional fields: not worth shrinking
            for turn in range(draw(st.integers(1, 30))):
                moment = max(now - skew, 0)
                action = actions[turn % len(actions)]
                _add(log, encode(event(rng, action, moment, who, group, community, number), rng))
                number += 1
                now = min(now + step, START_MS + SPAN_DAYS * DAY_MS)
        elif what == "core":
            # Two weeks that lead to core, and then what may end it: less, or less often.
            who, later = draw(st.sampled_from(PEOPLE)), draw(st.sampled_from(("purchase", "view")))
            wait = draw(st.integers(2 * DAY_MS, 7 * DAY_MS))
            for turn in range(13 + draw(st.integers(0, 6))):
                action = "purchase" if turn < 13 else later
                _add(log, encode(event(random.Random(turn), action, now, who, "g1", None, number)))
                number += 1
                now = min(now + (DAY_MS if turn < 12 else wait), START_MS + SPAN_DAYS * DAY_MS)
        elif what == "malformed":
            kind = draw(st.sampled_from([name for name in MALFORMED if not name.startswith("too_large")]))
            good = event(random.Random(0), "view", now, "ann", "g1", None, number)
            _add(log, MALFORMED[kind][1](good))
            number += 1
        elif log:
            # Of one of the last few, or of any: within the window or long after.
            back = draw(st.one_of(st.integers(1, min(5, len(log))), st.integers(1, len(log))))
            value = log[-back][1]
            _add(log, value if what == "repeat" else _other(value, now))
    return log[:max_events]


def _add(log: list[Message], value: bytes) -> None:
    log.append((key_of(value), value))


def _other(value: bytes, moment: int) -> bytes:
    """Other content under the same event id; a message that is no object, as it is."""
    try:
        raw: Any = json.loads(value)
    except ValueError:
        return value
    if not isinstance(raw, dict):
        return value
    return encode(raw | {"group_id": "elsewhere", "occurred_at": rfc3339(moment)})
