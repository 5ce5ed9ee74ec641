"""The thresholds: their defaults, what overrides what, which fit together, and the page about them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas.group_rules import Health, Symptoms
from schemas.rules import (
    MOST_LEVELS,
    CommunityRules,
    Intent,
    Level,
    Lifecycle,
    Rules,
    Weights,
    load_rules,
)
from schemas.rules_table import thresholds
from schemas.silence_rules import Silence

REPO = Path(__file__).parent.parent
PAGE = REPO / "docs/rules.md"
EXAMPLE = REPO / "schemas/examples/rules.toml"


def written(folder: Path, text: str) -> Path:
    file = folder / "rules.toml"
    file.write_text(text)
    return file


# --- the defaults ----------------------------------------------------------------------------------


OF_GROUPS = {
    "groups": {
        "early_days": 7, "ice_hours": 24, "core_days": 12, "silent_days": 7, "heard_minutes": 30,
        "answer_minutes": 30, "spam_minutes": 60, "spam_ads": 5, "seed_members": 50, "outbreak_growth": 0.3,
        "outbreak_joins": 20,
    },
    "symptoms": {
        "keep": 0.9, "early_part": 0.3, "early_joins": 20, "early_sure": 1, "growth": 1.2, "fall": 0.8,
        "growth_joins": 45, "growth_sure": 2.5, "fall_sure": 5, "staff_part": 0.8, "staff_posts": 10,
        "staff_sure": 2, "unheard_part": 0.8, "heard_posts": 10, "heard_sure": 1.75, "lift": 1.2,
        "lift_before": 1.5, "lift_posts": 50, "lift_sure": 3.25, "lift_weeks": 4, "lift_half_life_weeks": 8,
        "ads_part": 0.2, "ads_posts": 10, "ads_sure": 3.5, "chaos_growth": 2, "chaos_joins": 20,
        "chaos_leaves": 0.3, "chaos_sure": 2, "chaos_rise": 2.5,
    },
    "health": {
        "participation": 3, "participation_full": 0.2, "hit_and_run": 1, "hollow_growth": 1, "monologue": 1,
        "no_response": 1, "benefit_deaf": 1, "spam_ridden": 1, "chaos_warning": 1,
    },
    "silence": {
        "return_days": 365, "quiet_days": 30, "min_hours": 6, "min_posts": 50, "min_weeks": 4,
        "half_life_weeks": 8, "prior_weeks": 12, "tail_weeks": 26, "shape_max": 0.3, "shape_doubt": 100,
    },
    "churn": {
        "false_alarm_months": 50, "least_leaves": 5, "hourly_from": 5, "daily_from": 0.2, "warm_up_weeks": 4,
        "level_half_life_weeks": 3, "rhythm_half_life_weeks": 12, "longest_days": 28, "late_hours": 24,
    },
    "chains": {
        "orphan_hours": 24, "explosive_part": 0.01, "explosive_shares": 20, "explosive_contents": 100,
        "explosive_hours": 24,
    },
}  # fmt: skip


def test_defaults_are_those_of_the_definition() -> None:
    assert load_rules(None) == Rules()
    assert Rules().model_dump() == {
        "time_zone": "UTC",
        "score_half_life_days": 7,
        "rates_min_count": 20,
        "activation_hours": 24,
        "weights": {"view": 0.2, "join": 1, "post": 2, "share": 3, "purchase": 5},
        "lifecycle": {
            "new_days": 7, "silent_days": 7, "lost_days": 28, "resurrected_days": 7, "active_min_days": 2,
            "core_enter_days": 12, "core_enter_score": 12, "core_keep_days": 8, "core_keep_score": 8,
        },
        "pyramid": {"organiser_invited": 3, "stayed_days": 2, "valuable_days": 90, "invalid_days": 14},
        "intent": {
            "half_life_days": 14, "purchase": 5, "question": 2, "click": 1, "benefit": 0.5, "view": 0.3,
            "strong_score": 8, "intent_score": 3, "hunter_benefits": 3,
        },
        "closeness": {"like_own": 3, "rely_days": 12, "rely_purchases": 2, "rely_purchase_days": 90},
        "points": {
            "join": 10, "join_per_day": 100, "post": 5, "post_per_day": 10, "share": 8, "share_per_day": 100,
            "day": 2, "invite": 20, "purchase": 1, "purchase_per_day": 200,
        },
        "level": {
            "base": 100, "growth": 1.5, "decay_days": 30, "decay_keep": 0.9,
            "titles": (
                "visitor", "newcomer", "regular", "contributor", "companion", "mainstay", "expert", "mentor",
                "champion", "pillar", "legend",
            ),
        },
        "medals": {"streak_days": 7, "posts": 100, "invites": 10},
        **OF_GROUPS,
        "late_days": 28,
        "dedup_window_s": 3600,
        "future_s": 600,
        "communities": {},
    }  # fmt: skip


def test_each_level_needs_half_as_many_points_again() -> None:
    assert Level().thresholds == tuple(100 * 1.5**n for n in range(10))


def models(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [model]
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += models(field.annotation)
    return found


@pytest.mark.parametrize("model", models(Rules), ids=lambda model: model.__name__)
def test_defaults_keep_their_own_rules_and_every_threshold_says_what_it_is(model: type[BaseModel]) -> None:
    assert model.model_validate(model().model_dump()) == model()
    for name, field in model.model_fields.items():
        section = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        assert section or field.description, f"{model.__name__}.{name}"
        unit = re.search(r"_(days|hours|s)$", name)
        assert not unit or not field.description or field.description.split("; ")[-1].startswith(unit[1])


# --- what overrides what ---------------------------------------------------------------------------


def test_a_file_overrides_what_it_names(tmp_path: Path) -> None:
    found = load_rules(
        written(tmp_path, "late_days = 14\n[weights]\nview = 0.5\n[lifecycle]\nsilent_days = 3\n")
    )
    assert (found.late_days, found.weights.view, found.lifecycle.silent_days) == (14, 0.5, 3)
    assert (found.dedup_window_s, found.weights.join, found.lifecycle.lost_days) == (3600, 1.0, 28)
    assert found.sets == (found.of("anyone"),)


@pytest.mark.parametrize(
    "text",
    [
        'lifecycle.silent_days = 10\ncommunities."my team".lifecycle.silent_days = 14\n'
        'communities."my team".weights.view = 0\n',
        '[lifecycle]\nsilent_days = 10\n[communities."my team"]\nlifecycle.silent_days = 14\n'
        'weights = {view = 0}',
        '[communities."my team".lifecycle]\nsilent_days = 14\n[communities."my team".weights]\nview = 0.0\n'
        "[lifecycle]\nsilent_days = 10",
    ],
    ids=["dotted", "inline", "sections"],
)  # fmt: skip
def test_a_community_is_over_the_file_and_the_file_over_the_defaults(tmp_path: Path, text: str) -> None:
    found = load_rules(written(tmp_path, text))
    team, others = found.of("my team"), found.of("your team")
    assert (team.lifecycle.silent_days, others.lifecycle.silent_days) == (14, 10)
    assert (team.weights.view, others.weights.view) == (0, 0.2)
    assert team.lifecycle.lost_days == others.lifecycle.lost_days == 28
    assert team.lifecycle == others.lifecycle.model_copy(update={"silent_days": 14})
    assert team.points == others.points
    assert others == CommunityRules(lifecycle=Lifecycle(silent_days=10))


def test_sets_are_numbered_as_communities_are_found() -> None:
    rules = Rules(communities={"a": {"time_zone": "Asia/Kolkata"}, "b": {"activation_hours": 48}})
    assert [rules.set_of(name) for name in ("a", "b", "c", "")] == [1, 2, 0, 0]
    assert [rules.sets[rules.set_of(name)] for name in "abc"] == [rules.of(name) for name in "abc"]
    assert [one.time_zone for one in rules.sets] == ["UTC", "Asia/Kolkata", "UTC"]
    assert [one.activation_hours for one in rules.sets] == [24, 24, 48]


def test_a_community_may_mend_what_does_not_fit_there(tmp_path: Path) -> None:
    found = load_rules(
        written(tmp_path, "[communities.a.lifecycle]\nsilent_days = 28\nlost_days = 60\nnew_days = 20")
    )
    assert (found.of("a").lifecycle.silent_days, found.of("a").lifecycle.lost_days) == (28, 60)


# --- which fit together ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "values", "told"),
    [
        (Lifecycle, {"silent_days": 9, "lost_days": 9}, "lost_days must be more than silent_days"),
        (Lifecycle, {"new_days": 28}, "lost_days must be more than new_days"),
        (Lifecycle, {"core_keep_days": 13}, "core_keep_days must not be more than core_enter_days"),
        (Lifecycle, {"core_keep_score": 12.5}, "core_keep_score must not be more than core_enter_score"),
        (Intent, {"intent_score": 8}, "intent_score must be less than strong_score"),
        (Symptoms, {"growth": 0.8}, "fall must be less than growth"),
        (Symptoms, {"lift": 1.5}, "lift must be less than lift_before"),
        (
            Health,
            dict.fromkeys(("hit_and_run", "hollow_growth", "monologue", "no_response"), 0),
            "must be above 0",
        ),
        (Silence, {"tail_weeks": 4, "min_weeks": 5}, "min_weeks must not be more than tail_weeks"),
        (Level, {"titles": ("a", "b", "a")}, "titles must all be different"),
        (Level, {"titles": ("a",)}, "at least 2 items"),
        (Level, {"titles": tuple(map(str, range(MOST_LEVELS + 1)))}, "at most 32 items"),
        (Level, {"titles": ("a", "b" * 65)}, "at most 64 characters"),
        (CommunityRules, {"time_zone": "Mars/Base"}, "'Mars/Base' is no time zone"),
        (CommunityRules, {"time_zone": "localtime"}, "no time zone"),
        (CommunityRules, {"time_zone": "Europe/berlin"}, "did you mean Europe/Berlin?"),
        (CommunityRules, {"time_zone": "/etc/passwd"}, "no time zone"),
        (Weights, {"view": float("nan")}, "finite number"),
        (Weights, {"view": "0.2"}, "valid number"),
        (Weights, {"like": 1.0}, "Extra inputs"),
        (Rules, {"late_days": 7.0}, "valid integer"),
        (Rules, {"late_days": True}, "valid integer"),
        (Rules, {"communities": {"a" * 129: {"activation_hours": 1}}}, "at most 128 characters"),
        (Rules, {"communities": {"a": {"late_days": 3}}}, "Extra inputs"),
    ],
)
def test_what_can_not_be_is_refused(model: type[BaseModel], values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(told)):
        model(**values)


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Lifecycle, {"silent_days": 9, "lost_days": 10, "new_days": 9}),
        (Lifecycle, {"core_keep_days": 12, "core_keep_score": 12}),
        (Intent, {"intent_score": 7.999}),
        (Level, {"titles": ("a", "b")}),
        (Level, {"titles": tuple(map(str, range(MOST_LEVELS)))}),
        (CommunityRules, {"time_zone": "America/Argentina/Buenos_Aires"}),
    ],
)
def test_what_just_fits_is_taken(model: type[BaseModel], values: dict[str, Any]) -> None:
    assert model(**values).model_dump(include=set(values)) == values


def test_rules_made_in_code_tell_of_every_community_that_is_wrong() -> None:
    with pytest.raises(ValidationError) as caught:
        Rules(
            communities={"a": {"lifecycle": {"silent_days": 28}}, "b": {}, "c": {"wieghts": {}, "level": 3}}
        )
    assert {error["loc"] for error in caught.value.errors()} == {
        ("communities", "a", "lifecycle"),
        ("communities", "c", "wieghts"),
        ("communities", "c", "level"),
    }


# --- the page and its example ----------------------------------------------------------------------


def test_the_page_has_the_thresholds_as_they_are() -> None:
    _, mark, tables = PAGE.read_text("utf-8").partition("<!-- made by: python -m schemas.rules_table -->\n")
    assert mark
    assert tables == thresholds(), "put the output of `python -m schemas.rules_table` below the mark"


def test_the_tables_have_every_threshold_once() -> None:
    named = re.findall(r"^\| `(\w+)` \| `(.*)` \| .* \| .+ \|$", thresholds(), re.MULTILINE)
    leaves = [
        name
        for model in models(Rules)[1:]
        for name in model.model_fields
    ] + [name for name in Rules.model_fields if name not in ("communities", *(sections()))]  # fmt: skip
    assert sorted(name for name, _ in named) == sorted(leaves)


def sections() -> set[str]:
    return {name for name, value in CommunityRules() if isinstance(value, BaseModel)}


def test_the_page_shows_the_example_file() -> None:
    assert f"```toml\n{EXAMPLE.read_text('utf-8')}```\n" in PAGE.read_text("utf-8")


def test_the_example_says_what_its_comments_say() -> None:
    rules = load_rules(EXAMPLE)
    runners, fans, others = rules.of("runners"), rules.of("fans of the shop"), rules.of("others")
    assert rules.late_days == 14
    assert [one.lifecycle.silent_days for one in (runners, fans, others)] == [14, 10, 10]
    assert [one.points.share for one in (runners, fans, others)] == [12, 12, 12]
    assert [one.groups.silent_days for one in (runners, fans, others)] == [14, 7, 7]
    assert [one.groups.answer_minutes for one in (runners, fans, others)] == [60, 60, 60]
    assert [one.symptoms.ads_part for one in (runners, fans, others)] == [0.2, 0.4, 0.2]
    assert [one.lifecycle.new_days for one in (runners, fans, others)] == [7, 7, 7]
    assert [one.time_zone for one in (runners, fans, others)] == ["Europe/Berlin", "America/Sao_Paulo", "UTC"]
    assert fans.level.thresholds == (100, 200, 400, 800)
    assert others.level == Level()
