"""A premise written from the right reads from the right wherever the page shows it."""

from pathlib import Path

from playwright.sync_api import Locator, expect

from polaris_demo.settings import Settings

from ..doubles import ScriptedEngine, recording_of, tells
from . import steps

PREMISE = "حارس منارة عجوز يجد رسالة (بلا عنوان)."


def runs(place: Locator) -> str:
    """Where its text begins, and whether what it says decides that."""
    return place.evaluate("e => `${getComputedStyle(e).direction} ${e.dir}`")


def test_a_premise_from_the_right_begins_at_the_right(serve, same_page, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(recording_of("# A bell\n\nIt rang.", PREMISE))
    url = serve(ScriptedEngine(tells("Once, a lamp.")), Settings(recordings_dir=tmp_path))
    page = steps.open_page(same_page(390), url)
    box = page.locator("#premise textarea")
    expect(box).to_have_attribute("dir", "auto")
    assert runs(box) == "ltr auto"
    expect(page.locator("#taste .recorded .premise")).to_contain_text(PREMISE)
    assert runs(page.locator("#taste .recorded .premise bdi")) == "rtl auto"
    steps.ask(page, PREMISE, 200)
    assert runs(box) == "rtl auto"
    steps.open_settings(page)
    page.get_by_role("button", name="The prompt the model gets").click()
    sent = page.locator("#prompt .prompt")
    expect(sent).to_contain_text(PREMISE)
    assert runs(sent) == "ltr auto" and sent.evaluate("e => getComputedStyle(e).unicodeBidi") == "plaintext"
    steps.write(page)
    steps.wait_until_over(page)
    assert runs(page.locator("#pane .title-page bdi")) == "rtl auto"
    page.get_by_text("Everything about this story").click()
    told = page.locator("#pane .details dd", has_text=PREMISE)
    assert runs(told) == "rtl auto" and runs(page.locator("#pane .details dd").nth(1)) == "ltr auto"
    assert runs(page.locator("#pane .all .prompt:not(.cite)")) == "ltr auto"
    steps.open_tab(page, "My stories")
    assert runs(page.locator("#shelf li .premise").first) == "rtl auto"
    assert page.locator("#embed input[name=premise]").get_attribute("dir") == "auto"
