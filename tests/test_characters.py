"""Text that cannot be seen is no premise and no title; scripts without spaces and from the right are known by their characters."""

import pytest

from polaris_demo.__main__ import FAILED, main
from polaris_demo.page import links
from polaris_demo.story.characters import from_the_right, is_blank, seen
from polaris_demo.story.exports import file_name, title
from polaris_demo.story.request import read

from .test_exports import told

UNSEEN = {
    "zero width": "\u200b\u200c\u200d\u2060", "byte order mark": "\ufeff", "soft hyphen": "\u00ad", "blanks": "\u00a0\u2003\u205f\u3000\u1680",
    "variation selectors": "\ufe0f\ufe0e\U000e0101\u180b", "hangul fillers": "\u115f\u1160\u3164\uffa0", "braille blank": "\u2800",
    "tags": "\U000e0001\U000e0041", "turning": "\u202e\u2066\u200f\u061c", "joining": "\u034f", "khmer": "\u17b4\u17b5", "lines": "\u2028\n\t",
}  # fmt: skip
EMPTY = read({"premise": ""})[1][0].message


@pytest.mark.parametrize("unseen", [*UNSEEN.values(), "".join(UNSEEN.values()), ""], ids=[*UNSEEN, "all", "none"])
def test_what_cannot_be_seen_is_blank(unseen: str) -> None:
    assert is_blank(unseen) and seen(unseen) == ""
    assert not is_blank(f"{unseen}.") and seen(f"{unseen}.{unseen}") == f".{unseen}"


@pytest.mark.parametrize("unseen", UNSEEN.values(), ids=UNSEEN)
def test_it_is_no_premise_wherever_it_comes_from(unseen: str, capsys: pytest.CaptureFixture[str]) -> None:
    request, found = read({"premise": unseen})
    assert request is None and [f.message for f in found] == [EMPTY]
    assert [f.message for f in links.arrival({"premise": unseen}, 2000)[1]] == [EMPTY]
    assert main(["write", "--premise", unseen or " "], lambda settings: pytest.fail("no model is loaded for this")) == FAILED
    assert EMPTY in capsys.readouterr().err


@pytest.mark.parametrize("unseen", UNSEEN.values(), ids=UNSEEN)
def test_it_is_no_title(unseen: str) -> None:
    assert title(told(f"# {unseen}\n\nOnce.", "a bell")) == "a bell"
    assert title(told(f"**{unseen}**\n\nOnce.", unseen)) == "A story"
    assert not is_blank(title(told("Once.", unseen * 70 + "a bell")))
    assert file_name(told("Once.", unseen), "md") == "A story.md"


@pytest.mark.parametrize("premise", ["👩\u200d🚀 and ❤\ufe0f", "می\u200cخواهم", "क्\u200dष", "e\u0301", "\u200fשלום", "👋🏽", "ᄒᆞᆫ"])
def test_what_joins_characters_that_can_be_seen_is_left_alone(premise: str) -> None:
    request, found = read({"premise": premise})
    assert request and request.premise == premise and not found


@pytest.mark.parametrize(
    ("text", "right"), [("שלום", True), ("(1) مرحبا", True), ("a שלום", False), ("123", False), ("", False), ("日本", False)]
)
def test_a_text_runs_as_its_first_letter_does(text: str, right: bool) -> None:
    assert from_the_right(text) == right


@pytest.mark.parametrize("ending", ["txt", "md"])
def test_a_premise_from_the_right_keeps_to_itself_in_a_file(ending: str) -> None:
    """The line around it runs from the left; without a fence its full stop would stand on the wrong side."""
    from polaris_demo.story.exports import FILES

    assert "Premise: \u2068זקן ומגדלור.\u2069\n" in str(FILES[ending].make(told("Once.", "זקן ומגדלור."))).replace("  \n", "\n")
    assert "Premise: an old man.\n" in str(FILES[ending].make(told("Once.", "an old man."))).replace("  \n", "\n")
