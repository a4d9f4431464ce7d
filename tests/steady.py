"""The command line over an engine whose every story is known beforehand, as a process that can be killed at any moment. Only for tests.

    python -m tests.steady write "a fox" …

KILL=before:3 kills the process before the third file takes its name, KILL=after:3 right after that.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator

from polaris_demo.__main__ import main
from polaris_demo.engine.base import Allowance, Status
from polaris_demo.jobs import atomic
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started
from polaris_demo.story.model_info import ModelInfo
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS

THOUGHT = 5  # tokens
PACE = 0.012  # seconds a token: a story takes longer than two savings of it


class Steady:
    """Tells for each request one story, a token after another, from wherever it is to go on."""

    def __init__(self, capacity: int = 4, pace: float = PACE, writer: ModelInfo = POLARIS) -> None:
        self._status, self._pace = Status(writer, capacity=capacity), pace
        self.running = self.most_running = self.begun = 0

    def status(self) -> Status:
        return self._status

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        return f"<prompt>{request.premise}</prompt>", 60

    def allowance(self, request: StoryRequest) -> Allowance | None:
        return None

    def place(self, request: StoryRequest, resume: Resume, characters: int) -> None:
        return None

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Iterator[Event]:
        ids = tokens(request)
        assert list(resume.token_ids) == ids[: len(resume.token_ids)], "what it goes on from is another story"
        self.begun, self.running = self.begun + 1, self.running + 1
        self.most_running = max(self.most_running, self.running)
        try:
            assert self._status.writer
            yield Started(*self.prompt(request), self._status.writer)
            for at in range(len(resume.token_ids), len(ids)):
                if stop.wait(self._pace):
                    yield Finish("cancelled")
                    return
                yield Delta.of("thinking" if at < THOUGHT else "story", word(ids[at]), (ids[at],))
            yield Finish("stop")
        finally:
            self.running -= 1


def tokens(request: StoryRequest) -> list[int]:
    """The tokens of the story that this request gets: as many words as were asked for, or nearly so."""
    count = THOUGHT + request.words + request.sampling.seed % 7 - 3
    return [(len(request.premise) * 31 + request.sampling.seed * 17 + at * at * 13) % 9973 for at in range(count)]


def word(token: int) -> str:
    return f"w{token} "


def told(request: StoryRequest) -> str:
    """The story of a run that nothing disturbs."""
    return "".join(map(word, tokens(request)[THOUGHT:]))


def kill_at(moment: str) -> None:
    when, count = moment.split(":")
    left, replace = int(count), os.replace

    def replacing(*names: os.PathLike[str]) -> None:
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*names)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    atomic.os.replace = replacing  # type: ignore[attr-defined]


if __name__ == "__main__":
    if "KILL" in os.environ:
        kill_at(os.environ["KILL"])
    sys.exit(main(sys.argv[1:], lambda settings: Steady()))
