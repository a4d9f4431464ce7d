"""How vLLM's completions are spoken to, and whatever takes and gives token ids as they do.

The prompt goes there as ids, and every chunk brings the ids it holds (`return_token_ids`), so nothing is glued together from
text and no template is needed there.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from .elsewhere import Address, chunks, require_ended, seed_at
from .faults import Fault
from .run import Run


class Ids:
    """Token ids in, token ids out. `ends` are the model's end tokens."""

    def __init__(self, engine: Address, ends: frozenset[int]) -> None:
        self._model, self._ends, self._client = engine.model, sorted(ends), engine.client()

    async def ids(self, run: Run, written: Sequence[int]) -> AsyncGenerator[tuple[int, ...]]:
        """As `elsewhere.Speaks` has it."""
        ended = None
        asked = self._client.completions.create(**body(self._model, run, written, self._ends))
        async with aclosing(chunks(asked, _says)) as heard:
            async for chunk in heard:
                if chunk.model and chunk.model != self._model:
                    raise Fault("answers as another model than the one that was asked for", again=False)
                for choice in chunk.choices or ():
                    ids = tuple(getattr(choice, "token_ids", None) or ())
                    if choice.text and not ids:
                        raise Fault("sends text without the ids of its tokens", again=False)
                    if ids:
                        yield ids
                    ended = choice.finish_reason or ended
                    if choice.finish_reason == "stop" and (not ids or ids[-1] not in self._ends):
                        yield (self._ends[0],)
        require_ended(ended)


def body(model: str, run: Run, written: Sequence[int], ends: Sequence[int]) -> dict[str, Any]:
    """The request for what comes after `written`: these fields and no others, each with a value, whatever the engine's defaults are."""
    params = run.params
    return {
        "model": model,
        "prompt": [*run.prompt, *written],
        "max_tokens": run.limit - len(written),
        "stream": True,
        "temperature": params.temperature,
        "top_p": params.top_p if params.temperature else 1.0,
        "presence_penalty": params.presence_penalty,
        "frequency_penalty": 0.0,
        "seed": seed_at(params, len(written)),
        "extra_body": {
            "top_k": params.top_k,
            "min_p": params.min_p,
            "repetition_penalty": params.repetition_penalty,
            "stop_token_ids": list(ends),
            "return_token_ids": True,
        },
    }


def _says(chunk: Any) -> bool:
    return any(getattr(choice, "token_ids", None) for choice in chunk.choices or ())
