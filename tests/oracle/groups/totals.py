"""What was ever counted of a group. See docs/groups.md, Counts of a day."""

from __future__ import annotations


class Totals:
    """Of all actions, in the window or not."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(("joins", "leaves", "posts", "shares", "purchases", "views"), 0)
        self.amount = 0
        """Millionths, whatever the currency."""
        self.last_post_at: int | None = None

    def count(self, name: str) -> None:
        """One more."""
        self.counts[name] += 1
