"""What would move a person next, on each ladder, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from schemas.rules import CommunityRules
from streams.users.standing import Standing, milliseconds
from streams.users.ways import Way, ways


def outlook(row: Mapping[str, Any], rules: CommunityRules, now: datetime) -> dict[str, list[str]]:
    """Sentences for each ladder: first what time brings, with the date, then what a person can do.

    `row` is one of the view `users`, `now` the highest clock of the stage users; moments without a zone are
    UTC. Those in the sentences are in the community's time zone.
    """
    found = ways(Standing(row, rules, milliseconds(now)))
    return {
        ladder: [_sentence(way, rules, milliseconds(now)) for way in them] for ladder, them in found.items()
    }


def local(moment: int, zone: ZoneInfo) -> str:
    """A moment, in ms, as people of the community read it."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def titled(segment: str, rules: CommunityRules) -> str:
    """A segment; a level with its title."""
    number = segment.removeprefix("level_")
    if number == segment or int(number) >= len(rules.level.titles):
        return segment
    return f"{segment} ({rules.level.titles[int(number)]})"


def _sentence(way: Way, rules: CommunityRules, now: int) -> str:
    zone = ZoneInfo(rules.time_zone)
    to = " or ".join(titled(segment, rules) for segment in way.to)
    if way.earliest is None:
        return f"{to}: {way.takes}"
    first = local(way.earliest, zone)
    if way.latest is None:
        return f"{to}, on {first} at the earliest: {way.takes}"
    if way.latest > way.earliest:
        return f"{to}, between {first} and {local(way.latest, zone)}: {way.takes}"
    if way.latest <= now:
        return f"{to}, due since {first}: {way.takes}"
    return f"{to} on {first}: {way.takes}"
