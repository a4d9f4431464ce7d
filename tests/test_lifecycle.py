"""A story's life: one table of phases and steps, and every step from every phase walked through."""

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from polaris_demo.errors import CannotGoOn, UnknownStory
from polaris_demo.jobs import lifecycle
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.lifecycle import LEADS, NoSuchStep, Phase, leads, letting_go
from polaris_demo.jobs.runner import Runner
from polaris_demo.jobs.saved import hash_key
from polaris_demo.jobs.schema import MIGRATIONS
from polaris_demo.jobs.shelf import INTERRUPTED, LEFT
from polaris_demo.story.events import Delta, Finish, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, asked, followed, until


def test_a_step_that_the_table_does_not_know_raises() -> None:
    unknown = [(phase, step) for step, known in LEADS.items() for phase in Phase if phase not in known]
    assert (Phase.OVER, "go on") in unknown and (Phase.RESTING, "take") in unknown
    for phase, step in unknown:
        with pytest.raises(NoSuchStep):
            leads(phase, step)


def test_a_job_takes_no_step_that_the_table_does_not_know() -> None:
    job = Job(StoryRecord("id", StoryRequest("p")), "", "")
    with pytest.raises(NoSuchStep):
        job.move("segment")
    job.move("take")
    assert job.phase is Phase.WORKING


@pytest.mark.parametrize(
    ("finish", "written", "step"),
    [
        (Finish("stop"), True, "end"), (Finish("segment"), False, "segment"), (Finish("pause"), False, "rest"), (Finish("cancelled"), False, "rest"),
        (Finish("length"), True, "rest"), (Finish("length"), False, "end"), (Finish("error"), True, "rest"), (Finish("error"), False, "end"),
        (Finish("error", tokens=3, characters=0), False, "rest"), (Finish("loop", tokens=3, characters=2), True, "rest"),
    ],
)  # fmt: skip
def test_how_a_story_ended_says_what_can_become_of_it(finish: Finish, written: bool, step: str) -> None:
    assert letting_go(finish, written) == step


class Stage:
    """A runner with one story in a given phase."""

    def __init__(self, phase: Phase, start: Callable[..., Runner], library: Library) -> None:
        self.gate, self.wants = threading.Event(), {Phase.BETWEEN: "segment", Phase.RESTING: "pause"}.get(phase, "stop")
        self.runner = start(self.script, library=library, admin_key="the host of all this")
        self.first = self.runner.submit(asked("in front")) if phase is Phase.WAITING else None
        if self.first:
            until(lambda: self.first.phase is Phase.WORKING)
        else:
            self.gate.set() if phase is not Phase.WORKING else None
        self.job = self.runner.submit(asked())
        wanted = Phase.OVER if phase is Phase.DELETED else phase
        until(lambda: self.job.phase is wanted and (wanted is not Phase.WORKING or len(self.job.record.story) > 0))
        if phase is Phase.DELETED:
            self.runner.delete(self.job.record.id, self.job.key)

    def script(self, request, stop):
        yield Started("<prompt>", 60, POLARIS)
        yield Delta.of("story", "word ", (1,))
        while not self.gate.wait(0.005):
            yield Delta.of("story", "", ())
        reason, self.wants = self.wants, "stop"
        yield Finish(reason)

    def go_on(self, **how: bool) -> None:
        self.runner.resume(self.job.record.id, self.job.key, **how)

    def settled(self) -> Phase:
        """The phase once the engine has obeyed, or has come to its end."""
        if not self.job.halt.finish:
            self.gate.set()
        until(lambda: self.job.phase not in (Phase.WORKING, Phase.WAITING))
        return self.job.phase


ACTIONS: dict[str, Callable[[Stage], object]] = {
    "stop": lambda stage: stage.runner.stop(stage.job.record.id, stage.job.key),
    "go on": lambda stage: stage.go_on(),
    "next segment": lambda stage: stage.go_on(next_segment=True),
    "delete": lambda stage: stage.runner.delete(stage.job.record.id, stage.job.key),
    "follow": lambda stage: stage.runner.get(stage.job.record.id),
    "shutdown": lambda stage: stage.runner.close(),
}
W, K, B, R, O, D = Phase  # noqa: E741
# What each action comes to, from every phase; an error is what whoever asked for it hears.
COMES_TO: dict[str, dict[Phase, object]] = {
    "stop": {W: (R, "stopped"), K: (R, "stopped"), B: (R, "stopped"), R: (R, "stopped"), O: (O, "finished"), D: UnknownStory},
    "go on": {W: (O, "finished"), K: (O, "finished"), B: (O, "finished"), R: (O, "finished"), O: CannotGoOn, D: UnknownStory},
    "next segment": {W: (O, "finished"), K: (O, "finished"), B: (O, "finished"), R: (R, "paused"), O: (O, "finished"), D: UnknownStory},
    "delete": dict.fromkeys((W, K, B, R, O), (D, None)) | {D: UnknownStory},
    "follow": {W: (O, "finished"), K: (O, "finished"), B: (B, "paused"), R: (R, "paused"), O: (O, "finished"), D: UnknownStory},
    "shutdown": {W: (R, "paused"), K: (R, "paused"), B: (R, "paused"), R: (R, "paused"), O: (O, "finished"), D: (D, None)},
}


@pytest.mark.parametrize("kept", ["memory", "sqlite"])
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("phase", list(Phase))
def test_every_action_from_every_phase(run, tmp_path: Path, phase: Phase, action: str, kept: str) -> None:
    library = Library(tmp_path if kept == "sqlite" else None)
    stage, expected = Stage(phase, run, library), COMES_TO[action][phase]
    story_id = stage.job.record.id
    if isinstance(expected, type):
        with pytest.raises(expected):
            ACTIONS[action](stage)
        return
    ACTIONS[action](stage)
    settled = stage.settled()
    state = None if settled is D else stage.job.record.state
    assert (settled, state) == expected
    until(lambda: (found.state if (found := library.load(story_id)) else None) == state, what="the library knows as much")


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.WORKING, Phase.BETWEEN, Phase.RESTING, Phase.OVER])
def test_a_crash_in_every_phase_leaves_a_story_that_goes_on_or_is_over(run, tmp_path: Path, phase: Phase) -> None:
    stage = Stage(phase, run, Library(tmp_path))
    until(lambda: stage.runner.library.load(stage.job.record.id) is not None)
    stage.runner._shelf.save(stage.job)
    after = run(lambda request, stop: iter([Delta.of("story", "and on", (2,)), Finish("stop")]), library=Library(tmp_path))
    found = after._shelf.find(stage.job.record.id)
    if phase is Phase.OVER:
        assert (found.phase, found.record.state) == (Phase.OVER, "finished")
    else:
        sentence = {Phase.BETWEEN: LEFT, Phase.RESTING: ""}.get(phase, INTERRUPTED)
        assert found.phase is Phase.RESTING and found.record.finish == Finish("pause", sentence)
        after.resume(stage.job.record.id, stage.job.key)
        assert followed(after, found).endswith("and on")
    stage.gate.set()


# A record as the last version kept it.
OLD_WRITER = {
    "name": "POLARIS-9B", "model": POLARIS.model, "revision": "abc", "precision": "bf16", "device": "a GPU", "engine": "scripted",
    "context": 262144, "is_preview": False, "why": "w", "versions": {"torch": "2.13.0"},
}  # fmt: skip
OLD_SAMPLING = {
    "temperature": 0.6,
    "top_p": 0.95,
    "top_k": 20,
    "min_p": 0,
    "repetition_penalty": 1.1,
    "presence_penalty": 0,
    "max_new_tokens": 0,
    "seed": 5,
}
OLD_ABOUT = {
    "created": 3.0, "prompt": "p", "prompt_tokens": 1, "thinking_tokens": 2, "thinking_closed": True, "story_tokens": 1, "started": 3.0,
    "first_word": 4.0, "seconds_at_work": 1.0, "resumed_at": [1], "reseeded": [[1, 5]], "dropped": 2,
    "request": {"premise": "a bell", "words": 100, "form": "short story", "sampling": OLD_SAMPLING}, "findings": [], "writer": OLD_WRITER,
}  # fmt: skip


def test_stories_of_the_last_version_are_read_and_gone_on_with(run, tmp_path: Path) -> None:
    """A database of the second schema, its records as they were written then: paused with and without a sentence, cut, closed."""
    finishes = {
        "left": {"reason": "segment", "message": "", "tokens": None, "characters": None},
        "told": {"reason": "segment", "message": "The quota is used up.", "tokens": None, "characters": None},
        "killed": None,
    }
    with sqlite3.connect(tmp_path / "stories.db") as db:
        db.executescript(f"{MIGRATIONS[0]}{MIGRATIONS[1]} PRAGMA user_version = 2;")
        for name, finish in finishes.items():
            state = "paused" if finish else "writing"
            db.execute(
                "INSERT INTO stories VALUES (?, 'k', ?, 1e12, ?, 20, 'T', 2)", (name, state, json.dumps(OLD_ABOUT | {"finish": finish}))
            )
            db.execute("INSERT INTO pieces VALUES (?, 1, 'Once ', x'010000000200000003000000')", (name,))
    db.close()
    runner = run(lambda request, stop: iter([Delta.of("story", "more.", (9,)), Finish("stop")]), library=Library(tmp_path))
    found = {name: runner._shelf.find(name) for name in finishes}
    assert {name: (job.phase, job.record.finish.message) for name, job in found.items()} == {
        "left": (Phase.RESTING, LEFT), "told": (Phase.RESTING, "The quota is used up."), "killed": (Phase.RESTING, INTERRUPTED),
    }  # fmt: skip
    record = found["told"].record
    assert (record.closed_at, record.reseeded, record.stretches[0].writer.device, record.resume_point().token_ids) == (
        1,
        ((1, 5),),
        "a GPU",
        (1, 2, 3),
    )
    found["told"].key_hash = hash_key("key")
    runner.resume("told", "key")
    assert followed(runner, found["told"]) == "Once more."


def test_the_phases_are_the_tables_own() -> None:
    assert set(Phase) == {phase for known in lifecycle.LEADS.values() for pair in known.items() for phase in pair}
