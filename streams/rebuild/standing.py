"""What the database says of itself: who filled it, how far the stages had come, whether all of it is in."""

from __future__ import annotations

from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from schemas.table import position
from schemas.tables import TABLES
from sinks.errors import SinkError

REBUILT = ("segment_transitions", "medals", "users")
"""The tables of the people stage."""

_DRAIN = (
    "start worker and sink, wait until nothing is left, stop the worker, then the sink, and run this again"
)

Counts = dict[tuple[str, int], tuple[int, int]]


@dataclass(frozen=True)
class Standing:
    """How far the stages had come. Two of these are equal when nothing was inserted in between."""

    from_kafka: bool
    accepted: Counts
    """(stage, partition) -> events accepted, next offset: the receipts."""
    events: dict[str, tuple[int, int]]
    """`_partition` -> rows of `events`, highest position."""
    reached_ms: int
    """The latest clock of the people stage."""

    @property
    def total(self) -> int:
        """How many events there are."""
        return sum(count for count, _ in self.events.values())

    def partitions(self, stage: str) -> int:
        """How many input partitions a stage has."""
        return 1 + max((number for name, number in self.accepted if name == stage), default=-1)

    def next_offsets(self, stage: str) -> dict[int, int]:
        """From where a stage goes on in each of its partitions."""
        return {n: self.accepted.get((stage, n), (0, 0))[1] for n in range(self.partitions(stage))}


def standing(client: Client) -> Standing:
    """Read it. Raises `SinkError` when there is nothing to rebuild from, or not all of it is in."""
    filled_by = client.query("SELECT identity FROM log_identity WHERE name = 'cluster'").result_rows
    receipts = client.query(
        "SELECT stage, partition, accepted, next_offset, toUnixTimestamp64Milli(clock) FROM receipts"
    ).result_rows
    rows = client.query(
        "SELECT _partition, count(), max(_position) FROM events GROUP BY _partition"
    ).result_rows
    found = Standing(
        [identity for (identity,) in filled_by] != ["replay"],
        {(stage, number): (accepted, at) for stage, number, accepted, at, _ in receipts},
        {name: (count, highest) for name, count, highest in rows},
        max((clock for stage, *_, clock in receipts if stage == "users"), default=-1),
    )
    if not found.events:
        raise SinkError("the database has no events yet: there is nothing to rebuild from")
    for name in found.events.keys() | {f"intake/{n}" for stage, n in found.accepted if stage == "intake"}:
        stage, _, number = name.partition("/")
        accepted, _ = found.accepted.get((stage, int(number)), (0, 0))
        count, _ = found.events.get(name, (0, 0))
        if accepted != count:
            raise SinkError(
                f"not everything is in the database: of {name} the receipt says {accepted:,} events, and the "
                f"table events has {count:,}: {_DRAIN}"
            )
    return found


def check_fences(client: Client, next_offsets: dict[int, int]) -> None:
    """Whether every row of the people stage is from before these offsets. Raises `SinkError`."""
    for name in REBUILT:
        if TABLES[name].kind != "log":
            continue
        sql = f"SELECT _partition, max(_position) FROM {name} GROUP BY _partition"  # noqa: S608 our own names
        for partition, highest in client.query(sql).result_rows:
            number = int(partition.rpartition("/")[2])
            if highest >= position(next_offsets.get(number, 0)):
                raise SinkError(
                    f"{name} has rows of {partition} from beyond the end of its log: was the topic "
                    "actions-by-user made anew, or is this another topic prefix?"
                )
