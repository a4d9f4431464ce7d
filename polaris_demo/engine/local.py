"""Writes with transformers: turns token ids into events."""

import logging
import math
import threading
import time
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from itertools import accumulate

import torch
from transformers import PreTrainedModel

from ..errors import RequestRefused, VisitorError, log_bug
from ..story.events import Delta, Event, Finish, Kind, Started, ThinkingClosed
from ..story.loops import Loop, LoopGuard, sound_end
from ..story.model_info import ModelInfo
from ..story.prompt import user_message
from ..story.request import Finding, StoryRequest, check, errors, read, thinking_budget, token_budget
from . import kernels
from .base import GpuBroken
from .decoder import Decoder, Run, Stopped
from .tokens import ChatTokens

DELTA_SECONDS = 0.05  # tokens are handed on in lots of this age: one event a token would cost more than it shows
log = logging.getLogger(__name__)

NEVER_CLOSED = (
    "The model stopped while it was still planning, so no story was begun. "
    "Ask again with another seed, and with the token budget at 0 (automatic)."
)
CUT = "The token budget ran out before the story's end. Raise it (0 is automatic) and write again."
ANOTHERS = "This story was begun by another model, and this one cannot read its tokens. Write it anew."
GO_ON = "What was sound of it is kept, and Continue goes on from there with another seed."
OUT_OF_MEMORY = "The GPU ran out of memory. Ask for a shorter story, or try again in a moment."
GPU_BROKEN = "The GPU stopped with an error and this server starts anew, which takes a minute. What was written is kept."
UNFORESEEN = "The model stopped with an error nobody foresaw. What was written is kept; writing again may work."


class LocalEngine:
    """A loaded model with its tokenizer. Writes one story at a time.

    `plain_loop` takes the decoder's plain loop also where there is a GPU.
    """

    capacity = 1

    def __init__(self, model: PreTrainedModel, chat: ChatTokens, writer: ModelInfo, plain_loop: bool = False) -> None:
        self._model, self._chat, self._writer, self._plain_loop = model, chat, writer, plain_loop

    @cached_property
    def _decoder(self) -> Decoder:
        """Made by the first story: on ZeroGPU the process that loads the model has no GPU to make buffers on."""
        kernels.settle(self._model)
        return Decoder(self._model, plain=self._plain_loop or None)

    @property
    def writer(self) -> ModelInfo:
        return self._writer

    def describe(self, writer: ModelInfo) -> None:
        """Say who writes, where the loader knows more than the checkpoint does."""
        self._writer = writer

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        message = user_message(request)
        return self._chat.render(message), len(self._chat.encode(message))

    def write(
        self, request: StoryRequest, output: Sequence[int], stop: threading.Event, seconds: float | None = None
    ) -> Generator[Event, None, None]:
        deadline = time.monotonic() + (math.inf if seconds is None else seconds)
        memory_full = False
        try:
            yield from self._write(request, output, stop, deadline)
        except Stopped:
            yield Finish("cancelled")
        except VisitorError as error:
            yield Finish("error", str(error))
        except torch.OutOfMemoryError:
            memory_full = True  # the exception holds the cache alive: let it go before saying more
        except Exception as error:
            log_bug(log, "Writing failed", error)
            broken = isinstance(error, torch.AcceleratorError)
            yield Finish("error", GPU_BROKEN if broken else UNFORESEEN)
            if broken:
                raise GpuBroken from None
        if memory_full:
            self._decoder.free()
            torch.cuda.empty_cache()
            yield Finish("error", OUT_OF_MEMORY)

    def _write(self, request: StoryRequest, output: Sequence[int], stop: threading.Event, deadline: float) -> Iterator[Event]:
        _, wrong = read({"premise": request.premise, "words": request.words, "form": request.form} | asdict(request.sampling))
        _require_none(wrong)
        if max(output, default=0) >= self._model.config.get_text_config().vocab_size:
            raise RequestRefused(ANOTHERS)
        message = user_message(request)
        prompt = self._chat.encode(message)
        yield Started(self._chat.render(message), len(prompt))
        _require_none(errors(check(request, self._writer, len(prompt))))
        closing = (self._chat.think_end, thinking_budget(request))
        run = Run(prompt, output, request.sampling, request.sampling.seed, token_budget(request), closing)
        deltas = _Deltas(self._chat, output)
        try:
            yield from self._tell(run, deltas, stop, deadline)
        except Exception:
            yield from deltas.flush()  # what was written before it failed is kept
            raise

    def _tell(self, run: Run, deltas: "_Deltas", stop: threading.Event, deadline: float) -> Iterator[Event]:
        """The tokens of a run as events, to a Finish."""
        for token in self._decoder.tokens(run, stop):
            if not isinstance(token, int):
                yield token
                if time.monotonic() >= deadline:
                    yield Finish("segment")
                    return
                continue
            if run.close and deltas.count == run.close[1] and deltas.kind == "thinking":
                yield ThinkingClosed(deltas.count)
            if token in self._chat.ends:
                yield from deltas.flush(token)
                yield Finish("stop") if deltas.kind == "story" else Finish("error", NEVER_CLOSED)
                return
            yield from deltas.add(token)
            if deltas.loop:
                yield from deltas.flush()
                yield deltas.cut()
                return
            if time.monotonic() >= deadline and not stop.is_set():
                yield from deltas.flush()
                yield Finish("segment")
                return
        yield from deltas.flush()
        if stop.is_set():
            yield Finish("cancelled")
        else:
            yield Finish("length", CUT) if deltas.kind == "story" else Finish("error", NEVER_CLOSED)


def _require_none(refused: Sequence[Finding]) -> None:
    """No request reaches the device that was not checked here, whoever hands it over. Raises RequestRefused."""
    if refused:
        raise RequestRefused(" ".join(finding.message for finding in refused))


class _Deltas:
    """Gathers tokens into deltas: the kind changes at the first "</think>", found by its id. Watches the story for loops."""

    def __init__(self, chat: ChatTokens, output: Sequence[int]) -> None:
        self._chat, self._guard = chat, LoopGuard()
        self._story: list[str] = []  # the text of every token after "</think>", those of earlier segments too
        self.kind: Kind = "thinking"
        self._decoder = chat.decoder()
        self._text, self._ids, self._since = "", [], time.monotonic()  # type: tuple[str, list[int], float]
        self.count = 0
        for token in output:
            self._step(token)

    def add(self, token: int) -> Iterator[Delta]:
        before = self.kind
        text = self._step(token)
        self._ids.append(token)
        if self.kind != before:
            yield self._take(before)
        self._text += text
        if time.monotonic() - self._since >= DELTA_SECONDS:
            yield self._take(self.kind)

    def flush(self, last: int | None = None) -> Iterator[Delta]:
        if last is not None:
            self._ids.append(last)
        if self._ids:
            yield self._take(self.kind)

    def _step(self, token: int) -> str:
        self.count += 1
        if self.kind == "thinking" and token == self._chat.think_end:
            self.kind, self._decoder = "story", self._chat.decoder()
            return ""
        text = self._decoder.step(token)
        if self.kind == "thinking":
            return ""  # it is counted by its ids, and its text goes nowhere
        self._story.append(text)
        self._guard.feed(text)
        return text

    @property
    def loop(self) -> Loop | None:
        return self._guard.loop

    def cut(self) -> Finish:
        """The end of a story that loops: what of it is sound, up to the token that ends its last sound paragraph."""
        assert self.loop
        text, ends = "".join(self._story), list(accumulate(map(len, self._story)))
        kept = bisect_left(ends, sound_end(text, self.loop)) + 1
        if ends[kept - 1] > self.loop.start:  # that token reaches into the loop
            kept -= 1
        message = f"{self.loop.message} {GO_ON}"
        return Finish("loop", message, tokens=self.count - len(ends) + kept, characters=ends[kept - 1] if kept else 0)

    def _take(self, kind: Kind) -> Delta:
        delta = Delta(kind, self._text, tuple(self._ids))
        self._text, self._ids, self._since = "", [], time.monotonic()
        return delta
