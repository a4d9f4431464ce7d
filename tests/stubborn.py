"""The app over an engine that obeys nobody, in a process of its own that is ended by a signal. Only for tests.

    python -m tests.stubborn FOLDER

Writes ten stories at once, each a word every few milliseconds, stop or no stop.
"""

import sys
import threading
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.jobs.shutdown import until_ended
from polaris_demo.page.layout import build_page, launch_options
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Event, Resume, Started
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, ScriptedEngine, endless

STORIES = 10


class Stubborn(ScriptedEngine):
    """It hears no stop."""

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        yield Started("<prompt>", 60, POLARIS)
        for n in range(1_000_000):
            time.sleep(0.02)
            yield Delta.of("story", f"{n} ", (n,))


def main() -> None:
    settings = Settings(data_dir=Path(sys.argv[1]))
    library = Library(settings.data_dir)
    runner = Runner(Stubborn(endless, capacity=STORIES), 20, library=library)
    with until_ended(), closing(library), closing(runner):
        options = launch_options(runner, settings) | {"quiet": True, "server_name": "127.0.0.1"}
        _, url, _ = build_page(runner, settings).launch(prevent_thread_lock=True, **options)
        jobs = [runner.submit({"premise": f"story {n}", "words": 12_000}) for n in range(STORIES)]
        while not all(job.record.words > 5 for job in jobs):
            time.sleep(0.02)
        print(url, *(job.record.id for job in jobs), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
