"""Pictures of every state of the page, to be looked at: make screenshots.

Writes screenshots/STATE-WIDTH-THEME.png. A scripted engine holds each state still; its text is never shown as a sample.
"""

import itertools
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, expect, sync_playwright

from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Finish, Progress, Started
from tools import prepare

from ..conftest import serving
from ..doubles import POLARIS, ScriptedEngine, recording_of, story_events
from . import steps

OUT = Path(__file__).parent.parent.parent / "screenshots"
WIDTHS = {1440: 900, 390: 844}
SEED = 7
WHOLE = ("code", "findings", "finished", "results", "about")
STORY = "# A story for the screenshots\n\n## I. The first part\n\n" + "\n\n".join(
    [
        "This text is made up by a test and stands where a story would. Its paragraphs are of an ordinary length, "
        "so that measure and leading can be judged by eye.",
        '"And somebody speaks," said somebody, "for a line or two."',
        '"Quite so," said the other.',
        "Then it goes on, as stories do, with a sentence that is rather longer than the ones before it and that wraps "
        "over several lines of the page, wherever the page is narrow enough.",
        "* * *",
        "After the break there is a last paragraph.",
    ]
    * 2
)


def script(request, stop):
    """Goes as far as the premise says, and waits there."""
    state = request.premise.split()[-1]
    yield Progress("reading", 0, 60)
    if state == "finished" or (state == "looping" and request.sampling.seed != SEED):  # gone on with
        yield from story_events("a plan", STORY if state == "finished" else STORY[140:])
        return
    if state == "failed":
        yield from story_events("a plan", STORY[:400])[:-1]
        yield Finish("error", "The GPU ran out of memory. Ask for a shorter story, or try again in a moment.")
        return
    if state == "paused":
        yield from story_events("a plan", STORY[:700])[:-1]
        used_up = "Your time on ZeroGPU is used up; there is more in 3 h 13 min. Signing in to Hugging Face gives more. "
        yield Finish("pause", used_up + "What was written is kept, and Continue goes on from there.")
        return
    if state == "looping":
        yield from story_events("a plan", STORY[:700])[:-1]
        yield Finish("loop", "The story had begun to go round in circles, so it was stopped. Continue goes on from there.", 20, 140)
        return
    yield Started("<prompt>", 60, POLARIS)
    yield Delta.of("thinking", "", tuple(range(1140)))
    if state == "writing":
        yield Delta.of("story", STORY[:700], tuple(range(160)))
    while not stop.wait(0.2):
        yield Progress("reading", 60, 60) if state == "reading" else Delta.of("thinking" if state == "planning" else "story", "", (1,))


def states(page: Page, url: str, theme: str):
    """Bring the page into one state after another; yields each state's name."""
    yield from asking_states(page, url, theme)
    yield from story_states(page, url, theme)
    yield from quiet_states(page, theme)


def asking_states(page: Page, url: str, theme: str):
    """The form: untouched, with the code for a request, with findings, refused."""
    steps.open_page(page, url, theme)
    yield "first-visit"
    steps.ask(page, "a story that is planning", 300)
    page.get_by_role("button", name="Use it yourself").click()
    expect(page.locator("#code pre")).to_contain_text("planning")
    yield "code"
    page.get_by_role("button", name="Use it yourself").click()
    steps.open_settings(page)
    steps.set_number(page, "temperature", "1.5")
    steps.set_number(page, "seed", "-7")
    expect(steps.note(page, "Seed")).to_be_visible()
    yield "findings"
    steps.write(page)
    expect(page.locator("#pane .notice")).to_be_visible()
    yield "refused"
    steps.set_number(page, "seed", str(SEED))
    page.locator("#settings > button").click()


def story_states(page: Page, url: str, theme: str):
    """A story from planning to each of its ends, and one that waits for it."""
    for state in ("planning", "writing"):
        steps.ask(page, f"a story that is {state}", 300)
        steps.write(page)
        expect(page.locator("#pane .stage")).to_contain_text(state.capitalize())
        yield state
        if state == "writing":
            other = page.context.new_page()
            steps.open_page(other, url, theme)
            steps.ask(other, "a story that waits", 300)
            steps.write(other)
            expect(other.locator("#pane .stage")).to_contain_text("queue")
            other.screenshot(path=OUT / f"queued-{page.viewport_size['width']}-{theme}.png")
            steps.stop(other)
            steps.wait_until_over(other)
            other.close()
        steps.stop(page)
        steps.wait_until_over(page)
    yield "stopped"
    for state, reason in (("failed", "error"), ("paused", "pause"), ("looping", "loop"), ("finished", "stop")):
        steps.ask(page, f"a story that is {state}", 300)
        steps.write(page)
        expect(page.locator("#pane .stamp")).to_contain_text(f"Finish reason{reason}")
        yield state
        if state == "looping":
            page.get_by_role("button", name="Continue").click()
            expect(page.locator("#pane .stamp")).to_contain_text("Finish reasonstop")
            yield "continued"


def quiet_states(page: Page, theme: str):
    """Where nothing is being written: full screen, the other tabs, a story opened by its link, one that is gone."""
    page.get_by_role("button", name="Full screen").click()
    yield "full-screen"
    page.keyboard.press("Escape")
    for tab, name in (("My stories", "my-stories"), ("Results", "results"), ("About", "about")):
        steps.open_tab(page, tab)
        yield name
    reader = page.context.browser.new_context(viewport=page.viewport_size, reduced_motion="reduce").new_page()
    for address, name in ((page.url, "story-page"), (page.url.split("story=")[0] + "story=gone", "gone")):
        reader.goto(address)
        expect(reader.locator("#pane .after" if name == "story-page" else "#pane .notice")).to_be_visible()
        picture(reader, OUT / f"{name}-{page.viewport_size['width']}-{theme}.png", whole=False)
    for address, name in (
        ("?view=embed&__theme=", "embed"),
        ("?view=embed&story=" + page.url.split("story=")[1] + "&__theme=", "embed-story"),
    ):
        reader.set_viewport_size({"width": min(800, page.viewport_size["width"]), "height": 600})
        reader.goto(page.url.split("?")[0] + address + theme)
        expect(reader.locator("#result-together" if name == "embed" else "#pane .story")).to_be_visible()
        picture(reader, OUT / f"{name}-{page.viewport_size['width']}-{theme}.png", whole=False)
    reader.context.close()


def recorded_states(page: Page, url: str, theme: str):
    """A page that opens with a recorded story, its tab, and an embed of it."""
    steps.open_page(page, url, theme)
    expect(page.locator("#pane .replay .story")).to_contain_text("This text is made up by a test")
    yield "recorded"
    page.get_by_role("tab", name="Recorded").click()
    expect(page.locator("#replay .story")).to_contain_text("This text is made up by a test")
    yield "recorded-tab"


def recordings(folder: Path) -> Path:
    """Recordings of the made-up story: one premise at three lengths, and another one."""
    for words in (1000, 4000, 12_000):
        (folder / f"clock-{words}.json").write_text(recording_of(STORY * (words // 1000), "two sisters who inherit a clock", words))
    (folder / "bell.json").write_text(recording_of(STORY, "a bell under water"))
    return folder


def picture(page: Page, path: Path, whole: bool) -> None:
    """A picture of the window, or of the whole page: in a window as tall as it, since paragraphs out of view are not drawn."""
    size = page.viewport_size
    if whole:
        page.set_viewport_size({"width": size["width"], "height": page.evaluate("document.documentElement.scrollHeight")})
    page.screenshot(path=path)
    page.set_viewport_size(size)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    only = set(sys.argv[1:])
    with ExitStack() as stack:
        folder = recordings(Path(stack.enter_context(TemporaryDirectory())))
        plain = stack.enter_context(serving(Runner(ScriptedEngine(script))))
        recorded = stack.enter_context(serving(Runner(ScriptedEngine(script)), Settings(recordings_dir=folder)))
        browser = stack.enter_context(sync_playwright()).chromium.launch(**prepare.require_browser())
        for (width, height), theme in itertools.product(WIDTHS.items(), ("light", "dark")):
            page = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce").new_page()
            for state in itertools.chain(states(page, plain, theme), recorded_states(page, recorded, theme)):
                if not only or state in only:
                    picture(page, OUT / f"{state}-{width}-{theme}.png", whole=state in WHOLE)
        browser.close()


if __name__ == "__main__":
    main()
