"""The page as a visitor uses it: ask, watch, stop, be told what is wrong, on any screen."""

import re
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect

from polaris_demo.story.events import Delta, Finish, Progress

from ..doubles import POLARIS, ScriptedEngine, endless, story_events, tells
from . import steps

HOSTILE = (
    '# <img src=x onerror="window.hit=1"> ${window.hit=2} {{constructor}}\n\n<script>window.hit=3</script> & <b>bold</b> '
    "[x](javascript:window.hit=4) **stars** <think>tag</think>\n\n* * *\n\nשלום 🌟 end."
)


@pytest.fixture
def scripted(serve):
    def start(script, **options) -> str:
        return serve(ScriptedEngine(script), **options)

    return start


def test_a_story_is_written_on_the_miniature(miniature_app: str, new_page) -> None:
    page = steps.open_page(new_page(), miniature_app)
    expect(page.locator("#header .badge")).to_contain_text("preview model, not POLARIS-9B")
    expect(page.locator("#header .why")).to_contain_text("not POLARIS-9B's")
    steps.ask(page, "a robot who learns to paint", 300)
    steps.write(page)
    expect(page.locator("#pane .stage")).to_have_text(re.compile("Planning|Reading|Writing"))
    expect(page.locator("#pane .now .by")).to_have_text("preview model, not POLARIS-9B")
    steps.wait_until_over(page, 120)
    text = steps.story(page)
    assert text.startswith("# ") and len(text.split()) > 100
    shown = page.locator("#pane .story").evaluate("e => e.textContent")
    assert shown.replace("\n", "") == text.replace("\n", "")
    stamp = page.locator("#pane .stamp")
    expect(stamp).to_contain_text("300 words")
    expect(stamp).to_contain_text("preview model, not POLARIS-9B")
    page.get_by_text("Everything about this story").click()
    expect(page.locator("#pane .all .prompt")).to_contain_text(
        "<|im_start|>user\nWrite a 300-word story about a robot who learns to paint."
    )


def test_stop_keeps_what_was_written_and_frees_the_engine(scripted, new_page) -> None:
    page = steps.open_page(new_page(), scripted(endless))
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    steps.ask(page, "a river", 200)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("word word")
    steps.stop(page)
    steps.wait_until_over(page)
    expect(page.locator("#pane .ended")).to_contain_text("Stopped")
    assert steps.story(page).startswith("word word")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    steps.write(page)
    expect(page.locator("#pane .stage")).to_contain_text("Writing")


def test_an_empty_premise_is_answered_beside_the_button_and_runs_nothing(scripted, new_page) -> None:
    page = steps.open_page(new_page(), scripted(endless))
    steps.write(page)
    expect(page.locator("#pane .notice")).to_contain_text("Premise: nothing was given")
    expect(steps.note(page, "Premise: nothing was given")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()


def test_findings_stand_beside_their_field_and_go_away(scripted, new_page) -> None:
    page = steps.open_page(new_page(), scripted(endless))
    steps.ask(page, "a river")
    steps.open_settings(page)
    steps.set_number(page, "temperature", "1.5")
    warning = steps.note(page, "Temperature: 1.5 is outside the model card's recommended range, 0.4–1")
    expect(warning).to_be_visible()
    field, found = page.locator("#temperature").bounding_box(), warning.bounding_box()
    assert 0 <= found["y"] - (field["y"] + field["height"]) < 80
    steps.set_number(page, "temperature", "0.6")
    expect(warning).to_have_count(0)
    steps.set_number(page, "seed", "-7")
    expect(steps.note(page, "Seed: -7 is outside the limits")).to_be_visible()
    steps.write(page)
    expect(page.locator("#pane .notice")).to_contain_text("Seed: -7")


def test_a_cleared_number_is_asked_for(scripted, new_page) -> None:
    page = steps.open_page(new_page(), scripted(endless))
    steps.ask(page, "a river")
    steps.open_settings(page)
    steps.set_number(page, "max_new_tokens", "")
    expect(steps.note(page, "Token budget: nothing was given")).to_be_visible()


def test_moving_one_penalty_sets_the_other_back(scripted, new_page) -> None:
    page = steps.open_page(new_page(), scripted(endless))
    steps.open_settings(page)
    value = lambda name: page.locator(f"#{name} input[type=number]")  # noqa: E731
    steps.set_number(page, "presence_penalty", "1")
    expect(value("repetition_penalty")).to_have_value("1")
    steps.set_number(page, "repetition_penalty", "1.1")
    expect(value("presence_penalty")).to_have_value("0")


def test_the_prompt_can_be_seen_before(scripted, new_page) -> None:
    page = steps.open_page(new_page(), scripted(endless))
    page.get_by_role("button", name="The prompt the model gets").click()
    steps.ask(page, "a <b>river</b> & ${1}", 400)
    expect(page.locator("#prompt .prompt")).to_have_text("<prompt>a <b>river</b> & ${1}</prompt>")
    expect(page.locator("#prompt .about")).to_contain_text("60 tokens")


def test_an_example_fills_the_form(scripted, new_page) -> None:
    page = steps.open_page(new_page(), scripted(endless))
    page.get_by_role("button", name="a lighthouse keeper who has never seen the sea").click()
    expect(page.get_by_label("What is the story about?")).to_have_value("a lighthouse keeper who has never seen the sea")
    expect(page.locator("#words input[type=number]")).to_have_value("300")


def test_the_second_visitor_sees_a_place_and_then_their_own_story(scripted, new_page) -> None:
    gate = threading.Event()

    def gated(request, stop):
        gate.wait(20)
        return iter(story_events("plan", f"Only {request.premise} here."))

    url = scripted(gated)
    first, second = steps.open_page(new_page(), url), steps.open_page(new_page(), url)
    steps.ask(first, "the first wish", 200)
    steps.write(first)
    steps.ask(second, "the second wish", 200)
    steps.write(second)
    expect(second.locator("#pane .stage")).to_have_text("In the queue, 1 story before this one")
    gate.set()
    for page, wish in ((first, "first"), (second, "second")):
        steps.wait_until_over(page)
        assert steps.story(page) == f"Only the {wish} wish here."


def test_a_failing_model_is_one_calm_sentence(scripted, new_page) -> None:
    def fails(request, stop):
        yield from story_events("plan", "It began.")[:-1]
        raise RuntimeError("reasons for nobody")

    page = steps.open_page(new_page(), scripted(fails))
    steps.ask(page, "a river", 200)
    steps.write(page)
    expect(page.locator("#pane .notice")).to_contain_text("nobody foresaw")
    assert steps.story(page) == "It began." and "reasons for nobody" not in page.content()


def test_hostile_text_is_shown_as_text(scripted, new_page) -> None:
    page = steps.open_page(new_page(), scripted(tells(HOSTILE)))
    steps.ask(page, "<img src=x onerror=window.hit=9>", 200)
    steps.write(page)
    steps.wait_until_over(page)
    assert steps.story(page) == HOSTILE
    shown = page.locator("#pane .story").evaluate("e => e.textContent")
    assert shown.replace("\n", "") == HOSTILE.replace("\n", "")
    assert page.evaluate("window.hit") is None
    assert page.locator("#pane .story img, #pane .story script, #pane .story b").count() == 0


def test_a_download_holds_the_story_and_what_wrote_it(scripted, new_page) -> None:
    page = steps.open_page(new_page(), scripted(tells("# The / Lamp\n\nOnce.")))
    steps.ask(page, "a river", 200)
    steps.write(page)
    steps.wait_until_over(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Markdown").click()
    assert download.value.suggested_filename == "The Lamp.md"
    text = Path(download.value.path()).read_text()
    assert text.startswith("# The / Lamp\n\nOnce.\n\n---\n") and POLARIS.name in text


def test_copying_and_selecting_give_the_text_as_it_is_read_and_markdown_is_its_own(scripted, new_page) -> None:
    page = steps.open_page(
        new_page(permissions=["clipboard-read", "clipboard-write"]),
        scripted(tells("# T\n\nOne *so*\n  line.\n\n***\n\n1986. A sh*t year.")),
    )
    steps.ask(page, "a river", 200)
    steps.write(page)
    steps.wait_until_over(page)
    text = "T\n\nOne so\n  line.\n\n***\n\n1986. A sh*t year."
    assert page.evaluate("getSelection().selectAllChildren(document.querySelector('#pane .story')) ?? getSelection().toString()") == text
    page.get_by_role("button", name="Copy text").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == text
    expect(page.get_by_role("button", name="Copied")).to_have_count(0)
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    markdown = page.evaluate("navigator.clipboard.readText()")
    assert (
        markdown.startswith("# T\n\nOne *so*  \n&#160;\u00a0line.\n\n* * *\n\n1986\\. A sh\\*t year.\n\n---\n\n> ")
        and POLARIS.name in markdown
    )


@pytest.mark.parametrize(("theme", "widths"), [("light", (1440, 390, 360)), ("dark", (360, 390, 1440))])
def test_every_screen_holds_the_page_without_scrolling_sideways(scripted, new_page, theme: str, widths: tuple[int, ...]) -> None:
    """As a screen, or turned or drawn to another width."""
    page = steps.open_page(new_page(widths[0], 844), scripted(tells("# Donaudampfschifffahrtsgesellschaft\n\n" + "x" * 300)), theme)
    steps.ask(page, "w" * 200, 200)
    steps.open_settings(page)
    steps.write(page)
    steps.wait_until_over(page)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_function("width => innerWidth === width", arg=width)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{width} pixels"
    dark = page.evaluate("getComputedStyle(document.querySelector('.pane')).backgroundColor") != "rgb(255, 253, 248)"
    assert dark == (theme == "dark")


def test_on_a_phone_the_story_comes_into_view(scripted, new_page) -> None:
    page = steps.open_page(new_page(390, 844), scripted(endless))
    steps.ask(page, "a river", 200)
    steps.write(page)
    expect(page.locator("#pane .now")).to_be_in_viewport()


SEGMENT = Finish("segment")


def paused_once(gate: threading.Event, between: Finish = SEGMENT):
    """A story in two parts, the second only after the gate."""
    calls = []

    def script(request, stop):
        calls.append(request)
        if len(calls) == 1:
            yield from story_events("plan", "# The bell\n\nOnce upon ")[:-1]
            yield between
        else:
            while not gate.wait(0.05):
                yield Progress("gpu")
            yield Delta.of("story", "a time.", (7,))
            yield Finish("stop")

    return script


def test_the_page_goes_on_with_the_next_segment_by_itself(scripted, new_page) -> None:
    gate = threading.Event()
    page = steps.open_page(new_page(), scripted(paused_once(gate)))
    steps.ask(page, "a bell", 200)
    steps.write(page)
    expect(page.locator("#pane .stage")).to_contain_text("Waiting for a GPU · 4 words so far")
    gate.set()
    steps.wait_until_over(page)
    assert steps.story(page) == "# The bell\n\nOnce upon a time."


def test_a_story_paused_for_a_reason_says_it_and_offers_to_continue(scripted, new_page) -> None:
    gate = threading.Event()
    gate.set()
    page = steps.open_page(new_page(), scripted(paused_once(gate, Finish("pause", "Your time is used up. Continue goes on from there."))))
    steps.ask(page, "a bell", 200)
    steps.write(page)
    expect(page.locator("#pane .ended")).to_contain_text("Your time is used up.")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#pane .ended")).to_contain_text("The model ended the story.")
    assert steps.story(page) == "# The bell\n\nOnce upon a time."
    expect(page.get_by_role("button", name="Continue")).to_be_hidden()


def test_a_reloaded_page_finds_its_story_and_goes_on_following(scripted, new_page) -> None:
    page = steps.open_page(new_page(), scripted(endless))
    steps.ask(page, "a river", 200)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("word word")
    before = steps.story(page)
    page.reload()
    expect(page.locator("#pane .story")).to_contain_text("word word")
    assert steps.story(page).startswith(before)
    steps.stop(page)
    steps.wait_until_over(page)
    assert set(steps.story(page).split()) == {"word"}
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#pane .stage")).to_contain_text("Writing")


def test_whoever_has_the_link_reads_along_and_cannot_stop(scripted, new_page) -> None:
    owner = steps.open_page(new_page(), scripted(endless))
    steps.ask(owner, "a river", 200)
    steps.write(owner)
    expect(owner.locator("#pane .story")).to_contain_text("word word")
    reader = new_page()
    reader.goto(owner.url)
    expect(reader.locator("#pane .story")).to_contain_text("word word")
    for name in ("Stop", "Write the story"):
        expect(reader.get_by_role("button", name=name)).to_be_hidden()
    steps.stop(owner)
    steps.wait_until_over(reader)
    steps.wait_until_over(owner)
    assert steps.story(reader) == steps.story(owner)
    for name in ("Continue", "Delete this story"):
        expect(reader.get_by_role("button", name=name)).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_link_to_a_story_that_is_gone_says_so(scripted, new_page, width: int) -> None:
    page = new_page(width)
    page.goto(f"{scripted(endless)}?story=nobody-wrote-this")
    expect(page.locator("#pane .notice")).to_contain_text("it has expired or was deleted")
    expect(page.locator("#pane .notice")).to_be_in_viewport()


def test_without_browser_storage_a_story_is_still_written_and_stopped(scripted, new_page) -> None:
    page = new_page()
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('none'); } })")
    steps.open_page(page, scripted(endless))
    steps.ask(page, "a river", 200)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("word word")
    steps.stop(page)
    steps.wait_until_over(page)


SCREEN_LOCK = """
window.locks = [];
Object.defineProperty(navigator, 'wakeLock', { value: { async request() {
  const lock = { released: false, async release() { this.released = true; } };
  window.locks.push(lock);
  return lock;
} } });
"""


def test_the_screen_is_kept_awake_while_ones_own_story_is_written_and_only_then(scripted, new_page) -> None:
    page = new_page()
    page.add_init_script(SCREEN_LOCK)
    steps.open_page(page, scripted(endless))
    held = lambda tab: tab.evaluate("locks.filter(lock => !lock.released).length")  # noqa: E731
    assert held(page) == 0
    steps.ask(page, "a river", 200)
    steps.write(page)
    page.wait_for_function("locks.filter(lock => !lock.released).length === 1")
    reader = new_page()
    reader.add_init_script(SCREEN_LOCK)
    reader.goto(page.url)
    expect(reader.locator("#pane .story")).to_contain_text("word word")
    assert held(reader) == 0
    steps.stop(page)
    steps.wait_until_over(page)
    page.wait_for_function("locks.every(lock => lock.released)")


def test_the_code_follows_the_controls_and_can_be_copied(scripted, new_page) -> None:
    page = steps.open_page(new_page(permissions=["clipboard-read", "clipboard-write"]), scripted(endless))
    page.get_by_role("button", name="Use it yourself").click()
    code, premise = page.locator("#code pre"), '<b>it\'s</b> "quoted" \\ & ${window.hit=1} שלום'
    expect(page.locator("#code .kinds")).to_be_hidden()
    steps.ask(page, premise, 400)
    expect(code).to_contain_text("TEMPERATURE = 0.6")
    page.get_by_role("button", name="gradio_client").click()
    expect(code).to_contain_text(f"Client('{page.url.split('?')[0]}')")
    expect(code).to_contain_text(f"premise={premise!r}")
    steps.open_settings(page)
    steps.set_number(page, "temperature", "0.75")
    steps.set_number(page, "seed", "7")
    expect(code).to_contain_text("seed=7")
    expect(code).to_contain_text("temperature=0.75")
    page.get_by_role("button", name="Copy the code").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == code.text_content() and page.evaluate("window.hit") is None
    steps.set_number(page, "seed", "-7")
    expect(page.locator("#code .about")).to_contain_text("cannot be used")
    expect(page.locator("#code .kinds")).to_be_hidden()


def test_what_was_set_in_the_form_goes_through_a_reload(scripted, new_page) -> None:
    page = steps.open_page(new_page(), f"{scripted(tells('# The mill'))}")
    steps.open_settings(page)
    page.locator("#form input").click()
    page.get_by_role("option", name="fan fiction").click()
    steps.set_number(page, "temperature", "0.85")
    steps.ask(page, "a mill & a “wheel”", 450)
    steps.write(page)
    steps.wait_until_over(page)
    steps.ask(page, "something not sent yet", 1250)
    address = page.url
    page.reload()
    expect(page.locator("#premise textarea")).to_have_value("something not sent yet")
    expect(page.locator("#words input[type=number]")).to_have_value("1250")
    steps.open_settings(page)
    expect(page.locator("#temperature input[type=number]")).to_have_value("0.85")
    expect(page.locator("#form input")).to_have_value("fan fiction")
    steps.wait_until_over(page)
    assert steps.story(page) == "# The mill"
    assert page.url == address
    fresh = page.context.new_page()
    fresh.goto(address)
    expect(fresh.locator("#dial .expect")).to_contain_text("At most")
    assert fresh.locator("#premise textarea").input_value() == ""
