"""From a request to events, over any source of token ids: what all engines that know the ids of their tokens do alike."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from ..errors import RequestRefused
from ..story.checks import check
from ..story.events import Event, Finish, Resume, Started
from ..story.model_info import ModelInfo
from ..story.origin import Place
from ..story.prompt import user_message
from ..story.request import Finding, StoryRequest, errors, read, thinking_budget, token_budget
from .base import another_model
from .closing import NEVER
from .deltas import Deltas
from .run import Run, Tokens
from .tokens import ChatTokens

NEVER_CLOSED = (
    "The token budget ran out while the model was still planning, so no story was begun. "
    "Ask again with another seed, and with the token budget at 0 (automatic)."
)
NEVER_BEGUN = "The model stopped while it was still planning, so no story was begun. Continue tries again from there with another seed."
NO_STORY = "The model ended without writing a story. Continue tries again from the end of its planning with another seed."
CUT = "The token budget ran out before the story’s end. Raise it (0 is automatic) and write again."
FOREIGN = "These are tokens of another model, and this one cannot read them. Write the story anew."


class Writing:
    """How stories are told from the tokens of one model.

    `vocabulary` is the number of its ids. One that `closes` has its thinking ended where its budget is used up or it goes in circles.
    """

    def __init__(self, chat: ChatTokens, vocabulary: int, closes: bool = True) -> None:
        self._chat, self._vocabulary, self._closes = chat, vocabulary, closes

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        """As rendered, and its length in tokens."""
        message = user_message(request)
        return self._chat.render(message), len(self._chat.encode(message))

    def place(self, request: StoryRequest, resume: Resume, characters: int) -> Place:
        """The place of the token that ends the first `characters` of a story; its `resume` has all token ids."""
        return self._deltas(request, resume, self._output(resume)).place(characters)

    def _deltas(self, request: StoryRequest, resume: Resume, output: Sequence[int]) -> Deltas:
        return Deltas(self._chat, output, thinking_budget(request) if self._closes else NEVER, resume.guard, resume.doubts)

    def write(
        self, tokens: Tokens, writer: ModelInfo, request: StoryRequest, resume: Resume, stop: threading.Event, deadline: float = math.inf
    ) -> Iterator[Event]:
        """The events of a story that `writer` writes with `tokens`, to a Finish; at `deadline`, by time.monotonic(),
        Finish("segment"). Raises VisitorError, and what `tokens` raises.
        """
        if another := another_model(resume, writer):
            yield Finish("pause", another)
            return
        _, wrong = read({"premise": request.premise, "words": request.words, "form": request.form} | asdict(request.sampling))
        _require_none(wrong)
        output = self._output(resume)
        message = user_message(request)
        prompt = self._chat.encode(message)
        yield Started(self._chat.render(message), len(prompt), writer)
        _require_none(errors(check(request, writer, len(prompt))))
        deltas = self._deltas(request, resume, output)
        closing = self._chat.closing_at(deltas.close_at)
        run = Run(prompt, output, request.sampling, request.sampling.seed, token_budget(request), closing)
        try:
            yield from self._tell(tokens, run, deltas, stop, deadline)
        except Exception:
            yield from deltas.flush()  # what was written before it failed is kept
            raise

    def _output(self, resume: Resume) -> Sequence[int]:
        """The token ids to go on from. Raises RequestRefused for ids that this model does not have."""
        if max(resume.token_ids, default=0) >= self._vocabulary:
            raise RequestRefused(FOREIGN)
        if resume.token_ids or not (resume.thinking or resume.story):
            return resume.token_ids
        return self._chat.encode_output(resume.thinking, resume.story)

    def _tell(self, tokens: Tokens, run: Run, deltas: Deltas, stop: threading.Event, deadline: float) -> Iterator[Event]:
        """The tokens of a run as events, to a Finish."""
        written: list[int] = []
        for token in tokens(run, stop):
            if not isinstance(token, int):
                yield from deltas.flush()  # nothing more may come for a while
                yield token
                if time.monotonic() >= deadline:
                    yield Finish("segment")
                    return
                continue
            if token in self._chat.ends:
                yield from deltas.flush(token)
                yield _ended(deltas)
                return
            written.append(token)
            yield from deltas.add(token)
            if deltas.loop:
                yield from deltas.flush()
                yield deltas.cut()
                return
            if time.monotonic() >= deadline and not stop.is_set():
                yield from deltas.flush()
                yield Finish("segment")
                return
            if run.closing and deltas.close_at < run.closing.at:
                break
        else:
            yield from deltas.flush()
            yield Finish("cancelled") if stop.is_set() else _used_up(deltas)
            return
        # The thinking goes round in circles, which is rare: all is read anew, to be ended here.
        closing = self._chat.closing_at(deltas.close_at)
        yield from self._tell(tokens, replace(run, output=[*run.output, *written], closing=closing), deltas, stop, deadline)


def _ended(deltas: Deltas) -> Finish:
    """How a story ends whose model said that it is over. Without a story it is tried again from before that."""
    if not deltas.blank:
        return Finish("stop")
    if deltas.kind == "thinking":
        return Finish("error", NEVER_BEGUN, tokens=deltas.count, characters=0)
    return Finish("error", NO_STORY, tokens=deltas.ended_at, characters=0)


def _used_up(deltas: Deltas) -> Finish:
    """How a story ends whose token budget is used up."""
    if not deltas.blank:
        return Finish("length", CUT)
    if deltas.kind == "thinking":
        return Finish("error", NEVER_CLOSED)
    return Finish("error", NO_STORY, tokens=deltas.ended_at, characters=0)


def _require_none(refused: Sequence[Finding]) -> None:
    """No request reaches the device that was not checked here, whoever hands it over. Raises RequestRefused."""
    if refused:
        raise RequestRefused(" ".join(finding.message for finding in refused))
