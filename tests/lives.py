"""What a person does over the days, phase by phase, so that every rule of every ladder occurs."""

from __future__ import annotations

import random
from collections.abc import Callable

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

Step = tuple[int, str]
"""Milliseconds since the beginning, and the action, or one of `tests.generate.SPECIAL`."""


class _Life:
    """One person's actions over the days, phase by phase."""

    def __init__(self, rng: random.Random, days: int) -> None:
        self.rng = rng
        self.end = days * DAY_MS
        self.now = int(rng.random() ** 2 * self.end * 0.6)
        self.steps: list[Step] = []

    def act(self, action: str) -> None:
        if self.now < self.end:
            self.steps.append((self.now, action))

    def wait(self, low: float, high: float) -> None:
        """So many days."""
        self.now += int(self.rng.uniform(low, high) * DAY_MS)

    def some(
        self, n: int, actions: tuple[str, ...] = ("view", "view", "view", "post", "post", "share")
    ) -> None:
        """A sitting: a few actions within minutes."""
        for _ in range(n):
            self.act(self.rng.choice(actions))
            self.now += self.rng.randrange(1, 20 * MINUTE_MS)

    def burst(self) -> None:
        for _ in range(self.rng.randrange(5, 25)):
            self.some(self.rng.randrange(1, 5))
            self.wait(0.5, 1.3)

    def buyer(self) -> None:
        for _ in range(self.rng.randrange(2, 6)):
            self.some(2, ("view", "purchase"))
            self.wait(0.2, 3)

    def fades(self) -> None:
        """Core, and then only looks: the score goes before the days do."""
        for _ in range(14):
            self.some(2, ("post", "post", "share"))
            self.wait(0.8, 1.0)
        for _ in range(5):
            self.wait(2, 5)
            self.act("view")

    def rarer(self) -> None:
        """Core, and then seldom but much: the days go before the score does."""
        for _ in range(13):
            self.some(2, ("purchase", "post"))
            self.wait(0.7, 1.0)
        for _ in range(6):
            self.wait(4, 6.5)
            self.some(4, ("purchase",))

    def returns_strong(self) -> None:
        """Core, a short silence, and back at full strength: from resurrected to core."""
        for _ in range(13):
            self.some(2, ("post", "share"))
            self.wait(0.9, 1.0)
        self.wait(7.1, 8)
        for _ in range(9):
            self.some(2, ("post", "share"))
            self.wait(0.9, 1.0)

    def casual(self) -> None:
        for _ in range(self.rng.randrange(2, 10)):
            self.some(self.rng.randrange(1, 3))
            self.wait(1, 6)

    def rare(self) -> None:
        for _ in range(self.rng.randrange(1, 5)):
            self.some(1)
            self.wait(5, 12)

    def to_the_ms(self) -> None:
        """Back exactly when the ladder would move, a millisecond before, or after; or at midnight."""
        self.act("view")
        self.now += self.rng.choice((7, 7, 28, 14, 1)) * DAY_MS + self.rng.choice((-1, 0, 0, 1))
        self.act("view")
        self.now += DAY_MS - self.now % DAY_MS - self.rng.choice((0, 1))
        self.act("post")

    def hunts(self) -> None:
        """Benefits only, perhaps four weeks after a talk, and then perhaps something else."""
        if self.rng.random() < 0.4:
            self.act(self.rng.choice(("talk", "question", "purchase")))
            self.wait(22, 30)
        for _ in range(self.rng.randrange(3, 8)):
            self.some(1, ("benefit",))
            self.wait(0.1, 5)
        after = self.rng.choice(("purchase", "talk", "benefit", ""))
        if after:
            self.act(after)
            self.wait(0, 30)

    def crowds(self) -> None:
        """More than a day's points, all within hours."""
        action = self.rng.choice(("post", "post", "reply", "share", "purchase", "join"))
        for _ in range(self.rng.randrange(11, 25)):
            self.act(action)
            self.now += self.rng.randrange(1, 10 * MINUTE_MS)

    def climbs(self) -> None:
        """Points for several levels, and then months of nothing, or of little."""
        for _ in range(self.rng.randrange(4, 10)):
            self.some(self.rng.randrange(6, 12), ("share", "share", "talk", "reply"))
            self.wait(0.3, 1.2)
        self.wait(20, 70)
        if self.rng.random() < 0.5:
            self.act("view")
            self.wait(15, 70)

    def asks(self) -> None:
        """Intent that grows without a purchase."""
        for _ in range(self.rng.randrange(2, 7)):
            self.some(2, ("question", "click", "view"))
            self.wait(0.1, 2)

    def quiet(self) -> None:
        self.wait(8, 27)

    def gone(self) -> None:
        self.wait(29, 80)

    def leaves(self) -> None:
        for _ in range(self.rng.randrange(1, 4)):
            self.act("leave")
            self.now += self.rng.randrange(1, HOUR_MS)

    def arrives(self) -> None:
        start = self.rng.random()
        if start < 0.8:
            self.act("join")
            self.now += self.rng.randrange(0, HOUR_MS)
        elif start < 0.9:
            self.act("leave")  # the first that is known of them
            self.wait(0, 3)


_PHASES: tuple[tuple[Callable[[_Life], None], int], ...] = (
    (_Life.burst, 5),
    (_Life.buyer, 2),
    (_Life.fades, 2),
    (_Life.rarer, 2),
    (_Life.returns_strong, 2),
    (_Life.casual, 5),
    (_Life.rare, 4),
    (_Life.to_the_ms, 2),
    (_Life.hunts, 2),
    (_Life.crowds, 2),
    (_Life.climbs, 2),
    (_Life.asks, 2),
    (_Life.quiet, 5),
    (_Life.gone, 4),
    (_Life.leaves, 3),
    (_Life.arrives, 2),
)


def life(rng: random.Random, days: int) -> list[Step]:
    """One person's, in the order in which it happens."""
    one = _Life(rng, days)
    one.arrives()
    if rng.random() < 0.15:  # came once, and may have left weeks later
        if rng.random() < 0.5:
            one.wait(7.5, 25)
            one.leaves()
        return one.steps
    phases = [phase for phase, _ in _PHASES]
    weights = [weight for _, weight in _PHASES]
    while one.now < one.end and (one.now < DAY_MS or rng.random() > 0.01):
        rng.choices(phases, weights)[0](one)
    return one.steps
