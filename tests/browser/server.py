"""The app in a process of its own that can be killed, over an engine that counts. Only for tests.

    python -m tests.browser.server PORT FOLDER

The engine's story is known in advance, so a page that shows it can be held against it whatever happened in between.
"""

import sys
import threading
from collections.abc import Generator
from pathlib import Path

from polaris_demo.engine.base import Status
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.page.layout import build_page, launch_options
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started
from polaris_demo.story.request import StoryRequest

from ..doubles import POLARIS

PLANNING = 10
STORY = "# Cloth 🌟 of gold\n\n" + "".join(
    f"Sentence {i} was told, “and so on”, שלום.{chr(10) * 2 if i % 7 == 0 else ' '}" for i in range(1, 121)
)
PIECES = [STORY[i : i + 6] for i in range(0, len(STORY), 6)]


class Counting:
    """Writes STORY a few characters a token, and goes on from the tokens there are."""

    def __init__(self, seconds_a_token: float = 0.014) -> None:
        self.pause = seconds_a_token

    def status(self) -> Status:
        return Status(POLARIS, capacity=4)

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        return f"<prompt>{request.premise}</prompt>", 60

    def allowance(self, request: StoryRequest) -> None:
        return None

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        yield Started("<prompt>", 60, POLARIS)
        for token in range(len(resume.token_ids), PLANNING + len(PIECES)):
            if stop.wait(self.pause):
                yield Finish("cancelled")
                return
            planning = token < PLANNING
            yield Delta.of("thinking" if planning else "story", "" if planning else PIECES[token - PLANNING], (token,))
        yield Finish("stop")


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    settings = Settings(data_dir=folder)
    runner = Runner(Counting(), library=Library(folder))
    page = build_page(runner, settings)
    page.launch(server_name="127.0.0.1", server_port=port, quiet=True, **launch_options(runner, settings) | {"mcp_server": False})


if __name__ == "__main__":
    main()
