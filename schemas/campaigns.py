"""Campaigns: what is to be reached, by whom, until when. Sections ``[campaigns.NAME]`` of a rules.toml.

They decide nothing in the stages, so they are no thresholds: `streams.campaigns` asks the view
`campaign_attainment` how far each is.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictFloat, model_validator

from schemas.rules_file import Problem, problems
from schemas.rules_model import RuleModel

CampaignFigure = Literal["joins", "posts", "shares", "purchases", "amount", "active_people"]
Name = Annotated[str, Field(min_length=1, max_length=128)]


class Campaign(RuleModel):
    """One campaign. A goal of 0 would be reached before it begins."""

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=True)

    community: Name = Field("default", description="The community")
    groups: tuple[Name, ...] = Field((), description="Its groups; none: all of the community")
    contents: tuple[Name, ...] = Field((), description="Its contents; none: whatever the content, or none")
    figure: CampaignFigure = Field(description="What is counted")
    goal: Annotated[StrictFloat, Field(gt=0)] = Field(description="How much of it is to be reached")
    begins: date = Field(alias="from", description="The first day, of UTC")
    ends: date = Field(alias="to", description="The last day, of UTC")

    @model_validator(mode="after")
    def _in_order(self) -> Campaign:
        if self.ends < self.begins:
            raise ValueError(f"to {self.ends} is before from {self.begins}")
        return self


class _Section(RuleModel):
    campaigns: dict[Name, Campaign] = Field({}, max_length=1000)


def campaign_problems(text: str, campaigns: Any) -> list[Problem]:
    """All that is wrong with the section `campaigns` of the TOML `text`."""
    return problems(text, {"campaigns": campaigns}, _Section, _Section)


def campaigns_of(path: Path | None) -> dict[str, Campaign]:
    """The campaigns of a rules.toml that `schemas.rules.load_rules` found good; none for None."""
    if path is None:
        return {}
    table = tomllib.loads(path.read_text("utf-8"))
    return _Section.model_validate({"campaigns": table.get("campaigns", {})}).campaigns
