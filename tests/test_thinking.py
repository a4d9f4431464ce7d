"""A story begins with its first line."""

import pytest

from polaris_demo.story.thinking import StoryOpening, is_blank


@pytest.mark.parametrize(
    ("text", "story"),
    [("\n\nOnce", "Once"), (" \n \n  Once\n\nmore", "  Once\n\nmore"), ("Once", "Once"), ("\n \n", ""), ("\r\n\r\nOnce \n", "Once \n")],
)
def test_only_leading_blank_lines_are_dropped(text: str, story: str) -> None:
    for at in range(len(text) + 1):
        opening = StoryOpening()
        assert opening.feed(text[:at]) + opening.feed(text[at:]) == story


@pytest.mark.parametrize("text", ["", " \n\t\r\n", "\u200b", "\ufeff\n\u00a0", "\u2060 \u00ad"])
def test_what_cannot_be_seen_is_blank(text: str) -> None:
    assert is_blank(text) and not is_blank(f"{text}.")
