"""The open alerts of groups as metrics."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.group_tables import ALERT_RULES
from streams.alerts import AlertCollector, OpenAlerts

Alert = tuple[str, str, str]

RULES = list(ALERT_RULES)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
ALERTS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("123456"), st.sampled_from(RULES[:3])))


def partition(*alerts: Alert, **watched: int) -> OpenAlerts:
    """Those alerts open, and so many groups watched in each community."""
    silent = [community for community, _, rule in alerts if rule == "group_silence"]
    return OpenAlerts(alerts, watched, {community: silent.count(community) for community in silent})


def scraped(limit: int, *partitions: OpenAlerts) -> CollectorRegistry:
    registry = CollectorRegistry()
    collector = AlertCollector(limit)
    registry.register(collector)
    for number, alerts in enumerate(partitions):
        collector.watch("groups", number, lambda alerts=alerts: alerts)  # type: ignore[misc]
    return registry


def shown(registry: CollectorRegistry) -> list[Alert]:
    return [
        (s.labels["community_id"], s.labels["group_id"], s.labels["rule"])
        for metric in registry.collect()
        for s in metric.samples
        if s.name == "groupbeat_alert_active"
    ]


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"groupbeat_{name}", labels)


@pytest.mark.parametrize("rule", RULES)
def test_an_open_alert_is_a_one_with_the_severity_of_its_rule(rule: str) -> None:
    registry = scraped(10, partition(("runners", "g1", rule)))
    labels = {"rule": rule, "community_id": "runners", "group_id": "g1", "severity": ALERT_RULES[rule]}
    assert value(registry, "alert_active", content_id="", **labels) == 1
    assert len(shown(registry)) == 1


def test_an_alert_about_a_content_names_it() -> None:
    alert = ("runners", "g1", "explosive_content", "c-7")
    labels = {"rule": "explosive_content", "community_id": "runners", "group_id": "g1", "content_id": "c-7"}
    registry = scraped(10, OpenAlerts([alert]))
    assert value(registry, "alert_active", severity="info", **labels) == 1
    assert len(shown(registry)) == 1


def test_with_nothing_open_each_rule_left_none_out() -> None:
    registry = scraped(10)
    assert shown(registry) == []
    assert [value(registry, "alerts_left_out", rule=rule) for rule in RULES] == [0] * len(RULES)


def test_the_limit_is_one_rules_over_all_partitions() -> None:
    registry = scraped(
        2,
        partition(("b", "1", "monologue"), ("a", "9", "monologue"), ("a", "9", "group_quiet")),
        partition(("a", "10", "monologue"), ("c", "1", "monologue")),
    )
    assert sorted(shown(registry)) == [
        ("a", "10", "monologue"),
        ("a", "9", "group_quiet"),
        ("a", "9", "monologue"),
    ]
    assert value(registry, "alerts_left_out", rule="monologue") == 2
    assert value(registry, "alerts_left_out", rule="group_quiet") == 0


@given(ALERTS.map(lambda found: list(dict.fromkeys(found))), st.integers(0, 4), st.randoms())
def test_the_same_are_shown_whichever_partition_has_them(
    alerts: list[Alert], limit: int, random: Random
) -> None:
    def split(found: Sequence[Alert]) -> tuple[OpenAlerts, OpenAlerts]:
        middle = len(found) // 2
        return partition(*found[:middle]), partition(*found[middle:])

    expected = shown(scraped(limit, *split(alerts)))
    assert len(expected) == sum(min(limit, [a[2] for a in alerts].count(rule)) for rule in RULES)
    random.shuffle(alerts)
    assert shown(scraped(limit, *split(alerts))) == expected


def test_communities_are_summed_over_partitions() -> None:
    registry = scraped(
        10,
        partition(("runners", "g1", "group_silence"), runners=3, cooks=2),
        partition(("runners", "g2", "group_silence"), ("runners", "g2", "group_quiet"), runners=1),
    )
    assert value(registry, "groups_watched", community_id="runners") == 4
    assert value(registry, "groups_silent", community_id="runners") == 2
    assert value(registry, "groups_watched", community_id="cooks") == 2
    assert value(registry, "groups_silent", community_id="cooks") == 0


def test_sources_are_asked_at_each_scrape_until_forgotten() -> None:
    registry = CollectorRegistry()
    collector = AlertCollector(10)
    registry.register(collector)
    alerts = [partition(("a", "1", "spam_burst"), a=1)]
    collector.watch("groups", 0, lambda: alerts[-1])
    collector.watch("groups", 1, lambda: partition(("b", "2", "spam_burst"), b=1))
    assert shown(registry) == [("a", "1", "spam_burst"), ("b", "2", "spam_burst")]
    alerts.append(partition(a=1))
    assert shown(registry) == [("b", "2", "spam_burst")]
    collector.watch(
        "groups", 0, lambda: partition(("a", "3", "spam_burst"), a=5)
    )  # another reducer, restored
    assert shown(registry) == [("a", "3", "spam_burst"), ("b", "2", "spam_burst")]
    assert value(registry, "groups_watched", community_id="a") == 5
    collector.forget("groups", 0)
    collector.forget("groups", 0)
    assert shown(registry) == [("b", "2", "spam_burst")]
    assert value(registry, "groups_watched", community_id="a") is None


def test_registering_asks_no_source() -> None:
    def source() -> OpenAlerts:
        raise AssertionError("asked")

    collector = AlertCollector(10)
    collector.watch("groups", 0, source)
    registry = CollectorRegistry()
    registry.register(collector)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(AlertCollector(10))
    assert [metric.name for metric in collector.describe()] == [
        metric.name for metric in AlertCollector(10).collect()
    ]


@given(ANY_TEXT, ANY_TEXT)
def test_ids_of_any_text_come_back_from_the_page(community: str, group: str) -> None:
    assert_comes_back(community, group)


@pytest.mark.parametrize(
    "text", ['a"b', "a\nb", "a\\b", "a\\nb", 'a\\"b', "\\", "\n", '"', "a\r\nb", "{},= #", "", "群组 🏃"]
)
def test_ids_with_signs_of_the_format_come_back_from_the_page(text: str) -> None:
    assert_comes_back(text, "g1")
    assert_comes_back("runners", text)


def assert_comes_back(community: str, group: str) -> None:
    """What the page says of an alert, read again, is of that community and group."""
    open_alert = OpenAlerts([(community, group, "group_silence")], {community: 2}, {community: 1})
    page = generate_latest(scraped(10, open_alert)).decode()
    found = {
        (s.name, s.labels.get("community_id"), s.labels.get("group_id"), s.value)
        for metric in text_string_to_metric_families(page)
        for s in metric.samples
        if s.name != "groupbeat_alerts_left_out"
    }
    assert found == {
        ("groupbeat_alert_active", community, group, 1),
        ("groupbeat_groups_watched", community, None, 2),
        ("groupbeat_groups_silent", community, None, 1),
    }
