"""Everything that a review is made of, asked of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from schemas.rules import CommunityRules, load_rules
from streams.page import NotFound, Row, asked, in_zone, the_one
from streams.review import queries, state_queries
from streams.review.figures import FIGURES, Change, Part
from streams.review.spans import Kind, Span, back_from, day_of, latest_over, start_ms
from streams.settings import Settings

MOST_SPANS = 12
MOST_GROUPS, MOST_CONTENTS = 8, 8
MOST_NAMED = 10
WAYS = ("person", "group", "channel", "reason")
"""Whose parts of a figure are told."""
LADDERS = ("lifecycle", "pyramid", "intent", "closeness")


class Flow(NamedTuple):
    """Whether people active in one of the two periods were so in the other."""

    stayed: int
    came: int
    """For the first time ever."""
    returned: int
    """Known before, but not active in the period before."""
    gone: int
    """Active in the period before, not in this one."""


class Standing(NamedTuple):
    """People in one segment."""

    segment: str
    now: int
    """At the end of the period."""
    before: int
    """When it began."""
    came: int
    """In it now, but not before: from another segment, or new."""
    went: int


class Care(NamedTuple):
    """A group that needs care."""

    row: Row
    """Its row of `groups`."""
    alerts: list[Row]
    """Its open alerts."""
    posts: Part
    """Members' posts in both periods."""


@dataclass(frozen=True)
class Review:
    """A period of a community, or of a group in it, against the one before."""

    community: str
    group: str
    """Empty: the whole community."""
    rules: CommunityRules
    clock: datetime
    """Up to when the data goes; UTC."""
    spans: Sequence[Span]
    """The period last, before it up to 11 that are whole."""
    last_at: datetime
    """The last event there is; UTC."""
    changes: Mapping[str, Change]
    flow: Flow
    days: Mapping[date, int]
    """Active people of each day of both periods that had any."""
    segments: Mapping[str, Sequence[Standing]]
    """By ladder."""
    care: Sequence[Care]
    care_of: tuple[int, int]
    """How many need care, of how many groups."""
    contents: Sequence[Row]
    contents_of: tuple[int, int]
    """How many were shared, in the period and in the one before."""
    alerts: Sequence[Row]
    """By rule."""

    @property
    def span(self) -> Span:
        """The period under review."""
        return self.spans[-1]

    @property
    def has_before(self) -> bool:
        """Whether there is a whole period to compare with."""
        return len(self.spans) > 1

    def when(self, moment: datetime | int) -> str:
        """A moment in the community's time zone."""
        return in_zone(self.rules.time_zone)(moment)


def read_review(settings: Settings, kind: Kind, group: str | None, community: str | None) -> Review:
    """Ask for everything. Raises `NotFound`, `SinkError` and `RulesError`."""
    found = _place(settings, group, community)
    rules = load_rules(settings.rules).of(found["community_id"])
    zone = rules.time_zone
    [stages] = asked(settings, queries.CLOCK)
    clock = stages["clock"] if stages["stages"] else found["last_at"]
    latest = latest_over(kind, clock, zone)
    spans = list(back_from(latest, MOST_SPANS, day_of(found["first_at"], zone)))[::-1]
    if not spans:
        raise NotFound(_too_young(kind, found, clock, zone))
    of = {"community": found["community_id"], "group": group or ""}
    of = {"community": found["community_id"], "group": group or ""}
    end, split = start_ms(latest.end, zone), start_ms(latest.first, zone)
    two = {**of, "end": end, "start": start_ms(latest.before.first, zone)}
    halves = {**two, "split": split}
    segments = asked(settings, state_queries.SEGMENTS, **of, end=end, split=split)
    contents = asked(settings, state_queries.CONTENTS, **halves, most=MOST_CONTENTS)
    [counted] = asked(settings, state_queries.CARE_OF, community=of["community"])
    [flow] = asked(settings, queries.FLOW, **halves)
    return Review(
        community=of["community"],
        group=of["group"],
        rules=rules,
        clock=clock,
        spans=spans,
        last_at=found["last_at"],
        changes=_changes(settings, spans, rules, halves),
        flow=Flow(**flow),
        days={row["day"]: row["people"] for row in asked(settings, queries.DAYS, **two, zone=zone)},
        segments={ladder: _standings(segments, ladder) for ladder in LADDERS},
        care=_care(settings, halves),
        care_of=(counted["of_them"], counted["of_all"]),
        contents=[row for row in contents if row["shares"]],
        contents_of=(contents[0]["of_them"], contents[0]["of_them_before"]) if contents else (0, 0),
        alerts=asked(settings, state_queries.ALERTS, **halves),
    )


# --- what is meant -------------------------------------------------------------------------------


def _place(settings: Settings, group: str | None, community: str | None) -> Row:
    """The community, or the one that the group is in, and the first and last event of what is meant."""
    communities = asked(settings, queries.COMMUNITIES)
    if not communities:
        raise NotFound("the database has no events yet, so there is nothing to review")
    there = ", ".join(repr(row["community_id"]) for row in communities[:MOST_NAMED])
    if len(communities) > MOST_NAMED:
        there += f" and {len(communities) - MOST_NAMED:,} more"
    if community not in (None, *(row["community_id"] for row in communities)):
        raise NotFound(f"no events are of the community {community!r}; there is {there}")
    if group is not None:
        homes = asked(settings, queries.HOMES, group=group)
        if not homes:
            raise NotFound(_no_such_group(settings, group, community or ""))
        return the_one(homes, group, community)
    if community is None and len(communities) > 1:
        raise NotFound(f"choose one of {len(communities):,} communities with --community: {there}")
    return next(row for row in communities if community in (None, row["community_id"]))


def _no_such_group(settings: Settings, group: str, community: str) -> str:
    there = asked(settings, queries.GROUPS_THERE, group=group, community=community)
    named = ", ".join(f"{row['group_id']!r} in {row['community_id']!r}" for row in there)
    more = there[0]["groups"] - len(there) if there else 0
    named += f" and {more:,} more" if more else ""
    return f"no group has the group_id {group!r}" + (f"; there is {named}" if there else "")


def _too_young(kind: Kind, found: Row, clock: datetime, zone: str) -> str:
    began = day_of(found["first_at"], zone)
    first = Span.of(kind, began)
    first = first if first.first == began else Span.of(kind, first.end)
    return (
        f"no whole {kind} is over yet: the first event is of {began}, the first whole {kind} ends on "
        f"{first.last}, and the data goes up to {in_zone(zone)(clock)} ({zone})"
    )


# --- figures -------------------------------------------------------------------------------------


def _changes(
    settings: Settings, spans: Sequence[Span], rules: CommunityRules, of: Mapping[str, Any]
) -> dict[str, Change]:
    """Each figure in every period, and who moved it."""
    kind, zone = str(spans[-1].kind), rules.time_zone
    totals: dict[str, dict[date, float]] = {figure.name: {} for figure in FIGURES}
    past = {name: of[name] for name in ("community", "group", "end")}
    first = min(start_ms(spans[0].first, zone), of["start"])
    for row in asked(settings, queries.SERIES, **past, start=first, kind=kind, zone=zone):
        totals[row["figure"]][row["starts_on"]] = row["total"]
    for row in asked(settings, queries.NEWCOMERS, **past, kind=kind, zone=zone):
        totals["newcomers"][row["starts_on"]] = row["total"]
    parts = asked(settings, queries.PARTS, **of)
    changes = {}
    for figure in FIGURES:
        name = figure.name
        counted = totals["purchases" if name == "amount" else name]
        of_it = [row for row in parts if row["figure"] == name]
        squares = [row["squares"] for row in of_it if row["way"] == "person"]
        two = [counted.get(span.first, 0) for span in spans[-2:]]
        changes[name] = Change(
            figure=figure,
            values=[float(totals[name].get(span.first, 0)) for span in spans],
            squares=squares[0] if squares else float(sum(two)),
            least=rules.rates_min_count,
            count=max(two),
            by={
                way: [Part(row["key"], row["now"], row["before"]) for row in of_it if row["way"] == way]
                for way in WAYS
            },
        )
    return changes


def _standings(rows: Sequence[Row], ladder: str) -> list[Standing]:
    """How many are in each segment, the fullest first."""
    moves = [row for row in rows if row["ladder"] == ladder]
    found = []
    for segment in {row["is"] for row in moves} | {row["was"] for row in moves} - {""}:
        now = sum(row["people"] for row in moves if row["is"] == segment)
        before = sum(row["people"] for row in moves if row["was"] == segment)
        stayed = sum(row["people"] for row in moves if row["is"] == segment == row["was"])
        found.append(Standing(segment, now, before, now - stayed, before - stayed))
    return sorted(found, key=lambda each: (-each.now, -each.before, each.segment))


def _care(settings: Settings, of: Mapping[str, Any]) -> list[Care]:
    rows = asked(settings, state_queries.CARE, community=of["community"], group=of["group"], most=MOST_GROUPS)
    groups = [row["group_id"] for row in rows]
    if not groups:
        return []
    alerts = asked(settings, state_queries.OPEN_ALERTS, community=of["community"], groups=groups)
    two = {name: of[name] for name in ("community", "start", "split", "end")}
    posts = {row["group_id"]: row for row in asked(settings, state_queries.POSTS, **two, groups=groups)}
    none = {"now": 0, "before": 0}
    return [
        Care(
            row,
            [alert for alert in alerts if alert["group_id"] == row["group_id"]],
            Part(row["group_id"], *(posts.get(row["group_id"], none)[name] for name in none)),
        )
        for row in rows
    ]
