"""A story that cannot be lost: whatever happens to the connection, the page or the server, the page shows it whole again."""

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import ScriptedEngine, until, waits_for
from . import steps
from .server import STORY, Counting
from .wire import Wire

ROOT = Path(__file__).parent.parent.parent
RANDOM = random.Random(5)


def moments(count: int) -> list[int]:
    """Characters after which something happens, from the planning on; the story has seconds to go even where a tab opens slowly."""
    return [RANDOM.randrange(0, len(STORY) * 6 // 10) for _ in range(count)]


def begin(page: Page, url: str, characters: int) -> Page:
    steps.open_page(page, url)
    steps.ask(page, "a bell", 1000)
    steps.write(page)
    reached(page, characters)
    return page


def reached(page: Page, characters: int) -> None:
    page.wait_for_function("n => [...(window.polaris?.story?.() || '')].length >= n", arg=characters, timeout=60_000)


def ends_whole(page: Page) -> None:
    """The page comes to the story's end by itself, and holds it character for character, no sentence missing or doubled."""
    expect(page.locator("#pane .ended")).to_have_text("The model ended the story.", timeout=60_000)
    assert steps.story(page) == STORY
    shown = page.locator("#pane .story").evaluate("e => e.textContent")
    assert shown.replace("\n", "") == STORY.replace("\n", "")


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    with serving(Runner(Counting())) as url:  # type: ignore[arg-type]
        yield url


@pytest.fixture
def cuttable(app: str) -> Iterator[Wire]:
    wire = Wire(app)
    yield wire
    wire.close()


def after_a_cut(new_page: Callable[..., Page], wire: Wire, characters: int, seconds: float) -> None:
    page = begin(new_page(offline_is_fine=True), wire.url, characters)
    wire.cut()
    expect(page.locator("#pane .stage")).to_contain_text("The connection is lost. The story is kept")
    before, address = steps.story(page), page.evaluate("performance.timeOrigin")
    lasting = time.monotonic() + seconds
    page.wait_for_function("end => Date.now() >= end", arg=(time.time() + max(0.0, lasting - time.monotonic())) * 1000, timeout=90_000)
    assert steps.story(page) == before, "what had been shown went away"
    wire.mend()
    ends_whole(page)
    assert page.evaluate("performance.timeOrigin") == address, "the page was loaded anew"


@pytest.mark.parametrize("characters", moments(3))
def test_a_network_cut_of_five_seconds(new_page, cuttable: Wire, characters: int) -> None:
    after_a_cut(new_page, cuttable, characters, 5)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_network_cut_of_a_minute(new_page, cuttable: Wire, characters: int) -> None:
    after_a_cut(new_page, cuttable, characters, 60)


def reloaded(page: Page, characters: int, app: str) -> None:
    begin(page, app, characters)
    page.reload()
    ends_whole(page)


@pytest.mark.parametrize("characters", moments(3))
def test_a_reload(new_page, app: str, characters: int) -> None:
    reloaded(new_page(), characters, app)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_reload_ten_times(new_page, app: str, characters: int) -> None:
    reloaded(new_page(), characters, app)


def reopened(page: Page, characters: int, app: str) -> None:
    begin(page, app, characters)
    address, context = page.url, page.context
    page.close()
    again: BrowserContext = context
    page = again.new_page()
    page.goto(address)
    expect(page.get_by_role("button", name="Write the story")).to_be_visible()  # it is this browser's own story
    ends_whole(page)
    expect(page.get_by_role("button", name="Delete this story")).to_be_visible()


@pytest.mark.parametrize("characters", moments(3))
def test_a_tab_closed_and_reopened_by_its_address(new_page, app: str, characters: int) -> None:
    reopened(new_page(), characters, app)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_tab_closed_and_reopened_ten_times(new_page, app: str, characters: int) -> None:
    reopened(new_page(), characters, app)


class Server:
    """The app as a process on a port of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._folder, self.url = folder, f"http://127.0.0.1:{self._port}/"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.browser.server", str(self._port), str(self._folder)]
        self._process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"})
        until(self._answers, 90, "the server to answer")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}config", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.kill()


def restarted(page: Page, server: Server, characters: int) -> None:
    begin(page, server.url, characters)
    before = len(steps.story(page))
    server.kill()
    server.start()
    expect(page.locator("#pane .ended")).to_contain_text("The server stopped while this story was being written", timeout=60_000)
    assert STORY.startswith(steps.story(page)) and len(steps.story(page)) > before - 150  # a second's worth of text
    page.get_by_role("button", name="Continue").click()
    ends_whole(page)


@pytest.mark.parametrize("characters", moments(3))
def test_a_server_killed_and_started_again(new_page, server: Server, characters: int) -> None:
    restarted(new_page(offline_is_fine=True), server, characters)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_server_killed_and_started_again_ten_times(new_page, server: Server, characters: int) -> None:
    restarted(new_page(offline_is_fine=True), server, characters)


def test_a_second_tab_follows_and_stops(new_page, serve) -> None:
    page = begin(new_page(), serve(Counting(0.02)), 100)
    second = page.context.new_page()
    second.goto(page.url)
    reached(second, 100)
    second.get_by_role("button", name="Stop").click()
    for tab in (page, second):
        steps.wait_until_over(tab, 10)
    assert steps.story(page) == steps.story(second) and STORY.startswith(steps.story(page))
    second.get_by_role("button", name="Continue").click()
    ends_whole(second)


def test_the_address_names_the_story_before_its_first_word(new_page, serve) -> None:
    gate = threading.Event()
    page = steps.open_page(new_page(), serve(ScriptedEngine(waits_for(gate))))
    steps.ask(page, "a bell", 1000)
    steps.write(page)
    page.wait_for_url("**/?*story=*")
    assert steps.story(page) == ""
    gate.set()
    steps.wait_until_over(page)
    assert steps.story(page) == "done."
