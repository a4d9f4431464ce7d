"""The token loop: prompt ids in, generated ids out, one at a time. Knows no text and no stories.

The plain loop over model.forward with its growing cache: the readable reference.
"""

import threading
from collections.abc import Iterator, Sequence

import torch
from transformers import DynamicCache, PreTrainedModel

from ..story.events import Progress
from ..story.request import SamplingParams
from .sampling import Sampler

PREFILL_CHUNK = 512  # tokens read between two looks at the stop event


class Stopped(Exception):
    """The stop event was set while the prompt was being read."""


def decode(
    model: PreTrainedModel,
    prompt: Sequence[int],
    output: Sequence[int],
    params: SamplingParams,
    seed: int,
    limit: int,
    stop: threading.Event,
) -> Iterator[Progress | int]:
    """Read `prompt` and what was already generated (`output`), then yield generated ids until `limit` in all.

    Yields Progress while reading. Ends at `limit` or when `stop` is set; end tokens are yielded like any other and
    it is the caller's to leave then. Raises Stopped when stopped while still reading.
    """
    device = model.device
    sampler = Sampler(model.config.get_text_config().vocab_size, device)
    sampler.start(params, seed, prompt, output)
    cache = DynamicCache(config=model.config.get_text_config())
    ids = torch.tensor([[*prompt, *output]], device=device)
    total = ids.shape[1]
    for at in range(0, total, PREFILL_CHUNK):
        yield Progress("reading", at, total)
        if stop.is_set():
            raise Stopped
        logits = _forward(model, ids[:, at : at + PREFILL_CHUNK], cache)
    for _ in range(limit - len(output)):
        token = sampler.draw(logits)
        yield int(token)
        if stop.is_set():
            return
        logits = _forward(model, token.view(1, 1), cache)


@torch.inference_mode()
def _forward(model: PreTrainedModel, ids: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    """Logits after the last of `ids`, shape (vocabulary,)."""
    return model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[0, -1]
