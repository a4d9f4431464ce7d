"""What an agent gets, by the protocol's official client: JSON with a schema, errors as errors, progress, and a story it can poll."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import CallToolResult

from polaris_demo import __version__

from .doubles import ScriptedEngine, echoes, endless, tells, waits_for

STORY = "# The Lamp\n\n" + "It was dark, and she lit the lamp. " * 30


def asked(url: str, what: Callable[[ClientSession], Awaitable[Any]]) -> Any:
    async def ask() -> Any:
        async with streamablehttp_client(f"{url}gradio_api/mcp/") as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await what(session)

    return asyncio.run(ask())


def calls(url: str, tool: str, **arguments: Any) -> CallToolResult:
    return asked(url, lambda session: session.call_tool(tool, arguments))


def said(answer: CallToolResult) -> dict[str, Any]:
    """Its structured content, which its text is the JSON of."""
    assert not answer.isError, answer.content
    assert answer.structuredContent == json.loads(answer.content[0].text)  # type: ignore[union-attr]
    return answer.structuredContent


@pytest.fixture
def url(serve) -> str:
    return serve(ScriptedEngine(tells(STORY)))


def test_it_names_itself_and_its_tools_with_their_schemas(url: str) -> None:
    async def look(session: ClientSession) -> Any:
        return await session.list_tools()

    async def hello() -> Any:
        async with streamablehttp_client(f"{url}gradio_api/mcp/") as (read, write, _), ClientSession(read, write) as session:
            return await session.initialize()

    greeting = asyncio.run(hello())
    assert (greeting.serverInfo.name, greeting.serverInfo.version) == ("polaris_demo", __version__)
    assert "start_story" in greeting.instructions and "get_story" in greeting.instructions
    tools = {tool.name: tool for tool in asked(url, look).tools}
    assert set(tools) == {"start_story", "get_story", "stop_story", "resume_story", "check_request", "write_story"}
    for tool in tools.values():
        assert tool.description and tool.outputSchema and tool.outputSchema["properties"]
        assert all(about.get("description") or "$ref" in json.dumps(about) for about in tool.inputSchema["properties"].values())
    assert "minutes" in tools["write_story"].description and "50 to 12,000" in json.dumps(tools["start_story"].inputSchema)
    assert tools["get_story"].annotations.readOnlyHint and not tools["start_story"].annotations.readOnlyHint


def test_a_story_is_begun_and_polled_to_its_end(url: str) -> None:
    begun = said(calls(url, "start_story", premise="a lamp", words=200, seed=7))
    assert begun["key"] and begun["seed"] == 7 and begun["link"].endswith(f"?story={begun['id']}")
    text, rests = "", False
    while not rests:
        told = said(calls(url, "get_story", id=begun["id"], offset=len(text)))
        assert "key" not in told and told["next_offset"] == len(text) + len(told["text"])
        text, rests = text + told["text"], told["rests"]
    assert text == STORY and told["finish_reason"] == "stop" and told["words"] > 100


def test_a_story_is_stopped_and_gone_on_with_by_its_key_alone(serve) -> None:
    url = serve(ScriptedEngine(endless))
    begun = said(calls(url, "start_story", premise="a lamp", words=200))
    refused = calls(url, "stop_story", id=begun["id"], key="not it")
    assert refused.isError and not said(calls(url, "get_story", id=begun["id"]))["rests"]
    said(calls(url, "stop_story", id=begun["id"], key=begun["key"]))
    stopped = said(calls(url, "get_story", id=begun["id"]))
    while not stopped["rests"]:
        stopped = said(calls(url, "get_story", id=begun["id"]))
    assert stopped["finish_reason"] == "cancelled"
    assert not said(calls(url, "resume_story", id=begun["id"], key=begun["key"]))["rests"]
    said(calls(url, "stop_story", id=begun["id"], key=begun["key"]))


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("start_story", {"premise": "a lamp", "words": 10}, "Words: 10 is outside the limits."),
        ("start_story", {"premise": "  "}, "Premise: nothing was given."),
        ("write_story", {"premise": "a lamp", "form": "opera"}, "is not one of the forms"),
        ("start_story", {"premise": "a lamp", "sampling": {"temperature": 9}}, "Temperature: 9 is outside the limits."),
        ("get_story", {"id": "nobody"}, "no story"),
    ],
)
def test_what_cannot_be_done_is_an_error_with_its_sentence(tool: str, arguments: dict[str, Any], sentence: str, url: str) -> None:
    answer = calls(url, tool, **arguments)
    assert answer.isError and sentence.lower() in answer.content[0].text.lower()  # type: ignore[union-attr]
    assert "Traceback" not in answer.content[0].text  # type: ignore[union-attr]


def test_a_request_is_checked_without_being_run(url: str) -> None:
    told = said(calls(url, "check_request", premise="a lamp", words=300, sampling={"temperature": 1.9}))
    assert told["can_run"] and any(one["field"] == "temperature" and one["level"] == "warning" for one in told["advice"])
    told = said(calls(url, "check_request", premise="a lamp", words=3))
    assert not told["can_run"] and told["advice"][0]["field"] == "words"


def test_a_story_that_is_waited_for_tells_how_far_it_is(serve) -> None:
    gate = threading.Event()
    url, heard = serve(ScriptedEngine(waits_for(gate, STORY))), []

    async def write(session: ClientSession) -> CallToolResult:
        async def progress(done: float, total: float | None, message: str | None) -> None:
            heard.append((done, total, message))
            gate.set()

        return await session.call_tool("write_story", {"premise": "a lamp", "words": 200}, progress_callback=progress)

    told = said(asked(url, write))
    assert told["text"] == STORY and told["rests"] and told["key"]
    assert heard[0] == (0, 200, "Loading the model") and heard[-1][0] == told["words"]


def test_two_agents_get_their_own_stories(serve) -> None:
    url = serve(ScriptedEngine(echoes, capacity=2))
    stories = [said(calls(url, "write_story", premise=premise, words=100))["text"] for premise in ("a bell", "a fox")]
    assert "a bell" in stories[0] and "a fox" in stories[1] and "a fox" not in stories[0]
