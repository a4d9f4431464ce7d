"""The page for everyone: no barrier that axe-core knows in any state, and all of it by keyboard."""

import re
import threading

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from polaris_demo.story.events import Delta, Finish, Progress, Started

from ..doubles import POLARIS, ScriptedEngine, story_events, tells
from . import steps

# What Gradio 6.31 renders itself and offers no way to change: rule -> the start of the elements it is allowed for.
GRADIOS = {
    "aria-allowed-attr": ('<button role="tab"',),
    "aria-valid-attr-value": ('<button role="tab"',),
    "aria-hidden-focus": ('<div class="tab-container visually-hidden',),
}
STORY = "# The bell\n\n## I. The tower\n\nIt *rang*.\n\n* * *\n\n" + "Nobody had rung it, and nobody asked. " * 3


def violations(page: Page) -> list[str]:
    """What axe-core finds, without what only Gradio could mend."""
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]}).response["violations"]
    return [
        f"{v['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for v in found
        for node in v["nodes"]
        if not node["html"].startswith(GRADIOS.get(v["id"], ()))
    ]


def in_both_themes(page: Page) -> list[str]:
    """What axe-core finds as the page is, and then in the other theme, on a page that follows the system's."""
    found = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        body, dark = page.locator("body"), re.compile(r"\bdark\b")
        expect(body).to_have_class(dark) if theme == "dark" else expect(body).not_to_have_class(dark)
        page.wait_for_function("document.getAnimations().every(running => !(running instanceof CSSTransition))")
        found += [f"{theme}: {violation}" for violation in violations(page)]
    return found


def script(gate: threading.Event):
    def write(request, stop):
        if request.premise == "finished":
            yield from story_events("plan", STORY)
        elif request.premise == "failed":
            yield from story_events("plan", STORY)[:-1]
            yield Finish("error", "The GPU ran out of memory.")
        elif request.premise == "looping":
            yield from story_events("plan", STORY)[:-1]
            yield Finish("loop", "Round in circles.", 10, 60)
        elif request.premise == "paused":
            yield from story_events("plan", STORY)[:-1]
            yield Finish("pause", "Your time is used up.")
        else:
            yield Started("<prompt>", 60, POLARIS)
            yield Delta.of("thinking", "", tuple(range(100)))
            if request.premise == "writing":
                yield Delta.of("story", STORY, (1, 2, 3))
            while not gate.wait(0.05) and not stop.is_set():
                yield Progress("reading", 60, 60)

    return write


def test_axe_finds_nothing_in_any_state_in_either_theme(serve, new_page) -> None:
    url = serve(ScriptedEngine(script(threading.Event())))
    page = steps.open_page(new_page(390, 844, reduced_motion="reduce"), url, "system")
    found = {"first visit": in_both_themes(page)}
    page.get_by_role("button", name="Use it yourself").click()
    steps.ask(page, "planning", 300)
    expect(page.locator("#code pre")).to_contain_text("planning")
    found["code"] = in_both_themes(page)
    steps.open_settings(page)
    steps.set_number(page, "temperature", "1.5")
    steps.set_number(page, "seed", "-7")
    expect(steps.note(page, "Seed")).to_be_visible()
    found["findings"] = in_both_themes(page)
    steps.set_number(page, "seed", "7")
    for state in ("planning", "writing"):
        steps.ask(page, state, 300)
        steps.write(page)
        expect(page.locator("#pane .stage")).to_contain_text(state.capitalize())
        found[state] = in_both_themes(page)
        steps.stop(page)
        steps.wait_until_over(page)
    for state, reason in (("failed", "error"), ("paused", "pause"), ("looping", "loop"), ("finished", "stop")):
        steps.ask(page, state, 300)
        steps.write(page)
        expect(page.locator("#pane .stamp")).to_contain_text(f"Finish reason{reason}")
        for fold in ("Everything about this story", "Cite"):
            if not page.locator("details[open]", has_text=fold).count():
                page.get_by_text(fold, exact=True).click()
        found[state] = in_both_themes(page)
    for tab in ("My stories", "Results", "About"):
        steps.open_tab(page, tab)
        found[tab] = in_both_themes(page)
    reader = new_page(390, 844)
    reader.goto(page.url)
    steps.wait_until_over(reader)
    found["story page"] = in_both_themes(reader)
    assert not {state: what for state, what in found.items() if what}


def focused(page: Page) -> str:
    return page.evaluate("""() => {
        const node = document.activeElement, label = node.getAttribute('aria-label') || node.textContent.trim();
        return node.id || node.dataset.do || node.dataset.file || (node.type === 'range' ? 'range' : label).slice(0, 40);
    }""")


def test_everything_can_be_reached_and_done_with_the_keyboard(serve, new_page) -> None:
    page = steps.open_page(new_page(), serve(ScriptedEngine(tells(STORY))))
    box = page.get_by_label("What is the story about?")
    box.focus()
    page.keyboard.type("a bell")
    page.keyboard.press("Control+Enter")
    steps.wait_until_over(page)
    box.focus()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue  # past the last one, before the first
        reached.add(focused(page))
        outline = page.evaluate(
            "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).boxShadow"
        )
        if not page.evaluate("Boolean(document.activeElement.closest('#pane, #chips, #dial, #go'))"):
            continue  # how Gradio shows the focus on its own fields is its affair
        assert outline != "nonenone", f"no visible focus on {focused(page)}"
    wanted = {"write", "smaller", "larger", "full", "copy", "link", "again", "change", "epub", "md", "txt", "json", "Map of the story"}
    assert wanted <= reached, wanted - reached
    page.locator("#pane .map").focus()
    page.keyboard.press("End")
    expect(page.locator("#pane .map")).to_have_attribute("aria-valuetext", "Paragraph 5 of 5")
    page.locator("[data-do=full]").focus()
    page.keyboard.press("Enter")
    expect(box).to_be_hidden()
    page.keyboard.press("Escape")
    expect(box).to_be_visible()


def test_escape_stops_the_story(serve, new_page) -> None:
    page = steps.open_page(new_page(), serve(ScriptedEngine(script(threading.Event()))))
    steps.ask(page, "writing", 300)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#pane .story")).to_contain_text("It *rang*.")
    page.keyboard.press("Escape")
    steps.wait_until_over(page)
    expect(page.locator("#pane .ended")).to_contain_text("Stopped")


def test_a_screen_reader_hears_milestones_only(serve, new_page) -> None:
    page = new_page()
    page.add_init_script("""
        window.said = [];
        addEventListener('DOMContentLoaded', () => new MutationObserver(() => {
            const text = document.querySelector('#pane .spoken')?.textContent;
            if (text && said.at(-1) !== text) said.push(text);
        }).observe(document.body, { subtree: true, childList: true, characterData: true }));
    """)
    steps.open_page(page, serve(ScriptedEngine(tells("word " * 2100))))
    steps.ask(page, "a bell", 3000)
    steps.write(page)
    steps.wait_until_over(page)
    said = page.evaluate("said")
    assert said[-1] == "The model ended the story." and len(said) <= 4, said
    live = page.locator("#pane .story").evaluate(
        "e => e.closest('[aria-live]:not([aria-live=off])') === null && e.getAttribute('aria-live')"
    )
    assert live == "off"
