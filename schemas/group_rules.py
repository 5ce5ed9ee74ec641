"""Thresholds of the groups stage, each with its unit and its source; a part of `schemas.rules`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictFloat, StrictInt, model_validator

from schemas.rules_model import RuleModel

Part = Annotated[StrictFloat, Field(ge=0.01, le=0.99)]
Times = Annotated[StrictFloat, Field(ge=0.01, le=100)]
Least = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
Errors = Annotated[StrictFloat, Field(ge=0, le=10)]
Weight = Annotated[StrictFloat, Field(ge=0, le=1000)]


class Groups(RuleModel):
    """Figures, phases and immediate alerts of a group.

    Source: what operators of user communities count; phases are those of a product's life.
    """

    early_days: StrictInt = Field(
        7, ge=1, le=27, description="Gone early: left or silent so soon after joining, for so long; days"
    )
    ice_hours: StrictInt = Field(
        24, ge=1, le=24 * 28, description="The ice is broken by a first post so soon after joining; hours"
    )
    core_days: StrictInt = Field(12, ge=2, le=28, description="Active days in 28 that make core; days")
    silent_days: StrictInt = Field(
        7, ge=1, le=27, description="A member falls silent after so many days without activity; days"
    )
    heard_minutes: StrictInt = Field(
        30, ge=1, le=1440, description="A staff post is heard if a member posts so soon after; minutes"
    )
    answer_minutes: StrictInt = Field(
        30, ge=1, le=1440, description="A question is unanswered (an alert) after so long; minutes"
    )
    spam_minutes: StrictInt = Field(
        60, ge=1, le=1440, description="Spam burst (an alert): so many ads within so long; minutes"
    )
    spam_ads: StrictInt = Field(
        5, ge=2, le=16, description="Spam burst: so many ads of members within spam_minutes; ads"
    )
    seed_members: StrictInt = Field(
        50, ge=1, le=1_000_000, description="A group of fewer members is a seed; members"
    )
    outbreak_growth: Times = Field(
        0.3, description="Outbreak: joins of 28 days, to the members there were before them"
    )
    outbreak_joins: Least = Field(20, description="Nor is it an outbreak with fewer joins; joins")


class Symptoms(RuleModel):
    """The six symptoms of a group that ails, and the chaos warning.

    Percentages: operators' own list. How sure it must be: docs/decisions/0016-symptoms.md.
    """

    keep: Part = Field(0.9, description="A symptom ends when its figure is back to so much of its threshold")
    early_part: Part = Field(0.3, description="1 hit-and-run: more of those who joined are gone early")
    early_joins: Least = Field(20, description="Not told with fewer who joined in 28 days; people")
    early_sure: Errors = Field(1.0, description="Nor unless by so many standard errors more")
    growth: Times = Field(
        1.2, description="2 hollow growth: joins of 7 days, to the 7 before and to a week of the 21 before"
    )
    fall: Part = Field(0.8, description="2 hollow growth: members' posts of 7 days, to those")
    growth_joins: Least = Field(45, description="Not told with fewer joins in the 21 days before; joins")
    growth_sure: Errors = Field(2.5, description="Nor unless joins are by so many standard errors more")
    fall_sure: Errors = Field(5.0, description="Nor unless posts are by so many standard errors fewer")
    staff_part: Part = Field(0.8, description="3 monologue: more of the posts of 7 days are by staff")
    staff_posts: Least = Field(10, description="Not told with fewer posts in 7 days; posts")
    staff_sure: Errors = Field(2.0, description="Nor unless by so many standard errors more")
    unheard_part: Part = Field(
        0.8, description="4 no response: more of the staff posts of 7 days are unheard"
    )
    heard_posts: Least = Field(10, description="Not told with fewer staff posts in 7 days; posts")
    heard_sure: Errors = Field(1.75, description="Nor unless by so many standard errors more")
    lift: Times = Field(
        1.2, description="5 benefit-deaf: posts after the last 7 benefits, to those usual there"
    )
    lift_before: Times = Field(
        1.5, description="5 benefit-deaf: when it was more after the 15 before; it ends when it is so again"
    )
    lift_posts: StrictFloat = Field(
        50.0, ge=1, le=100_000, description="Not told where fewer are usual after 7, or 15, benefits; posts"
    )
    lift_sure: Errors = Field(3.25, description="Nor unless it fell by so many standard errors")
    lift_weeks: StrictInt = Field(
        4, ge=1, le=52, description="What is usual is not known before so many weeks of history; weeks"
    )
    lift_half_life_weeks: StrictFloat = Field(
        8.0, ge=1, le=52, description="Half-life of what is usual in an hour of the week; weeks"
    )
    ads_part: Part = Field(0.2, description="6 spam-ridden: more of members' posts of 7 days are ads")
    ads_posts: Least = Field(10, description="Not told with fewer posts of members in 7 days; posts")
    ads_sure: Errors = Field(3.5, description="Nor unless by so many standard errors more")
    chaos_growth: Times = Field(
        2.0, description="Chaos warning: joins of 7 days, to the 7 before and to a week of the 21 before"
    )
    chaos_joins: Least = Field(20, description="Not told with fewer joins in 7 days; joins")
    chaos_leaves: Part = Field(0.3, description="Chaos warning: more leaves to joins, or spam-ridden")
    chaos_sure: Errors = Field(
        2.0, description="Not told unless joins are by so many standard errors more than in the 7 days before"
    )
    chaos_rise: Errors = Field(
        2.5, description="Nor unless joins, and leaves, are by so many more than in the 21 days before"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Symptoms:
        if self.fall >= self.growth:
            raise ValueError("fall must be less than growth")
        if self.lift >= self.lift_before:
            raise ValueError("lift must be less than lift_before")
        return self


class Health(RuleModel):
    """Health, 0 to 100: weights of participation and of each symptom that a group does not have."""

    participation: Weight = Field(3.0, description="Weight of participation")
    participation_full: Part = Field(
        0.2, description="Members who posted or shared in 28 days that are all one can wish for; part"
    )
    hit_and_run: Weight = Field(1.0, description="Weight of symptom 1")
    hollow_growth: Weight = Field(1.0, description="Weight of symptom 2")
    monologue: Weight = Field(1.0, description="Weight of symptom 3")
    no_response: Weight = Field(1.0, description="Weight of symptom 4")
    benefit_deaf: Weight = Field(1.0, description="Weight of symptom 5")
    spam_ridden: Weight = Field(1.0, description="Weight of symptom 6")
    chaos_warning: Weight = Field(1.0, description="Weight of the chaos warning")

    @model_validator(mode="after")
    def _some(self) -> Health:
        if self.hit_and_run + self.hollow_growth + self.monologue + self.no_response <= 0:
            raise ValueError("one of hit_and_run, hollow_growth, monologue and no_response must be above 0")
        return self
