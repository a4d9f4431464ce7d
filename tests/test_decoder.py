"""The token loop against the library's generate(): both its ways, its stops, its cuts, and what a CUDA graph needs."""

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import DynamicCache, Qwen3_5ForCausalLM, Qwen3_5TextConfig

from polaris_demo.engine import decoder as plain
from polaris_demo.engine import lanes
from polaris_demo.engine.batch import Batch, Step
from polaris_demo.engine.closing import Closing
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.lanes import PREFILL_CHUNK
from polaris_demo.engine.run import Run, Stopped
from polaris_demo.engine.sampling import Sampler
from polaris_demo.story.events import Progress
from polaris_demo.story.request import SamplingParams

from .doubles import until
from .tiny import tiny_model

THINK_START, THINK_END = 4087, 4088
CLOSING = Closing(12, (198, THINK_END, 263), THINK_START, THINK_END, frozenset({198, 263, 357}))  # of the miniature: 357 is ".\\n"
GREEDY = SamplingParams(temperature=0, repetition_penalty=1.0)
SMALL = (64, 128, 1024, 2048)  # buckets small enough to be outgrown in a test


@pytest.fixture(scope="module")
def tiny() -> Qwen3_5ForCausalLM:
    return tiny_model()


@pytest.fixture(scope="module", params=["growing", "fixed"])
def decoder(request: pytest.FixtureRequest, tiny: Qwen3_5ForCausalLM) -> Decoder:
    return Decoder(tiny, SMALL, plain=request.param == "growing")


def tokens(decoder: Decoder, run: Run) -> list[int]:
    return [e for e in decoder.tokens(run, threading.Event()) if isinstance(e, int)]


def writes(seed: int = 3, limit: int = 100) -> Run:
    """Through two of the small buckets and into a third."""
    return Run(list(range(300, 340)), (), SamplingParams(temperature=0.8), seed, limit)


@pytest.fixture(scope="module")
def drawn(tiny: Qwen3_5ForCausalLM) -> Callable[[int], list[int]]:
    """What the plain loop draws of a seed; each seed once, however many are held against it."""
    by_itself = Decoder(tiny, SMALL, plain=True)
    return functools.cache(lambda seed: tokens(by_itself, writes(seed)))


@pytest.fixture(scope="module")
def generated(tiny: Qwen3_5ForCausalLM) -> Callable[[int, float], tuple[list[int], list[int]]]:
    """A prompt of so many tokens, and what the library's greedy generate() makes of it; each once, for both loops."""

    @functools.cache
    def generate(length: int, penalty: float) -> tuple[list[int], list[int]]:
        torch.manual_seed(length)
        prompt = torch.randint(300, 4000, (1, length))
        written = tiny.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=24, do_sample=False, repetition_penalty=penalty,
            eos_token_id=None, pad_token_id=0, temperature=None, top_p=None, top_k=None,
        )  # fmt: skip
        return prompt[0].tolist(), written[0, length:].tolist()

    return generate


@pytest.mark.parametrize("length", [1, 2, 5, 37, 64, 90, 513, 1100])
@pytest.mark.parametrize("penalty", [1.0, 1.2])
def test_greedy_is_the_librarys_token_for_token(
    decoder: Decoder,
    generated: Callable[[int, float], tuple[list[int], list[int]]],
    length: int,
    penalty: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prompt, expected = generated(length, penalty)
    for chunk, count in ((2048, 24), (length // 3 + 1, 8)):
        monkeypatch.setattr(lanes, "PREFILL_CHUNK", chunk)
        run = Run(prompt, (), SamplingParams(temperature=0, repetition_penalty=penalty), 0, count)
        assert tokens(decoder, run) == expected[:count], f"read {chunk} tokens at a time"


@pytest.fixture(scope="module")
def uncut(decoder: Decoder) -> list[int]:
    return tokens(decoder, Run(list(range(300, 340)), (), SamplingParams(temperature=1.0), 3, 100))


@pytest.mark.parametrize("segments", [2, 7, 30])
def test_a_run_cut_into_segments_draws_the_same_tokens(decoder: Decoder, uncut: list[int], segments: int) -> None:
    prompt, params = list(range(300, 340)), SamplingParams(temperature=1.0)
    done: list[int] = []
    for i in range(segments):
        done += tokens(decoder, Run(prompt, tuple(done), params, 3, 100 * (i + 1) // segments))
    assert done == uncut and len(uncut) == 100


def test_both_ways_draw_the_same_tokens_across_buckets(tiny: Qwen3_5ForCausalLM, drawn: Callable[[int], list[int]]) -> None:
    fixed = Decoder(tiny, SMALL, plain=False)
    for seed in range(4):
        assert tokens(fixed, writes(seed)) == drawn(seed)


def test_thinking_is_closed_at_its_budget_and_only_there(decoder: Decoder) -> None:
    params, free = SamplingParams(temperature=1.0), tokens(decoder, Run([300, 301], (), SamplingParams(temperature=1.0), 1, 30))
    assert THINK_END not in free
    closed = tokens(decoder, Run([300, 301], (), params, 1, 30, CLOSING))
    assert closed[:12] == free[:12] and closed[12:15] == [198, THINK_END, 263] and THINK_END not in closed[15:]
    for cut in (*range(11, 17), 20):
        assert tokens(decoder, Run([300, 301], tuple(closed[:cut]), params, 1, 30, CLOSING)) == closed[cut:]
    early = tokens(decoder, Run([300, 301], (*free[:5], THINK_END), params, 1, 30, CLOSING))
    assert THINK_END not in early
    after_a_break = tokens(decoder, Run([300, 301], (*free[:11], 357), params, 1, 30, CLOSING))
    assert after_a_break[:2] == [THINK_END, 263]
    taken_up = tokens(decoder, Run([300, 301], (*closed[:20], THINK_START), params, 1, 30, CLOSING))
    assert taken_up[:3] == [198, THINK_END, 263]


def test_reading_a_long_prompt_can_be_stopped(decoder: Decoder) -> None:
    stop, seen, total = threading.Event(), [], PREFILL_CHUNK * 3
    with pytest.raises(Stopped):
        for event in decoder.tokens(Run([300] * total, (), GREEDY, 0, 10), stop):
            seen.append(event)
            if event == Progress("reading", PREFILL_CHUNK, total):
                stop.set()
    assert seen[0] == Progress("reading", 0, total)
    assert seen[-1].done <= 2 * PREFILL_CHUNK, "who reads for several may be a chunk ahead"


def test_writing_stops_after_the_token_at_hand(decoder: Decoder) -> None:
    for after in (1, 7, 30):
        stop, seen = threading.Event(), []
        for event in decoder.tokens(Run([300] * 40, (), GREEDY, 0, 100), stop):
            if isinstance(event, int):
                seen.append(event)
                if len(seen) == after:
                    stop.set()
        assert len(seen) == after


class _Watch(TorchDispatchMode):
    """Notes every operation that would make a GPU wait for the host, whose shape depends on values, or that touches the CPU."""

    SYNC = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "item", "is_nonzero", "equal")

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.on_cpu: list[str] = []
        self.calls = 0

    def __torch_dispatch__(self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None):
        self.calls += 1
        if any(name in str(func) for name in self.SYNC):
            self.waits.append(str(func))
        result = func(*args, **(kwargs or {}))
        if any(leaf.device.type == "cpu" for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)):
            self.on_cpu.append(str(func))
        return result


@pytest.fixture(scope="module")
def batch(tiny: Qwen3_5ForCausalLM) -> Batch:
    return Batch(tiny, Sampler(4096, rows=2), 2, 64)


def begin(batch: Batch, seed: int = 1, closing: Closing | None = None) -> None:
    """A story in every row, of two tokens that were read and one that was drawn."""
    for row in range(batch.rows):
        batch._every.part(row, row + 1).start(SamplingParams(temperature=1.0 + seed / 10), seed, [300, 301 + seed], (), closing)
        cache = DynamicCache(config=batch._model.config)
        lanes.forward(batch._model, torch.tensor([[300, 301 + seed]]), cache)
        batch.place(row, cache, torch.tensor([[5]]), 2)


def test_the_step_a_graph_captures_waits_for_no_value(batch: Batch) -> None:
    begin(batch, closing=CLOSING)
    with _Watch() as watch:
        batch.step()
    assert watch.calls > 100 and not watch.waits


@pytest.mark.parametrize("rows", [1, 8])
def test_the_full_size_step_stays_on_its_device(rows: int) -> None:
    """On "meta", where values do not exist: nothing reads one, and nothing is moved from or to the CPU, which a capture forbids."""
    with torch.device("meta"):
        model = Qwen3_5ForCausalLM(Qwen3_5TextConfig()).eval()  # the library's defaults are the 9B's sizes
    assert sum(p.numel() for p in model.parameters()) == 8_953_803_264
    batch = Batch(model, Sampler(model.config.vocab_size, "meta", rows), rows, 2048)
    with _Watch() as watch:
        batch.step()
    print(f"\n{watch.calls:,} operations a step")
    assert watch.calls > 1000 and not watch.waits and not watch.on_cpu


def test_a_step_costs_the_host_the_same_however_many_stories_and_however_long(tiny: Qwen3_5ForCausalLM) -> None:
    def operations(rows: int, length: int) -> int:
        batch = Batch(tiny, Sampler(4096, rows=rows), rows, length)
        begin(batch)
        batch._position.fill_(length - 2)
        with _Watch() as watch:
            batch.step()
        return watch.calls

    assert operations(8, 128) == operations(8, 16_384) <= operations(1, 128)


def test_the_watch_would_see_a_wait() -> None:
    with _Watch() as watch:
        torch.arange(3)[torch.tensor(1)]
        int(torch.tensor(1))
    assert watch.waits and watch.on_cpu


def test_buffers_keep_their_addresses_over_stories(batch: Batch) -> None:
    def addresses() -> list[int]:
        tensors = [batch._token, batch._position, batch._busy, batch._ring, batch._slot, *batch._sampler._tensors()]
        for layer in batch._cache.layers:
            is_linear = hasattr(layer, "recurrent_states")
            tensors += [*layer.recurrent_states.values(), *layer.conv_states.values()] if is_linear else [layer.keys, layer.values]
        return [tensor.data_ptr() for tensor in tensors]

    before = addresses()
    for seed in range(3):
        begin(batch, seed)
        assert len({*batch.issue()()} | {token for _ in range(19) for token in batch.issue()()}) > 1
        batch.leave(0)
    assert addresses() == before


# --- capturing, played by a capture that hands the step back as it is -------------------------------------------------


class _Capture:
    """Captures nothing, and counts; `breaks_at` says which capture fails, and `error` how."""

    def __init__(self, breaks_at: int = 0, error: Exception | None = None) -> None:
        self.captured, self.breaks_at, self.error, self.replays = 0, breaks_at, error or RuntimeError("capturing is not for this GPU"), 0

    def __call__(self, step: Step) -> Step:
        self.captured += 1
        for _ in range(4):
            step()
        if self.captured == self.breaks_at:
            raise self.error

        def replay() -> None:
            self.replays += 1
            step()

        return replay


def test_a_step_is_captured_once_a_bucket_whatever_the_stories(tiny: Qwen3_5ForCausalLM, drawn: Callable[[int], list[int]]) -> None:
    capture = _Capture()
    captured = Decoder(tiny, SMALL, plain=False, capture=capture)
    for seed in range(3):
        assert tokens(captured, writes(seed)) == drawn(seed)
    assert capture.captured == 3 and capture.replays == 3 * 99


@pytest.mark.parametrize("breaks_at", [1, 2, 3])
def test_where_capturing_fails_the_plain_loop_goes_on_with_the_story(
    tiny: Qwen3_5ForCausalLM, drawn: Callable[[int], list[int]], breaks_at: int, caplog: pytest.LogCaptureFixture
) -> None:
    capture = _Capture(breaks_at)
    decoder = Decoder(tiny, SMALL, plain=False, capture=capture)
    assert tokens(decoder, writes()) == drawn(3)
    assert "capturing is not for this GPU" in caplog.text and decoder.plain and not decoder._lanes._batches
    assert tokens(decoder, writes(2, limit=20)) == drawn(2)[:20] and capture.captured == breaks_at, "it is not tried again"


def test_the_plain_loop_can_be_chosen_where_steps_would_be_captured(tiny: Qwen3_5ForCausalLM) -> None:
    capture = _Capture()
    assert tokens(Decoder(tiny, SMALL, plain=True, capture=capture), writes(limit=5)) and not capture.captured


def test_buckets_out_of_use_make_room_for_the_next(tiny: Qwen3_5ForCausalLM, drawn: Callable[[int], list[int]]) -> None:
    capture = _Capture(3, torch.OutOfMemoryError("no room for the third bucket"))
    decoder = Decoder(tiny, SMALL, plain=False, capture=capture)
    assert tokens(decoder, writes()) == drawn(3)
    assert sorted(decoder._lanes._batches) == [(1, 128), (1, 1024)] and capture.captured == 4


@pytest.mark.parametrize("calls", [1, 2, 5], ids=["reading the prompt", "reading its second half", "writing"])
def test_a_cache_that_did_not_fit_is_let_go(decoder: Decoder, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    caches: list[weakref.ref[Any]] = []

    def forward(model: Any, ids: torch.Tensor, cache: Any) -> torch.Tensor:
        caches.append(weakref.ref(cache))
        if len(caches) >= calls:
            raise torch.OutOfMemoryError
        return torch.zeros(4096)

    monkeypatch.setattr(lanes, "PREFILL_CHUNK", 20)
    for module in (plain, lanes):
        monkeypatch.setattr(module, "forward", forward)
    monkeypatch.setattr(Batch, "_prepare", lambda *_: None)
    monkeypatch.setattr(Batch, "place", lambda *_: None)
    monkeypatch.setattr(Batch, "step", lambda batch: forward(None, batch._token, batch._cache))
    memory_full = False
    try:
        tokens(decoder, writes())
    except torch.OutOfMemoryError:
        memory_full = True
    decoder.free()
    until(lambda: caches[-1]() is None, what="nothing holds the cache any more")
    assert memory_full
    monkeypatch.undo()
    assert len(tokens(decoder, writes(limit=5))) == 5
