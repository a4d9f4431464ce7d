"""Lists of prompts as they are brought: every kind asks for the same, and one that cannot be written is refused whole."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from polaris_demo.__main__ import FAILED, main
from polaris_demo.story.request import FIELDS

from .batches import listed, records, rows, run, unloaded
from .doubles import POLARIS, ScriptedEngine, echoes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.txt", "\ufeffa fox\r\n\r\n  a bell \r\n"),
        ("p.jsonl", '"a fox"\n\n{"premise": "a bell", "seed": null}\n'),
        ("p.json", '["a fox", {"premise": "a bell"}]'),
        ("p.csv", "\ufeffpremise,words\r\na fox,\r\n\r\n a bell,2000\r\n"),
    ],
)
def test_every_kind_of_list_asks_for_the_same(tmp_path: Path, name: str, text: str) -> None:
    assert run(ScriptedEngine(echoes), listed(tmp_path, text, name), tmp_path / "out") == 0
    found = [(row["premise"], row["target_words"], row["form"]) for row in rows(tmp_path / "out")]
    assert found == [("a fox", "2000", "short story"), ("a bell", "2000", "short story")]


def test_a_list_in_the_papers_words_is_sent_untouched(tmp_path: Path) -> None:
    prompt = "Write about a bell,\nand a fox. Your story should be approximately 900 words long."
    prompts = listed(tmp_path, f'uid,prompt,target_word_count\nab/../c 7,"{prompt}",900\n', "paper.csv")
    assert run(ScriptedEngine(echoes), prompts, tmp_path / "out", "--temperature", 1, "--seed", 5) == 0
    (row,), (record,) = rows(tmp_path / "out"), records(tmp_path / "out")
    asked = record["request"]
    assert (asked["premise"], asked["form"], asked["words"], asked["temperature"], asked["seed"]) == (prompt, "verbatim", 900, 1.0, 5)
    assert row["id"] == "ab/../c 7" and row["record"] == "001-ab-c-7.json"


def test_what_a_line_says_stands_before_what_the_options_say(tmp_path: Path) -> None:
    values = {"words": 300, "form": "scene", "temperature": 0.7, "top_k": 30, "seed": 9, "presence_penalty": 0.5, "repetition_penalty": 1}
    given = "\n".join(json.dumps({"premise": "a fox"} | more) for more in (values, {}))
    assert run(ScriptedEngine(echoes), listed(tmp_path, given, "p.jsonl"), tmp_path / "out", "--words", 400, "--top-k", 10) == 0
    first, second = (record["request"] for record in records(tmp_path / "out"))
    assert {name: first[name] for name in values} == values and set(first) == set(FIELDS)
    assert (second["words"], second["top_k"], second["form"]) == (400, 10, "short story")


BAD = [
    ("p.txt", "a fox\n\n" + "x" * 4001, ["p.txt, line 3: Premise: 4,001 characters are too many. Shorten it to 4,000 or fewer."]),
    ("p.txt", "a\x00b\n", ["line 1: Premise: it holds control characters"]),
    ("p.txt", " \n\n", ["holds no prompt. Give 1 to 10,000."]),
    ("p.txt", "a fox\n" * 10_001, ["holds 10,001 prompts. Give 1 to 10,000."]),
    ("p.csv", "premise,words\na fox,20\nb,300\nc,x\n", ["line 2: Words: 20 is outside the limits. Give a whole number from 50", "line 4: Words: 'x'"]),
    ("p.csv", 'premise,seed\n"a\nfox",1\n"b\nc",-7\n', ["line 4: Seed: -7 is outside the limits."]),
    ("p.csv", "premise,wrods\na,1\n", ["line 1: The header names “wrods”, which is no field. A list's fields are premise, words,"]),
    ("p.csv", "title,words\na,100\n", ["line 1: The header names no “premise”. Give a first line such as premise,words,seed."]),
    ("p.csv", "premise,words,words\na,1,1\n", ["The header names “words” twice."]),
    ("p.csv", "premise,words\na, and b,200\n", ["line 2: It has 3 cells, and the header 2. A cell with a comma"]),
    ("p.csv", 'premise\n"a fox\n', ["line 2: It is not CSV", "double quotation marks"]),
    ("p.csv", "premise,prompt\na,b\n", ["line 2: “prompt” and “premise” are both given, and they are the same field. Leave one of them out."]),
    ("p.jsonl", '"a"\n{"premise": "b"', ["line 2: It is not JSON"]),
    ("p.jsonl", "7\n", ["line 1: It is neither a premise nor an object."]),
    ("p.jsonl", '{"premise": "b", "lenght": 7}\n', ["line 1: 'lenght' is not a setting. A list's fields are premise,"]),
    ("p.jsonl", '{"words": 700}\n', ["line 1: Premise: nothing was given."]),
    ("p.jsonl", '{"premise": "a", "form": "sonnet"}\n', ["line 1: Form: 'sonnet' is not one of the forms. Choose short story,"]),
    ("p.jsonl", '{"premise": "a", "presence_penalty": 1, "repetition_penalty": 1.1}\n', ["line 1: Presence penalty: 1 is used together"]),
    ("p.jsonl", '{"premise": "a", "temperature": NaN}\n', ["line 1: Temperature: nan is not a finite number."]),
    ("p.jsonl", "[" * 100_000 + "\n", ["line 1: It is n"]),
    ("p.jsonl", '{"premise": "a", "id": [1]}\n', ["line 1: Id: it is no name."]),
    ("p.json", '["a", 7]', ["item 2: It is neither a premise nor an object."]),
    ("p.json", '{"premise": "a"}', ["It is JSON, but no list."]),
    ("p.xlsx", "a", ["has to end in .txt, .jsonl, .json, .csv"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), BAD, ids=[f"{name}-{said[0][:30]}" for name, _, said in BAD])
def test_a_list_with_a_bad_line_is_refused_before_anything_is_loaded_or_written(
    tmp_path: Path, name: str, text: str, said: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = listed(tmp_path, text, name)
    assert main(["write", "--prompts", str(prompts), "--out-dir", str(tmp_path / "out")], unloaded) == FAILED
    shown = capsys.readouterr()
    assert all(sentence in shown.err for sentence in said) and "Traceback" not in shown.err, shown.err
    assert not (tmp_path / "out").exists() and not shown.out


def test_many_bad_lines_are_not_all_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompts = listed(tmp_path, "premise,words\n" + "a,1\n" * 50, "p.csv")
    assert main(["write", "--prompts", str(prompts), "--out-dir", str(tmp_path / "out")], unloaded) == FAILED
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 22 and said[-2:] == ["And 30 more of the kind.", "Nothing was written."]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00a"])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.txt"
    if content:
        path.write_bytes(content)
    assert main(["write", "--prompts", str(path), "--out-dir", str(tmp_path / "out")], unloaded) == FAILED
    assert str(path) in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_request_that_the_model_cannot_read_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = replace(POLARIS, context=4000)
    prompts = listed(tmp_path, "premise,words\na fox,100\na bell,9000\n", "p.csv")
    assert run(ScriptedEngine(echoes, small), prompts, tmp_path / "out", "--max-new-tokens", 3990) == FAILED
    shown = capsys.readouterr().err
    assert "line 2 and 1 more: Token budget: a prompt of 60 tokens" in shown and "Lower the token budget to 3,940" in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--prompts", "p.txt"],
        ["--prompts", "p.txt", "--out-dir", "o", "--out", "s.md"],
        ["a fox", "--out-dir", "o"],
        ["a fox", "--prompts", "p.txt", "--out-dir", "o"],
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["write", *arguments], unloaded)
    assert stopped.value.code == FAILED
