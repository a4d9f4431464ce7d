"""One grammar of a story's text: whoever reads it, as a page, a book, a Markdown or a plain file, sees the same blocks."""

import io
import json
import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import ebooklib
import pytest
from ebooklib import epub as books
from markdown_it import MarkdownIt

from polaris_demo.story import exports, inline, markup
from polaris_demo.story.epub import epub
from polaris_demo.story.events import Delta, Finish
from polaris_demo.story.measures import paragraph_heat
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.request import StoryRequest

from .doubles import POLARIS
from .reading import HEADINGS, Blocks, as_html, read
from .test_loops import sound_stories
from .test_loops import told as made_up

ROWS = [json.loads(line) for line in (Path(__file__).parent / "data" / "story_grammar.jsonl").read_text().splitlines()]
PREMISE = "what it is about"
PARTS = (
    "*", "**", "***", "_", "__", " ", "a", "b.", '"', "\\", "\n", "\n\n", "\r\n", "\r", "`", "``", "```", "```\n", "\n```\n", "# ", "#", "## H\n",
    "- ", "1. ", "> ", "<b>", "<!--", "&amp;", "---", "\n---\n", "    ", "\t", "=", "(", "[x](y)", "~~", "|", "+ ", "—", "é", "🌟", "**T**\n", "\u3000",
    "word word", "他", "שלום", "\u200b",
)  # fmt: skip


@cache
def stories() -> list[str]:
    """Those of people where they are at hand, and of the grammar the miniature is trained on."""
    return [*sound_stories(), *(made_up(seed, 600) for seed in range(50))]


@cache
def random_texts(count: int = 2000) -> list[str]:
    rng = random.Random(13)
    return ["".join(rng.choices(PARTS, k=rng.randint(2, 18))) for _ in range(count)]


def record_of(story: str) -> StoryRecord:
    record = StoryRecord("id", StoryRequest(PREMISE, 100).with_seed(7), created=1_790_000_000, writer=POLARIS)
    for event in (Delta.of("thinking", "", (0,)), Delta.of("story", story, (1,)), Finish("stop")):
        record.apply(event, 1.0)
    return record


def markdown_of(story: str) -> Blocks:
    """The blocks of the Markdown file as CommonMark renders it; its colophon has to be whole after them."""
    seen = MarkdownIt("commonmark").render(exports.markdown(record_of(story)))
    shown, rule, notes = seen.rpartition("<hr />\n<blockquote>")
    assert rule and notes.count("<p>") == 1 and "finish reason: stop" in notes
    return read(shown.replace("\n</code></pre>", "</code></pre>"))


def book_of(story: str) -> Blocks:
    """The blocks of the book as a library for books reads it, in the order of its spine."""
    book = books.read_epub(io.BytesIO(epub(record_of(story))), {"ignore_ncx": True})
    pages = {item.get_id(): item.get_content().decode() for item in book.get_items_of_type(ebooklib.ITEM_DOCUMENT)}
    seen = read("".join(pages[name] for name, _ in book.spine if name.startswith("part-")), levels=False)
    assert seen[0][0] == "h"
    return seen if markup.title(story) else seen[1:]  # the book of a story without a title is headed by its premise


def without_levels(seen: Blocks) -> Blocks:
    return [("h" if kind in HEADINGS else kind, runs) for kind, runs in seen]


def test_there_are_cases_enough_and_none_twice() -> None:
    assert len({row["text"] for row in ROWS}) == len(ROWS) >= 150


@pytest.mark.parametrize("row", ROWS, ids=lambda row: repr(row["text"]))
def test_python_a_book_and_a_markdown_file_show_each_case_as_the_table_has_it(row: dict[str, str]) -> None:
    wanted = read(row["shown"])
    assert read(as_html(row["text"])) == wanted, row["says"]
    assert markdown_of(row["text"]) == wanted, row["says"]
    assert book_of(row["text"]) == without_levels(wanted), row["says"]


def test_whole_stories_are_the_same_block_for_block() -> None:
    for story in stories():
        wanted = read(as_html(story))
        assert markdown_of(story) == wanted and book_of(story) == without_levels(wanted)
    print(f"\n{len(stories())} stories, {sum(len(markup.blocks(story)) for story in stories()):,} blocks")


def test_random_texts_are_the_same_block_for_block() -> None:
    for number, story in enumerate(random_texts()):
        wanted = read(as_html(story))
        assert markdown_of(story) == wanted, story
        if number % 15 == 0:
            assert book_of(story) == without_levels(wanted), story


def test_emphasis_is_commonmarks_where_no_mark_stands_inside_a_word() -> None:
    rng, marks, compared = random.Random(3), ("*", "**", "***", "_", "__", " ", '"', "\\", "é.", "。", " x ", "(", "—"), 0
    for _ in range(6000):
        text = "x " + "".join(rng.choices(marks, k=rng.randint(2, 16))) + " y"
        if not any(isinstance(run, inline._Run) and run.inside for run in inline._parts(text)):
            compared += 1
            assert read(MarkdownIt("commonmark").render(text)) == read(as_html(text)), text
    assert compared > 5000


def test_the_plain_file_has_every_block_and_no_mark() -> None:
    story = "# The *Lamp*\n\nIt **was** so,\n    indented.\r\n\r\n***\n\n```\n# *code*\n```\n\n`so` \\*this\\* sh*t"
    text = "The Lamp\n\nIt was so,\n    indented.\n\n***\n\n# *code*\n\nso *this* sh*t"
    assert markup.as_text(story) == text
    assert exports.text(record_of(story)).startswith(f"{text}\n\n--\n")


def test_a_block_is_where_it_says_and_what_is_between_is_blank() -> None:
    for story in (*random_texts(500), *stories()[:20]):
        at = 0
        for block in markup.blocks(story):
            assert markup.is_blank("".join(story[at : block.start].split())) and at <= block.start < block.end
            at = block.end
        assert markup.is_blank("".join(story[at:].split()))
        assert [(p.start, p.end) for p in paragraph_heat(story)] == [(b.start, b.end) for b in markup.blocks(story)]


@pytest.mark.parametrize(
    "piece",
    [
        "*a ",
        "a* ",
        "**a *b ",
        "***a** *",
        "a*b c*d ",
        "a*b(*c ",
        "`a `b ",
        "`a ``b ```c ",
        "\\* ",
        "```\n",
        "```x\n",
        "# a\n",
        "***\n",
        "\n",
        "_a*b_*",
    ],
)
def test_reading_takes_time_by_the_length_of_the_text(piece: str) -> None:
    def seconds(times: int) -> float:
        text = piece * times
        return min(_seconds(lambda: [inline.plain(block.text) for block in markup.blocks(text)]) for _ in range(3))

    assert seconds(8_000) < 80 * seconds(500)  # by the square it would be 256 times


def _seconds(what: Callable[[], object]) -> float:
    started = time.thread_time()
    what()
    return time.thread_time() - started + 1e-4
