"""The newest rows of one cache, as the C++ code sees them: a `Sequence` struct per sequence, and what they point into."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Steps

import torch
from torch import Tensor

from kernels.selective.missing_mass import MISSING_MASS
from sigma.model.cache import DiffKVCache
from sigma.model.configuration import SigmaConfig
from sigma.runtime.path import SequenceStep
from sigma.runtime.structs import Sequence
from sigma.runtime.trace import Trace


class Newest:
    """`t` rows that a call appends to each of the `b` sequences of a cache, which has room for them.

    The cache counts them from here on; the call must follow. trace, top_k: as `Path.run`. sums: `cache.value_sums()`, for a
    token whose predecessors are drafted ones of the same call; by default the cache is asked where a selection needs them.
    """

    def __init__(
        self,
        config: SigmaConfig,
        cache: DiffKVCache,
        b: int,
        t: int,
        trace: Trace,
        top_k: int | None,
        sums: Tensor | None = None,
    ):
        self.config, self.cache, self.b, self.trace = config, cache, b, trace
        self.past, heads = cache.length, config.num_attention_heads
        self.top_k = min(top_k, self.past) if trace.selects(config, top_k, self.past) else None
        self.covers = top_k is not None and self.top_k is None
        self.missing_mass, self.threshold = trace.how(config)
        self.sums = sums
        if sums is None and self.top_k is not None and self.missing_mass == "mean":
            self.sums = cache.value_sums()  # before the new rows count, which are not yet written
        self.capacity = cache.layers[0].capacity
        self.pointers = self._pointers()
        cache.advance(t)
        dtype = cache.layers[0].k_buffer.dtype
        self.query: Tensor | None = None
        if trace.probe_layer is not None:
            self.query = torch.empty(b, heads, 1, config.key_head_dim, dtype=dtype)
        self.positions: Tensor | None = None  # of the layer that ran last, and of the probed one
        self.captured: Tensor | None = None
        if self.top_k is not None:
            self.positions = torch.empty(2, b, heads, 1, self.top_k + 1, dtype=torch.int32)
            self.captured = torch.empty(2, b, heads, 1)

    def _pointers(self) -> Tensor:
        """Addresses of K and V of every layer, int64 [b, 2 * layers]."""
        buffers = [x for layer in self.cache.layers for x in (layer.k_buffer, layer.v_buffer)]
        first = torch.tensor([x.data_ptr() for x in buffers])
        if self.b == 1:
            return first[None]
        apart = torch.tensor([x.stride(0) * x.itemsize for x in buffers])
        return first + torch.arange(self.b)[:, None] * apart

    def structs(self) -> Iterator[Sequence]:
        """One for each sequence; they point into this object's tensors."""
        for i in range(self.b):
            struct = Sequence(past=self.past, capacity=self.capacity, top_k=-1, probe=-1)
            struct.cache = self.pointers[i].data_ptr()
            if self.query is not None:
                struct.probe, struct.probe_q = self.trace.probe_layer, self.query[i].data_ptr()
            if self.positions is not None:
                struct.top_k, struct.threshold = self.top_k, self.threshold
                struct.missing_mass = MISSING_MASS.index(self.missing_mass)
                struct.positions, struct.probe_positions = (x[i].data_ptr() for x in self.positions)
                struct.captured, struct.probe_captured = (x[i].data_ptr() for x in self.captured)
            if self.sums is not None:
                struct.v_sum, struct.v_sum_stride = self.sums[0, i].data_ptr(), self.sums.stride(0)
            yield struct

    def note_sums(self) -> None:
        """The step has added its V rows to the cache's sums of them."""
        if self.sums is not None:
            self.cache.summed_all(self.past + 1)

    def fill_trace(self, requested: int, distinct: int) -> None:
        """What a step of one token has left; V rows that its selections fetched, over all layers, and distinct ones."""
        trace = self.trace
        trace.query = self.query
        if self.covers:
            trace.select_all(self.config, self.b, self.past + 1, torch.device("cpu"))
        elif self.positions is not None:
            trace.requested_rows, trace.distinct_rows = requested, distinct
            trace.positions, trace.captured = self.positions[1], self.captured[1]


class Drafted:
    """The rows of a token and of those drafted behind it: each is a sequence of its own that ends with its token.

    In one call the rows of all are written before any of them is looked at, so each sees its predecessors and none that
    follow. Which of them stay is not known yet: the sums of V rows, to which the call adds all, are put back.
    """

    def __init__(self, config: SigmaConfig, steps: Steps[SequenceStep]):
        first, last = steps[0], steps[-1]
        cache, last_past = first.cache, first.cache.length + len(steps) - 1
        averages = first.trace.how(config)[0] == "mean" and last.trace.selects(config, last.top_k, last_past)
        self.cache, self.length = cache, cache.length
        self.sums = cache.value_sums() if averages and len(steps) > 1 else None
        self.before = None if self.sums is None else self.sums.clone()
        self.rows = [Newest(config, cache, 1, 1, step.trace, step.top_k, self.sums) for step in steps]

    def note_sums(self) -> None:
        """As `Newest.note_sums`."""
        if self.sums is None:
            self.rows[0].note_sums()
        else:
            self.sums.copy_(self.before)
            self.cache.summed_all(self.length)
