"""An answer that comes late finds the story it is of, or nobody: whatever its reader has gone on to meanwhile stays as it is."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Delta, Event, Finish, Progress, Started
from polaris_demo.story.request import StoryRequest

from ..conftest import serving
from ..doubles import POLARIS, ScriptedEngine, asked, rests, until
from . import steps
from .late import answered, asked_for, hold
from .two_stories import own

UNREACHED = "The server cannot be reached just now."
JOIN, CHECK, EVENTS = "**/queue/join*", "**/gradio_api/run/**", "**/stories/*/events*"
GONE = {"status": 502, "body": ""}


class Parts:
    """Tells a story whole; one of "two parts" rests after the first, one in "segments" goes on by itself as soon as it may."""

    def __init__(self) -> None:
        self.begun: set[str] = set()
        self.first_over, self.may_end = threading.Event(), threading.Event()

    def script(self, request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        premise, again = request.premise, request.premise in self.begun
        self.begun.add(premise)
        yield Started("<prompt>", 60, POLARIS)
        while "endless" in premise and not stop.wait(0.02):
            yield Delta.of("story", "word ", (1,))
        if not again:
            yield Delta.of("story", f"# Of {premise}\n\nIt was about {premise}. ", (1, 2))
            if "two parts" in premise:
                yield Finish("pause", "The day is over.")
            if "segments" in premise:
                while not stop.is_set() and not self.first_over.wait(0.02):
                    yield Progress("gpu")
                yield Finish("segment")
        while "segments" in premise and not stop.is_set() and not self.may_end.wait(0.02):
            yield Progress("gpu")
        yield Delta.of("story", "The end.", (3,))
        yield Finish("stop")


@pytest.fixture(scope="module")
def app() -> Iterator[tuple[Parts, Runner, str]]:
    """One for all of them: each has stories of its own."""
    parts = Parts()
    runner = Runner(ScriptedEngine(parts.script, capacity=2))
    with serving(runner) as url:
        yield parts, runner, url


@pytest.fixture
def parts(app: tuple[Parts, Runner, str]) -> Parts:
    parts, _, _ = app
    for known in (parts.begun, parts.first_over, parts.may_end):
        known.clear()
    return parts


@pytest.fixture
def runner(app: tuple[Parts, Runner, str], parts: Parts) -> Iterator[Runner]:
    _, runner, _ = app
    yield runner
    for job in runner._shelf.jobs():
        runner.delete(job.record.id, job.key)


@pytest.fixture
def page(app: tuple[Parts, Runner, str], runner: Runner, same_page) -> Page:
    _, _, url = app
    page: Page = same_page(offline_is_fine=True)
    page.goto(f"{url}stories/status")
    return page


def written(runner: Runner, premise: str) -> Job:
    job = runner.submit(asked(premise))
    until(lambda: rests(job))
    return job


def text(job: Job) -> str:
    return job.record.story.since(0)[0]


def owned(page: Page, *jobs: Job, at: str = "") -> None:
    """A browser that began these, at an address."""
    url = page.url.removesuffix("stories/status")
    own(page, url, *jobs)
    steps.open_page(page, url, query=at)


def reads(page: Page, job: Job) -> None:
    """Goes on to a story, as by the list or the history."""
    steps.module(page, "where", "({ where }, story) => where.go({ story })", job.record.id)
    expect(page.locator("#pane .story")).to_contain_text(job.record.request.premise)


def begun_in_segments(page: Page, runner: Runner) -> Job:
    """On the page, and in its first one."""
    owned(page)
    steps.ask(page, "a bell in segments")
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("about a bell")
    (job,) = runner._shelf.jobs()
    return job


def keys(page: Page) -> list[str]:
    return page.evaluate("JSON.parse(localStorage.getItem('polaris-stories') || '[]').map(([id]) => id)")


def test_the_story_that_was_deleted_is_gone_and_no_other(page: Page, runner: Runner) -> None:
    first, second = written(runner, "a bell"), written(runner, "a fox")
    owned(page, first, second, at=f"story={first.record.id}")
    page.get_by_text("Everything about this story").click()
    page.once("dialog", lambda dialog: dialog.accept())
    routes = hold(page, "**/delete")
    with page.expect_request("**/delete"):
        page.get_by_role("button", name="Delete this story").click()
    reads(page, second)
    answered(page, routes)
    until(lambda: keys(page) == [second.record.id], what="its key is let go of")
    expect(page.locator("#pane .story")).to_contain_text("about a fox")
    expect(page.locator("#pane .notice")).to_be_hidden()


def test_the_story_that_was_to_go_on_does_and_no_other(page: Page, runner: Runner) -> None:
    first, second = written(runner, "a bell in two parts"), written(runner, "a fox in two parts")
    owned(page, first, second, at=f"story={first.record.id}")
    routes = hold(page, "**/stories/status", most=1)
    with page.expect_request("**/stories/status"):
        page.get_by_role("button", name="Continue").first.click()
    reads(page, second)
    with page.expect_response(JOIN):
        routes[0].continue_()
    until(lambda: text(first).endswith("The end."))
    assert rests(second) and not text(second).endswith("The end.")
    expect(page.locator("#pane .story")).to_contain_text("about a fox")


def test_a_story_that_goes_on_already_stays_stopped_when_it_is(page: Page, runner: Runner) -> None:
    job = runner.submit(asked("an endless river"))
    until(lambda: bool(job.record.words))
    runner.stop(job.record.id, job.key)
    until(lambda: rests(job))
    owned(page, job, at="tab=shelf")
    expect(page.locator("#shelf li")).to_contain_text("Continue")
    runner.resume(job.record.id, job.key)
    page.locator("#shelf li").get_by_role("button", name="Continue").click()
    expect(page.locator("#pane .stage")).to_have_text("Writing")
    steps.stop(page)
    steps.wait_until_over(page)
    expect(page.locator("#pane .stage")).to_have_text("Stopped")
    assert len(job.record.resumed_at) == 1


def test_whoever_is_elsewhere_stays_there_while_their_story_goes_on(page: Page, runner: Runner, parts: Parts) -> None:
    job = begun_in_segments(page, runner)
    page.locator("#pane .story").focus()
    parts.first_over.set()
    until(lambda: len(job.record.resumed_at) == 1)
    expect(page.locator("#pane .what")).to_contain_text("Waiting for a GPU")
    expect(page.locator("#pane .story")).to_be_focused()
    steps.open_tab(page, "Results")
    parts.may_end.set()
    until(lambda: rests(job))
    expect(page.get_by_role("tab", name="Results")).to_have_attribute("aria-selected", "true")


def test_whoever_left_before_the_next_segment_is_not_fetched_back(page: Page, runner: Runner, parts: Parts) -> None:
    job = begun_in_segments(page, runner)
    steps.open_tab(page, "Results")
    with page.expect_response(JOIN):
        parts.first_over.set()
    until(lambda: len(job.record.resumed_at) == 1)
    parts.may_end.set()
    expect(page.locator("#pane .stage")).to_have_text("Finished")
    page.wait_for_load_state("networkidle")  # also the answer to the page's own asking has come
    assert page.url.endswith("tab=results")


def test_a_segment_that_was_not_asked_for_in_vain_is_asked_for_again(page: Page, runner: Runner, parts: Parts) -> None:
    begun_in_segments(page, runner)
    page.route(JOIN, lambda route: route.fulfill(**GONE), times=1)
    parts.may_end.set()
    parts.first_over.set()
    steps.wait_until_over(page)
    expect(page.locator("#pane .stage")).to_have_text("Finished")


@pytest.mark.parametrize("premise", ["a fox", "an endless fox"])
def test_why_no_story_begins_is_said_beside_its_button_and_not_of_a_story(page: Page, runner: Runner, premise: str) -> None:
    other = runner.submit(asked(premise))
    until(lambda: bool(other.record.words))
    owned(page, other)
    routes = hold(page, JOIN, most=1)
    steps.ask(page, "a bell")
    with page.expect_request(JOIN):
        steps.write(page)
    steps.module(page, "where", "({ where }, story) => where.go({ story })", other.record.id)
    expect(page.locator("#pane .story")).not_to_be_empty()
    answered(page, routes, **GONE)
    expect(page.locator(".next[role=status]")).to_contain_text(UNREACHED)
    expect(page.locator("#pane .notice")).to_be_hidden()


def test_a_story_that_begins_late_leaves_its_reader_where_they_are(page: Page, runner: Runner) -> None:
    other = written(runner, "a fox")
    owned(page, other)
    routes = hold(page, JOIN, most=1)
    steps.ask(page, "a bell")
    with page.expect_request(JOIN):
        steps.write(page)
    reads(page, other)
    answered(page, routes)
    until(lambda: len(keys(page)) == 2, what="it is among one's own")
    expect(page.locator("#pane .story")).to_contain_text("about a fox")
    assert other.record.id in page.url
    steps.open_tab(page, "My stories")
    expect(page.locator("#shelf li")).to_have_count(2)


def test_a_refusal_of_the_form_as_it_was_is_not_held_against_it_as_it_is(page: Page) -> None:
    owned(page)
    steps.ask(page, "a bell", 14000)
    expect(steps.note(page, "at most 12,000")).to_be_visible()
    routes = hold(page, JOIN, most=1)
    with page.expect_request(JOIN):
        steps.write(page)
    steps.set_number(page, "words", "500")
    expect(steps.note(page, "at most 12,000")).to_have_count(0)
    page.locator("#premise textarea").focus()
    with page.expect_response(CHECK):
        answered(page, routes)
    expect(steps.note(page, "at most 12,000")).to_have_count(0)
    expect(page.locator(".next[role=status]")).to_contain_text("It plans first")
    expect(page.locator("#premise textarea")).to_be_focused()


def test_a_refusal_of_a_version_is_not_said_in_the_next_dialog(page: Page, runner: Runner) -> None:
    job = written(runner, "a bell")
    owned(page, job, at=f"story={job.record.id}")
    routes = hold(page, JOIN, most=1)
    page.get_by_role("button", name="Write on from here").first.click()
    with page.expect_request(JOIN):
        page.locator("dialog[open] .end .primary").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Write on from here").first.click()
    answered(page, routes, **GONE)
    expect(page.locator("#pane .notice")).to_contain_text(UNREACHED)
    expect(page.locator("dialog[open] .refusal")).to_be_hidden()


def test_nothing_of_the_story_before_stands_over_the_next(page: Page, runner: Runner) -> None:
    first, second = written(runner, "a bell"), written(runner, "a fox")
    owned(page, first, at=f"story={first.record.id}")
    expect(page.locator(".title-page bdi")).to_have_text("a bell")
    routes = hold(page, EVENTS, most=1)
    with page.expect_request(EVENTS):
        steps.module(page, "where", "({ where }, story) => where.go({ story })", second.record.id)
    expect(page.locator(".title-page bdi")).to_be_empty()
    routes[0].continue_()
    expect(page.locator(".title-page bdi")).to_have_text("a fox")
    steps.module(page, "where", "({ where }) => where.go({ story: 'there-is-none' })")
    expect(page.locator("#pane .notice")).to_contain_text("There is no story")
    expect(page.locator(".title-page bdi")).to_be_empty()


def test_what_was_said_of_the_form_is_over_once_it_is_filled_from_a_story_and_not_before(page: Page, runner: Runner) -> None:
    job = written(runner, "a fox")
    owned(page, job)
    steps.ask(page, "a bell")
    page.route(JOIN, lambda route: route.fulfill(**GONE))
    steps.write(page)
    expect(page.locator(".next[role=status]")).to_contain_text(UNREACHED)
    steps.open_tab(page, "My stories")
    page.get_by_role("searchbox").fill("fox")
    steps.to_the_form(page)
    expect(page.locator(".next[role=status]")).to_contain_text(UNREACHED)
    reads(page, job)
    page.get_by_role("button", name="Change one thing").click()
    expect(page.locator("#premise textarea")).to_have_value("a fox")
    expect(page.locator(".next[role=status]")).to_contain_text("It plans first")


def test_a_form_that_is_filled_late_waits_for_its_reader(page: Page, runner: Runner) -> None:
    job = written(runner, "a fox")
    owned(page, job, at=f"story={job.record.id}")
    routes = hold(page, CHECK, most=1)
    page.get_by_role("button", name="Change one thing").click()
    asked_for(page, routes)
    steps.open_tab(page, "Results")
    answered(page, routes)
    expect(page.locator("#premise textarea")).to_have_value("a fox")
    assert page.url.endswith("tab=results")
    steps.to_the_form(page)
