"""Pyramid, intent, closeness and level of the oracle against examples worked out by hand."""

from __future__ import annotations

import pytest

from schemas.rules import Closeness, Intent, Level, PointRules, Pyramid, Rules, Weights
from tests.stories import MILLI, Line, Story, ms, path

TALK = {"kind": "talk"}
QUESTION = {"kind": "question"}
BENEFIT = {"kind": "benefit"}


def posts(*days: float, **fields: str) -> list[Line]:
    """A post on each day."""
    return [(day, "post", dict(fields)) for day in days]


# --- pyramid -----------------------------------------------------------------------------------------


def test_who_only_joined_is_invalid_until_they_do_something() -> None:
    story = Story((0.5, "join"), (3, "join", "g2"), (20, "view"), until=30)
    # 14 days after the first join, whatever was joined since.
    assert story.path("pyramid") == path(("invalid", 14.5, "did_nothing"), ("general", 20, "did_something"))
    assert [row["evidence"] for row in story.rows("pyramid")] == [
        '{"role":"","invites_stayed":0,"purchase_at":0,"lifecycle":"silent","done":0}',
        '{"role":"","invites_stayed":0,"purchase_at":0,"lifecycle":"resurrected","done":1}',
    ]
    assert (story.user["pyramid"], story.user["pyramid_since"]) == ("general", ms(20))


def test_who_looked_or_never_joined_is_not_invalid() -> None:
    assert Story((0.5, "join"), (0.6, "view"), until=60).path("pyramid") == []
    assert Story((0.5, "view"), until=60).path("pyramid") == []
    assert Story((0.5, "leave"), until=60).path("pyramid") == []


def test_staff_as_long_as_the_last_post_says_so() -> None:
    story = Story((0, "join", {"role": "moderator"}), *posts(1, role="operator"), (2, "post"), until=30)
    assert story.path("pyramid") == path(("staff", 0, "has_a_role"), ("general", 2, "role_ended"))
    assert story.evidence(0, "pyramid")["role"] == "moderator"


def test_a_purchase_makes_valuable_for_90_days() -> None:
    story = Story((0, "view"), (1, "purchase"), (11, "purchase"), (5, "purchase"), until=101)
    # The latest by time counts: day 11, though the one of day 5 came after it.
    assert story.path("pyramid") == path(("valuable", 1, "bought_lately"), ("general", 101, "value_faded"))
    assert story.evidence(1, "pyramid")["purchase_at"] == ms(11)
    short = Rules(pyramid=Pyramid(valuable_days=2))
    # From valuable to invalid is not possible, as a purchase is something done.
    story = Story((0, "join"), (1, "purchase"), (20, "clock"), until=40, rules=short)
    assert story.path("pyramid") == path(("valuable", 1, "bought_lately"), ("general", 3, "value_faded"))


def test_a_purchase_of_long_ago_is_not_lately() -> None:
    # Known only when the person is in general since later than it would have lasted: at since, not at t.
    rules = Rules(pyramid=Pyramid(valuable_days=2))
    lines: list[Line] = [(10, "purchase"), (13, "clock"), (9, "purchase"), (11.9, "purchase")]
    story = Story(*lines, until=13, rules=rules)
    # General since day 12. The purchase of day 9 changes nothing; that of 11.9 lasts until 13.9.
    assert story.path("pyramid") == path(
        ("valuable", 10, "bought_lately"), ("general", 12, "value_faded"), ("valuable", 12, "bought_lately")
    )


CORE = Rules(weights=Weights(view=100), pyramid=Pyramid(valuable_days=3))
"""Twelve days of views make core; it ends by silence a week later."""


def test_core_is_valuable_by_the_same_event_and_until_it_ends() -> None:
    views: list[Line] = [(day, "view") for day in range(12)]
    story = Story(*views, until=30, rules=CORE)
    assert story.path()[2:4] == path(("core", 11, "core_activity"), ("silent", 18, "no_activity"))
    assert story.path("pyramid") == path(("valuable", 11, "core_member"), ("general", 18, "value_faded"))
    assert [story.evidence(n, "pyramid")["lifecycle"] for n in (0, 1)] == ["core", "silent"]


def test_who_is_core_stays_valuable_when_the_purchase_is_long_ago_and_the_other_way_round() -> None:
    views: list[Line] = [(day, "view") for day in range(12)]
    # Valuable by purchase at day 5 until 8, then again by core at 11.
    story = Story(*views[:6], (5, "purchase"), *views[6:], until=30, rules=CORE)
    assert story.path("pyramid") == path(
        ("valuable", 5, "bought_lately"),
        ("general", 8, "value_faded"),
        ("valuable", 11, "core_member"),
        ("general", 18, "value_faded"),
    )
    # Bought on day 10: in core when those 3 days end, so valuable until core ends.
    story = Story(*views[:11], (10, "purchase"), *views[11:], until=30, rules=CORE)
    assert story.path("pyramid") == path(("valuable", 10, "bought_lately"), ("general", 18, "value_faded"))


def test_a_return_straight_to_core_makes_valuable_at_its_moment() -> None:
    views: list[Line] = [(day, "view") for day in (*range(13), *range(20, 27))]
    story = Story(*views, until=27.5, rules=CORE)
    assert story.path()[-1:] == path(("core", 27, "return_kept"))
    assert story.path("pyramid")[-1:] == path(("valuable", 27, "core_member"))


def test_core_by_joins_alone_is_not_invalid_before_it_ends() -> None:
    rules = Rules(weights=Weights(join=100))
    joins: list[Line] = [(day, "join") for day in range(12)]
    story = Story(*joins, until=30, rules=rules)
    # Nothing done 14 days after joining, but core until 18.
    assert story.path("pyramid") == path(("valuable", 11, "core_member"), ("invalid", 18, "did_nothing"))


def test_who_is_invalid_is_valuable_by_a_return_to_core() -> None:
    rules = Rules(weights=Weights(join=100))
    joins: list[Line] = [(day, "join") for day in (*range(12), *range(19, 26))]
    story = Story(*joins, until=26, rules=rules)
    assert story.path()[-2:] == path(("resurrected", 19, "acted_again"), ("core", 26, "return_kept"))
    assert story.path("pyramid")[1:] == path(("invalid", 18, "did_nothing"), ("valuable", 26, "core_member"))


# --- intent ------------------------------------------------------------------------------------------

EXACT = Rules(
    intent=Intent(half_life_days=7, view=0, question=16, click=4, strong_score=8, intent_score=4),
)
"""A question is 16, halved every week: 8 after a week, 4 after two."""


def test_intent_rises_by_steps_and_fades_a_millisecond_after_it_is_just_enough() -> None:
    story = Story(
        (0, "view"), (1, "join", {"via_share_id": "x"}), (1, "view", {"via_share_id": "x"}),
        *posts(1, kind="question"), until=40, rules=EXACT,
    )  # fmt: skip
    assert story.path("intent")[:2] == path(("intent", 1, "score_reached"), ("strong", 1, "score_reached"))
    assert [story.evidence(n, "intent")["score"] for n in (0, 1)] == [4.0, 8.0]
    assert story.user["intent_score"] == 24.0
    story = Story((0, "view"), *posts(1, kind="question"), until=40, rules=EXACT)
    assert story.path("intent") == path(
        ("strong", 1, "score_reached"),
        ("intent", 8 + MILLI, "score_faded"),
        ("potential", 15 + MILLI, "score_faded"),
    )
    # The view of weight 0 did not set it.
    assert (story.user["intent_score"], story.user["intent_at"]) == (16.0, ms(1))


def test_which_weight_an_action_has() -> None:
    def intent_of(*lines: Line) -> float:
        score: float = Story(*lines, until=0).user["intent_score"]
        return score

    via = {"via_share_id": "x"}
    assert intent_of((0, "view")) == 0.3
    assert intent_of((0, "view", via)) == intent_of((0, "join", via)) == 1.0
    assert intent_of((0, "purchase", via)) == 5.0
    assert intent_of((0, "post", QUESTION)) == 2.0
    assert intent_of((0, "post", BENEFIT)) == 0.5
    assert intent_of((0, "post", QUESTION | {"role": "operator"})) == 0.0
    assert intent_of((0, "post", BENEFIT | {"role": "moderator"})) == 0.0
    assert intent_of((0, "post"), (0, "join"), (0, "share"), (0, "post", {"kind": "ad"}), (0, "leave")) == 0.0


def test_an_older_action_adds_what_would_be_left_of_it() -> None:
    story = Story(*posts(8, 1, kind="question"), until=8, rules=EXACT)
    assert (story.user["intent_score"], story.user["intent_at"]) == (24.0, ms(8))


def test_who_bought_is_a_buyer() -> None:
    story = Story((0, "view"), (1, "purchase"), until=300)
    assert story.path("intent") == path(("potential", 0, "score_reached"), ("buyer", 1, "bought"))
    assert story.evidence(1, "intent") == {
        "score": story.user["intent_score"], "purchases": 1, "benefits_28": 0, "purchase_at": ms(1)
    }  # fmt: skip


def test_an_event_may_lower_intent() -> None:
    # Intent until day 15; a leave on day 40 finds potential: time had made it so before.
    story = Story((0, "join"), *posts(1, kind="question"), (40, "leave"), until=40, rules=EXACT)
    assert story.path("intent")[1:] == path(
        ("intent", 8 + MILLI, "score_faded"), ("potential", 15 + MILLI, "score_faded")
    )


def test_hunters_come_for_benefits_only() -> None:
    story = Story(*posts(0.5, 1.5, 3.5, 4.5, kind="benefit"), until=60)
    # The third makes it three; of the four the third latest is that of day 1: three until day 28, and on
    # day 29 two.
    assert story.path("intent") == path(
        ("potential", 0.5, "score_reached"),
        ("hunter", 3.5, "benefits_only"),
        ("potential", 29, "hunting_ended"),
    )
    assert [story.evidence(n, "intent")["benefits_28"] for n in range(3)] == [1, 3, 2]
    assert (story.user["benefits"], story.user["benefits_28"]) == (4, 4)


def test_staff_who_announce_benefits_do_not_hunt() -> None:
    story = Story(*posts(0, 1, 2, 3, kind="benefit", role="operator"), until=60)
    assert (story.path("intent"), story.user["benefits"]) == ([], 0)


@pytest.mark.parametrize(("kind", "segment"), [("talk", "potential"), ("question", "intent")])
def test_a_talk_ends_hunting_for_28_days(kind: str, segment: str) -> None:
    benefits = posts(0, 1, 2, kind="benefit"), posts(10, 11, 12, kind="benefit")
    story = Story(*benefits[0], *posts(3, kind=kind), *benefits[1], until=60)
    steps = story.path("intent")
    assert steps[1:3] == path(("hunter", 2, "benefits_only"), (segment, 3, "hunting_ended"))
    # The talk is of day 3: on day 31 it is not among the 28. The benefits of 10 to 12 are three until day 37.
    assert steps[-2:] == path(("hunter", 31, "benefits_only"), ("potential", 38, "hunting_ended"))


def test_a_purchase_ends_hunting_and_hunters_may_have_bought() -> None:
    story = Story(
        *posts(0, 1, 2, kind="benefit"), (3, "purchase"), *posts(28, 29, 30, kind="benefit"), until=90
    )
    # 28 days from day 3 on there is no purchase any more: hunter at the start of day 31.
    assert story.path("intent")[1:] == path(
        ("hunter", 2, "benefits_only"),
        ("buyer", 3, "bought"),
        ("hunter", 31, "benefits_only"),
        ("buyer", 56, "hunting_ended"),
    )


def test_a_late_purchase_of_a_hunter() -> None:
    # It is of 28 days before the latest activity: a hunter all the same, and then a buyer who hunted.
    story = Story(*posts(28, 29, 30, kind="benefit"), (2, "purchase"), *posts(31), until=31)
    assert story.path("intent")[1:] == path(("hunter", 30, "benefits_only"), ("buyer", 31, "hunting_ended"))
    # Of 27 days before: a buyer, by this event.
    story = Story(*posts(28, 29, 30, kind="benefit"), (3, "purchase"), until=30)
    assert story.path("intent")[1:] == path(("hunter", 30, "benefits_only"), ("buyer", 30, "bought"))


def test_no_hunter_when_the_benefits_go_before_the_talk() -> None:
    # Benefits of days 0 to 2, a talk of day 5: on day 28 the benefits end, before the talk does on day 33.
    story = Story(*posts(0, 1, 2, kind="benefit"), *posts(5), until=60)
    assert [segment for segment, _, _ in story.path("intent")] == ["potential", "hunter", "potential"]
    # Nor when both go on the same day.
    story = Story(*posts(0), *posts(0, 0, 0, kind="benefit"), until=60)
    assert [segment for segment, _, _ in story.path("intent")] == ["potential"]


def test_the_latest_talk_counts_whenever_it_comes() -> None:
    # A talk of day 10, then one of day 2, then benefits: hunter on day 38, not on day 30.
    story = Story(*posts(10, 2), *posts(28, 29, 30, kind="benefit"), until=60)
    assert story.path("intent")[1:] == path(
        ("hunter", 38, "benefits_only"), ("potential", 56, "hunting_ended")
    )


# --- closeness ---------------------------------------------------------------------------------------


def test_like_by_contributions_of_their_own() -> None:
    story = Story(*posts(0.5, 1.5), (2.5, "share"), *posts(2.6, kind="ad"), (30, "view"), until=60)
    # Three until day 27; the window of day 28 has two.
    assert story.path("closeness") == path(("like", 2.5, "own_contributions"), ("know", 28, "faded"))
    assert [row["evidence"] for row in story.rows("closeness")] == [
        '{"active_days_28":3,"own_28":3,"purchase_at":0,"purchase_before":0}',
        '{"active_days_28":2,"own_28":2,"purchase_at":0,"purchase_before":0}',
    ]


def test_a_window_never_ends_before_the_latest_activity() -> None:
    # Three posts of day 5 come after the view of day 30: like since day 5, by the 28 days that end on day 30.
    story = Story((30, "view"), *posts(5, 5, 5), until=32)
    assert story.path("closeness") == path(("like", 5, "own_contributions"))
    assert story.evidence(0, "closeness")["active_days_28"] == 2


def test_rely_by_days_then_like_then_know() -> None:
    views: list[Line] = [(day, "view") for day in range(11)]
    story = Story(*views, *posts(11, 11, 11), (11, "leave"), until=60)
    # The twelfth day on day 11; on day 28 day 0 falls out. Three posts of day 11 are until day 38.
    assert story.path("closeness") == path(
        ("rely", 11, "relies_by_days"), ("like", 28, "faded"), ("know", 39, "faded")
    )


def test_rely_by_purchases() -> None:
    story = Story((0, "purchase"), (5, "purchase"), (3, "purchase"), until=100)
    # The second largest t is day 0, then day 3: until 93.
    assert story.path("closeness") == path(("rely", 5, "relies_by_purchases"), ("know", 93, "faded"))
    assert (story.user["purchase_at"], story.user["purchase_before"]) == (ms(5), ms(3))
    # Two of one moment are two.
    story = Story((0, "purchase"), (0, "purchase"), until=0)
    assert story.path("closeness") == path(("rely", 0, "relies_by_purchases"))
    # Two more than 90 days apart are not.
    assert Story((0, "purchase"), (90, "purchase"), until=90).path("closeness") == []
    one = Rules(closeness=Closeness(rely_purchases=1, rely_purchase_days=10))
    story = Story((0, "purchase"), (20, "clock"), (15, "purchase"), until=30, rules=one)
    assert story.path("closeness") == path(
        ("rely", 0, "relies_by_purchases"),
        ("know", 10, "faded"),
        ("rely", 15, "relies_by_purchases"),
        ("know", 25, "faded"),
    )


def test_rely_ends_with_the_later_of_days_and_purchases() -> None:
    rules = Rules(closeness=Closeness(rely_days=3, rely_purchase_days=29))
    lines: list[Line] = [(0, "purchase"), (1, "purchase"), (2, "view")]
    # Three days until day 27, purchases until day 29.
    assert Story(*lines, until=60, rules=rules).path("closeness") == path(
        ("rely", 1, "relies_by_purchases"), ("know", 29, "faded")
    )
    rules = Rules(closeness=Closeness(rely_days=3, rely_purchase_days=27))
    assert Story(*lines, until=60, rules=rules).path("closeness") == path(
        ("rely", 1, "relies_by_purchases"), ("know", 28, "faded")
    )


# --- level -------------------------------------------------------------------------------------------

SIMPLE = Rules(
    points=PointRules(day=0, post=64, post_per_day=255), level=Level(base=100, growth=2, decay_keep=0.5)
)
"""A post is 64; levels at 100, 200, 400, ...; half of the points goes every 30 days."""


def test_levels_by_points() -> None:
    story = Story(*posts(*[0] * 7), until=0, rules=SIMPLE)
    # 128 at the second, 256 at the fourth, 448 at the seventh.
    assert story.path("level") == path(
        ("level_1", 0, "points_reached"), ("level_2", 0, "points_reached"), ("level_3", 0, "points_reached")
    )
    assert story.evidence(1, "level") == {"points": 256.0, "last_at": ms(0)}
    assert (story.user["level"], story.user["title"], story.user["level_points"]) == (3, "contributor", 448.0)
    # Several at once is one step.
    large = Rules(points=PointRules(day=0, post=500), level=SIMPLE.level)
    assert Story(*posts(0), until=0, rules=large).path("level") == path(("level_3", 0, "points_reached"))
    # There are no more levels than titles.
    two = Rules(points=PointRules(day=0, post=500), level=Level(base=100, titles=("low", "high")))
    assert Story(*posts(0), until=0, rules=two).user["title"] == "high"


def test_demotion_by_decay() -> None:
    story = Story(*posts(0, 0, 1.5, 1.5), until=200, rules=SIMPLE)
    # 256 points: 128 after 30 days, 64 after 60, and then there is nothing to lose.
    assert story.path("level")[2:] == path(
        ("level_1", 31.5, "points_decayed"), ("level_0", 61.5, "points_decayed")
    )
    assert [story.evidence(n, "level")["points"] for n in (2, 3)] == [128.0, 64.0]
    assert (story.user["level"], story.user["level_points"]) == (0, 64.0)
    # A harder decay passes two thresholds in one step.
    hard = Rules(points=SIMPLE.points, level=Level(base=100, growth=2, decay_keep=0.25))
    assert Story(*posts(0, 0, 0, 0), until=60, rules=hard).path("level")[2:] == path(
        ("level_0", 30, "points_decayed")
    )


def test_a_threshold_that_is_just_reached_is_reached() -> None:
    rules = Rules(points=PointRules(day=0, post=100), level=Level(base=50, growth=2, decay_keep=0.5))
    # 100 are level 2, and after 30 days 50 are just level 1; after 60 there are 25.
    assert Story(*posts(0), until=60, rules=rules).path("level") == path(
        ("level_2", 0, "points_reached"), ("level_1", 30, "points_decayed"), ("level_0", 60, "points_decayed")
    )
    twice = Rules(points=PointRules(day=0, post=200), level=Level(base=50, growth=2, decay_keep=0.5))
    assert Story(*posts(0), until=30, rules=twice).path("level")[1:] == path(
        ("level_2", 30, "points_decayed")
    )


def test_what_decays_without_a_demotion_decays_at_the_next_activity() -> None:
    # 64 points: nothing is due. Back on day 90 to the millisecond: three times halved, and 64 more.
    assert Story(*posts(0), until=90, rules=SIMPLE).user["level_points"] == 64.0
    assert Story(*posts(0, 90), until=90, rules=SIMPLE).user["level_points"] == 8.0 + 64.0
    assert Story(*posts(0, 90 - MILLI), until=90, rules=SIMPLE).user["level_points"] == 16.0 + 64.0
    # An older activity neither decays nor begins the count anew.
    assert Story(*posts(60, 0), until=60, rules=SIMPLE).user["level_points"] == 128.0


def test_time_had_done_some_of_the_decay() -> None:
    # 256 on day 0; level_1 with 128 at day 30; back on day 59: 30 days once, and it was done.
    story = Story(*posts(0, 0, 0, 0), (59, "view"), until=88, rules=SIMPLE)
    assert story.user["level_points"] == 128.0
    # The count begins anew on day 59: the next is at 89.
    story = Story(*posts(0, 0, 0, 0), (59, "view"), until=89, rules=SIMPLE)
    assert story.path("level")[2:] == path(
        ("level_1", 30, "points_decayed"), ("level_0", 89, "points_decayed")
    )


def test_a_late_activity_after_a_demotion_loses_nothing_twice() -> None:
    # The clock is at 61: demoted at 30 and 60. An activity of day 40 comes: done twice, once would be due.
    story = Story(*posts(0, 0, 0, 0), (61, "clock"), (40, "view"), until=61, rules=SIMPLE)
    assert story.user["level_points"] == 64.0
    # One at the very moment of the last changes nothing: at day 90 it is done for the third time.
    again = [(61, "clock"), (0, "view"), (90, "view")]
    assert Story(*posts(0, 0, 0, 0), *again, until=90, rules=SIMPLE).user["level_points"] == 32.0
    # Then from day 40 on again: at 70 once more by the next activity.
    story = Story(*posts(0, 0, 0, 0), (61, "clock"), (40, "view"), (70, "view"), until=70, rules=SIMPLE)
    assert story.user["level_points"] == 32.0


def test_the_decay_of_the_defaults_is_a_tenth() -> None:
    # Shares earn 8 each, the day 2: 106 at the thirteenth.
    shares: list[Line] = [(0, "share", {"share_id": f"s{n}"}) for n in range(13)]
    story = Story(*shares, until=30)
    assert story.path("level") == path(("level_1", 0, "points_reached"), ("level_0", 30, "points_decayed"))
    assert story.user["level_points"] == 106.0 * 0.9
