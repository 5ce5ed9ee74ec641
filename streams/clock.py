"""The stream clock of a stage: how far time has certainly come, over all source partitions.

Each source partition has an event clock, stamped on every message that comes from it. The stage's clock is
the lowest over the sources that are not idle, and the highest when all of them are, so that a backlog read at
full speed gives the results of real time, an idle partition holds nobody back, and with no traffic at all
time still goes on. It never goes back. Until every source was heard of there is no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.packing import Stamp

NO_CLOCK = -1


@dataclass
class StageClock:
    """Follows the stamps of the messages of one input partition."""

    now_ms: int = NO_CLOCK
    sources: dict[int, Stamp] = field(default_factory=dict)

    def absorbed(self, source: int) -> int:
        """The highest offset of a source partition whose actions are all here; -1 before the first."""
        stamp = self.sources.get(source)
        return stamp.offset if stamp else -1

    def advance(self, stamp: Stamp) -> int:
        """Take a stamp in; the stage's clock in ms after it, or `NO_CLOCK`."""
        known = self.sources.get(stamp.source)
        if known is None or stamp.offset > known.offset:
            self.sources[stamp.source] = stamp
        elif stamp.offset == known.offset:
            later = stamp if stamp.clock_ms >= known.clock_ms else known
            self.sources[stamp.source] = later
        if len(self.sources) < stamp.sources:
            return self.now_ms
        busy = [s.clock_ms for s in self.sources.values() if not s.idle]
        now = min(busy) if busy else max(s.clock_ms for s in self.sources.values())
        self.now_ms = max(self.now_ms, now)
        return self.now_ms
