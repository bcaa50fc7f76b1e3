"""The decode step on a GPU: fixed buffers and lengths on the device, so that one CUDA graph replays the whole step.

A step of a small model is some fifteen short launches per layer, and launching them one by one takes the host several
times longer than the GPU needs to run them. `fused_step` is written so that none of its shapes and addresses depends
on how many rows are cached: the kernels get whole buffers and read the length on the device. It runs anywhere (the
tests hold it to the eager loop on a CPU); `GraphPath` captures it on a GPU and replays it until something it depends
on changes: the buffers (they grow in chunks), the batch or the number of fetched V rows. SIGMA_CUDA_GRAPH=0 in the
environment switches it off.
"""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels import append_rope, decode_attention, selective_decode_attention, silu_mul
from kernels.backends import chosen_backend, is_distrusted
from kernels.splits import MAX_DIM
from sigma.model.cache import DiffKVCache
from sigma.model.configuration import SigmaConfig
from sigma.runtime.path import Path, SequenceStep
from sigma.runtime.torch_path import TorchPath, spread
from sigma.runtime.trace import Trace, distinct_rows

log = logging.getLogger(__name__)

# Rows that a GPU's cache grows by: each growth costs a capture, about as long as a few dozen steps.
GPU_CHUNK = 1024
KEPT_GRAPHS = 8  # as many conversations as the engine keeps take turns without a new capture
DRAFTED = 8  # tokens of a step with drafted ones, filled up to it: one capture for however many there are


class GraphUnavailable(RuntimeError):
    """This machine, model or moment has no CUDA graph; the message says why. The cache is as it was."""


class Reading(NamedTuple):
    """How a step selects V rows: see `kernels.selective_decode_attention`."""

    top_k: int
    missing_mass: str
    threshold: float


@dataclass(slots=True)
class StepResult:
    """What a step computed, in tensors that the next replay of the same graph overwrites.

    logits: fp32 [b * t, vocab]. queries: rotated, [b, n_q, t, d_k] per layer. With selective V also, per layer,
    positions: int32 [b, n_q, t, k + 1], padded with -1, and captured: fp32 [b, n_q, t]; and counts: int64 [2],
    the positions of all layers, and the distinct (layer, sequence, V head, position) rows among them. values: the first new
    V row, [layers, b, n_v, d_v], where sums of them are kept.
    """

    logits: Tensor
    queries: list[Tensor]
    positions: list[Tensor]
    captured: list[Tensor]
    counts: Tensor | None
    values: Tensor | None = None


@dataclass(slots=True)
class _Captured:
    ids: Tensor  # int64 [b, t]
    lengths: Tensor  # int64 [b], with the new row
    graph: torch.cuda.CUDAGraph | None = None
    result: StepResult | None = None


def unavailable(config: SigmaConfig, device: torch.device) -> str | None:
    """Why a model on a device cannot have its step captured, or None.

    ValueError and RuntimeError as `kernels.backends.chosen_backend`, for SIGMA_KERNELS.
    """
    if os.environ.get("SIGMA_CUDA_GRAPH") == "0":
        return "SIGMA_CUDA_GRAPH=0"
    if device.type != "cuda":
        return f"{device} is not a GPU"
    if is_distrusted("decode_attention", device):
        return "a kernel disagreed with its reference"
    if chosen_backend("decode_attention", device) != "triton":
        return f"SIGMA_KERNELS={os.environ['SIGMA_KERNELS']}" if os.environ.get("SIGMA_KERNELS") else "no Triton"
    wide = max(config.key_head_dim, config.head_dim)
    return f"head dim {wide} is over the kernels' {MAX_DIM}" if wide > MAX_DIM else None


def fused_step(
    path: TorchPath,
    buffers: list[tuple[Tensor, Tensor]],
    ids: Tensor,
    lengths: Tensor,
    reading: Reading | None,
    sums: Tensor | None = None,
) -> StepResult:
    """A few tokens per sequence, one as a rule, through all layers; writes their K and V rows up to `lengths - 1`.

    Args:
        buffers: per layer K [b, n_k, T, d_k] and V [b, n_v, T, d_v], whole, with T the capacity.
        ids: int64 [b, t]; lengths: int64 [b] on the device, each with its new rows, at most T and the context.
        reading: how V is selected, None reads all.
        sums: `DiffKVCache.value_sums` of the rows before the new ones, where the missing mass needs them;
            they are read, not changed.

    On a GPU the host waits for nothing here, and every launch depends on shapes alone.
    """
    config = path.config
    b, t = ids.shape
    hidden = F.embedding(ids.flatten(), path.embedding)
    result = StepResult(hidden, [], [], [], None)
    v_sums, new = None if sums is None else sums.float(), []
    for i, (layer, (keys, values)) in enumerate(zip(path.layers, buffers)):
        q, k, v = path.heads(layer, path.normed(hidden, layer["input_layernorm"]).view(b, t, -1))
        q = append_rope(q, k, v, path.cos, path.sin, keys, values, lengths)
        # Kept for every layer: tiny, and the picture's layer may change from step to step without a new capture.
        result.queries.append(q)
        if reading is None:
            out = decode_attention(q, keys, values, scale=config.scale, lengths=lengths)
        else:
            chosen = selective_decode_attention(
                *(q, keys, values, reading.top_k),
                scale=config.scale,
                missing_mass=reading.missing_mass,
                threshold=reading.threshold,
                v_sum=None if v_sums is None else v_sums[i],
                lengths=lengths,
            )
            out = chosen.out
            result.positions.append(chosen.positions)
            result.captured.append(chosen.captured)
            new.append(v[:, :, 0])
        # The products add to the residual stream themselves: two launches fewer per layer, one rounding less.
        hidden.addmm_(out.transpose(1, 2).flatten(0, 1).flatten(1), layer["o_proj"].weight.T)
        gate_up = layer["gate_up"](path.normed(hidden, layer["post_attention_layernorm"]))
        hidden.addmm_(silu_mul(gate_up), layer["down_proj"].weight.T)
    if reading is not None:
        rows, chosen = buffers[0][0].shape[2], torch.stack(result.positions)
        result.counts = torch.stack(((chosen >= 0).sum(), distinct_rows(chosen, rows, config.num_value_heads)))
    if sums is not None:
        result.values = torch.stack(new)
    result.logits = path.head(hidden)
    return result


class GraphPath(Path):
    """The torch path with a decode step of its own: `fused_step` with fixed buffers, on a GPU captured once per (batch,
    tokens, capacity, top_k, buffers), then replayed.

    The least recently used of more than KEPT_GRAPHS graphs is freed. On other devices the same code runs uncaptured.
    Where a capture fails, the path steps through the torch path for good: trying again would cost every growth of the
    cache a failed capture.
    """

    cuts_freely = False

    def __init__(self, path: TorchPath):
        self.path = path
        self.draft_margin = path.draft_margin
        self.kernels = f"{path.kernels}, CUDA graph"
        self.failed = False
        self.kept: OrderedDict[tuple, _Captured] = OrderedDict()
        self.lock = Lock()  # the fixed buffers are one step's at a time
        self.stream: torch.cuda.Stream | None = None  # made by the first capture: a GPU may be lent only later

    def run(self, ids: Tensor, cache: DiffKVCache, trace: Trace, top_k: int | None) -> Tensor:
        return self.path.run(ids, cache, trace, top_k)

    def head(self, hidden: Tensor) -> Tensor:
        return self.path.head(hidden)

    def weight_pointers(self) -> dict[str, int]:
        return self.path.weight_pointers()

    def decode(self, ids: Tensor, cache: DiffKVCache, trace: Trace, top_k: int | None) -> Tensor:
        """As `Path.decode`; ids may be on the CPU. The host waits for the GPU only to count a selection's distinct rows."""
        if not self.failed:
            try:
                return self._step(ids, cache, trace, top_k)
            except GraphUnavailable as reason:
                self._give_up(reason)
        return self.path.decode(ids, cache, trace, top_k)

    def decode_draft(self, steps: Sequence[SequenceStep]) -> list[Tensor]:
        first, past = steps[0], steps[0].cache.length
        tokens, whole = [step.token for step in steps], first.trace.asked()
        if past + DRAFTED <= self.path.config.max_position_embeddings:
            tokens += [0] * (DRAFTED - len(tokens))  # whose rows are dropped below
        if not self.failed:
            try:
                logits = self._step(torch.tensor([tokens]), first.cache, whole, first.top_k)
            except GraphUnavailable as reason:
                self._give_up(reason)
            else:
                first.cache.keep_first(past + len(steps))
                spread(whole, steps, self.path.config, past)
                return list(logits[: len(steps)].split(1))
        return self.path.decode_draft(steps)

    def _give_up(self, reason: GraphUnavailable) -> None:
        self.failed = True
        self.kernels = f"{self.path.kernels}, no CUDA graph ({reason})"
        log.warning("decoding goes on without a CUDA graph: %s", reason)

    def _step(self, ids: Tensor, cache: DiffKVCache, trace: Trace, top_k: int | None) -> Tensor:
        """The replayed step of ids [b, t]; logits [b * t, vocab]. GraphUnavailable, with the cache as it was, when it
        cannot be captured."""
        path, (b, t) = self.path, ids.shape
        cache.reserve(b, t, path.dtype, path.device)
        length, capacity = cache.length + t, cache.layers[0].capacity
        selected = sums = None
        if trace.selects(path.config, top_k, length - 1):
            selected = Reading(min(top_k, capacity - 1), *trace.how(path.config))
            sums = cache.value_sums() if selected.missing_mass == "mean" else None
        buffers = [(layer.k_buffer, layer.v_buffer) for layer in cache.layers]
        addresses = [x.data_ptr() for pair in buffers for x in pair]
        key = (b, t, capacity, selected, None if sums is None else sums.data_ptr(), *addresses)
        with self.lock:
            step = self.kept.get(key) or _Captured(
                torch.empty(b, t, dtype=torch.int64, device=path.device),
                torch.empty(b, dtype=torch.int64, device=path.device),
            )
            # From pageable memory the host's copy is taken at once, so the caller may change ids; nothing is waited for.
            step.ids.copy_(ids, non_blocking=True)
            step.lengths.fill_(length)
            if self.stream is None and path.device.type != "cuda":
                step.result = fused_step(path, buffers, step.ids, step.lengths, selected, sums)
            elif step.graph is None:
                self._capture(step, buffers, selected, sums)
            if step.graph is not None:
                step.graph.replay()
            self._keep(key, step)
            cache.advance(t)
            if sums is not None and t == 1:  # of several, not all may stay: `value_sums` adds those that do
                sums += step.result.values
                cache.summed_all(length)
            self._fill(trace, step.result, top_k, selected, b, length)
            return step.result.logits.clone()

    def _keep(self, key: tuple, step: _Captured) -> None:
        self.kept[key] = step
        self.kept.move_to_end(key)
        while len(self.kept) > KEPT_GRAPHS:
            self.kept.popitem(last=False)

    def _capture(
        self, step: _Captured, buffers: list[tuple[Tensor, Tensor]], reading: Reading | None, sums: Tensor | None
    ) -> None:
        """Record `fused_step` into `step`; only the rows that the step writes anyway are touched.

        All graphs share one memory pool: they run one after the other, and what a result holds stays reserved.
        """
        arguments = self.path, buffers, step.ids, step.lengths, reading, sums
        graph, self.stream = torch.cuda.CUDAGraph(), self.stream or torch.cuda.Stream(self.path.device)
        pool = next((other.graph.pool() for other in self.kept.values()), None)
        here = torch.cuda.current_stream(self.path.device)
        try:
            with torch.cuda.device(self.path.device):
                # Once outside the graph, on the capturing stream: kernels compile and cuBLAS takes its workspace, and
                # neither is allowed while capturing.
                self.stream.wait_stream(here)
                with torch.cuda.stream(self.stream):
                    fused_step(*arguments)
                here.wait_stream(self.stream)
                # The server's other threads may use the device meanwhile: only this one's calls are forbidden.
                with torch.cuda.graph(graph, pool=pool, stream=self.stream, capture_error_mode="thread_local"):
                    result = fused_step(*arguments)
        except Exception as error:  # Triton, cuBLAS, the allocator and the driver each raise their own
            torch.cuda.set_stream(here)  # where a capture broke off, torch leaves its stream the current one
            torch.cuda.synchronize(self.path.device)
            self.kept.clear()
            lines = str(error).splitlines() or [""]
            raise GraphUnavailable(f"{type(error).__name__}: {lines[0]}") from error
        step.graph, step.result = graph, result

    def _fill(
        self, trace: Trace, result: StepResult, top_k: int | None, selected: Reading | None, b: int, length: int
    ) -> None:
        """What the caller wants to know besides the logits; `length` counts the new row."""
        config, probed = self.path.config, trace.probe_layer
        if selected is not None and result.queries[0].shape[2] > 1:
            trace.fetched = torch.stack(result.positions)
        elif selected is not None:
            trace.requested_rows, trace.distinct_rows = result.counts.tolist()
        elif top_k is not None:
            trace.select_all(config, b, length, self.path.device)
        if probed is None:
            return
        trace.query = result.queries[probed]
        if selected is not None:
            trace.positions = result.positions[probed][..., : min(selected.top_k, length - 1) + 1]
            trace.captured = result.captured[probed]
