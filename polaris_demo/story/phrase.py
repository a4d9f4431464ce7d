"""Whether a text can follow "a story about", and how it is written there. Knows nothing of forms and lengths.

Only what is recognised as an English phrase passes: a phrase that is refused costs little, a sentence behind "about" is no English.
"""

import re
import unicodedata

from . import english as en
from .clause import is_clause, words_of

SENTENCE_ENDS = (".", "!", "?", "…", '."', '!"', '?"', ".”", "!”", "?”", "。", "！", "？", "؟", "।")
_NO_PROSE = re.compile(r"[{}\[\]<>=|\\^#*_~`@;\n\r\t•]|://|www\.|\w\(|\s[-–—]+\s*$")
_NEXT_SENTENCE = re.compile(r"(\w*)[.!?…]+[\"”'’)]*\s+(?=\S)")
_QUOTED = re.compile(r"[\"“”«„'‘][^\"“”«»„.!?]+[\"“”»'’]")
_QUOTES = "\"“”«»„"
_OPENING = re.compile(r"^[\"“«„'‘(]")
_ASKS = re.compile(
    r"(?:what|how|why|when|where|who|whom|which|whose)(?: (?:far|long|much|many|often|come|about|else|exactly|\w+ly))?"
    r" (?:is|are|was|were|am|do|does|did|can|could|will|would|shall|should|may|might|must|has|have|had|if|about|come|not|\w+n't)\b"
)
_DO = re.compile(r"((?:what|how|why|when|where|who) )do (?!not\b)")
_PLACED = frozenset("in at from near".split())
_NO_GERUND = frozenset("beijing sterling fleming king spring viking string sing ring wing thing sibling".split())
_MEASURED = frozenset("long old tall deep high wide later ago".split())
_MOST_WORDS = 80


def phrase_of(text: str) -> str | None:
    """`text` as it stands behind "about", without a full stop; None where it cannot stand there."""
    text = re.sub(r"^(?:about|abt)\s+", "", text.strip(), flags=re.IGNORECASE).rstrip(" ,:")
    if not _is_prose(text) or _shouted(text) or is_foreign(text):
        return None
    if text.endswith(".") and not text.endswith(".."):
        text = text[:-1].rstrip() if not _abbreviated(text) else text
    if _QUOTED.fullmatch(text):
        return text
    text = _question(text) or ""
    if not text or not follows(text) or _is_list(text):
        return None
    return _lowered(text)


def follows(text: str) -> bool:
    """Whether what a visitor wrote behind "about" can stay there: no sentence, and no beginning of one."""
    words = words_of(text.lower())
    if not words or words[0] in en.NO_BEGINNING or len(words) > _MOST_WORDS or _OPENING.match(text) or _ASKS.match(text.lower()):
        return False
    return not (_commands(words) or _is_state(words) or several_sentences(text) or is_clause(text))


def title_of(text: str) -> str | None:
    """A title as typed, whatever it says ("To Kill a Mockingbird"); None where the capitals do not show one."""
    return text if _is_title(text.split()) and len(text.split()) < 10 and text[-1].isalnum() and not _NO_PROSE.search(text) else None


def several_sentences(text: str) -> bool:
    return first_sentence(text) != text


def first_sentence(text: str) -> str:
    """Up to the first end of a sentence that more follows, or of a line."""
    for found in _NEXT_SENTENCE.finditer(text):
        if found[1].lower() not in en.ABBREVIATIONS and (len(found[1]) != 1 or found[1] == "I"):
            return text[: found.end()].rstrip()
    return text


def is_foreign(text: str) -> bool:
    """Another script, or the small words and accents of another language and none of English."""
    if any(c.isalpha() and not unicodedata.name(c, "").startswith(("LATIN", "MODIFIER", "FULLWIDTH LATIN")) for c in text):
        return True
    words = [word for word in words_of(text) if word[0].isalpha()]
    if any(word.lower() in _ENGLISH for word in words):
        return False
    small = [word for word in words if word in en.FOREIGN or (word.lower() in en.FOREIGN and not _names(words))]
    accented = [word for word in words if word.islower() and not word.isascii()]
    return len(words) > 1 and bool(small or (accented and len(words) > 2))


_ENGLISH = en.DETERMINERS | en.POSSESSIVES | en.NUMBERS | en.FINITE | frozenset("of and with from for to at by on about whose which or".split())
_ENGLISH -= frozenset("all no do will has had us her his most".split()) - frozenset("his her will".split())


def _names(words: list[str]) -> bool:
    """ "El Dorado", "Das Boot": every word has a capital."""
    return all(word[0].isupper() for word in words)


def _is_prose(text: str) -> bool:
    return any(c.isalnum() for c in text) and not _NO_PROSE.search(text) and not several_sentences(text)


def _shouted(text: str) -> bool:
    return text.isupper() and len([word for word in words_of(text) if word[0].isalpha()]) > 1


def _abbreviated(text: str) -> bool:
    last = re.split(r"[\s.]", text[:-1])[-1].lower()
    return last in en.ABBREVIATIONS or len(last) == 1


def _question(text: str) -> str | None:
    """A question as a phrase ("Why do cats purr?" -> "why cats purr"); None where it has to stay one."""
    begins = text[:1].lower() + text[1:]
    if _DO.match(begins):
        return _DO.sub(r"\1", begins, count=1).rstrip("? ")
    if not text.endswith("?"):
        return text
    first = words_of(begins)[0] if words_of(begins) else ""
    return text.rstrip("? ") if first in en.QUESTIONS and not _ASKS.match(begins) and not _inverted(begins) else None


def _inverted(text: str) -> bool:
    """ "how far would you go": the verb stands before a "you"."""
    words = words_of(text)
    return any(word in en.FINITE and after in en.SUBJECTS for word, after in zip(words, words[1:], strict=False))


def _commands(words: list[str]) -> bool:
    """ "describe the sea": a verb first, and what it is done to."""
    first, after = words[0], words[1] if len(words) > 1 else ""
    if first in en.NOUNY or first not in en.VERBS | en.COMMANDS:
        return first in en.NOUNY and (after in en.DETERMINERS or after in en.POSSESSIVES or after in en.OBJECTS)
    return after not in ("and", "or", ",") and bool(after) and not after.endswith("ing")


def _is_state(words: list[str]) -> bool:
    """ "trapped in a lift", "two years old": nobody is named who is."""
    if words[0] in en.NUMBERS and words[-1] in _MEASURED:
        return True
    return len(words) > 1 and (words[0] in en.PARTICIPIAL or words[0].endswith("ed")) and words[1] in en.PREPOSITIONS


def _is_list(text: str) -> bool:
    """ "fox, bell, winter": words without a sentence between them."""
    parts = [words_of(part.lower()) for part in text.split(",")]
    bare = all(len(part) < 4 and not (set(part) & (en.DETERMINERS | en.CONJUNCTIONS | en.POSSESSIVES)) for part in parts)
    return (len(parts) > 1 and bare and text.islower()) or (len(parts) > 2 and bare)


# --- the first letter -------------------------------------------------------------------------------------------------


def _lowered(text: str) -> str:
    """Without the capital of a first word that has it only for being first."""
    words = text.split()
    first, second = words[0], words[1] if len(words) > 1 else ""
    if _is_title(words):
        return text
    if first in ("A", "An"):
        return first.lower() + text[len(first) :]
    if second[:1].isupper() and not (second.lower() in en.CAPITALISED or second in ("I", "I'm", "I’m", "AI")):
        return text
    common = first.lower() in en.LOWERED or (first.endswith("ing") and len(words) > 1 and first.lower() not in _NO_GERUND)
    return first.lower() + text[len(first) :] if common and first[1:].islower() else text


def _is_title(words: list[str]) -> bool:
    """ "A Tale of Two Cities", and not "A Robot in Paris": capitals that no place has."""
    long = [(before, word) for before, word in zip(words, words[1:], strict=False) if len(word) > 3]
    high = [word.lower() for before, word in long if word[0].isupper() and before not in _PLACED]
    return len(high) > 1 and not en.CAPITALISED.issuperset(high) and all(word[0].isupper() for _, word in long)
