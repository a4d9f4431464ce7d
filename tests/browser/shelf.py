"""My stories as a visitor sees them, and the stories that stand there."""

import threading
import time

from playwright.sync_api import Page, expect

from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner
from polaris_demo.story.events import Delta, Finish, Started

from ..doubles import POLARIS, asked, echoes, rests, until
from . import steps

GONE = ["a-story-that-is-gone", "its key"]

CUT = "a bus driver on the last line"


class Told:
    """Writes thirty words each time it is let, and whatever else is asked for at once; one story is cut off once."""

    def __init__(self) -> None:
        self.words, self.gone_on = threading.Semaphore(0), False

    def script(self, request, stop):
        if request.premise == CUT and not self.gone_on:
            self.gone_on = True
            yield from [
                Started("<prompt>", 60, POLARIS),
                Delta.of("story", "The bus was late. " * 20, (1,)),
                Finish("pause", "The day is over."),
            ]
        elif request.premise != "endless":
            yield from echoes(request, stop)
        else:
            yield Started("<prompt>", 60, POLARIS)
            while not stop.is_set():
                if self.words.acquire(timeout=0.05):
                    yield Delta.of("story", "word " * 30, (2,))


def written(runner: Runner, *premises: str, words: int = 1000) -> list[Job]:
    """Stories at rest, the first of them begun last, a minute after the next."""
    jobs = [runner.submit(asked(premise, words=words)) for premise in premises]
    until(lambda: all(rests(job) or job.record.request.premise == "endless" for job in jobs))
    last = time.time()
    for number, job in enumerate(jobs):
        job.record.created = last - 60 * number
    return jobs


def premises(page: Page) -> list[str]:
    return page.locator("#shelf li .premise").all_text_contents()


def sort(page: Page, label: str) -> None:
    page.get_by_role("combobox", name="Sort").select_option(label)


def look_again(page: Page) -> None:
    """Until the list is as the server has it."""
    steps.module(page, "page", "({ page }) => page.refreshShelf()")


def shelf_of(
    page: Page, url: str, jobs: list[Job], places: dict[str, object] | None = None, names: dict[str, object] | None = None
) -> Page:
    """The list of a browser that began `jobs`, newest first, and one that is gone."""
    mine = [*([job.record.id, job.key] for job in jobs), GONE]
    stored = {"polaris-stories": mine, "polaris-places": places or {}, "polaris-names": names or {}}
    page.goto(f"{url}stories/status")
    page.evaluate("all => Object.entries(all).forEach(([name, value]) => localStorage.setItem(name, JSON.stringify(value)))", stored)
    page.goto(f"{url}?tab=shelf")
    expect(page.locator("#shelf li")).to_have_count(len(jobs))
    return page


def row(page: Page, text: str):
    return page.locator("#shelf li").filter(has=page.get_by_text(text, exact=True))


def said(page: Page) -> dict[str, str]:
    """What each row says below its premise."""
    return dict(
        page.locator("#shelf li").evaluate_all("all => all.map(li => [...li.querySelectorAll('.premise, .about')].map(p => p.textContent))")
    )


def act(page: Page, premise: str, name: str) -> None:
    row(page, premise).get_by_role("button", name="More for").press("Enter")
    row(page, premise).get_by_role("button", name=name, exact=True).press("Enter")


def standing(page: Page) -> list[tuple[str, bool]]:
    """What this browser calls each, and whether it stands under another."""
    return [
        (name, inside > 0)
        for name, inside in page.locator("#shelf li").evaluate_all(
            """all => all.map(li => [li.querySelector('.title').textContent,
                Math.round(li.getBoundingClientRect().left - li.parentElement.getBoundingClientRect().left)])"""
        )
    ]


def fresh(page: Page) -> list[str]:
    """The stories that are marked as new."""
    return page.locator("#shelf li").filter(has=page.get_by_text("New", exact=True)).locator(".premise").all_text_contents()
