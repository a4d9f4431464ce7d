"""The tools of the Model Context Protocol: what an agent can do here, in JSON with a schema, by the protocol's own library.

A story takes minutes, and an agent's client gives up long before: `start_story` answers at once, `get_story` tells how far it is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, TypedDict, TypeVar

from gradio import Request as GradioRequest
from gradio.context import LocalContext
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ToolAnnotations
from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .. import __version__
from ..errors import VisitorError
from ..jobs.runner import Runner
from ..settings import Settings
from ..story.record import StoryRecord, State
from ..story.request import FORM_NAMES, LIMITS, MAX_PREMISE
from . import links, view
from .calls import API
from .visitor import visitor

T = TypeVar("T")
PROGRESS_SECONDS = 1.0
INSTRUCTIONS = (
    "Writes fiction of 50 to 12,000 words with POLARIS-9B. A long story takes minutes: call start_story, then get_story every ten "
    "seconds or so with the offset of what you have, until `rests` is true; a story that nobody asks about is paused. stop_story and "
    "resume_story take the key that start_story gave. `link` shows the story to a person, while it is written too. "
    "write_story waits for the whole story and is for short ones."
)


def _number(name: str) -> Any:
    limit = LIMITS[name]
    return Field(description=f"{limit.sentence()}.")


Premise = Annotated[str, Field(description=f"What the story is about, 1 to {MAX_PREMISE} characters.")]
Words = Annotated[int | None, Field(description=f"How long it is to be: {LIMITS['words'].sentence()}. None is the usual length of who writes here.")]
Form = Annotated[str, Field(description=f"One of {', '.join(FORM_NAMES)}; verbatim sends the premise as the whole prompt.")]
Seed = Annotated[int, _number("seed")]
Id = Annotated[str, Field(description="The id that start_story gave.")]
Key = Annotated[str, Field(description="The key that start_story gave; it is its owner's alone.")]


class Sampling(TypedDict, total=False):
    """How tokens are drawn; what is left out is as the model card recommends."""

    temperature: Annotated[float, _number("temperature")]
    top_p: Annotated[float, _number("top_p")]
    top_k: Annotated[int, _number("top_k")]
    min_p: Annotated[float, _number("min_p")]
    repetition_penalty: Annotated[float, _number("repetition_penalty")]
    presence_penalty: Annotated[float, _number("presence_penalty")]
    max_new_tokens: Annotated[int, _number("max_new_tokens")]


class Advice(TypedDict):
    """Something to tell whoever asked, about one field."""

    level: Literal["error", "warning", "note"]
    field: str
    message: str


class Told(TypedDict):
    """A story as it is now; `text` from `offset` (in characters) on, and `next_offset` to ask from next."""

    id: str
    link: str
    state: State
    rests: bool
    stage: str
    words: int
    target_words: int
    text: str
    next_offset: int
    finish_reason: str | None
    seed: int
    model: str | None
    advice: list[Advice]


class Begun(Told):
    """The same, with the key by which its owner stops it and goes on with it."""

    key: str


class Checked(TypedDict):
    """What there is to say about a request that was not run."""

    can_run: bool
    advice: list[Advice]
    prompt: str | None
    prompt_tokens: int | None
    token_budget: int | None
    expected_words: int | None
    expected_seconds: float | None


class Agents:
    """The tools over one runner, and the route to them."""

    def __init__(self, runner: Runner, settings: Settings) -> None:
        self._runner, self._settings = runner, settings
        self.server = FastMCP(
            "polaris_demo", INSTRUCTIONS, stateless_http=True, log_level="WARNING",
            # Who may call is decided by the gate before it, as for every other address.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )  # fmt: skip
        self.server._mcp_server.version = __version__
        asks = ToolAnnotations(readOnlyHint=True, openWorldHint=False)
        acts = ToolAnnotations(readOnlyHint=False, destructiveHint=False, openWorldHint=False)
        for tool, kind in (
            (self.start_story, acts), (self.get_story, asks), (self.stop_story, acts), (self.resume_story, acts),
            (self.check_request, asks), (self.write_story, acts),
        ):  # fmt: skip
            self.server.add_tool(tool, annotations=kind)
        self._app = self.server.streamable_http_app()

    def routes(self) -> list[Route]:
        return [Route(f"{API}/mcp", self, methods=None), Route(f"{API}/mcp/", self, methods=None)]

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """For as long as the app runs."""
        async with self.server.session_manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.server.session_manager.handle_request(scope, receive, send)

    # --- the tools ---------------------------------------------------------------------------------------------------

    async def start_story(
        self, context: Context, premise: Premise, words: Words = None, form: Form = FORM_NAMES[0], seed: Seed = -1, sampling: Sampling | None = None
    ) -> Begun:
        """Begin a story and return at once with its id, its key and a link for people. Then ask get_story how far it is."""
        return await self._begin(context, _raw(premise, words, form, seed, sampling))

    async def get_story(self, context: Context, id: Id, offset: Annotated[int, Field(ge=0, description="Characters you have already.")] = 0) -> Told:
        """How far a story is, and its text from `offset` on. Ask again every ten seconds or so until `rests` is true."""
        return await self._done(context, lambda: self._told(context, self._runner.get(id), offset))

    async def stop_story(self, context: Context, id: Id, key: Key) -> Told:
        """Stop a story. What was written is kept, and resume_story goes on with it."""
        return await self._done(context, lambda: self._told(context, self._runner.stop(id, key)))

    async def resume_story(self, context: Context, id: Id, key: Key) -> Told:
        """Go on with a story that was stopped, paused or cut off, from its last word."""
        return await self._done(context, lambda: self._told(context, self._runner.resume(id, key, self._visitor(context))))

    async def check_request(
        self, context: Context, premise: Premise, words: Words = None, form: Form = FORM_NAMES[0], seed: Seed = -1, sampling: Sampling | None = None
    ) -> Checked:
        """What there is to say about a request, without running it: errors, advice, the prompt, how long it will take."""
        raw = _raw(premise, words, form, seed, sampling)

        def check() -> Checked:
            self._runner.fair.require_check(self._visitor(context))
            told = view.checked(self._runner.check(raw))
            advice = told.pop("findings")
            return Checked(can_run=not any(one["level"] == "error" for one in advice), advice=advice, **told)

        return await self._done(context, check)

    async def write_story(
        self, context: Context, premise: Premise, words: Words = None, form: Form = FORM_NAMES[0], seed: Seed = -1, sampling: Sampling | None = None
    ) -> Begun:
        """Write a short story and wait for its end, with progress on the way; takes minutes above a few hundred words.

        For anything longer use start_story and get_story.
        """
        begun = await self._begin(context, _raw(premise, words, form, seed, sampling))
        said, loop = 0.0, asyncio.get_running_loop()
        async for piece in self._runner.follow(begun["id"]):
            record = piece.record
            if record.rests or loop.time() - said >= PROGRESS_SECONDS:
                said = loop.time()
                await context.report_progress(record.words, record.request.words, view.stage(record))
            if record.state == "paused" and not record.rests:
                await self._done(context, lambda: self._runner.resume(begun["id"], begun["key"], next_segment=True))
        told = await self._done(context, lambda: self._told(context, self._runner.get(begun["id"])))
        return Begun(**told, key=begun["key"])

    # --- helpers -----------------------------------------------------------------------------------------------------

    async def _begin(self, context: Context, raw: dict[str, object]) -> Begun:
        def begin() -> Begun:
            job = self._runner.submit(raw, self._visitor(context))
            return Begun(**self._told(context, job.look()), key=job.key)

        return await self._done(context, begin)

    async def _done(self, context: Context, action: Callable[[], T]) -> T:
        """The action's result; what it refuses is the tool's error, in its own sentence. On ZeroGPU a GPU is lent to who asks."""
        LocalContext.request.set(GradioRequest(request=_asked(context)))
        try:
            return await asyncio.to_thread(action)
        except VisitorError as error:
            raise ToolError(str(error)) from None

    def _visitor(self, context: Context) -> str:
        return visitor(_asked(context), self._settings.proxies)

    def _told(self, context: Context, record: StoryRecord, offset: int = 0) -> Told:
        said = view.answer(record, offset)
        home = self._settings.home or links.address(_asked(context).headers, self._settings.root_path, self._settings.proxies)
        return Told(
            id=record.id, link=f"{home}?story={record.id}", state=record.state, rests=record.rests,
            stage=said["stage"], words=record.words, target_words=record.request.words, text=said["story"],
            next_offset=len(record.story), finish_reason=said["finish_reason"], seed=said["seed"], model=said["model"],
            advice=said["findings"],
        )  # fmt: skip


def _asked(context: Context) -> Request:
    request = context.request_context.request
    assert isinstance(request, Request)
    return request


def _raw(premise: str, words: int | None, form: str, seed: int, sampling: Sampling | None) -> dict[str, object]:
    """By field name; what was not given is left out."""
    raw: dict[str, object] = {"premise": premise, "form": form, "seed": seed} | dict(sampling or {})
    return raw if words is None else raw | {"words": words}
