"""From a request to the one user message the model gets.

The message asks for the length twice: first in the model card's form ("Write a 3000-word story about …"), last in the
sentence the paper's evaluation reads the target from. The number stands in plain digits, since "3,000" would be read
as 000; a length that the premise itself names is left out. What cannot follow "about", such as a sentence, stands in its
own paragraph; where it holds a number that the evaluation would read instead, behind that sentence. There is no system
prompt, as in training.
"""

import re
from functools import lru_cache

from .. import card
from .length import without_length
from .premise import Asked, asked, ended
from .request import VERBATIM, StoryRequest

PLACE = "\ue000premise\ue000"  # stands for a premise where only what is around it is wanted
_ELEVEN_AND_EIGHTEEN = (11, 18)  # "an 11000-word", and "a 1100-word": one thousand one hundred


def user_message(request: StoryRequest) -> str:
    """The message as sent; `verbatim` sends the premise as it is."""
    if request.form == VERBATIM:
        return request.premise
    form = next(f for f in card.FORMS if f.name == request.form)
    wanted = asked(request.premise, form)
    message = _message(wanted, request.words)
    if _target(message) == str(request.words):
        return message
    whole = wanted.apart or without_length(request.premise).strip()
    return _message(Asked(wanted.kind, wanted.noun, apart=whole), request.words, closing_first=True)


@lru_cache(256)  # asked anew with every update of a story
def heading(request: StoryRequest) -> tuple[str, str]:
    """What was asked for, as a title page says it: "A story about", and the premise; nothing before one that cannot follow it."""
    premise = request.premise.strip()
    if request.form == VERBATIM:
        return "", premise
    form = next(f for f in card.FORMS if f.name == request.form)
    preposition, _, phrase = asked(premise, form).about.strip().partition(" ")
    if phrase.rstrip(".").casefold() != premise.rstrip(".").casefold():
        return "", premise
    return f"A{'n' if form.about[0] in 'aeiou' else ''} {form.about.rsplit(' ', 1)[0]} {preposition}", premise.rstrip(".")


def _message(wanted: Asked, words: int, closing_first: bool = False) -> str:
    head = f"Write {_article(words)} {words}-word {wanted.kind}"
    closing = card.TARGET_SENTENCE.format(noun=wanted.noun, words=words)
    if wanted.apart:
        head = f"{head} from this premise."
        return f"{head} {closing}\n\n{wanted.apart}" if closing_first else f"{head}\n\n{wanted.apart}\n\n{closing}"
    said = ended(head + wanted.about)
    if "\n" in wanted.rest:
        return f"{said}\n\n{wanted.rest}\n\n{closing}"
    return f"{said} {ended(wanted.rest)} {closing}" if wanted.rest else f"{said} {closing}"


def _target(message: str) -> str:
    """The length that the paper's evaluation reads."""
    found = re.search(rf"(?<!\d){card.TARGET_PATTERN}", message)  # what it finds is the same, but found in linear time
    return found["word_count"] if found else ""


def _article(number: int) -> str:
    """As the number is said: "an 800-word", "an 11000-word", "a 1100-word"."""
    thousands = number // 1000 or number
    return "an" if str(number)[0] == "8" or thousands in _ELEVEN_AND_EIGHTEEN else "a"
