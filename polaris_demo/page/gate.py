"""The gate before everything: which routes there are, how long a body may be and what of it is refused, what stands on every answer.

Gradio 6.31 takes bodies of any length and keeps them, and answers NaN, files that nobody sent, lone surrogates and unknown sessions
with a traceback that quotes the visitor. Here all of that is a sentence before Gradio sees it, and what the app does not use is closed.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import calls
from .calls import API
from .sessions import Sessions

MOST_BYTES = 65_536  # a premise of 4,000 characters in the widest script, with every setting, is a third of it
# What is open, as the whole path; everything else is closed. GET answers HEAD.
OPEN = {
    "GET": re.compile(
        r"/|/config/?|/(?:assets|static|page|stories|recordings)/.+|/recordings|/healthz|/metrics|/favicon\.ico|/theme\.css|/manifest\.json|/robots\.txt"
        r"|/pwa_icon(?:/\d+)?"
        rf"|{API}/(?:info/?|openapi\.json|app_id/?|theme\.css|startup-events|queue/data|call/(?:v2/)?[\w.-]+/[\w-]+|mcp/?|mcp/schema)"
    ),
    "POST": re.compile(
        rf"/stories/.+|/recordings/[^/]+/delete|{API}/(?:queue/join|(?:call/(?:v2/)?|run/|api/)[\w.-]+/?|cancel|reset/?|mcp/?)"
    ),
    "DELETE": re.compile(rf"{API}/mcp/?"),  # how an MCP client says that its session is over
    "OPTIONS": re.compile(r"/.*"),  # what a browser asks before it asks another origin
}
ANOTHER_SITE = "Stories are told to this app’s own page only. Use /gradio_api from another site."
CLOSED = "There is nothing at this address."
TOO_LONG = f"A request may hold {MOST_BYTES:,} bytes; this one is longer. Shorten the premise."
NO_JSON = "The body has to be a JSON object, and this one is none. Send the fields as JSON."
NO_NUMBER = "The body holds NaN or Infinity, which are no JSON numbers. Send finite numbers."
HALF = "The body holds half a character (a lone surrogate), which no text can hold. Send whole characters."
OURS = ("/healthz", "/metrics")
GRADIOS = ("error", "detail")  # where Gradio's clients look for a sentence
NO_METHOD = "This address cannot be asked in this way (GET, POST, …)."
NOT_FITTING = f"The values do not fit this endpoint. See {API}/info for what it takes."
A_FILE = "The body holds a value in the shape of a file, and this app takes none. Send text and numbers."
WRONG_SHAPE = "The body’s “{}” has the wrong type. Send {}."
_HALF = re.compile("[\ud800-\udfff]")
_SHAPES: dict[str, tuple[tuple[type, ...], str]] = {
    "data": ((list, dict), "a list of values"),
    "session_hash": ((str, type(None)), "text"),
    "fn_index": ((int, type(None)), "a whole number"),
    "event_id": ((str, type(None)), "text"),
}
# Who may show the page in a frame: the hub, where a Space stands in one, and any page the view that is made for it.
FRAMES, FRAMES_EMBED = "'self' https://huggingface.co https://*.huggingface.co", "*"
POLICY = "object-src 'none'; base-uri 'self'; form-action 'self' https://huggingface.co; frame-ancestors "


class Gate:
    """Stands before the app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._sessions = app, Sessions()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal, receive = await self._judged(scope, receive)
        answer = _refused(refusal[1], refusal[0]) if refusal else self._app
        await answer(scope, receive, _Answer(scope, _with_headers(scope, send)))

    async def _judged(self, scope: Scope, receive: Receive) -> tuple[calls.Refusal | None, Receive]:
        """Why a request is refused, None where it may pass; and where the app reads its body, which may have been read here."""
        blocks, method, path = scope["app"].get_blocks(), scope["method"], _path(scope)
        self._sessions.tidy(scope["app"])
        if (path.startswith("/stories") or path.endswith("/delete")) and _of_another_site(Headers(scope=scope)):
            return (403, ANOTHER_SITE), receive
        if not is_open(method, path):
            return (404, CLOSED), receive
        if method == "GET":
            return calls.wrong_get(blocks, path, _query(scope).get("session_hash", [""])[0]), receive
        if method != "POST":
            return None, receive
        body = await _read(scope, receive)
        if body is None:
            return (413, TOO_LONG), receive
        found, wrong = parsed(body)
        return (400, wrong) if wrong else calls.wrong_post(blocks, path, found), again(body, receive)


class _Answer:
    """Passes an answer on. A refusal that is no sentence becomes one: Gradio answers a visitor's mistake as a fault of the server."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope, self._send = scope, send
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self._start = message
        elif self._start and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._refuse(self._start, bytes(self._body))
        else:
            await self._send(message)

    async def _refuse(self, start: Message, body: bytes) -> None:
        status, said = start["status"], _said(body)
        if said.keys() & {"refused", "jsonrpc"} or self._scope["method"] == "HEAD" or (status == 503 and _path(self._scope) in OURS):
            await self._send(start)
            await self._send({"type": "http.response.body", "body": body})
            return
        usual = CLOSED if status == 404 else NO_METHOD if status == 405 else NOT_FITTING
        sentence = next((one for one in said.values() if one.endswith(".")), usual)
        await _refused(sentence, 400 if status in (422, 500) else status, GRADIOS)(self._scope, _nothing, self._send)


def _said(body: bytes) -> dict[str, str]:
    """What a refusal says, by the names that sentences have in ours and in Gradio's; an agent's has a form of its own."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return {name: found[name] for name in ("refused", "jsonrpc", *GRADIOS) if isinstance(found, dict) and isinstance(found.get(name), str)}


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _of_another_site(headers: Headers) -> bool:
    """A script of another site's page asks, by what its browser says. Links may be followed from anywhere."""
    return headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") == "cors"


def is_open(method: str, path: str) -> bool:
    """Whether the app answers this at all."""
    pattern = OPEN.get("GET" if method == "HEAD" else method)
    return bool(pattern and pattern.fullmatch(path))


def parsed(body: bytes) -> tuple[dict[str, object], str]:
    """What a body holds, and why it is refused, as a sentence; empty where it may pass. An empty body is an empty object."""
    if not body:
        return {}, ""
    try:
        found = json.loads(body, parse_constant=_no_number)
    except _NotFinite:
        return {}, NO_NUMBER
    except (ValueError, RecursionError):
        return {}, NO_JSON
    if not isinstance(found, dict):
        return {}, NO_JSON
    for name, (kinds, wanted) in _SHAPES.items():
        if name in found and (not isinstance(found[name], kinds) or isinstance(found[name], bool)):
            return {}, WRONG_SHAPE.format(name, wanted)
    return found, next((wrong for value in _values(found) if (wrong := _wrong(value))), "")


def _wrong(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):  # 1e999
        return NO_NUMBER
    if isinstance(value, str) and _HALF.search(value):
        return HALF
    return A_FILE if isinstance(value, dict) and isinstance(value.get("path"), str) else ""


def _values(found: object) -> Iterator[object]:
    """Everything in a JSON value, keys too; it is no deeper than its parser was."""
    left = [found]
    while left:
        value = left.pop()
        yield value
        if isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list):
            left += value


class _NotFinite(ValueError):
    pass


def _no_number(name: str) -> float:
    raise _NotFinite(name)


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope.get("query_string", b"").decode("latin-1"))


def _path(scope: Scope) -> str:
    """The path within the app, wherever a proxy has put it."""
    path, root = str(scope["path"]), str(scope.get("root_path") or "").rstrip("/")
    return path.removeprefix(root) or "/" if root else path


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """The body; None where it is too long, of which no more is read than that."""
    named = dict(scope["headers"]).get(b"content-length", b"")
    if named.isdigit() and int(named) > MOST_BYTES:
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)


def again(body: bytes, receive: Receive) -> Receive:
    """What was read, as if it came now; then whatever comes."""
    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _with_headers(scope: Scope, send: Send) -> Send:
    query = _query(scope)
    frames = FRAMES_EMBED if query.get("view") == ["embed"] else FRAMES
    is_page = _path(scope) in ("/", "/config", "/config/")

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "strict-origin"  # an address names a story, and whoever has it may read it
            headers.setdefault("Content-Security-Policy", POLICY + frames)
            if is_page:
                headers["Cache-Control"] = "no-store"
        await send(message)

    return answer


def _refused(sentence: str, status: int, also: Sequence[str] = ()) -> JSONResponse:
    """The sentence, `also` under other names. After a body that is too long the connection ends too, or its rest would still be taken."""
    headers = {"Connection": "close"} if status == 413 else None
    return JSONResponse(dict.fromkeys(("refused", *also), sentence), status, headers)
