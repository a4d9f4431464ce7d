"""A story read aloud, by a voice of the test's: a paragraph at a time, marked, across chapters, while it is still written; a passage quoted."""

import threading
from collections.abc import Iterator

from playwright.sync_api import Page, expect

from polaris_demo.story.events import Delta, Event, Finish, Started
from polaris_demo.story.request import StoryRequest

from ..doubles import POLARIS, Script, ScriptedEngine, tells
from . import steps

PARTS = ("One *bell* rang.", "Nobody had rung it.", "And nobody asked.")
STORY = f"# The bell\n\n## I. The tower\n\n{PARTS[0]}\n\n* * *\n\n{PARTS[1]}\n\n## II. The sea\n\n{PARTS[2]}\n\n" + "\n\n".join(
    f"{n}. The rain went on, and the lamp with it." for n in range(40)
)
# A voice that says what it is given when the test lets it.
VOICE = """
    window.said = [];
    window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
    const hears = [];
    Object.defineProperty(window, 'speechSynthesis', { value: {
        voices: VOICES, now: null,
        getVoices() { return this.voices; },
        addEventListener(kind, heard) { hears.push(heard); },
        speak(one) { said.push(one.text); this.now = one; },
        cancel() { const { now } = this; this.now = null; now?.onerror?.({ error: 'canceled' }); },
        ends() { const { now } = this; this.now = null; now.onend(); },
        finds(voices) { this.voices = voices; for (const heard of hears) heard(); },
    } });
"""


def page_with(same_page, voices: str = "[{}]") -> Page:
    return same_page(script=VOICE.replace("VOICES", voices))


def open_story(page: Page, url: str) -> Page:
    steps.open_page(page, url)
    steps.ask(page, "a bell", 300)
    steps.write(page)
    steps.wait_until_over(page)
    return page


def listen(page: Page, name: str = "Listen") -> None:
    page.locator("#pane .side").get_by_role("button", name=name, exact=True).click()


def said(page: Page) -> list[str]:
    return page.evaluate("said")


def marked(page: Page) -> str:
    return page.locator("#pane .story .read").inner_text()


def test_it_reads_on_across_chapters_and_marks_what_it_reads(serve, same_page) -> None:
    page = open_story(page_with(same_page), serve(ScriptedEngine(tells(STORY))))
    page.evaluate("scrollTo(0, 0)")
    listen(page)
    expect(page.get_by_role("button", name="Stop listening").first).to_be_visible()
    for _ in range(5):
        page.evaluate("speechSynthesis.ends()")
    heard = said(page)
    begins = heard.index("One bell rang.")
    assert heard[begins:] == ["One bell rang.", "Nobody had rung it.", "II. The sea", "And nobody asked."][: len(heard) - begins]
    assert marked(page) == heard[-1]
    listen(page, "Stop listening")
    expect(page.locator("#pane .story .read")).to_have_count(0)
    assert page.evaluate("speechSynthesis.now") is None


def test_the_page_goes_along_until_its_reader_goes_elsewhere(serve, same_page) -> None:
    page = open_story(page_with(same_page), serve(ScriptedEngine(tells(STORY))))
    page.evaluate("scrollTo(0, 0)")
    listen(page)
    for _ in range(24):
        page.evaluate("speechSynthesis.ends()")
    expect(page.locator("#pane .story .read")).to_be_in_viewport()
    assert page.evaluate("scrollY") > 0
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("speechSynthesis.ends()")
    assert page.evaluate("scrollY") == 0


LONG = " ".join(["One bell rang."] * 150)  # so that it is what is being read


def in_two_parts(gate: threading.Event) -> Script:
    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        yield Started("<prompt>", 60, POLARIS)
        yield Delta.of("story", f"{LONG}\n\n{PARTS[1][:6]}", (1,))
        while not gate.wait(0.02) and not stop.is_set():
            yield Delta.of("story", "", (1,))
        yield Delta.of("story", PARTS[1][6:], (2,))
        yield Finish("stop")

    return script


def test_it_waits_for_what_is_still_being_written_and_goes_on(serve, same_page) -> None:
    gate = threading.Event()
    page = steps.open_page(page_with(same_page), serve(ScriptedEngine(in_two_parts(gate))))
    steps.ask(page, "a bell", 300)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text(PARTS[1][:6])
    listen(page)
    page.evaluate("speechSynthesis.ends()")
    assert said(page) == [LONG]  # the next paragraph still grows
    gate.set()
    steps.wait_until_over(page)
    assert said(page) == [LONG, "Nobody had rung it."]
    page.evaluate("speechSynthesis.ends()")
    expect(page.get_by_role("button", name="Stop listening")).to_have_count(0)


def test_it_falls_silent_when_the_story_is_left(serve, same_page) -> None:
    """For another tab, for the ask, for another story and for two side by side."""
    url = serve(ScriptedEngine(tells(STORY)))
    page = open_story(page_with(same_page), url)
    other = page.url.split("story=")[1]
    story = open_story(page, url).url.split("story=")[1]

    def goes(to: str, beside: str = "") -> None:
        steps.module(page, "where", "({ where }, to) => where.go(to)", {"story": to, "beside": beside or None})

    leaving = (
        page.get_by_role("tab", name="Results").click,
        lambda: steps.to_the_form(page),
        lambda: goes(other),
        lambda: goes(story, other),
    )
    for leaves in leaving:
        listen(page)
        assert page.evaluate("speechSynthesis.now !== null")
        leaves()
        page.wait_for_function("speechSynthesis.now === null")
        assert page.evaluate("document.querySelector('#pane .story .read')") is None
        goes(story)
        expect(page.locator("#pane .after")).to_be_visible()


def test_a_voice_that_fails_is_not_made_to_say_the_rest(serve, same_page) -> None:
    page = open_story(page_with(same_page), serve(ScriptedEngine(tells(STORY))))
    listen(page)
    page.evaluate("speechSynthesis.now.onerror({ error: 'synthesis-failed' })")
    expect(page.get_by_role("button", name="Stop listening")).to_have_count(0)
    assert len(said(page)) == 1


def test_it_is_offered_only_where_there_is_a_voice_also_one_that_is_found_late(serve, same_page) -> None:
    page = open_story(page_with(same_page, "[]"), serve(ScriptedEngine(tells(STORY))))
    offered = page.get_by_role("button", name="Listen", exact=True).filter(visible=True)
    expect(offered).to_have_count(0)
    page.keyboard.press("l")
    assert said(page) == []
    page.evaluate("speechSynthesis.finds([{}])")
    expect(offered.first).to_be_visible()


# --- a passage, quoted -----------------------------------------------------------------------------------------------


def quoted(page: Page) -> str:
    page.get_by_role("button", name="Quote a passage").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    return page.evaluate("navigator.clipboard.readText()")


def test_a_quoted_passage_says_where_it_is_from(serve, same_page) -> None:
    page = same_page(permissions=["clipboard-read", "clipboard-write"])
    open_story(page, serve(ScriptedEngine(tells(STORY))))
    source = f"“The bell”. {page.locator('.title-page .by').text_content()}. {page.url.split('?')[0]}?story={page.url.split('story=')[1]}"
    assert "POLARIS-9B, a language model, on " in source
    page.evaluate("""() => {
        const [first, second] = [...document.querySelectorAll('#pane .story p')].filter(p => / rang|Nobody had/.test(p.textContent));
        getSelection().setBaseAndExtent(first, 0, second, second.childNodes.length);
    }""")
    text = quoted(page)
    assert text.startswith("> One bell rang.\n>\n") and "> Nobody had rung it." in text and text.endswith(f"\n\n{source}")
    page.evaluate("getSelection().removeAllRanges()")
    page.evaluate("document.querySelector('#pane .ways').scrollIntoView()")
    reads = steps.reader(page, "reader => reader.paper.blocks[reader.place.at()].node.textContent")
    assert quoted(page) == f"> {reads}\n\n{source}"
