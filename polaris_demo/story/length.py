"""The length that a premise itself names, and the premise without it, since the prompt says the length that is asked for."""

import re

from .kinds import KIND

_LENGTH = re.compile(
    r"(?<![\w.,])(?P<number>\d{1,3}(?:[., ]\d{3}){1,3}|\d+(?:[.,]\d)?)(?P<thousands>k| thousand)?[ -]?words?\b", re.IGNORECASE
)
_SHORTEST = 50  # what is shorter is no length of a story: "a spell of 7 words"

_NUMBER = r"(?:\d{1,3}(?:[., ]\d{3}){1,3}|\d{1,9}(?:[.,]\d)?)(?:k| thousand)?"
_SPELT = r"(?:a|one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen) (?:hundred|thousand)"
_ABOUT = (
    r"(?:(?:about|around|approximately|approx\.?|roughly|circa|ca\.?|exactly|nearly|at least|at most|up to|"
    r"(?:no )?(?:more|less|fewer) than|"
    r"under|over|between|max(?:imum)?\.?|min(?:imum)?\.?|~)\s*){0,2}"
)
_MORE = r"(?:\s+or\s+(?:less|more|fewer|so))?(?:[ -]long|\s+in\s+length|\s+max(?:imum)?|\s+min(?:imum)?)?"
_LONG = rf"{_ABOUT}(?<![\w.,])(?:(?:{_NUMBER}\s*(?:-|–|to|and|or)\s*)?{_NUMBER}\+?|{_SPELT})[ -]?words?\b{_MORE}"
_TALK = (
    r"(?:(?:it|the|this|that|your|story|poem|essay|piece|text|please|make|keep|write|should|must|needs?|has|to|be|is|of|total|have|contain|"
    r"word|words|count|limit|length|target|with|in|or|and|for|long|than)\s*[:=]?\s+){0,7}"
)
_END = r"(?=\s*(?:$|[.!?,;\n]))"
_PLACES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\s*[(\[]\s*(?:in\s+)?{_LONG}\s*[)\]]",
        rf"(?:^|(?<=[.!?,;\n])|(?<=\s[-–—])|\s+and(?=\s))\s*{_TALK}{_LONG}(?:\s+please)?\s*(?:$|[.!;:]+(?=\s|$)|(?=[,\n]))",
        rf"\s+(?:in|within|using)\s+{_LONG}{_END}",
        rf"(?:(?<=^)|(?<=\bwrite)|(?<=\bme)|(?<=\bgive)|(?<=\bwant)|(?<=\bneed)|(?<=\bgenerate))\s*{_LONG}(?=\s+(?:about|on)\b)",
        rf"(?P<kept>\b{KIND})\s+(?:(?:of|in|with|at)\s+|(?:that|which)(?:\s+is|'s|\s+should\s+be)\s+)?{_LONG}(?=\s|$|[.,;!?])",
        rf"(?:(?<=\ba)|(?<=\ban)|(?<=^)|(?<=\s))\s*{_LONG}\s+(?=(?:[\w'’-]+,?\s+){{0,4}}?{KIND})",
    )
)


def length_in(premise: str) -> int | None:
    """The words a premise itself asks for ("a 3,000-word story…", "in 2k words"); None where it names no length."""
    found = _LENGTH.search(premise)
    if not found or (not found["thousands"] and re.search(r"[.,]\d$", found["number"])):
        return None
    if found["thousands"]:
        return round(float(found["number"].replace(",", ".")) * 1000)
    return int(re.sub(r"\D", "", found["number"]))


def without_length(premise: str) -> str:
    """The premise without the length that it asks for; other numbers stay."""
    if "word" not in premise.lower():
        return premise
    text = before = re.sub(r"[ \t]{2,}", " ", re.sub(r"\n{3,}", "\n\n", premise))
    for place in _PLACES:
        text = place.sub(_left, text)
    return premise if text == before else _tidy(text)


def _left(found: re.Match[str]) -> str:
    length = length_in(found.group())
    if length is not None and length < _SHORTEST:
        return found.group()
    return found.groupdict().get("kept") or " "


def _tidy(text: str) -> str:
    text = re.sub(r"[ \t]{2,}", " ", text)
    text = re.sub(r"[ \t]+([,.;!?])", r"\1", text)
    text = re.sub(r",(?:\s*,)+", ",", re.sub(r"[,;]+(?=[.!?]|$)", "", text.strip()))
    return re.sub(r"^[\s,;:.–—-]+|[\s,;:–—-]+$", "", text)
