"""Packed tensors -> the interleaved layout that matrix.h reads: blocks of 16 rows, the row as the lane."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from sigma.quantization import Dense, Int4, Int8, Packed
from sigma.runtime.structs import Matrix

_ROWS = 16
_FP32, _BF16, _INT8, _INT4 = range(4)


def _blocks(x: Tensor) -> Tensor:
    """[rows, items, ...] -> [blocks, items, 16, ...], rows padded with zeros."""
    missing = -len(x) % _ROWS
    if missing:
        x = torch.cat((x, x.new_zeros(missing, *x.shape[1:])))
    return x.unflatten(0, (-1, _ROWS)).transpose(1, 2).contiguous()


@dataclass
class Interleaved:
    """One matrix as the C++ code sees it: `header` points into the tensors in `kept`, the weights first."""

    header: Matrix
    kept: list[Tensor]

    @property
    def address(self) -> int:
        return ctypes.addressof(self.header)

    def data_ptr(self) -> int:
        return self.kept[0].data_ptr()


def fits(packed: Packed, packed_math: bool) -> bool:
    """Whether the C++ code takes this matrix: bf16 pairs and 8 nibbles per word need widths that they divide."""
    if not packed_math:
        return packed.shape[1] % 2 == 0
    return packed.shape[1] % 2 == 0 and not (isinstance(packed, Int4) and packed.group % 8)


def interleave(packed: Packed, dtype: torch.dtype, packed_math: bool) -> Interleaved:
    """A packed matrix in the C++ layout.

    dtype: of dense weights (torch.bfloat16 or torch.float32); packed_math: whether Int4 and Int8 stay as they are.
    """
    rows, cols = packed.shape
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
    parts = {"data": data, "scale": scale, "zero": zero, "rank_rows": rank_rows, "rank_cols": rank_cols}
    parts = {name: x for name, x in parts.items() if x is not None}
    addresses = {name: x.data_ptr() for name, x in parts.items()}
    header = Matrix(kind=kind, rows=rows, cols=cols, group=group, identity=identity, **addresses)
    return Interleaved(header, list(parts.values()))


def _nibble_words(nibbles: Tensor) -> Tensor:
    """[rows, cols / 2] -> [rows, cols / 8, 4] bytes: nibbles of columns 0 2 4 6 1 3 5 7, from the low end."""
    pairs = nibbles.view(len(nibbles), -1, 4)
    first, second = pairs[..., 0::2], pairs[..., 1::2]
    return torch.cat(((first & 15) | (second << 4), (first >> 4) | (second & 0xF0)), dim=-1)
