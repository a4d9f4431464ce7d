"""A list of prompts becomes records and a table, whatever cuts the writing off, in a folder that is one batch's."""

import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from polaris_demo import card
from polaris_demo.__main__ import DIFFERS, FAILED, IDENTICAL, INTERRUPTED, main
from polaris_demo.engine.base import GpuBroken
from polaris_demo.engine.local import LocalEngine
from polaris_demo.jobs import atomic
from polaris_demo.story.citation import read_record
from polaris_demo.story.events import Event, Finish, Resume
from polaris_demo.story.measures import count_words, self_repetition
from polaris_demo.story.request import StoryRequest

from .batches import listed, records, rows, run, unloaded
from .doubles import MINIATURE, POLARIS, ScriptedEngine, TextEngine, echoes, story_events, tells, until
from .steady import Steady, told

ROOT = Path(__file__).parent.parent


def pieces(folder: Path, of: str = "pieces") -> int:
    """How often something of a story at work was saved; or what else is counted of it."""
    path = folder / "unfinished" / "stories.db"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return int(db.execute(f"SELECT count(*) FROM {of}").fetchone()[0])
    except sqlite3.OperationalError:  # it is just being made
        return 0


# Cut off.


def begun(prompts: Path, folder: Path, *options: object, module: str = "tests.steady", **env: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", module, "write", "--prompts", prompts, "--out-dir", folder, *options]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([str(part) for part in command], cwd=ROOT, env=os.environ | env, **pipes)


def killed(process: "subprocess.Popen[str]", when: Callable[[], bool] = lambda: False, by: int = signal.SIGKILL) -> tuple[str, str]:
    """End a process once `when` holds, if it has not ended itself; what it said."""
    until(lambda: when() or process.poll() is not None, 30, "the moment to end it")
    if process.poll() is None:
        process.send_signal(by)
    said = process.communicate(timeout=30)
    assert process.returncode == (-signal.SIGKILL if by == signal.SIGKILL else INTERRUPTED), said
    return said


def test_twenty_prompts_killed_at_every_bad_moment_come_out_as_if_nothing_had_happened(tmp_path: Path) -> None:
    lines = ["premise,words,seed", *(f"premise {n},{50 + n},{n if n % 2 else ''}" for n in range(1, 21))]
    prompts, folder = listed(tmp_path, "\n".join(lines), "prompts.csv"), tmp_path / "out"
    killed(begun(prompts, folder, KILL="before:1"))
    assert not (folder / "plan.json").exists()
    killed(begun(prompts, folder, KILL="after:1"))
    plan = (folder / "plan.json").read_bytes()
    killed(begun(prompts, folder), lambda: pieces(folder) >= 6)
    there = len(records(folder))
    killed(begun(prompts, folder, KILL="before:1"))
    (part,) = folder.glob("[0-9]*.json.part")
    ended = json.loads(part.read_text())["id"]
    assert pieces(folder, f"stories WHERE id = '{ended}'") == 1 and len(records(folder)) == there, "what has no file yet is kept nowhere"
    killed(begun(prompts, folder, KILL="after:3"))  # a record, the table, and the next record
    assert len(records(folder)) == there + 2 and len([row for row in rows(folder) if row["record"]]) == there + 1
    killed(begun(prompts, folder), lambda: len(records(folder)) >= there + 6)
    last = begun(prompts, folder)
    out, err = last.communicate(timeout=60)
    assert last.returncode == 0 and out.startswith("20 of 20 written.\n"), err
    assert_whole(folder, plan)
    assert sum(bool(record["resumed_at"]) for record in records(folder)) >= 3, "none was gone on with: all were begun anew"


def assert_whole(folder: Path, plan: bytes) -> None:
    """All is there, as an undisturbed run with these seeds would have written it, and nothing else."""
    assert (folder / "plan.json").read_bytes() == plan, "another plan: the seeds were drawn again"
    tasks, table, found = json.loads(plan)["stories"], rows(folder), records(folder)
    assert {path.name for path in folder.iterdir()} == {"plan.json", "table.csv", *(task["record"] for task in tasks)}
    assert len(found) == 20 and len({task["request"]["seed"] for task in tasks if task["number"] % 2 == 0}) == 10
    for number, (task, row, record) in enumerate(zip(tasks, table, found, strict=True), 1):
        request = read_record(json.dumps(record)).request
        assert record["story"] == told(request) and read_record(json.dumps(record)).intact
        assert request.premise == f"premise {number}" and request.words == 50 + number
        assert request.sampling.seed == task["request"]["seed"] and (number % 2 == 0 or request.sampling.seed == number)
        assert_row(row, record, number)


def assert_row(row: dict[str, str], record: dict[str, Any], number: int) -> None:
    words, asked, story = count_words(record["story"]), record["request"]["words"], record["story"]
    low, high = card.EVALUATION_BAND.around(asked)
    assert {name: row[name] for name in ("number", "premise", "form", "target_words", "words", "finish_reason", "model")} == {
        "number": f"{number}", "premise": record["request"]["premise"], "form": "short story", "target_words": f"{asked}",
        "words": f"{words}", "finish_reason": "stop", "model": POLARIS.model,
    }  # fmt: skip
    assert float(row["length_ratio"]) == round(words / asked, 3) and row["in_band"] == ("yes" if low <= words <= high else "no")
    assert float(row["self_repetition"]) == round(self_repetition(story).penalty, 4)
    assert int(row["seed"]) == record["request"]["seed"] and (int(row["thinking_tokens"]), int(row["story_tokens"])) == (5, words)
    assert float(row["seconds"]) == record["seconds_at_work"] > 0


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_an_order_to_end_keeps_what_was_written_and_the_folder_is_one_commands_at_a_time(
    tmp_path: Path, order: int, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts, folder = listed(tmp_path, "a fox\na bell\na lamp\n"), tmp_path / "out"
    options = ("--words", 250, "--seed", 3)
    process = begun(prompts, folder, *options)
    until(lambda: pieces(folder) >= 4, 30)
    assert run(Steady(), prompts, folder, *options) == FAILED
    assert f"Another process ({process.pid}) is writing the stories of" in capsys.readouterr().err
    out, err = killed(process, lambda: pieces(folder) >= 4, order)
    assert "the same command goes on from there" in err and "Traceback" not in err and out.startswith("0 of 3 written.\n")
    assert not records(folder) and {row["state"] for row in rows(folder)} == {"stopped"} and int(rows(folder)[0]["story_tokens"])
    assert run(Steady(pace=0), prompts, folder, *options) == 0
    assert [record["story"] for record in records(folder)] == [told(read_record(json.dumps(r)).request) for r in records(folder)]
    assert all(record["resumed_at"][0] > 5 for record in records(folder))


def test_the_miniature_killed_within_a_story_goes_on_with_it_token_for_token(miniature: LocalEngine, tmp_path: Path) -> None:
    prompts, folder = listed(tmp_path, "a potter who finds a bell\n"), tmp_path / "out"
    killed(begun(prompts, folder, "--words", 120, module="polaris_demo", POLARIS_MODEL="preview"), lambda: pieces(folder) >= 2)
    assert not records(folder)
    assert run(miniature, prompts, folder, "--words", 120) == 0
    (record,) = records(folder)
    assert record["resumed_at"] and record["resumed_at"][0] > 0
    (path,) = folder.glob("001-*.json")
    assert main(["write", "--record", str(path)], lambda settings: miniature) == IDENTICAL


# Written.


def test_as_many_are_written_at_a_time_as_the_engine_can_and_nothing_is_written_twice(tmp_path: Path) -> None:
    prompts, folder = listed(tmp_path, "\n".join(f"premise {n}" for n in range(9))), tmp_path / "deep" / "out"
    engine = Steady(capacity=3, pace=0.001)
    assert run(engine, prompts, folder, "--words", 50) == 0
    assert engine.most_running == 3 and engine.begun == 9
    before = {path: path.stat().st_mtime_ns for path in folder.glob("[0-9]*.json")}
    assert main(["write", "--prompts", str(prompts), "--out-dir", str(folder), "--words", "50"], unloaded) == 0
    assert before == {path: path.stat().st_mtime_ns for path in folder.glob("[0-9]*.json")}
    missing = sorted(before)[4]
    missing.unlink()
    assert run(engine, prompts, folder, "--words", 50) == 0 and engine.begun == 10 and missing.exists()


def test_a_story_that_fails_has_its_reason_and_ends_nothing_and_is_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fails = True

    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        if request.premise == "=fails" and fails:
            return iter([*story_events("plan", "A beginning of it. " * 9)[:9], Finish("error", "The GPU left.")])
        if request.premise == "raises" and fails:
            raise RuntimeError("CANARY")
        return echoes(request, stop)

    prompts, folder = listed(tmp_path, "a fox\n=fails\nraises\na bell\n"), tmp_path / "out"
    assert run(ScriptedEngine(script), prompts, folder) == DIFFERS
    said, found = capsys.readouterr(), rows(folder)
    assert said.out.startswith("2 of 4 written, 2 failed.") and "tries it again" in said.err and "CANARY" not in said.err
    assert [row["state"] for row in found] == ["finished", "failed", "failed", "finished"]
    assert found[1]["message"] == "The GPU left." and found[1]["premise"] == "'=fails" and int(found[1]["words"]) > 2
    assert (found[1]["record"], found[1]["length_ratio"], found[1]["in_band"]) == ("", "", "")
    fails = False
    assert run(ScriptedEngine(script), prompts, folder) == 0
    assert [row["state"] for row in rows(folder)] == ["finished"] * 4 and not (folder / "unfinished").exists()


def test_an_engine_without_token_ids_goes_on_from_its_texts_and_no_thinking_is_left(tmp_path: Path) -> None:
    engine, prompts, folder = (
        TextEngine("It rang once, and then no more.", "CANARY, then a bell."),
        listed(tmp_path, "a bell\n"),
        tmp_path / "o",
    )
    engine.fails_at = 10
    assert run(engine, prompts, folder) == DIFFERS
    assert rows(folder)[0]["message"] == "The engine does not answer." and (folder / "unfinished").exists()
    engine.fails_at = None
    assert run(engine, prompts, folder) == 0
    (record,) = records(folder)
    assert record["story"] == "It rang once, and then no more." and record["resumed_at"]
    assert not any(b"CANARY" in path.read_bytes() for path in folder.rglob("*"))


def test_a_full_disk_ends_the_run_with_a_sentence_and_the_next_one_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts, folder, write = listed(tmp_path, "a fox\na bell\na lamp\n"), tmp_path / "out", atomic.write

    def full(path: Path, text: str) -> None:
        if path.name.startswith("002"):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, text)

    monkeypatch.setattr(atomic, "write", full)
    assert run(ScriptedEngine(echoes), prompts, folder) == FAILED
    assert "002-a-bell.json cannot be written: No space left on device." in capsys.readouterr().err
    monkeypatch.undo()
    assert run(ScriptedEngine(echoes), prompts, folder) == 0 and len(records(folder)) == 3


def test_a_broken_gpu_ends_the_run_and_the_next_one_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Breaks(ScriptedEngine):
        def write(self, request: StoryRequest, resume: Resume, stop: threading.Event) -> Iterator[Event]:
            if request.premise == "breaks":
                yield Finish("error", "The GPU failed.")
                raise GpuBroken
            yield from super().write(request, resume, stop)

    prompts, folder = listed(tmp_path, "a fox\nbreaks\na bell\n"), tmp_path / "out"
    assert run(Breaks(echoes), prompts, folder) == FAILED
    assert "run the same command again" in capsys.readouterr().err
    assert [row["state"] for row in rows(folder)] == ["finished", "failed", "not begun"]
    assert run(ScriptedEngine(echoes), prompts, folder) == 0


def test_the_summary_is_by_length_beside_the_cards_ratio_and_beside_none_for_the_miniature(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = "\n".join(json.dumps({"premise": "a fox", "words": words}) for words in (200, 1000, 3000, 9000))
    prompts = listed(tmp_path, given, "prompts.jsonl")

    def script(request: StoryRequest, stop: threading.Event) -> Iterator[Event]:
        return tells(" ".join(f"w{n}" for n in range(request.words * 4 // 5)))(request, stop)

    assert run(ScriptedEngine(script), prompts, tmp_path / "out") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    ratios = [f"{bucket.ratios['POLARIS-9B']:.2f}" for bucket in (card.LENGTH_BUCKETS[0], card.LENGTH_BUCKETS[2])]
    assert lines[2:6] == [
        ["below", "1,000", "1", "100", "%", "0.80", "0.000"], ["1–4k", "2", "0", "%", "0.80", ratios[0], "0.000"],
        ["8–12k", "1", "0", "%", "0.80", ratios[1], "0.000"], ["all", "4", "25", "%", "0.80", "0.000"],
    ]  # fmt: skip
    assert median(float(row["length_ratio"]) for row in rows(tmp_path / "out")) == 0.8
    assert run(ScriptedEngine(script, MINIATURE), prompts, tmp_path / "other") == 0
    assert not any(ratio in line for line in capsys.readouterr().out.splitlines() for ratio in ratios)


# A folder is one batch's.


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("batch")
    prompts = listed(base, "a fox\na bell\n")
    assert run(ScriptedEngine(echoes), prompts, base / "out", "--words", 300) == 0
    return prompts, base / "out"


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a fox\na lamp\n", ["--words", 300], "line 2: Premise is another one"),
        ("a fox\n", ["--words", 300], "it is of 2 prompts, and here are 1"),
        ("a fox\na bell\n", ["--words", 400], "line 1: Words was 300 and here is 400"),
        ("a fox\na bell\n", [], "line 1: Words was 300 and here is not given"),
        ("a fox\na bell\n", ["--words", 300, "--seed", 5], "line 1: Seed was not given and here is 5"),
    ],
)
def test_another_list_or_other_settings_are_not_mixed_in(
    written: tuple[Path, Path], tmp_path: Path, text: str, options: list[object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in written[1].iterdir()}
    arguments = ["write", "--prompts", listed(tmp_path, text), "--out-dir", written[1], *options]
    assert main([str(argument) for argument in arguments], unloaded) == FAILED
    assert said in capsys.readouterr().err and before == {path: path.read_bytes() for path in written[1].iterdir()}


def test_another_model_is_not_mixed_in(written: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    prompts, folder = written
    path = folder / "002-a-bell.json"
    source = path.read_text()
    path.unlink()
    try:
        assert run(ScriptedEngine(echoes, MINIATURE), prompts, folder, "--words", 300) == FAILED
        assert f"{POLARIS.model} (revision abc), and here bundled miniature (revision abc) writes" in capsys.readouterr().err
        path.write_text(source[:-30])
        assert run(ScriptedEngine(echoes), prompts, folder, "--words", 300) == FAILED
        assert "002-a-bell.json is not the record" in capsys.readouterr().err and path.read_text() == source[:-30]
    finally:
        path.write_text(source)


@pytest.mark.parametrize(("name", "said"), [("notes.txt", "holds other files"), ("plan.json", "is not the plan of a batch")])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / name).write_text("{}")
    arguments = ["write", "--prompts", str(listed(tmp_path, "a fox\n")), "--out-dir", str(folder)]
    assert main(arguments, unloaded) == FAILED
    assert said in capsys.readouterr().err and [path.name for path in folder.iterdir()] == [name]


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "file" / "out"
    (tmp_path / "file").write_text("")
    assert run(ScriptedEngine(echoes), listed(tmp_path, "a fox\n"), folder) == FAILED
    shown = capsys.readouterr().err
    assert "cannot be written" in shown and "Traceback" not in shown
