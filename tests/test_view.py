"""What is shown: the API's JSON, the stage line, the meter, the stamp."""

import hashlib
from dataclasses import fields, replace

import pytest

from polaris_demo import card
from polaris_demo.engine.base import Allowance, Day
from polaris_demo.jobs.admission import Checked
from polaris_demo.page import view
from polaris_demo.story.events import Delta, Finish, Progress, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import LIMITS, SamplingParams, StoryRequest

from .doubles import IMPOSTORS, POLARIS, story_events

PREVIEW = replace(POLARIS, name="preview model, not POLARIS-9B", is_preview=True)


def record(*events, writer=POLARIS) -> StoryRecord:
    made = StoryRecord("id", StoryRequest("p", 100).with_seed(3), writer=writer)
    for second, event in enumerate(events):
        made.apply(event, float(second))
    return made


def test_the_answer_has_the_contracts_fields() -> None:
    answer = view.answer(record(*story_events("plan", "one two three")), offset=4)
    assert list(answer) == [
        "id", "state", "story", "words", "target_words", "length_ratio", "stage", "thinking_tokens", "story_tokens",
        "tokens_per_second", "seed", "finish_reason", "findings", "model",
    ]  # fmt: skip
    assert (answer["story"], answer["words"], answer["length_ratio"], answer["finish_reason"]) == ("two three", 3, 0.03, "stop")


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([Progress("queued", 0, 1)], "Next in the queue"),
        ([Progress("queued", 1, 2)], "In the queue, 1 story before this one"),
        ([Progress("queued", 2, 3)], "In the queue, 2 stories before this one"),
        ([Progress("queued", 2, 3, 130)], "In the queue, 2 stories before this one; about 3 min to wait"),
        ([Progress("loading")], "Loading the model"),
        ([Progress("reading", 0, 60), Started("p", 60, POLARIS)], "Reading the prompt"),
        ([Delta.of("thinking", "", (1,) * 1140)], f"Planning: 1,140 tokens of about {card.THINKING_SOFT_CAP:,} at most"),
        (
            [Delta.of("thinking", "", (1,) * 40), Delta.of("thinking", "", (1,) * 32)],
            f"Planning: 72 tokens of about {card.THINKING_SOFT_CAP:,} at most; the story starts within about 45 s",
        ),
        ([Delta.of("thinking", "", (1,) * 3100)], "Planning: 3,100 tokens, more than usual; it is closed at 3,072"),
        ([Delta.of("thinking", "", (1,)), Delta.of("story", "a b", (2,))], "Writing: 2 of 100 words · 2 tokens/s"),
        ([Finish("cancelled")], "Stopped. What was written stays here."),
        ([Finish("length", "Raise it.")], "Raise it."),
    ],
)
def test_the_stage_says_what_is_happening(events, line: str) -> None:
    assert view.stage(record(*events)) == line


def test_no_expectation_of_the_card_stands_beside_the_miniature() -> None:
    planning = record(Delta.of("thinking", "", (1,) * 40), writer=PREVIEW)
    assert view.stage(planning) == "Planning: 40 tokens"
    assert view.meter(planning) is None
    assert view.meter(record(Delta.of("thinking", "", (1,) * 1536))) == 0.5


def test_a_story_on_its_way_and_at_rest() -> None:
    told = record(*story_events("plan", "# T\n\none two"))
    going = view.going(told)
    assert (going["rests"], going["again"], going["by"], going["stage"]) == (True, False, "", "The model ended the story.")
    rest = view.rest(told, view.kept("", None), "https://a.b/?story=id")
    assert ["Length ratio", "0.03"] in rest["stamp"] and ["Seed", "3"] in rest["stamp"]
    assert ["Kept", "until this server restarts"] in rest["stamp"]
    assert rest["map"] == [(3, 0.0), (7, 0.0)] and "url={https://a.b/?story=id}" in rest["cite"]


def test_the_next_segment_is_asked_for_only_where_more_comes_by_itself() -> None:
    between = record(Delta.of("story", "a", (1,)), Finish("segment"))
    assert view.going(between)["again"] and view.going(between)["stage"].startswith("Going on in a moment")
    assert not view.going(record(Delta.of("story", "a", (1,))))["again"]


def test_a_story_of_the_miniatures_says_whose_it_is() -> None:
    assert view.going(record(Delta.of("story", "a", (1,)), writer=PREVIEW))["by"] == PREVIEW.name


def test_the_stamp_says_what_the_writer_averages_and_what_scores_full_marks() -> None:
    made = StoryRecord("id", StoryRequest("p", 10_000).with_seed(3), writer=POLARIS)
    made.apply(Finish("stop"), 0.0)
    assert ["Length ratio", "0.00; POLARIS-9B averages 0.72 at 8–12k words"] in view.stamp(made)
    assert ["Full marks", "9,000–11,000 words, in the paper's evaluation of length"] in view.stamp(made)
    for impostor in IMPOSTORS:
        made.writer = impostor
        assert ["Length ratio", "0.00"] in view.stamp(made)
    made.writer = PREVIEW
    assert ["Length ratio", "0.00"] in view.stamp(made) and not [row for row in view.stamp(made) if row[0] == "Full marks"]


CHINESE = "。".join(["守灯人提着灯走下港口没有人敲的钟响了起来他站了一会儿听着大海"] * 10)


def test_words_of_a_script_without_spaces_are_told_as_a_reader_counts_them_too() -> None:
    made = record(*story_events("plan", CHINESE))
    told = "300 characters as a reader counts; the paper's pattern is made for words between spaces, so the length ratio says little here"
    assert ["Written", "10 words"] in view.stamp(made) and ["Read as", told] in view.stamp(made)
    answer = view.answer(made)
    assert answer["words"] == 10 and answer["reader_count"] == {"words": 0, "characters": 300, "why": told}
    assert not [row for row in view.stamp(made) if row[0] == "Advice"]  # which goes by the words
    plain = record(*story_events("plan", "one two three"))
    assert "reader_count" not in view.answer(plain) and "Read as" not in dict(view.stamp(plain))


def test_on_the_way_no_time_is_promised_where_the_words_say_little() -> None:
    made = StoryRecord("id", StoryRequest("p", 2000).with_seed(3), writer=POLARIS)
    for second, event in enumerate([Delta.of("story", CHINESE * 6, (1,) * 900), Delta.of("story", CHINESE, (1,) * 150)]):
        made.apply(event, float(second))
    assert view.stage(made) == "Writing: 64 of 2,000 words, 2,100 characters as a reader counts · 1050 tokens/s"


def test_details_name_everything_a_story_can_be_written_again_from() -> None:
    made = record(*story_events("plan", "one two", writer=replace(POLARIS, versions={"torch": "2.13.0"})))
    rows = dict(view.details(made))
    assert {"Premise", "Form", "Temperature", "Top-p", "Top-k", "Min-p", "Repetition penalty", "Presence penalty", "Token budget"} <= set(
        rows
    )
    assert (rows["Seed"], rows["Revision"], rows["Versions"], rows["Token budget"]) == ("3", "abc", "torch 2.13.0", "automatic")
    assert rows["SHA-256 of the text"] == hashlib.sha256(b"one two").hexdigest()


def test_where_gpus_are_lent_by_the_day_the_dial_says_what_a_story_takes_and_what_fits() -> None:
    days = (Day("without an account", 120, 0), Day("with a free account", 300, 6400), Day("with PRO", 2400, 12_000))
    result = Checked(StoryRequest("a bell", 2000), (), allowance=Allowance(134.5, days))
    assert view.expectation(result, POLARIS)[-1] == (
        "About 3 min of GPU time, an estimate. A day on ZeroGPU has 2 min without an account, 5 min with a free account "
        "and 40 min with PRO; what you used elsewhere is unknown here."
    )
    assert view.fits(result, 12_000) == [{"who": "without an account", "words": 0}, {"who": "with a free account", "words": 6400}]
    elsewhere = replace(result, allowance=None)
    assert "ZeroGPU" not in " ".join(view.expectation(elsewhere, POLARIS)) and view.fits(elsewhere, 12_000) == []


@pytest.mark.parametrize(("seconds", "said"), [(3.2, "4 s"), (41, "45 s"), (61, "2 min"), (5400, "1 h 30 min")])
def test_times_are_said_rounded_up(seconds: float, said: str) -> None:
    assert view.spoken(seconds) == said


def test_warnings_stay_on_the_stamp() -> None:
    made = record(Finish("stop"))
    made.findings = (view.Finding("warning", "temperature", "Too hot."), view.Finding("note", "words", "Short."))
    assert ["Warning", "Too hot."] in view.stamp(made)
    assert not any("Short." in value for _, value in view.stamp(made))


def test_a_story_says_until_when_it_is_kept() -> None:
    assert view.kept("", 1_790_000_000.0) == view.Kept("until 21 September 2026", lasting=True)
    assert view.kept("", None).text == "until this server restarts"
    assert view.kept("The disk is full.", 1.0) == view.Kept("The disk is full.", lasting=False)


def test_the_promise_says_where_a_story_is_kept_and_what_happens_when_one_leaves() -> None:
    kept = view.promise(view.Kept("for ever", lasting=True), 600, lent_gpu=False)
    assert kept.startswith("Your story is kept on this server for ever;") and "paused after 10 min" in kept
    full = view.promise(view.kept("The disk is full.", None), 600, lent_gpu=True)
    assert full.startswith("The disk is full. If you leave, it is paused at the end of its GPU time")


@pytest.mark.parametrize("field", [field.name for field in fields(SamplingParams)])
def test_every_sampling_setting_stands_in_the_details(field: str) -> None:
    def shown(value: float) -> list[list[str]]:
        request = StoryRequest("p", 100, sampling=replace(SamplingParams(), **{field: value}))
        return view.details(StoryRecord("id", request))

    assert shown(LIMITS[field].low) != shown(LIMITS[field].high)
