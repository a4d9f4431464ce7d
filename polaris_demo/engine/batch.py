"""Decode steps of several stories at once, a row each, over buffers that never move. Knows no queue and no thread.

A row has a position, a mask and a sampler's row of its own, so it never feels its neighbours; as long as the shape stays, it comes
out bit for bit as it would beside any others. On CUDA a step launches more than a thousand kernels, so it is captured once as a
CUDA graph; it draws on the device, and the host reads a few tokens behind.
"""

import logging
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel, StaticCache
from transformers.cache_utils import StaticLayer

from ..settings import MOST_LANES
from . import compiled
from .drawn import packed, unpacked
from .sampling import Sampler

RING = 16  # tokens a row that may wait for the host
Step = Callable[[], None]
Capture = Callable[[Step], Step]
_spare: list[torch.Tensor] = []  # pinned memory of batches that are gone
log = logging.getLogger(__name__)


class CaptureFailed(Exception):
    """The step cannot be captured here; its cause says why."""


class Batch:
    """`rows` stories over a cache of `length` tokens each. No step touches the host, and no buffer ever moves.

    The rows are those of `sampler` from its first on.
    """

    def __init__(self, model: PreTrainedModel, sampler: Sampler, rows: int, length: int, capture: Capture | None = None) -> None:
        self.rows, self.length = rows, length
        self._model, self._every, self._sampler = model, sampler, sampler.part(0, rows)
        device = model.device
        self._cache = StaticCache(config=model.config.get_text_config(), max_cache_len=length)
        self._columns = torch.arange(length, device=device)
        self._lanes = torch.arange(rows, device=device)
        self._token = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self._position = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self._busy = torch.zeros(rows, 1, dtype=torch.long, device=device)  # 1 in the rows that hold a story
        self._ring = torch.zeros(RING, rows, dtype=torch.long, device=device)
        self._slot = torch.zeros(1, dtype=torch.long, device=device)
        self._host = _pinned(self) if device.type == "cuda" else None
        self._issued = 0
        self._replay: Step | None = None
        self._prepare(capture)

    def place(self, row: int, read: DynamicCache, token: torch.Tensor, position: int) -> None:
        """A story goes on in this row: from what was `read` of it alone, and a drawn token, shape (1, 1), that stands at `position`."""
        self._clear(row)
        layers: Iterator[tuple[Any, Any]] = zip(self._cache.layers, read.layers, strict=True)
        for mine, theirs in layers:
            if hasattr(mine, "recurrent_states"):
                _copy_states(mine, theirs, row, 0)
            else:
                mine.keys[row, :, :position].copy_(theirs.keys[0])
                mine.values[row, :, :position].copy_(theirs.values[0])
        self._token[row].copy_(token[0].clamp(min=0))
        self._position[row].fill_(position)
        self._busy[row].fill_(1)

    def leave(self, row: int) -> None:
        """Nobody writes here any more; what the row computes from now on is for nobody."""
        self._busy[row].zero_()
        self._position[row].zero_()
        self._token[row].zero_()

    def adopt(self, other: "Batch | None", rows: dict[int, int]) -> None:
        """Take over stories from another batch: `rows` names the row here for each row there. Their sampler's rows are moved too.

        All other rows are nobody's, whoever had them when this batch was last at work.
        """
        for source, row in sorted(rows.items(), key=lambda pair: pair[1]):
            assert other
            self._take(other, source, row)
            if source != row:
                self._every.move(source, row)
        for row in set(range(self.rows)) - set(rows.values()):
            self.leave(row)

    def _take(self, other: "Batch", source: int, row: int) -> None:
        self._clear(row)
        most = min(self.length, other.length)
        layers: Iterator[tuple[Any, Any]] = zip(self._cache.layers, other._cache.layers, strict=True)
        for mine, theirs in layers:
            if hasattr(mine, "recurrent_states"):
                _copy_states(mine, theirs, row, source)
            else:
                mine.keys[row, :, :most].copy_(theirs.keys[source, :, :most])
                mine.values[row, :, :most].copy_(theirs.values[source, :, :most])
        self._token[row].copy_(other._token[source])
        self._position[row].copy_(other._position[source])
        self._busy[row].fill_(1)

    def _clear(self, row: int) -> None:
        """Columns behind a row's mask count for nothing, but a number that is none would still spoil the sum."""
        for layer in self._attention():
            layer.keys[row].zero_()
            layer.values[row].zero_()

    def _attention(self) -> list["LaneLayer"]:
        """The layers whose cache grows with the text."""
        return [layer for layer in self._cache.layers if isinstance(layer, LaneLayer)]

    def issue(self) -> Callable[[], list[int]]:
        """One step; what is called later to have the token of every row, a Drawn or BROKEN."""
        (self._replay or self.step)()
        slot, self._issued = self._issued % RING, self._issued + 1
        if self._host is None:
            drawn = [unpacked(value) for value in self._ring[slot].tolist()]
            return lambda: drawn
        self._host[slot, : self.rows].copy_(self._ring[slot], non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()

        def wait() -> list[int]:
            assert self._host is not None
            arrived.synchronize()
            return [unpacked(value) for value in self._host[slot, : self.rows].tolist()]

        return wait

    @torch.no_grad()
    def step(self) -> None:
        """One token a row: forward, draw, store. What a graph captures: no value reaches the host."""
        mask = self._columns[None, None, None, :] <= self._position[:, None, None, :]
        with compiled.step():
            hidden = self._model.model(
                input_ids=self._token,
                position_ids=self._position,
                past_key_values=self._cache,
                use_cache=True,
                attention_mask={"full_attention": mask, "linear_attention": None},
            ).last_hidden_state
        logits = self._model.lm_head(hidden)[:, -1]
        token = self._sampler.draw(logits)
        self._ring.index_copy_(0, self._slot, packed(token, self._sampler.sureness(logits, token)).view(1, -1))
        self._slot.add_(1).remainder_(RING)
        self._token.copy_(token.clamp(min=0))  # BROKEN is for the host alone
        self._position.add_(self._busy)

    @torch.no_grad()
    def _prepare(self, capture: Capture | None) -> None:
        """Let the lazily made buffers come into being, and capture the step."""
        state = self._sampler.state()
        try:
            self._model(
                torch.zeros(self.rows, 2, dtype=torch.long, device=self._token.device), past_key_values=self._cache, logits_to_keep=1
            )
            for number, layer in enumerate(self._cache.layers):
                if isinstance(layer, StaticLayer):
                    self._cache.layers[number] = LaneLayer(layer, self._lanes, self._position)
            self.step()
            self._replay = capture and self._captured(capture)
        finally:
            self._sampler.restore(state)
        for row in range(self.rows):
            self.leave(row)
        self._slot.zero_()

    def _captured(self, capture: Capture) -> Step:
        started = time.monotonic()
        try:
            replay = capture(self.step)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            raise CaptureFailed from error
        log.info("Captured the step of %d rows over %d tokens in %.2f s", self.rows, self.length, time.monotonic() - started)
        return replay


class LaneLayer(StaticLayer):
    """An attention layer's keys and values, shape (rows, heads, length, size), each row written at its own position."""

    def __init__(self, layer: StaticLayer, rows: torch.Tensor, position: torch.Tensor) -> None:
        super().__init__(layer.max_cache_len)
        assert layer.keys is not None and layer.values is not None
        self.keys: torch.Tensor = layer.keys
        self.values: torch.Tensor = layer.values
        self._rows, self._position, self.is_initialized = rows, position, True

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Takes one token a row."""
        place = self._position[:, 0]
        self.keys[self._rows, :, place] = key_states[:, :, 0]
        self.values[self._rows, :, place] = value_states[:, :, 0]
        return self.keys, self.values


class CudaCapture:
    """Captures steps as CUDA graphs that share one pool of memory: nothing in it has to outlive a step.

    As torch's notes on CUDA graphs ask: warmed up on a side stream, under no_grad, with every buffer that outlives the
    step made before, and no random generator in use.
    """

    def __init__(self) -> None:
        self._graphs: weakref.WeakSet[torch.cuda.CUDAGraph] = weakref.WeakSet()

    def __call__(self, step: Step) -> Step:
        here, side, graph = torch.cuda.current_stream(), torch.cuda.Stream(), torch.cuda.CUDAGraph()
        side.wait_stream(here)
        try:
            with torch.cuda.stream(side):
                for _ in range(3):
                    step()
            here.wait_stream(side)
            with torch.cuda.graph(graph, pool=next((other.pool() for other in self._graphs), None)):
                step()
        finally:
            torch.cuda.set_stream(here)  # torch 2.13 stays on its own stream where a capture does not end well
        self._graphs.add(graph)
        return graph.replay


def _pinned(batch: Batch) -> torch.Tensor:
    """Pinned memory for a batch's ring, shape (RING, MOST_LANES). It stays with the process and serves the next batch.

    Once a GPU has failed, torch 2.11 ends the process by a signal when it lets go of such memory, and nobody would be told why.
    """
    memory = _spare.pop() if _spare else torch.empty(RING, MOST_LANES, dtype=torch.long, pin_memory=True)
    weakref.finalize(batch, _spare.append, memory)
    return memory


def _copy_states(mine: Any, theirs: Any, row: int, source: int) -> None:
    """A linear-attention layer's states, of one row."""
    for key in mine.recurrent_states:
        mine.recurrent_states[key][row].copy_(theirs.recurrent_states[key][source])
        mine.conv_states[key][row].copy_(theirs.conv_states[key][source])
