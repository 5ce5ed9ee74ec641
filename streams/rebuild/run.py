"""The whole rebuild, in order. What a crash at each point leaves behind is in docs/decisions/0013-rebuild.md.

1. nobody is at work, and everything is in the database; 2. new tables beside the old ones, filled; 3. blocks
of state durable, named by nobody; 4. nobody was at work meanwhile; 5. manifests durable; 6. the new tables in
the place of the old ones; 7. what is no longer needed, deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.actions import BY_USER
from schemas.rules import Rules, load_rules
from schemas.table import position
from sinks.clickhouse import connect, place
from sinks.consumer import _http_interface
from sinks.errors import SinkError
from sinks.migrate import create_views, identity_check, migrate
from streams.connection import KafkaError
from streams.crashpoints import crash_point
from streams.rebuild.past import Past
from streams.rebuild.recompute import Recompute
from streams.rebuild.shadow import Shadow
from streams.rebuild.standing import Standing, check_fences, standing
from streams.rebuild.state import Changelog, write_state
from streams.rebuild.stopped import Ends, stopped
from streams.settings import Settings
from streams.topics import log_identity

Progress = Callable[[int, int], None]
"""Told how many events of how many are done."""


@dataclass(frozen=True)
class Rebuilt:
    """What was done."""

    events: int
    people: int
    with_state: bool
    """Whether a worker's state was written, too: not for a database that a replay filled."""


async def run_rebuild(settings: Settings, progress: Progress = lambda *_: None) -> Rebuilt:
    """Rebuild until done, SIGTERM or SIGINT; an embedded engine answers over HTTP meanwhile.

    Raises `SinkError`, `KafkaError` or `RulesError`: for what is wrong, and when told to stop.
    """
    rules = load_rules(settings.rules)
    if settings.clickhouse is None and not (settings.path / "metadata").is_dir():
        raise SinkError(f"no database yet in {settings.path}: set GROUPBEAT_PATH")
    stop = threading.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    client = await asyncio.to_thread(connect, settings)  # takes the folder, or says who has it
    try:
        async with _http_interface(settings):
            return await asyncio.to_thread(rebuild, settings, client, rules, progress, stop.is_set)
    finally:
        client.close()


def rebuild(
    settings: Settings,
    client: Client,
    rules: Rules,
    progress: Progress = lambda *_: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Rebuilt:
    """See `run_rebuild`; in this thread."""
    try:
        return asyncio.run(_Rebuild(settings, client, rules, progress, should_stop).run())
    except ClickHouseError as error:
        raise SinkError(
            f"ClickHouse at {place(settings)}: {error} -- mend the cause and run this again"
        ) from error


class _Rebuild:
    def __init__(
        self,
        settings: Settings,
        client: Client,
        rules: Rules,
        progress: Progress,
        should_stop: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._client = client
        self._rules = rules
        self._progress = progress
        self._should_stop = should_stop

    async def run(self) -> Rebuilt:
        migrate(self._client)
        create_views(self._client)
        before, ends = self._look()
        check_fences(self._client, ends.next_offsets)
        partitions = len(ends.next_offsets)
        past = Past(self._client, sources=ends.sources, partitions=partitions, reached_ms=before.reached_ms)
        shadow = Shadow(self._client, ends.next_offsets)
        recompute = Recompute(self._rules, partitions)
        with _dropped_at_the_end(past, shadow):
            shadow.create()
            await self._fill(past, shadow, recompute, before.total)
            people = self._snapshots(shadow, recompute, ends)
            shadow.close()
            if not before.from_kafka:
                self._check_unchanged(before, ends)
                self._switch(shadow)
                return Rebuilt(before.total, people, with_state=False)
            async with Changelog(self._settings, BY_USER.stage, partitions) as changelog:
                written = await write_state(changelog, recompute.reducers, ends.next_offsets)
                self._check_unchanged(before, ends)
                await self._publish(changelog)
                crash_point("rebuild.before_tables")
                self._switch(shadow)
                # What this can't delete now the worker deletes at its first checkpoint.
                with contextlib.suppress(KafkaError):
                    for checkpoints in written:
                        await checkpoints.clean()
        return Rebuilt(before.total, people, with_state=True)

    def _look(self) -> tuple[Standing, Ends]:
        """How things stand. Raises when someone is at work, or not everything is in."""
        found = standing(self._client)
        if not found.from_kafka:
            return found, Ends(found.partitions("intake"), found.next_offsets(BY_USER.stage))
        ends = stopped(self._settings)
        identity_check(self._client, log_identity(self._settings))
        return found, ends

    async def _fill(self, past: Past, shadow: Shadow, recompute: Recompute, total: int) -> None:
        for _ in past.lay_out():
            self._stop_if_told()
        await recompute.take(past.begin())
        done = 0
        for chunk in past.chunks():
            self._stop_if_told()
            shadow.write(await recompute.take(chunk.messages, chunk.ingested_ms))
            done += chunk.events
            self._progress(done, total)
        if done != total:
            raise SinkError(f"read {done:,} events of {total:,}: was the table changed meanwhile?")
        shadow.write(await recompute.take(past.end()))

    def _snapshots(self, shadow: Shadow, recompute: Recompute, ends: Ends) -> int:
        """Every person, newer than any row that the live stage has written and older than any to come."""
        people = 0
        for number, reducer in recompute.reducers.items():
            for rows in reducer.snapshots(position(ends.next_offsets[number], 1)):
                people += rows.batch.num_rows
                shadow.write([rows])
        return people

    def _check_unchanged(self, before: Standing, ends: Ends) -> None:
        self._stop_if_told()
        if self._look() != (before, ends):
            raise SinkError(
                "a worker or a sink was at work meanwhile, so nothing was changed: stop them, run this again"
            )

    @staticmethod
    async def _publish(changelog: Changelog) -> None:
        try:
            await changelog.publish()
        except KafkaError as error:
            raise KafkaError(
                f"the state is perhaps not all written: {error} -- run this again before you start the worker"
            ) from error

    @staticmethod
    def _switch(shadow: Shadow) -> None:
        try:
            shadow.switch()
        except ClickHouseError as error:
            raise SinkError(
                f"the tables are not all switched: {error} -- run this again before you start the worker"
            ) from error

    def _stop_if_told(self) -> None:
        if self._should_stop():
            raise SinkError("stopped before anything was changed")


@contextlib.contextmanager
def _dropped_at_the_end(past: Past, shadow: Shadow) -> Iterator[None]:
    """What a run leaves beside the tables is dropped if it can be; else the next run does."""
    try:
        yield
    finally:
        with contextlib.suppress(ClickHouseError):
            past.drop()
            shadow.drop()
