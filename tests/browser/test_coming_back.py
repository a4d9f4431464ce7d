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
from .server import PIECES, STORY, Counting
from .wire import Wire

ROOT = Path(__file__).parent.parent.parent
RANDOM = random.Random(5)
SECONDS_A_TOKEN, QUICK = 0.014, 0.003
A_SECONDS_WORTH = round(len(PIECES[0]) / SECONDS_A_TOKEN)


def moments(count: int) -> list[int]:
    """Characters after which something happens, from the planning on and well before the story waits for its end."""
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


def ends_whole(page: Page) -> None:
    """The page comes to the story's end by itself, and holds it character for character, no sentence missing or doubled."""
    expect(page.locator("#pane .stage")).to_have_text("Finished", timeout=60_000)
    assert steps.story(page) == STORY
    shown = page.locator("#pane .story").evaluate("e => e.textContent")
    assert shown.replace("\n", "") == STORY.replace("\n", "")


@pytest.fixture(scope="module")
def engine() -> Counting:
    return Counting(QUICK)


@pytest.fixture(scope="module")
def app_of(engine: Counting) -> Iterator[str]:
    with serving(Runner(engine)) as url:
        yield url


@pytest.fixture
def app(app_of: str, engine: Counting) -> Iterator[str]:
    """The address of an app whose stories wait before their end until the engine `may_end`: they are still being written, whatever takes long."""
    engine.may_end.clear()
    yield app_of
    engine.may_end.set()


@pytest.fixture
def wires(app: str) -> Iterator[list[Wire]]:
    wires = [Wire(app) for _ in range(2)]
    yield wires
    for wire in wires:
        wire.close()


def after_cuts(new_page: Callable[..., Page], engine: Counting, wires: list[Wire], moments: list[int], seconds: float) -> None:
    """Stories at once, the line of each cut at its moment."""
    wires = wires[: len(moments)]
    pages = begin([opened(new_page(offline_is_fine=True), wire.url) for wire in wires])
    for page, wire, moment in zip(pages, wires, sorted(moments), strict=True):
        steps.reached(page, moment)
        wire.cut()
    lasting = time.time() + seconds
    for page in pages:
        expect(page.locator("#pane .what")).to_have_text("Connection lost. What was written is kept; this page reconnects by itself.")
    before = [(steps.story(page), page.evaluate("performance.timeOrigin")) for page in pages]
    pages[0].wait_for_function("end => Date.now() >= end", arg=lasting * 1000, timeout=90_000)
    assert [steps.story(page) for page in pages] == [story for story, _ in before], "what had been shown went away"
    for wire in wires:
        wire.mend()
    engine.may_end.set()
    for page in pages:
        ends_whole(page)
    assert [page.evaluate("performance.timeOrigin") for page in pages] == [at for _, at in before], "a page was loaded anew"


@pytest.mark.parametrize("characters", [moments(2)], ids=str)
def test_a_network_cut_of_five_seconds(new_page, engine: Counting, wires: list[Wire], characters: list[int]) -> None:
    after_cuts(new_page, engine, wires, characters, 5)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_network_cut_of_a_minute(new_page, engine: Counting, wires: list[Wire], characters: int) -> None:
    after_cuts(new_page, engine, wires, [characters], 60)


def reloaded(new_page: Callable[..., Page], engine: Counting, moments: list[int], app: str) -> None:
    """Stories at once, the page of each loaded anew at its moment."""
    pages = begin([opened(new_page(), app) for _ in moments])
    for page, moment in zip(pages, sorted(moments), strict=True):
        steps.reached(page, moment)
        page.reload()
        steps.reached(page, moment)
    engine.may_end.set()
    for page in pages:
        ends_whole(page)


@pytest.mark.parametrize("characters", [moments(2)], ids=str)
def test_a_reload(new_page, engine: Counting, app: str, characters: list[int]) -> None:
    reloaded(new_page, engine, characters, app)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_reload_ten_times(new_page, engine: Counting, app: str, characters: int) -> None:
    reloaded(new_page, engine, [characters], app)


def reopened(new_page: Callable[..., Page], engine: Counting, moments: list[int], app: str) -> None:
    """Stories at once, the tab of each closed at its moment and opened again by its address."""
    again: list[Page] = []
    for page, moment in zip(begin([opened(new_page(), app) for _ in moments]), sorted(moments), strict=True):
        steps.reached(page, moment)
        address, context = page.url, page.context
        page.close()
        again.append(context.new_page())
        again[-1].goto(address)
        steps.reached(again[-1], moment)
    engine.may_end.set()
    for page in again:
        expect(page.locator("html")).to_have_attribute("data-own", "yes")
        ends_whole(page)
        page.get_by_text("Everything about this story").click()
        expect(page.get_by_role("button", name="Delete this story")).to_be_visible()


@pytest.mark.parametrize("characters", [moments(2)], ids=str)
def test_a_tab_closed_and_reopened_by_its_address(new_page, engine: Counting, app: str, characters: list[int]) -> None:
    reopened(new_page, engine, characters, app)


@pytest.mark.slow
@pytest.mark.parametrize("characters", moments(10))
def test_a_tab_closed_and_reopened_ten_times(new_page, engine: Counting, app: str, characters: int) -> None:
    reopened(new_page, engine, [characters], app)


class Server:
    """The app on a port of its own, as a child of a process that has imported everything: it starts in no time."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        command = [sys.executable, "-m", "tests.browser.server", str(port), str(folder)]
        env = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"}
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def start(self, seconds_a_token: float) -> None:
        self._tell(str(seconds_a_token))
        until(self._answers, 90, "the server to answer")

    def kill(self) -> None:
        self._tell("kill")

    def _tell(self, what: str) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{what}\n".encode())
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"done\n"

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}config", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    with server.process:
        server.start(SECONDS_A_TOKEN)
        yield server


def restarted(new_page: Callable[..., Page], server: Server, moments: list[int]) -> None:
    """Stories at once, each at its moment when the server is killed under all of them."""
    moments = sorted(moments, reverse=True)
    pages = [opened(new_page(offline_is_fine=True), server.url) for _ in moments]
    for page, moment, later in zip(pages, moments, [*moments[1:], 0], strict=True):
        steps.write(page)
        steps.reached(page, moment - later)
    before = [len(steps.story(page)) for page in pages]
    server.kill()
    server.start(QUICK)
    for page, shown in zip(pages, before, strict=True):
        expect(page.locator("#pane .ended")).to_contain_text("The server stopped while this story was being written", timeout=60_000)
        assert STORY.startswith(steps.story(page)) and len(steps.story(page)) > shown - A_SECONDS_WORTH
        page.get_by_role("button", name="Continue").first.click()
    for page in pages:
        ends_whole(page)


@pytest.mark.parametrize("characters", [moments(2)], ids=str)
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
    steps.reached(page, 100)
    second = page.context.new_page()
    second.goto(page.url)
    steps.reached(second, 100)
    steps.stop(second)
    for tab in (page, second):
        steps.wait_until_over(tab)
    assert steps.story(page) == steps.story(second) and STORY.startswith(steps.story(page))
    engine.pause = 0.001
    second.get_by_role("button", name="Continue").first.click()
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
