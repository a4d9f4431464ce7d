"""Tokens from an engine elsewhere that takes ids and gives ids: vLLM's completions, or whatever speaks the same.

The prompt goes there as ids, and every chunk brings the ids it holds (`return_token_ids`), so nothing is glued together from
text and no template is needed there. What breaks off is taken up from its last token by a new request, whichever replica
answers it.
"""

import asyncio
import math
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import openai

from ..errors import EngineError
from ..story.events import Progress, TakenUp
from ..story.request import LIMITS, SamplingParams
from .base import HEARTBEAT_SECONDS
from .closing import NEVER, Closing, ThinkingState
from .faults import Fault, fault
from .relay import Loop
from .run import Run

FIRST_TOKEN_SECONDS, STALL_SECONDS, CONNECT_SECONDS = 120.0, 30.0, 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0  # seconds between two tries, doubled each time
MOST_TAKEN_UP = 30  # times in one call: an engine that breaks off again and again is not worth waiting for
NO_MORE = "The engine that writes here {what}. What was written is kept, and Continue goes on from there."


@dataclass(frozen=True)
class Address:
    """Where it is, and as what it is asked for: `model` is the name it serves its model by."""

    url: str
    key: str
    model: str


def body(model: str, run: Run, written: Sequence[int], ends: Sequence[int]) -> dict[str, Any]:
    """The request for what comes after `written`: these fields and no others, each with a value, whatever the engine's defaults are."""
    params = run.params
    return {
        "model": model,
        "prompt": [*run.prompt, *written],
        "max_tokens": run.limit - len(written),
        "stream": True,
        "temperature": params.temperature,
        "top_p": params.top_p if params.temperature else 1.0,
        "presence_penalty": params.presence_penalty,
        "frequency_penalty": 0.0,
        "seed": seed_at(params, len(written)),
        "extra_body": {
            "top_k": params.top_k,
            "min_p": params.min_p,
            "repetition_penalty": params.repetition_penalty,
            "stop_token_ids": list(ends),
            "return_token_ids": True,
        },
    }


def seed_at(params: SamplingParams, position: int) -> int:
    """The engine's generator starts anew with every request: another seed at another place, or it would draw as at the beginning."""
    return (params.seed + position) % (int(LIMITS["seed"].high) + 1)


class VllmTokens:
    """The tokens of one engine, for many stories at once. `patience` is for how many seconds a story waits for its next token."""

    def __init__(self, engine: Address, ends: frozenset[int], vocabulary: int, loop: Loop, patience: float = 120.0) -> None:
        self._engine, self._ends, self._vocabulary, self._loop, self._patience = engine, sorted(ends), vocabulary, loop, patience
        self._client = openai.AsyncOpenAI(
            base_url=engine.url,
            api_key=engine.key or "none",
            max_retries=0,
            timeout=openai.Timeout(FIRST_TOKEN_SECONDS, connect=CONNECT_SECONDS),
        )

    def __call__(self, run: Run, stop: threading.Event) -> Iterator[Progress | TakenUp | int]:
        """As `run.Tokens` has it. Raises EngineError where the engine does not go on."""
        story = _Story(run)
        tries = _Tries(self._patience)
        while not stop.is_set() and len(story.written) < run.limit:
            if story.forced is not None:
                yield story.take(story.forced)
                continue
            try:
                yield from self._one_request(run, story, tries, stop)
            except Exception as error:
                found = fault(error)
                if found is None:
                    raise
                wait = tries.failed(found)
                if tries.came:
                    yield TakenUp(len(story.written), found.what)
                    tries.came = 0
                yield from _waits(wait, found, stop)
            else:
                if story.forced is None:
                    return

    def _one_request(self, run: Run, story: "_Story", tries: "_Tries", stop: threading.Event) -> Iterator[Progress | int]:
        """The tokens of one request, to its end, or to where the end of thinking is put in. Raises what the client raises."""
        lots = self._loop.lots(self._chunks(body(self._engine.model, run, story.written, self._ends)), HEARTBEAT_SECONDS)
        try:
            for lot in lots:
                if stop.is_set():
                    return
                if not lot:
                    yield Progress("reading", 0, len(run.prompt) + len(story.written))
                for token in chain.from_iterable(lot):
                    if not 0 <= token < self._vocabulary:
                        raise Fault("sent tokens of another model", again=False)
                    tries.succeeded()
                    yield story.take(token)
                    if token in self._ends or story.forced is not None or len(story.written) >= run.limit:
                        return
        finally:
            lots.close()

    async def _chunks(self, request: dict[str, Any]) -> AsyncIterator[tuple[int, ...]]:
        """The ids of each chunk of an answer that ends as it should; after an end without its token, that token."""
        limit, ended = FIRST_TOKEN_SECONDS, None
        async with asyncio.timeout(limit):
            stream = await self._client.completions.create(**request)
        async with stream:
            chunks = aiter(stream)
            while True:
                try:
                    async with asyncio.timeout(limit):
                        chunk: Any = await anext(chunks)
                except StopAsyncIteration:
                    break
                if chunk.model and chunk.model != self._engine.model:
                    raise Fault("answers as another model than the one that was asked for", again=False)
                for choice in chunk.choices or ():
                    ids = tuple(getattr(choice, "token_ids", None) or ())
                    if choice.text and not ids:
                        raise Fault("sends text without the ids of its tokens", again=False)
                    if ids:
                        limit = STALL_SECONDS
                        yield ids
                    ended = choice.finish_reason or ended
                    if choice.finish_reason == "stop" and (not ids or ids[-1] not in self._ends):
                        yield (self._ends[0],)
        if ended is None:
            raise Fault("broke off")
        if ended not in ("stop", "length"):
            raise Fault("stopped with an error")


class _Story:
    """What was generated by now, and where the end of its thinking is put in."""

    def __init__(self, run: Run) -> None:
        self.written = list(run.output)
        self._state = ThinkingState(run.closing or Closing(NEVER, (), -1, -1), self.written)

    @property
    def forced(self) -> int | None:
        return self._state.next_forced

    def take(self, token: int) -> int:
        self.written.append(token)
        self._state.feed(token)
        return token


class _Tries:
    """How often it failed since the last token, and since when."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._failed = self._taken_up = 0
        self._since = math.inf
        self.came = 0  # tokens since the last fault

    def succeeded(self) -> None:
        self._failed, self._since = 0, math.inf
        self.came += 1

    def failed(self, found: Fault) -> float:
        """Seconds to wait for the next try. Raises EngineError where there is none."""
        now = time.monotonic()
        self._since = min(self._since, now)
        self._taken_up += self.came > 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._failed) * random.uniform(0.75, 1.25)
        wait = found.wait or (0.0 if self.came and not self._failed else pause)
        self._failed += 1
        if not found.again or now + wait - self._since > self._patience or self._taken_up > MOST_TAKEN_UP:
            raise EngineError(NO_MORE.format(what=found.what))
        return wait


def _waits(seconds: float, found: Fault, stop: threading.Event) -> Iterator[Progress]:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not stop.wait(min(left, HEARTBEAT_SECONDS)):
        yield Progress("loading" if found.starting else "reading")
