"""A story that rests and can be gone on with: its line says why, and what goes on with it comes first."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Event, Finish
from polaris_demo.story.request import StoryRequest

from ..conftest import serving
from ..doubles import ScriptedEngine, story_events
from . import steps

TALE = "# A bell\n\n" + "\n\n".join(f"It rang {n} times, and the fox went on with it." for n in range(1, 40))
WHY = "Your time on ZeroGPU is used up; there is more in 3 h 13 min. What was written is kept, and Continue goes on from there."
WITHIN = """e => { const text = document.createRange(), row = e.closest('.row').getBoundingClientRect(); text.selectNodeContents(e);
    const seen = text.getBoundingClientRect(); return seen.bottom <= row.bottom && seen.top >= row.top; }"""


def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    yield from story_events("a plan", TALE)[:-1]
    yield Finish("pause", WHY)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Runner(ScriptedEngine(script))) as url:
        yield url


def paused(page: Page, url: str) -> Page:
    steps.open_page(page, url)
    steps.ask(page, "a bell", 600)
    steps.write(page)
    expect(page.locator("#pane .stage")).to_have_text("Paused")
    return page


@pytest.mark.parametrize("width", [1440, 1024, 390, 360])
def test_its_line_says_why_and_has_room_for_it(same_page, url: str, width: int) -> None:
    page = paused(same_page(width, 700), url)
    expect(page.locator("#pane .far")).to_have_text("at 431 words · your time on ZeroGPU is used up")
    assert page.locator("#pane .what").evaluate(WITHIN)
    expect(page.locator("#pane .ended")).to_have_text(WHY)
    assert "3\u00a0h 13\u00a0min" in (page.locator("#pane .ended").text_content() or "")


def test_what_is_below_is_said_in_the_same_word(same_page, url: str) -> None:
    page = paused(same_page(1440, 700), url)
    page.keyboard.press("b")
    expect(page.locator(".below [data-do=end]")).to_have_text("Paused, 29 more below")


def test_what_goes_on_with_it_stands_by_itself_and_all_else_in_a_row(same_page, url: str) -> None:
    page = paused(same_page(1440, 900), url)
    buttons = page.locator("#pane .own-end .main .button").filter(visible=True)
    expect(buttons).to_have_text(["Continue", "Read from the beginning", "Write on from here", "Another version"])
    first, *others = [one.bounding_box()["y"] for one in buttons.all()]
    assert first + 40 < others[0] and len(set(others)) == 1
