"""What belongs apart stands apart: a ring from what it surrounds, a line of text from the next, one control from another; and what a
divider divides is there."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import ScriptedEngine, asked, rests, tells, until
from . import steps

CHAPTERS = ("I. What the sea had kept of the old bell", "II. Who went out to ring it, and with whom", "III. What came of that by morning")
TALE = "# A bell\n\n" + "\n\n".join(f"## {name}\n\nIt rang.\n\nNobody had asked it to." for name in CHAPTERS)
RING = 6  # pixels from a field to the outer edge of the ring that shows its focus
TEXT = "e => { const text = document.createRange(); text.selectNodeContents(e); const { x, y, right, bottom } = text.getBoundingClientRect(); return { x, y, right, bottom }; }"


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[str, list[Job]]]:
    """The app's address, and two stories there."""
    runner = Runner(ScriptedEngine(tells(TALE)))
    with serving(runner) as url:
        jobs = [runner.submit(asked("a bell", words=50)) for _ in range(2)]
        for job in jobs:
            until(lambda job=job: rests(job))
        yield url, jobs


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
