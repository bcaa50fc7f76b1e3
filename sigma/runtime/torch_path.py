"""The forward pass in torch operations: any device, and every CPU without a C++ compiler.

4-bit matrices use torch's int4 CPU kernel for a few rows (one read of the packed weights) and a bf16 copy for many,
where that kernel loses.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels import MAX_DECODE_QUERIES, decode_attention, prefill_attention, selective_decode_attention, silu_mul
from sigma.model.cache import DiffKVCache
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import rope_tables
from sigma.quantization import Int4, Packed
from sigma.quantization.packed import unpack_nibbles
from sigma.runtime.path import Path, SequenceStep
from sigma.runtime.trace import Trace

_FEW_ROWS = 8  # from about 10 rows on, bf16 beats the int4 kernel
DRAFT_MARGIN = {torch.float32: 2e-3, torch.bfloat16: 0.5}  # seen on the default pair: 0.375 in bf16
_INT4_GROUPS = (32, 64, 128, 256)  # what the int4 kernel takes


class DenseMatrix:
    """y = x W^T with a plain matrix."""

    def __init__(self, parts: tuple[Packed, ...], dtype: torch.dtype, device: torch.device):
        self.weight = torch.cat([part.dequantize().to(dtype) for part in parts]).to(device)

    def data_ptr(self) -> int:
        return self.weight.data_ptr()

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight)


class Int4Matrix(DenseMatrix):
    """y = x W^T with 4-bit matrices, stacked; their exact offsets are applied as vector operations."""

    def __init__(self, parts: tuple[Int4, ...], dtype: torch.dtype, device: torch.device):
        super().__init__(parts, dtype, device)
        values = torch.cat([unpack_nibbles(part.nibbles).int() for part in parts])
        self.packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(values, 1)
        self.group = parts[0].group
        scales = [torch.stack((part.scale.T, part.zero.T), dim=-1) for part in parts]  # [groups, rows, 2]
        self.scales = torch.cat(scales, dim=1).to(torch.bfloat16).contiguous()
        self.offsets, start = [], 0
        for part in parts:
            rows, cols = part.shape
            if part.identity:
                self.offsets.append((slice(start, start + min(rows, cols)), part.identity, None))
            if part.rank_one is not None:
                vectors = tuple(x.to(dtype) for x in part.rank_one)
                self.offsets.append((slice(start, start + rows), *vectors))
            start += rows

    @staticmethod
    def accepts(parts: tuple[Packed, ...], dtype: torch.dtype, device: torch.device) -> bool:
        return (
            dtype == torch.bfloat16
            and device.type == "cpu"
            and all(isinstance(p, Int4) and p.group == parts[0].group and p.shape[0] % 16 == 0 for p in parts)
            and parts[0].group in _INT4_GROUPS
        )

    def data_ptr(self) -> int:
        return self.packed.data_ptr()

    def __call__(self, x: Tensor) -> Tensor:
        if x.shape[:-1].numel() > _FEW_ROWS:
            return F.linear(x, self.weight)
        flat = x.reshape(-1, x.shape[-1]).contiguous()
        y = torch.ops.aten._weight_int4pack_mm_for_cpu(flat, self.packed, self.group, self.scales)
        for rows, factor, vector in self.offsets:
            if vector is None:
                y[:, rows] += factor * flat[:, : rows.stop - rows.start]
            else:
                y[:, rows] += (flat @ vector)[:, None] * factor
        return y.view(*x.shape[:-1], -1)


class TorchPath(Path):
    """Compiled weights and the loop over the layers. `compiled` maps packed objects to matrices, for sharing."""

    cuts_freely = False

    def __init__(
        self,
        config: SigmaConfig,
        tensors: dict[str, Packed],
        dtype: torch.dtype,
        device: torch.device,
        packed: bool,
        share: tuple[Path, ...] = (),
        kernels: str = "torch",
    ):
        self.config, self.dtype, self.device, self.packed = config, dtype, device, packed
        self.kernels = kernels
        self.draft_margin = DRAFT_MARGIN[dtype]
        usable = [p for p in share if isinstance(p, TorchPath) and (p.dtype, p.device) == (dtype, device)]
        # The packed objects are kept beside what they became, so that an id cannot be reused.
        self.compiled: dict[tuple[int, ...], tuple] = {}
        self.known = {key: made for path in usable for key, made in path.compiled.items()}
        self.embedding = self._plain(tensors["model.embed_tokens.weight"])
        head = tensors.get("lm_head.weight", tensors["model.embed_tokens.weight"])
        self.head_weight = self._plain(head)
        self.norm = self._plain(tensors["model.norm.weight"])
        self.names = {id(packed): name for name, packed in tensors.items()}
        self.layers = [self._layer(f"model.layers.{i}.", tensors) for i in range(config.num_hidden_layers)]
        cos, sin = rope_tables(config, torch.arange(config.max_position_embeddings))
        self.cos, self.sin = cos.to(device, dtype), sin.to(device, dtype)
        self.known = {}

    def _get(self, parts: tuple[Packed, ...], make):
        key = tuple(map(id, parts))
        if key not in self.compiled:
            self.compiled[key] = self.known.get(key) or (parts, make())
        return self.compiled[key][1]

    def _plain(self, packed: Packed) -> Tensor:
        return self._get((packed,), lambda: packed.dequantize().to(self.device, self.dtype))

    def _matrix(self, *parts: Packed) -> DenseMatrix:
        kind = Int4Matrix if self.packed and Int4Matrix.accepts(parts, self.dtype, self.device) else DenseMatrix
        return self._get(parts, lambda: kind(parts, self.dtype, self.device))

    def _layer(self, prefix: str, tensors: dict[str, Packed]) -> dict:
        part = {
            name.removesuffix(".weight").replace("_proj.bias", "_bias").rpartition(".")[2]: packed
            for name, packed in tensors.items()
            if name.startswith(prefix)
        }
        layer = {name: self._plain(part[name]) for name in ("input_layernorm", "post_attention_layernorm")}
        layer |= {name: self._matrix(part[name]) for name in ("v_proj", "o_proj", "down_proj")}
        layer["gate_up"] = self._matrix(part["gate_proj"], part["up_proj"])
        layer["q_k"] = self._matrix(part["q_proj"], part["k_proj"])
        if self.config.qkv_bias:
            layer["q_k_bias"] = torch.cat((self._plain(part["q_bias"]), self._plain(part["k_bias"])))
            layer["v_bias"] = self._plain(part["v_bias"])
        if self.config.qk_norm:
            layer |= {name: self._plain(part[name]) for name in ("q_norm", "k_norm")}
        if "q_down_proj" in part:
            layer["q_gate_up"] = self._matrix(part["q_gate_proj"], part["q_up_proj"])
            layer["q_down"] = self._matrix(part["q_down_proj"])
        if self.config.key_head_dim < self.config.head_dim:
            layer["k_expand"] = self._plain(part["k_expand_proj"])
        return layer

    def weight_pointers(self) -> dict[str, int]:
        return {
            self.names[part]: compiled.data_ptr()
            for parts, (_, compiled) in self.compiled.items()
            for part in parts
            if part in self.names
        }

    def head(self, hidden: Tensor) -> Tensor:
        return F.linear(self.normed(hidden, self.norm), self.head_weight).float()

    def run(self, ids: Tensor, cache: DiffKVCache, trace: Trace, top_k: int | None) -> Tensor:
        """As `Path.run`, in the type of the weights."""
        config, past, t = self.config, cache.length, ids.shape[1]
        ids = ids.to(self.device, non_blocking=True)
        cos, sin = self.cos[past : past + t], self.sin[past : past + t]
        hidden = F.embedding(ids, self.embedding)
        selects = trace.selects(config, top_k, past + t - 1)  # the newest token has the most rows to choose from
        how = dict(zip(("missing_mass", "threshold"), trace.how(config)))
        sums = cache.value_sums().float() if selects and how["missing_mass"] == "mean" else None
        fetched = []
        for i, layer in enumerate(self.layers):
            q, k, v = self.heads(layer, self.normed(hidden, layer["input_layernorm"]))
            q, k = _rotated(q, k, cos, sin)
            if trace.queries is not None:
                trace.queries.append(q)
            keys, values = cache.layers[i].update(k, v)
            if selects:
                v_sum = None if sums is None else sums[i]
                result = selective_decode_attention(q, keys, values, top_k, scale=config.scale, v_sum=v_sum, **how)
                out = result.out
                fetched.append(result.positions)
            elif t <= MAX_DECODE_QUERIES:
                out = decode_attention(q, keys, values, scale=config.scale)
            else:
                out = prefill_attention(q, keys, values, scale=config.scale)
            if i == trace.probe_layer:
                trace.query = q
                if selects:
                    trace.positions, trace.captured = result.positions, result.captured
            hidden = hidden + layer["o_proj"](out.transpose(1, 2).flatten(2))
            gate_up = layer["gate_up"](self.normed(hidden, layer["post_attention_layernorm"]))
            hidden = hidden + layer["down_proj"](silu_mul(gate_up))
        if fetched:
            trace.fetched = torch.stack(fetched)
            if t == 1:  # else each token's are counted apart
                trace.count(cache.length, config.num_value_heads)
        elif top_k is not None:
            trace.select_all(config, ids.shape[0], cache.length, self.device)
        return hidden

    def decode_draft(self, steps: Sequence[SequenceStep]) -> list[Tensor]:
        first, past = steps[0], steps[0].cache.length
        whole = first.trace.asked()
        hidden = self.run(torch.tensor([[step.token for step in steps]]), first.cache, whole, first.top_k)
        spread(whole, steps, self.config, past)
        return list(self.head(hidden)[0].split(1))

    def normed(self, hidden: Tensor, weight: Tensor) -> Tensor:
        """RMS norm of the residual stream [.., hidden]."""
        return F.rms_norm(hidden, (self.config.hidden_size,), weight, self.config.rms_norm_eps)

    def heads(self, layer: dict, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x [b, t, hidden] -> q [b, n_q, t, d_k] and k [b, n_k, t, d_k], not yet rotated, and v [b, n_v, t, d_v]."""
        config = self.config
        b, t, _ = x.shape
        q_k, v = layer["q_k"](x), layer["v_proj"](x)
        q_width = config.num_attention_heads * config.query_head_dim  # the rest is K: layers may differ in its heads
        if config.qkv_bias:
            q_k, v = q_k + layer["q_k_bias"], v + layer["v_bias"]
        q, k = q_k.split((q_width, q_k.shape[-1] - q_width), -1)
        if "q_down" in layer:
            q = layer["q_down"](silu_mul(layer["q_gate_up"](q)))
        if config.key_head_dim < config.head_dim:  # (W_e^T q) . k: nothing wider than the cache exists
            expand = layer["k_expand"].view(-1, config.head_dim, config.key_head_dim)
            q = q.view(b, t, len(expand), -1, config.head_dim)
            q = torch.einsum("btgid,gdc->btgic", q, expand).flatten(2)
        q, k = (part.view(b, t, -1, config.key_head_dim) for part in (q, k))
        if config.qk_norm:
            size, eps = (config.head_dim,), config.rms_norm_eps
            q, k = F.rms_norm(q, size, layer["q_norm"], eps), F.rms_norm(k, size, layer["k_norm"], eps)
        v = v.view(b, t, -1, config.head_dim)
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)


def spread(whole: Trace, steps: Sequence[SequenceStep], config: SigmaConfig, past: int) -> None:
    """Give each of several tokens of one sequence its part of what their pass left; `past` rows stood before them."""
    for i, step in enumerate(steps):
        own, length = step.trace, past + i + 1
        if whole.query is not None:
            own.query = whole.query[:, :, i : i + 1]
        if whole.fetched is not None:
            rows = min(step.top_k, length - 1) + 1
            own.fetched = whole.fetched[:, :, :, i : i + 1, :rows]
            own.count(length, config.num_value_heads)
            if whole.positions is not None:
                own.positions = whole.positions[:, :, i : i + 1, :rows]
                own.captured = whole.captured[:, :, i : i + 1]
        elif step.top_k is not None:
            device = step.cache.layers[0].k_buffer.device
            own.select_all(config, 1, length, device)


def _rotated(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Rotary embedding of q and k together, by tables [t, d_k]."""
    turned = torch.cat((q, k), 1)
    low, high = turned.chunk(2, -1)
    turned = torch.addcmul(turned * cos, torch.cat((-high, low), -1), sin)
    return turned.split((q.shape[1], k.shape[1]), 1)
