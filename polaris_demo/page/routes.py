"""What the page reads over plain HTTP: a story as it grows, its files, this browser's stories, recordings; and what an owner may do.

The page has three back ends. Gradio's queue writes and goes on: on ZeroGPU a GPU is lent to the visitor whose event there
is live. Gradio without its queue fills in and checks the form: the fields are Gradio's own. Everything else is this HTTP.
Server-sent events and not Gradio's own stream: a browser takes them up again by itself, from the last character it has,
where Gradio 6.31 reloads the page when a connection is lost. Who knows an id may read; everything else takes the key.
"""

import asyncio
import tempfile
import time
import zipfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import IO, cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..errors import CannotRead, TooMany, VisitorError
from ..jobs import gallery_folder
from ..jobs.runner import Runner
from ..settings import Settings
from ..story import day, exports
from ..story.record import StoryRecord
from . import heard, links, reading, view, wire
from .answers import UNLISTED, answer, body, refused, too_many
from .beside import Beside
from .blind import Blind
from .recordings import Recordings, Shown
from .sharing import status
from .stream import Telling, compact, place
from .visitor import visitor

MOST_RECORDINGS = 12  # told of at a time
NONE = Recordings()
RECORDED = {"Cache-Control": "public, max-age=300"}
LATELY = {"Cache-Control": "no-cache"}
RETRY_MILLISECONDS = 1000
MOST_MEASURED = 32  # texts
ARCHIVES, PIECE = 2, 65_536  # made at once; bytes that are sent at a time
ARCHIVE = {"Content-Disposition": "attachment; filename=stories.zip"}


class Once:
    """What is made of a text, in a thread and once for everybody who asks meanwhile; the latest are kept."""

    def __init__(self, make: Callable[[str], reading.Repetition]) -> None:
        self._make = make
        self._made: OrderedDict[str, asyncio.Future[reading.Repetition]] = OrderedDict()

    async def of(self, text: str) -> reading.Repetition:
        found = self._made.get(text)
        if found is None:
            found = self._made[text] = asyncio.ensure_future(asyncio.to_thread(self._make, text))
            if len(self._made) > MOST_MEASURED:
                self._made.popitem(last=False)
        return await asyncio.shield(found)  # one follower that leaves takes nothing from the others


class Stream(StreamingResponse):
    """Server-sent events, which hold a `place` as long as they last. Where there is none, a refusal."""

    def __init__(self, events: AsyncIterator[str], place: AbstractContextManager[None]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=UNLISTED | {"X-Accel-Buffering": "no"})
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._place:
                await super().__call__(scope, receive, send)
        except TooMany as error:
            await too_many(error)(scope, receive, send)


class StoryRoutes:
    """HTTP over one runner. Every refusal is {"refused": sentence}."""

    def __init__(
        self, runner: Runner, settings: Settings, recordings: Recordings = NONE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._runner, self._settings, self._clock = runner, settings, clock
        self._recordings = recordings
        self._archiving = asyncio.Semaphore(ARCHIVES)
        self._measured = Once(reading.Repetition.of)
        self._compared = [*Beside(runner, self._measured.of).routes(), *Blind(runner, self._visitor).routes()]

    def routes(self) -> list[Route]:
        return [
            Route("/stories/summaries", self.summaries, methods=["POST"]),
            Route("/stories/stories.zip", self.archive),
            Route("/stories/status", self.status),
            Route("/stories/host", self.host, methods=["POST"]),
            *self._compared,
            Route("/stories/{id}/events", self.events),
            Route("/stories/{id}/story.{ending}", self.file),
            Route("/stories/{id}/{action}", self.act, methods=["POST"]),
            Route("/recordings", self.recordings),
            Route("/recordings/{name}", self.recording),
            Route("/recordings/{name}/record.json", self.recording_record),
            Route("/recordings/{name}/delete", self.remove_recording, methods=["POST"]),
        ]

    async def status(self, request: Request) -> Response:
        """Who writes here, or how far loading is."""
        return answer(status(self._runner, self._settings))

    async def events(self, request: Request) -> Response:
        """The story from `?from=`, or from where the browser broke off, until it rests; with `?once` what there is of it now.

        HTTP/1.1 lets a browser hold six connections to a host: of its pages only some may hold a line that stays open.
        """
        query = request.query_params
        offset, cuts = place(request.headers.get("last-event-id") or query.get("from", ""))
        once = "once" in query
        events = self._events(request.path_params["id"], offset, cuts, self._link(request), once)
        return Stream(events, nullcontext() if once else self._runner.fair.stream(self._visitor(request)))

    def _visitor(self, request: Request) -> str:
        return visitor(request, self._settings.proxies)

    def _link(self, request: Request) -> str:
        """The address of the story a request is about."""
        home = self._settings.home or links.address(request.headers, self._settings.root_path, self._settings.proxies)
        return f"{home}?story={quote(request.path_params['id'], safe='')}"

    async def _events(self, story_id: str, offset: int, cuts: int, link: str, once: bool) -> AsyncIterator[str]:
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        telling, leave = Telling(), reading.leave(self._settings.unfollowed_seconds, self._settings.zerogpu)
        try:
            async for piece in self._runner.follow(story_id, offset, cuts):
                record = piece.record
                rest = await self._rest(record, link) if record.rests else None
                if event := telling.event(piece, reading.going(record, self._runner.measured.speed(), leave), rest, self._clock()):
                    yield event
                if once:
                    return
        except CannotRead:
            return  # the page asks again, until it is known whether there is such a story
        except VisitorError as error:
            yield f"event: gone\ndata:{compact({'refused': str(error)})}\n\n"

    async def _rest(self, record: StoryRecord, link: str) -> heard.Rest:
        """What is told at the end. However many follow a story, it is measured once, and not where the others wait for it."""
        text = str(record.story)
        return reading.rest(record, self._kept(record), await self._measured.of(text), link)

    def _kept(self, record: StoryRecord) -> view.Kept:
        return view.kept(self._runner.library.problem, self._runner.expires(record))

    async def file(self, request: Request) -> Response:
        """One file of a story, under a name made from its title."""
        ending = request.path_params["ending"]
        if ending not in exports.FILES:
            return refused(f"A story comes as {', '.join(exports.FILES)}.", 404)
        try:
            record = await asyncio.to_thread(self._runner.get, request.path_params["id"])
        except VisitorError as error:
            return refused(str(error), 404)
        made = exports.FILES[ending]
        name = quote(exports.file_name(record, ending), safe="")
        headers = UNLISTED | {"Content-Disposition": f"attachment; filename=\"story.{ending}\"; filename*=UTF-8''{name}"}
        return Response(await asyncio.to_thread(made.make, record, self._link(request)), media_type=made.media_type, headers=headers)

    async def archive(self, request: Request) -> Response:
        """The stories named in `?ids=a,b` as one zip, with the archived files of each."""
        try:
            self._runner.fair.require_archive(self._visitor(request))
        except TooMany as error:
            return too_many(error)
        ids = list(dict.fromkeys(request.query_params.get("ids", "").split(",")))[: wire.MOST_STORIES]
        async with self._archiving:
            file = await asyncio.to_thread(self._archive, ids)
        return StreamingResponse(_pieces(file), media_type="application/zip", headers=UNLISTED | ARCHIVE)

    def _archive(self, ids: Sequence[str]) -> IO[bytes]:
        """On disk, story by story: two hundred long ones are 28 MB."""
        file = tempfile.TemporaryFile()  # noqa: SIM115  closed once it is sent
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for record in self._found(ids):
                for ending, made in exports.FILES.items():
                    if made.archived:
                        name = exports.file_name(record, ending).removesuffix(f".{ending}")
                        entry = zipfile.ZipInfo(f"{name} {record.id[:6]}.{ending}", day.zip_date(record.created))
                        entry.compress_type = zipfile.ZIP_DEFLATED
                        archive.writestr(entry, made.make(record, ""))
        file.seek(0)
        return file

    def _found(self, ids: Sequence[str]) -> Iterator[StoryRecord]:
        for story_id in ids:
            try:
                yield self._runner.get(story_id)
            except VisitorError:
                continue  # deleted or expired since the browser noted it

    async def summaries(self, request: Request) -> Response:
        """What there is of the stories whose ids are sent: those deleted or expired are missing from the answer."""
        asked = cast(wire.Ids, await body(request))
        ids = asked.get("ids")
        if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
            return refused("Send the ids of stories.", 400)
        try:
            found = await asyncio.to_thread(self._runner.summaries, ids[: wire.MOST_STORIES])
        except VisitorError as error:
            return refused(str(error), 503)
        return answer(view.summaries(found, self._runner.library.problem))

    async def host(self, request: Request) -> Response:
        """Whether new stories may begin; with "paused" in the body it is set. Takes the host's key."""
        asked = cast(wire.Hosting, await body(request))
        paused = asked.get("paused")
        wanted = paused if isinstance(paused, bool) else None
        try:
            await asyncio.to_thread(self._runner.pause_new, asked.get("key"), wanted, self._visitor(request))
        except TooMany as error:
            return too_many(error)
        except VisitorError as error:
            return refused(str(error), 403)
        host: heard.Host = {"paused": self._runner.host_paused}
        return answer(host)

    async def recordings(self, request: Request) -> Response:
        """What there is to say of recorded stories: some, from `?from=` on, or the one named in `?of=` and its premise's others."""
        query, found = request.query_params, await asyncio.to_thread(self._recordings.all)
        one = next((one for one in found if one.name == query.get("of")), None)
        if "of" in query:
            told = [other for other in found if one and (other.request.premise, other.label) == (one.request.premise, one.label)]
            return _recordings(told, 0)
        begin = query.get("from", "")[:9]
        left = found[int(begin) if begin.isdecimal() else 0 :]
        return _recordings(left[:MOST_RECORDINGS], max(0, len(left) - MOST_RECORDINGS))

    async def recording(self, request: Request) -> Response:
        """A recorded story: its text and its pace."""
        one = await asyncio.to_thread(self._recordings.get, request.path_params["name"])
        return _recorded(one.whole if one else None, RECORDED)

    async def recording_record(self, request: Request) -> Response:
        """The record of a recorded story, to be written again."""
        one = await asyncio.to_thread(self._recordings.get, request.path_params["name"])
        return _recorded(one.record if one else None, RECORDED | {"Content-Disposition": "attachment; filename=record.json"})

    async def remove_recording(self, request: Request) -> Response:
        """Take a recording of the gallery's away for good. Takes the host's key."""
        asked = cast(wire.Key, await body(request))

        def remove() -> None:
            self._runner.require_host(asked.get("key"), self._visitor(request))
            gallery_folder.remove(self._settings.gallery_dir, request.path_params["name"])

        return await _done(remove)

    async def act(self, request: Request) -> Response:
        """Stop or delete a story, with its key; the host's key deletes any."""
        story_id, action = request.path_params["id"], request.path_params["action"]
        if action not in ("stop", "delete"):
            return refused("A story can be stopped or deleted.", 404)
        asked = cast(wire.Key, await body(request))
        key = asked.get("key")
        if action == "stop":
            return await _done(self._runner.stop, story_id, key)
        return await _done(self._runner.delete, story_id, key, self._visitor(request))


async def _done(act: Callable[..., object], *arguments: object) -> Response:
    """Do something that takes a key."""
    try:
        await asyncio.to_thread(act, *arguments)
    except TooMany as error:
        return too_many(error)
    except VisitorError as error:
        return refused(str(error), 403)
    acted: heard.Acted = {"done": True}
    return answer(acted)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _recordings(told: Sequence[Shown], more: int) -> Response:
    recordings: heard.Recordings = {"recordings": [one.about for one in told], "more": more}
    return answer(recordings, headers=LATELY)


def _recorded(data: bytes | None, headers: dict[str, str]) -> Response:
    if data is None:
        return refused("There is no recording of this name.", 404)
    return Response(data, media_type="application/json", headers=headers)
