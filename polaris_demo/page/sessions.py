"""What Gradio keeps and works out for each session: as little as it can do with.

Gradio 6.31 describes every component anew for each session, for links that carry a page's state: 190 KB and half the time of a
call, which nothing here reads. Its queue keeps the messages of the last two thousand sessions, and the names of all for good.
"""

from types import SimpleNamespace
from typing import Any

from gradio.blocks import Blocks
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

EVERY = 50  # requests


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

    def tidy(self, app: App) -> None:
        """To be called with every request, before the app sees it."""
        if not self._asked:
            app.state_holder = Holder()  # type: ignore[no-untyped-call]
            app.state_holder.set_blocks(app.get_blocks())
        self._asked += 1
        if self._asked % EVERY == 0:
            _let_go(app.get_blocks()._queue)


def _let_go(queue: Any) -> None:
    events, messages = queue.pending_event_ids_session, queue.pending_messages_per_session
    for session in [name for name, ids in events.items() if not ids]:
        del events[session]
    for session in [name for name, held in messages.items() if name not in events and held.empty()]:
        del messages[session]
