"""A record is written again from the command line: identical, or where not."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from polaris_demo.__main__ import DIFFERS, FAILED, IDENTICAL, main
from polaris_demo.engine.base import Engine
from polaris_demo.engine.local import LocalEngine
from polaris_demo.jobs.rewrite import as_prompted, remarks, write, write_again
from polaris_demo.story.citation import read_record, record_json, text_hash
from polaris_demo.story.events import Delta, Event, Finish, Resume, Started, TakenBack
from polaris_demo.story.markup import as_text
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import VERBATIM, SamplingParams, StoryRequest

from .doubles import MINIATURE, POLARIS, ScriptedEngine, story_events, tells

ROOT = Path(__file__).parent.parent
STORY = "# A lamp\n\n" + " ".join(f"word{n}" for n in range(1, 40))


def run(engine: Engine, *arguments: object) -> int:
    return main(["write", *map(str, arguments)], lambda settings: engine)


def scripted(folder: Path, engine: Engine, **changes: object) -> Path:
    """The record of a story that an engine tells, edited."""
    path = folder / "story.json"
    assert run(engine, "--premise", "a lamp", "--words", 60, "--seed", 5, "--record-out", path) == 0
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path


@pytest.fixture(scope="module")
def told(miniature: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a story that the miniature wrote, made from the command line."""
    path = tmp_path_factory.mktemp("records") / "story.json"
    assert run(miniature, "--premise", "a potter who finds a bell", "--words", 60, "--seed", 3, "--record-out", path) == 0
    return path


def test_a_record_made_on_this_machine_is_written_identically_by_a_process_of_its_own(told: Path, tmp_path: Path) -> None:
    env = os.environ | {"POLARIS_MODEL": "preview"}
    command = [sys.executable, "-m", "polaris_demo", "write", "--record", str(told), "--out", str(tmp_path / "again.txt")]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600, check=False)
    story = json.loads(told.read_text())["story"]
    assert (done.returncode, done.stdout) == (IDENTICAL, "identical\n"), done.stderr
    assert "Not all is as recorded" not in done.stderr and story[40:60] not in done.stderr
    assert (tmp_path / "again.txt").read_text().startswith(as_text(story))


def test_an_edited_record_differs_from_the_word_edited(
    told: Path, tmp_path: Path, miniature: LocalEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    data, path = json.loads(told.read_text()), tmp_path / "edited.json"
    words = data["story"].split(" ")
    data["story"] = " ".join([*words[:29], "EDITED", *words[30:]])
    number = data["story"].split().index("EDITED") + 1
    path.write_text(json.dumps(data))
    assert run(miniature, "--record", path) == FAILED
    shown = capsys.readouterr()
    assert f"differs from word {number} on\n" in shown.out and "EDITED" in shown.out and words[29] in shown.out
    assert "hash" in shown.err and "it is the record's text that was changed" in shown.out


@pytest.mark.parametrize("broken_off", [False, True])
def test_a_story_that_was_resumed_with_a_larger_budget_is_written_identically(miniature: LocalEngine, broken_off: bool) -> None:
    """Its thinking was closed by the first budget, and went on under the second."""
    sampling = SamplingParams(max_new_tokens=64, seed=4)
    record = StoryRecord("id", StoryRequest("a lighthouse keeper and a stolen bell", 60, sampling=sampling))
    for _ in write(miniature, record):
        pass
    assert record.thinking_closed and record.finish and record.finish.reason == "length"
    first = str(record.story)
    record.resume()
    for _ in write(miniature, record, len(first) + 30 if broken_off else None):
        pass
    assert len(str(record.story)) > len(first) and record.resumed_at == (64,)
    recorded = read_record(record_json(record))
    assert recorded.ended != broken_off
    *_, again = write_again(miniature, recorded)
    assert again.state == ("stopped" if broken_off else "finished"), "no further than it was written"
    assert str(again.story)[: None if recorded.ended else recorded.characters] == str(record.story)


def test_a_story_between_segments_goes_on(tmp_path: Path) -> None:
    events = story_events("plan", STORY)

    class Segmented(ScriptedEngine):
        def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Iterator[Event]:
            yield from [*events[:6], Finish("segment")] if not resume.token_ids else events[6:]

    path = scripted(tmp_path, Segmented(tells(STORY)))
    assert json.loads(path.read_text())["story"] == STORY
    assert run(Segmented(tells(STORY)), "--record", path) == IDENTICAL


@pytest.mark.parametrize("broken_off", [False, True])
def test_a_story_that_looped_and_went_on_with_another_seed_is_written_identically(broken_off: bool) -> None:
    """The loop was longer than what was written of the story after it was cut."""
    sound, kept = "It rang once. ", 3

    class Loops(ScriptedEngine):
        def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Iterator[Event]:
            first = not resume.token_ids
            events = (
                story_events("a plan", sound + "and again, " * 40, 7)
                if first
                else story_events("", f"By seed {request.sampling.seed}.")[1:]
            )
            end = [Finish("loop", tokens=2 + 2, characters=len(sound))] if first else events[-1:]
            for event in [*events[:-1], *end]:
                yield event
                if stop.is_set():
                    yield Finish("cancelled")
                    return

    engine = Loops(tells(""))
    record = StoryRecord("id", StoryRequest("a bell", 60).with_seed(kept))
    *_, record = write(engine, record)
    record.resume()
    *_, record = write(engine, record, len(sound) + 5 if broken_off else None)
    recorded = read_record(record_json(record))
    assert recorded.ended != broken_off and recorded.request.sampling.seed == kept and recorded.seeds == (kept + 1,)
    *_, again = write_again(engine, recorded)
    assert str(again.story) == str(record.story) == (f"{sound}By seed" if broken_off else f"{sound}By seed {kept + 1}.")


def test_a_story_that_went_on_without_the_guard_is_written_identically() -> None:
    class Loops(ScriptedEngine):
        def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Iterator[Event]:
            if resume.token_ids:
                yield from [Delta.of("story", "and no more." if not resume.guard else "CANARY", (99,)), Finish("stop")]
                return
            yield from story_events("a plan", "It rang once. " + "and again, " * 4, 7)[:-1]
            yield Finish("loop", tokens=4, characters=14)

    engine = Loops(tells(""))
    record = StoryRecord("id", StoryRequest("a bell", 60).with_seed(3))
    *_, record = write(engine, record)
    record.resume(without_guard=True)
    *_, record = write(engine, record)
    recorded = read_record(record_json(record))
    *_, again = write_again(engine, recorded)
    assert recorded.unguarded and str(again.story) == str(record.story) == "It rang once. " + "and again, " * 4 + "and no more."


def test_a_broken_off_story_is_compared_as_far_as_it_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine, begun = ScriptedEngine(tells(STORY)), STORY[:50]
    path = scripted(tmp_path, engine, story=begun, sha256=text_hash(begun), characters=50, finish_reason="cancelled")
    assert run(engine, "--record", path) == IDENTICAL
    assert "identical as far as it was written\n" in capsys.readouterr().out
    assert run(ScriptedEngine(tells(STORY.replace("word3 ", "other "))), "--record", path) == DIFFERS


def test_another_story_differs_and_what_is_not_as_recorded_is_said_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = scripted(tmp_path, ScriptedEngine(tells(STORY), replace(POLARIS, versions={"torch": "1", "gone": "1"})))
    there = replace(POLARIS, device="other GPU", precision="fp32", versions={"torch": "2", "new": "1"})
    assert run(ScriptedEngine(tells(STORY.replace("word30", "sword30")), there), "--record", path) == DIFFERS
    shown = capsys.readouterr()
    assert "Not all is as recorded: precision bf16, here fp32; device test GPU, here other GPU; torch 1, here 2." in shown.err
    assert "differs from word 33 on\n" in shown.out


def test_a_resumed_story_in_bf16_is_said_to_have_been_written_in_parts(tmp_path: Path) -> None:
    recorded = read_record(scripted(tmp_path, ScriptedEngine(tells(STORY)), resumed_at=[9]).read_text())
    assert "in 2 parts" in remarks(recorded, POLARIS)[0]
    assert not remarks(replace(recorded, resumed=0), POLARIS)


def test_the_recorded_prompt_is_used_where_the_app_would_word_it_otherwise(miniature: LocalEngine, told: Path) -> None:
    recorded = read_record(told.read_text())
    assert as_prompted(miniature, recorded) == recorded.request
    older = replace(recorded, prompt=recorded.prompt.replace("Write a", "Please write a"))
    request = as_prompted(miniature, older)
    assert request.form == VERBATIM and miniature.prompt(request)[0] == older.prompt
    assert as_prompted(miniature, replace(recorded, prompt="another template")) == recorded.request


def test_a_failure_of_the_engine_is_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = scripted(tmp_path, ScriptedEngine(tells(STORY)))
    capsys.readouterr()
    failing = ScriptedEngine(lambda request, stop: iter([*story_events("plan", STORY)[:9], Finish("error", "The GPU left.")]))
    assert run(failing, "--record", path) == FAILED
    shown = capsys.readouterr()
    assert "The GPU left." in shown.err and not shown.out


def test_a_length_that_is_not_given_is_the_usual_one_of_who_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for writer, words in ((POLARIS, 2000), (MINIATURE, 600)):
        path = tmp_path / f"{words}.json"
        assert run(ScriptedEngine(tells(STORY), writer), "--premise", "a lamp", "--record-out", path) == 0
        assert json.loads(path.read_text())["request"]["words"] == words
    assert "warning" not in capsys.readouterr().err
    assert run(ScriptedEngine(tells(STORY), MINIATURE), "--premise", "a lamp", "--words", 2000) == 0
    assert "warning: Words: above 1,500" in capsys.readouterr().err


def test_a_new_story_is_told_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    shown = []

    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        for event in story_events("a plan", STORY):
            yield event
            shown.append(capsys.readouterr().out)

    assert run(ScriptedEngine(script), "a lamp", "--words", 300, "--seed", 7) == 0
    pieces = [piece for piece in shown if piece]
    assert len(pieces) > 3 and "".join([*pieces, capsys.readouterr().out]) == STORY + "\n"


def test_whoever_reads_only_its_beginning_gets_no_traceback(tmp_path: Path) -> None:
    command = f"{sys.executable} -m polaris_demo write 'a fox' --words 100 --record-out {tmp_path / 'story.json'} | head -c 5"
    environment = os.environ | {"POLARIS_MODEL": "preview"}
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=120, env=environment)
    assert len(done.stdout) == 5 and "Traceback" not in done.stderr and "story.json written" in done.stderr


def test_what_is_taken_back_on_the_way_is_told_again_from_the_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    events = [
        Started("<prompt>", 60, POLARIS), Delta.of("story", "It was a plan still.", (1, 2)), TakenBack(2, 0),
        Delta.of("story", STORY, (3, 4)), Finish("stop"),
    ]  # fmt: skip
    assert run(ScriptedEngine(lambda request, stop: iter(events)), "a lamp") == 0
    told = capsys.readouterr()
    assert told.out == f"It was a plan still.\n\n{STORY}\n" and "begins again" in told.err


def test_what_a_failing_engine_wrote_of_a_new_story_is_kept(tmp_path: Path) -> None:
    failing = ScriptedEngine(lambda request, stop: iter([*story_events("plan", STORY)[:9], Finish("error", "The GPU left.")]))
    assert run(failing, "--premise", "a lamp", "--out", tmp_path / "s.txt") == FAILED
    assert (tmp_path / "s.txt").read_text().startswith(as_text(STORY[:30]))


@pytest.mark.parametrize(
    ("name", "content"), [("missing.json", None), ("binary.json", b"\xff\xfe\x00"), ("text.json", b"hello"), ("other.json", b"{}")]
)
def test_what_is_no_record_is_refused_before_anything_is_loaded(
    tmp_path: Path, name: str, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    def load(settings: object) -> Engine:
        raise AssertionError("loaded")

    assert main(["write", "--record", str(path)], load) == FAILED
    shown = capsys.readouterr()
    assert name in shown.err and not shown.out and "Traceback" not in shown.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--premise", "p", "--words", "49"], "Words: 49 is outside the limits"),
        (["--premise", "p", "--out", "story.pdf"], "has to end in ."),
        (["--premise", "p", "--record-out", "story.txt"], "has to end in .json"),
        (["--premise", "p", "--out", "no/such/folder/story.md"], "does not exist"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ScriptedEngine(tells(STORY)), *arguments) == FAILED
    assert said in capsys.readouterr().err


def test_a_record_is_not_mixed_with_wishes(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(ScriptedEngine(tells(STORY)), "--record", tmp_path / "x.json", "--words", 300)
    assert stopped.value.code == FAILED


def test_a_terminal_gets_no_control_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = scripted(tmp_path, ScriptedEngine(tells(STORY)), story="\x1b[31m" + STORY)
    assert run(ScriptedEngine(tells(STORY)), "--record", path) == FAILED
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err


def test_help_names_both_uses_and_starts_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "polaris_demo", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert "write --record story.json" in done.stdout and 'write "a robot' in done.stdout and "POLARIS_MODEL" in done.stdout
