"""The page for everyone: no barrier that axe-core knows in any state, nothing clipped, large letters, forced colours, no movement."""

import re
from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from polaris_demo.page.wire import STORAGE
from polaris_demo.settings import Settings
from polaris_demo.story.events import Delta, Finish, Progress, Started

from ..doubles import POLARIS, ScriptedEngine, recording_of, story_events, tells
from . import steps

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What Gradio 6.31 renders itself and offers no way to change: rule -> the start of the elements it is allowed for.
GRADIOS = {
    "aria-allowed-attr": ('<button role="tab"',),
    "aria-valid-attr-value": ('<button role="tab"',),
    "aria-hidden-focus": ('<div class="tab-container visually-hidden',),
}
STORY = "# The bell\n\n## I. The tower\n\nIt *rang*.\n\n* * *\n\n" + "Nobody had rung it, and nobody asked. " * 3
WRONG = "temperature=1.3&repetition_penalty=1.1&presence_penalty=1&seed=-7&words=14000"


def violations(page: Page) -> list[str]:
    """What axe-core finds, without what only Gradio could mend; a contrast that it cannot judge is looked at below."""
    if not page.evaluate("'axe' in window"):  # a copy that has run in this page before is more than twice as fast
        page.evaluate(Axe().axe_script)
    violated, contrasts = page.evaluate(FINDS, {"runOnly": RULES, "resultTypes": ["violations", "incomplete"]})
    found = [f"{rule}: {html[:160]} {why[:200]}" for rule, html, why in violated if not html.startswith(GRADIOS.get(rule, ()))]
    return found + [f"contrast {ratio:.2f}: {what}" for ratio, least, what in contrasts if ratio < least]


# Of texts over more than one ground (a gradient, a picture, what lies below): the least contrast with any of them.
CONTRASTS = """selectors => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = color => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const ratio = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const over = (above, below) => above.slice(0, 3).map((v, i) => v * above[3] / 255 + below[i] * (1 - above[3] / 255));
    return selectors.map(selector => document.querySelector(selector)).filter(Boolean).map(node => {
        const style = getComputedStyle(node), grounds = [];
        for (let up = node; up; up = up.parentElement) {
            const { backgroundColor, backgroundImage } = getComputedStyle(up);
            const colours = (backgroundImage.match(/(rgba?|color)\\([^)]*\\)/g) ?? []).map(rgba).filter(colour => colour[3] === 255);
            grounds.push(...colours);
            if (rgba(backgroundColor)[3] === 255) { grounds.push(rgba(backgroundColor)); break; }
        }
        const least = parseFloat(style.fontSize) >= 24 ? 3 : 4.5, text = rgba(style.color);
        return [Math.min(...grounds.map(ground => ratio(light(over(text, ground)), light(ground)))), least, node.outerHTML.slice(0, 120)];
    });
}"""

FINDS = f"""async options => {{
    const {{ violations, incomplete }} = await axe.run(options);
    const unsure = incomplete.filter(rule => rule.id === 'color-contrast').flatMap(rule => rule.nodes.map(node => node.target.at(-1)));
    return [violations.flatMap(rule => rule.nodes.map(node => [rule.id, node.html, node.failureSummary])), ({CONTRASTS})(unsure)];
}}"""

# Every control with the focus: whether that is to be seen, and of which something, its ring included, is cut off by what it stands in.
CLIPPED = """async () => {
    const said = [], controls = [...document.querySelectorAll('a[href], button, input, textarea, select, summary, [tabindex="0"]')];
    const cut = (box, node) => {
        for (let up = node.parentElement; up && up !== document.body; up = up.parentElement) {
            const style = getComputedStyle(up), edge = up.getBoundingClientRect(), wide = style.overflowX !== 'visible', high = style.overflowY !== 'visible';
            const rolls = style.overflowY === 'auto' && up.scrollHeight > up.clientHeight + 1;
            if (wide && (box.left < edge.left - .5 || box.right > edge.right + .5)) return up;
            if (high && !rolls && (box.top < edge.top - .5 || box.bottom > edge.bottom + .5)) return up;
            if (style.position === 'fixed' || rolls) return null;
        }
    };
    for (const node of controls) {
        if (!node.checkVisibility({ visibilityProperty: true }) || node.closest('[inert], [aria-hidden=true], .skip, footer')) continue;
        if (node.getBoundingClientRect().width <= 1) continue;
        const before = getComputedStyle(node).boxShadow;
        node.focus({ preventScroll: true });
        const style = getComputedStyle(node), box = node.getBoundingClientRect(), name = node.outerHTML.slice(0, 110);
        const ring = style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth);
        const seen = style.outlineStyle !== 'none' || style.boxShadow !== before || node.type === 'range';
        if (!seen) said.push(`no ring: ${name}`);
        const up = cut({ left: box.left - ring, right: box.right + ring, top: box.top - ring, bottom: box.bottom + ring }, node);
        if (up) said.push(`clipped: ${name} in ${up.id || up.className}`);
        if (box.left - ring < 0 || box.right + ring > innerWidth || box.top + scrollY - ring < 0) said.push(`beyond the page: ${name}`);
    }
    document.activeElement.blur();
    return said;
}"""


WIDER_THAN_THE_WINDOW = """() => {
    const clips = node => ['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(node).overflowX) && node.closest('.gradio-container') !== node;
    return [...document.querySelectorAll('.gradio-container *')].filter(node => {
        const box = node.getBoundingClientRect();
        if (!node.checkVisibility({ visibilityProperty: true }) || box.width <= 1 || box.height <= 1 || (box.right <= innerWidth + 1 && box.left >= -1)) return false;
        for (let up = node.parentElement; up; up = up.parentElement) if (clips(up)) return false;
        return !node.closest('svg, .skip, .visually-hidden, [aria-hidden=true]');
    }).map(node => node.outerHTML.slice(0, 110));
}"""


def barriers(page: Page) -> list[str]:
    """On a desk by day and on a phone by night: what axe-core finds, and what is clipped; and what large letters push beyond the edge."""
    found = []
    for theme, width in (("light", 1440), ("dark", 390)):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=theme)
        body, dark = page.locator("body"), re.compile(r"\bdark\b")
        expect(body).to_have_class(dark) if theme == "dark" else expect(body).not_to_have_class(dark)
        page.wait_for_function("document.getAnimations().every(running => !(running instanceof CSSTransition))")
        page.keyboard.press("Shift")  # whoever uses keys sees where they are
        found += [f"{theme}: {what}" for what in (*violations(page), *page.evaluate(CLIPPED))]
    for width in (720, 360, 320):  # a desk at twice and four times its size, and the narrowest
        page.set_viewport_size({"width": width, "height": 450})
        page.evaluate("new Promise(requestAnimationFrame)")
        sideways = page.evaluate("document.documentElement.scrollWidth > innerWidth || document.body.scrollWidth > innerWidth")
        found += [f"{width} px: {what}" for what in page.evaluate(WIDER_THAN_THE_WINDOW) + (["it scrolls sideways"] if sideways else [])]
    return found


def script(request, stop):
    """Goes as far as the premise says."""
    if request.premise == "finished":
        yield from story_events("plan", STORY)
    elif request.premise in ENDS:
        yield from story_events("plan", STORY)[:-1]
        yield ENDS[request.premise]
    else:
        yield Started("<prompt>", 60, POLARIS)
        yield Delta.of("thinking", "", tuple(range(1000)))
        if request.premise == "writing":
            yield Delta.of("story", STORY, (1, 2, 3))
        while not stop.wait(0.05):
            yield Progress("reading", 60, 60)


ENDS = {"looping": Finish("loop", "Round in circles.", 10, 60), "paused": Finish("pause", "Your time is used up.")}


def ask_states(page: Page, url: str) -> Iterator[str]:
    steps.open_page(page, url, "system")
    yield "first visit"
    steps.open_page(page, url, "system", WRONG)
    steps.open_settings(page)
    page.locator("#write").click()
    expect(steps.note(page, "First say")).to_be_visible()
    yield "everything wrong"
    steps.ask(page, "planning", 300)
    for fold in ("The prompt the model gets", "Use it yourself"):
        page.get_by_role("button", name=fold).click()
    for field, value in (("seed", "7"), ("repetition_penalty", "1")):
        steps.set_number(page, field, value)
    expect(page.locator("#code pre")).to_contain_text("planning")
    yield "settings, prompt and code"


def story_states(page: Page, url: str) -> Iterator[str]:
    steps.open_page(page, url, "system")
    for state in ("planning", "writing"):
        steps.to_the_form(page)
        steps.ask(page, state, 300)
        steps.write(page)
        expect(page.locator("html")).to_have_attribute("data-stage", state)
        yield state
        steps.stop(page)
        expect(page.get_by_role("button", name="Stop", exact=True)).to_be_hidden()
    for state in (*ENDS, "finished"):
        steps.to_the_form(page)
        steps.ask(page, state, 300)
        steps.write(page)
        steps.wait_until_over(page)
        page.get_by_text("Everything about this story").click()
        yield state
    page.get_by_role("button", name="Text size, width and colours").filter(visible=True).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    yield "looks"


def quiet_states(page: Page, url: str) -> Iterator[str]:
    address = page.url
    page.evaluate("name => localStorage.setItem(name, '[]')", STORAGE["seen"])  # all that was finished is new
    page.goto(f"{url}?tab=shelf")
    for tab in ("My stories", "Results", "About"):
        steps.open_tab(page, tab)
        if tab == "My stories":
            page.get_by_role("button", name="More for").first.click()
        yield tab
    page.evaluate("localStorage.clear()")
    page.goto(address)
    steps.wait_until_over(page)
    yield "shared"
    for query, name in (
        ("view=embed", "embed"),
        (f"view=embed&{address.split('?')[1]}", "embed with a story"),
        ("recorded=bell", "recorded"),
    ):
        page.goto(f"{url}?{query}")
        expect(page.locator("#pane .story:visible, #taste .page:visible").first).to_contain_text(re.compile(r"\w"))
        yield name


def test_no_barrier_in_any_state(serve, new_page, tmp_path) -> None:
    (tmp_path / "bell.json").write_text(recording_of(STORY, "a bell"))
    url = serve(ScriptedEngine(script), Settings(recordings_dir=tmp_path))
    page, found = new_page(reduced_motion="reduce"), []
    for states in (ask_states, story_states, quiet_states):
        for state in states(page, url):
            found += [f"{state}, {what}" for what in barriers(page)]
    assert not found, "\n".join(found)


# --- few colours, no movement --------------------------------------------------------------------------------------


def test_in_forced_colours_the_line_the_stars_and_what_is_chosen_are_still_seen(serve, new_page) -> None:
    page = steps.open_page(new_page(forced_colors="active"), serve(ScriptedEngine(script)))
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    lines = page.locator("#dial .zone").evaluate_all(
        "all => all.map(node => [getComputedStyle(node).borderTopStyle, getComputedStyle(node).borderTopColor])"
    )
    assert all(style in ("solid", "dashed") and colour != ground for style, colour in lines)
    assert page.get_by_role("tab", selected=True).evaluate("node => getComputedStyle(node, '::after').borderBottomStyle") == "solid"
    steps.ask(page, "planning", 300)
    steps.write(page)
    expect(page.locator(".lamp.lit").first).to_be_attached()
    lit, unlit, pole = (
        page.locator(it).first.evaluate("node => getComputedStyle(node).fill") for it in (".lamp.lit", ".lamp:not(.lit)", ".pole")
    )
    assert lit != unlit and pole != lit
    steps.stop(page)


def test_who_wants_no_movement_sees_none(serve, new_page) -> None:
    page = steps.open_page(new_page(reduced_motion="reduce"), serve(ScriptedEngine(script)))
    running = "document.getAnimations().filter(it => it.playState === 'running').map(it => it.effect.target.outerHTML.slice(0, 200))"
    steps.ask(page, "planning", 300)
    steps.write(page)
    expect(page.locator(".lamp.lit").first).to_be_attached()
    assert page.evaluate(running) == []
    steps.stop(page)


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
