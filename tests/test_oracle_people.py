"""Points, medals, rates, activation and time zones of the oracle against examples worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schemas.rules import Medals, PointRules, Rules
from tests.oracle.calendar import FIRST_DAY, day_of, start_of
from tests.stories import MILLI, Line, Story, ms, path
from tests.strategies import START_MS

# --- points ------------------------------------------------------------------------------------------


def points_of(*lines: Line, rules: Rules | None = None) -> dict[str, int]:
    """Ann's points by kind, those that are not 0."""
    user = Story(*lines, until=lines[-1][0], rules=rules).user
    kinds = ("join", "post", "share", "day", "invite", "purchase")
    return {kind: user[f"points_{kind}"] for kind in kinds if user[f"points_{kind}"]}


def test_points_of_each_action() -> None:
    assert points_of((0, "view")) == {"day": 2}
    assert points_of((0, "leave")) == {}
    assert points_of((0, "join"), (0, "post"), (0, "share")) == {"day": 2, "join": 10, "post": 5, "share": 8}
    story = Story((0, "view"), (0, "join"), (1, "share"), until=1)
    assert story.user["level_points"] == 2.0 + 10.0 + 2.0 + 8.0


def test_ten_posts_of_a_day_earn_points() -> None:
    day: list[Line] = [(0, "post")] * 11
    assert points_of(*day) == {"day": 2, "post": 50}
    assert points_of(*day, (1, "post")) == {"day": 4, "post": 55}
    # One of an older day counts in the points day: that of day 1 has room for nine more, day 0 or not.
    assert points_of((1, "post"), *day) == {"day": 2, "post": 50}
    none = Rules(points=PointRules(post_per_day=0, join_per_day=1))
    assert points_of((0, "post"), (0, "join"), (0, "join"), rules=none) == {"day": 2, "join": 10}


def purchase(day: float, amount: str) -> Line:
    return (day, "purchase", {"amount": amount})


def test_a_purchase_earns_a_point_a_whole_unit_up_to_200_a_day() -> None:
    assert points_of(purchase(0, "0.999999")) == {"day": 2}
    assert points_of(purchase(0, "150.99"), purchase(0, "9.5")) == {"day": 2, "purchase": 159}
    assert points_of(purchase(0, "150.99"), purchase(0, "60")) == {"day": 2, "purchase": 200}
    assert points_of(purchase(0, "999999999999.999999"), purchase(1, "1")) == {"day": 4, "purchase": 201}
    double = Rules(points=PointRules(purchase=2, purchase_per_day=5))
    # 2 * floor(1.9) twice, and one more of the 2 for the third.
    three = [purchase(0, "1.9")] * 3
    assert points_of(*three, rules=double) == {"day": 2, "purchase": 5}


# --- medals ------------------------------------------------------------------------------------------


def test_first_post_and_first_purchase_once() -> None:
    story = Story((0, "view"), (1, "purchase"), (2, "post"), (3, "post"), (4, "purchase"), until=9)
    assert story.medals() == [("first_purchase", ms(1)), ("first_post", ms(2))]
    assert story.user["medals"] == ["first_post", "first_purchase"]


def test_seven_days_in_a_row() -> None:
    six: list[Line] = [(day + 0.5, "view") for day in range(6)]
    assert Story(*six, (7.5, "view"), until=8).medals() == []
    assert Story(*six, (7.5, "view"), (6.5, "view"), until=8).medals() == [("streak", ms(6.5))]
    # At the moment of the event that closes the gap; the run may be anywhere in the window, up to day 27.
    assert Story(*six, (27.9, "view"), (6.5, "view"), until=30).medals() == [("streak", ms(6.5))]
    # On day 28 the first of the seven is in no window.
    assert Story(*six, (28, "view"), (6.5, "view"), until=30).medals() == []


def test_many_posts_and_several_medals_at_once() -> None:
    rules = Rules(medals=Medals(posts=3, streak_days=2))
    story = Story((0, "post"), (0, "post"), (1, "post"), until=1, rules=rules)
    assert story.medals() == [("first_post", ms(0)), ("streak", ms(1)), ("many_posts", ms(1))]
    assert story.user["medals"] == ["first_post", "many_posts", "streak"]


def test_comeback_is_from_lost_not_from_silent() -> None:
    story = Story((0, "view"), (1, "view"), (10, "view"), (50, "view"), (100, "view"), until=100)
    assert [rule for _, _, rule in story.path()].count("acted_again") == 3
    assert story.medals() == [("comeback", ms(50))]
    # It is at the event's moment, even if that is before the return began.
    story = Story((0, "view"), (50, "clock"), (10, "view"), until=50)
    assert story.path()[-3:-1] == path(("resurrected", 28, "acted_again"), ("silent", 28, "no_activity"))
    assert story.medals() == [("comeback", ms(10))]


def test_a_leave_alone_gives_nothing() -> None:
    story = Story((0, "leave"), until=1)
    assert (story.medals(), story.people.transitions[0]["ladder"]) == ([], "lifecycle")
    assert len(story.people.transitions) == 1


# --- rates and activation ----------------------------------------------------------------------------


def test_rates_over_few_are_none() -> None:
    rules = Rules(rates_min_count=4)
    lines: list[Line] = [
        (0, "post", {"reply_to": "c"}), (0, "post", {"kind": "benefit"}), (0, "post"), (0, "leave")
    ]  # fmt: skip
    user = Story(*lines, until=0, rules=rules).user
    assert (user["interaction_depth"], user["reward_share"], user["replies"]) == (None, None, 1)
    user = Story(*lines, (0, "view"), until=0, rules=rules).user
    assert (user["interaction_depth"], user["reward_share"]) == (None, 1 / 4)
    user = Story(*lines, (0, "post"), until=0, rules=rules).user
    assert (user["interaction_depth"], user["reward_share"]) == (1 / 4, 1 / 4)


@pytest.mark.parametrize(("posted", "activated"), [(2 - MILLI, 0), (2, 1), (3, 1), (3 + MILLI, 0)])
def test_activated_within_a_day_of_joining(posted: float, activated: int) -> None:
    user = Story((2, "join"), (2.5, "join"), (posted, "post"), (5, "post"), until=6).user
    assert (user["joined_at"], user["first_post_at"]) == (ms(2), ms(posted))
    assert user["activated"] == activated


def test_not_activated_without_both() -> None:
    assert Story((2, "join"), until=3).user["activated"] == 0
    assert Story((2, "post"), until=3).user["activated"] == 0
    # What comes late counts: joined earlier, or posted before the join after all.
    assert Story((2, "join"), (9, "post"), (8.5, "join"), until=9).user["activated"] == 0
    assert Story((9, "join"), (9, "post"), (1, "post"), until=9).user["activated"] == 0


# --- days of a time zone -----------------------------------------------------------------------------


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("UTC", "2024-03-31", "2024-03-31T00:00"),
        ("Asia/Kolkata", "2024-01-01", "2023-12-31T18:30"),
        ("Europe/Berlin", "2024-03-31", "2024-03-30T23:00"),
        ("Europe/Berlin", "2024-04-01", "2024-03-31T22:00"),  # after 23 hours
        ("Europe/Berlin", "2024-10-28", "2024-10-27T23:00"),  # after 25
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00"),  # no midnight: the day begins at 1
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00"),  # the day before has two last hours
        ("America/Havana", "2024-11-03", "2024-11-03T04:00"),  # two midnights: the first
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00"),  # never was: the next day begins
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00"),
        ("America/St_Johns", "2000-10-29", "2000-10-29T02:30"),  # a minute of it, and again the day before
        ("Africa/Monrovia", "1971-01-01", "1971-01-01T00:44:30"),
    ],
)
def test_where_a_day_begins(zone: str, day: str, start: str) -> None:
    number = (date.fromisoformat(day) - FIRST_DAY) // timedelta(days=1)
    place = ZoneInfo(zone)
    found = start_of(number, place)
    assert found == utc(start)
    assert day_of(found, place) >= number > day_of(found - 1, place)


def in_zone(zone: str) -> Rules:
    return Rules.model_validate({"communities": {"default": {"time_zone": zone}}})


def test_days_are_those_of_the_community() -> None:
    # 31 December 23:30 and 1 January 00:30 in Berlin; in UTC one day.
    lines: list[Line] = [(-1.5 / 24, "view"), (-0.5 / 24, "view")]
    assert Story(*lines, until=0).user["active_days_28"] == 1
    story = Story(*lines, until=0, rules=in_zone("Europe/Berlin"))
    assert (story.user["active_days_28"], story.user["points_day"]) == (2, 4)
    assert story.path() == [
        ("new", START_MS - 5_400_000, "first_action"), ("active", START_MS - 1_800_000, "enough_active_days")
    ]  # fmt: skip
    assert [row["day"] for row in story.rows()] == [date(2023, 12, 31), date(2024, 1, 1)]
    # Another community keeps to UTC.
    others = [(day, action, {"community_id": "c2"}) for day, action, *_ in lines]
    assert Story(*others, until=0, rules=in_zone("Europe/Berlin")).user["active_days_28"] == 1


def test_what_ends_at_the_start_of_a_day_ends_there_in_their_zone() -> None:
    # Three posts of 3 March, in winter; the 28 days end with 30 March. 31 March begins at +01:00, and the day
    # after it at +02:00.
    posts: list[Line] = [(62.5, "post")] * 3
    rules = in_zone("Europe/Berlin")
    story = Story(*posts, until=100, rules=rules)
    assert story.path("closeness") == [
        ("like", utc("2024-03-03T12:00"), "own_contributions"), ("know", utc("2024-03-30T23:00"), "faded")
    ]  # fmt: skip
    story = Story(*[(63.5, "post")] * 3, until=100, rules=rules)
    assert story.path("closeness")[1:] == [("know", utc("2024-03-31T22:00"), "faded")]
    assert [row["day"] for row in story.rows("closeness")] == [date(2024, 3, 4), date(2024, 4, 1)]


def test_a_community_has_rules_of_its_own() -> None:
    rules = Rules.model_validate(
        {"lifecycle": {"silent_days": 5}, "communities": {"c2": {"lifecycle": {"silent_days": 3}}}}
    )
    lines: list[Line] = [(0, "view"), (1, "view")]
    assert Story(*lines, until=9, rules=rules).path()[-1:] == path(("silent", 6, "no_activity"))
    theirs = [(day, action, {"community_id": "c2"}) for day, action, *_ in lines]
    assert Story(*theirs, until=9, rules=rules).path()[-1:] == path(("silent", 4, "no_activity"))
