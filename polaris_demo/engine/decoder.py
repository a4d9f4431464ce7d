"""The token loop: prompt ids in, generated ids out, one at a time, for several stories at once. Knows no text and no stories.

Two ways to the same tokens. The plain loop over model.forward with its growing cache is the reference: one story, read top to
bottom. Else stories share the steps of one batch, each in a lane of its own; a thread owns the model while there are any. Where
steps cannot be captured on a GPU, the plain loop takes over in the middle of every story, one at a time.
"""

import atexit
import logging
import queue
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from transformers import DynamicCache, PreTrainedModel

from ..story.events import Progress
from . import attention
from .base import HEARTBEAT_SECONDS
from .batch import Capture, CaptureFailed, CudaCapture
from .drawn import on_the_host
from .lanes import Lanes, NotFinite, Story, forward, read
from .run import Run, Stopped
from .sampling import BROKEN, Sampler

LONGEST = 36_864  # holds the largest budget and a usual prompt
BUCKETS = (*(2**n for n in range(11, 16)), LONGEST, 65_536)  # tokens of a lane on a GPU, where each is captured for itself
FINE = (*range(512, LONGEST + 1, 512), 65_536)  # on a CPU, where every column costs time and a new batch next to none
END_SECONDS = 10.0  # a step is over long before
AT_WORK: "weakref.WeakSet[Decoder]" = weakref.WeakSet()
log = logging.getLogger(__name__)


@atexit.register
def end_all() -> None:
    """A thread that Python ends within torch ends the whole process with an error."""
    for decoder in list(AT_WORK):
        decoder.end()


class Decoder:
    """A model's token loop, for `lanes` stories at once. Its buffers and graphs live as long as the model.

    `plain` chooses the plain loop; without it the device and the lanes decide.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        buckets: Sequence[int] = (),
        plain: bool | None = None,
        capture: Capture | None = None,
        lanes: int = 1,
    ) -> None:
        cuda = model.device.type == "cuda"
        self._model = model
        self.plain = not cuda and lanes == 1 if plain is None else plain
        if cuda:
            attention.use(model)
        capture = CudaCapture() if capture is None and cuda else capture
        self._lanes = Lanes(model, lanes, buckets or (BUCKETS if cuda else FINE), capture)
        self._lock, self._alone = threading.Lock(), threading.Lock()
        self._joining: list[Story] = []
        self._thread: threading.Thread | None = None
        self._free = self._ending = False

    def tokens(self, run: Run, stop: threading.Event) -> Iterator[Progress | int]:
        """Generated ids (each a Drawn) after `run.output`, one by one, until `run.limit` or `stop`; Progress while reading.

        End tokens are yielded like any other: it is the caller's to leave then. Raises Stopped when stopped while
        still reading, NotFinite, NoRoom where a story has to rest for the memory of others, torch.OutOfMemoryError where its own
        cache does not fit.
        """
        written = list(run.output)
        if not self.plain:
            try:
                for event in self._in_company(run, stop):
                    if isinstance(event, int):
                        written.append(event)
                    yield event
                return
            except CaptureFailed as error:
                log.warning("The step cannot be captured, so the plain loop writes from here on: %s", error.__cause__)
            self.plain = True
            self.free()
        yield from self._by_itself(replace(run, output=written), stop)

    @property
    def most(self) -> int:
        """Stories at once: its lanes, or as many as the memory was found to hold."""
        return self._lanes.most

    def free(self) -> None:
        """Let go of all buffers and graphs as soon as no story needs them; the next one makes new ones."""
        with self._lock:
            self._free, thread = self._thread is not None, self._thread
            if not self._free:
                self._lanes.free()
        if thread:  # it ends in a moment, where nobody else is at work
            thread.join(HEARTBEAT_SECONDS)

    def end(self) -> None:
        """No step is begun any more; waits for the one at hand. For the end of the process."""
        with self._lock:
            self._ending, thread = True, self._thread
        if thread:
            thread.join(END_SECONDS)

    # --- in company --------------------------------------------------------------------------------------------------

    def _in_company(self, run: Run, stop: threading.Event) -> Iterator[Progress | int]:
        story, total = Story(run, stop), len(run.prompt) + len(run.output)
        self._join(story)
        try:
            while True:
                try:
                    event = story.told.get(timeout=HEARTBEAT_SECONDS)
                except queue.Empty:
                    event = Progress("reading", 0, total)
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield event
                if isinstance(event, int) and stop.is_set():
                    return
        finally:
            event = None  # an exception that its own frame holds is let go late
            story.gone.set()

    def _join(self, story: Story) -> None:
        with self._lock:
            self._joining.append(story)
            if self._thread is None:
                AT_WORK.add(self)
                self._thread = threading.Thread(target=self._drive, name="lanes", daemon=True)
                self._thread.start()

    def _drive(self) -> None:
        """Turn after turn, for as long as there is a story."""
        while self._goes_on():
            try:
                self._lanes.turn()
            except Exception as error:
                self._lanes.drop(error)

    def _goes_on(self) -> bool:
        with self._lock:
            for story in self._joining:
                self._lanes.join(story)
            self._joining.clear()
            if self._ending:
                self._lanes.drop(Stopped())
            if not self._lanes.idle:
                return True
            if self._free:
                self._lanes.free()
            self._free, self._thread = False, None
            return False

    # --- alone -------------------------------------------------------------------------------------------------------

    def _by_itself(self, run: Run, stop: threading.Event) -> Iterator[Progress | int]:
        """The plain loop, once nobody else is in it."""
        while not self._alone.acquire(timeout=HEARTBEAT_SECONDS):
            yield Progress("reading", 0, len(run.prompt) + len(run.output))
            if stop.is_set():
                raise Stopped
        try:
            yield from self._growing(run, stop)
        finally:
            self._alone.release()

    def _growing(self, run: Run, stop: threading.Event) -> Iterator[Progress | int]:
        """The plain loop: the readable reference."""
        sampler = Sampler(self._model.config.get_text_config().vocab_size, self._model.device)
        sampler.start(run.params, run.seed, run.prompt, run.output, run.closing)
        cache = DynamicCache(config=self._model.config.get_text_config())
        reading = read(self._model, run, cache)
        while True:
            try:
                yield next(reading)
            except StopIteration as done:
                logits: torch.Tensor = done.value
                break
            if stop.is_set():
                raise Stopped
        for _ in range(run.limit - len(run.output)):
            token = sampler.draw(logits[None])
            drawn = on_the_host(token, sampler.sureness(logits[None], token))
            if drawn == BROKEN:
                raise NotFinite
            yield drawn
            if stop.is_set():
                return
            logits = forward(self._model, token, cache)
