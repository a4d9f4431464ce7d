"""Where memory ends, the youngest stories of a batch rest; and how many share one is chosen by what is free."""

import functools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

from polaris_demo.engine import lanes as module
from polaris_demo.engine.batch import Batch
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.lanes import Lanes, NoRoom, Story
from polaris_demo.engine.loading import SMALL_BYTES, choose_lanes, lane_bytes
from polaris_demo.engine.local import NO_ROOM, LocalEngine
from polaris_demo.engine.run import Run
from polaris_demo.settings import Settings, SettingsError, read_settings
from polaris_demo.story.events import Delta, Finish, Resume
from polaris_demo.story.request import SamplingParams

from .lane_runs import BUCKETS, by_itself, drained, runs
from .test_local import asked
from .tiny import tiny_model


@pytest.fixture(scope="module")
def tiny() -> Qwen3_5ForCausalLM:
    return tiny_model(96)


@pytest.fixture(scope="module")
def alone(tiny: Qwen3_5ForCausalLM) -> Callable[[int], list[int]]:
    """What the plain loop makes of one of the runs; each once, however many are held against it."""
    return functools.cache(lambda number: by_itself(tiny, runs()[number]))


# --- memory ----------------------------------------------------------------------------------------------------------


class Small:
    """A memory that holds so many columns of all rows of one batch."""

    def __init__(self, columns: int) -> None:
        self.columns = columns

    def __call__(self, model: Any, sampler: Any, rows: int, length: int, capture: Any = None) -> Batch:
        if rows * length > self.columns:
            raise torch.OutOfMemoryError(f"no room for {rows} times {length}")
        return Batch(model, sampler, rows, length, capture)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    memory = Small(4 * 96)
    monkeypatch.setattr(module, "Batch", memory)
    monkeypatch.setattr(module.torch.cuda, "empty_cache", lambda: None)
    yield memory


def test_where_a_longer_batch_does_not_fit_the_youngest_rest_and_the_others_go_on(
    tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]], small: Small
) -> None:
    lanes = Lanes(tiny, 4, BUCKETS, lambda step: step)
    numbers = [n for n, run in enumerate(runs()) if len(run.prompt) == 70][:1] + [
        n for n, run in enumerate(runs()) if len(run.prompt) < 20
    ][:3]
    stories = [Story(runs()[n], threading.Event()) for n in numbers]  # the first outgrows 96 columns
    for story in stories:
        lanes.join(story)
    while not lanes.idle:
        lanes.turn()
    ends, tokens = [], []
    for story in stories:
        *said, last = drained(story)
        ends.append(type(last))
        tokens.append([int(event) for event in said if isinstance(event, int)])
    assert ends[0] is type(None) and Counter(ends)[NoRoom] >= 2 and lanes.most < 4
    for number, told, end in zip(numbers, tokens, ends, strict=True):
        assert told == alone(number)[: len(told)] and (end is NoRoom or told == alone(number))


def test_a_prompt_that_does_not_fit_fails_alone(
    tiny: Qwen3_5ForCausalLM, alone: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = module.forward

    def full(model: Any, ids: torch.Tensor, cache: Any) -> torch.Tensor:
        if int(ids[0, 0]) == 95:
            raise torch.OutOfMemoryError("no room for this prompt")
        return forward(model, ids, cache)

    monkeypatch.setattr(module, "forward", full)
    decoder = Decoder(tiny, BUCKETS, plain=False, lanes=4)
    with ThreadPoolExecutor(4) as pool:
        fails = pool.submit(lambda: list(decoder.tokens(Run([95, 11], (), SamplingParams(), 1, 9), threading.Event())))
        others = list(pool.map(lambda n: [int(e) for e in decoder.tokens(runs()[n], threading.Event()) if isinstance(e, int)], range(3)))
    assert isinstance(fails.exception(), torch.OutOfMemoryError) and others == [alone(n) for n in range(3)]


def test_a_story_that_gives_way_rests_and_can_be_gone_on_with(miniature: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LocalEngine(miniature._model, miniature._chat, miniature._writer, lanes=2)

    def tokens(run: Run, stop: threading.Event) -> Iterator[Any]:
        yield 300
        raise NoRoom

    monkeypatch.setattr(engine._decoder, "tokens", tokens)
    *said, last = engine.write(asked(), Resume(), threading.Event())
    assert engine.status().capacity == 2
    engine._decoder._lanes.most = 1
    assert engine.status().capacity == 1  # so that who comes next waits where it is told of
    assert last == Finish("pause", NO_ROOM) and any(isinstance(event, Delta) for event in said)


# --- how many --------------------------------------------------------------------------------------------------------

LANE, FREE = 1_260_000_000, 60 * 2**30


@pytest.mark.parametrize(
    ("settings", "precision", "free", "count", "why"),
    [
        (Settings(), "bf16", FREE, 8, "60 GiB of GPU memory are left"), (Settings(), "bf16", 6 * 2**30, 2, "the longest story takes 1.2"),
        (Settings(), "bf16", 2**30, 1, "1 GiB"), (Settings(), "4bit", FREE, 1, "one at a time"), (Settings(lanes=3), "4bit", FREE, 3, "POLARIS_LANES"),
        (Settings(zerogpu=True, lanes=4), "4bit", 0, 1, "ZeroGPU"), (Settings(plain_loop=True), "bf16", FREE, 1, "plain"),
        (Settings(), "bf16", 0, 2, "CPU"),
    ],
)  # fmt: skip
def test_how_many_and_why(settings: Settings, precision: str, free: int, count: int, why: str) -> None:
    found, reason = choose_lanes(settings, precision, LANE, free)
    assert found == count and why in reason


def test_a_lane_of_the_full_size_takes_what_was_measured(miniature: LocalEngine) -> None:
    full = Qwen3_5TextConfig(num_key_value_heads=4, head_dim=256, num_hidden_layers=32)
    assert lane_bytes(full, 2) == pytest.approx(1.2e9, rel=0.08)
    assert 8 * lane_bytes(miniature._model.config, 4) < SMALL_BYTES


def test_the_setting_is_read() -> None:
    assert (
        read_settings({}).lanes == read_settings({"POLARIS_LANES": "auto"}).lanes == 0 and read_settings({"POLARIS_LANES": "4"}).lanes == 4
    )
    for wrong in ("0", "9", "many"):
        with pytest.raises(SettingsError, match="it takes auto, 1, 2, 3, 4, 5, 6, 7, 8"):
            read_settings({"POLARIS_LANES": wrong})
