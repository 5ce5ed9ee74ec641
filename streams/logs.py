"""What we log, and how often: a broker that is away is said every few seconds, not every few milliseconds."""

from __future__ import annotations

import logging
import sys
import time

REPEAT_S = 5.0
LIBRARIES = ("faust", "mode", "aiokafka", "kafka", "streams.transport", "root")
"""`root`: the migrations library says whole scripts there."""


class OncePer(logging.Filter):
    """Lets a message through once per `seconds`, whatever its arguments."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let it through."""
        place, now = (record.pathname, record.lineno), time.monotonic()
        if now - self._said.get(place, float("-inf")) < self._seconds:
            return False
        self._said[place] = now
        return True


def configure(*, verbose: bool = False) -> None:
    """Log to standard error; what libraries say at INFO only with `verbose`."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    once = OncePer(REPEAT_S)

    def wanted(record: logging.LogRecord) -> bool:
        if verbose or not record.name.startswith(LIBRARIES):
            return True
        return record.levelno >= logging.WARNING and once.filter(record)

    for handler in logging.getLogger().handlers:
        handler.addFilter(wanted)
