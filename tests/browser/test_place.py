"""The reader's place: the page follows a growing story only while its end is in view."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.page import view
from polaris_demo.story.events import Delta, Event, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from ..doubles import POLARIS, Script, ScriptedEngine
from . import steps

PARAGRAPH = "The rain had stopped by then, and nobody in the house could say when it had begun or who had let it in. " * 3


# Where what stands at a point is once it has been there for some frames: what comes into view is drawn, and grows, only then.
AT_REST = """async () => {
    const top = () => document.elementFromPoint(900, 300).getBoundingClientRect().top;
    for (let same = 0, last = top(); same < 5; ) {
        await new Promise(requestAnimationFrame);
        same = top() === last ? same + 1 : 0;
        last = top();
    }
    return top();
}"""


def in_bursts(gate: threading.Event) -> Script:
    """A line, then after the gate a great deal at once, then a line at a time until stopped."""

    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        yield Started("<prompt>", 60, POLARIS)
        yield Delta.of("story", "# Rain\n\nIt rained.\n\n", (1,))
        while not gate.wait(0.05) and not stop.is_set():
            yield Delta.of("story", "", (1,))
        yield Delta.of("story", f"{PARAGRAPH}\n\n" * 150, (2,))
        while not stop.wait(0.1):
            yield Delta.of("story", f"{PARAGRAPH}\n\n", (3,))

    return script


def begun(serve, page: Page, gate: threading.Event) -> Page:
    steps.open_page(page, serve(ScriptedEngine(in_bursts(gate))))
    steps.ask(page, "rain", 12_000)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("It rained.")
    expect(page.locator("#pane .end")).to_be_in_viewport()
    return page


def flooded(page: Page) -> None:
    page.wait_for_function("document.querySelectorAll('#pane .story p').length > 160")


def test_the_page_follows_even_when_much_arrives_at_once(serve, new_page) -> None:
    gate = threading.Event()
    page = begun(serve, new_page(390, 844, reduced_motion="reduce"), gate)
    gate.set()
    flooded(page)
    expect(page.locator("#pane .end")).to_be_in_viewport()
    expect(page.locator("#pane .jump")).to_be_hidden()


def test_on_a_phone_the_page_follows_what_arrives_while_it_still_scrolls_to_the_story(serve, new_page) -> None:
    gate = threading.Event()
    gate.set()
    page = begun(serve, new_page(390, 844), gate)
    flooded(page)
    expect(page.locator("#pane .end")).to_be_in_viewport()
    expect(page.locator("#pane .jump")).to_be_hidden()


def test_on_a_phone_the_story_fills_the_screen_from_its_top_before_anything_moves(serve, new_page) -> None:
    page = begun(serve, new_page(390, 844), threading.Event())
    page.wait_for_function("Math.abs(document.querySelector('#pane .pane').getBoundingClientRect().top) < 2")
    moved = page.evaluate("""async () => {
        let most = 0;
        for (let frame = 0; frame < 30; frame++) {
            await new Promise(requestAnimationFrame);
            most = Math.max(most, Math.abs(document.querySelector('#pane .pane').getBoundingClientRect().top));
        }
        return most;
    }""")
    assert moved < 2


def test_a_reader_who_scrolled_away_stays_there_and_may_jump_to_the_end(serve, new_page) -> None:
    gate = threading.Event()
    gate.set()
    page = begun(serve, new_page(), gate)
    flooded(page)
    page.mouse.move(900, 500)
    page.mouse.wheel(0, -3000)
    expect(page.locator("#pane .jump")).to_be_visible()
    before, paragraphs = page.evaluate(AT_REST), page.locator("#pane .story p").count()
    page.wait_for_function(f"document.querySelectorAll('#pane .story p').length > {paragraphs + 10}")
    assert page.evaluate(AT_REST) == before, "the text moved under the reader's eyes"
    expect(page.locator("#pane .jump")).to_be_in_viewport()
    page.locator("#pane .jump").click()
    expect(page.locator("#pane .end")).to_be_in_viewport()
    expect(page.locator("#pane .jump")).to_be_hidden()


def test_a_reader_who_has_just_scrolled_away_is_not_fetched_back_by_what_arrives_in_that_moment(serve, new_page) -> None:
    """Before the browser has told the page that its end is out of view."""
    gate = threading.Event()
    gate.set()
    page = begun(serve, new_page(), gate)
    flooded(page)
    expect(page.locator("#pane .end")).to_be_in_viewport()
    there, then = page.evaluate("""() => {
        scrollBy(0, -3000);
        const there = scrollY;
        polaris.state.reader.show({ t: 'And it rained.\\n\\n' });
        return [there, scrollY];
    }""")
    assert then == there > 0
    expect(page.locator("#pane .jump")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_what_happens_now_and_a_stop_stay_in_view_however_long_the_story_is(serve, new_page, width: int, height: int) -> None:
    gate = threading.Event()
    gate.set()
    page = begun(serve, new_page(width, height), gate)
    flooded(page)
    expect(page.locator("#stop")).not_to_be_in_viewport()
    expect(page.locator("#pane .stage")).to_be_in_viewport()
    page.locator("#pane .halt").click()
    steps.wait_until_over(page)
    expect(page.locator("#pane .ended")).to_contain_text("Stopped")


def test_there_is_one_stop_in_view_and_the_line_it_stands_in_keeps_its_height(serve, new_page) -> None:
    gate = threading.Event()
    page = begun(serve, new_page(), gate)
    height = "document.querySelector('#pane .now').offsetHeight"
    expect(page.locator("#stop")).to_be_in_viewport()
    expect(page.locator("#pane .halt")).to_be_hidden()
    before = page.evaluate(height)
    gate.set()
    flooded(page)
    expect(page.locator("#pane .halt")).to_be_visible()
    assert page.evaluate(height) == before


# Cuts a text everywhere, goes on with the rest, and compares with what was never cut; blocks before the cut have to stay.
CUTS = """text => {
    const drawn = paper => paper.article.innerHTML, made = () => new polaris.Paper(document.createElement('article'));
    const letters = [...text], whole = made(), wrong = [];
    for (const letter of letters) whole.append(letter);
    for (let at = 0; at <= letters.length; at++) {
        const paper = made(), kept = made();
        for (const letter of letters) paper.append(letter);
        for (const letter of letters.slice(0, at)) kept.append(letter);
        const first = paper.article.firstChild;
        paper.cut(at);
        const same = paper.text === kept.text && paper.article.textContent === kept.article.textContent;
        const stays = kept.article.children.length < 2 || paper.article.firstChild === first;
        for (const letter of letters.slice(at)) paper.append(letter);
        if (!same || !stays || paper.text !== text || drawn(paper) !== drawn(whole)) wrong.push(at);
    }
    return wrong;
}"""


def test_text_that_is_taken_back_leaves_what_stands_before_it_as_it_is(miniature_app: str, new_page) -> None:
    page = steps.open_page(new_page(), miniature_app)
    text = "# A *bell* 🌟\n\nIt *rang* **twice**.\nThen no more.\n\n* * *\n\n## Part\nThe _end_ of it."
    assert page.evaluate(CUTS, text) == []


def test_messages_put_text_where_it_belongs(miniature_app: str, new_page) -> None:
    page = steps.open_page(new_page(), miniature_app)
    record = StoryRecord("id", StoryRequest("p", 100).with_seed(3), writer=POLARIS)
    record.apply(Delta.of("story", "One", (1,)), 0.0)
    first: dict[str, object] = {**view.going(record), "off": 0}
    tell = "update => { const reader = polaris.state.reader; reader.shown ??= 0; reader.show(update); return polaris.story(); }"
    assert page.evaluate(tell, first | {"t": "One 🌟 two"}) == "One 🌟 two"
    assert page.evaluate(tell, {"t": " three."}) == "One 🌟 two three."
    page.evaluate("document.querySelector('#pane .story p').stays = true")
    assert page.evaluate(tell, first | {"off": 4, "t": "🌟 two three. Four."}) == "One 🌟 two three. Four.", "taken up from further back"
    assert page.evaluate("document.querySelector('#pane .story p').stays"), "what is there already is not drawn again"
    assert page.evaluate(tell, {"off": 5, "cuts": 1, "t": "!"}) == "One 🌟!", "taken back and grown again"
    assert page.evaluate(tell, {"off": 4, "t": ""}) == "One ", "shorter than what is shown"
    assert page.evaluate("polaris.state.reader.update.cuts") == 1
