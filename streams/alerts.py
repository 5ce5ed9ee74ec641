"""The open alerts as metrics, made when scraped: no gauge to set, so none to forget.

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

from schemas.chain_tables import CONTENT_ALERT_RULES
from schemas.group_tables import ALERT_RULES

SEVERITIES = ALERT_RULES | CONTENT_ALERT_RULES
"""Of every rule of alerts."""


class OpenAlerts(NamedTuple):
    """What the groups or contents of one partition have to tell."""

    open: Sequence[tuple[str, str, str] | tuple[str, str, str, str]]
    """Each open alert: community_id, group_id, rule; and content_id if it is about a content."""
    watched: Mapping[str, int] = {}
    """Of each community, how many groups have a deadline of silence, whether it has passed or not."""
    silent: Mapping[str, int] = {}
    """Of each community, how many of these have `group_silence` open."""


@runtime_checkable
class AlertSource(Protocol):
    """A reducer that knows of alerts."""

    def alerts(self) -> OpenAlerts:
        """Those of its partition, as of now."""
        ...


class AlertCollector:
    """A collector for a prometheus_client registry, over all partitions that this worker has.

    `limit` is the most alerts of one rule that are shown: the first by (community_id, group_id, content_id),
    so that they are the same at each scrape.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sources: dict[tuple[str, int], Callable[[], OpenAlerts]] = {}

    def watch(self, stage: str, partition: int, source: Callable[[], OpenAlerts]) -> None:
        """From now on ask `source` for the alerts of a partition of a stage, at each scrape."""
        self._sources[stage, partition] = source

    def forget(self, stage: str, partition: int) -> None:
        """The partition is no longer ours, if it ever was."""
        self._sources.pop((stage, partition), None)

    def describe(self) -> Iterator[Metric]:
        """The metrics without their values: registering asks no source."""
        return iter(_families())

    def collect(self) -> Iterator[Metric]:
        """The metrics as of now."""
        active, left_out, watched, silent = _families()
        found: dict[str, list[tuple[str, str, str]]] = {rule: [] for rule in SEVERITIES}
        watched_of: Counter[str] = Counter()
        silent_of: Counter[str] = Counter()
        for source in self._sources.values():
            alerts = source()
            for community_id, group_id, rule, *content_id in alerts.open:
                found[rule].append((community_id, group_id, content_id[0] if content_id else ""))
            watched_of.update(alerts.watched)
            silent_of.update(alerts.silent)
        for rule, severity in SEVERITIES.items():
            for which in nsmallest(self._limit, found[rule]):
                active.add_metric((rule, *which, severity), 1)
            left_out.add_metric((rule,), max(0, len(found[rule]) - self._limit))
        for community_id, count in watched_of.items():
            watched.add_metric((community_id,), count)
            silent.add_metric((community_id,), silent_of[community_id])
        yield from (active, left_out, watched, silent)


def _families() -> tuple[GaugeMetricFamily, ...]:
    return (
        GaugeMetricFamily(
            "groupbeat_alert_active", "1 for each open alert",
            labels=("rule", "community_id", "group_id", "content_id", "severity"),
        ),
        GaugeMetricFamily("groupbeat_alerts_left_out", "Open alerts beyond the limit", labels=("rule",)),
        GaugeMetricFamily(
            "groupbeat_groups_watched", "Groups with a deadline of silence", labels=("community_id",)
        ),
        GaugeMetricFamily(
            "groupbeat_groups_silent", "Groups with group_silence open", labels=("community_id",)
        ),
    )  # fmt: skip
