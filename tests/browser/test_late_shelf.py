"""My stories, where something else was done before the list or a deletion is answered."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import ScriptedEngine
from .shelf import Told, shelf_of, written


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
