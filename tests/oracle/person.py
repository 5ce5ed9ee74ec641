"""What is known of one person, and what it says of a window of days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from schemas.rules import CommunityRules
from tests.oracle.calendar import DAY_MS, day_of

WINDOW_DAYS = 28
MOST_ACTIVITIES, MOST_TALKS, MOST_SHARES, MOST_BENEFITS = 16_383, 127, 63, 31
"""Where a day's numbers stop."""

ACTIONS = ("join", "post", "share", "leave", "purchase", "view")
POINT_KINDS = ("join", "post", "share", "day", "invite", "purchase")
FIRST_SEGMENTS = {
    "lifecycle": "",
    "pyramid": "general",
    "intent": "none",
    "closeness": "know",
    "level": "level_0",
}


@dataclass
class Place:
    """Where a person stands on one ladder, and since when."""

    segment: str
    since: int = 0


@dataclass
class Day:
    """What a person did on one day."""

    activities: int = 0
    talks: int = 0
    shares: int = 0
    benefits: int = 0

    @property
    def own(self) -> int:
        """Talks and shares, each as far as it is counted."""
        return min(self.talks, MOST_TALKS) + min(self.shares, MOST_SHARES)


@dataclass
class Score:
    """Weights that fade; 0 at 0 as long as there is none."""

    half_life_ms: float
    value: float = 0.0
    at: int = 0
    there: bool = False

    def add(self, weight: float, moment: int) -> None:
        """One action's weight, whenever it comes."""
        if not self.there:
            self.value, self.at, self.there = weight, moment, True
        elif moment >= self.at:
            self.value = self.value * math.exp2(-((moment - self.at) / self.half_life_ms)) + weight
            self.at = moment
        else:
            self.value = self.value + weight * math.exp2(-((self.at - moment) / self.half_life_ms))

    def as_of(self, moment: int) -> float:
        """What is left of it."""
        if moment <= self.at:
            return self.value
        return self.value * math.exp2(-((moment - self.at) / self.half_life_ms))

    def falls_below(self, threshold: float) -> int:
        """The moment from which it is below a threshold."""
        if self.value < threshold:
            return self.at
        return self.at + math.floor(self.half_life_ms * math.log2(self.value / threshold)) + 1


class Person:
    """Everything that is known of one person: figures, places on the ladders, medals."""

    def __init__(self, community_id: str, user_id: str, rules: CommunityRules) -> None:
        self.community_id = community_id
        self.user_id = user_id
        self.rules = rules
        self.zone = ZoneInfo(rules.time_zone)
        self.places = {ladder: Place(segment) for ladder, segment in FIRST_SEGMENTS.items()}
        self.medals: list[str] = []

        self.first_at: int | None = None
        self.counts = dict.fromkeys(ACTIONS, 0)
        self.role = ""
        self.groups: set[str] = set()

        self.active = False  # whether there was any activity
        self.last_at = 0
        self.days: dict[int, Day] = {}  # never thrown away
        self.talk_day: int | None = None
        self.replies = 0
        self.benefits = 0
        self.score = Score(rules.score_half_life_days * DAY_MS)
        self.intent = Score(rules.intent.half_life_days * DAY_MS)
        self.joins_at: list[int] = []
        self.posts_at: list[int] = []
        self.purchases_at: list[int] = []

        self.points_day: int | None = None
        self.earned_today = dict.fromkeys(POINT_KINDS, 0)  # joins, posts, shares: how many; purchases: points
        self.points = dict.fromkeys(POINT_KINDS, 0)
        self.level_points = 0.0
        self.decays = 0  # how often the points were multiplied since last_at

        self.inviter_id = ""
        self.via_share_id = ""
        self.stayed = False  # whether whoever invited them was told that they stayed
        self.invites = 0
        self.invites_stayed = 0

        self.quiet_until = 0  # nothing falls due before, unless something is changed; 0: not known

    # --- moments and places ----------------------------------------------------------------------

    def segment(self, ladder: str) -> str:
        """Where they stand on a ladder."""
        return self.places[ladder].segment

    def since(self, ladder: str) -> int:
        """Since when they stand there."""
        return self.places[ladder].since

    def day(self, moment: int) -> int:
        """The day of a moment where their community is."""
        return day_of(moment, self.zone)

    @property
    def last_day(self) -> int:
        """The day of their latest activity; there must be one."""
        assert self.active
        return self.day(self.last_at)

    @property
    def joined_at(self) -> int:
        """Their first join; 0 for none."""
        return min(self.joins_at, default=0)

    @property
    def first_post_at(self) -> int:
        """Their first post; 0 for none."""
        return min(self.posts_at, default=0)

    def purchase(self, number: int) -> int:
        """The moment of their latest purchase (1), the one before (2); 0 for none."""
        latest = sorted(self.purchases_at, reverse=True)
        return latest[number - 1] if len(latest) >= number else 0

    @property
    def done(self) -> int:
        """Posts, shares, purchases and views."""
        return sum(self.counts[action] for action in ("post", "share", "purchase", "view"))

    @property
    def activities(self) -> int:
        """Every action but leave."""
        return sum(self.counts.values()) - self.counts["leave"]

    # --- windows ---------------------------------------------------------------------------------

    def window(self, end: int, length: int = WINDOW_DAYS) -> list[tuple[int, Day]]:
        """Days with activity in order, of those that end on `end`, or on last_day if that is later."""
        if not self.active:
            return []
        end = max(end, self.last_day)
        return [(day, self.days[day]) for day in range(end - length + 1, end + 1) if day in self.days]

    def active_days(self, end: int) -> int:
        """Active days of the 28 that end on `end`."""
        return len(self.window(end))

    def own(self, end: int) -> int:
        """Talks and shares of the 28 days that end on `end`."""
        return sum(day.own for _, day in self.window(end))

    def benefits_in(self, end: int) -> int:
        """Benefit actions of the 28 days that end on `end`."""
        return sum(min(day.benefits, MOST_BENEFITS) for _, day in self.window(end))

    def actions_in(self, length: int) -> int:
        """Activities of so many days that end on last_day."""
        if not self.active:
            return 0
        return sum(min(day.activities, MOST_ACTIVITIES) for _, day in self.window(self.last_day, length))

    def first_day_with_fewer(self, active_days: int) -> int:
        """The first day from last_day on with fewer active days among the 28 that end on it.

        Nothing is done after last_day, so it is that on which the so many-th latest falls out.
        """
        window = self.window(self.last_day)
        return window[-active_days][0] + WINDOW_DAYS if len(window) >= active_days else self.last_day
