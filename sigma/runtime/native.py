"""The forward pass through decode.cpp: one C call per decode step, two per layer and chunk when prefilling.

The library is compiled once per machine by `kernels.native`; without a compiler `NativeUnavailable` says why and the
torch path serves.
"""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path

import torch
from torch import Tensor

from kernels import MAX_DECODE_QUERIES, decode_attention, native, prefill_attention
from kernels.native import NativeUnavailable
from sigma.model.cache import DiffKVCache
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import rope_tables
from sigma.quantization import Packed
from sigma.runtime.layout import Matrix, fits, interleave
from sigma.runtime.trace import Trace

# Field for field the structs of decode.cpp: 8-byte fields.
_LAYER = struct.Struct("=13q")
_MODEL = struct.Struct("=12q2d4q")
_STEP = struct.Struct("=17q")
_TEAM = 16  # a decode step's matrices have a few dozen row blocks: more threads would only wait for each other
_HERE = Path(__file__).parent
_opened: ctypes.CDLL | None = None


def _library() -> ctypes.CDLL:
    global _opened
    if _opened is None:
        opened = native.load("runtime", (_HERE / "decode.cpp",))
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        for name, arguments in {
            "sigma_embed": [pointer, pointer, number, pointer],
            "sigma_before": [pointer, ctypes.c_char_p, number],
            "sigma_after": [pointer, ctypes.c_char_p, number],
            "sigma_step": [pointer, ctypes.c_char_p],
            "sigma_head": [pointer, pointer, pointer, number, number, pointer],
        }.items():
            function = getattr(opened, name)
            function.argtypes, function.restype = arguments, None
        _opened = opened
    return _opened


def _buffer(fields: bytes) -> Tensor:
    return torch.frombuffer(bytearray(fields), dtype=torch.uint8)


class NativePath:
    """Interleaved weights and the calls. Raises NativeUnavailable when this machine or model cannot use C++."""

    def __init__(
        self,
        config: SigmaConfig,
        tensors: dict[str, Packed],
        dtype: torch.dtype,
        packed: bool,
        share: object | None = None,
    ):
        if config.qkv_bias or config.qk_norm:
            raise NativeUnavailable("no biases or query and key norms in the C++ code")
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
        self.compiled: dict[int, tuple[Packed, Matrix | Tensor]] = {}
        self.known = share.compiled if isinstance(share, NativePath) else {}
        self.names = {id(tensor): name for name, tensor in tensors.items()}
        self.embedding = self._matrix(tensors["model.embed_tokens.weight"])
        self.head_matrix = self._matrix(tensors.get("lm_head.weight", tensors["model.embed_tokens.weight"]))
        layers = b"".join(self._layer(f"model.layers.{i}.", tensors) for i in range(config.num_hidden_layers))
        self.layer_table = _buffer(layers)
        cos, sin = rope_tables(config, torch.arange(config.max_position_embeddings))
        half = config.key_head_dim // 2
        self.tables = cos[:, :half].contiguous(), sin[:, :half].contiguous()
        self.model = _buffer(
            _MODEL.pack(
                config.hidden_size,
                config.num_attention_heads,
                config.num_key_heads,
                config.num_value_heads,
                config.head_dim,
                config.key_head_dim,
                config.intermediate_size,
                config.augmented_query_dim or 0,
                config.num_hidden_layers,
                int(dtype == torch.bfloat16),
                config.max_position_embeddings,
                int(config.selective_v_renormalize),
                config.rms_norm_eps,
                config.scale,
                self.tables[0].data_ptr(),
                self.tables[1].data_ptr(),
                self._vector(tensors["model.norm.weight"]),
                self.layer_table.data_ptr(),
            )
        )
        self.known = {}

    def _get(self, packed: Packed, make):
        if id(packed) not in self.compiled:
            self.compiled[id(packed)] = self.known.get(id(packed)) or (packed, make())
        return self.compiled[id(packed)][1]

    def _matrix(self, packed: Packed) -> Matrix:
        return self._get(packed, lambda: interleave(packed, self.dtype, self.packed))

    def _vector(self, packed: Packed) -> int:
        return self._get(packed, lambda: packed.dequantize().contiguous()).data_ptr()

    def _layer(self, prefix: str, tensors: dict[str, Packed]) -> bytes:
        def vector(name: str) -> int:
            return self._vector(tensors[f"{prefix}{name}.weight"])

        def matrix(name: str) -> int:
            return self._matrix(tensors[f"{prefix}{name}.weight"]).address

        plain = [matrix(f"self_attn.{name}_proj") for name in "qkvo"]
        plain += [matrix(f"mlp.{name}_proj") for name in ("gate", "up", "down")]
        augmented = [0, 0, 0]
        if self.config.augmented_query_dim is not None:
            augmented = [matrix(f"self_attn.q_{name}_proj") for name in ("gate", "up", "down")]
        narrow = self.config.key_head_dim < self.config.head_dim
        expand = vector("self_attn.k_expand_proj") if narrow else 0
        return _LAYER.pack(vector("input_layernorm"), vector("post_attention_layernorm"), *plain, *augmented, expand)

    def weight_pointers(self) -> dict[str, int]:
        """Address of what each tensor was compiled to."""
        return {self.names[key]: made.data_ptr() for key, (_, made) in self.compiled.items() if key in self.names}

    def head(self, state: Tensor) -> Tensor:
        """Final norm and logits, fp32 [.., vocab], of the residual stream [.., hidden]."""
        state = state.contiguous()
        logits = torch.empty(*state.shape[:-1], self.config.vocab_size)
        self.library.sigma_head(
            self.model.data_ptr(),
            self.head_matrix.address,
            state.data_ptr(),
            state.shape[:-1].numel(),
            min(torch.get_num_threads(), _TEAM),
            logits.data_ptr(),
        )
        return logits

    def run(self, ids: Tensor, cache: DiffKVCache, trace: Trace, top_k: int | None) -> Tensor:
        """Append `ids` [b, t] to the cache; returns the residual stream after the last layer, fp32 [b, t, hidden]."""
        config = self.config
        b, t = ids.shape
        past = cache.length
        ids = ids.to("cpu", torch.int64).contiguous()
        state = torch.empty(b, t, config.hidden_size)
        self.library.sigma_embed(self.embedding.address, ids.data_ptr(), b * t, state.data_ptr())
        pointers, capacity = self._append(cache, b, t)
        q = torch.empty(b, t, config.num_attention_heads, config.key_head_dim, dtype=self.dtype)
        out = torch.empty(b, t, config.num_attention_heads * config.head_dim, dtype=self.dtype)
        width = 0 if top_k is None else min(top_k, past)
        chosen = torch.empty(2, b, config.num_attention_heads, 1, width + 1, dtype=torch.int32)
        mass = torch.empty(2, b, config.num_attention_heads, 1)
        asked = trace.probe_layer is not None
        probe = torch.empty(b, config.num_attention_heads, 1, config.key_head_dim, dtype=self.dtype) if asked else q
        step = ctypes.create_string_buffer(
            _STEP.pack(
                b,
                t,
                past,
                capacity,
                torch.get_num_threads() if t > 1 else min(torch.get_num_threads(), _TEAM),
                -1 if top_k is None else width,
                trace.probe_layer if asked else -1,
                state.data_ptr(),
                q.data_ptr(),
                out.data_ptr(),
                pointers.data_ptr(),
                probe.data_ptr(),
                chosen[0].data_ptr(),
                chosen[1].data_ptr(),
                mass[0].data_ptr(),
                mass[1].data_ptr(),
                self.attention["decode" if top_k is None else "selective"],
            )
            + bytes(8),
            _STEP.size + 8,
        )
        if t == 1:
            self.library.sigma_step(self.model.data_ptr(), step)
            if asked:
                trace.query = probe
            if top_k is not None:
                trace.distinct_rows = struct.unpack_from("=q", step, _STEP.size)[0]
                trace.positions, trace.captured = chosen[1], mass[1]
        else:
            self._chunk(step, q, out, cache, t, trace)
        return state

    def _chunk(self, step, q: Tensor, out: Tensor, cache: DiffKVCache, t: int, trace: Trace) -> None:
        attend = decode_attention if t <= MAX_DECODE_QUERIES else prefill_attention
        out = out.view(*q.shape[:3], -1)
        for i, layer in enumerate(cache.layers):
            self.library.sigma_before(self.model.data_ptr(), step, i)
            if trace.queries is not None:
                trace.queries.append(q.transpose(1, 2).clone())  # the next layer writes over q
            out.copy_(attend(q.transpose(1, 2), layer.keys, layer.values, scale=self.config.scale).transpose(1, 2))
            self.library.sigma_after(self.model.data_ptr(), step, i)

    def _append(self, cache: DiffKVCache, b: int, t: int) -> tuple[Tensor, int]:
        """Make room for t rows that the C++ code will write; (pointers to K and V of each layer, capacity)."""
        cache.reserve(b, t, self.dtype, torch.device("cpu"))
        cache.advance(t)
        pointers = [x.data_ptr() for layer in cache.layers for x in (layer.k_buffer, layer.v_buffer)]
        return torch.tensor(pointers), cache.layers[0].capacity
