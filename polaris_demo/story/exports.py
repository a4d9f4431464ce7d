"""The files a story comes as: Markdown, plain text, EPUB, its record as JSON, and BibTeX.

Each is made from the record alone, and takes the story's address where there is one.
"""

from dataclasses import dataclass
from typing import Protocol

from .citation import bibtex, record_json
from .colophon import colophon, file_name, title, whole
from .epub import epub
from .markdown import as_markdown, literal
from .markup import as_text
from .record import StoryRecord

__all__ = ["FILES", "bibtex", "epub", "file_name", "markdown", "record_json", "text", "title"]


def text(record: StoryRecord, link: str = "") -> str:
    return whole(f"{as_text(str(record.story))}\n\n--\n" + "\n".join(colophon(record, link)) + "\n")


def markdown(record: StoryRecord, link: str = "") -> str:
    notes = map(literal, colophon(record, link))
    return whole(f"{as_markdown(str(record.story))}\n\n---\n\n" + "\n".join(f"> {line}  " for line in notes) + "\n")


class Maker(Protocol):
    """Makes a file's content from a record and, where it has one, the story's address."""

    def __call__(self, record: StoryRecord, link: str = "") -> str | bytes: ...


@dataclass(frozen=True)
class File:
    """A file a story comes as. `said` is how the page offers it, `label` in it the link; without a label it is not offered."""

    media_type: str
    make: Maker
    label: str = ""
    said: str = "{}"
    archived: bool = False  # stands in the archive of all of a browser's stories


# By ending, in the order they are offered.
FILES: dict[str, File] = {
    "epub": File("application/epub+zip", epub, "EPUB", archived=True),
    "md": File("text/markdown", markdown, "Markdown", archived=True),
    "txt": File("text/plain", text, "plain text"),
    "json": File("application/json", record_json, "record", "a {} that can be run again", archived=True),
    "bib": File("application/x-bibtex", bibtex),
}
