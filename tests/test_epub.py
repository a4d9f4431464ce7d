"""The EPUB of any story is a valid book that shows its text and names what wrote it."""

import io
import re
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris_demo.story.epub import MOST_PARTS, epub

from .conftest import needs
from .test_exports import HOSTILE, told

PARAGRAPH = "The keeper went down to the harbour with *his* lamp, and the bell that **nobody** rang was ringing. " * 6
# Two books and not more: each check takes seconds.
BOOKS = {
    "hostile and long": epub(
        told(
            f"# {HOSTILE} <!-- ]]> <?x?>\n\nIt *was* **so** ***very***; *a **b* c**\nline &lt; two\n\n* * *\n\n## Part *one* {HOSTILE}\n\n—\n"
            "---\n\n### small\n\n## \u200b\n\n##### x\n\n## **\n### ***\n\n#\n# Last <one>\n\nשלום 🌟\U0001fffe\ue000\n"
            + "".join(f"## Chapter {n}\n\n" + f"{PARAGRAPH}\n\n" * 12 + "* * *\n\n" for n in range(12)),
            HOSTILE,
        ),
        'https://example.org/?story=a&b="<',
    ),
    "short, from the right": epub(told("# שיר ערב", "שיר")),
}


def files(book: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def shown(book: bytes) -> str:
    """The story's text as a reader shows it, marks and blanks aside."""
    parts = sorted((int(name[10:-6]), page) for name, page in files(book).items() if name.startswith("EPUB/part-"))
    return "".join("".join(ElementTree.fromstring(page).find("{*}body").itertext()) for _, page in parts)  # type: ignore[union-attr]


def test_epubcheck_finds_nothing(tmp_path: Path) -> None:
    command = needs("epubcheck")

    def check(name: str) -> str:
        path = tmp_path / f"{name}.epub"
        path.write_bytes(BOOKS[name])
        run = subprocess.run([*command, path], capture_output=True, text=True, timeout=300, check=False)
        return f"{name}: {run.stdout}{run.stderr}"

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(check, BOOKS))
    assert not [report for report in said if "0 fatals / 0 errors / 0 warnings" not in report]


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters() | st.sampled_from("*#-\n \r<&\"'"), max_size=200), st.text(max_size=40))
def test_any_story_makes_valid_xml(story: str, premise: str) -> None:
    for name, content in files(epub(told(story, premise))).items():
        if name.endswith(("xml", "xhtml", "opf")):
            ElementTree.fromstring(content)


def test_the_book_shows_the_storys_text() -> None:
    story = "# The <Lamp>\n\nOnce & *then*.\nA line\n\n## Two\n\n5 * 3 &amp; <b>\n\n### Small\n\nEnd\x00."
    lines = [line for line in shown(epub(told(story))).split("\n") if line]
    assert lines == ["The <Lamp>", "Once & then.", "A line", "Two", "5 * 3 &amp; <b>", "Small", "End."]


def test_breaks_headings_and_emphasis_become_a_books() -> None:
    book = files(epub(told("# T\n\nAs *so* **it** ***is***.\n\n* * *\n\nOn.\n\n## Two\n\nEnd.")))
    assert "<em>so</em> <strong>it</strong> <em><strong>is</strong></em>" in book["EPUB/part-1.xhtml"]
    assert book["EPUB/part-1.xhtml"].count("<hr/>") == 1
    assert '<h2 dir="auto">Two</h2>' in book["EPUB/part-2.xhtml"]
    assert re.findall(r'href="(part-\d|colophon)\.xhtml">([^<]+)', book["EPUB/nav.xhtml"]) == [
        ("part-1", "T"),
        ("part-2", "Two"),
        ("colophon", "Colophon"),
    ]


def test_the_colophon_names_premise_settings_model_licence_and_link() -> None:
    page = files(epub(told("Once.", "a <robot>"), "https://example.org/s"))["EPUB/colophon.xhtml"]
    for part in (
        "a &lt;robot&gt;",
        "seed 7",
        "rishanthrajendhran/POLARIS-9B, revision abc",
        "non-commercial",
        "written by a language model",
        "https://example.org/s",
    ):
        assert part in page


def test_the_book_is_told_by_its_first_bytes_and_the_same_each_time() -> None:
    book = epub(told("# T\n\nOnce."))
    assert book[30:58] == b"mimetypeapplication/epub+zip"
    assert book == epub(told("# T\n\nOnce."))
    assert zipfile.ZipFile(io.BytesIO(book)).infolist()[0].date_time[:3] == (2026, 9, 21)


@pytest.mark.parametrize("created", [0, 1e11])
def test_a_date_a_zip_cannot_name_does_no_harm(created: float) -> None:
    assert files(epub(told("Once.", created=created)))


@pytest.mark.parametrize(
    ("story", "language", "direction"),
    [(PARAGRAPH, "en", "ltr"), ("Der Wächter ging mit seiner Lampe zum Hafen, und die Glocke läutete. Was nun?", "de", "ltr"), ("היה היה פעם ילד", "he", "rtl"), ("", "en", "ltr")],
)  # fmt: skip
def test_language_and_direction_are_named(story: str, language: str, direction: str) -> None:
    package = files(epub(told(story)))["EPUB/package.opf"]
    assert f"<dc:language>{language}</dc:language>" in package and f'progression-direction="{direction}"' in package


def test_a_book_has_no_end_of_files() -> None:
    assert len(files(epub(told("## a\n" * 5_000)))) == MOST_PARTS + 6
    assert shown(epub(told("## a\n" * 5_000))).count("a") == 5_000


def test_a_heading_that_cannot_be_seen_heads_nothing() -> None:
    book = files(epub(told("# \u2060\n\nOnce.\n\n## \u2060\n\nMore.", "a robot")))
    assert '<h1 dir="auto">a robot</h1>' in book["EPUB/part-1.xhtml"]
    assert re.findall(r">([^<]*)</a>", book["EPUB/nav.xhtml"]) == ["a robot", "Colophon"]
