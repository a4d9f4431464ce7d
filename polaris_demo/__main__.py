"""The command line: writes a new story, or a recorded one again and says whether it is identical."""

import argparse
import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from .engine import load_engine
from .engine.base import Engine, wait_until_ready
from .errors import EngineError, RequestRefused, VisitorError
from .jobs.rewrite import remarks, write, write_again
from .settings import HELP, Settings, SettingsError, read_settings
from .story.citation import Recorded, UnreadableRecord, first_difference, read_record, text_hash
from .story.events import Finish
from .story.exports import FILES
from .story.record import StoryRecord
from .story.request import FIELDS, LABELS, LIMITS, check, errors, read

IDENTICAL, DIFFERS, FAILED, INTERRUPTED = 0, 1, 2, 130
SAID_EVERY = 2.0  # seconds between two lines of progress
ENVIRONMENT = (
    "POLARIS_MODEL", "POLARIS_REVISION", "POLARIS_PRECISION", "POLARIS_ENGINE", "POLARIS_ENGINE_URL", "POLARIS_ENGINE_KEY",
    "POLARIS_ENGINE_MODEL", "HF_TOKEN",
)  # fmt: skip
DESCRIPTION = "POLARIS-9B stories on the command line. `python app.py` starts the page."
EPILOG = """examples:
  python -m polaris_demo write --record story.json
      writes a recorded story again and says "identical" or "differs from word 812 on"
  python -m polaris_demo write "a robot who learns to paint" --words 300 --seed 7 --record-out story.json
      writes a new story to standard output, as it comes, and keeps its record; how far it is goes to standard error

exit status: 0 identical, or written; 1 different; 2 it could not be done, or the record's text is not the recorded one

environment, as for the page:
""" + "\n".join(f"  {name}: {HELP[name]}" for name in ENVIRONMENT)


def main(arguments: Sequence[str] | None = None, load: Callable[[Settings], Engine] = load_engine) -> int:
    """Run one command; its exit status."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    asked.premise = asked.premise if asked.premise_named is None else asked.premise_named
    if asked.record and any(getattr(asked, name) is not None for name in (*FIELDS[1:], "record_out")):
        parser.error("a record says itself what was asked for: beside --record there is only --out")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        if asked.record:
            return _again(asked.record, asked.out, load)
        return _new(asked, load)
    except (VisitorError, SettingsError) as error:
        _say(str(error))
        return FAILED
    except KeyboardInterrupt:
        _say("Interrupted.")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m polaris_demo", description=DESCRIPTION, epilog=EPILOG, formatter_class=layout)
    about = "write a new story, or a recorded one again"
    commands = parser.add_subparsers(required=True, metavar="write", title="command")
    writing = commands.add_parser("write", help=about, description=about.capitalize() + ".", epilog=EPILOG, formatter_class=layout)
    what = writing.add_mutually_exclusive_group(required=True)
    what.add_argument("--record", type=Path, metavar="FILE", help="the .json record of a story, to be written again and compared")
    what.add_argument("premise", nargs="?", help="what a new story is about")
    what.add_argument("--premise", dest="premise_named", metavar="PREMISE", help="the same, where it begins with a dash")
    endings = ", ".join(f".{ending}" for ending in FILES)
    writing.add_argument("--out", type=Path, metavar="FILE", help=f"where the story goes; the ending says how: {endings}")
    writing.add_argument("--record-out", type=Path, metavar="FILE", help="where a new story's record goes")
    for name in FIELDS[1:]:
        about = LIMITS[name].sentence() if name in LIMITS else "short story, scene, essay, …, or verbatim: the premise is the whole prompt"
        writing.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help=f"{LABELS[name]}: {about}".replace("%", "%%"))
    return parser


def _again(path: Path, out: Path | None, load: Callable[[Settings], Engine]) -> int:
    _require_writable(out)
    recorded = _read(path)
    if not recorded.intact:
        _say("The hash in this record is not that of its text: one of them was changed after it was written.")
    engine = _loaded(load)
    for remark in remarks(recorded, engine.status().writer):
        _say(remark)
    record = _followed(write_again(engine, recorded))
    _require_told(record)
    _save(out, record)
    return _compared(recorded, str(record.story))


def _compared(recorded: Recorded, written: str) -> int:
    """Say how the story written now compares with the recorded one."""
    beginning = written if recorded.ended else written[: recorded.characters]
    found = first_difference(recorded.text, beginning)
    if found is None:
        print("identical" if recorded.ended else "identical as far as it was written")
    else:
        print(f"differs from word {found.word} on")
        print(f"  recorded: {_printable(found.recorded)}\n  written:  {_printable(found.written)}")
    if not recorded.intact:
        if text_hash(beginning) == recorded.sha256:
            print("What was written now has the recorded hash, so it is the record's text that was changed.")
        return FAILED
    return IDENTICAL if found is None else DIFFERS


def _new(asked: argparse.Namespace, load: Callable[[Settings], Engine]) -> int:
    _require_writable(asked.out)
    _require_writable(asked.record_out, "json")
    request, findings = read({name: value for name in FIELDS if (value := getattr(asked, name)) is not None})
    if request is None:
        raise RequestRefused("\n".join(finding.message for finding in findings))
    if request.sampling.seed < 0:
        request = request.with_seed(secrets.randbelow(2**32))
    engine = _loaded(load)
    if asked.words is None:
        request = replace(request, words=engine.status().default_words(request.words))
    rendered = engine.prompt(request)
    findings = check(request, engine.status().writer, rendered[1] if rendered else None)
    for finding in findings:
        _say(f"{finding.level}: {finding.message}")
    if errors(findings):
        return FAILED
    record = StoryRecord(secrets.token_urlsafe(12), request, findings, created=time.time())
    try:
        _followed(write(engine, record), None if asked.out else _Aloud())
    except (KeyboardInterrupt, BrokenPipeError) as left:
        record.apply(Finish("cancelled"), time.time())
        if isinstance(left, BrokenPipeError):  # whoever read it, such as `head`, has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _save(asked.record_out, record)
    _save(asked.out, record)
    if not asked.out:
        print()
    _require_told(record)
    return INTERRUPTED if record.state == "stopped" else 0


def _loaded(load: Callable[[Settings], Engine]) -> Engine:
    """The engine that the environment asks for, once it can write. Raises EngineError."""
    engine = load(read_settings())
    if engine.status().loading:
        _say("loading the model")
    if writer := wait_until_ready(engine).writer:
        _say(f"{writer.badge()}. {writer.why}")
    return engine


class _Aloud:
    """A story on standard output as it comes. What is taken back cannot be unsaid there, so it is said again from its beginning."""

    def __init__(self) -> None:
        self._said = 0

    def tell(self, record: StoryRecord) -> None:
        if len(record.story) < self._said:
            self._said = 0
            print("\n", flush=True)
            _say("A part of what stands there was taken back. The story begins again:")
        text, self._said = record.story.since(self._said)
        print(_printable(text), end="", flush=True)


def _followed(stories: Iterator[StoryRecord], aloud: _Aloud | None = None) -> StoryRecord:
    """The record at the end of its writing; on the way, a line now and then, and the story itself where it is told aloud."""
    said = 0.0
    for record in stories:
        if aloud:
            aloud.tell(record)
        if time.monotonic() - said >= SAID_EVERY:
            said = time.monotonic()
            _say(f"{record.state}: {record.words} words" if record.words else f"{record.state}: {record.thinking_tokens} tokens")
    _say(f"{record.words} words, {record.thinking_tokens + record.story_tokens} tokens, {record.tokens_per_second:g} tokens/s")
    return record


def _require_told(record: StoryRecord) -> None:
    """Raises EngineError where the engine could not write to the end."""
    if record.finish is None or record.state in ("failed", "paused"):
        raise EngineError(record.finish.message if record.finish and record.finish.message else "The story could not be finished.")


def _read(path: Path) -> Recorded:
    try:
        return read_record(path.read_text("utf-8-sig"))
    except OSError as error:
        raise UnreadableRecord(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UnreadableRecord(f"{path} is not text, so it is no story's record.") from None
    except UnreadableRecord as error:
        raise UnreadableRecord(f"{path} cannot be written again. {error}") from None


def _require_writable(path: Path | None, only: str = "") -> None:
    """Before minutes of writing: a file that could not be saved. Raises RequestRefused."""
    if path is None:
        return
    endings = [only] if only else list(FILES)
    if path.suffix.lstrip(".").lower() not in endings:
        raise RequestRefused(f"{path} has to end in {', '.join('.' + ending for ending in endings)}.")
    if not path.absolute().parent.is_dir():
        raise RequestRefused(f"The folder of {path} does not exist.")


def _save(path: Path | None, record: StoryRecord) -> None:
    if path is None:
        return
    content = FILES[path.suffix.lstrip(".").lower()].make(record)
    try:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        raise RequestRefused(f"{path} cannot be written: {error.strerror}.") from None
    _say(f"{path} written")


def _say(line: str) -> None:
    print(_printable(line), file=sys.stderr, flush=True)


def _printable(text: str) -> str:
    """Without control characters: a record may come from anyone, and a terminal obeys them."""
    return re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", " ", text)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(main())
