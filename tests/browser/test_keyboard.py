"""All of the page with keys alone: everything that can be used is reached with Tab, nothing holds the focus, every action works."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.story.events import Delta, Event, Started
from polaris_demo.story.markup import as_text
from polaris_demo.story.request import StoryRequest

from ..doubles import POLARIS, ScriptedEngine, story_events
from . import steps

STORY = "# The bell\n\n" + "\n\n".join(f"Paragraph {n}. Nobody had rung it, and nobody asked. " * 4 for n in range(30))
# Everything in view that a mouse could use.
USABLE = """() => [...document.querySelectorAll('a[href], button, input, textarea, select, summary, [tabindex], [role=slider], [role=tab]')]
    .filter(node => node.checkVisibility({ visibilityProperty: true }) && !node.disabled && !node.closest('[inert], [aria-hidden=true]'))
    .filter(node => { const box = node.getBoundingClientRect(); return box.width > 1 && box.height > 1; })"""
OTHERWISE = ".ticks button"  # they do what the dial's slider does


def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    if request.premise == "endless":
        yield Started("<prompt>", 60, POLARIS)
        while not stop.wait(0.02):
            yield Delta.of("story", "word ", (1,))
    else:
        yield from story_events("plan", STORY, 400)


@pytest.fixture
def page(serve, new_page) -> Page:
    return steps.open_page(
        new_page(permissions=["clipboard-read", "clipboard-write"], reduced_motion="reduce"), serve(ScriptedEngine(script))
    )


def missed(page: Page) -> list[str]:
    """What can be used and is not reached with Tab, from the top of the page to its end and out of it."""
    page.evaluate(f"""() => {{
        document.activeElement.blur();
        getSelection().removeAllRanges();
        window.stops = new Set();
        const start = document.body.prepend(Object.assign(document.createElement('i'), {{ id: 'top', tabIndex: -1 }}));
        document.getElementById('top').focus();
        window.usable = ({USABLE})().filter(node => !node.matches({OTHERWISE!r}));
    }}""")
    for _ in range(150):
        page.keyboard.press("Tab")
        at = "document.activeElement === document.body ? 'out' : stops.has(document.activeElement) ? 'again' : (stops.add(document.activeElement), '')"
        where = page.evaluate(at)
        if where:
            break
    page.evaluate("document.getElementById('top').remove()")
    assert where, "Tab never left the page"
    return page.evaluate("usable.filter(node => !stops.has(node)).map(node => node.outerHTML.slice(0, 120))")


def to(page: Page, selector: str) -> None:
    """Tab forward to an element."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{selector} is not reached with Tab")


def tab(page: Page, name: str) -> None:
    """Open a tab with the arrow keys."""
    page.get_by_role("tab", selected=True).focus()
    for _ in range(4):
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
            return
        page.keyboard.press("ArrowRight")
    pytest.fail(f"no arrow leads to {name}")


def test_tab_reaches_everything_in_every_view(page: Page) -> None:
    left = {"first visit": missed(page)}
    steps.open_settings(page)
    page.get_by_role("button", name="The prompt the model gets").press("Enter")
    steps.set_number(page, "temperature", "1.5")
    expect(page.locator(".range .back").first).to_be_visible()
    left["settings"] = missed(page)
    steps.ask(page, "a bell", 300)
    page.keyboard.press("Control+Enter")
    steps.wait_until_over(page)
    for fold in page.locator("#pane summary").all():
        fold.press("Enter")
    left["finished story"] = missed(page)
    with page.expect_response("**/stories/summaries"):
        tab(page, "My stories")
    expect(page.locator("#shelf li")).to_have_count(1)
    left["My stories"] = missed(page)
    for name in ("Results", "About"):
        tab(page, name)
        left[name] = missed(page)
    assert not {view: what for view, what in left.items() if what}


def test_a_story_is_asked_for_written_and_stopped(page: Page) -> None:
    words, value = page.locator("#words input[type=number]"), page.locator("#temperature input[type=number]")
    to(page, "#premise textarea")
    to(page, "#chips .chip")
    page.keyboard.press("Enter")
    expect(page.get_by_label("What is the story about?")).not_to_have_value("")
    before = float(words.input_value())
    to(page, "#words input[type=range]")
    page.keyboard.press("ArrowRight")
    expect(words).to_have_value(f"{before + 50:.0f}")
    to(page, "#settings > button")
    page.keyboard.press("Enter")
    expect(page.locator("#temperature")).to_be_visible()
    to(page, "#presets [data-preset=long]")
    page.keyboard.press("Enter")
    expect(value).to_have_value("0.5")
    to(page, ".range .back")
    page.keyboard.press("Enter")
    expect(value).to_have_value("0.6")
    page.get_by_label("What is the story about?").fill("endless")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#pane .story")).to_contain_text("word word")
    page.keyboard.press("Escape")
    steps.wait_until_over(page)
    expect(page.locator("#pane .ended")).to_contain_text("Stopped")


def test_a_story_is_read_copied_and_deleted(page: Page) -> None:
    page.get_by_label("What is the story about?").fill("a bell")
    page.keyboard.press("Control+Enter")
    steps.wait_until_over(page)
    to(page, "[data-do=larger]")
    size = "parseFloat(getComputedStyle(document.querySelector('#pane .story')).fontSize)"
    before = page.evaluate(size)
    page.keyboard.press("Enter")
    assert page.evaluate(size) > before
    to(page, "[data-do=full]")
    page.keyboard.press("Enter")
    expect(page.locator("#ask")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#ask")).to_be_visible()
    to(page, "[data-do=copy]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == as_text(STORY)
    to(page, "#pane .map")
    page.keyboard.press("End")
    expect(page.locator("#pane .story p").last).to_be_in_viewport()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#pane .map")).to_have_attribute("aria-valuetext", "Paragraph 2 of 31")
    tab(page, "My stories")
    to(page, "#shelf li button")
    page.once("dialog", lambda dialog: dialog.accept())
    page.keyboard.press("Enter")
    expect(page.locator("#shelf .shelf-empty")).to_be_visible()


def test_the_focus_stays_in_the_list_of_stories_whatever_happens_to_it(page: Page) -> None:
    for premise in ("a first", "a second"):
        page.get_by_label("What is the story about?").fill(premise)
        page.keyboard.press("Control+Enter")
        steps.wait_until_over(page)
    tab(page, "My stories")
    expect(page.locator("#shelf li")).to_have_count(2)
    to(page, "#shelf li button")
    kept = page.evaluate("polaris.state.refreshShelf().then(() => document.activeElement.matches('#shelf li:first-child button'))")
    assert kept, "a list that is as it was takes the focus away"
    page.on("dialog", lambda dialog: dialog.accept())
    page.keyboard.press("Enter")
    expect(page.locator("#shelf li")).to_have_count(1)
    expect(page.locator("#shelf li button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#shelf .shelf-empty")).to_be_visible()
    expect(page.get_by_role("tab", name="My stories")).to_be_focused()


def test_nothing_scrolls_sideways_at_360_pixels(serve, new_page) -> None:
    page = steps.open_page(new_page(360, 780, reduced_motion="reduce"), serve(ScriptedEngine(script)))
    width = lambda: page.evaluate("document.documentElement.scrollWidth")  # noqa: E731
    wide = {"first visit": width()}
    steps.open_settings(page)
    page.get_by_role("button", name="The prompt the model gets").click()
    steps.set_number(page, "temperature", "1.5")
    steps.set_number(page, "seed", "-7")
    expect(steps.note(page, "Seed")).to_be_visible()
    wide["findings"] = width()
    steps.set_number(page, "seed", "7")
    steps.ask(page, "endless", 300)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("word word")
    wide["writing"] = width()
    steps.stop(page)
    steps.wait_until_over(page)
    for fold in page.locator("#pane summary").all():
        fold.click()
    wide["stopped"] = width()
    page.get_by_role("button", name="Full screen").click()
    wide["full screen"] = width()
    page.keyboard.press("Escape")
    for name in ("My stories", "Results", "About"):
        steps.open_tab(page, name)
        wide[name] = width()
    assert not {view: pixels for view, pixels in wide.items() if pixels > 360}
