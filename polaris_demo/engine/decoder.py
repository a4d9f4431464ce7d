"""The token loop: prompt ids in, generated ids out, one at a time. Knows no text and no stories.

Two ways to the same tokens. The plain loop over model.forward with its growing cache is the reference, and right on a
CPU. On CUDA a decode step launches some two thousand kernels, so there the step runs over a cache of fixed length whose
buffers keep their addresses, is captured once as a CUDA graph, and draws its token on the device; the host reads a
few tokens behind. The cache grows by moving into the next length bucket, each with a graph of its own. Where capturing
fails, the plain loop takes over in the middle of the story.
"""

import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel, StaticCache

from ..story.events import Progress
from .drawn import packed, unpacked
from .run import Run, Stopped
from .sampling import BROKEN, Sampler

PREFILL_CHUNK = 512  # tokens read between two looks at the stop event
BUCKETS = (*(2**n for n in range(11, 16)), 36_864, 65_536)  # the last but one holds the largest budget and a usual prompt
LAG = 2  # steps issued before the host reads the oldest token
RING = 16
Step = Callable[[], None]
Reading = Generator[Progress, None, torch.Tensor]
Capture = Callable[[Step], Step]
log = logging.getLogger(__name__)


class NotFinite(Exception):
    """The model's numbers are not finite: nothing can be drawn from them."""


class CaptureFailed(Exception):
    """The step cannot be captured here; its cause says why."""


class Decoder:
    """A model's token loop. Its buffers and graphs live as long as the model and serve one story at a time.

    `plain` chooses the plain loop; without it the device decides.
    """

    def __init__(
        self, model: PreTrainedModel, buckets: Sequence[int] = BUCKETS, plain: bool | None = None, capture: Capture | None = None
    ) -> None:
        cuda = model.device.type == "cuda"
        self._model, self._buckets = model, buckets
        self.plain = not cuda if plain is None else plain
        self._capture = CudaCapture() if capture is None and cuda else capture
        self._sampler = Sampler(model.config.get_text_config().vocab_size, model.device)
        self._loops: dict[int, StaticLoop] = {}

    def tokens(self, run: Run, stop: threading.Event) -> Iterator[Progress | int]:
        """Generated ids (each a Drawn) after `run.output`, one by one, until `run.limit` or `stop`; Progress while reading.

        End tokens are yielded like any other: it is the caller's to leave then. Raises Stopped when stopped while
        still reading, NotFinite, torch.OutOfMemoryError where the cache does not fit.
        """
        for event in self._any_loop(run, stop):
            if event == BROKEN:
                raise NotFinite
            yield event

    def _any_loop(self, run: Run, stop: threading.Event) -> Iterator[Progress | int]:
        """The loop that is right here; where capturing fails, the plain one from there on."""
        written = list(run.output)
        if not self.plain:
            try:
                for event in self._fixed(run, stop):
                    if isinstance(event, int):
                        written.append(event)
                    yield event
                return
            except CaptureFailed as error:
                log.warning("The step cannot be captured, so the plain loop writes from here on: %s", error.__cause__)
            self.plain = True
            self.free()
        yield from self._growing(replace(run, output=written), stop)

    def free(self) -> None:
        """Let go of all buffers and graphs; the next story makes new ones."""
        self._loops.clear()

    def _growing(self, run: Run, stop: threading.Event) -> Iterator[Progress | int]:
        """The plain loop: the readable reference."""
        self._begin(run)
        cache = DynamicCache(config=self._model.config.get_text_config())
        forward = lambda ids: _logits(self._model, ids, cache)  # noqa: E731
        logits = yield from self._read(run, stop, forward)
        for _ in range(run.limit - len(run.output)):
            token = self._sampler.draw(logits)
            yield self._drawn(logits, token)
            if stop.is_set():
                return
            logits = forward(token.view(1, 1))  # a BROKEN one never comes back: its reader leaves

    def _fixed(self, run: Run, stop: threading.Event) -> Iterator[Progress | int]:
        """The loop over fixed buffers, moving from bucket to bucket as the text grows. Raises CaptureFailed."""
        self._begin(run)
        length, left = len(run.prompt) + len(run.output), run.limit - len(run.output)
        yield Progress("reading", 0, length)  # making and capturing a loop takes a moment
        if stop.is_set():
            raise Stopped
        loop = self._loop(length + 1)
        loop.reset()
        logits = yield from self._read(run, stop, loop.read)
        if left <= 0:
            return
        token = self._sampler.draw(logits)
        loop.begin(token, length)
        yield self._drawn(logits, token)
        left -= 1
        while left > 0 and not stop.is_set():
            room = min(left, loop.length - length)
            for token_id in loop.run(room, stop):
                yield token_id
                if stop.is_set():
                    return
            length, left = length + room, left - room
            if left > 0:
                larger = self._loop(length + 1, loop)
                larger.adopt(loop)
                loop = larger

    def _begin(self, run: Run) -> None:
        self._sampler.start(run.params, run.seed, run.prompt, run.output, run.closing)

    def _drawn(self, logits: torch.Tensor, token: torch.Tensor) -> int:
        return unpacked(int(packed(token, self._sampler.sureness(logits, token))))

    def _read(self, run: Run, stop: threading.Event, forward: Callable[[torch.Tensor], torch.Tensor]) -> Reading:
        """Read prompt and output in chunks; the last logits, shape (vocabulary,)."""
        ids = torch.tensor([[*run.prompt, *run.output]], device=self._model.device)
        total = ids.shape[1]
        for at in range(0, total, PREFILL_CHUNK):
            yield Progress("reading", at, total)
            if stop.is_set():
                raise Stopped
            logits = forward(ids[:, at : at + PREFILL_CHUNK])
        return logits

    def _loop(self, length: int, at_work: "StaticLoop | None" = None) -> "StaticLoop":
        """The loop of the bucket that holds `length` tokens. Where memory is short, all but the one at work make room."""
        bucket = next(b for b in self._buckets if b >= length)
        if bucket not in self._loops and not self._added(bucket):
            self._loops = {length: loop for length, loop in self._loops.items() if loop is at_work}
            torch.cuda.empty_cache()
            self._loops[bucket] = StaticLoop(self._model, self._sampler, bucket, self._capture)
        return self._loops[bucket]

    def _added(self, bucket: int) -> bool:
        """A loop was made; False where memory is short (and only when this has returned is what was made of it let go)."""
        try:
            self._loops[bucket] = StaticLoop(self._model, self._sampler, bucket, self._capture)
            return True
        except torch.OutOfMemoryError:
            return False


class StaticLoop:
    """Decode steps over a cache of `length` tokens. No step touches the host, and no buffer ever moves."""

    def __init__(self, model: PreTrainedModel, sampler: Sampler, length: int, capture: Capture | None = None) -> None:
        self.length = length
        self._model, self._sampler = model, sampler
        device = model.device
        self._cache = StaticCache(config=model.config.get_text_config(), max_cache_len=length)
        self._columns = torch.arange(length, device=device)
        self._token = torch.zeros(1, 1, dtype=torch.long, device=device)
        self._position = torch.zeros(1, 1, dtype=torch.long, device=device)
        self._ring = torch.zeros(RING, dtype=torch.long, device=device)
        self._slot = torch.zeros(1, dtype=torch.long, device=device)
        self._replay: Step | None = None
        self._prepare(capture)

    def reset(self) -> None:
        self._cache.reset()

    def read(self, ids: torch.Tensor) -> torch.Tensor:
        """Read ids, shape (1, n); the last logits, shape (vocabulary,)."""
        return _logits(self._model, ids, self._cache)

    def begin(self, token: torch.Tensor, position: int) -> None:
        """Go on from a drawn token, shape (1,), that stands at `position`."""
        self._token.copy_(token.clamp(min=0).view(1, 1))
        self._position.fill_(position)
        self._slot.zero_()

    def run(self, count: int, stop: threading.Event) -> Iterator[int]:
        """The next `count` token ids. Stops issuing steps at once when `stop` is set; a step issued is not undone."""
        pending: deque[Callable[[], int]] = deque()
        cuda, issued = self._token.device.type == "cuda", 0
        while issued < count or pending:
            while issued < count and len(pending) <= (LAG if cuda else 0) and not stop.is_set():
                (self._replay or self.step)()
                pending.append(self._reader(issued, cuda))
                issued += 1
            if not pending:
                return
            yield pending.popleft()()

    @torch.no_grad()
    def step(self) -> None:
        """One token: forward, draw, store. What a graph captures: no value reaches the host."""
        mask = self._columns[None, None, None, :] <= self._position[:, None, None, :]
        hidden = self._model.model(
            input_ids=self._token,
            position_ids=self._position,
            past_key_values=self._cache,
            use_cache=True,
            attention_mask={"full_attention": mask, "linear_attention": None},
        ).last_hidden_state
        logits = self._model.lm_head(hidden)[0, -1]
        token = self._sampler.draw(logits)
        self._ring.index_copy_(0, self._slot, packed(token, self._sampler.sureness(logits, token)))
        self._slot.add_(1).remainder_(RING)
        self._token.copy_(token.clamp(min=0).view(1, 1))  # BROKEN is for the host alone
        self._position.add_(1)

    @torch.no_grad()
    def adopt(self, smaller: "StaticLoop") -> None:
        """Take over another loop's state: keys and values so far, recurrent states, the token at hand."""
        layers: Iterator[tuple[Any, Any]] = zip(self._cache.layers, smaller._cache.layers, strict=True)
        for mine, theirs in layers:
            if hasattr(mine, "recurrent_states"):
                for key in mine.recurrent_states:
                    mine.recurrent_states[key].copy_(theirs.recurrent_states[key])
                    mine.conv_states[key].copy_(theirs.conv_states[key])
                    mine.has_previous_state[key] = True
            else:
                mine.keys[:, :, : smaller.length].copy_(theirs.keys)
                mine.values[:, :, : smaller.length].copy_(theirs.values)
                mine.cumulative_length.copy_(theirs.cumulative_length)
        self._token.copy_(smaller._token)
        self._position.copy_(smaller._position)
        self._slot.zero_()

    def _reader(self, number: int, cuda: bool) -> Callable[[], int]:
        """Starts moving the token of step `number` to the host; called later, it waits for it."""
        slot = number % RING
        if not cuda:
            token = unpacked(int(self._ring[slot]))
            return lambda: token
        host = torch.empty(1, dtype=torch.long, pin_memory=True)
        host.copy_(self._ring[slot : slot + 1], non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()

        def wait() -> int:
            arrived.synchronize()
            return unpacked(int(host))

        return wait

    def _prepare(self, capture: Capture | None) -> None:
        """Let the lazily made buffers come into being, and capture the step."""
        state = self._sampler.state()
        try:
            self.read(torch.zeros(1, 2, dtype=torch.long, device=self._token.device))
            self.begin(self._token.view(1), 2)
            self.step()
            self._replay = capture and self._captured(capture)
        finally:
            self._sampler.restore(state)
        self.reset()

    def _captured(self, capture: Capture) -> Step:
        started = time.monotonic()
        try:
            replay = capture(self.step)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            raise CaptureFailed from error
        log.info("Captured the step over %d tokens in %.2f s", self.length, time.monotonic() - started)
        return replay


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


@torch.no_grad()
def _logits(model: PreTrainedModel, ids: torch.Tensor, cache: DynamicCache | StaticCache) -> torch.Tensor:
    """Logits after the last of `ids`, shape (vocabulary,)."""
    output = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    logits: torch.Tensor = output.logits[0, -1]
    return logits
