"""The page's own templates and examples. Templates are fixed: Gradio runs what stands in a template's values as code, so no
text of a visitor or a model ever enters one.
"""

import re
from html import escape
from pathlib import Path
from typing import Any

from .. import card
from ..story.exports import FILES
from ..story.request import LIMITS, MAX_PREMISE, VERBATIM
from . import wire
from .ideas import IDEAS
from .pictures.measured import measured
from .view import MOST_VERSIONS

HERE = Path(__file__).parent
BROWSER = HERE / "browser"
PARTS = {
    name: text.split("<!-- end -->")[0]
    for name, text in (part.split(" -->\n", 1) for part in (BROWSER / "parts.html").read_text().split("<!-- ")[1:] if " -->\n" in part)
    if name != "end"
}
NAMES, USUAL_WORDS = ("at home", "a stretch", "far out"), int(LIMITS["words"].default)
STAR = PARTS["star"].strip()
_ARCHIVED = [made.label for made in FILES.values() if made.archived]
SHARED = {  # stand in other parts
    "STAR": STAR,
    "COLUMNS": PARTS["columns"].strip().replace("STAR", STAR),
    "ARCHIVED": f"{', '.join(_ARCHIVED[:-1])} and {_ARCHIVED[-1]}",
    "MOST_STORIES": str(wire.MOST_STORIES),
}


def template(part: str, **values: str) -> str:
    """One part of parts.html, with what stands in capitals in it."""
    found = SHARED | values
    return re.sub(r"\b[A-Z_]{3,}\b", lambda name: found.get(name[0], name[0]), PARTS[part])


def pane() -> str:
    """The reading pane."""
    times = "".join(f"<option>{count}</option>" for count in range(1, MOST_VERSIONS + 1))
    return template("pane", DOWNLOADS=downloads(), IDEA=IDEAS[-1], TIMES=times, SETTINGS=_settings())


def _settings() -> str:
    """Every sampling setting but the seed as a number; what lies outside its limits is said by the server, in a sentence."""
    named = [(name, limit) for name, limit in LIMITS.items() if name not in ("words", "seed")]
    return "".join(f'<label>{limit.label} <input name="{name}" type="number" step="any" required></label>' for name, limit in named)


def taste(recorded: bool) -> str:
    """A page of a recorded story, where there is one, or what the paper measured."""
    hides = {"RECORDED": "" if recorded else "hidden", "PLAIN": "hidden" if recorded else ""}
    return template("taste", MEASURED=measured(SHARED["STAR"]), **hides)


def hello(free: bool) -> str:
    """What stands first; `free` is whether whoever comes pays nothing and needs no account."""
    return template("hello", FREE=" Free, and you need no account." if free else "")


def downloads() -> str:
    """The files a story comes as, as links."""
    offered = [
        f'<a class="text" data-file="{ending}">{made.label[:1].upper()}{made.label[1:]}</a>' for ending, made in FILES.items() if made.label
    ]
    return "".join(offered)


def js(part: wire.Part, *arguments: str) -> str:
    """Runs one part's function, which its module exports. `arguments` are JavaScript values that come before the component's own."""
    given = ", ".join(["element", *(arguments or ("props", "watch", "trigger"))])
    return f"{run(part)}({given}));"


def run(name: wire.Part | wire.Called) -> str:
    """The beginning of a call of an exported function, to which arguments and two brackets are still to be added."""
    from .assets import FOLDER, SCRIPT

    return f'import(new URL("{FOLDER}/{SCRIPT}", document.baseURI)).then((page) => page.{name}'


def zones(longest: int) -> list[tuple[int, int]]:
    """The dial's zones from the shortest request to the longest, as the model card's buckets have them: from, to."""
    found = [(int(LIMITS["words"].low), card.LENGTH_BUCKETS[0].low)] + [(b.low, b.high) for b in card.LENGTH_BUCKETS]
    return [(low, min(high, longest)) for low, high in found if low < longest]


def dial(longest: int, words: int) -> str:
    """The line under the length, thinner and broken where the model is less sure, with the names of its zones."""
    low = LIMITS["words"].low

    def share(number: float) -> float:
        return round(100 * (number - low) / (longest - low), 2)

    found = list(enumerate(zones(longest)))
    lines = "".join(f'<i class="zone zone-{i}" style="left:{share(a)}%;width:{share(b) - share(a):.2f}%"></i>' for i, (a, b) in found)
    names = "".join(_zone(NAMES[i - 1], a, b, share(a)) for i, (a, b) in found if i)
    return template("dial", ZONES=lines, NAMES=names, LOW=f"{low:g}", HIGH=str(longest), WORDS=str(words))


def _zone(name: str, low: int, high: int, left: float) -> str:
    """A zone's name, which asks for a length in it."""
    middle = min(USUAL_WORDS, high) if low < USUAL_WORDS else (low + high) // 2
    says = f'<b>{name}</b><span class="long">{low:,}–{high:,}</span><span class="short">to {high:,}</span>'
    return f'<button type="button" data-words="{middle}" data-from="{low}" data-to="{high}" style="left:{left}%">{says}</button>'


def knob(name: str, label: str, info: str, low: float, step: float | None) -> str:
    """Below a setting's number: its line with the card's range on it, and what it does. Without a step it has no line."""
    setting, limit = card.SETTINGS.get(name), LIMITS[name]
    if step is None:
        return template("explained", INFO=info)
    span, range_ = limit.high - low, ""
    if setting:
        left, width = 100 * (setting.low - low) / span, 100 * (setting.high - setting.low) / span
        range_ = f'<i class="recommended" style="left:{left:.2f}%;width:{width:.2f}%"></i>'
        info = f"{info} The card recommends {setting.range()}{f' ({setting.note})' if setting.note else ''}."
    return template("knob", RANGE=range_, NAME=label, LOW=f"{low:g}", HIGH=f"{limit.high:g}", STEP=f"{step:g}", INFO=info)


def kinds() -> str:
    """The kinds of writing, one of which is chosen."""
    named = [(form.name, f"{form.name} (weaker)" if form.weaker else form.name) for form in card.FORMS]
    offered = "".join(f'<option value="{name}">{label}</option>' for name, label in [*named, (VERBATIM, VERBATIM)])
    return template("kinds", OPTIONS=offered)


def embed(home: str, longest: int, words: int) -> str:
    """The small form of the embed view: it opens the full page, in a tab of its own, with what was asked for in its address."""
    limits = {"MOST": MAX_PREMISE, "SHORTEST": f"{LIMITS['words'].low:g}", "LONGEST": longest}
    values: dict[str, Any] = limits | {"ADDRESS": home or "./", "WORDS": words, "IDEA": IDEAS[0]}
    return template("embed", **{name: escape(str(value)) for name, value in values.items()})


def presets() -> str:
    buttons = "".join(
        f'<button type="button" class="text" data-preset="{name}" title="{preset.about}">{preset.name.lower()}</button>'
        for name, preset in card.PRESETS.items()
    )
    return template("presets", PRESETS=buttons)
