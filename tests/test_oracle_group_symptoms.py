"""The six symptoms and the chaos warning of the oracle of groups against examples worked out by hand."""

from __future__ import annotations

from tests.group_stories import AD, MINUTE, STAFF, GroupStory, Line, Row
from tests.stories import ms

OPENED, RESOLVED = "opened", "resolved"

NOT_SURE = dict.fromkeys(
    (
        "early_sure",
        "growth_sure",
        "fall_sure",
        "staff_sure",
        "heard_sure",
        "ads_sure",
        "chaos_sure",
        "chaos_rise",
    ),
    0.0,
)


def symptoms(**thresholds: float) -> Row:
    """Rules by which nothing has to be sure, but for what is said."""
    return {"symptoms": NOT_SURE | {"growth_joins": 1} | thresholds}


def weeks(*told: tuple[int, int, int]) -> list[Line]:
    """Joins, leaves and posts of each week, all on its Sunday; who came first leaves first."""
    lines: list[Line] = [(0.5, "join", "stays")] if told[0][0] else []
    came = left = len(lines)
    for week, (joins, leaves, posts) in enumerate(told):
        day = 7 * week + 6.5
        more = joins - (week == 0 and joins > 0)
        lines += [(day, "join", f"u{came + n}") for n in range(more)]
        lines += [(day, "leave", f"u{left + n}") for n in range(leaves)]
        lines += [(day, "post", "stays")] * posts
        came, left = came + more, left + leaves
    return lines


def opened(symptom: str, lines: list[Line], rules: Row, day: float = 28) -> bool:
    """Whether it opened, at the close before this day."""
    story = GroupStory(*lines, until=day, rules=rules)
    assert story.changes(symptom) in ([], [(OPENED, day)])
    return bool(story.changes(symptom))


def test_hit_and_run() -> None:
    lines: list[Line] = [(0, "join", "ann"), (0, "join", "bob"), (0.5, "leave", "ann")]
    story = GroupStory(*lines, until=1, rules=symptoms(early_joins=2))
    assert story.changes("hit_and_run") == [(OPENED, 1.0)]
    evidence = {"newcomers": 2, "gone_early": 1, "severity": (0.5 - 0.3) / (1 - 0.3)}
    assert story.alerts("hit_and_run")[0]["evidence"] == evidence
    assert (story.group["hit_and_run"], story.group["hit_and_run_since"]) == (evidence["severity"], ms(1))
    assert GroupStory(*lines, until=1, rules=symptoms(early_joins=3)).alerts("hit_and_run") == []
    # Exactly the part is not more than it.
    assert (
        GroupStory(*lines, until=1, rules=symptoms(early_joins=2, early_part=0.5)).alerts("hit_and_run") == []
    )
    # It ends when nobody is new any more.
    story = GroupStory(*lines, until=30, rules=symptoms(early_joins=2))
    assert story.changes("hit_and_run") == [(OPENED, 1.0), (RESOLVED, 29.0)]
    assert (story.group["hit_and_run"], story.group["hit_and_run_since"]) == (0.0, 0)


def test_hit_and_run_is_told_when_it_is_sure() -> None:
    def told(gone: int) -> bool:
        lines: list[Line] = [(0.1, "join", f"u{n}") for n in range(20)]
        lines += [(0.2, "leave", f"u{n}") for n in range(gone)]
        return opened("hit_and_run", lines, {}, day=1)

    # 0.3 * 20 + sqrt(0.3 * 0.7 * 20) = 8.05.
    assert (told(8), told(9)) == (False, True)


def test_a_symptom_stays_at_less_than_it_takes_to_open() -> None:
    # 1 of 2, and then of 3: 1/3 is more than 0.9 * 0.35, but not than 0.35; at last of 4.
    rules = symptoms(early_joins=2, early_part=0.35)
    lines: list[Line] = [(0, "join", "ann"), (0, "join", "bob"), (0.5, "leave", "ann")]
    story = GroupStory(*lines, (1.5, "join", "eve"), (2.5, "join", "joe"), until=3, rules=rules)
    assert story.changes("hit_and_run") == [(OPENED, 1.0), (RESOLVED, 3.0)]
    story = GroupStory(*lines, (1.5, "join", "eve"), until=3, rules=rules)
    # (1/3 - 0.35) / 0.65 is below 0.
    assert (story.group["hit_and_run"], story.group["hit_and_run_since"]) == (0.0, ms(1))


def test_hollow_growth() -> None:
    lines: list[Line] = [(0, "post", "ann"), (1, "post", "ann"), (7, "join", "bob"), (8, "join", "eve")]
    story = GroupStory(*lines, until=9, rules=symptoms())
    # At the close of day 8: 2 joins on days 2 to 8, to ann's one before, by her first of 2 posts.
    assert story.changes("hollow_growth") == [(OPENED, 9.0)]
    assert story.alerts("hollow_growth")[0]["evidence"] == {
        "joins_7": 2, "joins_7_before": 1, "posts_7": 0, "posts_7_before": 2, "severity": 1.0
    }  # fmt: skip
    # Nothing grows from nobody: on days 3 to 9 there are two posts, and a join or not.
    lines_of: list[Line] = [(0, "join", "ann"), (8, "post", "ann"), (9, "post", "ann"), (15, "join", "bob")]
    assert GroupStory(*lines_of, until=17, rules=symptoms()).alerts("hollow_growth") == []
    story = GroupStory(lines_of[0], (5, "join", "joe"), *lines_of[1:], until=17, rules=symptoms(growth=1.0))
    assert story.changes("hollow_growth") == [(OPENED, 17.0)]


def test_hollow_growth_is_told_against_the_three_weeks_before() -> None:
    def told(*weeks_told: tuple[int, int, int], **thresholds: float) -> bool:
        return opened("hollow_growth", weeks(*weeks_told), symptoms(**thresholds))

    # 45 joins and 60 posts in three weeks, few and many of them in the last.
    three = ((20, 0, 10), (20, 0, 10), (5, 0, 40))
    assert not told(*three, (17, 0, 15))  # less than 1.2 * 45 / 3 = 18
    assert told(*three, (19, 0, 15))
    assert not told(*three, (19, 0, 17))  # more than 0.8 * 60 / 3 = 16
    assert told(*three, (19, 0, 15), growth_joins=45)
    assert not told(*three, (19, 0, 15), growth_joins=46)
    # More than in the three weeks, and fewer posts, but not than in the week before.
    assert not told((5, 0, 40), (5, 0, 40), (20, 0, 40), (19, 0, 15))
    assert not told((5, 0, 40), (5, 0, 40), (5, 0, 15), (19, 0, 15))


def test_hollow_growth_is_told_when_it_is_sure() -> None:
    def told(joins: int, posts: int) -> bool:
        return opened("hollow_growth", weeks(*[(15, 0, 50)] * 3, (joins, 0, posts)), {})

    # 30 - 15 >= 2.5 * sqrt(30 + 5) = 14.79, but 29 - 15 < 2.5 * sqrt(29 + 5) = 14.58.
    assert (told(29, 19), told(30, 19)) == (False, True)
    # 50 - 19 >= 5 * sqrt(19 + 150 / 9) = 29.86, but 50 - 20 < 5 * sqrt(20 + 150 / 9) = 30.28.
    assert not told(30, 20)


def test_monologue() -> None:
    lines: list[Line] = [(0.1 * n, "post", "op", STAFF) for n in range(9)]
    assert GroupStory(*lines, until=1, rules=symptoms()).alerts("monologue") == []
    story = GroupStory(*lines, (0.9, "post", "ann"), until=1, rules=symptoms())
    assert story.alerts("monologue")[0]["evidence"] == {
        "posts_7": 1, "staff_posts_7": 9, "severity": (9 / 10 - 0.8) / (1 - 0.8)
    }  # fmt: skip
    story = GroupStory(*lines, (0.9, "post", "ann"), until=9, rules=symptoms())
    assert story.changes("monologue") == [(OPENED, 1.0), (RESOLVED, 8.0)]


def test_monologue_is_told_when_it_is_sure() -> None:
    def told(posts: int) -> bool:
        return opened("monologue", [(0.1, "post", "op", STAFF)] * posts, {}, day=1)

    # 0.8 * 15 + 2 * sqrt(0.8 * 0.2 * 15) = 15.10, of 17 it is 16.90.
    assert (told(15), told(17)) == (False, True)


def test_no_response() -> None:
    lines: list[Line] = [(0.05 * n, "post", "op", STAFF) for n in range(10)]
    assert GroupStory(*lines[:9], until=1, rules=symptoms()).alerts("no_response") == []
    story = GroupStory(*lines, (0.45 + MINUTE, "post", "ann"), until=1, rules=symptoms())
    assert story.alerts("no_response")[0]["evidence"] == {
        "staff_posts_7": 10, "heard_7": 1, "severity": (9 / 10 - 0.8) / (1 - 0.8)
    }  # fmt: skip
    assert story.group["heard_share"] is None
    lines[1:1] = [(0.01, "post", "ann")]
    story = GroupStory(*lines, (0.45 + MINUTE, "post", "ann"), until=1, rules=symptoms())
    assert story.alerts("no_response") == []


def test_no_response_is_told_when_it_is_sure() -> None:
    def told(posts: int) -> bool:
        return opened("no_response", [(0.1, "post", "op", STAFF)] * posts, {}, day=1)

    # 0.8 * 12 + 1.75 * sqrt(0.8 * 0.2 * 12) = 12.02, of 13 it is 12.92.
    assert (told(12), told(13)) == (False, True)


def test_spam_ridden() -> None:
    lines: list[Line] = [(0.1 * n, "post", "ann") for n in range(7)]
    story = GroupStory(*lines, *[(0.7, "post", "bob", AD)] * 3, until=1, rules=symptoms())
    assert story.alerts("spam_ridden")[0]["evidence"] == {
        "posts_7": 10, "ads_7": 3, "severity": (3 / 10 - 0.2) / (1 - 0.2)
    }  # fmt: skip
    story = GroupStory(*lines, *[(0.7, "post", "bob", AD)] * 2, until=1, rules=symptoms())
    assert story.alerts("spam_ridden") == []
    # 2 of 10, for which 10 posts are enough, is not more than the line.
    story = GroupStory(
        *lines, (0.7, "post", "ann"), *[(0.7, "post", "bob", AD)] * 2, until=1, rules=symptoms()
    )
    assert story.alerts("spam_ridden") == []


def test_spam_ridden_is_told_when_it_is_sure() -> None:
    def told(ads: int) -> bool:
        lines: list[Line] = [(0.1, "post", "ann")] * (16 - ads)
        return opened("spam_ridden", [*lines, *[(0.2, "post", "bob", AD)] * ads], {}, day=1)

    # 0.2 * 16 + 3.5 * sqrt(0.2 * 0.8 * 16) = 8.8.
    assert (told(8), told(9)) == (False, True)


def test_chaos_warning() -> None:
    lines: list[Line] = [(0.1 * n, "join", f"u{n}") for n in range(4)]
    rules = symptoms(chaos_joins=4)
    assert GroupStory(*lines, (0.6, "leave", "u0"), until=1, rules=rules).alerts("chaos_warning") == []
    lines += [(0.6, "leave", "u0"), (0.6, "leave", "u1")]
    story = GroupStory(*lines, until=1, rules=rules)
    assert story.alerts("chaos_warning")[0]["evidence"] == {
        "joins_7": 4, "joins_7_before": 0, "leaves_7": 2, "spam_ridden": 0, "severity": (0.5 - 0.3) / 0.7
    }  # fmt: skip
    assert GroupStory(*lines, until=1, rules=symptoms(chaos_joins=5)).alerts("chaos_warning") == []
    # Spam does as well as leaves, and is then at least 0.01.
    rules = symptoms(chaos_joins=1, ads_posts=1)
    story = GroupStory((0, "post", "ann", AD), until=1, rules=rules)
    assert (story.group["chaos_warning"], story.group["spam_ridden"]) == (0.01, 1.0)


def test_chaos_is_told_against_the_three_weeks_before() -> None:
    def told(*weeks_told: tuple[int, int, int], **thresholds: float) -> bool:
        return opened("chaos_warning", weeks(*weeks_told), symptoms(**thresholds))

    # 20 joins are twice those of the week before, but less than twice a third of 31.
    assert told((11, 0, 0), (10, 0, 0), (9, 0, 0), (20, 7, 0))
    assert not told((11, 0, 0), (11, 0, 0), (9, 0, 0), (20, 7, 0))
    # Leaves are over 0.3 of joins at 7; they must be more than a third of those before, 18 or 21.
    assert told((8, 6, 0), (8, 6, 0), (8, 6, 0), (20, 7, 0))
    assert not told((8, 7, 0), (8, 7, 0), (8, 7, 0), (20, 7, 0))


def test_chaos_is_told_when_it_is_sure() -> None:
    def told(*weeks_told: tuple[int, int, int]) -> bool:
        return opened("chaos_warning", weeks(*weeks_told), {})

    none = (0, 0, 0)
    # Against the week before: 20 - 9 >= 2 * sqrt(20 + 9) = 10.77, but 20 - 10 < 2 * sqrt(20 + 10) = 10.95.
    assert told(none, none, (9, 0, 0), (20, 9, 0))
    assert not told(none, none, (10, 0, 0), (20, 9, 0))
    # Against three: 20 - 24 / 3 >= 2.5 * sqrt(20 + 24 / 9) = 11.90,
    # but 20 - 25 / 3 = 11.67 < 2.5 * sqrt(20 + 25 / 9) = 11.93.
    assert told((8, 0, 0), (8, 0, 0), (8, 0, 0), (20, 7, 0))
    assert not told((9, 0, 0), (8, 0, 0), (8, 0, 0), (20, 7, 0))
    # Leaves: 7 >= 2.5 * sqrt(7) = 6.61, but 7 - 2 / 3 < 2.5 * sqrt(7 + 2 / 9) = 6.72.
    assert not told((8, 2, 0), (8, 0, 0), (8, 0, 0), (20, 7, 0))


def test_spam_makes_chaos_without_leaves() -> None:
    rush = weeks((8, 0, 0), (8, 0, 0), (8, 0, 0), (20, 0, 0))
    assert not opened("chaos_warning", rush, {})
    assert opened("chaos_warning", [*rush, *[(27.5, "post", "stays", AD)] * 10], {})
