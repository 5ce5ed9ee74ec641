"""The six symptoms and the chaos warning on generated groups: planted spells found, alerts that are right.

True is what the rates say: what docs/groups.md has a symptom stay by, with expected counts in place of
counts, at SIGNALS' percentages times `keep`; without least counts and with nothing to be sure of. Rates are
those of the days as they were, busy or not; chance is which posts and people they brought. A planted spell
is true on all its days. An alert is right if it opens on a true day or up to a window's length after one; a
spell is found if the symptom is open in it, or up to a window's length after its beginning.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console

from bench.quality import lifts
from bench.quality.communities import PLANTED, generate, groups
from bench.quality.group_events import DAYS, SYMPTOMS, WEEKS, Events, Flags, Floats, Group
from bench.quality.rhythm import START_MS
from bench.quality.symptom_rules import RULES, Figures, close_all, figures, past, starts_of_days, windows
from schemas.group_rules import Symptoms
from schemas.rules import HOUR_MS
from streams.report import as_table

GROUPS = 800
BENEFIT_GROUPS, BENEFIT_POSTS = 1600, 100.0
"""Benefit-deaf is judged on groups of its own, with so many posts a day or more: others hardly ever have
`lift_posts`."""
SEED = 2026
JUDGED = slice(45, WEEKS * 7)
"""Days: 28 to fill the windows, and more for what is usual."""
WINDOW = {name: 28 if name in ("hit_and_run", "benefit_deaf") else 7 for name in SYMPTOMS}
LATEST, BEFORE = 5, 10
"""Benefits whose true lift is compared: the latest as SIGNALS has it, whatever the rule compares."""
RECALL, PRECISION = 0.9, 0.9

LINES = Symptoms(
    keep=0.9, early_part=0.3, growth=1.2, fall=0.8, staff_part=0.8, unheard_part=0.8, lift=1.2,
    lift_before=1.5, ads_part=0.2, chaos_growth=2.0, chaos_leaves=0.3,
)  # fmt: skip
"""The lines of what is true; the percentages are SIGNALS', whatever the thresholds are tuned to."""


def large_enough(group: Group) -> bool:
    """Whether a group is so large that its spell can be told from chance; whatever the rules are."""
    traits, spell = group.traits, group.spell
    if spell is None:
        return False
    if spell.symptom in ("hit_and_run", "chaos_warning"):
        return 7 * traits.joins_a_day >= 10
    if spell.symptom == "hollow_growth":
        return 7 * traits.joins_a_day >= 25
    if spell.symptom == "benefit_deaf":
        day = np.searchsorted(starts_of_days(group.zone, START_MS), group.benefits, "right") - 1
        usual = group.usual[(spell.first <= day) & (day < spell.end)]
        return len(usual) >= 8 and LATEST * float(np.median(usual)) >= 60
    return True


@dataclass(frozen=True)
class World:
    """Generated groups with what is counted and what is true; arrays are groups by days."""

    groups: list[Group]
    figures: Figures
    true: dict[str, Flags]

    @classmethod
    def of(cls, some: list[Group]) -> World:
        """Count, and find out what is true."""
        counted = [figures(group) for group in some]
        stacked = {name: np.array([one[name] for one in counted]) for name in counted[0]}
        truths = [true_days(group) for group in some]
        return cls(some, stacked, {name: np.array([one[name] for one in truths]) for name in SYMPTOMS})

    def evaluated(self, rules: Symptoms) -> dict[str, Flags]:
        """Whether each symptom is open."""
        found = np.array([lifts.deaf(group, rules) for group in self.groups])
        return close_all({**self.figures, "deaf": found}, rules)


def true_days(group: Group) -> dict[str, Flags]:
    """Whether each symptom is there, by the rates."""
    keep, rates = LINES.keep, group.expected
    f = windows({name: daily for name, daily in rates.items() if name != "gone"})
    f |= {"newcomers": past(rates["joins"], 28), "gone_early": past(rates["gone"], 28)}
    f |= {"deaf": _true_lift(group, keep), "spam": np.zeros(DAYS)}
    found = {}
    for name, rule in RULES.items():
        found[name] = rule(f, LINES)[1]
        if name == "spam_ridden":
            f["spam"] = found[name].astype(float)
    found["hollow_growth"] &= f["posts_7"] < f["posts_7_before"]
    if group.spell:
        found[group.spell.symptom][group.spell.first : group.spell.end] = True
    return found


def _true_lift(group: Group, keep: float) -> Floats:
    """1 where the true lift of the latest 5 benefits is low, and that of the 10 before was not."""
    done = np.searchsorted(group.benefits + HOUR_MS, starts_of_days(group.zone, START_MS)[1:], "right")
    posts = np.concatenate([[0.0], np.cumsum(group.lifts * group.usual)])
    usual = np.concatenate([[0.0], np.cumsum(group.usual)])
    now, before = done, np.maximum(done - LATEST, 0)
    earlier = np.maximum(before - BEFORE, 0)
    low = keep * (posts[now] - posts[before]) < LINES.lift * (usual[now] - usual[before])
    high = posts[before] - posts[earlier] > keep * LINES.lift_before * (usual[before] - usual[earlier])
    return np.asarray(low & high & (done >= LATEST + BEFORE)).astype(float)[:DAYS]


@dataclass(frozen=True)
class Quality:
    """What the rules did about one symptom."""

    found: int
    spells: int
    """Of groups that are large enough."""
    found_small: int
    spells_small: int
    right: int
    wrong: int
    months: float

    @property
    def recall(self) -> float:
        """Of large enough groups' spells, the part found."""
        return self.found / self.spells if self.spells else 0.0

    @property
    def precision(self) -> float:
        """Of all groups' alerts, the part that was right."""
        alerts = self.right + self.wrong
        return self.right / alerts if alerts else 0.0


def judge(world: World, name: str, is_open: Flags) -> Quality:
    """One symptom; `is_open` is groups by days."""
    window = WINDOW[name]
    recent = np.cumsum(world.true[name], axis=1)
    before = np.pad(recent, ((0, 0), (window + 1, 0)))[:, : recent.shape[1]]
    opened = is_open & ~np.pad(is_open, ((0, 0), (1, 0)))[:, :-1]
    right = (opened & (recent > before))[:, JUDGED].sum()
    spells: dict[bool, list[bool]] = {True: [], False: []}
    for group, days in zip(world.groups, is_open, strict=True):
        if group.spell and group.spell.symptom == name:
            end = max(group.spell.end, group.spell.first + window)
            spells[large_enough(group)].append(bool(days[group.spell.first : end].any()))
    months = len(world.groups) * (JUDGED.stop - JUDGED.start) / (365 / 12)
    wrong = int(opened[:, JUDGED].sum() - right)
    return Quality(
        sum(spells[True]),
        len(spells[True]),
        sum(spells[False]),
        len(spells[False]),
        int(right),
        wrong,
        months,
    )


def judge_all(world: World, is_open: dict[str, Flags]) -> dict[str, Quality]:
    """Every symptom."""
    return {name: judge(world, name, is_open[name]) for name in SYMPTOMS}


def judge_benefits(count: int, seed: int, rules: Symptoms) -> Quality:
    """Benefit-deaf, on groups of its own; of each only what is needed is kept."""
    name, kept, true, is_open = "benefit_deaf", [], [], []
    for number in range(count):
        group = generate(number, seed, PLANTED[number % len(PLANTED)], least_posts=BENEFIT_POSTS)
        true.append(true_days(group)[name])
        is_open.append(lifts.deaf(group, rules) > 0)
        kept.append(replace(group, events=Events(*(column[:0] for column in group.events))))
    return judge(World(kept, {}, {name: np.array(true)}), name, np.array(is_open))


def report(console: Console) -> bool:
    """Print the table; whether every bar is met."""
    world = World.of(groups(GROUPS, SEED))
    events = sum(len(group.events.t) for group in world.groups)
    found = judge_all(world, world.evaluated(Symptoms()))
    found["benefit_deaf"] = judge_benefits(BENEFIT_GROUPS, SEED, Symptoms())
    title = f"Symptoms: {GROUPS} groups, {WEEKS} weeks, {events:,} events"
    _table(console, found, f"{title}; benefit_deaf: {BENEFIT_GROUPS} busy groups")
    return all(q.recall >= RECALL and q.precision >= PRECISION for q in found.values())


def _table(console: Console, found: dict[str, Quality], title: str) -> None:
    rows = [
        (
            name,
            f"{q.recall:.3f} of {q.spells}",
            f"{q.found_small} of {q.spells_small}",
            f"{q.precision:.3f} of {q.right + q.wrong}",
            f"{q.wrong / q.months:.4f}",
            "yes" if q.recall >= RECALL and q.precision >= PRECISION else "NO",
        )
        for name, q in found.items()
    ]
    names = (
        "symptom",
        "recall",
        "found in smaller groups",
        "precision",
        "wrong a group-month",
        "bars (0.9) met",
    )
    console.print(as_table(names, rows, title))


if __name__ == "__main__":
    sys.exit(0 if report(Console(width=None if sys.stdout.isatty() else 130)) else 1)
