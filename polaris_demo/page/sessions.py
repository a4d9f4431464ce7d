"""What Gradio's queue keeps of sessions whose events are over: nothing.

Gradio 6.31 keeps the messages of the last two thousand, and the names of all for good.
"""

from typing import Any

EVERY = 50  # requests


class Sessions:
    """Lets go of them now and then, on the event loop that Gradio's queue is on."""

    def __init__(self) -> None:
        self._asked = 0

    def tidy(self, blocks: Any) -> None:
        """To be called with every request."""
        self._asked += 1
        if self._asked % EVERY:
            return
        queue = blocks._queue
        events, messages = queue.pending_event_ids_session, queue.pending_messages_per_session
        for session in [name for name, ids in events.items() if not ids]:
            del events[session]
        for session in [name for name, held in messages.items() if name not in events and held.empty()]:
            del messages[session]
