"""Every threshold, once, by name, with its unit and its source.

Defaults are ours; a file `rules.toml` overrides them, checked at start: a wrong name, type or range is a
clear error that says where.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

DAY_MS = 86_400_000


class RulesError(ValueError):
    """A rules file that can't be used: which file, where in it, what is wrong."""


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(_Rules):
    """What one action adds to a person's activity score."""

    view: float = Field(0.2, ge=0, le=1000)
    join: float = Field(1.0, ge=0, le=1000)
    post: float = Field(2.0, ge=0, le=1000)
    share: float = Field(3.0, ge=0, le=1000)
    purchase: float = Field(5.0, ge=0, le=1000)


class Lifecycle(_Rules):
    """Ladder 1: new, active, core, resurrected, join_and_stay, silent, lost.

    Source: growth accounting as community operators use it; `core` follows Orbit's and Discourse's habit of
    a bar to enter and a lower one to stay.
    """

    new_days: int = Field(7, ge=1, le=28, description="A person is new at most so long; days")
    silent_days: int = Field(7, ge=1, le=28, description="Silent after so long without activity; days")
    lost_days: int = Field(28, ge=2, le=365, description="Lost after so long without activity; days")
    resurrected_days: int = Field(7, ge=1, le=28, description="How long a return is called one; days")
    active_min_days: int = Field(2, ge=2, le=28, description="Active days in 28 to count as active")
    core_enter_days: int = Field(12, ge=2, le=28, description="Active days in 28 to enter core")
    core_enter_score: float = Field(12.0, gt=0, description="Score to enter core")
    core_keep_days: int = Field(8, ge=1, le=28, description="Active days in 28 below which core ends")
    core_keep_score: float = Field(8.0, gt=0, description="Score below which core ends")

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


class Rules(_Rules):
    """All thresholds."""

    score_half_life_days: float = Field(
        7.0, gt=0, le=365, description="Half-life of the activity score; days"
    )
    weights: Weights = Weights()
    lifecycle: Lifecycle = Lifecycle()
    late_days: int = Field(28, ge=1, le=365, description="An event older than this behind the clock is late")
    dedup_window_s: int = Field(
        3600, ge=0, le=7 * 86400, description="Repeats of an event_id are dropped so long"
    )
    future_s: int = Field(600, ge=0, le=86400, description="How far ahead of the broker an event may be")


def load_rules(path: Path | None) -> Rules:
    """The rules in force: the defaults, or those with what the file at `path` overrides.

    Raises `RulesError` that names the file, the place in it and what is wrong.
    """
    if path is None:
        return Rules()
    try:
        return Rules.model_validate(tomllib.loads(path.read_bytes().decode()))
    except OSError as error:
        raise RulesError(f"{path}: can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'rules'}: {e['msg']}" for e in error.errors()]
        raise RulesError(f"{path}: " + "; ".join(lines)) from error
