"""Errors a visitor may read. Everything else that is raised is a bug and is shown as one calm line."""

import logging
import traceback
from pathlib import Path


class VisitorError(Exception):
    """Its message is a full sentence for the visitor: what is wrong, the limit, and the way out."""


class RequestRefused(VisitorError):
    """The request itself cannot be run; the message holds one sentence for each field at fault."""


class EngineError(VisitorError):
    """The model cannot be loaded or cannot go on writing."""


class Busy(VisitorError):
    """No place is free, for this visitor or for anyone."""


class TooMany(Busy):
    """This visitor has had their share; `seconds` until there is more of it, 0 where that is not known."""

    def __init__(self, sentence: str, seconds: float = 0.0) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class CannotGoOn(VisitorError):
    """A story that is over, or was never begun, cannot be continued."""


class AnotherModel(CannotGoOn):
    """The story was begun by another model than the one that writes here now."""


class UnknownStory(VisitorError):
    """No story with this id, or not with this key."""


class CannotRead(VisitorError):
    """The library cannot be read just now, so nobody knows whether there is such a story."""


class NotTheHost(VisitorError):
    """Only the host may do this, and the key is not the host's."""


class CannotDelete(VisitorError):
    """The library does not let go of a story just now."""


def log_bug(log: logging.Logger, what: str, error: BaseException) -> None:
    """Log where an unforeseen error came from. Its message is left out: it may quote a visitor's text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    log.error("%s: %s (message left out: it may hold a visitor's text) at %s", what, type(error).__name__, place)
