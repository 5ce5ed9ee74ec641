"""Groups under other rules than before. See docs/groups.md, When rules change."""

from __future__ import annotations

import numpy as np

from streams.columnar import Keyed
from streams.compiled import compiled
from streams.groups import silence
from streams.groups.rulebook import GroupRulebook, start_of_day, zone_of
from streams.groups.state import GROUP_BLOCK


@compiled
def renew_all(groups: Keyed, book: GroupRulebook) -> None:
    """Set deadlines anew by the rules now in force, and look at every group as soon as the clock goes on."""
    for index in range(groups.size[0]):
        group = groups.rows[index]
        zone = zone_of(book, group["rules"])
        silence.renew(group["silence"], zone, book.silence[group["rules"]])
        group["close_at"] = max(np.int64(group["close_at"]), start_of_day(zone, np.int64(group["day"]) + 1))
        group["due"] = 0
        groups.dirty[index // GROUP_BLOCK] = 1
