"""Writes a recorded story again and says whether it is identical."""

from pathlib import Path

from ..jobs.rewrite import remarks, write_again
from ..settings import read_settings
from ..story.citation import Recorded, first_difference, text_hash
from .files import read_recorded, require_told, require_writable, save
from .terminal import DIFFERS, DONE, FAILED, Load, followed, loaded, printable, say


def again(path: Path, out: Path | None, load: Load) -> int:
    require_writable(out)
    recorded = read_recorded(path)
    if not recorded.intact:
        say("The hash in this record is not that of its text: one of them was changed after it was written.")
    engine = loaded(load, read_settings())
    for remark in remarks(recorded, engine.status().writer):
        say(remark)
    record = followed(write_again(engine, recorded))
    require_told(record)
    save(out, record)
    return _compared(recorded, str(record.story))


def _compared(recorded: Recorded, written: str) -> int:
    """Say how the story written now compares with the recorded one."""
    beginning = written if recorded.ended else written[: recorded.characters]
    found = first_difference(recorded.text, beginning)
    if found is None:
        print("identical" if recorded.ended else "identical as far as it was written")
    else:
        print(f"differs from word {found.word} on")
        print(f"  recorded: {printable(found.recorded)}\n  written:  {printable(found.written)}")
    if not recorded.intact:
        if text_hash(beginning) == recorded.sha256:
            print("What was written now has the recorded hash, so it is the record's text that was changed.")
        return FAILED
    return DONE if found is None else DIFFERS
