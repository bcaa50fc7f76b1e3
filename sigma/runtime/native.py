"""The forward pass through decode.cpp: one C call per decode step of however many sequences, two per layer and chunk when
prefilling.

The library is compiled once per machine by `kernels.native`; without a compiler `NativeUnavailable` says why and the
torch path serves.
"""

from __future__ import annotations

import ctypes
import pathlib
from collections.abc import Sequence

import torch
from torch import Tensor

from kernels import native, prefill_attention
from kernels.native import NativeUnavailable
from sigma.model.cache import DiffKVCache
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import rope_tables
from sigma.quantization import Packed
from sigma.runtime.layout import Interleaved, fits, interleave
from sigma.runtime.newest import Drafted, Newest
from sigma.runtime.path import Path, SequenceStep, by_sequence
from sigma.runtime.structs import STRUCTURES, Layer, Matrix, Model, Step
from sigma.runtime.structs import Sequence as SequenceStruct
from sigma.runtime.trace import Trace

_TEAM = 16  # a decode step's matrices have a few dozen row blocks: more threads would only wait for each other
_HERE = pathlib.Path(__file__).parent
_opened: ctypes.CDLL | None = None


def _library() -> ctypes.CDLL:
    global _opened
    if _opened is None:
        opened = native.load("runtime", (_HERE / "decode.cpp",), structures=STRUCTURES)
        address, number = ctypes.c_void_p, ctypes.c_int64
        matrix, model, step = (ctypes.POINTER(structure) for structure in (Matrix, Model, Step))
        for name, arguments in {
            "sigma_embed": [matrix, address, number, address],
            "sigma_before": [model, step, number],
            "sigma_after": [model, step, number],
            "sigma_step": [model, step],
            "sigma_head": [model, matrix, address, number, number, number, address],
        }.items():
            function = getattr(opened, name)
            function.argtypes, function.restype = arguments, native.checked
        _opened = opened
    return _opened


class NativePath(Path):
    """Interleaved weights and the calls. Raises NativeUnavailable when this machine or model cannot use C++."""

    cuts_freely = True
    draft_margin = 0.0  # a drafted token is computed as a sequence of its own

    def __init__(
        self,
        config: SigmaConfig,
        tensors: dict[str, Packed],
        dtype: torch.dtype,
        packed: bool,
        share: tuple[Path, ...] = (),
    ):
        if config.qkv_bias or config.qk_norm:
            raise NativeUnavailable("no biases or query and key norms in the C++ code")
        if config.key_head_dim > config.head_dim:
            raise NativeUnavailable("no K wider than V in the C++ code")
        attention = {name: native.function(f"{name}_many", dtype) for name in ("decode", "selective")}
        if None in attention.values():
            raise NativeUnavailable(native.status().removeprefix("torch ").strip("()"))
        self.attention = {name: ctypes.cast(f, ctypes.c_void_p).value for name, f in attention.items()}
        self.library = _library()
        self.kernels = native.status()
        matrices = [tensor for tensor in tensors.values() if len(tensor.shape) == 2]
        if config.head_dim > 512 or not all(fits(m, packed) for m in matrices):
            raise NativeUnavailable("widths that the C++ code does not take")
        self.config, self.dtype, self.packed = config, dtype, packed
        # The packed objects are kept beside what they became, so that an id cannot be reused.
        self.compiled: dict[int, tuple[Packed, Interleaved | Tensor]] = {}
        self.known = {
            key: made for path in share if isinstance(path, NativePath) for key, made in path.compiled.items()
        }
        self.names = {id(tensor): name for name, tensor in tensors.items()}
        self.embedding = self._matrix(tensors["model.embed_tokens.weight"])
        self.head_matrix = self._matrix(tensors.get("lm_head.weight", tensors["model.embed_tokens.weight"]))
        layers = [self._layer(f"model.layers.{i}.", tensors) for i in range(config.num_hidden_layers)]
        self.layers = (Layer * len(layers))(*layers)
        cos, sin = rope_tables(config, torch.arange(config.max_position_embeddings))
        half = config.key_head_dim // 2
        self.tables = cos[:, :half].contiguous(), sin[:, :half].contiguous()
        self.model = self._model(self._vector(tensors["model.norm.weight"]))
        self.known = {}

    def _get(self, packed: Packed, make):
        if id(packed) not in self.compiled:
            self.compiled[id(packed)] = self.known.get(id(packed)) or (packed, make())
        return self.compiled[id(packed)][1]

    def _matrix(self, packed: Packed) -> Interleaved:
        return self._get(packed, lambda: interleave(packed, self.dtype, self.packed))

    def _vector(self, packed: Packed) -> int:
        return self._get(packed, lambda: packed.dequantize().contiguous()).data_ptr()

    def _layer(self, prefix: str, tensors: dict[str, Packed]) -> Layer:
        def vector(name: str) -> int:
            return self._vector(tensors[f"{prefix}{name}.weight"])

        def matrix(name: str) -> int:
            return self._matrix(tensors[f"{prefix}{name}.weight"]).address

        layer = Layer(input_norm=vector("input_layernorm"), post_norm=vector("post_attention_layernorm"))
        names = {name: f"self_attn.{name}_proj" for name in "qkvo"}
        names |= {name: f"mlp.{name}_proj" for name in ("gate", "up", "down")}
        if f"{prefix}self_attn.q_down_proj.weight" in tensors:
            names |= {name: f"self_attn.{name}_proj" for name in ("q_gate", "q_up", "q_down")}
        for field, name in names.items():
            setattr(layer, field, matrix(name))
        if self.config.key_head_dim < self.config.head_dim:
            layer.expand = vector("self_attn.k_expand_proj")
        return layer

    def _model(self, norm: int) -> Model:
        config = self.config
        return Model(
            hidden=config.hidden_size,
            n_q=config.num_attention_heads,
            n_k=max(config.key_heads),
            n_v=config.num_value_heads,
            d=config.head_dim,
            d_k=config.key_head_dim,
            inner=config.intermediate_size,
            wide=max(wide or 0 for wide in config.augmented_query_dims),
            layers=config.num_hidden_layers,
            half=int(self.dtype == torch.bfloat16),
            context=config.max_position_embeddings,
            eps=config.rms_norm_eps,
            scale=config.scale,
            cosine=self.tables[0].data_ptr(),
            sine=self.tables[1].data_ptr(),
            norm=norm,
            layer=ctypes.addressof(self.layers),
        )

    def weight_pointers(self) -> dict[str, int]:
        return {self.names[key]: made.data_ptr() for key, (_, made) in self.compiled.items() if key in self.names}

    def head(self, hidden: Tensor) -> Tensor:
        return self._logits(hidden, 1, hidden.shape[:-1].numel())

    def _logits(self, hidden: Tensor, b: int, t: int) -> Tensor:
        """As `head`; with t of 1 the rows are of b sequences, and each has the bits that it would have alone."""
        hidden = hidden.contiguous()
        logits = torch.empty(*hidden.shape[:-1], self.config.vocab_size)
        threads = min(torch.get_num_threads(), _TEAM)
        matrix = self.head_matrix.header
        self.library.sigma_head(self.model, matrix, hidden.data_ptr(), b, t, threads, logits.data_ptr())
        return logits

    def run(self, ids: Tensor, cache: DiffKVCache, trace: Trace, top_k: int | None) -> Tensor:
        """As `Path.run`, in fp32."""
        b, t = ids.shape
        cache.reserve(b, t, self.dtype, torch.device("cpu"))
        newest = Newest(self.config, cache, b, t, trace, top_k)
        state = self._forward(ids, [newest])
        if t == 1:
            newest.note_sums()
        return state

    def decode(self, ids: Tensor, cache: DiffKVCache, trace: Trace, top_k: int | None) -> Tensor:
        return self._logits(self.run(ids, cache, trace, top_k)[:, 0], len(ids), 1)

    def decode_many(self, steps: Sequence[SequenceStep]) -> list[Tensor]:
        """As `Path.decode_many`, in one call: each matrix is read once for all.

        Where there is no memory for one more row of one of them, nothing has changed for any.
        """
        groups = by_sequence(steps)
        for group in groups:
            group[0].cache.reserve(1, len(group), self.dtype, torch.device("cpu"))
        drafted = [Drafted(self.config, group) for group in groups]
        state = self._forward(torch.tensor([[step.token] for step in steps]), [x for one in drafted for x in one.rows])
        for one in drafted:
            one.note_sums()
        return list(self._logits(state[:, 0], len(steps), 1).split(1))

    def decode_draft(self, steps: Sequence[SequenceStep]) -> list[Tensor]:
        return self.decode_many(steps)

    def _forward(self, ids: Tensor, newest: list[Newest]) -> Tensor:
        """All layers for ids [b, t], the rows of `newest` in turn; the residual stream [b, t, hidden]."""
        config = self.config
        b, t = ids.shape
        ids = ids.to("cpu", torch.int64).contiguous()
        state = torch.empty(b, t, config.hidden_size)
        self.library.sigma_embed(self.embedding.header, ids.data_ptr(), b * t, state.data_ptr())
        q = torch.empty(b, t, config.num_attention_heads, config.key_head_dim, dtype=self.dtype)
        out = torch.empty(b, t, config.num_attention_heads * config.head_dim, dtype=self.dtype)
        sequences = (SequenceStruct * b)(*(struct for rows in newest for struct in rows.structs()))
        step = Step(
            b=b,
            t=t,
            threads=torch.get_num_threads() if t > 1 else min(torch.get_num_threads(), _TEAM),
            state=state.data_ptr(),
            q=q.data_ptr(),
            out=out.data_ptr(),
            sequence=ctypes.addressof(sequences),
            decode=self.attention["decode"],
            selective=self.attention["selective"],
        )
        if t > 1:
            self._chunk(step, q, out, newest[0].cache, newest[0].trace)
            return state
        self.library.sigma_step(self.model, step)
        done = iter(sequences)
        for rows in newest:
            mine = [next(done) for _ in range(rows.b)]
            rows.fill_trace(sum(one.requested for one in mine), sum(one.distinct for one in mine))
        return state

    def _chunk(self, step: Step, q: Tensor, out: Tensor, cache: DiffKVCache, trace: Trace) -> None:
        # Not the decode kernel for a few: its sums are cut among the threads, so they depend on the length.
        out = out.view(*q.shape[:3], -1)
        for i, layer in enumerate(cache.layers):
            self.library.sigma_before(self.model, step, i)
            if trace.queries is not None:
                trace.queries.append(q.transpose(1, 2).clone())  # the next layer writes over q
            attended = prefill_attention(q.transpose(1, 2), layer.keys, layer.values, scale=self.config.scale)
            out.copy_(attended.transpose(1, 2))
            self.library.sigma_after(self.model, step, i)
