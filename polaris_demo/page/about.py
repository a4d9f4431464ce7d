"""The About tab, and what a shared link shows: the model in plain words, its citation, its links. Every figure is from card.py."""

from collections.abc import Iterable
from html import escape

from .. import card
from .pictures.drawing import tag
from .wire import ADDRESS

TITLE = f"{card.MODEL.name} stories"
DESCRIPTION = (
    f"Ask {card.MODEL.name} for a story of up to twelve thousand words and watch it being written. "
    "The model thinks first; its thinking is never shown."
)
EMBED, EMBED_HEIGHT = "?view=embed", 600
PICTURE = "examples/pictures/social.png"
PICTURE_SIZE = (1200, 630)
PICTURE_WORDS = f"{card.TITLE}: quality against length of the stories that {card.MODEL.name} and other models write."


def about() -> str:
    """The whole About tab."""
    parts = (
        _part("What it is", _what()),
        _part("How it was trained", _how(), _facts()),
        _part("What it is for", _list(card.INTENDED_USE)),
        _part("What it is not for", _list(card.OUT_OF_SCOPE)),
        _part("Where it falls short", _list((*card.LIMITATIONS[:2], _undershoot(), *card.LIMITATIONS[3:]))),
        _part("Licence and gate", _paragraph(f"{card.GATE} {gate_sources()}"), _paragraph(_licence())),
        _part("Links", _links()),
        _part("Citation", _citation()),
        _part("Put it on a page", _embedding()),
    )
    return tag("section", tag("h1", f"About {card.MODEL.name}"), *parts, id="about-model", aria_label=f"About {card.MODEL.name}")


def share_tags(page_url: str, picture_url: str, title: str = TITLE, description: str = DESCRIPTION) -> str:
    """Meta tags of a shared link. Both addresses have to be absolute; without a picture there are words only."""
    open_graph = {
        "og:type": "website", "og:title": title, "og:description": description, "og:url": page_url, "og:image": picture_url,
    }  # fmt: skip
    named = {"description": description, "twitter:card": "summary"}
    if picture_url:
        size = {"og:image:width": str(PICTURE_SIZE[0]), "og:image:height": str(PICTURE_SIZE[1])}
        open_graph |= size | {"og:image:alt": PICTURE_WORDS}
        named |= {"twitter:card": "summary_large_image", "twitter:image": picture_url}
    properties = "".join(f'<meta property="{key}" content="{escape(value)}">' for key, value in open_graph.items() if value)
    return properties + "".join(f'<meta name="{key}" content="{escape(value)}">' for key, value in named.items())


def _what() -> str:
    base = card.MODEL.base.split("/")[1]
    return _paragraph(
        f"{card.MODEL.name} is {base}, an open-weight model, trained further to write long stories to a requested length. "
        f"It thinks before it writes. POLARIS stands for {card.NAME_IN_FULL}."
    ) + _paragraph(
        "Where the weights cannot run, a miniature writes in its place, and what it writes says nothing about the model or the paper."
    )


def _how() -> str:
    t = card.TRAINING
    return _paragraph(
        f"For each prompt the model wrote {word(t.rollouts)} stories, and {word(t.references)} by a human author joined the group. "
        f"A judge, {t.judge}, gave points; {t.method}, a method of reinforcement learning, then made what the better stories did "
        "likelier. So it learned from its own attempts, held against a human one."
    ) + _paragraph(
        f"The human stories come from {t.anthologies} commercially purchased anthologies and are not released; the prompts are. "
        f"Each has at most {t.longest_reference_words:,} words, so longer requests go beyond what it was trained on."
    )


def _facts() -> str:
    t = card.TRAINING
    known = (
        ("Prompts", f"about {t.pairs:,} prompt–story pairs"),
        ("Steps", f"{t.steps}, each with {t.groups} groups of {t.rollouts} own stories and {t.references} human one"),
        ("Hardware", f"{t.hardware}, about {t.hours} hours"),
        ("Cost", f"about {t.compute_dollars} dollars of compute and {t.judging_dollars} of judging"),
        ("Judge", f"{t.judge} in training; {card.STORY_QUALITY_EVALUATION.judge} in the evaluation of Story Quality"),
    )
    return tag("dl", *(tag("dt", term) + tag("dd", escape(value)) for term, value in known))


def _undershoot() -> str:
    ratio = card.LENGTH_BUCKETS[-1].ratios[card.MODEL.name]
    return f"{card.LIMITATIONS[2].removesuffix('.')}: about {ratio:.0%} of the request on average.".replace("%", "\u00a0%")


def _licence() -> str:
    return (
        "The card calls the model’s licence “other”. Whether a public demo counts as sharing is for the authors to say. "
        "The code of this app is MIT; that covers neither the model nor what it writes."
    )


def gate_sources() -> str:
    return f"Read in {card.Source.CODE.value}, and at {card.Source.GATE.value}."


def _links() -> str:
    model, hub = card.MODEL, "https://huggingface.co/"
    links = (
        ("Paper", f"https://arxiv.org/abs/{model.arxiv}", card.TITLE),
        ("Model", hub + model.hub_id, f"{model.hub_id}, gated"),
        ("Ablation", hub + model.ablation, f"{model.ablation}, trained without the human stories, not gated"),
        ("Base", hub + model.base, model.base),
        ("Prompts", f"{hub}datasets/{model.prompts}", f"{card.TRAINING.pairs:,} to train on, {card.STORY_QUALITY_PROMPTS} to test with"),
        ("Code", model.code, "training and evaluation, MIT"),
        ("Stories", model.stories, "stories to browse"),
    )
    rows = (tag("dt", tag("a", term, href=url, target="_blank", rel="noopener")) + tag("dd", escape(what)) for term, url, what in links)
    return tag("dl", *rows)


def _citation() -> str:
    return _paragraph(f"{', '.join(card.AUTHORS)}.") + _copied("citation", card.CITATION, "BibTeX entry", "Copy the citation")


def _embedding() -> str:
    return (
        _paragraph(
            "This view has a recorded story or the results, and a small form, at a fixed height. Inside another page a visitor counts "
            "as logged out and the browser may keep nothing, so no story is written there: the form opens the full page with what was "
            "asked for."
        )
        + _copied(
            "embed-results", frame(f"{ADDRESS}{EMBED}", f"{TITLE}: results and a form to ask for one"), "Frame with the results", "Copy"
        )
        + _paragraph("One story; its id stands in its link.")
        + _copied("embed-story", frame(f"{ADDRESS}{EMBED}&story=ID", "A story written by a language model"), "Frame with a story", "Copy")
    )


def frame(address: str, title: str) -> str:
    """The embed view in a page, as HTML."""
    return (
        f'<iframe src="{escape(address)}" title="{escape(title)}"\n'
        f'  width="100%" height="{EMBED_HEIGHT}" loading="lazy" style="border: 0"></iframe>'
    )


def _copied(name: str, text: str, label: str, button: str) -> str:
    """A text with a button that copies it."""
    shown = tag("pre", escape(text), id=f"copied-{name}", tabindex="0", aria_label=label)
    return shown + tag("button", button, type="button", data_copies=f"copied-{name}")


def _part(title: str, *content: str) -> str:
    return tag("div", tag("h2", escape(title)), *content)


def _paragraph(words: str) -> str:
    return tag("p", escape(words))


def _list(items: Iterable[str]) -> str:
    return tag("ul", *(tag("li", escape(item)) for item in items))


def word(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return words[number] if number < len(words) else str(number)
