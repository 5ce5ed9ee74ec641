"""Weeks and months of the calendar, in the time zone of a community."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from streams.users.standing import milliseconds


class Kind(StrEnum):
    """What a period is."""

    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Span:
    """A week from Monday on, or a month, from its first to its last day."""

    kind: Kind
    first: date

    @classmethod
    def of(cls, kind: Kind, day: date) -> Span:
        """The one that a day is in."""
        first = day - timedelta(days=day.weekday()) if kind is Kind.WEEK else day.replace(day=1)
        return cls(kind, first)

    @property
    def end(self) -> date:
        """The day after its last."""
        if self.kind is Kind.WEEK:
            return self.first + timedelta(days=7)
        return (self.first + timedelta(days=31)).replace(day=1)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)

    @property
    def before(self) -> Span:
        """The one that ends where it begins."""
        return Span.of(self.kind, self.first - timedelta(days=1))

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.first).days

    @property
    def name(self) -> str:
        """As `June 2026`, or `the week from 1 to 7 June 2026`."""
        if self.kind is Kind.MONTH:
            return f"{self.first:%B %Y}"
        first, last = self.first, self.last
        begins = f"{first.day}"
        if first.month != last.month:
            begins += f" {first:%B}"
        if first.year != last.year:
            begins += f" {first.year}"
        return f"the week from {begins} to {last.day} {last:%B %Y}"

    @property
    def short(self) -> str:
        """As `Jun 2026`, or `1 Jun`."""
        return f"{self.first:%b %Y}" if self.kind is Kind.MONTH else f"{self.first.day} {self.first:%b}"


def day_of(moment: datetime, zone: str) -> date:
    """The day of a moment of ClickHouse's (UTC) at a place."""
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def start_ms(day: date, zone: str) -> int:
    """The first moment of a day at a place, in ms since 1970; midnight, if there is one."""
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


def latest_over(kind: Kind, now: datetime, zone: str) -> Span:
    """The latest period that is over at a moment (UTC)."""
    return Span.of(kind, day_of(now, zone)).before


def back_from(span: Span, most: int, since: date) -> Iterator[Span]:
    """The period and those before it, the latest first: those that begin on `since` or later, `most` at most.

    What began within a period has only a part of it: such a one is left out.
    """
    for _ in range(most):
        if span.first < since:
            return
        yield span
        span = span.before
