"""What Gradio keeps and works out for each session: as little as it can do with.

Gradio 6.31 describes every component anew for each session, for links that carry a page's state: 190 KB and half the time of a
call, which nothing here reads. Its queue keeps the messages of the last two thousand sessions, and of all the names and what was
never fetched for good.
"""

import time
from types import SimpleNamespace
from typing import Any

from gradio.blocks import Blocks
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

EVERY = 50  # requests
UNREAD_SECONDS = 60  # that an answer waits for whoever asked
MOST_UNREAD = 300  # sessions whose answers wait, 10 KB each; the oldest go first


class Session(SessionState):
    """One that describes no component."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))  # type: ignore[arg-type]

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class Holder(StateHolder):
    """Gradio's own, of such sessions."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)


class Sessions:
    """Sees to an app's, request by request, on the event loop that Gradio's queue is on."""

    def __init__(self) -> None:
        self._asked = 0
        self._over: dict[str, float] = {}  # the sessions for which nothing is at work, and since when

    def tidy(self, app: App) -> None:
        """To be called with every request, before the app sees it."""
        if not self._asked:
            app.state_holder = Holder()  # type: ignore[no-untyped-call]
            app.state_holder.set_blocks(app.get_blocks())
        self._asked += 1
        if self._asked % EVERY == 0:
            self._let_go(app.get_blocks()._queue)

    def _let_go(self, queue: Any) -> None:
        """Of what has been read, and of what nobody has come for."""
        events, messages, now = queue.pending_event_ids_session, queue.pending_messages_per_session, time.monotonic()
        over = [name for name in events.keys() | messages.keys() if queue.event_ids_to_events.keys().isdisjoint(events.get(name, ()))]
        self._over = dict(sorted(((name, self._over.get(name, now)) for name in over), key=lambda pair: pair[1]))
        unread = [name for name in self._over if events.get(name) or (name in messages and not messages[name].empty())]
        wait = {name for name in unread[-MOST_UNREAD:] if now - self._over[name] <= UNREAD_SECONDS}
        for name in over:
            if name not in wait:
                for kept in (events, messages):
                    kept.pop(name, None)
