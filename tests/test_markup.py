"""The little Markdown of stories: what is markup, and that everything else stays as it is."""

import time

import pytest

from polaris_demo.story.markup import PLAIN, emphasised, heading, is_break

TAGS = {"*": ("<i>", "</i>"), "**": ("<b>", "</b>"), "***": ("<b><i>", "</i></b>")}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("# A", (1, "A")),
        ("###  A b  ###", (3, "A b")),
        ("####### A", None),
        ("#A", None),
        ("#", None),
        ("# #", None),
        ("# A#", (1, "A#")),
        ("a # b", None),
    ],
)
def test_headings(line: str, found: tuple[int, str] | None) -> None:
    assert heading(line) == found


@pytest.mark.parametrize("line", ["* * *", "***", "---", " - - - ", "___", "—", "⁂", "~~~", "###", "• • •"])
def test_scene_breaks(line: str) -> None:
    assert is_break(line)


@pytest.mark.parametrize("line", ["", "  ", "-", "**", "*-*", "— he said", "...", "aaa"])
def test_what_is_no_scene_break(line: str) -> None:
    assert not is_break(line)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*a* **b** ***c***", "<i>a</i> <b>b</b> <b><i>c</i></b>"),
        ("**a *b* c**", "<b>a <i>b</i> c</b>"),
        ("*a **b* c**", "<i>a **b</i> c**"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("*a", "*a"),
        ("a*", "a*"),
        ("5 *6 and *this*", "5 *6 and <i>this</i>"),
        ("****a****", "****a****"),
        ("_a_ `b` [c](d)", "_a_ `b` [c](d)"),
    ],
)
def test_emphasis(text: str, shown: str) -> None:
    assert emphasised(text, TAGS) == shown


@pytest.mark.parametrize(("begins", "ends"), [("*a ", ""), ("a* ", ""), ("**a *b ", ""), ("***a** *", ""), ("*a ", "b** ")])
def test_emphasis_takes_time_by_the_length_of_the_text(begins: str, ends: str) -> None:
    def seconds(count: int) -> float:
        taken = []
        for _ in range(3):
            started = time.perf_counter()
            emphasised(begins * count + ends * count, PLAIN)
            taken.append(time.perf_counter() - started)
        return min(taken)

    assert seconds(16_000) < 100 * seconds(1_000)  # by the square it would be 256 times
