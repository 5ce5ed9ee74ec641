"""The people stage alone over an in-process log: actions in, rows out, and at the end its state."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.actions import BY_USER
from schemas.rules import Rules
from streams.flow import Context, Stage, stages
from streams.local import LocalLog, LocalState, LocalWorker
from streams.packing import Message, Rows
from streams.stage import Reducer

NEVER_S = float("inf")


class Recompute:
    """People who take in what they are given. `reducers` are those of each partition."""

    def __init__(self, rules: Rules, partitions: int) -> None:
        self.reducers: dict[int, Reducer] = {}
        self._made = stages(BY_USER.stage)[0]
        self._now_ms = 0
        self._log = LocalLog(partitions, lambda: self._now_ms)
        self._worker = LocalWorker(
            self._log,
            LocalState(),
            Context(rules, lambda _: partitions),
            wall_s=lambda: 0.0,
            stages=(Stage(self._made.name, self._made.input, self._make),),
            flush_s=NEVER_S,
            checkpoint_s=NEVER_S,
        )

    def _make(self, context: Context, partition: int) -> Reducer:
        self.reducers[partition] = reducer = self._made.make(context, partition)
        return reducer

    async def take(self, messages: Sequence[Message], ingested_ms: int = 0) -> list[Rows]:
        """Take messages in, and all that they make partitions write to each other; the rows of logs.

        `ingested_ms` is when the broker took the events; the rows carry the latest so far.
        """
        self._now_ms = max(self._now_ms, ingested_ms)
        await self._log.send(messages)
        await self._worker.drain()
        for source, _ in self._worker.inputs:
            for partition, offset in source.next.items():
                self._log.trim(source.topic, partition, offset)
        return self._rows()

    def _rows(self) -> list[Rows]:
        found = []
        for partition in range(self._log.partitions("rows")):
            start, end = self._log.start("rows", partition), self._log.end("rows", partition)
            records = self._log.read("rows", partition, start, end - start)
            found += [Rows.unpack(record.value or b"", record.headers) for record in records]
            self._log.trim("rows", partition, end)
        return found
