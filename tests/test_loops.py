"""A story that goes round in circles is noticed soon and cut where it was sound; a tale with refrains is left alone."""

import json
import random
import re
import statistics
import sys
import time
from functools import cache
from pathlib import Path

import pytest

from polaris_demo.story.loops import SPAN, Loop, LoopGuard, sound_end
from polaris_demo.story.measures import count_words

ROOT = Path(__file__).parent.parent
PROSE = ROOT.parent / "shared" / "data" / "prose.jsonl"
sys.path.insert(0, str(ROOT / "tools"))

from preview_grammar.grammar import make_story

REFRAIN = (
    "“Little goat, little goat,” sang the wind at the door, “give me your horn and your beard and the bell at your throat, or I blow.”"
)
SENTENCES = [
    "He walked to the window and looked at the rain.",
    "The clock on the wall struck another hour.",
    "She said nothing, and the fire went on burning.",
    "Somewhere below a door closed softly.",
]


def told(seed: int, words: int) -> str:
    """A story of the grammar that the miniature is trained on."""
    return make_story(random.Random(seed), words).text()


@cache
def sound_stories() -> list[str]:
    """Human stories where they are at hand, else stories of the grammar."""
    if PROSE.is_file():
        return [json.loads(line)["text"] for line in PROSE.read_text().splitlines()]
    return [told(seed, random.Random(seed).choice([900, 2000, 4000])) for seed in range(60)]


def verdict(text: str) -> Loop | None:
    return LoopGuard().feed(text)


# --- loops planted in sound stories ----------------------------------------------------------------------------------


def sentences(paragraph: str) -> list[str]:
    return re.split(r"(?<=[.!?”]) +", paragraph)


def drifted(rng: random.Random, text: str, rate: float, words: list[str]) -> str:
    """Some words exchanged, some left out, some put in."""
    out = []
    for word in text.split(" "):
        fate = rng.random()
        if fate < 0.6 * rate:
            out.append(rng.choice(words))
        elif fate < 0.8 * rate:
            out += [word, rng.choice(words)]
        elif fate >= rate:
            out.append(word)
    return " ".join(out)


def planted(rng: random.Random, story: str, kind: str, rate: float = 0.0) -> tuple[str, list[tuple[int, int]]]:
    """The story up to a passage that then goes round and round; where each round begins and ends."""
    paragraphs = story.split("\n\n")
    at = rng.choice([i for i, p in enumerate(paragraphs) if len(p.split()) >= (40 if kind == "paragraph" else 8)] or [len(paragraphs) - 1])
    head, passage, between = "".join(p + "\n\n" for p in paragraphs[:at]), paragraphs[at], "\n\n"
    if kind == "block":
        passage = "\n\n".join(paragraphs[at : at + rng.randint(2, 6)])
    elif kind in ("sentence", "phrase"):
        parts = sentences(passage)
        first = rng.choice([i for i, s in enumerate(parts) if len(s.split()) >= 4] or [0])
        head, passage, between = head + "".join(s + " " for s in parts[:first]), parts[first], rng.choice([" ", " ", "\n\n"])
    if kind == "phrase":
        passage = " ".join(passage.split()[: rng.randint(1, 6)])
    words, rounds, text = story.split(), [], head
    while len(rounds) < 5 or (count_words(text[rounds[2][1] :]) < 600 and len(rounds) < 600):
        text += between * bool(rounds)
        rounds.append((len(text), len(text) + len(passage)))
        text += passage
        passage = drifted(rng, passage, rate, words) or passage
    return text, rounds


def delay(text: str, rounds: list[tuple[int, int]]) -> int | None:
    """Words from the end of the third round to the guard's verdict; None where there is none, or before there was a loop."""
    loop = verdict(text)
    if loop is None or loop.end < rounds[1][0]:
        return None
    third = rounds[2][1]
    return count_words(text[third : loop.end]) or -count_words(text[loop.end : third])


KINDS = [("phrase", 0.0), ("sentence", 0.0), ("paragraph", 0.0), ("block", 0.0), ("sentence", 0.12), ("paragraph", 0.12), ("block", 0.08)]


@pytest.mark.parametrize(("kind", "rate"), KINDS)
def test_a_planted_loop_is_noticed_in_time(kind: str, rate: float) -> None:
    delays = []
    for i, story in enumerate(sound_stories()[KINDS.index((kind, rate)) % 2 :: 2]):
        delays.append(delay(*planted(random.Random(f"{kind} {rate} {i}"), story, kind, rate)))
    noticed = [d for d in delays if d is not None]
    caught = [d for d in noticed if d <= SPAN + 50]  # it goes round for SPAN words before it is one
    drift = f", {rate:.0%} of its words changing each time," if rate else ""
    print(f"\n{kind}{drift}: {len(caught)} of {len(delays)} in time, {statistics.median(noticed):.0f} words after the third round (median)")
    assert len(caught) >= 0.95 * len(delays)


@pytest.mark.parametrize(("kind", "rate"), [("sentence", 0.0), ("paragraph", 0.0), ("paragraph", 0.08)])
def test_what_is_kept_is_sound_and_hardly_less_than_all_of_it(kind: str, rate: float) -> None:
    too_much, lost = 0, []
    for i, story in enumerate(sound_stories()[::3]):
        text, rounds = planted(random.Random(i), story, kind, rate)
        loop = verdict(text)
        assert loop
        end = sound_end(text, loop)
        too_much += end > rounds[1][1]
        lost.append(count_words(text[end : rounds[0][1]]))
        assert text[:end] == text[:end].rstrip()
    print(f"\n{kind} at {rate}: {too_much} of {len(lost)} keep a round too many; at most {max(lost)} sound words given up")
    assert too_much <= 0.05 * len(lost) and max(lost) <= 400


# --- what is no loop -------------------------------------------------------------------------------------------------


def test_sound_stories_are_left_alone() -> None:
    alarms = [story[:40] for story in sound_stories() if verdict(story)]
    print(f"\n{len(alarms)} false alarms in {len(sound_stories())} {'human' if PROSE.is_file() else 'made-up'} stories")
    assert len(alarms) <= (1 if PROSE.is_file() else 0)


@pytest.mark.parametrize(("words", "count"), [(300, 30), (1000, 20), (4000, 10), (12_000, 5)])
def test_the_miniatures_grammar_is_left_alone(words: int, count: int) -> None:
    assert not [seed for seed in range(count) if verdict(told(seed, words))]


def test_a_refrain_is_no_loop() -> None:
    parts = told(5, 2000).split("\n\n")
    assert len(parts) > 20
    assert verdict("\n\n".join(f"{part}\n\n{REFRAIN}" if i % 2 else part for i, part in enumerate(parts))) is None


@pytest.mark.parametrize("seed", range(6))
def test_a_long_letter_read_out_again_is_no_loop(seed: int) -> None:
    letter = told(seed, 300)
    assert count_words(letter) > 200
    assert verdict("\n\n".join([told(10 + seed, 300), letter, told(20 + seed, 500), letter, told(30 + seed, 300)])) is None


def test_three_words_that_come_again_by_chance_do_not_make_a_loop_of_a_letter() -> None:
    letter, between = " ".join(f"w{i}" for i in range(200)), " ".join(f"x{i}" for i in range(60))
    text = f"{letter} {between} {letter} she took the old ferry home past the old ferry and slept"
    assert verdict(text) is None
    assert verdict(f"{text} {between} {letter} {between} {letter}")


def test_an_insisting_voice_and_a_ruled_line_are_no_loops() -> None:
    assert (
        verdict("“Row, row, row,” they sang, and " + "row, " * 25 + "they came home.\n\n" + "-" * 80 + "\n\nNever, never, never!") is None
    )


# --- loops of other kinds --------------------------------------------------------------------------------------------

ENDLESS = {
    "a word": "and " * 400,
    "a mark": "!" * 400,
    "a letter": "a" * 4000,
    "a syllable": "hahaha" * 700,
    "blanks": "\n" * 3000,
    "a Chinese character": "的" * 400,
    "a Chinese sentence": "他慢慢地走进了那间黑暗的房间，看见窗边坐着一位老人。" * 20,
    "a counted sentence": " ".join(f"On day {n} he went down to the harbour and counted the boats that had come home." for n in range(40)),
    "sentences in any order": " ".join(random.Random(4).choices(SENTENCES, k=60)),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_every_kind_of_loop_is_noticed(name: str) -> None:
    sound = told(1, 300)
    text = f"{sound}\n\n{ENDLESS[name]}"
    loop = verdict(text)
    assert loop and len(sound) <= loop.start < loop.end < len(text)
    assert sound_end(text, loop) == len(sound)
    assert loop.message


@pytest.mark.parametrize(
    ("sound", "kept"),
    [
        ("One.\n\nTwo.\n\n", "One.\n\nTwo."),
        ("One.\n\nTwo, begun", "One."),
        ("One. Two, begun", "One."),
        ("“One.” Two, begun", "“One.”"),
        ("One.\n\n" + "Word after word. " * 100 + "Two, begun", "One.\n\n" + ("Word after word. " * 100).strip()),
        ("One two", "One two"),
        ("他来了。她也来了，", "他来了。"),
        ("# Title\n\nOne.\n\n## II. Home\n\n", "# Title\n\nOne."),
        ("One.\n\n* * *\n\n", "One."),
        ("# Title\n\n", "# Title"),
        ("", ""),
    ],
)
def test_the_end_is_that_of_a_paragraph_or_a_sentence(sound: str, kept: str) -> None:
    assert (sound + "again and again")[: sound_end(sound + "again and again", Loop(len(sound), len(sound) + 15, 2))] == kept


def test_how_the_text_is_cut_does_not_matter() -> None:
    rng = random.Random(2)
    for i, story in enumerate(sound_stories()[:12]):
        text = planted(rng, story, ["sentence", "paragraph"][i % 2], 0.05)[0]
        if i >= 8:
            text = "नमस्ते 他来了， caf\u0301e    \n\n\n\n\n\n" + list(ENDLESS.values())[i - 6]
        whole, guard, at = verdict(text), LoopGuard(), 0
        while at < len(text):
            size = rng.choice([1, 2, 5, 40])
            guard.feed(text[at : at + size])
            at += size
        assert whole and guard.loop == whole


UNSPACED = [chr(random.Random(i).randrange(0x4E00, 0x9000)) for i in range(16_000)]


@pytest.mark.parametrize("pieces", [re.findall(r"\s*\S{1,4}", told(3, 12_000)), UNSPACED], ids=["a story", "a story without blanks"])
def test_a_late_word_costs_what_an_early_one_did(pieces: list[str]) -> None:
    early, late = [], []
    for _ in range(8):
        guard = LoopGuard()
        for bounds, times in (((0, 1000), None), ((1000, 2000), early), ((2000, 14_000), None), ((14_000, 15_000), late)):
            start = time.thread_time()
            for piece in pieces[slice(*bounds)]:
                guard.feed(piece)
            if times is not None:
                times.append(time.thread_time() - start)
        assert guard.loop is None
    print(f"\na piece at 1,000: {min(early) * 1e3:.1f} µs, at 14,000: {min(late) * 1e3:.1f} µs")
    assert min(late) < 4 * min(early)
