"""The oracle: what intake and the lifecycle ladder must give, worked out again from the log.

Plain Python, written from docs/lifecycle.md and nothing else, for clarity and not for speed. It shares no
code with the stages but the contract (`schemas.events`) and the thresholds (`schemas.rules`).

    judged = judge(records)
    users, transitions = people(judged.with_clocks(), final_clock_ms)
    assert not compare(transitions, rows_of_clickhouse, ("community_id", "user_id"))
"""

from tests.oracle.compare import compare
from tests.oracle.intake import Counts, Judged, LogRecord, judge
from tests.oracle.people import people

__all__ = ["Counts", "Judged", "LogRecord", "compare", "judge", "people"]
