"""SVG and HTML as strings: elements, scales, the star, labels that find a free place, tables. Knows no figures."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

Point = tuple[float, float]
_LETTER = 0.62  # mean width of a letter / font size, in a wide font
_CLOSED = {"path", "circle"}


@dataclass(frozen=True)
class Frame:
    """A canvas and the margins around its plot, in units that are pixels at full width."""

    name: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    font: float

    @property
    def plot(self) -> "Box":
        return Box(self.left, self.top, self.width - self.right, self.height - self.bottom)


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: "Box") -> bool:
        return self.left <= other.left and other.right <= self.right and self.top <= other.top and other.bottom <= self.bottom


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` onto pixels from `start` to `end`, with a tick every `step`."""

    low: float
    high: float
    step: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        return [round(self.low + i * self.step, 6) for i in range(round((self.high - self.low) / self.step) + 1)]


def spanning(values: Iterable[float], step: float, start: float, end: float) -> Scale:
    """The shortest scale of whole steps that holds all values."""
    values = list(values)
    return Scale(math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step, step, start, end)


def tag(name: str, *content: str, **attributes: object) -> str:
    """An element over content that is markup already; attribute values are escaped, `_` becomes `-`, None is left out."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items() if value is not None)
    return f"<{name}{written}/>" if name in _CLOSED and not content else f"<{name}{written}>{''.join(content)}</{name}>"


def text(content: str, x: float, y: float, **attributes: object) -> str:
    return tag("text", escape(content), x=x, y=y, **attributes)


def lines(*paths: Sequence[Point], **attributes: object) -> str:
    """Open lines through points, all in one element."""
    return tag("path", d="".join(f"M{'L'.join(f'{x:.1f} {y:.1f}' for x, y in points)}" for points in paths), **attributes)


def dot(at: Point, radius: float, *content: str, **attributes: object) -> str:
    return tag("circle", *content, cx=at[0], cy=at[1], r=radius, **attributes)


def star(at: Point, radius: float, *content: str, **attributes: object) -> str:
    """The star of the page's mark."""
    corners = []
    for corner in range(8):
        reach, angle = radius if corner % 2 == 0 else radius * 0.3, corner * math.pi / 4
        corners.append(f"{at[0] + reach * math.sin(angle):.1f} {at[1] - reach * math.cos(angle):.1f}")
    return tag("path", *content, d=f"M{'L'.join(corners)}Z", **attributes)


def picture(frame: Frame, key: str, *content: str) -> str:
    """The drawing for one width; a reader that cannot see it gets the title and the words with the ids of `key`."""
    return tag(
        "svg", *content, class_=frame.name, viewBox=f"0 0 {frame.width:g} {frame.height:g}", font_size=frame.font,
        role="img", aria_labelledby=f"{key}-title", aria_describedby=f"{key}-words",
    )  # fmt: skip


def table(caption: str, columns: Sequence[str], rows: Iterable[str]) -> str:
    """A table folded away below its picture; each row is markup made by `row`."""
    head = tag("tr", *(tag("th", escape(column), scope="col") for column in columns))
    whole = tag("table", tag("caption", escape(caption)), tag("thead", head), tag("tbody", *rows))
    scroll = tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)
    return tag("details", tag("summary", "The numbers as a table"), scroll)


def row(name: str, cells: Iterable[tuple[str, object]], **attributes: object) -> str:
    """A row from its name and, for each cell, what is shown and the value behind it."""
    shown = (tag("td", escape(cell), data_value=value) for cell, value in cells)
    return tag("tr", tag("th", escape(name), scope="row"), *shown, **attributes)


def signed(value: float, places: int = 1) -> str:
    """A number with a real minus sign."""
    return f"{value:.{places}f}".replace("-", "−")


def text_width(content: str, font: float) -> float:
    return len(content) * font * _LETTER


class Labels:
    """Finds each label a place beside its point where nothing else is drawn yet."""

    def __init__(self, bounds: Box, font: float) -> None:
        self.bounds, self.font = bounds, font
        self.taken: list[Box] = []

    def avoid_path(self, points: Sequence[Point], radius: float) -> None:
        """Keep clear of points of a radius and of the lines between them."""
        self.taken += [_around(at, radius) for at in points]
        for a, b in pairwise(points):
            steps = max(1, round(math.dist(a, b) / 5))
            self.taken += [_around((a[0] + (b[0] - a[0]) * i / steps, a[1] + (b[1] - a[1]) * i / steps), 2) for i in range(steps + 1)]

    def place(self, lines: Sequence[str], at: Point, gap: float, optional: bool = False, **attributes: object) -> str:
        """The label as markup; a label that is not needed is left out where there is no room."""
        width = max(text_width(content, self.font) for content in lines)
        height = self.font * 1.25 * len(lines)
        places = list(_places(at, width, height, gap))
        free = (p for p in places if self.bounds.holds(p[0]) and not any(p[0].meets(t) for t in self.taken))
        found = next(free, None)
        if not found and optional:
            return ""
        box, anchor = found or places[0]
        self.taken.append(Box(box.left - 5, box.top - 5, box.right + 5, box.bottom + 5))
        x = {"start": box.left, "middle": (box.left + box.right) / 2, "end": box.right}[anchor]
        spans = [tag("tspan", escape(c), x=x, y=box.top + self.font * (1 + 1.25 * i)) for i, c in enumerate(lines)]
        return tag("text", *spans, text_anchor=anchor, **attributes)


def _around(at: Point, radius: float) -> Box:
    return Box(at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius)


def _places(at: Point, width: float, height: float, gap: float) -> Iterable[tuple[Box, str]]:
    """Beside, below, above, then the corners, then the same farther away."""
    x, y = at
    for far in (gap, gap * 1.8):
        near = far * 0.7
        for left, top, anchor in (
            (x + far, y - height / 2, "start"),
            (x - far - width, y - height / 2, "end"),
            (x - width / 2, y + far, "middle"),
            (x - width / 2, y - far - height, "middle"),
            (x + near, y + near, "start"),
            (x - near - width, y + near, "end"),
            (x + near, y - near - height, "start"),
            (x - near - width, y - near - height, "end"),
        ):
            yield Box(left, top, left + width, top + height), anchor


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions as near to the wanted ones as a distance of `gap` and the two ends allow."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = list(wanted)
    floor = low
    for i in order:
        placed[i] = floor = max(wanted[i], floor)
        floor += gap
    ceiling = high
    for i in reversed(order):
        placed[i] = ceiling = min(placed[i], ceiling)
        ceiling -= gap
    return placed


def _value(value: object) -> str:
    return escape(f"{round(value, 2):.6g}" if isinstance(value, float) else str(value))
