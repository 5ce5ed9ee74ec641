"""The commands about rules, and the sentences in which they are told."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner, Result

from schemas.group_tables import ALERT_RULES, PHASES, SYMPTOMS
from schemas.rules import CommunityRules, Level, Rules
from streams.chains import sentences as chains
from streams.cli import app
from streams.groups import sentences as groups
from streams.rules_report import (
    GENERAL,
    INTAKE,
    MEDALS,
    POINTS,
    WEIGHTS,
    explain,
    overrides,
    placeholders,
)
from streams.users import medals
from streams.users.ladder import Ladder
from streams.users.ladders import LADDERS
from streams.users.state import POINT_KINDS
from tests.generate import community, records
from tests.local_run import PARTITIONS, Run
from tests.strategies import START_MS

pytestmark = pytest.mark.usefixtures("clean_environment")
NOW_MS = 1_790_000_000_000
EXAMPLE = Path(__file__).parent.parent / "schemas/examples/rules.toml"


def groupbeat(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["rules", *map(str, arguments)])


# --- check -----------------------------------------------------------------------------------------


def test_check_tells_what_a_good_file_overrides_and_for_whom() -> None:
    shown = groupbeat("check", EXAMPLE)
    assert shown.exit_code == 0
    first, *lines = shown.output.splitlines()
    assert first == f"{EXAMPLE}: good"
    assert "  all communities: late_days = 14 (default 28)" in lines
    assert "  all communities: lifecycle.silent_days = 10 (default 7)" in lines
    assert '  runners: time_zone = "Europe/Berlin" (others "UTC")' in lines
    assert "  runners: lifecycle.silent_days = 14 (others 10)" in lines
    assert '  "fans of the shop": level.growth = 2 (others 1.5)' in lines
    assert len(lines) == len(re.findall(r"^\w+ = ", EXAMPLE.read_text(), re.MULTILINE))


def test_check_tells_everything_that_is_wrong_a_line_each(tmp_path: Path) -> None:
    file = tmp_path / "[my] rules.toml"
    file.write_text('late_dayz = 3\n[weights]\nview = -1\n[communities."[red]"]\nlevel.titles = 1\n')
    shown = groupbeat("check", file)
    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert shown.stderr.splitlines() == [
        f"{file}:1: late_dayz: no such setting; did you mean late_days?",
        f"{file}:3: weights.view: should be greater than or equal to 0, is -1",
        f'{file}:5: communities."[red]".level.titles: should be a list, is 1',
    ]


def test_check_of_no_file_and_of_an_empty_one(tmp_path: Path) -> None:
    shown = groupbeat("check", tmp_path / "none.toml")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "none.toml: can't be read: No such file" in shown.stderr
    (tmp_path / "empty.toml").write_text("")
    shown = groupbeat("check", tmp_path / "empty.toml")
    assert (shown.exit_code, shown.output.splitlines()[1:]) == (0, ["  overrides nothing"])


def test_a_setting_equal_to_the_default_is_an_override_too() -> None:
    rules = Rules.model_validate({"late_days": 28, "communities": {"a": {"weights": {"view": 0.2}}}})
    assert overrides(rules) == [
        "all communities: late_days = 28 (default 28)",
        "a: weights.view = 0.2 (others 0.2)",
    ]


# --- explain ---------------------------------------------------------------------------------------


def test_explain_has_the_numbers_in_force_and_marks_those_that_differ() -> None:
    of_all = groupbeat("explain", "--rules", EXAMPLE).output
    of_runners = groupbeat("explain", "--rules", EXAMPLE, "--community", "runners").output
    of_fans = groupbeat("explain", "--rules", EXAMPLE, "--community", "fans of the shop").output
    of_default = groupbeat("explain").output
    silent = "from active, core or resurrected: {} days without activity"
    assert silent.format("7") in of_default
    assert silent.format("10 (default 7)") in of_all
    assert silent.format("14 (default 7)") in of_runners
    assert silent.format("10 (default 7)") in of_fans
    assert "begins at midnight in Europe/Berlin (default UTC)" in of_runners
    assert "begins at midnight in UTC\n" in of_all
    ads = "more than {} of members' posts of 7 days are ads"
    assert ads.format("0.2") in of_runners
    assert ads.format("0.4 (default 0.2)") in of_fans
    assert re.search(r"level_4 +800 points +ambassador \(default companion\)\n", of_fans)
    assert "level_5" not in of_fans
    assert all("more than 14 (default 28) days behind" in shown for shown in (of_all, of_runners, of_fans))
    assert "(default" not in of_default


def test_explain_says_whose_rules_they_are() -> None:
    def first(*arguments: str) -> str:
        return groupbeat("explain", *arguments).output.splitlines()[0]

    assert first() == "Rules of all communities"
    assert first("--community", "[b]") == 'The community "[b]" has no rules of its own; those of all hold'
    given = ("--rules", str(EXAMPLE))
    assert first(*given) == 'Rules of all communities but runners, "fans of the shop", which have their own'
    assert first(*given, "--community", "runners") == "Rules of the community runners"


def test_explain_takes_the_file_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPBEAT_RULES", str(EXAMPLE))
    assert "12 (default 8) points each" in groupbeat("explain").output
    monkeypatch.setenv("GROUPBEAT_RULES", "nowhere.toml")
    shown = groupbeat("explain")
    assert shown.exit_code == 1
    assert "nowhere.toml: can't be read" in shown.stderr
    assert groupbeat("explain", "--rules", EXAMPLE).exit_code == 0


def test_titles_are_shown_as_they_are() -> None:
    rules = Rules(level=Level(titles=("[b]a", "visitor")), time_zone="UTC")
    lines = [line for line in explain(rules) if line.startswith("  level_")]
    assert any(line.endswith(r"\[b]a (default visitor)") for line in lines)


def shown_names(section: type[BaseModel], sentences: list[str]) -> set[str]:
    """The thresholds in these sentences, which must be those of a section."""
    names = set().union(*map(placeholders, sentences))
    assert names <= set(section.model_fields), section
    return names


def test_every_threshold_is_in_a_sentence_and_every_placeholder_is_a_threshold() -> None:
    shown = {("", name) for name in shown_names(CommunityRules, list(GENERAL.values()))}
    shown |= {("", name) for name in shown_names(Rules, list(INTAKE.values()))}
    rules = CommunityRules()
    told = [
        *(("weights", list(sentences.values())) for sentences in [WEIGHTS]),
        ("points", list(POINTS.values())),
        ("medals", list(MEDALS.values())),
        *((ladder.section, [step.sentence for step in ladder.steps]) for ladder in LADDERS),
        *((block.section, list(block.sentences.values())) for block in (*groups.BLOCKS, *chains.BLOCKS)),
    ]
    for section, sentences in told:
        shown |= {(section, name) for name in shown_names(type(getattr(rules, section)), sentences)}
    sections = {name for name, value in rules if isinstance(value, BaseModel)}
    there = {("", name) for name in Rules.model_fields if name not in (*sections, "communities")}
    there |= {(section, name) for section in sections for name in type(getattr(rules, section)).model_fields}
    assert there - shown == {("level", "titles")}  # a line each, below the ladder


def test_every_kind_of_points_and_every_medal_is_explained() -> None:
    assert set(POINTS) == set(POINT_KINDS)
    assert tuple(MEDALS) == medals.MEDALS


def test_every_alert_and_phase_of_a_group_and_every_part_of_its_health_is_explained() -> None:
    told = [
        name
        for block in (*groups.BLOCKS, *chains.BLOCKS)
        for name in block.sentences
        if block.section != "health"
    ]
    assert set(ALERT_RULES) | set(PHASES) <= set(told)
    [health] = [block.sentences for block in (*groups.BLOCKS, *chains.BLOCKS) if block.section == "health"]
    assert list(health) == ["participation", *SYMPTOMS]
    shown = groupbeat("explain").output
    assert all(f"\n{block.title}\n" in shown for block in (*groups.BLOCKS, *chains.BLOCKS))


# --- the ladders -----------------------------------------------------------------------------------

MOVES = {
    "lifecycle": {
        ("lost", "left_every_group"), ("new", "first_action"), ("resurrected", "acted_again"),
        ("active", "enough_active_days"), ("core", "core_activity"),
        ("join_and_stay", "no_second_active_day"), ("lost", "no_activity_for_long"),
        ("silent", "no_activity"), ("active", "core_days_faded"), ("active", "core_score_faded"),
        ("core", "return_kept"), ("active", "return_kept"),
    },
    "pyramid": {
        ("staff", "has_a_role"), ("organiser", "invited_who_stayed"), ("valuable", "bought_lately"),
        ("valuable", "core_member"), ("invalid", "did_nothing"), ("general", "role_ended"),
        ("general", "value_faded"), ("general", "did_something"),
    },
    "intent": {
        ("hunter", "benefits_only"), ("buyer", "bought"), ("buyer", "hunting_ended"),
        ("strong", "score_reached"), ("strong", "hunting_ended"), ("intent", "score_reached"),
        ("intent", "score_faded"), ("intent", "hunting_ended"), ("potential", "score_reached"),
        ("potential", "score_faded"), ("potential", "hunting_ended"), ("none", "hunting_ended"),
    },
    "closeness": {
        ("rely", "relies_by_days"), ("rely", "relies_by_purchases"), ("like", "own_contributions"),
        ("like", "faded"), ("know", "faded"),
    },
    "level": {("level_n", "points_reached"), ("level_n", "points_decayed")},
}  # fmt: skip
"""By docs/people.md, Ladders: to which segment and by which rule each ladder can move a person."""


def test_the_ladders_are_those_of_the_definition() -> None:
    assert [ladder.name for ladder in LADDERS] == list(MOVES)


@pytest.mark.parametrize("ladder", LADDERS, ids=lambda ladder: ladder.name)
def test_every_move_that_a_ladder_can_make_has_one_step(ladder: Ladder) -> None:
    steps = [(step.to, step.rule) for step in ladder.steps]
    assert len(set(steps)) == len(steps)
    assert set(steps) == MOVES[ladder.name]
    assert {rule for _, rule in steps} == set(ladder.rules)
    segments = {re.sub(r"^level_\d+$", "level_n", segment) for segment in ladder.segments}
    assert {to for to, _ in steps} == segments - {""}


def test_whatever_the_stage_does_is_a_step() -> None:
    values = community(7, 6000, 100, 300, start_ms=START_MS)
    run = Run(list(records(values, partitions=PARTITIONS, timestamp_ms=NOW_MS)))
    asyncio.run(run.finish())
    done = {
        (row["ladder"], re.sub(r"^level_\d+$", "level_n", row["to_segment"]), row["rule"])
        for row in run.store.table("segment_transitions")
    }
    steps = {(ladder.name, step.to, step.rule) for ladder in LADDERS for step in ladder.steps}
    assert done <= steps
    assert {ladder for ladder, _, _ in done} == set(MOVES)
