"""A segment on ZeroGPU without the platform: what it declares, what fits a day, and how it ends."""

import itertools
import statistics
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from polaris_demo.engine import zerogpu
from polaris_demo.engine.local import LocalEngine
from polaris_demo.jobs.admission import checked
from polaris_demo.story.events import Delta, Event, Finish, Progress, Resume
from polaris_demo.story.request import StoryRequest

from .test_zerogpu import ASKED


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
