"""What a reading page is told: the line above a story, its title page, and what stands after its last word."""

import hashlib
from dataclasses import fields, replace

import pytest

from polaris_demo.engine import local, writing, zerogpu
from polaris_demo.engine.base import another_model
from polaris_demo.jobs import shelf
from polaris_demo.jobs.admission import Speed
from polaris_demo.page import reading, view
from polaris_demo.story.events import Delta, Event, Finish, Progress, Resume, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import LIMITS, Finding, SamplingParams, StoryRequest

from .doubles import IMPOSTORS, POLARIS, story_events

PREVIEW = replace(POLARIS, name="preview model, not POLARIS-9B", is_preview=True)
SPEED = Speed(tokens_per_second=10, thinking_tokens=300, plans=(28.0, 47.0))


def record(*events: Event, writer=POLARIS, words: int = 100, premise: str = "a bell") -> StoryRecord:
    made = StoryRecord("id", StoryRequest(premise, words).with_seed(3), writer=writer, created=1_790_000_000.0)
    for second, event in enumerate(events):
        made.apply(event, float(second))
    return made


@pytest.mark.parametrize(
    ("events", "line"),
    [
        ([Progress("queued", 0, 1)], ("Waiting", "yours is next", "")),
        ([Progress("queued", 2, 3, 130)], ("Waiting", "2 stories before yours", "about 3 min")),
        ([Progress("gpu")], ("Waiting for a GPU", "", "")),
        ([Progress("loading", 1, 2)], ("Loading the model", "50 %", "")),
        ([Started("p", 60, POLARIS)], ("Reading the prompt", "", "then 100 words")),
        ([Delta.of("thinking", "", (1,)), Delta.of("thinking", "", (1,))], ("Planning", "1 s so far", "then 100 words")),
        ([Delta.of("story", "a b", (2,))], ("Writing", "2 of 100 words", "")),
        ([Delta.of("story", "a b", (2,)), Finish("stop")], ("Finished", "2 words · 1 min", "")),
        (
            [Delta.of("story", "a b", (2,)), Finish("length", "The budget ran out. Raise it.")],
            ("Cut off", "at 2 words · the budget ran out", ""),
        ),
        (
            [Delta.of("story", "a b", (2,)), Finish("pause", "Your 2 min are used up; there is more tomorrow. Continue goes on.")],
            ("Paused", "at 2 words · your 2\u00a0min are used up", ""),
        ),
        ([Finish("cancelled")], ("Stopped", "", "")),
        ([Finish("pause", "No GPU came free. Continue goes on.")], ("Paused", "no GPU came free", "")),
        ([Delta.of("story", "a b", (2,)), Finish("cancelled")], ("Stopped", "at 2 words", "")),
        (
            [Delta.of("story", "a b", (2,)), Finish("error", "The GPU ran out of memory.")],
            ("Broken off", "at 2 words · the GPU ran out of memory", ""),
        ),
    ],
)
def test_the_line_says_what_is_happening_how_far_it_is_and_how_long_it_takes(events: list[Event], line: tuple[str, str, str]) -> None:
    assert reading.line(record(*events), SPEED) == line


def test_time_left_is_by_the_middle_of_the_speeds_measured_here_and_by_none_where_none_was() -> None:
    made = record(Delta.of("story", "word " * 60, (1,) * 90), words=200)
    assert reading.line(made, SPEED)[2] == "about 25 s left"
    assert reading.line(made, replace(SPEED, tokens_per_second=1))[2] == "about 4 min left"
    assert reading.line(made, None)[2] == ""


def test_what_the_last_plans_took_is_said_once_there_are_a_few() -> None:
    assert reading.plans(SPEED) == "The last plans here took 30 s to 50 s."
    assert reading.plans(replace(SPEED, plans=(29.0, 30.0))) == "The last plans here took about 30 s."
    assert reading.plans(replace(SPEED, plans=None)) == reading.plans(None) == ""


def test_a_title_page_names_what_was_asked_for_and_who_wrote_it() -> None:
    writing = reading.going(record(Delta.of("story", "a", (1,))))
    assert (writing["kind"], writing["premise"], writing["byline"]) == ("A story about", "a bell", "POLARIS-9B is writing it now")
    apart = reading.going(record(premise="A bell rang. Nobody heard."))
    assert (apart["kind"], apart["premise"]) == ("", "A bell rang. Nobody heard.")
    assert reading.byline(record(writer=PREVIEW)) == "The miniature, not POLARIS-9B, is writing it now"
    over = record(Delta.of("story", "a", (1,)), Finish("stop"))
    assert reading.byline(over) == "Written by POLARIS-9B, a language model, on 21\u00a0September 2026"
    over.writer = PREVIEW
    assert reading.byline(over) == "Written by the miniature, not POLARIS-9B, on 21\u00a0September 2026"
    assert (reading.going(over)["writer"], writing["writer"]) == ("the miniature", "POLARIS-9B")
    assert "trained" in writing["how"] and "trained" not in reading.going(over)["how"]
    over.writer = IMPOSTORS[1]
    assert reading.going(over)["writer"] == over.writer.name != "POLARIS-9B" and "trained" not in reading.going(over)["how"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (95, "asked for 100 words and got 95. That is 0.95 of the length, and on target."),
        (30, "asked for 100 words and got 30. That is 0.30 of the length, and 70 words short of it."),
        (180, "asked for 100 words and got 180. That is 1.80 of the length, longer than asked by 80 words."),
    ],
)
def test_after_the_last_word_what_came_of_the_length_is_a_sentence(words: int, said: str) -> None:
    assert reading.said(record(Delta.of("story", "word " * words, (1,)), Finish("stop"))) == said


def test_how_much_comes_again_is_said_with_the_papers_measure() -> None:
    assert reading.Repetition.of("One bell rang over the quiet harbour at noon.").said.startswith(
        "Almost nowhere: 0.0\u00a0% of its four-word phrases"
    )
    assert reading.Repetition.of("The bell rang over the town. " * 20).said.startswith("Often: ")
    assert "more than the 8\u00a0% the paper’s reward allows" in reading.Repetition.of("The bell rang over the town. " * 20).said


def test_a_story_on_its_way_and_at_rest() -> None:
    told = record(*story_events("plan", "# T\n\none two"))
    going = reading.going(told)
    assert (going["rests"], going["again"], going["stage"], going["star"]) == (True, False, "Finished", 0.03)
    rest = reading.rest(told, view.kept("", None), reading.Repetition.of(str(told.story)), "https://a.b/?story=id")
    assert ["Length ratio", "0.03"] in rest["stamp"] and ["Seed", "3"] in rest["stamp"]
    assert ["Kept", "until this server restarts"] in rest["stamp"]
    assert rest["map"] == [(3, 0.0), (7, 0.0)] and "url={https://a.b/?story=id}" in rest["cite"]


def test_the_next_segment_is_asked_for_only_where_more_comes_by_itself() -> None:
    between = record(Delta.of("story", "a", (1,)), Finish("segment"))
    assert reading.going(between)["again"] and reading.going(between)["stage"] == "Going on in a moment"
    assert not reading.going(record(Delta.of("story", "a", (1,))))["again"]


def test_the_stamp_says_what_the_writer_averages_and_what_scores_full_marks() -> None:
    made = StoryRecord("id", StoryRequest("p", 10_000).with_seed(3), writer=POLARIS)
    made.apply(Finish("stop"), 0.0)
    assert ["Length ratio", "0.00; POLARIS-9B averages 0.72 at 8–12k words"] in reading.stamp(made)
    assert ["Full marks", "9,000–11,000 words, in the paper’s evaluation of length"] in reading.stamp(made)
    for impostor in IMPOSTORS:
        made.writer = impostor
        assert ["Length ratio", "0.00"] in reading.stamp(made)
    made.writer = PREVIEW
    assert ["Length ratio", "0.00"] in reading.stamp(made) and not [row for row in reading.stamp(made) if row[0] == "Full marks"]


def test_details_name_everything_a_story_can_be_written_again_from() -> None:
    made = record(*story_events("plan", "one two", writer=replace(POLARIS, versions={"torch": "2.13.0"})))
    rows = dict(reading.details(made))
    assert {"Premise", "Form", "Temperature", "Top-p", "Top-k", "Min-p", "Repetition penalty", "Presence penalty", "Token budget"} <= set(
        rows
    )
    assert (rows["Seed"], rows["Revision"], rows["Versions"], rows["Token budget"]) == ("3", "abc", "torch 2.13.0", "automatic")
    assert rows["SHA-256 of the text"] == hashlib.sha256(b"one two").hexdigest()


def test_warnings_stay_on_the_stamp() -> None:
    made = record(Finish("stop"))
    made.findings = (Finding("warning", "temperature", "Too hot."), Finding("note", "words", "Short."))
    assert ["Warning", "Too hot."] in reading.stamp(made)
    assert not any("Short." in value for _, value in reading.stamp(made))


@pytest.mark.parametrize("field", [field.name for field in fields(SamplingParams)])
def test_every_sampling_setting_stands_in_the_details(field: str) -> None:
    def shown(value: float) -> list[list[str]]:
        request = StoryRequest("p", 100, sampling=replace(SamplingParams(), **{field: value}))
        return reading.details(StoryRecord("id", request))

    assert shown(LIMITS[field].low) != shown(LIMITS[field].high)


CHINESE = "。".join(["守灯人提着灯走下港口没有人敲的钟响了起来他站了一会儿听着大海"] * 10)


def test_words_of_a_script_without_spaces_are_told_as_a_reader_counts_them_too() -> None:
    made = record(*story_events("plan", CHINESE))
    told = "300 characters as a reader counts; the paper’s pattern is made for words between spaces, so the length ratio says little here"
    assert ["Written", "10 words, as the paper counts them"] in reading.stamp(made) and ["Read as", told] in reading.stamp(made)
    answer = view.answer(made)
    assert answer["words"] == 10 and answer["reader_count"] == {"words": 0, "characters": 300, "why": told}
    assert not [row for row in reading.stamp(made) if row[0] == "Advice"]  # which goes by the words
    plain = record(*story_events("plan", "one two three"))
    assert "reader_count" not in view.answer(plain) and "Read as" not in dict(reading.stamp(plain))


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (local.NO_ROOM, "the GPU’s memory is needed for longer stories"),
        (local.GPU_BROKEN, "the GPU stopped with an error and this server starts anew, which takes a minute"),
        (writing.CUT, "the token budget ran out before the story’s end"),
        (shelf.UNFOLLOWED, "nobody was following this story"),
        (shelf.OVERTIME, "this story was written for as long as one may be at a time on this server"),
        (shelf.INTERRUPTED, "the server stopped while this story was being written"),
        (zerogpu.UNFORESEEN, "no GPU could be had, for a reason nobody foresaw"),
        (zerogpu.sentence(RuntimeError("larger than the maximum allowed")), "ZeroGPU does not lend a GPU for as long as was asked for"),
        (another_model(Resume(writer=POLARIS), replace(POLARIS, revision="another")), "another model writes here now"),
        ("Qwen3.5-9B broke off. What was written is kept.", "Qwen3.5-9B broke off"),
        ("", ""),
    ],
)
def test_why_a_story_rests_is_said_in_a_few_words_of_its_sentence(sentence: str, said: str) -> None:
    _, far, _ = reading.line(record(Finish("pause", sentence)), SPEED)
    assert far == said
