"""The results as pictures: what is drawn is what the card says, readable by everybody, from nowhere else."""

import itertools
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from polaris_demo import card
from polaris_demo.page import about, assets
from polaris_demo.page.pictures import charts

from .browser.conftest import chromium, new_page  # noqa: F401

ROOT = Path(__file__).parent.parent
STYLES = ROOT / "polaris_demo" / "page" / "browser" / "styles"
TOKENS, RESULTS_CSS = (STYLES / "tokens.css").read_text(), (STYLES / "results.css").read_text()
BUCKETS = [bucket.label() for bucket in card.LENGTH_BUCKETS]
MAKERS = {"together": charts.together, "quality": charts.quality, "elo": charts.elo, "preference": charts.preference}
DRAWINGS = [(key, i) for key, make in MAKERS.items() for i in range(len(make().frames))]


def tab() -> ET.Element:
    return ET.fromstring(charts.results())


def drawing(key: str, index: int = 0) -> ET.Element:
    return tab().findall(f".//figure[@id='result-{key}']/svg")[index]


def marks(svg: ET.Element) -> Iterator[tuple[str, dict[str, str]]]:
    """Each mark with its model, the one named by the group around it."""
    for group in svg.iter("g"):
        for mark in group:
            if mark.get("class") == "mark":
                yield group.get("data-model", ""), mark.attrib


def place(mark: dict[str, str]) -> tuple[float, float]:
    """Where a mark is centred."""
    if "cx" in mark:
        return float(mark["cx"]), float(mark["cy"])
    points = [tuple(map(float, pair)) for pair in re.findall(r"([\d.-]+) ([\d.-]+)", mark["d"])]
    xs, ys = zip(*points, strict=True)
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def along(svg: ET.Element, axis: str, value: float) -> float:
    """Where a value lies on an axis, by the labels of its ticks."""
    ticks = [(float(t.attrib[f"data-{axis}"]), float(t.attrib[axis])) for t in svg.iter("text") if f"data-{axis}" in t.attrib]
    (v0, p0), (v1, p1) = ticks[0], ticks[-1]
    drop = float(svg.attrib["font-size"]) * 0.35 if axis == "y" else 0
    return p0 + (value - v0) / (v1 - v0) * (p1 - p0) - drop


@pytest.mark.parametrize("index", [0, 1])
def test_quality_against_length_draws_the_card(index: int) -> None:
    svg = drawing("together", index)
    drawn = [(model, m["data-bucket"], float(m["data-quality"]), float(m["data-ratio"])) for model, m in marks(svg)]
    known = [(q.model, b, s, r) for q in card.STORY_QUALITY for b, s, r in zip(BUCKETS, q.scores, q.ratios, strict=True) if r is not None]
    assert sorted(drawn) == sorted(known)
    for _, m in marks(svg):
        assert place(m) == pytest.approx((along(svg, "x", float(m["data-ratio"])), along(svg, "y", float(m["data-quality"]))), abs=0.3)


def test_a_model_with_one_ratio_is_a_point_and_no_path() -> None:
    paths = {g.get("data-model"): any(p.get("class") == "path" for p in g.iter("path")) for g in drawing("together").iter("g")}
    assert paths == {q.model: None not in q.ratios for q in card.STORY_QUALITY}
    assert not paths["Gemma 4 31B"] and not paths["Qwen3.5-27B"]


def test_quality_by_length_draws_the_card() -> None:
    svg = drawing("quality")
    drawn = [(model, m["data-bucket"], float(m["data-quality"])) for model, m in marks(svg)]
    assert sorted(drawn) == sorted((q.model, b, s) for q in card.STORY_QUALITY for b, s in zip(BUCKETS, q.scores, strict=True))
    assert all(place(m)[1] == pytest.approx(along(svg, "y", float(m["data-quality"])), abs=0.3) for _, m in marks(svg))


def test_elo_draws_the_card_and_says_which_rank_it_lacks() -> None:
    svg = drawing("elo")
    drawn = [(int(m["data-rank"]), model, int(m["data-elo"])) for model, m in marks(svg)]
    assert drawn == [(e.rank, e.model, e.elo) for e in card.ELO]
    assert all(place(m)[0] == pytest.approx(along(svg, "x", float(m["data-elo"])), abs=0.3) for _, m in marks(svg))
    assert [(t.text, t.get("data-missing")) for t in svg.iter("text") if "data-missing" in t.attrib] == [("not on the card", "8")]


def test_preference_draws_the_card_with_its_intervals_and_the_line_at_a_half() -> None:
    svg = drawing("preference")
    drawn = [tuple(float(m[f"data-{n}"]) for n in ("wins", "low", "high")) for _, m in marks(svg)]
    assert drawn == [(p.wins, p.low, p.high) for p in card.HUMAN_PREFERENCES]
    assert all(place(m)[0] == pytest.approx(along(svg, "x", float(m["data-wins"])), abs=0.3) for _, m in marks(svg))
    bars = [p.attrib["d"] for p in svg.iter("path") if p.get("class") == "interval"]
    for bar, p in zip(bars, card.HUMAN_PREFERENCES, strict=True):
        xs = [float(x) for x in re.findall(r"[ML]([\d.]+)", bar)]
        assert (min(xs), max(xs)) == pytest.approx((along(svg, "x", p.low), along(svg, "x", p.high)), abs=0.3)
    (reference,) = (p.attrib["d"] for p in svg.iter("path") if p.get("class") == "reference")
    assert float(re.findall(r"M([\d.]+)", reference)[0]) == pytest.approx(along(svg, "x", 50), abs=0.3)


def test_an_interval_across_a_half_settles_nothing() -> None:
    sure, unsure = card.HUMAN_PREFERENCES
    words = "".join(drawing("preference").itertext())
    assert f"{unsure.wins} % [{unsure.low}–{unsure.high}]: no clear difference" in words
    assert charts.verdict(sure) == "POLARIS-9B preferred"
    assert charts.verdict(replace(unsure, low=20.0, high=49.9)) == f"{unsure.against} preferred"


@pytest.mark.parametrize(("key", "index"), DRAWINGS)
def test_every_number_written_in_a_picture_is_the_cards_or_a_tick(key: str, index: int) -> None:
    rows = [*card.STORY_QUALITY, *card.ELO, *card.HUMAN_PREFERENCES]
    known = {f"{s:.1f}" for q in card.STORY_QUALITY for s in q.scores} | {f"{r:.2f}" for q in card.STORY_QUALITY for r in q.ratios if r}
    known |= {str(n) for e in card.ELO for n in (e.elo, e.rank)} | {
        f"{n:.1f}" for p in card.HUMAN_PREFERENCES for n in (p.wins, p.low, p.high)
    }
    known |= {str(gap) for gap in range(1, 9)}
    names = sorted({getattr(r, "model", None) or r.against for r in rows}, key=len, reverse=True)
    for text in drawing(key, index).iter("text"):
        if {"data-x", "data-y"} & text.attrib.keys():
            continue
        words = " ".join(text.itertext()).replace("−", "-")
        for name in [*names, *BUCKETS]:
            words = words.replace(name, "")
        assert set(re.findall(r"(?<!\d)-?[\d.]*\d", words)) <= known


def test_every_picture_has_its_table_with_the_same_numbers() -> None:
    figures = tab().findall(".//figure")
    assert len(figures) == len(MAKERS)
    for figure in figures:
        (table,) = figure.findall("./details/div/table")
        assert table.findtext("caption")
        assert {th.get("scope") for th in table.findall("./thead/tr/th")} == {"col"}
        assert {th.get("scope") for th in table.findall("./tbody/tr/th")} == {"row"}
        for cell in table.iter("td"):
            if cell.get("data-value"):
                assert float(cell.text.replace("−", "-").removesuffix(" %")) == float(cell.attrib["data-value"])  # type: ignore[union-attr]


def table_rows(key: str) -> list[list[str]]:
    rows = tab().findall(f".//figure[@id='result-{key}']//tbody/tr")
    return [[row.get("data-model", ""), *(td.get("data-value", "") for td in row.findall("td"))] for row in rows]


def test_the_tables_hold_the_card() -> None:
    assert [(r[0], float(r[2]), float(r[3]) if r[3] else None) for r in table_rows("together")] == [
        (q.model, s, r) for q in card.STORY_QUALITY for s, r in zip(q.scores, q.ratios, strict=True)
    ]
    assert [(r[0], *map(float, r[1:])) for r in table_rows("quality")] == [(q.model, *q.scores, q.ratios[-1]) for q in card.STORY_QUALITY]
    ranked = [(int(r[1]), r[0], int(r[2]) if r[2] else None) for r in table_rows("elo")]
    assert ranked == sorted([*((e.rank, e.model, e.elo) for e in card.ELO), (8, "", None)])
    shown = ["".join(row.itertext()) for row in tab().findall(".//figure[@id='result-preference']//tbody/tr")]
    assert all(f"{p.wins} %{p.low}–{p.high} %" in s for p, s in zip(card.HUMAN_PREFERENCES, shown, strict=True))


def test_every_figure_says_who_judged_how_much_and_how_old_it_is() -> None:
    evaluations = {
        "together": card.STORY_QUALITY_EVALUATION,
        "quality": card.STORY_QUALITY_EVALUATION,
        "elo": card.ELO_EVALUATION,
        "preference": card.HUMAN_EVALUATION,
    }
    for key, evaluation in evaluations.items():
        figure = tab().find(f".//figure[@id='result-{key}']/dl")
        assert figure is not None
        said = dict(zip((dt.text for dt in figure.iter("dt")), (dd.text or "" for dd in figure.iter("dd")), strict=True))
        assert evaluation.judge[1:] in said["Judge"] and evaluation.sample in said["Sample"] and said["Note"] == evaluation.remark
        assert card.REVISION.read in said["Date"] and card.REVISION.card in said["Date"]
    assert "POLARIS-no-HRI-9B" in charts.quality().source and card.Source.SIBLINGS.value in charts.quality().source


def test_the_titles_say_what_the_numbers_say() -> None:
    rows = {q.model: q for q in card.STORY_QUALITY if q.source is card.Source.CARD}
    star, gemma = rows["POLARIS-9B"], rows["Gemma 4 31B"]
    qwens = [q for name, q in rows.items() if name.startswith("Qwen")]
    lost = {name: q.scores[0] - q.scores[-1] for name, q in rows.items()}
    assert min(rows.values(), key=lambda q: q.ratios[-1]) is gemma and max(rows.values(), key=lambda q: q.scores[-1]) is gemma
    assert all(lost[gemma.model] < lost[star.model] < lost[q.model] and q.ratios[-1] > star.ratios[-1] for q in qwens)
    assert all(a > b > c for a, b, c in (q.scores for q in card.STORY_QUALITY))
    assert [e.model for e in card.ELO][:2] == ["GPT-5.4", "Claude Opus 4.6"] and card.ELO[2].model == star.model
    assert "behind GPT-5.4 and Claude Opus 4.6 only" in charts.elo().title
    assert [charts.verdict(p) for p in card.HUMAN_PREFERENCES] == ["POLARIS-9B preferred", "no clear difference"]


def test_a_reader_who_cannot_see_them_gets_title_and_words() -> None:
    whole = tab()
    ids = [e.attrib["id"] for e in whole.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))
    for svg in whole.iter("svg"):
        assert svg.get("role") == "img" and {svg.attrib["aria-labelledby"], svg.attrib["aria-describedby"]} <= set(ids)
    words = next(e for e in whole.iter() if e.get("id") == "elo-words").text or ""
    assert all(f"{e.model}: {e.elo}" in words for e in card.ELO) and "no rank 8" in words


def test_a_new_model_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    new = card.StoryQuality("Newcomer 12B", (60.0, 50.5, 41.5), (1.02, 0.93, 0.8))
    monkeypatch.setattr(card, "STORY_QUALITY", (*card.STORY_QUALITY, new))
    assert sum(model == new.model for model, _ in marks(drawing("together"))) == 3
    assert sum(model == new.model for model, _ in marks(drawing("quality"))) == 3
    assert [new.model, "60", "50.5", "41.5", "0.8"] in table_rows("quality")


# Looks.


def variables(css: str) -> dict[str, dict[str, str]]:
    """The colours of each theme."""
    themes: dict[str, dict[str, str]] = {"light": {}, "dark": {}}
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        if "planning" in selector and ".dark" not in selector.split(",")[0]:
            continue  # the night's own
        theme = "dark" if ".dark" in selector else "light"
        themes[theme] |= dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})\b", body))
    return themes


def contrast(a: str, b: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, bright = sorted((light(a), light(b)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_can_be_told_from_their_ground(theme: str) -> None:
    colours = variables(TOKENS + RESULTS_CSS)[theme]
    text = set(re.findall(r"(?<![\w-])(?:color|fill): var\(--([\w-]+)\)", RESULTS_CSS))
    assert {"ink", "soft", "gold"} <= text
    for name in text - {"mark", "quiet", "sheet", "edge"}:
        assert min(contrast(colours[name], colours["sheet"]), contrast(colours[name], colours["paper"])) >= 4.5, name
    for name in ("mark", "quiet", "edge"):
        assert contrast(colours[name], colours["sheet"]) >= 3, name


def test_colours_come_from_variables_alone() -> None:
    rules = re.sub(r"--[\w-]+:\s*#[0-9a-f]{6};", "", RESULTS_CSS)
    assert not re.findall(r"#[0-9a-f]{3,8}\b(?=[;\s])|rgba?\(", rules)
    assert not re.search(r'(fill|stroke|style|color)="', charts.results() + about.about())


@pytest.mark.parametrize("html", [charts.results(), about.about()])
def test_nothing_is_loaded_and_nothing_in_it_runs(html: str) -> None:
    html = re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL)  # text to copy
    assert not re.search(r"src=|srcset=|url\(|@import|<script|<link|<img|<iframe| on\w+=", html + RESULTS_CSS)
    # Gradio fills its templates in with these.
    assert not re.search(r"\$\{|\{\{|`|\\", html)


def test_the_tab_is_light() -> None:
    in_page = json.dumps(charts.results(), ensure_ascii=False)
    for character in "<>&'":
        in_page = in_page.replace(character, f"\\u{ord(character):04x}")  # as Gradio writes it into the page
    assert len(in_page.encode()) + len(RESULTS_CSS.encode()) < 60_000


PROBE = """() => {
  const seen = [...document.querySelectorAll('svg')].filter((svg) => svg.getBoundingClientRect().width);
  const box = (e) => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  return seen.map((svg) => ({
    name: svg.closest('figure').id,
    frame: box(svg),
    scale: svg.getBoundingClientRect().width / svg.viewBox.baseVal.width,
    texts: [...svg.querySelectorAll('text')].flatMap((t) => (t.children.length ? [...t.children] : [t])).map((t) => ({ words: t.textContent, size: parseFloat(getComputedStyle(t).fontSize), box: box(t) })),
    marks: [...svg.querySelectorAll('.mark')].map(box),
  }));
}"""


def test_nothing_overlaps_and_all_can_be_read(new_page) -> None:  # noqa: F811
    page = new_page(1440, 900)
    page.set_default_timeout(60_000)
    page.set_content(
        f"<!doctype html><style>* {{ box-sizing: border-box; }} {assets.STYLE.replace('@font-face', '@media not all')}</style>"
        f"<body style='margin:0'><div class='gradio-container'><main id='results'>{charts.results()}</main></div></body>"
    )
    assert page.evaluate("document.querySelector('#paper').offsetWidth") == 1152  # the page's own grid
    assert page.evaluate("getComputedStyle(document.querySelector('#paper figure :is(h2, h3)')).fontFamily").startswith("Literata")
    for width in (1440, 820, 390, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        pictures = page.evaluate(PROBE)
        assert len(pictures) == len(MAKERS)
        assert page.evaluate(
            "[...document.querySelectorAll('svg :is(.path, .interval)')].every((e) => getComputedStyle(e).fill === 'none')"
        )
        for picture in pictures:
            assert not list(flaws(picture)), (width, picture["name"])


def flaws(picture: dict) -> Iterator[str]:
    left, top, right, bottom = picture["frame"]
    for text in picture["texts"]:
        x0, y0, x1, y1 = text["box"]
        if text["size"] * picture["scale"] < 11:
            yield f"too small: {text}"
        if x0 < left - 1 or x1 > right + 1 or y0 < top - 1 or y1 > bottom + 1:
            yield f"cut off: {text}"
        if any(meet(text["box"], mark, 2) for mark in picture["marks"]):
            yield f"over a mark: {text}"
    for a, b in itertools.combinations(picture["texts"], 2):
        if meet(a["box"], b["box"], 2.5):
            yield f"over each other: {a['words']}, {b['words']}"


def meet(a: list[float], b: list[float], slack: float) -> bool:
    """Whether two boxes overlap by more than the air a line of text has around it."""
    return a[0] < b[2] - slack and b[0] < a[2] - slack and a[1] < b[3] - slack and b[1] < a[3] - slack
