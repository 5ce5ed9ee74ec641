"""The pipeline: is everything up, how far behind is it, and is anything refused or lost? From Prometheus."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.source import thresholds
from dashboards.source.page import page
from dashboards.source.panels import Bars, Question, series_panel, stat_panel, table_panel
from dashboards.source.targets import PromQL, Sql
from dashboards.source.thresholds import alert_bar, care_below, care_from

_LOST = "groupbeat_lost_records_total"
_LOST_ROWS = "groupbeat_sink_lost_messages_total"


def _now(title: str, about: str, expr: str, unit: str, bars: Bars, width: int = 4) -> Question:
    return Question(title, about, PromQL(expr, instant=True), unit, bars, width=width, height=5)


def _trend(title: str, about: str, expr: str, legend: str, unit: str, bars: Bars | None = None) -> Question:
    return Question(title, about, PromQL(expr, legend), unit, bars or thresholds.none(), width=8)


_NOW = (
    _now(
        "How many processes are down?",
        "Workers and sinks that Prometheus can't reach. Runbook: GroupbeatWorkerDown, GroupbeatSinkDown.",
        'sum(1 - up{job=~"groupbeat-worker|groupbeat-sink"})',
        "short",
        care_from(1),
    ),
    _now(
        "How many partitions does no worker read?",
        "Read within 6 hours, and now by none. Runbook: GroupbeatPartitionUnread.",
        "sum(groupbeat:partitions_missing) or vector(0)",
        "short",
        care_from(1),
    ),
    _now(
        "How many stages are behind?",
        "By their clock or by the work that waits. Runbook: GroupbeatBehind.",
        "count(groupbeat:pipeline_behind) or vector(0)",
        "short",
        care_from(1),
    ),
    _now(
        "Are alerts about groups held back?",
        "1: while the pipeline is behind none opens and none resolves. docs/alerts.md.",
        "clamp_max(sum(groupbeat:alerts_frozen), 1) or vector(0)",
        "short",
        care_from(1),
    ),
    _now(
        "Is the sink at work?",
        "1: it inserts, or has nothing to. Else it starts, retries or has stopped. Runbook: "
        "GroupbeatSinkRetrying, GroupbeatSinkNotWorking.",
        'min(groupbeat_sink_state{state="ok"})',
        "short",
        care_below(1),
    ),
    _now(
        "How much was lost in the last hour?",
        "Records and messages of rows that retention deleted before they were read. Runbook: "
        "GroupbeatRecordsLost, GroupbeatRowsLost.",
        f"(sum(increase({_LOST}[1h])) or vector(0)) + (sum(increase({_LOST_ROWS}[1h])) or vector(0))",
        "short",
        care_from(1),
    ),
)

_TRENDS = (
    _trend(
        "How long does the work that waits take?",
        "The lag of each stage at the pace of the last 5 minutes. Runbook: GroupbeatBehind.",
        "groupbeat:lag_seconds",
        "{{stage}}",
        "s",
        care_from(alert_bar("groupbeat:pipeline_behind", "groupbeat:lag_seconds")),
    ),
    _trend(
        "How many records wait for each stage?",
        "Records in the log that are not absorbed yet, all partitions. Runbook: GroupbeatLagGrowing.",
        "groupbeat:lag_records:sum",
        "{{stage}}",
        "short",
    ),
    _trend(
        "How old are the clocks?",
        "Wall clock less the oldest stream clock of each stage behind intake: seconds in a live system. "
        "Runbook: GroupbeatBehind, GroupbeatClockStuck.",
        "groupbeat:clock_age_seconds:max",
        "{{stage}}",
        "s",
        care_from(alert_bar("groupbeat:pipeline_behind", "groupbeat:clock_age_seconds:max")),
    ),
    _trend(
        "How long ago was the last checkpoint?",
        "The oldest of each stage; it also grows where there is nothing to commit. Runbook: "
        "GroupbeatCommitsStalled.",
        "max by (stage) (groupbeat_checkpoint_age_seconds)",
        "{{stage}}",
        "s",
        care_from(alert_bar("GroupbeatCommitsStalled", "groupbeat_checkpoint_age_seconds")),
    ),
    _trend(
        "How long does a checkpoint take?",
        "The mean of each stage. Runbook: GroupbeatCheckpointsSlow.",
        "sum by (stage) (rate(groupbeat_checkpoint_seconds_sum[$__rate_interval]))"
        " / sum by (stage) (rate(groupbeat_checkpoint_seconds_count[$__rate_interval]))",
        "{{stage}}",
        "s",
        care_from(alert_bar("GroupbeatCheckpointsSlow", "groupbeat_checkpoint_seconds_count[10m]))")),
    ),
    _trend(
        "How much do checkpoints write?",
        "Bytes a second to the changelogs, by stage.",
        "sum by (stage) (rate(groupbeat_checkpoint_bytes_total[$__rate_interval]))",
        "{{stage}}",
        "Bps",
    ),
    _trend(
        "How many events come in?",
        "Events a second that intake judged, by what became of them.",
        'sum by (outcome) (rate(groupbeat_events_total{stage="intake"}[$__rate_interval]))',
        "{{outcome}}",
        "eps",
    ),
    _trend(
        "Which share of events is refused?",
        "Of the events of 15 minutes. Refused ones are in the table rejected, with the reason. Runbook: "
        "GroupbeatManyRejected.",
        'sum(groupbeat:intake_events:increase15m{outcome="rejected"})'
        ' / sum(groupbeat:intake_events:increase15m{outcome=~"accepted|rejected|duplicate"})',
        "refused",
        "percentunit",
        care_from(alert_bar("GroupbeatManyRejected", 'outcome=~"accepted|rejected|duplicate"})')),
    ),
    _trend(
        "How many records does each stage absorb?",
        "Records a second, all partitions of the stage together.",
        "sum by (stage) (rate(groupbeat_records_total[$__rate_interval]))",
        "{{stage}}",
        "recps",
    ),
    _trend(
        "How far is the sink behind?",
        "Messages whose rows are not in ClickHouse yet: as long as it is above 0 the other dashboards "
        "show the past. Runbook: GroupbeatSinkBehind.",
        "sum(groupbeat_sink_lag)",
        "messages",
        "short",
    ),
    _trend(
        "How many rows does the sink insert?",
        "Rows a second, by table.",
        "sum by (table) (rate(groupbeat_sink_rows_total[$__rate_interval]))",
        "{{table}}",
        "rowsps",
    ),
    _trend(
        "How long does an insert take?",
        "The 95th percentile, until ClickHouse has answered.",
        "histogram_quantile(0.95, sum by (le) "
        "(rate(groupbeat_sink_insert_seconds_bucket[$__rate_interval])))",
        "95 %",
        "s",
    ),
)

_RECEIPTS = Question(
    "Does the receipt of each stage balance?",
    "consumed = accepted + rejected + duplicate, partition by partition; off_by is 0 where it does. View "
    "receipts.",
    Sql("""
SELECT
    toString(stage) AS stage,
    partition,
    consumed,
    accepted,
    rejected,
    duplicate,
    toInt64(consumed) - toInt64(accepted) - toInt64(rejected) - toInt64(duplicate) AS off_by,
    clock
FROM receipts
ORDER BY stage, partition
"""),
    "short",
)

_REJECTED = Question(
    "Why were messages refused, and what is wrong with them?",
    "Messages of the time range, by reason and error; `groupbeat replay-rejected` sends them again. Table "
    "rejected.",
    Sql("""
SELECT toString(reason) AS reason, error, count() AS messages, max(_ingested_at) AS latest
FROM rejected
WHERE $__timeFilter(_ingested_at)
GROUP BY reason, error
ORDER BY messages DESC, reason, error
LIMIT 100
"""),
    "short",
)


def dashboard() -> Dashboard:
    """The dashboard."""
    return page(
        "pipeline",
        "pipeline",
        "Is everything up, how far behind is it, and is anything refused or lost?",
        [
            *(stat_panel(question) for question in _NOW),
            *(series_panel(question) for question in _TRENDS),
            table_panel(_RECEIPTS),
            table_panel(_REJECTED),
        ],
        since="now-6h",
        refresh="30s",
    )
