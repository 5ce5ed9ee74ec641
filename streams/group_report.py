"""``groupbeat group``: the health of one group, its alerts, and at which hours of the week people post."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.group_tables import SYMPTOMS
from schemas.rules import CommunityRules, load_rules
from streams.alert_words import in_words, parsed
from streams.group_figures import PAGE, filled, has_figures, lowered
from streams.heat_map import heat_map
from streams.page import NotFound, Row, asked, in_zone, print_heading, print_section, the_one
from streams.report import as_table, shown
from streams.settings import Settings
from streams.users.standing import milliseconds

MOST_RESOLVED = 10

OF_THE_GROUP = "community_id = {community:String} AND group_id = {group:String}"
ALERTS = "SELECT rule, severity, opened_at, resolved_at, opened_evidence, resolved_evidence FROM alerts"
OPEN = f"{ALERTS} WHERE {OF_THE_GROUP} AND resolved_at IS NULL ORDER BY opened_at DESC, rule"
RESOLVED = (
    f"{ALERTS} WHERE {OF_THE_GROUP} AND resolved_at IS NOT NULL "
    "ORDER BY resolved_at DESC, opened_at DESC, rule LIMIT {most:UInt32}"
)
HABIT = (
    "SELECT weeks, posts_a_week FROM group_habit(community = {community:String}, group = {group:String}, "
    "zone = {zone:String}) ORDER BY day_of_week, hour"
)
NEAR = (
    "SELECT group_id, community_id, "
    "editDistanceUTF8(lowerUTF8(group_id), lowerUTF8({group:String})) AS distance FROM groups "
    "WHERE distance <= greatest(1, lengthUTF8({group:String}) / 4) "
    "OR startsWith(lowerUTF8(group_id), lowerUTF8({group:String})) "
    "ORDER BY community_id != {community:String}, distance, group_id, community_id LIMIT 5"
)


@dataclass(frozen=True)
class GroupReport:
    """All that the page of a group is made of. Moments are UTC."""

    row: Row
    """Its row of the view `groups`."""
    rules: CommunityRules
    now: datetime | None
    """The clock of the stage groups; None if it has no receipt."""
    weeks: int
    """How many weeks the habit is of."""
    habit: list[list[float]]
    """Posts a week in each hour: 7 days from Monday, of 24 hours; empty before there is a whole week."""
    open_alerts: list[Row]
    resolved_alerts: list[Row]
    """The last ones, the latest first."""

    def when(self, moment: datetime | int) -> str:
        """A moment in the community's time zone."""
        return in_zone(self.rules.time_zone)(moment)


def read_group(settings: Settings, group: str, community: str | None) -> GroupReport:
    """Ask for everything about a group. Raises `NotFound`, `SinkError` and `RulesError`."""
    row = _group(settings, group, community)
    rules = load_rules(settings.rules).of(row["community_id"])
    of = {"community": row["community_id"], "group": group}
    habit = asked(settings, HABIT, **of, zone=rules.time_zone)
    rates = [hour["posts_a_week"] for hour in habit]
    [stage] = asked(settings, "SELECT max(clock) AS clock FROM receipts WHERE stage = 'groups'")
    return GroupReport(
        row=row,
        rules=rules,
        now=stage["clock"] if milliseconds(stage["clock"]) else None,
        weeks=habit[0]["weeks"] if habit else 0,
        habit=[rates[start : start + 24] for start in range(0, len(rates), 24)],
        open_alerts=asked(settings, OPEN, **of),
        resolved_alerts=asked(settings, RESOLVED, **of, most=MOST_RESOLVED),
    )


# --- which group is meant ------------------------------------------------------------------------


def _group(settings: Settings, group: str, community: str | None) -> Row:
    found = asked(
        settings, "SELECT * FROM groups WHERE group_id = {group:String} ORDER BY community_id", group=group
    )
    if not found:
        near = asked(settings, NEAR, group=group, community=community or "")
        there = ", ".join(f"{row['group_id']!r} in {row['community_id']!r}" for row in near)
        raise NotFound(f"no group has the group_id {group!r}" + (f"; there is {there}" if there else ""))
    return the_one(found, group, community)


# --- for people ----------------------------------------------------------------------------------


def print_group(console: Console, report: GroupReport) -> None:
    """The page of a group."""
    row, rules = report.row, report.rules
    console.rule(Text.assemble(shown(row["group_id"]), " in ", shown(row["community_id"]), style="bold"))
    console.print(Text("\n").join(Text(line) for line in _opening(report)))
    if has_figures(row):
        _print_health(console, report)
        print_section(console, "Symptoms", _symptoms(report))
    print_section(console, "Open alerts", _alerts(report, report.open_alerts))
    for title, lines in PAGE.items():
        print_heading(console, title)
        table = Table(show_header=False, box=None)
        for line in lines:
            label, value, meaning = filled(line, row, rules)
            table.add_row(label, Text(value, style="bold"), Text(meaning, style="dim"))
        console.print(table)
    print_heading(console, f"When people post, in {rules.time_zone}")
    if report.habit:
        weeks = "the last whole week" if report.weeks == 1 else f"the last {report.weeks} whole weeks"
        console.print(heat_map(report.habit, f"posts in that hour, mean of {weeks}"))
    else:
        console.print("not known: the group has no whole week yet")
    title = "Resolved alerts"
    if len(report.resolved_alerts) == MOST_RESOLVED:
        title += f", the last {MOST_RESOLVED}"
    print_section(console, title, _alerts(report, report.resolved_alerts))


def _opening(report: GroupReport) -> Iterator[str]:
    row = report.row
    clock = f" Stream time is {report.when(report.now)}." if report.now else ""
    yield f"Moments are in {report.rules.time_zone}.{clock}"
    if has_figures(row):
        yield f"Figures of days are as of the end of {row['day']}."
    else:
        yield "No day of it is over yet, so figures of days are 0 or not known."
    yield ""
    phase = report.when(row["phase_since"]) if milliseconds(row["phase_since"]) else "the beginning"
    yield f"phase: {row['phase']}, since {phase}"
    yield f"last post: {report.when(row['last_post_at'])}"
    yield f"health: {row['health']:.1f} of 100"


def _print_health(console: Console, report: GroupReport) -> None:
    row, rules = report.row, report.rules
    for name, points in lowered(row, rules):
        why = f"severity {row[name]:.2f}"
        if name == "participation":
            why = f"{row[name]:.1%} of members took part, {rules.health.participation_full:.0%} would be full"
        console.print(f"  lowered by {name}, {points:.1f} points: {why}", highlight=False)


def _symptoms(report: GroupReport) -> Table:
    evidence = {alert["rule"]: alert["opened_evidence"] for alert in report.open_alerts}
    rows = [
        (
            name,
            f"{report.row[name]:.2f}",
            report.when(report.row[f"{name}_since"]),
            in_words(name, evidence.get(name, ""), report.when),
        )
        for name in SYMPTOMS
        if milliseconds(report.row[f"{name}_since"])
    ]
    return as_table(("symptom", "severity", "since", "because, as it opened"), rows)


def _alerts(report: GroupReport, alerts: list[Row]) -> Table:
    names = ["rule", "severity", "opened", "because"]
    rows = []
    for alert in alerts:
        cells = [alert["rule"], alert["severity"], report.when(alert["opened_at"])]
        cells.append(in_words(alert["rule"], alert["opened_evidence"], report.when))
        if alert["resolved_at"]:
            cells.append(report.when(alert["resolved_at"]))
            cells.append(in_words(alert["rule"], alert["resolved_evidence"], report.when))
        rows.append(cells)
    if rows and len(rows[0]) > len(names):
        names += ["resolved", "then"]
    return as_table(names, rows)


# --- for programs --------------------------------------------------------------------------------


def group_json(report: GroupReport) -> str:
    """The same as one JSON object. Moments are UTC, ISO 8601; one that never was is null."""
    found = {
        "time_zone": report.rules.time_zone,
        "clock": report.now,
        "group": report.row,
        "lowered_by": dict(lowered(report.row, report.rules)),
        "habit": {"weeks": report.weeks, "posts_a_week": report.habit},
        "open_alerts": [_with_evidence(alert) for alert in report.open_alerts],
        "resolved_alerts": [_with_evidence(alert) for alert in report.resolved_alerts],
    }
    return json.dumps(_plain(found), indent=2, allow_nan=False)


def _with_evidence(alert: Row) -> Row:
    texts = {name: alert[name] for name in ("opened_evidence", "resolved_evidence")}
    return alert | {name: parsed(text) if text else None for name, text in texts.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        at = milliseconds(value)
        return f"{value:%Y-%m-%dT%H:%M:%S}.{at % 1000:03}Z" if at else None
    if isinstance(value, date):
        return value.isoformat() if value > date(1970, 1, 1) else None
    return value
