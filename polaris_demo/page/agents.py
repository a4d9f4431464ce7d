"""Serves agents: the tools of `tools.py` over the runner, by the Model Context Protocol's own library.

Every call stands for itself, and nothing is kept of it. Arguments are judged as everywhere else, in the same sentences.
"""

import asyncio
import contextvars
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import anyio
import anyio.to_thread
from gradio import Request as GradioRequest
from gradio.context import LocalContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.context import RequestContext
from mcp.shared.session import RequestResponder
from mcp.types import CallToolRequest, CallToolResult, ListToolsRequest, ListToolsResult, ServerResult, TextContent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .. import __version__
from ..errors import RequestRefused, VisitorError, log_bug
from ..jobs.job import Job
from ..jobs.runner import Runner
from ..settings import Settings
from ..story.record import StoryRecord
from . import calls, gate, links, messages, view
from .calls import API
from .handlers import BAD_OFFSET, UNFORESEEN
from .tools import INSTRUCTIONS, WAIT_SECONDS, tools
from .visitor import visitor

T = TypeVar("T")
Arguments = Mapping[str, Any]
PROGRESS_SECONDS = 1.0
LEAST_PROGRESS = 0.001  # words: the protocol wants each notice of progress above the last, also while nothing is written
ANOTHER_NAME = (
    "This server is called on its own machine, by a web page of another name. "
    "Whoever runs it behind a proxy says so with POLARIS_PROXIES; else call it as localhost."
)
NO_JSON = "A message is JSON. Send it with the content type application/json."
NO_STREAM = "An answer may come bit by bit. Send the header accept: application/json, text/event-stream."
NO_TOOL = "There is no tool of this name. There are {}."
NO_ARGUMENT = "{} takes {}, and one of the fields sent is none of these."
NOT_GIVEN = "{}: give the {} that start_story or write_story gave, as text."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """A tool's call: its arguments, who asks, and whom to tell how far it is."""

    arguments: Arguments
    request: Request
    context: RequestContext[Any, Any, Any]

    async def done(self, action: Callable[[], T]) -> T:
        """The action's result, in a thread and in the name of who asks: on ZeroGPU a GPU is lent to them.

        Its context holds nothing else, since a story keeps it as long as it is held.
        """
        context = contextvars.Context()
        context.run(LocalContext.request.set, GradioRequest(request=self.request))
        return await anyio.to_thread.run_sync(context.run, action)  # of the threads that all calls share

    async def tell(self, progress: float, total: float, words: str) -> None:
        """How far it is, where that was asked for."""
        meta = self.context.meta
        if meta is None or meta.progressToken is None:
            return
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # nobody reads any more; the call is cancelled in a moment
            notify = self.context.session.send_progress_notification
            await notify(meta.progressToken, progress, total, words, related_request_id=str(self.context.request_id))


class _Server(Server[Any, Request]):
    """The library's, which leaves the warnings of the whole process alone.

    mcp 1.30 catches them around each message, and of two at a time the last puts back what the first had caught: from then on
    none is heard any more.
    """

    async def _handle_message(self, message: Any, session: Any, lifespan_context: Any, raise_exceptions: bool = False) -> None:
        if isinstance(message, RequestResponder):
            with message:
                await self._handle_request(message, message.request.root, session, lifespan_context, raise_exceptions)


class Agents:
    """The tools over one runner, and the route to them."""

    def __init__(self, runner: Runner, settings: Settings) -> None:
        self._runner, self._settings = runner, settings
        self.tools = tools(settings.max_words)
        self._does: dict[str, Callable[[Call], Awaitable[dict[str, Any]]]] = {
            "start_story": self._start, "get_story": self._get, "stop_story": self._stop,
            "resume_story": self._resume, "write_on": self._write_on, "check_request": self._check, "write_story": self._write,
        }  # fmt: skip
        self._takes = {tool.name: tool.inputSchema["properties"] for tool in self.tools}
        self._server = _Server("polaris_demo", __version__, INSTRUCTIONS.format(most=settings.max_words))
        self._server.request_handlers |= {ListToolsRequest: self._list, CallToolRequest: self._call}
        self._sessions: StreamableHTTPSessionManager | None = None

    def routes(self) -> list[Route]:
        """Only POST: there is no stream to listen to beside the answers, and no session to end."""
        at = [Route(path, self, methods=["POST"]) for path in (f"{API}/mcp", f"{API}/mcp/")]
        return [*at, Route(f"{API}/mcp/schema", self.schema)]

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """For as long as the app runs."""
        self._sessions = StreamableHTTPSessionManager(self._server, stateless=True)
        async with self._sessions.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A message of the protocol. The gate has read it as a JSON object."""
        request = Request(scope, receive)
        if refusal := self._refusal(request):
            await JSONResponse({"refused": refusal[1]}, refusal[0])(scope, receive, send)
            return
        body = await request.body()
        if answer := messages.answered(json.loads(body or b"{}")):
            await answer(scope, receive, send)
            return
        assert self._sessions is not None
        await self._sessions.handle_request(scope, gate.again(body, receive), send)

    async def schema(self, request: Request) -> Response:
        """The tools as Gradio 6.31's own server lists them, for its page about the API and for the hub."""
        meta = {"file_data_present": False, "mcp_type": "tool"}
        about = [{"name": t.name, "description": t.description, "inputSchema": t.inputSchema, "meta": meta} for t in self.tools]
        return JSONResponse(about)

    def _refusal(self, request: Request) -> calls.Refusal | None:
        """Why a request is not even read: a web page may send any other type without its browser asking here first."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return 415, NO_JSON
        if not all(kind in request.headers.get("accept", "") for kind in ("application/json", "text/event-stream")):
            return 406, NO_STREAM
        return (403, ANOTHER_NAME) if self._from_another_name(request) else None

    def _from_another_name(self, request: Request) -> bool:
        """A page of another name asks a server on its visitor's own machine: its name was made to lead there (DNS rebinding).

        Where a proxy or the hub stands before this server, the machine is not the visitor's.
        """
        origin, server = request.headers.get("origin"), request.scope.get("server") or ("", 0)
        if origin is None or self._settings.proxies or self._settings.space or server[0] not in ("127.0.0.1", "::1"):
            return False
        return not links.is_near(urlsplit(origin).netloc)

    # --- the protocol ------------------------------------------------------------------------------------------------

    async def _list(self, _: ListToolsRequest) -> ServerResult:
        return ServerResult(ListToolsResult(tools=self.tools))

    async def _call(self, asked: CallToolRequest) -> ServerResult:
        """A tool's answer, structured and as its JSON; what it refuses is an error in its own sentence."""
        name, context = asked.params.name, self._server.request_context
        try:
            if name not in self._does:
                raise VisitorError(NO_TOOL.format(", ".join(self._does)))
            assert isinstance(context.request, Request)
            found = await self._does[name](Call(self._given(name, asked.params.arguments or {}), _bare(context.request), context))
        except VisitorError as error:
            return _said(str(error), is_error=True)
        except Exception as error:
            log_bug(log, f"The tool {name} failed", error)
            return _said(UNFORESEEN, is_error=True)
        return _said(json.dumps(found, ensure_ascii=False), found)

    def _given(self, name: str, arguments: Arguments) -> dict[str, Any]:
        """What was given; null is as good as nothing. What is no field of a request is a finding of its own."""
        takes = self._takes[name]
        if "premise" not in takes and not arguments.keys() <= takes.keys():
            raise RequestRefused(NO_ARGUMENT.format(name, ", ".join(takes)))
        given = {field: value for field, value in arguments.items() if value is not None}
        for field in {"id", "key"} & takes.keys():
            if not isinstance(given.get(field), str):
                raise RequestRefused(NOT_GIVEN.format(field.capitalize(), field))
        return given

    # --- the tools ---------------------------------------------------------------------------------------------------

    async def _start(self, call: Call) -> dict[str, Any]:
        job = await self._begun(call)
        return self._told(call, job.look()) | {"key": job.key}

    async def _get(self, call: Call) -> dict[str, Any]:
        offset = call.arguments.get("offset", 0)
        if isinstance(offset, bool) or not isinstance(offset, int | float) or offset < 0 or offset != int(offset):
            raise RequestRefused(BAD_OFFSET)
        record = await call.done(lambda: self._runner.get(call.arguments["id"]))
        return self._told(call, record, int(offset))

    async def _stop(self, call: Call) -> dict[str, Any]:
        return self._told(call, await call.done(lambda: self._runner.stop(call.arguments["id"], call.arguments["key"])))

    async def _resume(self, call: Call) -> dict[str, Any]:
        story, key, unguarded = call.arguments["id"], call.arguments["key"], call.arguments.get("without_guard") is True
        return self._told(call, await call.done(lambda: self._runner.resume(story, key, self._visitor(call), without_guard=unguarded)))

    async def _write_on(self, call: Call) -> dict[str, Any]:
        settings = {name: value for name, value in call.arguments.items() if name not in ("id", "paragraph")}
        story, paragraph = call.arguments["id"], call.arguments.get("paragraph")
        job = await call.done(lambda: self._runner.write_on(story, paragraph, settings, self._visitor(call)))
        return self._told(call, job.look()) | {"key": job.key}

    async def _check(self, call: Call) -> dict[str, Any]:
        def checked() -> dict[str, Any]:
            self._runner.fair.require_check(self._visitor(call))
            return view.checked(self._runner.check(call.arguments))

        found = await call.done(checked)
        return {"can_run": not any(one["level"] == "error" for one in found["findings"])} | found

    async def _write(self, call: Call) -> dict[str, Any]:
        """A story as far as it is after a while. Who goes away before has nothing to come back to it with."""
        job = await self._begun(call)
        try:
            await self._wait(call, job)
        except BaseException:
            self._runner.left(job)
            raise
        return self._told(call, job.look()) | {"key": job.key}

    async def _wait(self, call: Call, job: Job) -> None:
        """Until a story rests, or a client would give up. Tells how far it is."""
        loop, said, progress, state = asyncio.get_running_loop(), 0.0, 0.0, ""
        until = loop.time() + WAIT_SECONDS
        async with aclosing(self._runner.follow(job.record.id)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                record, now = piece.record, loop.time()
                if record.rests or record.state != state or now - said >= PROGRESS_SECONDS:
                    said, state, progress = now, record.state, max(record.words, progress + LEAST_PROGRESS)
                    await call.tell(progress, record.request.words, view.stage(record))
                if record.rests or now >= until:
                    return
                if record.state == "paused":
                    await call.done(lambda: self._runner.resume(job.record.id, job.key, next_segment=True))

    # --- helpers -----------------------------------------------------------------------------------------------------

    async def _begun(self, call: Call) -> Job:
        return await call.done(lambda: self._runner.submit(call.arguments, self._visitor(call)))

    def _visitor(self, call: Call) -> str:
        return visitor(call.request, self._settings.proxies)

    def _told(self, call: Call, record: StoryRecord, offset: int = 0) -> dict[str, Any]:
        """The answer of /get_story, and what an agent needs besides."""
        home = self._settings.home or links.address(call.request.headers, self._settings.root_path, self._settings.proxies)
        link = f"{home}?story={quote(record.id, safe='')}"
        more = {"link": link, "rests": record.rests, "next_offset": len(record.story), "taken_back": record.cuts}
        return view.answer(record, offset) | more


def _bare(request: Request) -> Request:
    """Who asks and by which address, without the body and the line it came by."""
    names = ("type", "method", "scheme", "server", "client", "path", "root_path", "query_string", "headers")
    return Request({name: request.scope[name] for name in names if name in request.scope})


def _said(text: str, structured: dict[str, Any] | None = None, is_error: bool = False) -> ServerResult:
    content = TextContent(type="text", text=text)
    return ServerResult(CallToolResult(content=[content], structuredContent=structured, isError=is_error))
