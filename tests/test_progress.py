"""How far loading is: reports that only grow, an estimate of the rest, one sentence for every place, few lines in the log."""

import pytest

from polaris_demo.engine.base import Loading
from polaris_demo.engine.progress import Estimate, Measure

GB = 10**9


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[Loading]:
    return []


@pytest.mark.parametrize(
    ("loading", "sentence"),
    [
        (
            Loading("downloading POLARIS-9B", 4_200_000_000, 17_900_000_000, 170),
            "Downloading POLARIS-9B: 4.2 of 17.9 GB (23 %), about 3 min left",
        ),
        (Loading("downloading POLARIS-9B", 0, 17_900_000_000), "Downloading POLARIS-9B: 0.0 of 17.9 GB (0 %)"),
        (Loading("loading POLARIS-9B in bf16", 17 * GB, 17 * GB, 0.0), "Loading POLARIS-9B in bf16: 17.0 of 17.0 GB (100 %)"),
        (
            Loading("loading POLARIS-9B in bf16", 17 * GB - 1, 17 * GB, 1.2),
            "Loading POLARIS-9B in bf16: 17.0 of 17.0 GB (99 %), about 2 s left",
        ),
        (Loading("loading POLARIS-9B in 4bit"), "Loading POLARIS-9B in 4bit"),
        (Loading("downloading a/b", 500, 7_700_000), "Downloading a/b: 0.0 of 7.7 MB (0 %)"),
        (Loading("downloading a/b", 50, 100), "Downloading a/b: 0.1 of 0.1 kB (50 %)"),
    ],
)
def test_a_report_is_said_in_one_sentence(loading: Loading, sentence: str) -> None:
    assert loading.sentence() == sentence


def test_the_estimate_follows_the_speed_of_late() -> None:
    estimate = Estimate()
    assert [estimate.seconds(second * 10, 1000, second) for second in (0, 1, 2)] == [None, None, None]
    assert estimate.seconds(30, 1000, 3) == pytest.approx(97)
    for second in range(4, 101):  # from here on twice as fast
        left = estimate.seconds(30 + 2 * second, 1000, second)
    assert left == pytest.approx((1000 - 230) / 2)


def test_what_was_there_before_is_no_speed() -> None:
    """A download that is taken up again begins with what it had."""
    estimate = Estimate()
    estimate.seconds(900, 1000, 0.1)
    for second in range(1, 5):
        left = estimate.seconds(900 + second, 1000, second)
    assert left == pytest.approx(96)


def test_nothing_is_estimated_while_nothing_comes() -> None:
    estimate = Estimate()
    for second in range(1, 60):
        left = estimate.seconds(500, 1000, second)
    assert left is None


def test_reports_are_few_never_go_back_and_end_whole(clock: Clock, said: list[Loading]) -> None:
    measure = Measure("downloading a model", said.append, 1000, clock)
    for step in range(1000):
        clock.now += 0.01
        measure.to(step if step % 3 else step // 2)
    measure.end()
    assert 10 < len(said) <= 41
    assert [one.done for one in said] == sorted(one.done for one in said) and {one.total for one in said} == {1000}
    assert said[-1] == Loading("downloading a model", 1000, 1000, 0.0) and said[-2].done < 1000


def test_more_than_was_announced_is_no_more_than_all(clock: Clock, said: list[Loading]) -> None:
    measure = Measure("downloading a model", said.append, 1000, clock)
    measure.to(1200)
    assert said == [Loading("downloading a model", 1000, 1000)]


def test_what_never_begins_is_not_reported(clock: Clock, said: list[Loading]) -> None:
    Measure("downloading a model", said.append, 0, clock).end()
    Measure("downloading a model", said.append, 1000, clock).end()
    assert said == []


@pytest.mark.parametrize(
    ("seconds", "most", "least"),
    [
        (100, 11, 9),  # a line every ten seconds, which are ten per cent each
        (1000, 18, 10),  # one after each minute
        (20, 3, 1),
        (5, 0, 0),
    ],
)
def test_the_log_gets_a_line_now_and_then(seconds: int, most: int, least: int, clock: Clock, said: list[Loading], caplog) -> None:
    caplog.set_level("INFO")
    measure = Measure("downloading POLARIS-9B", said.append, 17_900_000_000, clock)
    for tenth in range(seconds * 10 + 1):
        measure.to(17_900_000_000 * tenth // (seconds * 10))
        clock.now += 0.1
    measure.end()
    lines = [record.getMessage() for record in caplog.records]
    assert least <= len(lines) <= most
    assert all(line.startswith("Downloading POLARIS-9B: ") and line in {one.sentence() for one in said} for line in lines)
