"""Which cached rows a Triton program works on: shared by every kernel that reads a cache."""

import triton
import triton.language as tl


@triton.jit
def valid_rows(lengths, sequence, rows):
    """Rows of this sequence that hold something: a length from the device is unchecked and must not lead outside."""
    length = rows
    if lengths is not None:
        length = tl.minimum(tl.maximum(tl.load(lengths + sequence), 0), rows).to(tl.int32)
    return length


@triton.jit
def split_rows(length, split, splits, BLOCK_N: tl.constexpr):
    """First row and end of one split of `length` rows, cut between whole blocks; an empty split begins at its end."""
    tiles = tl.cdiv(tl.cdiv(length, BLOCK_N), splits)
    low = split * tiles * BLOCK_N
    return low, tl.minimum(length, low + tiles * BLOCK_N)
