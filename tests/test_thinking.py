"""A story begins with its first line."""

import pytest

from polaris_demo.story.thinking import StoryOpening


@pytest.mark.parametrize(
    ("text", "story"),
    [("\n\nOnce", "Once"), (" \n \n  Once\n\nmore", "  Once\n\nmore"), ("Once", "Once"), ("\n \n", ""), ("\r\n\r\nOnce \n", "Once \n")],
)
def test_only_leading_blank_lines_are_dropped(text: str, story: str) -> None:
    for at in range(len(text) + 1):
        opening = StoryOpening()
        assert opening.feed(text[:at]) + opening.feed(text[at:]) == story
