"""A wrong rules.toml: everything that is wrong with it, on which line, where, and what would be right."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.rules import CommunityRules, Rules, RulesError, load_rules
from schemas.toml_lines import dotted

PAGE = Path(__file__).parent.parent / "docs/rules.md"


def told(folder: Path, text: str) -> list[str]:
    """The lines of the error for a file, without the file's name that each begins with."""
    file = folder / "rules.toml"
    file.write_text(text)
    with pytest.raises(RulesError) as caught:
        load_rules(file)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}:") for line in lines)
    return [line.removeprefix(f"{file}:") for line in lines]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("late_days = 0", "1: late_days: should be greater than or equal to 1, is 0"),
        ("\n\nlate_days = 'many'", "3: late_days: should be a valid integer, is 'many'"),
        ("late_days = true", "1: late_days: should be a valid integer, is true"),
        ("late_days = 7.0", "1: late_days: should be a valid integer, is 7.0"),
        ("[weights]\nview = inf", "2: weights.view: should be a finite number, is inf"),
        (
            "[lifecycle]\n# silent_days = 1\nsilent_days = 29",
            "3: lifecycle.silent_days: should be less than or equal to 28, is 29",
        ),
        ("[level]\ntitles = 'a'", "2: level.titles: should be a list, is 'a'"),
        ("[level]\ntitles = ['a']", "2: level.titles: should have at least 2 items, not 1"),
        ("[level]\ntitles = ['a', '', 'c']", "2: level.titles.1: should have at least 1 character, is ''"),
        ("[level]\ntitles = ['a', 'a']", "2: level: titles must all be different"),
        ("weights = 3", "1: weights: is a section: write [weights] and its settings below"),
        ("[late_days]\nx = 3", "1: late_days: should be a valid integer"),
        (
            "time_zone = 'Europe/Berln'",
            "1: time_zone: 'Europe/Berln' is no time zone of the IANA database; did you mean Europe/Berlin?",
        ),
        ("time_zone = 'x'", "1: time_zone: 'x' is no time zone of the IANA database, as Europe/Berlin"),
    ],
)
def test_a_wrong_value_is_told_with_what_it_is(tmp_path: Path, text: str, error: str) -> None:
    assert told(tmp_path, text) == [error]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("late_day = 3", "1: late_day: no such setting; did you mean late_days?"),
        ("[lifecycle]\nsilent = 3", "2: lifecycle.silent: no such setting; did you mean silent_days?"),
        ("[lifecycel]\nsilent_days = 3", "1: lifecycel: no such section; did you mean lifecycle?"),
        (
            "[medals]\nxyz = 1",
            "2: medals.xyz: no such setting; there are streak_days, posts, invites",
        ),
        ("[medals.xyz]", "1: medals.xyz: no such section: it has none"),
        (
            "silent_days = 3",
            "1: silent_days: no such setting here; did you mean lifecycle.silent_days or groups.silent_days?",
        ),
        (
            "[points]\nday = 1\nhalf_life_days = 3",
            "3: points.half_life_days: no such setting here; did you mean intent.half_life_days?",
        ),
        (
            "[weights]\nlate_days = 3",
            "2: weights.late_days: no such setting here; did you mean late_days before the first section?",
        ),
        (
            "[communities.a.weights]\ntime_zone = 'UTC'",
            "2: communities.a.weights.time_zone: no such setting here; did you mean communities.a.time_zone?",
        ),
        (
            "[communities.a]\npurchase = 3",
            "2: communities.a.purchase: no such setting here; did you mean communities.a.weights.purchase or "
            "communities.a.intent.purchase or communities.a.points.purchase?",
        ),
    ],
)
def test_an_unknown_name_is_told_with_the_one_that_was_meant(tmp_path: Path, text: str, error: str) -> None:
    assert told(tmp_path, text) == [error]


@pytest.mark.parametrize("name", ["late_days", "dedup_window_s", "future_s"])
@pytest.mark.parametrize("section", ["communities.a", "communities.a.weights"])
def test_what_is_the_same_for_all_is_told_so(tmp_path: Path, section: str, name: str) -> None:
    [error] = told(tmp_path, f"[{section}]\n{name} = 60")
    assert error == (
        f"2: {section}.{name}: can't differ between communities: set it for all, before the first section"
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[communities.a]", "1: communities.a: overrides nothing: name a setting in it, or leave it out"),
        (
            "\n[communities.a.lifecycle]\n# silent_days = 3",
            "2: communities.a: overrides nothing: name a setting in it, or leave it out",
        ),
        (
            "[communities.a.zzz]\nx = 1",
            "1: communities.a.zzz: no such section; there are weights, lifecycle, pyramid, intent, "
            "closeness, points, level, medals, groups, symptoms, health, silence, churn, chains",
        ),
        ("communities = 3", "1: communities: is a section: write [communities] and its settings below"),
        (
            "[communities]\n'my team' = 3",
            '2: communities."my team": is a section: write [communities."my team"] and its settings below',
        ),
        (
            "[communities.a]\nlevel = 3",
            "2: communities.a.level: is a section: write [communities.a.level] and its settings below",
        ),
        (
            "[communities.'']\nactivation_hours = 2",
            '1: communities."": should have at least 1 character, is \'\'',
        ),
    ],
)  # fmt: skip
def test_a_wrong_community_is_told(tmp_path: Path, text: str, error: str) -> None:
    assert told(tmp_path, text) == [error]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "[lifecycle]\nlost_days = 9\nnew_days = 7\nsilent_days = 9",
            "4: lifecycle: lost_days must be more than silent_days",
        ),
        ("[lifecycle]\nnew_days = 28", "2: lifecycle: lost_days must be more than new_days"),
        (
            "[lifecycle]\nsilent_days = 20\n[communities.a.weights]\nview = 1\n[communities.a.lifecycle]\n"
            "new_days = 7\nlost_days = 15",
            "7: communities.a.lifecycle: lost_days must be more than silent_days",
        ),
        (
            "[communities.a]\nintent.intent_score = 9",
            "2: communities.a.intent: intent_score must be less than strong_score",
        ),
    ],
)
def test_what_does_not_fit_together_is_told_where_it_was_set(tmp_path: Path, text: str, error: str) -> None:
    assert told(tmp_path, text) == [error]


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = """\
future_s = -1
lifecycle.silent_days = 99
[communities."my team".level]
titles = ["a"]
decay_keep = 1
[communities.b]
lifecycle = {new_days = 9, lost_days = 9}
late_days = 3
[communities.c]
[medals]
post = 3
[communities.d.lifecycle]
silent_days = 10
lost_days = 10
"""
    assert [line.split(": ")[:2] for line in told(tmp_path, text)] == [
        ["1", "future_s"],
        ["2", "lifecycle.silent_days"],
        ["4", 'communities."my team".level.titles'],
        ["5", 'communities."my team".level.decay_keep'],
        ["7", "communities.b.lifecycle"],
        ["8", "communities.b.late_days"],
        ["9", "communities.c"],
        ["11", "medals.post"],
        ["14", "communities.d.lifecycle"],
    ]


def test_an_error_of_all_is_not_told_again_for_each_community(tmp_path: Path) -> None:
    text = "[lifecycle]\nsilent_days = 9\nlost_days = 9\n[communities.a.lifecycle]\nnew_days = 3\n"
    assert told(tmp_path, text) == ["3: lifecycle: lost_days must be more than silent_days"]


def test_a_wrong_value_is_not_judged_against_others(tmp_path: Path) -> None:
    text = "[lifecycle]\nsilent_days = '3'\nlost_days = 5\nnew_days = 4\n"
    assert told(tmp_path, text) == ["2: lifecycle.silent_days: should be a valid integer, is '3'"]
    text = "lifecycle.lost_days = 0\n[communities.a]\nlifecycle.silent_days = 28"
    assert len(told(tmp_path, text)) == 2  # 28 does not fit the default, whatever was meant


def test_the_page_shows_what_is_told(tmp_path: Path) -> None:
    text = (
        "[lifecycle]\nsilent_day = 10\n[communities.runners.lifecycle]\n\nlost_days = 7\n\n"
        "[communities.runners]\nlate_days = 3\n"
    )
    lines = "".join(f"rules.toml:{line}\n" for line in told(tmp_path, text))
    assert f"```text\n{lines}```" in PAGE.read_text("utf-8")


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("late_days = 3\nfuture_s = 3 4")
    with pytest.raises(RulesError, match=r"rules\.toml: not TOML: .*line 2, column 14"):
        load_rules(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(RulesError, match=r"rules\.toml: not TOML"):
        load_rules(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"none\.toml: can't be read: No such file"):
        load_rules(tmp_path / "none.toml")
    with pytest.raises(RulesError, match=r"can't be read: Is a directory"):
        load_rules(tmp_path)


# --- any field, anywhere ---------------------------------------------------------------------------

Place = tuple[str, ...]


def numbers(model: type[BaseModel], before: Place = ()) -> dict[Place, tuple[float, float]]:
    """Every number of a model and its sections, with the least and the most that it may be."""
    found: dict[Place, tuple[float, float]] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= numbers(field.annotation, (*before, name))
        elif field.annotation in (int, float):
            [least] = [limit.ge for limit in field.metadata if hasattr(limit, "ge")]
            [most] = [limit.le for limit in field.metadata if hasattr(limit, "le")]
            found[*before, name] = least, most
    return found


FOR_ALL, FOR_ONE = numbers(Rules), numbers(CommunityRules)
COMMUNITIES = st.text(min_size=1, max_size=9).filter(lambda name: name.isprintable()) | st.just("a.b")


def test_every_number_has_a_least_and_a_most() -> None:
    assert len(FOR_ALL) == len(FOR_ONE) + 3 == 127


@st.composite
def wrong_fields(draw: st.DrawFn) -> tuple[Place, str]:
    """A place, and a value that can't be there."""
    community = draw(st.none() | COMMUNITIES)
    limits = FOR_ALL if community is None else FOR_ONE
    place = draw(st.sampled_from(sorted(limits)))
    least, most = limits[place]
    value: object = draw(
        st.integers(1, 10**6).map(lambda by: least - by)
        | st.integers(1, 10**6).map(lambda by: most + by)
        | st.sampled_from(["7", True, [7]])
    )
    return place if community is None else ("communities", community, *place), json.dumps(value)


@given(wrong_fields(), st.integers(0, 3), st.sampled_from(["dotted", "section", "inline"]), st.booleans())
def test_a_field_out_of_range_is_told_by_its_place(
    wrong: tuple[Place, str], above: int, form: str, other: bool
) -> None:
    place, value = wrong
    text = "activation_hours = 3\n" * (form == "dotted" and place[-1] != "activation_hours")
    text += "# [weights]\n" * above
    if form == "inline" and len(place) > 1:
        inline = "".join(f"{{{dotted([name])} = " for name in place[1:])
        text += f"{place[0]} = {inline}{value}{'}' * (len(place) - 1)}"
    elif form == "section" and len(place) > 1:
        text += f"[{dotted(place[:-1])}]\n{place[-1]} = {value}"
    else:
        text += f"{dotted(place)} = {value}"
    line = text.count("\n") + 1
    if other and "communities" not in place:
        text += "\n[communities.other]\ntime_zone = 'Europe/Berlin'\n"
    with tempfile.TemporaryDirectory() as folder:
        [error] = told(Path(folder), text)
    assert re.match(rf"{line}: {re.escape(dotted(place))}: should be ", error)
