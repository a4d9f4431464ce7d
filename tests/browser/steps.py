"""What a visitor does, by what a visitor sees."""

from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Page, Route, expect

SCRIPTS = "document.querySelector('link[rel=modulepreload][href^=\"page/\"]')"  # the page's own, as one file


def open_page(page: Page, url: str, theme: str = "light", query: str = "") -> Page:
    """Until the form can be used: its parts have said what there is to expect."""
    page.goto(f"{url}?__theme={theme}{query and '&' + query}")
    page.locator("#dial .facts dt").first.wait_for(state="attached", timeout=30_000)  # expect() would spell out the page for each try
    return page


def ask(page: Page, premise: str, words: int | None = None) -> None:
    page.locator("#premise textarea").fill(premise)
    if words is not None:
        number = page.locator("#words input[type=number]")
        number.fill(str(words))
        number.press("Tab")


def write(page: Page) -> None:
    page.get_by_role("button", name="Write the story").click()


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()


def to_the_form(page: Page) -> None:
    """From a story back to the ask."""
    page.get_by_role("tab", name="Write").click()
    expect(page.locator("#write")).to_be_visible()


def open_tab(page: Page, name: str) -> None:
    """By its name, until what it lists is there."""
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tabpanel").filter(visible=True).first).to_be_visible()
    if name == "My stories":
        expect(page.locator("#shelf li").first).to_be_visible()


def module(page: Page, name: str, then: str, argument: object = None):
    """What `then`, a function of a module of the page and of `argument`, makes of it."""
    return page.evaluate(f"async (argument) => ({then})((await import({SCRIPTS}.href)).modules.{name}, argument)", argument)


def reader(page: Page, then: str, argument: object = None):
    """What `then`, a function of the reading pane's Reader and of `argument`, makes of it."""
    return module(page, "page", f"({{ page }}, argument) => ({then})(page.reader, argument)", argument)


def story(page: Page) -> str:
    """The text as the page holds it, character for character."""
    return reader(page, "reader => reader.paper.text")


def open_settings(page: Page) -> None:
    page.locator("#settings > button").click()
    expect(page.locator("#temperature")).to_be_visible()
    # Gradio mounts the fold's fields when it opens, and takes a first change in the same frame for its own.
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def set_number(page: Page, field: str, value: str) -> None:
    box = page.locator(f"#{field} input[type=number]").first
    box.fill(value)
    box.press("Tab")


def note(page: Page, text: str):
    return page.locator(".note", has_text=text)


def wait_until_over(page: Page, seconds: float = 60) -> None:
    expect(page.locator("#pane .after")).to_be_visible(timeout=seconds * 1000)


def reached(page: Page, characters: int) -> None:
    """Until the page holds that much of a story.

    Playwright takes a promise for what is waited for, whatever it comes to: what is asked each time is kept where it has come.
    """
    page.wait_for_function(
        f"""characters => {{
            const scripts = {SCRIPTS};
            if (scripts) import(scripts.href).then(({{ modules }}) => {{ window.read = modules.page.page; }});
            return [...(window.read?.reader?.paper.text ?? '')].length >= characters;
        }}""",
        arg=characters,
        timeout=60_000,
    )


def summaries(
    page: Page,
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    ask: Callable[[Route], Any] = lambda route: route.request.post_data_json,
) -> None:
    """The list of stories reaches the page as `change` makes it of the app's own."""

    def answer(route: Route) -> None:
        told = httpx.post(route.request.url, json=ask(route), timeout=20).raise_for_status().json()  # no connection of an earlier app
        route.fulfill(json=told | {"stories": change(told["stories"])})

    page.route("**/stories/summaries", answer)
