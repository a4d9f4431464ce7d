"""Before there is a story of one's own: a recorded one being written again, or the paper's results."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings

from ..conftest import serving
from ..doubles import ScriptedEngine, echoes, recording_of
from . import steps
from .test_everyone import in_both_themes

SISTERS = "two sisters who inherit a clock"
TEXT = "# The clock\n\n" + "\n\n".join(f"Paragraph {i} <b>of</b> this story says a little." for i in range(30))
TEXTS = {1000: TEXT, 4000: TEXT.replace("little", "lot"), 12_000: TEXT.replace("little", "good deal")}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("recordings")
    for words, text in TEXTS.items():
        (folder / f"clock-{words}.json").write_text(recording_of(text, SISTERS, words))
    (folder / "bell.json").write_text(recording_of("# A bell\n\nIt rang.", "a bell under water"))
    with serving(Runner(ScriptedEngine(echoes)), Settings(recordings_dir=folder)) as url:
        yield url


def shown(page: Page, place: str = "#pane") -> str:
    return page.locator(f"{place} .replay .story").evaluate("e => e.textContent")


def as_shown(text: str) -> str:
    return text.replace("\n", "")


def test_the_page_opens_with_a_recorded_story_that_can_be_held_and_skipped(new_page, recorded: str) -> None:
    page = steps.open_page(new_page(), recorded)
    expect(page.locator("#pane .replay .line")).to_contain_text(
        "Recorded 28 May 2026 · POLARIS-9B · bf16 · test GPU · planning of 38 s skipped"
    )
    page.wait_for_function("document.querySelector('#pane .replay .story').textContent.length > 100")
    assert as_shown(TEXT).startswith(shown(page)) and page.evaluate("scrollY") == 0
    page.get_by_role("button", name="Pause").click()
    held = shown(page)
    page.evaluate("new Promise(done => setTimeout(done, 400))")  # four ticks in which nothing may come
    assert shown(page) == held
    page.get_by_role("button", name="Go on").click()
    page.wait_for_function("n => document.querySelector('#pane .replay .story').textContent.length > n", arg=len(held))
    page.get_by_role("button", name="Skip to the end").click()
    assert shown(page) == as_shown(TEXT)
    page.get_by_role("button", name="Watch again").click()
    page.wait_for_function("n => document.querySelector('#pane .replay .story').textContent.length < n", arg=len(TEXT) // 2)


def test_one_premise_at_several_lengths_is_a_dial(new_page, recorded: str) -> None:
    page = steps.open_page(new_page(reduced_motion="reduce"), recorded)
    dial = page.locator("#pane .ladder input")
    for key, words in (("Home", 1000), ("ArrowRight", 4000), ("End", 12_000)):
        dial.press(key)
        expect(page.locator("#pane .counts")).to_contain_text(f"Asked{words:,} words")
        page.wait_for_function("t => document.querySelector('#pane .replay .story').textContent === t", arg=as_shown(TEXTS[words]))
    page.locator("#pane .replay").get_by_role("button", name="a bell under water").click()
    page.wait_for_function("document.querySelector('#pane .replay .story').textContent === '# A bellIt rang.'")
    assert dial.is_hidden()
    with page.expect_download() as download:
        page.locator("#pane .replay").get_by_role("link", name="Its record").click()
    assert "It rang." in download.value.path().read_text()


def test_a_story_of_ones_own_takes_its_place_and_it_stays_in_its_tab(new_page, recorded: str) -> None:
    page = steps.open_page(new_page(), recorded)
    steps.ask(page, "a mill", 300)
    steps.write(page)
    steps.wait_until_over(page)
    assert steps.story(page) == "# A story\n\nIt was about a mill." and page.locator("#pane .replay").is_hidden()
    page.get_by_role("tab", name="Recorded").click()
    page.wait_for_function("document.querySelector('#replay .story').textContent.length > 50")
    assert as_shown(TEXT).startswith(shown(page, "#replay"))


def test_axe_finds_nothing_in_a_recorded_story_in_either_theme(new_page, recorded: str) -> None:
    page = steps.open_page(new_page(360, 800, reduced_motion="reduce"), recorded, "system")
    page.wait_for_function("t => document.querySelector('#pane .replay .story').textContent === t", arg=as_shown(TEXT))
    assert not in_both_themes(page) and page.evaluate("document.documentElement.scrollWidth") == 360
    page.goto(f"{recorded}?view=embed")
    page.wait_for_function("t => document.querySelector('#pane .replay .story')?.textContent === t", arg=as_shown(TEXT))
    assert not in_both_themes(page)


@pytest.mark.parametrize("width", [800, 360])
def test_an_embed_opens_with_the_recorded_story(new_page, recorded: str, width: int) -> None:
    page = new_page(width, 600)
    page.goto(f"{recorded}?view=embed")
    page.wait_for_function("document.querySelector('#pane .replay .story')?.textContent.length > 50")
    assert as_shown(TEXT).startswith(shown(page))
    expect(page.locator("#pane .replay .line")).to_be_in_viewport()
    expect(page.locator("#embed form")).to_be_in_viewport()
    assert page.evaluate("[document.documentElement.scrollWidth, scrollY]") == [width, 0]


def test_a_recorded_story_stands_in_for_one_that_is_gone(new_page, recorded: str) -> None:
    page = new_page()
    page.goto(f"{recorded}?story=nobody-wrote-this")
    expect(page.locator("#pane .pane > .notice")).to_contain_text("it has expired or was deleted")
    page.wait_for_function("document.querySelector('#pane .replay .story').textContent.length > 50")


def test_where_nothing_is_recorded_the_page_opens_with_the_results(new_page, serve) -> None:
    page = steps.open_page(new_page(), serve(ScriptedEngine(echoes)))
    expect(page.locator("#pane #first svg")).to_be_visible()
    assert page.get_by_role("tab", name="Recorded").count() == 0
    page.locator("#pane").get_by_role("button", name="All results").click()
    expect(page.get_by_role("heading", name="What the paper measured").filter(visible=True)).to_be_visible()
    expect(page.locator("#result-elo")).to_be_visible()
