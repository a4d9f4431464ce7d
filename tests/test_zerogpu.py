"""Stories on ZeroGPU: the platform's real client and forks, against a stand-in of its device service."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client

from polaris_demo.engine.local import LocalEngine
from polaris_demo.story.events import Resume
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import read

from .device_service import DeviceService
from .doubles import kept_by_another, until

ROOT = Path(__file__).parent.parent
ASKED = {"premise": "a potter who finds a bell", "words": 150, "seed": 7}
LONG = ASKED | {"words": 2000}
VISITOR = {"x-ip-token": "a visitor's pass"}
SEGMENT = 2  # seconds, which are 100 tokens by the clock of the Space under test
PATIENCE = 120  # seconds for what takes one or two on a machine that is not busy


@dataclass
class Space:
    service: DeviceService
    url: str
    stories: Path

    def client(self) -> Client:
        return Client(self.url, verbose=False, headers=VISITOR)

    def write(self, client: Client, **changes: Any) -> dict[str, Any]:
        """A story followed to where it rests."""
        return client.predict(**(ASKED | changes), api_name="/write_story")

    @contextmanager
    def on_a_phone(self) -> Iterator[dict[str, Any]]:
        """The first answer to a story asked for over a connection that is lost on leaving."""
        functions = httpx.get(f"{self.url}config").json()["dependencies"]
        number = next(f["id"] for f in functions if f["api_name"] == "write_story")
        values = [LONG["premise"], LONG["words"], "short story", 0.6, 0.95, 20, 0, None, 0, 0, 7]
        visit = f"phone-{time.monotonic_ns()}"
        joining = {"data": values, "fn_index": number, "session_hash": visit}
        httpx.post(f"{self.url}gradio_api/queue/join", json=joining, headers=VISITOR).raise_for_status()
        with httpx.stream("GET", f"{self.url}gradio_api/queue/data?session_hash={visit}", timeout=PATIENCE) as page:
            lines = (json.loads(line[6:]) for line in page.iter_lines() if line.startswith("data: "))
            yield next(m["output"]["data"][0] for m in lines if m["msg"] == "process_generating")

    def state(self, client: Client, story: dict[str, Any]) -> dict[str, Any]:
        return client.predict(story["id"], 0, api_name="/get_story")

    def resumed(self, client: Client, story: dict[str, Any]) -> dict[str, Any]:
        """A paused story gone on with to its end, segment by segment, as a page does."""
        deadline = time.monotonic() + PATIENCE
        while (state := self.state(client, story))["state"] not in ("finished", "stopped", "failed"):
            assert time.monotonic() < deadline, state["stage"]
            if state["state"] == "paused":
                client.predict(story["id"], story["key"], api_name="/resume_story")
            time.sleep(0.05)
        return state

    def when_a_segment_begins(self, job: Any, words: int) -> dict[str, Any]:
        """The latest answer of a story that has `words` words, just as it is lent a slot: most of a segment is to come."""
        until(lambda: bool(job.outputs() and job.outputs()[-1]["words"] >= words), PATIENCE, f"{words} words")
        lent_before = set(self.service.lent)
        until(lambda: bool(set(self.service.lent) - lent_before), PATIENCE, "a slot")
        return job.outputs()[-1]

    def busy(self, client: Client, story: dict[str, Any]) -> float:
        """Seconds that ten tokens of a story took: next to nothing, unless the machine is busy with something else."""
        return 10 / (self.state(client, story)["tokens_per_second"] or 10)

    def given_back(self, since: float) -> float:
        """Seconds from `since` to when the last slot was given back."""
        until(lambda: not self.service.lent, PATIENCE, "a slot is still lent")
        return self.service.releases[-1][2] - since


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    service, stories = DeviceService(), tmp_path_factory.mktemp("stories")
    env = os.environ | {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": service.url, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "tests.zerogpu_space", str(SEGMENT), str(stories)]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        address = process.stdout.readline().strip()
        assert address.startswith("http"), address
        yield Space(service, address, stories)
        process.stdin.close()
        process.wait(timeout=PATIENCE)
    service.close()


@pytest.fixture(autouse=True)
def nothing_lent(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test leaves with all slots given back."""
    yield
    if "space" in request.fixturenames:
        service = request.getfixturevalue("space").service
        until(lambda: not service.lent, PATIENCE, "a slot is still lent")
        service.next.clear()
        service.let_go.clear()


@pytest.fixture(scope="module")
def uncut(miniature: LocalEngine) -> str:
    """The same story written in one go."""
    request, _ = read(ASKED)
    assert request
    record = StoryRecord("uncut", request)
    for event in miniature.write(request, Resume(), threading.Event()):
        record.apply(event, 0.0)
    assert record.state == "finished"
    return str(record.story)


def test_a_story_in_segments_is_the_story_uncut(space: Space, uncut: str) -> None:
    story = space.write(space.client())
    print(f"\n{len(space.service.asked)} segments")
    assert story["state"] == "finished" and len(space.service.asked) >= 4
    assert story["story"] == uncut
    assert set(space.service.asked) == {SEGMENT}, "the platform was told something else than was declared"
    assert len(space.service.tasks) == 1, "more than one decorated function"
    assert not any(failed for _, failed, _ in space.service.releases)
    saved = kept_by_another(space.stories, story["id"])
    assert saved and saved.text == story["story"] and saved.state == "finished", "the library lost something while the process forked"


def test_a_version_in_segments_is_its_parent_where_nothing_changes(space: Space, uncut: str) -> None:
    client = space.client()
    parent = space.write(client)
    version = client.predict(id=parent["id"], paragraph=1, seed=ASKED["seed"], api_name="/write_on")
    assert version["written_on_from"] == {"id": parent["id"], "paragraph": 1, "characters": len(version["story"])}
    assert 0 < len(version["story"]) < len(uncut) and uncut.startswith(version["story"])
    state = space.resumed(client, version)
    assert (state["story"], state["story_tokens"]) == (uncut, parent["story_tokens"])


def test_a_killed_worker_keeps_the_story_and_it_goes_on(space: Space, uncut: str) -> None:
    client = space.client()
    job = client.submit(**ASKED, api_name="/write_story")
    space.when_a_segment_begins(job, words=20)
    space.service.kill_worker()
    story = job.result()
    assert story["state"] == "paused" and "Continue goes on" in story["stage"] and story["words"] >= 20
    assert uncut.startswith(story["story"])
    assert space.resumed(client, story)["story"] == uncut


def test_a_refused_quota_is_asked_again_with_what_is_left(space: Space, uncut: str) -> None:
    asked_before = len(space.service.asked)
    space.service.next.append("half the quota")
    story = space.write(space.client())
    first, second, *_ = space.service.asked[asked_before:]
    assert second == first // 2
    assert story["state"] == "finished" and story["story"] == uncut


REFUSALS = {
    "no quota": "Your time on ZeroGPU is used up; there is more in 3 h 13 min.",
    "timeout": "No GPU came free within a minute.",
    "no runs": "Your runs on ZeroGPU are used up for today.",
    "illegal": "ZeroGPU does not lend a GPU for as long as was asked for.",
    "full": "No GPU came free within a minute.",
    "expired": "its pass to ZeroGPU expired",
}


def test_every_refusal_is_a_sentence_and_the_story_can_go_on(space: Space) -> None:
    """One story that is refused in every way, one after another, and then written."""
    client, story = space.client(), {}
    for refusal, said in REFUSALS.items():
        space.service.next.append(refusal)
        if story:
            client.predict(story["id"], story["key"], api_name="/resume_story")
        else:
            story = space.write(client, words=50)
        until(lambda story=story: not space.service.next and space.state(client, story)["state"] == "paused", PATIENCE, refusal)
        stage = space.state(client, story)["stage"]
        assert said in stage and stage.endswith("Continue goes on from there."), refusal
    assert space.resumed(client, story)["state"] == "finished"


def test_a_visitor_who_leaves_while_waiting_for_a_gpu_is_not_given_one(space: Space) -> None:
    space.service.next.append("queue")
    client = space.client()
    with space.on_a_phone() as story:
        until(lambda: space.state(client, story)["stage"] == "Waiting for a GPU", PATIENCE)
    until(lambda: space.state(client, story)["state"] == "paused", PATIENCE, "the story to pause")
    assert "The page was left while its story waited" in space.state(client, story)["stage"]
    assert not space.service.lent


def test_a_visitor_who_leaves_gives_the_slot_back_within_a_second_and_the_story_can_go_on(space: Space) -> None:
    client, seconds = space.client(), []
    for number in range(3):
        with space.on_a_phone() as story:
            until(lambda story=story: space.state(client, story)["thinking_tokens"] > 0, PATIENCE, "the first token")
        since = time.monotonic()
        asked_before = len(space.service.asked)
        seconds.append(space.given_back(since))
        assert len(space.service.asked) == asked_before, "another segment was begun for nobody"
        if number < 2:
            client.predict(story["id"], story["key"], api_name="/stop_story")
    print(f"\nseconds from a lost connection to the slot given back: {', '.join(f'{s:.2f}' for s in seconds)}")
    assert min(seconds) < 1 + space.busy(client, story)
    until(lambda: space.state(client, story)["state"] == "paused", PATIENCE, "the story to pause")
    written = space.state(client, story)["thinking_tokens"]
    client.predict(story["id"], story["key"], api_name="/resume_story")
    until(lambda: space.state(client, story)["thinking_tokens"] > written, PATIENCE, "the story to go on")
    client.predict(story["id"], story["key"], api_name="/stop_story")


def test_two_stories_are_written_at_once_on_two_slots(space: Space) -> None:
    space.service.most_lent, asked_before = 0, len(space.service.asked)
    space.service.next.extend(["queue", "queue"])
    clients = [space.client(), space.client()]
    jobs = [c.submit(f"a potter and number {i}", 50, seed=i, api_name="/write_story") for i, c in enumerate(clients)]
    until(lambda: len(space.service.asked) == asked_before + 2, PATIENCE, "both to wait")
    space.service.let_go.set()
    stories = [job.result() for job in jobs]
    assert [s["state"] for s in stories] == ["finished", "finished"] and stories[0]["story"] != stories[1]["story"]
    assert space.service.most_lent == 2


def test_stop_gives_the_slot_back_within_a_second(space: Space) -> None:
    client, seconds = space.client(), []
    for words in (0, 1, 40):
        job = client.submit(**LONG, api_name="/write_story")
        story = space.when_a_segment_begins(job, words)
        since = time.monotonic()
        client.predict(story["id"], story["key"], api_name="/stop_story")
        seconds.append(space.given_back(since))
        assert job.result()["state"] == "stopped"
    print(f"\nseconds from stop to the slot given back: {', '.join(f'{s:.2f}' for s in seconds)}")
    assert min(seconds) < 1 + space.busy(client, story)


def test_a_story_stopped_while_it_waits_for_a_gpu_gives_back_the_one_it_is_lent_then(space: Space) -> None:
    space.service.next.append("queue")
    client, releases = space.client(), len(space.service.releases)
    job = client.submit(**LONG, api_name="/write_story")
    until(lambda: bool(job.outputs() and job.outputs()[-1]["stage"] == "Waiting for a GPU"), PATIENCE)
    story = job.outputs()[-1]
    client.predict(story["id"], story["key"], api_name="/stop_story")
    assert job.result()["state"] == "stopped", "a stop does not wait for a GPU"
    since = time.monotonic()
    space.service.let_go.set()
    until(lambda: len(space.service.releases) > releases, PATIENCE, "the slot to be lent and given back")
    print(f"\nlent to nobody for {space.service.releases[-1][2] - since:.2f} s")
    assert space.state(client, story)["thinking_tokens"] == 0
