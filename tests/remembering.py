"""A decoder that draws each story once, for those that only ask what is made of its tokens. Only for tests."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from weakref import WeakKeyDictionary

from transformers import PreTrainedModel

from polaris_demo.engine.decoder import Decoder
from polaris_demo.engine.run import Run, Stopped
from polaris_demo.story.events import Progress

# Of each model, and each prompt with its settings, the outputs that were drawn: a story is a function of these.
DRAWN: WeakKeyDictionary[PreTrainedModel, dict[object, list[list[int]]]] = WeakKeyDictionary()


class Remembering(Decoder):
    """What was drawn of a model after these tokens, by any of them, is told again; what was not is drawn."""

    def tokens(self, run: Run, stop: threading.Event) -> Iterator[Progress | int]:
        drawn = DRAWN.setdefault(self._model, {}).setdefault((tuple(run.prompt), run.params, run.seed, run.closing), [])
        told = list(run.output)
        yield Progress("reading", 0, len(run.prompt) + len(told))
        if stop.is_set():
            raise Stopped
        known = max((one for one in drawn if one[: len(told)] == told), key=len, default=[])
        for token in known[len(told) : run.limit]:
            told.append(token)
            yield token
            if stop.is_set():
                return
        if len(told) < run.limit:
            yield from self._drawn(replace(run, output=tuple(told)), stop, told, drawn)

    def _drawn(self, run: Run, stop: threading.Event, told: list[int], drawn: list[list[int]]) -> Iterator[Progress | int]:
        try:
            for event in super().tokens(run, stop):
                if isinstance(event, int):
                    told.append(event)
                yield event
        finally:
            drawn.append(told)
