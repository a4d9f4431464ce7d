"""Stories on ZeroGPU: the platform's real client and forks, against a stand-in of its device service."""

import itertools
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from gradio_client import Client

from polaris_demo.engine import zerogpu
from polaris_demo.engine.local import LocalEngine
from polaris_demo.jobs.admission import checked
from polaris_demo.story.events import Delta, Event, Finish, Progress, Resume
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest, read

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


def test_a_days_words_are_what_is_left_of_it_after_cold_starts_planning_and_rests() -> None:
    # 120 s: 80 are asked for, counted 1.5 times; of the 45 then left, 30. Each begins cold and ends 5 s early.
    assert zerogpu.seconds_to_write(120, 80) == (80 - 25) + (30 - 25)
    assert zerogpu.seconds_to_write(300, 80) == 3 * (80 - 25) + (50 - 25)
    assert zerogpu.seconds_to_write(44, 80) == 0
    assert zerogpu.seconds_used(3300, 60, 80) == 55 + 20 and zerogpu.seconds_used(3600, 60, 80) == 60 + 2 * 20


def test_what_a_request_takes_of_a_day_is_part_of_checking_it(miniature: LocalEngine) -> None:
    engine = zerogpu.ZeroGpuEngine(miniature, 80)
    engine.speed = 60
    allowance = checked(ASKED, engine, 12_000, None).allowance
    assert allowance and [(day.seconds, day.words) for day in allowance.days] == [(120, 400), (300, 6400), (2400, 12_000)]
    engine.speed = 30
    slower = checked(ASKED, engine, 12_000, None).allowance
    assert slower and slower.days[0].words == 0 and slower.seconds > allowance.seconds
    assert checked(ASKED, miniature, 12_000, None).allowance is None


def test_a_segment_without_a_token_says_so_and_a_stopped_one_asks_for_no_gpu(
    miniature: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zerogpu, "gpu_segment", lambda segment: iter_of(Progress("reading"), Finish("segment")))
    stop, engine = threading.Event(), zerogpu.ZeroGpuEngine(miniature, 80)
    assert list(engine.write(StoryRequest("x"), Resume(), stop))[-1] == Finish("pause", zerogpu.TOO_SHORT)
    monkeypatch.setattr(zerogpu, "gpu_segment", lambda segment: pytest.fail("a GPU was asked for"))
    stop.set()
    assert list(engine.write(StoryRequest("x"), Resume(), stop)) == [Progress("gpu"), Finish("cancelled")]


@pytest.mark.parametrize(("stopped", "end"), [(True, Finish("cancelled")), (False, Finish("segment"))])
def test_a_segment_left_early_has_ended_when_its_slot_is_given_back(
    miniature: LocalEngine, stopped: bool, end: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, visit, given_back, wrote = threading.Event(), SimpleNamespace(alive=True), threading.Event(), 0

    def lent(segment: zerogpu.Segment) -> Iterator[Event]:
        try:
            while True:
                yield Delta.of("story", "word ", (1,))
                given_back.wait(0.05)
        finally:
            given_back.wait(0.3)
            given_back.set()

    monkeypatch.setattr(zerogpu, "gpu_segment", lent)
    monkeypatch.setattr(zerogpu, "get_event", lambda: visit)
    for event in zerogpu.ZeroGpuEngine(miniature, 80).write(StoryRequest("x"), Resume(), stop):
        if isinstance(event, Delta) and event.token_ids:
            assert not stop.is_set() and visit.alive, "a word was added to a story that was left"
            wrote += 1
            if wrote == 3:
                stop.set() if stopped else setattr(visit, "alive", False)
    assert event == end and given_back.is_set()


def test_a_worker_that_breaks_after_its_last_word_is_heard(miniature: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(segment: zerogpu.Segment) -> Iterator[Event]:
        yield Finish("error", "The GPU stopped.")
        raise RuntimeError("GpuBroken")

    monkeypatch.setattr(zerogpu, "gpu_segment", breaks)
    assert list(zerogpu.ZeroGpuEngine(miniature, 80).write(StoryRequest("x"), Resume(), threading.Event()))[-1] == Finish(
        "error", "The GPU stopped."
    )


def iter_of(*events: Event) -> Iterator[Event]:
    yield from events


def test_an_unforeseen_error_is_one_calm_line_and_its_text_stays_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert zerogpu.sentence(ValueError("a visitor's secret")) == zerogpu.UNFORESEEN
    assert "secret" not in caplog.text and "ValueError" in caplog.text


def test_a_worker_says_something_every_half_second_however_silent_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = threading.Event()

    class Silent:
        def write(self, request: StoryRequest, resume: Resume, stop: threading.Event, seconds: float) -> Iterator[Delta]:
            yield Delta.of("thinking", "", (1,))
            quiet.wait(20)
            yield Delta.of("thinking", "", (2,))

    monkeypatch.setattr(zerogpu, "_engine", Silent())
    events = zerogpu.gpu_segment(zerogpu.Segment(StoryRequest("x"), Resume(), 80))
    assert next(events).token_ids == (1,)
    times = [time.monotonic()]
    for _ in range(4):
        assert next(events).token_ids == ()
        times.append(time.monotonic())
    assert statistics.median(b - a for a, b in itertools.pairwise(times)) < 0.8
    quiet.set()
    events.close()
