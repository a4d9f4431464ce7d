"""What the app's own functions take, so that a call that fits none of them is a sentence before Gradio sees it.

Gradio 6.31 answers such calls with a fault of the server's and a traceback that may quote the visitor.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

API = "/gradio_api"
_NAMED = re.compile(rf"{API}/(?:call/(?P<v2>v2/)?|run/|api/)(?P<name>[\w.-]+)(?:/(?P<event>[\w-]+))?/?")
JOIN, CANCEL, DATA = f"{API}/queue/join", f"{API}/cancel", f"{API}/queue/data"
SEE = f"See {API}/info for what there is."
NO_ENDPOINT = f"There is no endpoint of this name. {SEE}"
NO_FUNCTION = f"There is no function of this number that can be called. {SEE}"
NO_EVENT = "There is no such event here: it is over and was read, or its id is mistyped."
NO_SESSION = "A session’s name is missing. Send one as session_hash, any text that is yours alone."
NOT_THEIRS = "This session has no such event, so there is nothing to cancel."
TOO_MANY = "This endpoint takes at most {} values, and there are {}. Leave out what is too much."
MISSING = f"This endpoint needs the field “{{}}”. {SEE}"
NO_FIELD = f"There is no field “{{}}” in this endpoint. {SEE}"
Refusal = tuple[int, str]


def wrong_post(blocks: Any, path: str, body: Mapping[str, Any]) -> Refusal | None:
    """Status and sentence for a call that no function of `blocks` takes; None where it may pass, or is no call."""
    if path == CANCEL:
        return None if body.get("event_id") in _events(blocks, body.get("session_hash")) else (403, NOT_THEIRS)
    found = _NAMED.fullmatch(path)
    if not found and path != JOIN:
        return None
    if path == JOIN and not body.get("session_hash"):
        return 400, NO_SESSION
    function = _function(blocks, found["name"] if found else "", body)
    if function is None:
        return (404, NO_ENDPOINT) if found and body.get("fn_index") is None else (400, NO_FUNCTION)
    if found and found["v2"]:
        return _wrong_fields(_parameters(blocks)[found["name"]], body)
    data = body.get("data")
    count, most = len(data) if isinstance(data, list) else 0, len(function.inputs)
    return (400, TOO_MANY.format(most, count)) if count > most else None


def wrong_get(blocks: Any, path: str, session: str) -> Refusal | None:
    """The same for reading what came of a call; `session` is what the query names."""
    found = _NAMED.fullmatch(path)
    if found and found["event"]:
        return None if _is_event(blocks, found["event"]) else (404, NO_EVENT)
    if path == DATA and session not in blocks._queue.pending_messages_per_session:
        return 404, NO_EVENT
    return None


def _function(blocks: Any, name: str, body: Mapping[str, Any]) -> Any:
    """The function that is called, by its number or its name; None where there is none in Python."""
    number = body.get("fn_index")
    if number is None and name in _parameters(blocks):
        number = next(number for number, function in blocks.fns.items() if function.api_name == name)
    function = blocks.fns.get(number)
    return function if function is not None and function.fn is not None else None


def _wrong_fields(parameters: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> Refusal | None:
    names = {one["parameter_name"] for one in parameters}
    if unknown := next((name for name in body if name not in names), ""):
        return 400, NO_FIELD.format(unknown[:40])
    missing = next(
        (one["parameter_name"] for one in parameters if not one["parameter_has_default"] and one["parameter_name"] not in body), ""
    )
    return (400, MISSING.format(missing)) if missing else None


@lru_cache(maxsize=4)
def _parameters(blocks: Any) -> dict[str, list[dict[str, Any]]]:
    """What each named endpoint takes, by its name."""
    return {name.lstrip("/"): about["parameters"] for name, about in blocks.get_api_info()["named_endpoints"].items()}


def _events(blocks: Any, session: object) -> Any:
    """The ids of a session's events that are not over."""
    return blocks._queue.pending_event_ids_session.get(session, ()) if isinstance(session, str) else ()


def _is_event(blocks: Any, event: str) -> bool:
    queue = blocks._queue
    if event in queue.event_ids_to_events or event in queue.pending_messages_per_session:
        return True
    return any(event in ids for ids in queue.pending_event_ids_session.values())
