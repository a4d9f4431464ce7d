"""What a reader sees of a story, however it comes: blocks of runs of text, read from HTML. Only for tests."""

import re
from collections.abc import Iterable
from html import escape
from html.parser import HTMLParser

from polaris_demo.story.inline import marked_up
from polaris_demo.story.markup import BLANK, blocks

Run = tuple[str, frozenset[str]]
Blocks = list[tuple[str, list[Run]]]  # kind and runs of text with the tags around them
HEADINGS = tuple(f"h{level}" for level in range(1, 7))
_BLANK_ENDS = re.compile(f"[{BLANK}]+(?=\n)")
_INLINE = ("em", "strong", "code")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: Blocks = []
        self._open: list[str] = []
        self._kind = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("p", "pre", *HEADINGS):
            self._kind = tag
            self.seen.append((tag, []))
        elif tag == "hr":
            self.seen.append(("hr", []))
        elif tag == "br":
            self._add("\n")
        elif tag in _INLINE:
            if self._kind != "pre":
                self._open.append(tag)
        elif tag not in ("html", "head", "body", "title", "link", "section"):
            self.seen.append((tag, []))  # a block that no story has: it makes the readers differ

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.remove(tag)
        elif tag == self._kind:
            self._kind = ""

    def handle_data(self, data: str) -> None:
        self._add(data if self._kind == "pre" else data.replace("\n", ""))

    def _add(self, text: str) -> None:
        if self._kind:
            self.seen[-1][1].append((text, frozenset(self._open)))


def read(html: str, levels: bool = True) -> Blocks:
    """The blocks of a page. Nested emphasis is one, blanks at the end of a line are none, a blank is a blank."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return [(kind if levels or kind not in HEADINGS else "h", _joined(runs, kind)) for kind, runs in reader.seen]


def _joined(runs: Iterable[Run], kind: str) -> list[Run]:
    joined: list[Run] = []
    for text, tags in runs:
        text = text.replace("\u00a0", " ").replace("\t", "    ")
        if joined and joined[-1][1] == tags:
            joined[-1] = (joined[-1][0] + text, tags)
        elif text:
            joined.append((text, tags))
    if kind == "pre":
        return joined
    ends = [*(text for text, _ in joined[1:]), "\n"]  # what follows tells whether a run's last blanks end a line
    joined = [
        (_BLANK_ENDS.sub("", f"{text}{after[:1]}")[: -1 if after[:1] else None], tags)
        for (text, tags), after in zip(joined, ends, strict=False)
    ]
    return [run for run in joined if run[0]]


def as_html(story: str) -> str:
    """The story as Python's own reader has it."""
    made = []
    for block in blocks(story):
        tag = {"paragraph": "p", "code": "pre", "break": "hr", "heading": f"h{block.level}"}[block.kind]
        text = escape(block.text, quote=False)
        if block.kind in ("paragraph", "heading"):
            text = marked_up(
                block.text, lambda piece: f"<{'' if piece.begins else '/'}{piece.tag}>", lambda text: escape(text, quote=False)
            )
            text = text.replace("\n", "<br>")
        made.append("<hr>" if tag == "hr" else f"<{tag}>{text}</{tag}>")
    return "".join(made)
