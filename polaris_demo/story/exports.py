"""The files a story comes as: Markdown, plain text, EPUB, its record as JSON, and BibTeX.

Each is made from the record alone, and takes the story's address where there is one.
"""

import re
from typing import Protocol

from .citation import bibtex, record_json
from .colophon import colophon, file_name, title, whole
from .epub import epub
from .record import StoryRecord

__all__ = ["FILES", "bibtex", "epub", "file_name", "markdown", "record_json", "text", "title"]
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~&])")


def text(record: StoryRecord, link: str = "") -> str:
    return whole(f"{record.story}\n\n--\n" + "\n".join(colophon(record, link)) + "\n")


def markdown(record: StoryRecord, link: str = "") -> str:
    notes = (_MARKDOWN.sub(r"\\\1", line) for line in colophon(record, link))
    return whole(f"{record.story}\n\n---\n\n" + "\n".join(f"> {line}  " for line in notes) + "\n")


class Maker(Protocol):
    """Makes a file's content from a record and, where it has one, the story's address."""

    def __call__(self, record: StoryRecord, link: str = "") -> str | bytes: ...


# For each ending its media type and its maker.
FILES: dict[str, tuple[str, Maker]] = {
    "md": ("text/markdown", markdown),
    "txt": ("text/plain", text),
    "epub": ("application/epub+zip", epub),
    "json": ("application/json", record_json),
    "bib": ("application/x-bibtex", bibtex),
}
