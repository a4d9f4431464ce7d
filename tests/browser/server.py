"""The app in a process of its own that can be killed, over an engine that counts. Only for tests.

    python -m tests.browser.server PORT FOLDER

Takes lines: seconds for a token, for which a child serves the app, and "kill", which kills it. The engine's story is known in
advance, so a page that shows it can be held against it whatever happened in between.
"""

import os
import signal
import sys
import threading
from collections.abc import Generator
from pathlib import Path

from polaris_demo.engine.base import Status
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.page.layout import launch_options
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started
from polaris_demo.story.request import StoryRequest

from ..conftest import LAUNCH, built
from ..doubles import POLARIS

PLANNING = 10
STORY = "# Cloth 🌟 of gold\n\n" + "".join(
    f"Sentence {i} was told, “and so on”, שלום.{chr(10) * 2 if i % 7 == 0 else ' '}" for i in range(1, 121)
)
PIECES = [STORY[i : i + 6] for i in range(0, len(STORY), 6)]
LATE = PLANNING + len(PIECES) * 9 // 10


class Counting:
    """Writes STORY a few characters a token, and goes on from the tokens there are; its last tenth once it `may_end`."""

    def __init__(self, seconds_a_token: float) -> None:
        self.pause, self.may_end = seconds_a_token, threading.Event()
        self.may_end.set()

    def status(self) -> Status:
        return Status(POLARIS, capacity=4)

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        return f"<prompt>{request.premise}</prompt>", 60

    def allowance(self, request: StoryRequest) -> None:
        return None

    def place(self, request: StoryRequest, resume: Resume, characters: int) -> None:
        return None

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        yield Started("<prompt>", 60, POLARIS)
        for token in range(len(resume.token_ids), PLANNING + len(PIECES)):
            while not stop.wait(self.pause) and token >= LATE and not self.may_end.is_set():
                pass
            if stop.is_set():
                yield Finish("cancelled")
                return
            planning = token < PLANNING
            yield Delta.of("thinking" if planning else "story", "" if planning else PIECES[token - PLANNING], (token,))
        yield Finish("stop")


def serve(port: int, folder: Path, seconds_a_token: float) -> None:
    settings = Settings(data_dir=folder)
    runner = Runner(Counting(seconds_a_token), library=Library(folder))
    page = built(runner, settings)
    page.launch(**launch_options(runner, settings) | LAUNCH | {"server_port": port, "prevent_thread_lock": False})


def main() -> None:
    port, folder, child = int(sys.argv[1]), Path(sys.argv[2]), 0
    while line := os.read(0, 100).decode().strip():  # not sys.stdin, whose lock a fork could leave held
        if child:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            child = 0
        if line != "kill" and not (child := os.fork()):
            serve(port, folder, float(line))
        os.write(1, b"done\n")
    if child:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
