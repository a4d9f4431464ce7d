"""A story that somebody shared: what it is, all of it to read, and a story of one's own above and below it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import ScriptedEngine, asked, echoes, rests, until
from . import steps


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    """The link to a story."""
    runner = Runner(ScriptedEngine(echoes))
    with serving(runner) as url:
        job = runner.submit(asked("a bell under water"))
        until(lambda: rests(job))
        yield f"{url}?story={job.record.id}"


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_whoever_has_the_link_reads_at_once_and_writes_a_story_of_their_own(same_page, shared: str, width: int, height: int) -> None:
    page = same_page(width, height)
    page.goto(shared)
    pane, own, title = (
        page.locator("#pane"),
        page.get_by_role("button", name="Write your own"),
        page.get_by_role("heading", name="A story", exact=True),
    )
    for seen in (pane.get_by_text("A story about a bell under water"), title, pane.get_by_text("It was about a bell under water."), own):
        expect(seen).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0 and title.get_attribute("aria-level") == "1"
    expect(page).to_have_title("A story · a story by POLARIS-9B")
    for owners in ("Stop", "Continue", "Another version", "Delete this story"):
        expect(page.get_by_role("button", name=owners)).to_be_hidden()
    own.click()
    expect(page.locator("#premise textarea")).to_be_focused()
    page.go_back()
    field = page.get_by_label("Write your own: a story about")
    assert field.bounding_box()["y"] > page.locator("#pane .story").bounding_box()["y"]
    field.fill("two sisters")
    expect(pane.locator(".invite .go p")).to_have_text("2,000 words, unless you say otherwise.")
    pane.get_by_role("button", name="you say otherwise").click()
    expect(page.locator("#premise textarea")).to_have_value("two sisters")
    expect(page.locator("#premise textarea")).to_be_focused()
    steps.set_number(page, "words", "3000")
    page.go_back()
    expect(pane.locator(".invite .go p")).to_have_text("3,000 words, unless you say otherwise.")
    pane.locator(".invite").get_by_role("button", name="Write the story").click()
    page.wait_for_url(lambda url: "story=" in url and url != shared)
    steps.wait_until_over(page)
    assert steps.story(page) == "# A story\n\nIt was about two sisters."
