"""The host's featured premises (examples/featured.json): what the gallery asks for, each looked at as a visitor's request is."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ..story.request import StoryRequest, errors
from .admission import Checked

FEATURED = Path(__file__).parent.parent.parent / "examples" / "featured.json"
log = logging.getLogger(__name__)


def featured(path: Path, check: Callable[[Mapping[str, object]], Checked]) -> list[StoryRequest]:
    """The requests of a file, in its order; one that could not be run is left out with a line in the log that names it."""
    requests = list[StoryRequest]()
    for name, raw in _asked(path):
        found = check(raw)
        if found.request is None or errors(found.findings):
            log.warning("%s, %s, is left out of the gallery. %s", path.name, name, found.refusal())
        elif found.request not in requests:
            requests.append(found.request)
    return requests


def _asked(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    """What is asked for, each under a name; one premise at several lengths is as many requests."""
    try:
        stories = json.loads(path.read_text("utf-8"))["stories"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be read, so nothing is featured (%s)", path, type(error).__name__)
        return
    for number, story in enumerate(stories if isinstance(stories, list) else [], 1):
        if not isinstance(story, dict):
            log.warning("%s, story %s, is left out of the gallery. It is no object with a premise.", path.name, number)
            continue
        words = story.get("words")
        for length in words if isinstance(words, list) else [words]:
            yield f"story {number} ({length} words)", story | ({} if length is None else {"words": length})
