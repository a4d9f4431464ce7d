"""How far loading is: what huggingface_hub and transformers say of it, as reports and as lines in the log."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from tqdm.auto import tqdm
from transformers.utils import logging as transformers_logging

from .base import Loading, Report
from .checkpoint import DECIDING, tensor_bytes

REPORT_SECONDS = 0.25  # between two reports
LINE_SECONDS, LINE_SHARE, LINE_ANYWAY = 10.0, 0.1, 60.0  # a line in the log after so long and so much more, or after a minute
SETTLING_SECONDS = 1.0  # in the first moment come the parts of a download that were there before: no speed of the network
WINDOW_SECONDS = 30.0
SHORTEST_SPAN = 2.0  # seconds; a speed taken over less says nothing
WEIGHTS_BAR = "Loading weights"  # the description of the bar over the parameters (transformers 5.23, core_model_loading)
log = logging.getLogger(__name__)


class Estimate:
    """How long the rest takes at the speed of the last half minute; what was there before the first second counts for nothing."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def seconds(self, done: int, total: int, elapsed: float) -> float | None:
        """Seconds for the rest, `elapsed` seconds after the beginning; None while that cannot be told."""
        if elapsed < SETTLING_SECONDS:
            return None
        self._seen.append((elapsed, done))
        while elapsed - self._seen[0][0] > WINDOW_SECONDS and len(self._seen) > 1:
            self._seen.popleft()
        since, before = self._seen[0]
        if elapsed - since < SHORTEST_SPAN or done <= before:
            return None
        return (total - done) * (elapsed - since) / (done - before)


class Measure:
    """Turns bytes done of a total into reports: a few a second, never backwards, at the end all of it. Any thread may call it.

    Nothing is reported of what never begins. `total` 0 is no measure: then only the phrase is reported.
    """

    def __init__(self, doing: str, report: Report, total: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._doing, self._report, self._total, self._clock = doing, report, total, clock
        self._lock, self._estimate = threading.Lock(), Estimate()
        self._began = self._line_at = clock()
        self._done = self._line_done = 0
        self._reported_at: float | None = None

    def to(self, done: int) -> None:
        """So many bytes are done by now."""
        with self._lock:
            now = self._clock()
            self._done = max(self._done, min(done, self._total))
            if self._reported_at is None or now - self._reported_at >= REPORT_SECONDS:
                self._tell(now, self._estimate.seconds(self._done, self._total, now - self._began))

    def end(self) -> None:
        """All is done, however much of it was heard of."""
        with self._lock:
            if self._reported_at is not None and self._total:
                self._done = self._total
                self._tell(self._clock(), 0.0)

    def _tell(self, now: float, seconds: float | None) -> None:
        self._reported_at = now
        loading = Loading(self._doing, self._done, self._total, seconds if self._total else None)
        self._report(loading)
        waited, more = now - self._line_at, self._done - self._line_done
        if waited >= LINE_ANYWAY or (waited >= LINE_SECONDS and more >= LINE_SHARE * self._total):
            self._line_at, self._line_done = now, self._done
            log.info("%s", loading.sentence())


# --- downloading -----------------------------------------------------------------------------------------------------


def downloaded(hub_id: str, name: str, revision: str | None, token: str | None, report: Report, files: Sequence[str] = DECIDING) -> Path:
    """The folder of a model of the hub, downloaded where it is not in the cache. Raises what huggingface_hub raises.

    `revision` is a branch, a tag or a commit; None is the newest. Only what decides the story is fetched, no code and no pickles,
    or what of it is named by `files`.
    """
    report(Loading(f"asking the hub for {name}"))
    measure = Measure(f"downloading {name}", report, _bytes_to_come(hub_id, revision, token, files))
    path = snapshot_download(hub_id, revision=revision, token=token, allow_patterns=list(files), tqdm_class=_bar_over(measure))
    measure.end()
    return Path(path)


def _bytes_to_come(hub_id: str, revision: str | None, token: str | None, files: Sequence[str]) -> int:
    """What the hub has to send; 0 where that is nothing, or the hub does not say.

    huggingface_hub 2.4's bars know only the files that were begun, eight at a time, so their total grows on the way.
    """
    try:
        plan = snapshot_download(hub_id, revision=revision, token=token, allow_patterns=list(files), dry_run=True)
    except Exception as error:
        log.debug("The hub does not say how much it would send: %s", type(error).__name__)
        return 0  # what is wrong, the download itself says; what is in the cache needs no hub
    return sum(file.file_size or 0 for file in plan if file.will_download)


def _bar_over(measure: Measure) -> type[tqdm]:
    """A progress bar that shows nothing and tells a measure of the bytes; the bar over whole files tells it nothing."""

    class Bar(tqdm):
        monitor_interval = 0  # tqdm's thread that looks after bars has nothing to do here

        def __init__(self, *args: Any, **options: Any) -> None:
            self._in_bytes, self._bytes, self._counting = options.get("unit") == "B", 0, threading.Lock()
            super().__init__(*args, **options | {"disable": True})

        def update(self, n: float | None = 1) -> None:
            # With Xet there are two of them, over what is received and over what is written; the one ahead counts.
            if self._in_bytes and n:
                with self._counting:  # files come in threads of their own
                    self._bytes += int(n)
                measure.to(self._bytes)

    return Bar


# --- reading ---------------------------------------------------------------------------------------------------------


@contextmanager
def reading(folder: Path, doing: str, report: Report) -> Iterator[None]:
    """Within it, transformers' reading of the weights in `folder` is reported; without a measure where it offers no hook."""
    report(Loading(doing))
    set_hook = getattr(transformers_logging, "set_tqdm_hook", None)
    if set_hook is None:
        yield
        return
    sizes = tensor_bytes(folder)

    def bar(factory: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if options.get("desc") != WEIGHTS_BAR or not args:
            return factory(*args, **options)
        return _counted(args[0], sizes, doing, report)

    before = set_hook(bar)
    try:
        yield
    finally:
        set_hook(before)


def _counted(weights: Iterable[Any], sizes: Mapping[str, int], doing: str, report: Report) -> Iterator[Any]:
    """Pairs of a parameter's name and anything, reported by the bytes that each takes in the checkpoint."""
    pairs = list(weights)
    measure = Measure(doing, report, sum(sizes.get(name, 0) for name, _ in pairs))
    done = 0
    measure.to(done)
    for pair in pairs:
        yield pair
        done += sizes.get(pair[0], 0)
        measure.to(done)
    measure.end()
