"""Writes the stories of a list of prompts into a folder, a record each and a table, and goes on where a run before was cut off."""

import argparse
import signal
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ..engine.base import Engine
from ..errors import EngineError, RequestRefused
from ..jobs.atomic import PART
from ..jobs.batch import TABLE, UNFINISHED, Batch, Turn, alone
from ..jobs.plan import Plan, new_plan, read_plan, require_same, require_writer, write_plan
from ..settings import read_settings
from ..story.checks import check
from ..story.prompts import KINDS, Prompt, prompts
from ..story.request import Finding
from ..story.table import summary
from .terminal import DIFFERS, DONE, INTERRUPTED, Load, loaded, say

SAID_EVERY = 10.0  # seconds between two lines of progress
MOST_SAID = 20
BROKEN = "The GPU of this process can compute nothing more. What was written is kept: run the same command again."


def batch(asked: argparse.Namespace, given: Mapping[str, object], load: Load) -> int:
    """`given` has the fields of a request that were said, for every prompt that does not say them itself."""
    try:
        return _batch(asked.out_dir, _listed(asked.prompts, given), load)
    except OSError as error:
        raise RequestRefused(
            f"{error.filename or asked.out_dir} cannot be written: {error.strerror}. What was written before is kept."
        ) from None


def _batch(folder: Path, listed: Sequence[Prompt], load: Load) -> int:
    plan = _planned(folder, listed)
    engine = None
    if plan is None or _missing(folder, plan):
        engine = loaded(load, read_settings())
        plan = _checked(folder, listed, plan, engine)
    assert plan
    with alone(folder) as library:
        begun = _planned(folder, listed)  # by another process meanwhile
        plan = begun or plan
        if begun is None:
            write_plan(folder, plan)
        work = Batch(folder, plan.tasks, library)
        status = _written(work, engine) if engine else DONE
        work.save_table()
    work.tidy()
    for line in summary(list(work.rows.values()), plan.writer.on_the_card):
        print(line)
    print(f"The table is {folder / TABLE}, the records are beside it.")
    if status == DONE and work.left:
        say("What failed is in the table with its reason. The same command tries it again.")
        return DIFFERS
    return status


# --- before anything is written ------------------------------------------------------------------------------------------


def _listed(path: Path, given: Mapping[str, object]) -> tuple[Prompt, ...]:
    """The prompts of a file. Raises RequestRefused with a sentence for each line at fault."""
    ending = path.suffix.lstrip(".").lower()
    if ending not in KINDS:
        raise RequestRefused(f"{path} has to end in {', '.join(f'.{kind}' for kind in KINDS)}: the ending says what it is.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return prompts(file.read().replace("\r\n", "\n"), ending, given, str(path))
    except OSError as error:
        raise RequestRefused(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise RequestRefused(f"{path} is not text in UTF-8. Save it as UTF-8.") from None


def _planned(folder: Path, listed: Sequence[Prompt]) -> Plan | None:
    """The plan of the batch in this folder; None where none was begun there. Raises RequestRefused where it is another one."""
    if folder.exists() and not folder.is_dir():
        raise RequestRefused(f"{folder} is a file. Name a folder.")
    plan = read_plan(folder)
    if plan:
        require_same(folder, plan, listed)
    elif folder.exists() and any(path.name != UNFINISHED and path.suffix != PART for path in folder.iterdir()):
        raise RequestRefused(f"{folder} holds other files, and no batch was begun there. Name a new folder, or an empty one.")
    return plan


def _missing(folder: Path, plan: Plan) -> bool:
    return any(not (folder / task.record).exists() for task in plan.tasks)


def _checked(folder: Path, listed: Sequence[Prompt], plan: Plan | None, engine: Engine) -> Plan:
    """The plan for this engine, what there is to say about its requests being said. Raises RequestRefused where some cannot run."""
    status = engine.status()
    assert status.writer
    if plan:
        require_writer(folder, plan, status.writer)
        if (was := plan.writer.badge()) != (now := status.writer.badge()):
            say(f"This batch was begun by {was}, and here {now} writes: each record says who wrote what.")
    else:
        plan = new_plan(listed, status.writer, status.default_words(2**31))
    said: dict[Finding, list[str]] = defaultdict(list)
    for prompt, task in zip(listed, plan.tasks, strict=True):
        rendered = engine.prompt(task.request)
        for finding in check(task.request, status.writer, rendered[1] if rendered else None):
            said[finding].append(prompt.place)
    _say_findings(said)
    return plan


def _say_findings(said: Mapping[Finding, Sequence[str]]) -> None:
    """Each once, with where it holds. Raises RequestRefused with those that are errors."""
    lines = {finding: f"{places[0]}{f' and {len(places) - 1} more' if places[1:] else ''}" for finding, places in said.items()}
    if refused := [f"{place}: {finding.message}" for finding, place in lines.items() if finding.level == "error"]:
        raise RequestRefused("\n".join([*refused[:MOST_SAID], "Nothing was written."]))
    for finding, place in list(lines.items())[:MOST_SAID]:
        say(f"{finding.level}: {place}: {finding.message}")


# --- while it is written -------------------------------------------------------------------------------------------------


def _written(work: Batch, engine: Engine) -> int:
    """Write what is missing; an order to end it, from a keyboard or a host, keeps what was written."""
    said = time.monotonic()
    try:
        with _ended_as_by_a_keyboard(), closing(work.write(engine)) as turns:
            for turn in turns:
                if turn or time.monotonic() - said >= SAID_EVERY:
                    said = time.monotonic()
                    say(_progress(work, turn))
                if turn and turn.broken:
                    raise EngineError(BROKEN)
    except KeyboardInterrupt:
        say("Interrupted. What was written is kept; the same command goes on from there.")
        return INTERRUPTED
    return DONE


def _progress(work: Batch, turn: Turn | None) -> str:
    done = f"{len(work.tasks) - len(work.left)} of {len(work.tasks)}"
    if turn is None:
        words = sum(record.words for record in list(work.at_work.values()))
        return f"{done} written, {len(work.at_work)} at work with {words:,} words"
    record, task = turn.record, turn.task
    if not turn.final:
        return f"{done} written; story {task.number} is not: {record.finish.message if record.finish else ''}"
    return f"{done} written: {record.words:,} of {task.request.words:,} words, {task.record}"


@contextmanager
def _ended_as_by_a_keyboard() -> Iterator[None]:
    """What ends a process, as batch systems do, does it as Ctrl-C would."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
