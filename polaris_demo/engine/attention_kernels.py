"""Attention of one token a row in parts of a fixed number of columns, in Triton, which comes with torch where there is CUDA.

Two kernels: each part of each row by itself, then the parts of a row added up, first to last. Both take no notice of how long the batch
is: a part behind what the row sees is left out. As flash decoding (Dao and others, 2023), but for the fixed parts.
"""

# mypy: disable-error-code="no-untyped-call, no-untyped-def, misc"

import torch
import triton
import triton.language as tl

PART, BLOCK = 256, 64  # columns of a part, and those of it that are looked at at once
MOST_PARTS = 256
FEWEST_QUERIES = 16  # of a matrix product: groups of fewer heads are padded


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scale: float) -> torch.Tensor:
    """What each row's token sees, shape (rows, 1, heads, size).

    From `query` (rows, heads, 1, size), `key` and `value` (rows, shared heads, columns, size) and `mask` (rows, 1, 1, columns), True for
    the first columns: those it may look at. Raises ValueError for sizes that the kernels do not take.
    """
    rows, heads, _, size = query.shape
    shared, columns = key.shape[1:3]
    parts, group = -(-columns // PART), heads // shared
    if parts > MOST_PARTS or size & (size - 1) or size < 16 or group > FEWEST_QUERIES or key.stride(3) != 1 or value.stride(3) != 1:
        raise ValueError(f"{columns} columns of {size} numbers for {group} heads at once")
    query = query.contiguous()
    mask = mask.contiguous()
    found = torch.empty(rows, shared, parts, group, size, dtype=torch.float32, device=query.device)
    peaks = torch.empty(rows, shared, parts, group, dtype=torch.float32, device=query.device)
    sums = torch.empty_like(peaks)
    attended = torch.empty(rows, 1, heads, size, dtype=query.dtype, device=query.device)
    _parts[(rows, shared, parts)](
        query, key, value, mask, found, peaks, sums, scale, columns, *key.stride()[:3], *value.stride()[:3],
        GROUP=group, QUERIES=FEWEST_QUERIES, SIZE=size, PART=PART, BLOCK=BLOCK,
    )  # fmt: skip
    _sum[(rows, shared, group)](found, peaks, sums, attended, parts, GROUP=group, SIZE=size, MOST=MOST_PARTS)
    return attended


@triton.jit(do_not_specialize=["columns"])
def _parts(
    query, key, value, mask, found, peaks, sums, scale, columns, k_row, k_head, k_column, v_row, v_head, v_column,
    GROUP: tl.constexpr, QUERIES: tl.constexpr, SIZE: tl.constexpr, PART: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """A part of a row, for the heads that share its keys: their weighted values, the highest score and the sum of weights."""
    row, head, part = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    heads, parts = tl.num_programs(1), tl.num_programs(2)
    numbers, queries = tl.arange(0, SIZE), tl.arange(0, QUERIES)
    real = queries < GROUP
    asked = tl.load(query + ((row * heads + head) * GROUP + queries)[:, None] * SIZE + numbers[None, :], mask=real[:, None], other=0.0)
    peak = tl.full([QUERIES], float("-inf"), tl.float32)
    weight = tl.zeros([QUERIES], tl.float32)
    seen = tl.zeros([QUERIES, SIZE], tl.float32)
    some = tl.load(mask + row * columns + part * PART + tl.arange(0, PART), mask=part * PART + tl.arange(0, PART) < columns, other=0)
    if tl.max(some.to(tl.int32), 0) > 0:
        for first in range(0, PART, BLOCK):
            column = part * PART + first + tl.arange(0, BLOCK)
            read = tl.load(mask + row * columns + column, mask=column < columns, other=0) != 0
            keys = tl.load(
                key + row.to(tl.int64) * k_row + head * k_head + column[None, :] * k_column + numbers[:, None],
                mask=read[None, :], other=0.0,
            )  # fmt: skip
            scores = tl.where(read[None, :], tl.dot(asked, keys, input_precision="ieee") * scale, float("-inf"))
            higher = tl.maximum(peak, tl.max(scores, 1))
            weights, shrunk = tl.exp(scores - higher[:, None]), tl.exp(peak - higher)
            values = tl.load(
                value + row.to(tl.int64) * v_row + head * v_head + column[:, None] * v_column + numbers[None, :],
                mask=read[:, None], other=0.0,
            )  # fmt: skip
            seen = seen * shrunk[:, None] + tl.dot(weights.to(values.dtype), values, input_precision="ieee")
            weight = weight * shrunk + tl.sum(weights, 1)
            peak = higher
    at = ((row * heads + head) * parts + part) * GROUP + queries
    tl.store(found + at[:, None] * SIZE + numbers[None, :], seen, mask=real[:, None])
    tl.store(peaks + at, peak, mask=real)
    tl.store(sums + at, weight, mask=real)


@triton.jit(do_not_specialize=["parts"])
def _sum(found, peaks, sums, attended, parts, GROUP: tl.constexpr, SIZE: tl.constexpr, MOST: tl.constexpr):
    """The parts of one head of a row, added up from the first that sees anything to the last."""
    row, head, query = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    numbers, every = tl.arange(0, SIZE), tl.arange(0, MOST)
    begin = (row * tl.num_programs(1) + head) * parts
    peak = tl.max(tl.load(peaks + (begin + every) * GROUP + query, mask=every < parts, other=float("-inf")), 0)
    whole = tl.zeros([SIZE], tl.float32)
    weight = 0.0
    for part in range(parts):
        at = (begin + part) * GROUP + query
        share = tl.exp(tl.load(peaks + at) - peak)
        if share > 0:
            whole += share * tl.load(found + at * SIZE + numbers)
            weight += share * tl.load(sums + at)
    out = (row * tl.num_programs(1) + head) * GROUP + query
    tl.store(attended + out * SIZE + numbers, (whole / weight).to(attended.dtype.element_ty))
