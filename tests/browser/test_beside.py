"""Two stories side by side, and two read blind: what is said of them, what moves and what does not, what tells which is which."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner
from polaris_demo.page import beside, blind

from ..conftest import serving
from ..doubles import POLARIS, asked, rests, until
from . import steps
from .test_everyone import barriers, violations
from .test_print import Pdf, letters
from .two_stories import (
    HOSTILE,
    PREMISE,
    BySeed,
    blind_page,
    made_pair,
    masked,
    own,
    paragraph,
    readers,
    shown,
    side_by_side,
    text,
    top,
    written,
)


@pytest.fixture(scope="module")
def engine() -> BySeed:
    return BySeed()


@pytest.fixture(scope="module")
def runner(engine: BySeed) -> Runner:
    return Runner(engine)


@pytest.fixture(scope="module")
def url(runner: Runner) -> Iterator[str]:
    with serving(runner) as address:
        yield address


@pytest.fixture(scope="module")
def two(runner: Runner, url: str) -> tuple[Job, Job]:
    return written(runner, 42), written(runner, 7)


# --- side by side ----------------------------------------------------------------------------------------------------


def test_both_stand_beside_each_other_with_what_differs_and_what_came_of_them(same_page, url: str, two) -> None:
    page = side_by_side(same_page(), url, *two)
    expect(page).to_have_title(f"Two versions · {PREMISE}")
    expect(page.get_by_role("heading", level=1, name=PREMISE)).to_be_visible()
    for place, seed, label in (("first", 42, "seed 42"), ("second", 7, "seed 7, all else the same")):
        expect(page.locator(f"#beside .of.{place} .label")).to_have_text(label)
        figures = page.locator(f"#beside .figures.{place}")
        expect(figures.get_by_role("heading", name=f"The lamp of {seed}")).to_be_visible()
        expect(figures.get_by_role("slider")).to_be_visible()
        for says in ("of 1,000 words", "on target, 900–1,100 words", "% of its four-word phrases", "Time at work"):
            expect(figures).to_contain_text(says)
        told = page.locator(f"#beside .column.{place} .story").text_content() or ""
        assert letters(told) == letters(text(seed))
    left, right = (page.locator(f"#beside .column.{place}").bounding_box() for place in ("first", "second"))
    assert left and right and left["y"] == right["y"] and left["x"] + left["width"] < right["x"]


def test_it_is_a_place_with_an_address_like_any_other(same_page, url: str, two) -> None:
    page = side_by_side(same_page(), url, *two)
    page.mouse.wheel(0, 900)
    page.wait_for_function("scrollY >= 900")
    was = page.evaluate("scrollY")
    page.reload()
    page.wait_for_function("y => Math.abs(scrollY - y) < 3", arg=was)
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("link", name="Read this one").last.click()
    expect(page.locator("#pane .story")).to_contain_text("she wrote 007")
    expect(page).to_have_title("The lamp of 7 · a story by POLARIS-9B")
    page.go_back()
    expect(page.locator("#beside .two")).to_be_visible()
    expect(page).to_have_title(f"Two versions · {PREMISE}")
    page.go_forward()
    expect(page.locator("#pane .story")).to_be_visible()
    expect(page.locator("#beside .two")).to_be_hidden()


def test_on_a_phone_a_switch_keeps_the_place_in_each(same_page, url: str, two) -> None:
    page = side_by_side(same_page(390, 844), url, *two)
    expect(paragraph(page, 3, 42)).to_be_visible()
    expect(paragraph(page, 3, 7)).to_have_count(0)
    turn = page.get_by_role("button", name="Version 2")
    turn.click()
    assert page.evaluate("scrollY") == 0, "above both texts nothing moves"
    page.get_by_role("button", name="Version 1").click()
    paragraph(page, 30, 42).evaluate("node => scrollBy(0, node.getBoundingClientRect().top - 200)")
    turn.click()
    expect(turn).to_have_attribute("aria-pressed", "true")
    assert 100 < top(paragraph(page, 30, 7)) < 300, "the other one as far in"
    page.evaluate("scrollBy(0, 2000)")
    page.get_by_role("button", name="Version 1").click()
    assert abs(top(paragraph(page, 30, 42)) - 200) < 2, "and back to where one was"


def test_what_one_was_written_on_from_stands_once(same_page, url: str, runner: Runner, two) -> None:
    child = runner.write_on(two[0].record.id, 11, {"seed": 7})
    until(lambda: rests(child))
    page = side_by_side(same_page(), url, two[0], child)
    expect(page.locator("#beside .begins")).to_have_text(
        re.compile(r"^Both begin with these \d+ words; version 2 was written on from there\.$")
    )
    for number in (0, 5):
        expect(paragraph(page, number, 42)).to_have_count(1)
    expect(page.locator("#beside .common")).not_to_contain_text("In 30")
    assert top(page.locator("#beside .common .story")) < top(paragraph(page, 30, 42)) and paragraph(page, 30, 7).is_visible()
    whole = "".join(page.locator("#beside .common .story, #beside .column.first .story p:not([hidden])").all_text_contents())
    assert letters(whole) == letters(text(42)), "nothing is left out and nothing stands twice"
    page.get_by_role("slider", name="Where version 2").focus()
    page.keyboard.press("End")
    expect(paragraph(page, 59, 7)).to_be_in_viewport()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(paragraph(page, 0, 42)).to_be_in_viewport()


def test_a_story_that_is_being_written_grows_and_moves_nothing(same_page, url: str, runner: Runner, engine: BySeed) -> None:
    short, live = written(runner, 1), runner.submit(asked(PREMISE, seed=99, words=1000))
    until(lambda: len(live.record.story) > 500)
    page = side_by_side(same_page(height=700), url, short, live)
    page.add_style_tag(content="* { overflow-anchor: none !important; }")  # by which a browser hides some of what moves
    expect(page.locator("#beside .count").last).to_have_text(re.compile(r"of 1,000 words · Writing$"))
    expect(page.locator("#beside .facts").last).to_contain_text(beside.LATER)
    page.evaluate("scrollTo(0, 200)")
    was = top(paragraph(page, 0, 99))
    engine.may_end.set()
    expect(page.locator("#beside .facts").last).to_contain_text("% of its four-word phrases")
    expect(paragraph(page, 59, 99)).to_be_attached()
    expect(page.get_by_role("slider", name="Where version 2")).to_be_visible()
    assert top(paragraph(page, 0, 99)) == was and page.evaluate("scrollY") == 200


@pytest.mark.words
def test_what_cannot_stand_beside_each_other_is_a_sentence(new_page, url: str, two) -> None:
    page, (one, other) = new_page(offline_is_fine=True), two
    for first, second, says in (
        (one.record.id, one.record.id, beside.THE_SAME),
        (one.record.id, "gone", "The second of the two stories cannot be shown. There is no story with this id here"),
        ("<b>gone</b>", other.record.id, "The first of the two stories cannot be shown."),
    ):
        page.goto(f"{url}?story={first}&beside={second}")
        expect(page.locator("#beside .notice")).to_contain_text(says)
        expect(page).to_have_title("Two stories · POLARIS-9B")
    page.goto(f"{url}?blind=gone")
    expect(page.locator("#blind .notice")).to_have_text(blind.GONE)
    expect(page.get_by_role("button", name="The left")).to_be_hidden()


def test_hostile_texts_are_texts(same_page, url: str, runner: Runner, two) -> None:
    hostile = written(runner, 13, premise=HOSTILE)
    page = side_by_side(own(same_page(), url, hostile, *two), url, two[0], hostile)
    expect(page.locator("#beside .figures.second h2")).to_have_text(HOSTILE)
    expect(page.locator("#beside .figures.second .premise")).to_contain_text(HOSTILE)
    page.get_by_role("button", name="Compare with another").click()
    expect(page.locator("#beside dialog .choice", has_text=HOSTILE)).to_be_visible()
    assert page.evaluate("window.pwned") is None


def test_a_frame_of_another_page_shows_the_story_alone(same_page, url: str, two) -> None:
    page = same_page()
    page.goto(f"{url}?story={two[0].record.id}&beside={two[1].record.id}&view=embed")
    expect(page.locator("#pane .story")).to_contain_text("she wrote 042")
    expect(page.locator("#beside .two")).to_be_hidden()


def test_printed_they_stand_one_after_the_other(new_page, url: str, two) -> None:
    page = side_by_side(new_page(390), url, *two)
    pdf = Pdf(page.pdf(prefer_css_page_size=True))
    pages = [re.sub(rf"^\s*{n}(?= )|(?<= ){n}\s*$", "", pdf.text(one)) for n, one in enumerate(pdf.pages, 1)]
    told = letters("".join(pages))
    for seed in (42, 7):
        body = letters(text(seed).split("\n\n", 1)[1])
        assert body[:200] in told and body[-200:] in told
    assert told.index("shewrote042") < told.rindex("shewrote042") < told.index("shewrote007")
    page.emulate_media(media="print")
    for seed in (42, 7):  # also on paper that is as narrow as a phone
        expect(paragraph(page, 3, seed)).to_be_visible()


# --- chosen ----------------------------------------------------------------------------------------------------------


def test_from_a_storys_page_another_one_is_chosen_from_a_list_or_by_its_link(same_page, url: str, runner: Runner, two) -> None:
    one, other = two
    page = own(same_page(), url, one, other)
    page.goto(f"{url}?story={one.record.id}")
    steps.wait_until_over(page)
    page.get_by_role("button", name="Compare with …").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Compare with …")
    expect(dialog.locator(".choice")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Compare with …")).to_be_focused()
    page.keyboard.press("Enter")
    link = dialog.get_by_label("Or the link of a story")
    link.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("Paste the link of a story, or its id.")
    link.fill(f"https://example.org/app?view=embed&story={other.record.id}")
    link.press("Enter")
    page.wait_for_url(f"{url}?story={one.record.id}&beside={other.record.id}")
    expect(page.locator("#beside .figures.second h2")).to_have_text("The lamp of 7")
    page.go_back()
    expect(page.locator("#pane .story")).to_be_visible()
    page.get_by_role("button", name="Compare with …").click()
    dialog.get_by_role("button", name="The lamp of 7").click()
    page.wait_for_url(f"{url}?story={one.record.id}&beside={other.record.id}")


# --- blind -----------------------------------------------------------------------------------------------------------


def test_before_the_choice_nothing_tells_which_is_which(new_page, url: str, two) -> None:
    """Whatever told one side would differ between two readers who have the texts the other way round."""
    name = made_pair(page := new_page(), url, *two)
    found, orders = [], []
    for reader in readers(page, url, name):
        page = new_page()
        heard = blind_page(page, url, name, reader)
        said, order = heard.all(), shown(page)
        for tells in (*(job.record.id for job in two), "seed 42", "seed 7", *(f"{job.record.words:,} of" for job in two), POLARIS.device):
            assert tells not in said, tells
        expect(page).to_have_title("Which of two stories is better? · POLARIS-9B")
        found.append(masked(said, name, *map(text, order)))
        orders.append(order)
    one, other = found
    assert orders[0] == orders[1][::-1] and one ^ other == set()
    assert any("LEFT" in line for line in one) and not any("she wrote" in line for line in one)


def test_whoever_made_the_pair_finds_no_trace_of_the_two_on_its_page(same_page, url: str, two) -> None:
    one, other = two
    page = own(same_page(), url, one, other)
    page.goto(f"{url}?story={one.record.id}")
    steps.wait_until_over(page)
    page.get_by_role("button", name="Compare with …").click()
    page.get_by_role("radio", name="Blind").check()
    page.get_by_role("button", name="The lamp of 7").click()
    page.wait_for_url(re.compile(r"\?blind="))
    expect(page.locator("#blind .column.second .story p").last).to_be_attached()
    page.wait_for_load_state("networkidle")
    for job in two:
        assert job.record.id not in page.content()
    page.get_by_role("tab", name="My stories").click()
    expect(page.locator("#shelf li")).to_have_count(2)


def test_a_choice_reveals_both_and_is_kept_in_this_browser_alone(new_page, url: str, two, tmp_path: Path) -> None:
    page = new_page()
    name = made_pair(page, url, *two)
    blind_page(page, url, name, "r")
    left, right = shown(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.post_data}"))
    page.get_by_role("button", name="The right", exact=True).click()
    expect(page.locator("#blind .chosen")).to_have_text("You chose the right.")
    expect(page.locator("#blind .revealed")).to_be_focused()
    expect(page.get_by_role("button", name="The right", exact=True)).to_be_hidden()
    for place, seed in (("first", left), ("second", right)):
        expect(page.locator(f"#blind .of.{place} .label")).to_contain_text(f"seed {seed}")
        expect(page.locator("#blind .revealed")).to_contain_text(f"The lamp of {seed}")
    expect(page.locator("#blind .revealed")).to_contain_text("of 1,000 words")
    assert [one for one in sent if "choose" in one] == [f'{url}stories/{name}/choose {{"choice":"right","reader":"r"}}']
    page.reload()
    expect(page.locator("#blind .chosen")).to_have_text("You chose the right.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download your choices").click()
    download.value.save_as(tmp_path / "choices.csv")
    (row,) = csv.DictReader((tmp_path / "choices.csv").open(newline=""))
    ids = {42: two[0].record.id, 7: two[1].record.id}
    assert list(row) == ["date", "left", "right", "choice", "preferred", "differed"] and re.match(r"\d{4}-\d\d-\d\dT", row["date"])
    assert [row[name].lstrip("'") for name in ("left", "right", "choice", "preferred")] == [ids[left], ids[right], "right", ids[right]]
    assert row["differed"] == f"Seed: {left} / {right}"
    steps.module(page, "where", "({ where }, name) => where.go({ blind: name })", made_pair(page, url, *two))
    expect(page.get_by_role("button", name="The right", exact=True)).to_be_visible()
    assert not any(told in page.locator("#blind").inner_html() for told in ("seed", *ids.values())), "nothing is left of the pair before"
    page.go_back()
    page.get_by_role("link", name="See them side by side").click()
    expect(page.locator("#beside .figures.first h2")).to_have_text(f"The lamp of {left}")


def test_rows_are_csv_as_python_writes_it_and_no_formula(same_page, url: str) -> None:
    rows = [
        ["=1+1", "@x", "-x", "+x", "\tx", "＝1"],
        ["a,b", 'say "it"', "two\nlines", "a\rb", "", "plain ‘x’; y"],
        ["'", '"', ",", " x", "0", "é🌟"],
    ]
    page = same_page()
    page.goto(url)
    page.wait_for_function(f"Boolean({steps.SCRIPTS})")
    told, expected = steps.module(page, "csv", "({ csv }, rows) => csv(rows)", rows), io.StringIO(newline="")
    csv.writer(expected).writerows([[f"'{cell}" for cell in rows[0]], *rows[1:]])
    assert told == expected.getvalue()


# --- for everyone ----------------------------------------------------------------------------------------------------


def test_no_barrier_in_any_state(new_page, url: str, runner: Runner, two) -> None:
    page = own(new_page(reduced_motion="reduce"), url, *two)
    other = written(runner, 3, premise="another one")
    side_by_side(page, url, two[0], other)
    found = [f"side by side, {what}" for what in barriers(page)]
    page.get_by_role("button", name="Compare with another").click()
    expect(page.locator("#beside dialog .choice")).to_have_count(1)
    for theme in ("light", "dark"):  # all else stands still meanwhile, and takes no focus
        page.emulate_media(color_scheme=theme)
        found += [f"choosing, {theme}: {what}" for what in violations(page)]
    blind_page(page, url, made_pair(page, url, *two), "r")
    found += [f"blind, {what}" for what in barriers(page)]
    page.get_by_role("button", name="Neither").click()
    expect(page.locator("#blind .revealed")).to_be_visible()
    found += [f"revealed, {what}" for what in violations(page)]
    assert not found, "\n".join(found)
