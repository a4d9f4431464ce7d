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
from playwright.sync_api import Page, expect

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


def opened(page: Page, url: str) -> Page:
    """A page where everything is asked for, and not yet written."""
    steps.open_page(page, url)
    steps.ask(page, "a bell", 1000)
    return page


def begin(pages: list[Page]) -> list[Page]:
    for page in pages:
        steps.write(page)
        page.wait_for_url("**/?*story=*")
    return pages


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
    with serving(Runner(Counting())) as url:
        yield url


@pytest.fixture
def wires(app: str) -> Iterator[list[Wire]]:
    wires = [Wire(app) for _ in range(3)]
    yield wires
    for wire in wires:
        wire.close()


def after_cuts(new_page: Callable[..., Page], wires: list[Wire], moments: list[int], seconds: float) -> None:
    """Stories at once, the line of each cut at its moment."""
    wires = wires[: len(moments)]
    pages = begin([opened(new_page(offline_is_fine=True), wire.url) for wire in wires])
    for page, wire, moment in zip(pages, wires, sorted(moments), strict=True):
        reached(page, moment)
        wire.cut()
    lasting = time.time() + seconds
    for page in pages:
        expect(page.locator("#pane .stage")).to_contain_text("The connection is lost. The story is kept")
    before = [(steps.story(page), page.evaluate("performance.timeOrigin")) for page in pages]
    pages[0].wait_for_function("end => Date.now() >= end", arg=lasting * 1000, timeout=90_000)
    assert [steps.story(page) for page in pages] == [story for story, _ in before], "what had been shown went away"
    for wire in wires:
        wire.mend()
    for page in pages:
        ends_whole(page)
    assert [page.evaluate("performance.timeOrigin") for page in pages] == [at for _, at in before], "a page was loaded anew"


@pytest.mark.parametrize("characters", [moments(3)], ids=str)
def test_a_network_cut_of_five_seconds(new_page, wires: list[Wire], characters: list[int]) -> None:
    after_cuts(new_page, wires, characters, 5)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_network_cut_of_a_minute(new_page, wires: list[Wire], characters: int) -> None:
    after_cuts(new_page, wires, [characters], 60)


def reloaded(new_page: Callable[..., Page], moments: list[int], app: str) -> None:
    """Stories at once, the page of each loaded anew at its moment."""
    pages = begin([opened(new_page(), app) for _ in moments])
    for page, moment in zip(pages, sorted(moments), strict=True):
        reached(page, moment)
        page.reload()
    for page in pages:
        ends_whole(page)


@pytest.mark.parametrize("characters", [moments(3)], ids=str)
def test_a_reload(new_page, app: str, characters: list[int]) -> None:
    reloaded(new_page, characters, app)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_reload_ten_times(new_page, app: str, characters: int) -> None:
    reloaded(new_page, [characters], app)


def reopened(new_page: Callable[..., Page], moments: list[int], app: str) -> None:
    """Stories at once, the tab of each closed at its moment and opened again by its address."""
    again: list[Page] = []
    for page, moment in zip(begin([opened(new_page(), app) for _ in moments]), sorted(moments), strict=True):
        reached(page, moment)
        address, context = page.url, page.context
        page.close()
        again.append(context.new_page())
        again[-1].goto(address)
    for page in again:
        expect(page.get_by_role("button", name="Write the story")).to_be_visible()  # it is this browser's own story
        ends_whole(page)
        expect(page.get_by_role("button", name="Delete this story")).to_be_visible()


@pytest.mark.parametrize("characters", [moments(3)], ids=str)
def test_a_tab_closed_and_reopened_by_its_address(new_page, app: str, characters: list[int]) -> None:
    reopened(new_page, characters, app)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_tab_closed_and_reopened_ten_times(new_page, app: str, characters: int) -> None:
    reopened(new_page, [characters], app)


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


def restarted(new_page: Callable[..., Page], server: Server, moments: list[int]) -> None:
    """Stories at once, each at its moment when the server is killed under all of them."""
    moments = sorted(moments, reverse=True)
    pages = [opened(new_page(offline_is_fine=True), server.url) for _ in moments]
    for page, moment, later in zip(pages, moments, [*moments[1:], 0], strict=True):
        steps.write(page)
        reached(page, moment - later)
    before = [len(steps.story(page)) for page in pages]
    server.kill()
    server.start()
    for page, shown in zip(pages, before, strict=True):
        expect(page.locator("#pane .ended")).to_contain_text("The server stopped while this story was being written", timeout=60_000)
        assert STORY.startswith(steps.story(page)) and len(steps.story(page)) > shown - 150  # a second's worth of text
        page.get_by_role("button", name="Continue").click()
    for page in pages:
        ends_whole(page)


@pytest.mark.parametrize("characters", [moments(3)], ids=str)
def test_a_server_killed_and_started_again(new_page, server: Server, characters: list[int]) -> None:
    restarted(new_page, server, characters)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_server_killed_and_started_again_ten_times(new_page, server: Server, characters: int) -> None:
    restarted(new_page, server, [characters])


def test_a_second_tab_follows_and_stops(new_page, serve) -> None:
    engine = Counting(0.02)
    page = opened(new_page(), serve(engine))
    steps.write(page)
    reached(page, 100)
    second = page.context.new_page()
    second.goto(page.url)
    reached(second, 100)
    steps.stop(second)
    for tab in (page, second):
        steps.wait_until_over(tab, 10)
    assert steps.story(page) == steps.story(second) and STORY.startswith(steps.story(page))
    engine.pause = 0.001
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
