"""The gallery below the ask: what the model wrote for its host, read in its own place, with no weight on the first page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings

from ..conftest import serving
from ..doubles import ScriptedEngine, echoes, recording_of, until
from . import steps
from .late import answered, hold

KEY = "the key of this server's host"
HOSTILE = "<img src=x onerror=alert(1)> & " + "x" * 90


def record(folder: Path, name: str, title: str, premise: str, words: int = 1000) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(recording_of(f"# {title}\n\nThe first *line* of it. " + "More was told. " * 60, premise, words))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("data") / "recordings"
    record(folder, "gallery-clock-1000", "The clock", "two sisters")
    record(folder, "gallery-clock-4000", "The long clock", "two sisters", 4000)
    record(folder, "hostile", HOSTILE, HOSTILE)
    for number in range(97):
        record(folder, f"gallery-{number:02}", f"Story {number:02}", f"premise {number:02}")
    return folder


@pytest.fixture(scope="module")
def full(folder: Path) -> Iterator[str]:
    with serving(Runner(ScriptedEngine(echoes), admin_key=KEY), Settings(data_dir=folder.parent)) as url:
        yield url


def titles(page: Page) -> list[str]:
    return page.locator("#gallery .title").all_inner_texts()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_story_stands_there_with_what_there_is_to_say_of_it_and_is_read_by_keys(same_page, full: str, width: int) -> None:
    page = steps.open_page(same_page(width, 844), full)
    entry = page.locator("#gallery li").first
    said = (
        "The clock",
        "A story about two sisters",
        "The first line of it. More was told.",
        "of 1,000 words · ratio 0.",
        "POLARIS-9B · test GPU · 28 May 2026",
    )
    for text in said:
        expect(entry).to_contain_text(text)
    expect(page.locator("#gallery h2")).to_have_text("Stories it wrote")
    entry.get_by_role("link", name="The clock").focus()
    y = page.evaluate("scrollY")
    until(lambda: steps.module(page, "where", "({ where }) => where.remembered.y") == y, what="the place was kept")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?.*recorded=gallery-clock-1000"))
    expect(page.locator("#pane .story p").nth(1)).to_be_in_viewport()
    expect(page.locator("#gallery")).to_be_hidden()
    expect(page.locator("#pane .ladder .rungs button")).to_have_text(["1,000", "4,000"])
    page.go_back()
    expect(entry).to_be_visible()
    page.wait_for_function(f"Math.abs(scrollY - {y}) < 200")


def down(page: Page, full: str) -> int:
    """At the end of the first page, once that is kept."""
    steps.open_page(page, full)
    expect(page.locator("#gallery .title")).to_have_count(6)
    y = page.evaluate("(scrollTo(0, document.documentElement.scrollHeight - innerHeight - 40), scrollY)")
    until(lambda: steps.module(page, "where", "({ where }) => where.remembered.y") == y, what="the place was kept")
    return y


def test_a_reload_comes_back_to_where_one_was_among_what_comes_late(same_page, full: str) -> None:
    page = same_page(390, 844)
    y = down(page, full)
    held = hold(page, "**/recordings", most=1)
    page.reload()
    expect(page.locator("#dial .facts dt").first).to_be_attached()
    answered(page, held)
    page.wait_for_function("y => Math.abs(scrollY - y) < 3", arg=y)


def test_back_comes_to_where_one_was_also_where_a_scroll_has_just_been_made_and_the_next_frame_is_late(same_page, full: str) -> None:
    page = same_page(390, 844)
    y = down(page, full)
    page.locator("#gallery .title").first.evaluate("title => title.click()")
    expect(page.locator("#pane .story p").nth(1)).to_be_in_viewport()
    page.evaluate("""async () => {
        const frame = window.requestAnimationFrame, late = then => setTimeout(() => frame(then), 500);
        scrollTo(0, 10);
        await new Promise(frame);
        await new Promise(frame);
        window.requestAnimationFrame = late;
        history.back();
    }""")
    expect(page.locator("#gallery")).to_be_visible()
    page.wait_for_function("y => Math.abs(scrollY - y) < 3", arg=y)


def test_whoever_has_moved_before_it_is_there_stays_where_they_are(same_page, full: str) -> None:
    page = same_page(390, 844)
    down(page, full)
    held = hold(page, "**/recordings", most=1)
    page.reload()
    expect(page.locator("#dial .facts dt").first).to_be_attached()
    page.locator("#premise textarea").click()
    there = page.evaluate("scrollY")
    answered(page, held)
    expect(page.locator("#gallery .title")).to_have_count(6)
    assert page.evaluate("new Promise(then => requestAnimationFrame(() => requestAnimationFrame(() => then(scrollY))))") == there


def test_a_hundred_stories_weigh_little_on_the_first_page_and_come_as_they_are_asked_for(new_page, full: str) -> None:
    page, asked = new_page(), []
    page.on("response", lambda answer: asked.append(answer) if "/recordings" in answer.url else None)
    steps.open_page(page, full)
    expect(page.locator("#gallery .title")).to_have_count(6)
    expect(page.locator("#taste .story")).to_contain_text("More was told.")
    assert [re.sub(r".*/recordings", "", answer.url) for answer in asked] == ["", "/gallery-clock-1000"]
    assert len(asked[0].body()) < 15_000
    more = page.get_by_role("button", name="More stories")
    for count in (12, 18):
        more.click()
        expect(page.locator("#gallery .title")).to_have_count(count)
        assert page.evaluate("document.activeElement.textContent") == titles(page)[count - 6]
    # As fast as somebody can, on a line that is slower: each is answered, and none asks for what another has asked for.
    more.evaluate("button => { for (let i = 0; i < 14; i++) button.click(); }")
    expect(page.locator("#gallery .title")).to_have_count(100)
    expect(more).to_be_hidden()
    assert len(set(titles(page))) == 100 and titles(page)[-1] == "The long clock" and HOSTILE in titles(page)
    assert page.locator("#gallery img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_whoever_has_gone_elsewhere_meanwhile_stays_there(same_page, full: str) -> None:
    page = steps.open_page(same_page(), full)
    held = hold(page, "**/recordings?from=*", most=1)
    more = page.get_by_role("button", name="More stories")
    more.evaluate("button => { button.focus(); for (let i = 0; i < 9; i++) button.click(); }")
    premise = page.locator("#premise textarea")
    premise.fill("a fox")
    page.evaluate("scrollTo(0, 0)")
    answered(page, held)
    expect(page.locator("#gallery .title")).to_have_count(60)
    expect(premise).to_be_focused()
    assert page.evaluate("scrollY") == 0


def test_what_is_recorded_meanwhile_is_there_at_the_next_visit_and_the_host_takes_it_away(same_page, full: str, folder: Path) -> None:
    page = steps.open_page(same_page(), full)
    expect(page.locator("#gallery .title").first).to_be_visible()
    for words in (1000, 2000, 4000):
        record(folder, f"gallery-mill-{words}", f"The mill {words}", "a mill", words)
    more = page.get_by_role("button", name="More stories")
    more.evaluate("button => { for (let i = 0; i < 17; i++) button.click(); }")
    expect(more).to_be_hidden()
    shown = titles(page)
    assert len(set(shown)) == len(shown) and {"The clock", "The long clock", HOSTILE, *(f"Story {n:02}" for n in range(97))} <= {*shown}
    steps.open_page(page, full)
    expect(page.locator("#gallery .title").first).to_have_text("The mill 1000")
    page.once("dialog", lambda dialog: dialog.accept(KEY))
    page.get_by_role("button", name="Host", exact=True).click()
    expect(page.locator(".hosting")).to_contain_text("New stories may begin.")
    page.locator("#gallery .title").first.click()
    page.locator("#pane .all > summary").click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete this story").click()
    expect(page.locator("#pane .notice")).to_have_text("The story is deleted.")
    assert not (folder / "gallery-mill-1000.json").exists() and (folder / "gallery-mill-1000.removed").exists()
    steps.to_the_form(page)
    expect(page.locator("#gallery .title").first).not_to_have_text("The mill 1000")
    page.goto(f"{full}?recorded=hostile")
    expect(page.locator("#pane .after")).to_be_visible()
    page.locator("#pane .all > summary").click()
    expect(page.get_by_role("button", name="Delete this story")).to_be_hidden()  # this page has not been told the key
