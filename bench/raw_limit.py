"""The limit: read a topic and decode each event, in one process, and do nothing else.

What a stage adds to this is what it costs.
"""

from __future__ import annotations

import argparse
import asyncio

import msgspec
from aiokafka import AIOKafkaConsumer

from bench._measure import Result, Stopwatch
from schemas.fast import DECODER
from streams.connection import aiokafka_config
from streams.settings import Settings


async def read(settings: Settings, topic: str, events: int) -> Result:
    """Wall and CPU time for the first `events` events of a topic, from the first fetch on.

    Messages that are not events are counted too. Raises `TimeoutError` when nothing comes for 10 s.
    """
    consumer = AIOKafkaConsumer(
        topic, auto_offset_reset="earliest", enable_auto_commit=False, **aiokafka_config(settings)
    )
    decode = DECODER.decode
    await consumer.start()  # without a group it reads all partitions, each from its start
    try:
        watch = Stopwatch()
        done = 0
        while done < events:
            batches = await consumer.getmany(timeout_ms=10_000)
            if not batches:
                raise TimeoutError(f"{topic} has {done} events, {events} were asked for")
            for records in batches.values():
                for record in records:
                    try:
                        decode(record.value)
                    except msgspec.DecodeError:
                        continue
                done += len(records)
        return watch.result(done)
    finally:
        await consumer.stop()


def main() -> None:
    """Print one line of JSON: events, seconds, cpu_seconds, and what follows from them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--broker", default="127.0.0.1:9092")
    parser.add_argument("--topic", default="groupbeat-events")
    parser.add_argument("--events", type=int, required=True)
    chosen = parser.parse_args()
    print(asyncio.run(read(Settings(broker=chosen.broker), chosen.topic, chosen.events)).json())


if __name__ == "__main__":
    main()
