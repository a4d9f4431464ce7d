"""A story that is closed because it went round in circles: nothing that a reader saw is gone, and nothing jumps."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.engine.base import Status
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started
from polaris_demo.story.request import StoryRequest

from ..doubles import POLARIS
from . import steps

SOUND = [
    "# The bell\n\n",
    *(f"Paragraph {n} of the sound part, in which the bell rang over the roofs and people stopped. " * 3 + "\n\n" for n in range(8)),
]
ROUNDS = [f"Nobody knew who had rung it, round {n}, and nobody asked. " * 4 + "\n\n" for n in range(12)]
OTHER, LAST = "Then it was still, and the story went another way.", "And it went round no more."


class Looping:
    """Tells the sound part and the rounds, and closes the story before them once the gate is open; goes on as it is told to."""

    def __init__(self, gate: threading.Event) -> None:
        self.gate, self.resumes = gate, []

    def status(self) -> Status:
        return Status(POLARIS)

    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        return "<prompt>", 60

    def allowance(self, request: StoryRequest) -> None:
        return None

    def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Iterator[Event]:
        self.resumes.append(resume)
        yield Started("<prompt>", 60, POLARIS)
        if resume.token_ids:
            yield Delta.of("story", LAST if not resume.guard else OTHER, (99,))
            yield Finish("stop")
            return
        yield Delta.of("thinking", "", (0,))
        for number, text in enumerate([*SOUND, *ROUNDS], 1):
            yield Delta.of("story", text, (number,))
            stop.wait(0.02)
        while not self.gate.wait(0.05) and not stop.is_set():
            yield Delta("story", "")
        sound = "".join(SOUND).rstrip()
        yield Finish("loop", "The story had begun to go round in circles.", tokens=1 + len(SOUND), characters=len(sound))


def begun(serve, page: Page, engine: Looping) -> Page:
    steps.open_page(page, serve(engine))
    steps.ask(page, "a bell", 2000)
    steps.write(page)
    expect(page.locator("#pane .story")).to_contain_text("round 11")
    return page


def mark(page: Page) -> None:
    """Note a paragraph in the window that is about to be folded, and where it stands."""
    page.evaluate("""() => {
        const blocks = [...document.querySelectorAll('#pane .story p')];
        const seen = blocks.findLast((block) => block.textContent.startsWith('Nobody') && block.getBoundingClientRect().top < innerHeight - 60);
        window.marked = { text: seen.textContent, top: seen.getBoundingClientRect().top };
    }""")


def moved(page: Page) -> float:
    """How far the noted paragraph's text has moved in the window."""
    return page.evaluate("""() => {
        const now = [...document.querySelectorAll('#pane .story p')].find((block) => block.textContent.trim() === marked.text.trim());
        return Math.abs(now.getBoundingClientRect().top - marked.top);
    }""")


SIZES = pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["wide", "phone"])


@SIZES
def test_who_read_on_keeps_every_word_where_it_stood(serve, new_page, size: tuple[int, int]) -> None:
    gate = threading.Event()
    page = begun(serve, new_page(*size, reduced_motion="reduce"), Looping(gate))
    page.wait_for_function("document.querySelector('#pane .end').getBoundingClientRect().top < innerHeight + 120")
    mark(page)
    gate.set()
    steps.wait_until_over(page)
    expect(page.locator("#pane .aside details")).to_have_attribute("open", "")
    expect(page.locator("#pane .aside")).to_contain_text("From here the story went round in circles")
    for said in (*SOUND[1:], *ROUNDS):
        expect(page.locator("#pane .story")).to_contain_text(said.strip())
    assert moved(page) <= 2
    assert steps.story(page) == "".join(SOUND).rstrip()


def test_who_comes_later_reads_the_sound_story_and_may_unfold_the_rest(serve, new_page) -> None:
    gate = threading.Event()
    gate.set()
    first = begun(serve, new_page(), Looping(gate))
    steps.wait_until_over(first)
    later = new_page()
    later.goto(first.url)
    steps.wait_until_over(later)
    details = later.locator("#pane .aside details")
    expect(details).not_to_have_attribute("open", "")
    expect(later.get_by_text("round 11")).to_be_hidden()
    expect(later.get_by_role("button", name="Go on without the guard")).to_be_hidden()
    later.get_by_text("Read what came after").click()
    expect(later.get_by_text("round 11")).to_be_visible()


def test_continue_leaves_it_folded_at_its_place(serve, new_page) -> None:
    gate, page = threading.Event(), new_page()
    gate.set()
    engine = Looping(gate)
    steps.wait_until_over(begun(serve, page, engine))
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.locator("#pane .story > p").last).to_contain_text(OTHER)
    steps.wait_until_over(page)
    assert steps.story(page) == "".join(SOUND).rstrip() + OTHER and engine.resumes[-1].guard
    expect(page.locator("#pane .aside")).to_have_count(1)
    expect(page.locator("#pane .aside")).to_contain_text("round 11")
    expect(page.get_by_role("button", name="Go on without the guard")).to_be_hidden()
    page.reload()
    steps.wait_until_over(page)
    expect(page.locator("#pane .aside details")).not_to_have_attribute("open", "")


def test_without_the_guard_it_goes_on_at_its_end(serve, new_page) -> None:
    gate, page = threading.Event(), new_page()
    gate.set()
    engine = Looping(gate)
    steps.wait_until_over(begun(serve, page, engine))
    page.get_by_role("button", name="Go on without the guard").click()
    expect(page.locator("#pane .story > p").last).to_contain_text(LAST)
    steps.wait_until_over(page)
    expect(page.locator("#pane .aside")).to_have_count(0)
    assert steps.story(page) == "".join([*SOUND, *ROUNDS]) + LAST and not engine.resumes[-1].guard
