"""What the groups stage keeps: groups and memberships, topics that wait for a reply; and what kernels give.

The definition of all of it is docs/groups.md. Moments are ms since 1970, days those of the community.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from schemas.group_tables import ALERT_RULES, SYMPTOMS
from streams.columnar import Array, Bytes, Keyed, KeyedTable
from streams.compiled import codes
from streams.groups.churn import CHURN, CHURN_BY_DAY
from streams.groups.rulebook import GroupRulebook
from streams.groups.silence import SILENCE
from streams.names import names_table

NEVER = np.iinfo(np.int64).max
WINDOW_DAYS = 28
WINDOW_MASK = (1 << WINDOW_DAYS) - 1
NEAR = 12
"""So many memberships of a group are found without going from one to the next: each step waits for memory."""
WATCHED = 8
"""So many staff posts, questions and benefits are watched at once."""
ADS_REMEMBERED = 16
BENEFITS_BEFORE, LATEST_BENEFITS = 15, 7
BENEFIT_RESULTS = BENEFITS_BEFORE + LATEST_BENEFITS
LEVEL_DAYS = 2
"""Days, today included, whose posts say how busy a group is now."""
CLASSES = 24
"""Classes of delays of first replies."""
LEAST_ANSWERS = 5
"""With fewer first replies their delays are not ranked."""
GENERATION_MS = 7 * 86_400_000
"""Topics of one generation are forgotten together."""

DAY_COUNTS = (
    "joins", "leaves", "posts", "staff_posts", "replies", "topics", "questions", "benefits",
    "benefit_actions", "ads", "shares", "purchases", "views", "icebreakers", "heard", "question_answers",
)  # fmt: skip
"""What is counted by the day, in the order of its place in `counts` of `GROUP`."""
(
    JOINS, LEAVES, POSTS, STAFF_POSTS, REPLIES, TOPICS, QUESTIONS, BENEFITS,
    BENEFIT_ACTIONS, ADS, SHARES, PURCHASES, VIEWS, ICEBREAKERS, HEARD, QUESTION_ANSWERS,
) = codes(len(DAY_COUNTS))  # fmt: skip
PERIODS = ((0, 7), (7, 14), (14, WINDOW_DAYS))
"""The last 7 days, the 7 before, and the rest of the window: from and up to so many days ago."""
MOST_COUNT = (1 << 16) - 1
MOST_IN_CLASS = MOST_POSTS_A_DAY = (1 << 8) - 1

RULE_NAMES = tuple(ALERT_RULES)
(
    GROUP_SILENCE, GROUP_QUIET, CHURN_SPIKE, FALLING_SILENT,
    HIT_AND_RUN, HOLLOW_GROWTH, MONOLOGUE, NO_RESPONSE, BENEFIT_DEAF, SPAM_RIDDEN, CHAOS_WARNING,
    BENEFIT_LIFT_LOST, UNANSWERED_QUESTION, SPAM_BURST,
) = codes(len(RULE_NAMES))  # fmt: skip
OPENED, RESOLVED = codes(2)
CHANGES = ("opened", "resolved")

SEED, OUTBREAK, PLATFORM, DECLINE = codes(4)

FIGURES = np.dtype(
    [
        (name, "u4")
        for name in (
            "active_1", "active_7", "active_28", "participants", "sharers", "core", "buyers", "newcomers",
            "gone_early", "absence_factor", "fell_silent",
            "joins_7", "joins_7_before", "leaves_7", "posts_7", "posts_7_before", "staff_posts_7", "heard_7",
            "ads_7",
            "joins_28", "leaves_28", "posts_28", "staff_posts_28", "replies_28", "questions_28",
            "question_answers_28", "benefits_28", "benefit_actions_28", "shares_28", "purchases_28",
            "views_28", "icebreakers_28", "topics_28", "topic_pause",
        )
    ]
    + [("answers", "u4"), ("median_class", "u1"), ("p90_class", "u1")]
)  # fmt: skip
"""Figures of the last close of a day; all but the last line are columns of the table `groups`."""

_SHOWN: list[Any] = [
    ("members", "i4"),
    ("staff", "i4"),
    ("joins_total", "i8"),
    ("leaves_total", "i8"),
    ("posts_total", "i8"),
    ("shares_total", "i8"),
    ("purchases_total", "i8"),
    ("views_total", "i8"),
    ("units_total", "i8"),  # of what was paid, whole ones
    ("millionths_total", "i8"),  # beyond them
    ("last_post_at", "i8"),
    ("day", "i4"),  # the open day
    ("closes", "i4"),  # how many days were closed
    ("rules", "u2"),  # number of the rules in force, set anew at each start
    ("phase", "u1"),
    ("phase_since", "i8"),
    ("health", "f8"),
    ("open", "u4"),  # bit per rule
    ("opened_at", "i8", (len(RULE_NAMES),)),
    ("severity", "f8", (len(SYMPTOMS),)),
    ("unanswered", "u1"),  # of the watched questions
    ("results", "u1"),  # of benefits
    ("result_posts", "u2", (BENEFIT_RESULTS,)),  # the latest last
    ("result_usual", "f4", (BENEFIT_RESULTS,)),
    ("figures", FIGURES),
]
"""What rows of `groups` are made of; first, so that a flush reads nothing else."""

GROUP = np.dtype(
    [
        *_SHOWN,
        ("due", "i8"),  # before it time alone changes nothing
        ("close_at", "i8"),  # the end of the open day
        ("began_at", "i8"),  # the clock of the first action
        ("active_day", "i4"),  # the latest with activity
        ("answer_day", "i4"),  # the latest on which a topic got its first reply
        ("first_member", "u4"),  # the latest: row in `memberships` + 1; 0 for none
        ("memberships", "u4"),  # how many it has
        ("near", "u4", (NEAR,)),  # the rows of the first of them
        ("buyers", "i4"),  # members who ever bought
        ("counted", "u4"),  # bit k: the day `day` - k has counts
        ("topic_days", "u4"),  # bit k: it has topics of staff
        ("sums", "u4", (len(PERIODS), len(DAY_COUNTS))),  # of `counts` over each of `PERIODS`
        ("counts", "u2", (WINDOW_DAYS, len(DAY_COUNTS))),  # at day % 28
        ("answers", "u1", (WINDOW_DAYS, CLASSES)),
        ("last_author", "u4"),  # of the latest post: row in `memberships` + 1
        ("last_kind", "u1"),
        ("other_kind", "u1"),  # of the latest post by anybody else
        ("staff_posts", "u1"),  # watched ones
        ("staff_at", "i8", (WATCHED,)),
        ("questions", "u1"),  # watched ones, in order of their coming
        ("question_at", "i8", (WATCHED,)),
        ("question_due", "i8", (WATCHED,)),  # NEVER once it is unanswered
        ("question_topic", "u4", (WATCHED,)),  # row in the topics of its generation
        ("question_half", "u1", (WATCHED,)),  # which of the two tables of topics
        ("question_author", "u4", (WATCHED,)),  # row in `memberships`
        ("benefits", "u1"),  # watched ones
        ("benefit_at", "i8", (WATCHED,)),
        ("benefit_posts", "u2", (WATCHED,)),  # of members, since
        ("benefit_usual", "f4", (WATCHED,)),  # posts; below 0: not known
        ("by_hour", "f4", (24,)),  # members' posts by the hour of the day, decayed
        ("by_day", "f4", (7,)),
        ("taken_hour", "f4", (24,)),  # hours of it that benefits took, decayed
        ("taken_day", "f4", (7,)),
        ("habit_weeks", "f4"),  # W
        ("level_day", "i4"),  # the latest day of the two below
        ("level_posts", "u4", (LEVEL_DAYS,)),  # members', not after benefits; at day % 2
        ("level_taken", "f4", (LEVEL_DAYS,)),  # posts usual in hours that benefits took
        ("weeks", "i4"),
        ("ads", "u1"),  # remembered ones
        ("ad_at", "i8", (ADS_REMEMBERED,)),  # the latest last
        ("spam_until", "i8"),  # NEVER unless a burst is on
        ("churn", "u4"),  # row in `churn` + 1; 0 before the first leave
        ("falls", "u4"),  # row in `falls` + 1; 0 before anybody fell silent
        ("silence", SILENCE),
    ]
)
"""Found by (community_id, group_id)."""

SHOWN = np.dtype(_SHOWN)


def shown_of(groups: Array, rows: Array) -> Array:
    """The part of some rows of `GROUP` that rows of `groups` are made of, as `SHOWN`."""
    whole = groups.view(np.uint8).reshape(len(groups), GROUP.itemsize)
    return np.ascontiguousarray(whole[rows, : SHOWN.itemsize]).view(SHOWN)[:, 0]


MEMBERSHIP = np.dtype(
    [
        ("joined_at", "i8"),  # 0: never
        ("left_at", "i8"),  # 0: never
        ("left_clock", "i8"),
        ("first_post_at", "i8"),  # 0: none
        ("last_at", "i8"),  # of activity; 0: none
        ("day", "i4"),  # the latest active day
        ("days", "u4"),  # bit k: active on day - k; 0 before the first
        ("own_days", "u4"),  # posted or shared
        ("share_days", "u4"),
        ("joined_day", "i4"),
        ("group", "u4"),
        ("next", "u4"),  # the next membership of the group, row + 1; 0: the last
        ("channel", "u4"),  # row in `names` + 1; 0: none
        ("inviter", "u4"),
        ("posts", "u1", (WINDOW_DAYS,)),  # at day % 28
        ("member", "u1"),
        ("role", "u1"),
        ("buyer", "u1"),
        ("phase", "u1"),  # at joining, + 1; 0: never
        ("left_after", "u1"),
    ]
)
"""Found by the user_id, 0xFF, and the row of the group in 4 bytes."""

TOPIC = np.dtype([("at", "i8"), ("author", "u4"), ("answered", "u1"), ("question", "u1")])
"""A post that waits for its first reply, found by the row of the group in 4 bytes and the content_id."""

CHURN_ROW = np.dtype([("churn", CHURN)])
FALLS_ROW = np.dtype([("churn", CHURN_BY_DAY)])
"""Found by the row of the group in 4 bytes."""

GROUP_BLOCK = 32
MEMBERSHIP_BLOCK = 512
TOPIC_BLOCK = 1024
CHURN_BLOCK = 64

ALERT = np.dtype(
    [
        ("position", "u8"),
        ("row", "i8"),
        ("at", "i8"),
        ("opened_at", "i8"),
        ("rule", "u1"),
        ("change", "u1"),
        ("x", "f8", (6,)),  # evidence: see evidence.py
    ]
)
"""One row of `alert_changes` before it gets its words."""

ALERTS, ROWS, PAUSED = codes(3)


class Moves(NamedTuple):
    """What kernels give."""

    alerts: Array
    """Of `ALERT`, filled from the front."""
    cursor: Array
    """int64: [ALERTS] how many; [ROWS] rows of the current message so far; [PAUSED] 1: the last alert needs
    evidence from the memberships as they are now, before anything else happens."""


class Desk(NamedTuple):
    """What a rule needs beside the group."""

    book: GroupRulebook
    moves: Moves


class GroupState(NamedTuple):
    """The arrays of the groups stage, as its kernels take them."""

    groups: Keyed
    memberships: Keyed
    names: Keyed
    topics: tuple[Keyed, Keyed]
    """Of the even generations and of the odd ones."""
    churn: Keyed
    falls: Keyed
    block_due: Array
    """For each block of groups, a moment before which none of it is due."""
    generation: Array
    """int64, [0]: that of the latest action; -1 before the first."""
    scratch: Bytes
    """Where keys are put together."""
    numbers: Array
    """int64: room for one of each membership."""
    desk: Desk


class Tables(NamedTuple):
    """The tables of one partition of groups."""

    groups: KeyedTable
    memberships: KeyedTable
    names: KeyedTable
    even_topics: KeyedTable
    odd_topics: KeyedTable
    churn: KeyedTable
    falls: KeyedTable

    @classmethod
    def empty(cls) -> Tables:
        """With nothing in them."""
        return cls(
            KeyedTable("groups", GROUP, GROUP_BLOCK, flushed=True),
            KeyedTable("memberships", MEMBERSHIP, MEMBERSHIP_BLOCK, flushed=True),
            names_table(),
            KeyedTable("even_topics", TOPIC, TOPIC_BLOCK),
            KeyedTable("odd_topics", TOPIC, TOPIC_BLOCK),
            KeyedTable("churn", CHURN_ROW, CHURN_BLOCK),
            KeyedTable("falls", FALLS_ROW, CHURN_BLOCK),
        )
