"""What the tab, the history and the line say of a story is true at that moment, and nothing is offered that cannot be done."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.story.events import Delta, Event, Finish, Progress, Started
from polaris_demo.story.request import StoryRequest

from ..doubles import POLARIS, ScriptedEngine, endless, story_events, until
from . import steps
from .wire import Wire

BEHIND = "Object.defineProperty(Document.prototype, 'hidden', { get: () => window.behind ?? false, configurable: true });"


class Gates:
    """A story that plans until `planned`, and ends once `ends`."""

    def __init__(self) -> None:
        self.planned, self.ends = threading.Event(), threading.Event()

    def script(self, request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        yield Started("<prompt>", 60, POLARIS)
        yield Delta.of("thinking", "plan", (1,))
        for gate, text in ((self.planned, "# The Lamp\n\nIt burned for an hour."), (self.ends, " Then it went out.")):
            while not gate.wait(0.02) and not stop.is_set():
                yield Progress("planning", 1, 3072)
            yield Delta.of("story", text, (2,))
        yield Finish("stop")


@pytest.fixture
def gates() -> Iterator[Gates]:
    gates = Gates()
    yield gates
    gates.planned.set()
    gates.ends.set()


def asked(page: Page, url: str, premise: str = "a lamp") -> Page:
    steps.open_page(page, url)
    steps.ask(page, premise, 2000)
    steps.write(page)
    return page


def test_the_tab_says_first_what_is_happening(serve, same_page, new_page, gates: Gates) -> None:
    page = same_page(script=BEHIND)
    asked(page, serve(ScriptedEngine(gates.script)))
    expect(page).to_have_title("Planning … · a lamp")
    gates.planned.set()
    expect(page).to_have_title("7 of 2,000 · The Lamp")
    page.evaluate("window.behind = true")
    gates.ends.set()
    expect(page).to_have_title("✦ Finished · The Lamp")
    page.evaluate("window.behind = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page).to_have_title("The Lamp")
    shared = new_page()
    shared.goto(page.url)
    expect(shared).to_have_title("The Lamp · a story by POLARIS-9B")
    for name in ("My stories", "Results", "About"):
        page.get_by_role("tab", name=name).click()
        expect(page).to_have_title(f"{name} · POLARIS-9B")
    steps.to_the_form(page)
    expect(page).to_have_title("POLARIS-9B writes stories")


def test_back_and_forward_go_between_the_ask_stories_and_tabs(serve, same_page, gates: Gates) -> None:
    gates.planned.set()
    gates.ends.set()
    page = asked(same_page(), serve(ScriptedEngine(gates.script)), "a first")
    steps.wait_until_over(page)
    first = page.url
    page.get_by_role("tab", name="Results").click()
    expect(page.locator("#results")).to_be_visible()
    steps.to_the_form(page)
    steps.ask(page, "a second", 2000)
    steps.write(page)
    expect(page.locator("#pane .title-page bdi")).to_have_text("a second")
    steps.wait_until_over(page)
    second = page.url
    wish = page.locator("#pane .title-page bdi")
    ways = [
        (page.go_back, "ask"), (page.go_back, "results"), (page.go_back, first), (page.go_back, "ask"),
        (page.go_forward, first), (page.go_forward, "results"), (page.go_forward, "ask"), (page.go_forward, second),
    ]  # fmt: skip
    for goes, where in ways:
        goes()
        if where == "ask":
            expect(page.locator("#write")).to_be_visible()
            expect(page.locator("#pane .story")).to_be_hidden()
        elif where == "results":
            expect(page.locator("#results")).to_be_visible()
        else:
            expect(wish).to_have_text("a first" if where == first else "a second")
            expect(page.locator("#pane .story")).to_be_visible()
            expect(page).to_have_title("The Lamp")
            assert page.url == where


def offered(page: Page) -> set[str]:
    """What the pane's visible buttons do, those of its looks aside."""
    buttons = page.locator("#pane [data-do]").evaluate_all("all => all.filter(b => b.checkVisibility()).map(b => b.dataset.do)")
    return set(buttons) - {"looks", "listen", "full", "contents", "end", "go-on", "notify"}


def test_nothing_is_offered_that_cannot_be_done(serve, same_page, new_page, gates: Gates) -> None:
    page = asked(same_page(), serve(ScriptedEngine(gates.script)))
    expect(page.locator("#pane .night")).to_be_visible()
    until(lambda: offered(page) == {"stop"})
    gates.planned.set()
    expect(page.locator("#pane .story")).to_contain_text("It burned")
    assert offered(page) == {"stop", "branch"}
    reader = new_page()
    reader.goto(page.url)
    expect(reader.locator("#pane .story")).to_contain_text("It burned")
    assert offered(reader) == {"own", "branch"}
    steps.stop(page)
    for one in (page, reader):
        steps.wait_until_over(one)
        one.get_by_text("Everything about this story").click()
    both = {"link", "copy", "markdown", "quote", "print", "beginning", "branch", "compare", "cite"}
    assert offered(page) == both | {"continue", "again", "change", "delete"}
    assert offered(reader) == both | {"own", "change"}
    gates.ends.set()
    page.locator(".status [data-do=continue]").click()
    expect(page.locator("#pane .stage")).to_have_text("Finished")
    steps.wait_until_over(page)
    assert offered(page) == both | {"again", "change", "delete"}
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete this story").click()
    expect(page.locator("#pane .notice")).to_have_text("The story is deleted.")
    assert offered(page) == {"own"}


def long_at_once(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    """Has a middle from the beginning, and goes on until stopped."""
    yield from story_events("plan", "word " * 1000, 1000)[:-1]
    while not stop.wait(0.02):
        yield Delta.of("story", "word ", (2,))


ROOM = "e => [e.scrollHeight <= e.closest('.row').clientHeight + 1, e.scrollWidth <= e.clientWidth + 1]"


def test_stopping_without_a_network_says_so_where_the_reader_is_and_no_longer_once_it_is_back(serve, new_page) -> None:
    wire, sizes = Wire(serve(ScriptedEngine(long_at_once))), ({"width": 1440, "height": 900}, {"width": 390, "height": 844})
    page = asked(new_page(offline_is_fine=True), wire.url)
    page.wait_for_function("document.querySelector('#pane .story').textContent.length > 4000")
    page.locator("#pane .story").evaluate("e => scrollTo(0, e.offsetHeight / 2)")
    wire.cut()
    what, notice = page.locator("#pane .what"), page.locator("#pane .notice")
    expect(what).to_have_text("Connection lost. What was written is kept; this page reconnects by itself.")
    for size in sizes:
        page.set_viewport_size(size)
        assert what.evaluate(ROOM) == [True, True], "it has room in the line"
    steps.stop(page)
    expect(notice).to_have_text("The server cannot be reached just now. Try again in a moment.")
    for size in sizes:
        page.set_viewport_size(size)
        expect(notice).to_be_in_viewport(ratio=1)
    wire.mend()
    expect(notice).to_be_hidden()
    expect(page.locator("#pane .stage")).to_have_text("Writing")
    steps.stop(page)
    steps.wait_until_over(page)
    wire.cut()
    page.locator(".status [data-do=continue]").click()
    expect(notice).to_have_text("The server cannot be reached just now. Try again in a moment.")
    expect(page.locator(".status [data-do=continue]")).to_be_visible()
    wire.close()


def test_a_full_server_says_so_beside_the_button_and_runs_nothing(serve, same_page) -> None:
    url, page = serve(ScriptedEngine(endless), queue_size=1), same_page()
    for premise in ("a first", "a second"):
        asked(page, url, premise)
        page.wait_for_url("**/?*story=*")
    steps.open_page(page, url)
    steps.ask(page, "a third", 2000)
    steps.write(page)
    expect(page.locator("#ask .next")).to_contain_text("queue", ignore_case=True)
    expect(page.locator("#pane")).to_be_hidden()
    expect(page.locator("#write")).to_be_visible()
