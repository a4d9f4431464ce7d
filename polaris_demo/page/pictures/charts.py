"""The card's results as pictures: SVG that follows the page's theme, each with its table and where it comes from.

Every number is read from card.py, so a new model is a new row there. The first picture is drawn twice, for wide and for
narrow places, and results.css shows one; the others are always narrow.
"""

from collections.abc import Sequence
from html import escape

from ... import card
from .drawing import Frame, Labels, Point, Scale, lines, row, signed, spanning, spread, table, tag, text, text_width
from .figure import ELSEWHERE, STAR, Result, figure, mark, name, role, sentence

BUCKETS = [bucket.label() for bucket in card.LENGTH_BUCKETS]


def results() -> str:
    """The whole Results tab."""
    read = card.REVISION
    about = (
        f"Every figure here is the authors’, for {STAR} and the models they compared it with; this app measured none of them. "
        f"The card states no date: these are its figures as read on {read.read}, when its mirror was at revision {read.card} "
        f"and the authors’ code at that of {read.code_date}."
    )
    header = tag("header", tag("h1", "What the paper measured"), tag("p", escape(about)))
    figures = tag("div", *(figure(result, "h2") for result in (together(), quality(), elo(), preference())), class_="figures")
    return tag("section", header, figures, id="paper", aria_label="Results of the paper")


# Quality against length ratio: a path a model, from short requests to long ones.


def together() -> Result:
    """Quality and length at once, since either alone misleads."""
    return Result(
        key="together",
        title="Asked for longer stories, Gemma 4 31B gives up most length and the Qwen3.5 models most quality; POLARIS-9B some of both",
        about="Higher is better written; the dashed line is as long as asked. Each path goes from requests of "
        f"{BUCKETS[0]} words to {BUCKETS[-1]}; where the cards give a ratio for {BUCKETS[-1]} only, there is only that point.",
        description="; ".join(_in_words(q) for q in card.STORY_QUALITY),
        frames=(Frame("wide", 820, 560, 46, 24, 44, 56, 14), Frame("narrow", 340, 430, 32, 10, 40, 50, 12)),
        draw=lambda frame: draw_together(frame, card.STORY_QUALITY),
        table=_table_together(),
        evaluation=card.STORY_QUALITY_EVALUATION,
        source=_quality_source(),
    )


def draw_together(frame: Frame, models: Sequence[card.StoryQuality]) -> str:
    plot = frame.plot
    x = spanning([1.0, *(r for q in models for r in q.ratios if r is not None)], 0.1, plot.left, plot.right)
    y = spanning([s for q in models for s in q.scores], 20, plot.bottom, plot.top)
    asked, half = "as long as asked", text_width("as long as asked", frame.font) / 2
    parts = [_quality_axis(frame, y)]
    for tick in x.ticks()[1::2]:
        parts.append(text(f"{tick:.1f}", x(tick), plot.bottom + frame.font * 1.5, class_="tick", text_anchor="middle", data_x=tick))
    parts += [
        lines([(x(1), plot.top), (x(1), plot.bottom)], class_="reference"),
        text(asked, min(x(1), frame.width - half - 4), plot.top - frame.font, class_="soft", text_anchor="middle"),
        text("↑ Story Quality", 2, plot.top - frame.font, class_="soft"),
        text("words written / words asked for →", plot.right, frame.height - 6, class_="soft", text_anchor="end"),
    ]
    labels = Labels(plot, frame.font)
    labels.avoid_path([(x(1), plot.top), (x(1), plot.bottom)], 0)
    paths = {q.model: [(x(r), y(s)) for r, s in zip(q.ratios, q.scores, strict=True) if r is not None] for q in models}
    for points in paths.values():
        labels.avoid_path(points, 7)
    parts += [_path(q, paths[q.model]) for q in reversed(models)]  # the star last, on top
    parts += [_end_label(q, paths[q.model][-1], labels) for q in models]
    parts += [_bucket_labels(q, paths[q.model], labels) for q in models]
    return "".join(parts)


def _path(q: card.StoryQuality, points: list[Point]) -> str:
    """A model's way from short requests to long ones."""
    measured = [(b, s, r) for b, s, r in zip(BUCKETS, q.scores, q.ratios, strict=True) if r is not None]
    marks = [
        mark(q.model, at, f"{q.model}, {bucket} words: Story Quality {signed(score)}, length ratio {ratio:.2f}", bucket == BUCKETS[-1],
              data_bucket=bucket, data_quality=score, data_ratio=ratio)
        for at, (bucket, score, ratio) in zip(points, measured, strict=True)
    ]  # fmt: skip
    way = lines(points, class_="path") if len(points) > 1 else ""
    return tag("g", way, *marks, class_=role(q.model, q.source), data_model=q.model)


def _end_label(q: card.StoryQuality, at: Point, labels: Labels) -> str:
    lines = [name(q.model, q.source), f"{signed(q.scores[-1])} at {q.ratios[-1]:.2f}"]
    return labels.place(lines, at, 12, class_=f"name {role(q.model, q.source)}")


def _bucket_labels(q: card.StoryQuality, points: list[Point], labels: Labels) -> str:
    """The requested lengths along a path that stands on the card, where there is room."""
    if len(points) < len(BUCKETS) or q.source is not card.Source.CARD:
        return ""
    return "".join(labels.place([b], at, 10, optional=True, class_="soft") for b, at in zip(BUCKETS, points, strict=True))


def _table_together() -> str:
    rows = []
    for q in card.STORY_QUALITY:
        for bucket, score, ratio in zip(BUCKETS, q.scores, q.ratios, strict=True):
            shown = f"{ratio:.2f}" if ratio is not None else "on no card"
            rows.append(row(name(q.model, q.source), [(bucket, None), (signed(score), score), (shown, ratio)], data_model=q.model))
    caption = "Story Quality and length ratio (words written / words asked for) by requested length"
    return table(caption, ["Model", "Asked", "Quality", "Length ratio"], rows)


# Story Quality by requested length.


def quality() -> Result:
    return Result(
        key="quality",
        title="The longer the story, the lower every model’s quality; POLARIS-9B stays well above its base",
        about="Story Quality by requested words. "
        f"Gemma 4 31B ends highest and writes least: {_far_ratio('Gemma 4 31B')} of what was asked.",
        description="; ".join(f"{q.model}: {', '.join(_scores(q))}" for q in card.STORY_QUALITY),
        frames=(Frame("narrow", 340, 340, 32, 154, 28, 36, 12),),
        draw=_draw_quality,
        table=_table_quality(),
        evaluation=card.STORY_QUALITY_EVALUATION,
        source=_quality_source(),
    )


def _draw_quality(frame: Frame) -> str:
    plot = frame.plot
    x = Scale(0, len(BUCKETS) - 1, 1, plot.left + 16, plot.right - 8)
    y = spanning([s for q in card.STORY_QUALITY for s in q.scores], 20, plot.bottom, plot.top)
    parts = [_quality_axis(frame, y), text("↑ Story Quality", 2, frame.font, class_="soft")]
    parts += [text(b, x(i), plot.bottom + frame.font * 1.7, class_="tick", text_anchor="middle") for i, b in enumerate(BUCKETS)]
    for q in reversed(card.STORY_QUALITY):
        points = [(x(i), y(score)) for i, score in enumerate(q.scores)]
        marks = [
            mark(q.model, at, f"{q.model}, {b} words: Story Quality {signed(s)}", b == BUCKETS[-1], data_bucket=b, data_quality=s)
            for at, b, s in zip(points, BUCKETS, q.scores, strict=True)
        ]
        parts.append(tag("g", lines(points, class_="path"), *marks, class_=role(q.model, q.source), data_model=q.model))
    return "".join([*parts, _quality_labels(frame, x(len(BUCKETS) - 1), y)])


def _quality_labels(frame: Frame, x: float, y: Scale) -> str:
    """Value and name behind each line's end, pushed apart where lines end close together."""
    ends = [y(q.scores[-1]) for q in card.STORY_QUALITY]
    places = spread(ends, frame.font * 2.7, 0, frame.height)
    parts = [lines(*([(x + 9, end), (x + 18, at)] for end, at in zip(ends, places, strict=True)), class_="leader")]
    for q, at in zip(card.STORY_QUALITY, places, strict=True):
        value = tag("tspan", signed(q.scores[-1]), class_="value")
        below = tag("tspan", escape(name(q.model, q.source)), x=x + 22, dy=frame.font * 1.15)
        parts.append(tag("text", value, below, x=x + 22, y=at - frame.font * 0.2, class_=f"name {role(q.model, q.source)}"))
    return "".join(parts)


def _table_quality() -> str:
    rows = [
        row(name(q.model, q.source), [*((signed(s), s) for s in q.scores), (f"{q.ratios[-1]:.2f}", q.ratios[-1])], data_model=q.model)
        for q in card.STORY_QUALITY
    ]
    return table(f"Story Quality by requested words, and length ratio at {BUCKETS[-1]}", ["Model", *BUCKETS, "Ratio"], rows)


# Elo.


def elo() -> Result:
    better = [e for e in card.ELO if e.rank < _elo(STAR).rank]
    base = _elo("Qwen3.5-9B (base)")
    return Result(
        key="elo",
        title=f"Judged in pairs, POLARIS-9B ranks behind {' and '.join(e.model for e in better)} only",
        about=f"Pairwise Elo on EQ-Bench Creative: {_elo(STAR).elo - base.elo} points above the model it was trained from. "
        "Elo has no zero; only differences mean something.",
        description="; ".join([*(f"{e.rank}. {e.model}: {e.elo}" for e in card.ELO), *(f"the card lists no rank {r}" for r in _gaps())]),
        frames=(Frame("narrow", 340, 340, 154, 40, 4, 30, 12),),
        draw=_draw_elo,
        table=_table_elo(),
        evaluation=card.ELO_EVALUATION,
        source=sentence(card.Source.CARD),
    )


def _draw_elo(frame: Frame) -> str:
    plot = frame.plot
    x = spanning([e.elo for e in card.ELO], 200, plot.left + 8, plot.right)
    ranks = range(1, max(e.rank for e in card.ELO) + 1)
    y = Scale(0.5, ranks[-1] + 0.5, 1, plot.top, plot.bottom)
    parts = [lines(*([(x(t), plot.top), (x(t), plot.bottom)] for t in x.ticks()[::2]), class_="grid")]
    parts += [text(f"{t:g}", x(t), frame.height - 10, class_="tick", text_anchor="middle", data_x=t) for t in x.ticks()[::2]]
    parts.append(lines(*([(plot.left, y(e.rank)), (x(e.elo), y(e.rank))] for e in card.ELO), class_="guide"))
    drop = frame.font * 0.35
    parts += [_elo_row(e, (x(e.elo), y(e.rank)), frame, drop) for e in card.ELO]
    parts += [text("not on the card", frame.font * 2, y(r) + drop, class_="soft missing", data_missing=r) for r in _gaps()]
    parts += [text(str(r), frame.font * 0.8, y(r) + drop, class_="tick", text_anchor="middle") for r in ranks]
    return "".join(parts)


def _elo_row(e: card.Elo, at: Point, frame: Frame, drop: float) -> str:
    return tag(
        "g",
        mark(e.model, at, f"{e.model}: {e.elo}", True, data_rank=e.rank, data_elo=e.elo),
        text(e.model, frame.font * 2, at[1] + drop, class_="name"),
        text(str(e.elo), at[0] + 13, at[1] + drop, class_="value"),
        class_=role(e.model),
        data_model=e.model,
    )


def _table_elo() -> str:
    rows = [(e.rank, row(e.model, [(str(e.rank), e.rank), (str(e.elo), e.elo)], data_model=e.model)) for e in card.ELO]
    rows += [(r, row("not on the card", [(str(r), r), ("–", None)])) for r in _gaps()]
    return table("Pairwise Elo, EQ-Bench Creative", ["Model", "Rank", "Elo"], [markup for _, markup in sorted(rows)])


# Human preference.


def preference() -> Result:
    return Result(
        key="preference",
        title="Annotators prefer POLARIS-9B to its base; against Qwen3.5-27B, three times its size, there is no clear difference",
        about="Share of pairs that POLARIS-9B wins, with 95 % intervals. An interval that crosses 50 % settles nothing.",
        description="; ".join(f"against {p.against} {_outcome(p)}" for p in card.HUMAN_PREFERENCES),
        frames=(Frame("narrow", 340, 300, 4, 14, 28, 30, 12),),
        draw=_draw_preference,
        table=_table_preference(),
        evaluation=card.HUMAN_EVALUATION,
        source=sentence(card.Source.CARD),
    )


def _draw_preference(frame: Frame) -> str:
    plot = frame.plot
    x = Scale(0, 100, 25, plot.left + 8, plot.right - 12)
    parts = [
        text("← the other wins", 2, frame.font, class_="soft"),
        text("POLARIS-9B wins →", frame.width - 2, frame.font, class_="soft", text_anchor="end"),
    ]
    for tick in x.ticks():
        parts.append(lines([(x(tick), plot.top), (x(tick), plot.bottom)], class_="reference" if tick == 50 else "grid"))
        parts.append(text(f"{tick:g} %", x(tick), frame.height - 8, class_="tick", text_anchor="middle", data_x=tick))
    height = (plot.bottom - plot.top) / len(card.HUMAN_PREFERENCES)
    for i, p in enumerate(card.HUMAN_PREFERENCES):
        parts.append(_interval(p, x, plot.top + height * (i + 0.5) - frame.font * 2.8, frame))
    return "".join(parts)


def _interval(p: card.HumanPreference, x: Scale, top: float, frame: Frame) -> str:
    y = top + frame.font * 4.2
    ends = ([(x(at), y - 6), (x(at), y + 6)] for at in (p.low, p.high))
    return tag(
        "g",
        text(f"against {p.against}", x.start, top + frame.font * 1.3, class_="name halo"),
        text(_outcome(p), x.start, top + frame.font * 2.6, class_="value halo"),
        lines([(x(p.low), y), (x(p.high), y)], *ends, class_="interval"),
        mark(STAR, (x(p.wins), y), f"against {p.against}: {_outcome(p)}", True, data_against=p.against, data_wins=p.wins,
              data_low=p.low, data_high=p.high),
        class_="star" if p.low > 50 else "other",
    )  # fmt: skip


def _table_preference() -> str:
    rows = [
        row(p.against, [(f"{p.wins:.1f} %", p.wins), (f"{p.low:.1f}–{p.high:.1f} %", None), (verdict(p), None)], data_model=p.against)
        for p in card.HUMAN_PREFERENCES
    ]
    return table("Pairs won by POLARIS-9B, with 95 % intervals", ["Against", "Wins", "Interval", "Verdict"], rows)


def verdict(p: card.HumanPreference) -> str:
    """What an interval around a share of wins settles."""
    if p.low > 50:
        return "POLARIS-9B preferred"
    return f"{p.against} preferred" if p.high < 50 else "no clear difference"


def _outcome(p: card.HumanPreference) -> str:
    return f"{p.wins:.1f} % [{p.low:.1f}–{p.high:.1f}]: {verdict(p)}"


# What the pictures share.


def _quality_axis(frame: Frame, y: Scale) -> str:
    plot = frame.plot
    parts = [lines(*([(plot.left, y(tick)), (plot.right, y(tick))] for tick in y.ticks()), class_="grid")]
    for tick in y.ticks():
        shown = f"{tick:g}".replace("-", "−")
        parts.append(text(shown, plot.left - 6, y(tick) + frame.font * 0.35, class_="tick", text_anchor="end", data_y=tick))
    return "".join(parts)


def _elo(model: str) -> card.Elo:
    return next(e for e in card.ELO if e.model == model)


def _gaps() -> list[int]:
    listed = {e.rank for e in card.ELO}
    return [rank for rank in range(1, max(listed)) if rank not in listed]


def _far_ratio(model: str) -> str:
    return f"{next(q.ratios[-1] for q in card.STORY_QUALITY if q.model == model):.2f}"


def _scores(q: card.StoryQuality) -> list[str]:
    return [f"{signed(score)} at {bucket} words" for score, bucket in zip(q.scores, BUCKETS, strict=True)]


def _in_words(q: card.StoryQuality) -> str:
    measured = zip(_scores(q), q.ratios, strict=True)
    return f"{q.model}: quality " + ", ".join(f"{score} with length ratio {ratio:.2f}" for score, ratio in measured if ratio is not None)


def _quality_source() -> str:
    other = [q.model for q in card.STORY_QUALITY if q.source is not card.Source.CARD]
    ratios = (
        f"Length ratios at {', '.join(BUCKETS[:-1])} words, and {ELSEWHERE} {', '.join(other)} "
        f"(the authors’ ablation, trained without human stories): {card.Source.SIBLINGS.value}."
    )
    return f"{sentence(card.Source.CARD)} {ratios}"
