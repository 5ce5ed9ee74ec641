# mypy: ignore-errors
"""The users stage as the Faust tutorial would have it: records, an agent, a table, one event at a time.

For comparison only. Run it as any Faust app:

    BENCH_BROKER=127.0.0.1:9092 BENCH_TOPIC=groupbeat-events python bench/idiomatic_faust_app.py worker -l info

With BENCH_EVENTS=N it stops after N events and prints {"events": N, "seconds": ..., "cpu_seconds": ...}, from
the first event to the last row in the table `users` of an embedded ClickHouse. It imports nothing of groupbeat.
It does less than groupbeat does: no checking of events, no duplicates, no table of events, no transitions.
"""

import json
import os
import resource
import shutil
import sys
import tempfile
import time
import uuid
from datetime import datetime

import clickhouse_connect
import faust

TOPIC = os.environ.get("BENCH_TOPIC", "groupbeat-events")
EVENTS = int(os.environ.get("BENCH_EVENTS", "0"))
# A name of its own for every measured run: it reads from the start, with an empty table.
NAME = f"idiomatic-{uuid.uuid4().hex[:8]}" if EVENTS else "idiomatic"

WEIGHTS = {"view": 0.2, "join": 1.0, "post": 2.0, "share": 3.0, "purchase": 5.0}
HALF_LIFE_S = 7 * 86_400
DAY_S = 86_400

app = faust.App(
    NAME,
    broker=f"kafka://{os.environ.get('BENCH_BROKER', '127.0.0.1:9092')}",
    value_serializer="json",
    store="memory://",
    datadir=os.path.join(tempfile.gettempdir(), f"{NAME}-data"),
    consumer_auto_offset_reset="earliest",
    topic_partitions=int(os.environ.get("BENCH_PARTITIONS", "4")),
    topic_disable_leader=True,
    web_enabled=False,
    worker_redirect_stdouts=False,
)


class Action(faust.Record, serializer="json"):
    event_id: str
    action: str
    group_id: str
    user_id: str
    occurred_at: str
    community_id: str = "default"


class Person(faust.Record, serializer="json"):
    user_id: str
    community_id: str
    first_at: float
    last_at: float
    joins: int = 0
    posts: int = 0
    shares: int = 0
    leaves: int = 0
    purchases: int = 0
    views: int = 0
    score: float = 0.0
    segment: str = "new"


events_topic = app.topic(TOPIC, value_type=Action)
users_topic = app.topic(f"{NAME}-users", value_type=Person)
people = app.Table("people")


def segment_of(person: Person, now: float) -> str:
    if now - person.first_at < 7 * DAY_S:
        return "new"
    if person.score >= 12:
        return "core"
    return "active" if person.score >= 1 else "silent"


def absorb(person: Person, event: Action, at: float) -> None:
    counter = event.action + "s"
    setattr(person, counter, getattr(person, counter) + 1)
    later = max(at, person.last_at)
    person.score *= 0.5 ** ((later - person.last_at) / HALF_LIFE_S)
    person.score += WEIGHTS.get(event.action, 0.0)
    person.last_at = later
    person.segment = segment_of(person, later)


done = 0
inserted = 0
started = None
client = clickhouse_connect.get_client(interface="chdb", path=os.path.join(tempfile.gettempdir(), f"{NAME}-clickhouse"))
client.command(
    "CREATE TABLE users (user_id String, community_id LowCardinality(String), first_at Float64, last_at Float64, "
    "joins UInt32, posts UInt32, shares UInt32, leaves UInt32, purchases UInt32, views UInt32, score Float64, "
    "segment LowCardinality(String), version UInt64) "
    "ENGINE = ReplacingMergeTree(version) ORDER BY (community_id, user_id)"
)
COLUMNS = [*Person._options.fields, "version"]


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@app.agent(events_topic)
async def users(stream):
    global done, started
    await users_topic.maybe_declare()  # brokers rarely create topics by themselves
    async for event in stream:
        if started is None:
            started = time.perf_counter(), cpu_seconds()
        at = datetime.fromisoformat(event.occurred_at).timestamp()
        key = f"{event.community_id}/{event.user_id}"
        person = people.get(key)
        if person is None:
            person = Person(
                user_id=event.user_id, community_id=event.community_id, first_at=at, last_at=at
            )
        absorb(person, event, at)
        people[key] = person
        await users_topic.send(key=key, value=person)
        done += 1


@app.agent(users_topic)
async def sink(stream):
    """The results land in ClickHouse, as groupbeat's do: batches, the newest row of a person wins."""
    global inserted
    async for batch in stream.take(10_000, within=1.0):
        rows = [[*person.asdict().values(), inserted + i] for i, person in enumerate(batch)]
        client.insert("users", rows, column_names=COLUMNS)
        inserted += len(batch)
        if EVENTS and inserted >= EVENTS:
            report()


def report() -> None:
    seconds, cpu = time.perf_counter() - started[0], cpu_seconds() - started[1]
    print(json.dumps({"events": done, "seconds": seconds, "cpu_seconds": cpu}), file=sys.__stdout__, flush=True)
    shutil.rmtree(app.conf.datadir, ignore_errors=True)
    os._exit(0)  # measured; how long a worker takes to stop is not the question


if __name__ == "__main__":
    app.main()
