"""Eight tabs of one browser, each with a story of its own being written: all of them grow, and Stop answers in each as in one alone."""

import json
import threading
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from polaris_demo.jobs.fair import FairUse
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner
from polaris_demo.page import wire
from polaris_demo.settings import Shares
from polaris_demo.story.events import Event
from polaris_demo.story.request import StoryRequest

from ..conftest import serving
from ..doubles import ScriptedEngine, asked, endless, rests, until
from . import steps

TABS = 8  # over HTTP/1.1 a browser has six connections to a server, all its tabs together
MOST_RATIO = 5  # to one tab alone beside the same stories, on a machine that may have other work
LEAST = 100  # words, below which nobody sees it


@pytest.fixture
def grow() -> Iterator[threading.Event]:
    """Stories stand still until it is set: tabs that are all opened under stories that grow wait for the machine, and say no more."""
    grow = threading.Event()
    yield grow
    grow.set()


@pytest.fixture
def stories(grow: threading.Event) -> Iterator[tuple[str, list[Job]]]:
    """As many as there are tabs, each begun by another visitor."""

    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        for event in endless(request, stop):
            yield event
            while not grow.wait(0.05) and not stop.is_set():
                pass

    runner = Runner(ScriptedEngine(script, capacity=TABS + 1))
    with serving(runner) as url:
        yield url, [runner.submit(asked(f"story {n}", words=12_000), f"visitor {n}") for n in range(TABS + 1)]


def owned(context: BrowserContext, jobs: list[Job]) -> None:
    """This browser began them."""
    keys = json.dumps(json.dumps([[job.record.id, job.key] for job in jobs]))
    context.add_init_script(f"localStorage.setItem({json.dumps(wire.STORAGE['stories'])}, {keys})")


def followed(page: Page, url: str, job: Job) -> Page:
    page.goto(f"{url}?story={job.record.id}", wait_until="commit")
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    return page


def until_stopped(page: Page, job: Job) -> tuple[int, float]:
    """Words written, and seconds gone, between the click and the story's rest."""
    before, clicked = job.look().words, time.monotonic()
    steps.stop(page)
    until(lambda: rests(job))
    return job.look().words - before, time.monotonic() - clicked


def test_all_grow_and_stop_answers_in_each_as_in_one_alone(new_page, stories, grow: threading.Event) -> None:
    url, (alone, *jobs) = stories
    single = new_page()
    owned(single.context, [alone])
    followed(single, url, alone)
    grow.set()
    steps.reached(single, 100)
    usual, _ = until_stopped(single, alone)
    grow.clear()
    first = new_page()
    owned(first.context, jobs)
    tabs = [followed(first if n == 0 else first.context.new_page(), url, job) for n, job in enumerate(jobs)]
    had = [len(steps.story(tab)) for tab in tabs]
    grow.set()
    for tab, characters in zip(tabs, had, strict=True):
        steps.reached(tab, characters + 100)
    took, seconds = zip(*(until_stopped(tab, job) for tab, job in zip(tabs, jobs, strict=True)), strict=True)
    print(f"\nwords written between Stop and rest: {usual} with one tab, {took} with {len(tabs)}, within {max(seconds):.2f} s")
    assert max(took) <= max(MOST_RATIO * usual, LEAST)


def test_a_page_for_which_there_is_no_stream_asks_instead_and_says_nothing_untrue(new_page) -> None:
    runner = Runner(ScriptedEngine(endless, capacity=2), fair=FairUse(Shares(streams=1)))
    with serving(runner) as url:
        jobs = [runner.submit(asked(f"story {n}", words=12_000)) for n in range(2)]
        pages = [new_page(offline_is_fine=True) for _ in jobs]  # each its own browser, as of two people behind one address
        for page, job in zip(pages, jobs, strict=True):
            page.add_init_script(
                "addEventListener('DOMContentLoaded', () => new MutationObserver(() => { window.lost ||= Boolean(document.querySelector('#pane .lost')); })"
                ".observe(document.body, { subtree: true, attributes: true }))"
            )
            owned(page.context, [job])
            followed(page, url, job)
        for page in pages:
            steps.reached(page, 20)
            steps.reached(page, len(steps.story(page)) + 50)
        assert [bool(page.evaluate("window.lost")) for page in pages] == [False, False]
        for page, job in zip(pages, jobs, strict=True):
            steps.stop(page)
            until(lambda job=job: rests(job))  # type: ignore[misc]
