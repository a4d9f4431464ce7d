"""Between widgets and stories: values in, views out, errors as notices. Decides nothing itself."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr

from ..errors import VisitorError, log_bug
from ..jobs.runner import Checked, Runner
from ..story.request import FIELDS
from . import view

UNFORESEEN = "Something went wrong on the server that nobody foresaw. Try again; if it stays, tell the host of this Space."
API_UPDATE_SECONDS = 0.2
log = logging.getLogger(__name__)


class Handlers:
    """The page's and the API's functions over one runner."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    # --- the page ----------------------------------------------------------------------------------------------------

    async def write(self, *values: object) -> AsyncIterator[tuple[Any, ...]]:
        """Start a story and follow it. Yields updates of the reading pane, the owner's ticket, and the notes."""
        raw = dict(zip(FIELDS, values, strict=True))
        try:
            job = await asyncio.to_thread(self._runner.submit, raw)
        except VisitorError as error:
            yield {"refused": str(error)}, gr.skip(), *self._notes(self._runner.check(raw))
            return
        except Exception as error:
            log_bug(log, "Starting a story failed", error)
            yield {"refused": UNFORESEEN}, gr.skip(), *(gr.skip() for _ in FIELDS)
            return
        ticket: Any = [job.record.id, job.key]
        async for update in self._follow(job.record.id, 0):
            yield update | {"key": job.key}, ticket, *(gr.skip() for _ in FIELDS)
            ticket = gr.skip()

    async def resume(self, ticket: list[str] | None, event: gr.EventData) -> AsyncIterator[dict[str, Any]]:
        """Go on with this page's paused story and follow it from where the page's text ends."""
        if not ticket:
            return
        try:
            await asyncio.to_thread(self._runner.resume, *ticket)
        except VisitorError as error:
            yield {"refused": str(error)}
            return
        shown = (event._data or {}).get("shown")
        async for update in self._follow(ticket[0], shown if isinstance(shown, int) and shown >= 0 else 0):
            yield update

    async def open(self, event: gr.EventData) -> AsyncIterator[tuple[dict[str, Any], Any]]:
        """Show the story that the page's address names, and follow it; with its key the page owns it again."""
        asked = event._data or {}
        story_id, key = asked.get("id"), asked.get("key")
        ticket: Any = [story_id, key] if isinstance(story_id, str) and isinstance(key, str) else None
        async for update in self._follow(story_id, 0):
            yield update, ticket
            ticket = gr.skip()

    async def _follow(self, story_id: Any, offset: int) -> AsyncIterator[dict[str, Any]]:
        """Updates of the reading pane until the story is over or paused."""
        try:
            async for piece in self._runner.follow(story_id, offset):
                paused = piece.record.state == "paused"  # looked up before: the record goes on changing
                yield view.update(piece, view.kept(self._runner.library, time.time()))
                if paused:
                    return
        except VisitorError as error:
            yield {"refused": str(error)}
        except Exception as error:
            log_bug(log, f"Following story {story_id} failed", error)
            yield {"refused": UNFORESEEN}

    def stop(self, ticket: list[str] | None) -> None:
        """Stop the story this page started, if it started one."""
        if ticket:
            try:
                self._runner.stop(*ticket)
            except VisitorError as error:
                gr.Warning(str(error))

    def check(self, *values: object) -> tuple[Any, ...]:
        """The prompt as the model will get it, and a note for every field."""
        raw = dict(zip(FIELDS, values, strict=True))
        result: Checked = self._spoken(lambda: self._runner.check(raw))
        tokens = f"{result.prompt_tokens} tokens. " if result.prompt_tokens else ""
        budget = f"Token budget, thinking included: {result.budget:,}." if result.budget else ""
        return {"prompt": result.prompt, "about": tokens + budget}, *self._notes(result)

    def status(self) -> dict[str, Any]:
        """Who writes here, or what loading is doing."""
        writer = self._runner.engine.writer
        if writer:
            return {"badge": writer.badge(), "preview": writer.is_preview, "why": writer.why, "ready": True}
        failure = getattr(self._runner.engine, "failure", None)
        if failure:
            return {"badge": "no model", "preview": True, "why": failure, "ready": True}
        doing = getattr(self._runner.engine, "progress", None)
        return {"badge": f"{doing.doing if doing else 'loading'} …", "preview": False, "why": "", "ready": False}

    @staticmethod
    def _notes(result: Checked) -> list[list[dict[str, str]]]:
        """For every field its findings."""
        return [[view.finding(f) for f in result.findings if f.field == name] for name in FIELDS]

    # --- the API -----------------------------------------------------------------------------------------------------

    async def api_write(self, raw: dict[str, object]) -> AsyncIterator[dict[str, Any]]:
        job = await asyncio.to_thread(self._submit, raw)
        last = -API_UPDATE_SECONDS
        loop = asyncio.get_running_loop()
        async for piece in self._runner.follow(job.record.id):
            record = piece.record
            resting, paused = record.resting, record.state == "paused"  # looked up before: the record goes on changing
            if resting or loop.time() - last >= API_UPDATE_SECONDS:
                last = loop.time()
                yield {**view.answer(record), "key": job.key}
            if resting:
                return
            if paused:
                await asyncio.to_thread(self._spoken, lambda: self._runner.resume(job.record.id, job.key))

    def api_start(self, raw: dict[str, object]) -> dict[str, Any]:
        job = self._submit(raw)
        return {**view.answer(job.record), "key": job.key}

    def api_check(self, raw: dict[str, object]) -> dict[str, Any]:
        return self._spoken(lambda: view.checked(self._runner.check(raw)))

    def api_get(self, story_id: object, offset: object) -> dict[str, Any]:
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            raise _error("Offset: give a whole number of characters, 0 or more.")
        return self._spoken(lambda: view.answer(self._runner.get(story_id), offset))  # type: ignore[arg-type]

    def api_stop(self, story_id: object, key: object) -> dict[str, Any]:
        return self._spoken(lambda: view.answer(self._runner.stop(story_id, key)))  # type: ignore[arg-type]

    def api_resume(self, story_id: object, key: object) -> dict[str, Any]:
        return self._spoken(lambda: view.answer(self._runner.resume(story_id, key)))  # type: ignore[arg-type]

    def _submit(self, raw: dict[str, object]) -> Any:
        return self._spoken(lambda: self._runner.submit(raw))

    @staticmethod
    def _spoken(action: Any) -> Any:
        """The action's result; an error becomes one that clients can read, anything unforeseen one calm line."""
        try:
            return action()
        except VisitorError as error:
            raise _error(str(error)) from None
        except Exception as error:
            log_bug(log, "A call failed", error)
            raise _error(UNFORESEEN) from None


def _error(message: str) -> gr.Error:
    return gr.Error(message, print_exception=False)
