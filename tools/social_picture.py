"""Draws the picture that a shared link shows, from card.py: examples/pictures/social.png.

    python tools/social_picture.py

Needs a Chromium or Chrome. The figures drawn are also written into the picture's own data, where a test reads them back.
"""

import base64
import io
import json
import random
import sys
from pathlib import Path

import gradio
from PIL import Image, PngImagePlugin
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from polaris_demo import card
from polaris_demo.page import about
from polaris_demo.page.pictures import charts
from polaris_demo.page.pictures.drawing import Frame, picture
from tools import prepare

PAGE = ROOT / "polaris_demo" / "page" / "browser"
FONTS = Path(gradio.__file__).parent / "templates" / "frontend" / "static" / "fonts"  # Source Sans comes with gradio
WIDTH, HEIGHT = about.PICTURE_SIZE
MODELS = tuple(q for q in card.STORY_QUALITY if q.source is card.Source.CARD)
FRAME = Frame("wide", 660, 500, 44, 12, 42, 62, 19)
LOOK = """
* { box-sizing: border-box; margin: 0; }
body { width: 1200px; height: 630px; background: #0d1526; color: var(--ink); font-family: Labels, sans-serif; overflow: hidden; position: relative; --sheet: #0d1526;  }
.sky { position: absolute; inset: 0; }
.left { position: absolute; left: 64px; top: 62px; width: 400px; }
.mark { display: block; margin-bottom: 26px; }
h1 { font: 700 56px/1 var(--serif); white-space: nowrap; color: #f3d690; }
.left p { font: 400 28px/1.4 var(--serif); margin-top: 22px; color: #f3eee2; }
.paper { position: absolute; left: 64px; bottom: 54px; width: 380px; font-size: 22px; line-height: 1.45; color: #a5adbf; }
.paper b { font-weight: 700; color: #e9e4d8; display: block; }
.right { position: absolute; right: 52px; top: 46px; width: 660px; }
.right #paper svg { display: block; max-width: none; width: 660px; font-family: Labels, sans-serif; }
.right #paper { container-type: normal; }
.note { position: absolute; right: 64px; bottom: 38px; font-size: 18px; color: #a5adbf; }
"""


def figures() -> dict[str, list[list[float | None]]]:
    """What the picture draws: quality and length ratio of each model on the card."""
    return {q.model: [list(q.scores), list(q.ratios)] for q in MODELS}


def page() -> str:
    """The picture as a page of its own."""
    model, label = card.MODEL, [bucket.label() for bucket in card.LENGTH_BUCKETS]
    return f"""<!doctype html><meta charset="utf-8"><style>{_fonts()}{(PAGE / "style.css").read_text()}{(PAGE / "results.css").read_text()}{LOOK}</style>
<body class="dark">{_sky()}
<div class="left">
  <svg class="mark" viewBox="4 4 40 40" width="84" height="84"><path fill="#f3d690" d="M24 5 L26.6 21.4 L43 24 L26.6 26.6 L24 43 L21.4 26.6 L5 24 L21.4 21.4 Z"/></svg>
  <h1>{model.name}</h1><p>Ask for a long story and watch it being written.</p>
</div>
<p class="paper"><b>{card.TITLE}</b>arXiv {model.arxiv}</p>
<div class="right"><div id="paper"><div id="result-together">{picture(FRAME, "together", charts.draw_together(FRAME, MODELS))}</div></div></div>
<p class="note">Requests of {label[0]} to {label[-1]} words. Judge: {card.STORY_QUALITY_EVALUATION.judge}. Source: model card.</p></body>"""


def draw() -> bytes:
    """The picture as PNG, its figures in its own data."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**prepare.require_browser())
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        tab.set_content(page())
        tab.evaluate("document.fonts.ready")
        shot = tab.screenshot()
        browser.close()
    data = PngImagePlugin.PngInfo()
    data.add_text("figures", json.dumps(figures()))
    data.add_itxt("title", card.TITLE)
    out = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True, pnginfo=data)
    return out.getvalue()


def _fonts() -> str:
    faces = (
        ("Labels", 400, "SourceSansPro/SourceSansPro-Regular"),
        ("Labels", 700, "SourceSansPro/SourceSansPro-Bold"),
    )
    rule = '@font-face {{ font-family: {}; font-weight: {}; src: url("data:font/woff2;base64,{}"); }}'
    return "".join(
        rule.format(family, weight, base64.b64encode((FONTS / f"{file}.woff2").read_bytes()).decode()) for family, weight, file in faces
    )


def _sky() -> str:
    """A quiet sky, the same every time."""
    chance = random.Random(9)
    stars = (
        f'<circle cx="{chance.randrange(WIDTH)}" cy="{chance.randrange(HEIGHT)}" r="{chance.choice((0.7, 0.9, 1.3))}" opacity="{chance.uniform(0.15, 0.5):.2f}"/>'
        for _ in range(110)
    )
    return f'<svg class="sky" viewBox="0 0 {WIDTH} {HEIGHT}" fill="#e9e4d8">{"".join(stars)}</svg>'


if __name__ == "__main__":
    target = ROOT / about.PICTURE
    target.write_bytes(draw())
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1000:.0f} kB")
