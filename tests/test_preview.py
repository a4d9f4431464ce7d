"""The bundled miniature: what is in its folder, that its training can be repeated, and what its grammar makes."""

import json
import random
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoConfig

ROOT = Path(__file__).parent.parent
PREVIEW = ROOT / "polaris_demo" / "preview"
sys.path.insert(0, str(ROOT / "tools"))

from preview_grammar import grammar
from preview_grammar import words as word_lists


def test_everything_in_the_folder_weighs_at_most_10_mb() -> None:
    assert sum(file.stat().st_size for file in PREVIEW.rglob("*")) <= 10_000_000
    assert not list(PREVIEW.glob("*.py")) and (PREVIEW / "model.safetensors").is_file()


def test_it_has_the_architecture_of_the_real_model() -> None:
    config = AutoConfig.from_pretrained(PREVIEW)
    assert config.architectures == ["Qwen3_5ForCausalLM"]
    assert set(config.layer_types) == {"linear_attention", "full_attention"}


def test_settings_and_losses_are_committed_beside_the_weights() -> None:
    report = json.loads((PREVIEW / "training.json").read_text())
    assert {"seed", "steps", "lr", "muon_lr", "z_weight"} <= set(report["settings"])
    losses = [loss for _, loss in report["losses"]]
    assert report["losses"][-1][0] == report["settings"]["steps"] and losses[-1] < losses[0] / 5


IN_SMALL = """
import sys
sys.path.insert(0, "tools")
import train_preview
train_preview.STORIES = 200
train_preview.SHAPES = tuple((length, 2) for length, _ in train_preview.SHAPES)
train_preview.main()
"""


@pytest.mark.slow
def test_the_same_seed_trains_the_same_model(tmp_path: Path) -> None:
    """In two processes, so that nothing hangs on the order of a set; by a smaller vocabulary's text and smaller batches."""
    outs = [tmp_path / "a", tmp_path / "b"]
    command = [sys.executable, "-c", IN_SMALL, "--steps", "2", "--save-every", "2", "--threads", "1", "--out"]
    runs = [subprocess.Popen([*command, str(out)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for out in outs]
    try:
        assert [run.wait(timeout=300) for run in runs] == [0, 0]
    finally:
        for run in runs:
            run.kill()
    weights = [(out / "model.safetensors").read_bytes() for out in outs]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("words", [200, 500, 1000, 4000, 12_000])
def test_the_grammar_keeps_to_the_length_asked_for(words: int) -> None:
    rng = random.Random(words)
    ratios = [grammar.count_words(grammar.make_story(rng, words).text()) / words for _ in range(12)]
    assert 0.85 < statistics.mean(ratios) < 1.15


def test_a_plan_names_every_part_the_story_has() -> None:
    story = grammar.make_story(random.Random(1), 1500)
    headings = [line.removeprefix("## ") for line in story.text().splitlines() if line.startswith("## ")]
    planned = [line.split(":")[0] for line in story.thinking().splitlines()[-len(headings) :]]
    assert headings == planned and len(headings) > 3


def test_every_slot_of_the_grammar_is_filled() -> None:
    rng = random.Random(2)
    text = "".join(s.text() + s.prompt + s.thinking() for s in (grammar.make_story(rng, 2000) for _ in range(60)))
    assert not set("{}[]|") & set(text)
    assert " a a" not in text and " an b" not in text


def test_a_lead_keeps_one_name_and_the_friend_the_other_pronoun() -> None:
    rng = random.Random(3)
    for _ in range(200):
        cast = grammar.make_story(rng, 300, want=set()).plan.cast
        assert {cast["s"], cast["cs"]} == {"she", "he"} and cast["N"] != cast["C"]
        if cast["C"] in word_lists.WOMEN:
            assert cast["cs"] == "she"


def test_held_out_premises_are_not_from_the_grammar() -> None:
    held_out = {line.lower() for line in (ROOT / "tools" / "preview_premises.txt").read_text().splitlines()}
    rng = random.Random(4)
    made = {grammar.make_story(rng, 100, want=set()).premise.lower() for _ in range(5000)}
    assert len(held_out) == 100 and not held_out & made


@pytest.mark.slow
def test_the_miniature_holds_its_bars_on_held_out_premises(tmp_path: Path) -> None:
    """48 of the hundred premises at 200-1,000 words, 6 each at 2,000 and 4,000; the tool's own run takes all of them."""
    import eval_preview

    premises = (ROOT / "tools" / "preview_premises.txt").read_text().splitlines()
    asked = [(premise, eval_preview.SHORT[i % len(eval_preview.SHORT)]) for i, premise in enumerate(premises[:48])]
    asked += [(premise, words) for words in (2000, 4000) for premise in premises[48:54]]
    _, rows = eval_preview.measure([(seed, premise, words) for seed, (premise, words) in enumerate(asked)], 1, tmp_path)
    bars = eval_preview.summary(rows)
    print(*(f"\n{name}: {bar['measured']} (bar {bar['bar']})" for name, bar in bars.items()))
    assert all(bar["holds"] for bar in bars.values())
