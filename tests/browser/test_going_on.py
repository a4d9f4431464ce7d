"""A story goes on: after a pause, through a reload, for whoever has its link, without storage, and with the screen kept awake."""

import threading

import pytest
from playwright.sync_api import expect

from polaris_demo.story.events import Delta, Finish, Progress

from ..doubles import endless, story_events
from . import steps

SEGMENT = Finish("segment")


def paused_once(gate: threading.Event, between: Finish = SEGMENT):
    """A story in two parts, the second only after the gate."""
    calls = []

    def script(request, stop):
        calls.append(request)
        if len(calls) == 1:
            yield from story_events("plan", "# The bell\n\nOnce upon ")[:-1]
            yield between
        else:
            while not gate.wait(0.05):
                yield Progress("gpu")
            yield Delta.of("story", "a time.", (7,))
            yield Finish("stop")

    return script


def test_the_page_goes_on_with_the_next_segment_by_itself(scripted, same_page) -> None:
    gate = threading.Event()
    page = steps.open_page(same_page(), scripted(paused_once(gate)))
    steps.ask(page, "a bell", 200)
    steps.write(page)
    expect(page.locator("#pane .what")).to_contain_text("Waiting for a GPU 4 words so far")
    gate.set()
    steps.wait_until_over(page)
    assert steps.story(page) == "# The bell\n\nOnce upon a time."


def test_a_story_paused_for_a_reason_says_it_and_offers_to_continue(scripted, same_page) -> None:
    gate = threading.Event()
    gate.set()
    page = steps.open_page(same_page(), scripted(paused_once(gate, Finish("pause", "Your time is used up. Continue goes on from there."))))
    steps.ask(page, "a bell", 200)
    steps.write(page)
    expect(page.locator("#pane .ended")).to_contain_text("Your time is used up.")
    page.get_by_role("button", name="Continue").first.click()
    expect(page.locator("#pane .stage")).to_have_text("Finished")
    assert steps.story(page) == "# The bell\n\nOnce upon a time."
    expect(page.get_by_role("button", name="Continue")).to_be_hidden()


def test_a_reloaded_page_finds_its_story_and_goes_on_following(scripted, same_page) -> None:
    page = steps.open_page(same_page(), scripted(endless))
    steps.ask(page, "a river", 200)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("word word")
    before = steps.story(page)
    page.reload()
    expect(page.locator("#pane .story")).to_contain_text("word word")
    assert steps.story(page).startswith(before)
    steps.stop(page)
    steps.wait_until_over(page)
    assert set(steps.story(page).split()) == {"word"}
    page.get_by_role("button", name="Continue").first.click()
    expect(page.locator("#pane .stage")).to_have_text("Writing")


def test_whoever_has_the_link_reads_along_and_cannot_stop(scripted, same_page, new_page) -> None:
    owner = steps.open_page(same_page(), scripted(endless))
    steps.ask(owner, "a river", 200)
    steps.write(owner)
    expect(owner.locator("#pane .story")).to_contain_text("word word")
    reader = new_page()
    reader.goto(owner.url)
    expect(reader.locator("#pane .story")).to_contain_text("word word")
    expect(reader.get_by_role("button", name="Stop")).to_be_hidden()
    expect(reader.get_by_role("button", name="Write your own")).to_be_visible()
    steps.stop(owner)
    steps.wait_until_over(reader)
    steps.wait_until_over(owner)
    assert steps.story(reader) == steps.story(owner)
    reader.get_by_text("Everything about this story").click()
    for name in ("Continue", "Delete this story", "Another version"):
        expect(reader.get_by_role("button", name=name)).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_link_to_a_story_that_is_gone_says_so(scripted, same_page, width: int) -> None:
    page = same_page(width)
    page.goto(f"{scripted(endless)}?story=nobody-wrote-this")
    expect(page.locator("#pane .notice")).to_contain_text("it has expired or was deleted")
    expect(page.locator("#pane .notice")).to_be_in_viewport()


def test_without_browser_storage_a_story_is_still_written_and_stopped(scripted, new_page) -> None:
    page = new_page()
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('none'); } })")
    steps.open_page(page, scripted(endless))
    steps.ask(page, "a river", 200)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("word word")
    steps.stop(page)
    steps.wait_until_over(page)


SCREEN_LOCK = """
window.locks = [];
Object.defineProperty(navigator, 'wakeLock', { value: { async request() {
  const lock = { released: false, async release() { this.released = true; } };
  window.locks.push(lock);
  return lock;
} } });
"""


def test_the_screen_is_kept_awake_while_ones_own_story_is_written_and_only_then(scripted, new_page) -> None:
    page = new_page()
    page.add_init_script(SCREEN_LOCK)
    steps.open_page(page, scripted(endless))
    held = lambda tab: tab.evaluate("locks.filter(lock => !lock.released).length")  # noqa: E731
    assert held(page) == 0
    steps.ask(page, "a river", 200)
    steps.write(page)
    page.wait_for_function("locks.filter(lock => !lock.released).length === 1")
    reader = new_page()
    reader.add_init_script(SCREEN_LOCK)
    reader.goto(page.url)
    expect(reader.locator("#pane .story")).to_contain_text("word word")
    assert held(reader) == 0
    steps.stop(page)
    steps.wait_until_over(page)
    page.wait_for_function("locks.every(lock => lock.released)")
