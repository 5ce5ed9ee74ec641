"""How far each campaign of a rules.toml is: ``groupbeat campaigns``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.campaigns import Campaign, campaigns_of
from schemas.rules import load_rules
from sinks.query import query
from streams.settings import Settings

ASK = (
    "SELECT reached, attained, elapsed, pace, state FROM campaign_attainment("
    "community = {community:String}, groups = {groups:Array(String)}, contents = {contents:Array(String)}, "
    "figure = {figure:String}, from = {from:Date32}, to = {to:Date32}, goal = {goal:Float64})"
)


def attainment(settings: Settings) -> Iterator[dict[str, Any]]:
    """A row a campaign of the rules file in force: what it is, and how far.

    Raises `RulesError` for a wrong file, `SinkError` when the database can't be asked.
    """
    load_rules(settings.rules)
    for name, campaign in campaigns_of(settings.rules).items():
        names, rows = query(settings, ASK, _parameters(campaign))
        found = dict(zip(names, rows[0], strict=True)) if rows else dict.fromkeys(names)
        yield {
            "campaign": name,
            "community": campaign.community,
            "figure": campaign.figure,
            "from": campaign.begins.isoformat(),
            "to": campaign.ends.isoformat(),
            "goal": float(campaign.goal),
            **found,
        }


def _parameters(campaign: Campaign) -> dict[str, Any]:
    return {
        "community": campaign.community,
        "groups": list(campaign.groups),
        "contents": list(campaign.contents),
        "figure": campaign.figure,
        "from": campaign.begins,
        "to": campaign.ends,
        "goal": float(campaign.goal),
    }
