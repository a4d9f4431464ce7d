"""A dialog that stays open, and an answer that comes late: neither reaches a reader who has gone on to something else."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.engine.base import Status
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Started

from ..conftest import serving
from ..doubles import POLARIS, TextEngine
from . import steps
from .two_stories import own, text, written


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


# --- which two -------------------------------------------------------------------------------------------------------


# --- side by side ----------------------------------------------------------------------------------------------------


# --- blind -----------------------------------------------------------------------------------------------------------
