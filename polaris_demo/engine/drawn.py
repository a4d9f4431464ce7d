"""A drawn token and how sure its draw was, and both as one number: they leave the device together."""

import torch

_BITS, _STEPS = 32, 2**20  # the id stands in the low bits, above it the sureness in so many steps


class Drawn(int):
    """A token id. `sureness` is the probability that it had at the story's temperature, before penalties and filters."""

    sureness: float

    def __new__(cls, token: int, sureness: float) -> "Drawn":
        drawn = super().__new__(cls, token)
        drawn.sureness = sureness
        return drawn


def packed(token: torch.Tensor, sureness: torch.Tensor) -> torch.Tensor:
    """Both in one 64-bit integer; a token that is none (below 0) stays as it is."""
    return torch.where(token < 0, token, token + ((sureness * _STEPS).round().long() << _BITS))


def unpacked(value: int) -> int:
    return value if value < 0 else Drawn(value & (2**_BITS - 1), (value >> _BITS) / _STEPS)


def on_the_host(token: torch.Tensor, sureness: torch.Tensor) -> int:
    """The one token that there is, on the host."""
    return unpacked(int(packed(token, sureness)))
