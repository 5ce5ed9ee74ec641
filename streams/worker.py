"""The worker: one process with the Faust apps of its stages, metrics and health."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine, Sequence

from aiohttp import web
from prometheus_client import generate_latest

from schemas.actions import ROUTES
from schemas.rules import RulesError, load_rules
from streams.connection import KafkaError
from streams.flow import Context, Stage
from streams.kafka_stage import KafkaStage
from streams.metrics import WorkerMetrics
from streams.partition_counts import partition_counts
from streams.settings import Settings

logger = logging.getLogger(__name__)

_M_MMAP_THRESHOLD = -3
STOP_S = 30.0
"""Longest time for a clean end."""


class Worker:
    """Runs stages until it is told to stop, or until something fails."""

    def __init__(self, settings: Settings, stages: Sequence[Stage]) -> None:
        self.settings = settings
        self.metrics = WorkerMetrics(settings.alerts_shown)
        self.state = "starting"
        self.failure: BaseException | None = None
        self._stages = stages
        self._ended = asyncio.Event()
        self._running: list[KafkaStage] = []

    async def run(self) -> int:
        """Work; the exit code. After a failure nothing more is written: the next start takes over."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ended.set)
        site = await self._serve()
        try:
            rules = load_rules(self.settings.rules)
            counts = await asyncio.to_thread(partition_counts, self.settings, _topics(self._stages))
            context = Context(rules, counts.__getitem__, self.settings.max_event_bytes)
            self._running = [
                KafkaStage(
                    stage, self.settings, context, self.metrics.stage(stage.name),
                    counts=counts, wall_s=time.time, fail=self.fail,
                )
                for stage in self._stages
            ]  # fmt: skip
            await self._until_ended(self._start())
            if not self._ended.is_set():
                self.state = "running"
                logger.info("worker at work: %s", ", ".join(stage.name for stage in self._stages))
            await self._ended.wait()
            if self.failure is None:
                self.state = "stopping"
                await asyncio.wait_for(self._stop(), STOP_S)
        except (KafkaError, ValueError) as error:
            self.fail(error)
        except TimeoutError:
            logger.warning("no clean end within %.0f s: leaving; the next start takes over", STOP_S)
        finally:
            await site.cleanup()
        return 1 if self.failure else 0

    def fail(self, error: BaseException) -> None:
        """Something went wrong that going on would make worse: end at once."""
        if self.failure is None:
            self.failure = error
            self.state = "failed"
            logger.error(
                "worker ends: %s",
                error,
                exc_info=error if not isinstance(error, KafkaError | RulesError) else None,
            )
        self._ended.set()

    async def _start(self) -> None:
        await asyncio.gather(*(stage.start() for stage in self._running))

    async def _stop(self) -> None:
        for stage in self._running:
            await stage.stop()

    async def _until_ended(self, work: Coroutine[None, None, None]) -> None:
        """Wait for `work`, but not past the end or a crash; from then on crashes end the worker."""
        task = asyncio.ensure_future(work)
        ended = asyncio.ensure_future(self._ended.wait())
        crashes = [asyncio.ensure_future(stage.app._crashed.wait()) for stage in self._running]
        await asyncio.wait([task, ended, *crashes], return_when=asyncio.FIRST_COMPLETED)
        if task.done() and (error := task.exception()):
            self.fail(error)
        for stage, crash in zip(self._running, crashes, strict=True):
            crash.add_done_callback(lambda _, stage=stage: self._crashed(stage))  # type: ignore[misc]

    def _crashed(self, stage: KafkaStage) -> None:
        if not self._ended.is_set():
            self.fail(stage.app.crash_reason or RuntimeError(f"stage {stage.stage.name} crashed"))

    async def _serve(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/health", self._health)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, self.settings.host, self.settings.worker_port).start()
        return runner

    async def _metrics(self, _: web.Request) -> web.Response:
        async with contextlib.AsyncExitStack() as looking:
            for stage in self._running:
                await looking.enter_async_context(stage.runner.still())
            return web.Response(
                body=generate_latest(self.metrics.registry),
                headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
            )

    async def _health(self, _: web.Request) -> web.Response:
        problems = self.metrics.stalled(self.settings.stall_s)
        if self.failure:
            problems.append(str(self.failure))
        state = "stalled" if problems and not self.failure else self.state
        body = {"state": state, "stages": [stage.name for stage in self._stages], "problems": problems}
        return web.json_response(body, status=200 if state in ("running", "starting") else 503)


def _topics(stages: Sequence[Stage]) -> list[str]:
    """Every topic that these stages read or write."""
    return sorted({"events", "rows", *(stage.input for stage in stages), *(route.topic for route in ROUTES)})


def _give_back_large_arrays() -> None:
    """Have glibc return every freed array of 8 MiB or more to the system: those are state, not batches.

    By default its threshold follows the largest array freed, so grown state would leave holes in the heap: a
    third more memory at a million people.
    """
    with contextlib.suppress(AttributeError, OSError):  # another libc: its own ways
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 8 << 20)


def run_worker(settings: Settings, stages: Sequence[Stage]) -> None:
    """Run a worker and end the process with its exit code."""

    _give_back_large_arrays()

    # What is imported stays, and events are no cycles: collecting less often saves a twentieth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)

    async def main() -> None:
        code = await Worker(settings, stages).run()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        # Faust's threads may be waiting for a broker that is gone; there is nothing left to be saved.
        os._exit(code)

    asyncio.run(main())
