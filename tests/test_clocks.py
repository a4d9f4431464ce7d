"""A clock that is wrong for an hour, a day, or before 1980 deletes nothing, breaks no file and shows no nonsense; durations never come from it."""

import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from polaris_demo.jobs import clock
from polaris_demo.jobs.backup import restore, snapshot, snapshots
from polaris_demo.jobs.clock import Moment
from polaris_demo.jobs.expiry import BELIEVED, DAY
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.jobs.saved import SavedStory, Summary
from polaris_demo.jobs.schema import set_aside
from polaris_demo.page import reading, view
from polaris_demo.page.routes import StoryRoutes
from polaris_demo.settings import Settings
from polaris_demo.story import day, exports
from polaris_demo.story.events import Delta, Finish, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.recording import Watch, read_recording, recording_json

from .doubles import POLARIS, ScriptedEngine, asked, asked_for, rests, tells, until

NOW = 1_790_000_000.0  # in September 2026
HOUR, YEAR, KEPT = 3600.0, 365 * DAY, 30
JUMPS = {"ahead a year": NOW + YEAR, "back a year": NOW - YEAR, "at 1970": 12.0, "at 2150": 5_680_281_600.0}


def jumping() -> Callable[[], float]:
    """A clock on the wall that is wrong by an hour at every other look."""
    looks: Iterator[float] = iter(range(10**9))
    return lambda: NOW + HOUR * (next(looks) % 2)


# --- durations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [HOUR, -HOUR, -NOW])
def test_speed_is_taken_from_the_clock_that_cannot_jump(wrong: float) -> None:
    record = StoryRecord("id", asked_for("a bell", 100))
    for second in range(11):
        record.apply(Delta.of("story", "word ", (1,) * 20), NOW + second + (wrong if second > 5 else 0), float(second))
    assert (record.seconds_at_work, record.tokens_per_second) == (10.0, 22.0)


def test_a_story_here_is_measured_and_saved_by_the_steady_clock(run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", jumping())
    library = Library(None)
    saves: list[SavedStory] = []
    save = library.save
    monkeypatch.setattr(library, "save", lambda story, anew=False: saves.append(story) or save(story, anew))
    job = run(tells("word " * 400), library=library).submit(asked())
    until(lambda: rests(job))
    assert 0 <= job.record.seconds_at_work < 20
    assert len(saves) < 50  # of 286 events


def test_a_recordings_planning_is_measured_by_the_steady_clock() -> None:
    story, watch, steady = StoryRecord("recorded", asked_for("a bell", 1000), created=NOW, writer=POLARIS), Watch(), 0.0
    for event in (Started("<p>", 60, POLARIS), Delta.of("thinking", "", (1,)), Delta.of("story", "Once.", (2,)), Finish("stop")):
        steady += 19
        story.apply(event, NOW - HOUR * steady, steady)
        watch.see(story)
    assert read_recording(recording_json(story, watch)).planning_seconds == 38


# --- what is deleted -------------------------------------------------------------------------------------------------


class Running:
    """A library through hours of running, under any clock on the wall."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.steady = folder, 0.0
        self.library = Library(folder, keep_days=KEPT)

    def save(self, story_id: str, wall: float) -> None:
        assert self.library.save(SavedStory(story_id, "k", "finished", wall, {}, "text", (), steady=self.steady))

    def hours(self, count: float, wall: Callable[[float], float]) -> None:
        """`wall` is what the clock says after so many seconds of this."""
        for look in range(int(count)):
            self.library.expire(Moment(wall(look * HOUR), self.steady))
            self.steady += HOUR

    def again(self) -> None:
        """The process ends, and another one begins with a steady clock of its own."""
        self.library.close()
        self.__init__(self._folder)  # type: ignore[misc]

    def there(self, story_id: str) -> bool:
        return self.library.load(story_id) is not None


@pytest.mark.parametrize("hours", [1, 24])
@pytest.mark.parametrize("wrong", JUMPS.values(), ids=JUMPS)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_is_wrong_for_a_while_deletes_nothing(tmp_path: Path, wrong: float, hours: int, restarted: bool) -> None:
    here = Running(tmp_path)
    here.save("before", NOW - 20 * DAY)
    here.again()
    here.hours(3, lambda s: NOW + s)
    if restarted:
        here.again()
    here.save("meanwhile", wrong)
    here.hours(hours, lambda s: wrong + s)
    here.hours(5 * 24, lambda s: NOW + hours * HOUR + s)
    assert here.there("before") and here.there("meanwhile")


@pytest.mark.parametrize("saved", [JUMPS["at 1970"], JUMPS["at 2150"], JUMPS["ahead a year"]])
def test_what_a_wrong_clock_saved_in_another_run_has_its_days_once_the_clock_is_right(tmp_path: Path, saved: float) -> None:
    here = Running(tmp_path)
    here.save("story", saved)
    here.again()
    here.hours(29 * 24, lambda s: NOW + s)
    assert here.there("story")
    here.hours(10 * 24, lambda s: NOW + 29 * DAY + s)
    assert not here.there("story")


def test_what_is_past_its_days_goes_and_restarts_do_not_hold_that_up(tmp_path: Path) -> None:
    here = Running(tmp_path)
    here.save("past", NOW - 31 * DAY)
    here.save("not yet", NOW - 20 * DAY)
    hours = 0
    while here.there("past"):
        here.again()
        here.hours(6, lambda s: NOW + hours * HOUR + s)  # noqa: B023
        hours += 6
        assert hours < 2 * BELIEVED / HOUR
    assert hours >= BELIEVED / HOUR and here.there("not yet")


def test_days_of_running_count_whatever_the_clock_says(tmp_path: Path) -> None:
    here = Running(tmp_path)
    here.save("story", 0.0)
    here.hours(31 * 24, lambda s: s)
    assert not here.there("story")


@pytest.mark.parametrize("saved", [0.0, NOW - YEAR, NOW - DAY, NOW + YEAR], ids=["1970", "last year", "yesterday", "next year"])
def test_a_story_is_said_to_be_kept_from_today_to_its_last_day_and_never_beyond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: float
) -> None:
    here = Running(tmp_path)
    here.save("story", saved)
    here.again()
    monkeypatch.setattr(clock, "now", lambda: Moment(NOW, 5.0))
    expires = here.library.expires("story", saved)
    assert expires is not None and NOW <= expires <= NOW + KEPT * DAY


def test_a_story_saved_here_says_its_last_day_right_once_the_clock_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Running(tmp_path)
    here.save("story", 12.0)
    monkeypatch.setattr(clock, "now", lambda: Moment(NOW, DAY))
    assert here.library.expires("story", 12.0) == NOW + (KEPT - 1) * DAY


# --- files -----------------------------------------------------------------------------------------------------------


def test_the_newest_snapshot_is_the_last_one_made_whatever_the_clock_said(tmp_path: Path) -> None:
    library, bucket = Library(tmp_path / "data"), tmp_path / "bucket"
    source = tmp_path / "data" / "stories.db"
    library.save(SavedStory("s", "k", "finished", NOW, {}, "old", ()))
    snapshot(source, bucket)
    for year in (2098, 2099):  # as snapshots were called, by a clock that was ahead
        snapshots(bucket)[-1].rename(bucket / f"stories-{year}1231T235959000000.db")
        snapshot(source, bucket)
    library.save(SavedStory("s", "k", "finished", NOW, {}, " new", ()))
    for _ in range(2):
        assert snapshot(source, bucket)
    library.close()
    assert len(snapshots(bucket)) == 2 and restore(bucket, tmp_path / "restored.db")
    (tmp_path / "data" / "stories.db").unlink()
    (tmp_path / "restored.db").rename(source)
    story = Library(tmp_path / "data").load("s")
    assert story and story.text == "old new"


def test_a_second_damaged_file_does_not_take_the_place_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    path = tmp_path / "stories.db"
    for damage in ("first", "second"):
        path.write_text(damage)
        set_aside(path)
    assert sorted(file.read_text() for file in tmp_path.iterdir()) == ["first", "second"]


@pytest.mark.parametrize("now", [0.0, -1e9, NOW, 5e9, 1e12])
def test_an_archive_can_be_made_at_any_time(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    monkeypatch.setattr(clock, "now", lambda: Moment(now, time.monotonic()))
    runner = Runner(ScriptedEngine(tells("Once.")))
    job = runner.submit(asked())
    until(lambda: rests(job))
    job.record.created = now
    monkeypatch.setattr(time, "time", lambda: now)
    archive = zipfile.ZipFile(StoryRoutes(runner, Settings())._archive([job.record.id]))
    monkeypatch.undo()
    runner.close()
    assert len(archive.namelist()) == 3 and archive.testzip() is None
    assert all(1980 <= entry.date_time[0] <= 2107 for entry in archive.infolist())


@pytest.mark.parametrize("ending", exports.FILES)
@pytest.mark.parametrize("created", [0.0, -1e12, 1e18, 1e300])
def test_any_file_can_be_made_of_a_story_of_any_time(ending: str, created: float) -> None:
    record = StoryRecord("id", asked_for("a bell", 100), created=created, writer=POLARIS)
    record.apply(Delta.of("story", "Once.", (1,)), created)
    assert exports.FILES[ending].make(record)


# --- what is shown ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "said"), [(NOW, "21\u00a0September 2026"), (0, ""), (-5, ""), (1e9, ""), (5e9, ""), (1e300, "")])
def test_a_day_is_said_where_a_clock_can_have_been_right(seconds: float, said: str) -> None:
    assert day.said(seconds) == said


def test_no_day_is_shown_that_cannot_be() -> None:
    record = StoryRecord("id", asked_for("a bell", 100), created=7.0, writer=POLARIS)
    record.apply(Delta.of("story", "Once.", (1,)), 8.0)
    record.apply(Finish("stop"), 9.0)
    listed = view.summary(Summary("id", "A bell", 5, "finished", 7.0, 30 * DAY, "a bell", 100, True, False, "stop"))
    kept = view.kept("", 30 * DAY)
    shown = [
        str(listed),
        view.all_kept([30 * DAY], ""),
        kept.text,
        str(reading.details(record)),
        exports.text(record),
        exports.bibtex(record),
    ]
    assert not [text for text in shown if "1970" in text or "-01-" in text]
    assert listed["begun"] == listed["kept"] == 0 and kept == view.Kept("for as many days as this server keeps stories", lasting=True)
    assert ["Begun", "not known: the server’s clock was wrong"] in reading.details(record)
