"""The four kinds of weight tensor. Each has `.shape`, `.nbytes` and `.dequantize()` -> fp32, its exact meaning.

They compare and hash by identity: two models share a matrix exactly when they hold the same object.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def _check(name: str, tensor: Tensor, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    if tensor.dtype != dtype or tuple(tensor.shape) != shape:
        raise ValueError(f"{name} must be {dtype} {shape}, got {tensor.dtype} {tuple(tensor.shape)}")


def pack_nibbles(values: Tensor) -> Tensor:
    """Integers 0..15 [rows, cols] -> uint8 [rows, cols / 2], the even column in the low nibble."""
    values = values.to(torch.uint8)
    return values[:, 0::2] | (values[:, 1::2] << 4)


def unpack_nibbles(nibbles: Tensor) -> Tensor:
    """The inverse of `pack_nibbles`."""
    return torch.stack((nibbles & 15, nibbles >> 4), dim=-1).flatten(1)


@dataclass(eq=False)
class Dense:
    """A plain tensor of any float type and shape."""

    tensor: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def nbytes(self) -> int:
        return self.tensor.nbytes

    def dequantize(self) -> Tensor:
        return self.tensor.float()


@dataclass(eq=False)
class Int8:
    """int8 [rows, cols] with one fp16 scale per row, symmetric: w = values * scale."""

    values: Tensor
    scale: Tensor

    def __post_init__(self):
        rows, cols = self.values.shape
        _check("Int8.values", self.values, torch.int8, (rows, cols))
        _check("Int8.scale", self.scale, torch.float16, (rows,))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.scale.nbytes

    def dequantize(self) -> Tensor:
        return self.values.float() * self.scale.float()[:, None]


@dataclass(eq=False)
class GroupInt8:
    """int8 [rows, cols] with an fp16 scale per 32 columns, [rows, cols / 32]: GGUF's Q8_0."""

    values: Tensor
    scale: Tensor

    def __post_init__(self):
        rows, cols = self.values.shape
        if cols % 32:
            raise ValueError(f"GroupInt8 needs a multiple of 32 columns, got {cols}")
        _check("GroupInt8.values", self.values, torch.int8, (rows, cols))
        _check("GroupInt8.scale", self.scale, torch.float16, (rows, cols // 32))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.scale.nbytes

    def dequantize(self) -> Tensor:
        return (self.values.float().unflatten(1, (-1, 32)) * self.scale.float()[..., None]).flatten(1)


@dataclass(eq=False)
class Int4:
    """4 bits per weight with an fp16 scale and zero per group of columns, and optional exact offsets.

        w = (n - 8) * scale + zero + identity * I + rows_i * cols_j

    nibbles: uint8 [rows, cols / 2], the even column in the low nibble; scale, zero: fp16 [rows, cols / group].
    identity: factor of a diagonal of ones in the top-left square; rank_one: fp32 vectors [rows] and [cols].
    The offsets let an augmented query that started as the identity store only what it learned.
    """

    nibbles: Tensor
    scale: Tensor
    zero: Tensor
    group: int
    identity: float = 0.0
    rank_one: tuple[Tensor, Tensor] | None = None

    def __post_init__(self):
        rows, cols = self.shape
        if self.group < 2 or cols % self.group:
            raise ValueError(f"Int4: {cols} columns are not divisible into groups of {self.group}")
        _check("Int4.nibbles", self.nibbles, torch.uint8, (rows, cols // 2))
        _check("Int4.scale", self.scale, torch.float16, (rows, cols // self.group))
        _check("Int4.zero", self.zero, torch.float16, (rows, cols // self.group))
        if self.rank_one is not None:
            _check("Int4.rank_one[0]", self.rank_one[0], torch.float32, (rows,))
            _check("Int4.rank_one[1]", self.rank_one[1], torch.float32, (cols,))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.nibbles.shape[0], self.nibbles.shape[1] * 2

    @property
    def nbytes(self) -> int:
        offsets = 0 if self.rank_one is None else sum(x.nbytes for x in self.rank_one)
        return self.nibbles.nbytes + self.scale.nbytes + self.zero.nbytes + offsets

    def grid(self) -> Tensor:
        """The quantized part alone, fp32 [rows, cols]."""
        n = unpack_nibbles(self.nibbles).float().unflatten(1, (-1, self.group)) - 8
        return (n * self.scale.float()[..., None] + self.zero.float()[..., None]).flatten(1)

    def offset(self) -> Tensor | None:
        """identity * I + the outer product, fp32 [rows, cols]; None when there is neither."""
        return offset_matrix(self.shape, self.identity, self.rank_one)

    def dequantize(self) -> Tensor:
        offset = self.offset()
        return self.grid() if offset is None else self.grid() + offset


def offset_matrix(shape: tuple[int, int], identity: float, rank_one: tuple[Tensor, Tensor] | None) -> Tensor | None:
    """identity * I + outer(rank_one), fp32; None when both are absent."""
    if not identity and rank_one is None:
        return None
    offset = torch.zeros(shape)
    if identity:
        offset.diagonal().fill_(identity)
    if rank_one is not None:
        offset += torch.outer(rank_one[0].float(), rank_one[1].float())
    return offset


Packed = Dense | Int8 | GroupInt8 | Int4
