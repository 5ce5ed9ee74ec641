"""Every threshold, once, by name, with its unit and its source.

Defaults are ours; a file ``rules.toml`` overrides them, for all communities and for each: a wrong name, type
or range is a clear error that says where.

    [lifecycle]
    silent_days = 10

    [communities.hdv]
    time_zone = "Europe/Berlin"

    [communities.hdv.lifecycle]
    silent_days = 14
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    StrictFloat,
    StrictInt,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from schemas.campaigns import campaign_problems
from schemas.chain_rules import Chains
from schemas.churn_rules import Churn
from schemas.group_rules import Groups, Health, Symptoms
from schemas.rules_file import overlay, problems
from schemas.rules_model import RuleModel
from schemas.silence_rules import Silence

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MOST_LEVELS = 32


class RulesError(ValueError):
    """A rules file that can't be used: which file, where in it, what is wrong; a line for each error."""


Weight = Annotated[StrictFloat, Field(ge=0, le=1000)]
Score = Annotated[StrictFloat, Field(ge=0.001, le=1_000_000)]
HalfLife = Annotated[StrictFloat, Field(ge=0.01, le=365)]
Points = Annotated[StrictInt, Field(ge=0, le=10_000)]


class Weights(RuleModel):
    """What one action adds to a person's activity score."""

    view: Weight = Field(0.2, description="Score that a view adds")
    join: Weight = Field(1.0, description="Score that a join adds")
    post: Weight = Field(2.0, description="Score that a post adds")
    share: Weight = Field(3.0, description="Score that a share adds")
    purchase: Weight = Field(5.0, description="Score that a purchase adds")


class Lifecycle(RuleModel):
    """Ladder 1: new, active, core, resurrected, join_and_stay, silent, lost.

    Source: growth accounting as community operators use it; `core` follows Orbit's and Discourse's habit of
    a bar to enter and a lower one to stay.
    """

    new_days: StrictInt = Field(7, ge=1, le=28, description="How long a person is new at most; days")
    silent_days: StrictInt = Field(7, ge=1, le=28, description="Silent after so long without activity; days")
    lost_days: StrictInt = Field(28, ge=2, le=365, description="Lost after so long without activity; days")
    resurrected_days: StrictInt = Field(7, ge=1, le=28, description="How long a return is called one; days")
    active_min_days: StrictInt = Field(2, ge=2, le=28, description="Active days in 28 that make active; days")
    core_enter_days: StrictInt = Field(12, ge=2, le=28, description="Active days in 28 to enter core; days")
    core_enter_score: Score = Field(12.0, description="Activity score to enter core")
    core_keep_days: StrictInt = Field(
        8, ge=1, le=28, description="Core ends with fewer active days in 28; days"
    )
    core_keep_score: Score = Field(8.0, description="Core ends with a lower activity score")

    @model_validator(mode="after")
    def _in_order(self) -> Lifecycle:
        if self.lost_days <= self.silent_days:
            raise ValueError("lost_days must be more than silent_days")
        if self.lost_days <= self.new_days:
            raise ValueError("lost_days must be more than new_days")
        if self.core_keep_days > self.core_enter_days:
            raise ValueError("core_keep_days must not be more than core_enter_days")
        if self.core_keep_score > self.core_enter_score:
            raise ValueError("core_keep_score must not be more than core_enter_score")
        return self


class Pyramid(RuleModel):
    """Ladder 2: staff, organiser, valuable, general, invalid.

    Source: the member pyramid of operators of user communities: a few who run it, some who bring and keep
    others, those who buy or carry it, everybody else, and those who only ever joined.
    """

    organiser_invited: StrictInt = Field(
        3, ge=1, le=10_000, description="Invited people who stayed that make an organiser; people"
    )
    stayed_days: StrictInt = Field(
        2, ge=1, le=28, description="Active days in 28 with which an invited person stayed; days"
    )
    valuable_days: StrictInt = Field(
        90, ge=1, le=3650, description="How long a purchase makes valuable; days"
    )
    invalid_days: StrictInt = Field(
        14, ge=1, le=365, description="Invalid when nothing came so long after joining; days"
    )


class Intent(RuleModel):
    """Ladder 3: none, potential, intent, strong, buyer, and hunter beside them.

    Source: lead scoring by decayed actions; hunters are the benefit hunters that operators of rewarded
    communities keep apart.
    """

    half_life_days: HalfLife = Field(14.0, description="Half-life of the intent score; days")
    purchase: Weight = Field(5.0, description="Intent score that a purchase adds")
    question: Weight = Field(2.0, description="Intent score that a member's question adds")
    click: Weight = Field(1.0, description="Intent score that a view or join through a share adds")
    benefit: Weight = Field(
        0.5, description="Intent score that a benefit action adds: a post of kind benefit as a member"
    )
    view: Weight = Field(0.3, description="Intent score that any other view adds")
    strong_score: Score = Field(8.0, description="Intent score from which intent is strong")
    intent_score: Score = Field(3.0, description="Intent score from which there is intent")
    hunter_benefits: StrictInt = Field(
        3, ge=1, le=31, description="Benefit actions in 28 days that make a hunter; actions"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Intent:
        if self.intent_score >= self.strong_score:
            raise ValueError("intent_score must be less than strong_score")
        return self


class Closeness(RuleModel):
    """Know, like, rely: how close a person is to the community.

    Source: operators' three degrees of relation.
    """

    like_own: StrictInt = Field(
        3,
        ge=1,
        le=60,
        description="Talks, questions and shares of their own in 28 days that make like; actions",
    )
    rely_days: StrictInt = Field(12, ge=1, le=28, description="Active days in 28 that make rely; days")
    rely_purchases: StrictInt = Field(
        2, ge=1, le=2, description="Purchases within rely_purchase_days that make rely; purchases"
    )
    rely_purchase_days: StrictInt = Field(
        90, ge=1, le=3650, description="How long a purchase counts for rely; days"
    )


class PointRules(RuleModel):
    """What actions earn, and how much of it a day. Source: incentive schemes of user communities."""

    join: Points = Field(10, description="Points that a join earns")
    join_per_day: StrictInt = Field(100, ge=0, le=255, description="Joins of a day that earn points; joins")
    post: Points = Field(5, description="Points that a post earns")
    post_per_day: StrictInt = Field(10, ge=0, le=255, description="Posts of a day that earn points; posts")
    share: Points = Field(8, description="Points that a share earns")
    share_per_day: StrictInt = Field(
        100, ge=0, le=255, description="Shares of a day that earn points; shares"
    )
    day: Points = Field(2, description="Points that the first action of a day earns")
    invite: Points = Field(20, description="Points that an invited person who stays earns their inviter")
    purchase: StrictInt = Field(
        1, ge=0, le=1000, description="Points that a whole unit of any currency spent earns"
    )
    purchase_per_day: StrictInt = Field(
        200, ge=0, le=60_000, description="Points for the purchases of a day at most"
    )


class Level(RuleModel):
    """Ladder 4: levels by points that decay. Source: loyalty schemes with demotion."""

    base: StrictFloat = Field(100.0, ge=1, le=1_000_000, description="Points of level 1")
    growth: StrictFloat = Field(
        1.5, ge=1.01, le=10, description="Points of each level are so many times those of the level before"
    )
    titles: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        (
            "visitor", "newcomer", "regular", "contributor", "companion", "mainstay",
            "expert", "mentor", "champion", "pillar", "legend",
        ),
        min_length=2, max_length=MOST_LEVELS,
        description="Titles of level 0, 1, 2, ...: there are as many levels",
    )  # fmt: skip
    decay_days: StrictInt = Field(
        30, ge=1, le=365, description="Level points decay after each so long without activity; days"
    )
    decay_keep: StrictFloat = Field(
        0.9, ge=0.01, le=0.99, description="The part of the level points that is kept then"
    )

    @model_validator(mode="after")
    def _different(self) -> Level:
        if len(set(self.titles)) < len(self.titles):
            raise ValueError("titles must all be different")
        return self

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The points of level 1, 2, ...: base * growth^n."""
        return tuple(self.base * self.growth**n for n in range(len(self.titles) - 1))


class Medals(RuleModel):
    """Given once each: first_post, streak, many_posts, many_invites, first_purchase, comeback."""

    streak_days: StrictInt = Field(7, ge=2, le=28, description="Active days in a row for streak; days")
    posts: StrictInt = Field(100, ge=1, le=1_000_000, description="Posts for many_posts; posts")
    invites: StrictInt = Field(
        10, ge=1, le=1_000_000, description="Invited people who joined for many_invites; people"
    )


@cache
def _zones() -> frozenset[str]:
    # The package's own list: what a machine has under its zoneinfo may include `localtime`, or other names.
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


def _zone(name: str) -> str:
    if name not in _zones():
        close = get_close_matches(name, sorted(_zones()), n=1)
        hint = f"; did you mean {close[0]}?" if close else ", as Europe/Berlin"
        raise ValueError(f"{name!r} is no time zone of the IANA database{hint}")
    return name


class CommunityRules(RuleModel):
    """The thresholds that may differ from community to community."""

    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        "UTC", description="Where a day begins, at midnight there; a name of the IANA database"
    )
    score_half_life_days: HalfLife = Field(7.0, description="Half-life of the activity score; days")
    rates_min_count: StrictInt = Field(
        20, ge=1, le=1_000_000, description="A rate over fewer is null; posts, activities"
    )
    activation_hours: StrictInt = Field(
        24, ge=1, le=24 * 28, description="Activated by a first post so soon after joining; hours"
    )
    weights: Weights = Weights()
    lifecycle: Lifecycle = Lifecycle()
    pyramid: Pyramid = Pyramid()
    intent: Intent = Intent()
    closeness: Closeness = Closeness()
    points: PointRules = PointRules()
    level: Level = Level()
    medals: Medals = Medals()
    groups: Groups = Groups()
    symptoms: Symptoms = Symptoms()
    health: Health = Health()
    silence: Silence = Silence()
    churn: Churn = Churn()
    chains: Chains = Chains()


CommunityId = Annotated[str, Field(min_length=1, max_length=128)]


class Rules(CommunityRules):
    """All thresholds: intake's, the defaults of every community, and what single communities override."""

    late_days: StrictInt = Field(
        28, ge=1, le=365, description="An event older than this behind the clock is late; days"
    )
    dedup_window_s: StrictInt = Field(
        3600, ge=0, le=7 * 86400, description="How long repeats of an event_id are dropped; seconds"
    )
    future_s: StrictInt = Field(
        600, ge=0, le=86400, description="How far ahead of the broker's clock an event may be; seconds"
    )
    communities: dict[CommunityId, dict[str, Any]] = Field(
        {}, max_length=65_000, description="Overrides, by community_id"
    )

    @model_validator(mode="after")
    def _overrides(self) -> Rules:
        wrong: list[InitErrorDetails] = []
        for name in self.communities:
            try:
                self._merged(name)
            except ValidationError as error:
                wrong += [
                    InitErrorDetails(
                        type=PydanticCustomError("community", "{told}", {"told": e["msg"]}),
                        loc=("communities", name, *e["loc"]),
                        input=e["input"],
                    )
                    for e in error.errors()
                ]
        if wrong:
            raise ValidationError.from_exception_data("Rules", wrong)
        return self

    def _common(self) -> dict[str, Any]:
        return self.model_dump(include=set(CommunityRules.model_fields))

    def _merged(self, community: str) -> CommunityRules:
        return CommunityRules.model_validate(overlay(self._common(), self.communities[community]))

    @cached_property
    def sets(self) -> tuple[CommunityRules, ...]:
        """The different sets of rules: number 0 for everybody, then one for each community that overrides."""
        common = CommunityRules.model_validate(self._common())
        return (common, *(self._merged(name) for name in self.communities))

    def set_of(self, community: str) -> int:
        """The number in `sets` of a community's rules."""
        return self._numbers.get(community, 0)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.communities, start=1)}

    def of(self, community: str) -> CommunityRules:
        """The rules of one community."""
        return self.sets[self.set_of(community)]


def load_rules(path: Path | None) -> Rules:
    """The rules in force: the defaults, or those with what the file at `path` overrides.

    Raises `RulesError` with a line for each error: the file, the line and the place in it, what is wrong.
    """
    if path is None:
        return Rules()
    try:
        text = path.read_bytes().decode()
        table = tomllib.loads(text)
    except OSError as error:
        raise RulesError(f"{path}: can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesError(f"{path}: not TOML: {error}") from error
    campaigns = table.pop("campaigns", {})
    if wrong := sorted(problems(text, table, Rules, CommunityRules) + campaign_problems(text, campaigns)):
        raise RulesError("\n".join(f"{path}:{problem}" for problem in wrong))
    return Rules.model_validate(table)
