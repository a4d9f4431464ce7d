"""Writes the paper's page from card.py: examples/project_page/. It is static; put the folder anywhere.

    python tools/project_page.py                                   # a page around the app on this machine
    python tools/project_page.py --demo OWNER/NAME --page https://… --out FOLDER

No figure is typed by hand: text, picture, table, authors and citation are the card's.
"""

import argparse
import re
import shutil
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from polaris_demo import card
from polaris_demo.page import about
from polaris_demo.page.pictures import charts
from polaris_demo.page.pictures.drawing import signed, tag
from polaris_demo.page.pictures.figure import figure

FOLDER = ROOT / "examples" / "project_page"
COPIES = {"results.css": ROOT / "polaris_demo" / "page" / "browser" / "styles" / "results.css", "social.png": ROOT / about.PICTURE}
STAR = "M24 5 L26.6 21.4 L43 24 L26.6 26.6 L24 43 L21.4 26.6 L5 24 L21.4 21.4 Z"
ICON = f"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 48 48'%3E%3Ccircle cx='24' cy='24' r='24' fill='%231b2c52'/%3E%3Cpath d='{STAR}' fill='%23f3d690'/%3E%3C/svg%3E"
HUB = "https://huggingface.co/"


@dataclass(frozen=True)
class Addresses:
    """Where the page itself will stand, where the demo can be framed, and where it is opened in a tab."""

    page: str = "http://localhost:8000"
    frame: str = "http://127.0.0.1:7860/"
    demo: str = "http://127.0.0.1:7860/"


def addresses(demo: str, page: str) -> Addresses:
    """`demo` is an address, or a Space's id: a Space is framed at its direct address and opened at its page on the hub."""
    if re.fullmatch(r"[\w.-]+/[\w.-]+", demo):
        host = re.sub(r"[^a-z0-9]+", "-", demo.lower()).strip("-")
        return Addresses(page.rstrip("/"), f"https://{host}.hf.space/", f"{HUB}spaces/{demo}")
    return Addresses(page.rstrip("/"), demo.rstrip("/") + "/", demo)


def document(at: Addresses) -> str:
    """The whole page."""
    return f"""<!doctype html>
<!-- Written by tools/project_page.py from card.py: change it there. -->
<html lang="en">
{_head(at)}
<body>
<header>
<svg viewBox="4 4 40 40" width="52" height="52" aria-hidden="true"><path d="{STAR}"/></svg>
<h1>{escape(card.TITLE)}</h1>
<p class="authors">{_authors()}</p>
<p class="where">arXiv {card.MODEL.arxiv}</p>
<nav aria-label="Paper, model and more">{_links(at)}</nav>
</header>
{_main(at)}
<footer>
<p>{escape(card.GATE)} {escape(about.gate_sources())}</p>
<p>Figures: {escape(card.Source.CARD.value)}, {escape(card.Source.SIBLINGS.value)} and {escape(card.Source.CODE.value)}; read {card.REVISION.read}.</p>
</footer>
<script src="page.js"></script>
</body>
</html>
"""


def _head(at: Addresses) -> str:
    return f"""<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(card.TITLE)}</title>
{_citation_tags(at)}
{about.share_tags(at.page + "/", f"{at.page}/social.png", card.TITLE, _description())}
<link rel="icon" href="{ICON}">
<link rel="stylesheet" href="results.css">
<link rel="stylesheet" href="style.css">
</head>"""


def _main(at: Addresses) -> str:
    return f"""<main>
<section aria-labelledby="abstract">
<h2 id="abstract">In short</h2>
{_abstract()}
</section>
<section id="paper" aria-labelledby="results">
<h2 id="results">Results</h2>
<div class="figures">{figure(charts.together())}</div>
</section>
<section aria-labelledby="demo">
<h2 id="demo">Try it</h2>
<p>Say what the story is about; the full page writes it, and shows how far it is. The thinking is never shown.</p>
<div class="frame">
<p>The demo has not answered yet; one that sleeps takes a while to wake.</p>
{about.frame(at.frame + about.EMBED, f"{card.MODEL.name} demo").replace(" src=", " data-src=")}
</div>
<p><a href="{escape(at.demo)}">Open the demo in a page of its own</a></p>
</section>
<section aria-labelledby="cite">
<h2 id="cite">Cite</h2>
<pre id="bibtex" tabindex="0" aria-label="BibTeX entry">{escape(card.CITATION)}</pre>
<button type="button" data-copies="bibtex" hidden>Copy</button>
</section>
</main>"""


def _citation_tags(at: Addresses) -> str:
    arxiv = card.MODEL.arxiv
    tags = [("citation_title", card.TITLE), *(("citation_author", author) for author in card.AUTHORS)]
    # A year alone, as Google Scholar asks where no day is known; and no citation_pdf_url, which has to lie beside the page.
    tags += [("citation_publication_date", f"20{arxiv[:2]}"), ("citation_arxiv_id", arxiv), ("citation_abstract_html_url", f"{at.page}/")]
    return "\n".join(f'<meta name="{name}" content="{escape(content)}">' for name, content in tags)


def _authors() -> str:
    return ", ".join(tag("span", escape(author)) for author in card.AUTHORS)


def _links(at: Addresses) -> str:
    model = card.MODEL
    links = {
        "Paper": f"https://arxiv.org/abs/{model.arxiv}", "Model": HUB + model.hub_id, "Code": model.code,
        "Prompts": f"{HUB}datasets/{model.prompts}", "Stories": model.stories, "Demo": at.demo,
    }  # fmt: skip
    return "".join(tag("a", name, href=url) for name, url in links.items())


def _description() -> str:
    return f"{card.MODEL.name}, a model of nine billion parameters asked for stories of up to twelve thousand words: the paper, its results and a demo."


def _abstract() -> str:
    """Two paragraphs of our own; every figure in them is the card's."""
    model, t, scores = card.MODEL, card.TRAINING, {q.model: q for q in card.STORY_QUALITY}
    ours, base, gemma = scores[model.name], scores["Qwen3.5-9B (base)"], scores["Gemma 4 31B"]
    far, (small, large) = f"{card.LENGTH_BUCKETS[-1].label()} words", card.HUMAN_PREFERENCES
    elo = next(e for e in card.ELO if e.model == model.name)
    return tag(
        "p",
        f"Asked for longer and longer stories, few of the open-weight models compared hold on to both quality and length: some write worse, "
        f"some write less. {model.name} is {model.base.split('/')[1]} trained further with reinforcement learning. For each prompt it wrote "
        f"{about.word(t.rollouts)} stories, {about.word(t.references)} by a human author joined them, and a judge, {t.judge}, gave points to "
        f"all. It took about {t.pairs:,} prompts, {t.steps} steps and about {t.hours} hours on {t.hardware}.",
    ) + tag(
        "p",
        f"At {far}, {card.STORY_QUALITY_EVALUATION.judge} gives it a Story Quality of {signed(ours.scores[-1])} for stories {_of(ours)} times as long as "
        f"asked; its base gets {signed(base.scores[-1])} at {_of(base)}, and Gemma 4 31B {signed(gemma.scores[-1])} at {_of(gemma)}. On EQ-Bench "
        f"Creative its Elo of {elo.elo} is the {_th(elo.rank)} highest. Blinded annotators preferred it to {small.against} in {_share(small)} of "
        f"pairs; against {large.against}, with {_share(large)}, there is no clear difference.",
    )


def _of(q: card.StoryQuality) -> str:
    return f"{q.ratios[-1]:.2f}"


def _share(p: card.HumanPreference) -> str:
    return f"{p.wins:.1f}\u00a0% [{p.low:.1f}–{p.high:.1f}]"


def _th(rank: int) -> str:
    return ("", "", "second", "third", "fourth", "fifth")[rank]


def write(out: Path, at: Addresses) -> None:
    """The page and what it needs, in one folder."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "index.html").write_text(document(at))
    for name, source in COPIES.items():
        shutil.copyfile(source, out / name)
    for name in ("style.css", "page.js"):
        if out.resolve() != FOLDER.resolve():
            shutil.copyfile(FOLDER / name, out / name)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the paper's page.")
    parser.add_argument("--demo", default=Addresses.demo, help="the demo: a Space's id, OWNER/NAME, or an address")
    parser.add_argument("--page", default=Addresses.page, help="where the page itself will stand")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder to write to")
    given = parser.parse_args()
    write(given.out, addresses(given.demo, given.page))
    print(f"{given.out}: {sum(f.stat().st_size for f in given.out.iterdir()) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
