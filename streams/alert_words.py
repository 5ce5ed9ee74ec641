"""The evidence of an alert about a group, in words. What is in it is defined in docs/groups.md, Alerts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from string import Formatter
from typing import Any

When = Callable[[int], str]
"""How a moment, in ms since 1970, is shown."""

SILENCE = (
    "no post for {hours} hours; measured in its habit {measure}, the level is {level}",
    "a post after {gap_hours} hours",
)
SPAN = "from {began_at} to {ended_at}; {part} of its members; {by_channel}; {by_cohort}"
WORDS: Mapping[str, tuple[str, ...]] = {
    "group_silence": SILENCE,
    "group_quiet": SILENCE,
    "churn_spike": (f"{{count}} left, {{expected}} expected, {SPAN}",),
    "falling_silent": (f"{{count}} fell silent, {{expected}} expected, {SPAN}",),
    "hit_and_run": ("{gone_early} of {newcomers} who joined in 28 days are gone early",),
    "hollow_growth": (
        "joins of 7 days {joins_7}, of the 7 before {joins_7_before}; members' posts {posts_7}, before "
        "{posts_7_before}",
    ),
    "monologue": ("in 7 days {staff_posts_7} posts of staff, {posts_7} of members",),
    "no_response": ("{heard_7} of {staff_posts_7} posts of staff in 7 days were heard",),
    "benefit_deaf": ("{posts} posts in the hours after the last 7 benefits, {usual} are usual there",),
    "spam_ridden": ("{ads_7} of {posts_7} members' posts in 7 days are ads",),
    "chaos_warning": (
        "joins of 7 days {joins_7}, of the 7 before {joins_7_before}; {leaves_7} left; {spam_ridden}",
    ),
    "benefit_lift_lost": (
        "{posts} posts in the hours after the last 7 benefits, {usual} are usual there; {posts_before} after "
        "the 15 before, {usual_before} usual",
    ),
    "unanswered_question": ("questions that wait for too long: {unanswered}",),
    "spam_burst": ("ads of members in a short time: {ads}",),
    "explosive_content": (
        "{shares} shares within the first hour; {as_many} of {contents} contents before had as many",
        "{shares_first_hour} shares in the first hour",
    ),
}
"""Sentences for the evidence of each rule: the first that has all it names is told."""

LEAVING = ("churn_spike", "falling_silent")
MOMENTS = ("began_at", "ended_at")
BY = {"by_channel": "channels", "by_cohort": "months of joining"}


def in_words(rule: str, text: str, when: When) -> str:
    """The evidence of an alert for people; as it is when it is not the JSON object that it should be."""
    found = parsed(text)
    if not isinstance(found, dict):
        return text
    values = dict(_values(rule, found, when))
    for sentence in WORDS.get(rule, ()):
        if values.keys() >= {name for _, name, _, _ in Formatter().parse(sentence) if name}:
            usual = "; what goes on is usual now" if found.get("usual") == 1 and rule in LEAVING else ""
            return sentence.format_map(values) + usual
    return ", ".join(f"{name} {value}" for name, value in values.items())


def parsed(text: str) -> Any:
    """What a JSON text says; the text itself where it is none."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError:
        return text


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _values(rule: str, found: Mapping[str, Any], when: When) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        if name in BY and isinstance(value, dict):
            yield name, _counts(BY[name], value)
        elif not isinstance(value, int | float):
            yield name, str(value)
        elif name in MOMENTS:
            yield name, when(int(value))
        elif name == "spam_ridden":
            yield name, "spam-ridden" if value else "not spam-ridden"
        else:
            yield name, f"{value:,.1f}".removesuffix(".0")
    count, members = found.get("count"), found.get("members")
    if isinstance(count, int | float) and isinstance(members, int | float):
        # Who left is no member any more, who fell silent still is.
        there = members + count if rule == "churn_spike" else members
        yield "part", f"{count / there:.1%}" if there > 0 else "none"


def _counts(of: str, counts: Mapping[str, Any]) -> str:
    parts = ", ".join(f"{name or 'none named'} {count}" for name, count in counts.items())
    return f"{of}: {parts or 'none'}"
