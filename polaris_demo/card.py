"""The model card of POLARIS-9B as data: the only home of its ranges, defaults, results, limits and citation.

Every figure carries where it was read: the card itself, the authors' repository (code, configuration, gate), or the cards of the
sibling models. Nothing here is the app's own choice; those live in story/request.py.
"""

from dataclasses import dataclass
from enum import Enum


class Source(Enum):
    """Where a figure was read."""

    CARD = "the model card of POLARIS-9B"
    CODE = "the authors’ repository, github.com/RishanthRajendhran/POLARIS, June 2026"
    SIBLINGS = "the cards of the sibling models"
    GATE = "the gate of POLARIS-9B on the hub, as a mirror of its card’s revision a297c82 has it"


NON_COMMERCIAL = "gate allows non-commercial use only"  # a box to tick there; the licence is "other" (card), its text unknown


@dataclass(frozen=True)
class Model:
    name: str
    hub_id: str
    base: str
    ablation: str
    prompts: str
    code: str
    stories: str
    arxiv: str
    licence: str
    source: Source = Source.CARD


MODEL = Model(
    name="POLARIS-9B",
    hub_id="rishanthrajendhran/POLARIS-9B",
    base="Qwen/Qwen3.5-9B",
    ablation="rishanthrajendhran/POLARIS-no-HRI-9B",
    prompts="rishanthrajendhran/POLARIS",
    code="https://github.com/RishanthRajendhran/POLARIS",
    stories="https://storyeval.com",
    arxiv="2606.04095",
    licence=f"other; its {NON_COMMERCIAL}",
)
TITLE = "POLARIS: Guiding Small Models to Write Long Stories"
AUTHORS = ("Rishanth Rajendhran", "Jenna Russell", "Mohit Iyyer", "John Frederick Wieting")
# What the name stands for (authors' repository).
NAME_IN_FULL = "Policy Optimization with LLM-as-a-judge rewards and Anchored-Reference Injection for Storywriting"


@dataclass(frozen=True)
class Revision:
    """How old the figures are. The card states no date; a mirror of it and the authors' code have revisions."""

    read: str
    card: str
    code: str
    code_date: str


REVISION = Revision(read="23 November 2026", card="a297c82", code="50177c18", code_date="2 June 2026")


@dataclass(frozen=True)
class Setting:
    """A generation setting: the range the card recommends, the value its example uses, and what it says of it."""

    low: float
    high: float
    value: float
    note: str = ""
    source: Source = Source.CARD

    def recommends(self, value: float) -> bool:
        return self.low <= value <= self.high

    def range(self) -> str:
        decimals = max(len(f"{end:g}".partition(".")[2]) for end in (self.low, self.high))  # "0.4–1.0"
        return "–".join(dict.fromkeys(f"{end:.{decimals}f}" for end in (self.low, self.high)))


SETTINGS = {
    "temperature": Setting(0.4, 1.0, 0.6, "0.4–0.6 for long stories"),
    "top_p": Setting(0.95, 0.95, 0.95),
    "top_k": Setting(20, 20, 20),
    "repetition_penalty": Setting(1.0, 1.10, 1.10, "never together with the presence penalty"),
    "presence_penalty": Setting(0.0, 1.5, 0.0, "never together with the repetition penalty"),
}


@dataclass(frozen=True)
class Preset:
    """Settings that belong together: field -> value."""

    name: str
    about: str
    values: dict[str, float]
    source: Source = Source.CARD


_EXAMPLE = {name: setting.value for name, setting in SETTINGS.items()}
PRESETS = {
    "card": Preset("The card", "The values of the model card’s own example.", _EXAMPLE),
    "long": Preset("Long form", "Cooler, in the middle of what the card recommends for long stories.", _EXAMPLE | {"temperature": 0.5}),
    "rollouts": Preset(
        "Training", "What the paper’s training drew its stories with: hotter, more varied.", _EXAMPLE | {"temperature": 1.0}, Source.CODE
    ),
}
LONG_TARGET_WORDS, LONG_TARGET_MIN_TOKENS = 8000, 14336  # the least for targets of 8–12k words, thinking included
# Training limits (authors' code): longer prompts were filtered out, longer thinking was penalised.
TRAINED_PROMPT_TOKENS = 256
THINKING_SOFT_CAP = 3072
TRAINED_WORDS = (1000, 4000)


@dataclass(frozen=True)
class Evaluation:
    """Who judged, over how much, and what to keep in mind when reading the figures."""

    judge: str
    sample: str
    remark: str
    source: Source = Source.CARD


@dataclass(frozen=True)
class StoryQuality:
    """A model's Story Quality and length ratio at 1–4k, 4–8k and 8–12k requested words; None where no card has it."""

    model: str
    scores: tuple[float, float, float]
    ratios: tuple[float | None, float | None, float]
    source: Source = Source.CARD


# No percentage: the scale runs over STORY_QUALITY_SCALE.
STORY_QUALITY = (
    StoryQuality("POLARIS-9B", (57.4, 48.2, 44.1), (0.99, 0.87, 0.72)),
    StoryQuality("Qwen3.5-27B", (51.5, 38.7, 24.6), (None, None, 0.82)),
    StoryQuality("Qwen3.5-9B (base)", (35.1, 8.7, -11.8), (1.09, 0.96, 0.88)),
    StoryQuality("Gemma 4 31B", (53.9, 49.7, 47.1), (None, None, 0.36)),
    StoryQuality("POLARIS-no-HRI-9B", (56.5, 47.0, 37.7), (0.94, 0.86, 0.70), Source.SIBLINGS),
)
STORY_QUALITY_SCALE = (-159, 108)
STORY_QUALITY_PROMPTS = 180
STORY_QUALITY_EVALUATION = Evaluation(
    judge="GPT-5.4",
    sample=f"{STORY_QUALITY_PROMPTS} held-out prompts",
    remark="Story Quality is no percentage: points given and taken by a rubric, "
    f"from −{-STORY_QUALITY_SCALE[0]} to {STORY_QUALITY_SCALE[1]}.",
)


@dataclass(frozen=True)
class LengthBucket:
    """A range of requested lengths in words, and generated words / requested words for each model measured."""

    low: int
    high: int
    zone: str
    ratios: dict[str, float]
    source: Source = Source.SIBLINGS

    def label(self) -> str:
        return f"{self.low // 1000}–{self.high // 1000}k"


def _ratios(index: int) -> dict[str, float]:
    """Every known ratio of one bucket, by the model's name on the hub."""
    known = {row.model.removesuffix(" (base)"): row.ratios[index] for row in STORY_QUALITY}
    return {model: ratio for model, ratio in known.items() if ratio is not None}


LENGTH_BUCKETS = (
    LengthBucket(1000, 4000, "as trained", _ratios(0)),
    LengthBucket(4000, 8000, "near", _ratios(1)),
    LengthBucket(8000, 12000, "far", _ratios(2)),
)


def bucket(words: int) -> LengthBucket | None:
    """The measured bucket a request of `words` falls into; None below the shortest."""
    return next((b for b in reversed(LENGTH_BUCKETS) if words >= b.low), None)


@dataclass(frozen=True)
class Band:
    """Lengths that score full marks around a target of `words`: a share of it to either side, in whole words, and at least so many."""

    share: float
    least: int
    source: Source = Source.CODE

    def around(self, words: int) -> tuple[int, int]:
        room = max(int(self.share * words), self.least)  # cut to whole words, as the paper's code does
        return max(0, words - room), words + room


EVALUATION_BAND = Band(0.10, 50)
WORD_PATTERN = r"\w+"  # words as the paper's code counts them; below, the sentence its evaluation reads the target from
TARGET_SENTENCE = "Your {noun} should be approximately {words} words long."
TARGET_PATTERN = r"(?P<word_count>\d+)\s+words\s+long"  # how its code finds it, the first match counting


@dataclass(frozen=True)
class SelfRepetition:
    """The reward's penalty on repeated 4-grams and lines (main training configuration)."""

    ngram: int = 4
    window: int = 64
    hinge: float = 0.08
    ngram_weight: float = 0.8
    line_weight: float = 0.4
    global_share: float = 0.7
    local_share: float = 0.3
    cap: float = 1.5
    source: Source = Source.CODE


SELF_REPETITION = SelfRepetition()


@dataclass(frozen=True)
class Form:
    """A kind of writing the card names, and whether it calls the model weaker there."""

    name: str
    noun: str
    about: str
    weaker: bool = False
    source: Source = Source.CARD


FORMS = (
    Form("short story", "story", "story about"),
    Form("flash fiction", "story", "piece of flash fiction about"),
    Form("scene", "scene", "scene about"),
    Form("novel chapter", "chapter", "novel chapter about"),
    Form("fan fiction", "story", "fan fiction story about"),
    Form("character portrait", "portrait", "character portrait of"),
    Form("podcast script", "script", "podcast script about"),
    Form("essay", "essay", "essay about", weaker=True),
    Form("book review", "review", "book review of", weaker=True),
    Form("biography", "biography", "biography of", weaker=True),
)


@dataclass(frozen=True)
class Elo:
    rank: int
    model: str
    elo: int
    source: Source = Source.CARD


# Pairwise Elo on EQ-Bench Creative. The card lists no rank 8.
ELO = (
    Elo(1, "GPT-5.4", 1911),
    Elo(2, "Claude Opus 4.6", 1783),
    Elo(3, "POLARIS-9B", 1661),
    Elo(4, "Gemini 3.1 Pro", 1627),
    Elo(5, "Gemini 3 Flash", 1620),
    Elo(6, "Gemma 4 31B", 1514),
    Elo(7, "Qwen3.5-27B", 1503),
    Elo(9, "Qwen3.5-9B (base)", 1352),
)
ELO_EVALUATION = Evaluation(
    judge="Gemini 3 Flash, every pair in both orders",
    sample="EQ-Bench Creative; the card gives no number",
    remark="Gemini 3 Flash also gave POLARIS-9B its reward in training, and is itself on the list.",
)


@dataclass(frozen=True)
class HumanPreference:
    """Share of blinded pairs, in per cent, that annotators gave to POLARIS-9B, with its 95 % interval."""

    against: str
    wins: float
    low: float
    high: float
    source: Source = Source.CARD


HUMAN_PREFERENCES = (HumanPreference("Qwen3.5-9B", 67.5, 55.0, 80.0), HumanPreference("Qwen3.5-27B", 51.2, 38.8, 58.8))
HUMAN_EVALUATION = Evaluation(
    judge="two annotators, blinded",
    sample="60 prompt–generation pairs",
    remark="Annotators most often praised atmosphere, voice and how scenes are realised.",
)


@dataclass(frozen=True)
class Training:
    """How POLARIS-9B was made from its base."""

    method: str = "GRPO"
    pairs: int = 1388
    anthologies: int = 100
    longest_reference_words: int = 4000
    steps: int = 160
    groups: int = 8
    rollouts: int = 5
    references: int = 1
    judge: str = "Gemini 3 Flash"
    hardware: str = "4 × A100 80GB"
    hours: int = 48
    compute_dollars: int = 400
    judging_dollars: int = 60
    source: Source = Source.CARD


TRAINING = Training()

INTENDED_USE = (
    "Long stories: short stories, flash fiction, scenes.",
    "Other creative writing: essays, book reviews, podcast scripts and the like.",
    "Strongest, within WritingBench, close to its training: character design, fan fiction, novel manuscripts, podcast scripts.",
)
OUT_OF_SCOPE = (
    "Factual writing where correctness matters.",
    "Legal, medical or financial content.",
    "Reproducing or recovering the stories it was trained on.",
)
LIMITATIONS = (
    "Overloaded style: too much detail, jargon or imagery; annotators flagged it repeatedly.",
    "Local incoherence: contradicting details and confusing transitions, more so in longer stories.",
    "Stories of 8,000–12,000 words come out shorter than asked.",
    "Weaker away from narrative: biography, essays, book reviews.",
    "One training run; how much another seed would change is not known.",
)
GATE = (  # access for researchers: the authors' repository; what they agree to: the gate
    "The weights are gated: researchers ask for access on the hub and agree not to share the model, not to extract the "
    "stories it was trained on, and to use it for non-commercial purposes only."
)

CITATION = """@misc{rajendhran2026polarisguidingsmallmodels,
      title={POLARIS: Guiding Small Models to Write Long Stories},
      author={Rishanth Rajendhran and Jenna Russell and Mohit Iyyer and John Frederick Wieting},
      year={2026},
      eprint={2606.04095},
      archivePrefix={arXiv},
      primaryClass={cs.CL},
      url={https://arxiv.org/abs/2606.04095},
}"""
