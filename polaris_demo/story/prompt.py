"""From a request to the one user message the model gets.

The message asks for the length twice: first in the model card's form ("Write a 3000-word story about …"), last in the
sentence the paper's evaluation reads the target from. The number stands in plain digits, since "3,000" would be read
as 000. There is no system prompt, as in training.
"""

import re

from .. import card
from .request import VERBATIM, StoryRequest

PLACE = "\ue000premise\ue000"  # stands for a premise where only what is around it is wanted
_LEADING_ARTICLE = re.compile(r"^(A|An|The)(?= )")
_SENTENCE_END = (".", "!", "?", "…", '."', '!"', '?"', ".”", "!”", "?”", "。", "！", "？", "؟", "।")


def user_message(request: StoryRequest) -> str:
    """The message as sent; `verbatim` sends the premise as it is."""
    if request.form == VERBATIM:
        return request.premise
    form = next(f for f in card.FORMS if f.name == request.form)
    premise = _LEADING_ARTICLE.sub(lambda m: m.group().lower(), request.premise)
    stop = "" if premise.endswith(_SENTENCE_END) else "."
    closing = card.TARGET_SENTENCE.format(noun=form.noun, words=request.words)
    return f"Write a {request.words}-word {form.about} {premise}{stop} {closing}"
