"""The oracle: what intake and the people stage must give, worked out again from the log.

Plain Python, written from docs/intake.md and docs/people.md and nothing else, for clarity and not for speed.
It shares no code with the stages but the contract (`schemas.events`), the thresholds (`schemas.rules`) and
what travels between stages (`schemas.actions`, `streams.packing`).

    judged = judge(records_of_events)
    logs = {partition: read(records_of_actions) for partition, records_of_actions in ...}
    people = People(judged, logs, final_clock_ms)
    assert not listed(differing(judged, people, logs, rows_of_table))
"""

from tests.oracle.compare import compare
from tests.oracle.equality import differing, listed
from tests.oracle.intake import Counts, Judged, LogRecord, judge
from tests.oracle.people import People
from tests.oracle.people_log import Entry, read

__all__ = [
    "Counts",
    "Entry",
    "Judged",
    "LogRecord",
    "People",
    "compare",
    "differing",
    "judge",
    "listed",
    "read",
]
