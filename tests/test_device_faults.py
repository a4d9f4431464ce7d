"""Memory and device faults of the GPU, injected into the model's own forward pass: a sentence, the memory let go, the next story right."""

import gc
import random
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest
import torch
from transformers import Qwen3_5ForCausalLM

from polaris_demo.engine import lanes, local
from polaris_demo.engine.base import GpuBroken
from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.local import LocalEngine
from polaris_demo.story.events import Delta, Event, Finish, Resume

from .doubles import until
from .test_local import asked
from .tiny import tiny_model

TOKENS = 64
BRIEF = asked(words=50, max_new_tokens=TOKENS, seed=5)
STORIES, FAULTY, READ = 100, 20, 8  # stories, those that fail, tokens that are read of each


class Faults:
    """Stands in the model's forward pass and raises at the calls it is told to. `caches` are those the passes were given, weakly held."""

    def __init__(self, model: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
        self._forward, self.calls = model.forward, 0
        self.at: set[int] = set()
        self.error: Callable[[], Exception] = torch.OutOfMemoryError
        self.caches: weakref.WeakSet[object] = weakref.WeakSet()
        patch.setattr(model, "forward", self)

    def __call__(self, *arguments, **options):
        at, self.calls = self.calls, self.calls + 1
        if (cache := options.get("past_key_values")) is not None:
            self.caches.add(cache)
        if at in self.at:
            raise self.error()
        return self._forward(*arguments, **options)

    def next(self, engine: LocalEngine, *at: int) -> None:
        """At these passes of the next story, the first of them 0. A batch tries itself out before its first step, where it is made anew."""
        decoder = engine._decoder
        until(lambda: decoder._thread is None, what="nobody works for the last story any more")
        before = 0 if decoder.plain or decoder._lanes._batches else 2
        self.calls, self.at = 0, {one + before * (one > 0) for one in at}


@pytest.fixture(scope="module")
def tiny() -> Qwen3_5ForCausalLM:
    return tiny_model()


@pytest.fixture(params=["plain", "fixed"])
def engine(request: pytest.FixtureRequest, tiny: Qwen3_5ForCausalLM, miniature: LocalEngine) -> LocalEngine:
    """By either loop, with the miniature's tokenizer."""
    made = LocalEngine(tiny, miniature._chat, miniature._writer)
    made._made = Decoder(tiny, plain=request.param == "plain", lanes=2)
    return made


@pytest.fixture
def faults(tiny: Qwen3_5ForCausalLM, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    monkeypatch.setattr(lanes.torch.cuda, "empty_cache", lambda: None)
    yield Faults(tiny.model, monkeypatch)


def written(engine: LocalEngine) -> tuple[list[int], list[Event]]:
    said = list(engine.write(BRIEF, Resume(), threading.Event()))
    return [token for event in said if isinstance(event, Delta) for token in event.token_ids], said


@pytest.mark.parametrize("at", [0, 1, TOKENS // 2, TOKENS - 1], ids=["reading", "the first token", "in the middle", "the last token"])
def test_memory_that_runs_out_is_a_sentence_is_let_go_and_the_next_story_is_right(engine: LocalEngine, faults: Faults, at: int) -> None:
    right, _ = written(engine)
    assert len(right) == TOKENS
    for _ in range(2):  # twice in a row
        faults.next(engine, at)
        tokens, said = written(engine)
        assert said[-1] == Finish("error", local.OUT_OF_MEMORY) and [event for event in said if isinstance(event, Finish)] == said[-1:]
        assert tokens == right[: len(tokens)] and at - 2 <= len(tokens) <= at, "what was written is kept"
        del said
        until(lambda: not gc.collect() and not list(faults.caches), what="the cache of the story that failed is let go")
    faults.next(engine)
    assert written(engine)[0] == right


def test_a_device_that_fails_says_so_and_then_the_process_begins_anew(engine: LocalEngine, faults: Faults) -> None:
    faults.error = lambda: torch.AcceleratorError("CUDA error: an illegal memory access was encountered", 700)
    faults.next(engine, TOKENS // 2)
    said = []
    with pytest.raises(GpuBroken):
        for event in engine.write(BRIEF, Resume(), threading.Event()):
            said.append(event)
    assert said[-1] == Finish("error", local.GPU_BROKEN) and any(isinstance(event, Delta) for event in said)


def test_of_a_hundred_stories_the_twenty_that_fail_take_nothing_from_the_others(engine: LocalEngine, faults: Faults) -> None:
    chance = random.Random(7)
    failing = set(chance.sample(range(STORIES), FAULTY))
    right = written(engine)[0][:READ]
    for number in range(STORIES):
        faults.next(engine, *([chance.randrange(READ)] if number in failing else []))
        story, ids, ended = engine.write(BRIEF, Resume(), threading.Event()), [], None
        for event in story:
            ids += event.token_ids if isinstance(event, Delta) else ()
            ended = event if isinstance(event, Finish) else None
            if len(ids) >= READ:
                break
        story.close()  # its reader has seen enough
        assert ids[:READ] == right[: len(ids)]
        assert (ended == Finish("error", local.OUT_OF_MEMORY)) is (number in failing)
    del story
    until(
        lambda: not gc.collect() and len(list(faults.caches)) <= len(engine._decoder._lanes._batches),
        what="no more is held than the buffers of the next story",
    )
