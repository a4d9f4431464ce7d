"""What the paper measured, in four sentences with a line to each, for a first screen that has no story to show."""

from html import escape

from ... import card
from .drawing import signed, tag
from .figure import STAR

LONGEST_RATIO = 1.1  # where a line ends: a little beyond as long as asked


def measured(star: str) -> str:
    """The sentences; `star` is the mark that stands where a line ends."""
    quality = {row.model: row.scores for row in card.STORY_QUALITY}
    base = next(model for model in quality if model.endswith("(base)"))
    rows = []
    for i, (bucket, ratio) in enumerate(zip(card.LENGTH_BUCKETS, card.STORY_QUALITY[0].ratios, strict=True)):
        assert ratio is not None
        asked, wrote = f"{bucket.low:,}–{bucket.high:,}", f"{ratio:.0%}".replace("%", " %")
        said = f"Asked for {asked} words, it writes {wrote} of them." if i == 0 else f"Asked for {asked}, it writes {wrote}."
        of = "The base model it was trained from" if i == 0 else "The base model"
        scores = f"Story Quality {signed(quality[STAR][i])}. {of}: {signed(quality[base][i])}."
        rows.append(_row(said, scores, star, ratio / LONGEST_RATIO, 1 / LONGEST_RATIO))
    return tag("div", *rows, _preferred(star), class_="rows")


def _preferred(star: str) -> str:
    first, judged = card.HUMAN_PREFERENCES[0], card.HUMAN_EVALUATION
    said = f"Readers chose it over its base model in {first.wins:g} % of pairs."
    pairs = f"{judged.sample.split()[0]} pairs, {judged.judge}; the band is the 95 % interval, {first.low:g} to {first.high:g}."
    return _row(said, pairs, star, first.wins / 100, 0.5, (first.low / 100, first.high / 100))


def _row(said: str, beside: str, star: str, done: float, tick: float, band: tuple[float, float] | None = None) -> str:
    shade = tag("i", class_="band", style=f"left:{band[0]:.2%};width:{band[1] - band[0]:.2%}") if band else ""
    line = tag(
        "div",
        shade,
        tag("i", class_="rest"),
        tag("i", class_="done", style=f"width:{done:.2%}"),
        tag("i", class_="tick", style=f"left:{tick:.2%}"),
        tag("span", star, class_="at", style=f"left:{done:.2%}"),
        class_="line",
        aria_hidden="true",
    )
    return tag("div", tag("p", escape(said), class_="said"), line, tag("p", escape(beside), class_="beside"), class_="m")
