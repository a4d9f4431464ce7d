"""A page that was open before it is known who writes takes over what is then known."""

import threading

import pytest
from playwright.sync_api import expect

from polaris_demo.engine.base import BackgroundEngine, Report

from ..doubles import MINIATURE, ScriptedEngine, tells
from . import steps


@pytest.mark.parametrize(("query", "words"), [("", "600"), ("?words=2000", "2000")])
def test_a_page_that_was_open_before_it_is_known_who_writes_takes_over_the_usual_length(serve, same_page, query: str, words: str) -> None:
    gate = threading.Event()

    def load(report: Report) -> ScriptedEngine:
        gate.wait(60)
        return ScriptedEngine(tells("Once."), MINIATURE)

    page = same_page()
    page.goto(f"{serve(BackgroundEngine(load))}{query}")
    number, lead = page.locator("#words input[type=number]"), page.locator("#hello .lead")
    expect(lead).to_contain_text("…")
    expect(number).to_have_value("2000")
    gate.set()
    expect(lead).to_contain_text("a miniature writes here, not POLARIS-9B: a test. Its stories show")
    expect(number).to_have_value(words)
    expect(page.locator("#embed [name=words]")).to_have_value("600")
    expect(page.locator("#dial .facts")).to_contain_text("2 min" if words == "600" else "8 min")
    expect(steps.note(page, "wanders above 1,500")).to_be_visible(visible=words == "2000")
    expect(page.get_by_role("button", name="Ask for 1,500")).to_be_visible(visible=words == "2000")
