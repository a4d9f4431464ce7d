"""An engine of forty lines without token ids through the whole app: written, stopped, gone on with after a restart, and exported."""

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client

from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Delta, Event, Resume
from polaris_demo.story.exports import FILES
from polaris_demo.story.request import StoryRequest

from .conftest import serving
from .doubles import TextEngine, until

TALE = "# The bell\n\nIt rang once, 🌟 and then *never* again.\n\n" + "And the fox went on. " * 30
PLAN = "CANARY: first a bell, then a fox."


class StandsStill(TextEngine):
    """Says no more after some characters of its planning, or of its story, until it is stopped."""

    def __init__(self, kind: str, characters: int) -> None:
        super().__init__(TALE, PLAN)
        self._kind, self._characters = kind, characters

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Generator[Event, None, None]:
        came = len(resume.thinking if self._kind == "thinking" else resume.story)
        for event in super().write(request, resume, stop):
            yield event
            if isinstance(event, Delta) and event.kind == self._kind:
                came += len(event.text)
                if came >= self._characters:
                    stop.wait(30)


def stopped_while(engine: TextEngine, folder: Path, counts: str, begun: dict[str, Any] | None) -> dict[str, Any]:
    """Begin a story, or go on with it, in a server of its own, and stop it once it `counts` something."""
    with serving(Runner(engine, library=Library(folder))) as url:
        client = Client(url, verbose=False)
        if begun:
            client.predict(begun["id"], begun["key"], api_name="/resume_story")
        else:
            begun = client.predict("a bell", 300, api_name="/start_story")
        seen = lambda: client.predict(begun["id"], 0, api_name="/get_story")  # noqa: E731
        until(lambda: seen()[counts] >= 2, what="it is on its way")
        client.predict(begun["id"], begun["key"], api_name="/stop_story")
        until(lambda: seen()["state"] == "stopped")
    return begun


def test_it_writes_stops_goes_on_and_is_exported(tmp_path: Path) -> None:
    begun = stopped_while(StandsStill("thinking", 12), tmp_path, "thinking_tokens", None)
    stopped_while(StandsStill("story", 100), tmp_path, "words", begun)
    with serving(Runner(TextEngine(TALE, PLAN), library=Library(tmp_path))) as url:
        client = Client(url, verbose=False)
        client.predict(begun["id"], begun["key"], api_name="/resume_story")
        until(lambda: client.predict(begun["id"], 0, api_name="/get_story")["state"] == "finished")
        whole = client.predict(begun["id"], 0, api_name="/get_story")
        assert whole["story"] == TALE and whole["finish_reason"] == "stop"
        assert whole["thinking_tokens"] == pytest.approx(len(PLAN) / 5, abs=2) and whole["story_tokens"] > len(TALE) // 5
        files = [httpx.get(f"{url}stories/{begun['id']}/story.{ending}") for ending in FILES]
        assert all(file.status_code == 200 and b"CANARY" not in file.content for file in files)
        events = httpx.get(f"{url}stories/{begun['id']}/events").text
        assert "And the fox went on." in events and "CANARY" not in events


def test_the_double_is_forty_lines() -> None:
    source = (Path(__file__).parent / "doubles.py").read_text()
    assert len(source[source.index("class TextEngine") :].split("\n\n\n")[0].splitlines()) <= 40
