"""Writes a new story, told as it comes, kept where the page finds it, and says where it can be read."""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..engine.base import Engine
from ..errors import RequestRefused
from ..jobs.job import Job
from ..jobs.keeping import Keeper, keeper, kept, nobodys
from ..jobs.rewrite import write
from ..page import links
from ..settings import Settings, read_settings
from ..story.checks import check
from ..story.events import Finish
from ..story.record import StoryRecord
from ..story.request import StoryRequest, errors, read
from .files import require_told, require_writable, save
from .terminal import DONE, FAILED, INTERRUPTED, Aloud, Load, followed, loaded, say


def new(asked: argparse.Namespace, given: Mapping[str, object], load: Load) -> int:
    """`given` has the fields of the request that were said."""
    require_writable(asked.out)
    require_writable(asked.record_out, "json")
    request, findings = read(given)
    if request is None:
        raise RequestRefused("\n".join(finding.message for finding in findings))
    if request.sampling.seed < 0:
        request = request.with_seed(secrets.randbelow(2**32))
    settings = read_settings()
    engine = loaded(load, settings)
    if "words" not in given:
        request = replace(request, words=engine.status().default_words(request.words))
    record = _begun(engine, request)
    if errors(record.findings):
        return FAILED
    with keeper(settings) as keeping:
        _written(engine, nobodys(record), keeping, aloud=not asked.out)
        save(asked.record_out, record)
        save(asked.out, record)
        _say_where(record, [path for path in (asked.out, asked.record_out) if path], keeping, settings)
    require_told(record)
    return INTERRUPTED if record.state == "stopped" and record.finish and record.finish.reason == "cancelled" else DONE


def _begun(engine: Engine, request: StoryRequest) -> StoryRecord:
    """The record before its first word, what there is to say about its request being said."""
    writer, rendered = engine.status().writer, engine.prompt(request)
    findings = check(request, writer, rendered[1] if rendered else None)
    for finding in findings:
        say(f"{finding.level}: {finding.message}")
    return StoryRecord(secrets.token_urlsafe(12), request, findings, created=time.time(), writer=writer)


def _written(engine: Engine, job: Job, keeping: Keeper, aloud: bool) -> None:
    """Write the story to its end, or until whoever waits for it has enough."""
    stories = write(engine, job.record)
    if keeping.library:
        stories = kept(keeping.library, job, stories)
    try:
        followed(stories, Aloud() if aloud else None)
    except (KeyboardInterrupt, BrokenPipeError) as left:
        job.record.apply(Finish("cancelled"), time.time())
        if isinstance(left, BrokenPipeError):  # whoever read it, such as `head`, has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if aloud:
        print(flush=True)
    if keeping.library:
        job.save(keeping.library)


def _say_where(record: StoryRecord, files: list[Path], keeping: Keeper, settings: Settings) -> None:
    """Where the story can be read from now on."""
    problem = keeping.problem or (keeping.library.problem if keeping.library else "")
    if not problem:
        address = f"{settings.home or links.own_address(os.environ, settings.root_path)}?story={record.id}"
        days = f"for {settings.keep_days} days" if settings.data_lasts else "until this machine starts anew"
        say(f"To read it on the page: `python app.py` shows it at {address}, {days}.")
    elif files:
        say(f"The story is in {' and '.join(map(str, files))}. {problem}")
    else:
        say(f"The story stands on standard output alone. {problem}")
