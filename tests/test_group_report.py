"""The page of a group in the terminal, from rows made by hand."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from schemas.group_tables import ALERT_RULES, GROUPS, SYMPTOMS
from schemas.rules import CommunityRules
from sinks.access import Access, access_file, write_access
from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from streams.alert_words import WORDS, in_words
from streams.alerts import SEVERITIES
from streams.cli import app
from streams.group_figures import PAGE, PERCENT, SECONDS, filled, lowered
from streams.group_report import group_json, print_group, read_group
from streams.groups.evidence import NAMES
from streams.heat_map import heat_map
from streams.page import NotFound
from streams.settings import Settings
from tests.hand_rows import insert, moment
from tests.sink_server import READER, Server

STRANGE = "it's \\ {x:String} %(user)s [red]:warning:\x1b[31m' OR 1 --"
RIVER = {
    "community_id": "runners", "group_id": "river", "members": 1200, "staff": 3, "per_staff": 400.0,
    "day": date(2026, 2, 28), "joins_7": 31, "joins_7_before": 22, "joins_28": 120, "leaves_7": 9,
    "leaves_28": 40, "newcomers": 115, "gone_early": 46, "early_hazard": 0.4, "participants": 49,
    "participation": 0.05, "staff_posts_7": 45, "posts_7": 5, "staff_share": 0.9,
    "response_median_s": 678.8, "response_p90_s": 8000.0, "last_post_at": "2026-02-28 22:00",
    "topics_a_week": 2.5, "topic_pause": 9, "benefit_lift": 1.3, "joins_total": 2000, "amount_total": 99.5,
    "hit_and_run": 0.25, "hit_and_run_since": "2026-02-10", "monologue_since": "2026-02-20",
    "phase": "platform", "phase_since": "2026-01-05", "health": 73.5,
    "alerts": ["churn_spike", "hit_and_run"],
}  # fmt: skip
YOUNG = {
    "community_id": "walkers", "group_id": "young", "phase": "seed", "health": 100.0, "members": 2,
    "day": date(1970, 1, 1),
}  # fmt: skip


def ms(text: str) -> int:
    return int(moment(text).timestamp() * 1000)


def alert(rule: str, opened_at: str, evidence: Any, resolved_at: str = "", then: Any = None) -> list[Any]:
    of = {"community_id": "runners", "group_id": "river", "rule": rule, "severity": ALERT_RULES[rule]}
    rows = [
        {**of, "change": "opened", "at": opened_at, "opened_at": opened_at, "evidence": json.dumps(evidence)}
    ]
    if resolved_at:
        rows.append({**rows[0], "change": "resolved", "at": resolved_at, "evidence": json.dumps(then)})
    return rows


CHURN = {
    "count": 40, "expected": 8.25, "score": 9.5, "threshold": 7.5, "began_at": ms("2026-02-27 10:00"),
    "ended_at": ms("2026-02-27 13:00"), "members": 1160, "by_channel": {"ad": 30, "": 10},
    "by_cohort": {"2026-02": 40},
}  # fmt: skip
ALERTS = [
    *alert("hit_and_run", "2026-02-10", {"newcomers": 100, "gone_early": 39, "severity": 0.13}),
    *alert("churn_spike", "2026-02-27 13:00", CHURN),
    *alert(
        "group_quiet", "2026-01-20 08:00", {"measure": 9.25, "level": 8.5, "hours": 31.0},
        "2026-01-20 20:00", {"gap_hours": 43.0},
    ),
    *(
        row
        for day in range(1, 12)
        for row in alert(
            "spam_burst", f"2026-01-{day:02} 10:00", {"ads": day}, f"2026-01-{day:02} 11:00", {"ads": 0}
        )
    ),
]  # fmt: skip


def posts() -> Iterator[dict[str, Any]]:
    """Four weeks, two of them whole, in UTC: 4 posts on Mondays at 18:30, one on Sundays at 09:30."""
    for week in range(4):
        for hours, times in ((18.5, 4), (6 * 24 + 9.5, 1)):
            at = moment("2026-02-02") + timedelta(weeks=week, hours=hours)
            of = {"community_id": "runners", "group_id": "river", "action": "post", "user_id": "ann"}
            yield from ({**of, "occurred_at": at} for _ in range(times))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database with a few groups."""
    folder = tmp_path_factory.mktemp("group") / "clickhouse"
    client = connect(Settings(path=folder))
    migrate(client)
    create_views(client)
    insert(
        client,
        "groups",
        RIVER,
        YOUNG,
        {**YOUNG, "group_id": "river bank"},
        {**YOUNG, "group_id": "both"},
        {**YOUNG, "community_id": "runners", "group_id": "both"},
        {**YOUNG, "community_id": STRANGE, "group_id": STRANGE},
    )
    insert(client, "alert_changes", *ALERTS, {**ALERTS[0], "group_id": "both", "evidence": "of both"})
    insert(client, "events", *posts())
    insert(client, "receipts", {"stage": "groups", "clock": "2026-03-01 12:00"})
    insert(client, "receipts", {"stage": "users", "clock": "2026-03-05"})
    client.close()
    return folder


@pytest.fixture
def settings(path: Path, clean_environment: None) -> Settings:
    return Settings(path=path)


@pytest.fixture(params=["folder", "running"])
def either(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """The folder of a sink that is stopped, and of one that runs and answers over HTTP."""
    if request.param == "folder":
        yield settings
        return
    with Server(settings.path) as server:
        access = Access("127.0.0.1", server.port, "reader", READER, "groupbeat", os.getpid())
        write_access(settings.path, access)
        try:
            yield settings
        finally:
            access_file(settings.path).unlink()


def told(settings: Settings, group: str, community: str | None = None) -> list[str]:
    """Lines, their cells divided by one space."""
    text = io.StringIO()
    print_group(Console(file=text, width=240), read_group(settings, group, community))
    lines = (
        " ".join(line.replace("│", " ").replace("┃", " ").split()) for line in text.getvalue().splitlines()
    )
    return [line for line in lines if line]


def test_the_page(either: Settings) -> None:
    lines = told(either, "river")
    assert "river in runners" in lines[0]
    for wanted in (
        "Moments are in UTC. Stream time is 2026-03-01 12:00.",
        "Figures of days are as of the end of 2026-02-28.",
        "phase: platform, since 2026-01-05 00:00",
        "last post: 2026-02-28 22:00",
        "health: 73.5 of 100",
        "lowered by participation, 22.5 points: 5.0% of members took part, 20% would be full",
        "lowered by hit_and_run, 2.5 points: severity 0.25",
        "hit_and_run 0.25 2026-02-10 00:00 39 of 100 who joined in 28 days are gone early",
        "monologue 0.00 2026-02-20 00:00",
        "churn_spike critical 2026-02-27 13:00 40 left, 8.2 expected, from 2026-02-27 10:00 to "
        "2026-02-27 13:00; 3.3% of its members; channels: ad 30, none named 10; "
        "months of joining: 2026-02 40",
        "members 1,200, 3 of them staff staff: operators and moderators",
        "members to one of staff 400.0",
        "joins 31 in 7 days, 22 in the 7 before, 120 in 28 also those that an action implies",
        "leaves 9 in 7 days, 40 in 28 people who were in, and left",
        "gone early 40.0% 46 of 115 who joined in 28 days left or fell silent within 7 days",
        "participation 5.0% 49 posted or shared in 28 days, to members",
        "core too few 0 members with 12 active days in 28",
        "first reply 11 min median of 28 days; 90th percentile 2.2 h",
        "staff's topics 2.5 a week longest pause of 28 days: 9 days",
        "lift 1.30 x posts after the latest 7 benefits, to those usual there",
        "purchases 0 99.5 paid, whatever the currency",
        "When people post, in UTC",
        "Mon ····································██··········",
        "Sun ··················░░····························",
        "· none ░ to 1 ▒ to 2 ▓ to 3 █ to 4 posts in that hour, mean of the last 2 whole weeks",
        "Resolved alerts, the last 10",
        "group_quiet warning 2026-01-20 08:00 no post for 31 hours; measured in its habit 9.2, the level "
        "is 8.5 2026-01-20 20:00 a post after 43 hours",
        "spam_burst critical 2026-01-11 10:00 ads of members in a short time: 11 2026-01-11 11:00 "
        "ads of members in a short time: 0",
    ):
        assert wanted in lines
    resolved = lines[lines.index("Resolved alerts, the last 10") :]
    assert [line.split()[2] for line in resolved if line.startswith("spam_burst")] == [
        f"2026-01-{day:02}" for day in range(11, 2, -1)
    ]
    assert "of both" not in "\n".join(lines)


def test_a_young_group(either: Settings) -> None:
    lines = told(either, "young")
    for wanted in (
        "No day of it is over yet, so figures of days are 0 or not known.",
        "phase: seed, since the beginning",
        "last post: never",
        "members to one of staff no staff",
        "not known: the group has no whole week yet",
        "Open alerts: none",
        "Resolved alerts: none",
    ):
        assert wanted in lines
    assert not any(line.startswith(("Symptoms", "lowered")) for line in lines)


def test_thresholds_and_moments_are_those_of_the_community(settings: Settings, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[communities.runners]\ntime_zone = "Asia/Kathmandu"\ngroups.early_days = 5\n'
        "health.participation_full = 0.1\nhealth.hit_and_run = 7.0\n"
    )
    lines = told(settings.model_copy(update={"rules": rules}), "river", "runners")
    for wanted in (
        "Moments are in Asia/Kathmandu. Stream time is 2026-03-01 17:45.",
        "last post: 2026-03-01 03:45",
        "lowered by hit_and_run, 10.9 points: severity 0.25",
        "lowered by participation, 9.4 points: 5.0% of members took part, 10% would be full",
        "gone early 40.0% 46 of 115 who joined in 28 days left or fell silent within 5 days",
        "When people post, in Asia/Kathmandu",
        "Tue ██··············································",
    ):
        assert wanted in lines, wanted


def test_names_are_values_and_nothing_else(either: Settings) -> None:
    lines = told(either, STRANGE, STRANGE)
    assert STRANGE.replace("\x1b", "\N{REPLACEMENT CHARACTER}") in lines[0]
    assert "\x1b" not in "\n".join(lines)


def test_which_group(settings: Settings) -> None:
    for group, community, said in (
        ("both", None, r"^'both' is in 2 communities.*--community: 'runners', 'walkers'$"),
        ("river", "walkers", r"^'river' is not in the community 'walkers', but in 'runners'$"),
        (
            "River",
            None,
            r"^no group has the group_id 'River'; there is 'river' in 'runners', 'river bank' in",
        ),
        ("River", "walkers", r"there is 'river bank' in 'walkers', 'river' in 'runners'$"),
        ("yuong", None, r"^no group has the group_id 'yuong'$"),
        ("yong", None, r"there is 'young' in 'walkers'$"),
        ("' OR '1' = '1", None, r"^no group has the group_id \"' OR '1' = '1\"$"),
    ):
        with pytest.raises(NotFound, match=said):
            read_group(settings, group, community)
    assert read_group(settings, "both", "walkers").row["community_id"] == "walkers"


def test_the_command(settings: Settings) -> None:
    run = CliRunner().invoke
    shown = run(app, ["group", "river", "--path", str(settings.path)])
    assert shown.exit_code == 0 and "health: 73.5 of 100" in shown.output
    shown = run(app, ["group", "both", "--community", "walkers", "--json", "--path", str(settings.path)])
    assert shown.exit_code == 0 and json.loads(shown.output)["group"]["community_id"] == "walkers"
    shown = run(app, ["group", "rivers", "--path", str(settings.path)])
    assert shown.exit_code == 1 and "there is 'river' in 'runners'" in shown.stderr
    assert "Traceback" not in shown.output + shown.stderr


def test_json(settings: Settings) -> None:
    found = json.loads(group_json(read_group(settings, "river", None)))
    assert set(found["group"]) == {column.name for column in GROUPS.columns}
    assert {name: found["group"][name] for name in ("members", "day", "core_share", "participation")} == {
        "members": 1200, "day": "2026-02-28", "core_share": None, "participation": 0.05,
    }  # fmt: skip
    assert found["group"]["last_post_at"] == "2026-02-28T22:00:00.000Z"
    assert found["group"]["no_response_since"] is None
    assert (found["time_zone"], found["clock"]) == ("UTC", "2026-03-01T12:00:00.000Z")
    assert found["lowered_by"] == {"participation": 22.5, "hit_and_run": 2.5}
    assert found["habit"]["weeks"] == 2
    assert found["habit"]["posts_a_week"][0][18] == 4 and len(found["habit"]["posts_a_week"]) == 7
    assert [alert["rule"] for alert in found["open_alerts"]] == ["churn_spike", "hit_and_run"]
    assert found["open_alerts"][0]["opened_evidence"] == CHURN
    assert found["open_alerts"][0]["resolved_at"] is None is found["open_alerts"][0]["resolved_evidence"]
    assert len(found["resolved_alerts"]) == 10
    assert found["resolved_alerts"][0]["resolved_evidence"] == {"gap_hours": 43.0}
    young = json.loads(group_json(read_group(settings, "young", None)))
    assert young["group"]["day"] is None and young["habit"] == {"weeks": 0, "posts_a_week": []}


# --- its parts -----------------------------------------------------------------------------------


def test_health_is_lowered_by_weights() -> None:
    rules = CommunityRules.model_validate({"health": {"participation": 2.0, "spam_ridden": 0.0}})
    row = {**dict.fromkeys((c.name for c in GROUPS.columns), 0.0), "day": date(2026, 1, 1)}
    row |= {"participation": 0.3, "monologue": 0.5, "chaos_warning": 1.0, "spam_ridden": 1.0}
    assert list(lowered(row, rules)) == [("chaos_warning", 12.5), ("monologue", 6.25)]
    row |= {"participation": None}
    assert list(lowered(row, rules)) == [("chaos_warning", 100 / 6), ("monologue", 50 / 6)]
    assert list(lowered({**row, "day": date(1970, 1, 1)}, rules)) == []


def test_every_figure_of_a_group_is_on_the_page() -> None:
    elsewhere = {
        "community_id",
        "group_id",
        "day",
        "last_post_at",
        "phase",
        "phase_since",
        "health",
        "alerts",
    }
    elsewhere |= {*SYMPTOMS, *(f"{name}_since" for name in SYMPTOMS), "topics_28"}
    row = {column.name: 12_345 + n for n, column in enumerate(GROUPS.columns)}
    lines = [filled(line, row, CommunityRules()) for section in PAGE.values() for line in section]
    page = " ".join(f"{value} {meaning}" for _, value, meaning in lines)
    for name in row.keys() - elsewhere:
        text = f"{row[name]:.1%}" if name in PERCENT else f"{row[name]:,}"
        if name in SECONDS:
            text = f"{row[name] / 3600:.1f} h"
        assert text in page or f"{row[name]:.2f} x" in page, name


def test_evidence_in_words() -> None:
    def when(at: int) -> str:
        return f"<{at}>"

    assert set(WORDS) == set(SEVERITIES)
    falling = {**CHURN, "began_at": 1, "ended_at": 2, "members": 160, "by_channel": {}, "usual": 1}
    assert in_words("falling_silent", json.dumps(falling), when) == (
        "40 fell silent, 8.2 expected, from <1> to <2>; 25.0% of its members; channels: none; "
        "months of joining: 2026-02 40; what goes on is usual now"
    )
    chaos = {"joins_7": 40, "joins_7_before": 10, "leaves_7": 2, "spam_ridden": 1, "severity": 0.01}
    assert in_words("chaos_warning", json.dumps(chaos), when) == (
        "joins of 7 days 40, of the 7 before 10; 2 left; spam-ridden"
    )
    assert in_words("spam_ridden", '{"ads_7": 3, "posts_7": 10, "severity": 0.1}', when) == (
        "3 of 10 members' posts in 7 days are ads"
    )
    assert in_words("monologue", '{"posts_7": 1000, "other": 2.5}', when) == "posts_7 1,000, other 2.5"
    for text in ("", "no JSON", "[1]", '{"ads": NaN}', "3"):
        assert in_words("spam_burst", text, when) == text


def test_evidence_of_each_rule_as_the_stage_writes_it() -> None:
    silence = [(rule, 1, {"gap_hours": 7.0}) for rule in ("group_silence", "group_quiet")]
    churn = ("members", "by_channel", "by_cohort")
    written: list[tuple[str, int, dict[str, Any]]] = [
        (
            rule,
            0,
            {name: CHURN.get(name, 7) for name in (*names, *(churn if "began_at" in names else ())) if name},
        )
        for rule, names in NAMES.items()
    ]
    assert {rule for rule, _, _ in written} == set(ALERT_RULES)
    for rule, number, evidence in written + silence:
        said = in_words(rule, json.dumps(evidence), str)
        assert all(words in said for words, *_ in Formatter().parse(WORDS[rule][number])), (rule, said)
        assert "severity" not in said and "score" not in said


def test_shades_of_the_heat_map() -> None:
    week: list[list[float]] = [[0.0] * 24 for _ in range(7)]
    week[2][:9] = [0, 0.1, 2, 2.1, 4, 4.1, 6, 6.1, 8]
    lines = heat_map(week, "posts").plain.splitlines()
    assert lines[0] == "     0     3     6     9     12    15    18    21"
    assert lines[3] == "Wed  ··░░░░▒▒▒▒▓▓▓▓████" + "·" * 30
    assert [line[:3] for line in lines[1:8]] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert lines[8] == "     · none  ░ to 2  ▒ to 4  ▓ to 6  █ to 8  posts"
    assert heat_map([[0.0] * 24] * 7, "posts").plain.splitlines()[8] == "     · none"
    assert heat_map([[0.1 * n for n in range(24)]] * 7, "posts").plain.count("█") == 2 * 6 * 7 + 1
