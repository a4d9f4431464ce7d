"""Between widgets and stories: values in, views out, errors as notices. Decides nothing itself.

`write` and `resume` go through Gradio's queue, since on ZeroGPU a GPU is lent to the visitor whose event there is live.
What fills in and checks the form goes past the queue and answers at once; it is Gradio's too, since the fields are. The
story itself, and what an owner does with it, is plain HTTP (routes.py).
"""

import asyncio
import itertools
import logging
import math
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import gradio as gr
from gradio.context import LocalContext

from ..errors import VisitorError, log_bug
from ..jobs.admission import Checked
from ..jobs.job import Job
from ..jobs.runner import Runner
from ..settings import Settings
from ..story.length import length_in
from ..story.request import FIELDS, LIMITS
from . import asking, heard, links, snippets, view, wire
from .visitor import visitor

T = TypeVar("T")
UNFORESEEN = "Something went wrong on the server that nobody foresaw. Try again; if it stays, tell the host of this Space."
BAD_OFFSET = "Offset: give a whole number of characters, 0 or more."
API_UPDATE_SECONDS = 0.2
LISTENER_SECONDS = 3.0  # without an answer read
log = logging.getLogger(__name__)
_TURNS = itertools.count(1)


class Listener:
    """Whether anybody reads the answers of the event at hand."""

    def __init__(self) -> None:
        self._unread, self._read_at = -1, -math.inf

    def is_there(self, now: float) -> bool:
        """To be asked before each answer; `now` is by any clock, in seconds. Where nothing is read for a while, nobody is."""
        unread = _unread()
        if unread is None or unread <= self._unread or self._unread < 0:
            self._read_at = now
        self._unread = -1 if unread is None else unread
        return now - self._read_at < LISTENER_SECONDS


def _unread() -> int | None:
    """Answers that Gradio holds for the session at hand; None where it holds none for it."""
    blocks, request = LocalContext.blocks.get(None), LocalContext.request.get(None)
    if blocks is None or request is None:
        return None
    held = blocks._queue.pending_messages_per_session.get(request.session_hash)
    return held.qsize() if held is not None else None


class Handlers:
    """The page's and the API's functions over one runner."""

    def __init__(self, runner: Runner, settings: Settings | None = None) -> None:
        self._runner, self._settings = runner, settings or Settings()
        self.served_words = runner.default_words  # in the form, until a page has arrived

    # --- the page ----------------------------------------------------------------------------------------------------

    async def write(self, *values: object) -> AsyncIterator[tuple[Any, ...]]:
        """Start a story. Yields its id and key for the reading pane, which follows it, or why it was refused; and the notes."""
        raw = dict(zip(FIELDS, values, strict=True))
        try:
            job = await asyncio.to_thread(self._runner.submit, raw, self._visitor())
        except VisitorError as error:
            result = self._runner.check(raw)
            yield _not_opened(_refused(str(error))), self._dial(result, raw), *self._notes(result, raw)
            return
        except Exception as error:
            log_bug(log, "Starting a story failed", error)
            yield _not_opened(_refused(UNFORESEEN)), *(gr.skip() for _ in range(len(FIELDS) + 1))
            return
        opened: heard.Opened = {"id": job.record.id, "key": job.key}
        yield opened, *(gr.skip() for _ in range(len(FIELDS) + 1))
        async for _ in self._stay(job.record.id):
            yield gr.skip(), *(gr.skip() for _ in range(len(FIELDS) + 1))

    async def resume(self, event: gr.EventData) -> AsyncIterator[Any]:
        """Go on with a story that this page owns; the reading pane follows it."""
        asked = cast(wire.GoOn, _said(event))
        story_id, key = asked.get("id"), asked.get("key")
        next_segment, unguarded, visitor = bool(asked.get("next")), bool(asked.get("without_guard")), self._visitor()
        record = await self._tried(lambda: self._runner.resume(story_id, key, visitor, next_segment, unguarded))
        if isinstance(record, dict):
            yield _not_opened(record, story_id)
            return
        opened: heard.Opened = {"id": record.id, "turn": len(record.resumed_at)}
        yield opened
        async for _ in self._stay(record.id):
            yield gr.skip()

    async def version(self, event: gr.EventData) -> AsyncIterator[Any]:
        """Begin a new story where another one stands, or a few; the reading pane follows the first."""
        asked = cast(wire.WriteOn, _said(event))
        story_id, paragraph, settings, times = asked.get("id"), asked.get("paragraph"), asked.get("settings"), asked.get("times")
        visitor = self._visitor()
        jobs = await self._tried(lambda: self._write_on(story_id, paragraph, settings, times, visitor))
        if isinstance(jobs, dict):
            yield _not_opened(jobs, story_id)
            return
        (first, key), *also = [(job.record.id, job.key) for job in jobs]
        opened: heard.Opened = {"id": first, "key": key, "also": also, "of": str(story_id)}
        yield opened
        async for _ in self._stay(first):
            yield gr.skip()

    def _write_on(self, story_id: object, paragraph: object, settings: object, times: object, visitor: str) -> list[Job]:
        """The stories begun: one, and more where there is room for them at once. Raises VisitorError where none can be."""
        raw = {str(name): value for name, value in settings.items()} if isinstance(settings, dict) else {}
        jobs = [self._runner.write_on(story_id, paragraph, raw, visitor)]
        most = view.at_once(self._runner.engine.status(), self._settings.zerogpu)
        with suppress(VisitorError):  # there is no room for one more
            while len(jobs) < min(times if isinstance(times, int) else 1, most) and self._runner.room:
                jobs.append(self._runner.write_on(story_id, paragraph, raw | {"seed": -1}, visitor))
        return jobs

    async def _tried(self, action: Callable[[], T]) -> T | heard.RefusedAgain:
        """The action's result, or why it was refused; off the event loop."""
        return await asyncio.to_thread(self._had, action)

    @staticmethod
    def _had(action: Callable[[], T]) -> T | heard.RefusedAgain:
        try:
            return action()
        except VisitorError as error:
            return _refused(str(error))
        except Exception as error:
            log_bug(log, "What a page asked for failed", error)
            return _refused(UNFORESEEN)

    async def _stay(self, story_id: str) -> AsyncIterator[None]:
        """On ZeroGPU, stay until the segment's end: a GPU is lent in the name of a visitor whose event is live."""
        if not self._settings.zerogpu:
            return
        try:
            async for piece in self._runner.follow(story_id, reads=False):
                if piece.record.state == "paused":
                    return
                yield None
        except VisitorError:
            return  # deleted meanwhile; whoever follows it hears so

    async def recipe(self, event: gr.EventData) -> tuple[Any, ...]:
        """For the pane why there is none; and the form as it was for a story, seed included."""
        asked = cast(wire.FormOf, _said(event))
        record = await self._tried(lambda: self._runner.get(asked.get("id")))
        if isinstance(record, dict):
            return _not_opened(record, asked.get("id")), *(gr.skip() for _ in FIELDS)
        return None, *links.of_request(record.request).values()

    def check(self, *values: object) -> tuple[Any, ...]:
        """The prompt as the model will get it, what to expect, the settings as a link and as code, and a note for every field."""
        return self._checked(dict(zip(FIELDS, values, strict=True)))

    def _checked(self, raw: dict[str, object]) -> tuple[Any, ...]:
        begun = raw["premise"] != ""  # an untouched premise is missed only when somebody wants the story
        result = self._had(lambda: self._check(raw if begun else raw | {"premise": "…"}))
        if isinstance(result, dict):  # why, in the dial's place; all else stays as it is
            return gr.skip(), result, gr.skip(), gr.skip(), *(gr.skip() for _ in FIELDS)
        tokens = f"{result.prompt_tokens} tokens. " if result.prompt_tokens else ""
        budget = f"Token budget, thinking included: {result.budget:,}." if result.budget else ""
        prompt: heard.Prompt | None = {"prompt": result.prompt, "about": tokens + budget} if begun else None
        link = links.query(raw, self._runner.default_words)
        code = self._code(result) if begun else None
        return prompt, self._dial(result, raw), link, code, *self._notes(result, raw)

    def _dial(self, result: Checked, raw: dict[str, object]) -> heard.Dial:
        return asking.dial(result, raw, self._runner.engine.status().writer, self._settings.max_words)

    def _code(self, result: Checked) -> heard.Code:
        """The request as code, by kind; none of a request that cannot run."""
        if result.request is None:
            return {"about": "One of the settings cannot be used, so there is no code with it.", "code": []}
        request, writer = LocalContext.request.get(None), self._runner.engine.status().writer
        address = (not self._settings.space and self._settings.home) or links.address(
            request.headers if request else {}, self._settings.root_path, self._settings.proxies
        )
        place = snippets.Place(address, self._settings.space)
        return {"about": snippets.named(writer), "code": list(snippets.snippets(result.request, writer, place).items())}

    def arrive(self, request: gr.Request) -> tuple[Any, ...]:
        """What a page shows when it opens: the form as its address says, and what is promised.

        A field that is as it was served is left alone: by now there may be something else in it.
        """
        values, findings = links.arrival(dict(request.query_params), self._runner.default_words)
        checked = self._checked(values)
        seen = {name for name, noted in zip(FIELDS, checked[-len(FIELDS) :], strict=True) if noted and isinstance(noted, list)}
        arrived = [asking.as_found(found) for found in findings if found.field not in seen]
        served = links.defaults(self.served_words)
        filled = (gr.skip() if value == served[name] else value for name, value in values.items())
        return *filled, arrived, self._promise(), *checked

    def _promise(self) -> str:
        library = self._runner.library
        kept = view.kept(library.problem, library.expires())
        return view.promise(kept, self._settings.unfollowed_seconds, lent_gpu=self._settings.zerogpu)

    def length(self, premise: object) -> Any:
        """A length written in the premise moves the dial."""
        words = length_in(premise) if isinstance(premise, str) else None
        limit = LIMITS["words"]
        return words if words is not None and limit.low <= words <= self._settings.max_words else gr.skip()

    def _notes(self, result: Checked, raw: dict[str, object]) -> list[list[heard.Note]]:
        return asking.notes(result, raw, FIELDS, self._settings.max_words)

    # --- the API -----------------------------------------------------------------------------------------------------

    async def api_write(self, raw: dict[str, object]) -> AsyncIterator[dict[str, Any]]:
        """A story to its end, as long as somebody reads what is answered: Gradio 6.31 keeps the answers for nobody too."""
        job = await asyncio.to_thread(self._submit, raw)
        last, listener = -API_UPDATE_SECONDS, Listener()
        loop = asyncio.get_running_loop()
        try:
            async for piece in self._runner.follow(job.record.id):
                record = piece.record
                if record.rests or loop.time() - last >= API_UPDATE_SECONDS:
                    last = loop.time()
                    if not listener.is_there(last):
                        return
                    yield {**view.answer(record), "key": job.key}
                if record.state == "paused" and not record.rests:
                    await asyncio.to_thread(self._spoken, lambda: self._runner.resume(job.record.id, job.key, next_segment=True))
        finally:
            if job.active:
                self._runner.left(job)

    def api_start(self, raw: dict[str, object]) -> dict[str, Any]:
        job = self._submit(raw)
        return {**view.answer(job.look()), "key": job.key}

    def api_write_on(self, story_id: object, paragraph: object, raw: dict[str, object]) -> dict[str, Any]:
        job = self._spoken(lambda: self._runner.write_on(story_id, paragraph, raw, self._visitor()))
        return {**view.answer(job.look()), "key": job.key}

    def api_check(self, raw: dict[str, object]) -> dict[str, Any]:
        return self._spoken(lambda: view.checked(self._check(raw)))

    def api_get(self, story_id: object, offset: object) -> dict[str, Any]:
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            raise _error(BAD_OFFSET)
        return self._spoken(lambda: view.answer(self._runner.get(story_id), offset))

    def api_stop(self, story_id: object, key: object) -> dict[str, Any]:
        return self._spoken(lambda: view.answer(self._runner.stop(story_id, key)))

    def api_resume(self, story_id: object, key: object, without_guard: object) -> dict[str, Any]:
        return self._spoken(lambda: view.answer(self._runner.resume(story_id, key, self._visitor(), without_guard=without_guard is True)))

    def _check(self, raw: dict[str, object]) -> Checked:
        self._runner.fair.require_check(self._visitor())
        return self._runner.check(raw)

    def _visitor(self) -> str:
        """Whose request is at hand."""
        request = LocalContext.request.get(None)
        return visitor(request.request if request else None, self._settings.proxies)

    def _submit(self, raw: dict[str, object]) -> Job:
        return self._spoken(lambda: self._runner.submit(raw, self._visitor()))

    @staticmethod
    def _spoken(action: Callable[[], T]) -> T:
        """The action's result; an error becomes one that clients can read, anything unforeseen one calm line."""
        try:
            return action()
        except VisitorError as error:
            raise _error(str(error)) from None
        except Exception as error:
            log_bug(log, "A call failed", error)
            raise _error(UNFORESEEN) from None


def _said(event: gr.EventData) -> dict[str, object]:
    """What a script sent with its event: anything at all."""
    found = event._data
    return found if isinstance(found, dict) else {}


def _refused(sentence: str) -> heard.RefusedAgain:
    return {"refused": sentence, "turn": next(_TURNS)}


def _not_opened(refused: heard.RefusedAgain, of: object = "") -> heard.NotOpened:
    """`of` is what a script named."""
    return {**refused, "of": of if isinstance(of, str) else ""}


def _error(message: str) -> gr.Error:
    return gr.Error(message, print_exception=False)
