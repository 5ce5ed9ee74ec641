"""The open alerts of groups as metrics, made when scraped: no gauge to set, so none to forget.

An alert that is open is a series with the value 1; one that resolved has none. A series costs Prometheus
memory, and how many alerts open depends on thresholds: of each rule at most `limit` are shown, and how many
were left out is a metric, too. What is made of them is in ``dashboards/prometheus/``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import NamedTuple, Protocol, runtime_checkable

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from schemas.group_tables import ALERT_RULES


class GroupAlerts(NamedTuple):
    """What the groups of one partition have to tell."""

    open: Sequence[tuple[str, str, str]]
    """Each open alert: community_id, group_id, rule."""
    watched: Mapping[str, int]
    """Of each community, how many groups have a deadline of silence, whether it has passed or not."""
    silent: Mapping[str, int]
    """Of each community, how many of these have `group_silence` open."""


@runtime_checkable
class AlertSource(Protocol):
    """A reducer that knows of alerts."""

    def alerts(self) -> GroupAlerts:
        """Those of its partition, as of now."""
        ...


class AlertCollector:
    """A collector for a prometheus_client registry, over all partitions that this worker has.

    `limit` is the most alerts of one rule that are shown: the first by (community_id, group_id), so that they
    are the same at each scrape.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sources: dict[int, Callable[[], GroupAlerts]] = {}

    def watch(self, partition: int, source: Callable[[], GroupAlerts]) -> None:
        """From now on ask `source` for the alerts of a partition, at each scrape."""
        self._sources[partition] = source

    def forget(self, partition: int) -> None:
        """The partition is no longer ours, if it ever was."""
        self._sources.pop(partition, None)

    def describe(self) -> Iterator[Metric]:
        """The metrics without their values: registering asks no source."""
        return iter(_families())

    def collect(self) -> Iterator[Metric]:
        """The metrics as of now."""
        active, left_out, watched, silent = _families()
        groups: dict[str, list[tuple[str, str]]] = {rule: [] for rule in ALERT_RULES}
        watched_of: Counter[str] = Counter()
        silent_of: Counter[str] = Counter()
        for source in self._sources.values():
            found = source()
            for community_id, group_id, rule in found.open:
                groups[rule].append((community_id, group_id))
            watched_of.update(found.watched)
            silent_of.update(found.silent)
        for rule, severity in ALERT_RULES.items():
            for community_id, group_id in nsmallest(self._limit, groups[rule]):
                active.add_metric((rule, community_id, group_id, severity), 1)
            left_out.add_metric((rule,), max(0, len(groups[rule]) - self._limit))
        for community_id, count in watched_of.items():
            watched.add_metric((community_id,), count)
            silent.add_metric((community_id,), silent_of[community_id])
        yield from (active, left_out, watched, silent)


def _families() -> tuple[GaugeMetricFamily, ...]:
    return (
        GaugeMetricFamily(
            "groupbeat_alert_active", "1 for each open alert",
            labels=("rule", "community_id", "group_id", "severity"),
        ),
        GaugeMetricFamily("groupbeat_alerts_left_out", "Open alerts beyond the limit", labels=("rule",)),
        GaugeMetricFamily(
            "groupbeat_groups_watched", "Groups with a deadline of silence", labels=("community_id",)
        ),
        GaugeMetricFamily(
            "groupbeat_groups_silent", "Groups with group_silence open", labels=("community_id",)
        ),
    )  # fmt: skip
