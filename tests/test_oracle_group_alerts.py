"""Alerts, symptoms, phase and health of the oracle of groups against examples worked out by hand."""

from __future__ import annotations

import math

import pytest

from schemas.rules import Rules
from tests.group_stories import AD, BENEFIT, HOUR, MINUTE, STAFF, GroupStory, Line, Row, question, reply
from tests.oracle.groups.benefits import Habit
from tests.stories import MILLI, ms

OPENED, RESOLVED = "opened", "resolved"

# --- questions ---------------------------------------------------------------------------------------


def waits(*lines: Line, until: float = 3) -> list[tuple[str, float]]:
    """What became of the alert, in days to the minute."""
    found = GroupStory(*lines, until=until).changes("unanswered_question")
    return [(change, round(day, 6)) for change, day in found]


def test_a_question_is_unanswered_after_half_an_hour() -> None:
    asked, due = question(0, "ann", "c"), round(30 * MINUTE, 6)
    assert waits(asked, until=30 * MINUTE - MILLI) == []
    assert waits(asked, until=30 * MINUTE) == [(OPENED, due)]
    assert waits(asked, reply(0.25, "bob", "c")) == [(OPENED, due), (RESOLVED, 0.25)]
    assert waits(asked, reply(30 * MINUTE - MILLI, "bob", "c")) == []
    # It is due before the reply of the same moment comes.
    assert waits(asked, reply(30 * MINUTE, "bob", "c")) == [(OPENED, due), (RESOLVED, due)]
    assert waits(asked) == [(OPENED, due), (RESOLVED, 1.0)]
    assert waits(asked, reply(0.5, "ann", "c")) == [(OPENED, due), (RESOLVED, 1.0)]


def test_the_alert_is_about_all_questions() -> None:
    lines = (
        question(0, "ann", "c"),
        question(0.1, "bob", "d"),
        reply(0.25, "eve", "c"),
        reply(0.5, "eve", "d"),
    )
    assert waits(*lines[:3]) == [(OPENED, round(30 * MINUTE, 6)), (RESOLVED, 1.1)]
    assert waits(*lines) == [(OPENED, round(30 * MINUTE, 6)), (RESOLVED, 0.5)]
    assert GroupStory(*lines, until=0.2).group["unanswered"] == 2
    assert GroupStory(*lines, until=0.3).group["unanswered"] == 1
    assert [row["evidence"] for row in GroupStory(*lines, until=1).alerts("unanswered_question")] == [
        {"unanswered": 1}, {"unanswered": 0}
    ]  # fmt: skip


def test_a_question_that_comes_late() -> None:
    clock: Line = (2, "view", "eve")
    assert waits(clock, question(1.5, "ann", "c")) == [(OPENED, 2.0), (RESOLVED, 2.5)]
    assert waits(clock, question(1, "ann", "c")) == []


def test_a_ninth_question_drops_the_first() -> None:
    eight = [question(0, f"u{n}", f"c{n}") for n in range(8)]
    more = [question(0.1 + 0.01 * n, f"u{n}", f"d{n}") for n in range(8)]
    first = (OPENED, round(30 * MINUTE, 6))
    assert waits(*eight, until=0.5) == [first]
    # 0.1 + 30 minutes is after 0.12: none of the new ones is unanswered while there are old ones.
    soon = [question(0.1 + 0.001 * n, f"u{n}", f"d{n}") for n in range(8)]
    again = (OPENED, round(0.1 + 30 * MINUTE, 6))
    assert waits(*eight, *soon, until=0.5) == [first, (RESOLVED, 0.107), again]
    # With more time between them there always is one.
    assert waits(*eight, *more, until=0.5) == [first]


# --- ads ---------------------------------------------------------------------------------------------


def ads(*moments: float, clock: float = 0) -> list[Line]:
    """Ads of members, after somebody's view."""
    return [(clock, "view", "eve"), *((moment, "post", f"u{n}", AD) for n, moment in enumerate(moments))]


def test_five_ads_within_an_hour() -> None:
    four = (0.0, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE)
    assert GroupStory(*ads(*four), until=1).changes("spam_burst") == []
    assert GroupStory(*ads(*four, 60 * MINUTE), until=1).changes("spam_burst") == []
    story = GroupStory(*ads(*four, 59 * MINUTE), until=1)
    assert [(change, round(day / MINUTE)) for change, day in story.changes("spam_burst")] == [
        (OPENED, 59), (RESOLVED, 119)
    ]  # fmt: skip
    assert [row["evidence"] for row in story.alerts("spam_burst")] == [{"ads": 5}, {"ads": 0}]
    assert story.alerts("spam_burst")[0]["severity"] == "critical"
    # A further one keeps it open; those of staff do not.
    story = GroupStory(*ads(*four, 0.04, 0.05), (0.08, "post", "op", STAFF | AD), until=1)
    assert [round(day / MINUTE) for _, day in story.changes("spam_burst")] == [58, 132]


def test_ads_that_come_late() -> None:
    """They count by their own moments, and the alert is at the clock."""
    story = GroupStory(*ads(*[0.0] * 5, clock=40), until=41)
    assert story.changes("spam_burst") == [(OPENED, 40.0), (RESOLVED, 40 + HOUR)]


# --- benefits ----------------------------------------------------------------------------------------


def test_what_is_usual_after_a_moment() -> None:
    rules = Rules()
    habit = Habit(rules, ms(0.25))  # Monday, 6 o'clock: W = -6 / 168
    assert habit.after(ms(0.25), ms(0.25)) == 0
    for day in range(4):
        habit.learn(ms(day + 0.25))
    habit.learn(ms(0.25 + HOUR))
    # T = 5, of them 4 at 6 o'clock and 2 on Monday; a day after the beginning W + q / 168 is 1 / 7.
    assert habit.after(ms(0.25), ms(1.25)) == pytest.approx(4 * 2 / (5 / 7))
    # Half an hour later half of it counts, and half of the next hour: 1 * 2.
    assert habit.after(ms(0.25 + HOUR / 2), ms(1.25)) == pytest.approx((4 * 2 / 2 + 1 * 2 / 2) / (5 / 7))
    habit.end_week()
    keep = 2 ** (-1 / 8)
    # At midnight on Monday: W = K * (1 - 6 / 168), and all counts by K; two of them over one.
    assert habit.after(ms(7.25), ms(7)) == pytest.approx(
        (4 * keep) * (2 * keep) / (5 * keep * keep * (1 - 6 / 168)), rel=1e-6
    )
    assert habit.weeks == 1


def test_hours_that_benefits_took_are_left_out() -> None:
    habit = Habit(Rules(), ms(0.25))
    for day in range(4):
        habit.learn(ms(day + 0.25))
    habit.take(ms(1.25 + HOUR / 4), ms(1.25 + HOUR / 4))
    # On Wednesday at 6 o'clock 48 hours are over: 2 of each hour of the day, 48 / 7 of each day of the week.
    # Three quarters of the 6 o'clock of Tuesday were taken, a quarter of its 7 o'clock; an hour in all.
    clock, all_posts = ms(2.25), 4 / (48 - 1)
    tuesday, wednesday = 1 / (48 / 7 - 1), 1 / (48 / 7)
    assert habit.after(ms(1.25), clock) == pytest.approx(4 / (2 - 0.75) * tuesday / all_posts)
    assert habit.after(ms(2.25), clock) == pytest.approx(4 / (2 - 0.75) * wednesday / all_posts)
    habit.learn(ms(1.25 + HOUR))
    all_posts, tuesday = 5 / (48 - 1), 2 / (48 / 7 - 1)
    assert habit.after(ms(1.25 + HOUR), clock) == pytest.approx(1 / (2 - 0.25) * tuesday / all_posts)
    # When more was taken than is over, nothing is known: 2 - 0.75 - 1.5 at 6 o'clock.
    habit.take(ms(1.25), clock)
    habit.take(ms(1.25 + HOUR / 2), clock)
    assert habit.after(ms(1.25), clock) == 0
    assert habit.after(ms(1.25 + HOUR), clock) == pytest.approx(
        1 / (2 - 0.75) * (2 / (48 / 7 - 3)) / (5 / (48 - 3))
    )


def test_what_was_taken_goes_into_the_next_week_and_fades() -> None:
    habit = Habit(Rules(), ms(0))
    for hour in (-HOUR, 0):
        habit.learn(ms(7 + hour))
    habit.take(ms(7 - HOUR / 4), ms(7 - HOUR / 4))
    habit.end_week()
    keep = 2 ** (-1 / 8)
    # A quarter of an hour of Sunday at 23 o'clock, three quarters of Monday from midnight on.
    all_posts = 2 * keep / (keep * (168 - 1))
    sunday = keep / (keep * (7 - 0.25)) * (keep / (keep * (24 - 0.25))) / all_posts
    monday = keep / (keep * (7 - 0.75)) * (keep / (keep * (24 - 0.75))) / all_posts
    assert habit.after(ms(14 - HOUR), ms(7)) == pytest.approx(sunday, rel=1e-6)
    assert habit.after(ms(7), ms(7)) == pytest.approx(monday, rel=1e-6)


def test_the_level_is_that_of_today_and_the_day_before() -> None:
    habit = Habit(Rules(), ms(0))
    assert habit.level(ms(0)) == 1
    for day in range(7):
        habit.learn(ms(day + 0.25))
        habit.learn(ms(day + 0.25))
    habit.end_week()
    keep = 2 ** (-1 / 8)
    # Two posts at 6 o'clock of each of 7 days: 2 * K of each of W weeks, and 2 of Sunday.
    weeks = keep + 5 / 168
    assert habit.level(ms(7 + 5 * HOUR)) == pytest.approx(22 / (2 * keep / weeks + 20), rel=1e-6)
    # At half past six half of those of Monday, too.
    weeks = keep + 6 / 168
    assert habit.level(ms(7.25 + HOUR / 2)) == pytest.approx(22 / (1.5 * 2 * keep / weeks + 20), rel=1e-6)
    # Then half of 6 o'clock is taken, and half of 7 o'clock.
    habit.take(ms(7.25 + HOUR / 2), ms(7.25 + HOUR / 2))
    used = 0.5 * 2 * keep / weeks
    weeks = keep + 12 / 168
    at_six = (14 * keep / (7 * weeks - 0.5)) / (14 * keep / (168 * weeks - 1)) * 2 * keep
    usual = at_six / (24 * weeks) + at_six / (24 * weeks - 1)
    assert habit.level(ms(7.5)) == pytest.approx(22 / (usual - used + 20), rel=1e-6)
    # On Tuesday none of Sunday is left; a post of Sunday that comes now counts no more.
    habit.learn(ms(7.25))
    assert habit.level(ms(7.5)) == pytest.approx(23 / (usual - used + 20), rel=0.05)
    habit.level(ms(8))
    habit.learn(ms(6.25))
    assert habit.level(ms(8)) == pytest.approx(21 / (habit.after(ms(7.25), ms(8)) - used + 20), rel=1e-6)


def campaign(*posts: int) -> list[Line]:
    """A post a day of ann's, at 10 o'clock, for a week; then a benefit a day, with so many posts after it."""
    lines: list[Line] = [(day + 10 * HOUR, "post", "ann") for day in range(7)]
    for day, number in enumerate(posts, start=7):
        lines.append((day + 10 * HOUR, "post", "op", BENEFIT))
        lines += [(day + 10 * HOUR + n * MINUTE, "post", "bob") for n in range(number)]
    return lines


LIFT: Row = {"symptoms": {"lift_weeks": 1, "lift_posts": 1.0, "lift_sure": 2.0}}


def usual_of_campaign(n: int, ago: int = 0) -> float:
    """At 10 o'clock of day 7 + n, of the n-th benefit: a post a day of the first week, n hours taken.

    Or what is usual then at 10 o'clock of the day before.
    """
    keep = 2 ** (-1 / 8)
    week, day = divmod(n, 7)
    seen, taken = keep * (1 - 10 / 168), 0.0
    for _ in range(week):
        seen, taken = keep * (seen + 1), keep * (taken + 1)
    weeks, posts = seen + (10 + 24 * day) / 168, keep ** (1 + week)
    each_hour = 7 * posts / (7 * weeks - 7 * taken - day)
    taken_then = taken + (1 if 0 < ago <= day else 0)
    return each_hour * (posts / (24 * weeks - taken_then)) / (7 * posts / (168 * weeks - 7 * taken - day))


def expected_of_campaign(n: int) -> float:
    """The same times the level: the posts of the day before, and 20, to those usual then, and 20."""
    used = usual_of_campaign(n - 1) if n else 0.0
    posts = 0 if n else 1
    return usual_of_campaign(n) * (posts + 20) / (max(0.0, usual_of_campaign(n, 1) - used) + 20)


def test_benefits_lose_their_lift() -> None:
    fallen = campaign(*[3] * 15, *[0] * 7)
    story = GroupStory(*fallen, until=30, rules=LIFT)
    assert [row["at"] for row in story.alerts("benefit_lift_lost")] == [ms(28 + 11 * HOUR)]
    evidence = story.alerts("benefit_lift_lost")[0]["evidence"]
    assert (evidence["posts"], evidence["posts_before"]) == (0, 45)
    # Nearly a post an hour at 10 o'clock, as in the first week.
    usual_before = sum(expected_of_campaign(n) for n in range(15))
    assert usual_before == pytest.approx(14.7, abs=0.1)
    assert evidence["usual_before"] == pytest.approx(usual_before, rel=1e-6)
    assert story.group["benefit_lift"] == 0.0
    assert story.changes("benefit_deaf") == [(OPENED, 29.0)]
    assert story.group["benefit_deaf"] == 1.0
    assert [name for name in story.group["alerts"] if "benefit" in name] == [
        "benefit_deaf",
        "benefit_lift_lost",
    ]
    assert GroupStory(*fallen, until=30).changes("benefit_lift_lost") == []


def lost(*posts: int, **thresholds: float) -> list[str]:
    """What became of the alert."""
    rules = {"symptoms": LIFT["symptoms"] | thresholds}
    story = GroupStory(*campaign(*posts), until=8 + len(posts), rules=rules)
    return [change for change, _ in story.changes("benefit_lift_lost")]


def test_a_lift_is_lost_only_when_it_was_there() -> None:
    # 15 before and 7 after make 22 results.
    assert lost(*[3] * 14, *[0] * 7) == []
    assert lost(*[3] * 15, *[0] * 7) == [OPENED]
    # 23 after 15 benefits is more than 1.5 * 14.7, 22 is not.
    assert lost(*[1] * 7, *[2] * 8, *[0] * 7, lift_sure=0.0) == [OPENED]
    assert lost(*[1] * 8, *[2] * 7, *[0] * 7, lift_sure=0.0) == []
    # 8 after 7 benefits is less than 1.2 * 6.825, 9 is not.
    assert lost(*[3] * 15, 2, *[1] * 6, lift_sure=0.0) == [OPENED]
    assert lost(*[3] * 15, 2, 2, *[1] * 5, lift_sure=0.0) == []
    assert lost(*[3] * 15, *[0] * 7, lift_posts=6.8) == [OPENED]
    assert lost(*[3] * 15, *[0] * 7, lift_posts=6.9) == []


def test_a_lift_is_lost_only_when_it_surely_fell() -> None:
    # From 45 / 14.709 to 0: 2.569 times sqrt(4 * (45 / 14.709^2 + 6.825 / 6.825^2)) = 1.191.
    assert lost(*[3] * 15, *[0] * 7, lift_sure=2.56) == [OPENED]
    assert lost(*[3] * 15, *[0] * 7, lift_sure=2.58) == []


def test_a_lift_is_back_when_it_is_as_it_was_before() -> None:
    # Of the 7 latest benefits 6 are without a post: 10 is less than 1.5 * 6.819, 11 is not.
    story = GroupStory(*campaign(*[3] * 15, *[0] * 7, 10), until=31, rules=LIFT)
    assert story.changes("benefit_deaf") == [(OPENED, 29.0)]
    # 10 is more than 1.2 times what is usual, though: it has no severity.
    assert (story.group["benefit_deaf"], story.group["benefit_deaf_since"]) == (0.0, ms(29))
    story = GroupStory(*campaign(*[3] * 15, *[0] * 7, 11), until=31, rules=LIFT)
    assert [change for change, _ in story.changes("benefit_lift_lost")] == [OPENED, RESOLVED]
    assert story.changes("benefit_lift_lost")[1][1] == pytest.approx(29 + 11 * HOUR)
    assert story.changes("benefit_deaf") == [(OPENED, 29.0), (RESOLVED, 30.0)]


# --- phase and health --------------------------------------------------------------------------------


def test_phases() -> None:
    rules: Row = {"groups": {"seed_members": 3, "outbreak_joins": 2, "outbreak_growth": 0.5}}

    def phase(*lines: Line, until: float) -> tuple[str, float]:
        row = GroupStory(*lines, until=until, rules=rules).group
        return row["phase"], row["phase_since"]

    three: list[Line] = [(0.5, "join", f"u{n}") for n in range(3)]
    assert phase(*three, until=0.9) == ("seed", 0)
    assert phase((0.5, "join", "u0"), until=2) == ("seed", 0)
    assert phase(*three, until=2) == ("outbreak", ms(1))
    assert phase(*three, until=29) == ("platform", ms(29))
    assert phase(*three, (40.5, "leave", "u0"), until=41) == ("decline", ms(41))
    assert phase(*three, (40.5, "leave", "u0"), until=69) == ("seed", ms(69))
    # It grows from nobody as from one: 3 are less than 4 times that.
    steep = {"groups": rules["groups"] | {"outbreak_growth": 4.0}}
    assert GroupStory(*three, until=2, rules=steep).group["phase"] == "platform"
    # Four more make it one again, of 3: 4 >= 0.5 * 3; that is the phase at joining of who comes after.
    four: list[Line] = [(40.5, "join", f"v{n}") for n in range(4)]
    story = GroupStory(*three, *four, (41, "join", "late"), until=41.5, rules=rules)
    assert story.member("v3")["phase_at_joining"] == "platform"
    assert story.member("late")["phase_at_joining"] == "outbreak"


def test_health() -> None:
    assert GroupStory((0, "post", "ann"), until=0.5).group["health"] == 100.0
    # Of 20 members two took part: half of what one can wish for, with weight 3 of 10.
    lines: list[Line] = [
        *((0, "join", f"u{n}") for n in range(20)),
        (0.1, "post", "u0"),
        (0.1, "share", "u1"),
    ]
    assert GroupStory(*lines, until=1).group["health"] == pytest.approx((7 + 3 * 0.5) / 10 * 100)
    assert GroupStory(*lines[1:], (0.2, "leave", "u2"), until=1).group["health"] == 100.0
    # Ads only: symptom 6 is 1 of severity 1.
    story = GroupStory(*[(0, "post", "ann", AD)] * 10, until=1, rules={"health": {"spam_ridden": 4.0}})
    assert story.group["health"] == pytest.approx(6 / 10 * 100)


# --- detectors ---------------------------------------------------------------------------------------


def test_who_left_at_once() -> None:
    channels = ["ad"] * 6 + ["b", "a", "c", "d", "e", "f"]
    lines: list[Line] = [(0, "join", "stays")]
    lines += [(0.1, "join", f"u{n}", {"channel": channel}) for n, channel in enumerate(channels)]
    lines += [(28.5, "leave", f"u{n}") for n in range(12)]
    rules: Row = {"churn": {"warm_up_weeks": 2, "least_leaves": 2, "false_alarm_months": 1.0}}
    story = GroupStory(*lines, (90, "view", "stays"), until=100, rules=rules)
    opened, resolved = story.alerts("churn_spike")
    evidence = opened["evidence"]
    assert (evidence["count"], evidence["members"], opened["at"]) == (12, 1, evidence["ended_at"])
    assert evidence["by_channel"] == {"ad": 6, "a": 1, "b": 1, "c": 1, "d": 1, "(others)": 2}
    assert evidence["by_cohort"] == {"2024-01": 12}
    assert evidence["began_at"] <= ms(28.5) < evidence["ended_at"]
    assert evidence["score"] >= evidence["threshold"] >= 2 * math.log(2)
    assert (resolved["evidence"]["usual"], resolved["evidence"]["count"]) == (0, 12)
    assert resolved["opened_at"] == opened["at"] < resolved["at"]


def test_who_fell_silent_at_once() -> None:
    lines: list[Line] = [(0, "join", "stays")]
    lines += [(20.5, "join", f"u{n}", {"channel": "qr"}) for n in range(9)]
    rules: Row = {"churn": {"warm_up_weeks": 2, "least_leaves": 2, "false_alarm_months": 1.0}}
    story = GroupStory(*lines, until=36, rules=rules)
    # Day 20 is their latest; day 27 is the seventh without anything, a Sunday: it ends on day 28.
    (opened,) = story.alerts("falling_silent")[:1]
    assert (opened["at"], opened["evidence"]["count"], opened["evidence"]["members"]) == (ms(28), 9, 10)
    assert opened["evidence"]["by_channel"] == {"qr": 9}


def test_a_group_that_is_silent() -> None:
    rules: Row = {"silence": {"min_posts": 10, "min_weeks": 2}}
    lines: list[Line] = [(hour * HOUR * 3 + hour % 5 * MINUTE, "post", "ann") for hour in range(240)]
    last = 239 * HOUR * 3 + 4 * MINUTE
    story = GroupStory(*lines, (60.5, "post", "bob"), until=61, rules=rules)
    for rule, severity in (("group_quiet", "warning"), ("group_silence", "critical")):
        opened, resolved = story.alerts(rule)
        assert (opened["severity"], resolved["at"], resolved["opened_at"]) == (
            severity,
            ms(60.5),
            opened["at"],
        )
        evidence = opened["evidence"]
        assert evidence["hours"] == (opened["at"] - ms(last)) / 3_600_000 >= 6
        assert evidence["measure"] >= evidence["level"] > 0
        assert resolved["evidence"] == {"gap_hours": (ms(60.5) - ms(last)) / 3_600_000}
    quiet, silent = (story.alerts(rule)[0]["at"] for rule in ("group_quiet", "group_silence"))
    assert ms(last) < quiet <= silent < ms(60)
