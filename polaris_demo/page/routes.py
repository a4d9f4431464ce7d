"""What the page reads over plain HTTP: a story as it grows, its files, this browser's stories, recordings; and what an owner may do.

Server-sent events and not Gradio's own stream: a browser takes them up again by itself, from the last character it has,
where Gradio 6.31 reloads the page when a connection is lost. Who knows an id may read; everything else takes the key.
"""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ..errors import VisitorError
from ..jobs.runner import Runner
from ..settings import Settings
from ..story import exports
from ..story.record import StoryRecord
from . import links, view
from .recordings import Shown

MOST_IDS = 200
UNLISTED = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}
RECORDED = {"Cache-Control": "public, max-age=300"}
RETRY_MILLISECONDS = 1000


class StoryRoutes:
    """HTTP over one runner. Every refusal is {"refused": sentence}."""

    def __init__(self, runner: Runner, settings: Settings, recordings: Sequence[Shown] = ()) -> None:
        self._runner, self._settings = runner, settings
        self._recordings = {one.name: one for one in recordings}

    def routes(self) -> list[Route]:
        return [
            Route("/stories/summaries", self.summaries, methods=["POST"]),
            Route("/stories/stories.zip", self.archive),
            Route("/stories/status", self.status),
            Route("/stories/host", self.host, methods=["POST"]),
            Route("/stories/{id}/events", self.events),
            Route("/stories/{id}/story.{ending}", self.file),
            Route("/stories/{id}/{action}", self.act, methods=["POST"]),
            Route("/recordings", self.recordings),
            Route("/recordings/{name}", self.recording),
            Route("/recordings/{name}/record.json", self.recording_record),
        ]

    async def status(self, request: Request) -> Response:
        """Who writes here, or how far loading is."""
        return JSONResponse(view.status(self._runner, self._settings), headers=UNLISTED)

    async def events(self, request: Request) -> StreamingResponse:
        """The story from `?from=` (in characters), or from where the browser broke off, until it rests."""
        start = request.headers.get("last-event-id") or request.query_params.get("from", "0")
        offset = int(start) if start.isdecimal() and len(start) < 10 else 0
        stream = self._lines(request.path_params["id"], offset, self._link(request))
        return StreamingResponse(stream, media_type="text/event-stream", headers=UNLISTED | {"X-Accel-Buffering": "no"})

    def _link(self, request: Request) -> str:
        """The address of the story a request is about."""
        home = self._settings.home or links.address(request.headers, self._settings.root_path)
        return f"{home}?story={quote(request.path_params['id'], safe='')}"

    async def _lines(self, story_id: str, offset: int, link: str) -> AsyncIterator[str]:
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        try:
            async for piece in self._runner.follow(story_id, offset):
                if piece.record.resting:  # complete by now, even if it was not when the piece was cut
                    text, end = piece.record.story.since(piece.offset)
                    piece = replace(piece, text=text, end=end)
                yield f"id: {piece.end}\ndata: {_json(view.update(piece, self._runner, link))}\n\n"
                if piece.record.resting:
                    return
        except VisitorError as error:
            yield f"event: gone\ndata: {_json({'refused': str(error)})}\n\n"

    async def file(self, request: Request) -> Response:
        """One file of a story, under a name made from its title."""
        ending = request.path_params["ending"]
        if ending not in exports.FILES:
            return _refused(f"A story comes as {', '.join(exports.FILES)}.", 404)
        try:
            record = await asyncio.to_thread(self._runner.get, request.path_params["id"])
        except VisitorError as error:
            return _refused(str(error), 404)
        kind, make = exports.FILES[ending]
        name = quote(exports.file_name(record, ending), safe="")
        headers = UNLISTED | {"Content-Disposition": f"attachment; filename=\"story.{ending}\"; filename*=UTF-8''{name}"}
        return Response(await asyncio.to_thread(make, record, self._link(request)), media_type=kind, headers=headers)

    async def archive(self, request: Request) -> Response:
        """The stories named in `?ids=a,b` as one zip of EPUB, Markdown and record for each."""
        ids = request.query_params.get("ids", "").split(",")[:MOST_IDS]
        data = await asyncio.to_thread(self._archive, ids)
        return Response(data, media_type="application/zip", headers=UNLISTED | {"Content-Disposition": "attachment; filename=stories.zip"})

    def _archive(self, ids: list[str]) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for record in self._found(ids):
                for ending in ("md", "epub", "json"):
                    name = exports.file_name(record, ending).removesuffix(f".{ending}")
                    archive.writestr(f"{name} {record.id[:6]}.{ending}", exports.FILES[ending][1](record, ""))
        return file.getvalue()

    def _found(self, ids: list[str]) -> list[StoryRecord]:
        found = []
        for story_id in ids:
            try:
                found.append(self._runner.get(story_id))
            except VisitorError:
                continue  # deleted or expired since the browser noted it
        return found

    async def summaries(self, request: Request) -> Response:
        """What there is of the stories whose ids are sent: those deleted or expired are missing from the answer."""
        ids = (await _body(request)).get("ids")
        if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
            return _refused("Send the ids of stories.", 400)
        found = await asyncio.to_thread(self._runner.summaries, ids[:MOST_IDS])
        return JSONResponse({"stories": [view.summary(s) for s in found]}, headers=UNLISTED)

    async def host(self, request: Request) -> Response:
        """Whether new stories may begin; with "paused" in the body it is set. Takes the host's key."""
        body = await _body(request)
        key, paused = body.get("key"), body.get("paused")
        asked = paused if isinstance(paused, bool) else self._runner.host_paused
        try:
            await asyncio.to_thread(self._runner.pause_new, str(key), asked)
        except VisitorError as error:
            return _refused(str(error), 403)
        return JSONResponse({"paused": self._runner.host_paused}, headers=UNLISTED)

    async def recordings(self, request: Request) -> Response:
        """What there is to say of each recorded story."""
        return JSONResponse({"recordings": [one.about for one in self._recordings.values()]}, headers=RECORDED)

    async def recording(self, request: Request) -> Response:
        """A recorded story: its text and its pace."""
        one = self._recordings.get(request.path_params["name"])
        return _recorded(one.whole if one else None, RECORDED)

    async def recording_record(self, request: Request) -> Response:
        """The record of a recorded story, to be written again."""
        one = self._recordings.get(request.path_params["name"])
        return _recorded(one.record if one else None, RECORDED | {"Content-Disposition": "attachment; filename=record.json"})

    async def act(self, request: Request) -> Response:
        """Stop or delete a story, with its key; the host's key deletes any."""
        actions = {"stop": self._runner.stop, "delete": self._runner.delete}
        action = actions.get(request.path_params["action"])
        if action is None:
            return _refused("A story can be stopped or deleted.", 404)
        key = (await _body(request)).get("key")
        try:
            await asyncio.to_thread(action, request.path_params["id"], key)
        except VisitorError as error:
            return _refused(str(error), 403)
        return JSONResponse({"done": True}, headers=UNLISTED)


async def _body(request: Request) -> dict[str, Any]:
    """A small JSON object from the request; empty where there is none."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > 16_384:
            return {}
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _recorded(data: bytes | None, headers: dict[str, str]) -> Response:
    if data is None:
        return _refused("There is no recording of this name.", 404)
    return Response(data, media_type="application/json", headers=headers)


def _refused(sentence: str, status: int) -> JSONResponse:
    return JSONResponse({"refused": sentence}, status, headers=UNLISTED)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()
