"""Who is in a group, and what each person did there. See docs/groups.md, Memberships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.groups.days import STAFF

Row = dict[str, Any]
ENTERING = ("join", "post", "share", "purchase")
MOST_POSTS = 255


@dataclass
class Membership:
    """One person in one group. All days are kept: which ones count is for who asks."""

    user_id: str
    member: bool = False
    joined_at: int = 0
    phase_at_joining: str = ""
    channel: str = ""
    inviter_id: str = ""
    role: str = ""
    first_post_at: int = 0
    left_at: int = 0
    left_clock: int = 0
    left_after: str = ""
    last_at: int = 0
    buyer: bool = False
    latest_day: int = -1
    """The latest active day."""
    active_days: set[int] = field(default_factory=set)
    own_days: set[int] = field(default_factory=set)
    share_days: set[int] = field(default_factory=set)
    posts: dict[int, int] = field(default_factory=dict)
    """By day."""

    @property
    def staff(self) -> bool:
        """Whether their role is operator or moderator."""
        return self.role in STAFF

    def enter(self, moment: int, phase: str) -> None:
        """They are in."""
        self.member, self.joined_at, self.phase_at_joining = True, moment, phase

    def leave(self, moment: int, clock: int, after: str) -> None:
        """They are out."""
        self.member = False
        self.left_at, self.left_clock, self.left_after = moment, clock, after

    def learn(self, event: Mapping[str, Any]) -> None:
        """What a join, or a post, says about them."""
        if event["action"] == "join":
            self.channel = event["channel"] or self.channel
            if event["inviter_id"] != self.user_id:
                self.inviter_id = event["inviter_id"] or self.inviter_id
        if event["action"] in ("join", "post"):
            self.role = event["role"] or self.role

    def be_active(self, action: str, moment: int, day: int) -> None:
        """Any action but a leave."""
        self.last_at = max(self.last_at, moment)
        self.latest_day = max(self.latest_day, day)
        self.active_days.add(day)
        if action == "post":
            self.posts[day] = min(self.posts.get(day, 0) + 1, MOST_POSTS)
            self.first_post_at = min(self.first_post_at or moment, moment)
        if action in ("post", "share"):
            self.own_days.add(day)
        if action == "share":
            self.share_days.add(day)
        if action == "purchase":
            self.buyer = True

    def row(self) -> Row:
        """Their row of `memberships`, but for the group."""
        return {
            "user_id": self.user_id,
            "member": int(self.member),
            "joined_at": self.joined_at,
            "phase_at_joining": self.phase_at_joining,
            "channel": self.channel,
            "inviter_id": self.inviter_id,
            "role": self.role,
            "first_post_at": self.first_post_at,
            "left_at": self.left_at,
            "left_after": self.left_after,
        }


class Memberships:
    """Everybody who ever did something in a group."""

    def __init__(self) -> None:
        self._of: dict[str, Membership] = {}

    def of(self, user_id: str) -> Membership:
        """Theirs, made by their first action."""
        return self._of.setdefault(user_id, Membership(user_id))

    @property
    def all(self) -> list[Membership]:
        """In the order in which they were made."""
        return list(self._of.values())

    @property
    def members(self) -> list[Membership]:
        """Those who are in."""
        return [one for one in self._of.values() if one.member]
