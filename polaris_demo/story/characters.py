"""What a text's characters are to whoever reads it: seen or not, written from the right, written without spaces between words."""

import re
import unicodedata

# By their category these could be seen, and are drawn as nothing: fillers, joiners, variation selectors, the blank of braille.
_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
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


def _is_seen(character: str) -> bool:
    return character.isprintable() and not character.isspace() and not _DRAWN_AS_NOTHING.match(character)
