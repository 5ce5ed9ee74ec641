"""What was ever counted of a group. See docs/groups.md, Counts of a day."""

from __future__ import annotations

from decimal import Decimal


class Totals:
    """Of all actions, in the window or not."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(("joins", "leaves", "posts", "shares", "purchases", "views"), 0)
        self.units = 0
        """Whole ones of what was paid, whatever the currency."""
        self.millionths = 0
        """What was paid beyond them."""
        self.last_post_at: int | None = None

    def pay(self, amount: Decimal) -> None:
        """A purchase."""
        units, rest = divmod(amount, 1)
        self.units += int(units)
        self.millionths += int(rest * 1_000_000)

    def count(self, name: str) -> None:
        """One more."""
        self.counts[name] += 1
