"""Writing on from a place: chosen with the mouse, the keyboard or a thumb, said on the page, and found again as a tree."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.engine.base import Status
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import POLARIS, TextEngine, asked, rests, until
from . import steps
from .test_everyone import violations

HOSTILE = "<img src=x onerror=alert(1)> & “the bell”"
TALE = f"# {HOSTILE}\n\n" + "\n\n".join(f"It rang {n} times, and the fox *went on*." for n in range(1, 7)) + "\n\n* * *\n\nThe end."


class Roomy(TextEngine):
    def status(self) -> Status:
        return Status(POLARIS, capacity=3)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    yield Runner(Roomy(TALE))


@pytest.fixture(scope="module")
def url(runner: Runner) -> Iterator[str]:
    with serving(runner) as url:
        yield url


def told(runner: Runner, **fields: object) -> Job:
    job = runner.submit(asked("a bell", seed=4, **fields))
    until(lambda: rests(job))
    return job


def read(page: Page, url: str, job: Job, own: bool = True) -> Page:
    page.goto(f"{url}stories/status")
    page.evaluate(
        "pair => localStorage.setItem('polaris-stories', JSON.stringify([pair]))", [job.record.id, job.key] if own else ["x", "y"]
    )
    page.goto(f"{url}?story={job.record.id}")
    expect(page.locator("#pane .story")).to_contain_text("The end.")
    return page


def in_dialog(page: Page):
    return page.get_by_role("dialog", name="Write on from here").or_(page.get_by_role("dialog", name="Another version"))


def opened(page: Page, before: str) -> str:
    """The id of the version that was opened."""
    page.wait_for_url(lambda address: "story=" in address and before not in address)
    steps.wait_until_over(page)
    return page.url.split("story=")[1].split("&")[0]


def test_with_the_mouse_from_a_paragraph_of_somebody_elses_story(same_page, runner: Runner, url: str) -> None:
    parent = told(runner)
    page = read(same_page(), url, parent, own=False)
    third = page.locator("#pane .story p", has_text="It rang 3 times")
    place = third.bounding_box()
    third.hover()
    spot = page.get_by_role("button", name="Write on from this paragraph")
    assert abs(spot.bounding_box()["y"] - place["y"]) < 4 and third.bounding_box() == place  # nothing moves
    spot.click()
    dialog = in_dialog(page)
    expect(dialog).to_contain_text("Kept: everything up to paragraph 3 of 7")
    expect(dialog.locator(".last")).to_have_text("It rang 3 times, and the fox went on.")
    dialog.get_by_label("Seed").fill("9")
    dialog.get_by_role("button", name="Write on", exact=True).click()
    version = runner.get(opened(page, parent.record.id))
    assert version.parent and (version.parent.story, version.parent.paragraph) == (parent.record.id, 3)
    assert version.request.sampling.seed == 9 and str(version.story) == TALE
    came = page.locator("#pane .descent")
    expect(came).to_have_text(f"Written on from “{HOSTILE}” after its paragraph 3, with seed 9 instead of 4.")
    came.get_by_role("link").click()
    page.wait_for_url(f"**story={parent.record.id}")
    expect(came).to_be_hidden()
    tree = page.get_by_role("navigation", name="Versions")
    expect(tree.locator("li li")).to_contain_text(["after paragraph 3, seed 9 instead of 4"])
    expect(tree.locator("[aria-current]")).to_have_text(HOSTILE)
    tree.get_by_role("link", name="Side by side").click()
    page.wait_for_url(f"**story={parent.record.id}&beside={version.id}")
    expect(page.locator("body")).to_contain_text("version 2 was written on from there")
    page.go_back()
    tree.get_by_role("link", name=HOSTILE).click()
    page.wait_for_url(f"**story={version.id}")


def test_with_the_keyboard_from_the_paragraph_that_is_read(same_page, runner: Runner, url: str) -> None:
    page = read(same_page(), url, told(runner))
    button = page.locator("#pane .side").get_by_role("button", name="Write on from here")
    button.focus()
    page.keyboard.press("Enter")
    dialog = in_dialog(page)
    expect(dialog).to_be_visible()
    for _ in range(9):
        page.evaluate("document.querySelector('#pane [data-do=later]').click()")
    expect(dialog).to_contain_text("paragraph 7 of 7")
    expect(dialog.get_by_role("button", name="One paragraph later")).to_be_disabled()
    dialog.get_by_role("button", name="One paragraph earlier").press("Enter")
    expect(dialog.locator(".last")).to_contain_text("It rang 6 times")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()


def test_another_version_in_one_click_and_as_many_at_once_as_there_is_room_for(same_page, runner: Runner, url: str) -> None:
    parent = told(runner)
    page = read(same_page(), url, parent)
    page.get_by_role("button", name="Another version").click()
    version = runner.get(opened(page, parent.record.id))
    assert version.parent and version.parent.place.tokens == 0 and version.request.sampling.seed != 4
    expect(page.locator("#pane .descent")).to_contain_text("Another version of “")
    page.locator("#pane .main").get_by_role("button", name="Write on from here").click()
    dialog = in_dialog(page)
    expect(dialog.get_by_label("How many at once").locator("option:not([hidden])")).to_have_text(["1", "2", "3"])
    dialog.get_by_label("How many at once").select_option("3")
    dialog.get_by_role("button", name="Write on", exact=True).click()
    first = opened(page, version.id)
    begun = [pair[0] for pair in page.evaluate("JSON.parse(localStorage.getItem('polaris-stories'))")]
    assert len(begun) == 5 and {begun[-1], begun[-2]} == {parent.record.id, version.id} and first in begun[:3]
    seeds = {runner.get(story).request.sampling.seed for story in begun}
    assert len(seeds) == 5


@pytest.mark.parametrize("width", [1440, 390])
def test_what_is_refused_is_said_in_the_dialog_and_can_be_mended(same_page, runner: Runner, url: str, width: int) -> None:
    parent = told(runner)
    page = read(same_page(width, 844), url, parent)
    page.locator("#pane .main").get_by_role("button", name="Write on from here").click()
    dialog = in_dialog(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    dialog.get_by_text("Settings", exact=True).click()
    dialog.get_by_label("Temperature").fill("9")
    dialog.get_by_role("button", name="Write on", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("Temperature")
    box = dialog.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
    dialog.get_by_label("Temperature").fill("1")
    dialog.get_by_role("button", name="Write on", exact=True).click()
    version = runner.get(opened(page, parent.record.id))
    assert version.request.sampling.temperature == 1 and version.request.sampling.top_k == 20
    expect(dialog).to_be_hidden()


def test_a_tree_that_leads_in_a_circle_ends(same_page, runner: Runner, url: str) -> None:
    parent = told(runner)
    version = runner.write_on(parent.record.id, 2, {})
    until(lambda: rests(version))

    page = same_page()
    steps.summaries(page, lambda stories: [one | {"parent": one["parent"] or version.record.id} for one in stories])
    read(page, url, version, own=False)
    tree = page.get_by_role("navigation", name="Versions")
    expect(tree.locator("[data-story]")).to_have_count(2)


def test_no_barrier_in_the_dialog_nor_in_the_tree(same_page, runner: Runner, url: str) -> None:
    parent = told(runner)
    version = runner.write_on(parent.record.id, 2, {"temperature": 1.1})
    until(lambda: rests(version))
    page, found = read(same_page(reduced_motion="reduce"), url, version, own=False), []
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        expect(page.get_by_role("navigation", name="Versions")).to_be_visible()
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            found += [f"tree, {width}, {theme}: {what}" for what in violations(page)]
            page.locator("#pane .main").get_by_role("button", name="Write on from here").click()
            in_dialog(page).get_by_text("Settings", exact=True).click()
            found += [f"dialog, {width}, {theme}: {what}" for what in violations(page)]
            in_dialog(page).get_by_text("Settings", exact=True).click()
            page.keyboard.press("Escape")
    assert not found, "\n".join(found)
