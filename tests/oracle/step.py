"""What the ladders have in common: a step, and a step that time will bring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from tests.oracle.person import Person


class Step(NamedTuple):
    """To another segment."""

    to: str
    rule: str


class Due(NamedTuple):
    """A step that time brings at `moment`; which one is asked for the moment at which it is made."""

    moment: int
    step: Callable[[int], Step]


def earliest(dues: list[Due]) -> Due | None:
    """The earliest; at a tie the one that is listed first."""
    return min(dues, key=lambda due: due.moment, default=None)


class Ladder(Protocol):
    """A ladder is a module with these."""

    NAME: str

    def after_event(self, person: Person, action: str, moment: int) -> Step | None:
        """The step that an event, or a note (action ''), brings; its figures are in already."""
        ...

    def due(self, person: Person) -> Due | None:
        """The step that time brings next."""
        ...

    def evidence(self, person: Person, at: int) -> dict[str, Any]:
        """The values that decided a step, as of its moment."""
        ...
