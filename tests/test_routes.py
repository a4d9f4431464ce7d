"""The page's HTTP: stories as events and files, this browser's stories, what takes a key."""

import asyncio
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from polaris_demo.jobs.job import Job
from polaris_demo.jobs.runner import Runner
from polaris_demo.page import reading
from polaris_demo.page.links import USUAL_ADDRESS
from polaris_demo.page.routes import Once, StoryRoutes
from polaris_demo.settings import Settings

from .doubles import ScriptedEngine, echoes, endless, tells, until, waits_for

ASKED = {"premise": "a bell", "words": 200, "seed": 3}
HOST_KEY = "the host's own key"


@pytest.fixture
def served() -> Iterator[Any]:
    """served(script) -> the runner and a client of its routes."""
    runners = []

    def start(script: Any) -> tuple[Runner, TestClient]:
        runners.append(Runner(ScriptedEngine(script), admin_key=HOST_KEY))
        return runners[-1], TestClient(Starlette(routes=StoryRoutes(runners[-1], Settings()).routes()))

    yield start
    for runner in runners:
        runner.close()


def over(runner: Runner) -> Job:
    job = runner.submit(ASKED)
    until(lambda: job.record.rests)
    return job


def events(client: TestClient, story_id: str, **how: Any) -> list[dict[str, Any]]:
    lines = client.get(f"/stories/{story_id}/events", **how).text.split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:")]


def test_a_story_comes_as_events_to_its_end(served: Any) -> None:
    gate = threading.Event()
    runner, client = served(waits_for(gate, "# The bell\n\nÉs “rang”.\u2028"))
    job = runner.submit(ASKED)
    gate.set()
    got = events(client, job.record.id)
    assert "".join(e.get("t", "") for e in got) == "# The bell\n\nÉs “rang”.\u2028"
    assert got[-1]["rests"] and got[-1]["stamp"]
    assert all("stamp" not in e for e in got[:-1])


@pytest.mark.parametrize("how", [{"params": {"from": "6"}}, {"headers": {"last-event-id": "6.0"}, "params": {"from": "0.0"}}])
def test_a_browser_takes_a_story_up_where_it_broke_off(served: Any, how: dict[str, Any]) -> None:
    runner, client = served(tells("# The bell\n\nIt rang."))
    got = events(client, over(runner).record.id, **how)
    assert (got[0]["off"], "".join(e["t"] for e in got)) == (6, "bell\n\nIt rang.")


@pytest.mark.parametrize("start", ["-1", "abc", "", "9" * 30, "1e3"])
def test_a_senseless_offset_gives_the_whole_story(served: Any, start: str) -> None:
    runner, client = served(tells("It rang."))
    assert "".join(e["t"] for e in events(client, over(runner).record.id, params={"from": start})) == "It rang."


@pytest.mark.words
def test_an_unknown_story_is_one_kind_sentence(served: Any) -> None:
    _, client = served(echoes)
    assert "it has expired or was deleted" in events(client, "nobody")[0]["refused"]
    assert "event: gone" in client.get("/stories/nobody/events").text
    assert client.get("/stories/nobody/story.epub").status_code == 404


def test_every_file_is_sent_under_a_safe_name_and_to_no_search_engine(served: Any) -> None:
    runner, client = served(tells('# A "/bell\\" 🔔\n\nIt rang.'))
    story_id = over(runner).record.id
    for ending in ("md", "txt", "epub", "json", "bib"):
        answer = client.get(f"/stories/{story_id}/story.{ending}")
        assert answer.status_code == 200 and answer.headers["x-robots-tag"].startswith("noindex")
        assert answer.headers["content-disposition"].startswith("attachment;") and "/bell" not in answer.headers["content-disposition"]
    assert client.get(f"/stories/{story_id}/story.md").text.startswith('# A "/bell" 🔔\n\nIt rang.')
    assert json.loads(client.get(f"/stories/{story_id}/story.json").text)["link"] == f"{USUAL_ADDRESS}?story={story_id}"
    assert client.get(f"/stories/{story_id}/story.exe").status_code == 404


def test_all_stories_come_in_one_archive_without_those_that_are_gone(served: Any) -> None:
    runner, client = served(echoes)
    first, second = over(runner), over(runner)
    ids = f"{first.record.id},gone,{second.record.id}"
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"/stories/stories.zip?ids={ids},{ids}").content))
    assert archive.testzip() is None and len(archive.namelist()) == 6
    assert client.get("/stories/stories.zip").status_code == 200


@pytest.mark.words
def test_the_list_tells_what_is_left_of_a_browsers_stories(served: Any) -> None:
    runner, client = served(tells("# The bell\n\nIt rang."))
    job = over(runner)
    answer = client.post("/stories/summaries", json={"ids": ["gone", job.record.id]}).json()
    (found,) = answer["stories"]
    assert (found["id"], found["title"], found["premise"], found["said"]) == (job.record.id, "The bell", "a bell", "4 of 200 · 1 min")
    assert found["begun"] == round(job.record.created) and answer["kept"] == "Begun in this browser, kept until this server restarts."
    assert client.post("/stories/summaries", json={"ids": ["gone"]}).json() == {"stories": [], "kept": ""}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"ids": "x"}', b'{"ids": [1]}', b"x" * 20_000])
def test_a_senseless_body_is_refused(served: Any, body: bytes) -> None:
    _, client = served(echoes)
    assert client.post("/stories/summaries", content=body).status_code == 400


@pytest.mark.words
def test_stop_and_delete_take_the_key(served: Any) -> None:
    runner, client = served(endless)
    job = runner.submit(ASKED)
    until(lambda: job.record.words > 2)
    path = f"/stories/{job.record.id}"
    for key in (None, "wrong", 5, HOST_KEY):
        answer = client.post(f"{path}/stop", json={"key": key})
        assert answer.status_code == 403 and "does not belong to this story" in answer.json()["refused"]
    assert not job.record.rests
    assert client.post(f"{path}/stop", json={"key": job.key}).json() == {"done": True}
    until(lambda: job.record.rests)
    assert client.post(f"{path}/delete", json={"key": "wrong"}).status_code == 403
    assert client.post(f"{path}/delete", json={"key": job.key}).json() == {"done": True}
    assert "refused" in events(client, job.record.id)[0]
    assert client.post(f"{path}/burn", json={"key": job.key}).status_code == 404


def test_the_host_deletes_any_story_and_pauses_new_ones(served: Any) -> None:
    runner, client = served(echoes)
    job = over(runner)
    assert client.post("/stories/host", json={"key": "guess"}).status_code == 403
    assert client.post("/stories/host", json={"key": "guess", "paused": True}).status_code == 403
    assert client.post("/stories/host", json={"key": HOST_KEY}).json() == {"paused": False}
    assert client.post("/stories/host", json={"key": HOST_KEY, "paused": True}).json() == {"paused": True} and runner.host_paused
    assert client.post(f"/stories/{job.record.id}/delete", json={"key": HOST_KEY}).json() == {"done": True}
    assert "refused" in events(client, job.record.id)[0]


def test_however_many_follow_a_story_its_end_is_measured_once_and_not_where_they_wait() -> None:
    measured: list[tuple[str, int]] = []
    gate = threading.Event()

    def measure(text: str) -> reading.Repetition:
        measured.append((text, threading.get_ident()))
        gate.wait(20)
        return reading.Repetition.of(text)

    async def follow() -> list[reading.Repetition]:
        once = Once(measure)
        asked = [asyncio.ensure_future(once.of("It rang. It rang.")) for _ in range(50)]
        await asyncio.sleep(0)
        asked[0].cancel()  # one of them leaves
        gate.set()
        found = await asyncio.gather(*asked[1:])
        return [*found, await once.of("It rang. It rang.")]

    found = asyncio.run(follow())
    assert len(found) == 50 and len(set(map(id, found))) == 1
    assert [text for text, _ in measured] == ["It rang. It rang."] and measured[0][1] != threading.get_ident()
