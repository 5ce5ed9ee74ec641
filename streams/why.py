"""``groupbeat why``: one person's history, and what would move them next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.rules import CommunityRules, load_rules
from streams.page import NotFound, Row, When, asked, in_zone, print_section, the_one
from streams.report import as_table, shown
from streams.settings import Settings
from streams.users.outlook import outlook, titled
from streams.users.standing import milliseconds

LADDERS = {
    "lifecycle": "segment",
    "pyramid": "pyramid",
    "intent": "intent",
    "closeness": "closeness",
    "level": "level",
}
"""Each ladder, and the column of `users` that says the segment; that with _since says since when."""

POINTS = ("join", "post", "share", "day", "invite", "purchase")
MOST_INVITED = 50

EVIDENCE = {
    "active_days_28": "active days",
    "benefits_28": "benefit actions",
    "done": "actions but joins and leaves",
    "invites_stayed": "invited who stayed",
    "last_at": "last activity",
    "own_28": "talks, questions and shares",
    "purchase_at": "last purchase",
    "purchase_before": "the purchase before",
}
MOMENTS = ("last_at", "purchase_at", "purchase_before")

INVITED = (
    "SELECT user_id, joined_at, segment FROM users WHERE community_id = {community:String} "
    "AND user_id != {user:String} AND (inviter_id = {user:String} OR via_share_id IN (SELECT share_id "
    "FROM events WHERE community_id = {community:String} AND action = 'share' AND user_id = {user:String})) "
    "ORDER BY joined_at, user_id LIMIT {most:UInt32}"
)


def why(settings: Settings, user: str, community: str | None, console: Console) -> None:
    """Print everything that is known of a person. Raises `NotFound`, `SinkError` and `RulesError`."""
    person = _person(settings, user, community)
    community = person["community_id"]
    rules = load_rules(settings.rules).of(community)
    [clock] = asked(settings, "SELECT max(clock) AS clock FROM receipts WHERE stage = 'users'")
    now = max(clock["clock"], person["last_at"])
    when = in_zone(rules.time_zone)
    console.rule(Text.assemble(shown(user), " in ", shown(community), style="bold"))
    console.print(f"Moments are in {rules.time_zone}. Stream time is {when(now)}.\n", highlight=False)
    console.print(_who(person, when))
    print_section(console, "Now, and what would move them next", _standings(person, rules, now, when))
    who = {"community": community, "user": user}
    transitions = asked(
        settings,
        "SELECT at, ladder, from_segment, to_segment, rule, evidence FROM segment_transitions "
        "WHERE community_id = {community:String} AND user_id = {user:String} ORDER BY at, _position",
        **who,
    )
    print_section(console, "Transitions", _history(transitions, rules, when))
    counted = f"Points; {person['level_points']:,.1f} are left of them for the level"
    print_section(console, counted, _points(person))
    medals = asked(
        settings,
        "SELECT at, medal FROM medals WHERE community_id = {community:String} AND user_id = {user:String} "
        "ORDER BY at, _position",
        **who,
    )
    given = [(when(row["at"]), row["medal"]) for row in medals]
    print_section(console, "Medals", as_table(("at", "medal"), given))
    invited = asked(settings, INVITED, **who, most=MOST_INVITED)
    title = f"Invited: {person['invites']:,} joined, {person['invites_stayed']:,} of them stayed"
    if len(invited) == MOST_INVITED:
        title += f"; the first {MOST_INVITED}"
    guests = [(row["user_id"], when(row["joined_at"]), row["segment"]) for row in invited]
    print_section(console, title, as_table(("user_id", "joined", "lifecycle"), guests))


# --- who is meant --------------------------------------------------------------------------------


def _person(settings: Settings, user: str, community: str | None) -> Row:
    found = asked(
        settings, "SELECT * FROM users WHERE user_id = {user:String} ORDER BY community_id", user=user
    )
    if not found:
        near = _near(settings, user)
        raise NotFound(f"nobody has the user_id {user!r}" + (f"; there is {_listed(near)}" if near else ""))
    return the_one(found, user, community)


def _near(settings: Settings, user: str) -> list[str]:
    """A few ids that may be meant."""
    rows = asked(
        settings,
        "SELECT DISTINCT user_id, editDistanceUTF8(lowerUTF8(user_id), lowerUTF8({user:String})) AS distance "
        "FROM users WHERE distance <= greatest(1, lengthUTF8({user:String}) / 4) "
        "OR startsWith(lowerUTF8(user_id), lowerUTF8({user:String})) ORDER BY distance, user_id LIMIT 5",
        user=user,
    )
    return [row["user_id"] for row in rows]


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words))


# --- what is printed -----------------------------------------------------------------------------


def _who(person: Row, when: When) -> Table:
    table = Table(show_header=False, box=None)
    for name, value in _facts(person, when):
        table.add_row(name, shown(value))
    return table


def _facts(person: Row, when: When) -> Iterator[tuple[str, str]]:
    yield "role", person["role"] or "none known"
    yield "first event", when(person["first_at"])
    yield "last activity", when(person["last_at"])
    yield "groups", f"in {person['groups']:,}, left {person['groups_left']:,}"
    if person["inviter_id"]:
        yield "invited by", person["inviter_id"]
    elif person["via_share_id"]:
        yield "brought by", f"the share {person['via_share_id']}"
    else:
        yield "invited by", "nobody that is known"
    yield "first join", when(person["joined_at"])
    yield "first post", when(person["first_post_at"]) + (", so activated" if person["activated"] else "")
    actions = ("joins", "posts", "shares", "purchases", "views", "leaves")
    yield "so far", ", ".join(f"{name} {person[name]:,}" for name in actions)


def _standings(person: Row, rules: CommunityRules, now: datetime, when: When) -> Table:
    table = Table()
    for heading in ("ladder", "segment", "since", "next"):
        table.add_column(heading, overflow="fold")
    sentences = outlook(person, rules, now)
    for ladder, column in LADDERS.items():
        segment = f"level_{person[column]}" if ladder == "level" else person[column]
        since = person[f"{column}_since"]
        table.add_row(
            ladder,
            shown(titled(segment, rules)),
            when(since) if milliseconds(since) else "the beginning",
            Text("\n").join(shown(sentence) for sentence in sentences[ladder]),
            end_section=True,
        )
    return table


def _history(transitions: list[Row], rules: CommunityRules, when: When) -> Table:
    rows = [
        (
            when(row["at"]),
            row["ladder"],
            titled(row["from_segment"], rules) or "-",
            titled(row["to_segment"], rules),
            row["rule"],
            evidence(row["evidence"], when),
        )
        for row in transitions
    ]
    return as_table(("at", "ladder", "from", "to", "rule", "because"), rows)


def evidence(text: str, when: When) -> str:
    """The evidence of a transition for people; as it is when it is not the JSON object that it should be."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    if not isinstance(found, dict):
        return text
    return ", ".join(
        f"{EVIDENCE.get(name, name)} {_value(name, value, when)}" for name, value in found.items()
    )


def _value(name: str, value: Any, when: When) -> str:
    if name in MOMENTS and isinstance(value, int):
        return when(value)
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def _points(person: Row) -> Table:
    rows: list[tuple[str, int]] = [(kind, person[f"points_{kind}"]) for kind in POINTS]
    rows.append(("in all", sum(points for _, points in rows)))
    table = as_table(("for", "points"), rows)
    table.rows[-2].end_section = True
    return table
