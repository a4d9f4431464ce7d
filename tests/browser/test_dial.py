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
    expected = page.locator("#dial .expect")
    expect(expected).to_contain_text("About 4 min of GPU time, an estimate.")
    expect(expected).to_contain_text("what you used elsewhere is unknown here.")
    expect(page.locator("#dial .fits")).to_contain_text("nothing without an account")
    page.locator("#dial .fits").get_by_role("button", name="6,400 words with a free account").press("Enter")
    expect(page.locator("#words input[type=number]")).to_have_value("6400")
    expect(expected).to_contain_text("About 11 min of GPU time")


def test_elsewhere_the_dial_says_nothing_of_days(serve, new_page) -> None:
    page = steps.open_page(new_page(), serve(ScriptedEngine(tells("Once."))))
    expect(page.locator("#dial .expect")).to_contain_text("At most")
    expect(page.locator("#dial")).not_to_contain_text("ZeroGPU")
    expect(page.locator("#dial .fits")).to_be_hidden()


@pytest.mark.parametrize(("query", "words"), [("", "600"), ("?words=2000", "2000")])
def test_a_page_that_was_open_before_it_is_known_who_writes_takes_over_the_usual_length(serve, new_page, query: str, words: str) -> None:
    gate = threading.Event()

    def load(report: Report) -> ScriptedEngine:
        gate.wait(60)
        return ScriptedEngine(tells("Once."), MINIATURE)

    page = new_page()
    page.goto(f"{serve(BackgroundEngine(load))}{query}")
    number, badge = page.locator("#words input[type=number]"), page.locator("#header .badge")
    expect(badge).to_contain_text("…")
    expect(number).to_have_value("2000")
    gate.set()
    expect(badge).to_contain_text("preview model, not POLARIS-9B")
    expect(number).to_have_value(words)
    expect(page.locator("#embed [name=words]")).to_have_value("600")
    steps.ask(page, "a bell")
    expect(steps.note(page, "above 1,500")).to_be_visible(visible=words == "2000")


def test_a_control_outside_the_cards_range_is_marked_until_it_is_back(serve, new_page) -> None:
    page = steps.open_page(new_page(), serve(ScriptedEngine(tells("Once."))))
    steps.open_settings(page)
    marks = page.locator(".range .outside").filter(visible=True)
    expect(marks).to_have_count(0)
    steps.set_number(page, "temperature", "1.5")
    steps.set_number(page, "top_k", "40")
    expect(marks).to_have_text(["outside the card's range", "not the card's value"])
    usual = page.locator("#min_p input[type=number]").evaluate("e => getComputedStyle(e).borderColor")
    assert page.locator("#temperature input[type=number]").evaluate("e => getComputedStyle(e).borderColor") != usual
    steps.set_number(page, "temperature", "1")
    expect(marks).to_have_text(["not the card's value"])
    page.locator(".range .back").filter(has_text="back to 20").click()
    expect(marks).to_have_count(0)
