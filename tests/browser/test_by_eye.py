"""What an eye sees first: nothing stands over something else, torn from what it belongs to, or against the window's edge."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, expect

from polaris_demo.engine.base import BackgroundEngine
from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Settings

from ..conftest import serving
from ..doubles import ScriptedEngine, asked, recording_of, rests, tells, until
from . import steps
from .test_ask import never_loaded

TALE = "# A bell\n\n" + "\n\n".join(f"It rang {n} times, and the fox went on with it." for n in range(1, 9))
LINES = "e => { const text = document.createRange(); text.selectNodeContents(e); return new Set([...text.getClientRects()].map(r => r.top)).size; }"
SEEN_AT = (
    "e => { const at = e.getBoundingClientRect(); return document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2).className; }"
)
TEXT_ENDS = "e => { const text = document.createRange(); text.selectNodeContents(e); return text.getBoundingClientRect().right; }"


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    yield Runner(ScriptedEngine(tells(TALE)))


@pytest.fixture(scope="module")
def url(runner: Runner, tmp_path_factory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("recordings")
    for name in ("bell", "clock"):
        (folder / f"{name}.json").write_text(recording_of(TALE, f"a {name} under water"))
    with serving(runner, Settings(recordings_dir=folder)) as url:
        yield url


@pytest.fixture(scope="module")
def loading() -> Iterator[str]:
    with serving(Runner(BackgroundEngine(never_loaded))) as url:
        yield url


def box(found: Locator) -> FloatRect:
    place = found.bounding_box()
    assert place
    return place


def right(found: Locator) -> float:
    return box(found)["x"] + box(found)["width"]


def bottom(found: Locator) -> float:
    return box(found)["y"] + box(found)["height"]


def read(page: Page, runner: Runner, url: str, own: bool = True) -> Page:
    """A story that has become longer than asked for."""
    job = runner.submit(asked("a bell", words=50))
    until(lambda: rests(job))
    page.goto(f"{url}stories/status")
    kept = [job.record.id, job.key] if own else ["another", "key"]
    page.evaluate("pair => localStorage.setItem('polaris-stories', JSON.stringify([pair]))", kept)
    page.goto(f"{url}?story={job.record.id}")
    steps.wait_until_over(page)
    return page


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_the_book_pages_text_has_faded_where_its_buttons_begin(same_page, url: str, width: int, theme: str) -> None:
    page = steps.open_page(same_page(width, 1700), url, theme)
    buttons = page.locator("#taste .recorded .button"), page.locator("#taste .recorded .text")
    expect(buttons[0]).to_be_visible()
    page.add_style_tag(content="#taste .story { height: 2000px; background: var(--ink); }")  # text everywhere
    between = {"x": right(buttons[0]) + 4, "y": box(buttons[0])["y"], "width": box(buttons[1])["x"] - right(buttons[0]) - 8, "height": 44}
    picture = Image.open(io.BytesIO(page.screenshot(clip=between)))  # type: ignore[arg-type]
    assert len(picture.convert("RGB").getcolors() or ()) == 1


def test_the_star_and_the_ring_at_the_lines_end_are_not_struck_through(same_page, runner: Runner, url: str) -> None:
    page = read(same_page(), runner, url)
    expect(page.locator(".status .star")).to_be_visible()
    expect(page.locator(".status .end")).to_be_hidden()


def test_the_ring_of_whoever_reads_a_shared_story_lies_over_the_lines_end(same_page, runner: Runner, url: str) -> None:
    page = read(same_page(), runner, url, own=False)
    page.keyboard.press("e")
    page.wait_for_function("document.querySelector('.status .here').style.getPropertyValue('--at') === '100'")
    expect(page.locator(".status .end")).to_be_visible()
    assert page.locator(".status .end").evaluate(SEEN_AT) == "here"


@pytest.mark.parametrize(("width", "rows"), [(1440, 1), (1024, 1), (390, 2)])
def test_what_can_be_done_with_a_finished_story_leaves_no_button_alone(same_page, runner: Runner, url: str, width: int, rows: int) -> None:
    page = read(same_page(width, 844), runner, url)
    buttons = page.locator("#pane .own-end .main .button").filter(visible=True)
    expect(buttons).to_have_text(["Read from the beginning", "Write on from here", "Another version"])
    assert len({box(one)["y"] for one in buttons.all()}) == rows


def test_what_is_said_after_a_story_is_set_as_a_book_is(same_page, runner: Runner, url: str) -> None:
    page = read(same_page(), runner, url)
    page.get_by_text("Everything about this story").click()
    expect(page.locator("#pane .repeats")).to_contain_text("the paper’s reward allows")
    expect(page.locator("#pane .stamp")).to_contain_text("the paper’s evaluation of length")


def test_what_is_missing_and_its_two_ways_out_are_one_sentence(same_page, url: str) -> None:
    page = steps.open_page(same_page(), url)
    page.locator("#write").click()
    said = page.locator("#note-premise .note")
    expect(said).to_have_text("First say what it is about, or:")
    assert box(page.locator(".ideas .use"))["x"] - said.evaluate(TEXT_ENDS) < 24


def test_no_idea_is_offered_while_something_else_is_typed(same_page, url: str) -> None:
    page = steps.open_page(same_page(), url)
    ideas, premise = page.locator(".ideas button"), page.locator("#premise textarea")
    premise.fill("a fox")
    for idea in ideas.all():
        expect(idea).to_be_hidden()
    premise.fill("")
    for idea in ideas.all():
        expect(idea).to_be_visible()


@pytest.mark.parametrize("width", [390, 360, 320])
def test_on_a_phone_a_settings_name_is_one_line_and_what_explains_it_stands_clear(same_page, url: str, width: int) -> None:
    page = steps.open_page(same_page(width, 844), url)
    steps.open_settings(page)
    chosen = page.locator(".kinds select")
    assert page.locator(".kinds span").evaluate(LINES) == 1
    assert right(chosen) <= width - 14 and page.evaluate("document.documentElement.scrollWidth") <= width
    assert box(page.locator("#settings .explained").first)["y"] >= bottom(chosen) + 6


def test_the_settings_in_one_click_are_named_as_one_says_it(same_page, url: str) -> None:
    page = steps.open_page(same_page(), url)
    steps.open_settings(page)
    expect(page.locator("#settings .presets > *")).to_have_text(["All as in", "the card", "long form", "training"])


def test_words_of_one_rank_are_of_one_size(same_page, runner: Runner, url: str) -> None:
    size = "e => getComputedStyle(e).fontSize"
    page = steps.open_page(same_page(), url)
    assert page.locator("#settings > button span").first.evaluate(size) == page.locator("#write").evaluate(size) == "15px"
    page.goto("about:blank")
    read(page, runner, url)
    assert page.locator("#pane .stage").evaluate(size) == page.locator(".status [data-do=link]").evaluate(size) == "15px"


@pytest.mark.parametrize("width", [390, 360])
def test_a_refusal_over_a_story_stands_clear_of_a_phones_edges(same_page, url: str, width: int) -> None:
    page = same_page(width, 844)
    page.goto(f"{url}?story=gone")
    notice = page.locator("#pane .notice")
    expect(notice).to_be_visible()
    assert box(notice)["x"] >= 14 and right(notice) <= width - 14


def test_on_a_phone_what_is_said_of_the_list_stands_clear_of_its_order(same_page, url: str) -> None:
    page = same_page(390, 844)
    page.goto(f"{url}?tab=shelf")
    expect(page.locator("#shelf .sort")).to_be_visible()
    assert box(page.locator("#shelf .shelf-about"))["y"] >= bottom(page.locator("#shelf .sort")) + 6


def test_a_number_stays_with_its_unit_where_a_line_ends(same_page, url: str, loading: str) -> None:
    page = steps.open_page(same_page(390, 844), url)
    assert "99\u00a0% of the words" in (page.locator("#dial .says").text_content() or "")
    page.goto(loading)
    expect(page.locator(".hello .lead")).to_contain_text("Downloading")
    said = page.locator(".hello .lead").text_content() or ""
    assert "17.9\u00a0GB (23\u00a0%)" in said and "3\u00a0min" in said


@pytest.mark.parametrize("width", [1440, 390, 360])
def test_what_is_said_of_a_setting_has_its_room_already(same_page, url: str, width: int) -> None:
    fields = ("temperature", "repetition_penalty", "presence_penalty", "top_p")
    tops = "fields => fields.map(field => document.getElementById(field).getBoundingClientRect().top + scrollY)"
    page = steps.open_page(same_page(width, 844), url)
    steps.open_settings(page)
    before = page.evaluate(tops, fields)
    steps.set_number(page, "temperature", "1.3")
    expect(steps.note(page, "1.3 is above the 0.4–1.0 the model card recommends")).to_be_visible()
    assert page.evaluate(tops, fields) == before


def test_what_begins_a_version_is_seen_however_much_is_unfolded(same_page, runner: Runner, url: str) -> None:
    page = read(same_page(360, 640), runner, url)
    page.locator("#pane .main [data-do=branch]").click()
    page.locator("#pane .branch summary").click()
    expect(page.locator("#pane .branch").get_by_role("button", name="Write on", exact=True)).to_be_in_viewport(ratio=1)
