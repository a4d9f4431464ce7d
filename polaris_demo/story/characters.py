"""What a text's characters are to whoever reads it: seen or not, written from the right, written without spaces between words."""

import re
import unicodedata

# By their category these could be seen, and are drawn as nothing: fillers, joiners, variation selectors, the blank of braille.
_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)
# Letters of scripts that put no space between words: Chinese and Japanese; Thai, Lao, Burmese and Khmer, marks on them left out.
_UNSPACED = re.compile(
    "[\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d"
    "\U00020000-\U0003ffff\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3]"
)
_LTR, _RTL = "L", ("R", "AL")


def is_blank(text: str) -> bool:
    """Nothing in it can be seen."""
    return not seen(text)


def seen(text: str) -> str:
    """The text from its first character on that can be seen. Whatever joins or colours those after it stays."""
    return next((text[at:] for at, character in enumerate(text) if _is_seen(character)), "")


def from_the_right(text: str) -> bool:
    """Its first letter is of a script written from the right, and so a reader begins there (HTML's dir="auto")."""
    sides = (unicodedata.bidirectional(character) for character in text)
    return next((side in _RTL for side in sides if side == _LTR or side in _RTL), False)


def without_spaceless(text: str) -> tuple[str, int]:
    """The text without the letters of scripts that put no space between words, and how many of those it had."""
    return _UNSPACED.subn("", text)


def _is_seen(character: str) -> bool:
    return character.isprintable() and not character.isspace() and not _DRAWN_AS_NOTHING.match(character)
