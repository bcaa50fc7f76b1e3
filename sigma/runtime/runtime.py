"""Runtime: one model's weights, compiled for this machine, and its prefill and decode steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kernels import attention_weights
from kernels.backends import chosen_backend
from kernels.selective.missing_mass import check_missing_mass, check_threshold
from sigma.events import AttentionProbe
from sigma.model.cache import CHUNK, DiffKVCache
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import SigmaForCausalLM
from sigma.quantization import Dense, Packed
from sigma.runtime.graph import GPU_CHUNK, GraphPath, unavailable
from sigma.runtime.native import NativePath, NativeUnavailable
from sigma.runtime.path import Path, SequenceStep
from sigma.runtime.torch_path import TorchPath
from sigma.runtime.trace import Trace

WEIGHTS = ("auto", "int4", "bf16", "fp32")


class Runtime:
    """A model ready to run.

    Args:
        config: any SigmaConfig; its `selective_v_top_k` is ignored, callers pass `top_k` per step.
        tensors: packed weights under the names of SigmaForCausalLM's state dict; without "lm_head.weight" the head
            is tied to the embedding.
        weights: "int4" computes packed matrices as they are packed (CPU only); "bf16" and "fp32" dequantize first;
            "auto" is "int4" on a CPU and "bf16" elsewhere.
        share: a runtime, or several, whose compiled matrices are reused wherever the packed object is the same Python
            object.
        careful: plain torch operations on dequantized matrices alone, as slow as it is: what is left where the fast
            ways compute something else (`sigma.engine.self_check`).

    `kernels` says which code runs ("native avx512_bf16", "torch (no C++ compiler)", "triton, CUDA graph", ...). On a
    GPU a decode step is captured in a CUDA graph; where that fails, and with SIGMA_CUDA_GRAPH=0 in the environment,
    its layers are launched one operation at a time.
    Raises ValueError for missing or misshapen tensors and for weights that the device cannot run.
    """

    def __init__(
        self,
        config: SigmaConfig,
        tensors: dict[str, Packed],
        *,
        device: str | torch.device = "cpu",
        weights: str = "auto",
        share: Runtime | Sequence[Runtime] | None = None,
        careful: bool = False,
    ):
        self.careful = careful
        self.config, self.device = config, torch.device(device)
        if weights not in WEIGHTS:
            raise ValueError(f"unknown weights {weights!r}; there are {', '.join(WEIGHTS)}")
        on_cpu = self.device.type == "cpu"
        if weights == "int4" and not on_cpu:
            raise ValueError(f'weights="int4" run on a CPU only, not on {self.device}')
        self.weights = ("int4" if on_cpu else "bf16") if weights == "auto" else weights
        self.dtype = torch.float32 if self.weights == "fp32" else torch.bfloat16
        _check_tensors(config, tensors)
        shared = () if share is None else (share,) if isinstance(share, Runtime) else tuple(share)
        alike = (other for other in shared if (other.weights, other.careful) == (self.weights, careful))
        known = tuple(other.compiled for other in alike)
        with torch.inference_mode():
            self.compiled = self._compiled(tensors, known)  # holds the weights, which another runtime may share
            self.path = self._with_graph() if self.device.type == "cuda" and not careful else self.compiled

    def _compiled(self, tensors: dict[str, Packed], known: tuple[Path, ...]) -> NativePath | TorchPath:
        packed = self.weights == "int4"
        if self.careful:
            return TorchPath(self.config, tensors, self.dtype, self.device, False, known, "reference")
        if self.device.type == "cuda":
            kernels = "triton" if chosen_backend("decode_attention", self.device) == "triton" else "torch"
            return TorchPath(self.config, tensors, self.dtype, self.device, packed, known, kernels)
        try:
            if self.device.type != "cpu":
                raise NativeUnavailable(str(self.device))
            return NativePath(self.config, tensors, self.dtype, packed, known)
        except NativeUnavailable as reason:
            return TorchPath(self.config, tensors, self.dtype, self.device, packed, known, f"torch ({reason})")

    def _with_graph(self) -> Path:
        reason = unavailable(self.config, self.device)
        if reason is None:
            return GraphPath(self.compiled)
        self.compiled.kernels += f", no CUDA graph ({reason})"
        return self.compiled

    @classmethod
    def from_model(cls, model: SigmaForCausalLM, **options) -> Runtime:
        """A runtime of a transformers model's own weights; options as for the constructor."""
        state = model.state_dict()
        if model.config.tie_word_embeddings:
            state.pop("lm_head.weight", None)
        return cls(model.config, {name: Dense(tensor.detach()) for name, tensor in state.items()}, **options)

    @property
    def kernels(self) -> str:
        """Which code runs; it may change once, when a CUDA graph turns out not to work."""
        return self.path.kernels

    @property
    def cuts_freely(self) -> bool:
        """Whether a prefill gives the same bits however it is cut into pieces of two tokens or more."""
        return self.path.cuts_freely

    @property
    def draft_margin(self) -> float:
        """By how much the difference of two likely tokens' logits may change where tokens are drafted; 0: the same bits."""
        return self.path.draft_margin

    @property
    def kv_itemsize(self) -> int:
        """Bytes per cached value."""
        return self.dtype.itemsize

    def weight_pointers(self) -> dict[str, int]:
        """Address of every compiled weight by tensor name: equal in two runtimes where one copy serves both."""
        return self.path.weight_pointers()

    def new_cache(self) -> DiffKVCache:
        """An empty cache; its tensors take this runtime's type (bf16, or fp32 with fp32 weights)."""
        return DiffKVCache(self.config, GPU_CHUNK if self.device.type == "cuda" else CHUNK)

    @torch.inference_mode()
    def prefill(self, ids: Tensor, cache: DiffKVCache, *, all_logits: bool = False) -> Tensor:
        """Append one chunk of tokens [b, t] with full attention.

        Returns fp32 logits of its last position, [b, vocab], or with `all_logits` of every position, [b, t, vocab].
        ValueError for ids outside the vocabulary or a context that would overflow.
        """
        self._check_ids(ids, cache)
        hidden = self.path.run(ids, cache, Trace(), None)
        self._note_read(cache, ids.shape[0], None, Trace())
        return self.path.head(hidden if all_logits else hidden[:, -1])

    @torch.inference_mode()
    def decode(
        self,
        ids: Tensor,
        cache: DiffKVCache,
        *,
        top_k: int | None = None,
        missing_mass: str | None = None,
        threshold: float | None = None,
        probe_layer: int | None = None,
    ) -> tuple[Tensor, AttentionProbe | None]:
        """Append one token per sequence, ids [b, 1]: best on the CPU, as checking those on a GPU would wait for it.

        top_k: V rows fetched per query head (plus the current one); None reads all, and one that covers all cached
        rows computes what None does, bit for bit. missing_mass, threshold: see `Trace`. probe_layer: whose attention
        (of batch item 0) to return. Returns (fp32 logits [b, vocab], probe or None) and notes in the cache the bytes
        read. ValueError as `prefill`, and for a top_k or a layer that does not exist.
        """
        self._check_ids(ids, cache)
        if ids.shape[1] != 1:
            raise ValueError(f"decode takes one token per sequence, got {tuple(ids.shape)}")
        trace = Trace(probe_layer, missing_mass, threshold)
        self._check_reading(top_k, trace)
        logits = self.path.decode(ids, cache, trace, top_k)
        self._note_read(cache, ids.shape[0], top_k, trace)
        return logits, None if probe_layer is None else self._probe(trace, cache)

    @torch.inference_mode()
    def decode_many(self, steps: Sequence[SequenceStep]) -> list[tuple[Tensor, AttentionProbe | None]]:
        """One step of several sequences at once: each with its own cache, length, selection and probed layer.

        Args:
            steps: a token and a cache of batch 1 for each; `trace` says which layer to probe. A drafted one stands behind the
                step before it, of the same cache: it is computed as if that token had been taken.

        The C++ path reads the weights once for all. Every sequence gets what `decode` gives it alone, bit for bit, and
        the result has `decode`'s pair for each, in order. Of a drafted token there are the logits, within
        `draft_margin` of what `decode` gives, and None: whoever takes it asks `taken`. The cache holds the rows of all
        drafted tokens afterwards: the caller keeps those that it takes. ValueError as `decode`, naming the sequence by
        its place in the list, and for a cache that is there twice; no sequence has advanced then.
        """
        lengths: dict[int, int] = {}
        for i, step in enumerate(steps):
            try:
                self._check_together(step, steps[i - 1] if i else None, lengths)
            except ValueError as problem:
                raise ValueError(f"sequence {i}: {problem}") from None
        found = self.path.decode_many(steps) if steps else ()
        return [(logits, None if step.drafted else self.taken(step)) for step, logits in zip(steps, found)]

    def _check_together(self, step: SequenceStep, before: SequenceStep | None, lengths: dict[int, int]) -> None:
        """Notes in `lengths`, by cache, how many rows it has come to hold, and in the step's trace."""
        key = id(step.cache)
        if step.drafted:
            if before is None or before.cache is not step.cache:
                raise ValueError("a drafted token must stand behind another of its cache")
            asked = (before.top_k, before.trace.probe_layer, before.trace.how(self.config))
            if asked != (step.top_k, step.trace.probe_layer, step.trace.how(self.config)):
                raise ValueError("a drafted token must be read in the way of the one before it")
        elif key in lengths:
            raise ValueError("two of the sequences share a cache")
        self._check_ids(torch.tensor([[step.token]]), step.cache, lengths.get(key))
        self._check_reading(step.top_k, step.trace)
        step.trace.length = lengths[key] = lengths.get(key, step.cache.length) + 1

    @torch.inference_mode()
    def taken(self, step: SequenceStep) -> AttentionProbe | None:
        """What a step of `decode_many` read, noted in its cache, and its probe: of a drafted token once it is taken."""
        self._note_read(step.cache, 1, step.top_k, step.trace, step.trace.length)
        return None if step.trace.probe_layer is None else self._probe(step.trace, step.cache, step.trace.length)

    def _check_reading(self, top_k: int | None, trace: Trace) -> None:
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k must be None or at least 1, got {top_k}")
        if trace.missing_mass is not None:
            check_missing_mass("missing_mass", trace.missing_mass)
        if trace.threshold is not None:
            check_threshold("threshold", trace.threshold)
        probe_layer = trace.probe_layer
        if probe_layer is not None and not 0 <= probe_layer < self.config.num_hidden_layers:
            raise ValueError(f"probe_layer {probe_layer} is not among the {self.config.num_hidden_layers} layers")

    def _probe(self, trace: Trace, cache: DiffKVCache, rows: int | None = None) -> AttentionProbe:
        keys = cache.layers[trace.probe_layer].keys[:1, :, :rows]
        scores = attention_weights(trace.query[:1], keys, scale=self.config.scale)[0, :, 0].cpu().numpy()
        if trace.positions is None:
            return AttentionProbe(trace.probe_layer, scores, None, np.ones(len(scores), np.float32))
        return AttentionProbe(
            trace.probe_layer,
            scores,
            trace.positions[0, :, 0].cpu().numpy(),
            trace.captured[0, :, 0].float().cpu().numpy(),
        )

    def _note_read(
        self, cache: DiffKVCache, batch: int, top_k: int | None, trace: Trace, rows: int | None = None
    ) -> None:
        size = self.kv_itemsize
        k_read, v_full = self.config.kv_bytes(cache.length if rows is None else rows, size, batch)
        if top_k is None:
            cache.note_read(k_read, v_full, v_full)
            return
        row = self.config.head_dim * size
        cache.note_read(k_read, trace.requested_rows * row, trace.distinct_rows * row)

    def _check_ids(self, ids: Tensor, cache: DiffKVCache, cached: int | None = None) -> None:
        cached = cache.length if cached is None else cached
        if ids.dim() != 2 or not ids.numel():
            raise ValueError(f"token ids must be [batch, tokens], got {tuple(ids.shape)}")
        low, high = (int(x) for x in ids.cpu().aminmax())  # ids that are on a GPU are waited for
        if low < 0 or high >= self.config.vocab_size:
            raise ValueError(f"token ids {low}..{high} are outside the vocabulary of {self.config.vocab_size}")
        if cached + ids.shape[1] > self.config.max_position_embeddings:
            raise ValueError(
                f"{cached} cached and {ids.shape[1]} new tokens exceed the context of "
                f"{self.config.max_position_embeddings}"
            )


def _check_tensors(config: SigmaConfig, tensors: dict[str, Packed]) -> None:
    with torch.device("meta"):
        wanted = SigmaForCausalLM(config).state_dict()
    if "lm_head.weight" not in tensors and config.tie_word_embeddings:
        wanted.pop("lm_head.weight")
    for name, tensor in wanted.items():
        if name not in tensors:
            raise ValueError(f"the checkpoint has no tensor {name}")
        if tensors[name].shape != tuple(tensor.shape):
            raise ValueError(f"{name} must be {tuple(tensor.shape)} for this configuration, got {tensors[name].shape}")
