"""My stories: what a row says, that rows move by themselves and nothing else does, and what can be done with them."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.jobs.job import Job
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Delta, Finish, Started

from ..conftest import serving
from ..doubles import POLARIS, ScriptedEngine, asked, echoes, rests, until
from . import steps

GONE = ["a-story-that-is-gone", "its key"]
NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)  # 23 o'clock in Auckland
CUT = "a bus driver on the last line"


class Told:
    """Writes thirty words each time it is let, and whatever else is asked for at once; one story is cut off once."""

    def __init__(self) -> None:
        self.words, self.gone_on = threading.Semaphore(0), False

    def script(self, request, stop):
        if request.premise == CUT and not self.gone_on:
            self.gone_on = True
            yield from [
                Started("<prompt>", 60, POLARIS),
                Delta.of("story", "The bus was late. " * 20, (1,)),
                Finish("pause", "The day is over."),
            ]
        elif request.premise != "endless":
            yield from echoes(request, stop)
        else:
            yield Started("<prompt>", 60, POLARIS)
            while not stop.is_set():
                if self.words.acquire(timeout=0.05):
                    yield Delta.of("story", "word " * 30, (2,))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def runner(told: Told, tmp_path: Path) -> Iterator[Runner]:
    yield Runner(ScriptedEngine(told.script, capacity=2), library=Library(tmp_path, keep_days=3))


@pytest.fixture
def url(runner: Runner) -> Iterator[str]:
    with serving(runner) as url:
        yield url


def written(runner: Runner, *premises: str, words: int = 1000) -> list[Job]:
    jobs = [runner.submit(asked(premise, words=words)) for premise in premises]
    until(lambda: all(rests(job) or job.record.request.premise == "endless" for job in jobs))
    return jobs


def shelf_of(page: Page, url: str, jobs: list[Job], places: dict[str, object] | None = None) -> Page:
    """The list of a browser that began `jobs`, newest first, and one that is gone."""
    stored = {"polaris-stories": [*([job.record.id, job.key] for job in jobs), GONE], "polaris-places": places or {}}
    page.goto(f"{url}stories/status")
    page.evaluate("all => Object.entries(all).forEach(([name, value]) => localStorage.setItem(name, JSON.stringify(value)))", stored)
    page.goto(f"{url}?tab=shelf")
    expect(page.locator("#shelf li")).to_have_count(len(jobs))
    return page


def row(page: Page, text: str):
    return page.locator("#shelf li").filter(has=page.get_by_text(text, exact=True))


def said(page: Page) -> dict[str, str]:
    """What each row says below its premise."""
    return dict(
        page.locator("#shelf li").evaluate_all("all => all.map(li => [...li.querySelectorAll('.premise, .about')].map(p => p.textContent))")
    )


def test_a_row_says_when_in_its_readers_time_and_where_the_reader_is_on_one_scale(new_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell", "a clock", "a fox", "a mill", words=2000)
    begun = [
        NOW - timedelta(hours=8, minutes=50),
        NOW - timedelta(hours=22, minutes=30),
        NOW - timedelta(hours=23, minutes=30),
        NOW - timedelta(days=5),
    ]
    for job, at in zip(jobs, begun, strict=True):
        job.record.created = at.timestamp()
    places = {
        jobs[0].record.id: {"part": "III. The north wall"},
        jobs[1].record.id: {"part": "III", "done": True},
        jobs[2].record.id: {"part": ""},
    }
    page = new_page(timezone_id="Pacific/Auckland")
    page.clock.set_fixed_time(NOW)
    page.route("**/stories/summaries", lambda route: _without_dates_to_come(route))
    shelf_of(page, url, jobs, places)
    assert said(page) == {
        "a bell": "today, 14:10 · you are at III. The north wall", "a clock": "today, 00:30 · read to the end",
        "a fox": "yesterday · begun to read", "a mill": "21 November · not read yet",
    }  # fmt: skip
    expect(row(page, "a bell").locator(".said")).to_have_text("7 of 2,000 · 1 min")
    widths = page.locator("#shelf .line").evaluate_all("all => all.map(one => one.offsetWidth)")
    ticks = page.locator("#shelf .tick").evaluate_all("all => all.map(one => one.offsetLeft / one.offsetParent.offsetWidth)")
    assert len(set(widths)) == 1 and ticks == pytest.approx([2000 / 12_000] * 4, abs=0.01)


def _without_dates_to_come(route) -> None:
    """The server's clock is of another day than this page's."""
    answer = route.fetch()
    summaries = answer.json()
    for summary in summaries["stories"]:
        summary["kept"] = 0
    route.fulfill(response=answer, body=json.dumps(summaries))


def test_rows_move_while_a_story_is_written_and_nothing_else_does(new_page, runner: Runner, url: str, told: Told) -> None:
    jobs = written(runner, "endless", "a bell")
    page = shelf_of(new_page(), url, jobs)
    live, other = row(page, "endless"), row(page, "a bell")
    expect(live.locator(".about")).to_have_text("now")
    expect(page.locator("html")).to_have_attribute("data-live", "yes")
    other.get_by_role("button", name="More for").click()
    other.get_by_role("button", name="Rename").focus()
    page.evaluate("rows = [...document.querySelectorAll('#shelf li')]")
    for words in (30, 60):
        told.words.release()
        expect(live.locator(".said")).to_have_text(f"Writing: {words} of 1,000")
    assert page.evaluate("rows.every((row, i) => row === document.querySelectorAll('#shelf li')[i])")
    expect(other.get_by_role("button", name="Rename")).to_be_focused()
    assert live.locator(".line").evaluate("one => one.style.getPropertyValue('--star')") == "0.5%"
    runner.stop(jobs[0].record.id, jobs[0].key)
    expect(live.locator(".said")).to_have_text("Stopped at 60 of 1,000")
    expect(page.locator("html")).to_have_attribute("data-live", "no")
    expect(other.get_by_role("button", name="Rename")).to_be_focused()


def act(page: Page, premise: str, name: str) -> None:
    row(page, premise).get_by_role("button", name="More for").press("Enter")
    row(page, premise).get_by_role("button", name=name, exact=True).press("Enter")


def test_the_list_is_searched_named_ordered_and_shortened_and_the_focus_stays_on_its_story(new_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell", "a clock", "a mill")
    page = shelf_of(new_page(390, 844), url, jobs)
    expect(page.locator("#shelf .shelf-about")).to_have_text(
        re.compile(r"^Begun in this browser, kept on this server until \d+ \w+ \d{4}\.$")
    )
    expect(row(page, "a bell").locator(".about")).to_contain_text("kept until ")  # three days from now
    search = page.get_by_role("searchbox", name="Search titles and premises")
    search.fill("CLOCK")
    expect(page.locator("#shelf li")).to_have_count(1)
    search.fill("nobody wrote this")
    expect(page.locator("#shelf .shelf-empty")).to_have_text("No title or premise holds that.")
    search.fill("a story")  # the title of all three
    expect(page.locator("#shelf li")).to_have_count(3)

    asks: list[str] = []
    page.on("dialog", lambda dialog: (asks.append(dialog.message), dialog.accept("The Tuner" if dialog.type == "prompt" else None)))
    act(page, "a mill", "Rename")
    expect(row(page, "a mill").locator(".title")).to_have_text("The Tuner")
    expect(row(page, "a mill").get_by_role("button", name="More for The Tuner")).to_be_focused()
    search.fill("tuner")
    expect(page.locator("#shelf li")).to_have_count(1)
    search.fill("")
    act(page, "a mill", "Keep at the top")
    expect(page.locator("#shelf li .premise").first).to_have_text("a mill")
    expect(row(page, "a mill").get_by_role("button", name="More for")).to_be_focused()
    act(page, "a mill", "Keep no longer at the top")
    expect(page.locator("#shelf li .premise").first).to_have_text("a bell")
    act(page, "a clock", "Delete")
    expect(page.locator("#shelf li")).to_have_count(2)
    expect(row(page, "a mill").get_by_role("button", name="More for")).to_be_focused()
    assert asks[1] == "Delete “A story” from the server?" and str(runner.get(jobs[2].record.id).story).startswith("# A story")
    for left, premise in ((1, "a mill"), (0, "a bell")):
        act(page, premise, "Delete")
        expect(page.locator("#shelf li")).to_have_count(left)
    expect(page.locator("#shelf .shelf-empty")).to_have_text("No story yet. The first one you ask for appears here.")
    expect(page.get_by_role("tab", name="My stories")).to_be_focused()
    assert page.evaluate("JSON.parse(localStorage.getItem('polaris-stories'))") == [GONE]  # it may come back


def test_a_story_that_was_cut_off_is_gone_on_with_from_the_list(new_page, runner: Runner, url: str) -> None:
    jobs = written(runner, CUT, "a bell")
    page = shelf_of(new_page(), url, jobs)
    cut = row(page, CUT)
    expect(cut.locator(".said")).to_have_text("Paused at 80 of 1,000")
    expect(cut.locator(".title")).to_have_text("No title yet")
    assert row(page, "a bell").get_by_role("button", name="Continue").is_hidden()
    cut.get_by_role("button", name="Continue").click()
    steps.wait_until_over(page)
    assert "story=" in page.url and f"It was about {CUT}." in steps.story(page)
    page.go_back()
    expect(cut.get_by_role("button", name="Continue")).to_be_hidden()


def test_a_list_that_cannot_be_asked_for_stays_as_it_was_and_is_asked_for_again(new_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell")
    page = shelf_of(new_page(offline_is_fine=True), url, jobs)
    page.route("**/stories/summaries", lambda route: route.abort())
    steps.module(page, "page", "({ page }) => page.refreshShelf()")
    expect(page.locator("#shelf .shelf-empty")).to_have_text("The server cannot be reached just now. Try again in a moment.")
    expect(page.locator("#shelf li")).to_have_count(1)
    page.unroute("**/stories/summaries")
    expect(page.locator("#shelf .shelf-empty")).to_be_hidden()
    row(page, "a bell").get_by_role("link").click()
    expect(page.locator("#pane .story")).to_contain_text("It was about a bell.")
