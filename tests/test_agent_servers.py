"""An agent at servers of its own: it waits for a story or goes away, has its share, and asks through proxies, paths and other apps."""

import asyncio
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import anyio
import gradio as gr
import httpx
import pytest
from fastapi import FastAPI
from gradio.context import LocalContext
from mcp import ClientSession
from mcp.types import CallToolResult
from spaces.zero.client import TOKEN_HEADER, _get_headers

from polaris_demo.jobs.fair import FairUse
from polaris_demo.jobs.runner import Runner
from polaris_demo.page.layout import build_page, launch_options
from polaris_demo.settings import Settings, Shares
from polaris_demo.story.events import Event
from polaris_demo.story.request import StoryRequest

from .agent_calls import STORY, agent, asks, calls, left_behind, message, posted, said, text
from .conftest import serving
from .doubles import ScriptedEngine, asked, endless, tells, until, waits_for

# --- waiting for a story -----------------------------------------------------------------------------------------------


def test_a_story_that_is_waited_for_says_in_words_how_far_it_is(serve) -> None:
    opened, heard = threading.Event(), []
    url = serve(ScriptedEngine(waits_for(opened, STORY)))

    async def write(session: ClientSession) -> CallToolResult:
        async def progress(done: float, total: float | None, stage: str | None) -> None:
            heard.append((done, total, stage))
            if stage == "Loading the model":
                opened.set()

        return await session.call_tool("write_story", {"premise": "a lamp", "words": 200}, progress_callback=progress)

    story = said(asks(url, write))
    assert story["story"] == STORY and story["rests"] and story["key"]
    assert (0.001, 200, "Next in the queue") in heard[:1] or heard[0][2] == "Loading the model"
    assert heard[-1] == (story["words"], 200, "The model ended the story.")
    assert all(before < after for (before, *_), (after, *_) in pairwise(heard))  # as the protocol asks


@pytest.mark.parametrize("way", ["cancels", "disconnects"])
def test_a_client_that_goes_away_kills_no_story_and_leaves_nothing_behind(way: str) -> None:
    engine = ScriptedEngine(endless)
    runner, heard = Runner(engine, unfollowed_seconds=60, unseen_seconds=0), asyncio.Event()

    async def goes_away(url: str) -> None:
        async def progress(*_: object) -> None:
            heard.set()

        async with agent(url) as (session, _), anyio.create_task_group() as group:
            group.start_soon(lambda: session.call_tool("write_story", {"premise": "endless", "words": 200}, progress_callback=progress))
            await heard.wait()
            if way == "disconnects":
                raise ConnectionAbortedError
            group.cancel_scope.cancel()

    with serving(runner) as url:
        with pytest.raises(BaseExceptionGroup) if way == "disconnects" else pytest.MonkeyPatch.context():
            asyncio.run(goes_away(url))
        (job,) = runner._shelf.jobs()
        until(lambda: job.record.rests, what="a story that nobody follows is paused")
        assert (job.record.state, job.record.words > 0, engine.running) == ("paused", True, 0)
        until(lambda: not left_behind(), what="nothing of the call is left")
        again = said(calls(url, "resume_story", id=job.record.id, key=job.key))
        assert again["state"] != "failed"


# --- limits and places -------------------------------------------------------------------------------------------------


def test_a_visitors_share_holds_for_agents_in_the_same_sentences() -> None:
    fair = FairUse(Shares(stories=1, starts=30, checks=1))
    with serving(Runner(ScriptedEngine(endless), fair=fair)) as url:
        said(calls(url, "start_story", premise="a lamp", words=200))
        for tool in ("start_story", "write_story"):
            refused = calls(url, tool, premise="a lamp", words=200)
            assert refused.isError and text(refused).startswith("You have 1 stories queued or being written, and 1 at a time is the most")
        said(calls(url, "check_request", premise="a lamp"))
        refused = calls(url, "check_request", premise="a lamp")
        assert refused.isError and "requests checked within a minute" in text(refused)


def test_behind_a_proxy_pages_of_any_name_may_ask(serve) -> None:
    url = serve(ScriptedEngine(tells(STORY)), Settings(proxies=1))
    assert posted(url, message("ping"), host="demo.example", origin="https://agent.example").status_code == 200


def test_it_answers_below_a_path_and_links_there(monkeypatch: pytest.MonkeyPatch, serve) -> None:
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/demo")
    url = serve(ScriptedEngine(tells(STORY)), Settings(root_path="/demo"))
    assert said(calls(url, "write_story", premise="a lamp", words=200))["link"].startswith(f"{url}demo/?story=")


def test_it_answers_where_the_page_is_mounted_in_another_app() -> None:
    runner = Runner(ScriptedEngine(tells(STORY)))
    options = launch_options(runner, Settings())
    outside = gr.mount_gradio_app(FastAPI(), build_page(runner, Settings()), "/inside", app_kwargs=options["app_kwargs"], mcp_server=False)

    async def ask() -> CallToolResult:
        async with (
            outside.router.lifespan_context(outside),
            agent("http://127.0.0.1/inside/", transport=httpx.ASGITransport(outside)) as (session, _),
        ):
            return await session.call_tool("write_story", {"premise": "a lamp", "words": 200})

    assert said(asyncio.run(ask()))["story"] == STORY
    runner.close()


def test_a_gpu_is_lent_in_the_name_of_the_agent_that_asks(serve) -> None:
    lent: list[str | None] = []

    def notes(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        lent.append(_get_headers(LocalContext.request.get(None)).get(TOKEN_HEADER.lower()))  # as the platform's client reads it
        return endless(request, stop)

    url = serve(ScriptedEngine(notes))

    async def owner(session: ClientSession, count: int, mine: dict[str, Any] | None = None) -> dict[str, Any]:
        begun = said(await session.call_tool(*(("resume_story", mine) if mine else ("start_story", asked("a lamp")))))
        mine = mine or {"id": begun["id"], "key": begun["key"]}
        while len(lent) < count:
            await session.call_tool("get_story", {"id": mine["id"]})
        await session.call_tool("stop_story", mine)
        return mine

    mine = asks(url, lambda session: owner(session, 1), headers={"x-ip-token": "one"})
    asks(url, lambda session: owner(session, 2, mine), headers={"x-ip-token": "another"})
    assert lent == ["one", "another"]
