"""My stories, where something else was done before the list or a deletion is answered."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import ScriptedEngine
from . import steps
from .late import answered, asked_for, hold
from .shelf import Told, act, look_again, row, shelf_of, written
from .test_taken_along import bring, entry, file_of, told


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(ScriptedEngine(Told().script, capacity=2))


@pytest.fixture(scope="module")
def url(runner: Runner) -> Iterator[str]:
    with serving(runner) as address:
        yield address


def test_a_name_that_was_given_in_another_tab_stays_where_a_star_is_given_in_this_one(same_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell")
    page = shelf_of(same_page(), url, jobs)
    page.evaluate("names => localStorage.setItem('polaris-names', names)", json.dumps({jobs[0].record.id: {"name": "The Tuner"}}))
    page.get_by_role("button", name="Favourite:").click()
    expect(page.locator("#shelf .title")).to_have_text("The Tuner")
    expect(page.get_by_role("button", name="Favourite: The Tuner", pressed=True)).to_be_visible()


def test_a_story_is_deleted_once_and_the_menu_of_another_stays_open_meanwhile(new_page, runner: Runner, url: str) -> None:
    page = shelf_of(new_page(), url, written(runner, "a bell", "a clock"))
    asks: list[str] = []
    page.on("dialog", lambda dialog: (asks.append(dialog.message), dialog.accept()))
    held = hold(page, "**/delete")
    delete = row(page, "a bell").get_by_role("button", name="Delete", include_hidden=True)
    row(page, "a bell").get_by_role("button", name="More for").click()
    delete.click()
    asked_for(page, held)
    delete.evaluate("button => button.click()")
    row(page, "a clock").get_by_role("button", name="More for").click()
    answered(page, held)
    expect(page.locator("#shelf li")).to_have_count(1)
    expect(row(page, "a clock").get_by_role("button", name="Rename")).to_be_visible()
    assert len(asks) == len(held) == 1


def test_a_deleted_row_goes_also_where_the_list_is_asked_for_again_before_it_has_come(new_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell", "a clock", "a mill")
    page = shelf_of(new_page(), url, jobs)
    page.on("dialog", lambda dialog: dialog.accept())
    row(page, "a clock").hover()
    held = hold(page, "**/stories/summaries", most=1)
    act(page, "a bell", "Delete")
    asked_for(page, held)
    look_again(page)
    answered(page, held)
    expect(page.locator("#shelf li")).to_have_count(2)


def test_how_many_of_those_that_came_in_are_gone_is_not_said_of_an_older_list(same_page, runner: Runner, url: str) -> None:
    first, second = written(runner, "a bell", "a clock")
    page = shelf_of(same_page(), url, [first])
    held = hold(page, "**/stories/summaries")
    bring(page, file_of(entry(second.record.id, second.key)))
    asked_for(page, held)
    steps.module(page, "page", "({ page }) => { page.refreshShelf(); }")
    expect(told(page)).to_have_text("1 story came in.")
    answered(page, held[:1])
    expect(told(page)).to_have_text("1 story came in.")
