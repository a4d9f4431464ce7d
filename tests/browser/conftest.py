"""A Chromium or Chrome, driven by Playwright."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from ..conftest import CLOSED, needs

expect.set_options(timeout=20_000)  # how long a slow machine may take is no statement about the page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser a module: while Playwright's event loop lives, other tests cannot start one of their own."""
    options = needs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser, serve) -> Iterator:
    """new_page(width, height) -> a page in a context of its own; what it logs as an error fails the test.

    It needs `serve` so that pages are closed before their servers.
    """
    contexts, problems = [], []

    def make(width: int = 1440, height: int = 900, offline_is_fine: bool = False, **options) -> Page:
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        # Gradio's client reports the requests that a reload aborts as errors, in either of two ways.
        fine = "AbortError|Connection errored out" + ("|Failed to load resource|ERR_" if offline_is_fine else "")
        wrong = lambda message: message.type == "error" and not re.search(fine, message.text)  # noqa: E731
        page.on("console", lambda message: problems.append(message.text) if wrong(message) and not _closed(message) else None)
        page.on("request", lambda r: problems.append(f"leaves the origin: {r.url}") if not _own(r.url) else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert not problems


def _closed(message: ConsoleMessage) -> bool:
    """Of a request that a page, open to its test's end, made of an app that had been closed by then."""
    return "net::ERR_" in message.text and message.location["url"].startswith(tuple(CLOSED))


def _own(url: str) -> bool:
    return url.startswith(("http://127.0.0.1", "http://localhost", "data:", "blob:"))
