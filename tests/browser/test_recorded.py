"""Recorded stories: a page of one beside the ask, all of it in the reading pane, and again at the pace it was written in."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings

from ..conftest import serving
from ..doubles import POLARIS, ScriptedEngine, echoes, recording_of
from . import steps
from .late import answered, hold

SISTERS = "two sisters who inherit a clock"
TEXT = "# The clock\n\n" + "\n\n".join(f"Paragraph {i} <b>of</b> this story says a little." for i in range(30))
TEXTS = {1000: TEXT, 4000: TEXT.replace("little", "lot"), 12_000: TEXT.replace("little", "good deal")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("recordings")
    for words, text in TEXTS.items():
        (folder / f"clock-{words}.json").write_text(recording_of(text, SISTERS, words))
    (folder / "bell.json").write_text(recording_of("# A bell\n\nIt rang.", "a bell under water"))
    return folder


@pytest.fixture(scope="module")
def recorded(folder: Path) -> Iterator[str]:
    with serving(Runner(ScriptedEngine(echoes)), Settings(recordings_dir=folder)) as url:
        yield url


def opened(page: Page, url: str, name: str = "clock-1000") -> Page:
    page.goto(f"{url}?recorded={name}")
    expect(page.locator("#pane .after")).to_be_visible()
    return page


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_a_first_visit_finds_a_page_of_a_recorded_story_and_reads_on(same_page, recorded: str, width: int, height: int) -> None:
    page = steps.open_page(same_page(width, height), recorded)
    taste = page.locator("#taste")
    expect(taste.get_by_role("heading", name="The clock").first).to_be_visible()
    for said in ("Written by POLARIS-9B in one go", "1 min to read", f"asked for: {SISTERS}", "Paragraph 0 <b>of</b> this story"):
        expect(taste.get_by_text(said)).to_be_visible()
    expect(taste.get_by_role("heading", name="What the paper measured")).to_be_hidden()
    for title in ("A bell", "The clock"):  # one of each premise, and the first again
        taste.get_by_role("button", name="Another story").click()
        expect(taste.locator("h2:visible")).to_have_text(title)
    taste.get_by_role("button", name="Keep reading").click()
    expect(page).to_have_url(re.compile(r"\?.*recorded=clock-1000"))
    expect(page).to_have_title("The clock · a story by POLARIS-9B")
    expect(page.locator("#pane .title-page .wish")).to_have_text(f"A story about {SISTERS}")
    expect(page.locator("#pane .status").get_by_role("button", name="Write your own")).to_be_in_viewport()
    expect(page.locator("#pane .story p").nth(1)).to_be_in_viewport()
    expect(page.get_by_label("Write your own: a story about")).to_be_visible()
    assert steps.story(page) == TEXT and page.evaluate("scrollY") == 0
    page.get_by_role("tab", name="Results").click()
    page.go_back()
    expect(page).to_have_title("The clock · a story by POLARIS-9B")
    page.go_back()
    expect(page.locator("#write")).to_be_visible()


def test_it_is_watched_at_the_pace_it_was_written_in_and_only_when_asked(new_page, recorded: str, folder: Path) -> None:
    page = new_page(reduced_motion="reduce")
    page.goto(f"{recorded}?recorded=clock-1000")
    expect(page.locator("#pane .title-page .wish")).to_have_text(f"A story about {SISTERS}")
    assert steps.story(page) == TEXT
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.clock.run_for(5000)
    assert steps.story(page) == TEXT  # nothing begins by itself
    page.get_by_role("button", name="Watch it being written").click()
    expect(page.locator("#pane .after")).to_be_hidden()
    page.clock.run_for(3000)
    pace = json.loads((folder / "clock-1000.json").read_text())["pace"]
    before, after = [c for s, c in pace if s <= 2.9][-1], next(c for s, c in pace if s >= 3.1)
    shown = steps.story(page)
    assert TEXT.startswith(shown) and before <= len(shown) <= after
    expect(page.locator("#pane .status .far")).to_have_text(re.compile(r"^\d+ of 1,000 words$"))
    page.get_by_role("tab", name="Results").click()
    page.clock.run_for(2000)
    assert steps.story(page) == shown  # it waits for whoever watches
    page.get_by_role("tab", name="Write").click()
    page.go_back()
    page.go_back()
    expect(page.get_by_role("button", name="Skip to the end")).to_be_visible()
    page.get_by_role("button", name="Skip to the end").click()
    expect(page.locator("#pane .after")).to_be_visible()
    assert steps.story(page) == TEXT and page.get_by_role("button", name="Watch it being written").is_visible()


def test_the_same_premise_stands_beside_it_at_other_lengths_with_its_counts_and_its_record(same_page, recorded: str) -> None:
    page = opened(same_page(), recorded)
    page.locator("#pane .all > summary").click()
    for words in (4000, 12_000, 1000):
        page.locator("#pane .ladder").get_by_role("button", name=f"{words:,}", exact=True).click()
        expect(page.locator("#pane .stamp")).to_contain_text(f"Asked{words:,} words")
        assert steps.story(page) == TEXTS[words] and page.evaluate("location.search") == f"?recorded=clock-{words}"
        expect(page.locator("#pane .ladder [aria-current]")).to_have_text(f"{words:,}")
    expect(page.locator("#pane .stamp")).to_contain_text("Recorded28 May 2026 · POLARIS-9B · bf16 · test GPU · planning of 38 s skipped")
    expect(page.locator("#pane .all [data-do]:visible")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Its record").click()
    assert "Paragraph 0" in download.value.path().read_text()
    opened(page, recorded, "bell")
    expect(page.locator("#pane .ladder .of")).to_be_hidden()


def test_a_story_of_ones_own_takes_its_place_and_nothing_of_it_stays(same_page, recorded: str) -> None:
    page = opened(same_page(), recorded)
    page.get_by_label("Write your own: a story about").fill("a mill")
    page.get_by_role("button", name="Write the story").click()
    page.wait_for_url("**/?*story=*")
    steps.wait_until_over(page)
    assert steps.story(page) == "# A story\n\nIt was about a mill."
    for gone in (
        page.locator("#pane .ladder"),
        page.get_by_role("link", name="Its record"),
        page.get_by_role("button", name="Write your own"),
    ):
        expect(gone).to_be_hidden()
    steps.to_the_form(page)
    expect(page.locator("#taste").get_by_role("button", name="Keep reading")).to_be_visible()


def test_the_buttons_of_a_page_that_is_still_to_come_break_nothing(same_page, recorded: str) -> None:
    page = same_page()
    held = hold(page, re.compile("/recordings$"))
    steps.open_page(page, recorded)
    taste = page.locator("#taste")
    for name in ("Another story", "Keep reading"):
        taste.get_by_role("button", name=name).click()
    answered(page, held)
    expect(taste.locator("h2:visible")).to_have_text("The clock")
    taste.get_by_role("button", name="Another story").click()
    expect(taste.locator("h2:visible")).to_have_text("A bell")


def test_a_list_that_cannot_be_had_is_no_empty_one_and_is_asked_for_again(new_page, recorded: str) -> None:
    page = new_page(offline_is_fine=True)
    page.clock.install()
    page.route(re.compile("/recordings$"), lambda route: route.fulfill(status=502))
    with page.expect_response(re.compile("/recordings$")):
        steps.open_page(page, recorded)
    expect(page.locator("#taste .measured .from")).to_have_text("")
    expect(page.locator("#taste .recorded")).to_be_visible()
    page.unroute(re.compile("/recordings$"))
    page.clock.run_for(5000)
    expect(page.locator("#taste h2:visible")).to_have_text("The clock")


def test_a_recording_that_could_not_be_loaded_is_opened_again_in_a_moment(new_page, recorded: str) -> None:
    page = steps.open_page(new_page(offline_is_fine=True), recorded)
    page.route("**/recordings?of=*", lambda route: route.fulfill(status=502))
    for _ in range(2):
        page.get_by_role("button", name="Keep reading").click()
        expect(page.locator("#pane .notice")).to_contain_text("Open it again in a moment.")
        page.go_back()
    page.unroute("**/recordings?of=*")
    page.get_by_role("button", name="Keep reading").click()
    expect(page.locator("#pane .story")).to_contain_text("Paragraph 0")


def test_that_there_is_no_recording_is_no_title_of_another_tab(same_page, recorded: str) -> None:
    page = steps.open_page(same_page(), recorded)
    held = hold(page, "**/recordings?of=*")
    page.get_by_role("button", name="Keep reading").click()
    page.get_by_role("tab", name="Results").click()
    answered(page, held, json={"recordings": [], "more": 0})
    expect(page.locator("#pane .notice")).to_have_text("There is no recording of this name here.")
    expect(page).to_have_title("Results · POLARIS-9B")


def test_a_name_that_is_not_recorded_is_said_and_leads_on(same_page, recorded: str) -> None:
    page = same_page()
    page.goto(f"{recorded}?recorded=nobody-recorded-this")
    expect(page.locator("#pane .notice")).to_have_text("There is no recording of this name here.")
    page.get_by_role("button", name="Write your own").click()
    expect(page.locator("#taste h2:visible")).to_have_text("The clock")


@pytest.mark.parametrize("recordings", [False, True], ids=["none is recorded", "the miniature writes"])
def test_else_it_finds_what_the_paper_measured_in_four_sentences(same_page, serve, folder: Path, recordings: bool) -> None:
    writer = replace(POLARIS, name="the miniature", is_preview=True) if recordings else POLARIS
    url = serve(ScriptedEngine(echoes, writer=writer), Settings(recordings_dir=folder if recordings else folder / "none"))
    page = steps.open_page(same_page(390, 844), url)
    taste = page.locator("#taste")
    expect(taste.get_by_role("heading", name="What the paper measured")).to_be_visible()
    expect(page.locator("#gallery")).to_be_hidden()
    assert taste.locator(".m").count() == 4 and taste.get_by_role("button", name="Keep reading").is_hidden()
    expect(taste.locator(".measured .from")).to_have_text("" if recordings else "No story of POLARIS-9B is recorded on this server yet.")
    taste.get_by_role("button", name="All results").click()
    expect(page.locator("#result-elo")).to_be_visible()
    assert "tab=results" in page.url
