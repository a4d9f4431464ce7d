"""What a visitor does, by what a visitor sees."""

import re

from playwright.sync_api import Page, expect


def open_page(page: Page, url: str, theme: str = "light") -> Page:
    page.goto(f"{url}?__theme={theme}")
    expect(page.get_by_role("heading", name="POLARIS-9B", exact=True)).to_be_visible()
    expect(page.locator("#header .badge")).not_to_have_text("", timeout=30_000)
    return page


def ask(page: Page, premise: str, words: int | None = None) -> None:
    page.get_by_label("What is the story about?").fill(premise)
    if words is not None:
        number = page.locator("#words input[type=number]")
        number.fill(str(words))
        number.press("Tab")


def write(page: Page) -> None:
    page.get_by_role("button", name="Write the story").click()


def stop(page: Page) -> None:
    """With the form's Stop, or where that is out of view the one above the story."""
    page.get_by_role("button", name="Stop").first.click()


def open_tab(page: Page, name: str) -> None:
    """By its name, until what it lists is there."""
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tabpanel").filter(visible=True).first).to_be_visible()
    if name == "My stories":
        expect(page.locator("#shelf li").first).to_be_visible()


def story(page: Page) -> str:
    """The text as the page holds it, character for character."""
    return page.evaluate("polaris.story()")


def open_settings(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Settings")).click()
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
