"""Thinking and story stay apart however the stream is cut."""

import random

import pytest

from polaris_demo.story.thinking import StoryOpening, ThinkingSplitter

CASES = [
    ("plan</think>\n\nOnce", "plan", "\n\nOnce"),
    ("<think>\nplan\n</think>Once", "\nplan\n", "Once"),
    ("\n<think>plan</think>Once", "plan", "Once"),
    ("</think>Once", "", "Once"),
    ("a < b </thin </think> he wrote </think> on the wall <think>x", "a < b </thin ", " he wrote </think> on the wall <think>x"),
    ("never closed </thi", "never closed </thi", ""),
    ("<thi", "<thi", ""),
]


def split(pieces: list[str]) -> tuple[str, str]:
    splitter, got = ThinkingSplitter(), {"thinking": "", "story": ""}
    for piece in pieces:
        for kind, text in splitter.feed(piece):
            got[kind] += text
    for kind, text in splitter.close():
        got[kind] += text
    return got["thinking"], got["story"]


@pytest.mark.parametrize(("stream", "thinking", "story"), CASES)
def test_every_single_cut_gives_the_same(stream: str, thinking: str, story: str) -> None:
    for at in range(len(stream) + 1):
        assert split([stream[:at], stream[at:]]) == (thinking, story)


@pytest.mark.parametrize(("stream", "thinking", "story"), CASES)
def test_every_way_of_cutting_gives_the_same(stream: str, thinking: str, story: str) -> None:
    rng = random.Random(1)
    assert split(list(stream)) == (thinking, story)
    for _ in range(200):
        cuts = sorted(rng.sample(range(len(stream) + 1), min(5, len(stream))))
        assert split([stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]) == (thinking, story)


@pytest.mark.parametrize(
    ("text", "story"),
    [("\n\nOnce", "Once"), (" \n \n  Once\n\nmore", "  Once\n\nmore"), ("Once", "Once"), ("\n \n", ""), ("\r\n\r\nOnce \n", "Once \n")],
)
def test_only_leading_blank_lines_are_dropped(text: str, story: str) -> None:
    for at in range(len(text) + 1):
        opening = StoryOpening()
        assert opening.feed(text[:at]) + opening.feed(text[at:]) == story
