"""The generator and the judge of the quality of churn alerts (`bench/quality/churn.py`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from bench.quality import churn
from bench.quality.churn import Quality, by_day, detector, judge, three_sd, told
from bench.quality.leaving import PLAIN, Group, generate
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


def test_a_bar_that_is_missed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    good = Quality(0.95, 12.0, 0.02)
    console = Console(quiet=True)
    monkeypatch.setattr(churn, "_groups", lambda *_: [])
    monkeypatch.setattr(churn, "cost", lambda _: 0.0)
    for quality, met in (
        (good, True),
        (replace(good, recall=0.949), False),
        (replace(good, delay_h=12.5), False),
        (replace(good, false_a_month=0.021), False),
        (Quality(0.0, np.nan, 0.0), False),
    ):
        monkeypatch.setattr(churn, "judge", lambda *_, quality=quality: quality)
        assert churn.report(console) is met
