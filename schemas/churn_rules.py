"""Thresholds of the churn spike alert, each with its unit and its source; a part of `schemas.rules`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictFloat, StrictInt, model_validator

from schemas.rules_model import RuleModel

HalfLife = Annotated[StrictFloat, Field(ge=1, le=104)]


class Churn(RuleModel):
    """Churn spike: an alert when twice as many or more leave a group, or fall silent in it, as usually do.

    Source: NB-CUSUM (Höhle and Paul, Count data regression charts for the monitoring of surveillance time
    series, 2008); CUSUM (Page, 1954).
    """

    false_alarm_months: StrictFloat = Field(
        50.0, ge=1, le=10_000, description="At most one false alarm of a group in so long; months"
    )
    least_leaves: StrictInt = Field(
        5, ge=2, le=1000, description="No alarm with fewer leaves than this; leaves"
    )
    hourly_from: StrictFloat = Field(
        5.0,
        ge=0.1,
        le=10_000,
        description="Watched by the hour if so many usually leave a day, else by the day; leaves a day",
    )
    daily_from: StrictFloat = Field(
        0.2,
        ge=0.01,
        le=10_000,
        description="Watched by the week if fewer usually leave a day; leaves a day",
    )
    warm_up_weeks: StrictInt = Field(
        4, ge=2, le=104, description="No alarm before so many whole weeks of history; weeks"
    )
    level_half_life_weeks: HalfLife = Field(3.0, description="Half-life of how many leave in a week; weeks")
    rhythm_half_life_weeks: HalfLife = Field(
        12.0, description="Half-life of how leaves spread over a week and how they scatter; weeks"
    )
    longest_days: StrictInt = Field(
        28, ge=3, le=365, description="After so long an alert ends and what goes on is usual; days"
    )
    late_hours: StrictInt = Field(
        24, ge=1, le=24 * 28, description="A leave that comes later than this is left out; hours"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Churn:
        if self.daily_from > self.hourly_from:
            raise ValueError("daily_from must not be more than hourly_from")
        return self
