"""The generator and the judge of the quality of churn alerts (`bench/quality/churn.py`)."""

from __future__ import annotations

import numpy as np
import pytest

from bench.quality.churn import PLAIN, Group, by_day, detector, generate, judge, three_sd, told
from schemas.churn_rules import Churn
from schemas.rules import DAY_MS, HOUR_MS


def test_generated_groups_are_the_same_for_a_seed_and_have_their_spike() -> None:
    group = generate(PLAIN, 30, (1, 2))
    again = generate(PLAIN, 30, (1, 2))
    assert np.array_equal(group.leaves, again.leaves)
    inside = (group.leaves >= group.spike_at) & (group.leaves < group.spike_end)
    assert 2 < inside.sum() / 3 / 30 < 4.5
    assert 0.8 < (~inside).sum() / (26 * 7 - 3) / 30 < 1.2


def test_an_alarm_in_a_spike_finds_it_and_others_are_false() -> None:
    group = generate(PLAIN, 30, (1, 2))
    at, end = group.spike_at, group.spike_end
    found = judge([group], lambda _: [at - DAY_MS, at + 5 * HOUR_MS, at + 20 * HOUR_MS, end + 3 * DAY_MS])
    assert (found.recall, found.delay_h) == (1.0, 5.0)
    assert found.false_a_month == pytest.approx(3 / (21 * 7 / (365.25 / 12)))
    assert judge([group], lambda _: [at, end + DAY_MS + 1]).recall == 0.0
    for method in (told, by_day(three_sd)):
        opened = method(group)
        assert any(at < moment <= end for moment in opened)
    quiet = Group("UTC", group.leaves[:0], group.usual, group.spread, at, end)
    assert told(quiet) == by_day(three_sd)(quiet) == []


def test_few_groups_do_about_as_well_as_many() -> None:
    found = judge([generate(PLAIN, 30, (7, number)) for number in range(40)], detector(Churn()))
    assert found.recall >= 0.95
    assert found.delay_h <= 16
    assert found.false_a_month <= 0.05
