"""Something else answers in the app's place: a proxy before it, or a queue that takes no more. The page says so where it was asked."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from polaris_demo.jobs.fair import FairUse
from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Shares
from polaris_demo.story.events import Delta, Event, Finish, Started
from polaris_demo.story.request import StoryRequest

from ..conftest import serving
from ..doubles import POLARIS, ScriptedEngine, story_events
from . import steps
from .late import answered, hold

UNREACHED = "The server cannot be reached just now. Try again in a moment."
JOIN, CHECK = "**/queue/join*", "**/gradio_api/run/**"
ANSWERS: dict[str, dict[str, Any]] = {
    "of a full queue": {"status": 503, "json": {"refused": "Queue is full."}},
    "of a proxy": {"status": 502, "body": "<html>Bad gateway</html>", "content_type": "text/html"},
    "of a proxy that speaks JSON": {"status": 502, "json": {"detail": "Bad gateway"}},
    "of nobody": {"status": 504, "body": ""},
}


def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    if request.premise == "endless":
        yield Started("<prompt>", 60, POLARIS)
        while not stop.wait(0.02):
            yield Delta.of("story", "word ", (1,))
        return
    *told, _ = story_events("plan", "It rang.\n\nThe fox went on.", 4)
    yield from (*told, Finish("length" if request.premise == "a long one" else "stop"))


@pytest.fixture
def page(serve, new_page) -> Page:
    return steps.open_page(new_page(offline_is_fine=True), serve(ScriptedEngine(script)))


def says(page: Page, selector: str, sentence: str) -> None:
    """There and in our own words alone: Gradio's, of what it cannot read, are not seen."""
    expect(page.locator(selector)).to_contain_text(sentence)
    expect(page.get_by_test_id("toast-body").filter(visible=True)).to_have_count(0)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_no_story_begins_and_the_next_click_begins_it(page: Page, answer: dict[str, Any]) -> None:
    page.route(JOIN, lambda route: route.fulfill(**answer))
    steps.ask(page, "a fox", 300)
    steps.write(page)
    says(page, ".next[role=status]", UNREACHED)
    expect(page.locator("#premise textarea")).to_have_value("a fox")
    page.unroute(JOIN)
    steps.write(page)
    steps.wait_until_over(page)
    assert "The fox went on." in steps.story(page)


def test_why_no_story_begins_is_not_talked_over_by_an_earlier_check(page: Page) -> None:
    held = hold(page, CHECK, most=1)
    page.route(JOIN, lambda route: route.fulfill(**ANSWERS["of a proxy"]))
    steps.ask(page, "a fox", 300)
    steps.write(page)
    says(page, ".next[role=status]", UNREACHED)
    before = page.locator("#dial .facts").inner_text()
    answered(page, held)
    expect(page.locator("#dial .facts")).not_to_have_text(before, use_inner_text=True)
    says(page, ".next[role=status]", UNREACHED)
    steps.ask(page, "a fox and a bell", 300)
    expect(page.locator(".next")).to_contain_text("It plans first")


def test_no_version_begins_and_the_dialog_says_so(page: Page) -> None:
    steps.ask(page, "a fox", 300)
    steps.write(page)
    steps.wait_until_over(page)
    page.route(JOIN, lambda route: route.fulfill(**ANSWERS["of a proxy"]))
    page.locator("#pane .main").get_by_role("button", name="Write on from here").click()
    page.get_by_role("dialog").get_by_role("button", name="Write on", exact=True).click()
    says(page, "dialog[open]", UNREACHED)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Another version").click()
    says(page, "#pane", UNREACHED)
    expect(page.get_by_role("button", name="Another version")).to_be_visible()


def test_a_story_that_does_not_go_on_stays_as_it_was(page: Page) -> None:
    steps.ask(page, "a long one", 300)
    steps.write(page)
    steps.wait_until_over(page)
    page.route(JOIN, lambda route: route.fulfill(**ANSWERS["of nobody"]))
    page.get_by_role("button", name="Continue").first.click()
    says(page, "#pane", UNREACHED)
    expect(page.get_by_role("button", name="Continue").first).to_be_visible()
    assert "The fox went on." in steps.story(page)


def test_nothing_can_be_said_of_a_request_until_the_server_answers_again(page: Page) -> None:
    page.route(CHECK, lambda route: route.fulfill(**ANSWERS["of a proxy"]))
    steps.ask(page, "a fox")
    says(page, ".next", UNREACHED)
    page.unroute(CHECK)
    steps.ask(page, "a fox and a bell")  # of which there is no more to say than of a fox
    expect(page.locator(".next")).to_contain_text("It plans first")


def test_a_check_that_failed_is_made_up_for_by_itself_with_the_form_as_it_is_then(page: Page) -> None:
    held: list[Route] = []
    page.route(CHECK, lambda route: held.append(route))
    # A length is asked for last: by then another check waits for the first one.
    with page.expect_request(lambda request: "/gradio_api/run/" in request.url and len(request.post_data_json["data"]) < 2):
        steps.ask(page, "a fox", 3000)
    says(page, ".next", "It plans first")
    page.route(CHECK, lambda route: route.continue_())
    for route in held:
        route.fulfill(**ANSWERS["of a proxy"])
    expect(page.locator("#dial .facts")).to_contain_text("12 min")
    says(page, ".next", "It plans first")


def test_whoever_has_left_a_growing_story_hears_of_the_next_one_and_of_a_version_of_it(page: Page) -> None:
    steps.ask(page, "endless", 300)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("word word")
    page.route(JOIN, lambda route: route.fulfill(**ANSWERS["of a proxy"]))
    page.locator(".side").get_by_role("button", name="Write on from here").click()
    page.locator("dialog[open] .end .primary").click()
    says(page, "dialog[open]", UNREACHED)
    page.keyboard.press("Escape")
    steps.to_the_form(page)
    steps.ask(page, "a fox", 300)
    steps.write(page)
    says(page, ".next[role=status]", UNREACHED)


def test_a_story_that_is_gone_cannot_be_changed_and_the_page_says_why_each_time(new_page) -> None:
    runner = Runner(ScriptedEngine(script))
    with serving(runner) as url:
        page = steps.open_page(new_page(), url)
        steps.ask(page, "a fox", 300)
        steps.write(page)
        steps.wait_until_over(page)
        (job,) = runner._shelf.jobs()
        runner.delete(job.record.id, job.key)
        for _ in range(2):
            page.get_by_role("button", name="Change one thing").click()
            says(page, "#pane .notice", "There is no story with this id here")
        expect(page.locator("#pane .story")).to_contain_text("The fox went on.")


def test_a_refused_check_is_said_in_its_own_words(serve, new_page) -> None:
    url = serve(ScriptedEngine(script), fair=FairUse(Shares(checks=1)))  # which the page's arrival takes
    page = steps.open_page(new_page(), url)
    steps.ask(page, "a fox", 300)
    says(page, ".next", "requests checked within a minute")


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_story_that_is_not_stopped_says_so_and_the_next_click_stops_it(page: Page, answer: dict[str, Any]) -> None:
    steps.ask(page, "endless", 300)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("word word")
    page.route("**/stop", lambda route: route.fulfill(**answer))
    steps.stop(page)
    said = "Queue is full." if answer["status"] == 503 else UNREACHED
    says(page, "#pane", said)
    page.unroute("**/stop")
    steps.stop(page)
    steps.wait_until_over(page)


@pytest.mark.parametrize("path", ["**/stories/summaries", re.compile("/recordings")])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_lists_stay_as_they_are(page: Page, path: str | re.Pattern[str], answer: dict[str, Any]) -> None:
    steps.ask(page, "a fox", 300)
    steps.write(page)
    steps.wait_until_over(page)
    steps.open_tab(page, "My stories")
    page.route(path, lambda route: route.fulfill(**answer))
    steps.module(page, "page", "({ page }) => page.refreshShelf()")
    steps.module(page, "recordings", "({ tellRecordings }) => tellRecordings()")
    expect(page.locator("#shelf li")).to_have_count(1)


# Gradio's line of answers is closed once all are told; whoever asks meanwhile is taken for one who still listens to it.
LATE_CLOSE = """() => {
    const ask = window.fetch;
    window.fetch = async (...asked) => {
        const answer = await ask(...asked);
        if (!answer.url.includes("queue/data") || window.close_now) return answer;
        const closed = new Promise((then) => { window.close_now = then; });
        const late = new TransformStream({
            async transform(bytes, out) {
                const text = new TextDecoder().decode(bytes), at = text.includes("close_stream") ? text.lastIndexOf("data:") : text.length;
                out.enqueue(new TextEncoder().encode(text.slice(0, at)));
                if (at < text.length) await closed;
                out.enqueue(new TextEncoder().encode(text.slice(at)));
            },
        });
        return new Response(answer.body.pipeThrough(late), answer);
    };
}"""


def test_what_is_asked_for_while_the_line_of_answers_closes_is_answered(page: Page) -> None:
    page.evaluate(LATE_CLOSE)
    steps.write(page)
    expect(page.locator("#note-premise .error")).to_be_visible()
    steps.ask(page, "a fox", 300)
    with page.expect_response(JOIN) as joined:
        steps.write(page)
    joined.value.finished()
    page.evaluate("fetch('stories/status').then(answer => answer.text())")
    page.evaluate("close_now()")
    steps.wait_until_over(page)
    assert "The fox went on." in steps.story(page)
