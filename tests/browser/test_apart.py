"""What belongs apart stands apart: a ring from what it surrounds, a line of text from the next, one control from another; and what a
divider divides is there."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, expect

from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import ScriptedEngine, asked, rests, tells, until
from . import steps

CHAPTERS = ("I. What the sea had kept of the old bell", "II. Who went out to ring it, and with whom", "III. What came of that by morning")
TALE = "# A bell\n\n" + "\n\n".join(f"## {name}\n\nIt rang.\n\nNobody had asked it to." for name in CHAPTERS)
RING = 6  # pixels from a field to the outer edge of the ring that shows its focus
TEXT = "e => { const text = document.createRange(); text.selectNodeContents(e); const { x, y, right, bottom } = text.getBoundingClientRect(); return { x, y, right, bottom }; }"
# Where the ring around an element with the focus ends.
RINGED = """e => {
    const { outlineStyle, outlineWidth, outlineOffset } = getComputedStyle(e), out = parseFloat(outlineWidth) + parseFloat(outlineOffset);
    const { left, right, top } = e.getBoundingClientRect();
    return outlineStyle === 'none' ? null : { left: left - out, right: right + out, top: top - out };
}"""


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[str, list[Job]]]:
    """The app's address, and two stories there."""
    runner = Runner(ScriptedEngine(tells(TALE)))
    with serving(runner) as url:
        jobs = [runner.submit(asked("a bell", words=50)) for _ in range(2)]
        for job in jobs:
            until(lambda job=job: rests(job))
        yield url, jobs


def read(page: Page, told: tuple[str, list[Job]]) -> Page:
    """The first of them, by whoever asked for it."""
    url, (job, _) = told
    page.goto(f"{url}stories/status")
    page.evaluate("pair => localStorage.setItem('polaris-stories', JSON.stringify([pair]))", [job.record.id, job.key])
    page.goto(f"{url}?story={job.record.id}")
    steps.wait_until_over(page)
    return page


def text(found: Locator) -> dict[str, float]:
    return found.evaluate(TEXT)


@pytest.mark.parametrize("width", [1440, 390])
def test_no_divider_stands_at_the_foot_where_it_divides_nothing(same_page, told, width: int) -> None:
    page = steps.open_page(same_page(width), told[0])
    footer = page.locator("footer").first
    expect(footer).to_be_attached()
    assert not footer.inner_text().strip().endswith("·")


def test_what_can_be_pressed_at_the_foot_looks_alike(same_page, told) -> None:
    page = steps.open_page(same_page(), told[0])
    lines = {one.evaluate("e => getComputedStyle(e).textDecorationLine") for one in page.locator("#foot :is(a, button)").all()}
    assert lines == {"underline"}


@pytest.mark.parametrize("width", [390, 360])
def test_what_is_missing_is_said_clear_of_the_ring_around_the_field(same_page, told, width: int) -> None:
    page = steps.open_page(same_page(width, 640), told[0])
    page.locator("#write").click()
    expect(page.locator("#premise textarea")).to_be_focused()
    said = page.locator("#note-premise .note")
    expect(said).to_be_visible()
    field = page.locator("#premise textarea").bounding_box()
    assert text(said)["y"] >= field["y"] + field["height"] + RING


def test_a_fold_of_the_settings_points_to_what_it_opens(same_page, told) -> None:
    page = steps.open_page(same_page(reduced_motion="reduce"), told[0])
    steps.open_settings(page)
    for fold in ("#prompt-fold", "#code-fold"):
        sign = page.locator(f"{fold} > button .icon")
        assert sign.text_content() == "▼"
        assert sign.evaluate("e => getComputedStyle(e).transform") == "matrix(0, -1, 1, 0, 0, 0)"  # to the right
        page.locator(f"{fold} > button").click()
        expect(page.locator(f"{fold} > button.open")).to_be_visible()
        assert sign.evaluate("e => getComputedStyle(e).transform") == "matrix(1, 0, 0, 1, 0, 0)"


@pytest.mark.parametrize("width", [390, 360])
def test_the_fold_below_a_story_is_one_line_on_a_phone(same_page, told, width: int) -> None:
    page = read(same_page(width, 844), told)
    name = "e => { const name = document.createRange(); name.selectNodeContents(e.firstChild); return name.getClientRects().length; }"
    assert page.locator("#pane .all summary").evaluate(name) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_to_delete_a_story_lies_apart_from_citing_it(same_page, told) -> None:
    page = read(same_page(390, 844), told)
    page.get_by_text("Everything about this story").click()
    cite, delete = (page.locator(f"#pane .all [data-do={act}]").bounding_box() for act in ("cite", "delete"))
    assert delete["x"] >= cite["x"] + cite["width"] + 16 or delete["y"] >= cite["y"] + cite["height"]


@pytest.mark.parametrize("width", [1440, 390])
def test_the_ring_around_the_line_above_a_story_is_seen_whole(same_page, told, width: int) -> None:
    page = read(same_page(width, 500), told)
    page.evaluate("scrollTo(0, 400)")
    page.keyboard.press("Tab")
    row = page.locator("#pane .status .row")
    row.focus()
    ring = row.evaluate(RINGED)
    assert ring and ring["left"] >= 0 and ring["right"] <= width and ring["top"] >= 0


def test_each_chapter_of_the_contents_stands_apart_from_the_next(same_page, told) -> None:
    page = read(same_page(1024, 768), told)
    chapters = [text(one) for one in page.locator("#pane .rail li span").all()]
    assert len(chapters) == len(CHAPTERS)
    assert all(below["y"] >= above["bottom"] + 8 for above, below in pairwise(chapters))


def test_the_contents_of_a_phone_keep_its_margin(same_page, told) -> None:
    page = read(same_page(390, 844), told)
    page.locator("#pane .below [data-do=contents]").click()
    rail = page.locator("#pane .rail")
    expect(rail).to_have_class("rail open")
    assert (rail.bounding_box()["x"], rail.bounding_box()["width"]) == (0, 390)
    assert text(rail.locator("h2"))["x"] == page.locator("#pane .story").bounding_box()["x"]


@pytest.mark.parametrize("width", [390, 360])
def test_the_name_of_a_choice_stands_clear_of_its_button(same_page, told, width: int) -> None:
    page = read(same_page(width, 844), told)
    page.locator("#pane .below [data-do=looks]").click()
    for button in page.locator("#pane .looks .button").filter(visible=True).all():
        edge, name = button.bounding_box(), text(button)
        assert name["x"] >= edge["x"] + 8 and name["right"] <= edge["x"] + edge["width"] - 8, button.text_content()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_which_of_two_was_chosen_stands_apart_from_what_each_was(same_page, told) -> None:
    url, (first, second) = told
    page = same_page()
    page.goto(f"{url}?story={first.record.id}&beside={second.record.id}")
    page.get_by_role("button", name="Read them blind").click()
    page.get_by_role("button", name="Neither").click()
    chosen = page.locator("#blind .chosen")
    expect(chosen).to_be_visible()
    below = page.locator("#blind .revealed .facts").bounding_box()
    assert below["y"] >= chosen.bounding_box()["y"] + chosen.bounding_box()["height"] + 8
