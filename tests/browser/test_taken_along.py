"""My stories in one file: what another browser has of it, and what is refused before anything of it is kept."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.jobs.runner import Runner
from polaris_demo.page import wire

from ..conftest import serving
from ..doubles import ScriptedEngine, asked, echoes, rests, until
from .late import answered, hold

FORMAT, NOTHING = "My stories of POLARIS-9B", "Nothing was brought in."
PLACE = {"start": 12, "dy": -3, "part": "II. <b>The middle</b>", "done": False}
HOSTILE = '<img src=x onerror="document.title = 1">'
KEPT = "Object.fromEntries(Object.entries(localStorage).filter(([name]) => /stories|names|places/.test(name)))"


@pytest.fixture
def runner() -> Iterator[Runner]:
    yield Runner(ScriptedEngine(echoes, capacity=2))


@pytest.fixture
def url(runner: Runner) -> Iterator[str]:
    with serving(runner) as url:
        yield url


def written(runner: Runner, *premises: str) -> list[list[str]]:
    """Ids and keys, of the latest story first."""
    jobs = [runner.submit(asked(premise)) for premise in premises]
    until(lambda: all(map(rests, jobs)))
    for number, job in enumerate(jobs):
        job.record.created -= 60 * number
    return [[job.record.id, job.key] for job in jobs]


def browser(page: Page, url: str, stories: list[list[str]] = [], **kept: object) -> Page:  # noqa: B006  never changed
    """My stories in a browser that began these and knows this of them."""
    page.goto(f"{url}stories/status")
    stored = {wire.STORAGE["stories"]: stories} | {wire.STORAGE[name]: value for name, value in kept.items()}
    page.evaluate("all => Object.entries(all).forEach(([name, value]) => localStorage.setItem(name, JSON.stringify(value)))", stored)
    page.goto(f"{url}?tab=shelf")
    expect(page.locator("#shelf li")).to_have_count(len(stories))
    return page


def saved(page: Page) -> bytes:
    with page.expect_download() as made:
        page.get_by_role("button", name="Take to another browser").press("Enter")
    assert made.value.suggested_filename.startswith("my-stories-")
    return Path(made.value.path()).read_bytes()


def bring(page: Page, content: bytes | str | dict[str, Any]) -> None:
    """Choose a file, as a hand would."""
    data = json.dumps(content) if isinstance(content, dict) else content
    with page.expect_file_chooser() as asks:
        page.get_by_role("button", name="Bring in from another browser").press("Enter")
    buffer = data.encode() if isinstance(data, str) else data
    asks.value.set_files({"name": "stories.json", "mimeType": "application/json", "buffer": buffer})


def told(page: Page):
    return page.locator("#shelf .shelf-told")


def kept(page: Page) -> dict[str, object]:
    return {name: json.loads(value) for name, value in page.evaluate(KEPT).items()}


def file_of(*stories: dict[str, object], **fields: object) -> dict[str, Any]:
    return {"format": FORMAT, "version": 1, "stories": list(stories)} | fields


def entry(story: str = "A-story_1", key: str = "its key", **fields: object) -> dict[str, object]:
    return {"id": story, "key": key, "name": "", "favourite": False} | fields


def test_another_browser_has_the_list_its_names_favourites_and_places_and_may_delete(new_page, runner: Runner, url: str) -> None:
    (bell, key), (clock, other) = stories = written(runner, "a bell", "a clock")
    old = browser(new_page(), url, stories, names={bell: {"name": HOSTILE, "favourite": True}, clock: {"top": True}}, places={clock: PLACE})
    expect(old.locator("#shelf .taking")).to_contain_text("whoever has it can stop and delete these stories")
    file = saved(old)
    assert key in file.decode() and other in file.decode()

    new = browser(new_page(), url)
    expect(new.locator("#shelf .taking")).to_be_hidden()
    bring(new, file)
    expect(told(new)).to_have_text("2 stories came in.")
    expect(new.locator("#shelf li")).to_have_count(2)
    expect(new.get_by_role("button", name="Favourite:", pressed=True)).to_have_count(2)
    expect(new.locator("#shelf .title").first).to_have_text(HOSTILE)
    expect(new.locator("#shelf .when").last).to_contain_text(f"you are at {PLACE['part']}")
    assert new.locator("#shelf li img, #shelf li b").count() == 0 and new.get_by_text("New", exact=True).count() == 0
    new.on("dialog", lambda dialog: dialog.accept())
    new.get_by_role("button", name="More for").first.click()
    new.get_by_role("button", name="Delete").filter(visible=True).click()
    expect(new.locator("#shelf li")).to_have_count(1)
    bring(new, file)
    expect(told(new)).to_have_text("1 story came in, 1 was here already. Of those, this server has 1 no more.")
    bring(new, saved(new))
    expect(told(new)).to_have_text("0 stories came in, 2 were here already.")


def test_what_is_here_stays_and_what_comes_in_adds_to_it(new_page, runner: Runner, url: str) -> None:
    (bell, key), (clock, other), (mill, _) = written(runner, "a bell", "a clock", "a mill")
    mine = {bell: {"name": "mine"}, clock: {"favourite": True}}
    page = browser(new_page(), url, [[bell, key], [clock, other]], names=mine, places={bell: PLACE})
    theirs = PLACE | {"part": "theirs"}
    comes = [entry(one, "a wrong key", name="theirs", place=theirs) for one in (bell, clock, mill, mill)]
    bring(page, file_of(*(one | {"favourite": one["id"] == bell, "more": 1} for one in comes)))
    expect(told(page)).to_have_text("1 story came in, 2 were here already.")
    assert kept(page) == {
        "polaris-stories": [[bell, key], [clock, other], [mill, "a wrong key"]],
        "polaris-names": {
            mill: {"name": "theirs"}, bell: {"name": "mine", "favourite": True}, clock: {"name": "theirs", "favourite": True},
        },
        "polaris-places": {clock: theirs, mill: theirs, bell: PLACE},
    }  # fmt: skip


NO_ID = f"Story 2 in this file has an id that no story has. {NOTHING}"
NO_PLACE = f"Story 2 in this file has a reading place that is none. {NOTHING}"
REFUSED: dict[str, tuple[bytes | str | dict[str, Any], str]] = {
    "nothing": ("", f"This file is not JSON, or a part of it is missing. {NOTHING}"),
    "half of it": (json.dumps(file_of(entry()))[:-20], f"This file is not JSON, or a part of it is missing. {NOTHING}"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00", f"This file is not JSON, or a part of it is missing. {NOTHING}"),
    "too deep": ("[" * 400_000, f"This file is not JSON, or a part of it is missing. {NOTHING}"),
    "too large": (" " * 1_000_001, f"This file has 1,000,001 bytes, and at most 1,000,000 are read. {NOTHING}"),
    "a list": ("[1]", f"This file does not hold My stories: it was saved by something else. {NOTHING}"),
    "another format": (file_of(format="record"), f"This file does not hold My stories: it was saved by something else. {NOTHING}"),
    "newer": (file_of(version=2), f"This file is of a newer page than this one: of version 2, and this page reads 1. {NOTHING}"),
    "no version": (file_of(version="1"), f"This file does not say which version of My stories it holds. {NOTHING}"),
    "no list": (file_of(stories={}), f"This file has no list of stories. {NOTHING}"),
    "too many": (file_of(*[entry()] * 201), f"This file has 201 stories, and a list holds 200. {NOTHING}"),
    "no story": (file_of(entry(), stories=[entry(), None]), f"Entry 2 of this file is no story. {NOTHING}"),
    "a path as id": (file_of(entry(), entry("../delete")), NO_ID),
    "no id": (file_of(entry(), {"key": "x", "name": "", "favourite": False}), NO_ID),
    "a number as id": (file_of(entry(), entry() | {"id": 7}), NO_ID),
    "a long id": (file_of(entry(), entry("x" * 65)), NO_ID),
    "a letter that is none": (file_of(entry(), entry("ein-Stück")), NO_ID),
    "no key": (file_of(entry(), entry(key="")), f"Story 2 in this file has a key that is none. {NOTHING}"),
    "a key of lines": (file_of(entry(), entry(key="a\nb")), f"Story 2 in this file has a key that is none. {NOTHING}"),
    "a list as key": (file_of(entry(), entry() | {"key": ["x"]}), f"Story 2 in this file has a key that is none. {NOTHING}"),
    "a long name": (
        file_of(entry(), entry(name="x" * 201)), f"Story 2 in this file has a name that is no text of at most 200 characters. {NOTHING}",
    ),
    "a favourite of text": (
        file_of(entry(), entry(favourite="no")), f"Story 2 in this file has a favourite that is neither true nor false. {NOTHING}",
    ),
    "no number": (json.dumps(file_of(entry(), entry(place=PLACE))).replace("12", "1e999"), NO_PLACE),
    "a place before it": (file_of(entry(), entry(place=PLACE | {"start": -1})), NO_PLACE),
    "a text as place": (file_of(entry(), entry(place="II")), NO_PLACE),
    "nothing as place": (file_of(entry(), entry(place=None)), NO_PLACE),
    "a part of parts": (file_of(entry(), entry(place=PLACE | {"part": ["x"]})), NO_PLACE),
}  # fmt: skip


def test_what_is_damaged_or_hostile_is_refused_whole_with_what_is_wrong(new_page, runner: Runner, url: str) -> None:
    stories = written(runner, "a bell")
    page = browser(new_page(), url, stories, names={stories[0][0]: {"name": "mine"}})
    before = kept(page)
    for what, (content, says) in REFUSED.items():
        page.evaluate("document.querySelector('#shelf .shelf-told').textContent = ''")
        bring(page, content)
        expect(told(page), what).to_have_text(says)
        assert kept(page) == before, what
    names = ["__proto__", "constructor", "toString"]
    bring(page, file_of(*(entry(one, name="x", place=PLACE) for one in names)))
    expect(told(page)).to_have_text("3 stories came in. Of those, this server has 3 no more.")
    assert [one for one, _ in kept(page)["polaris-stories"]][1:] == names and page.evaluate("({}).name") is None
    expect(page.locator("#shelf li")).to_have_count(1)


def test_keys_of_stories_that_are_gone_make_room_and_no_others(new_page, runner: Runner, url: str) -> None:
    (here,) = written(runner, "a bell")
    gone = [[f"gone-{n}", "key"] for n in range(198)]
    page = new_page()
    page.goto(f"{url}stories/status")
    page.evaluate("stories => localStorage.setItem('polaris-stories', JSON.stringify(stories))", [*gone, here])
    page.goto(f"{url}?tab=shelf")
    expect(page.locator("#shelf li")).to_have_count(1)
    bring(page, file_of(*(entry(f"new-{n}") for n in range(3))))
    expect(told(page)).to_contain_text("3 stories came in. The keys of 2 stories that this server has no more made room.")
    ids = [one for one, _ in kept(page)["polaris-stories"]]
    assert ids == [*(one for one, _ in gone[:196]), here[0], "new-0", "new-1", "new-2"]
    before = kept(page)
    page.route("**/stories/summaries", lambda route: route.fulfill(json={"refused": "Not now."}))
    page.reload()
    expect(page.locator("#shelf .shelf-empty")).to_have_text("Not now.")
    bring(page, file_of(*(entry(f"more-{n}") for n in range(4))))
    expect(told(page)).to_have_text(f"200 stories fit into a list, and with these there would be 204. {NOTHING}")
    assert kept(page) == before, "nobody knows which of them are gone"
    held = hold(page, "**/stories/summaries")
    page.reload()
    bring(page, file_of(*(entry(f"more-{n}") for n in range(4))))
    expect(told(page)).to_have_text(f"200 stories fit into a list, and with these there would be 204. {NOTHING}")
    answered(page, held)
    expect(page.locator("#shelf li")).to_have_count(1)
    stories = [["begun-since", "key"], *kept(page)["polaris-stories"]][:200]
    page.evaluate("stories => localStorage.setItem('polaris-stories', JSON.stringify(stories))", [*stories[1:199], here, stories[0]])
    bring(page, file_of(entry("more")))
    ids = [one for one, _ in kept(page)["polaris-stories"]]
    assert "more" in ids and "begun-since" in ids, "of one that was not asked for nobody knows it either"


def test_a_full_list_with_the_longest_names_fits_into_a_file(new_page, url: str) -> None:
    ids, worst = [f"{n:016}" for n in range(200)], "\x01" * 300
    names = {one: {"name": worst, "favourite": True} for one in ids}
    page = new_page()
    page.goto(f"{url}stories/status")
    stored = {
        "stories": [[one, "k" * 32] for one in ids], "names": names, "places": {one: PLACE | {"part": worst} for one in ids},
    }  # fmt: skip
    page.evaluate(
        "all => Object.entries(all).forEach(([name, value]) => localStorage.setItem(`polaris-${name}`, JSON.stringify(value)))", stored
    )
    page.goto(f"{url}?tab=shelf")
    file = saved(page)
    page.evaluate("localStorage.clear()")
    page.reload()
    bring(page, file)
    expect(told(page)).to_have_text("200 stories came in. Of those, this server has 200 no more.")
    assert len(kept(page)["polaris-places"]) == 200


def fills(page: Page) -> None:
    """Leaves no room in what this browser keeps for the page."""
    page.evaluate("""() => { for (let size = 2 ** 22, n = 0; size >= 1; n++) {
        try { localStorage.setItem(`full${n}`, 'x'.repeat(size)); } catch { size = Math.floor(size / 2); }
    } }""")


def no_storage(page: Page) -> None:
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('none'); } })")


NO_MORE_PLACES = """() => {
    const { setItem } = Storage.prototype;
    Storage.prototype.setItem = function (name, value) {
        if (name.endsWith('places') && value.includes('start')) throw new DOMException('full', 'QuotaExceededError');
        setItem.call(this, name, value);
    };
}"""


def test_a_full_storage_takes_nothing_and_says_so(new_page, runner: Runner, url: str) -> None:
    (here,) = written(runner, "a bell")
    page = browser(new_page(), url, [here], names={here[0]: {"name": "mine"}})
    before = kept(page)
    fills(page)
    bring(page, file_of(entry(), entry(here[0], place=PLACE)))
    expect(told(page)).to_have_text(f"This browser’s storage is full. {NOTHING}")
    assert kept(page) == before
    page.evaluate("Object.keys(localStorage).forEach(name => name.startsWith('full') && localStorage.removeItem(name))")
    page.evaluate(NO_MORE_PLACES)
    bring(page, file_of(entry(), entry(here[0], place=PLACE)))
    expect(told(page)).to_have_text(f"This browser’s storage is full. {NOTHING}")
    assert kept(page) == before, "a half of it was kept"
    fills(page)
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.accept()))
    page.get_by_role("button", name="Favourite:").click()
    assert said == ["This browser’s storage for this page is full or blocked, so that cannot be kept."]
    expect(page.get_by_role("button", name="Favourite:")).to_have_attribute("aria-pressed", "false")


def test_a_blocked_storage_takes_nothing_and_says_so(new_page, runner: Runner, url: str) -> None:
    (story,) = written(runner, "a bell")
    page: Page = new_page()
    no_storage(page)
    page.goto(f"{url}?tab=shelf")
    bring(page, file_of(entry()))
    expect(told(page)).to_have_text(f"This browser keeps nothing for this page. {NOTHING}")
    keep: Callable[..., None] = lambda *of: page.evaluate(KEEPS, of)  # noqa: E731
    keep(*story)
    expect(page.locator("#shelf li")).to_have_count(1)
    expect(page.locator("#shelf .shelf-about")).to_have_text(
        "Begun in this browser, which cannot keep their list: take it along below, or keep their links."
    )
    assert json.loads(saved(page))["stories"] == [entry(*story)]


KEEPS = """async ([id, key]) => {
    const { modules } = await import(document.querySelector('link[rel=modulepreload][href^="page/"]').href);
    modules.store.keys.keep(id, key);
    await modules.page.page.refreshShelf();
}"""
