"""What is done before the server has answered stands, whatever that answer is and whenever it comes."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import ScriptedEngine, tells
from . import steps

RUN = "**/gradio_api/run/**"
ARRIVED = "document.querySelector('#premise textarea').dir === 'auto'"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Runner(ScriptedEngine(tells("# Once\n\nUpon a time.")))) as url:
        yield url


def early(page: Page, url: str) -> Route:
    """The page as it can be used before its first answer, and that answer, which waits."""
    held: list[Route] = []
    page.route(RUN, lambda route: route.continue_() if held else held.append(route))
    with page.expect_request(RUN):
        page.goto(url)
    expect(page.locator("#write")).to_be_visible()
    page.wait_for_function("document.querySelector('#dial [aria-valuetext]')")
    return held[0]


def words(page: Page):
    return page.locator("#words input[type=number]")


def premise(page: Page):
    return page.locator("#premise textarea")


@pytest.mark.parametrize("query", ["", "?premise=a+bell&words=700&temperature=0.9"], ids=["the page", "a link"])
def test_what_is_typed_before_the_first_answer_stays(url: str, same_page, query: str) -> None:
    page = same_page()
    arrival = early(page, url + query)
    with page.expect_response(RUN):
        steps.ask(page, "a fox", 500)
    arrival.continue_()
    page.wait_for_function(ARRIVED)
    expect(page.locator("#dial .facts")).to_contain_text("2 min")  # of 500 words
    expect(premise(page)).to_have_value("a fox")
    expect(words(page)).to_have_value("500")
    expect(page.locator("#dial input[type=range]")).to_have_value("500")
    expect(page.locator("#differs")).to_contain_text("temperature 0.9" if query else "temperature 0.6")
    steps.write(page)
    steps.wait_until_over(page)
    expect(page.locator("#pane .title-page bdi")).to_have_text("a fox")


def test_a_link_fills_in_what_was_not_touched(url: str, same_page) -> None:
    page = same_page()
    arrival = early(page, f"{url}?premise=a+bell&words=700")
    page.locator("#dial input[type=range]").fill("900")
    arrival.continue_()
    expect(premise(page)).to_have_value("a bell")
    expect(words(page)).to_have_value("900")
    expect(page.locator("#dial .facts")).to_contain_text("4 min")
