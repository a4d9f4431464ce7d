"""A story as an EPUB 3 book, written with the standard library. The same record gives the same bytes.

Whatever a story, title or premise holds, the book's XML is valid and shows it as text.
"""

import io
import re
import unicodedata
import uuid
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from .characters import is_blank
from .colophon import colophon, licence, timestamp, title
from .day import Date, zip_date
from .inline import Piece, marked_up, plain
from .language import language
from .markup import Block, blocks
from .record import StoryRecord

MOST_PARTS = 200  # files of one book; later parts stay in the last
_NOT_XML = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010fffd]")
_INDENT = re.compile(r"(?m)^[ \t]+")
CSS = """body { margin: 1em; line-height: 1.5; overflow-wrap: break-word; }
h1, h2, h3, h4, h5, h6 { text-align: center; font-weight: normal; margin: 2em 0 1em; }
p { margin: 0; text-indent: 1.2em; }
h1 + p, h2 + p, h3 + p, h4 + p, h5 + p, h6 + p, hr + p { text-indent: 0; }
pre { margin: 1em 0; white-space: pre-wrap; font-size: 0.85em; text-align: start; }
hr { width: 20%; margin: 1.5em auto; border: 0; border-top: 1px solid; }
.colophon p { margin: 0 0 0.6em; text-indent: 0; font-size: 0.9em; }
"""
CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""


@dataclass(frozen=True)
class Part:
    """One file of the book: its name in the contents, as text, and what it shows, as XHTML."""

    name: str
    blocks: list[str]


def epub(record: StoryRecord, link: str = "") -> bytes:
    """The book: the story by its parts, then the colophon."""
    story, name = _xml_text(str(record.story)), _xml_text(title(record))
    tongue, parts = language(story), _parts(story, name)
    notes = ["<h2>Colophon</h2>", *(f'<p dir="auto">{escape(_xml_text(line))}</p>' for line in colophon(record, link))]
    section = f'<section class="colophon" epub:type="colophon">\n{_lines(notes)}\n</section>'
    files = {
        "META-INF/container.xml": CONTAINER,
        "EPUB/package.opf": _package(record, name, tongue, "rtl" if _right_to_left(story) else "ltr", len(parts)),
        "EPUB/nav.xhtml": _contents(name, parts),
        "EPUB/style.css": CSS,
        **{f"EPUB/part-{n}.xhtml": _page(part.name, tongue, _lines(part.blocks)) for n, part in enumerate(parts, 1)},
        "EPUB/colophon.xhtml": _page("Colophon", "en", section),
    }
    return _zipped(files, zip_date(record.created))


def _parts(story: str, name: str) -> list[Part]:
    """The story cut at its headings of the first two levels; the first part is headed by the title."""
    made = blocks(story)
    own = made.pop(0).text if made and _heads(made[0]) else None
    parts = [Part(name, [f'<h1 dir="auto">{_marked_up(own) if own else _literal(name)}</h1>'])]
    for block in made:
        if _heads(block) and block.level <= 2 and len(parts) < MOST_PARTS:
            parts.append(Part(plain(block.text), []))
        parts[-1].blocks.append(_block(block))
    return parts


def _heads(block: Block) -> bool:
    """A heading that can be seen: no other stands in the contents."""
    return block.kind == "heading" and not is_blank(plain(block.text))


def _block(block: Block) -> str:
    if block.kind == "heading":
        level = max(2, block.level)
        return f'<h{level} dir="auto">{_marked_up(block.text)}</h{level}>'
    if block.kind == "break":
        return "<hr/>"
    if block.kind == "code":
        return f'<pre dir="auto"><code>{_literal(block.text)}</code></pre>'
    text = _INDENT.sub(lambda indent: "\u00a0" * len(indent[0].replace("\t", "    ")), block.text)
    return f'<p dir="auto">{_marked_up(text)}</p>'.replace("\n", "<br/>\n")


def _marked_up(text: str) -> str:
    return marked_up(text, _tag, _literal)


def _tag(piece: Piece) -> str:
    return f"<{'' if piece.begins else '/'}{piece.tag}>"


def _page(name: str, language: str, body: str) -> str:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="{language}" xml:lang="{language}">
<head>
<title>{_literal(name)}</title>
<link rel="stylesheet" type="text/css" href="style.css"/>
</head>
<body>
{body}
</body>
</html>
"""


def _contents(name: str, parts: list[Part]) -> str:
    entries = [(f"part-{n}.xhtml", part.name) for n, part in enumerate(parts, 1)] + [("colophon.xhtml", "Colophon")]
    items = _lines(f'<li dir="auto"><a href="{file}">{_literal(words)}</a></li>' for file, words in entries)
    return _page(name, "en", f'<nav epub:type="toc">\n<h1>Contents</h1>\n<ol>\n{items}\n</ol>\n</nav>')


def _package(record: StoryRecord, name: str, language: str, direction: str, parts: int) -> str:
    pages = [*(f"part-{n}" for n in range(1, parts + 1)), "colophon"]
    items = _lines(f'<item id="{page}" href="{page}.xhtml" media-type="application/xhtml+xml"/>' for page in pages)
    spine = _lines(f'<itemref idref="{page}"/>' for page in pages)
    writer = record.writer
    rights = f"<dc:rights>Model licence: {_literal(_xml_text(licence(writer)))}</dc:rights>\n" if writer else ""
    author = _literal(_xml_text(writer.name)) if writer else "A language model"
    return f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{uuid.uuid5(uuid.NAMESPACE_OID, "polaris_demo " + record.id).urn}</dc:identifier>
<dc:title>{_literal(name)}</dc:title>
<dc:language>{language}</dc:language>
<dc:creator>{author}</dc:creator>
<dc:description>Fiction written by a language model.</dc:description>
{rights}<dc:date>{timestamp(record)}</dc:date>
<meta property="dcterms:modified">{timestamp(record)}</meta>
<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">structuralNavigation</meta>
<meta property="schema:accessibilityHazard">none</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="style" href="style.css" media-type="text/css"/>
{items}
</manifest>
<spine page-progression-direction="{direction}">
{spine}
</spine>
</package>
"""


def _zipped(files: dict[str, str], stamp: Date) -> bytes:
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as archive:
        # A reader tells the format by its first bytes: the media type, first and not compressed.
        for name, content in {"mimetype": "application/epub+zip", **files}.items():
            entry = zipfile.ZipInfo(name, stamp)
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, content)
    return book.getvalue()


def _right_to_left(story: str) -> bool:
    """Most letters are of a script written from the right."""
    sides = [unicodedata.bidirectional(c) for c in story if c.isalpha()]
    return 2 * sum(side in ("R", "AL") for side in sides) > len(sides)


def _xml_text(text: str) -> str:
    """`text` without the characters that XML cannot hold."""
    return _NOT_XML.sub("", text)


def _literal(text: str) -> str:
    return escape(text, quote=False)


def _lines(blocks: Iterable[str]) -> str:
    return "\n".join(blocks)
