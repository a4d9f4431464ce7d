"""A Chromium or Chrome, driven by Playwright."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tools import prepare

from ..conftest import CLOSED, needs
from ..doubles import ScriptedEngine

Window = tuple[Page, list[str]]
expect.set_options(timeout=20_000)  # how long a slow machine may take is no statement about the page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser a module: while Playwright's event loop lives, other tests cannot start one of their own."""
    needs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**prepare.quickest() or {})
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser, serve) -> Iterator:
    """new_page(width, height) -> a page in a context of its own; what it logs as an error fails the test.

    It needs `serve` so that pages are closed before their servers.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def make(width: int = 1440, height: int = 900, offline_is_fine: bool = False, **options) -> Page:
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **options))
        return _watched(contexts[-1].new_page(), problems, offline_is_fine)

    yield make
    for context in contexts:
        context.close()
    assert not problems


@pytest.fixture(scope="module")
def windows(chromium: Browser) -> Iterator[Callable[..., Window]]:
    """windows(script, **options) -> the page that all of a module's tests with these have, and what it has logged as errors."""
    opened: dict[str, Window] = {}

    def window(script: str, offline_is_fine: bool, **options) -> Window:
        if (key := f"{offline_is_fine}{script}{sorted(options.items())}") not in opened:
            problems: list[str] = []
            page = _watched(chromium.new_context(**options).new_page(), problems, offline_is_fine)
            page.add_init_script(script)
            opened[key] = page, problems
        return opened[key]

    yield window
    for page, _ in opened.values():
        page.context.close()


@pytest.fixture
def same_page(windows: Callable[..., Window], serve) -> Iterator:
    """same_page(width, height, script) -> the page of the test before, which knows nothing of it; `script` runs before any of a page's own.

    For whatever needs one visitor, and leaves nothing on its page that outlives an address, such as a listener: opening a context
    costs as much as the app's page.
    """
    taken: list[Window] = []

    def take(width: int = 1440, height: int = 900, script: str = "", offline_is_fine: bool = False, **options) -> Page:
        taken.append(windows(script, offline_is_fine, **options))
        page = taken[-1][0]
        assert page.url == "about:blank", "a second page is another visitor's: new_page()"
        page.set_viewport_size({"width": width, "height": height})
        return page

    yield take
    wrong = []
    for page, problems in taken:
        _forget(page)
        wrong += problems
        problems.clear()
    assert not wrong


@pytest.fixture
def scripted(serve):
    def start(script, **options) -> str:
        return serve(ScriptedEngine(script), **options)

    return start


def _forget(page: Page) -> None:
    if page.url.startswith("http"):
        page.goto(urljoin(page.url, "/stories/status"))  # has no script that would write something down as it is left
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
    page.unroute_all(behavior="ignoreErrors")
    page.goto("about:blank")
    page.mouse.move(0, 0)


def _watched(page: Page, problems: list[str], offline_is_fine: bool = False) -> Page:
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: problems.append(str(error)))
    # Gradio's client reports the requests that a reload aborts as errors, in either of two ways.
    fine = "AbortError|Connection errored out" + ("|Failed to load resource|ERR_" if offline_is_fine else "")
    wrong = lambda message: message.type == "error" and not re.search(fine, message.text)  # noqa: E731
    page.on("console", lambda message: problems.append(message.text) if wrong(message) and not _closed(message) else None)
    page.on("request", lambda r: problems.append(f"leaves the origin: {r.url}") if not _own(r.url) else None)
    return page


def _closed(message: ConsoleMessage) -> bool:
    """Of a request that a page, open to its test's end, made of an app that had been closed by then."""
    return "net::ERR_" in message.text and message.location["url"].startswith(tuple(CLOSED))


def _own(url: str) -> bool:
    return url.startswith(("http://127.0.0.1", "http://localhost", "data:", "blob:"))
