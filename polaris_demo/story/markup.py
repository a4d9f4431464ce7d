"""The little Markdown that stories are written in: headings, scene breaks, emphasis. Everything else is literal.

Every function takes time proportional to the text, whatever it holds.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping

Tags = Mapping[str, tuple[str, str]]
PLAIN: Tags = dict.fromkeys(("*", "**", "***"), ("", ""))
_BREAKS_ALONE, _BREAKS_BY_THREES = "⁂—❦☙", "*-_~#•"


def heading(line: str) -> tuple[int, str] | None:
    """Level (1 to 6) and text of a heading, closing marks removed; None for any other line."""
    line = line.strip()
    text = line.lstrip("#")
    level = len(line) - len(text)
    if not 1 <= level <= 6 or not text[:1].isspace():
        return None
    unclosed = text.rstrip("#")
    text = unclosed.strip() if unclosed[-1:].isspace() else text.strip()
    return (level, text) if text else None


def title_line(line: str) -> str | None:
    """The title that a story's first line is: a heading or a line all in bold. None for any other line."""
    found, line = heading(line), line.strip()
    if found:
        return found[1]
    inside = line[2:-2].strip()
    return inside if line.startswith("**") and line.endswith("**") and inside and "**" not in inside else None


def is_break(line: str) -> bool:
    """A line of nothing but a scene break: * * *, ---, —, ⁂ and their like."""
    marks = "".join(line.split())
    if len(set(marks)) != 1:
        return False
    return marks[0] in _BREAKS_ALONE or (marks[0] in _BREAKS_BY_THREES and len(marks) >= 3)


def emphasised(text: str, tags: Tags, literal: Callable[[str], str] = str) -> str:
    """`text` with pairs of *, ** and *** made the `tags`' beginnings and ends, always nested; the rest through `literal`.

    As in Markdown, a mark opens before a letter and closes after one; a mark without its pair stays as it is.
    """
    pieces = re.split(r"(\*+)", text)
    made: list[str] = []
    waiting: list[tuple[str, int]] = []
    unpaired: Counter[str] = Counter()
    for number, piece in enumerate(pieces):
        if number % 2 == 0 or piece not in tags:
            made.append(literal(piece))
            continue
        before, after = pieces[number - 1][-1:], pieces[number + 1][:1]
        made.append(piece)
        if before.strip() and unpaired[piece]:
            while True:
                mark, at = waiting.pop()
                unpaired[mark] -= 1
                if mark == piece:
                    break
            made[at], made[-1] = tags[piece]
        elif after.strip():
            waiting.append((piece, len(made) - 1))
            unpaired[piece] += 1
    return "".join(made)
