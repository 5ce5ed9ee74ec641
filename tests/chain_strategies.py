"""Hypothesis strategies for chains: small logs of shares and what comes through them, and low thresholds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from schemas.rules import Rules
from tests.generate import encode, rfc3339
from tests.lives import DAY_MS, HOUR_MS, MINUTE_MS
from tests.strategies import START_MS, Message

SPAN_DAYS = 120
PEOPLE = tuple(f"p{n}" for n in range(8))
GROUPS = ("g1", "g1", "g1", "g2")
AMOUNTS = ("0", "12", "9.99", "0.000001", "1.000001", "999999999999.999999")

_Place = tuple[str | None, str]
"""Community and content."""

_GAPS = st.one_of(
    st.just(0),
    st.integers(1, HOUR_MS),
    st.integers(1, 30 * HOUR_MS),
    st.integers(1, 4 * DAY_MS),
    st.sampled_from([HOUR_MS, DAY_MS, 30 * DAY_MS]).flatmap(
        lambda gap: st.integers(-1, 1).map(lambda more: gap + more)
    ),
    st.integers(31 * DAY_MS, 60 * DAY_MS),
)
_LATE_MS = (1, MINUTE_MS, 59 * MINUTE_MS, 5 * HOUR_MS, 26 * HOUR_MS, 8 * DAY_MS, 31 * DAY_MS)
_PARENT_AFTER = (
    0, 1, 10 * MINUTE_MS, HOUR_MS - 1, HOUR_MS, HOUR_MS + 1, 20 * HOUR_MS, DAY_MS - 1, DAY_MS, DAY_MS + 1,
    3 * DAY_MS, 40 * DAY_MS,
)  # fmt: skip
_SCENES = (
    "burst", "burst", "blast", "hub", "chain", "family", "family", "ring", "ring", "repeat",
    "through", "through", "through", "errands",
)  # fmt: skip


@st.composite
def chain_logs(draw: st.DrawFn, *, max_events: int = 300) -> list[Message]:
    """A log of 0 to `max_events` messages over up to 120 days, of 1 to 6 contents, as (key, value).

    Made of scenes: a burst of shares within the hour, a hub, a deep chain in any order, a family whose parent
    comes last or never, a ring of shares that each name another, views, joins and purchases through shares
    of before, of later and that never come. Some messages are late by minutes to weeks.
    """
    log = _ChainLog(random.Random(draw(st.integers(0, 2**32))))
    if not draw(st.integers(0, 2)):
        log.blast()
    for _ in range(draw(st.integers(0, 30))):
        log.wait(draw(_GAPS))
        getattr(log, draw(st.sampled_from(_SCENES)))()
    return log.messages[:max_events]


class _ChainLog:
    """A log as it grows. Scenes and gaps are drawn; the rest is of no use to shrink and comes from a seed."""

    def __init__(self, rng: random.Random) -> None:
        self.messages: list[Message] = []
        self._now = START_MS
        self._rng = rng
        contents, others = self._rng.randint(1, 6), self._rng.choice((0, 0, 1, 3))
        self._places: list[_Place] = [
            (None, f"c{n}") if n < contents - others else ("k2", f"c{n - contents + others}")
            for n in range(contents)
        ]
        self._place = self._places[0]
        self._late = self._rng.choice((0.0, 0.0, 0.05, 0.3))
        self._made: dict[_Place, list[str]] = {place: [] for place in self._places}
        self._named: dict[_Place, list[str]] = {place: [] for place in self._places}
        """Shares that something named, and that have not come."""
        self._number = 0

    def wait(self, gap: int) -> None:
        """Time passes; and what comes next may be of another content."""
        self._now = min(self._now + gap, START_MS + SPAN_DAYS * DAY_MS)
        self._place = self._rng.choice((self._place, self._place, *self._places))

    def _say(self, action: str, **fields: str | None) -> None:
        late = self._rng.choice(_LATE_MS) if self._rng.random() < self._late else 0
        user = self._rng.choice(PEOPLE)
        made: dict[str, Any] = {
            "event_id": f"e{len(self.messages)}",
            "action": action,
            "group_id": self._rng.choice(GROUPS),
            "user_id": user,
            "occurred_at": rfc3339(self._now - late),
            **({} if self._place[0] is None else {"community_id": self._place[0]}),
            **{name: value for name, value in fields.items() if value is not None},
        }
        self.messages.append((user.encode(), encode(made)))

    def _new(self, count: int = 1) -> list[str]:
        """Ids of shares that nothing has named."""
        self._number += count
        return [f"s{number}" for number in range(self._number - count, self._number)]

    def _share(self, share_id: str, parent: str | None = None) -> None:
        channel = self._rng.choice((None, "chat", "feed"))
        self._say(
            "share", content_id=self._place[1], share_id=share_id, parent_share_id=parent, channel=channel
        )
        self._made[self._place].append(share_id)

    def _known(self) -> str | None:
        """A share of this content, most often a late one; None for the content itself."""
        made = self._made[self._place]
        if not made or self._rng.random() < 0.2:
            return None
        return self._rng.choice(made[-5:] if self._rng.random() < 0.6 else made)

    def _in_order(self, shares: Sequence[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
        """Parents first as they come here, or last, or as it happens."""
        order = self._rng.choice(("grown", "reversed", "shuffled"))
        found = list(reversed(shares)) if order == "reversed" else list(shares)
        if order == "shuffled":
            self._rng.shuffle(found)
        return found

    def burst(self) -> None:
        """Many shares within an hour or so, each under any before it."""
        for _ in range(self._rng.randint(2, 12)):
            self._share(self._new()[0], self._known())
            self._now += self._rng.randrange(10 * MINUTE_MS)

    def blast(self) -> None:
        """Contents that nobody shared: one or two shares of some, and then many of one, within minutes."""
        self._place = self._rng.choice(self._places)
        fresh = [one for one in self._places if one[0] == self._place[0] and not self._made[one]]
        for place in fresh[: self._rng.randint(1, 5)]:
            self._place = place
            for _ in range(self._rng.choice((1, 1, 2))):
                self._share(self._new()[0], self._known())
            self._now += self._rng.choice((0, MINUTE_MS))
        self._now += self._rng.choice((50 * MINUTE_MS, HOUR_MS, 9 * HOUR_MS))
        self._place = fresh[-1] if fresh else self._place
        for _ in range(self._rng.randint(3, 12)):
            self._share(self._new()[0], self._known())
            self._now += self._rng.randrange(5 * MINUTE_MS)

    def hub(self) -> None:
        """One share with many under it, before or after it."""
        hub, *others = self._new(self._rng.randint(2, 30))
        for share_id, parent in self._in_order([(hub, self._known()), *((one, hub) for one in others)]):
            self._share(share_id, parent)
            self._now += self._rng.choice((0, 1000, 5 * MINUTE_MS))

    def chain(self) -> None:
        """Each share under the one before it, in any order; some take days."""
        ids = self._new(self._rng.randint(2, 30))
        step = self._rng.choice((0, 1000, 10 * MINUTE_MS, 3 * HOUR_MS))
        for share_id, parent in self._in_order(list(zip(ids, (self._known(), *ids), strict=False))):
            self._share(share_id, parent)
            self._now += step

    def family(self) -> None:
        """Shares that name one that comes after them, some with shares of their own; or it never comes."""
        head, *children = self._new(self._rng.randint(2, 6))
        self._named[self._place].append(head)
        for child in children:
            self._share(child, head)
            self._now += self._rng.choice((0, 1, MINUTE_MS, HOUR_MS))
            below = child
            for one in self._new(self._rng.choice((0, 0, 1, 2))):
                self._share(one, below)
                below = self._rng.choice((one, child))
            if self._rng.random() < 0.3:
                self._view(below)
        if self._rng.random() < 0.8:
            self._now += self._rng.choice(_PARENT_AFTER)
            self._share(head, self._rng.choice((None, self._known(), "never")))

    def ring(self) -> None:
        """Each names the one before it, the first the last: one alone names itself."""
        ids = self._new(self._rng.choice((1, 1, 2, 3, 4)))
        for share_id, parent in self._in_order(list(zip(ids, (ids[-1], *ids), strict=False))):
            self._share(share_id, parent)
            self._now += self._rng.choice((0, MINUTE_MS, HOUR_MS, DAY_MS // 2, DAY_MS))

    def repeat(self) -> None:
        """Shares with ids that were used before, here or of another content."""
        for _ in range(self._rng.randint(1, 4)):
            elsewhere = self._rng.random() < 0.3
            used = [one for place in self._places for one in self._made[place]] if elsewhere else []
            used = used or self._made[self._place]
            self._share(self._rng.choice(used or self._new()), self._known())

    def _via(self) -> str | None:
        """A share that came, one that is to come, or one that never does."""
        what = self._rng.random()
        if what < 0.2:
            named = self._named[self._place]
            named.append(self._rng.choice(named or self._new()))
            return named[-1]
        return "never" if what < 0.25 else self._known()

    def _view(self, via: str | None) -> None:
        self._say("view", content_id=self._place[1], via_share_id=via)

    def through(self) -> None:
        """People who come and buy, through shares and not; then a share that they named may come."""
        for _ in range(self._rng.randint(1, 15)):
            via = self._via()
            content = self._place[1] if self._rng.random() < 0.8 else None
            action = self._rng.choice(("view", "join", "purchase", "purchase"))
            if action == "view":
                self._view(via)
            elif action == "join":
                self._say("join", content_id=content, via_share_id=via)
            else:
                self._say(
                    "purchase", content_id=content, via_share_id=via, order_id=f"o{len(self.messages)}",
                    amount=self._rng.choice(AMOUNTS), currency="EUR",
                )  # fmt: skip
            self._now += self._rng.choice((0, MINUTE_MS, HOUR_MS))
        named = self._named[self._place]
        for share_id in sorted(set(named))[: self._rng.randint(0, 2)]:
            self._share(share_id, self._known())

    def errands(self) -> None:
        """What is none of the stage's business, and looks at contents that nobody shared."""
        for _ in range(self._rng.randint(1, 8)):
            action = self._rng.choice(("post", "leave", "join", "view"))
            named = action in ("post", "view")
            self._say(action, content_id=self._place[1] if named else None)
            self._now += self._rng.choice((0, MINUTE_MS, 7 * HOUR_MS, DAY_MS))


# --- rules ---------------------------------------------------------------------------------------

_CHAINS = st.fixed_dictionaries(
    {
        "explosive_shares": st.integers(2, 4),
        "explosive_contents": st.integers(1, 3),
        "explosive_part": st.sampled_from((0.01, 0.1, 0.34, 0.5)),
    },
    optional={
        "orphan_hours": st.sampled_from((0, 1, 24)),
        "explosive_hours": st.integers(1, 48),
    },
)


def chain_rulesets() -> st.SearchStrategy[Rules]:
    """Rules for the communities of `chain_logs`: low thresholds, of one community now and then others."""
    return st.builds(
        lambda common, other: Rules.model_validate(
            {"chains": common, "communities": {} if other is None else {"k2": {"chains": other}}}
        ),
        _CHAINS,
        st.none() | _CHAINS,
    )
