"""rules.toml: what it overrides, and how a wrong one is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.rules import DAY_MS, Rules, RulesError, load_rules
from streams.users.state import Thresholds


def test_without_a_file_the_defaults_hold() -> None:
    assert load_rules(None) == Rules()


def test_a_file_overrides_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("late_days = 14\n[weights]\nview = 0.5\n[lifecycle]\nsilent_days = 3\n")
    found = load_rules(file)
    assert (found.late_days, found.weights.view, found.lifecycle.silent_days) == (14, 0.5, 3)
    assert (found.dedup_window_s, found.weights.join, found.lifecycle.lost_days) == (3600, 1.0, 28)
    thresholds = Thresholds.of(found)
    assert (thresholds.silent, thresholds.lost) == (3 * DAY_MS, 28 * DAY_MS)
    assert thresholds.weights == (1.0, 2.0, 3.0, 0.0, 5.0, 0.5)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("late_days = 3 4", "not TOML: .*line 1, column 15"),
        ("late_day = 3", "late_day: Extra inputs are not permitted"),
        ("late_days = 0", "late_days: .*greater than or equal to 1"),
        ("late_days = 'many'", "late_days: .*valid integer"),
        ("[lifecycle]\nsilent_days = 29", "lifecycle.silent_days: .*less than or equal to 28"),
        ("[lifecycle]\nsilent = 3", "lifecycle.silent: Extra inputs"),
        ("[weights]\nlike = 1.0", "weights.like: Extra inputs"),
        ("weights = 3", "weights: "),
        (
            "[lifecycle]\nsilent_days = 9\nlost_days = 9",
            "lifecycle: .*lost_days must be more than silent_days",
        ),
        ("[lifecycle]\nnew_days = 28", "lifecycle: .*lost_days must be more than new_days"),
        ("[lifecycle]\ncore_keep_days = 13", "lifecycle: .*core_keep_days must not be more than core_enter"),
        (
            "[lifecycle]\ncore_keep_score = 13",
            "lifecycle: .*core_keep_score must not be more than core_enter",
        ),
        ("late_days = 0\nfuture_s = -1", "late_days: .*; future_s: "),
    ],
)
def test_a_wrong_file_says_which_where_and_what(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(RulesError, match=f"^{re.escape(str(file))}: {told}"):
        load_rules(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"none\.toml: can't be read: No such file"):
        load_rules(tmp_path / "none.toml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(RulesError, match=r"rules\.toml: not TOML"):
        load_rules(file)
