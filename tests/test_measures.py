"""Words and self-repetition are counted as the paper's code counts them, live as well as at the end."""

import html
import random
import re
import time
from dataclasses import astuple

import pytest

from polaris_demo import card
from polaris_demo.story.measures import (
    ReaderCount,
    SelfRepetition,
    WordCounter,
    count_words,
    length_ratio,
    paragraph_heat,
    self_repetition,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("don't", 2), ("one two", 2), ("caf&eacute; AT&amp;T", 3), ("snake_case 12,000", 3), ("דובר עברית", 2), ("— … !", 0)],
)
def test_words_are_the_papers(text: str, words: int) -> None:
    assert count_words(text) == words == len(re.findall(r"\w+", html.unescape(text)))


def test_counting_as_it_grows_equals_counting_the_whole() -> None:
    rng = random.Random(3)
    alphabet = ["a", "b", " ", "\n", "&", "amp;", "&lt;", "é", "'", "#", "x27;", ";", "\u00a0", "日", "_", "\t"]
    for _ in range(500):
        text = "".join(rng.choices(alphabet, k=rng.randint(0, 60)))
        counter = WordCounter()
        for at in range(0, len(text), 3):
            counter.add(text[at : at + 3])
            assert counter.count == count_words(text[: at + 3])


CHINESE = "守灯人提着灯走下港口没有人敲的钟响了起来他站了一会儿听着大海"


@pytest.mark.parametrize(
    ("text", "words", "characters"),
    [
        ("don't go — well-known men, 12,000 of them", 7, 0),
        ("", 0, 0),
        ("他走了。She left。", 2, 3),
        ("カタカナとひらがな", 0, 9),
        ("灯台守 — 灯台守。", 0, 6),
        ("คนเฝ้าประภาคาร", 0, 13),
        ("ಅವನು ಮನೆಗೆ ಹೋದ", 3, 0),
        ("चौकीदार अपना दीपक", 3, 0),
        ("등대지기는 항구로 갔다", 3, 0),
        ("می‌خواهم بروم", 2, 0),
        ("&#23432; caf&eacute;", 1, 1),
    ],
)
def test_a_reader_counts_what_stands_between_spaces_and_characters_where_there_are_none(text: str, words: int, characters: int) -> None:
    counter = WordCounter()
    counter.add(text)
    assert counter.reader == ReaderCount(words, characters)


def test_a_readers_count_as_it_grows_equals_that_of_the_whole() -> None:
    rng = random.Random(5)
    alphabet = ["a", "b", " ", "\n", "&", "amp;", "&#23432;", "'", "日", "本", "。", "，", "ท", "ี่", "-", "、"]
    for _ in range(500):
        text = "".join(rng.choices(alphabet, k=rng.randint(0, 60)))
        counter, whole = WordCounter(), WordCounter()
        whole.add(text)
        for at in range(0, len(text), 3):
            counter.add(text[at : at + 3])
        assert (counter.count, counter.reader) == (whole.count, whole.reader) == (count_words(text), whole.reader)


def test_a_story_without_spaces_costs_the_same_early_and_late() -> None:
    counter = WordCounter()
    for _ in range(3000):
        counter.add("守灯人，")
        assert len(counter._tail) < 10
    assert (counter.count, counter.reader) == (3000, ReaderCount(0, 9000))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("。".join([CHINESE] * 10), "300 characters"),
        ("The keeper's lamp didn't burn; it's out, he'd said. " * 40, ""),
        ("Er kam 东京 und ging. " * 50, ""),
        ("他走了。" * 30 + "He left. " * 3, "90 characters and 6 words"),
        ("चौकीदार अपना दीपक लेकर बंदरगाह पर उतरा। " * 10, "70 words"),
        ("守灯人", ""),
    ],
)
def test_a_readers_count_is_told_where_it_is_far_from_the_papers(text: str, said: str) -> None:
    counter = WordCounter()
    counter.add(text)
    assert (counter.reader.said() if counter.reader.differs_from(counter.count) else "") == said


def test_ratio_is_generated_over_requested() -> None:
    assert length_ratio(7200, 10_000) == 0.72


# --- self-repetition -------------------------------------------------------------------------------------------------

SETTINGS = card.SELF_REPETITION


def naive(text: str) -> tuple[list[int], float]:
    """The published definition, looked up the long way: every 4-gram against a list of those before it."""
    tokens = [token.lower() for token in re.findall(r"\w+|[^\s]", text)]
    grams = [tokens[i : i + 4] for i in range(len(tokens) - 3)]
    repeated = sum(gram in grams[:i] for i, gram in enumerate(grams))
    near = sum(gram in grams[max(0, i - SETTINGS.window + 1) : i] for i, gram in enumerate(grams))
    lines = [line.strip() for line in text.splitlines() if line.strip() != ""]
    repeated_lines = sum(line in lines[:i] for i, line in enumerate(lines))
    g, n = (repeated / len(grams), near / len(grams)) if grams else (0.0, 0.0)
    excess = max(0.0, g - SETTINGS.hinge)
    penalty = SETTINGS.ngram_weight * (SETTINGS.global_share * excess + SETTINGS.local_share * n)
    penalty += SETTINGS.line_weight * (repeated_lines / len(lines) if lines else 0.0)
    return [len(grams), repeated, near, len(lines), repeated_lines], min(SETTINGS.cap, penalty)


def any_text(rng: random.Random) -> str:
    """Random tokens of a small or large vocabulary, or sentences that come again, with line breaks of every kind."""
    vocabulary = rng.choice(
        [list("ab .\n"), ["He", "he", "HE", "İ", "ΣΑΣ", "don't", "ß", "_", "…", "日本", "e\u0301"], [f"w{i}" for i in range(400)]]
    )
    sentence = [" ".join(rng.choices(vocabulary, k=rng.randint(1, 24))) for _ in range(rng.randint(1, 12))]
    ends = [" ", ". ", "\n", "\n\n", "\r\n", "  \n", "\n \n", "\x85", "\u2028", "\x0b", "\n# ", "\n\n### ", "&amp;", "* * *\n\n", ""]
    return "".join(rng.choice(sentence) + rng.choice(ends) for _ in range(rng.randint(0, 28)))


TEXTS = [any_text(random.Random(seed)) for seed in range(1000)]


def test_self_repetition_is_the_published_definition() -> None:
    for text in TEXTS:
        found, (counts, penalty) = self_repetition(text), naive(text)
        assert list(astuple(found)) == counts
        assert found.penalty == pytest.approx(penalty, abs=1e-12)
    worst = max(self_repetition(text).penalty for text in TEXTS)
    print(f"\n{len(TEXTS)} texts agree; penalties up to {worst:.2f}")
    assert worst > 0.9


def test_self_repetition_of_a_small_text_by_hand() -> None:
    found = self_repetition("One two, three\nOne two, three")
    # tokens: one two , three one two , three; of five 4-grams the last is the first again, and so is the second line
    assert found == SelfRepetition(ngrams=5, repeated=1, near=1, lines=2, repeated_lines=1)
    assert found.penalty == pytest.approx(0.8 * (0.7 * (1 / 5 - 0.08) + 0.3 * (1 / 5)) + 0.4 * (1 / 2))


@pytest.mark.parametrize(("apart", "near"), [(63, 1), (64, 0)])
def test_the_local_window_reaches_63_tokens_back(apart: int, near: int) -> None:
    text = "a b c d " + " ".join(f"w{i}" for i in range(apart - 4)) + " a b c d"
    assert (self_repetition(text).repeated, self_repetition(text).near) == (1, near)


def test_an_empty_story_repeats_nothing() -> None:
    assert self_repetition("").penalty == 0 and paragraph_heat("\n\n") == ()


# --- the map of a story ----------------------------------------------------------------------------------------------


def test_the_counts_of_a_maps_paragraphs_add_up_to_the_storys() -> None:
    for text in TEXTS:
        paragraphs = paragraph_heat(text)
        assert sum((p.repetition for p in paragraphs), SelfRepetition()) == self_repetition(text)
        assert all(0 <= p.heat <= 1 for p in paragraphs)


def test_what_comes_again_is_hot_and_what_is_new_is_cold() -> None:
    new = "He walked down to the harbour in the rain and waited for the last boat of the day."
    other = "Nobody had told her that this house would be so quiet, or so far from any road."
    first, pause, second, again, pause_again, title = paragraph_heat(f"{new}\n\n* * *\n\n{other}\n\n{new}\n\n* * *\n\n# {other}")
    assert first.heat == second.heat == 0 and again.heat > 0.8
    assert pause.heat == pause_again.heat == 0 and title.heat > 0.5


def test_a_map_takes_time_by_the_length_of_the_story() -> None:
    paragraphs = [" ".join(f"w{random.Random(i * j).randrange(3000)}" for j in range(80)) for i in range(400)]

    def seconds(count: int) -> float:
        text, taken = "\n\n".join(paragraphs[:count]), []
        for _ in range(4):
            start = time.thread_time()
            paragraph_heat(text)
            taken.append(time.thread_time() - start)
        return min(taken)

    assert seconds(400) < 20 * seconds(50)  # by the square it would be 64 times
