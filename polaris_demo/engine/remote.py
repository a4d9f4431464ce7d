"""Writes with an engine elsewhere. Only the tokenizer is here: the prompt, the thinking and its end are what they are locally."""

import logging
import threading
from collections.abc import Generator

from ..errors import VisitorError, log_bug
from ..story.events import Event, Finish, Resume
from ..story.model_info import ModelInfo
from ..story.origin import Place
from ..story.request import StoryRequest
from .base import Status
from .run import Tokens
from .writing import Writing

UNFORESEEN = "The engine’s answer was one that nobody foresaw. What was written is kept, and Continue goes on from there."
log = logging.getLogger(__name__)


class RemoteEngine:
    """`capacity` stories at once, by `tokens` of the model that `writer` describes."""

    def __init__(self, writing: Writing, tokens: Tokens, writer: ModelInfo, capacity: int) -> None:
        self._writing, self._tokens = writing, tokens
        self._status = Status(writer, capacity=capacity)

    def status(self) -> Status:
        return self._status

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        return self._writing.prompt(request)

    def allowance(self, request: StoryRequest) -> None:
        return None

    def place(self, request: StoryRequest, resume: Resume, characters: int) -> Place:
        return self._writing.place(request, resume, characters)

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        assert self._status.writer
        try:
            yield from self._writing.write(self._tokens, self._status.writer, request, resume, stop)
        except VisitorError as error:
            yield Finish("error", str(error))
        except Exception as error:
            log_bug(log, "Writing elsewhere failed", error)
            yield Finish("error", UNFORESEEN)
