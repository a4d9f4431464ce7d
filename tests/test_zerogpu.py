"""Stories on ZeroGPU: the platform's real client and forks, against a stand-in of its device service."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client

from polaris_demo.engine import zerogpu
from polaris_demo.engine.local import LocalEngine
from polaris_demo.story.events import Delta
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest, read

from .device_service import DeviceService
from .doubles import until

ROOT = Path(__file__).parent.parent
ASKED = {"premise": "a potter who finds a bell", "words": 800, "seed": 7}
VISITOR = {"x-ip-token": "a visitor's pass"}


@dataclass
class Space:
    service: DeviceService
    url: str

    def client(self) -> Client:
        return Client(self.url, verbose=False, headers=VISITOR)

    def write(self, client: Client, **changes: Any) -> dict[str, Any]:
        """A story followed to where it rests."""
        return client.predict(**(ASKED | changes), api_name="/write_story")

    def resumed(self, client: Client, story: dict[str, Any]) -> dict[str, Any]:
        """A paused story gone on with to its end, segment by segment, as a page does."""
        while True:
            state = client.predict(story["id"], 0, api_name="/get_story")
            if state["state"] in ("finished", "stopped", "failed"):
                return state
            if state["state"] == "paused":
                client.predict(story["id"], story["key"], api_name="/resume_story")
            time.sleep(0.05)


@pytest.fixture(scope="module")
def space() -> Iterator[Space]:
    service = DeviceService()
    env = os.environ | {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": service.url, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "tests.zerogpu_space", "2"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        address = process.stdout.readline().strip()
        assert address.startswith("http"), address
        yield Space(service, address)
        process.stdin.close()
        process.wait(timeout=20)
    service.close()


@pytest.fixture(autouse=True)
def nothing_lent(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test leaves with all slots given back."""
    yield
    if "space" in request.fixturenames:
        service = request.getfixturevalue("space").service
        until(lambda: not service.lent, what="a slot is still lent")
        service.next.clear()
        service.let_go.clear()


@pytest.fixture(scope="module")
def uncut(miniature: LocalEngine) -> str:
    """The same story written in one go."""
    request, _ = read(ASKED)
    assert request
    record = StoryRecord("uncut", request)
    for event in miniature.write(request, (), threading.Event()):
        record.apply(event, 0.0)
    assert record.state == "finished"
    return str(record.story)


def test_a_story_in_segments_is_the_story_uncut(space: Space, uncut: str) -> None:
    asked_before = len(space.service.asked)
    story = space.write(space.client())
    segments = len(space.service.asked) - asked_before
    print(f"\n{segments} segments")
    assert story["state"] == "finished" and segments >= 4
    assert story["story"] == uncut
    assert len(space.service.tasks) == 1, "more than one decorated function"
    assert not any(failed for _, failed, _ in space.service.releases)


def test_a_killed_worker_keeps_the_story_and_it_goes_on(space: Space, uncut: str) -> None:
    client = space.client()
    job = client.submit(**ASKED, api_name="/write_story")
    until(lambda: bool(job.outputs() and job.outputs()[-1]["words"] > 20 and space.service.lent), what="twenty words")
    space.service.kill_worker()
    story = job.result()
    assert story["state"] == "paused" and "Continue goes on" in story["stage"] and story["words"] > 20
    assert uncut.startswith(story["story"])
    assert space.resumed(client, story)["story"] == uncut


def test_a_refused_quota_is_asked_again_with_what_is_left(space: Space, uncut: str) -> None:
    asked_before = len(space.service.asked)
    space.service.next.append("half the quota")
    story = space.write(space.client())
    first, second, *_ = space.service.asked[asked_before:]
    assert second == first // 2
    assert story["state"] == "finished" and story["story"] == uncut


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ("no quota", "Your time on ZeroGPU is used up; there is more in 3 h 13 min."),
        ("no runs", "Your runs on ZeroGPU are used up for today."),
        ("illegal", "ZeroGPU does not lend a GPU for as long as was asked for."),
        ("timeout", "No GPU came free within a minute."),
        ("full", "No GPU came free within a minute."),
        ("expired", "its pass to ZeroGPU expired"),
    ],
)
def test_every_refusal_is_a_sentence_and_the_story_can_go_on(space: Space, refusal: str, said: str) -> None:
    space.service.next.append(refusal)
    client = space.client()
    story = space.write(client, words=100)
    assert story["state"] == "paused" and said in story["stage"] and story["stage"].endswith("Continue goes on from there.")
    assert space.resumed(client, story)["state"] == "finished"


def test_a_visitor_who_leaves_while_waiting_for_a_gpu_is_not_given_one(space: Space) -> None:
    space.service.next.append("queue")
    client = space.client()
    functions = httpx.get(f"{space.url}config").json()["dependencies"]
    number = next(f["id"] for f in functions if f["api_name"] == "write_story")
    values = [ASKED["premise"], ASKED["words"], "short story", 0.6, 0.95, 20, 0, None, 0, 0, 7]
    joining = {"data": values, "fn_index": number, "session_hash": "a phone"}
    httpx.post(f"{space.url}gradio_api/queue/join", json=joining, headers=VISITOR).raise_for_status()
    with httpx.stream("GET", f"{space.url}gradio_api/queue/data?session_hash=a phone", timeout=20) as page:
        lines = (json.loads(line[6:]) for line in page.iter_lines() if line.startswith("data: "))
        story = next(m["output"]["data"][0] for m in lines if m["msg"] == "process_generating")
        until(lambda: client.predict(story["id"], 0, api_name="/get_story")["stage"] == "Waiting for a GPU")
    until(lambda: client.predict(story["id"], 0, api_name="/get_story")["state"] == "paused", what="the story to pause")
    paused = client.predict(story["id"], 0, api_name="/get_story")
    assert "The page was left while its story waited" in paused["stage"]
    assert not space.service.lent


def test_two_stories_are_written_at_once_on_two_slots(space: Space) -> None:
    space.service.most_lent = 0
    clients = [space.client(), space.client()]
    jobs = [c.submit(f"a potter and number {i}", 200, seed=i, api_name="/write_story") for i, c in enumerate(clients)]
    stories = [job.result() for job in jobs]
    assert [s["state"] for s in stories] == ["finished", "finished"] and stories[0]["story"] != stories[1]["story"]
    assert space.service.most_lent == 2


def test_stop_gives_the_slot_back_within_a_second(space: Space) -> None:
    client = space.client()
    for words in (10, 0, 40):
        job = client.submit(**(ASKED | {"words": 2000}), api_name="/write_story")
        until(lambda words=words, job=job: bool(job.outputs() and job.outputs()[-1]["words"] >= words and space.service.lent))
        story = job.outputs()[-1]
        client.predict(story["id"], story["key"], api_name="/stop_story")
        seconds = until(lambda: not space.service.lent, what="the slot")
        assert seconds < 1, f"the slot came back after {seconds:.2f} s"
        assert job.result()["state"] == "stopped"


# --- without the platform --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "speed", "most", "seconds"), [(300, 60, 80, 30), (12_000, 60, 80, 80), (0, 60, 80, 25), (100, 30, 80, 29)]
)
def test_a_segment_declares_what_it_needs_and_no_more_than_allowed(tokens: int, speed: float, most: float, seconds: int) -> None:
    assert zerogpu.segment_seconds(tokens, speed, most) == seconds
    assert zerogpu.declared(zerogpu.Segment(StoryRequest("x"), (), seconds)) == seconds


def test_the_first_call_of_a_logged_out_visitor_fits_the_allowance() -> None:
    from polaris_demo.settings import read_settings

    allowance, counted = 120, 1.5  # seconds a day without an account, and what the platform multiplies by
    assert zerogpu.segment_seconds(32_768, 60, read_settings({}).segment_seconds) * counted <= allowance


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("You have exceeded your free ZeroGPU quota (120s requested vs. 75s left). Try again in 3:12:05. ", 50),
        ("(90s requested vs. 0s left)", 0),
        ("No GPU was available", None),
    ],
)
def test_what_is_left_is_read_in_declared_seconds(message: str, left: int | None) -> None:
    declared = 80 if "120s" in message else 60
    assert zerogpu.seconds_left(message, declared) == left


def test_the_words_that_fit_grow_with_speed_and_never_fall_below_the_shortest_story() -> None:
    assert zerogpu.words_that_fit(30, 80, 3072) == 50 < zerogpu.words_that_fit(120, 80, 3072)


def test_an_unforeseen_error_is_one_calm_line_and_its_text_stays_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert zerogpu.sentence(ValueError("a visitor's secret")) == zerogpu.UNFORESEEN
    assert "secret" not in caplog.text and "ValueError" in caplog.text


def test_a_worker_says_something_every_half_second_however_silent_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = threading.Event()

    class Silent:
        def write(self, request: StoryRequest, output: tuple[int, ...], stop: threading.Event, seconds: float) -> Iterator[Delta]:
            yield Delta("thinking", "", (1,))
            quiet.wait(20)
            yield Delta("thinking", "", (2,))

    monkeypatch.setattr(zerogpu, "_engine", Silent())
    events = zerogpu.gpu_segment(zerogpu.Segment(StoryRequest("x"), (), 80))
    assert next(events).token_ids == (1,)
    started = time.monotonic()
    assert [next(events).token_ids for _ in range(3)] == [(), (), ()]
    assert time.monotonic() - started < 1.5
    quiet.set()
    events.close()
