"""What the page says of a length and of settings outside the card's ranges, at the control itself."""

import threading

import pytest
from playwright.sync_api import expect

from polaris_demo.engine.base import Allowance, BackgroundEngine, Day, Report
from polaris_demo.story.request import StoryRequest

from ..doubles import MINIATURE, ScriptedEngine, tells
from . import steps


class LentByTheDay(ScriptedEngine):
    """Visitors have only so many seconds of its GPU a day."""

    def allowance(self, request: StoryRequest) -> Allowance:
        days = (Day("without an account", 120, 0), Day("with a free account", 300, 6400), Day("with PRO", 2400, 12_000))
        return Allowance(request.words / 10, days)


def test_on_zerogpu_the_dial_says_what_a_day_holds_and_goes_there(serve, new_page) -> None:
    page = steps.open_page(new_page(390, 844), serve(LentByTheDay(tells("Once."))))
    facts = page.locator("#dial .facts")
    expect(facts).to_contain_text("Of 2 free minutes")
    expect(facts).to_contain_text("about 4 min")
    expect(page.locator("#next")).to_contain_text("It pauses when your free minutes are over.")
    page.get_by_role("button", name="6,400 words with a free account").press("Enter")
    expect(page.locator("#words input[type=number]")).to_have_value("6400")
    expect(facts).to_contain_text("about 11 min")


def test_elsewhere_the_dial_says_nothing_of_days(serve, new_page) -> None:
    page = steps.open_page(new_page(), serve(ScriptedEngine(tells("Once."))))
    expect(page.locator("#dial .facts")).to_contain_text("To write")
    expect(page.locator("#dial")).not_to_contain_text("free minutes")
    expect(page.locator("#next button")).to_have_count(0)


@pytest.mark.parametrize(("query", "words"), [("", "600"), ("?words=2000", "2000")])
def test_a_page_that_was_open_before_it_is_known_who_writes_takes_over_the_usual_length(serve, new_page, query: str, words: str) -> None:
    gate = threading.Event()

    def load(report: Report) -> ScriptedEngine:
        gate.wait(60)
        return ScriptedEngine(tells("Once."), MINIATURE)

    page = new_page()
    page.goto(f"{serve(BackgroundEngine(load))}{query}")
    number, lead = page.locator("#words input[type=number]"), page.locator("#hello .lead")
    expect(lead).to_contain_text("…")
    expect(number).to_have_value("2000")
    gate.set()
    expect(lead).to_contain_text("a miniature writes here, not POLARIS-9B")
    expect(number).to_have_value(words)
    expect(page.locator("#embed [name=words]")).to_have_value("600")
    expect(page.locator("#dial .facts")).to_contain_text("2 min" if words == "600" else "8 min")
    expect(steps.note(page, "wanders above 1,500")).to_be_visible(visible=words == "2000")
    expect(page.get_by_role("button", name="Ask for 1,500")).to_be_visible(visible=words == "2000")


def test_a_setting_outside_the_cards_range_is_said_beside_it_with_the_way_back(serve, new_page) -> None:
    page = steps.open_page(new_page(), serve(ScriptedEngine(tells("Once."))))
    steps.open_settings(page)
    steps.set_number(page, "temperature", "1.5")
    steps.set_number(page, "top_k", "40")
    expect(page.locator("#note-temperature")).to_contain_text("1.5 is above the 0.4–1 the model card recommends")
    expect(page.locator("#note-top_k")).to_contain_text("40 is not the 20 the model card recommends")
    page.locator("#note-top_k").get_by_role("button", name="Back to 20").click()
    expect(page.locator("#top_k input[type=number]")).to_have_value("20")
    expect(page.locator("#note-top_k .note")).to_have_count(0)
    expect(page.locator("#note-temperature .note")).to_have_count(1)
