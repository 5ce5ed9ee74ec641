"""What leaves of a group are expected, and how they scatter. See docs/churn.md, What is learnt."""

from __future__ import annotations

import math
from collections.abc import Sequence

from schemas.churn_rules import Churn as ChurnRules
from tests.oracle.groups.arithmetic import add, singles

OF_SLOTS, OF_DAYS, OF_WEEKS = 0, 1, 2
AT_FIRST = (0.5, 0.05, 0.03)
"""Spreads before anything is known of them."""


def clamp(spread: float) -> float:
    """Within bounds."""
    return min(max(spread, 0.02), 20.0)


class Baseline:
    """Learnt from one whole week after another, by the hour (168 slots a week) or by the day (7)."""

    def __init__(self, slots: int, rules: ChurnRules) -> None:
        self._a_day = slots // 7
        self._level_keep = 2.0 ** (-1.0 / rules.level_half_life_weeks)
        self._rhythm_keep = 2.0 ** (-1.0 / rules.rhythm_half_life_weeks)
        self.rates = [0.0] * slots
        self.weeks_learnt = 0
        self.level, self.weeks, self.squares = 0.0, 0.0, 0.0
        """L, W and Q."""
        self._cells, self._cell_weeks = [0.0] * slots, 0.0
        """C and V."""
        self._errors, self._means, self._noise = [0.0] * 3, [0.0] * 3, 0.0
        """A, B and Z."""

    def learn(self, leaves: Sequence[int | None]) -> None:
        """A week's leaves by slot, None in an alarm."""
        known = [mu if x is None else float(x) for x, mu in zip(leaves, self.rates, strict=True)]
        if self.weeks_learnt:
            self._learn_scatter(known, [x is None for x in leaves])
        self.weeks_learnt += 1
        keep = self._level_keep
        self.level = keep * self.level + add(add(day) for day in self._by_day(known))
        self.weeks = keep * self.weeks + 1.0
        self.squares = keep * keep * self.squares + 1.0
        keep = self._rhythm_keep
        self._cells = singles([keep * cell + x for cell, x in zip(self._cells, known, strict=True)])
        self._cell_weeks = keep * self._cell_weeks + 1.0
        self._set_rates()

    def raise_by(self, ratio: float) -> None:
        """A new pace has become usual."""
        self.level *= ratio
        self.rates = singles([rate * ratio for rate in self.rates])

    @property
    def spread_of_slots(self) -> float:
        """Of hours; of days where a day is the least step."""
        return self._spread(OF_SLOTS if self._a_day > 1 else OF_DAYS)

    def spread_of(self, step: int) -> float:
        """That of steps of so many slots."""
        if step == 7 * self._a_day:
            return self._spread(OF_WEEKS)
        return self._spread(OF_DAYS if step == self._a_day else OF_SLOTS)

    def _by_day(self, values: Sequence[float]) -> list[Sequence[float]]:
        return [values[d * self._a_day : (d + 1) * self._a_day] for d in range(7)]

    def _learn_scatter(self, known: Sequence[float], alarm: Sequence[bool]) -> None:
        keep, whole = self._rhythm_keep, not any(alarm)
        by_slot = clamp(self._errors[0] / self._means[0]) if self._means[0] > 0.0 else AT_FIRST[0]
        errors, means, noise = [0.0] * 3, [0.0] * 3, 0.0
        week_x = week_mu = 0.0
        for xs, mus, alarms in zip(
            self._by_day(known), self._by_day(self.rates), self._by_day(alarm), strict=True
        ):
            x, mu = add(xs), add(mus)
            week_x, week_mu = week_x + x, week_mu + mu
            if any(alarms):
                continue
            square = add(m * m for m in mus)
            errors[OF_SLOTS] += add((a - m) * (a - m) - m for a, m in zip(xs, mus, strict=True))
            means[OF_SLOTS] += square
            errors[OF_DAYS] += (x - mu) * (x - mu) - mu
            means[OF_DAYS] += mu * mu
            noise += 2.0 * (mu + by_slot * square) * (mu + by_slot * square)
        if whole:
            errors[OF_WEEKS] = (week_x - week_mu) * (week_x - week_mu) - week_mu
            means[OF_WEEKS] = week_mu * week_mu
        if self.weeks_learnt == 1:
            self._means = [4.0 * part for part in means]
            self._errors = [first * part for first, part in zip(AT_FIRST, self._means, strict=True)]
        self._errors = [keep * a + b for a, b in zip(self._errors, errors, strict=True)]
        self._means = [keep * a + b for a, b in zip(self._means, means, strict=True)]
        self._noise = keep * self._noise + noise

    def _spread(self, scale: int) -> float:
        errors, means = self._errors, self._means
        if means[scale] == 0.0:
            return AT_FIRST[scale]
        spread = clamp(errors[scale] / means[scale])
        if scale == OF_SLOTS:
            spread = max(spread, (errors[OF_DAYS] - 1.5 * math.sqrt(self._noise)) / means[OF_SLOTS])
        return clamp(spread)

    def _set_rates(self) -> None:
        n, cells = self._a_day, self._cells
        total = add(cells)
        hours = [(add(cells[h::n]) + 48.0 / n) / (total + 48.0) for h in range(n)]
        days = [(add(day) + 70.0 / 7.0) / (total + 70.0) for day in self._by_day(cells)]
        spread, shares = self.spread_of_slots, []
        for place, cell in enumerate(cells):
            share = hours[place % n] * days[place // n]
            prior = (1.0 + spread * (share * total) / self._cell_weeks) / (0.25 * 0.25)
            shares.append(share * ((cell + prior) / (share * total + prior)))
        scale = (self.level + 1.0) / self.weeks / add(shares)
        self.rates = singles([share * scale for share in singles(shares)])
