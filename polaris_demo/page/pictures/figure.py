"""A result as a figure: its picture, its table, and who judged what; the mark and the name of a model in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape

from ... import card
from .drawing import Frame, Point, dot, picture, star, tag

STAR = card.MODEL.name
ELSEWHERE = "†"  # marks a model whose figures stand on another card


@dataclass(frozen=True)
class Result:
    """One picture: what it says, how it is drawn in a frame, its numbers, and how they were got."""

    key: str
    title: str
    about: str
    description: str
    frames: tuple[Frame, ...]
    draw: Callable[[Frame], str]
    table: str
    evaluation: card.Evaluation
    source: str

    def svg(self, frame: Frame) -> str:
        return picture(frame, self.key, self.draw(frame))


def figure(result: Result, heading: str = "h3") -> str:
    """A picture with its title, its table, and who judged what; `heading` is the title's element."""
    words = tag("p", escape(result.description), id=f"{result.key}-words", hidden="")
    caption = tag("figcaption", tag(heading, _unbroken(result.title), id=f"{result.key}-title"), tag("p", escape(result.about)), words)
    drawings = "".join(result.svg(frame) for frame in result.frames)
    return tag("figure", caption, drawings, result.table, _origin(result), id=f"result-{result.key}")


def mark(model: str, at: Point, hover: str, last: bool, **data: object) -> str:
    """A point: a star for POLARIS-9B, a dot for the others; larger at the end of a path."""
    title = tag("title", escape(hover))
    if model == STAR:
        return star(at, 11 if last else 8, title, class_="mark", **data)
    return dot(at, 5 if last else 3.5, title, class_="mark", **data)


def role(model: str, source: card.Source = card.Source.CARD) -> str:
    return "star" if model == STAR else "other" if source is card.Source.CARD else "elsewhere"


def name(model: str, source: card.Source) -> str:
    return model if source is card.Source.CARD else f"{model} {ELSEWHERE}"


def sentence(source: card.Source) -> str:
    return source.value[0].upper() + source.value[1:] + "."


def _unbroken(title: str) -> str:
    """A title whose names are not broken at their hyphens."""
    return " ".join(tag("span", escape(word), class_="whole") if "-" in word else escape(word) for word in title.split())


def _origin(result: Result) -> str:
    """Judge, sample, source and date, and what to keep in mind."""
    known: Iterable[tuple[str, str]] = (
        ("Judge", f"{result.evaluation.judge[0].upper()}{result.evaluation.judge[1:]}."),
        ("Sample", f"{result.evaluation.sample}."),
        ("Source", result.source),
        ("Date", f"Card undated; read {card.REVISION.read}, revision {card.REVISION.card}."),
        ("Note", result.evaluation.remark),
    )
    return tag("dl", *(tag("dt", term) + tag("dd", escape(value)) for term, value in known))
