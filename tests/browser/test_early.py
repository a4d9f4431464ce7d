"""What is done before the server has answered stands, whatever that answer is and whenever it comes."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Page, Request, Route, expect

from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import ScriptedEngine, asked, rests, tells, until
from . import steps

RUN = "**/gradio_api/run/**"
ARRIVED = "document.querySelector('#premise textarea')?.dir === 'auto'"


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(ScriptedEngine(tells("# Once\n\nUpon a time.")))


@pytest.fixture(scope="module")
def url(runner: Runner) -> Iterator[str]:
    with serving(runner) as url:
        yield url


def has_fields(request: Request, most: int) -> bool:
    """None when a page has come, one for a length in the premise, all for a check."""
    return "/gradio_api/run/" in request.url and len(request.post_data_json["data"]) <= most


def unanswered(page: Page, comes: Callable[[], object]) -> Route:
    """The page as it can be used before its first answer, and that answer, which waits."""
    held: list[Route] = []
    page.route(RUN, lambda route: held.append(route) if has_fields(route.request, 0) else route.continue_())
    with page.expect_request(lambda request: has_fields(request, 0)):
        comes()
    page.wait_for_function("document.querySelector('#dial [aria-valuetext]')")
    return held[0]


def early(page: Page, url: str) -> Route:
    arrival = unanswered(page, lambda: page.goto(url))
    expect(page.locator("#write")).to_be_visible()
    return arrival


def words(page: Page):
    return page.locator("#words input[type=number]")


def premise(page: Page):
    return page.locator("#premise textarea")


def test_a_link_that_is_opened_anew_before_its_first_answer_loses_nothing(url: str, same_page) -> None:
    page = same_page()
    early(page, f"{url}?premise=a+bell&words=700&temperature=0.9")
    words(page).fill("500")
    page.unroute(RUN)
    page.reload()
    page.wait_for_function(ARRIVED)
    expect(premise(page)).to_have_value("a bell")
    expect(words(page)).to_have_value("500")
    expect(page.locator("#differs")).to_contain_text("temperature 0.9")
    assert "premise=a+bell&words=700" in page.url


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


# --- where that answer does not come, or its page is left ---------------------------------------------------------------


def reloaded(page: Page, url: str) -> Route:
    """A page that is loaded anew with something in its form, before its first answer."""
    steps.open_page(page, url, query="tab=results")
    steps.to_the_form(page)
    steps.ask(page, "a fox", 500)
    expect(page.locator("#dial .facts")).to_contain_text("2 min")
    return unanswered(page, page.reload)


def test_what_is_typed_stays_and_is_checked_where_the_first_answer_does_not_come(url: str, new_page) -> None:
    page = new_page(offline_is_fine=True)
    arrival = early(page, url)
    with page.expect_response(RUN):
        steps.ask(page, "a fox", 500)
    arrival.fulfill(status=502, body="")
    page.wait_for_function(ARRIVED)
    expect(page.locator("#next")).to_contain_text("It plans first")
    expect(page.locator("#dial .facts")).to_contain_text("2 min")
    expect(premise(page)).to_have_value("a fox")


def test_the_form_goes_through_a_reload_whose_first_answer_does_not_come(url: str, new_page) -> None:
    page = new_page(offline_is_fine=True)
    reloaded(page, url).fulfill(status=502, body="")
    expect(premise(page)).to_have_value("a fox")
    expect(words(page)).to_have_value("500")
    expect(page).not_to_have_url(re.compile("premise"))
    expect(page.locator("#dial .facts")).to_contain_text("2 min")
    steps.write(page)
    steps.wait_until_over(page)
    expect(page).to_have_url(re.compile(r"\?.*story="))
    page.go_back()
    expect(page.locator("#write")).to_be_visible()


def test_whoever_goes_back_before_the_first_answer_is_there(url: str, same_page) -> None:
    page = same_page()
    arrival = reloaded(page, url)
    page.go_back()
    expect(page.locator("#results")).to_be_visible()
    there = page.url
    arrival.continue_()
    page.wait_for_function(ARRIVED)
    expect(page.locator("#results")).to_be_visible()
    assert page.url == there and "tab=results" in there


def test_wherever_one_goes_before_the_first_answer_is_there_back_is_where_one_was(url: str, same_page) -> None:
    page = same_page()
    arrival = reloaded(page, url)
    there = page.evaluate("history.length")
    page.get_by_role("tab", name="About").click()
    expect(page).to_have_url(re.compile("tab=about"))
    assert page.evaluate("history.length") == there + 1
    page.go_back()
    expect(page.locator("#write")).to_be_visible()
    expect(page).not_to_have_url(re.compile("premise|tab="))
    arrival.continue_()
    page.wait_for_function(ARRIVED)
    expect(premise(page)).to_have_value("a fox")
    expect(words(page)).to_have_value("500")


def test_what_was_typed_goes_through_a_reload_elsewhere_before_the_first_answer_is_there(url: str, same_page) -> None:
    page = same_page()
    reloaded(page, url)
    page.get_by_role("tab", name="About").click()
    page.unroute(RUN)
    page.reload()
    page.wait_for_function(ARRIVED)
    steps.to_the_form(page)
    expect(premise(page)).to_have_value("a fox")
    expect(words(page)).to_have_value("500")


def test_the_address_is_as_before_after_each_reload_and_after_one_that_was_left_at_once(url: str, same_page) -> None:
    page = same_page()
    arrival = reloaded(page, url)
    page.go_back()
    expect(page.locator("#results")).to_be_visible()
    arrival.continue_()
    page.wait_for_function(ARRIVED)
    page.unroute(RUN)
    page.go_forward()
    expect(page.locator("#write")).to_be_visible()
    there = url + "?__theme=light"
    for _ in range(2):
        expect(page).to_have_url(there)
        page.reload()
        page.wait_for_function(ARRIVED)
        expect(premise(page)).to_have_value("a fox")
    expect(page).to_have_url(there)


# --- the length that a premise names -----------------------------------------------------------------------------------

NAMES = "a 3,000-word story about a fox"


def asks_for_a_length(request: Request) -> bool:
    return has_fields(request, 1)


@pytest.fixture
def held(url: str, same_page) -> tuple[Page, list[Route]]:
    """A page whose premise names a length, and the server's word on that, which waits."""
    page, routes = steps.open_page(same_page(), url), []  # type: Page, list[Route]
    page.route(RUN, lambda route: routes.append(route) if asks_for_a_length(route.request) and not routes else route.continue_())
    with page.expect_request(asks_for_a_length):
        steps.ask(page, NAMES)
    return page, routes


def release(page: Page, routes: list[Route]) -> None:
    """Until the page has taken it in."""
    with page.expect_response(lambda response: asks_for_a_length(response.request)):
        routes[0].continue_()
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def asked_for(page: Page, runner: Runner) -> int:
    """The words of the story that the form begins."""
    steps.write(page)
    steps.wait_until_over(page)
    return runner.get(page.url.split("story=")[1]).request.words


def test_a_length_that_is_chosen_meanwhile_stays(held: tuple[Page, list[Route]], runner: Runner) -> None:
    page, routes = held
    steps.set_number(page, "words", "500")
    release(page, routes)
    expect(words(page)).to_have_value("500")
    expect(page.locator("#dial .facts")).to_contain_text("2 min")
    assert asked_for(page, runner) == 500


def test_the_premises_last_length_is_the_one_that_is_asked_for(held: tuple[Page, list[Route]]) -> None:
    page, routes = held
    premise(page).fill("a 5,000-word story about a fox")
    page.evaluate("new Promise(done => setTimeout(done, 300))")  # after the page's own timer, which began before
    release(page, routes)
    expect(words(page)).to_have_value("5000")
    expect(page.locator("#dial .facts")).to_contain_text("18 min")


@pytest.mark.parametrize(
    "way",
    [lambda page: page.keyboard.press("Control+Enter"), lambda page: page.locator("#write").dblclick()],
    ids=["keys", "a double click"],
)
def test_whoever_asks_at_once_gets_the_length_that_the_premise_names(
    url: str, same_page, runner: Runner, way: Callable[[Page], None]
) -> None:
    page = steps.open_page(same_page(), url)
    before = len(runner._shelf.jobs())
    premise(page).fill(NAMES)
    way(page)
    steps.wait_until_over(page)
    assert [job.record.request.words for job in runner._shelf.jobs()[before:]] == [3000]


def test_whoever_asks_at_once_gets_the_length_they_chose_after_the_premise(url: str, same_page, runner: Runner) -> None:
    page = steps.open_page(same_page(), url)
    steps.ask(page, NAMES, 500)
    page.keyboard.press("Control+Enter")
    steps.wait_until_over(page)
    assert runner.get(page.url.split("story=")[1]).request.words == 500


def test_whoever_asks_again_while_the_premise_is_read_waits_no_longer(held: tuple[Page, list[Route]], runner: Runner) -> None:
    page, routes = held
    before = len(runner._shelf.jobs())
    for _ in range(2):
        steps.write(page)
    steps.wait_until_over(page)
    release(page, routes)
    assert len(runner._shelf.jobs()) == before + 1


def test_a_story_asked_for_below_another_has_the_length_that_its_premise_names(url: str, same_page, runner: Runner) -> None:
    job = runner.submit(asked("a bell"))
    until(lambda: rests(job))
    page = same_page()
    page.goto(f"{url}?story={job.record.id}")
    steps.wait_until_over(page)
    page.locator("#pane .invite textarea").fill(NAMES)
    page.locator("#pane .invite").get_by_role("button").first.click()
    expect(page.locator("#pane .title-page bdi")).to_have_text(NAMES)
    steps.wait_until_over(page)
    assert runner.get(page.url.split("story=")[1]).request.words == 3000


# --- the settings of a story, and as a link ------------------------------------------------------------------------------


def test_the_settings_that_come_are_those_of_the_story_that_was_changed_last(url: str, same_page, runner: Runner) -> None:
    first, second = (runner.submit(asked(about, words=count)) for about, count in (("a bell", 300), ("a fox", 500)))
    until(lambda: rests(first) and rests(second))
    page, held = same_page(), []  # type: Page, list[Route]
    page.goto(f"{url}?story={first.record.id}")
    steps.wait_until_over(page)
    page.route(RUN, lambda route: route.continue_() if held else held.append(route))
    with page.expect_request(lambda request: has_fields(request, 0)):
        page.get_by_role("button", name="Change one thing").click()
    steps.module(page, "where", "({ where }, id) => where.go({ story: id })", second.record.id)
    expect(page.locator("#pane .title-page bdi")).to_have_text("a fox")
    steps.wait_until_over(page)
    page.get_by_role("button", name="Change one thing").click()
    held[0].continue_()
    expect(page.locator("#write")).to_be_visible()
    expect(premise(page)).to_have_value("a fox")
    expect(words(page)).to_have_value("500")


def test_the_settings_as_a_link_are_those_of_the_form_as_it_stands(url: str, same_page) -> None:
    page = steps.open_page(same_page(permissions=["clipboard-read", "clipboard-write"]), url, query="temperature=0.9")
    page.route(RUN, lambda route: None)  # no answer
    steps.ask(page, "a fox", 700)
    page.get_by_role("button", name="Copy settings link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    query = page.evaluate("navigator.clipboard.readText()").split("?")[1]
    assert dict(parse_qsl(query)) == {"temperature": "0.9", "premise": "a fox", "words": "700"}
