"""The command line: ``groupbeat --help``. The commands are in ``streams/commands/``."""

from __future__ import annotations

import time

from streams.commands.base import app

# isort: off
from streams.commands import running, events, reading, rules

# isort: on

__all__ = ["app", "events", "main", "reading", "rules", "running"]  # --help tells them as they are imported


def main() -> None:
    """The console script."""
    time.tzset()
    app()


if __name__ == "__main__":
    main()
