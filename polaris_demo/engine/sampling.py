"""Draws the next token: penalties, temperature, min-p, top-k, top-p, and a seeded choice.

Order and meaning are those of vLLM, the paper's engine: penalties on the raw logits, the repetition penalty over prompt
and output, the presence penalty over the output alone (thinking included), then temperature, min-p, top-k, top-p.
(transformers takes min-p last, which differs where top-p is given too.) Nothing here grows with the text, and every
parameter is a tensor on the device, so a captured step serves all stories. The random bits are a function of (seed,
position, token id), not of a generator's state: a story cut anywhere and resumed draws the same tokens.
"""

import copy
from collections.abc import Sequence
from dataclasses import fields

import torch

from ..story.request import SamplingParams
from .closing import NEVER, Closing, ThinkingState

MAX_TOP_K = 64
CANDIDATES = 2 * MAX_TOP_K  # a captured step needs a fixed number: room for 64 tokens and more that equal the last of them
MOST_CLOSING = 8  # tokens that the end of a thinking is made of
BROKEN = -1  # drawn from logits that are not finite
_MIX = (-4658895280553007687, -7723592293110705685)  # splitmix64's multipliers as signed 64-bit integers
_SEED, _POSITION, _TOKEN = -7046029254386353131, -3372029247567499371, 2685821657736338717  # odd, well mixed
_MASK_53 = 2.0**-53


class Sampler:
    """The sampling state of `rows` stories: which tokens each has seen, where in its output it is, and whether its thinking is open.

    No row feels another, and what a row draws does not hang on how many there are.
    """

    def __init__(self, vocabulary: int, device: torch.device | str = "cpu", rows: int = 1) -> None:
        def zeros(width: int, dtype: torch.dtype = torch.long) -> torch.Tensor:
            return torch.zeros(rows, width, dtype=dtype, device=device)

        self._seen, self._output = zeros(vocabulary, torch.bool), zeros(vocabulary, torch.float32)
        self._position, self._seed = zeros(1), zeros(1)
        names = [field.name for field in fields(SamplingParams) if field.name not in ("max_new_tokens", "seed")]
        self._params = {name: zeros(1, torch.float32) for name in names}
        self._size = min(CANDIDATES, vocabulary)
        self._close_at, self._closing, self._closing_length = zeros(1), zeros(MOST_CLOSING), zeros(1)
        self._marks = torch.full((rows, 2), BROKEN, dtype=torch.long, device=device)  # the tokens that open and close thinking
        self._open, self._forced = zeros(1, torch.bool), zeros(1)
        self._breaks, self._after_break = zeros(vocabulary, torch.bool), zeros(1, torch.bool)
        self._parts: dict[tuple[int, int], Sampler] = {}

    def part(self, start: int, stop: int) -> "Sampler":
        """The rows from `start` up to `stop` as a sampler of their own, over the same memory."""
        if (start, stop) not in self._parts:
            part = copy.copy(self)
            for name, value in vars(self).items():
                if isinstance(value, torch.Tensor):
                    setattr(part, name, value[start:stop])
            part._params = {name: tensor[start:stop] for name, tensor in self._params.items()}
            part._parts = {}
            self._parts[start, stop] = part
        return self._parts[start, stop]

    def start(
        self,
        params: SamplingParams,
        seed: int,
        prompt: Sequence[int],
        output: Sequence[int] = (),
        closing: Closing | None = None,
    ) -> None:
        """Begin a story in every row, or go on with one whose `output` was already drawn. `seed` is 0 to 2**32 - 1."""
        self._start_closing(closing, output)
        for name, tensor in self._params.items():
            tensor.fill_(getattr(params, name))
        self._seed.fill_(seed)
        self._position.fill_(len(output))
        self._seen.zero_()
        self._output.zero_()
        for ids, marks in ((prompt, (self._seen,)), (output, (self._seen, self._output))):
            if ids:
                index = torch.tensor(sorted(set(ids)), device=self._seen.device)
                for mark in marks:
                    mark[:, index] = 1

    def move(self, source: int, row: int) -> None:
        """The story of one row goes on in another."""
        for tensor in self._tensors():
            tensor[row].copy_(tensor[source])

    def draw(self, logits: torch.Tensor) -> torch.Tensor:
        """The next token of each row, shape (rows, 1), from raw logits of shape (rows, vocabulary); BROKEN where they are not finite.

        Marks it as seen; waits for no value.
        """
        sound = torch.isfinite(logits.float().sum(-1, keepdim=True))
        logits = self.penalised(logits)
        values, tokens = self.candidates(logits)
        race = values.double() + self._gumbel(tokens)
        drawn = tokens.gather(-1, race.argmax(-1, keepdim=True))  # indexing by a tensor would wait for its value
        token = torch.where(self._params["temperature"] == 0, logits.argmax(-1, keepdim=True), drawn)
        token = self._or_forced(token)
        self.note(token)
        return torch.where(sound, token, BROKEN)

    def penalised(self, logits: torch.Tensor) -> torch.Tensor:
        """Raw logits after the penalties: the likeliest token of these, of equal ones the first, is the greedy choice."""
        p, logits = self._params, logits.float()
        repeated = torch.where(logits < 0, logits * p["repetition_penalty"], logits / p["repetition_penalty"])
        return torch.where(self._seen, repeated, logits) - p["presence_penalty"] * self._output

    def candidates(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities and ids of the tokens that may be drawn, shape (rows, candidates), likeliest last, from penalised logits;
        -inf where filtered out.

        All that equal the last of top-k are kept, as by vLLM's PyTorch code and by transformers (vLLM 0.32's Triton kernel
        keeps exactly k, by its source), as far as there is room: of more than CANDIDATES so many, those that torch.topk finds.
        """
        p = self._params
        scaled = logits / torch.where(p["temperature"] == 0, 1.0, p["temperature"])
        values, tokens = _ascending(*scaled.topk(self._size))
        last = values.gather(-1, (self._size - p["top_k"].long()).clamp(0, self._size - 1))
        unlikely = (values - values[:, -1:]).exp() < p["min_p"]  # shares of the likeliest need no sum over the vocabulary
        values = values.masked_fill((values < last) | unlikely, -torch.inf)
        below = values.softmax(-1).cumsum(-1) <= 1 - p["top_p"]
        return values.masked_fill(below & (p["top_p"] < 1), -torch.inf).log_softmax(-1), tokens

    def sureness(self, logits: torch.Tensor, token: torch.Tensor) -> torch.Tensor:
        """The probability of each row's `token`, shape (rows, 1), at its temperature, from raw logits: what penalties forbid counts."""
        greedy = self._params["temperature"] == 0
        scaled = logits.float() / torch.where(greedy, 1.0, self._params["temperature"])
        index = token.clamp(min=0)
        likely = (scaled.gather(-1, index) - scaled.logsumexp(-1, keepdim=True)).exp()
        return torch.where(greedy, (index == scaled.argmax(-1, keepdim=True)).float(), likely)

    def _start_closing(self, closing: Closing | None, output: Sequence[int]) -> None:
        self._close_at.fill_(closing.at if closing else NEVER)
        self._open.fill_(False)
        self._forced.zero_()
        self._marks.fill_(BROKEN)
        if closing is None:
            return
        state, device = ThinkingState(closing, output), self._closing.device
        self._closing[:, : len(closing.tokens)] = torch.tensor(closing.tokens, device=device)
        self._closing_length.fill_(len(closing.tokens))
        self._marks.copy_(torch.tensor([[closing.start, closing.end]]))
        self._open.fill_(state.open)
        self._forced.fill_(state.forced)
        self._breaks.zero_()
        if closing.breaks:
            self._breaks[:, torch.tensor(sorted(closing.breaks), device=device)] = True
        self._after_break.fill_(state.after_break)

    def _or_forced(self, token: torch.Tensor) -> torch.Tensor:
        """The token, or the next of those that end the thinking where that is due; as in `ThinkingState`."""
        begins = (self._forced == 0) & self._open & (self._position >= self._close_at)
        forced = torch.where(begins, 1 + self._after_break.long(), self._forced)
        token = torch.where(forced > 0, self._closing.gather(-1, (forced - 1).clamp(min=0)), token)
        self._forced.copy_(torch.where((forced > 0) & (forced < self._closing_length), forced + 1, 0))
        return token

    def note(self, token: torch.Tensor) -> None:
        """Count a token a row, shape (rows, 1), as drawn: also one that was forced."""
        self._open.copy_((self._open | (token == self._marks[:, :1])) & (token != self._marks[:, 1:]))
        self._after_break.copy_(self._breaks.gather(-1, token))
        self._seen.scatter_(-1, token, True)
        self._output.scatter_(-1, token, 1.0)
        self._position.add_(1)

    def state(self) -> list[torch.Tensor]:
        """A copy of everything a draw reads or changes, for `restore`."""
        return [tensor.clone() for tensor in self._tensors()]

    def restore(self, state: list[torch.Tensor]) -> None:
        for tensor, saved in zip(self._tensors(), state, strict=True):
            tensor.copy_(saved)

    def _tensors(self) -> list[torch.Tensor]:
        own = [self._seen, self._output, self._position, self._seed, self._close_at, self._closing, self._closing_length, self._marks]
        return [*own, self._open, self._forced, self._breaks, self._after_break, *self._params.values()]

    def _gumbel(self, tokens: torch.Tensor) -> torch.Tensor:
        """Gumbel noise from bits that depend on nothing but seed, position and token: the largest sum is the draw."""
        start = _mix(self._seed * _SEED + self._position * _POSITION)
        start = torch.where(start == 0, _TOKEN, start)  # of seed 0 at position 0: mixing leaves 0 as it is
        bits = _mix(start + tokens * _TOKEN)
        uniform = (_shift(bits, 11).double() + 0.5) * _MASK_53
        return -(-uniform.log()).log()


def _ascending(values: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both by value, as vLLM and transformers add up what top-p leaves out; equal ones by id, which is chance there."""
    tokens, order = tokens.sort()
    values, order = values.gather(-1, order).sort(stable=True)
    return values, tokens.gather(-1, order)


def _mix(x: torch.Tensor) -> torch.Tensor:
    """splitmix64's finaliser (Steele, Lea and Flood 2014) in wrapping 64-bit arithmetic."""
    x = (x ^ _shift(x, 30)) * _MIX[0]
    x = (x ^ _shift(x, 27)) * _MIX[1]
    return x ^ _shift(x, 31)


def _shift(x: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical right shift: torch's is arithmetic, so the sign that moves in is cut off."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
