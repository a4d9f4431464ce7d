"""The little Markdown that stories are written in, as blocks: headings, scene breaks, code, paragraphs. All else is literal.

This is where it is decided; `page/browser/paper.js` reads a growing story the same way. Marks inside a line are
`inline`'s. Takes time proportional to the text, whatever it holds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .inline import plain

MOST_FENCED = 120  # lines of code; a fence that is not closed by then, or never, is an accident and swallows nothing
BREAKS_ALONE, BREAKS_BY_THREES = "⁂—―⸻❦❧☙❖◆◇✦✧✶✻★☆※", "*-_~=#+•·∙–—●○■□"
BLANK = " \t\v\f\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200C)))
_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_BLANK_ENDS = re.compile(rf"[{BLANK}]+(?=\n|\Z)")
_BLANKS, _ESCAPE = re.compile(f"[{BLANK}]+"), re.compile(r"\\(?=[!-/:-@\[-`{-~])")
_HEADING = re.compile(rf" {{0,3}}(#{{1,6}})[ \t][{BLANK}]*(?P<text>.*?)(?:[{BLANK}]+#+)?[{BLANK}]*")
_FENCE = re.compile(r" {0,3}(?P<ticks>`{3,})(?P<info>[^`]*)")
_BOLD = re.compile(r"(\*\*|__)(?!\s)(?P<text>.+?)(?<![\s\\])\1")


@dataclass(frozen=True)
class Block:
    """Characters `start` to `end` of a story. `text` is without the block's own marks; its lines end in a line feed each.

    A heading's `level` is 1 to 6. A break's text is its marks, code is verbatim, all other text may hold inline marks.
    """

    kind: Literal["heading", "break", "code", "paragraph"]
    text: str
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True)
class _Line:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def blocks(story: str) -> list[Block]:
    """The story's blocks in order; what is between them is blank."""
    lines = [_Line(found[1], found.start()) for found in _LINE.finditer(story)]
    fences, made, paragraph, at = _fences(lines), [], [], 0  # type: dict[int, int], list[Block], list[_Line], int

    def close() -> None:
        if paragraph:
            text = "\n".join(line.text.rstrip(BLANK) for line in paragraph)
            made.append(Block("paragraph", text, paragraph[0].start, paragraph[-1].end))
            paragraph.clear()

    while at < len(lines):
        line, last = lines[at], fences.get(at, at)
        block = _code(lines[at : last + 1]) if last > at else _own_block(line, first=not made and not paragraph)
        if block or is_blank(line.text):
            close()
        else:
            paragraph.append(line)
        made += [block] if block else []
        at = last + 1
    close()
    return made


def title(story: str) -> str | None:
    """The title a story gives itself: its first line where that is a heading or all in bold, as plain text."""
    first = next((found[1] for found in _LINE.finditer(story) if not is_blank(found[1])), "")
    block = _own_block(_Line(first, 0), first=True)
    return plain(block.text) if block and block.kind == "heading" else None


def is_blank(line: str) -> bool:
    """A line of nothing but blanks of any width separates paragraphs."""
    return not _BLANKS.sub("", line)


def _is_break(line: str) -> bool:
    """A line of nothing but a scene break: * * *, ---, —, ⁂ and their like, escaped or not."""
    marks = _ESCAPE.sub("", _BLANKS.sub("", line))
    if not marks or marks.strip(marks[0]):
        return False
    return (marks[0] in BREAKS_ALONE and len(marks) == 1) or (marks[0] in BREAKS_ALONE + BREAKS_BY_THREES and len(marks) >= 3)


def _heading(line: str) -> tuple[int, str] | None:
    """Level (1 to 6) and text of a heading, closing marks removed; None for any other line."""
    found = _HEADING.fullmatch(line)
    return (len(found[1]), found["text"]) if found and not is_blank(found["text"].replace("#", "")) else None


def _own_block(line: _Line, first: bool) -> Block | None:
    """The block that a line is by itself, wherever it stands; None where it is a paragraph's or blank."""
    if _is_break(line.text):
        return Block("break", line.text.strip(BLANK), line.start, line.end)
    found = _heading(line.text)
    if not found and first and (bold := _BOLD.fullmatch(line.text.strip(BLANK))) and bold[1] not in bold["text"]:
        found = 1, bold["text"]
    return Block("heading", found[1], line.start, line.end, found[0]) if found else None


def _fences(lines: Sequence[_Line]) -> dict[int, int]:
    """The lines that begin code, and those that end it."""
    rows = {number: row for number, line in enumerate(lines) if (row := _FENCE.fullmatch(line.text))}
    closing = {number: len(row["ticks"]) for number, row in rows.items() if is_blank(row["info"])}
    found, last = {}, -1  # type: dict[int, int], int
    for number, row in rows.items():
        if number > last:
            within, ticks = range(number + 1, number + 1 + MOST_FENCED), len(row["ticks"])
            last = next((end for end in within if closing.get(end, 0) >= ticks), -1)
            found |= {number: last} if last > 0 else {}
    return found


def _code(lines: Sequence[_Line]) -> Block:
    indent = len(lines[0].text) - len(lines[0].text.lstrip(" "))
    inside = (re.sub(f"^ {{0,{indent}}}", "", line.text) for line in lines[1:-1])
    return Block("code", "\n".join(inside), lines[0].start, lines[-1].end)


def as_text(story: str) -> str:
    """The story without its marks, as it is read: its blocks, a blank line between them."""
    return "\n\n".join(block.text if block.kind == "code" else _BLANK_ENDS.sub("", plain(block.text)) for block in blocks(story))
