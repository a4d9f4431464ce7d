"""For whoever runs a server: how it is, as JSON, and its figures in Prometheus' format."""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..jobs.runner import Runner

NOT_KEPT = {"Cache-Control": "no-store"}


class Operations:
    """HTTP over one runner."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def routes(self) -> list[Route]:
        return [Route("/healthz", self.health), Route("/metrics", self.metrics)]

    async def health(self, request: Request) -> Response:
        """Engine, queue, disk and the age of the last save; 503 where nothing can be written."""
        health = await asyncio.to_thread(self._runner.health)
        about = {
            "status": health.status,
            "engine": {"ready": health.ready, "loading": health.loading, "failure": health.failure},
            "queue": {"writing": health.writing, "waiting": health.waiting, "places": health.places},
            "streams": health.streams,
            "disk": {"problem": health.storage, "free_bytes": health.free_bytes, "seconds_since_save": health.since_saved},
        }
        return JSONResponse(about, 503 if health.status == "failed" else 200, NOT_KEPT)

    async def metrics(self, request: Request) -> Response:
        """Counted from the start of the process, and as it is now."""
        health = await asyncio.to_thread(self._runner.health)
        return Response(self._runner.figures.exposition(health), media_type=CONTENT_TYPE_LATEST, headers=NOT_KEPT)
