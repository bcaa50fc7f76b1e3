"""One layer of each shape: buffers, and the calls that are timed over them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F

import kernels
from kernels.contenders import DTYPES
from kernels.cost import Heads
from kernels.timing import Contender
from sigma.efficiency.estimate import rows_held, weight_sets
from sigma.efficiency.settings import Settings

_MOST_WINDOWS = 16
_VALUES = 1_000_003


class Layers:
    """Buffers of both sides. A GPU's cache is `[b, T, h, d]` in memory, a CPU's `[b, h, T, d]`, as the runtime's are."""

    def __init__(self, settings: Settings, device: str):
        self.settings, self.device, self.dtype = settings, device, DTYPES[settings.dtype]
        # A prime number of random values, repeated, gives every row its own: quicker to draw, and no two scores tie.
        self._values = torch.randn(_VALUES, device=device).to(self.dtype)
        self.heads = {"std": settings.std, "sigma": settings.sigma}
        self.rows = rows_held(settings, device)
        self.caches = {
            side: (self._normal(h.n_k, self.rows[side], h.d_k), self._normal(h.n_v, self.rows[side], h.d_v))
            for side, h in self.heads.items()
        }
        self.queries = {side: self._normal(h.n_q, 1, h.d_k) for side, h in self.heads.items()}
        self.newest = {
            side: (self._normal(h.n_k, 1, h.d_k), self._normal(h.n_v, 1, h.d_v)) for side, h in self.heads.items()
        }
        longest = settings.lengths()[-1]
        room = max(longest * settings.batch * (h.n_k * h.d_k + h.n_v * h.d_v) for h in self.heads.values())
        self.target = torch.zeros(room, dtype=self.dtype, device=device)  # written now: a first touch is slow
        width, hidden = settings.query_width, settings.augmented
        self.input = self._random((settings.batch, width))
        self.weights = [
            (self._random((2 * hidden, width)) * width**-0.5, self._random((width, hidden)) * hidden**-0.5)
            for _ in range(weight_sets(settings, device))
        ]

    def _random(self, shape: tuple[int, ...]) -> torch.Tensor:
        size = math.prod(shape)
        start = self._values.roll(int(torch.randint(_VALUES, ())))
        return start.repeat(-(-size // _VALUES))[:size].view(shape)

    def _normal(self, heads: int, rows: int, dim: int) -> torch.Tensor:
        b = self.settings.batch
        if self.device == "cpu":
            return self._random((b, heads, rows, dim))
        return self._random((b, rows, heads, dim)).transpose(1, 2)

    def _target(self, heads: int, rows: int, dim: int, start: int) -> torch.Tensor:
        """A view of the copy's target in a cache's own layout."""
        b = self.settings.batch
        flat = self.target[start : start + b * heads * rows * dim]
        if self.device == "cpu":
            return flat.view(b, heads, rows, dim)
        return flat.view(b, rows, heads, dim).transpose(1, 2)

    def contenders(self, tokens: int) -> dict[tuple[str, str], Contender]:
        """What is timed at a length, by side and part; each call works on the next window of the buffers."""
        found: dict[tuple[str, str], Contender] = {}
        for side, heads in self.heads.items():
            windows = list(self._windows(side, tokens))
            found[side, "store"] = _contender([self._store(side, k, v) for k, v in windows])
            found[side, "copy"] = _contender([self._copy(side, heads, k, v) for k, v in windows])
            found[side, "attention"] = _contender([self._attention(side, k, v) for k, v in windows])
            if side == "sigma" and self.weights:
                found[side, "augmented"] = _contender([self._augmented(*w) for w in self.weights])
            if side == "sigma" and self.settings.top_k:
                found["selective", "attention"] = _contender([self._selective(k, v) for k, v in windows])
        return found

    def _windows(self, side: str, tokens: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        k, v = self.caches[side]
        for i in range(min(_MOST_WINDOWS, self.rows[side] // tokens)):
            own = slice(i * tokens, (i + 1) * tokens)
            yield k[:, :, own], v[:, :, own]

    def _store(self, side: str, k: torch.Tensor, v: torch.Tensor) -> Callable[[], None]:
        new_k, new_v = self.newest[side]
        last_k, last_v = k[:, :, -1:], v[:, :, -1:]

        def call() -> None:
            last_k.copy_(new_k)
            last_v.copy_(new_v)

        return call

    def _copy(self, side: str, heads: Heads, k: torch.Tensor, v: torch.Tensor) -> Callable[[], None]:
        new_k, new_v = self.newest[side]
        to_k = self._target(heads.n_k, k.shape[2], heads.d_k, 0)
        to_v = self._target(heads.n_v, v.shape[2], heads.d_v, to_k.numel())

        def call() -> None:
            for to, old, new in ((to_k, k, new_k), (to_v, v, new_v)):
                to[:, :, :-1].copy_(old[:, :, :-1])
                to[:, :, -1:].copy_(new)

        return call

    def _attention(self, side: str, k: torch.Tensor, v: torch.Tensor) -> Callable[[], torch.Tensor]:
        q = self.queries[side]
        return lambda: kernels.decode_attention(q, k, v)

    def _selective(self, k: torch.Tensor, v: torch.Tensor) -> Callable[[], torch.Tensor]:
        q, top_k = self.queries["sigma"], self.settings.top_k
        return lambda: kernels.selective_decode_attention(q, k, v, top_k).out

    def _augmented(self, gate_up: torch.Tensor, down: torch.Tensor) -> Callable[[], torch.Tensor]:
        """`q_down_proj(silu(q_gate_proj(q)) * q_up_proj(q))` (App. E), gate and up as one matrix as in the runtime."""
        return lambda: F.linear(kernels.silu_mul(F.linear(self.input, gate_up)), down)


def _contender(calls: list[Callable[[], object]]) -> Contender:
    return Contender("", None, calls, 0, 0)
