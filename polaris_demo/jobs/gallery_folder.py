"""The folder of the gallery's recordings: which stories there are, one more, one less. Never touches what others recorded."""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

from ..errors import CannotDelete, UnknownStory
from ..story.model_info import ModelInfo
from ..story.recording import UnreadableRecording, read_recording
from ..story.request import StoryRequest
from . import atomic
from .plan import slug

OWN = "gallery-"  # begins the name of a recording that the gallery made
REMOVED = ".removed"  # ends the name of what stands in the place of one that the host removed, and says which story it was
NO_SUCH = "There is no recording of this name here."
NOT_OURS = "This recording was not made by the gallery. Whoever put it into its folder can delete it there."
log = logging.getLogger(__name__)


def key(request: StoryRequest, writer: ModelInfo) -> str:
    """Which story this is: the same premise, length and form by the same model and revision is the same one."""
    parts = (request.premise, str(request.words), request.form, writer.model, writer.revision)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def known(folders: Iterable[Path]) -> set[str]:
    """The stories that are recorded, whoever did, and those that were removed."""
    found = set[str]()
    for folder in folders:
        found |= {path.read_text("utf-8").strip() for path in folder.glob(f"*{REMOVED}")}
        for path in folder.glob("*.json"):
            try:
                recorded = read_recording(path.read_text("utf-8")).recorded
            except (UnreadableRecording, OSError, ValueError):
                continue  # the page says in the log that it is not shown, and why
            found.add(key(recorded.request, recorded.writer))
    return found


def keep(folder: Path, request: StoryRequest, story: str, recording: str) -> Path:
    """One more recording, of the story with this key. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{OWN}{slug(request.premise) or 'story'}-{request.words}-{story[:6]}.json"
    atomic.write(path, recording)
    return path


def remove(folder: Path | None, name: str) -> None:
    """Take a recording of the gallery's away for good: it is not written again. Raises UnknownStory, CannotDelete."""
    path = next((path for path in (folder.glob("*.json") if folder else ()) if path.stem == name), None)
    if path is None:
        raise UnknownStory(NO_SUCH)
    if not name.startswith(OWN):
        raise CannotDelete(NOT_OURS)
    try:
        recorded = read_recording(path.read_text("utf-8")).recorded
        atomic.write(path.with_suffix(REMOVED), f"{key(recorded.request, recorded.writer)}\n")
        path.unlink()
    except (OSError, ValueError) as error:
        raise CannotDelete(f"The recording could not be removed ({type(error).__name__}). Try again later.") from None
    log.info("The recording %s was removed, and is not written again", path.name)
