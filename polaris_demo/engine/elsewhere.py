"""Tokens from an engine elsewhere, whatever it speaks: asked for, waited for with patience, and taken up where it breaks off.

What breaks off is taken up from its last token by a new request, whichever replica answers it. The end of a thinking that has
used up its budget is put in by leaving the stream and asking again.
"""

import asyncio
import math
import random
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

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
NOTHING_KEPT = type(openai.DEFAULT_CONNECTION_LIMITS)(max_keepalive_connections=0)  # of httpx2 in openai 3.54, of httpx in older ones
MOST_TAKEN_UP = 30  # times in one call: an engine that breaks off again and again is not worth waiting for
NO_MORE = "The engine that writes here {what}. What was written is kept, and Continue goes on from there."


@dataclass(frozen=True)
class Address:
    """Where it is, and as what it is asked for: `model` is the name it serves its model by."""

    url: str
    key: str
    model: str

    def client(self) -> openai.AsyncOpenAI:
        """Tries nothing twice by itself: how often and for how long is decided here.

        No connection is kept for the next request: one lasts as long as its story, and no handle stays behind.
        """
        timeout = openai.Timeout(FIRST_TOKEN_SECONDS, connect=CONNECT_SECONDS)
        http = openai.DefaultAsyncHttpxClient(limits=NOTHING_KEPT)
        return openai.AsyncOpenAI(base_url=self.url, api_key=self.key or "none", max_retries=0, timeout=timeout, http_client=http)


class Speaks(Protocol):
    """How one kind of engine is spoken to."""

    def ids(self, run: Run, written: Sequence[int]) -> AsyncGenerator[tuple[int, ...]]:
        """The token ids after `written`, in lots, of one request; an end token last where the model came to its end.

        Raises Fault, and what the client raises, where the answer does not end as it should.
        """


class RemoteTokens:
    """The tokens of one engine, for many stories at once: a `run.Tokens`.

    `ends` are the model's end tokens, `vocabulary` the number of its ids. `patience` is for how many seconds a story waits for its
    next token.
    """

    def __init__(self, speaks: Speaks, ends: frozenset[int], vocabulary: int, loop: Loop, patience: float = 120.0) -> None:
        self._speaks, self._ends, self._vocabulary, self._loop, self._patience = speaks, ends, vocabulary, loop, patience

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
        lots = self._loop.lots(self._speaks.ids(run, tuple(story.written)), HEARTBEAT_SECONDS)
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


def seed_at(params: SamplingParams, position: int) -> int:
    """The engine's generator starts anew with every request: another seed at another place, or it would draw as at the beginning."""
    return (params.seed + position) % (int(LIMITS["seed"].high) + 1)


async def chunks(asked: Awaitable[Any], says: Callable[[Any], bool]) -> AsyncGenerator[Any]:
    """The chunks of a streamed answer; the first that `says` something is waited for longer than any after it. Raises TimeoutError."""
    limit = FIRST_TOKEN_SECONDS
    async with asyncio.timeout(limit):
        stream = await asked
    async with stream:
        heard = aiter(stream)
        while True:
            try:
                async with asyncio.timeout(limit):
                    chunk = await anext(heard)
            except StopAsyncIteration:
                return
            yield chunk
            if says(chunk):
                limit = STALL_SECONDS


def require_ended(reason: str | None) -> None:
    """Raises Fault where a stream ended without its reason, or for another than that a story was told or its limit reached."""
    if reason is None:
        raise Fault("broke off")
    if reason not in ("stop", "length"):
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
