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

TOLD = "\n\n".join(f"Paragraph {n}. Nobody had rung it, and nobody asked. " * 4 for n in range(15))
STORY = f"# The bell\n\n## I. The tower\n\n{TOLD}\n\n## II. The crack\n\n{TOLD}"
# Everything in view that a mouse could use.
USABLE = """() => [...document.querySelectorAll('a[href], button, input, textarea, select, summary, [tabindex]:not([tabindex="-1"]), [role=slider], [role=tab]')]
    .filter(node => node.checkVisibility({ visibilityProperty: true }) && !node.disabled && !node.closest('[inert], [aria-hidden=true]'))
    .filter(node => { const box = node.getBoundingClientRect(); return box.width > 1 && box.height > 1; })"""
OTHERWISE = ".zones button"  # they do what the dial's slider does


def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    if request.premise == "endless":
        yield Started("<prompt>", 60, POLARIS)
        while not stop.wait(0.02):
            yield Delta.of("story", "word ", (1,))
    else:
        yield from story_events("plan", STORY, 400)


@pytest.fixture
def page(serve, same_page) -> Page:
    return steps.open_page(
        same_page(permissions=["clipboard-read", "clipboard-write"], reduced_motion="reduce"), serve(ScriptedEngine(script))
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
    return page.evaluate("usable.filter(node => !stops.has(node) && node.checkVisibility()).map(node => node.outerHTML.slice(0, 120))")


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


def focused(page: Page) -> str:
    return page.evaluate(
        "document.activeElement.closest('#pane .row') ? 'the line' : document.activeElement.dataset.do ?? document.activeElement.tagName"
    )


def written(page: Page, premise: str) -> None:
    page.locator("#premise textarea").fill(premise)
    page.keyboard.press("Control+Enter")
    if premise == "endless":
        expect(page.locator("#pane .story")).to_contain_text("word word")
    else:
        steps.wait_until_over(page)


def test_tab_reaches_everything_in_every_view(page: Page) -> None:
    left = {"first visit": missed(page)}
    steps.open_settings(page)
    page.get_by_role("button", name="The prompt the model gets").press("Enter")
    steps.set_number(page, "temperature", "1.5")
    expect(page.locator("#note-temperature .note")).to_be_visible()
    left["settings"] = missed(page)
    written(page, "a bell")
    for fold in page.locator("#pane .all > summary").all():
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


def test_a_story_is_asked_for_written_and_stopped_and_the_focus_is_never_lost(page: Page) -> None:
    words, value = page.locator("#words input[type=number]"), page.locator("#temperature input[type=number]")
    to(page, "#premise textarea")
    to(page, ".ideas .use")
    page.keyboard.press("Enter")
    expect(page.locator("#premise textarea")).not_to_have_value("")
    before = float(words.input_value())
    to(page, "#dial input[type=range]")
    page.keyboard.press("ArrowRight")
    expect(words).to_have_value(f"{before + 50:.0f}")
    to(page, "#settings > button")
    page.keyboard.press("Enter")
    expect(page.locator("#temperature")).to_be_visible()
    to(page, "#presets [data-preset=long]")
    page.keyboard.press("Enter")
    expect(value).to_have_value("0.5")
    written(page, "endless")
    assert focused(page) == "the line"
    page.keyboard.press("Escape")
    expect(page.locator("#pane .stage")).to_have_text("Writing")  # Escape is pressed for other things, and stops nothing
    to(page, "[data-do=stop]")
    page.keyboard.press("Enter")
    steps.wait_until_over(page)
    expect(page.locator("#pane .stage")).to_contain_text("Stopped")
    assert focused(page) == "the line"
    to(page, ".status [data-do=continue]")
    page.keyboard.press("Enter")
    expect(page.locator("#pane .stage")).to_have_text("Writing")
    assert focused(page) == "the line"


def test_a_story_is_read_copied_and_deleted(page: Page) -> None:
    written(page, "a bell")
    to(page, "[data-do=copy]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == as_text(STORY)
    page.locator("#pane .map").focus()
    page.keyboard.press("End")
    expect(page.locator("#pane .story p").last).to_be_in_viewport()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#pane .map")).to_have_attribute("aria-valuetext", "Paragraph 2 of 33")
    page.get_by_text("Everything about this story").press("Enter")
    to(page, "[data-do=delete]")
    page.once("dialog", lambda dialog: dialog.accept())
    page.keyboard.press("Enter")
    expect(page.locator("#pane .notice")).to_have_text("The story is deleted.")
    assert focused(page) == "the line"
    expect(page.get_by_role("button", name="Write your own")).to_be_visible()
    expect(page.get_by_role("button", name="Copy the link")).to_be_hidden()


def test_letters_are_keys_while_a_story_is_read_and_no_field_has_the_focus(page: Page, same_page) -> None:
    written(page, "a bell")
    top = "document.activeElement.textContent"
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate(top) == "## II. The crack"
    page.keyboard.press("k")
    assert page.evaluate(top) == "## I. The tower"
    page.keyboard.press("e")
    expect(page.locator("#pane .story p").last).to_be_in_viewport()
    page.keyboard.press("b")
    assert page.evaluate("scrollY") == 0
    size = "parseFloat(getComputedStyle(document.querySelector('#pane .story p:last-child')).fontSize)"
    before = page.evaluate(size)
    page.keyboard.press("+")
    assert page.evaluate(size) > before
    page.keyboard.press("-")
    assert page.evaluate(size) == before
    shared = same_page()
    shared.goto(page.url)
    expect(shared.get_by_label("Write your own: a story about")).to_be_visible()
    shared.get_by_label("Write your own: a story about").press_sequentially("jebf+?")
    expect(shared.get_by_label("Write your own: a story about")).to_have_value("jebf+?")
    expect(shared.locator("#pane .looks")).to_be_hidden()
    expect(shared.locator("html")).not_to_have_attribute("data-full", "yes")
    page.keyboard.press("f")
    expect(page.locator("html")).to_have_attribute("data-full", "yes")
    page.keyboard.press("Escape")
    expect(page.locator("html")).to_have_attribute("data-full", "no")


def test_the_panel_of_looks_opens_by_a_key_turns_the_letters_off_and_gives_the_focus_back(page: Page) -> None:
    written(page, "a bell")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.locator("#pane .looks")).to_contain_text("next and previous chapter")
    page.keyboard.press("Escape")
    expect(page.locator("#pane .looks")).to_be_hidden()
    assert focused(page) == "the line"
    to(page, ".side [data-do=looks]")
    page.keyboard.press("Enter")
    to(page, "[data-do=letters]")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert focused(page) == "looks"
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.press("e")
    page.keyboard.press("f")
    assert page.evaluate("scrollY") == 0 and page.locator("html").get_attribute("data-full") != "yes"


def test_on_a_phone_the_contents_are_a_sheet_that_can_be_closed(serve, same_page) -> None:
    page = steps.open_page(same_page(390, 844, reduced_motion="reduce"), serve(ScriptedEngine(script)))
    steps.ask(page, "a bell", 300)
    steps.write(page)
    steps.wait_until_over(page)
    opener, sheet = page.locator("#pane .below [data-do=contents]"), page.locator("#pane .rail")
    for closes in ("Escape", "Close", "outside"):
        opener.click()
        expect(sheet).to_be_visible()
        expect(opener).to_have_attribute("aria-expanded", "true")
        there = page.evaluate("scrollY")
        if closes == "Escape":
            page.keyboard.press("Escape")
            assert focused(page) == "contents"
        elif closes == "Close":
            sheet.get_by_role("button", name="Close").click()
        else:
            page.mouse.click(200, 300)
        expect(sheet).to_be_hidden()
        assert page.evaluate("scrollY") == there
    opener.click()
    sheet.get_by_role("button", name="II. The crack").click()
    expect(sheet).to_be_hidden()
    expect(opener).to_have_text("II of II")
    expect(page.locator("#pane .story .part").last).to_be_in_viewport()


def test_the_focus_stays_in_the_list_of_stories_whatever_happens_to_it(page: Page) -> None:
    for premise in ("a first", "a second"):
        written(page, premise)
        steps.to_the_form(page)
    tab(page, "My stories")
    expect(page.locator("#shelf li")).to_have_count(2)
    to(page, "#shelf li [data-do=more]")
    refreshed = "({ page }) => page.refreshShelf().then(() => document.activeElement.matches('#shelf li:first-child [data-do=more]'))"
    assert steps.module(page, "page", refreshed), "a list that is as it was takes the focus away"
    for left in (1, 0):
        page.once("dialog", lambda dialog: dialog.accept())
        page.keyboard.press("Enter")
        to(page, "#shelf li [data-do=delete]")
        page.keyboard.press("Enter")
        expect(page.locator("#shelf li")).to_have_count(left)
        if left:
            expect(page.locator("#shelf li :focus")).to_have_count(1)
            page.locator("#shelf li [data-do=more]").focus()
    expect(page.get_by_role("tab", name="My stories")).to_be_focused()


def test_nothing_scrolls_sideways_at_360_pixels(serve, same_page) -> None:
    page = steps.open_page(same_page(360, 780, reduced_motion="reduce"), serve(ScriptedEngine(script)))
    width = lambda: page.evaluate("document.documentElement.scrollWidth")  # noqa: E731
    wide = {"first visit": width()}
    steps.open_settings(page)
    page.get_by_role("button", name="The prompt the model gets").click()
    steps.set_number(page, "temperature", "1.5")
    steps.set_number(page, "seed", "-7")
    expect(page.locator("#note-seed .note")).to_be_visible()
    wide["findings"] = width()
    steps.set_number(page, "seed", "7")
    steps.ask(page, "endless", 300)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("word word")
    wide["writing"] = width()
    steps.stop(page)
    steps.wait_until_over(page)
    for fold in page.locator("#pane .all > summary").all():
        fold.click()
    wide["stopped"] = width()
    page.locator("#pane .below [data-do=looks]").click()
    wide["looks"] = max(
        width(), page.evaluate("Math.max(...[...document.querySelectorAll('#pane .looks *')].map(e => e.getBoundingClientRect().right))")
    )
    page.keyboard.press("Escape")
    for name in ("My stories", "Results", "About"):
        steps.open_tab(page, name)
        wide[name] = width()
    assert not {view: pixels for view, pixels in wide.items() if pixels > 360}
