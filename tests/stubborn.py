"""The app over an engine that obeys nobody, in a process of its own that is ended by a signal. Only for tests.

    python -m tests.stubborn FOLDER                 # ends as the app does
    python -m tests.stubborn FOLDER deaf            # no signal reaches its main thread
    python -m tests.stubborn FOLDER stuck           # something that it closes never returns

Writes ten stories at once, each a word every few milliseconds, stop or no stop.
"""

import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import closing, nullcontext
from pathlib import Path

from polaris_demo.jobs import shutdown
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


class Stuck:
    def close(self) -> None:
        threading.Event().wait()


def main() -> None:
    settings = Settings(data_dir=Path(sys.argv[1]))
    library = Library(settings.data_dir)
    runner = Runner(Stubborn(endless, capacity=STORIES), 20, library=library)
    how = sys.argv[2] if len(sys.argv) > 2 else ""
    if how == "stuck":
        shutdown.MOST_SECONDS = 3.0
    with until_ended() as ended, closing(library), closing(runner), closing(Stuck()) if how == "stuck" else nullcontext():
        options = launch_options(runner, settings) | {"quiet": True, "server_name": "127.0.0.1"}
        _, url, _ = build_page(runner, settings).launch(prevent_thread_lock=True, **options)
        jobs = [runner.submit({"premise": f"story {n}", "words": 12_000}) for n in range(STORIES)]
        while not all(job.record.words > 5 for job in jobs):
            time.sleep(0.02)
        if how == "deaf":
            signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
        print(url, *(job.record.id for job in jobs), flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
