"""Runs a generator in a thread of its own, so that its silence can be noticed and leaving it need not wait for it."""

import contextvars
import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")
_END = object()


def pumped(items: Generator[T, None, None], silence: float, leaving: threading.Event, wait: bool) -> Iterator[T | None]:
    """The items of a generator; None after every `silence` seconds without one. What it raises is raised here.

    Leaving sets `leaving`, and the generator is closed by its own thread at its next item; with `wait` leaving lasts
    until that is done. The thread has a copy of the caller's context.
    """
    lot: queue.SimpleQueue[object] = queue.SimpleQueue()

    def run() -> None:
        try:
            for item in items:
                if leaving.is_set():
                    break
                lot.put(item)
            items.close()
            lot.put(_END)
        except Exception as error:
            lot.put(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="pump", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = lot.get(timeout=silence)
            except queue.Empty:
                yield None
                continue
            if item is _END:
                return
            if isinstance(item, Exception):
                raise item
            yield item  # type: ignore[misc]
    finally:
        leaving.set()
        if wait:
            thread.join()
