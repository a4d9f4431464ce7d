"""Stories that are written on from others: token for token where nothing changes, whole without their parents, and on record."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from polaris_demo.engine.local import LocalEngine
from polaris_demo.errors import AnotherModel, Busy, RequestRefused, TooMany, UnknownStory
from polaris_demo.jobs import rewrite, versions
from polaris_demo.jobs.fair import FairUse
from polaris_demo.jobs.job import Job
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.settings import Shares
from polaris_demo.story.citation import UnreadableRecord, bibtex, read_record, record_json
from polaris_demo.story.colophon import changed, colophon, descent
from polaris_demo.story.events import Delta, Finish, Started
from polaris_demo.story.origin import Place
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import SamplingParams, StoryRequest
from polaris_demo.story.version import paragraphs, written_on

from .doubles import POLARIS, ScriptedEngine, TextEngine, asked, endless, rests, tells, until

TALE = "# The bell\n\n" + "\n\n".join(f"It rang {n} times. And the fox went on, and on." for n in range(1, 9)) + "\n\n* * *\n\nThe end."


@pytest.fixture(scope="module")
def lanes(miniature: LocalEngine) -> LocalEngine:
    return LocalEngine(miniature._model, miniature._chat, miniature._writer, lanes=8)


@pytest.fixture(scope="module")
def parents(lanes: LocalEngine) -> list[StoryRecord]:
    """Six stories of eight paragraphs or more, in fp32."""
    requests = [StoryRequest(f"a fox and the number {n}", 150, sampling=SamplingParams(seed=n)) for n in range(1, 7)]
    with ThreadPoolExecutor(6) as pool:
        return list(pool.map(lambda request: whole(lanes, StoryRecord(f"parent {request.sampling.seed}", request)), requests))


@pytest.fixture
def runner(run, lanes: LocalEngine, tmp_path: Path) -> Runner:
    return run(lanes, library=Library(tmp_path))


def whole(engine, record: StoryRecord) -> StoryRecord:
    *_, record = rewrite.write(engine, record)
    return record


def version_of(engine, record: StoryRecord, paragraph: int, **sampling: float) -> StoryRecord:
    request = replace(record.request, sampling=replace(record.request.sampling, **sampling))  # type: ignore[arg-type]
    return written_on(record.look(), versions.place(record.look(), paragraph, engine), paragraph, "version", request)


def followed(job: Job) -> StoryRecord:
    until(lambda: rests(job), 60)
    return job.look()


# --- the same, token for token ---------------------------------------------------------------------------------------


def test_from_forty_places_it_is_the_parent_token_for_token(lanes: LocalEngine, parents: list[StoryRecord]) -> None:
    places = [(parent, number) for parent in parents for number in range(1, len(paragraphs(str(parent.story))))][:40]
    assert len(places) == 40

    def again(place: tuple[StoryRecord, int]) -> StoryRecord:
        return whole(lanes, version_of(lanes, *place))

    with ThreadPoolExecutor(8) as pool:
        for (parent, number), version in zip(places, pool.map(again, places), strict=True):
            assert version.token_ids == parent.token_ids and str(version.story) == str(parent.story), number
            assert version.finish == Finish("stop") and version.closed_at == parent.closed_at
            assert version.parent and version.parent.story == parent.id and descent(version).endswith("with nothing changed")


def test_from_a_story_that_is_being_written_or_is_somebody_elses(runner: Runner, lanes: LocalEngine) -> None:
    parent = runner.submit(asked("a fox", words=150, seed=3))
    until(lambda: len(paragraphs(str(parent.look().story))) > 3, 60)
    version = runner.write_on(parent.record.id, 2, {"seed": 3}, "another visitor")
    assert [one.parent for one in runner.summaries([parent.record.id, version.record.id])] == ["", parent.record.id]
    assert version.key != parent.key and version.record.id != parent.record.id
    first, second = followed(parent), followed(version)
    assert second.token_ids == first.token_ids and str(second.story) == str(first.story)


def test_after_a_restart_and_after_its_parent_is_deleted(run, lanes: LocalEngine, tmp_path: Path) -> None:
    with closing(Library(tmp_path)) as library:
        runner = run(lanes, library=library)
        parent = runner.submit(asked("a fox", words=60, seed=3))
        told = followed(parent)
        runner.close()
    with closing(Library(tmp_path)) as library:
        runner = run(lanes, library=library)
        version = runner.write_on(told.id, 1, {"seed": 3})
        runner.delete(told.id, parent.key)
        begun = followed(version)
        with pytest.raises(UnknownStory):
            runner.get(told.id)
        of_version = runner.write_on(version.record.id, 2, {"seed": 3})
        runner.delete(version.record.id, version.key)
        third = followed(of_version)
        runner.close()
    assert begun.token_ids == third.token_ids == told.token_ids
    assert third.origins[0].place.tokens < third.origins[1].place.tokens
    assert [origin.story for origin in third.origins] == [told.id, begun.id]
    with closing(Library(tmp_path)) as library:
        runner = run(lanes, library=library)
        assert [one.parent for one in runner.summaries([third.id])] == [begun.id]
        kept = runner.get(third.id)
        assert kept.origins == third.origins and str(kept.story) == str(told.story)


def test_a_stopped_version_goes_on_where_it_was(runner: Runner) -> None:
    parent = followed(runner.submit(asked("a fox", words=150, seed=3)))
    version = runner.write_on(parent.id, 1, {"seed": 9})
    until(lambda: version.look().tokens > version.look().inherited.tokens + 20, 60)
    runner.stop(version.record.id, version.key)
    stopped = list(followed(version).token_ids)
    runner.resume(version.record.id, version.key)
    again = followed(version)
    assert again.token_ids[: len(stopped)] == stopped and again.finish == Finish("stop")


def test_without_token_ids_the_seam_loses_and_doubles_nothing(run) -> None:
    runner = run(TextEngine(TALE))
    parent = followed(runner.submit(asked("a bell")))
    for number, end in enumerate(paragraphs(TALE), 1):
        version = followed(runner.write_on(parent.id, number, {}))
        assert str(version.story) == TALE and version.inherited.characters == end
        assert version.inherited.thinking_tokens == parent.thinking_tokens


# --- what it is on record --------------------------------------------------------------------------------------------


def test_a_versions_record_is_written_again_its_parents_part_included(lanes: LocalEngine, parents: list[StoryRecord]) -> None:
    first = whole(lanes, version_of(lanes, parents[0], 2, seed=11, temperature=0.8))
    second = whole(lanes, replace_id(version_of(lanes, first, 4, seed=12), "second"))
    within = whole(lanes, replace_id(version_of(lanes, second, 1, seed=13), "within"))  # from what it has of its first parent
    all_three = (first, second, within)
    recorded = [read_record(record_json(version)) for version in all_three]
    with ThreadPoolExecutor(3) as pool:
        for version, read, again in zip(all_three, recorded, pool.map(lambda one: whole_again(lanes, one), recorded), strict=True):
            assert read.intact and read.origins == version.origins
            assert str(again.story) == str(version.story) and again.token_ids == version.token_ids
    assert [len(version.origins) for version in (first, second, within)] == [1, 2, 1]
    assert within.parent and within.parent.sampling == parents[0].request.sampling


def whole_again(engine, recorded) -> StoryRecord:
    *_, record = rewrite.write_again(engine, recorded)
    return record


def replace_id(record: StoryRecord, story_id: str) -> StoryRecord:
    record.id = story_id
    return record


def test_a_version_of_a_story_that_looped_is_written_again(lanes: LocalEngine, parents: list[StoryRecord]) -> None:
    """Its parent went on with another seed after its end was cut off."""
    parent = parents[0]
    cut = version_of(lanes, parent, 3)
    looped = StoryRecord("looped", parent.request)
    looped.__dict__.update(cut.__dict__ | {"id": "looped", "origins": (), "resumed_at": ()})
    looped.finish, looped.state = Finish("loop", "It went round in circles.", tokens=cut.tokens, characters=len(cut.story)), "stopped"
    looped.resume()
    looped = whole(lanes, looped)
    later, before = version_of(lanes, looped, 5, seed=21), version_of(lanes, looped, 2, seed=21)
    assert later.parent and later.parent.reseeded == looped.reseeded and later.parent.sampling.seed == parent.request.sampling.seed
    assert before.parent and before.parent.reseeded == ()
    assert changed(later) == [f"seed 21 instead of {looped.request.sampling.seed}"]
    assert changed(before) == [f"seed 21 instead of {parent.request.sampling.seed}"]


def test_record_colophon_and_bibtex_name_the_parent_the_place_and_what_changed(lanes: LocalEngine, parents: list[StoryRecord]) -> None:
    version = version_of(lanes, parents[0], 2, seed=11, temperature=0.8)
    said = "after its paragraph 2, with temperature 0.8 instead of 0.6, seed 11 instead of 1"
    assert descent(version).startswith("Written on from “") and descent(version).endswith(said)
    (line,) = [line for line in colophon(version) if said in line]
    assert "parent 1" in line and f"{version.inherited.tokens:,}" in line
    assert said in bibtex(version) and "parent 1" in bibtex(version)
    data = json.loads(record_json(version))["written_on_from"]
    assert data[0]["story"] == "parent 1" and data[0]["tokens"] == version.inherited.tokens and data[0]["sampling"]["seed"] == 1


def test_another_version_is_the_same_request_with_another_seed(runner: Runner) -> None:
    parent = followed(runner.submit(asked("a fox", words=60, seed=3, max_new_tokens=100)))
    version = followed(runner.write_on(parent.id, 0, {}))
    assert version.request.sampling.seed != 3 and version.request == parent.request.with_seed(version.request.sampling.seed)
    assert version.inherited == Place() and descent(version).startswith("Another version of “")
    assert whole_again(runner.engine, read_record(record_json(version))).token_ids == version.token_ids


def test_its_speed_is_of_what_it_wrote_itself(lanes: LocalEngine, parents: list[StoryRecord]) -> None:
    version = version_of(lanes, parents[0], 3)
    kept = version.tokens
    version.apply(Started("p", 3, POLARIS if version.writer is None else version.writer), 0.0)
    for second in range(1, 12):
        version.apply(Delta.of("story", "word ", (7,)), float(second))
    assert version.tokens == kept + 11 and version.tokens_per_second == pytest.approx(1.1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda origins: origins[0].pop("tokens"),
        lambda origins: origins[0].update(tokens="many"),
        lambda origins: origins[0].update(sampling={"seed": -1}),
        lambda origins: origins[0]["sampling"].update(temperature=9),
        lambda origins: origins.append("a story"),
    ],
)
def test_a_damaged_descent_is_named(lanes: LocalEngine, parents: list[StoryRecord], damage) -> None:
    data = json.loads(record_json(version_of(lanes, parents[0], 2, seed=11)))
    damage(data["written_on_from"])
    with pytest.raises(UnreadableRecord, match="written_on_from"):
        read_record(json.dumps(data))


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paragraph", [-1, 10, 2.0, "2", None, True])
def test_a_paragraph_that_it_does_not_have(run, paragraph: object) -> None:
    runner = run(tells(TALE))
    parent = followed(runner.submit(asked()))
    with pytest.raises(RequestRefused, match="Paragraph: give a whole number from 0 to 9"):
        runner.write_on(parent.id, paragraph, {})


def test_only_settings_can_be_changed_and_within_their_limits(run) -> None:
    runner = run(tells(TALE))
    parent = followed(runner.submit(asked()))
    for raw, said in (
        ({"words": 500}, "Words: a story is written on as it was asked for"),
        ({"premise": "x"}, "Premise"),
        ({"temperature": 9}, "Temperature"),
        ({"tempo": 1}, "tempo"),
        ({"presence_penalty": 1, "repetition_penalty": 1.2}, "penalty"),
    ):
        with pytest.raises(RequestRefused, match=said):
            runner.write_on(parent.id, 1, raw)
    changed_to = runner.write_on(parent.id, 1, {"presence_penalty": 1.5}).record.request.sampling
    assert (changed_to.presence_penalty, changed_to.repetition_penalty) == (1.5, 1.0)


def test_a_budget_that_does_not_hold_what_is_kept(lanes: LocalEngine, parents: list[StoryRecord], runner: Runner) -> None:
    parent = followed(runner.submit(asked("a fox", words=60, seed=3, max_new_tokens=2000)))
    for budget in (64, parent.thinking_tokens):
        with pytest.raises(RequestRefused, match=r"Token budget: .* kept"):
            runner.write_on(parent.id, 2, {"max_new_tokens": budget})


def test_another_models_story_is_only_asked_for_again(run, tmp_path: Path) -> None:
    with closing(Library(tmp_path)) as library:
        told = followed(run(tells(TALE), library=library).submit(asked()))
    other = ScriptedEngine(tells(TALE), writer=replace(POLARIS, name="Fables-1B", model="someone/Fables-1B"))
    with closing(Library(tmp_path)) as library:
        runner = run(other, library=library)
        with pytest.raises(AnotherModel, match="Fables-1B"):
            runner.write_on(told.id, 1, {})
        assert followed(runner.write_on(told.id, 0, {})).writer == other.status().writer


def test_while_the_model_is_loading_nobody_knows_its_tokens(run, tmp_path: Path) -> None:
    with closing(Library(tmp_path)) as library:
        told = followed(run(tells(TALE), library=library).submit(asked()))
    with closing(Library(tmp_path)) as library:
        runner = run(ScriptedEngine(tells(TALE), writer=None), library=library)
        with pytest.raises(Busy, match="being loaded"):
            runner.write_on(told.id, 1, {})


def test_whoever_asks_again_and_again_is_refused_before_the_place_is_looked_for(run) -> None:
    runner = run(tells(TALE), fair=FairUse(Shares(checks=2)))
    parent = followed(runner.submit(asked(), "somebody"))
    for _ in range(2):
        with pytest.raises(RequestRefused, match="Paragraph"):
            runner.write_on(parent.id, 99, {}, "somebody")
    with pytest.raises(TooMany, match="within a minute"):
        runner.write_on(parent.id, 99, {}, "somebody")
    assert followed(runner.write_on(parent.id, 1, {}, "another"))


def test_it_takes_its_visitors_place_as_any_story(run) -> None:
    runner = run(endless, queue_size=1)
    parent = runner.submit(asked())
    until(lambda: parent.look().words > 3)
    runner.write_on(parent.record.id, 0, {})
    with pytest.raises(Busy, match="places in the queue"):
        runner.write_on(parent.record.id, 0, {})
    runner.stop(parent.record.id, parent.key)
