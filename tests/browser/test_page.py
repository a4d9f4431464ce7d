"""The page as a visitor uses it: ask, watch, stop, be told what is wrong, on any screen."""

import re
import threading
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ..doubles import POLARIS, endless, story_events, tells
from . import steps

HOSTILE = (
    '# <img src=x onerror="window.hit=1"> ${window.hit=2} {{constructor}}\n\n<script>window.hit=3</script> & <b>bold</b> '
    "[x](javascript:window.hit=4) **stars** <think>tag</think>\n\n* * *\n\nשלום 🌟 end."
)


def asked(page: Page, premise: str = "a river", words: int = 200) -> Page:
    """A page whose story has been asked for."""
    steps.ask(page, premise, words)
    steps.write(page)
    return page


def test_a_story_is_written_on_the_miniature(miniature_app: str, same_page) -> None:
    page = asked(steps.open_page(same_page(), miniature_app), "a robot who learns to paint", 300)
    expect(page.locator("#pane .stage")).to_have_text(re.compile("Planning|Reading|Writing"))
    expect(page.locator("#pane .title-page .by")).to_contain_text("the miniature, not POLARIS-9B", ignore_case=True)
    steps.wait_until_over(page, 120)
    text = steps.story(page)
    assert text.startswith("# ") and len(text.split()) > 100
    shown = page.locator("#pane .story").evaluate("e => e.textContent")
    assert shown.replace("\n", "") == text.replace("\n", "")
    page.get_by_text("Everything about this story").click()
    expect(page.locator("#pane .stamp")).to_contain_text("300 words")
    expect(page.locator("#pane .stamp")).to_contain_text("preview model, not POLARIS-9B")
    prompt = "<|im_start|>user\nWrite a 300-word story about a robot who learns to paint."
    expect(page.locator("#pane .all .prompt").first).to_contain_text(prompt)


def test_stop_keeps_what_was_written_and_frees_the_engine(scripted, same_page) -> None:
    page = steps.open_page(same_page(), scripted(endless))
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    asked(page)
    expect(page.locator("#pane .story")).to_contain_text("word word")
    steps.stop(page)
    steps.wait_until_over(page)
    expect(page.locator("#pane .ended")).to_contain_text("Stopped")
    assert steps.story(page).startswith("word word")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    steps.to_the_form(page)
    steps.write(page)
    expect(page.locator("#pane .stage")).to_have_text("Writing")


def test_a_cleared_number_is_asked_for(scripted, same_page) -> None:
    page = steps.open_page(same_page(), scripted(endless))
    steps.ask(page, "a river")
    steps.open_settings(page)
    steps.set_number(page, "max_new_tokens", "")
    expect(page.locator("#note-max_new_tokens .note")).to_be_visible()


def test_the_prompt_can_be_seen_before(scripted, same_page) -> None:
    page = steps.open_page(same_page(), scripted(endless))
    steps.open_settings(page)
    page.get_by_role("button", name="The prompt the model gets").click()
    steps.ask(page, "a <b>river</b> & ${1}", 400)
    expect(page.locator("#prompt .prompt")).to_have_text("<prompt>a <b>river</b> & ${1}</prompt>")
    expect(page.locator("#prompt .about")).to_contain_text("60 tokens")


def test_the_second_visitor_sees_a_place_and_then_their_own_story(scripted, same_page, new_page) -> None:
    gate = threading.Event()

    def gated(request, stop):
        gate.wait(20)
        return iter(story_events("plan", f"Only {request.premise} here."))

    url = scripted(gated)
    first, second = steps.open_page(same_page(), url), steps.open_page(new_page(), url)
    steps.ask(first, "the first wish", 200)
    steps.write(first)
    steps.ask(second, "the second wish", 200)
    steps.write(second)
    expect(second.locator("#pane .what")).to_contain_text("Waiting 1 story before yours")
    expect(second.locator("#pane .thinks")).to_have_text("It waits for its turn.")
    gate.set()
    for page, wish in ((first, "first"), (second, "second")):
        steps.wait_until_over(page)
        assert steps.story(page) == f"Only the {wish} wish here."


def test_a_failing_model_is_one_calm_sentence(scripted, same_page) -> None:
    def fails(request, stop):
        yield from story_events("plan", "It began.")[:-1]
        raise RuntimeError("reasons for nobody")

    page = steps.open_page(same_page(), scripted(fails))
    steps.ask(page, "a river", 200)
    steps.write(page)
    expect(page.locator("#pane .ended")).to_contain_text("nobody foresaw")
    assert steps.story(page) == "It began." and "reasons for nobody" not in page.content()


def test_hostile_text_is_shown_as_text(scripted, same_page) -> None:
    page = steps.open_page(same_page(), scripted(tells(HOSTILE)))
    steps.ask(page, "<img src=x onerror=window.hit=9>", 200)
    steps.write(page)
    steps.wait_until_over(page)
    assert steps.story(page) == HOSTILE
    shown = page.locator("#pane .story").evaluate("e => e.textContent")
    assert shown.replace("\n", "") == HOSTILE.replace("\n", "")
    assert page.evaluate("window.hit") is None
    assert page.locator("#pane .story img, #pane .story script, #pane .story b").count() == 0


def test_a_download_holds_the_story_and_what_wrote_it(scripted, same_page) -> None:
    page = steps.open_page(same_page(), scripted(tells("# The / Lamp\n\nOnce.")))
    steps.ask(page, "a river", 200)
    steps.write(page)
    steps.wait_until_over(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Markdown", exact=True).click()
    assert download.value.suggested_filename == "The Lamp.md"
    text = Path(download.value.path()).read_text()
    assert text.startswith("# The / Lamp\n\nOnce.\n\n---\n") and POLARIS.name in text


def test_copying_and_selecting_give_the_text_as_it_is_read_and_markdown_is_its_own(scripted, same_page) -> None:
    page = steps.open_page(
        same_page(permissions=["clipboard-read", "clipboard-write"]),
        scripted(tells("# T\n\nOne *so*\n  line.\n\n***\n\n1986. A sh*t year.")),
    )
    steps.ask(page, "a river", 200)
    steps.write(page)
    steps.wait_until_over(page)
    text = "T\n\nOne so\n  line.\n\n***\n\n1986. A sh*t year."
    assert page.evaluate("getSelection().selectAllChildren(document.querySelector('#pane .story')) ?? getSelection().toString()") == text
    page.get_by_role("button", name="Copy the text").click()
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
def test_every_screen_holds_the_page_without_scrolling_sideways(scripted, same_page, theme: str, widths: tuple[int, ...]) -> None:
    """As a screen, or turned or drawn to another width."""
    page = steps.open_page(same_page(widths[0], 844), scripted(tells("# Donaudampfschifffahrtsgesellschaft\n\n" + "x" * 300)), theme)
    steps.ask(page, "w" * 200, 200)
    steps.open_settings(page)
    steps.write(page)
    steps.wait_until_over(page)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_function("width => innerWidth === width", arg=width)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{width} pixels"
    body, paper = expect(page.locator("body")), "rgb(246, 241, 231)"  # to which the night of the planning fades
    body.to_have_css("background-color", paper) if theme == "light" else body.not_to_have_css("background-color", paper)


def test_on_a_phone_the_story_comes_into_view(scripted, same_page) -> None:
    page = steps.open_page(same_page(390, 844), scripted(endless))
    steps.ask(page, "a river", 200)
    steps.write(page)
    expect(page.locator("#pane .stage")).to_be_in_viewport()
    expect(page.locator("#pane .story p").first).to_be_in_viewport()


def test_the_code_follows_the_controls_and_can_be_copied(scripted, same_page) -> None:
    page = steps.open_page(same_page(permissions=["clipboard-read", "clipboard-write"]), scripted(endless))
    steps.open_settings(page)
    page.get_by_role("button", name="Use it yourself").click()
    code, premise = page.locator("#code pre"), '<b>it\'s</b> "quoted" \\ & ${window.hit=1} שלום'
    expect(page.locator("#code .kinds")).to_be_hidden()
    steps.ask(page, premise, 400)
    expect(code).to_contain_text("TEMPERATURE = 0.6")
    page.get_by_role("button", name="gradio_client").click()
    expect(code).to_contain_text(f"Client('{page.url.split('?')[0]}')")
    expect(code).to_contain_text(f"premise={premise!r}")
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
    form = page.locator("#kinds select")
    form.select_option("fan fiction")
    steps.set_number(page, "temperature", "0.85")
    asked(page, "a mill & a “wheel”", 450)
    steps.wait_until_over(page)
    address = page.url
    steps.to_the_form(page)
    steps.ask(page, "something not sent yet", 1250)
    page.go_back()
    page.reload()
    steps.wait_until_over(page)
    expect(page).to_have_url(address)
    assert steps.story(page) == "# The mill"
    steps.to_the_form(page)
    expect(page.locator("#premise textarea")).to_have_value("something not sent yet")
    expect(page.locator("#words input[type=number]")).to_have_value("1250")
    steps.open_settings(page)
    expect(page.locator("#temperature input[type=number]")).to_have_value("0.85")
    expect(form).to_have_value("fan fiction")
    fresh = steps.open_page(page.context.new_page(), address.split("?")[0])
    assert fresh.locator("#premise textarea").input_value() == ""
