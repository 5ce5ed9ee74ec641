"""What happened in a group on each day of its window. See docs/groups.md, Counts of a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

WINDOW_DAYS = 28
MOST_OF_A_DAY = 65_535
MOST_ANSWERS = 255
CLASSES = 24
STAFF = ("operator", "moderator")

NO_COUNTS: Mapping[str, int] = dict.fromkeys(
    (
        "joins", "leaves", "posts", "staff_posts", "replies", "topics", "questions", "benefits",
        "benefit_actions", "ads", "shares", "purchases", "views", "icebreakers", "heard", "question_answers",
    ),
    0,
)  # fmt: skip


class Days:
    """What was counted on each day, and which days are in the window."""

    def __init__(self, open_day: int) -> None:
        self.open_day = open_day
        self._counts: dict[int, dict[str, int]] = {}
        self._answers: dict[int, list[int]] = {}

    def in_window(self, day: int) -> bool:
        """Whether it is at most 27 days before the open day."""
        return day >= self.open_day - (WINDOW_DAYS - 1)

    def count(self, day: int, name: str) -> None:
        """One more of `name` on a day, if that is in the window."""
        if self.in_window(day):
            counts = self._counts.setdefault(day, dict(NO_COUNTS))
            counts[name] = min(counts[name] + 1, MOST_OF_A_DAY)

    def count_answer(self, day: int, number: int) -> None:
        """One more delay of this class on a day, if that is in the window."""
        if self.in_window(day):
            answers = self._answers.setdefault(day, [0] * CLASSES)
            answers[number] = min(answers[number] + 1, MOST_ANSWERS)

    def sums(self, last: int, days: int) -> dict[str, int]:
        """Of each count over the `days` days that end on `last`."""
        total = dict(NO_COUNTS)
        for counts in self._of(self._counts, last, days):
            for name, number in counts.items():
                total[name] += number
        return total

    def answers(self, last: int) -> list[int]:
        """Delays by class over the 28 days that end on `last`."""
        return [sum(column) for column in zip(*self._of(self._answers, last, WINDOW_DAYS), strict=True)]

    def topic_pause(self, last: int) -> int:
        """The longest run of days without `topics` among the 28 that end on `last`."""
        longest = run = 0
        for day in range(last - WINDOW_DAYS + 1, last + 1):
            run = 0 if self._counts.get(day, NO_COUNTS)["topics"] else run + 1
            longest = max(longest, run)
        return longest

    @staticmethod
    def _of(by_day: Mapping[int, Any], last: int, days: int) -> Iterable[Any]:
        return [by_day[day] for day in range(last - days + 1, last + 1) if day in by_day]


def names_of_post(event: Mapping[str, Any]) -> list[str]:
    """The counts that a post adds to by what it says of itself."""
    staff, kind, reply = event["role"] in STAFF, event["kind"], bool(event["reply_to"])
    told = {
        "posts": not staff,
        "staff_posts": staff,
        "replies": reply,
        "topics": staff and not reply,
        "benefits": staff and kind == "benefit",
        "benefit_actions": not staff and kind == "benefit",
        "ads": not staff and kind == "ad",
    }
    return [name for name, true in told.items() if true]
