"""The first ladder of the oracle, and windows and scores, against examples worked out by hand."""

from __future__ import annotations

import math
from datetime import date

import pytest

from schemas.rules import Lifecycle, Rules, Weights
from tests.oracle import Judged, People
from tests.stories import MILLI, Line, Story, ms, path, together


def test_new_then_join_and_stay_then_lost() -> None:
    story = Story((0.5, "join"), until=40)
    # 7 days after it began with one active day; 28 days after the one activity.
    assert story.path() == path(
        ("new", 0.5, "first_action"),
        ("join_and_stay", 7.5, "no_second_active_day"),
        ("lost", 28.5, "no_activity_for_long"),
    )
    last = ms(0.5)
    # score 1 of a join, halved after 7 days, 2^-4 of it after 28; on day 28 the window is days 1 to 28: none.
    assert [row["evidence"] for row in story.rows()] == [
        f'{{"active_days_28":1,"score":1.0,"last_at":{last},"groups":1}}',
        f'{{"active_days_28":1,"score":0.5,"last_at":{last},"groups":1}}',
        f'{{"active_days_28":0,"score":0.0625,"last_at":{last},"groups":1}}',
    ]
    assert [row["from_segment"] for row in story.rows()] == ["", "new", "join_and_stay"]
    assert story.user == {
        "community_id": "default",
        "user_id": "ann",
        "segment": "lost",
        "segment_since": ms(28.5),
        "first_at": last,
        "last_at": last,
        "joins": 1,
        "posts": 0,
        "shares": 0,
        "leaves": 0,
        "purchases": 0,
        "views": 0,
        "active_days_28": 1,
        "actions_7": 1,
        "actions_28": 1,
        "score": 1.0,
        "score_at": last,
        "groups": 1,
        "groups_left": 0,
        "role": "",
        "joined_at": last,
        "first_post_at": 0,
        "activated": 0,
        "inviter_id": "",
        "via_share_id": "",
        "pyramid": "invalid",
        "pyramid_since": ms(14.5),
        "intent": "none",
        "intent_since": 0,
        "intent_score": 0.0,
        "intent_at": 0,
        "closeness": "know",
        "closeness_since": 0,
        "own_28": 0,
        "benefits_28": 0,
        "benefits": 0,
        "replies": 0,
        "interaction_depth": None,
        "reward_share": None,
        "purchase_at": 0,
        "purchase_before": 0,
        "level": 0,
        "level_since": 0,
        "title": "visitor",
        "level_points": 12.0,  # 2 of the day, 10 of the join; what decays without a demotion waits
        "points_join": 10,
        "points_post": 0,
        "points_share": 0,
        "points_day": 2,
        "points_invite": 0,
        "points_purchase": 0,
        "invites": 0,
        "invites_stayed": 0,
        "medals": [],
    }
    assert [row["day"] for row in story.rows()] == [date(2024, 1, 1), date(2024, 1, 8), date(2024, 1, 29)]


def test_all_the_way_up_down_and_back() -> None:
    posts: list[Line] = [(day + 0.5, "post") for day in range(12)]
    story = Story(*posts, (50.5, "post"), (51.5, "post"), until=58)
    # A post a day: after 12 of them the score is 2 * (1 + r + ... + r^11) with r = 2^(-1/7), which is 14.7.
    r = 2 ** (-1 / 7)
    score = 2 * (1 - r**12) / (1 - r)
    assert story.evidence(2)["score"] == pytest.approx(score)
    # It is down to 8 after 7 * log2(14.7 / 8) = 6.16 days: within the 7 days to silence.
    faded = story.path()[3][1]
    assert 0 <= faded - ms(11.5 + 7 * math.log2(score / 8)) <= 2
    assert story.path() == [
        *path(("new", 0.5, "first_action"), ("active", 1.5, "enough_active_days")),
        *path(("core", 11.5, "core_activity")),
        ("active", faded, "core_score_faded"),
        *path(("silent", 18.5, "no_activity"), ("lost", 39.5, "no_activity_for_long")),
        # Back on day 50 and 51; a week after the return there are 2 active days: active again.
        *path(("resurrected", 50.5, "acted_again"), ("active", 57.5, "return_kept")),
    ]
    assert [story.evidence(n)["active_days_28"] for n in range(8)] == [1, 2, 12, 12, 12, 0, 1, 2]
    assert story.evidence(3)["score"] < 8
    assert (story.user["posts"], story.user["role"], story.user["actions_28"]) == (14, "member", 2)


EXACT = Rules(weights=Weights(view=0, purchase=16), score_half_life_days=3)
"""Scores that can be worked out in one's head: views weigh nothing, a purchase 16, halved every 3 days."""


def test_core_score_fades_a_millisecond_after_it_is_just_enough() -> None:
    views: list[Line] = [(day, "view") for day in range(11)]
    story = Story(*views, (11, "purchase"), until=100, rules=EXACT)
    # 16 on day 11; exactly 8, still enough, on day 14; below it a millisecond later.
    assert story.path()[2:5] == path(
        ("core", 11, "core_activity"),
        ("active", 14 + MILLI, "core_score_faded"),
        ("silent", 18, "no_activity"),
    )


def test_silence_comes_before_the_score_fades_a_millisecond_later() -> None:
    rules = Rules(weights=Weights(view=0, purchase=16), score_half_life_days=7)
    views: list[Line] = [(day, "view") for day in range(11)]
    story = Story(*views, (11, "purchase"), until=18, rules=rules)
    assert story.path()[2:] == path(("core", 11, "core_activity"), ("silent", 18, "no_activity"))
    assert story.evidence(3)["score"] == 8.0


def test_core_days_fade_at_the_start_of_a_day() -> None:
    buys: list[Line] = [(day + 0.5, "purchase") for day in (*range(12), 17, 23, 29)]
    story = Story(*buys, (35.5, "purchase"), until=36)
    # On day 34 the window is days 7 to 34 with 7, 8, 9, 10, 11, 17, 23, 29: eight. On day 35 it is seven,
    # before the purchase of that noon, and with it eight: not the 12 that core takes.
    # The score is above 8 all along: 15.5 at day 29.5, 9.0 at day 35.
    assert story.path()[2:] == path(("core", 11.5, "core_activity"), ("active", 35, "core_days_faded"))
    assert story.evidence(3)["active_days_28"] == 7
    assert story.user["active_days_28"] == 8
    assert story.user["score"] > 12


def test_at_a_tie_silence_comes_before_fading() -> None:
    rules = Rules(weights=Weights(view=100), lifecycle=Lifecycle(core_enter_days=12, core_keep_days=12))
    # Days 0, 2, ..., 20 and 21 are 12; on day 28, when day 0 falls out, 11. It is also 7 days after the last.
    views: list[Line] = [(day, "view") for day in (*range(0, 21, 2), 21)]
    story = Story(*views, until=28, rules=rules)
    assert story.path()[2:] == path(("core", 21, "core_activity"), ("silent", 28, "no_activity"))
    # A millisecond later on day 21, the start of day 28 comes first.
    views[-1] = (21 + MILLI, "view")
    story = Story(*views, until=28, rules=rules)
    assert story.path()[2:] == path(("core", 21 + MILLI, "core_activity"), ("active", 28, "core_days_faded"))


def test_core_takes_both_days_and_score() -> None:
    views: list[Line] = [(day + 0.5, "view") for day in range(20)]
    # 0.2 a day: never more than 0.2 / (1 - 2^(-1/7)) = 2.1.
    assert Story(*views, until=20).user["segment"] == "active"
    # 5 a day is score enough, but 11 days are not 12.
    buys: list[Line] = [(day + 0.5, "purchase") for day in range(11)]
    assert Story(*buys, until=11).user["segment"] == "active"


def test_returns_straight_to_core() -> None:
    buys: list[Line] = [(day + 0.5, "purchase") for day in (*range(13), *range(20, 28))]
    story = Story(*buys, until=27.5)
    # Silent 7 days after day 12. Back on day 20; a week later, at 27.5, days 0 to 27 have 13 + 7 active ones
    # before the purchase of that very moment, which comes after.
    assert story.path()[3:] == path(
        ("silent", 19.5, "no_activity"), ("resurrected", 20.5, "acted_again"), ("core", 27.5, "return_kept")
    )
    assert story.evidence(5)["active_days_28"] == 20


def test_a_return_of_one_day_is_silent_again_before_it_is_kept() -> None:
    # At day 16 both are due: 7 days since the last activity, and since the return, with 3 active days of 28.
    story = Story((0, "post"), (1, "post"), (9, "post"), until=20)
    assert story.path()[2:] == path(
        ("silent", 8, "no_activity"), ("resurrected", 9, "acted_again"), ("silent", 16, "no_activity")
    )


def test_a_return_with_too_few_days_waits_for_the_second() -> None:
    # Back on day 60, twice that day. A week later there is one active day: nothing; the next day makes two,
    # and the return counts as kept a week after it began, for which it is never too late.
    story = Story((0, "post"), (60, "post"), (60.5, "post"), (67.25, "view"), until=68)
    assert story.path()[3:] == path(("resurrected", 60, "acted_again"), ("active", 67, "return_kept"))
    assert story.evidence(4)["last_at"] == ms(67.25)


def test_a_return_is_kept_by_the_days_before_its_end() -> None:
    # Of the 28 days that end on day 28, four are active; of those that end on day 34, a week after it,
    # two.
    rules = Rules(lifecycle=Lifecycle(active_min_days=3))
    views: list[Line] = [(day, "view") for day in (0, 1, 2, 27, 28)]
    story = Story(*views, until=35, rules=rules)
    assert story.path()[-2:] == path(("resurrected", 27, "acted_again"), ("silent", 35, "no_activity"))


def test_an_older_purchase_leads_to_core_when_it_was_with_the_score_of_now() -> None:
    rules = Rules(weights=Weights(view=0, purchase=100), lifecycle=Lifecycle(core_enter_score=25))
    views: list[Line] = [(day, "view") for day in range(15)]
    story = Story(*views, (1.5, "purchase"), until=15, rules=rules)
    # 100 of 12.5 days before day 14: 29; core since 1.5, where it says the score as it is.
    assert story.path()[2:] == path(("core", 1.5, "core_activity"))
    assert story.evidence(2)["score"] == story.user["score"] == 100 * 2 ** (-12.5 / 7)


def test_leaving_every_group() -> None:
    story = Story(
        (0, "join", "g1"),
        (0.5, "share", "g2"),
        (1, "leave", "g1"),  # still in g2
        (1.5, "leave", "g9"),  # never was in g9
        (2, "leave", "g2"),
        (2.5, "leave", "g2"),  # lost already
        (3, "view", "g1"),  # looking puts nobody into a group
        (3.5, "leave", "g1"),
        until=60,
    )
    assert story.path() == path(
        ("new", 0, "first_action"),
        ("lost", 2, "left_every_group"),
        ("resurrected", 3, "acted_again"),
        ("lost", 3.5, "left_every_group"),
    )
    assert [story.evidence(n)["groups"] for n in range(4)] == [1, 0, 0, 0]
    assert (story.user["groups"], story.user["groups_left"], story.user["leaves"]) == (0, 5, 5)
    # Leaving is no activity: the last was the view.
    assert story.user["last_at"] == story.user["score_at"] == ms(3)
    assert (story.user["actions_7"], story.user["active_days_28"]) == (3, 2)


def test_first_event_a_leave() -> None:
    story = Story((1, "leave"), until=90)
    assert story.path() == path(("lost", 1, "left_every_group"))
    assert story.rows()[0]["evidence"] == '{"active_days_28":0,"score":0.0,"last_at":0,"groups":0}'
    assert (story.user["last_at"], story.user["score_at"], story.user["first_at"]) == (0, 0, ms(1))
    assert (story.user["active_days_28"], story.user["actions_28"], story.user["score"]) == (0, 0, 0.0)
    # Then an older post: it is a return, and not before what it returns from.
    story = Story((1, "leave"), (0, "post"), until=1)
    assert story.path() == path(("lost", 1, "left_every_group"), ("resurrected", 1, "acted_again"))
    assert (story.user["first_at"], story.user["last_at"], story.user["score"]) == (ms(0), ms(0), 2.0)


def test_an_old_event_of_someone_silent() -> None:
    # Silent at 8.5, as the clock is at 9.5 when an event of 3.5 comes: back at that same moment, and not
    # silent before 10.5.
    story = Story((0.5, "post"), (1.5, "post"), (9.5, "clock"), (3.5, "view"), until=10.4)
    assert story.path()[2:] == path(("silent", 8.5, "no_activity"), ("resurrected", 8.5, "acted_again"))
    # One that is older than their last changes nothing about the silence: three transitions at one moment.
    story = Story((0.5, "post"), (1.5, "post"), (9.5, "clock"), (0.6, "view"), until=10.4)
    assert story.path()[2:] == path(
        ("silent", 8.5, "no_activity"), ("resurrected", 8.5, "acted_again"), ("silent", 8.5, "no_activity")
    )


def test_a_late_event_of_someone_lost() -> None:
    story = Story((0.5, "join"), (60, "clock"), (10.5, "post"), until=60)
    assert [row["late"] for row in story.judged.accepted] == [0, 0, 1]
    # Back when they were lost, not before; last activity 10.5, so silent since (17.5 is past), lost at 38.5.
    # After a week of the return, day 35, one active day: not kept.
    assert story.path() == path(
        ("new", 0.5, "first_action"),
        ("join_and_stay", 7.5, "no_second_active_day"),
        ("lost", 28.5, "no_activity_for_long"),
        ("resurrected", 28.5, "acted_again"),
        ("silent", 28.5, "no_activity"),
        ("lost", 38.5, "no_activity_for_long"),
    )
    assert story.user["active_days_28"] == 2


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        (8 - MILLI, []),
        (8, [("silent", 8, "no_activity"), ("resurrected", 8, "acted_again")]),
        (8 + MILLI, [("silent", 8, "no_activity"), ("resurrected", 8 + MILLI, "acted_again")]),
    ],
)
def test_seven_days_to_the_millisecond(back: float, expected: list[tuple[str, float, str]]) -> None:
    story = Story((0, "post"), (1, "post"), (back, "post"), until=back)
    assert story.path()[2:] == path(*expected)


@pytest.mark.parametrize(("until", "segment"), [(29 - MILLI, "silent"), (29, "lost")])
def test_twenty_eight_days_to_the_millisecond(until: float, segment: str) -> None:
    assert Story((0, "post"), (1, "post"), until=until).user["segment"] == segment


def test_new_for_seven_days_to_the_millisecond() -> None:
    # A second active day at the very end of the week comes after the week: by way of join_and_stay.
    story = Story((0, "join"), (7, "view"), until=7)
    assert story.path()[1:] == path(
        ("join_and_stay", 7, "no_second_active_day"), ("active", 7, "enough_active_days")
    )
    story = Story((0, "join"), (7 - MILLI, "view"), until=7)
    assert story.path()[1:] == path(("active", 7 - MILLI, "enough_active_days"))


def test_days_change_at_midnight_utc() -> None:
    assert Story((0, "view"), (1 - MILLI, "view"), until=1).user["segment"] == "new"
    story = Story((1 - MILLI, "view"), (1, "view"), until=1)
    assert (story.user["segment"], story.user["active_days_28"]) == ("active", 2)


def test_windows_are_calendar_days() -> None:
    # 7 days that end on day 7 are days 1 to 7: the last millisecond of day 0 is not in them.
    story = Story((1 - MILLI, "view"), (1, "view"), (7, "view"), until=7)
    assert (story.user["actions_7"], story.user["actions_28"]) == (2, 3)
    story = Story((1 - MILLI, "view"), (1, "view"), (28, "view"), until=28)
    assert (story.user["actions_7"], story.user["actions_28"], story.user["active_days_28"]) == (1, 2, 2)


def test_an_activity_before_the_window_counts_for_life_and_in_the_score() -> None:
    story = Story((100, "view"), (72, "share"), until=100)
    assert (story.user["views"], story.user["shares"], story.user["first_at"]) == (1, 1, ms(72))
    assert (story.user["active_days_28"], story.user["actions_28"], story.user["last_at"]) == (1, 1, ms(100))
    assert story.user["score"] == 0.2 + 3 / 16
    assert story.user["segment"] == "new"


def test_score_of_an_older_activity_is_added_as_it_would_have_faded() -> None:
    story = Story((7, "post"), (0, "post"), until=7)
    assert (story.user["score"], story.user["score_at"]) == (2 + 2 * 0.5, ms(7))


def test_a_days_numbers_stop() -> None:
    base = {"community_id": "c", "user_id": "u", "group_id": "g", "role": "member", "occurred_at": ms(0)}
    links = {"share_id": "s", "reply_to": "", "via_share_id": "", "inviter_id": "", "source_partition": 0}
    numbers = {"view": 16_400, "share": 64, "talk": 128, "benefit": 32}
    rows = [
        base | links | {"action": "post" if what in ("talk", "benefit") else what, "kind": what}
        for what, number in numbers.items()
        for _ in range(number)
    ]
    judged = Judged([row | {"source_offset": offset} for offset, row in enumerate(rows)], [ms(0)] * len(rows))
    (user,) = People(judged, {0: together(judged)}, ms(0)).users
    assert user["actions_7"] == user["actions_28"] == 16_383
    assert (user["own_28"], user["benefits_28"]) == (127 + 63, 31)
    assert (user["views"], user["shares"], user["posts"], user["benefits"]) == (16_400, 64, 160, 32)


def test_role_is_the_last_one_named() -> None:
    join: list[Line] = [(0, "join", {"role": "operator"}), (1, "join"), (1, "view")]
    assert Story(*join, until=2).user["role"] == "operator"
    # The last in the log, though not the last in time; a post has a role always.
    assert Story(*join, (0, "post"), until=2).user["role"] == "member"


def test_a_person_is_one_of_each_community() -> None:
    story = Story((0, "view"), (1, "view", {"community_id": "other"}), until=1)
    assert [(row["community_id"], row["views"]) for row in story.people.users] == [
        ("default", 1),
        ("other", 1),
    ]
