"""What the sink says of itself: /metrics for Prometheus and /health for whoever restarts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


def make_status_app(registry: CollectorRegistry, health: Callable[[], dict[str, Any]]) -> web.Application:
    """/metrics and /health; the latter is 503 unless `health()["state"]` is ok or starting."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthy(_: web.Request) -> web.Response:
        found = health()
        return web.json_response(found, status=200 if found["state"] in ("ok", "starting") else 503)

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/health", healthy)
    return app
