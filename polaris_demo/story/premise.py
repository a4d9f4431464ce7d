"""What a premise asks for: a kind of writing, and what it is about or what it is made from.

"Write me a funny story about a fox. Make it rhyme." asks for a funny story about a fox; "a fox who learns to fly" is what the
chosen form is about; "A fox learns to fly." can follow no "about" and stands apart. Knows nothing of how a prompt begins and ends.
"""

import re
from dataclasses import dataclass, replace

from .. import card
from . import kinds
from .english import QUESTIONS
from .length import without_length
from .phrase import SENTENCE_ENDS, first_sentence, follows, phrase_of, title_of

_ADVERBS = r"(?:(?:please|pls|plz|kindly|just|really|maybe|possibly|perhaps|also|now|then)\s+)*"
_GREETING = r"(?:(?:hi|hello|hey|yo|dear \w+|please|pls|plz|kindly|ok|okay|so|well|just)(?: there)?[,!.]*\s+){0,3}"
_WISH = (
    rf"(?:(?:can|could|will|would|may)\s+(?:you|u|i|we)\s+{_ADVERBS}(?:(?:get|have|ask\s+for|read|hear)\s+)?"
    rf"|i(?:['’]d|\s+would)?\s+{_ADVERBS}(?:want|like|love|need|wanna)\s+(?:for\s+)?(?:you\s+|u\s+)?(?:to\s+)?{_ADVERBS}(?:(?:read|see|have|get|hear)\s+)?"
    r"|i(?:['’]m|\s+am)\s+(?:looking\s+for|in\s+the\s+mood\s+for|after)\s+"
    r"|(?:help\s+me(?:\s+to)?|let['’]?s|let\s+us|your\s+task\s+is\s+to)\s+)"
)
_VERB = (
    r"(?:(?:re)?(?:write|wirte|wriet|wrtie|writr|wright|tell|give|create|generate|compose|draft|craft|produce|invent|make|pen|spin|narrate|do)"
    rf"(?:\s+up|\s+out)?(?:\s+(?:me|us|for\s+me))?\s+{_ADVERBS})"
)
_ASKING = re.compile(rf"(?P<asks>{_GREETING}(?:{_WISH}(?:{_VERB})?|{_VERB}))", re.IGNORECASE)
_NAMED = re.compile(
    rf"(?:(?P<article>a|an|the|one|another|some)\s+)?(?P<like>(?:[\w'’&/-]+,?\s+){{0,5}}?)(?P<kind>{kinds.KIND})(?!\s+{kinds.KIND})(?P<tail>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ON = re.compile(r",?\s+(?P<on>about|abt|bout|on|of|regarding|concerning)\s+(?P<topic>\S.*)", re.IGNORECASE | re.DOTALL)
_ABOUT = re.compile(r"(?:(?:something|somthing|smth|sth|anything|it)\s+)?(?:about|abt)\s+(?P<topic>\S.*)", re.IGNORECASE | re.DOTALL)
_WHAT = re.compile(r"(?P<topic>(?:what|how|why|when|where|who)\b.+)", re.IGNORECASE | re.DOTALL)
_GOES_ON = re.compile(
    r"\s+(?:in which|where|wherein|set|between|featuring|starring|from the|told|inspired|based|involving|with)\b", re.IGNORECASE
)
_LABEL = re.compile(r"(?:(?:story|writing)\s+)?(?:premise|prompt|idea|topic|theme|subject|plot|logline)\s*[:–—-]\s*(?=\S)", re.IGNORECASE)
_THANKS = re.compile(r"\b(?:please|pls|plz|thanks|thank you|thx)$", re.IGNORECASE)
_SHORT = re.compile(
    r"(?:(?:very|really|super|quite|rather|fairly)\s+)?(?:short|long|brief|quick|lengthy),?\s+"
    r"|(?:\d+|one|two|three|four|five|ten)[ -](?:page|paragraph|minute|min|sentence)s?(?:[ -]long)?,?\s+",
    re.IGNORECASE,
)
_NO_MODIFIER = re.compile(
    r"\b(?:of|in|on|at|to|from|with|by|for|about|a|an|the|my|your|his|her|our|their|this|that|these|who|which|is|are|was|were|has|and\s+a|i|you|it)\b",
    re.IGNORECASE,
)
_COMPOUND = re.compile(
    r"\b(?:coming[- ]of[- ]age|slice[- ]of[- ]life|enemies[- ]to[- ]lovers|friends[- ]to[- ]lovers|rags[- ]to[- ]riches)\b", re.IGNORECASE
)
_OF_SOMEBODY = ("portrait", "review", "biography")
_WORD = re.compile(r"[\w-]+")
_ITS_OWN = re.compile(r"\s*(?::|\s[–—-]|\n)\s*(?P<premise>\S.*)", re.DOTALL)  # "short story: two sisters"
_MOOD = re.compile(
    r"\s+(?P<mood>[\w-]+(?:,? (?:and |but |really |very )*[\w-]+){0,3}?)(?=\s+(?:about|abt|on|with|where|in|set)\b|[.!?]*$)", re.IGNORECASE
)


@dataclass(frozen=True)
class Asked:
    """`kind` is what to write, `noun` what the closing sentence calls it, `about` what follows the kind in its sentence.

    A premise that cannot follow stands `apart`; `rest` is what a visitor said in further sentences.
    """

    kind: str
    noun: str
    about: str = ""
    apart: str = ""
    rest: str = ""


@dataclass(frozen=True)
class _Named:
    """A kind of writing that the premise names: whether a verb asks for it, how it is to be, and what follows it."""

    asks: bool
    kind: str
    like: str
    tail: str


def asked(premise: str, form: card.Form) -> Asked:
    """What to write from `premise`, where `form` is chosen."""
    text = without_length(premise).strip()
    chosen = Asked(_head(form), form.noun)
    if not text:
        return chosen  # it was nothing but a length
    text = _LABEL.sub("", text, count=1) if "\n" not in text else text
    named = _named(text, form)
    if named:
        return named
    phrase = title_of(text) if form.noun == "review" else None
    return _about(chosen, _preposition(form), phrase or phrase_of(text), text)


def _head(form: card.Form) -> str:
    return form.about.rsplit(" ", 1)[0]


def _preposition(form: card.Form) -> str:
    return form.about.rsplit(" ", 1)[1]


def _about(wanted: Asked, preposition: str, phrase: str | None, text: str, rest: str = "") -> Asked:
    """`phrase` behind the preposition; where there is none, or a "why …" behind "portrait of", `text` stands apart."""
    if not phrase or (wanted.noun in _OF_SOMEBODY and phrase.split()[0] in QUESTIONS):
        return replace(wanted, apart=text)
    return replace(wanted, about=f" {preposition} {phrase}", rest=rest)


# --- a premise that names what to write -------------------------------------------------------------------------------


def _named(text: str, form: card.Form) -> Asked | None:
    """What a premise asks for by name; None where it names nothing, or something that it is about."""
    asking = _ASKING.match(text)
    wanted = text
    if asking:
        wanted = re.sub(r"\?$", ".", _without_thanks(text[asking.end() :].strip()))
        topic = _ABOUT.match(wanted) or (_WHAT.match(wanted) if "tell" in asking["asks"].lower() else None)
        if topic:
            return _on(Asked(_head(form), form.noun), _preposition(form), topic["topic"])
    found = _NAMED.match(wanted)
    if not found or _NO_MODIFIER.search(_COMPOUND.sub("", found["like"])):
        return None
    named = _read(found, asks=asking is not None)
    return _fitted(named, form) if named.asks or _bare(named, found) else None


def _without_thanks(text: str) -> str:
    bare = text.rstrip(" .!")
    return _THANKS.sub("", bare).rstrip(" ,.!") if _THANKS.search(bare) else text


def _read(found: re.Match[str], asks: bool) -> _Named:
    kind, like, tail = re.sub(r"\s+", " ", found["kind"].lower()), _SHORT.sub("", found["like"]), found["tail"]
    mood = _MOOD.match(tail) if kind in kinds.SOMETHING else None
    if mood and set(_WORD.findall(mood["mood"].lower())) <= kinds.MOODS:
        like, tail = f"{mood['mood']} ", tail[mood.end() :]  # "something scary"
    return _Named(asks, kind, like, tail)


def _bare(named: _Named, found: re.Match[str]) -> bool:
    """Whether a kind that no verb asks for is what to write ("a story about …") and not what it is about ("a letter that …")."""
    on = _ON.match(named.tail)
    said = on["on"].lower() if on else ""
    about = said in ("about", "abt", "bout")
    words = (found["like"] + found["kind"]).split()
    if not about and title_of(found[0]):
        return False
    if (found["article"] or "").lower() == "the":
        return bool(said) and not named.like and named.kind in ("story", "tale")
    if named.kind in kinds.SOMETHING or (len(words) > 1 and all(word[0].isupper() for word in words) and not about):
        return False  # "Toy Story"
    if named.kind in kinds.THINGS:
        genre = named.kind in kinds.STORIES and bool(named.like) and bool(_GOES_ON.match(named.tail))
        return about or genre or (said == "on" and named.kind in ("essay", "article", "report"))
    if named.kind in kinds.PLAIN or named.kind in kinds.UNCOUNTED:
        return True
    return about or said == "of" or bool(_GOES_ON.match(named.tail) or _ITS_OWN.match(named.tail))


def _fitted(named: _Named, form: card.Form) -> Asked | None:
    """The kind named beside the form chosen. Two that differ cannot both be: then the premise stands apart, whole."""
    chosen, whole = Asked(_head(form), form.noun), _again(named)
    if named.kind in kinds.OF_THE_CARD.get(form.name, ()) or (named.kind in kinds.PLAIN and _takes(form, named)):
        return _followed(replace(chosen, kind=f"{named.like}{chosen.kind}"), _preposition(form), named.tail)
    if form == card.FORMS[0]:
        kind = kinds.UNCOUNTED.get(named.kind, named.kind)
        return _followed(Asked(f"{named.like}{kind}", kinds.OTHERS.get(kind, form.noun)), "", named.tail)
    if form.noun == "review":
        return _about(chosen, "of", phrase_of(whole), whole)
    return None if form.weaker and not named.asks else replace(chosen, apart=whole)


def _takes(form: card.Form, named: _Named) -> bool:
    """Whether "a funny story where …" can be said of the form: "a funny scene where …", but no "bedtime scene", no "essay where …"."""
    if form == card.FORMS[0]:
        return True
    told = form.noun in ("story", "scene", "chapter", "script")
    return (
        form.noun != "review"
        and set(_WORD.findall(named.like.lower())) <= kinds.MOODS
        and (told or bool(_ON.match(named.tail)) or not named.tail.strip(" .!?"))
    )


def _again(named: _Named) -> str:
    begin = f"{named.like}{named.kind}"
    return ("an " if begin[0].lower() in "aeiou" else "a ") + begin + named.tail


def _followed(wanted: Asked, preposition: str, tail: str) -> Asked:
    """The kind with what the visitor wrote behind it."""
    on = _ON.match(tail)
    if on:
        said = on["on"].lower()
        return _on(wanted, preposition or ("about" if said in ("abt", "bout") else said), on["topic"])
    of_its_own = _ITS_OWN.match(tail)
    if of_its_own:
        return _about(wanted, preposition or "about", phrase_of(of_its_own["premise"]), of_its_own["premise"])
    first = first_sentence(tail.rstrip())
    return replace(wanted, about=first.rstrip(" .,"), rest=tail[len(first) :].strip())


def _on(wanted: Asked, preposition: str, topic: str) -> Asked:
    first = first_sentence(topic.split("\n", 1)[0].rstrip())
    phrase = phrase_of(first) or (first.rstrip(" .") if follows(first) else None)
    return _about(wanted, preposition, phrase, topic, topic[len(first) :].strip())


def ended(text: str) -> str:
    """With a full stop where nothing ends it."""
    return text if text.endswith(SENTENCE_ENDS) else f"{text}."
