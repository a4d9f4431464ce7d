"""The page's handlers, called as the page calls them: every value a browser or a script can send gets its sentence."""

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from polaris_demo import card
from polaris_demo.engine.base import BackgroundEngine, LoadProgress
from polaris_demo.errors import EngineError
from polaris_demo.jobs.runner import Runner
from polaris_demo.page.handlers import Handlers
from polaris_demo.story.request import FIELDS, LIMITS

from .doubles import ScriptedEngine, echoes, endless, until

GOOD = {
    "premise": "a robot", "words": 200, "form": "short story", "temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0,
    "repetition_penalty": 1.1, "presence_penalty": 0, "max_new_tokens": 0, "seed": -1,
}  # fmt: skip
BAD = [None, "", "abc", math.nan, math.inf, -math.inf, True, [], {}, 1e12]


@pytest.fixture
def handlers() -> Iterator[Handlers]:
    runner = Runner(ScriptedEngine(echoes))
    yield Handlers(runner)
    runner.close()


def values(**changes: object) -> list[object]:
    return list((GOOD | changes).values())


def all_of(generator: Any) -> list[tuple[Any, ...]]:
    async def collect() -> list[tuple[Any, ...]]:
        return [item async for item in generator]

    return asyncio.run(collect())


def notes(checked: tuple[Any, ...]) -> dict[str, list[str]]:
    return {name: [f["message"] for f in found] for name, found in zip(FIELDS, checked[-len(FIELDS) :], strict=True)}


def test_the_form_sends_its_fields_in_the_contracts_order() -> None:
    assert tuple(GOOD) == FIELDS


@pytest.mark.parametrize("field", LIMITS)
@pytest.mark.parametrize("value", BAD, ids=repr)
def test_a_wrong_value_is_noted_at_its_field_and_refused(handlers: Handlers, field: str, value: object) -> None:
    sentence = notes(handlers.check(*values(**{field: value})))[field][0]
    assert LIMITS[field].sentence() in sentence
    (update, ticket, *_noted) = all_of(handlers.write(*values(**{field: value})))[0]
    assert update == {"refused": sentence} and ticket == gr.skip()


@pytest.mark.parametrize(("field", "value"), [("premise", None), ("premise", 5), ("form", None), ("form", "limerick")])
def test_a_wrong_text_is_too(handlers: Handlers, field: str, value: object) -> None:
    assert notes(handlers.check(*values(**{field: value})))[field]


@pytest.mark.parametrize("field", card.SETTINGS)
def test_a_value_outside_the_cards_range_is_warned_of_at_its_field(handlers: Handlers, field: str) -> None:
    beside = {"repetition_penalty": 1.0} if field == "presence_penalty" else {}
    found = notes(handlers.check(*values(**{field: LIMITS[field].high} | beside)))
    assert card.SETTINGS[field].range() in found[field][0]
    assert not [name for name in FIELDS if found[name] and name not in (field, "words")]


def test_a_story_is_followed_to_its_end_and_the_ticket_given_once(handlers: Handlers) -> None:
    updates = all_of(handlers.write(*values()))
    assert "".join(u[0]["t"] for u in updates).endswith("about a robot.") and updates[-1][0]["over"]
    assert isinstance(updates[0][1], list) and all(u[1] == gr.skip() for u in updates[1:])


def test_stop_takes_the_ticket() -> None:
    runner = Runner(ScriptedEngine(endless))
    job = runner.submit(GOOD)
    until(lambda: job.record.state == "writing")
    Handlers(runner).stop([job.record.id, job.key])
    until(lambda: job.record.over)
    Handlers(runner).stop(None)
    runner.close()


def test_an_unforeseen_error_is_one_calm_line(handlers: Handlers, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    def broken(raw: object) -> None:
        raise KeyError("".join(["CAN", "ARY"]))  # a log shows source lines, and this one must not give it away

    monkeypatch.setattr(handlers._runner, "submit", broken)
    assert "nobody foresaw" in all_of(handlers.write(*values()))[0][0]["refused"]
    with pytest.raises(gr.Error, match="nobody foresaw"):
        handlers.api_start(dict(GOOD))
    assert "CANARY" not in caplog.text and "KeyError" in caplog.text


def test_the_badge_says_who_writes_what_is_loading_and_what_failed(handlers: Handlers) -> None:
    assert handlers.status() == {"badge": "POLARIS-9B · bf16 · test GPU", "preview": False, "why": "a test", "ready": True}

    def fails(report: Any) -> None:
        report(LoadProgress("downloading POLARIS-9B"))
        raise EngineError("The disk is full. Make room.")

    engine = BackgroundEngine(fails)  # type: ignore[arg-type]
    engine.wait(10)
    runner = Runner(engine)
    assert Handlers(runner).status()["why"] == "The disk is full. Make room."
    runner.close()
