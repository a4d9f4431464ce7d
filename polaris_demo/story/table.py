"""The table of a batch: a row a story, as CSV, and what its rows come to. Pure.

A row is made of a story's record as JSON, the same whether the story was written just now or by a run before.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from .. import card
from .measures import self_repetition

FINAL = ("stop", "length", "loop")  # how a story ends for good; whatever else ended it, a second run tries again
COLUMNS = (
    "number", "id", "premise", "form", "target_words", "words", "length_ratio", "in_band", "self_repetition", "repeated_4grams",
    "thinking_tokens", "story_tokens", "seconds", "seed", "state", "finish_reason", "message", "model", "revision", "precision", "record",
)  # fmt: skip
FORMULA = tuple("=+-@\t\r＝＋－＠")  # what a spreadsheet takes for the beginning of a formula
Row = Mapping[str, Any]


def row(about: Row, record: Mapping[str, Any] | None, message: str = "") -> Row:
    """A story's row: `about` has its number, id, file and what was asked; `record` is its record's JSON, None before it began.

    What judges a story (ratio, band, repetition) is there once it has ended for good.
    """
    if record is None:
        return {**about, "state": "not begun", "message": message}
    writer = record["writer"] or {}
    found = {name: record[name] for name in ("words", "thinking_tokens", "story_tokens", "state", "finish_reason")}
    found |= {name: writer.get(name, "") for name in ("model", "revision", "precision")}
    found |= {"seconds": record.get("seconds_at_work", ""), "message": message}
    return {**about, **found, **(_judged(record) if record["finish_reason"] in FINAL else {})}


def _judged(record: Mapping[str, Any]) -> Row:
    low, high = card.EVALUATION_BAND.around(record["request"]["words"])
    repeats, inside = self_repetition(record["story"]), low <= record["words"] <= high
    found = {"length_ratio": record["length_ratio"], "in_band": "yes" if inside else "no"}
    return found | {"self_repetition": round(repeats.penalty, 4), "repeated_4grams": round(repeats.global_ratio, 4)}


def table(rows: Iterable[Row]) -> str:
    """The rows as CSV. Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in one.items()} for one in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else "" if value is None else value


def summary(rows: Sequence[Row], measured: str = "") -> list[str]:
    """What a batch came to, in lines: how many, and by length asked for; `measured` is the model's name on the card, where it has one."""
    ended = [one for one in rows if one.get("in_band")]
    failed = [one for one in rows if one["state"] == "failed" or one.get("finish_reason") == "pause"]
    lines = [f"{len(ended)} of {len(rows)} written" + (f", {len(failed)} failed" if failed else "") + "."]
    if not ended:
        return lines
    lines.append(f"{'words asked':<12} {'stories':>8} {'in band':>9} {'ratio':>7} {'card':>6} {'repetition':>11}  (medians)")
    groups = [(bucket.label() if bucket else f"below {card.LENGTH_BUCKETS[0].low:,}", bucket) for bucket in (None, *card.LENGTH_BUCKETS)]
    for label, bucket in groups:
        if among := [one for one in ended if card.bucket(one["target_words"]) is bucket]:
            lines.append(_line(label, among, bucket.ratios.get(measured) if bucket else None))
    return [*lines, _line("all", ended, None)]


def _line(label: str, rows: Sequence[Row], expected: float | None) -> str:
    inside = sum(one["in_band"] == "yes" for one in rows)
    share, ratio = f"{100 * inside / len(rows):.0f} %", median(one["length_ratio"] for one in rows)
    shown = "" if expected is None else f"{expected:.2f}"
    return f"{label:<12} {len(rows):>8} {share:>9} {ratio:>7.2f} {shown:>6} {median(one['self_repetition'] for one in rows):>11.3f}"
