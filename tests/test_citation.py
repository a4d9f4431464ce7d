"""A story's record names all it takes to write it again, and nothing of its thinking; BibTeX holds any text."""

import hashlib
import json
import re
from dataclasses import asdict, replace

import pytest

from polaris_demo import card
from polaris_demo.story.citation import (
    Recorded,
    UnreadableRecord,
    bibtex,
    first_difference,
    first_request,
    read_record,
    record_json,
    text_hash,
)
from polaris_demo.story.colophon import colophon
from polaris_demo.story.events import Finish, ThinkingClosed
from polaris_demo.story.model_info import ModelInfo
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import SamplingParams, StoryRequest, thinking_budget, token_budget

from .doubles import POLARIS
from .test_exports import HOSTILE, told


def edited(record: StoryRecord, **changes: object) -> str:
    return json.dumps(json.loads(record_json(record)) | changes)


def asked(words: int, budget: int) -> StoryRequest:
    return StoryRequest("p", words, sampling=SamplingParams(max_new_tokens=budget, seed=1))


def test_a_record_names_all_it_takes_to_write_the_story_again() -> None:
    record = told("# T\n\nOnce 🌟.")
    record.writer = replace(POLARIS, versions={"torch": "2"})
    record.apply(ThinkingClosed(1), 1.0)
    record.resumed_at = (3,)
    data = json.loads(record_json(record, "https://example.org/s"))
    assert data["request"]["seed"] == 7 and data["request"]["premise"] == "a robot" and data["request"]["max_new_tokens"] == 0
    assert data["token_budget"] == token_budget(record.request) and data["prompt"] == "<prompt>"
    assert data["writer"] == {k: v for k, v in json.loads(json.dumps(asdict(record.writer))).items() if k != "why"}
    assert (data["thinking_closed_at"], data["resumed_at"], data["finish_reason"]) == (1, [3], "stop")
    assert data["sha256"] == hashlib.sha256("# T\n\nOnce 🌟.".encode()).hexdigest()
    assert (data["story"], data["link"], data["created"]) == ("# T\n\nOnce 🌟.", "https://example.org/s", "2026-09-21T14:13:20Z")


def test_a_record_holds_no_thinking_and_no_tokens() -> None:
    record = told("Once.")
    record.token_ids = [987654321]
    assert "CANARY" not in record_json(record) and "987654321" not in record_json(record)


def test_a_record_reads_back() -> None:
    record = told(f"# {HOSTILE}", "p")
    found = read_record(record_json(record))
    assert found.request == replace(record.request, sampling=replace(record.request.sampling, max_new_tokens=token_budget(record.request)))
    assert found.intact and found.ended and found.writer == replace(POLARIS, why="") and found.resumed == 0


@pytest.mark.parametrize(("seed", "second"), [(7, 8), (2**32 - 1, 0)])
def test_a_record_names_every_seed(seed: int, second: int) -> None:
    """A story that looped went on with the next one."""
    record = told("Once upon a time.")
    record.request = record.request.with_seed(seed)
    record.apply(Finish("loop", tokens=4, characters=9), 1.0)
    record.resume()
    found = read_record(record_json(record))
    assert (found.request.sampling.seed, found.seeds) == (seed, (second,))
    assert all(f"seed {seed}, from token 4 on {second}" in said for said in (bibtex(record), " ".join(colophon(record))))


def test_a_text_or_hash_that_was_changed_shows() -> None:
    record = told("Once upon a time.")
    assert not read_record(edited(record, story="Once upon a tame.")).intact
    assert not read_record(edited(record, sha256=text_hash("Once upon a tame."))).intact


@pytest.mark.parametrize(
    ("reason", "ended"), [("stop", True), ("length", True), ("cancelled", False), ("segment", False), ("loop", False), ("error", False)]
)
def test_a_story_broken_off_is_the_beginning_of_one(reason: str, ended: bool) -> None:
    record = told("Once.")
    record.apply(Finish(reason), 1.0)  # type: ignore[arg-type]
    assert read_record(record_json(record)).ended == ended


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not the record of a story"),
        ('{"format": "other"}', "not the record of a story"),
        (edited(told("x"), format_version=2), "version 2"),
        (record_json(told("")), "no text"),
        (edited(told("x"), prompt=3), "prompt is missing"),
        (edited(told("x"), story=None), "story is missing"),
        (edited(told("x"), request=None), "request is missing"),
        (edited(told("x"), request={"premise": "p", "words": 49, "seed": 1}), "Words: 49 is outside the limits"),
        (edited(told("x"), request={"premise": "p", "words": float("nan"), "seed": 1}), "not a finite number"),
        (edited(told("x"), request={"premise": "p"}), "no seed"),
        (edited(told("x"), token_budget=10**9), "token budget is outside"),
        (edited(told("x"), token_budget=True), "token_budget is missing"),
        (edited(told("x"), writer=None), "writer is missing"),
        (edited(told("x"), writer={"name": "x"}), "writer is missing"),
        (edited(told("x"), writer=asdict(POLARIS) | {"versions": 3}), "writer is missing"),
        (edited(told("x"), thinking_closed_at="1"), "thinking_closed_at is missing"),
        (edited(told("x"), reseeded=[[1, -1]]), "reseeded is missing"),
        (edited(told("x"), reseeded=["ab"]), "reseeded is missing"),
    ],
)
def test_what_is_no_record_is_refused_with_a_sentence(source: str, said: str) -> None:
    with pytest.raises(UnreadableRecord, match=said):
        read_record(source)


def test_a_writer_saved_before_versions_were_noted_still_loads() -> None:
    old = {name: value for name, value in asdict(POLARIS).items() if name != "versions"}
    assert ModelInfo(**old) == ModelInfo.restore(old) == POLARIS


@pytest.mark.parametrize(
    ("recorded", "written", "word"),
    [
        ("one two three", "one two three", None),
        ("one two three", "one twa three", 2),
        ("one two three", "one two", 3),
        ("one two", "one two three", 3),
        ("one two", "one twofold", 2),
        ("one two", "one  two", 2),
        ("one\n\ntwo", "one two", 2),
        ("one.", "one!", 1),
        ("", "one", 1),
        ("a b", "c b", 1),
    ],
)
def test_the_first_word_that_differs_is_counted_as_an_editor_counts(recorded: str, written: str, word: int | None) -> None:
    found = first_difference(recorded, written)
    assert (found.word if found else None) == word


def test_a_difference_shows_what_stands_around_it() -> None:
    words = [f"w{n}" for n in range(1, 1001)]
    found = first_difference(" ".join(words), " ".join(words).replace("w812 ", "OTHER "))
    assert found and found.word == 812
    assert "w811 w812 w813" in found.recorded and "w811 OTHER w813" in found.written and len(found.recorded) < 100


@pytest.mark.parametrize(("words", "first"), [(50, 64), (200, 300), (300, 2000), (1000, 1100), (12_000, 9000)])
def test_a_larger_budget_given_later_does_not_move_the_end_of_the_thinking(words: int, first: int) -> None:
    closed = thinking_budget(asked(words, first))
    recorded = Recorded(asked(words, 3 * first), "", POLARIS, closed, 1, 1, (), True, "x", 1, "")
    request = first_request(recorded)
    assert thinking_budget(request) == closed and token_budget(request) < 3 * first
    assert first_request(replace(recorded, closed_at=None)) == recorded.request
    assert first_request(replace(recorded, closed_at=-9)) == recorded.request


def test_bibtex_cites_the_paper_and_the_story() -> None:
    entry = bibtex(told("# The Lamp\n\nOnce."), "https://example.org/?story=id")
    assert entry.startswith(card.CITATION)
    for part in (
        "title={{The Lamp}}",
        "rishanthrajendhran/POLARIS-9B, revision abc",
        "seed 7",
        text_hash("# The Lamp\n\nOnce."),
        "date={2026-09-21}",
    ):
        assert part in entry
    assert "url={https://example.org/?story=id}" in entry


@pytest.mark.parametrize("title", [HOSTILE, "}}}", "{{", "\\", "50% & #1 $x_y ~ ^"])
def test_no_title_breaks_bibtex(title: str) -> None:
    entry = bibtex(told(f"# {title}"), "https://e/}{ \n")[len(card.CITATION) :]
    depth = 0
    for line in entry.strip().splitlines():
        depth += line.count("{") - line.count("}")
        assert depth == 1 or line == "}"
    assert depth == 0 and not re.search(r"(?<!\\)[%&#$_]", entry.replace("https://e/%7D%7B%20%0A", ""))
