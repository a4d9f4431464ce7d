"""A story that went round in circles is closed at its last sound place, and nobody loses what was already on the page."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.story.events import Delta, Event, Finish, Started
from polaris_demo.story.measures import count_words
from polaris_demo.story.request import StoryRequest

from ..doubles import POLARIS, ScriptedEngine
from . import steps

SOUND = "# The bell\n\n" + "\n\n".join(
    f"It rang over the roofs for the {n}th time, and everyone stopped where they stood." for n in range(4, 16)
)
ROUNDS = [f"\n\nNobody knew who had rung it, and nobody asked, not on day {n}. " + "Nobody asked. " * 12 for n in range(1, 41)]
MORE = "\n\nThen the ringer came down."
# The page may still be on its way to the story; a paragraph out of view may turn out taller once it is drawn.
GO_THERE = """() => {
    const paragraph = [...document.querySelectorAll('#pane .story p')].find(p => p.textContent.includes('not on day 6.'));
    const beyond = paragraph.getBoundingClientRect().top - 40;
    window.steady = Math.abs(beyond) > 1 ? 0 : (window.steady ?? 0) + 1;
    if (!window.steady) scrollBy({ top: beyond, behavior: 'instant' });
    return window.steady > 9 && document.querySelector('#pane .below [data-do=end]').hidden === false;
}"""
LOOK = (
    "() => [...document.querySelectorAll('#pane .story p')].find(p => p.textContent.includes('not on day 6.')).getBoundingClientRect().top"
)


class Circles:
    """Writes what is sound, and round after round; gone on with, what comes after it. Ends in circles once the gate opens."""

    def __init__(self) -> None:
        self.closes = threading.Event()
        self.engine = ScriptedEngine(self.script)

    def script(self, request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        yield Started("<prompt>", 60, POLARIS)
        if self.engine.resumes[-1].token_ids:
            yield Delta.of("story", MORE, (900 + len(self.engine.resumes),))
            yield Finish("stop")
            return
        yield Delta.of("thinking", "plan", (1,))
        for number, text in enumerate([SOUND, *ROUNDS]):
            yield Delta.of("story", text, (2 + number,))
        while not self.closes.wait(0.02) and not stop.is_set():
            yield Delta.of("story", "", (99,))
        yield Finish("loop", "It went round in circles.", tokens=2, characters=len(SOUND))


def paragraphs(page: Page) -> list[str]:
    return page.locator("#pane .story p").evaluate_all("all => all.map(p => p.textContent.trim())")


@pytest.fixture
def circles() -> Circles:
    return Circles()


def in_circles(page: Page, url: str) -> Page:
    """A page whose story has come to its sixth round, which the reader has before them."""
    steps.open_page(page, url)
    steps.ask(page, "a bell", 900)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("not on day 40.")
    page.wait_for_function(GO_THERE)
    return page


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_what_a_reader_has_before_them_stays_there_when_the_story_is_closed(
    serve, same_page, circles: Circles, width: int, height: int
) -> None:
    page = in_circles(same_page(width, height), serve(circles.engine))
    read, before = paragraphs(page), page.evaluate(LOOK)
    circles.closes.set()
    steps.wait_until_over(page)
    after = page.evaluate(LOOK)
    assert abs(after - before) <= 2, (before, after)
    assert [paragraph for paragraph in read if paragraph not in paragraphs(page)] == []
    expect(page.locator("#pane .left-out details")).to_have_attribute("open", "")
    assert steps.story(page) == SOUND


def test_whoever_comes_later_sees_the_mark_and_may_unfold_what_came_after(serve, new_page, circles: Circles) -> None:
    page = in_circles(new_page(), serve(circles.engine))
    circles.closes.set()
    steps.wait_until_over(page)
    later = new_page()
    later.goto(page.url)
    steps.wait_until_over(later)
    expect(later.get_by_text("From here the story went round in circles.")).to_be_visible()
    expect(later.get_by_text("not on day 6.")).to_be_hidden()
    expect(later.get_by_role("button", name="Go on without the guard")).to_be_hidden()  # it is somebody else's
    later.get_by_text(f"Read what came after: {count_words(''.join(ROUNDS)):,} words").click()
    expect(later.get_by_text("not on day 6.")).to_be_visible()


def test_it_goes_on_from_the_sound_place_and_the_aside_stays_folded_there(serve, same_page, circles: Circles) -> None:
    page = in_circles(same_page(), serve(circles.engine))
    circles.closes.set()
    steps.wait_until_over(page)
    page.get_by_role("button", name="Continue", exact=True).first.click()
    expect(page.locator("#pane .story")).to_contain_text("the ringer came down.")
    steps.wait_until_over(page)
    assert steps.story(page) == SOUND + MORE
    order = page.locator("#pane .story > *").evaluate_all("all => all.map(node => node.className || node.textContent.slice(0, 20))")
    assert order[-2:] == ["left-out", "Then the ringer came"]
    page.reload()
    steps.wait_until_over(page)
    assert page.locator("#pane .story > *").evaluate_all("all => all.map(node => node.className || node.textContent.slice(0, 20))") == order
    expect(page.get_by_role("button", name="Go on without the guard")).to_be_hidden()


def test_one_click_goes_on_without_the_guard_from_the_very_end(serve, same_page, circles: Circles) -> None:
    page = in_circles(same_page(), serve(circles.engine))
    circles.closes.set()
    steps.wait_until_over(page)
    before = page.evaluate(LOOK)
    page.get_by_role("button", name="Go on without the guard").evaluate("button => button.click()")  # without going there
    expect(page.locator("#pane .story")).to_contain_text("the ringer came down.")
    steps.wait_until_over(page)
    assert steps.story(page) == SOUND + "".join(ROUNDS) + MORE
    assert page.locator("#pane .left-out").count() == 0
    assert abs(page.evaluate(LOOK) - before) <= 2
    resume = circles.engine.resumes[-1]
    assert not resume.guard and resume.token_ids[:3] == (1, 2, 3)


def test_whoever_scrolls_as_a_story_is_closed_is_not_taken_back(serve, same_page, circles: Circles) -> None:
    page = in_circles(same_page(), serve(circles.engine))
    frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))"
    went = f"""async reader => {{
        reader.asides.keeping(() => {{}});
        scrollBy({{ top: -300, behavior: "instant" }});
        const there = scrollY;
        await {frames};
        return scrollY - there;
    }}"""
    assert abs(steps.reader(page, went)) < 20
