"""The rebuilt state as checkpoints in the changelog topic, for the worker to go on from.

What the people stage's log holds up to its end is in that state: its actions, since all events are, and its
notes, since they were made anew. So it goes on at the end of the log, and takes notes that are written then.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka import errors as aiokafka_errors

from streams.checkpoint import Checkpoints, Item
from streams.connection import aiokafka_config, explain
from streams.settings import Settings
from streams.stage import Reducer
from streams.topics import PACKED_BYTES, changelog_topic

MANIFEST = b"manifest/"
SEND_TIMEOUT_MS = 60_000


class Changelog:
    """The changelog topic of a stage, without Faust. See `streams.checkpoint.BlockStore`.

    Manifests are held back until `publish`: until then nothing says that the blocks are there. An async
    context manager. Raises `KafkaError`.
    """

    def __init__(self, settings: Settings, stage: str, partitions: int) -> None:
        self._address = settings.broker
        self._config = aiokafka_config(settings)
        self._topic = changelog_topic(settings, stage)
        self._partitions = partitions
        self._found: dict[int, dict[bytes, bytes]] = {number: {} for number in range(partitions)}
        self._manifests: list[tuple[int, Item]] = []
        self._producer: Any = None

    async def __aenter__(self) -> Changelog:
        self._producer = AIOKafkaProducer(
            **self._config,
            client_id="groupbeat-rebuild",
            acks="all",
            enable_idempotence=True,
            max_request_size=PACKED_BYTES,
            request_timeout_ms=SEND_TIMEOUT_MS,
        )
        try:
            await self._producer.start()
            await self._read()
        except aiokafka_errors.KafkaError as error:
            await self._producer.stop()
            raise explain(error, self._address, self._config) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def put(self, partition: int, items: Sequence[Item]) -> None:
        """See `BlockStore`; but a manifest waits for `publish`."""
        held = [(partition, item) for item in items if item[0].startswith(MANIFEST) and item[1] is not None]
        self._manifests += held
        await self._send([(partition, item) for item in items if (partition, item) not in held])

    def take(self, partition: int) -> dict[bytes, bytes]:
        """The keys that are there; nobody needs their values."""
        return self._found[partition]

    async def publish(self) -> None:
        """Send the manifests, all at once: from now on this is the state."""
        await self._send(self._manifests)
        self._manifests = []

    async def _send(self, items: Sequence[tuple[int, Item]]) -> None:
        try:
            sent = [
                await self._producer.send(self._topic, value, b"%d|" % partition + key, partition=partition)
                for partition, (key, value) in items
            ]
            await asyncio.gather(*sent)
        except aiokafka_errors.KafkaError as error:
            raise explain(error, self._address, self._config) from error

    async def _read(self) -> None:
        """Which keys there are: the last value of a key counts, and null deletes it."""
        consumer = AIOKafkaConsumer(
            **self._config, enable_auto_commit=False, max_partition_fetch_bytes=PACKED_BYTES
        )
        await consumer.start()
        try:
            parts = [TopicPartition(self._topic, number) for number in range(self._partitions)]
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            ends = await consumer.end_offsets(parts)
            while [part for part in parts if await consumer.position(part) < ends[part]]:
                for part, records in (await consumer.getmany(timeout_ms=1000)).items():
                    self._note(part.partition, records)
        finally:
            await consumer.stop()

    def _note(self, partition: int, records: Sequence[Any]) -> None:
        found = self._found[partition]
        prefix = b"%d|" % partition
        for record in records:
            key = (record.key or b"").removeprefix(prefix)
            if record.value is None:
                found.pop(key, None)
            else:
                found[key] = b""


class _Anew(Checkpoints):
    """Checkpoints that begin with nothing, after all that were there: those are only deleted, by `clean`."""

    def restore(self) -> None:
        found = self.store.take(self.partition)
        numbers = [int(key[len(MANIFEST) :].split(b"-")[0], 16) for key in found if key.startswith(MANIFEST)]
        self._incarnations = [f"{1 + max(numbers, default=0):08x}-{os.urandom(4).hex()}"]
        self._unused = set(found)


async def write_state(
    changelog: Changelog, reducers: Mapping[int, Reducer], next_offsets: Mapping[int, int]
) -> list[Checkpoints]:
    """Write the state of each partition, to go on at its `next_offsets`. Not in force until `publish`."""
    notes = {number: end - 1 for number, end in next_offsets.items()}
    written: list[Checkpoints] = []
    for number, reducer in reducers.items():
        checkpoints = _Anew(changelog, number, reducer.tables)
        checkpoints.restore()
        await checkpoints.write(checkpoints.changes(), next_offsets[number], _meta(reducer, notes))
        written.append(checkpoints)
    return written


def _meta(reducer: Reducer, notes: Mapping[int, int]) -> bytes:
    """The stage's own figures, with the notes that it must not take in again: all that were ever written."""
    found = msgspec.msgpack.decode(reducer.meta())
    found["absorbed_notes"] = dict(notes)
    return msgspec.msgpack.encode(found)
