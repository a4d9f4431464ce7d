"""What an agent gets, by the protocol's official client: JSON with a schema, errors as errors, and a story it can poll."""

import asyncio
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from gradio_client import Client
from mcp import ClientSession
from mcp.types import InitializeResult, Tool

from polaris_demo import __version__
from polaris_demo.jobs.runner import NOT_OWNED, Runner
from polaris_demo.jobs.shelf import UNKNOWN
from polaris_demo.page import agents, gate, handlers, messages, tools
from polaris_demo.story.events import Delta, Event
from polaris_demo.story.request import FIELDS, FORM_NAMES, LIMITS, MAX_PREMISE, StoryRequest

from .agent_calls import STORY, agent, asks, calls, left_behind, message, posted, said, text
from .conftest import serving
from .doubles import ScriptedEngine, asked, endless, story_events, until

SECRET, BIRD = "KANARI-in-the-thinking", "KANARI-in-the-premise"
OF_AN_AGENT = {"link", "rests", "next_offset", "taken_back"}  # what the answer of /get_story has not


def told(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
    """An endless story where one is asked for, else a short one with a plan that its record keeps and nobody is to see."""
    if "endless" in request.premise:
        return endless(request, stop)
    return (replace(event, token_ids=()) if isinstance(event, Delta) else event for event in story_events(SECRET, STORY))


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(ScriptedEngine(told, capacity=3), unfollowed_seconds=60)


@pytest.fixture(scope="module")
def url(runner: Runner) -> Iterator[str]:
    with serving(runner) as address:
        yield address


def listed(url: str) -> dict[str, Tool]:
    return {tool.name: tool for tool in asks(url, lambda session: session.list_tools()).tools}


# --- what an agent reads before it asks --------------------------------------------------------------------------------


def test_the_server_names_itself_its_version_and_how_a_long_story_is_had(url: str) -> None:
    async def hello() -> InitializeResult:
        async with agent(url) as (_, greeting):
            return greeting

    greeting = asyncio.run(hello())
    assert (greeting.serverInfo.name, greeting.serverInfo.version) == ("polaris_demo", __version__)
    assert greeting.capabilities.tools and greeting.capabilities.resources is greeting.capabilities.prompts is None
    steps = [
        greeting.instructions.index(word)
        for word in ("50 to 12,000 words", "start_story", "get_story", "`rests`", "resume_story", "stop_story")
    ]
    assert steps == sorted(steps)


def test_every_tool_says_what_it_is_for_what_it_takes_and_what_it_answers(url: str) -> None:
    tools = listed(url)
    assert set(tools) == {"start_story", "get_story", "stop_story", "resume_story", "write_on", "check_request", "write_story"}
    for tool in tools.values():
        assert tool.description and tool.outputSchema and tool.outputSchema["required"]
        assert all(about["description"] and about["type"] for about in tool.inputSchema["properties"].values())
        assert tool.inputSchema["additionalProperties"] is False
    assert [name for name, tool in tools.items() if tool.annotations.readOnlyHint] == ["get_story", "check_request"]
    assert "at once" in tools["start_story"].description and "45 seconds" in tools["write_story"].description
    assert "key" in tools["start_story"].outputSchema["required"] and "key" not in tools["get_story"].outputSchema["properties"]


@pytest.mark.parametrize("tool", ["start_story", "write_story", "check_request"])
def test_the_fields_of_a_request_are_published_with_their_limits(tool: str, url: str) -> None:
    schema = listed(url)[tool].inputSchema
    fields = schema["properties"]
    assert (tuple(fields), schema["required"]) == (FIELDS, ["premise"])
    assert (fields["premise"]["maxLength"], fields["form"]["enum"]) == (MAX_PREMISE, list(FORM_NAMES))
    for name, limit in LIMITS.items():
        low = min(limit.low, limit.also) if limit.also is not None else limit.low
        assert (fields[name]["minimum"], fields[name]["maximum"]) == (low, limit.high)
        assert fields[name]["type"] == ("integer" if limit.whole else "number") and limit.sentence() in fields[name]["description"]


def test_where_less_is_written_the_limit_says_so() -> None:
    words = next(tool for tool in tools.tools(3000) if tool.name == "start_story").inputSchema["properties"]["words"]
    assert words["maximum"] == 3000 and "3,000 at most" in words["description"]


# --- a story ---------------------------------------------------------------------------------------------------------


def test_a_story_is_begun_and_polled_to_its_end_and_the_pieces_join(url: str) -> None:
    begun = said(calls(url, "start_story", premise="a lamp", words=200, seed=7))
    assert begun["key"] and begun["seed"] == 7 and begun["link"] == f"{url}?story={begun['id']}"

    async def polled(session: ClientSession) -> tuple[str, dict[str, Any]]:
        pieces, offset, rests = [], 0, False
        while not rests:
            piece = said(await session.call_tool("get_story", {"id": begun["id"], "offset": offset}))
            assert "key" not in piece and piece["next_offset"] == offset + len(piece["story"])
            pieces, offset, rests = [*pieces, piece["story"]], piece["next_offset"], piece["rests"]
        return "".join(pieces), piece

    story, last = asks(url, polled)
    assert story == STORY and (last["state"], last["finish_reason"], last["taken_back"]) == ("finished", "stop", 0)


def test_it_is_the_answer_of_get_story_with_what_an_agent_needs_besides(url: str) -> None:
    story = said(calls(url, "write_story", premise="a lamp", words=200))
    same = Client(url, verbose=False).predict(story["id"], 0, api_name="/get_story")
    assert same["story"] == STORY and {name: value for name, value in story.items() if name not in OF_AN_AGENT | {"key"}} == same


def test_a_story_is_stopped_and_gone_on_with_by_its_key_alone(url: str) -> None:
    async def owner(session: ClientSession) -> None:
        begun = said(await session.call_tool("start_story", {"premise": "endless", "words": 200}))
        mine, another = ({"id": begun["id"], "key": key} for key in (begun["key"], "not it"))
        for tool in ("stop_story", "resume_story"):
            refused = await session.call_tool(tool, another)
            assert refused.isError and text(refused) == NOT_OWNED
        while not said(await session.call_tool("get_story", {"id": begun["id"]}))["words"]:
            pass
        said(await session.call_tool("stop_story", mine))
        while not (stopped := said(await session.call_tool("get_story", {"id": begun["id"]})))["rests"]:
            pass
        assert (stopped["state"], stopped["finish_reason"]) == ("stopped", "cancelled")
        assert not said(await session.call_tool("resume_story", mine))["rests"]
        said(await session.call_tool("stop_story", mine))

    asks(url, owner)


def test_a_request_is_checked_without_being_run(url: str, runner: Runner) -> None:
    begun = len(list(runner._shelf.jobs()))
    fine = said(calls(url, "check_request", premise="a lamp", words=300, temperature=1.9))
    assert fine["can_run"] and fine["prompt"] and ("warning", "temperature") in {(one["level"], one["field"]) for one in fine["findings"]}
    wrong = said(calls(url, "check_request", premise="a lamp", words=3))
    assert not wrong["can_run"] and wrong["findings"][0]["field"] == "words"
    assert len(list(runner._shelf.jobs())) == begun


# --- waiting for a story -----------------------------------------------------------------------------------------------


def test_a_story_that_takes_longer_is_answered_as_it_is_and_goes_on(url: str, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "WAIT_SECONDS", 0.2)
    begun = said(calls(url, "write_story", premise="endless", words=200))
    assert not begun["rests"] and begun["stage"].startswith("Writing")
    more = begun["words"]
    until(lambda: said(calls(url, "get_story", id=begun["id"]))["words"] > more, what="it goes on")
    said(calls(url, "stop_story", id=begun["id"], key=begun["key"]))


def test_calls_keep_nothing_once_they_are_answered(url: str) -> None:
    asks(url, lambda session: session.list_tools())
    for _ in range(5):
        said(calls(url, "write_story", premise="a lamp", words=200))
    until(lambda: not left_behind(), what="nothing of the calls is left")


def test_two_calls_at_a_time_leave_the_warnings_of_the_process_alone(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "WAIT_SECONDS", 0.2)
    before = warnings.filters

    async def both(session: ClientSession) -> None:
        for story in await asyncio.gather(*(session.call_tool("write_story", asked("endless")) for _ in range(2))):
            await session.call_tool("stop_story", {"id": said(story)["id"], "key": said(story)["key"]})

    asks(url, both)
    assert warnings.filters is before


# --- what cannot be done -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("start_story", {"premise": "a lamp", "words": 7}, "Words: 7 is outside the limits. Give a whole number from 50 to 12,000."),
        ("start_story", {"premise": "a lamp", "words": "NaN"}, "Words: 'NaN' is not a finite number. Give a whole number"),
        ("start_story", {"premise": "a lamp", "words": "many"}, "Words: 'many' is not a number. Give a whole number"),
        ("start_story", {"premise": "a lamp", "words": [200]}, "Words: [200] is not a number. Give a whole number"),
        ("start_story", {"premise": "a lamp", "words": 200.5}, "Words: 200.5 is not a whole number."),
        ("start_story", {"premise": "a lamp", "words": True}, "Words: True is not a number."),
        ("start_story", {"words": 200}, "Premise: nothing was given. Say in a few words"),
        ("start_story", {}, "Premise: nothing was given."),
        ("write_story", {"premise": "  "}, "Premise: nothing was given."),
        ("write_story", {"premise": 7}, "Premise: 7 is not text."),
        ("write_story", {"premise": "a" * 4001}, "Premise: 4,001 characters are too many. Shorten it to 4,000 or fewer."),
        ("write_story", {"premise": "a\x00b"}, "Premise: it holds control characters"),
        ("write_story", {"premise": "a lamp", "form": "opera"}, "Form: 'opera' is not one of the forms. Choose short story,"),
        ("start_story", {"premise": "a lamp", "temperature": 9}, "Temperature: 9 is outside the limits. Give a number from 0.05 to 2, or 0"),
        ("start_story", {"premise": "a lamp", "seed": -2}, "Seed: -2 is outside the limits."),
        ("start_story", {"premise": "a lamp", "presence_penalty": 1, "repetition_penalty": 1.1}, "the model card says never both"),
        ("start_story", {"premise": "a lamp", "wrods": 200}, "'wrods' is not a setting. The settings are premise, words,"),
        ("get_story", {"id": "nobody"}, UNKNOWN),
        ("get_story", {"id": "🏮"}, UNKNOWN),
        ("get_story", {}, "Id: give the id that start_story or write_story gave, as text."),
        ("get_story", {"id": 7}, "Id: give the id"),
        ("get_story", {"id": "x", "offset": -1}, handlers.BAD_OFFSET),
        ("get_story", {"id": "x", "offset": "0"}, handlers.BAD_OFFSET),
        ("get_story", {"id": "x", "from": 0}, "get_story takes id, offset, and one of the fields sent is none of these."),
        ("stop_story", {"id": "x"}, "Key: give the key that start_story or write_story gave, as text."),
        ("stop_story", {"id": "nobody", "key": "x"}, UNKNOWN),
        ("resume_story", {"id": "nobody", "key": "x"}, UNKNOWN),
        ("write_on", {"id": "nobody", "paragraph": 1}, UNKNOWN),
        ("write_on", {"id": "nobody", "paragraph": 1, "words": 100}, "write_on takes id, paragraph, temperature"),
        ("no_story", {}, "There is no tool of this name. There are start_story, get_story,"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_an_error_with_its_sentence(tool: str, arguments: dict[str, Any], sentence: str, url: str) -> None:
    answer = calls(url, tool, **arguments)
    assert answer.isError and sentence in text(answer) and text(answer).endswith(".")
    assert not any(word in text(answer) for word in ("Traceback", "pydantic", "Error executing"))


def test_what_is_left_out_may_be_null(url: str) -> None:
    assert said(calls(url, "check_request", premise="a lamp", words=None, repetition_penalty=None, seed=None))["can_run"]


def test_an_unforeseen_error_is_one_calm_line(url: str, runner: Runner, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    monkeypatch.setattr(runner, "get", lambda story_id: 1 / 0)
    answer = calls(url, "get_story", id=BIRD)
    assert answer.isError and text(answer) == handlers.UNFORESEEN
    assert "The tool get_story failed: ZeroDivisionError" in caplog.text and BIRD not in caplog.text


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        ({}, -32600, messages.NO_MESSAGE),
        (message() | {"jsonrpc": "1.0"}, -32600, messages.NO_MESSAGE),
        (message(number=None), -32600, messages.NO_MESSAGE),
        (message(number=True), -32600, messages.NO_MESSAGE),
        (message(7), -32600, messages.NO_MESSAGE),
        (message("resources/list"), -32601, messages.NO_METHOD),
        (message(BIRD), -32601, messages.NO_METHOD),
        (message(name=7, arguments={"premise": BIRD}), -32602, messages.NO_CALL),
        (message(name="start_story", arguments=[BIRD]), -32602, messages.NO_CALL),
        (message() | {"params": BIRD}, -32602, messages.NO_CALL),
        (message("initialize", protocolVersion=[BIRD]), -32602, messages.NO_FIT.format("initialize")),
    ],
)  # fmt: skip
def test_what_is_no_message_of_the_protocol_is_a_sentence(body: dict[str, Any], code: int, sentence: str, url: str, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    answer = posted(url, body)
    assert answer.json()["error"] == {"code": code, "message": sentence}
    assert answer.status_code == (400 if answer.json()["id"] is None else 200) and BIRD not in caplog.text


@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/cancelled", "notifications/nothing"])
def test_what_wants_no_answer_gets_none(method: str, url: str, caplog) -> None:
    answer = posted(url, {"jsonrpc": "2.0", "method": method, "params": {"requestId": BIRD, "reason": [BIRD]}})
    assert (answer.status_code, answer.content) == (202, b"") and BIRD not in caplog.text


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("path", ["gradio_api/mcp", "gradio_api/mcp/"])
def test_there_is_no_stream_beside_the_answers_and_no_session_to_end(method: str, path: str, url: str) -> None:
    answer = httpx.request(method, url + path, headers={"accept": "text/event-stream"}, timeout=20)
    assert (answer.status_code, answer.json()["refused"]) == (405, gate.NO_METHOD)


def test_a_client_that_takes_no_stream_hears_what_it_has_to_take(url: str) -> None:
    answer = posted(url, message("ping"), accept="application/json")
    assert (answer.status_code, answer.json()["refused"]) == (406, agents.NO_STREAM)


def test_a_version_of_the_protocol_that_is_none_is_refused_with_those_there_are(url: str) -> None:
    answer = posted(url, message("ping"), **{"mcp-protocol-version": "1999-01-01"})
    assert answer.status_code == 400 and "Supported versions: " in answer.json()["error"]["message"]


# --- limits and places -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (message(name="start_story", arguments={"premise": "x" * gate.MOST_BYTES}), 413, gate.TOO_LONG),
        ([message("ping")], 400, gate.NO_JSON),
        (b"{", 400, gate.NO_JSON),
        (json.dumps(message(name="start_story", arguments={"premise": "a", "words": float("nan")})).encode(), 400, gate.NO_NUMBER),
        (message(name="start_story", arguments={"premise": "\ud800"}), 400, gate.HALF),
        (message(name="start_story", arguments={"premise": {"path": "/etc/passwd"}}), 400, gate.A_FILE),
    ],
)  # fmt: skip
def test_the_gate_stands_before_agents_too(body: object, status: int, sentence: str, url: str) -> None:
    answer = posted(url, body)
    assert (answer.status_code, answer.json()["refused"]) == (status, sentence)


def test_neither_thinking_nor_a_premise_is_where_it_should_not_be(url: str, caplog) -> None:
    caplog.set_level(logging.INFO)
    heard: list[str] = []

    async def everything(session: ClientSession) -> None:
        async def progress(*about: object) -> None:
            heard.append(str(about))

        story = await session.call_tool("write_story", {"premise": BIRD, "words": 200}, progress_callback=progress)
        mine = {"id": said(story)["id"], "key": said(story)["key"]}
        answers = [story, await session.call_tool("get_story", {"id": mine["id"]}), await session.call_tool("stop_story", mine)]
        answers += [await session.call_tool("resume_story", mine), await session.call_tool("start_story", {"premise": BIRD, "words": BIRD})]
        heard.extend(answer.model_dump_json() for answer in answers)

    asks(url, everything)
    assert len(heard) >= 6 and said(calls(url, "check_request", premise=BIRD))["prompt"].count(BIRD) == 1
    assert SECRET not in "".join(heard) + caplog.text and BIRD not in caplog.text


@pytest.mark.parametrize(
    ("origin", "status"), [(None, 200), ("http://localhost:5173", 200), ("http://evil.example:7860", 403), ("null", 403)]
)
def test_a_page_whose_name_was_made_to_lead_here_is_refused(origin: str | None, status: int, url: str) -> None:
    answer = posted(url, message("ping"), host="evil.example:7860", **({"origin": origin} if origin else {}))
    assert answer.status_code == status
    assert status == 200 or answer.json()["refused"] == agents.ANOTHER_NAME


def test_a_page_of_another_site_cannot_ask_without_its_browser_asking_first(url: str) -> None:
    answer = posted(url, message(name="start_story", arguments=asked("endless")), **{"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["refused"]) == (415, agents.NO_JSON)


def test_gradios_page_about_the_api_tells_of_these_tools(url: str) -> None:
    about = httpx.get(f"{url}gradio_api/mcp/schema").json()
    assert {tool["name"]: tool["inputSchema"] for tool in about} == {name: tool.inputSchema for name, tool in listed(url).items()}
    assert httpx.get(f"{url}config").json()["mcp_server"] is True
    named = httpx.get(f"{url}gradio_api/info").json()["named_endpoints"]
    assert {name.lstrip("/") for name in named} == {tool["name"] for tool in about}
