"""My stories: what a row says, that rows move by themselves and nothing else does, and what can be done with them."""

import re
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner

from ..conftest import serving
from ..doubles import ScriptedEngine, asked, rests, until
from . import steps
from .shelf import CUT, GONE, Told, act, fresh, look_again, premises, row, said, shelf_of, sort, standing, written

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)  # 23 o'clock in Auckland


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


@pytest.fixture(scope="module")
def app(told: Told, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runner, str]]:
    """One for all of them: what each shows is what its own browser began."""
    runner = Runner(ScriptedEngine(told.script, capacity=2), library=Library(tmp_path_factory.mktemp("stories"), keep_days=3))
    with serving(runner) as url:
        yield runner, url


@pytest.fixture
def runner(app: tuple[Runner, str]) -> Iterator[Runner]:
    runner, _ = app
    before = {job.record.id for job in runner._shelf.jobs()}
    yield runner
    for job in runner._shelf.jobs():
        if job.record.id not in before:
            runner.delete(job.record.id, job.key)


@pytest.fixture
def url(app: tuple[Runner, str]) -> str:
    return app[1]


def test_a_row_says_when_in_its_readers_time_and_where_the_reader_is_on_one_scale(new_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell", "a clock", "a fox", "a mill", words=2000)
    begun = [
        NOW - timedelta(hours=8, minutes=50),
        NOW - timedelta(hours=22, minutes=30),
        NOW - timedelta(hours=23, minutes=30),
        NOW - timedelta(days=5),
    ]
    for job, at in zip(jobs, begun, strict=True):
        job.record.created = at.timestamp()
    places = {
        jobs[0].record.id: {"part": "III. The north wall"},
        jobs[1].record.id: {"part": "III", "done": True},
        jobs[2].record.id: {"part": ""},
    }
    page = new_page(timezone_id="Pacific/Auckland")
    page.clock.set_fixed_time(NOW)
    steps.summaries(page, lambda stories: [story | {"kept": 0} for story in stories])  # the server’s clock is of another day
    shelf_of(page, url, jobs, places)
    assert said(page) == {
        "a bell": "today, 14:10 · you are at III. The north wall", "a clock": "today, 00:30 · read to the end",
        "a fox": "yesterday · begun to read", "a mill": "21 November · not read yet",
    }  # fmt: skip
    expect(row(page, "a bell").locator(".said")).to_have_text("7 of 2,000 · 1 min")
    widths = page.locator("#shelf .line").evaluate_all("all => all.map(one => one.offsetWidth)")
    ticks = page.locator("#shelf .tick").evaluate_all("all => all.map(one => one.offsetLeft / one.offsetParent.offsetWidth)")
    assert len(set(widths)) == 1 and ticks == pytest.approx([2000 / 12_000] * 4, abs=0.01)


def test_rows_move_while_a_story_is_written_and_nothing_else_does(same_page, runner: Runner, url: str, told: Told) -> None:
    jobs = written(runner, "endless", "a bell")
    page = shelf_of(same_page(), url, jobs)
    live, other = row(page, "endless"), row(page, "a bell")
    expect(live.locator(".about")).to_have_text("now")
    expect(page.locator("html")).to_have_attribute("data-live", "yes")
    other.get_by_role("button", name="More for").click()
    other.get_by_role("button", name="Rename").focus()
    page.evaluate("rows = [...document.querySelectorAll('#shelf li')]")
    for words in (30, 60):
        told.words.release()
        expect(live.locator(".said")).to_have_text(f"Writing: {words} of 1,000")
    assert page.evaluate("rows.every((row, i) => row === document.querySelectorAll('#shelf li')[i])")
    expect(other.get_by_role("button", name="Rename")).to_be_focused()
    assert live.locator(".line").evaluate("one => one.style.getPropertyValue('--star')") == "0.5%"
    runner.stop(jobs[0].record.id, jobs[0].key)
    expect(live.locator(".said")).to_have_text("Stopped at 60 of 1,000")
    expect(page.locator("html")).to_have_attribute("data-live", "no")
    expect(other.get_by_role("button", name="Rename")).to_be_focused()


def test_the_list_is_searched_named_ordered_and_shortened_and_the_focus_stays_on_its_story(new_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell", "a clock", "a mill")
    page = shelf_of(new_page(390, 844), url, jobs)
    expect(page.locator("#shelf .shelf-about")).to_have_text(
        re.compile(r"^Begun in this browser, kept on this server until \d+\s\w+ \d{4}\.$")
    )
    expect(row(page, "a bell").locator(".about")).to_contain_text("kept until ")  # three days from now
    search = page.get_by_role("searchbox", name="Search titles and premises")
    search.fill("CLOCK")
    expect(page.locator("#shelf li")).to_have_count(1)
    search.fill("nobody wrote this")
    expect(page.locator("#shelf .shelf-empty")).to_have_text("No title or premise holds that.")
    search.fill("a story")  # the title of all three
    expect(page.locator("#shelf li")).to_have_count(3)

    asks: list[str] = []
    page.on("dialog", lambda dialog: (asks.append(dialog.message), dialog.accept("The Tuner" if dialog.type == "prompt" else None)))
    act(page, "a mill", "Rename")
    expect(row(page, "a mill").locator(".title")).to_have_text("The Tuner")
    expect(row(page, "a mill").get_by_role("button", name="More for The Tuner")).to_be_focused()
    search.fill("tuner")
    expect(page.locator("#shelf li")).to_have_count(1)
    search.fill("")
    act(page, "a clock", "Delete")
    expect(page.locator("#shelf li")).to_have_count(2)
    expect(row(page, "a mill").get_by_role("button", name="More for")).to_be_focused()
    assert asks[1] == "Delete “A story” from the server?" and str(runner.get(jobs[2].record.id).story).startswith("# A story")
    for left, premise in ((1, "a mill"), (0, "a bell")):
        act(page, premise, "Delete")
        expect(page.locator("#shelf li")).to_have_count(left)
    expect(page.locator("#shelf .shelf-empty")).to_have_text("No story yet. The first one you ask for appears here.")
    expect(page.get_by_role("tab", name="My stories")).to_be_focused()
    assert page.evaluate("JSON.parse(localStorage.getItem('polaris-stories'))") == [GONE]  # it may come back


def test_a_story_that_was_cut_off_is_gone_on_with_from_the_list(same_page, runner: Runner, url: str) -> None:
    jobs = written(runner, CUT, "a bell")
    page = shelf_of(same_page(), url, jobs)
    cut = row(page, CUT)
    expect(cut.locator(".said")).to_have_text("Paused at 80 of 1,000")
    expect(cut.locator(".title")).to_have_text("No title yet")
    assert row(page, "a bell").get_by_role("button", name="Continue").is_hidden()
    cut.get_by_role("button", name="Continue").click()
    steps.wait_until_over(page)
    assert "story=" in page.url and f"It was about {CUT}." in steps.story(page)
    page.go_back()
    expect(cut.get_by_role("button", name="Continue")).to_be_hidden()


def test_a_list_that_cannot_be_asked_for_stays_as_it_was_and_is_asked_for_again(new_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell")
    page = shelf_of(new_page(offline_is_fine=True), url, jobs)
    page.route("**/stories/summaries", lambda route: route.abort())
    look_again(page)
    expect(page.locator("#shelf .shelf-empty")).to_have_text("The server cannot be reached just now. Try again in a moment.")
    expect(page.locator("#shelf li")).to_have_count(1)
    page.unroute("**/stories/summaries")
    expect(page.locator("#shelf .shelf-empty")).to_be_hidden()
    row(page, "a bell").get_by_role("link").click()
    expect(page.locator("#pane .story")).to_contain_text("It was about a bell.")


def test_it_is_sorted_as_its_reader_likes_and_stays_so_in_this_browser(new_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell", "a clock that is wound each night", "Étude", "zeal and nothing else at all, for years")
    page = shelf_of(new_page(), url, jobs, names={job.record.id: {"name": job.record.request.premise} for job in jobs})
    a_bell, a_clock, etude, zeal = newest = premises(page)
    star = row(page, etude).get_by_role("button", name="Favourite: Étude")
    expect(star).to_have_attribute("aria-pressed", "false")
    star.press("Space")
    expect(star).to_have_attribute("aria-pressed", "true")
    for label, wanted in (
        ("Longest first", [zeal, a_clock, a_bell, etude]),
        ("By title", [a_bell, a_clock, etude, zeal]),
        ("Favourites first", [etude, a_bell, a_clock, zeal]),
        ("Newest first", newest),
        ("Favourites first", [etude, a_bell, a_clock, zeal]),
    ):
        sort(page, label)
        assert premises(page) == wanted, label
    page.reload()
    expect(page.get_by_role("combobox", name="Sort")).to_have_value("favourites")
    expect(page.locator("#shelf li .premise").first).to_have_text("Étude")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "false")
    assert premises(page) == [etude, a_bell, a_clock, zeal], "the row went away under the pointer"
    page.reload()
    expect(page.locator("#shelf li .premise").first).to_have_text(a_bell)


def test_what_was_kept_at_the_top_is_a_favourite(same_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell", "a clock")
    page = shelf_of(same_page(), url, jobs, names={jobs[1].record.id: {"top": True}})
    expect(row(page, "a clock").get_by_role("button", name="Favourite:")).to_have_attribute("aria-pressed", "true")


def test_versions_stand_under_what_they_were_written_on_from(new_page, runner: Runner, url: str) -> None:
    first, other = written(runner, "a bell", "a clock")
    second = runner.write_on(first.record.id, 0, {})
    until(lambda: rests(second))
    third = runner.write_on(second.record.id, 0, {})  # a version of a version
    until(lambda: rests(third))
    alone = runner.write_on(runner.submit(asked("somebody else's")).record.id, 0, {})
    until(lambda: rests(alone))
    second.record.created, third.record.created = time.time() + 60, time.time() + 120
    jobs = [third, second, alone, first, other]
    titles = dict(zip(jobs, ("third", "second", "alone", "first", "other"), strict=True))
    page = shelf_of(new_page(390, 844), url, jobs, names={job.record.id: {"name": titles[job]} for job in jobs})
    family = [("first", False), ("second", True), ("third", True)]
    assert standing(page) == [*family, ("alone", False), ("other", False)], "the newest of a family counts"
    expect(row(page, "third").locator(".about")).to_contain_text("version · today")
    sort(page, "By title")
    assert standing(page) == [("alone", False), *family, ("other", False)]
    search = page.get_by_role("searchbox")
    search.fill("third")
    assert standing(page) == [("first", False), ("third", True)], "a version is found under its own"
    search.fill("first")
    assert standing(page) == [("first", False)]
    search.fill("")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="More for first").click()
    row(page, "first").get_by_role("button", name="Delete").click()
    expect(page.locator("#shelf li")).to_have_count(4)
    assert standing(page) == [("alone", False), ("other", False), ("second", False), ("third", True)]


def test_who_was_written_on_from_in_a_circle_stands_alone(same_page, url: str) -> None:
    page = steps.open_page(same_page(), url)
    heads = steps.module(
        page,
        "order",
        """({ ordered }, parents) => ordered(
            Object.entries(parents).map(([id, parent]) => ({ known: id, holds: () => true, summary: { id, parent, begun: 1, words: 1 } })), "newest", "",
        ).map(({ row, version }) => [row.known, version])""",
        {"a": "b", "b": "a", "c": "a", "d": "d", "e": "d2", "f": "e"},
    )
    assert sorted(heads) == [["a", False], ["b", False], ["c", False], ["d", False], ["e", False], ["f", True]]


def test_what_was_finished_since_the_last_visit_is_marked_until_it_is_opened_or_was_seen(
    same_page, runner: Runner, url: str, told: Told
) -> None:
    jobs = written(runner, "endless", "a bell", "a clock", "a mill")
    page = shelf_of(same_page(), url, jobs[:2])
    assert fresh(page) == [], "of what was there at the first visit nothing is new"
    runner.stop(jobs[0].record.id, jobs[0].key)  # before its first word
    stored = [[job.record.id, job.key] for job in jobs]
    page.evaluate("stories => localStorage.setItem('polaris-stories', JSON.stringify(stories))", stored)
    steps.to_the_form(page)
    look_again(page)
    page.get_by_role("tab", name="My stories").click()
    expect(page.locator("#shelf li")).to_have_count(4)
    assert fresh(page) == ["a clock", "a mill"]
    row(page, "a clock").get_by_role("link").click()
    steps.wait_until_over(page)
    page.go_back()
    expect(page.locator("#shelf li")).to_have_count(4)
    assert fresh(page) == ["a mill"], "it is known once it was opened, and the other one is not"
    page.reload()
    expect(page.locator("#shelf li")).to_have_count(4)
    assert fresh(page) == [], "it was seen"


def test_a_story_that_was_gone_on_with_is_news_once_more(same_page, url: str) -> None:
    page = steps.open_page(same_page(), url)
    told = """({ News }) => {
        const news = new News(), tell = (live) => { const one = { id: "a", live, words: 9 }; news.heard([one], true, null); return news.has(one); };
        return [tell(false), tell(true), tell(false), tell(false)];
    }"""
    assert steps.module(page, "news", told) == [False, False, True, True]


def test_a_story_that_is_over_is_new_at_once_and_moves_nothing_below_it(same_page, runner: Runner, url: str, told: Told) -> None:
    jobs = written(runner, "endless", "a bell")
    told.words.release()
    until(lambda: jobs[0].record.words > 0)
    page = shelf_of(same_page(390, 844), url, jobs)
    expect(row(page, "endless").locator(".said")).to_contain_text("Writing")
    tops = "() => [...document.querySelectorAll('#shelf li')].map(li => [li.offsetTop, li.offsetHeight])"
    before = page.evaluate(tops)
    row(page, "a bell").hover()
    runner.stop(jobs[0].record.id, jobs[0].key)
    expect(row(page, "endless").get_by_role("button", name="Continue")).to_be_visible()
    assert fresh(page) == ["endless"] and page.evaluate(tops) == before


def test_no_other_story_comes_under_the_pointer(same_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell", "a clock", "a mill")
    page = shelf_of(same_page(), url, jobs[1:])
    row(page, "a clock").hover()
    stored = [[job.record.id, job.key] for job in jobs]
    page.evaluate("stories => localStorage.setItem('polaris-stories', JSON.stringify(stories))", stored)
    look_again(page)
    assert premises(page) == ["a clock", "a mill"]
    page.mouse.move(5, 5)
    expect(page.locator("#shelf li")).to_have_count(3)
    assert premises(page) == ["a bell", "a clock", "a mill"]


def test_two_hundred_stories_cost_what_one_does_of_the_browsers_storage(new_page, runner: Runner, url: str) -> None:
    (job,) = written(runner, "a bell")
    made = [[f"story{n:03}", "key"] for n in range(200)]
    page = new_page(390, 844)
    one = {"ids": [job.record.id]}
    steps.summaries(page, lambda stories: [stories[0] | {"id": id} for id, _ in made], ask=lambda route: one)
    page.goto(f"{url}stories/status")
    page.evaluate("made => localStorage.setItem('polaris-stories', JSON.stringify(made))", made)
    page.goto(f"{url}?tab=shelf")
    expect(page.locator("#shelf li")).to_have_count(200)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    reads, changes = page.evaluate(COSTS)
    assert reads < 20 and changes == 0, "a list that is as it was is read once, and not touched"


COSTS = """async () => {
    let reads = 0, changes = 0;
    const { getItem } = Storage.prototype, watcher = new MutationObserver(all => { changes += all.length; });
    Storage.prototype.getItem = function (name) { reads += 1; return getItem.call(this, name); };
    watcher.observe(document.querySelector('#shelf ul'), { subtree: true, childList: true, characterData: true });
    const { modules } = await import(document.querySelector('link[rel=modulepreload][href^="page/"]').href);
    await modules.page.page.refreshShelf();
    changes += watcher.takeRecords().length;
    return [reads, changes];
}"""


def test_all_of_them_come_as_one_archive_or_a_sentence_says_why_not(new_page, runner: Runner, url: str) -> None:
    jobs = written(runner, "a bell", "a clock")
    page = shelf_of(new_page(offline_is_fine=True), url, jobs)
    page.get_by_role("searchbox").fill("clock")  # and yet it is all of them
    with page.expect_download() as made:
        page.get_by_role("link", name="Download all").press("Enter")
    assert made.value.suggested_filename == "stories.zip"
    with zipfile.ZipFile(made.value.path()) as archive:
        assert archive.testzip() is None and len(archive.namelist()) == 6
    page.route(
        "**/stories.zip?*", lambda route: route.fulfill(status=429, json={"refused": "You have asked for 6 archives within a minute."})
    )
    page.get_by_role("link", name="Download all").click()
    expect(page.locator("#shelf .shelf-told")).to_have_text("You have asked for 6 archives within a minute.")
    assert "tab=shelf" in page.url
