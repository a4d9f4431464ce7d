"""The user message: the card's form first, the paper's sentence last, the visitor's words untouched."""

import re

import pytest

from polaris_demo import card
from polaris_demo.story.prompt import user_message
from polaris_demo.story.request import StoryRequest


def test_the_message_of_a_short_story() -> None:
    assert user_message(StoryRequest("an archivist who finds notes", 3000)) == (
        "Write a 3000-word story about an archivist who finds notes. Your story should be approximately 3000 words long."
    )


@pytest.mark.parametrize("form", [f.name for f in card.FORMS])
def test_the_papers_evaluation_would_find_the_target(form: str) -> None:
    message = user_message(StoryRequest("two sisters", 12000, form))
    assert re.search(r"(?P<word_count>\d+)\s+words\s+long", message)["word_count"] == "12000"
    assert message.startswith("Write a 12000-word ")


def test_verbatim_sends_the_premise_alone() -> None:
    assert user_message(StoryRequest("Just this. ", 500, "verbatim")) == "Just this. "


@pytest.mark.parametrize("premise", ["It ends.", "Who knows?", "Run!", 'He said "no."', "…", "最後。"])
def test_a_premise_that_ends_gets_no_second_full_stop(premise: str) -> None:
    assert f"{premise} Your story" in user_message(StoryRequest(premise))


def test_only_a_leading_article_is_lowered() -> None:
    assert "about a Robot in Paris." in user_message(StoryRequest("A Robot in Paris"))
    assert "about Anna and The End." in user_message(StoryRequest("Anna and The End"))
