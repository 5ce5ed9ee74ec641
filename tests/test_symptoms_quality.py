"""The generator, the rules and the judge of ``python -m bench.quality symptoms``, on few groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.quality.communities import generate, groups
from bench.quality.group_events import DAYS, MEMBER, OPERATOR, SYMPTOMS, Flags, Group, rows
from bench.quality.held_back import held_back, parts_in_time
from bench.quality.rhythm import START_MS
from bench.quality.symptom_rules import figures, starts_of_days
from bench.quality.symptoms import World, judge, judge_all, judge_benefits, large_enough
from schemas.actions import AD, POST
from schemas.group_rules import Symptoms
from schemas.rules import HOUR_MS, Rules
from tests.oracle.groups.group import Group as OracleGroup

BUSY = 20.0


@pytest.fixture(scope="module")
def world() -> World:
    return World.of(groups(96, seed=3))


def test_groups_are_the_same_for_a_seed_and_their_events_are_in_order(world: World) -> None:
    again = generate(1, 3, SYMPTOMS[1])
    for one, other in zip(world.groups[1].events, again.events, strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(again.events.t, generate(1, 4, SYMPTOMS[1]).events.t)
    for group in world.groups:
        assert np.all(np.diff(group.events.t) >= 0)
    first = next(rows(again))
    assert (first["action"], first["role"], first["group_id"]) == ("join", "member", "g1")


def test_counts_are_what_the_rates_say(world: World) -> None:
    for name in ("joins", "leaves", "posts", "staff_posts", "ads", "unheard"):
        expected = sum(group.expected[name][50:170].sum() for group in world.groups)
        counted = world.figures[f"{name}_7"][:, 56:176:7].sum()
        assert counted == pytest.approx(expected, rel=0.1), name


def _inside(group: Group, name: str) -> float:
    """A figure at the end of the spell."""
    assert group.spell is not None
    return float(figures(group)[name][group.spell.end - 1])


def test_what_is_planted_is_there(world: World) -> None:
    busy = [group for group in world.groups if group.spell and group.traits.posts_a_day >= BUSY]
    for group in busy:
        assert group.spell is not None
        if group.spell.symptom == "monologue":
            staff, members = _inside(group, "staff_posts_7"), _inside(group, "posts_7")
            assert staff / (staff + members) > 0.88
        if group.spell.symptom == "no_response":
            assert _inside(group, "unheard_7") > 0.9 * _inside(group, "staff_posts_7")
        if group.spell.symptom == "spam_ridden":
            assert 0.15 < _inside(group, "ads_7") / _inside(group, "posts_7") < 0.6
    assert {group.spell.symptom for group in busy if group.spell} == set(SYMPTOMS)


def test_the_judge_counts_spells_found_and_alerts_that_are_right(world: World) -> None:
    name = "spam_ridden"
    places = [i for i, group in enumerate(world.groups) if group.spell and group.spell.symptom == name]
    group = world.groups[places[0]]
    assert group.spell is not None and large_enough(group)
    one = replace(world, groups=[group], true={name: np.zeros((1, DAYS), np.bool_)}, figures={})
    one.true[name][0, group.spell.first : group.spell.end] = True

    def opened(*days: int) -> Flags:
        is_open = np.zeros((1, DAYS), np.bool_)
        is_open[0, list(days)] = True
        return is_open

    first, end = group.spell.first, group.spell.end
    quality = judge(one, name, opened(first - 2, first, end + 6, end + 9))
    assert (quality.found, quality.spells, quality.right, quality.wrong) == (1, 1, 2, 2)
    assert (quality.recall, quality.precision) == (1.0, 0.5)
    missed = judge(one, name, opened(end + 1))
    assert (missed.recall, missed.precision) == (0.0, 1.0)


def test_a_few_groups_do_about_as_well_as_many(world: World) -> None:
    found = judge_all(world, world.evaluated(Symptoms()))
    for name in ("hit_and_run", "monologue", "no_response", "spam_ridden", "chaos_warning"):
        assert found[name].recall >= 0.75, name
        assert found[name].precision >= 0.8, name
    assert found["hollow_growth"].precision >= 0.6
    assert found["benefit_deaf"].found + found["benefit_deaf"].found_small >= 1


def test_benefits_are_judged_on_busy_groups() -> None:
    found = judge_benefits(16, 3, Symptoms())
    again = judge_benefits(16, 3, Symptoms(lift_posts=1.0, lift_sure=0.0))
    assert found.spells + found.spells_small == again.spells + again.spells_small == 2
    assert again.right + again.wrong > found.right + found.wrong


def test_where_nobody_answers_posts_wait_and_fewer_come_in_the_hour_after_a_benefit() -> None:
    rng = np.random.default_rng(1)
    staff_t = START_MS + np.array([10, 100]) * HOUR_MS
    t = START_MS + rng.integers(0, 200 * HOUR_MS, 5000)
    inside = np.arange(200) < 50
    waited = held_back(rng, t, staff_t, inside)
    soon = (t >= staff_t[0]) & (t <= staff_t[0] + HOUR_MS // 2)
    assert soon.any() and np.all(waited[soon] > staff_t[0] + HOUR_MS // 2)
    assert np.array_equal(waited[~soon], t[~soon])
    usual, drawn = parts_in_time(rng, staff_t, staff_t, inside, 1.5)
    # Of those that wait, 1 - exp(-1.5) come within the next half an hour.
    some = 1 - np.exp(-1.5)
    assert usual == pytest.approx([0.5 + 0.5 * some, 1], abs=0.06)
    assert drawn == pytest.approx([1 - 0.63 * (1 - some), 1], abs=0.06)


def test_newcomers_who_left_or_fell_silent_within_days_are_gone_early() -> None:
    group = generate(0, 3, "hit_and_run")
    assert group.spell is not None
    counted = figures(group)
    part = counted["gone_early"] / np.maximum(counted["newcomers"], 1)
    last = min(group.spell.end + 3, DAYS - 1)
    assert part[last] > part[group.spell.first - 1] + 0.15
    assert np.all(counted["gone_early"] <= counted["newcomers"])


def test_events_have_the_roles_and_kinds_of_the_contract(world: World) -> None:
    events = world.groups[0].events
    posts = events.action == POST
    assert set(np.unique(events.role[posts])) == {MEMBER, OPERATOR}
    assert not np.any(posts & (events.content == 0))
    assert not np.any((events.kind == AD) & (events.role == OPERATOR))


EASY = {
    "early_sure": 0.0, "growth_joins": 5, "growth_sure": 0.5, "fall_sure": 0.5, "staff_part": 0.5,
    "staff_sure": 0.0, "heard_sure": 0.0, "lift_posts": 1.0, "lift_sure": 0.5, "ads_posts": 4,
    "ads_sure": 0.5, "chaos_joins": 5, "chaos_growth": 1.3, "chaos_sure": 0.5, "chaos_rise": 0.5,
}  # fmt: skip
"""Thresholds that small groups reach."""


def closes_of_oracle(group: Group, rules: Rules) -> dict[str, Flags]:
    """Whether each symptom is open after each close."""
    begin = int(group.events.t[0])
    starts = starts_of_days(group.zone, begin)
    oracle = OracleGroup("default", group.name, rules.of("default"), begin)
    for row in rows(group):
        event = row | {"occurred_at": row["t"], "channel": "", "inviter_id": ""}
        clock = int(str(row["t"]))
        oracle.settle(clock)
        oracle.apply(event, clock)
    oracle.settle(int(starts[DAYS - 2]))
    found = {name: np.zeros(DAYS - 2, np.bool_) for name in SYMPTOMS}
    for change in oracle.alerts.rows:
        if change["rule"] in found:
            day = int(np.searchsorted(starts, change["at"])) - 1
            found[change["rule"]][day:] = change["change"] == "opened"
    return found


def test_the_rules_are_those_of_the_oracle() -> None:
    opened = set()
    for number in (0, 5, 26):
        group = generate(number, 11, SYMPTOMS[number % len(SYMPTOMS)])
        rules = Rules.model_validate({"symptoms": EASY, "time_zone": group.zone})
        found = World.of([group]).evaluated(rules.of("default").symptoms)
        for name, is_open in closes_of_oracle(group, rules).items():
            assert np.array_equal(found[name][0, : DAYS - 2], is_open), (number, name)
            opened |= {name} if is_open.any() else set()
    assert opened == set(SYMPTOMS)
