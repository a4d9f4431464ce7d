"""Files of a story: the text unchanged, a colophon, and names that every system takes."""

from dataclasses import replace

import pytest

from polaris_demo.story import exports
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS, story_events


def told(story: str, premise: str = "a robot") -> StoryRecord:
    record = StoryRecord("id", StoryRequest(premise, 100).with_seed(7), writer=POLARIS)
    for event in story_events("plan", story):
        record.apply(event, 1.0)
    return record


@pytest.mark.parametrize(
    ("story", "title"),
    [
        ("# The Lamp\n\nOnce", "The Lamp"),
        ("**The Lamp**\n\nOnce", "The Lamp"),
        ("## Lamp ##\n", "Lamp"),
        ("Once.", "a robot"),
        ("#hash", "a robot"),
    ],
)
def test_the_title_is_the_storys_own_or_the_premise(story: str, title: str) -> None:
    assert exports.title(told(story)) == title


def test_files_begin_with_the_story_as_written_and_say_what_wrote_it() -> None:
    record = told("# T\n\nIt *was* so. <b>")
    for text in (exports.text(record), exports.markdown(record)):
        assert text.startswith("# T\n\nIt *was* so. <b>\n")
        assert "Fiction written by a language model." in text
        assert "seed 7" in text and "non-commercial" in text


def test_the_preview_model_is_never_called_polaris_output() -> None:
    record = told("Once.")
    record.writer = replace(POLARIS, is_preview=True)
    assert "the preview model, not POLARIS-9B" in exports.text(record)
    assert "non-commercial" not in exports.text(record)


@pytest.mark.parametrize(
    "title", ['a/b\\c:d*e?f"g<h>i|j', "..", " . ", "x" * 300, "‮evil", "שלום 🌟", "a\x00b", "con\tt", ""],
)  # fmt: skip
def test_file_names_are_safe_everywhere(title: str) -> None:
    name = exports.file_name(told(f"# {title}\n\nOnce.", premise="?"), "md")
    stem = name.removesuffix(".md")
    assert stem and len(name) <= 90
    assert not set(name) & set('/\\:*?"<>|\x00\t\u202e')
    assert not stem.startswith(".") and not stem.endswith((" ", "."))
