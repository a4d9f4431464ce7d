"""What a server has measured of its own stories: the middle of the latest, each story once."""

from polaris_demo.jobs.measured import KEPT, Measured
from polaris_demo.story.events import Delta, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS


def told(name: str, seconds_of_planning: float, tokens: int = 20) -> StoryRecord:
    """A story that was planned for so long, and then wrote this many tokens in a second."""
    record = StoryRecord(name, StoryRequest("p", 100).with_seed(1))
    record.apply(Started("p", 6, POLARIS), 0.0)
    record.apply(Delta.of("thinking", "", (1,)), seconds_of_planning)
    record.apply(Delta.of("story", "word", (1,)), seconds_of_planning)
    record.apply(Delta.of("story", "word", (1,) * (tokens - 2)), seconds_of_planning + 1)
    return record


def test_before_the_first_story_nothing_is_known() -> None:
    measured = Measured()
    measured.add(StoryRecord("waits", StoryRequest("p", 100)))
    assert measured.speed() is None


def test_one_slow_story_moves_no_median() -> None:
    measured = Measured()
    for number, (seconds, tokens) in enumerate([(30, 20), (31, 22), (32, 21), (400, 3), (33, 20)]):
        measured.add(told(str(number), seconds, tokens))
    speed = measured.speed()
    assert speed and speed.tokens_per_second == 20 and speed.plans == (31, 33)


def test_a_story_counts_once_however_often_it_is_saved_and_old_ones_are_forgotten() -> None:
    measured = Measured()
    for _ in range(3):
        measured.add(told("the same", 30))
    speed = measured.speed()
    assert speed and speed.plans is None, "one story's plan says nothing of the others"
    for number in range(KEPT):
        measured.add(told(str(number), 5))
    speed = measured.speed()
    assert speed and speed.plans == (5, 5)
