"""A story that is paused, cut or left by a server that died goes on where it was, for its owner and with its own model only."""

import asyncio
import contextvars
import threading
import weakref
from dataclasses import replace

import pytest

from polaris_demo.engine.base import BackgroundEngine
from polaris_demo.errors import AnotherModel, CannotGoOn, UnknownStory
from polaris_demo.jobs import housekeeper
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.lifecycle import Phase
from polaris_demo.jobs.shelf import INTERRUPTED, LEFT
from polaris_demo.story.events import Delta, Finish

from .doubles import (
    POLARIS,
    ScriptedEngine,
    TextEngine,
    asked,
    echoes,
    endless,
    finished,
    followed,
    in_segments,
    paused,
    rests,
    tells,
    until,
    waits_for,
)


def test_going_on_right_after_the_end_waits_for_the_worker_to_be_free(run) -> None:
    """The end is told before its worker has saved it; who goes on in that moment is not ignored."""
    library, saving, gate = Library(None), threading.Event(), threading.Event()
    save = library.save

    def slow(story, anew=False) -> bool:
        if story.state == "paused" and not gate.is_set():
            saving.set()
            gate.wait(20)
        return save(story, anew)

    library.save = slow
    runner = run(in_segments(["Once ", "upon a time."]), library=library)
    job = runner.submit(asked())
    assert saving.wait(20) and job.record.state == "paused" and job.phase is Phase.WORKING
    going_on = threading.Thread(target=runner.resume, args=(job.record.id, job.key))
    going_on.start()
    threading.Timer(0.1, gate.set).start()
    going_on.join(20)
    until(lambda: finished(job), what="the story goes on")
    assert str(job.record.story) == "Once upon a time."


def test_a_paused_story_goes_on_where_it_was(run) -> None:
    runner = run(in_segments(["Once ", "upon ", "a time."]))
    job = runner.submit(asked())
    for _ in range(2):
        until(lambda: paused(job))
        assert not job.record.rests
        runner.resume(job.record.id, job.key)
    assert followed(runner, job) == "Once upon a time."
    assert job.record.resumed_at == (2, 4) and job.record.state == "finished"


def test_a_follower_stays_through_a_pause(run) -> None:
    runner = run(in_segments(["Once ", "upon a time."]))
    job = runner.submit(asked())

    async def read() -> str:
        text = ""
        async for piece in runner.follow(job.record.id):
            text += piece.text
            if paused(job):
                runner.resume(job.record.id, job.key)
        return text

    assert asyncio.run(read()) == "Once upon a time."


def test_a_story_paused_for_a_reason_rests_and_can_be_stopped(run) -> None:
    runner = run(in_segments(["Once ", "upon."], Finish("pause", "The quota is used up.")))
    job = runner.submit(asked())
    until(lambda: paused(job))
    assert job.record.rests and job.record.finish == Finish("pause", "The quota is used up.")
    runner.stop(job.record.id, job.key)
    assert job.record.state == "stopped" and str(job.record.story) == "Once "


def test_a_story_whose_page_does_not_ask_for_the_next_segment_is_paused_with_a_sentence(run, monkeypatch, tmp_path) -> None:
    library = Library(tmp_path)
    runner = run(in_segments(["Once ", "upon a time."]), library=library)
    job = runner.submit(asked())
    until(lambda: paused(job))
    second = run(echoes, library=Library(tmp_path))  # the server dies here: what comes after it finds no page either
    assert second.get(job.record.id).finish == Finish("pause", LEFT) and second.get(job.record.id).rests
    monkeypatch.setattr(housekeeper, "BETWEEN_SECONDS", 0.1)
    until(lambda: job.record.rests)
    assert job.record.finish == Finish("pause", LEFT) and job.record.state == "paused"
    runner.resume(job.record.id, job.key)
    assert followed(runner, job) == "Once upon a time."


def test_only_the_owner_goes_on_and_only_with_what_is_paused(run) -> None:
    runner = run(tells("done."))
    job = runner.submit(asked())
    until(lambda: finished(job))
    with pytest.raises(UnknownStory):
        runner.resume(job.record.id, "another key")
    with pytest.raises(CannotGoOn):
        runner.resume(job.record.id, job.key)


def test_a_story_between_segments_keeps_its_turn(run) -> None:
    runner = run(in_segments(["Once ", "upon."]))
    gate = threading.Event()
    job = runner.submit(asked())
    until(lambda: paused(job))
    runner.engine._script = waits_for(gate)
    other = runner.submit(asked("who is being written"))
    until(lambda: other.phase is Phase.WORKING)
    last = runner.submit(asked("who waits"))
    runner.resume(job.record.id, job.key)
    assert (job.record.progress.done, last.record.progress.done) == (1, 2)
    gate.set()
    until(lambda: finished(last))


def test_a_story_is_written_in_the_context_of_its_owners_latest_request(run) -> None:
    owner: contextvars.ContextVar[str] = contextvars.ContextVar("owner", default="nobody")
    seen = []

    def script(request, stop):
        seen.append(owner.get())
        yield Delta.of("story", "x", (1,))
        seen.append(owner.get())
        yield Finish("segment") if len(seen) < 3 else Finish("stop")

    runner = run(script)
    job = contextvars.copy_context().run(lambda: (owner.set("first"), runner.submit(asked()))[1])
    until(lambda: paused(job))
    contextvars.copy_context().run(lambda: (owner.set("second"), runner.resume(job.record.id, job.key)))
    until(lambda: finished(job))
    assert seen == ["first", "first", "second", "second"]


def test_nothing_of_a_request_is_held_once_its_story_is_at_rest(run, tmp_path) -> None:
    """What the web server has of a request is more than a short story, and many stories are kept in memory."""
    request: contextvars.ContextVar[object] = contextvars.ContextVar("request")

    def for_a_request(does):
        brought = threading.Event()
        done = contextvars.copy_context().run(lambda: (request.set(brought), does())[1])
        return done, weakref.ref(brought)

    first = run(endless, library=Library(tmp_path))
    at_work, of_its_owner = for_a_request(lambda: first.submit(asked()))
    waiting, of_the_next = for_a_request(lambda: first.submit(asked()))
    until(lambda: len(at_work.record.story) > 0)
    assert of_its_owner() and of_the_next()
    for job in (waiting, at_work):
        first.stop(job.record.id, job.key)
    until(lambda: rests(at_work) and rests(waiting))
    first.close()
    read_again, of_its_reader = for_a_request(lambda: run(endless, library=Library(tmp_path)).get(at_work.record.id))
    assert len(read_again.story) > 0
    until(lambda: not (of_its_owner() or of_the_next() or of_its_reader()), what="all that was brought is gone")


def test_a_server_that_died_leaves_its_stories_to_be_gone_on_with(run, tmp_path) -> None:
    first = run(in_segments(["Once upon ", "a time."]), library=Library(tmp_path))
    job = first.submit(asked("a potter"))
    until(lambda: paused(job))
    job.record.state = "writing"  # as the library would have it, had the process been killed now
    first._shelf.save(job)

    second = run(in_segments(["a time."]), library=Library(tmp_path))
    found = second.get(job.record.id)
    assert found.state == "interrupted" and str(found.story) == "Once upon " and found.request == job.record.request
    assert found.finish == Finish("pause", INTERRUPTED)
    with pytest.raises(UnknownStory):
        second.resume(job.record.id, "another key")
    second.resume(job.record.id, job.key)
    until(lambda: second.get(job.record.id).rests)
    found = second.get(job.record.id)
    assert str(found.story) == "Once upon a time." and found.words == 4
    third = run(echoes, library=Library(tmp_path)).get(job.record.id)
    assert str(third.story) == "Once upon a time." and third.state == "finished" and third.about() == found.about()


def test_a_story_cut_by_its_budget_goes_on_with_another(run) -> None:
    def script(request, stop):
        yield Delta.of("story", "more ", (1,))
        yield Finish("length", "Cut.")

    runner = run(script)
    job = runner.submit(asked(max_new_tokens=1000))
    until(lambda: finished(job) and job.phase is not Phase.WORKING)
    runner.resume(job.record.id, job.key)
    until(lambda: finished(job) and job.phase is not Phase.WORKING)
    assert str(job.record.story) == "more more " and job.record.request.sampling.max_new_tokens == 1001


def test_a_story_is_gone_on_with_by_its_own_model_only(run, tmp_path) -> None:
    """The host starts again with another model, another revision, and the same model held otherwise elsewhere."""
    first = run(in_segments(["Once upon ", "a time."], Finish("pause", "For now.")), library=Library(tmp_path))
    job = first.submit(asked())
    until(lambda: paused(job))
    first.close()
    for other in (replace(POLARIS, name="someone/Fables", model="someone/Fables"), replace(POLARIS, revision="def")):
        runner = run(ScriptedEngine(tells("Another story."), other), library=Library(tmp_path))
        with pytest.raises(AnotherModel):
            runner.resume(job.record.id, job.key)
        left = runner.get(job.record.id)
        assert (str(left.story), left.state, left.finish) == ("Once upon ", "paused", Finish("pause", "For now."))
        runner.close()
    elsewhere = ScriptedEngine(in_segments(["a time."]), replace(POLARIS, precision="4bit", device="a smaller GPU"))
    runner = run(elsewhere, library=Library(tmp_path))
    runner.resume(job.record.id, job.key)
    assert followed(runner, runner._shelf.find(job.record.id)) == "Once upon a time."
    assert [(s.writer.precision, s.tokens, s.words) for s in runner.get(job.record.id).stretches] == [("bf16", 0, 0), ("4bit", 2, 2)]


def test_a_model_that_loads_later_does_not_go_on_with_anothers_story(run, tmp_path) -> None:
    first = run(in_segments(["Once upon ", "a time."], Finish("pause", "For now.")), library=Library(tmp_path))
    job = first.submit(asked())
    until(lambda: paused(job))
    first.close()
    gate, other = threading.Event(), replace(POLARIS, name="someone/Fables", model="someone/Fables")

    def load(report):
        gate.wait(20)
        return TextEngine("Another story.", writer=other)

    runner = run(BackgroundEngine(load), library=Library(tmp_path))
    runner.resume(job.record.id, job.key)
    gate.set()
    assert followed(runner, runner._shelf.find(job.record.id)) == "Once upon "
    left = runner.get(job.record.id)
    assert left.state == "paused" and left.finish and left.finish.reason == "pause"
