"""Which story holds which row of a batch: who joins, whose turn it is to read, who leaves. Knows no threads.

A story joins after its own reading, one chunk of it between two steps, so that nobody waits for long. In fp32 on a CPU the batch has
the smallest shape that holds the stories at work, since idle rows cost time there. Elsewhere its rows stay as many as there are: in
bf16 another shape rounds otherwise, so a seed would mean another story in company, and on a GPU idle rows cost next to nothing.
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import torch
from transformers import DynamicCache, PreTrainedModel

from ..story.events import Progress
from .batch import Batch, Capture, CaptureFailed
from .drawn import on_the_host
from .run import Run, Stopped
from .sampling import BROKEN, Sampler

PREFILL_CHUNK = 512  # tokens read between two looks at the stop event, or two steps of the others
LAG = 2  # steps issued on a GPU before the host reads the oldest
SHAPES = (1, 2, 4)  # and then as many as there are lanes
Reading = Generator[Progress, None, torch.Tensor]
log = logging.getLogger(__name__)


class NotFinite(Exception):
    """The model's numbers are not finite: nothing can be drawn from them."""


class NoRoom(Exception):
    """The memory was needed for the stories that were there before."""


@dataclass(eq=False)
class Story:
    """A run on its way: what comes of it is put into `told`, None or an exception last. `gone` tells that nobody listens any more."""

    run: Run
    stop: threading.Event
    told: "queue.SimpleQueue[Progress | int | Exception | None]" = field(default_factory=queue.SimpleQueue)
    gone: threading.Event = field(default_factory=threading.Event)
    row: int = -1
    length: int = 0  # tokens that the model has read or drawn
    left: int = 0  # tokens that it may still draw
    ended: bool = False

    @property
    def wanted(self) -> bool:
        return not (self.stop.is_set() or self.gone.is_set())

    def end(self, last: Exception | None = None) -> None:
        """Nothing more is told after this."""
        if not self.ended:
            self.ended = True
            self.told.put(last)


class Lanes:
    """Up to `most` stories of one model. `turn` does a little of everybody's work; one caller at a time."""

    def __init__(self, model: PreTrainedModel, most: int, buckets: Sequence[int], capture: Capture | None = None) -> None:
        self.most = most
        self._model, self._buckets, self._capture = model, buckets, capture
        self._cuda = model.device.type == "cuda"
        # In fp32 a row comes out the same in any shape.
        self._fixed = self._cuda or capture is not None or model.dtype != torch.float32
        self._sampler = Sampler(model.config.get_text_config().vocab_size, model.device, most)
        self._batches: dict[tuple[int, int], Batch] = {}
        self._batch: Batch | None = None
        self._waiting: deque[Story] = deque()
        self._reading: deque[tuple[Story, DynamicCache, Reading]] = deque()
        self._writing: dict[int, Story] = {}
        self._pending: deque[tuple[Callable[[], list[int]], dict[int, Story]]] = deque()

    @property
    def idle(self) -> bool:
        return not (self._waiting or self._reading or self._writing or self._pending)

    def join(self, story: Story) -> None:
        self._waiting.append(story)

    def turn(self) -> None:
        """A chunk of reading, a step, and what is there of its tokens; whoever is not wanted any more leaves first."""
        self._let_go()
        while self._waiting and len(self._reading) + len(self._writing) < self.most:
            self._begin(self._waiting.popleft())
        if self._reading:
            self._read_on(*self._reading[0])
        if self._writing:
            self._step()
        while self._pending and (len(self._pending) > LAG or not (self._cuda and self._writing)):
            self._hand_out(*self._pending.popleft())

    def all(self) -> list[Story]:
        return [*self._waiting, *(story for story, _, _ in self._reading), *self._writing.values()]

    def drop(self, error: Exception) -> None:
        """End every story with this, and let go of all buffers."""
        stories = [*self.all(), *(story for _, rows in self._pending for story in rows.values())]
        self._waiting.clear()
        self._reading.clear()
        self._writing.clear()
        self._pending.clear()
        self.free()
        for story in stories:
            story.end(apart(error))

    def free(self) -> None:
        """Let go of all buffers and graphs where no story needs them; the next one makes new ones."""
        if not self._writing:
            self._batches.clear()
            self._batch = None

    # --- joining and leaving -----------------------------------------------------------------------------------------

    def _let_go(self) -> None:
        for story in [story for story in self._waiting if not story.wanted]:
            self._waiting.remove(story)
            story.end(Stopped())
        for entry in [entry for entry in self._reading if not entry[0].wanted]:
            self._reading.remove(entry)
            entry[0].end(Stopped())
        for story in [story for story in self._writing.values() if not story.wanted]:
            self._leave(story)
            story.end()

    def _begin(self, story: Story) -> None:
        cache = DynamicCache(config=self._model.config.get_text_config())
        self._reading.append((story, cache, read(self._model, story.run, cache)))

    def _read_on(self, story: Story, cache: DynamicCache, reading: Reading) -> None:
        """One chunk. What fails here fails this story alone."""
        try:
            story.told.put(next(reading))
        except StopIteration as done:
            self._reading.popleft()
            self._write(story, cache, done.value)
        except Exception as error:
            self._reading.popleft()
            story.end(apart(error))

    def _write(self, story: Story, cache: DynamicCache, logits: torch.Tensor) -> None:
        """From reading to writing: the first token comes of the reading itself."""
        run = story.run
        story.length, story.left = len(run.prompt) + len(run.output), run.limit - len(run.output)
        if story.left <= 0:
            story.end()
            return
        try:
            batch = self._made_room(story)
        except CaptureFailed:  # nobody can go on here
            self._waiting.append(story)
            raise
        except Exception as error:
            story.end(apart(error))
            return
        story.row = min(set(range(batch.rows)) - self._writing.keys())
        sampler = self._sampler.part(story.row, story.row + 1)
        sampler.start(run.params, run.seed, run.prompt, run.output, run.closing)
        token = sampler.draw(logits[None])
        batch.place(story.row, cache, token, story.length)
        self._writing[story.row] = story
        self._tell(story, on_the_host(token, sampler.sureness(logits[None], token)))
        story.left -= 1
        if story.left <= 0 or story.ended:
            self._leave(story)
            story.end()

    def _leave(self, story: Story) -> None:
        if self._writing.get(story.row) is story:  # it may have left, and another have its row
            del self._writing[story.row]
            assert self._batch
            self._batch.leave(story.row)

    # --- steps -------------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        batch = self._made_room()
        reader, rows = batch.issue(), dict(self._writing)
        self._pending.append((reader, rows))
        for story in rows.values():
            story.length, story.left = story.length + 1, story.left - 1
            if story.left <= 0:  # its last token is on its way
                self._leave(story)

    def _hand_out(self, reader: Callable[[], list[int]], rows: dict[int, Story]) -> None:
        tokens = reader()
        for row, story in rows.items():
            if story.ended:
                continue
            self._tell(story, tokens[row])
            if story.left <= 0 and not any(story in later.values() for _, later in self._pending):
                story.end()

    def _tell(self, story: Story, token: int) -> None:
        if token == BROKEN:
            self._leave(story)
            story.end(NotFinite())
        else:
            story.told.put(token)

    # --- the batch ---------------------------------------------------------------------------------------------------

    def _made_room(self, joining: Story | None = None) -> Batch:
        """A batch that holds the stories at work, and one more that joins; where memory is short, the youngest rest.

        Raises torch.OutOfMemoryError where even the oldest alone does not fit.
        """
        while True:
            stories = [*self._writing.values(), *([joining] if joining else [])]
            rows = self.most if self._fixed else next(shape for shape in (*SHAPES, self.most) if len(stories) <= shape <= self.most)
            longest = max(story.length for story in stories)
            length = next(bucket for bucket in self._buckets if bucket > longest)
            try:
                return self._shaped(rows, length)
            except torch.OutOfMemoryError:
                if rows == 1:
                    raise
            self._give_way(rows, joining)

    def _give_way(self, rows: int, joining: Story | None) -> None:
        """Half as many rows from now on: the youngest rest. Raises NoRoom where that is whoever wants to join."""
        self.most = max(1, rows // 2)
        log.warning("The memory does not hold %d stories of this length at once: %d from now on", rows, self.most)
        if joining and len(self._writing) >= self.most:
            raise NoRoom
        for story in list(self._writing.values())[self.most :]:
            self._leave(story)
            story.end(NoRoom())

    def _shaped(self, rows: int, length: int) -> Batch:
        """The batch of this shape, with all the stories at work in it."""
        before = self._batch
        if before and (before.rows, before.length) == (rows, length):
            return before
        if before and self._writing and before.rows == rows and before.length > length:
            return before  # it only grows: to move costs more than the columns
        batch = self._kept(rows, length)
        free = iter(sorted(set(range(rows)) - self._writing.keys()))
        moves = {row: row if row < rows else next(free) for row in self._writing}
        batch.adopt(before, moves)
        self._writing = {moves[row]: story for row, story in self._writing.items()}
        for row, story in self._writing.items():
            story.row = row
        self._batch = batch
        if self._capture is None:
            self._batches = {(rows, length): batch}
        return batch

    def _kept(self, rows: int, length: int) -> Batch:
        """The batch of this shape. Where memory is short, all but the one at work make room. Raises CaptureFailed."""
        shape = (rows, length)
        if shape not in self._batches and not self._added(shape):
            self._batches = {known: batch for known, batch in self._batches.items() if batch is self._batch and self._writing}
            torch.cuda.empty_cache()
            self._batches[shape] = Batch(self._model, self._sampler, rows, length, self._capture)
        return self._batches[shape]

    def _added(self, shape: tuple[int, int]) -> bool:
        """A batch was made; False where memory is short (and only when this has returned is what was made of it let go)."""
        try:
            self._batches[shape] = Batch(self._model, self._sampler, *shape, self._capture)
            return True
        except torch.OutOfMemoryError:
            return False


def apart(error: Exception) -> Exception:
    """The error without what it would hold alive: the frames in which memory ran out hold what filled it."""
    return torch.OutOfMemoryError(str(error)) if isinstance(error, torch.OutOfMemoryError) else error


def read(model: PreTrainedModel, run: Run, cache: DynamicCache) -> Reading:
    """Read prompt and output in chunks; the last logits, shape (vocabulary,)."""
    ids = torch.tensor([[*run.prompt, *run.output]], device=model.device)
    total = ids.shape[1]
    for at in range(0, total, PREFILL_CHUNK):
        yield Progress("reading", at, total)
        logits = forward(model, ids[:, at : at + PREFILL_CHUNK], cache)
    return logits


@torch.no_grad()
def forward(model: PreTrainedModel, ids: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    """Logits after the last of `ids`, shape (vocabulary,)."""
    output = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    logits: torch.Tensor = output.logits[0, -1]
    return logits
