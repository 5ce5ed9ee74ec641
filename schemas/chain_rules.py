"""Thresholds of the chains stage, each with its unit and its source; a part of `schemas.rules`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictFloat, StrictInt

from schemas.rules_model import RuleModel


class Chains(RuleModel):
    """How content spreads from share to share.

    Source: docs/chains.md; a share of a share comes within hours, or not at all.
    """

    orphan_hours: StrictInt = Field(
        24, ge=0, le=24 * 28, description="A share moves under its parent if that comes so late; hours"
    )
    explosive_part: Annotated[StrictFloat, Field(ge=0.0001, le=0.5)] = Field(
        0.01, description="Explosive: fewer than this part of contents had as many shares in the first hour"
    )
    explosive_shares: StrictInt = Field(
        20, ge=2, le=1_000_000, description="Nor is it explosive with fewer shares in the first hour; shares"
    )
    explosive_contents: StrictInt = Field(
        100, ge=1, le=1_000_000, description="Nor with fewer contents to compare with; contents"
    )
    explosive_hours: StrictInt = Field(
        24, ge=1, le=24 * 28, description="The alert explosive_content resolves after so long; hours"
    )
