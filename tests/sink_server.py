"""The HTTP interface over an embedded engine, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from aiohttp import web

from sinks.http import make_app, serve

T = TypeVar("T")

READER = "reader's password"
WRITER = "writer's password"


class Server:
    """Answers on `port` while in its `with` block; the engine is closed after it."""

    def __init__(self, path: Path) -> None:
        self.port = 0
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._runner: web.AppRunner | None = None

    def __enter__(self) -> Server:
        self._thread.start()
        self._runner, self.port = self._run(self._start())
        return self

    async def _start(self) -> tuple[web.AppRunner, int]:
        return await serve(make_app(self._path, "groupbeat", READER, WRITER), "127.0.0.1", 0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner:
            self._run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)
