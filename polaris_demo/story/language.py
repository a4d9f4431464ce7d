"""Which language a text is in, for readers that hyphenate, read aloud or refuse by it. Told by py3langid, offline; the same each time."""

from functools import cache
from typing import Any

# Those in which books are common: among hundred and more, a line of English is soon nearest to a language of few texts.
LANGUAGES = (
    "ar bg bn ca cs da de el en es et fa fi fr gu he hi hr hu hy id is it ja ka km kn ko lo lt lv mk ml mr my ne nl no pa pl pt ro ru si "
    "sk sl sq sr sv sw ta te th tl tr uk ur vi zh"
)
USUAL = "en"  # the language the model card names
SURE = 0.5
_LATIN_ENDS = "\u024f"


def language(text: str) -> str:
    """The language's tag. A text of Latin letters that could be several is taken for English; so is one without letters."""
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return USUAL
    found, confidence = _identifier().classify(text)
    return str(found) if confidence >= SURE or max(letters) > _LATIN_ENDS else USUAL


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # 5 MB, which nobody needs before the first book

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES.split())
    return identifier
