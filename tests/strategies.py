"""Hypothesis strategies: small logs with everything that can be wrong with a log, and rules for them."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import strategies as st

from schemas.rules import Rules
from tests.generate import (
    ACTIONS,
    MALFORMED,
    SPECIAL,
    STRANGE_IDS,
    Links,
    encode,
    event,
    key_of,
    rfc3339,
)
from tests.lives import DAY_MS, HOUR_MS, MINUTE_MS

START_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z: where every log of `logs` begins, but for what is out of order."""
SPAN_DAYS = 400

PEOPLE = ("ann", "bob", "eve", *STRANGE_IDS[:6], "u" * 128)
GROUPS = ("g1", "g2", STRANGE_IDS[4])
COMMUNITIES = (None, "c2", "\u793e\u533a")

Message = tuple[bytes, bytes]
"""Key and value."""
_Who = tuple[str, str, str | None]
Fields = dict[str, str | None]

_GAPS = st.one_of(
    st.just(0),
    st.integers(1, 2 * HOUR_MS),
    st.integers(0, 40).map(lambda days: days * DAY_MS),
    st.sampled_from([7 * DAY_MS, 28 * DAY_MS, 600_000, HOUR_MS, DAY_MS]).flatmap(
        lambda gap: st.integers(-1, 1).map(lambda more: gap + more)
    ),
    st.integers(0, 120 * DAY_MS),
)
_KINDS = (
    *("stretch",) * 5, "core", "core", "hunt", "climb", "crowd", "invite", "invite",
    "repeat", "other", "malformed",
)  # fmt: skip
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


_ACTIONS = (*ACTIONS, *SPECIAL)
_WHO = st.tuples(st.sampled_from(PEOPLE), st.sampled_from(GROUPS), st.sampled_from(COMMUNITIES))


@st.composite
def logs(draw: st.DrawFn, *, max_events: int = 400) -> list[Message]:
    """A log of 0 to `max_events` messages over up to 400 days, a few people in a few groups, as (key, value).

    Made of stretches: one person doing much the same at regular steps, which is how anybody gets anywhere
    on a ladder, or a few whom one person brought, with gaps, repeats and refused messages in between. The
    right timestamp of the broker for all of them is any from `START_MS` + 400 days to the year 2149.
    """
    log = _Log(draw)
    for _ in range(draw(st.integers(0, 25))):
        log.wait(draw(_GAPS))
        getattr(log, draw(st.sampled_from(_KINDS)))()
    return log.messages[:max_events]


class _Log:
    """A log as it grows. Forms and optional fields come from a seed: not worth shrinking."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.messages: list[Message] = []
        self._draw = draw
        self._now = START_MS
        self._number = 0
        self._links = Links({community: list(PEOPLE) for community in COMMUNITIES})

    def wait(self, gap: int) -> None:
        self._now = min(self._now + gap, START_MS + SPAN_DAYS * DAY_MS)

    def _say(
        self, rng: random.Random, action: str, who: _Who, fields: Fields | None = None, *, skew: int = 0
    ) -> None:
        user, group, community = who
        moment = max(self._now - skew, 0)
        made = event(rng, action, moment, user, group, community, self._number, self._links)
        self._number += 1
        _add(self.messages, encode(made | (fields or {}), rng))

    def _rng(self) -> random.Random:
        return random.Random(self._draw(st.integers(0, 3)))

    def stretch(self) -> None:
        """Some actions over and over, perhaps of long ago."""
        who = self._draw(_WHO)
        actions = self._draw(st.lists(st.sampled_from(_ACTIONS), min_size=1, max_size=4))
        step, skew, rng = self._draw(_STEPS), self._draw(_SKEWS), self._rng()
        for turn in range(self._draw(st.integers(1, 30))):
            self._say(rng, actions[turn % len(actions)], who, skew=skew)
            self.wait(step)

    def core(self) -> None:
        """Two weeks that lead to core, and then what may end it: less, or less often."""
        who, later = self._draw(st.sampled_from(PEOPLE)), self._draw(st.sampled_from(("purchase", "view")))
        wait = self._draw(st.integers(2 * DAY_MS, 7 * DAY_MS))
        rng = self._rng()
        for turn in range(13 + self._draw(st.integers(0, 6))):
            self._say(rng, "purchase" if turn < 13 else later, (who, "g1", None))
            self.wait(DAY_MS if turn < 12 else wait)

    def hunt(self) -> None:
        """Benefits only, about four weeks after something else or not, and then something else or not."""
        who, rng = self._draw(_WHO), self._rng()
        other = st.sampled_from((None, "talk", "question", "purchase", "view", "leave"))
        if before := self._draw(other):
            self._say(rng, before, who)
            self.wait(self._draw(st.integers(22, 30)) * DAY_MS)
        step = self._draw(_STEPS)
        for _ in range(self._draw(st.integers(2, 6))):
            self._say(rng, "benefit", who)
            self.wait(step)
        if after := self._draw(other):
            self._say(rng, after, who)

    def climb(self) -> None:
        """Points for some levels, and then months of little or nothing."""
        who, rng = self._draw(_WHO), self._rng()
        for _ in range(self._draw(st.integers(10, 60))):
            self._say(rng, "share", who)
            self.wait(HOUR_MS)
        for gap in self._draw(st.lists(st.integers(25, 100), max_size=3)):
            self.wait(gap * DAY_MS)
            self._say(rng, self._draw(st.sampled_from(("view", "leave", "post"))), who)

    def crowd(self) -> None:
        """More of one action than earns points on a day."""
        who, rng = self._draw(_WHO), self._rng()
        action = self._draw(st.sampled_from(("post", "talk", "reply", "join", "share", "purchase")))
        skew = self._draw(_SKEWS)
        for _ in range(self._draw(st.integers(9, 14))):
            self._say(rng, action, who, skew=skew)
            self.wait(MINUTE_MS)

    def invite(self) -> None:
        """A few, or more than ten, who come through one person or share, and stay or not."""
        (inviter, group, community), rng = self._draw(_WHO), self._rng()
        share = f"s{self._number + self._draw(st.sampled_from((0, 0, 3, 30)))}"
        made = self._draw(st.sampled_from(("before", "after", "never")))
        named = self._draw(st.sampled_from(("inviter", "share", "both", "themselves")))
        days = self._draw(st.integers(0, 2))
        names = [f"i{n}" for n in range(self._draw(st.sampled_from((1, 3, 4, 11))))]
        guests = [*names, *self._draw(st.lists(st.sampled_from(PEOPLE), max_size=2))]
        if made == "before":
            self._say(rng, "share", (inviter, group, community), {"share_id": share})
        for guest in guests:
            fields: Fields = {
                "inviter_id": {"share": None, "themselves": guest}.get(named, inviter),
                "via_share_id": None if named == "inviter" else share,
            }
            self._say(rng, "join", (guest, group, community), fields)
        for _ in range(days):
            self.wait(DAY_MS)
            for guest in guests:
                self._say(
                    rng, self._draw(st.sampled_from(("view", "post", "leave"))), (guest, group, community)
                )
        if made == "after":
            self._say(rng, "share", (inviter, group, community), {"share_id": share})

    def malformed(self) -> None:
        """A message that is refused."""
        kind = self._draw(st.sampled_from([name for name in MALFORMED if not name.startswith("too_large")]))
        good = event(random.Random(0), "view", self._now, "ann", "g1", None, self._number)
        self._number += 1
        _add(self.messages, MALFORMED[kind][1](good))

    def repeat(self) -> None:
        """One of the last few, or any: within the window or long after."""
        if self.messages:
            self.messages.append(self._earlier())

    def other(self) -> None:
        """The same under other content."""
        if self.messages:
            _add(self.messages, _other(self._earlier()[1], self._now))

    def _earlier(self) -> Message:
        number = len(self.messages)
        back = self._draw(st.one_of(st.integers(1, min(5, number)), st.integers(1, number)))
        return self.messages[-back]


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


# --- rules ---------------------------------------------------------------------------------------

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Africa/Cairo",  # clocks change at midnight, to 1 o'clock, and back to 23
    "America/Havana",  # a midnight left out, and one twice
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
)

_WEIGHTS = st.sampled_from((0.0, 0.2, 0.3, 1.0, 2.0, 5.0, 16.0))
_HALF_LIVES = st.sampled_from((0.5, 3.0, 7.0, 14.0, 60.0))


def _table(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of a table's thresholds."""
    return st.fixed_dictionaries({}, optional=columns)


_LIFECYCLE = st.fixed_dictionaries(
    {
        "silent_days": st.integers(1, 14),
        "new_days": st.integers(1, 14),
        "lost_days": st.integers(15, 60),
        "resurrected_days": st.integers(1, 28),
        "active_min_days": st.integers(2, 5),
        "core_keep_days": st.integers(1, 6),
        "core_enter_days": st.integers(6, 14),
        "core_keep_score": st.sampled_from((0.5, 2.0, 4.0)),
        "core_enter_score": st.sampled_from((4.0, 8.0, 12.0)),
    }
)
_INTENT = _table(
    half_life_days=_HALF_LIVES,
    purchase=_WEIGHTS,
    question=_WEIGHTS,
    click=_WEIGHTS,
    benefit=_WEIGHTS,
    view=_WEIGHTS,
    strong_score=st.sampled_from((4.0, 8.0, 16.0)),
    intent_score=st.sampled_from((0.5, 1.0, 3.0)),
    hunter_benefits=st.integers(1, 6),
)
_POINTS = _table(
    join=st.integers(0, 50),
    join_per_day=st.integers(0, 2),
    post=st.integers(0, 50),
    post_per_day=st.integers(0, 3),
    share=st.integers(0, 50),
    share_per_day=st.integers(0, 3),
    day=st.integers(0, 50),
    invite=st.integers(0, 200),
    purchase=st.integers(0, 3),
    purchase_per_day=st.integers(0, 500),
)
_LEVEL = _table(
    base=st.sampled_from((5.0, 33.3, 100.0)),
    growth=st.sampled_from((1.1, 1.5, 2.0)),
    titles=st.sampled_from((("low", "high"), tuple(f"title {n}" for n in range(32)))),
    decay_days=st.integers(1, 60),
    decay_keep=st.sampled_from((0.1, 0.5, 0.9, 0.99)),
)
_OVERRIDES = _table(
    time_zone=st.sampled_from(ZONES),
    score_half_life_days=_HALF_LIVES,
    rates_min_count=st.integers(1, 30),
    activation_hours=st.integers(1, 100),
    weights=_table(view=_WEIGHTS, join=_WEIGHTS, post=_WEIGHTS, share=_WEIGHTS, purchase=_WEIGHTS),
    lifecycle=_LIFECYCLE,
    pyramid=_table(
        organiser_invited=st.integers(1, 4),
        stayed_days=st.integers(1, 3),
        valuable_days=st.integers(1, 120),
        invalid_days=st.integers(1, 30),
    ),
    intent=_INTENT,
    closeness=_table(
        like_own=st.integers(1, 20),
        rely_days=st.integers(1, 28),
        rely_purchases=st.integers(1, 2),
        rely_purchase_days=st.integers(1, 120),
    ),
    points=_POINTS,
    level=_LEVEL,
    medals=_table(streak_days=st.integers(2, 28), posts=st.integers(1, 30), invites=st.integers(1, 12)),
)


def rulesets() -> st.SearchStrategy[Rules]:
    """Rules for the communities of `logs`: any of them may keep to the defaults, or have others."""
    return st.builds(
        lambda common, communities: Rules.model_validate(common | {"communities": communities}),
        st.one_of(st.just({}), _OVERRIDES),
        st.dictionaries(st.sampled_from([name or "default" for name in COMMUNITIES]), _OVERRIDES, max_size=3),
    )
