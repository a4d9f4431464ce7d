"""Pictures of every state of the page, to be looked at: make screenshots.

Writes screenshots/STATE-WIDTH-THEME.png; names of states as arguments make only those. A scripted engine holds each state still;
its text is never shown as a sample.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect, sync_playwright

from polaris_demo.engine.base import BackgroundEngine, Loading, Report
from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Event, Finish, Progress, Started
from polaris_demo.story.request import StoryRequest
from tools import prepare

from ..conftest import serving
from ..doubles import POLARIS, ScriptedEngine, recording_of, story_events
from . import steps
from .wire import Wire

OUT = Path(__file__).parent.parent.parent / "screenshots"
WIDTHS = {1440: 900, 1024: 768, 390: 844, 360: 640}
WHOLE = ("results", "about")
PREMISE = "somebody who makes pictures of pages"
PARTS = (
    "This text is made up by a test and stands where a story would. Its paragraphs are of an ordinary length, so that measure and "
    "leading can be judged by eye.",
    "“And somebody speaks,” said somebody, “for a line or two.”",
    "“Quite so,” said the other.",
    "Then it goes on, as stories do, with a sentence that is *rather* longer than the ones before it and that wraps over several lines "
    "of the page, wherever the page is narrow enough.",
)
CHAPTERS = ("I. The first part", "II. What stands in the middle", "III. The end of it")
STORY = "# A story for the pictures\n\n" + "\n\n".join(f"## {name}\n\n" + "\n\n".join(PARTS * 3) for name in CHAPTERS)
ENDS = {
    "fails": Finish("error", "The GPU ran out of memory. Ask for a shorter story, or try again in a moment."),
    "is cut": Finish(
        "pause", "Today’s GPU time is used up; there is more in 3 h 13 min. What was written is kept, and Continue goes on from there."
    ),
}
State = tuple[str, Page]


def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    """Goes as far as the premise says, and waits there."""
    state = request.premise.removeprefix(f"{PREMISE} and ")
    if state in ENDS:
        yield from story_events("a plan", STORY[:2400])[:-1]
        yield ENDS[state]
    elif state not in ("plans", "writes"):
        yield from story_events("a plan", STORY, piece=40)
    else:
        yield Started("<prompt>", 60, POLARIS)
        yield Delta.of("thinking", "", tuple(range(1400)))
        if state == "writes":
            yield Delta.of("story", STORY[: len(STORY) * 2 // 3], tuple(range(800)))
        while not stop.wait(0.2):
            yield Progress("reading", 60, 60)


def never(report: Report) -> ScriptedEngine:
    report(Loading("downloading POLARIS-9B", 4_200_000_000, 17_900_000_000, 170.0))
    threading.Event().wait()
    raise AssertionError


class Pages:
    """The servers, and a page of a browser that has seen nothing for each state."""

    def __init__(self, stack: ExitStack, browser: Browser) -> None:
        folder = recordings(Path(stack.enter_context(TemporaryDirectory())))
        start: Callable[..., str] = lambda engine, **settings: stack.enter_context(serving(Runner(engine), Settings(**settings)))  # noqa: E731
        self.url = start(ScriptedEngine(script, capacity=8), recordings_dir=folder)
        self.busy = start(ScriptedEngine(script))
        self.miniature = start(ScriptedEngine(script, writer=replace(POLARIS, is_preview=True, why="This server has no GPU.")))
        self.loading = start(BackgroundEngine(never))
        self._browser = browser

    def open(self, query: str = "", url: str = "") -> Page:
        """Following the system's theme."""
        page = self._browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce").new_page()
        page.goto(f"{url or self.url}{query and '?' + query}")
        page.wait_for_function("document.documentElement.style.getPropertyValue('--size')")
        return page

    def ask(self, state: str, url: str = "") -> Page:
        page = steps.open_page(self.open(url=url), url or self.url, "system")
        steps.ask(page, f"{PREMISE} and {state}", 600)
        steps.write(page)
        expect(page.locator("#pane .stage")).not_to_have_text("")
        return page


def ask_states(pages: Pages) -> Iterator[State]:
    """The form: untouched, over each kind of writer, with its settings, with all that can be wrong."""
    page = pages.open()
    page.locator("#dial .facts dt").first.wait_for(state="attached")
    expect(page.locator("#taste .story")).to_contain_text("made up by a test")
    yield "first-visit", page
    yield "miniature", steps.open_page(pages.open(), pages.miniature, "system")
    yield "loading", steps.open_page(pages.open(), pages.loading, "system")
    page = steps.open_page(pages.open(), pages.url, "system")
    steps.open_settings(page)
    yield "settings", page
    wrong = "words=14000&temperature=1.3&repetition_penalty=1.1&presence_penalty=1&seed=42"
    page = steps.open_page(pages.open(), pages.url, "system", wrong)
    steps.open_settings(page)
    page.locator("#write").click()
    expect(steps.note(page, "First say")).to_be_visible()
    yield "errors", page


def written_states(pages: Pages) -> Iterator[State]:
    """A story from its turn in the queue to its last word."""
    before = pages.ask("plans", pages.busy)
    page = pages.ask("waits", pages.busy)
    expect(page.locator("#pane .stage")).to_have_text("Waiting")
    yield "queued", page
    before.context.close()
    page = pages.ask("plans")
    expect(page.locator("html")).to_have_attribute("data-stage", "planning")
    yield "planning", page
    page = pages.ask("writes")
    steps.reached(page, len(STORY) // 2)
    yield "writing-top", page
    page.evaluate("scrollTo(0, 900)")
    yield "writing-middle", page
    line = Wire(pages.url)
    page = pages.ask("writes", line.url)
    steps.reached(page, len(STORY) // 2)
    line.cut()
    page.wait_for_function("document.querySelector('#pane .status').classList.contains('lost')")
    yield "lost", page


def ended_states(pages: Pages) -> Iterator[State]:
    """What became of it, to whoever asked for it and to others; and where it is found again."""
    ids = []
    for state, name in (("fails", "failed"), ("is cut", "cut-off"), ("is finished", "finished")):
        page = pages.ask(state)
        steps.wait_until_over(page)
        ids.append(page.url.split("story=")[1])
        page.evaluate("scrollTo(0, 0)")
        yield name, page
        to_the_end(page)
        yield f"{name}-end", page
    address = page.url
    query = address.split("?")[1]
    other = pages.open(query)
    steps.wait_until_over(other)
    yield "shared", other
    to_the_end(other)
    yield "shared-end", other
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 559, "height": 794})  # A5
    page.screenshot(path=OUT / "print.png")
    page.emulate_media(media="screen")
    page.get_by_role("tab", name="My stories").click()
    expect(page.locator("#shelf li").first).to_be_visible()
    yield "my-stories", page
    yield "embed-story", pages.open(f"view=embed&{query}")
    yield from compared_states(pages, ids[-1], ids[1])


def compared_states(pages: Pages, first: str, second: str) -> Iterator[State]:
    """Two stories side by side, which two, and read blind."""
    page = pages.open(f"story={first}&beside={second}")
    expect(page.locator("#beside .figures.second h2")).not_to_be_empty()
    yield "beside", page
    page.get_by_role("button", name="Compare with another").click()
    yield "beside-choosing", page
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Read them blind").click()
    expect(page.locator("#blind .column.first p").first).to_be_visible()
    yield "blind", page
    page.get_by_role("button", name="Neither").click()
    expect(page.locator("#blind .revealed")).to_be_focused()
    yield "blind-revealed", page


def quiet_states(pages: Pages) -> Iterator[State]:
    """Where nothing is written."""
    for query, name in (("tab=shelf", "my-stories-none"), ("tab=results", "results"), ("tab=about", "about"), ("view=embed", "embed")):
        yield name, pages.open(query)
    page = pages.open("recorded=clock-1000")
    expect(page.locator("#pane .story")).to_contain_text("made up by a test")
    yield "recorded", page
    page = pages.open("story=gone")
    expect(page.locator("#pane .notice")).to_be_visible()
    yield "gone", page


def to_the_end(page: Page) -> None:
    page.evaluate("document.querySelector('#pane .colophon').scrollIntoView({ block: 'start' })")


def recordings(folder: Path) -> Path:
    """Recordings of the made-up story: one premise at three lengths, and another one."""
    for words in (1000, 4000, 12_000):
        (folder / f"clock-{words}.json").write_text(recording_of(STORY * (words // 1000), "two sisters who inherit a clock", words))
    (folder / "bell.json").write_text(recording_of(STORY, "a bell under water"))
    return folder


def pictures(page: Page, name: str) -> None:
    """A picture of the window, or of the whole page, at every width in both themes."""
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 600 if name.startswith("embed") else height})
        if name.endswith("-end"):
            to_the_end(page)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.evaluate("new Promise(done => setTimeout(done, 250))")
            page.screenshot(path=OUT / f"{name}-{width}-{theme}.png", full_page=name in WHOLE)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    only = set(sys.argv[1:])
    with ExitStack() as stack:
        browser = stack.enter_context(sync_playwright()).chromium.launch(**prepare.require_browser())
        pages = Pages(stack, browser)
        for states in (ask_states, written_states, ended_states, quiet_states):
            for name, page in states(pages):
                if not only or name in only:
                    pictures(page, name)
        with suppress(Exception):
            browser.close()


if __name__ == "__main__":
    main()
