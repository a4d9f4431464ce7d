"""The page's own templates, styles and scripts, put together once. Templates are fixed: Gradio runs what stands in a
template's values as code, so no text of a visitor or a model ever enters one.
"""

import json
import re
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from .. import card
from ..story.exports import FILES
from ..story.request import LIMITS, MAX_PREMISE
from . import wire
from .pictures import charts

HERE = Path(__file__).parent
BROWSER = HERE / "browser"
SCRIPTS = ("tools.js", "inline.js", "paper.js", "aside.js", "map.js", "awake.js", "story.js", "replay.js", "form.js")
SCRIPT = wire.head() + "".join((BROWSER / name).read_text() for name in SCRIPTS)
STYLE = "".join((BROWSER / name).read_text() for name in ("style.css", "results.css"))
EXAMPLES = json.loads((HERE.parent.parent / "examples" / "premises.json").read_text())["premises"]
PARTS = {
    name: text.split("<!-- end -->")[0]
    for name, text in (part.split(" -->\n", 1) for part in (BROWSER / "pane.html").read_text().split("<!-- ")[1:] if " -->\n" in part)
    if name != "end"
}
TICKS = (1000, 2000, 4000, 8000, 12_000)


def template(part: str) -> str:
    """One part of pane.html."""
    found = PARTS[part]
    if part == "chips":
        chips = "".join(f'<button type="button" class="chip" data-index="{i}">{e["premise"]}</button>' for i, e in enumerate(EXAMPLES))
        found = found.replace("CHIPS", chips)
    return found


def pane(recorded: bool) -> str:
    """The reading pane; before there is a story it shows a recorded one, or the paper's results where none is recorded."""
    return PARTS["pane"].replace("DOWNLOADS", downloads()).replace("OPENING", PARTS["replay"] if recorded else charts.first())


def downloads() -> str:
    """The files a story comes as, as links in a sentence."""
    offered = [made.said.format(f'<a data-file="{ending}">{made.label}</a>') for ending, made in FILES.items() if made.label]
    return f"{', '.join(offered[:-1])}, or as {offered[-1]}"


def js(part: wire.Part, *arguments: str) -> str:
    """Run one part's function, which stands once in the page's head and may arrive after its components.

    `arguments` are JavaScript values that come before the component's own.
    """
    given = ", ".join(["element", *(arguments or ("props", "watch", "trigger"))])
    return (
        f"const run = () => polaris.{part}({given});"
        f"window.polaris?.filled ? run() : window.addEventListener('{wire.READY}', run, {{ once: true }});"
    )


def zones(longest: int) -> list[tuple[int, int, str]]:
    """The dial's zones from the shortest request to the longest: from, to, and what the model card's buckets make of them."""
    found = [(int(LIMITS["words"].low), card.LENGTH_BUCKETS[0].low, "shorter")]
    found += [(b.low, b.high, f"<b>{b.label()} </b>{b.zone}") for b in card.LENGTH_BUCKETS]
    return [(low, min(high, longest), name) for low, high, name in found if low < longest]


def dial(longest: int) -> str:
    """The zones under the length, drawn to the slider's scale."""
    low = LIMITS["words"].low

    def share(words: float) -> float:
        return round(100 * (words - low) / (longest - low), 2)

    spans = "".join(
        f'<span class="zone-{i}" data-from="{a}" data-to="{b}" style="width:{share(b) - share(a):.2f}%">{name}</span>'
        for i, (a, b, name) in enumerate(zones(longest))
    )
    ticks = "".join(
        f'<button type="button" tabindex="-1" data-words="{t}" style="left:{share(t)}%">{t // 1000}k</button>'
        for t in TICKS
        if t <= longest
    )
    return PARTS["dial"].replace("ZONES", spans).replace("TICKS", ticks)


def range_of(name: str, low: float) -> Any:
    """The card's recommended range drawn under a control, with the way back to the card's value; nothing where it has none."""
    setting, limit = card.SETTINGS.get(name), LIMITS[name]
    if setting is None:
        return None
    span = limit.high - low
    left, width = 100 * (setting.low - low) / span, 100 * (setting.high - setting.low) / span
    note = f" ({setting.note})" if setting.note else ""
    found = PARTS["range"].replace("LEFT", f"{left:.2f}").replace("WIDTH", f"{width:.2f}").replace("VALUE", f"{setting.value:g}")
    found = found.replace("CARD", f"card {setting.range()}{note} · limits {low:g}–{limit.high:g}")
    found = found.replace("OUTSIDE", "not the card's value" if setting.low == setting.high else "outside the card's range")
    given = [json.dumps(value) for value in (name, setting.value, setting.low, setting.high)]
    return gr.HTML(html_template=found, js_on_load=js("range", *given), elem_classes="range-slot")


def embed(home: str, longest: int, words: int) -> str:
    """The small form of the embed view: it opens the full page, in a tab of its own, with what was asked for in its address."""
    values = {"ADDRESS": home or "./", "MOST": MAX_PREMISE, "SHORTEST": f"{LIMITS['words'].low:g}", "LONGEST": longest, "WORDS": words}
    return re.sub("|".join(values), lambda found: escape(str(values[found[0]])), PARTS["embed"])


def presets() -> str:
    buttons = "".join(
        f'<button type="button" class="chip" data-preset="{name}" title="{preset.about}">{preset.name}</button>'
        for name, preset in card.PRESETS.items()
    )
    return PARTS["presets"].replace("PRESETS", buttons)
