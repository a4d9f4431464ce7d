"""A list of prompts as a researcher brings it, line by line, and what is wrong with each line. Pure.

A premise a line as text; JSON, an object a line or a list of them; or CSV with a header. A field that is empty or null was not given.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import RequestRefused
from .request import FIELDS, VERBATIM, StoryRequest, read

MOST_PROMPTS, MOST_SAID, LONGEST_NAME = 10_000, 20, 200
ALSO = {"prompt": "premise", "target_word_count": "words", "uid": "id"}  # as the paper's own list calls them
TAKEN = (*FIELDS, "id", *ALSO)
QUOTED = "A cell with a comma or a line break stands in double quotation marks."


@dataclass(frozen=True)
class Prompt:
    """One story that is asked for: where it stands in the list, what the list calls it, and what was given for it."""

    place: str
    name: str
    given: Mapping[str, object]
    request: StoryRequest


@dataclass(frozen=True)
class _Line:
    place: str
    values: Mapping[str, object] = field(default_factory=dict)
    problem: str = ""


def prompts(text: str, ending: str, defaults: Mapping[str, object], source: str = "the list") -> tuple[Prompt, ...]:
    """What a list asks for; what a line does not give is as in `defaults`. Raises RequestRefused, a sentence for each line at fault."""
    _require_defaults(defaults)
    found, problems = list[Prompt](), list[str]()
    for line in KINDS[ending](text):
        prompt = line.problem or _prompt(line, defaults)
        if isinstance(prompt, Prompt):
            found.append(prompt)
        else:
            problems += [f"{source}, {line.place}: {sentence}" for sentence in prompt.split("\n")]
    if problems:
        more = [f"And {len(problems) - MOST_SAID:,} more of the kind."] if len(problems) > MOST_SAID else []
        raise RequestRefused("\n".join([*problems[:MOST_SAID], *more, "Nothing was written."]))
    if not 0 < len(found) <= MOST_PROMPTS:
        raise RequestRefused(f"{source} holds {f'{len(found):,} prompts' if found else 'no prompt'}. Give 1 to {MOST_PROMPTS:,}.")
    return tuple(found)


def _require_defaults(defaults: Mapping[str, object]) -> None:
    _, findings = read({"premise": "–"} | dict(defaults))
    if findings:
        raise RequestRefused("\n".join(finding.message for finding in findings))


def _prompt(line: _Line, defaults: Mapping[str, object]) -> Prompt | str:
    """What a line asks for, or the sentences that say why it cannot be."""
    values, name, problem = _named(line.values)
    if problem:
        return problem
    given = dict(defaults) | values
    request, findings = read(given)
    if request is None:
        return "\n".join(_in_a_list(finding.message) for finding in findings)
    return Prompt(line.place, name, given, request)


def _named(raw: Mapping[str, object]) -> tuple[dict[str, object], str, str]:
    """A line's values under this app's names, what the list calls it, and what is wrong with that."""
    raw = {key: value for key, value in raw.items() if value not in (None, "")}
    for other, own in ALSO.items():
        if other in raw and own in raw:
            return {}, "", f"“{other}” and “{own}” are both given, and they are the same field. Leave one of them out."
    whole = {"form": VERBATIM} if "prompt" in raw and "form" not in raw else {}
    values = {ALSO.get(key, key): value for key, value in raw.items()} | whole
    name = values.pop("id", "")
    if isinstance(name, bool) or not isinstance(name, str | int) or len(str(name)) > LONGEST_NAME:
        return {}, "", f"Id: it is no name. Give text or a whole number, of {LONGEST_NAME} characters or fewer."
    return values, str(name), ""


def _in_a_list(sentence: str) -> str:
    return sentence.replace(f"The settings are {', '.join(FIELDS)}.", f"A list's fields are {', '.join(TAKEN)}.")


# --- kinds of lists ----------------------------------------------------------------------------------------------------


def _text(text: str) -> Iterator[_Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _Line(f"line {number}", {"premise": line.strip()})


def _json_lines(text: str) -> Iterator[_Line]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            value, problem = _json(line)
            yield _Line(f"line {number}", problem=problem) if problem else _item(f"line {number}", value)


def _json_list(text: str) -> Iterator[_Line]:
    value, problem = _json(text)
    if problem or not isinstance(value, list):
        yield _Line("as a whole", problem=problem or "It is JSON, but no list. Give a list of premises or of objects.")
        return
    for number, item in enumerate(value, 1):
        yield _item(f"item {number}", item)


def _json(text: str) -> tuple[object, str]:
    try:
        return json.loads(text), ""
    except RecursionError:
        return None, "It is no prompt: its JSON is nested too deeply. Give an object with a premise."
    except ValueError as error:
        return None, f"It is not JSON ({error}). Give an object with a premise, in double quotation marks."


def _item(place: str, value: object) -> _Line:
    if isinstance(value, str):
        return _Line(place, {"premise": value})
    if isinstance(value, dict):
        return _Line(place, value)
    return _Line(place, problem='It is neither a premise nor an object. Give one such as {"premise": "a fox", "words": 2000}.')


def _csv(text: str) -> Iterator[_Line]:
    rows, begins = csv.reader(io.StringIO(text, newline=""), strict=True), 1
    header: list[str] = []
    try:
        for row in rows:
            place, begins = f"line {begins}", rows.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if header:
                yield _row(place, header, row)
                continue
            header = [cell.strip() for cell in row]
            if problem := _header_problem(header):
                yield _Line(place, problem=problem)
                return
    except csv.Error as error:
        yield _Line(f"line {begins}", problem=f"It is not CSV ({error}). {QUOTED}")


def _row(place: str, header: list[str], row: list[str]) -> _Line:
    if len(row) == len(header):
        return _Line(place, dict(zip(header, row, strict=True)))
    return _Line(place, problem=f"It has {len(row)} cells, and the header {len(header)}. {QUOTED}")


def _header_problem(header: list[str]) -> str:
    if "premise" not in header and "prompt" not in header:
        return "The header names no “premise”. Give a first line such as premise,words,seed."
    if unknown := [name for name in header if name not in TAKEN]:
        return f"The header names “{unknown[0][:40]}”, which is no field. A list's fields are {', '.join(TAKEN)}."
    if twice := [name for name in header if header.count(name) > 1]:
        return f"The header names “{twice[0]}” twice. Leave one of them out."
    return ""


KINDS: dict[str, Callable[[str], Iterator[_Line]]] = {"txt": _text, "jsonl": _json_lines, "json": _json_list, "csv": _csv}
