"""The ask: everything it says stands in a place that was always there, with what mends it; nothing typed is changed in silence."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from polaris_demo.engine.base import Allowance, BackgroundEngine, Day, Loading, Report
from polaris_demo.jobs.runner import Runner
from polaris_demo.page.ideas import IDEAS
from polaris_demo.story.length import length_in
from polaris_demo.story.request import StoryRequest

from ..conftest import serving
from ..doubles import POLARIS, ScriptedEngine, tells
from . import steps

WINDOWS = [(1440, 900), (1024, 768), (390, 844), (360, 640)]
LENGTHS = (50, 300, 1000, 2000, 4000, 4001, 6000, 8000, 8001, 12_000)
MINIATURE = replace(POLARIS, name="miniature", model="preview", is_preview=True, why="This server has no GPU.")
PLACES = "['#premise textarea', '#dial input[type=range]', '#write'].map(it => document.querySelector(it).getBoundingClientRect().top)"
HIT = 13  # pixels by which a button in a sentence may be pressed beside its text
SAYS = ".says, .lead, #note-words, #note-premise, .next, #differs"


class LentByTheDay(ScriptedEngine):
    """Visitors have only so many seconds of its GPU a day."""

    def allowance(self, request: StoryRequest) -> Allowance:
        days = (Day("without an account", 120, 0), Day("with a free account", 300, 6400), Day("with PRO", 2400, 12_000))
        return Allowance(request.words / 10, days)


class WithLongPrompts(ScriptedEngine):
    def prompt(self, request: StoryRequest) -> tuple[str, int]:
        return request.premise, 300 if len(request.premise) > 100 else 60


def never_loaded(report: Report) -> ScriptedEngine:
    report(Loading("downloading POLARIS-9B", 4_200_000_000, 17_900_000_000, 170.0))
    threading.Event().wait(600)
    raise AssertionError


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """An address for each kind of writer."""
    once = tells("# Once\n\nUpon a time.")
    engines = {
        "POLARIS-9B": ScriptedEngine(once),
        "the miniature": ScriptedEngine(once, writer=MINIATURE),
        "loading": BackgroundEngine(never_loaded),
        "lent by the day": LentByTheDay(once),
        "long prompts": WithLongPrompts(once),
    }
    with ExitStack() as stack:
        yield {name: stack.enter_context(serving(Runner(engine))) for name, engine in engines.items()}


@pytest.fixture
def page(servers, same_page) -> Page:
    return steps.open_page(same_page(), servers["POLARIS-9B"])


def says(page: Page) -> str:
    return page.locator("#dial .says").inner_text()


# In the next frame: where what is typed and pressed stands, and sentences of which a part stands outside their place.
LOOKS = f"""async () => {{
    await new Promise(requestAnimationFrame);
    const cut = [...document.querySelectorAll({SAYS!r})].filter(node => node.checkVisibility({{ visibilityProperty: true }})).filter(node => {{
        const text = document.createRange(), place = node.getBoundingClientRect();
        text.selectNodeContents(node);
        return [...text.getClientRects()].some(line => line.width && (line.bottom > place.bottom + {HIT} || line.right > place.right + 1));
    }});
    return [{PLACES}, cut.map(node => `${{node.className || node.id}}: ${{node.innerText}}`)];
}}"""


def states(page: Page, servers: dict[str, str]) -> Iterator[str]:
    """The ask in one state after another; yields their names."""
    for writer, url in servers.items():
        steps.open_page(page, url)
        yield writer
        page.locator("#premise textarea").fill("a lighthouse keeper " * 190)
        page.locator("#words input").fill("3000")  # so that there is something to wait for
        page.locator("#words input").press("Tab")
        expect(page.locator("#dial .facts")).to_contain_text("min")
        yield f"{writer}, a long premise"
    steps.open_page(page, servers["POLARIS-9B"])
    page.locator("#write").click()
    expect(steps.note(page, "First say what it is about")).to_be_visible()
    yield "no premise"
    page.locator("#premise textarea").fill("x" * 4400)
    expect(steps.note(page, "4,400 of 4,000")).to_be_visible()
    yield "a premise that is too long"
    page.locator("#premise textarea").fill("a 3,000-word story about a fox")
    expect(page.locator("#words input")).to_have_value("3000")
    steps.set_number(page, "words", "500")
    expect(steps.note(page, "names 3,000")).to_be_visible()
    yield "another length than the premise's"
    steps.set_number(page, "words", "14000")
    expect(steps.note(page, "at most 12,000")).to_be_visible()
    yield "too many words"
    steps.open_page(page, servers["POLARIS-9B"], query="temperature=1.3&repetition_penalty=1.1&presence_penalty=1&seed=42&top_p=2")
    yield "a link with what cannot be used"
    page.locator("#write").click()
    yield "everything wrong"
    for writer in ("POLARIS-9B", "the miniature"):
        steps.open_page(page, servers[writer])
        for words in LENGTHS:
            with page.expect_response("**/run/**"):
                steps.set_number(page, "words", str(words))
            expect(page.locator("#dial .facts dd").first).to_have_text(re.compile("words|measured"))
            yield f"{writer}, {words} words"


def test_nothing_it_says_moves_what_is_typed_and_pressed(servers, same_page) -> None:
    page, where, unseen = same_page(), {window: {} for window in WINDOWS}, {}
    for number, state in enumerate(states(page, servers)):
        for width, height in WINDOWS[:: -1 if number % 2 else 1]:  # the first is the last of the state before
            page.set_viewport_size({"width": width, "height": height})
            places, unseen[f"{state}, {width}"] = page.evaluate(LOOKS)
            where[width, height][state] = tuple(places)
    assert not {window: found for window, found in where.items() if len(set(found.values())) != 1}
    assert not {state: what for state, what in unseen.items() if what}
    assert not [at for at in WINDOWS if max(where[at].values())[2] + 48 > at[1]], "Write is below the fold"


@pytest.mark.parametrize("width", [390, 360])
def test_on_a_phone_everything_is_big_enough_for_a_finger(servers, same_page, width: int) -> None:
    page = steps.open_page(
        same_page(width, 844), servers["lent by the day"], query="temperature=1.3&words=14000&presence_penalty=1&repetition_penalty=1.1"
    )
    steps.open_settings(page)
    page.locator("#write").click()
    expect(steps.note(page, "First say what it is about")).to_be_visible()
    small = page.evaluate("""() => [...document.querySelectorAll('a[href], button, input, textarea, [role=tab]')]
        .filter(node => node.checkVisibility({ visibilityProperty: true }) && !node.closest('footer, #foot, .skip, [aria-hidden=true], .visually-hidden'))
        .filter(node => node.getBoundingClientRect().width > 1)
        .filter(node => node.getBoundingClientRect().height < 43.5).map(node => node.outerHTML.slice(0, 120))""")
    assert not small
    fields = page.evaluate("""() => [...document.querySelectorAll('input:not([type=range]), textarea, select')]
        .filter(node => node.checkVisibility() && parseFloat(getComputedStyle(node).fontSize) < 16).map(node => node.outerHTML.slice(0, 120))""")
    assert not fields


def test_a_link_hides_nothing(servers, same_page) -> None:
    page = steps.open_page(same_page(390, 844), servers["POLARIS-9B"])
    line = page.locator("#differs")
    expect(line).to_have_text("short story · temperature 0.6 · any seed")
    steps.open_page(page, servers["POLARIS-9B"], query="temperature=1.3&repetition_penalty=1.1&presence_penalty=1&seed=42")
    expect(line).to_have_text("temperature 1.3 · two penalties · seed 42")
    expect(line).to_be_in_viewport()
    expect(page.locator("#temperature")).to_be_hidden()


def test_what_is_missing_is_said_where_it_is_missing_with_two_ways_out(page: Page) -> None:
    field = page.locator("#premise textarea")
    page.locator("#write").click()
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator(f"#{field.get_attribute('aria-describedby')}")).to_have_text("First say what it is about, or:")
    expect(page.locator("#next")).to_contain_text("One field wants a look: the premise.")
    row = [page.locator(it).bounding_box() for it in ("#note-premise", ".ideas .use", ".ideas .another")]
    assert all(a and b and a["x"] + a["width"] <= b["x"] for a, b in pairwise(row))
    idea = field.get_attribute("placeholder")
    page.get_by_role("button", name="Another idea").click()
    expect(field).not_to_have_attribute("placeholder", idea or "")
    page.get_by_role("button", name="Use this idea").click()
    assert field.input_value() in IDEAS
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(steps.note(page, "First say")).to_have_count(0)


def test_a_premise_is_never_cut(page: Page) -> None:
    field = page.locator("#premise textarea")
    field.fill("x" * 4400)
    expect(steps.note(page, "4,400 of 4,000 characters. Shorten it.")).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert len(field.input_value()) == 4400
    page.locator("#write").click()
    expect(field).to_be_focused()
    assert page.url.count("story=") == 0


@pytest.mark.parametrize(
    ("field", "typed"), [("words", "14000"), ("words", "3"), ("temperature", "9"), ("seed", "-7"), ("max_new_tokens", "5")]
)
def test_a_number_beyond_its_limits_stays_as_it_was_typed_and_has_a_way_back(page: Page, field: str, typed: str) -> None:
    if field != "words":
        steps.open_settings(page)
    steps.set_number(page, field, typed)
    box, said = page.locator(f"#{field} input[type=number]"), page.locator(f"#note-{field} .error")
    expect(said).to_be_visible()
    expect(box).to_have_value(typed)
    page.locator("#write").click()
    page.locator("#premise textarea").fill("a fox")
    page.locator("#write").click()
    expect(box).to_be_focused()
    expect(box).to_have_value(typed)
    said.get_by_role("button").click()
    expect(said).to_have_count(0)
    expect(box).not_to_have_value(typed)


def test_too_many_words_are_mended_in_one_click(page: Page) -> None:
    steps.set_number(page, "words", "14000")
    expect(page.locator("#dial .facts dd")).to_have_text(["–"] * 3)
    page.get_by_role("button", name="Ask for 12,000").click()
    expect(page.locator("#words input")).to_have_value("12000")
    expect(page.locator("#dial .says")).to_contain_text("Far out:")


def test_a_warning_stands_at_its_setting_and_leads_back(page: Page) -> None:
    steps.open_settings(page)
    steps.set_number(page, "temperature", "1.3")
    expect(page.locator("#note-temperature")).to_contain_text("1.3 is above the 0.4–1.0 the model card recommends")
    expect(page.locator("#temperature input")).not_to_have_attribute("aria-invalid", "true")
    steps.set_number(page, "top_k", "40")
    expect(page.locator("#note-top_k")).to_contain_text("40 is not the 20 the model card recommends")
    page.locator("#note-top_k").get_by_role("button", name="Back to 20").click()
    expect(page.locator("#top_k input[type=number]")).to_have_value("20")
    expect(page.locator("#note-top_k .note")).to_have_count(0)
    expect(page.locator("#note-temperature .note")).to_have_count(1)
    page.get_by_role("button", name="Back to 0.6").click()
    expect(page.locator("#temperature input")).to_have_value("0.6")
    expect(page.locator("#note-temperature .note")).to_have_count(0)


@pytest.mark.parametrize(("choice", "left"), [("Only repetition, 1.10", ("1.1", "0")), ("Only presence, 1.0", ("1", "1"))])
def test_of_two_penalties_one_is_kept(servers, same_page, choice: str, left: tuple[str, str]) -> None:
    page = steps.open_page(same_page(), servers["POLARIS-9B"], query="premise=a+fox&repetition_penalty=1.1&presence_penalty=1")
    page.locator("#write").click()
    expect(page.locator("#presence_penalty input[type=number]")).to_be_focused()  # its fold has opened
    page.get_by_role("button", name=choice).click()
    for field, value in zip(("repetition_penalty", "presence_penalty"), left, strict=True):
        expect(page.locator(f"#{field} input[type=number]")).to_have_value(value)
    expect(page.locator("#settings .error")).to_have_count(0)


def test_the_settings_lie_over_the_book_page_and_on_a_phone_below(servers, page: Page) -> None:
    before = page.evaluate(PLACES)
    steps.open_settings(page)
    panel, book = (page.locator(it).bounding_box() for it in ("#settings > [data-testid=accordion-content]", "#taste .page"))
    assert panel and book and panel["x"] <= book["x"] + 1 and panel["y"] == book["y"] and panel["height"] >= book["height"]
    assert page.evaluate("document.elementFromPoint(1000, 300).closest('#settings') !== null")
    assert page.evaluate(PLACES) == before
    page.set_viewport_size({"width": 390, "height": 844})
    steps.open_page(page, servers["POLARIS-9B"])
    before = page.evaluate(PLACES)
    steps.open_settings(page)
    assert page.evaluate(PLACES) == before
    panel, line = (page.locator(it).bounding_box() for it in ("#settings > [data-testid=accordion-content]", "#differs"))
    assert panel and line and panel["y"] >= line["y"] + line["height"] - 1


def test_an_idea_names_no_length_and_a_premise_that_does_moves_the_star(page: Page) -> None:
    assert not [idea for idea in IDEAS if length_in(idea)]
    page.get_by_role("button", name="Use this idea").click()
    expect(page.locator("#words input")).to_have_value("2000")
    page.locator("#premise textarea").fill("a 3,000-word story about a fox")
    expect(page.locator("#words input")).to_have_value("3000")
    expect(page.locator("#dial input[type=range]")).to_have_value("3000")


def test_where_a_gpu_is_lent_by_the_day_it_says_what_a_day_holds_and_goes_there(servers, same_page) -> None:
    page = steps.open_page(same_page(390, 844), servers["lent by the day"])
    expect(page.locator("#dial .facts")).to_contain_text("Of 2 free minutes")
    expect(page.locator("#dial .facts")).to_contain_text("about 4 min")
    expect(page.locator("#next")).to_contain_text("It pauses when your free minutes are over.")
    page.locator("#next").get_by_role("button", name="6,400 words with a free account").press("Enter")
    expect(page.locator("#words input[type=number]")).to_have_value("6400")
    expect(page.locator("#dial .facts")).to_contain_text("about 11 min")


def test_elsewhere_it_says_nothing_of_days(page: Page) -> None:
    expect(page.locator("#dial .facts")).to_contain_text("To write")
    expect(page.locator("#ask")).not_to_contain_text("free minutes")
    expect(page.locator("#next button")).to_have_count(0)


def test_a_control_shows_the_cards_range_and_where_it_stands(page: Page) -> None:
    steps.open_settings(page)
    knob: Callable[[str], str] = lambda field: f".knob-slot:has(input[aria-label={field!r}])"  # noqa: E731
    line = page.locator(knob("Temperature"))
    expect(line.locator(".recommended")).to_be_visible()
    steps.set_number(page, "temperature", "1.5")
    expect(line.locator("input[type=range]")).to_have_value("1.5")
    line.locator("input[type=range]").press("ArrowLeft")
    expect(page.locator("#temperature input[type=number]")).to_have_value("1.45")
    expect(page.locator("#note-temperature")).to_contain_text("1.45 is above")
