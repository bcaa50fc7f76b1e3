"""The forward pass through decode.cpp: one C call per decode step, two per layer and chunk when prefilling.

The library is compiled once per machine by `kernels.native`; without a compiler `NativeUnavailable` says why and the
torch path serves.
"""

from __future__ import annotations

import ctypes
import pathlib

import torch
from torch import Tensor

from kernels import native, prefill_attention
from kernels.native import NativeUnavailable
from kernels.selective.missing_mass import MISSING_MASS
from sigma.model.cache import DiffKVCache
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import rope_tables
from sigma.quantization import Packed
from sigma.runtime.layout import Interleaved, fits, interleave
from sigma.runtime.path import Path
from sigma.runtime.structs import STRUCTURES, Layer, Matrix, Model, Step
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
            "sigma_head": [model, matrix, address, number, number, address],
        }.items():
            function = getattr(opened, name)
            function.argtypes, function.restype = arguments, None
        _opened = opened
    return _opened


class NativePath(Path):
    """Interleaved weights and the calls. Raises NativeUnavailable when this machine or model cannot use C++."""

    cuts_freely = True

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
        attention = {name: native.function(name, dtype) for name in ("decode", "selective")}
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
        if self.config.augmented_query_dim is not None:
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
            n_k=config.num_key_heads,
            n_v=config.num_value_heads,
            d=config.head_dim,
            d_k=config.key_head_dim,
            inner=config.intermediate_size,
            wide=config.augmented_query_dim or 0,
            layers=config.num_hidden_layers,
            half=int(self.dtype == torch.bfloat16),
            context=config.max_position_embeddings,
            missing_mass=MISSING_MASS.index(config.selective_v_missing_mass),
            eps=config.rms_norm_eps,
            scale=config.scale,
            threshold=config.selective_v_threshold,
            cosine=self.tables[0].data_ptr(),
            sine=self.tables[1].data_ptr(),
            norm=norm,
            layer=ctypes.addressof(self.layers),
        )

    def weight_pointers(self) -> dict[str, int]:
        return {self.names[key]: made.data_ptr() for key, (_, made) in self.compiled.items() if key in self.names}

    def head(self, hidden: Tensor) -> Tensor:
        hidden = hidden.contiguous()
        logits = torch.empty(*hidden.shape[:-1], self.config.vocab_size)
        rows, threads = hidden.shape[:-1].numel(), min(torch.get_num_threads(), _TEAM)
        matrix = self.head_matrix.header
        self.library.sigma_head(self.model, matrix, hidden.data_ptr(), rows, threads, logits.data_ptr())
        return logits

    def run(self, ids: Tensor, cache: DiffKVCache, trace: Trace, top_k: int | None) -> Tensor:
        """As `Path.run`, in fp32."""
        config = self.config
        b, t = ids.shape
        past = cache.length
        ids = ids.to("cpu", torch.int64).contiguous()
        state = torch.empty(b, t, config.hidden_size)
        self.library.sigma_embed(self.embedding.header, ids.data_ptr(), b * t, state.data_ptr())
        # A selection of everything is full attention.
        covers = top_k is not None and top_k >= past and not (past and config.selective_v_threshold)
        selects = top_k is not None and not covers
        averages = selects and config.selective_v_missing_mass == "mean"
        sums = cache.value_sums() if averages else None  # before there is room for a row that is not yet written
        pointers, capacity = self._append(cache, b, t)
        q = torch.empty(b, t, config.num_attention_heads, config.key_head_dim, dtype=self.dtype)
        out = torch.empty(b, t, config.num_attention_heads * config.head_dim, dtype=self.dtype)
        width = min(top_k, past) if selects else 0
        chosen = torch.empty(2, b, config.num_attention_heads, 1, width + 1, dtype=torch.int32)
        mass = torch.empty(2, b, config.num_attention_heads, 1)
        asked = trace.probe_layer is not None
        probe = torch.empty(b, config.num_attention_heads, 1, config.key_head_dim, dtype=self.dtype) if asked else q
        step = Step(
            b=b,
            t=t,
            past=past,
            capacity=capacity,
            threads=torch.get_num_threads() if t > 1 else min(torch.get_num_threads(), _TEAM),
            top_k=width if selects else -1,
            probe=trace.probe_layer if asked else -1,
            state=state.data_ptr(),
            q=q.data_ptr(),
            out=out.data_ptr(),
            cache=pointers.data_ptr(),
            probe_q=probe.data_ptr(),
            positions=chosen[0].data_ptr(),
            probe_positions=chosen[1].data_ptr(),
            captured=mass[0].data_ptr(),
            probe_captured=mass[1].data_ptr(),
            v_sum=None if sums is None else sums.data_ptr(),
            attend=self.attention["selective" if selects else "decode"],
        )
        if t > 1:
            self._chunk(step, q, out, cache, trace)
            return state
        self.library.sigma_step(self.model, step)
        if averages:
            cache.summed_all(past + 1)
        if asked:
            trace.query = probe
        if covers:
            trace.select_all(config, b, past + 1, ids.device)
        elif selects:
            trace.distinct_rows = step.distinct
            trace.positions, trace.captured = chosen[1], mass[1]
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

    def _append(self, cache: DiffKVCache, b: int, t: int) -> tuple[Tensor, int]:
        """Make room for t rows that the C++ code will write; (pointers to K and V of each layer, capacity)."""
        cache.reserve(b, t, self.dtype, torch.device("cpu"))
        cache.advance(t)
        pointers = [x.data_ptr() for layer in cache.layers for x in (layer.k_buffer, layer.v_buffer)]
        return torch.tensor(pointers), cache.layers[0].capacity
