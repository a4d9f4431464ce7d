"""Files of a story: the text unchanged, a colophon, and names that every system takes."""

import datetime
import html
import io
import json
import zipfile
from dataclasses import fields, replace

import pytest

from polaris_demo.page import reading
from polaris_demo.story import exports
from polaris_demo.story.citation import bibtex, record_json
from polaris_demo.story.colophon import colophon, date, licence, stretches, timestamp
from polaris_demo.story.epub import epub
from polaris_demo.story.events import Delta, Finish, Started
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import LIMITS, SamplingParams, StoryRequest

from .doubles import IMPOSTORS, POLARIS, story_events

HOSTILE = "\"A/B\\C\": 'q' <i>&amp;</i> {x} $y% #z_ \u202eevil שלום 🌟👩\u200d🚀 \ud83c\udf1f \ud800 \x00\x1b[31m\x85\ufffe " + "x" * 300


def told(story: str, premise: str = "a robot", created: float = 1_790_000_000) -> StoryRecord:
    record = StoryRecord("id", StoryRequest(premise, 100).with_seed(7), created=created, writer=POLARIS)
    for event in story_events("CANARY plan", story):
        record.apply(event, 1.0)
    return record


@pytest.mark.parametrize(
    ("story", "title"),
    [
        ("# The Lamp\n\nOnce", "The Lamp"),
        ("**The Lamp**\n\nOnce", "The Lamp"),
        ("# **The** *Lamp*\n\nOnce", "The Lamp"),
        ("## Lamp ##\n", "Lamp"),
        ("Once.", "a robot"),
        ("#hash", "a robot"),
        ("* * *\n\nOnce", "a robot"),
        ("**He ran.** She **fell**", "a robot"),
        ("# \u202eno\x00 turn", "no turn"),
    ],
)
def test_the_title_is_the_storys_own_or_the_premise(story: str, title: str) -> None:
    assert exports.title(told(story)) == title


def test_a_title_is_never_empty() -> None:
    assert exports.title(told("", premise="\u202e")) == "A story"


def test_files_begin_with_the_story_and_say_what_wrote_it() -> None:
    record = told("# T\n\nIt *was* so. <b>")
    for text, begin in ((exports.text(record), "T\n\nIt was so. <b>\n"), (exports.markdown(record), "# T\n\nIt *was* so. \\<b>\n")):
        assert text.startswith(begin)
        assert "Fiction written by a language model." in text
        assert "seed 7" in text and "non-commercial" in text


def test_the_preview_model_is_never_called_polaris_output() -> None:
    record = told("Once.")
    record.writer = replace(POLARIS, is_preview=True)
    assert "the preview model, not POLARIS-9B" in exports.text(record)
    assert "non-commercial" not in exports.text(record)


def test_every_model_comes_with_what_is_known_of_its_licence() -> None:
    assert licence(POLARIS) == "other; its gate allows non-commercial use only"
    assert licence(replace(POLARIS, name="other", model="someone/other")) == "see huggingface.co/someone/other"
    assert [licence(impostor) for impostor in IMPOSTORS] == ["see where its weights come from", "see huggingface.co/someone/POLARIS-9B"]


@pytest.mark.parametrize("ending", exports.FILES)
def test_every_file_can_be_made_of_any_text_and_names_the_link(ending: str) -> None:
    make = exports.FILES[ending].make
    for record in (told(f"# {HOSTILE}\n\n{HOSTILE}", HOSTILE), told("", "\x00"), StoryRecord("new", StoryRequest("p"))):
        content = make(record)
        assert content and (content if isinstance(content, bytes) else content.encode())
        assert content == make(record)
    if ending != "epub":
        linked = make(told("Once."), "https://example.org/?story=id")
        assert "https://example.org/?story=id" in str(linked).replace("\\", "")


@pytest.mark.parametrize("ending", ["md", "txt", "json", "bib"])
def test_no_file_holds_the_thinking(ending: str) -> None:
    assert "CANARY" not in str(exports.FILES[ending].make(told("Once.")))


def test_a_premise_is_no_markup_in_a_markdown_file() -> None:
    notes = exports.markdown(told("Once.", "<script> [x](y)\n# *z*")).split("---")[1]
    assert r"\<script> \[x\](y) # \*z\*" in notes


def test_every_item_of_the_colophon_is_one_line() -> None:
    assert not [line for line in colophon(told("Once.", HOSTILE + "\r\n\u2028x"), "https://e/\nx") if len(line.splitlines()) != 1]


@pytest.mark.parametrize("created", [0, 951_782_399, 951_782_400, 1_709_251_199.9, 1_735_689_600, 4_102_444_800])
def test_dates_are_those_of_the_calendar(created: float) -> None:
    moment = datetime.datetime.fromtimestamp(int(created), datetime.UTC)
    record = told("", created=created)
    assert date(record) == moment.timetuple()[:6]
    assert timestamp(record) == f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    "title",
    ['a/b\\c:d*e?f"g<h>i|j', "..", " . ", "x" * 300, "🌟" * 300, "‮evil", "שלום 🌟", "a\x00b", "con\tt", "", "CON", "nul.txt", "Com1", "-rf",
     HOSTILE],
)  # fmt: skip
def test_file_names_are_safe_everywhere(title: str) -> None:
    name = exports.file_name(told(f"# {title}\n\nOnce.", premise="?"), "md")
    stem = name.removesuffix(".md")
    assert stem and len(name) <= 100 and len(name.encode()) <= 200
    assert not set(name) & set('/\\:*?"<>|\x00\t\u202e')
    assert not stem.startswith((".", "-")) and not stem.endswith((" ", "."))
    assert stem.split(".")[0].upper() not in ("CON", "NUL", "COM1")


@pytest.mark.parametrize("field", [field.name for field in fields(SamplingParams)])
def test_every_sampling_setting_stands_in_the_colophon(field: str) -> None:
    def settings(value: float) -> list[str]:
        request = StoryRequest("a robot", 100, sampling=replace(SamplingParams(), **{field: value}))
        lines = [line for line in colophon(StoryRecord("id", request)) if line.startswith("Settings: ")]
        assert len(lines) == 1
        return lines

    assert settings(LIMITS[field].low) != settings(LIMITS[field].high)


@pytest.mark.parametrize(
    ("writers", "words", "said"),
    [
        ([{}], [5], ""),
        ([{"device": "A"}, {"precision": "4bit", "device": "B"}], [3, 2], "words 1–3 in bf16 on A, the rest in 4-bit on B"),
        ([{}, {"precision": "4bit"}], [0, 4], "the planning in bf16, words 1–4 in 4-bit"),
        ([{}, {"engine": "vLLM 0.32"}, {}], [2, 2, 1], "words 1–2 with scripted, words 3–4 with vLLM 0.32, the rest with scripted"),
        ([{}, {"versions": {"torch": "2.12.0"}}], [2, 3], "words 1–2 (torch 2.13.0), the rest (torch 2.12.0)"),
    ],
)
def test_every_stretch_is_named_wherever_a_story_goes(writers: list[dict[str, object]], words: list[int], said: str) -> None:
    record = StoryRecord("id", StoryRequest("a bell", 50).with_seed(1), created=1e9)
    for changes, count in zip(writers, words, strict=True):
        record.apply(Started("<prompt>", 60, replace(POLARIS, **{"versions": {"torch": "2.13.0"}} | changes)), 1.0)  # type: ignore[arg-type]
        record.apply(Delta.of("thinking", "", (1,)), 1.0)
        for _ in range(count):
            record.apply(Delta.of("story", "word ", (1,)), 1.0)
    record.apply(Finish("stop"), 2.0)
    assert stretches(record) == said
    with zipfile.ZipFile(io.BytesIO(epub(record))) as book:
        colophon_page = html.unescape(book.read("EPUB/colophon.xhtml").decode())
    texts = [colophon_page, exports.text(record), bibtex(record), str(reading.stamp(record))]
    assert not said or all(said in found for found in texts), texts
    kept = json.loads(record_json(record))["stretches"]
    assert [stretch["from_token"] for stretch in kept] == [sum(words[:n]) + n for n in range(len(words))]
    again = StoryRecord.restore("id", "finished", json.loads(json.dumps(record.about())), str(record.story), record.token_ids)
    assert again.stretches == record.stretches
