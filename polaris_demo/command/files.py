"""The files a command takes and leaves: what cannot be read or written is a sentence, before minutes of writing."""

from pathlib import Path

from ..errors import EngineError, RequestRefused
from ..story.citation import Recorded, UnreadableRecord, read_record
from ..story.exports import FILES
from ..story.record import StoryRecord
from .terminal import say


def read_recorded(path: Path) -> Recorded:
    """Raises UnreadableRecord."""
    try:
        return read_record(path.read_text("utf-8-sig"))
    except OSError as error:
        raise UnreadableRecord(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UnreadableRecord(f"{path} is not text, so it is no story's record.") from None
    except UnreadableRecord as error:
        raise UnreadableRecord(f"{path} cannot be written again. {error}") from None


def require_writable(path: Path | None, only: str = "") -> None:
    """Raises RequestRefused for a file that could not be saved."""
    if path is None:
        return
    endings = [only] if only else list(FILES)
    if path.suffix.lstrip(".").lower() not in endings:
        raise RequestRefused(f"{path} has to end in {', '.join('.' + ending for ending in endings)}.")
    if not path.absolute().parent.is_dir():
        raise RequestRefused(f"The folder of {path} does not exist.")


def require_told(record: StoryRecord) -> None:
    """Raises EngineError where the engine could not write to the end."""
    if record.finish is None or record.state in ("failed", "paused"):
        raise EngineError(record.finish.message if record.finish and record.finish.message else "The story could not be finished.")


def save(path: Path | None, record: StoryRecord) -> None:
    """Raises RequestRefused."""
    if path is None:
        return
    content = FILES[path.suffix.lstrip(".").lower()].make(record)
    try:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        raise RequestRefused(f"{path} cannot be written: {error.strerror}.") from None
    say(f"{path} written")
