"""An event loop in a thread of its own, for an engine's side of the network: what comes there is heard on any thread."""

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import aclosing
from typing import Any, TypeVar

LOT_SECONDS = 0.05  # a thread that is woken for every token is woken too often: many stories would wait for one another
T = TypeVar("T")


class Loop:
    """Runs for as long as the process does: an engine has one for all of its stories."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name=name, daemon=True).start()

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """What it comes to; whoever asks waits. Raises what it raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def lots(self, source: AsyncGenerator[T], silence: float) -> Generator[list[T], None, None]:
        """The items of `source` in lots, the first at once and then one every LOT_SECONDS; an empty one after every `silence` seconds
        without any. What it raises is raised here.

        To leave cancels what the source waits for, and whoever leaves does not wait for that.
        """
        heard: queue.SimpleQueue[list[T] | Exception | None] = queue.SimpleQueue()
        task = asyncio.run_coroutine_threadsafe(_listen(source, heard), self._loop)
        try:
            while True:
                try:
                    lot = heard.get(timeout=silence)
                except queue.Empty:
                    yield []
                    continue
                if lot is None:
                    return
                if isinstance(lot, Exception):
                    raise lot
                yield lot
        finally:
            task.cancel()


async def _listen(source: AsyncGenerator[T], heard: "queue.SimpleQueue[list[T] | Exception | None]") -> None:
    loop, lot = asyncio.get_running_loop(), []  # type: asyncio.AbstractEventLoop, list[T]
    due: asyncio.TimerHandle | None = None

    def hand_over() -> None:
        nonlocal lot, due
        if lot:
            heard.put(lot)
        # Until the next one is due, what comes is gathered.
        due, lot = loop.call_later(LOT_SECONDS, hand_over) if lot else None, []

    try:
        async with aclosing(source):
            async for item in source:
                lot.append(item)
                if due is None:
                    hand_over()
        end: Exception | None = None
    except Exception as error:
        end = error
    finally:
        if due:
            due.cancel()
    if lot:
        heard.put(lot)
    heard.put(end)
