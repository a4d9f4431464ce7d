"""Whether a text can follow "a story about", and how it is written there. Knows nothing of forms and lengths.

Only what is recognised as an English phrase passes: a phrase that is refused costs little, a sentence behind "about" is no English.
"""

import re
import unicodedata
from itertools import pairwise

from . import english as en
from .clause import is_clause, words_of

SENTENCE_ENDS = (".", "!", "?", "…", '."', '!"', '?"', ".”", "!”", "?”", "。", "！", "？", "؟", "।")
_NO_PROSE = re.compile(r"[{}\[\]<>=|\\^#*_~`@;\n\r\t•]|://|www\.|\w\(|\s[-–—]+\s*$")
_NEXT_SENTENCE = re.compile(r"[.!?…]+[\"”'’)]*(?=\s)")
_QUOTED = re.compile(r"[\"“”«„'‘][^\"“”«»„.!?]+[\"“”»'’]")
_QUOTES = '"“”«»„'
_OPENING = re.compile(r"^[\"“«„'‘(]")
_ASKS = re.compile(
    r"(?:what|how|why|when|where|who|whom|which|whose)(?: (?:far|long|much|many|often|come|about|else|exactly|\w+ly))?"
    r" (?:is|are|was|were|am|do|does|did|can|could|will|would|shall|should|may|might|must|has|have|had|if|about|come|not|\w+n't)\b"
)
_DO = re.compile(r"((?:what|how|why|when|where|who) )do (?!not\b)")
_PLACE = re.compile(r"\b(?:in|on|at|from|near)(?: [A-Z]\w*)+")
_NO_ARTICLE = re.compile(r"(?:[a-z-]+ )?(?P<noun>[a-z-]+) (?:who|whose)\b")
_NEED_NONE = en.DETERMINERS | en.SOMEBODY | en.PLURALS | en.SUBJECTS | en.QUESTIONS - {"who", "whose"} | en.NUMBERS | {"and", "ones"}
_BETWEEN = en.DETERMINERS | en.CONJUNCTIONS
_SMALL = en.PREPOSITIONS | en.CONJUNCTIONS | frozenset("a an the".split())
_NO_GERUND = frozenset("beijing sterling fleming king spring viking string sing ring wing thing sibling".split())
_MEASURED = frozenset("long old tall deep high wide later ago".split())
_COMMON_ENDINGS = ("ing", "ness", "ation", "ship", "hood", "lessness", "ment", "ology")
_LABELLED = re.compile(r"^\S+(?: \S+)?:\s")
_TAGS = re.compile(r"\b(?:pov|(?:first|second|third)[- ]person|present tense|past tense)\b", re.IGNORECASE)
_ONCE = re.compile(r"(?:one|every|each|last|next|some)\s+(?:\w+ing\s)?(\w+),?\s+(\w+)", re.IGNORECASE)
_MOST_WORDS = 80


def phrase_of(text: str) -> str | None:
    """`text` as it stands behind "about", without a full stop; None where it cannot stand there."""
    text = re.sub(r"^(?:(?:something|anything)\s+)?(?:about|abt)\s+", "", text.strip(), flags=re.IGNORECASE).rstrip(" ,:")
    if not _is_prose(text) or _shouted(text) or is_foreign(text):
        return None
    if text.endswith(".") and not text.endswith(".."):
        text = text[:-1].rstrip() if not _abbreviated(text) else text
    if _QUOTED.fullmatch(text):
        return text
    text = _question(text) or ""
    if not text or not follows(text) or _is_list(text):
        return None
    return _with_article(_lowered(text))


def follows(text: str) -> bool:
    """Whether what a visitor wrote behind "about" can stay there: no sentence, and no beginning of one."""
    words = words_of(text.lower())
    if not words or words[0] in en.NO_BEGINNING or len(words) > _MOST_WORDS or _OPENING.match(text) or _ASKS.match(text.lower()):
        return False
    once = _ONCE.match(text)
    if (
        _LABELLED.match(text)
        or _TAGS.search(text)
        or (once and once[1].lower() in en.TIMES and once[2].lower() in en.SUBJECTS | en.DETERMINERS)
    ):
        return False
    return not (_commands(words) or _is_state(words) or several_sentences(text) or is_clause(text))


def title_of(text: str) -> str | None:
    """A title as typed, whatever it says ("To Kill a Mockingbird"); None where the capitals do not show one."""
    return (
        text
        if _is_title(text.split()) and text[0].isupper() and len(text.split()) < 10 and text[-1].isalnum() and not _NO_PROSE.search(text)
        else None
    )


def several_sentences(text: str) -> bool:
    return first_sentence(text) != text.rstrip()


def first_sentence(text: str) -> str:
    """Up to the first end of a sentence that more follows, or of a line."""
    text = text.rstrip()
    for found in _NEXT_SENTENCE.finditer(text):
        last = re.split(r"[\s.]", text[max(0, found.start() - 12) : found.start()])[-1].lower()
        if last not in en.ABBREVIATIONS and (len(last) != 1 or last == "i" or last.isdigit()):
            return text[: found.end()]
    return text


def is_foreign(text: str) -> bool:
    """Another script, or the small words and accents of another language and none of English."""
    if any(c.isalpha() and not unicodedata.name(c, "").startswith(("LATIN", "MODIFIER", "FULLWIDTH LATIN")) for c in text):
        return True
    words = [word for word in words_of(text) if word[0].isalpha()]
    if any(word.lower() in _ENGLISH for word in words):
        return False
    small = [word for word in words[1:] if word in en.FOREIGN]
    if words and words[0].lower() in en.FOREIGN:
        small += words[:1] if words[0].lower() not in en.OF_NAMES or words[1:2] == [word.lower() for word in words[1:2]] else []
    accented = [word for word in words if word.islower() and not word.isascii()]
    return len(words) > 1 and bool(small or (accented and len(words) > 2))


_ENGLISH = en.DETERMINERS | en.NUMBERS | en.FINITE | frozenset("of and with from for to at by on about whose which or".split())
_ENGLISH -= frozenset("all no do will has had us her his most".split()) - frozenset("his her will".split())


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
    return any(word in en.FINITE and after in en.SUBJECTS for word, after in pairwise(words))


def _commands(words: list[str]) -> bool:
    """ "describe the sea": a verb first, and what it is done to."""
    first, after = words[0], words[1] if len(words) > 1 else ""
    if first in en.NOUNY or first not in en.VERBS | en.COMMANDS:
        return first in en.NOUNY and (after in en.DETERMINERS or after in en.OBJECTS)
    return after not in ("and", "or", ",") and bool(after) and not after.endswith("ing")


def _is_state(words: list[str]) -> bool:
    """ "trapped in a lift", "two years old": nobody is named who is."""
    if words[0] in en.NUMBERS and words[-1] in _MEASURED:
        return True
    return len(words) > 1 and (words[0] in en.PARTICIPIAL or words[0].endswith("ed")) and words[1] in en.PREPOSITIONS


def _is_list(text: str) -> bool:
    """ "fox, bell, winter": words without a sentence between them."""
    parts = [words_of(part.lower()) for part in text.split(",")]
    bare = all(len(part) < 4 and not (set(part) & _BETWEEN) for part in parts)
    return (len(parts) > 1 and bare and text.islower()) or (len(parts) > 2 and bare)


# --- the first letter -------------------------------------------------------------------------------------------------


def _lowered(text: str) -> str:
    """Without the capital of a first word that has it only for being first."""
    words = text.split()
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first[0].isupper() and _is_title(words):
        return text
    if first in ("A", "An"):
        return first.lower() + text[len(first) :]
    named = second[:1].isupper() and second.lower() not in en.CAPITALISED and not second.startswith(("I'", "I’")) and second != "I"
    if named and not (first.lower() in en.QUESTIONS | en.POSSESSIVES and any(word.islower() and len(word) > 3 for word in words)):
        return text  # "The Beatles in a submarine", and not "What Alice found"
    if first.lower() in en.LOWERED or (_is_common(first.lower().rstrip(",")) and not _capitals(words)):
        return first.lower() + text[len(first) :] if first[1:].islower() else text
    return text


def _with_article(text: str) -> str:
    """ "archivist who …" -> "an archivist who …"."""
    found = _NO_ARTICLE.match(text)
    if not found or set(found[0].split()) & _NEED_NONE or found["noun"].endswith("s"):
        return text
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def _is_common(word: str) -> bool:
    """No name: "Grief", "Ghosts in the library", "Finding a way home"."""
    known = word in en.COMMON_NOUNS or word.removesuffix("s") in en.COMMON_NOUNS
    return known or (word.endswith(_COMMON_ENDINGS) and word not in _NO_GERUND)


def _is_title(words: list[str]) -> bool:
    """ "A Tale of Two Cities", and not "A Robot in Paris": capitals that no place has."""
    told, capitals = _told(words), _capitals(words)
    return len(told) > 1 and capitals == told and not en.CAPITALISED.issuperset(word.lower() for word in told)


def _capitals(words: list[str]) -> list[str]:
    return [word for word in _told(words) if word[0].isupper()]


def _told(words: list[str]) -> list[str]:
    """The words behind the first, but for places and what titles write small."""
    return [word for word in _PLACE.sub("", " ".join(words)).split()[1:] if word.lower() not in _SMALL]
