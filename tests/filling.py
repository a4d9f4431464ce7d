"""A gallery in forked children, each of which can be killed at any moment, over an engine that counts. Only for tests.

    python -m tests.filling FOLDER MANY

For each line it takes a child writes what FOLDER/featured.json asks for, says its number, and ends once there are so MANY recordings;
then "ended" is said. The engine's stories are known in advance.
"""

import json
import os
import sys
import threading
from collections.abc import Generator
from pathlib import Path

from polaris_demo.engine.base import Status
from polaris_demo.jobs.gallery import Gallery
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, until

PLANNING, PIECE = 5, 8  # tokens, and characters a token
PREMISES = ("a bell under water", "two sisters and a clock")


def told(premise: str) -> str:
    return f"# Of {premise}\n\n" + " ".join(f"Sentence {i} of {premise}." for i in range(1, 25))


class Counting:
    """Tells a story of each premise, a few characters a token, and goes on from the tokens there are."""

    def __init__(self, pause: float = 0.002, end: str = "stop") -> None:
        self.pause, self.end, self.goes_on = pause, end, threading.Event()
        self.goes_on.set()
        self.asked: list[tuple[StoryRequest, Resume]] = []
        self.told: list[int] = []  # of each story that was asked for, how many tokens there are

    def status(self) -> Status:
        return Status(POLARIS)

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        return f"<prompt>{request.premise}</prompt>", 60

    def allowance(self, request: StoryRequest) -> None:
        return None

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        self.asked.append((request, resume))
        self.told.append(len(resume.token_ids))
        number, text = len(self.told) - 1, told(request.premise)
        pieces = ["" for _ in range(PLANNING)] + [text[i : i + PIECE] for i in range(0, len(text), PIECE)]
        yield Started("<prompt>", 60, POLARIS)
        for token in range(len(resume.token_ids), len(pieces)):
            while not stop.wait(self.pause) and not self.goes_on.is_set() and token > PLANNING + 3:
                pass
            if stop.is_set():
                yield Finish("cancelled")
                return
            yield Delta("story" if pieces[token] else "thinking", pieces[token], 1, (token,))
            self.told[number] = token + 1
        yield Finish(self.end)  # type: ignore[arg-type]


def featuring(folder: Path, *stories: object) -> Path:
    path = folder / "featured.json"
    path.write_text(json.dumps({"stories": stories}))
    return path


def recorded(folder: Path) -> list[Path]:
    return sorted(Settings(data_dir=folder).gallery_dir.glob("*.json"))  # type: ignore[union-attr]


def fill(folder: Path, many: int) -> None:
    settings = Settings(data_dir=folder)
    library = Library(folder)
    runner = Runner(Counting(pause=0.004), library=library)
    gallery = Gallery(runner, settings, quiet=0, source=folder / "featured.json", look_seconds=0.01)
    os.write(1, f"{os.getpid()}\n".encode())  # whole lines, and no lock that a fork could leave held
    until(lambda: len(recorded(folder)) == many, seconds=60)
    gallery.close()
    runner.close()
    library.close()


def main() -> None:
    while os.read(0, 100):  # not sys.stdin, whose lock a fork could leave held
        child = os.fork()
        if child == 0:
            try:
                fill(Path(sys.argv[1]), int(sys.argv[2]))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.write(1, b"ended\n")


if __name__ == "__main__":
    main()
