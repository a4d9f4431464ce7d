"""One click begins one story, and so do two before its answer; whatever that answer is, the next click begins the next."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import ScriptedEngine, tells
from . import steps

JOIN = "**/queue/join*"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Runner(ScriptedEngine(tells("# Once\n\nUpon a time."), capacity=4))) as url:
        yield url


@pytest.fixture
def page(url: str, same_page) -> Page:
    page = steps.open_page(same_page(), url)
    steps.ask(page, "a fox", 300)
    return page


def begun(page: Page) -> int:
    return int(page.evaluate("JSON.parse(localStorage.getItem('polaris-stories')).length"))


def held_down(page: Page) -> None:
    page.keyboard.down("Control")
    for _ in range(3):
        page.keyboard.down("Enter")
    for key in ("Enter", "Control"):
        page.keyboard.up(key)


WAYS: dict[str, Callable[[Page], None]] = {
    "a double click": lambda page: page.locator("#write").dblclick(),
    "keys held down": held_down,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_one_story_begins(page: Page, way: Callable[[Page], None]) -> None:
    way(page)
    steps.wait_until_over(page)
    page.wait_for_load_state("networkidle")
    assert begun(page) == 1


def test_one_version_begins_and_then_the_next(page: Page) -> None:
    steps.write(page)
    steps.wait_until_over(page)
    for count in (2, 3):
        before = page.url
        page.get_by_role("button", name="Another version").dblclick()
        expect(page).not_to_have_url(before)
        steps.wait_until_over(page)
        page.wait_for_load_state("networkidle")
        assert begun(page) == count


def test_keys_that_are_still_held_when_it_has_begun_begin_no_other(page: Page) -> None:
    page.keyboard.down("Control")
    page.keyboard.down("Enter")
    steps.wait_until_over(page)
    page.keyboard.down("Enter")
    for key in ("Enter", "Control"):
        page.keyboard.up(key)
    page.wait_for_load_state("networkidle")
    assert begun(page) == 1


def test_whoever_has_changed_the_form_meanwhile_is_heard(page: Page) -> None:
    held: list[Route] = []
    page.route(JOIN, lambda route: held.append(route))
    for premise in ("a fox", "a bell"):
        steps.ask(page, premise)
        with page.expect_request(re.compile("queue/join")):
            steps.write(page)
    for route in held:
        route.continue_()
    page.wait_for_function("JSON.parse(localStorage.getItem('polaris-stories'))?.length === 2")
