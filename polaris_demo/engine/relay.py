"""An event loop in a thread of its own, for an engine's side of the network: what comes there is heard on any thread."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")
_END = object()


class Loop:
    """Runs for as long as the process does: an engine has one for all of its stories."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name=name, daemon=True).start()

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """What it comes to; whoever asks waits. Raises what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def items(self, source: AsyncIterator[T], silence: float) -> Generator[T | None, None, None]:
        """The items of `source` as they come; None after every `silence` seconds without one. What it raises is raised here.

        To leave cancels what the source waits for, and whoever leaves does not wait for that.
        """
        heard: queue.SimpleQueue[object] = queue.SimpleQueue()

        async def listen() -> None:
            try:
                async for item in source:
                    heard.put(item)
                heard.put(_END)
            except Exception as error:
                heard.put(error)

        task = asyncio.run_coroutine_threadsafe(listen(), self._loop)
        try:
            while True:
                try:
                    item = heard.get(timeout=silence)
                except queue.Empty:
                    yield None
                    continue
                if item is _END:
                    return
                if isinstance(item, Exception):
                    raise item
                yield item  # type: ignore[misc]
        finally:
            task.cancel()
