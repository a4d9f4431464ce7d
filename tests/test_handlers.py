"""The page's handlers, called as the page calls them: every value a browser or a script can send gets its sentence."""

import asyncio
import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from polaris_demo import card
from polaris_demo.engine.base import Loading, Status
from polaris_demo.jobs.runner import Runner
from polaris_demo.page import view
from polaris_demo.page.handlers import Handlers
from polaris_demo.settings import Settings
from polaris_demo.story.request import FIELDS, LIMITS

from .doubles import MINIATURE, POLARIS, ScriptedEngine, echoes, until, waits_for

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
    assert notes(handlers.check(*values(**{field: value})))[field]
    update, dial, *noted = all_of(handlers.write(*values(**{field: value})))[0]
    assert LIMITS[field].sentence() in update["refused"] and dial["wrong"] == [field]
    assert noted[FIELDS.index(field)][0]["level"] == "error"


@pytest.mark.parametrize(("field", "value"), [("premise", None), ("premise", 5), ("form", None), ("form", "limerick")])
def test_a_wrong_text_is_too(handlers: Handlers, field: str, value: object) -> None:
    assert notes(handlers.check(*values(**{field: value})))[field]


@pytest.mark.words
@pytest.mark.parametrize("field", card.SETTINGS)
def test_a_value_outside_the_cards_range_is_warned_of_at_its_field(handlers: Handlers, field: str) -> None:
    beside = {"repetition_penalty": 1.0} if field == "presence_penalty" else {}
    found = notes(handlers.check(*values(**{field: LIMITS[field].high} | beside)))
    assert card.SETTINGS[field].range() in found[field][0]
    assert not [name for name in FIELDS if found[name] and name not in (field, "words")]


def test_writing_gives_the_page_the_id_and_the_key_and_leaves_the_story_to_the_server(handlers: Handlers) -> None:
    ((given, *noted),) = all_of(handlers.write(*values()))
    assert set(given) == {"id", "key"} and noted == [gr.skip()] * (len(FIELDS) + 1)
    until(lambda: handlers._runner.get(given["id"]).rests)
    assert str(handlers._runner.get(given["id"]).story).endswith("about a robot.")


def test_on_zerogpu_the_visitors_event_stays_as_long_as_the_segment() -> None:
    gate = threading.Event()
    runner = Runner(ScriptedEngine(waits_for(gate)))
    events = Handlers(runner, Settings(zerogpu=True)).write(*values())

    async def follow() -> int:
        (given, *_) = await anext(events)
        await anext(events)
        assert not runner.get(given["id"]).rests
        gate.set()
        return len([event async for event in events])

    assert asyncio.run(follow()) >= 1
    runner.close()


@pytest.mark.words
def test_an_untouched_premise_is_missed_only_when_the_story_is_asked_for(handlers: Handlers) -> None:
    assert notes(handlers.check(*values(premise="")))["premise"] == []
    assert "nothing was given" in all_of(handlers.write(*values(premise="")))[0][0]["refused"]


@pytest.mark.words
def test_going_on_takes_the_storys_key(handlers: Handlers) -> None:
    job = handlers._runner.submit(GOOD)
    until(lambda: job.record.rests)
    event = gr.EventData(None, {"id": job.record.id, "key": "wrong"})
    assert "Only whoever started a story" in all_of(handlers.resume(event))[0]["refused"]
    event = gr.EventData(None, {"id": job.record.id, "key": job.key})
    assert "nothing to go on with" in all_of(handlers.resume(event))[0]["refused"]


def test_a_page_over_the_miniature_opens_with_its_length_and_warns_where_it_wanders() -> None:
    runner = Runner(ScriptedEngine(echoes, MINIATURE))
    handlers = Handlers(runner)
    at = FIELDS.index("words")
    assert handlers.served_words == 600 and handlers.arrive(gr.Request(query_params={}))[at] == gr.skip()
    assert handlers.arrive(gr.Request(query_params={"words": "2000"}))[at] == 2000
    assert notes(handlers.check(*values(words=1500)))["words"] == []
    assert len(notes(handlers.check(*values(words=1501)))["words"]) == 1
    runner.close()


@pytest.mark.words
def test_a_page_opens_with_what_its_link_says_and_says_what_it_could_not_use(handlers: Handlers) -> None:
    request = gr.Request(query_params={"premise": "a bell", "words": "700", "temperature": "hot", "seed": "-3"})
    opened = handlers.arrive(request)
    filled = {name: value for name, value in zip(FIELDS, opened[: len(FIELDS)], strict=True) if value != gr.skip()}
    assert filled == {"premise": "a bell", "words": 700, "seed": -3}, "what is as usual may have been changed meanwhile"
    arrived, promise, prompt = opened[len(FIELDS) : len(FIELDS) + 3]
    assert [f["message"].split(":")[0] for f in arrived] == ["Temperature"] and "'hot' is not a number" in arrived[0]["message"]
    assert "kept on this server until this server restarts" in promise and prompt["prompt"] == ""
    assert notes(opened)["seed"][0].startswith("-3 is outside the limits")


@pytest.mark.parametrize(
    ("premise", "words"),
    [("a 3,000-word tale", 3000), ("in 2.5k words, a bell", 2500), ("a bell", None), ("99 words", 99), ("9 words", None)],
)
def test_a_length_in_the_premise_moves_the_dial(handlers: Handlers, premise: str, words: int | None) -> None:
    moved = handlers.length(premise)
    assert moved == (gr.skip() if words is None else words)


@pytest.mark.words
def test_an_unforeseen_error_is_one_calm_line(handlers: Handlers, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    def broken(raw: object, visitor: str) -> None:
        raise KeyError("".join(["CAN", "ARY"]))  # a log shows source lines, and this one must not give it away

    monkeypatch.setattr(handlers._runner, "submit", broken)
    assert "nobody foresaw" in all_of(handlers.write(*values()))[0][0]["refused"]
    with pytest.raises(gr.Error, match="nobody foresaw"):
        handlers.api_start(dict(GOOD))
    assert "CANARY" not in caplog.text and "KeyError" in caplog.text


@pytest.mark.words
def test_a_page_is_told_who_writes_what_is_loading_and_what_failed() -> None:
    said = {"who": "", "lead": "", "why": "", "preview": False, "ready": True, "home": "", "words": 700, "at_once": 1}
    assert view.status(Status(POLARIS), "", 700) == said
    loading = view.status(Status(loading=Loading("downloading POLARIS-9B", 4_200_000_000, 17_900_000_000, 170.0)), "", 700)
    assert (
        loading["lead"].startswith("Downloading POLARIS-9B: 4.2 of 17.9\u00a0GB (23\u00a0%), about 3\u00a0min left …")
        and not loading["ready"]
    )
    miniature = view.status(Status(replace(POLARIS, is_preview=True, why="No GPU.")), "", 700)
    assert "not POLARIS-9B" in miniature["who"] and (miniature["why"], miniature["preview"]) == ("No GPU.", True)
    failed = view.status(Status(failure="The disk is full. Make room."), "", 700)
    assert failed["lead"] == failed["why"] == "The disk is full. Make room."
