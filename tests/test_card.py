"""The card's figures stand in card.py alone, and its bands and citation say what the paper's code says."""

import re
from pathlib import Path

import pytest

from polaris_demo import card

ROOT = Path(__file__).parent.parent
# Figures nobody would write by chance: results, ratios, budgets, bands.
DISTINCTIVE = (
    [str(e.elo) for e in card.ELO]
    + [f"{s:.1f}" for q in card.STORY_QUALITY for s in q.scores]
    + [f"{p.wins:g}" for p in card.HUMAN_PREFERENCES]
    + [str(n) for n in (card.LONG_TARGET_MIN_TOKENS, card.THINKING_SOFT_CAP)]
)


WRITTEN_FROM_THE_CARD = "examples/project_page/index.html"  # a test writes it again and compares
KINDS = {".py", ".js", ".html", ".css", ".md"}
SOURCES = [
    *(f for top in ("polaris_demo", "examples", "tools") for f in (ROOT / top).rglob("*") if f.suffix in KINDS and f.name != "card.py"),
    ROOT / "app.py", ROOT / "README.md",
]  # fmt: skip
TEXTS = {name: f.read_text() for f in SOURCES if (name := str(f.relative_to(ROOT))) != WRITTEN_FROM_THE_CARD}


@pytest.mark.parametrize("figure", DISTINCTIVE)
def test_distinctive_figures_stand_in_card_alone(figure: str) -> None:
    digits = r"[,_ ]?".join(re.escape(c) for c in figure)
    elsewhere = [name for name, text in TEXTS.items() if re.search(rf"(?<![\w.]){digits}(?![\w.]*\d)", text)]
    assert not elsewhere


def test_the_search_would_find_a_figure_with_a_separator() -> None:
    assert re.search(r"(?<![\w.])1[,_ ]?4[,_ ]?3[,_ ]?3[,_ ]?6(?![\w.]*\d)", "at least 14,336 tokens")


def test_every_figure_names_its_source() -> None:
    rows = [*card.SETTINGS.values(), *card.LENGTH_BUCKETS, *card.ELO, *card.STORY_QUALITY, *card.HUMAN_PREFERENCES, *card.FORMS]
    assert {type(row.source) for row in rows} == {card.Source}


@pytest.mark.parametrize(
    ("band", "words", "expected"),
    [
        (card.EVALUATION_BAND, 300, (250, 350)),
        (card.EVALUATION_BAND, 505, (455, 555)),
        (card.EVALUATION_BAND, 1999, (1800, 2198)),
        (card.EVALUATION_BAND, 4000, (3600, 4400)),
    ],
)
def test_bands_are_clamped_as_in_the_papers_code(band: card.Band, words: int, expected: tuple[int, int]) -> None:
    assert band.around(words) == expected


@pytest.mark.parametrize(
    ("words", "zone"), [(999, None), (1000, "as trained"), (4000, "near"), (7999, "near"), (8000, "far"), (12000, "far")]
)
def test_a_length_falls_into_its_measured_bucket(words: int, zone: str | None) -> None:
    found = card.bucket(words)
    assert (found.zone if found else None) == zone


def test_the_cards_own_example_lies_in_its_ranges() -> None:
    assert all(setting.recommends(setting.value) for setting in card.SETTINGS.values())


def test_where_a_long_target_begins_is_where_its_bucket_begins() -> None:
    assert card.LENGTH_BUCKETS[-1].low == card.LONG_TARGET_WORDS


@pytest.mark.parametrize("kind", ["short stories", "flash fiction", "scenes", "essays", "book reviews", "podcast scripts"])
def test_every_kind_of_writing_the_card_intends_is_named(kind: str) -> None:
    assert kind in " ".join(card.INTENDED_USE)


def test_non_commercial_use_is_said_with_its_source() -> None:
    saying = [name for name, text in TEXTS.items() if "non-commercial" in text]
    assert saying == ["README.md"] and "non-commercial" in card.GATE
    assert "gate" in card.MODEL.licence and "gate" in card.Source.GATE.value


def test_a_models_ratios_are_those_of_its_row() -> None:
    far = card.LENGTH_BUCKETS[-1].ratios
    assert far["POLARIS-9B"] < far["Qwen3.5-9B"] and "Gemma 4 31B" in far
    assert "Gemma 4 31B" not in card.LENGTH_BUCKETS[0].ratios and "Qwen3.5-9B" in card.LENGTH_BUCKETS[0].ratios


def test_the_citation_names_the_title_and_the_authors() -> None:
    assert f"title={{{card.TITLE}}}" in card.CITATION and f"author={{{' and '.join(card.AUTHORS)}}}" in card.CITATION


def test_no_rank_eight_is_invented() -> None:
    assert 8 not in {e.rank for e in card.ELO}
    assert [e.elo for e in card.ELO] == sorted((e.elo for e in card.ELO), reverse=True)


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.4, 1.0, "0.4–1.0"), (1.0, 1.10, "1.0–1.1"), (20, 20, "20"), (0.95, 0.95, "0.95"), (0, 1.55, "0.00–1.55")]
)
def test_a_range_has_as_many_decimals_at_both_ends(low: float, high: float, said: str) -> None:
    assert card.Setting(low, high, low).range() == said
