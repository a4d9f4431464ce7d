"""The kernels of attention, run by Triton's interpreter in the environment of vLLM, which has Triton. Only for tests.

    TRITON_INTERPRET=1 python -m tests.engines.in_triton

Numbers of 16 bits the interpreter cannot multiply, so everything is in fp32.
"""

import torch
import torch.nn.functional as F

from polaris_demo.engine.attention_kernels import attend

SHAPES = [
    (4, 2, 64, 700, (5, 699, 300)),
    (8, 2, 256, 260, (0, 259)),
    (16, 1, 16, 256, (255,)),
    (2, 2, 32, 1, (0,)),
    (8, 2, 64, 600, (255, 256, 511, 512)),
]  # heads, those that share keys, size, columns, and the last that each row sees
REFUSED = [(4, 2, 48, 8), (4, 2, 8, 8), (32, 1, 16, 8), (4, 2, 16, 65_537)]


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def sees(columns: int, *last: int) -> torch.Tensor:
    """A mask: each row sees the columns up to its last."""
    return (torch.arange(columns) <= torch.tensor(last)[:, None])[:, None, None]


def is_attention(heads: int, shared: int, size: int, columns: int, last: tuple[int, ...]) -> None:
    rows = len(last)
    query, key, value = numbers(rows, heads, 1, size), numbers(rows, shared, columns, size), numbers(rows, shared, columns, size, seed=1)
    mask = sees(columns, *last)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=0.3, enable_gqa=True).transpose(1, 2)
    torch.testing.assert_close(attend(query, key, value, mask, 0.3), expected)


def is_the_same_in_any_company_and_length() -> None:
    """Bit for bit: what lies behind a row's last column is not even read."""
    query, key, value = numbers(2, 4, 1, 64), numbers(2, 2, 700, 64), numbers(2, 2, 700, 64, seed=1)
    both = attend(query, key, value, sees(700, 300, 650), 0.125)
    assert torch.equal(both[1:], attend(query[1:], key[1:], value[1:], sees(700, 650), 0.125))
    longer = [torch.full((2, 2, 1000, 64), torch.nan) for _ in range(2)]
    for whole, part in zip(longer, (key, value), strict=True):
        whole[0, :, :301], whole[1, :, :651] = part[0, :, :301], part[1, :, :651]
    assert torch.equal(both, attend(query, *longer, sees(1000, 300, 650), 0.125))


def is_refused(heads: int, shared: int, size: int, columns: int) -> None:
    query, key = numbers(1, heads, 1, size), numbers(1, shared, columns, size)
    try:
        attend(query, key, key, sees(columns, 3), 1.0)
    except ValueError as error:
        assert f"{columns} columns of {size} numbers" in str(error)
    else:
        raise AssertionError(f"{columns} columns of {size} numbers are taken")


if __name__ == "__main__":
    for shape in SHAPES:
        is_attention(*shape)
    is_the_same_in_any_company_and_length()
    for sizes in REFUSED:
        is_refused(*sizes)
    print(f"{len(SHAPES)} shapes, {len(REFUSED)} refused")
