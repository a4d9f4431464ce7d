"""The command line: a new story, a recorded one again, or a list of prompts. Only reads what is asked for; `command/` does it."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from .command.again import again
from .command.batch import batch
from .command.new import new
from .command.terminal import DIFFERS, DONE, FAILED, INTERRUPTED, Load, say
from .engine import load_engine
from .errors import VisitorError
from .settings import HELP, SettingsError
from .story.exports import FILES
from .story.prompts import ALSO, KINDS
from .story.request import FIELDS, LABELS, LIMITS

__all__ = ["DIFFERS", "FAILED", "IDENTICAL", "INTERRUPTED", "main"]
IDENTICAL = DONE
ENVIRONMENT = (
    "POLARIS_MODEL", "POLARIS_REVISION", "POLARIS_PRECISION", "POLARIS_ENGINE", "POLARIS_ENGINE_URL", "POLARIS_ENGINE_KEY",
    "POLARIS_ENGINE_MODEL", "POLARIS_ENGINE_PROFILE", "POLARIS_DATA_DIR", "HF_TOKEN",
)  # fmt: skip
DESCRIPTION = "POLARIS-9B stories on the command line. `python app.py` starts the page."
EPILOG = f"""examples:
  python -m polaris_demo write --record story.json
      writes a recorded story again and says "identical" or "differs from word 812 on"
  python -m polaris_demo write "a robot who learns to paint" --words 300 --seed 7 --record-out story.json
      writes a new story to standard output, as it comes, and keeps its record; how far it is and where the story can be
      read from then on goes to standard error
  python -m polaris_demo write --prompts prompts.csv --out-dir stories --words 2000
      writes a story for each prompt, as many at a time as the engine can, into the folder stories: a record each, and
      table.csv with words, length ratio, the paper's evaluation band and its measure of self-repetition. The same
      command goes on where it was cut off, whatever cut it off, and tries again what failed

a list of prompts ({", ".join("." + kind for kind in KINDS)}, in UTF-8):
  .txt    a premise a line
  .jsonl  an object a line, or a premise in quotation marks: {{"premise": "a fox", "words": 2000, "seed": 7}}
  .json   a list of such objects or premises
  .csv    a header with the names of fields, and a row a prompt; an empty cell was not given
  Fields: {", ".join(FIELDS)},
  and id, what you call the prompt. Also {", ".join(f"{other} for {own}" for other, own in ALSO.items())};
  a prompt is sent untouched (form verbatim) unless a form is given.
  Options such as --words hold for every prompt that does not say its own. A seed that nobody gives is drawn once, and
  kept in plan.json. Text in table.csv that a spreadsheet would run as a formula has an apostrophe before it.

exit status: 0 identical, or written; 1 different, or some stories of a list failed; 2 it could not be done, or the record's
text is not the recorded one; 130 interrupted, with what was written kept

environment, as for the page:
""" + "\n".join(f"  {name}: {HELP[name]}" for name in ENVIRONMENT)


def main(arguments: Sequence[str] | None = None, load: Load = load_engine) -> int:
    """Run one command; its exit status."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    asked.premise = asked.premise if asked.premise_named is None else asked.premise_named
    given = {name: value for name in FIELDS if (value := getattr(asked, name)) is not None}
    if problem := _mixed(asked, given):
        parser.error(problem)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        if asked.record:
            return again(asked.record, asked.out, load)
        return batch(asked, given, load) if asked.prompts else new(asked, given, load)
    except (VisitorError, SettingsError) as error:
        say(str(error))
        return FAILED
    except KeyboardInterrupt:
        say("Interrupted.")
        return INTERRUPTED


def _mixed(asked: argparse.Namespace, given: dict[str, object]) -> str:
    """Why these options do not go together; empty where they do."""
    if asked.record and (given or asked.record_out or asked.out_dir):
        return "a record says itself what was asked for: beside --record there is only --out"
    if asked.prompts and (asked.out or asked.record_out or not asked.out_dir):
        return "a list of prompts goes into a folder: with --prompts comes --out-dir, and neither --out nor --record-out"
    if asked.out_dir and not asked.prompts:
        return "--out-dir is where the stories of --prompts go: for a single story there are --out and --record-out"
    return ""


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m polaris_demo", description=DESCRIPTION, epilog=EPILOG, formatter_class=layout)
    about = "write a new story, a recorded one again, or a list of prompts"
    commands = parser.add_subparsers(required=True, metavar="write", title="command")
    writing = commands.add_parser("write", help=about, description=about.capitalize() + ".", epilog=EPILOG, formatter_class=layout)
    what = writing.add_mutually_exclusive_group(required=True)
    what.add_argument("--record", type=Path, metavar="FILE", help="the .json record of a story, to be written again and compared")
    what.add_argument("--prompts", type=Path, metavar="FILE", help="a list of prompts, each to be written; see below")
    what.add_argument("premise", nargs="?", help="what a new story is about")
    what.add_argument("--premise", dest="premise_named", metavar="PREMISE", help="the same, where it begins with a dash")
    endings = ", ".join(f".{ending}" for ending in FILES)
    writing.add_argument("--out", type=Path, metavar="FILE", help=f"where the story goes; the ending says how: {endings}")
    writing.add_argument("--record-out", type=Path, metavar="FILE", help="where a new story's record goes")
    writing.add_argument("--out-dir", type=Path, metavar="FOLDER", help="where the records and the table of a list of prompts go")
    for name in FIELDS[1:]:
        about = LIMITS[name].sentence() if name in LIMITS else "short story, scene, essay, …, or verbatim: the premise is the whole prompt"
        writing.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help=f"{LABELS[name]}: {about}".replace("%", "%%"))
    return parser


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(main())
