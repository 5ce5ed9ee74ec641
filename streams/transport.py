"""A Faust transport that hands out batches: one Faust message for each fetched batch of a partition.

Faust gives an agent single messages, 12,600 a second with no work at all; a batch costs it no more than a
message does. Registered for URLs ``groupbeat://HOST:PORT``. The topics that an app names in its attribute
`BATCH_TOPICS` come in batches; changelogs and Faust's own topics keep the ordinary way. What differs, and
why, is at each method.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import faust
from aiokafka.consumer import fetcher
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.record import MemoryRecords
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.records import Records, parse

BATCH_TOPICS = "groupbeat_batch_topics"
"""The attribute of a Faust app that holds the names of its batch topics."""
BATCH_RECORDS = 20_000
"""About so many records at once: a tenth of a second's work, in which nothing else is answered."""
FRESH_MS = 4_000
"""A fetch is answered at least every 1.5 s, unless the broker is away or we are busy."""


class BatchSchema(faust.Schema[Any, Any]):
    """Hands the batch over as it is: `streams.records.Records`."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """No key: the records have their own."""
        return None

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """The records."""
        return message.value


class BatchTopics(frozenset[str]):
    """Marks a consumer of ours: what is fetched of these topics stays as it came, see `streams.records`."""


class FetchedBytes:
    """In place of aiokafka's ``MemoryRecords``: makes one only where records are wanted one by one."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._parsed: MemoryRecords | None = None

    def __getattr__(self, name: str) -> Any:
        if self._parsed is None:
            self._parsed = MemoryRecords(self.raw)
        return getattr(self._parsed, name)


class PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """What was fetched of a partition: of a batch topic one `Records`, else one record after another."""

    def __init__(
        self, tp: TP, fetched: FetchedBytes, aborted: Any, offset: int, key: Any, *rest: Any
    ) -> None:
        self._whole = isinstance(key, BatchTopics) and tp.topic in key
        super().__init__(tp, fetched, aborted, offset, None if isinstance(key, BatchTopics) else key, *rest)

    def _unpack_records(self) -> Iterator[Any]:
        if not self._whole:
            yield from super()._unpack_records()
            return
        start: int = self.next_fetch_offset
        for records in parse(self._records.raw, start).pieces(BATCH_RECORDS):
            self.next_fetch_offset: int = records.end
            yield records


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's thread around aiokafka's consumer, made one of ours."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # The one argument of aiokafka's that reaches `PartitionRecords`; other consumers are not affected.
        consumer._key_deserializer = BatchTopics(getattr(self.app, BATCH_TOPICS))
        fetcher.PartitionRecords, fetcher.MemoryRecords = PartitionRecords, FetchedBytes
        return consumer


class Consumer(driver.Consumer):
    """Fetches batches; its offsets are committed by the stages, not by counting acknowledgements."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 Faust's signature
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """As Faust's, but one message for the whole batch of a partition of a batch topic.

        The message carries the last offset of its batch and the generation in which it was fetched: without
        that the stream drops it in silence.
        """
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            await self._seek_back()
            return
        batch_topics = getattr(self.app, BATCH_TOPICS)
        for tp, batch in records.items():
            if active is not None and tp not in active and tp not in self._buffered_partitions:
                continue
            if tp.topic not in batch_topics:
                for record in batch:
                    if self._changed(generation):
                        return
                    yield tp, self._to_message(tp, record)
            else:
                for found in batch:
                    if self._changed(generation):
                        return
                    yield tp, self._batch_message(tp, found)

    def _changed(self, generation: int) -> bool:
        return not self.flow_active or self.app.consumer_generation_id != generation

    async def _seek_back(self) -> None:
        # Fetched while a rebalance stopped the flow: forget it and start over from what is committed.
        try:
            await self.perform_seek()
        except Exception as error:  # Faust does the same: the rebalance seeks again when it ends.
            self.log.warning("seek while the flow is stopped: %r", error)

    def _batch_message(self, tp: TP, records: Records) -> ConsumerMessage:
        value: Any = records
        headers: Any = ()
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            max(records.start, records.end - 1),
            0.0,
            0,
            headers,
            None,
            value,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: a batch is one message with the offset of its last record, so gaps are the rule."""
        if tp.topic not in getattr(self.app, BATCH_TOPICS):
            await super()._add_gap(tp, offset_from, offset_to)

    def end_offset(self, tp: TP) -> int | None:
        """The offset that the next record gets, as of the last fetch; None when that is too long ago."""
        consumer = self._thread._ensure_consumer()
        partition = TopicPartition(tp.topic, tp.partition)
        if partition not in consumer.assignment():
            return None
        fetched_ms = consumer.last_poll_timestamp(partition)
        if fetched_ms is None or time.time() * 1000 - fetched_ms > FRESH_MS:
            return None
        end: int | None = consumer.highwater(partition)
        return end

    async def commit_offset(self, tp: TP, next_offset: int) -> bool:
        """Commit an offset whose checkpoint is durable; False when the partition is no longer ours."""
        if tp not in self.assignment():
            return False
        # aiokafka refuses an offset of a generation that has passed: this fences a worker that stalled.
        committed: bool = await self._thread.call_thread(self._commit_now, tp, next_offset)
        if committed:
            self._committed_offset[tp] = next_offset
        return committed

    async def _commit_now(self, tp: TP, next_offset: int) -> bool:
        consumer = self._thread._ensure_consumer()
        offsets = {TopicPartition(tp.topic, tp.partition): OffsetAndMetadata(next_offset, "")}
        try:
            await consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError):
            return False
        return True


class Transport(driver.Transport):
    """See the module."""

    Consumer = Consumer
