"""Writes stories without a queue: a new one, or a recorded one once more. Knows no files and no command line."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..engine.base import Engine, GpuBroken
from ..story.citation import Recorded, first_request
from ..story.model_info import ModelInfo
from ..story.origin import Origin
from ..story.prompt import PLACE
from ..story.record import StoryRecord
from ..story.request import VERBATIM, StoryRequest
from ..story.version import written_on

_SAME = ("model", "revision", "precision", "device", "engine")


def write(engine: Engine, record: StoryRecord, enough: int | None = None) -> Iterator[StoryRecord]:
    """Go on with a record until it rests or has `enough` characters; the record after each event."""
    stop = threading.Event()
    with suppress(GpuBroken):  # said before it is raised
        for _ in turns(engine, record, stop):
            if enough is not None and len(record.story) >= enough:
                stop.set()
            yield record


def turns(engine: Engine, record: StoryRecord, stop: threading.Event) -> Iterator[StoryRecord]:
    """Go on with a record, segment by segment, until it rests; the record after each event. Raises GpuBroken after its Finish."""
    while True:
        record.finish = None
        for event in engine.write(record.request, record.resume_point(), stop):
            record.apply(event, time.time(), time.monotonic())
            yield record
        if record.finish is None or record.rests:
            return


def write_again(engine: Engine, recorded: Recorded) -> Iterator[StoryRecord]:
    """Write a recorded story once more, uncut; one that was broken off only as far as it was written.

    What it was written on from is written first, each part as it was drawn, and kept up to the place where the next one begins.
    """
    parts = _parts(recorded, as_prompted(engine, recorded))
    record = StoryRecord("again", first_request(parts[0]), created=time.time())
    for number, part in enumerate(parts):
        if number:
            origin = recorded.origins[number - 1]
            record = written_on(record, origin.place, origin.paragraph, record.id, part.request)
            record.created, record.origins = time.time(), recorded.origins[:number]
        yield from _write_part(engine, record, part)
        if len(record.story) < part.characters:
            return  # it came out otherwise, and is over


def _parts(recorded: Recorded, request: StoryRequest) -> list[Recorded]:
    """Each part of a story as if it were the record of one that was broken off at its end; the last is what was asked for."""
    last = replace(recorded, request=request, origins=())
    kept = [origin for origin in recorded.origins if origin.place.tokens]
    return [replace(last, **_part(request, origin)) for origin in kept] + [last]


def _part(request: StoryRequest, origin: Origin) -> dict[str, Any]:
    seeds, unguarded = tuple(seed for _, seed in origin.reseeded), origin.unguarded_at is not None
    drawn = {"request": replace(request, sampling=origin.sampling), "seeds": seeds, "unguarded": unguarded}
    return drawn | {"ended": False, "characters": origin.place.characters}


def _write_part(engine: Engine, record: StoryRecord, recorded: Recorded) -> Iterator[StoryRecord]:
    """Goes on where the recorded one did: where an end was cut off with its next seed, after a budget used up with the larger one."""
    budget, seeds = recorded.request.sampling.max_new_tokens, list(recorded.seeds)
    while True:
        # A loop that was cut may have been longer than the story is now.
        ends = recorded.ended or seeds or (recorded.unguarded and record.unguarded_at is None)
        yield from write(engine, record, None if ends else recorded.characters)
        sampling, reason = record.request.sampling, record.finish.reason if record.finish else ""
        if record.finish and record.finish.tokens is not None and seeds:
            sampling = replace(sampling, seed=seeds.pop(0))
        elif recorded.unguarded and record.folded:
            record.resume(without_guard=True)
        elif reason == "length" and sampling.max_new_tokens < budget:
            sampling = replace(sampling, max_new_tokens=budget)
        else:
            return
        record.request = replace(record.request, sampling=sampling)


def as_prompted(engine: Engine, recorded: Recorded) -> StoryRequest:
    """The request, with the recorded prompt for its words where this version of the app would choose others."""
    request, rendered = recorded.request, engine.prompt(recorded.request)
    around = engine.prompt(replace(request, premise=PLACE, form=VERBATIM))
    if rendered is None or around is None or rendered[0] == recorded.prompt:
        return request
    before, _, after = around[0].partition(PLACE)
    message = recorded.prompt.removeprefix(before).removesuffix(after)
    return replace(request, premise=message, form=VERBATIM) if before + message + after == recorded.prompt else request


def remarks(recorded: Recorded, writer: ModelInfo | None) -> list[str]:
    """What can make the story come out otherwise here, in a sentence each; none where all is as it was."""
    was, parts = recorded.writer, recorded.resumed + 1
    said = []
    if parts > 1 and was.precision != "fp32":
        said.append(f"It was written in {parts} parts and now in one; in {was.precision} that alone can change it.")
    if recorded.stretches > 1:
        said.append(f"It was written in {recorded.stretches} stretches, each by the model in another place; here one writes all.")
    if writer is None:
        return said
    pairs = [(name, getattr(was, name), getattr(writer, name)) for name in _SAME]
    pairs += [(name, was.versions[name], writer.versions[name]) for name in sorted(was.versions.keys() & writer.versions.keys())]
    other = [f"{name} {before}, here {now}" for name, before, now in pairs if before != now]
    return [*said, f"Not all is as recorded: {'; '.join(other)}."] if other else said
