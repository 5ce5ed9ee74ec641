"""The rules in force, in sentences. Those of ladders, groups and chains are in files of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from pydantic import BaseModel
from rich.markup import escape

from schemas.rules import CommunityRules, Rules
from schemas.toml_lines import dotted
from streams.chains import sentences as chains
from streams.groups import sentences as groups
from streams.users.ladder import Ladder
from streams.users.ladders import LADDERS

Sentences = Mapping[str, str]
"""What is explained, and its sentence with names of thresholds in braces."""

GENERAL: Sentences = {
    "day": "begins at midnight in {time_zone}",
    "score": "the activity score halves in {score_half_life_days} days",
    "activated": "a first post within {activation_hours} hours of joining",
    "rates": "over fewer than {rates_min_count} are null",
}
WEIGHTS: Sentences = {
    name: f"adds {{{name}}} to the activity score" for name in ("view", "join", "post", "share", "purchase")
}
POINTS: Sentences = {
    "join": "{join} points each, for the first {join_per_day} of a day",
    "post": "{post} points each, for the first {post_per_day} of a day",
    "share": "{share} points each, for the first {share_per_day} of a day",
    "day": "{day} points for the first action of a day",
    "invite": "{invite} points for each invited person who stays",
    "purchase": "{purchase} points for a whole unit of any currency, up to {purchase_per_day} points a day",
}
MEDALS: Sentences = {
    "first_post": "the first post",
    "streak": "{streak_days} days in a row with activity",
    "many_posts": "{posts} posts",
    "many_invites": "{invites} people came on their invitation or share",
    "first_purchase": "the first purchase",
    "comeback": "acted again after being lost",
}
INTAKE: Sentences = {
    "late": "an event more than {late_days} days behind the clock",
    "duplicate": "an event_id that came before, within {dedup_window_s} s",
    "refused": "an event more than {future_s} s ahead of the broker's clock",
}


def explain(rules: Rules, community: str | None = None) -> Iterator[str]:
    """Lines of rich's markup: all rules that hold in a community, or in those without rules of their own."""
    found, default = rules.of(community or ""), CommunityRules()
    yield from _heading(rules, community)
    yield from _block("In all", GENERAL, found, default)
    yield from _block("Weights", WEIGHTS, found.weights, default.weights)
    for ladder in LADDERS:
        yield from _ladder(ladder, found, default)
    yield from _titles(found, default)
    yield from _block("Points", POINTS, found.points, default.points)
    yield from _block("Medals, once each", MEDALS, found.medals, default.medals)
    for block in (*groups.BLOCKS, *chains.BLOCKS):
        ours, theirs = getattr(found, block.section), getattr(default, block.section)
        yield from _block(block.title, block.sentences, ours, theirs)
    yield from _block("Intake, the same for all communities", INTAKE, rules, Rules())


def overrides(rules: Rules) -> list[str]:
    """A line of plain text for each setting that a file of rules sets, and for whom."""
    common = rules.model_dump(exclude_unset=True, exclude={"communities"})
    lines = [
        f"all communities: {place} = {_toml(value)} (default {_toml(_at(Rules(), place))})"
        for place, value in _settings(common)
    ]
    for name, changes in rules.communities.items():
        lines += [
            f"{dotted([name])}: {place} = {_toml(value)} (others {_toml(_at(rules, place))})"
            for place, value in _settings(changes)
        ]
    return lines


def placeholders(sentence: str) -> set[str]:
    """The names of thresholds in a sentence."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def _heading(rules: Rules, community: str | None) -> Iterator[str]:
    own = ", ".join(escape(dotted([name])) for name in rules.communities)
    if community is None:
        yield "Rules of all communities" + (f" but {own}, which have their own" if own else "")
    elif community in rules.communities:
        yield f"Rules of the community {escape(dotted([community]))}"
    else:
        yield f"The community {escape(dotted([community]))} has no rules of its own; those of all hold"


def _ladder(ladder: Ladder, found: CommunityRules, default: CommunityRules) -> Iterator[str]:
    ours, theirs = getattr(found, ladder.section), getattr(default, ladder.section)
    yield from _title(f"{ladder.name.capitalize()}: {ladder.question}")
    segments = max(len(step.to) for step in ladder.steps)
    names = max(len(step.rule) for step in ladder.steps)
    for step in ladder.steps:
        said = _said(step.sentence, ours, theirs)
        yield f"  {step.to:{segments}}  [dim]{step.rule:{names}}[/dim]  {said}"


def _titles(found: CommunityRules, default: CommunityRules) -> Iterator[str]:
    for n, (title, points) in enumerate(zip(found.level.titles, (0.0, *found.level.thresholds), strict=True)):
        usual = default.level.titles[n : n + 1]
        changed = f" (default {usual[0]})" if usual and usual[0] != title else ""
        yield f"  level_{n:<3} {_plain(round(points, 2)):>10} points  {escape(title)}{changed}"


def _block(title: str, sentences: Sentences, found: BaseModel, default: BaseModel) -> Iterator[str]:
    yield from _title(title)
    width = max(map(len, sentences))
    for name, sentence in sentences.items():
        yield f"  {name:{width}}  {_said(sentence, found, default)}"


def _title(title: str) -> Iterator[str]:
    yield ""
    yield f"[bold]{title}[/bold]"


def _said(sentence: str, found: BaseModel, default: BaseModel) -> str:
    """The sentence with the numbers in force; those that differ from the default are marked."""
    shown = {}
    for name in placeholders(sentence):
        value, usual = getattr(found, name), getattr(default, name)
        shown[name] = escape(_plain(value))
        if value != usual:
            shown[name] = f"[bold]{shown[name]}[/bold] (default {_plain(usual)})"
    return sentence.format_map(shown)


def _plain(value: object) -> str:
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _toml(value: object) -> str:
    return _plain(value) if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)


def _settings(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{before}{name}.")
        else:
            yield before + name, value


def _at(rules: object, place: str) -> object:
    for name in place.split("."):
        rules = getattr(rules, name)
    return rules
