"""Invitations of the oracle against examples worked out by hand."""

from __future__ import annotations

from schemas.rules import Level, Medals, PointRules, Pyramid, Rules
from tests.oracle import Judged, judge
from tests.oracle.invites import Note
from tests.oracle.people import Partition
from tests.oracle.people_log import Acted, Noted
from tests.stories import Line, Path, Story, event_log, ms, path

BOB, EVE = {"user_id": "bob"}, {"user_id": "eve"}


def told(story: Story) -> list[tuple[str, int, int, str, str]]:
    """Each note of the log: kind, by share or not, moment, to whom, about whom."""
    return [(note.kind, note.by_share, note.at, note.to_id, note.user_id) for note in story.notes]


def invited(day: float, who: str, inviter: str = "ann", **fields: str) -> Line:
    """A join by invitation."""
    return (day, "join", {"user_id": who, "inviter_id": inviter} | fields)


def view(day: float, who: str) -> Line:
    return (day, "view", {"user_id": who})


def test_an_inviter_is_told_of_the_join_and_of_the_second_day() -> None:
    story = Story((0, "view"), invited(1, "bob"), view(1.5, "bob"), view(2, "bob"), view(3, "bob"), until=3)
    assert told(story) == [("joined", 0, ms(1), "ann", "bob"), ("stayed", 0, ms(2), "ann", "bob")]
    ann, bob = story.user, story.users["bob"]
    assert (ann["invites"], ann["invites_stayed"], ann["points_invite"]) == (1, 1, 20)
    assert ann["level_points"] == 2.0 + 20.0
    assert (bob["inviter_id"], bob["via_share_id"], bob["invites"]) == ("ann", "", 0)
    # What others do moves nothing of the inviter's own activity.
    assert (ann["last_at"], ann["active_days_28"], ann["points_day"]) == (ms(0), 1, 2)


def test_only_the_first_join_counts() -> None:
    story = Story((0, "view"), view(0, "bob"), (1, "join", BOB), invited(2, "bob"), view(3, "bob"), until=3)
    assert (told(story), story.users["bob"]["inviter_id"]) == ([], "")
    story = Story((0, "view"), invited(2, "bob"), invited(1, "bob", "eve"), until=2)
    # The first that came, not the first in time; it comes to two days with the second.
    assert told(story) == [("joined", 0, ms(2), "ann", "bob"), ("stayed", 0, ms(1), "ann", "bob")]


def test_days_before_the_join_count_for_staying() -> None:
    story = Story((0, "view"), view(0, "bob"), invited(1, "bob"), until=1)
    assert [kind for kind, *_ in told(story)] == ["joined", "stayed"]
    once = Rules(pyramid=Pyramid(stayed_days=1))
    story = Story((0, "view"), invited(1, "bob"), (2, "leave", BOB), until=2, rules=once)
    assert told(story) == [("joined", 0, ms(1), "ann", "bob"), ("stayed", 0, ms(1), "ann", "bob")]
    # A leave is no activity, and days too far apart are not among the same 28.
    story = Story((0, "view"), invited(1, "bob"), (2, "leave", BOB), view(29, "bob"), until=29)
    assert [kind for kind, *_ in told(story)] == ["joined"]


def test_by_a_share() -> None:
    share: Line = (0, "share", {"share_id": "s1"})
    story = Story(share, (1, "join", BOB | {"via_share_id": "s1"}), view(2, "bob"), until=2)
    assert told(story) == [
        ("shared", 1, ms(0), "s1", "ann"),
        ("joined", 1, ms(1), "s1", "bob"),
        ("joined", 0, ms(1), "ann", "bob"),
        ("stayed", 1, ms(2), "s1", "bob"),
        ("stayed", 0, ms(2), "ann", "bob"),
    ]
    assert (story.user["invites"], story.user["invites_stayed"]) == (1, 1)
    bob = story.users["bob"]
    assert (bob["inviter_id"], bob["via_share_id"]) == ("", "s1")


def test_an_inviter_goes_before_a_share_but_nobody_invites_themselves() -> None:
    share: Line = (0, "share", {"share_id": "s1"})
    both = invited(1, "bob", "eve", via_share_id="s1")
    story = Story(share, both, until=1)
    assert told(story)[1:] == [("joined", 0, ms(1), "eve", "bob")]
    assert (story.users["bob"]["inviter_id"], story.users["bob"]["via_share_id"]) == ("eve", "")
    story = Story(share, invited(1, "bob", "bob", via_share_id="s1"), until=1)
    assert told(story)[1:] == [("joined", 1, ms(1), "s1", "bob"), ("joined", 0, ms(1), "ann", "bob")]
    story = Story(share, invited(1, "bob", "bob"), until=1)
    assert (told(story)[1:], story.users["bob"]["inviter_id"]) == ([], "")
    # Their own share is dropped where it is known whose it is.
    story = Story(share, (1, "join", {"via_share_id": "s1"}), until=1)
    assert told(story)[1:] == [("joined", 1, ms(1), "s1", "ann"), ("stayed", 1, ms(1), "s1", "ann")]
    assert (story.user["invites"], story.user["via_share_id"]) == (0, "s1")


def test_a_share_that_is_not_known_yet() -> None:
    via = {"via_share_id": "s1"}
    story = Story(
        (0, "join", BOB | via),
        (0.5, "join", EVE | via),
        (1, "view", BOB),
        (2, "share", {"share_id": "s1"}),
        (3, "share", EVE | {"share_id": "s1"}),  # the first one stands
        (4, "view", EVE),
        until=4,
    )
    assert told(story) == [
        ("joined", 1, ms(0), "s1", "bob"),
        ("joined", 1, ms(0.5), "s1", "eve"),
        ("stayed", 1, ms(1), "s1", "bob"),
        ("shared", 1, ms(2), "s1", "ann"),
        ("joined", 0, ms(0), "ann", "bob"),
        ("joined", 0, ms(0.5), "ann", "eve"),
        ("stayed", 0, ms(1), "ann", "bob"),
        ("shared", 1, ms(3), "s1", "eve"),
        ("stayed", 1, ms(3), "s1", "eve"),
        ("stayed", 0, ms(3), "ann", "eve"),
    ]
    assert (story.user["invites"], story.user["invites_stayed"]) == (2, 2)
    # One that never comes, or of another community, tells nobody.
    story = Story((0, "join", BOB | via), (1, "share", {"share_id": "s1", "community_id": "c2"}), until=1)
    assert [note.to_id for note in story.notes] == ["s1", "s1"]


def test_inviters_without_an_activity() -> None:
    rules = Rules(medals=Medals(invites=2), pyramid=Pyramid(organiser_invited=2), level=Level(base=30))
    both: list[Line] = [
        line for who in ("bob", "eve") for line in (invited(0, who), view(1, who), view(2, who))
    ]
    # Nobody has heard of ann.
    story = Story(*both, until=2, rules=rules)
    assert sorted(story.users) == ["bob", "eve"]
    # Months between two who stayed take nothing from her.
    late: list[Line] = [invited(100, "zoe"), view(101, "zoe"), (102, "leave")]
    assert Story(*both, *late, until=102, rules=rules).user["level_points"] == 60.0
    # She leaves: in the table, with what she gained, and nothing follows.
    story = Story(*both, (60, "leave"), until=60, rules=rules)
    assert (story.user["invites"], story.user["points_invite"], story.user["level_points"]) == (2, 40, 40.0)
    assert (story.user["pyramid"], story.user["level"], story.medals()) == ("general", 0, [])
    # At her first activity everything follows, at its moment; of a first activity nothing decays.
    story = Story(*both, (60, "leave"), (70, "view"), until=70, rules=rules)
    assert story.path("pyramid") == path(("organiser", 70, "invited_who_stayed"))
    assert story.path("level") == path(("level_1", 70, "points_reached"))
    assert (story.medals(), story.user["level_points"]) == (
        [("many_invites", ms(70)), ("comeback", ms(70))],
        42.0,
    )


def test_three_who_stayed_make_an_organiser() -> None:
    stories: list[Line] = [(0, "view")]
    for number, who in enumerate(("bob", "eve", "zoe")):
        stories += [invited(number, who), view(number + 1.5, who)]
    story = Story(*stories, until=60)
    assert story.path("pyramid") == path(("organiser", 3.5, "invited_who_stayed"))
    assert story.evidence(0, "pyramid") == {
        "role": "", "invites_stayed": 3, "purchase_at": 0, "lifecycle": "new", "done": 1
    }  # fmt: skip
    # Staff goes before; when the role ends, an organiser after all.
    story = Story(*stories, (4, "post", {"role": "operator"}), (5, "post"), until=60)
    assert story.path("pyramid")[1:] == path(
        ("staff", 4, "has_a_role"), ("organiser", 5, "invited_who_stayed")
    )


def test_ten_invitations_earn_a_medal_at_the_moment_of_the_tenth() -> None:
    joins = [invited(day, f"u{day}") for day in range(1, 12)]
    assert Story((0, "view"), *joins, until=12).medals() == [("many_invites", ms(10))]


SIMPLE = Rules(points=PointRules(day=0, post=64, invite=40), level=Level(base=100, growth=2, decay_keep=0.5))
"""A post is 64, an invitation 40; half goes every 30 days."""


def level_of(*lines: Line, until: float) -> tuple[Path, float]:
    story = Story(*lines, until=until, rules=SIMPLE)
    return story.path("level"), story.user["level_points"]


def test_who_stayed_after_a_month_finds_decayed_points() -> None:
    # 64 on day 0, halved on day 30, and 40 more on day 31; the count of decays is since last_at, day 0.
    lines: list[Line] = [(0, "post"), invited(30, "bob"), view(31, "bob")]
    assert level_of(*lines, until=59) == ([], 32.0 + 40.0)
    # At her next activity, day 60, once more: it was done once of two.
    assert level_of(*lines, (60, "view"), until=60) == ([], 36.0)
    # 128 on day 0: down to 64 on day 30, and up again with 104; on day 60 with 52 down.
    lines = [(0, "post"), (0, "post"), invited(30, "bob"), view(31, "bob")]
    assert level_of(*lines, until=60) == (
        path(
            ("level_1", 0, "points_reached"), ("level_0", 30, "points_decayed"),
            ("level_1", 31, "points_reached"), ("level_0", 60, "points_decayed"),
        ),
        52.0,
    )  # fmt: skip


def note(kind: str, at: float, offset: int, sender: int = 1) -> Note:
    return Note(sender, offset, kind, 0, ms(at), "default", "ann", f"u{offset}")


def ann_in(*lines: Line, rules: Rules = SIMPLE) -> tuple[Partition, Judged]:
    """A partition that has taken in what ann did, and no notes."""
    judged = judge(event_log(*lines), rules)
    partition = Partition(0, judged, rules)
    for offset in range(len(lines)):
        partition.take(Acted(offset, None, 0, offset))
    return partition, judged


def levels(partition: Partition) -> Path:
    return [
        (row["to_segment"], row["at"], row["rule"])
        for row in partition.transitions
        if row["ladder"] == "level"
    ]


def test_a_note_from_further_on_in_time_decays_ahead_and_demotes_when_the_clock_is_there() -> None:
    partition, _ = ann_in((0, "post"), (0, "post"))
    ann = partition.people["default", "ann"]
    # 128 points; somebody stayed on day 61, and here it is day 2: a quarter is left, and 40 more are 72.
    partition.take(Noted(2, ms(2), note("stayed", 61, 0)))
    assert (ann.level_points, ann.segment("level")) == (72.0, "level_1")
    # Two decays are done and can't be undone: it is below since day 60, no further decay.
    partition.settle(ann, ms(60) - 1)
    assert len(levels(partition)) == 1
    partition.settle(ann, ms(60))
    assert levels(partition)[1:] == path(("level_0", 60, "points_decayed"))
    assert ann.level_points == 72.0


def test_time_goes_first_where_a_note_stands() -> None:
    # The stage clock is at 40 when somebody stayed on day 20: demoted on day 30, up again, not before then.
    partition, _ = ann_in((0, "post"), (0, "post"))
    partition.take(Noted(2, ms(40), note("stayed", 20, 0)))
    assert levels(partition)[1:] == path(("level_0", 30, "points_decayed"), ("level_1", 30, "points_reached"))
    # Without a clock yet, nothing is settled: 128 + 40 points, and the level stays.
    partition, _ = ann_in((0, "post"), (0, "post"))
    partition.take(Noted(2, None, note("stayed", 20, 0)))
    assert levels(partition)[1:] == []
    assert partition.people["default", "ann"].level_points == 168.0


def test_a_joined_note_decays_nothing_but_settles() -> None:
    partition, _ = ann_in((0, "post"), (0, "post"))
    partition.take(Noted(2, ms(8), note("joined", 40, 0)))
    ann = partition.people["default", "ann"]
    assert (ann.invites, ann.level_points, ann.decays) == (1, 128.0, 0)
    assert (ann.segment("lifecycle"), ann.since("lifecycle")) == ("join_and_stay", ms(7))
