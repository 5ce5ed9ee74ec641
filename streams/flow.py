"""The whole flow: which stages there are, what each reads, and how its reducer is made.

    events --> intake --> actions-by-user ----> users
                  |  |--> actions-by-group ---> groups
                  |  +--> actions-by-content -> chains
                  |                               |
                  +----------> rows <-------------+      --> sink --> ClickHouse

A new stage is one line in `STAGES` and one `Route` in ``schemas/actions.py``; nothing else knows of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.rules import Rules
from streams.chains import stage as chains
from streams.groups import stage as groups
from streams.intake import stage as intake
from streams.stage import Reducer
from streams.users import stage as users

PartitionCount = Callable[[str], int]
"""How many partitions a topic has, by its name without the prefix."""


@dataclass(frozen=True)
class Context:
    """What reducers are made from."""

    rules: Rules
    partitions: PartitionCount
    max_event_bytes: int = 65_536


@dataclass(frozen=True)
class Stage:
    """One stage: its name, its input topic, and a maker of the reducer of one input partition."""

    name: str
    input: str
    make: Callable[[Context, int], Reducer]


def _intake(context: Context, partition: int) -> Reducer:
    return intake.Intake(
        partition,
        context.rules,
        sources=context.partitions(intake.INPUT),
        partitions=context.partitions,
        max_event_bytes=context.max_event_bytes,
    )


def _users(context: Context, partition: int) -> Reducer:
    return users.Users(partition, context.rules, context.partitions(users.INPUT))


def _groups(context: Context, partition: int) -> Reducer:
    return groups.Groups(partition, context.rules)


def _chains(context: Context, partition: int) -> Reducer:
    return chains.Chains(partition, context.rules)


STAGES: tuple[Stage, ...] = (
    Stage(intake.NAME, intake.INPUT, _intake),
    Stage(users.NAME, users.INPUT, _users),
    Stage(groups.NAME, groups.INPUT, _groups),
    Stage(chains.NAME, chains.INPUT, _chains),
)


def stages(names: str | None = None) -> tuple[Stage, ...]:
    """The stages named, comma-separated; all for None. Raises `ValueError` for one that there is not."""
    if not names:
        return STAGES
    by_name = {stage.name: stage for stage in STAGES}
    wanted = [name.strip() for name in names.split(",")]
    if unknown := [name for name in wanted if name not in by_name]:
        raise ValueError(f"no stage {unknown[0]!r}: there are {', '.join(by_name)}")
    return tuple(by_name[name] for name in wanted)
