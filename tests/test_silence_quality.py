"""The generator and the judge of ``python -m bench.quality silence``; few groups do about as well as many."""

from __future__ import annotations

import numpy as np
import pytest

from bench.quality.rhythm import START_MS, Group, Moments, groups
from bench.quality.silence import Outage, detector, judge, plant, usual_longest_gap
from schemas.rules import HOUR_MS
from schemas.silence_rules import Silence
from streams.groups.silence import NEVER, WEEK_MS


@pytest.fixture(scope="module")
def some() -> list[Group]:
    return groups(64, 26, seed=3)


def test_groups_are_the_same_for_a_seed_and_as_busy_as_they_say(some: list[Group]) -> None:
    again = groups(64, 26, seed=3)
    assert all(np.array_equal(a.posts, b.posts) for a, b in zip(some, again, strict=True))
    assert not np.array_equal(some[0].posts, groups(1, 26, seed=4)[0].posts)
    for group in some:
        assert 0.5 < len(group.posts) / 182 / group.posts_a_day < 2
        assert np.all(np.diff(group.posts) >= 0)
        assert group.posts[0] >= START_MS - HOUR_MS
        assert group.posts[-1] < START_MS + 26 * WEEK_MS
    assert len({group.zone for group in some}) > 3


def test_groups_are_far_more_variable_than_poisson_and_have_nights(some: list[Group]) -> None:
    busy = [group for group in some if group.posts_a_day > 20]
    spreads = [
        np.var(days) / np.mean(days)
        for days in (np.bincount((group.posts - START_MS) // (24 * HOUR_MS), minlength=182) for group in busy)
    ]
    assert np.median(spreads) > 3
    nights = []
    for group in busy:
        hours = np.sort(np.bincount(group.posts // HOUR_MS % 24, minlength=24))
        nights.append(hours[:8].sum() / hours.sum())
    assert np.median(nights) < 0.2


def test_usual_longest_gap_is_the_median_of_weeks() -> None:
    hours = np.arange(0, 10 * 168, 2.0)
    for week, gap in enumerate((90, 50, 30, 20, 10, 12, 14, 16, 100, 60)):
        start = week * 168 + 20
        hours = hours[(hours <= start) | (hours >= start + gap)]
    posts = (START_MS + hours * HOUR_MS).astype(np.int64)
    assert usual_longest_gap(posts, START_MS + 10 * WEEK_MS) / HOUR_MS == pytest.approx((16 + 20) / 2)


def test_a_planted_outage_is_a_gap_of_three_times_the_usual(some: list[Group]) -> None:
    for number, group in enumerate(some):
        posts, outages = plant(group, np.random.default_rng(number))
        assert np.isin(posts, group.posts).all()
        for outage in outages:
            begun = posts[outage.post]
            assert outage.usual_ms == usual_longest_gap(posts[: outage.post + 1], begun)
            assert posts[outage.post + 1] - begun >= 3 * outage.usual_ms
            assert begun >= START_MS + 8 * WEEK_MS
        assert len(outages) >= 1


def test_the_judge_counts_alarms_watched_time_and_delays() -> None:
    posts = (START_MS + np.array([0, 1, 2, 10, 16, 40]) * HOUR_MS).astype(np.int64)
    group = Group("UTC", "", 1.0, posts)

    def after_six_hours(_: Group, moments: Moments) -> Moments:
        deadlines = moments + 6 * HOUR_MS
        deadlines[0] = NEVER
        return deadlines

    outages = [Outage(1, 2.1 * HOUR_MS), Outage(2, 1.5 * HOUR_MS), Outage(3, 4.0 * HOUR_MS)]
    quality = judge([group], [(posts, outages)], after_six_hours)
    assert quality.false_alarms == 3  # after 8, 6 and 24 hours
    assert quality.months == pytest.approx(39 / (365 * 24 / 12))
    assert quality.delays == pytest.approx([6 / 2.1, np.inf, 1.5])
    assert (quality.recall, quality.delay) == pytest.approx((2 / 3, 6 / 2.1))
    assert quality.a_month == pytest.approx(3 / quality.months)


def test_a_few_groups_do_about_as_well_as_many(some: list[Group]) -> None:
    planted = [plant(group, np.random.default_rng(number)) for number, group in enumerate(some)]
    quality = judge(some, planted, detector(Silence()))
    assert quality.recall >= 0.9
    assert quality.delay <= 2.2
    assert quality.a_month <= 0.15
