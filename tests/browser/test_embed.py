"""The page inside another one: the picture first, then a small form that opens the full page; nothing is taken from the page around it."""

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.settings import Settings

from ..doubles import ScriptedEngine, tells
from . import steps
from .test_everyone import violations

NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('none'); } })"
PREMISE = "a bell & a “key” = 100 % + שלום 🌟"


@pytest.fixture
def url(serve) -> str:
    return serve(ScriptedEngine(tells("# The bell\n\nIt rang.")))


def open_embed(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.locator("#result-together svg").filter(visible=True)).to_be_visible()
    return page


def ask(frame, premise: str, words: int) -> None:
    frame.get_by_label("A story about").fill(premise)
    frame.locator("#embed input[type=number]").fill(str(words))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [800, 360])
def test_an_embed_is_a_picture_and_a_form_in_600_pixels(url: str, new_page, width: int, theme: str) -> None:
    page = new_page(width, 600, reduced_motion="reduce")
    page.add_init_script(NO_STORAGE)
    open_embed(page, f"{url}?view=embed&__theme={theme}")
    seen = "(e) => { const r = e.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; }"
    assert page.locator("#embed form").evaluate(seen)
    picture, form = page.locator("#result-together svg").filter(visible=True).bounding_box(), page.locator("#embed").bounding_box()
    assert picture["y"] < form["y"] - 200
    size = page.locator("#result-together svg text").filter(visible=True).first
    assert size.evaluate("e => parseFloat(getComputedStyle(e).fontSize) * e.ownerSVGElement.getScreenCTM().a") >= 11
    for hidden in (page.get_by_role("tab").first, page.get_by_role("button", name="Write the story"), page.locator("#foot")):
        expect(hidden).to_be_hidden()
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": 1400})
    page.set_viewport_size({"width": width, "height": 600})
    assert page.evaluate("document.documentElement.scrollHeight") == tall
    assert page.evaluate("[document.documentElement.scrollWidth, scrollY, document.activeElement.tagName]") == [width, 0, "BODY"]
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    assert not violations(page)


def test_its_form_opens_the_full_page_with_everything_filled_in(url: str, new_page) -> None:
    page = open_embed(new_page(800, 600), f"{url}?view=embed")
    ask(page, PREMISE, 450)
    page.keyboard.press("Control+Enter")
    assert page.context.pages == [page]
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open the full page").click()
    full = opened.value
    expect(full.locator("#premise textarea")).to_have_value(PREMISE)
    expect(full.locator("#words input[type=number]")).to_have_value("450")
    expect(full.get_by_role("button", name="Write the story")).to_be_visible()
    assert full.evaluate("document.documentElement.dataset.view") is None
    assert page.locator("#pane .notice").text_content() == ""  # the keys that write a story asked for none here


def test_on_a_space_its_form_leads_to_the_page_on_the_hub(serve, new_page) -> None:
    home = "https://huggingface.co/spaces/owner/name"
    page = open_embed(new_page(800, 600), f"{serve(ScriptedEngine(tells('x')), Settings(home=home))}?view=embed")
    form = page.locator("#embed form")
    assert (form.get_attribute("action"), form.get_attribute("target"), form.get_attribute("method")) == (home, "_blank", "get")


def test_one_story_can_be_embedded(url: str, new_page) -> None:
    page = steps.open_page(new_page(), url)
    steps.ask(page, "a bell", 200)
    steps.write(page)
    steps.wait_until_over(page)
    reader = new_page(360, 600)
    reader.goto(f"{page.url}&view=embed")
    expect(reader.locator("#pane .story")).to_contain_text("It rang.")
    expect(reader.get_by_role("button", name="Open the full page")).to_be_in_viewport()
    assert reader.evaluate("[scrollY, document.documentElement.scrollWidth]") == [0, 360]
    assert not violations(reader)
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#copied-embed-results")).to_contain_text(f'<iframe src="{url}?view=embed"')
