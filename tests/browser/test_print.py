"""A story on paper: a book's pages with nothing of the app on them, black on white in either theme, whole."""

import re
import unicodedata
import zlib
from itertools import chain

import pytest
from playwright.sync_api import Page, expect

from ..doubles import ScriptedEngine, endless, tells
from ..prose import SENTENCES
from . import steps

PARTS = [" ".join(SENTENCES[(n + k) % 4].strip() for k in range(4)) for n in range(23)]
STORY = "# The Lamp at Saltholm\n\n" + "\n\n".join([f"## {n}. A part\n\n{text}" if n % 8 == 1 else text for n, text in enumerate(PARTS, 1)])


class Pdf:
    """As much of a PDF by Chromium as tells its pages, their text, and the colours it is in."""

    def __init__(self, data: bytes) -> None:
        found = re.finditer(rb"(\d+) 0 obj\n(.*?)\nendobj", data, re.DOTALL)
        self._objects = {int(one[1]): one[2] for one in found}
        self.pages = [body for body in self._objects.values() if re.search(rb"/Type /Page\b", body)]
        self.size = [round(float(n)) for n in re.search(rb"/MediaBox \[\S+ \S+ (\S+) (\S+)\]", self.pages[0]).groups()]  # type: ignore[union-attr]

    def _stream(self, number: int) -> bytes:
        head, _, rest = self._objects[number].partition(b"stream\n")
        body = rest.rsplit(b"\nendstream", 1)[0]
        return zlib.decompress(body) if b"FlateDecode" in head else body

    def _drawn(self, page: bytes) -> bytes:
        return b"\n".join(self._stream(int(n)) for n in re.findall(rb"(\d+) 0 R", re.search(rb"/Contents (\[.*?\]|\d+ 0 R)", page)[1]))  # type: ignore[index]

    def text(self, page: bytes) -> str:
        """Words as they are drawn; a line's end is a space."""
        fonts = dict(re.findall(rb"/(F\d+) (\d+) 0 R", page))
        letters = {name: self._letters(int(number)) for name, number in fonts.items()}
        said, font = "", b""
        for name, glyphs, moves in re.findall(rb"/(F\d+) \S+ Tf|<([0-9A-Fa-f]+)>|\b(ET|Td|Tm)\b", self._drawn(page)):
            font = name or font
            said += (
                "".join(letters[font].get(glyphs[at : at + 4].upper(), "") for at in range(0, len(glyphs), 4))
                if glyphs
                else " "
                if moves == b"ET"
                else ""
            )
        return said

    def _letters(self, font: int) -> dict[bytes, str]:
        unicode = self._stream(int(re.search(rb"/ToUnicode (\d+) 0 R", self._objects[font])[1])).decode()  # type: ignore[index]
        found: dict[bytes, str] = {}
        for low, high, first in re.findall(r"^<(\w{4})> <(\w{4})> <(\w{4})>$", unicode, re.MULTILINE):
            found |= {f"{int(low, 16) + n:04X}".encode(): chr(int(first, 16) + n) for n in range(int(high, 16) - int(low, 16) + 1)}
        for glyph, letters in re.findall(r"^<(\w{4})> <((?:\w{4})+)>$", unicode, re.MULTILINE):
            found[glyph.upper().encode()] = bytes.fromhex(letters).decode("utf-16-be")
        return found

    def colours(self) -> set[tuple[float, ...]]:
        """Red, green and blue, 0 to 1, of all that is filled."""
        drawn = b"\n".join(self._drawn(page) for page in self.pages)
        return {tuple(float(n) for n in one.split()) for one in re.findall(rb"((?:[\d.]+ ){3})rg\b", drawn)}


def letters(text: str) -> str:
    """Without blanks, marks and the hyphens of a line's end."""
    return re.sub(r"[\s*#\-‐\u00ad]", "", unicodedata.normalize("NFKC", text))


def written(page: Page, url: str, theme: str) -> Page:
    steps.open_page(page, url, theme)
    steps.ask(page, "a ferry pilot who steers by a star that has gone out", 1400)
    steps.write(page)
    steps.wait_until_over(page)
    page.get_by_role("tab", name="About").click()  # which is in the page from now on
    page.go_back()
    expect(page.locator("#pane .story")).to_be_visible()
    page.evaluate("document.fonts.ready")
    return page


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_a_story_of_1400_words_is_five_or_six_pages_of_a_book(serve, same_page, theme: str, width: int) -> None:
    page = written(same_page(width, 844), serve(ScriptedEngine(tells(STORY))), theme)
    pdf = Pdf(page.pdf(prefer_css_page_size=True))
    pages = [pdf.text(one) for one in pdf.pages]
    words = len(steps.story(page).split())
    print(f"\n{words} words on {len(pages)} pages of {pdf.size} points")
    assert 1350 <= words <= 1450 and 4 <= len(pages) <= 6
    assert abs(pdf.size[0] - 420) <= 1 and abs(pdf.size[1] - 595) <= 1, "A5"
    numbers = [re.sub(r"\s", "", text) for text in pages]
    assert all(number.endswith(str(n)) or number.startswith(str(n)) for n, number in enumerate(numbers[1:], 2)), (
        "pages from the second on have their number"
    )
    whole = "".join(letters(re.sub(rf"(^\s*{n}\s+)|(\s+{n}\s*$)", "", text) if n > 1 else text) for n, text in enumerate(pages, 1))
    title, text = (letters(part) for part in STORY.split("\n\n", 1))
    before, found, after = whole.partition(text)
    assert found, "the text is complete, and nothing stands in it"
    byline = letters(page.locator(".title-page .by").text_content() or "")
    assert before == letters("A story about a ferry pilot who steers by a star that has gone out") + title + byline
    assert after == f"{byline}.{letters(page.url.split('?')[0])}?story={letters(page.url.split('story=')[1])}", (
        "who wrote it, when, and where it is"
    )
    assert all(max(colour) <= 0.21 for colour in pdf.colours() if colour != (1, 1, 1)), "black on white"


def test_what_is_printed_while_it_is_written_is_what_there_is(serve, same_page) -> None:
    page = steps.open_page(same_page(), serve(ScriptedEngine(endless)))
    steps.ask(page, "a bell", 500)
    steps.write(page)
    steps.reached(page, 200)
    pdf = Pdf(page.pdf(prefer_css_page_size=True))
    text = letters("".join(chain.from_iterable(pdf.text(one) for one in pdf.pages)))
    assert "wordwordword" in text and "Stop" not in text
    steps.stop(page)
