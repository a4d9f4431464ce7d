"""What goes wrong between here and an engine elsewhere: whether to try again, when, and the sentence that a visitor reads.

Nothing an engine or a proxy says in its own words is repeated: it may hold a visitor's text, or a key.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import openai

STARTING = (502, 503, 504)  # what stands before an engine says so, as does a replica that is still loading
MOST_RETRY_AFTER = 3600.0


@dataclass
class Fault(Exception):
    """`what` is said of the engine after its name: "broke off". Without `again` no other try can help.

    `wait` is for how many seconds it asks to be left alone; `starting` where it may only not be there yet.
    """

    what: str
    again: bool = True
    wait: float = 0.0
    starting: bool = False

    def __str__(self) -> str:
        return self.what


def fault(error: Exception) -> Fault | None:
    """What an exception of the client means; None where it is none of the network's."""
    match error:
        case Fault():
            return error
        case openai.APITimeoutError() | asyncio.TimeoutError():
            return Fault("did not answer in time")
        case openai.APIStatusError():
            return _refused(error.status_code, error.response.headers)
        case openai.APIConnectionError():
            return Fault("cannot be reached, or broke off", starting=True)
        case openai.APIError():
            return _reported(error.body)
        case ValueError() | TypeError() | AttributeError() | KeyError():
            return Fault("said something that cannot be read")
    return None


def _refused(status: int, headers: Mapping[str, str]) -> Fault:
    if status in (401, 403):
        return Fault("does not accept this server’s key", again=False)
    if status == 404:
        return Fault("does not know the model that this server asks for", again=False)
    if status in (408, 409, 425, 429) or status >= 500:
        what = "has too much to do" if status == 429 else "is starting, or fails" if status in STARTING else f"failed (HTTP {status})"
        return Fault(what, wait=_seconds(headers.get("retry-after", "")), starting=status in STARTING)
    return Fault(f"refused this story’s request (HTTP {status})", again=False)


def _reported(body: object) -> Fault:
    """An error within a stream that had begun: an object, or only a string."""
    code = body.get("code") if isinstance(body, dict) else None
    refused = isinstance(code, int) and 400 <= code < 500 and code not in (408, 409, 425, 429)
    return Fault("stopped with an error", again=not refused)


def _seconds(retry_after: str) -> float:
    """0 for a date, or what is no number."""
    try:
        return max(0.0, min(float(retry_after), MOST_RETRY_AFTER))
    except ValueError:
        return 0.0
