"""Thresholds of the group silence alert, each with its unit and its source; a part of `schemas.rules`."""

from __future__ import annotations

from pydantic import Field, StrictFloat, StrictInt, model_validator

from schemas.rules_model import RuleModel


class Silence(RuleModel):
    """Group silence: an alert when a group is silent for longer than it ever is in `return_days`.

    Source: peaks over threshold and return levels (Coles, An Introduction to Statistical Modeling of Extreme
    Values, 2001, chapter 4), fitted by moments (Hosking and Wallis, 1987).
    """

    return_days: StrictInt = Field(
        365,
        ge=7,
        le=3650,
        description="Silent (an alert): a gap of a length that comes once in so long; days",
    )
    quiet_days: StrictInt = Field(
        30, ge=1, le=3650, description="Quiet (a warning): a gap of a length that comes once in so long; days"
    )
    min_hours: StrictInt = Field(
        6, ge=1, le=168, description="Neither sooner than so long after the last post; hours"
    )
    min_posts: StrictInt = Field(50, ge=10, le=100_000, description="Nor with fewer posts so far; posts")
    min_weeks: StrictInt = Field(4, ge=2, le=26, description="Nor with a shorter history; weeks")
    half_life_weeks: StrictFloat = Field(
        8.0, ge=1, le=52, description="Half-life of the habit: which hours of the week have posts; weeks"
    )
    prior_weeks: StrictFloat = Field(
        12.0,
        ge=0.5,
        le=52,
        description="Weight of the hour of the day in an hour of the week, and of the mean in that; weeks",
    )
    tail_weeks: StrictInt = Field(
        26, ge=4, le=26, description="How long the longest gaps of each week are remembered; weeks"
    )
    shape_max: StrictFloat = Field(
        0.3, ge=0, le=0.5, description="The most that the shape of the tail of gaps may be"
    )
    shape_doubt: StrictFloat = Field(
        100.0,
        ge=0,
        le=10_000,
        description="So many gaps' worth of belief that the shape is 0; gaps",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Silence:
        if self.quiet_days >= self.return_days:
            raise ValueError("quiet_days must be less than return_days")
        if self.min_weeks > self.tail_weeks:
            raise ValueError("min_weeks must not be more than tail_weeks")
        return self
