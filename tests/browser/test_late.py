"""A dialog that stays open, and an answer that comes late: neither reaches a reader who has gone on to something else."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from polaris_demo.engine.base import Status
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Started

from ..conftest import serving
from ..doubles import POLARIS, TextEngine, asked, rests, until
from . import steps
from .late import answered, asked_for, hold
from .two_stories import PREMISE, blind_page, made_pair, own, side_by_side, text, written


class InTwoParts(TextEngine):
    """Tells another text for every seed; of those that have a gate only the beginning, until it is opened."""

    def __init__(self) -> None:
        super().__init__("")
        self.gates: dict[int, threading.Event] = {}

    def status(self) -> Status:
        return Status(POLARIS, capacity=3)

    def write(self, request, resume, stop):
        gate = self.gates.get(request.sampling.seed)
        for number, event in enumerate(TextEngine(text(request.sampling.seed)).write(request, resume, stop)):
            while gate and number == 300 and not stop.is_set() and not gate.wait(0.02):
                yield Started("<prompt>", 60, POLARIS)
            yield event


@pytest.fixture(scope="module")
def engine() -> InTwoParts:
    return InTwoParts()


@pytest.fixture(scope="module")
def runner(engine: InTwoParts) -> Runner:
    return Runner(engine)


@pytest.fixture(scope="module")
def url(runner: Runner) -> Iterator[str]:
    with serving(runner) as address:
        yield address


@pytest.fixture(scope="module")
def three(runner: Runner, url: str) -> list[Job]:
    return [written(runner, seed) for seed in (42, 7, 3)]


def begun(runner: Runner, engine: InTwoParts, seed: int) -> Job:
    """A story that is being written until its gate is opened."""
    engine.gates[seed] = threading.Event()
    job = runner.submit(asked(PREMISE, seed=seed, words=1000))
    until(lambda: len(job.record.story) > 500)
    return job


def go(page: Page, **to: str) -> None:
    """To a place, as the page's own links lead there."""
    steps.module(page, "where", "({ where }, to) => where.go(to)", to)


def read(page: Page, job: Job) -> None:
    go(page, story=job.record.id)
    expect(page.locator("#pane .story")).to_contain_text(f"she wrote {job.record.request.sampling.seed:03}")
    steps.wait_until_over(page)


# --- dialogs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opener", ["Write on from here", "Compare with …"])
def test_a_dialog_over_a_story_is_closed_where_that_is_left(same_page, url: str, three: list[Job], opener: str) -> None:
    page = steps.open_page(own(same_page(), url, *three), url)
    read(page, three[0])
    page.locator("#pane").get_by_role("button", name=opener).filter(visible=True).first.click()
    expect(page.locator("dialog[open]")).to_be_visible()
    page.go_back()
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.locator("#premise textarea").click()
    expect(page.locator("#premise textarea")).to_be_focused()


def test_how_much_there_is_to_keep_grows_with_a_story_that_is_being_written(
    same_page, url: str, runner: Runner, engine: InTwoParts
) -> None:
    live = begun(runner, engine, 91)
    page = own(same_page(), url, live)
    page.goto(f"{url}?story={live.record.id}")
    expect(page.locator("#pane .story")).to_contain_text("she wrote 091")
    page.locator("#pane .side").get_by_role("button", name="Write on from here").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="One paragraph later").click()
    expect(dialog).to_contain_text("Kept: everything up to paragraph 1 of ")
    expect(dialog).not_to_contain_text("of 60, which ends")
    engine.gates[91].set()
    expect(dialog).to_contain_text("of 60, which ends")


# --- which two -------------------------------------------------------------------------------------------------------


def compare(page: Page, blind: bool = False) -> None:
    page.get_by_role("button", name="Compare with …").click()
    if blind:
        page.get_by_label("Blind: which is which").check()


def choices(page: Page):
    return page.get_by_role("dialog", name="Compare with …").locator(".choice")


def test_the_stories_to_choose_from_are_none_of_the_story_before(same_page, url: str, three: list[Job]) -> None:
    page = steps.open_page(own(same_page(), url, *three), url)
    read(page, three[0])
    compare(page)
    expect(choices(page)).to_contain_text(["The lamp of 7", "The lamp of 3"])
    page.keyboard.press("Escape")
    read(page, three[1])
    held = hold(page, "**/stories/summaries")
    compare(page)
    expect(choices(page)).to_have_count(0)
    answered(page, held)
    expect(choices(page)).to_contain_text(["The lamp of 42", "The lamp of 3"])


def from_a_story(page: Page, url: str, three: list[Job]) -> None:
    steps.open_page(page, url)
    read(page, three[0])
    compare(page, blind=True)
    expect(choices(page)).to_have_count(2)
    choices(page).first.click()


def from_both(page: Page, url: str, three: list[Job]) -> None:
    side_by_side(page, url, three[0], three[1])
    page.get_by_role("button", name="Read them blind").click()


@pytest.mark.parametrize("asks", [from_a_story, from_both])
def test_whoever_has_left_two_stories_is_not_taken_to_read_them_blind(same_page, url: str, three: list[Job], asks) -> None:
    page = own(same_page(), url, *three)
    held = hold(page, "**/stories/blind")
    asks(page, url, three)
    page.keyboard.press("Escape")
    steps.to_the_form(page)
    page.locator("#premise textarea").fill("a fox")
    answered(page, held)
    assert "blind=" not in page.url
    expect(page.locator("#premise textarea")).to_have_value("a fox")


def test_why_two_cannot_be_read_blind_is_not_said_of_two_others(same_page, url: str, three: list[Job]) -> None:
    page = own(same_page(), url, *three)
    held = hold(page, "**/stories/blind")
    from_a_story(page, url, three)
    page.keyboard.press("Escape")
    read(page, three[1])
    compare(page)
    expect(choices(page)).to_have_count(2)
    answered(page, held, json={"refused": "Not now."})
    expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text("")


# --- side by side ----------------------------------------------------------------------------------------------------


def test_two_that_were_left_before_they_came_are_not_followed_and_scroll_nothing(same_page, url: str, three: list[Job]) -> None:
    page, lines = same_page(height=400), []
    page.on("request", lambda request: lines.append(request.url) if "/events" in request.url else None)
    steps.open_page(page, url)
    go(page, story=three[0].record.id, beside=three[1].record.id)
    expect(page.locator("#beside .figures.second h2")).not_to_be_empty()
    page.evaluate("scrollTo(0, 300)")
    until(lambda: steps.module(page, "where", "({ where }) => where.remembered.y") == 300, what="the place was kept")
    held = hold(page, "**/stories/beside?*")
    page.reload()
    expect(page.locator("#dial .facts dt").first).to_be_attached()
    lines.clear()
    page.go_back()
    expect(page.locator("#write")).to_be_visible()
    answered(page, held)
    assert lines == [] and page.evaluate("scrollY") == 0
    page.unroute("**/stories/beside?*")
    page.go_forward()
    expect(page.locator("#beside .figures.second h2")).not_to_be_empty()


def test_what_is_said_of_two_is_what_was_asked_for_last(same_page, url: str, runner: Runner, engine: InTwoParts) -> None:
    first, second = begun(runner, engine, 92), begun(runner, engine, 93)
    page = side_by_side(same_page(), url, first, second)
    held: list[tuple[Route, object]] = []
    page.route("**/stories/beside?*", lambda route: held.append((route, route.fetch())) if not held else route.continue_())
    engine.gates[92].set()
    asked_for(page, held)
    engine.gates[93].set()
    facts, map_ = page.locator("#beside .facts").last, page.get_by_role("slider", name="Where version 2")
    expect(facts).to_contain_text("% of its four-word phrases")
    route, was = held[0]
    with page.expect_response(route.request.url):
        route.fulfill(response=was)
    page.evaluate("fetch('stories/status').then(answer => answer.text())")
    expect(map_).to_be_visible()
    expect(facts).to_contain_text("% of its four-word phrases")


# --- blind -----------------------------------------------------------------------------------------------------------


def test_a_pair_that_could_not_be_had_is_asked_for_again(new_page, url: str, three: list[Job]) -> None:
    page = new_page(offline_is_fine=True)
    name = made_pair(page, url, three[0], three[1])
    page.route("**/sides?*", lambda route: route.fulfill(status=502))
    page.goto(f"{url}?blind={name}")
    expect(page.locator("#blind .notice")).to_contain_text("Try again in a moment.")
    page.unroute("**/sides?*")
    page.get_by_role("tab", name="Results").click()
    page.go_back()
    expect(page.locator("#blind .column.second .story")).to_contain_text("she wrote")
    expect(page.locator("#blind .notice")).to_be_hidden()


def test_the_choice_is_the_one_that_was_made_first(same_page, url: str, three: list[Job]) -> None:
    page = same_page()
    blind_page(page, url, made_pair(page, url, three[0], three[1]), "1")
    held = hold(page, "**/choose")
    page.get_by_role("button", name="The left").click()
    page.get_by_role("button", name="Neither").click()
    answered(page, held)
    expect(page.locator("#blind .chosen")).to_have_text("You chose the left.")
    assert len(held) == 1


# --- a story that is no more, and one that ends elsewhere --------------------------------------------------------------


def test_the_title_is_of_what_is_seen_also_where_a_story_ends_or_is_deleted(
    same_page, url: str, runner: Runner, engine: InTwoParts, three: list[Job]
) -> None:
    live, deleted = begun(runner, engine, 94), begun(runner, engine, 95)
    page = steps.open_page(own(same_page(), url, live, deleted), url)
    go(page, story=live.record.id)
    expect(page.locator("#pane .story")).to_contain_text("she wrote 094")
    go(page, story=live.record.id, beside=three[0].record.id)
    expect(page.locator("#beside .figures.second h2")).not_to_be_empty()
    hold(page, "**/stories/beside?*")  # which says the title again
    engine.gates[94].set()
    until(lambda: steps.reader(page, "reader => reader.update.rests") is True)
    expect(page).to_have_title(f"Two versions · {PREMISE}")
    go(page, story=deleted.record.id)
    expect(page.locator("#pane .story")).to_contain_text("she wrote 095")
    page.get_by_role("tab", name="Results").click()
    runner.delete(deleted.record.id, deleted.key)
    expect(page.locator("#pane .notice")).to_contain_text("There is no story with this id here")
    expect(page).to_have_title("Results · POLARIS-9B")
    go(page, story=deleted.record.id)
    expect(page).to_have_title("Not here · POLARIS-9B")


def test_nothing_is_said_any_more_of_a_story_that_was_deleted(new_page, url: str, runner: Runner) -> None:
    job = written(runner, 5)
    page = own(new_page(), url, job)
    page.goto(f"{url}?story={job.record.id}")
    steps.wait_until_over(page)
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#pane .all > summary").click()
    page.get_by_role("button", name="Delete this story").click()
    expect(page.locator("#pane .notice")).to_have_text("The story is deleted.")
    hold(page, "**/events?*")
    page.get_by_role("tab", name="Results").click()
    page.go_back()
    expect(page.locator("#pane .status")).to_be_visible()
    expect(page.locator("#pane .status .stage")).to_have_text("Not here")
    expect(page.locator("#pane .status [data-do=link]")).to_be_hidden()


def test_the_versions_of_a_story_are_those_that_were_asked_for_last(same_page, url: str, runner: Runner, three: list[Job]) -> None:
    parent, child = three[2].record.id, runner.write_on(three[2].record.id, 3, {})
    until(lambda: rests(child))
    page = steps.open_page(own(same_page(), url, child), url)
    read(page, three[2])
    tree = page.get_by_role("navigation", name="Versions")
    expect(tree).to_be_visible()
    held = hold(page, "**/stories/summaries", most=1)
    again = "reader => { reader.family.show(reader.id); }"
    steps.reader(page, again)
    asked_for(page, held)
    steps.reader(page, again)
    expect(tree).to_be_visible()
    older = [{"id": parent, "title": "older", "begun": 1}, {"id": child.record.id, "title": "older", "begun": 2, "parent": parent}]
    answered(page, held, json={"stories": older})
    expect(tree).not_to_contain_text("older")


# --- buttons that are pressed twice --------------------------------------------------------------------------------------


def test_full_screen_that_was_left_before_it_came_is_left(same_page, url: str, three: list[Job]) -> None:
    page = steps.open_page(same_page(), url)
    read(page, three[0])
    page.evaluate("""() => {
        const asks = Element.prototype.requestFullscreen;
        Element.prototype.requestFullscreen = function () { return window.granted = asks.call(this); };
    }""")
    page.keyboard.press("f")
    page.evaluate("() => window.granted")
    page.keyboard.press("f")
    page.wait_for_function("!document.fullscreenElement")
    steps.reader(page, "async reader => { reader.looks.full(); reader.looks.full(); await window.granted; }")
    page.wait_for_function("!document.fullscreenElement")
    expect(page.locator("html")).to_have_attribute("data-full", "no")


def test_a_button_says_what_came_of_its_last_click_for_as_long_as_of_the_first(new_page, url: str) -> None:
    page = new_page()
    page.clock.install()
    page.goto(url)
    said = """({ answers }) => {
        const button = document.createElement("button");
        button.textContent = "Copy";
        answers(button, "Copied");
        window.again = () => answers(button, "Copied");
        window.says = () => button.textContent;
    }"""
    steps.module(page, "tools", said)
    page.clock.run_for(1500)
    page.evaluate("again()")
    page.clock.run_for(1500)
    assert page.evaluate("says()") == "Copied"
    page.clock.run_for(1000)
    assert page.evaluate("says()") == "Copy"
