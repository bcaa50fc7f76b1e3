"""Packed tensors -> the interleaved layout that matrix.h reads: blocks of 16 rows, the row as the lane."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sigma.quantization import Dense, Int4, Int8, Packed

_ROWS = 16
_MATRIX = struct.Struct("=7qd2q")  # field for field `struct Matrix` in matrix.h
_FP32, _BF16, _INT8, _INT4 = range(4)


def _blocks(x: Tensor) -> Tensor:
    """[rows, items, ...] -> [blocks, items, 16, ...], rows padded with zeros."""
    missing = -len(x) % _ROWS
    if missing:
        x = torch.cat((x, x.new_zeros(missing, *x.shape[1:])))
    return x.unflatten(0, (-1, _ROWS)).transpose(1, 2).contiguous()


@dataclass
class Matrix:
    """One matrix as the C++ code sees it: `address` points to its `struct Matrix`, which points into `kept`."""

    rows: int
    cols: int
    kept: list[Tensor] = field(default_factory=list)
    header: Tensor | None = None

    @property
    def address(self) -> int:
        return self.header.data_ptr()

    def data_ptr(self) -> int:
        return self.kept[0].data_ptr()


def fits(packed: Packed, packed_math: bool) -> bool:
    """Whether the C++ code takes this matrix: bf16 pairs and 8 nibbles per word need widths that they divide."""
    if not packed_math:
        return packed.shape[1] % 2 == 0
    return packed.shape[1] % 2 == 0 and not (isinstance(packed, Int4) and packed.group % 8)


def interleave(packed: Packed, dtype: torch.dtype, packed_math: bool) -> Matrix:
    """A packed matrix in the C++ layout.

    dtype: of dense weights (torch.bfloat16 or torch.float32); packed_math: whether Int4 and Int8 stay as they are.
    """
    rows, cols = packed.shape
    made = Matrix(rows, cols)
    scale = zero = rank_rows = rank_cols = None
    group, identity = 0, 0.0
    if not packed_math or isinstance(packed, Dense):
        weight = packed.dequantize().to(dtype)
        kind = _BF16 if dtype == torch.bfloat16 else _FP32
        data = _blocks(weight.view(rows, -1, 2) if kind == _BF16 else weight)
    elif isinstance(packed, Int4):
        kind, group, identity = _INT4, packed.group, packed.identity
        data = _blocks(_nibble_words(packed.nibbles))
        scale, zero = _blocks(packed.scale), _blocks(packed.zero)
        if packed.rank_one is not None:
            rank_rows, rank_cols = (x.float().contiguous() for x in packed.rank_one)
    else:
        kind, data = _INT8, _blocks(packed.values)
        group = cols if isinstance(packed, Int8) else cols // packed.scale.shape[1]
        scale = _blocks(packed.scale.view(rows, -1))
    parts = (data, scale, zero, rank_rows, rank_cols)
    made.kept = [x for x in parts if x is not None]
    at = [0 if x is None else x.data_ptr() for x in parts]
    fields = _MATRIX.pack(kind, rows, cols, group, at[0], at[1], at[2], identity, at[3], at[4])
    made.header = torch.frombuffer(bytearray(fields), dtype=torch.uint8)
    return made


def _nibble_words(nibbles: Tensor) -> Tensor:
    """[rows, cols / 2] -> [rows, cols / 8, 4] bytes: nibbles of columns 0 2 4 6 1 3 5 7, from the low end."""
    pairs = nibbles.view(len(nibbles), -1, 4)
    first, second = pairs[..., 0::2], pairs[..., 1::2]
    return torch.cat(((first & 15) | (second << 4), (first >> 4) | (second & 0xF0)), dim=-1)
