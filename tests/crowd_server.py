"""The app over a scripted engine, in a process of its own, for crowds. Only for tests.

    python -m tests.crowd_server CAPACITY QUEUE FOLLOWERS

Prints its address. What a story does is said by its premise: "long" tells 12,000 words once FOLLOWERS follow it, "endless" writes
until it is stopped, anything else is told back word by word. Every address that x-forwarded-for ends in is a visitor. A line on
standard input is answered with one of JSON: memory in bytes, stories held, whether the engine is free.
"""

import json
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import mkdtemp

from polaris_demo.jobs.fair import FairUse
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.page.layout import build_page, launch_options
from polaris_demo.settings import Settings, Shares
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, ScriptedEngine, endless
from .memory import used
from .prose import prose

LONG = prose(70_000)  # characters: some 12,000 words


def told_back(premise: str) -> str:
    """What is written for a premise: every word of it is its own, so that a foreign one would show."""
    return " ".join(f"{premise} says {n}." for n in range(40))


class Crowd(ScriptedEngine):
    """Goes on from the word after the last one there is; a long story begins once so many follow."""

    def __init__(self, capacity: int, followers: int) -> None:
        super().__init__(endless, capacity=capacity)
        self.followers, self.following = followers, lambda: 0

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        turn = ScriptedEngine(lambda request, stop: self._tells(request, stop, len(resume.token_ids)))
        self.running += 1
        try:
            yield from turn.write(request, resume, stop)
        finally:
            self.running -= 1

    def _tells(self, request: StoryRequest, stop: threading.Event, had: int) -> Iterator[Event]:
        if request.premise == "endless":
            yield from endless(request, stop)
            return
        yield Started("<prompt>", 60, POLARIS)
        if request.premise == "long":
            while self.following() < self.followers and not stop.wait(0.05):
                yield Delta.of("thinking", "", (1,))
            for at in range(0, len(LONG), 700):
                if stop.wait(0.01):
                    return
                yield Delta.of("story", LONG[at : at + 700], (2,))
        else:
            for n, word in enumerate(told_back(request.premise).split(" ")):
                if n >= had and stop.wait(0.002):
                    return
                if n >= had:
                    yield Delta.of("story", f"{' ' if n else ''}{word}", (2,))
        yield Finish("stop")


def state(runner: Runner, engine: Crowd) -> dict[str, int]:
    """It keeps no story that the app lets go of before it is asked again."""
    jobs = runner._shelf.jobs()
    return {"memory": used(), "stories": len(jobs), "active": sum(job.active for job in jobs), "running": engine.running}


def main() -> None:
    capacity, queue, followers = map(int, sys.argv[1:])
    fair, engine = FairUse(Shares(stories=4, streams=2000, all_streams=5000)), Crowd(capacity, followers)
    engine.following = lambda: fair.streams
    runner = Runner(engine, queue, library=Library(Path(mkdtemp())), fair=fair, unseen_seconds=3, unfollowed_seconds=600)
    settings = Settings(proxies=1, max_words=12_000)
    options = launch_options(runner, settings) | {
        "quiet": True,
        "server_name": "127.0.0.1",
        "prevent_thread_lock": True,
    }
    _, url, _ = build_page(runner, settings).launch(**options)
    print(url, flush=True)
    for _ in sys.stdin:
        print(json.dumps(state(runner, engine)), flush=True)


if __name__ == "__main__":
    main()
