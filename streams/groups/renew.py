"""Groups under other rules than before. See docs/groups.md, When rules change."""

from __future__ import annotations

import numpy as np

from streams.columnar import Keyed
from streams.compiled import compiled
from streams.groups import churn, silence
from streams.groups.rulebook import GroupRulebook, start_of_day, zone_of
from streams.groups.state import CHURN_BLOCK, GROUP_BLOCK


@compiled
def renew_all(groups: Keyed, churn_rows: Keyed, falls_rows: Keyed, book: GroupRulebook) -> None:
    """Set deadlines anew by the rules now in force, and look at every group as soon as the clock goes on."""
    for index in range(groups.size[0]):
        group = groups.rows[index]
        zone = zone_of(book, group["rules"])
        silence.renew(group["silence"], zone, book.silence[group["rules"]])
        if group["churn"] > 0:
            row = np.int64(group["churn"]) - 1
            churn.renew(churn_rows.rows[row]["churn"], zone)
            churn_rows.dirty[row // CHURN_BLOCK] = 1
        if group["falls"] > 0:
            row = np.int64(group["falls"]) - 1
            churn.renew(falls_rows.rows[row]["churn"], zone)
            falls_rows.dirty[row // CHURN_BLOCK] = 1
        group["close_at"] = max(np.int64(group["close_at"]), start_of_day(zone, np.int64(group["day"]) + 1))
        group["due"] = 0
        groups.dirty[index // GROUP_BLOCK] = 1
