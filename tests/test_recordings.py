"""Recorded stories: made, verified, refused with a sentence, and never under another model's name."""

import itertools
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from polaris_demo import card
from polaris_demo.jobs.rewrite import write_again
from polaris_demo.page.recordings import Recordings
from polaris_demo.page.routes import StoryRoutes
from polaris_demo.settings import Settings
from polaris_demo.story.citation import read_record, text_hash
from polaris_demo.story.events import Finish
from polaris_demo.story.measures import count_words
from polaris_demo.story.model_info import LOCAL
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.recording import UnreadableRecording, Watch, _digest, read_recording
from tools.record import record

from .doubles import IMPOSTORS, POLARIS, ScriptedEngine, asked_for, recording_of, story_events, tells


@pytest.fixture(scope="module")
def made(miniature, tmp_path_factory) -> str:
    """A recording made with the miniature, by the tool's own function."""
    path = record(miniature, asked_for("a robot who learns to paint", 200, seed=3), tmp_path_factory.mktemp("recordings"))
    assert path is not None
    return path.read_text()


def changed(source: str, rehash: bool = True, **values: object) -> str:
    """The recording with other values, and its hash made to fit."""
    data = {key: value for key, value in json.loads(source).items() if key != "sha256"} | values
    return json.dumps(data | {"sha256": _digest(data) if rehash else json.loads(source)["sha256"]})


def refusal(source: str) -> str:
    with pytest.raises(UnreadableRecording) as raised:
        read_recording(source)
    return str(raised.value)


def test_a_recording_holds_the_story_and_when_it_came(made: str) -> None:
    recording = read_recording(made)
    text = recording.recorded.text
    assert text and "</think>" not in text and recording.pace[-1][1] == len(text)
    assert recording.recorded.sha256 == text_hash(text) and recording.planning_seconds > 0
    assert read_record(json.dumps(recording.record)).request.sampling.seed == 3


def test_the_pace_leaves_pauses_out_and_has_few_points() -> None:
    story, watch = StoryRecord("x", asked_for("a bell", 1000)), Watch()
    for i, event in enumerate(tells("word " * 2000)(story.request, None)):  # type: ignore[arg-type]
        story.apply(event, now=i * 0.01 + (1000 if i > 200 else 0))
        if i == 200:
            story._last_token = None  # as after going on
        watch.see(story)
    pace = watch.pace(story)
    assert pace[-1] == (pytest.approx(story.seconds_at_work, abs=0.05), 10_000)
    assert 30 < len(pace) < 70 and all(b[0] - a[0] < 1 for a, b in itertools.pairwise(pace))


@pytest.mark.parametrize(
    "spoil, sentence",
    [
        (lambda s: s.replace('"planning_seconds":', '"planning_seconds":1'), "changed after it was made"),
        (lambda s: changed(s, rehash=False, label="POLARIS-9B"), "changed after it was made"),
        (lambda s: changed(s, record=json.loads(s)["record"] | {"story": "Another text."}), "its text is not what its hash says"),
        (lambda s: changed(s, record=json.loads(s)["record"] | {"finish_reason": "cancelled"}), "broken off"),
        (lambda s: changed(s, record=json.loads(s)["record"] | {"finish_reason": "length"}), "token budget"),
        (lambda s: changed(s, record=json.loads(s)["record"] | {"created": "yesterday"}), "no date"),
        (lambda s: changed(s, planning_seconds=10**400), "not a number of seconds"),
        (lambda s: changed(s, record=[]), "The record in it cannot be read"),
        (lambda s: changed(s, record=json.loads(s)["record"] | {"created": 5}), "created is missing"),
        (lambda s: changed(s, pace=json.loads(s)["pace"][:-1]), "pace"),
        (lambda s: changed(s, pace=json.loads(s)["pace"][::-1]), "pace"),
        (lambda s: changed(s, pace=[[float("nan"), 5]]), "not a number of seconds"),
        (lambda s: changed(s, planning_seconds=-1), "not a number of seconds"),
        (lambda s: changed(s, format_version=2), "version 2"),
        (lambda s: changed(s, format="a book"), "not a recording that this app made"),
        (lambda s: s[:100], "not JSON"),
        (lambda s: "[" * 100_000, "not JSON"),
    ],
)
def test_a_tampered_recording_is_refused_with_a_sentence(made: str, spoil, sentence: str) -> None:
    assert sentence in refusal(spoil(made))


def test_no_model_is_shown_under_another_ones_name(made: str) -> None:
    assert "wrote it" in refusal(changed(made, label=card.MODEL.name))
    writer = json.loads(made)["record"]["writer"]
    for claimed in ({"name": card.MODEL.name}, {"name": card.MODEL.name, "is_preview": False, "model": "someone/POLARIS-9B"}):
        source = changed(made, label=card.MODEL.name, record=json.loads(made)["record"] | {"writer": writer | claimed})
        assert refusal(source).startswith("It is labelled POLARIS-9B, but")
    for impostor in IMPOSTORS:
        own = recording_of("# A title\n\nText.", writer=impostor)
        assert read_recording(own).label == impostor.name != card.MODEL.name
        assert "wrote it" in refusal(changed(own, label=card.MODEL.name))
    path = {"name": card.MODEL.name, "model": "/srv/POLARIS-9B", "revision": LOCAL}  # as the first recordings have a folder
    source = json.loads(recording_of("# A title\n\nText."))
    old = changed(json.dumps(source), record=source["record"] | {"writer": source["record"]["writer"] | path})
    assert refusal(old) == "It is labelled POLARIS-9B, but local folder POLARIS-9B wrote it."
    ablation = replace(POLARIS, name="POLARIS-no-HRI-9B", model=card.MODEL.ablation)
    assert read_recording(recording_of("# A title\n\nText.", writer=ablation)).label == "POLARIS-no-HRI-9B"


def test_a_story_that_did_not_end_is_not_kept(tmp_path: Path, run) -> None:
    broken = ScriptedEngine(lambda request, stop: iter([*story_events("plan", "text")[:-1], Finish("error", "No.")]))
    assert record(broken, asked_for("a bell", 200), tmp_path) is None and not list(tmp_path.iterdir())


def test_the_page_shows_what_is_sound_and_never_the_miniatures(made: str, tmp_path: Path, caplog) -> None:
    (tmp_path / "miniature.json").write_text(made)
    (tmp_path / "spoilt.json").write_text(recording_of("Text.").replace("Text", "Tent"))
    (tmp_path / "z.json").write_bytes(b"\xff\xfe")
    sound = recording_of("Text.")
    (tmp_path / "february.json").write_text(changed(sound, record=json.loads(sound)["record"] | {"created": "2026-02-31T10:00:00Z"}))
    (tmp_path / "half.json").write_text(changed(sound, record=json.loads(sound)["record"] | {"title": "\ud800"}))
    (tmp_path / "short.json").write_text(recording_of("# One\n\nText.", "a bell", 1000))
    for words in (2000, 1000):
        (tmp_path / f"ladder-{words}.json").write_text(recording_of("# Two\n\nOne two. " * 4, "two sisters", words))
    with caplog.at_level(logging.WARNING):
        shown = Recordings(tmp_path).all()
    assert [(one.request.premise, one.request.words) for one in shown] == [("two sisters", 1000), ("a bell", 1000), ("two sisters", 2000)]
    assert (
        all(name in caplog.text for name in ("miniature.json", "spoilt.json", "z.json", "february.json", "half.json"))
        and "no samples" in caplog.text
    )


def test_a_story_of_another_model_is_no_taste_of_this_one(tmp_path: Path) -> None:
    ablation = replace(POLARIS, name="POLARIS-no-HRI-9B", model=card.MODEL.ablation)
    (tmp_path / "bell.json").write_text(recording_of("# A bell\n\nIt rang.", writer=ablation))
    (one,) = Recordings(tmp_path).all()
    assert (one.about["writer"], one.about["ours"]) == ("POLARIS-no-HRI-9B", False) and "POLARIS-no-HRI-9B" in one.about["byline"]


def test_the_routes_give_the_list_the_story_and_its_record(tmp_path: Path, run) -> None:
    text = "# Two\n\nOne two three four five. One two three four five."
    (tmp_path / "two.json").write_text(recording_of(text, "two sisters", 1000))
    client = TestClient(Starlette(routes=StoryRoutes(run(tells("x")), Settings(), Recordings(tmp_path)).routes()))
    about = client.get("/recordings").json()["recordings"][0]
    assert about["premise"] == "two sisters" and ["Written", f"{count_words(text)} words"] in about["counts"]
    assert (about["writer"], about["ours"]) == (card.MODEL.name, True) and about["writer"] in about["byline"]
    assert about["line"].startswith("28\u00a0May 2026 · POLARIS-9B") and about["line"].endswith("planning of 38 s skipped")
    whole = client.get("/recordings/two").json()
    assert whole["text"] == text and whole["pace"][-1][1] == len(text)
    assert read_record(client.get("/recordings/two/record.json").text).intact
    for missing in ("/recordings/other", "/recordings/other/record.json", "/recordings/..%2Ftwo"):
        assert client.get(missing).status_code == 404


def test_the_list_is_told_in_parts_and_one_premises_stories_together(tmp_path: Path, run) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.json").write_text(
            recording_of("# One\n\n" + "A *long* line. " * 400, f"premise {number // 2:02}", 1000 + number)
        )
    client = TestClient(Starlette(routes=StoryRoutes(run(tells("x")), Settings(), Recordings(tmp_path)).routes()))

    def asked(query: str) -> tuple[list[str], int]:
        answer = client.get(f"/recordings{query}")
        assert len(answer.content) < 15_000
        return [one["name"] for one in answer.json()["recordings"]], answer.json()["more"]

    parts = [asked(query) for query in ("", "?from=12", "?from=24")]
    assert [more for _, more in parts] == [18, 6, 0]
    assert [name for names, _ in parts for name in names] == [f"{n:02}" for n in (*range(0, 30, 2), *range(1, 30, 2))]
    assert asked("?of=04") == (["04", "05"], 0) and asked("?of=nobody") == ([], 0)
    for wrong in ("-1", "x", "²"):
        assert asked(f"?from={wrong}") == parts[0]
    assert asked(f"?from={'9' * 5000}") == ([], 0)


def test_a_recording_that_comes_changes_or_goes_is_seen_at_the_next_look_and_read_once(tmp_path: Path, caplog) -> None:
    seen = Recordings(tmp_path, tmp_path / "none")
    assert seen.all() == () and seen.get("bell") is None
    (tmp_path / "bell.json").write_text(recording_of("# A bell\n\nIt rang."))
    first = seen.get("bell")
    assert first and first.about["first"] == "It rang." and seen.get("bell") is first
    (tmp_path / "bell.json").write_text(recording_of("# A bell\n\nIt did *not* ring."))
    again = seen.get("bell")
    assert again and again.about["first"] == "It did not ring."
    (tmp_path / "bell.json").write_text("no recording")
    assert not seen.all() and not seen.all() and len(caplog.messages) == 1
    (tmp_path / "bell.json").unlink()
    assert seen.all() == ()


def test_what_stands_in_the_gallery_is_what_the_story_says_of_itself(tmp_path: Path) -> None:
    (tmp_path / "bell.json").write_text(
        recording_of("# A bell\n\n## I\n\nIt *rang*.\n\n* * *\n\n" + "Nobody had `rung` it. " * 40, "a bell", 100)
    )
    (one,) = Recordings(tmp_path).all()
    assert (
        one.about["first"].startswith("It rang. Nobody had rung it.") and one.about["first"].endswith("…") and len(one.about["first"]) < 225
    )
    assert one.about["made"] == "POLARIS-9B · test GPU · 28\u00a0May 2026" and one.about["by"] == "Written by POLARIS-9B in one go"
    assert one.about["ratio"] == f"{one.about['words'] / 100:.2f}"


def test_a_recorded_story_can_be_written_again(miniature, made: str) -> None:
    recorded = read_recording(made).recorded
    *_, again = write_again(miniature, recorded)
    assert str(again.story) == recorded.text
