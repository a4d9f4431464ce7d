"""A reader's place is there again: after Back and Forward, a reload, another tab, a turned phone, and on another day."""

import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.page import wire
from polaris_demo.story.events import Delta, Event, Finish, Started
from polaris_demo.story.request import StoryRequest

from ..doubles import POLARIS, ScriptedEngine, until
from . import steps

LINE = 32  # pixels
PARAGRAPH = "The last ferry left at eleven, and she had brought it over for thirty-one years without looking at a chart. " * 3
NAMES = ("I. The ferry", "II. What the boy saw", "III. The north wall")
STORY = "# The Lamp\n\n" + "".join(
    f"## {name}\n\n" + "".join(f"{name.split('.')[0]} {n}. {PARAGRAPH}\n\n" for n in range(20)) for name in NAMES
)
# What stands at the height where one reads, and how high it begins; where it is once the page is still.
STANDS = """async () => {
    let place, last;
    for (let same = 0; same < 6; last = place) {
        await new Promise(requestAnimationFrame);
        const found = [...document.querySelectorAll('#pane .story p')].findLast(p => p.getBoundingClientRect().top < innerHeight * 0.35);
        place = `${found?.textContent.slice(0, 8)}|${found?.getBoundingClientRect().top}`;
        same = place === last ? same + 1 : 0;
    }
    return place.split('|');
}"""


@pytest.fixture
def app(serve) -> Iterator[tuple[str, threading.Event]]:
    """Stories that stand still near their end until the gate opens."""
    gate = threading.Event()

    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        yield Started("<prompt>", 60, POLARIS)
        for at in range(0, len(STORY), 400):
            yield Delta.of("story", STORY[at : at + 400], (at,))
        while not gate.wait(0.02) and not stop.is_set():
            yield Delta.of("story", "", (1,))
        yield Finish("stop")

    yield serve(ScriptedEngine(script, capacity=4)), gate
    gate.set()


def written(page: Page, url: str) -> Page:
    steps.open_page(page, url)
    steps.ask(page, "a lamp", 2000)
    steps.write(page)
    there(page)
    return page


def there(page: Page) -> None:
    expect(page.locator("#pane .story")).to_contain_text("III 19.")


def goes_to(page: Page, paragraph: str) -> list[str]:
    """Scrolls until a paragraph stands where one reads, and waits until that is kept."""
    page.evaluate(
        "begins => { const p = [...document.querySelectorAll('#pane .story p')].find(p => p.textContent.startsWith(begins)); scrollTo(0, p.getBoundingClientRect().top + scrollY - 200); }",
        paragraph,
    )
    return stays(page)


def stays(page: Page) -> list[str]:
    """Waits until the place is kept."""
    stands = page.evaluate(STANDS)
    kept = """async reader => {
        const kept = () => JSON.parse(sessionStorage.getItem('ENTRIES') || '{}')[history.state.entry]?.place;
        while (JSON.stringify(kept()) !== JSON.stringify(reader.place.here())) await new Promise(requestAnimationFrame);
    }""".replace("ENTRIES", wire.STORAGE["entries"])
    steps.reader(page, kept)
    return stands


def is_where(page: Page, stands: list[str]) -> None:
    """Once the text is there: a page that had to be loaded again has it a moment later."""
    there(page)

    def is_there() -> bool:
        now = page.evaluate(STANDS)
        return now[0] == stands[0] and abs(float(now[1]) - float(stands[1])) <= LINE

    until(is_there, what=f"the reader at {stands}")


def leaves(page: Page, to: str) -> None:
    """By a key or the address: whoever goes up to the tabs has left the place."""
    steps.module(page, "where", "({ where }, tab) => where.go(tab ? { tab } : {})", to)
    expect(page.locator("#pane .story")).to_be_hidden()


def to_a_tab_and_back(page: Page) -> None:
    leaves(page, "results")
    page.go_back()


def to_the_list_and_in(page: Page) -> None:
    leaves(page, "shelf")
    page.locator("#shelf li .title").first.click()


def back_and_forward(page: Page) -> None:
    page.go_back()
    expect(page.locator("#pane .story")).to_be_hidden()
    page.go_forward()


WAYS: list[Callable[[Page], object]] = [lambda page: page.reload(), to_a_tab_and_back, to_the_list_and_in, back_and_forward]


def test_it_is_there_again_in_every_state_by_every_way(app, new_page) -> None:
    url, gate = app
    page = written(new_page(), url)
    shared = new_page(390, 844)
    for state in ("II", "III"):
        for number, goes in enumerate(WAYS):
            stands = goes_to(page, f"{state} {5 + number}.")
            goes(page)
            is_where(page, stands)
        if state == "II":
            gate.set()
            steps.wait_until_over(page)
    shared.goto(page.url)
    there(shared)
    for goes in WAYS[:2]:
        stands = goes_to(shared, "III 9.")
        goes(shared)
        is_where(shared, stands)


def test_a_phone_that_is_turned_shows_the_same_paragraph_at_the_same_height(app, same_page) -> None:
    page = written(same_page(390, 844), app[0])
    goes_to(page, "II 9.")
    share = """() => {
        const height = innerHeight * 0.35, p = [...document.querySelectorAll('#pane .story p')].findLast(p => p.getBoundingClientRect().top < height);
        return [p.textContent.slice(0, 8), (height - p.getBoundingClientRect().top) / p.offsetHeight];
    }"""
    paragraph, above = page.evaluate(share)
    for width, height in ((844, 390), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function("width => innerWidth === width", arg=width)
        page.evaluate(STANDS)
        now, share_now = page.evaluate(share)
        assert now == paragraph and abs(share_now - above) < 0.1


def test_other_looks_leave_the_words_where_they_are(app, same_page) -> None:
    page = written(same_page(), app[0])
    stands = goes_to(page, "II 9.")
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert page.evaluate(STANDS)[0] == stands[0]
    page.keyboard.press("-")
    page.keyboard.press("-")
    is_where(page, stands)
    page.keyboard.press("f")
    expect(page.locator("#header .top")).to_be_hidden()
    assert page.evaluate(STANDS)[0] == stands[0]
    page.keyboard.press("Escape")
    expect(page.locator("#header .top")).to_be_attached()
    is_where(page, stands)


def test_on_a_later_visit_it_is_offered_for_each_story_and_goes_there(app, new_page) -> None:
    url, gate = app
    gate.set()
    page = written(new_page(), url)
    steps.wait_until_over(page)
    first, stands = page.url, goes_to(page, "III 9.")
    steps.to_the_form(page)
    steps.ask(page, "another lamp", 2000)
    steps.write(page)
    steps.wait_until_over(page)
    goes_to(page, "I 9.")
    second, context = page.url, page.context
    page.close()
    for address, chapter in ((second, "I. The ferry"), (first, "III. The north wall")):
        later = context.new_page()
        later.goto(address)
        there(later)
        offered = later.get_by_role("button", name="Go on at")
        expect(offered).to_have_text(f"Go on at {chapter}")
        assert later.evaluate("scrollY") == 0, "nobody asked to be moved"
        later.close()
    later = context.new_page()
    later.goto(first)
    later.get_by_role("button", name="Go on at III. The north wall").click()
    is_where(later, stands)
    expect(later.get_by_role("button", name="Go on at")).to_be_hidden()


def test_who_goes_up_to_the_tabs_and_comes_back_is_where_they_were(app, same_page) -> None:
    app[1].set()
    page = written(same_page(390, 844), app[0])
    steps.wait_until_over(page)
    stands = goes_to(page, "II 9.")
    page.mouse.wheel(0, -100_000)
    assert stays(page)[0] != stands[0]
    steps.open_tab(page, "My stories")
    expect(page.locator("#shelf li .about")).to_contain_text("you are at II. What the boy saw")
    page.go_back()
    is_where(page, stands)
    page.mouse.wheel(0, -100_000)
    at_the_top = page.evaluate(STANDS)
    page.reload()
    is_where(page, at_the_top)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
