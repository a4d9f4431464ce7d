"""The paper's page: written from the card, complete by itself, found by search engines and shown by whoever shares it."""

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from polaris_demo import card

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import project_page

PAGE = (project_page.FOLDER / "index.html").read_text()
HUB = "https://huggingface.co/"


def body(page: str) -> ET.Element:
    """The page's body, with the few things of HTML that XML has not."""
    found = re.search(r"<body>.*</body>", page.replace(" hidden>", ' hidden="">'), re.DOTALL)
    assert found
    return ET.fromstring(found[0])


def metas(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', page)


def test_the_page_in_the_repository_is_the_cards_of_today() -> None:
    assert project_page.document(project_page.Addresses()) == PAGE
    for name, source in project_page.COPIES.items():
        assert (project_page.FOLDER / name).read_bytes() == source.read_bytes()


def test_title_authors_and_citation_are_the_cards() -> None:
    page = body(PAGE)
    assert page.findtext(".//h1") == card.TITLE
    assert [span.text for span in page.findall(".//p[@class='authors']/span")] == list(card.AUTHORS)
    assert page.findtext(".//pre[@id='bibtex']") == card.CITATION


def test_it_links_to_everything() -> None:
    model = card.MODEL
    links = {a.text: a.attrib["href"] for a in body(PAGE).findall(".//nav/a")}
    assert links == {
        "Paper": f"https://arxiv.org/abs/{model.arxiv}", "Model": HUB + model.hub_id, "Code": model.code,
        "Prompts": f"{HUB}datasets/{model.prompts}", "Stories": model.stories, "Demo": project_page.Addresses.demo,
    }  # fmt: skip


def test_every_number_of_its_abstract_is_the_cards() -> None:
    section = body(PAGE).find(".//section[@aria-labelledby='abstract']")
    assert section is not None
    text = " ".join("".join(p.itertext()) for p in section.findall("p")).replace("−", "-")
    names = {q.model.removesuffix(" (base)") for q in card.STORY_QUALITY} | {
        "GPT-5.4",
        "Gemini 3 Flash",
        "4 × A100 80GB",
        card.LENGTH_BUCKETS[-1].label(),
    }
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "")
    t, known = card.TRAINING, {card.ELO[2].elo}
    known |= {n for q in card.STORY_QUALITY for n in (q.scores[-1], q.ratios[-1])} | {t.pairs, t.steps, t.hours}
    known |= {n for p in card.HUMAN_PREFERENCES for n in (p.wins, p.low, p.high)}
    found = [float(n.replace(",", "")) for n in re.findall(r"(?<![\w.–])-?\d[\d,]*(?:\.\d+)?|(?<=–)\d+\.\d", text)]
    assert len(found) > 12 and not set(found) - known
    assert card.ELO[2].model == card.MODEL.name and "third highest" in text and "no clear difference" in text


def test_search_engines_and_shared_links_get_what_they_read() -> None:
    tags = metas(PAGE)
    assert [content for name, content in tags if name == "citation_author"] == list(card.AUTHORS)
    found = dict(tags)
    assert found["citation_title"] == found["og:title"] == card.TITLE and found["citation_arxiv_id"] == card.MODEL.arxiv
    assert f"year={{{found['citation_publication_date']}}}" in card.CITATION  # a year alone where no day is known
    assert "citation_pdf_url" not in found  # it would have to lie beside the page
    assert {"og:url", "og:image", "og:description", "twitter:card", "twitter:image"} <= found.keys() and len(found["description"]) <= 160


def test_nothing_but_the_embed_comes_from_elsewhere() -> None:
    loaded = re.findall(r'<(?:link|script|img|source)\b[^>]*?\b(?:href|src)="([^"]+)"', PAGE)
    assert sorted(url for url in loaded if not url.startswith("data:")) == ["page.js", "results.css", "style.css"]
    assert all((project_page.FOLDER / url).exists() for url in loaded if not url.startswith("data:"))
    css = "".join((project_page.FOLDER / name).read_text() for name in ("style.css", "results.css"))
    assert not re.search(r"url\(|@import", css)
    (frame,) = body(PAGE).iter("iframe")
    assert (
        frame.attrib["data-src"] == f"{project_page.Addresses.frame}?view=embed"
        and frame.attrib["loading"] == "lazy"
        and frame.attrib["title"]
    )


@pytest.mark.parametrize("demo", ["Some-one/My.stories_2", "https://example.org/demo"])
def test_the_demos_address_is_given_in_one_place(demo: str, tmp_path: Path) -> None:
    project_page.write(tmp_path, project_page.addresses(demo, "https://paper.example.org/"))
    page = (tmp_path / "index.html").read_text()
    assert "127.0.0.1" not in page and "localhost" not in page
    (frame,) = body(page).iter("iframe")
    links = {a.attrib["href"] for a in body(page).iter("a") if "emo" in (a.text or "")}
    space = demo.startswith("Some")
    assert frame.attrib["data-src"] == f"{'https://some-one-my-stories-2.hf.space' if space else demo}/?view=embed"
    assert links == {f"{HUB}spaces/{demo}" if space else demo}
    assert dict(metas(page))["og:image"] == "https://paper.example.org/social.png"
    assert {f.name for f in tmp_path.iterdir()} == {f.name for f in project_page.FOLDER.iterdir()}
