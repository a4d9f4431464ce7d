"""A story as CommonMark that renders to the blocks it has everywhere else: what is literal is escaped, verse keeps its lines."""

import re
from collections.abc import Callable
from itertools import count

from .inline import Piece, pieces
from .markup import BLANK, Block, blocks

BREAK = "* * *"
_SPECIAL = re.compile(r"[\\`*_\[\]<~|]|&(?=#|\w)")
# What would begin a heading, a quotation, a list or an underlined heading, were it not escaped.
_BEGINS = re.compile(r"(?:(?P<number>\d{1,9})(?=[.)](?:\s|$))|(?=#{1,6}(?:\s|$)|>|[-+](?:\s|$)|-+$|=+$))")
_INDENT = re.compile(f"[{BLANK}]+")
_TRAILING_MARK = re.compile(r"#(?=#*$)")


def as_markdown(story: str) -> str:
    return "\n\n".join(map(_block, blocks(story)))


def literal(text: str) -> str:
    """Text in which nothing is a mark."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _block(block: Block) -> str:
    if block.kind == "break":
        return BREAK
    if block.kind == "code":
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block.text)), default=0))
        return f"{fence}\n{block.text}\n{fence}"
    if block.kind == "heading":
        return "#" * block.level + " " + _TRAILING_MARK.sub(r"\\#", _marked(block.text))
    return "  \n".join(map(_line, _marked(block.text).split("\n")))


def _marked(text: str) -> str:
    """Its own marks as they are, all else literal. Marks that would pair otherwise among what is escaped are written as tags."""
    written = _written(text, lambda piece: piece.text)
    return written if _read(written) == _read(text) else _written(text, lambda piece: f"<{'' if piece.begins else '/'}{piece.tag}>")


def _written(text: str, mark: Callable[[Piece], str]) -> str:
    """A backslash before a line's end goes, since every line's end is kept."""
    made, code = [], False
    for piece in pieces(text):
        if piece.tag == "code":
            code = piece.begins
        elif piece.tag:
            made.append(mark(piece))
        elif not piece.hidden:
            made.append(_code(piece.text) if code else literal(piece.text))
    return "".join(made)


def _code(text: str) -> str:
    """Code between so many backticks as are nowhere in it in a row."""
    rows = set(map(len, re.findall("`+", text)))
    ticks, room = "`" * next(n for n in count(1) if n not in rows), " " * (text.startswith("`") or text.endswith("`"))
    return f"{ticks}{room}{text}{room}{ticks}"


def _read(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """What a reader sees: every character and the tags around it."""
    seen: list[tuple[str, tuple[str, ...]]] = []
    tags: list[str] = []
    for piece in pieces(text):
        if piece.tag:
            tags.append(piece.tag) if piece.begins else tags.pop()
        elif not piece.hidden:
            seen += [(c, tuple(tags)) for c in piece.text]
    return seen


def _line(line: str) -> str:
    """Indented by spaces that Markdown keeps (the first as a reference: renderers strip it else), and beginning nothing but itself."""
    if indent := _INDENT.match(line):
        blanks = indent[0].replace("\t", "    ").replace(" ", "\u00a0")
        return f"&#{ord(blanks[0])};{blanks[1:]}{line[indent.end() :]}"
    return _BEGINS.sub(lambda found: f"{found['number'] or ''}\\", line, count=1) if _BEGINS.match(line) else line
