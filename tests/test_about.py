"""The About tab, and what a shared link shows: what the card says, with its links and its citation."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from PIL import Image

from polaris_demo import card
from polaris_demo.page import about

ROOT = Path(__file__).parent.parent


def test_about_says_what_the_card_says() -> None:
    words = " ".join(" ".join(ET.fromstring(about.about()).itertext()).split())
    for sentence in (*card.INTENDED_USE, *card.OUT_OF_SCOPE, *card.LIMITATIONS, card.GATE, card.NAME_IN_FULL, *card.AUTHORS):
        assert sentence.removesuffix(".") in words
    t = card.TRAINING
    for figure in (f"{t.pairs:,}", t.anthologies, f"{t.longest_reference_words:,}", t.steps, t.hours, t.compute_dollars, t.judging_dollars):
        assert re.search(rf"(?<![\d,]){figure}(?!,?\d)", words)


def test_about_links_to_everything_and_cites() -> None:
    page = ET.fromstring(about.about())
    model, links = card.MODEL, {a.attrib["href"] for a in page.iter("a")}
    hub = "https://huggingface.co/"
    assert links == {
        f"https://arxiv.org/abs/{model.arxiv}", hub + model.hub_id, hub + model.ablation, hub + model.base,
        f"{hub}datasets/{model.prompts}", model.code, model.stories,
    }  # fmt: skip
    texts = {pre.attrib["id"]: pre.text for pre in page.iter("pre")}
    assert texts["copied-citation"] == card.CITATION
    assert texts.keys() == {b.attrib["data-copies"] for b in page.iter("button")}


def test_about_has_frames_for_other_pages() -> None:
    texts = {pre.attrib["id"]: pre.text or "" for pre in ET.fromstring(about.about()).iter("pre")}
    for name, address in (("results", "ADDRESS?view=embed"), ("story", "ADDRESS?view=embed&story=ID")):
        (frame,) = ET.fromstring(f"<p>{texts[f'copied-embed-{name}']}</p>")
        assert (frame.tag, frame.attrib["src"], frame.attrib["loading"]) == ("iframe", address, "lazy")
        assert frame.attrib["title"] and frame.attrib["height"].isdecimal()


def test_a_shared_link_shows_title_description_and_picture() -> None:
    tags = about.share_tags("https://example.org/?a=1&b=2", "https://example.org/p.png")
    found = dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', tags))
    assert (
        found["og:url"] == "https://example.org/?a=1&amp;b=2" and found["og:image"] == found["twitter:image"] == "https://example.org/p.png"
    )
    assert found["og:title"] == about.TITLE and found["og:description"] == found["description"] and len(found["description"]) <= 160


def test_the_social_picture_shows_the_card_of_today() -> None:
    file = ROOT / about.PICTURE
    picture = Image.open(file)
    assert picture.size == about.PICTURE_SIZE and file.stat().st_size < 200_000
    drawn = json.loads(picture.text["figures"])
    assert drawn == {q.model: [list(q.scores), list(q.ratios)] for q in card.STORY_QUALITY if q.source is card.Source.CARD}
    assert picture.text["title"] == card.TITLE
