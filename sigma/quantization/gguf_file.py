"""A Llama-type GGUF file -> SigmaConfig and packed tensors under the names of SigmaForCausalLM's state dict.

Q4_1 and Q4_0 stay in their own 4 bits (groups of 32: w = d * q + m = (q - 8) * d + (m + 8 d)) and Q8_0 in its own
8 bits, so nothing is lost. llama.cpp stores the rows of Q and K permuted (rotary pairs side by side); blocks run
along columns, so undoing that is a permutation of rows, exact in 4 bits too.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sigma.model.configuration import SigmaConfig
from sigma.quantization.packed import Dense, GroupInt8, Int4, Packed

_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}

# Keys of "llama." that are read, or that change no result
_READ = {
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.layer_norm_rms_epsilon",
    "attention.sliding_window",
    "attention.value_length",
    "block_count",
    "context_length",
    "embedding_length",
    "feed_forward_length",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scale_linear",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
    "vocab_size",
}
_NEUTRAL = (0, "", "none", "Meta AI original pth")  # also False and 0.0; the last names the layout that is read


def read_gguf(path: str | Path, reader=None) -> tuple[SigmaConfig, dict[str, Packed], dict]:
    """Read a file of architecture "llama"; `reader` is what `open_gguf` gave, if the file is open already.

    Returns the GQA configuration, the tensors (a tied head is not repeated), and the remaining metadata whose values
    are plain numbers and strings (`general.*`, ...); the tokenizer is left to transformers.
    ValueError for what is not a GGUF, is truncated, or holds another architecture or scaled rotary embeddings.
    """
    path = Path(path)
    reader = open_gguf(path) if reader is None else reader
    fields = {name: field for name, field in reader.fields.items() if not name.startswith("tokenizer.ggml.tokens")}
    metadata = {name: fields[name].contents() for name in fields if not name.startswith(("tokenizer.", "GGUF."))}
    architecture = metadata.get("general.architecture")
    if architecture != "llama":
        raise ValueError(f"{path.name}: GGUF architecture {architecture!r} is not supported; expected 'llama'")
    found = {tensor.name: tensor for tensor in reader.tensors}
    _refuse_unknown(path, metadata, found)
    config = _config(path, metadata, fields, found)
    tensors: dict[str, Packed] = {}
    for name, tensor in found.items():
        target = _name(path, name)
        rows = None
        if target.endswith("self_attn.q_proj.weight"):
            rows = _unpermuted(config.num_attention_heads, config.head_dim)
        elif target.endswith("self_attn.k_proj.weight"):
            rows = _unpermuted(config.num_key_heads, config.head_dim)
        tensors[target] = _packed(tensor, rows)
    _complete(path, config, tensors)
    return config, tensors, {k: v for k, v in metadata.items() if isinstance(v, (str, int, float, bool))}


def _refuse_unknown(path: Path, metadata: dict, found: dict) -> None:
    """Raise ValueError for what changes the arithmetic and is not read: scaled rotations, experts, soft caps, ..."""
    kind = metadata.get("llama.rope.scaling.type", "none")
    scaled = (metadata.get(name, 1.0) for name in ("llama.rope.scale_linear", "llama.rope.scaling.factor"))
    if "rope_freqs.weight" in found or kind not in ("none", "") or any(x not in (0, 1) for x in scaled):
        raise ValueError(f"{path.name}: scaled rotary embeddings are not supported")
    for name, value in metadata.items():
        if name.startswith("llama.") and name.removeprefix("llama.") not in _READ and value not in _NEUTRAL:
            raise ValueError(f"{path.name}: {name} = {value!r} is not supported")


def open_gguf(path: Path):
    """A `gguf.GGUFReader` of a whole file; it takes seconds, so the tensors and the tokenizer should share one.

    ValueError for what is not a GGUF or is truncated.
    """
    from gguf import GGUFReader

    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError(f"{path.name} is not a GGUF file")
    try:
        reader = GGUFReader(path)
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
        raise ValueError(f"{path.name} is truncated or damaged: {error}") from error
    end = max((t.data_offset + t.n_bytes for t in reader.tensors), default=0)
    if end > path.stat().st_size:
        raise ValueError(f"{path.name} is truncated: {path.stat().st_size} of {end} bytes")
    return reader


def _config(path: Path, metadata: dict, fields: dict, found: dict) -> SigmaConfig:
    try:
        hidden, heads = metadata["llama.embedding_length"], metadata["llama.attention.head_count"]
        kv_heads = metadata.get("llama.attention.head_count_kv", heads)
        head_dim = metadata.get("llama.attention.key_length", hidden // heads)
        token = {
            name: fields[key].contents()
            for name in ("bos", "eos", "eot", "eom", "padding")
            if (key := f"tokenizer.ggml.{name}_token_id") in fields
        }
        if metadata.get("llama.rope.dimension_count", head_dim) != head_dim:
            raise ValueError(f"{path.name}: rotary embeddings over a part of the head are not supported")
        if metadata.get("llama.attention.value_length", head_dim) != head_dim:
            raise ValueError(f"{path.name}: values of another width than keys are not supported")
        vocabulary = int(found["token_embd.weight"].shape[1])
        window = metadata.get("llama.attention.sliding_window") or 1 << 62  # up to its width it is full attention
        ends = [token[name] for name in ("eos", "eot", "eom") if name in token]
        if outside := [end for end in ends if not 0 <= end < vocabulary]:
            raise ValueError(f"{path.name}: the end token {outside[0]} is not in the vocabulary of {vocabulary:,}")
        ends = list(dict.fromkeys(ends))
        return SigmaConfig(
            vocab_size=vocabulary,
            hidden_size=hidden,
            intermediate_size=metadata["llama.feed_forward_length"],
            num_hidden_layers=metadata["llama.block_count"],
            num_attention_heads=heads,
            num_key_heads=kv_heads,
            num_value_heads=kv_heads,
            head_dim=head_dim,
            max_position_embeddings=min(metadata["llama.context_length"], window),
            rope_theta=float(metadata.get("llama.rope.freq_base", 10_000.0)),
            rms_norm_eps=float(f"{metadata['llama.attention.layer_norm_rms_epsilon']:.6g}"),  # stored as fp32
            tie_word_embeddings="output.weight" not in found,
            bos_token_id=token.get("bos"),
            eos_token_id=ends if len(ends) > 1 else ends[0] if ends else None,
            pad_token_id=token.get("padding"),
        )
    except KeyError as error:
        raise ValueError(f"{path.name}: the GGUF has no {error.args[0]}") from error


def _name(path: Path, name: str) -> str:
    top = re.fullmatch(r"(\w+)\.weight", name)
    if top and top[1] in _TOP:
        return f"{_TOP[top[1]]}.weight"
    layer = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
    if layer and layer[2] in _LAYER:
        return f"model.layers.{layer[1]}.{_LAYER[layer[2]]}.weight"
    raise ValueError(f"{path.name}: tensor {name!r} has no place in a Llama-type decoder")


def _unpermuted(heads: int, dim: int) -> Tensor:
    """Which row of the file each of our rows is: pairs (f, f + d/2) are neighbours in the file."""
    return torch.arange(heads * dim).view(heads, dim // 2, 2).transpose(1, 2).reshape(-1)


def _packed(tensor, order: Tensor | None) -> Packed:
    """One tensor of the file, its rows in `order`."""
    from gguf import GGMLQuantizationType as Type
    from gguf import dequantize

    kind, data = tensor.tensor_type, tensor.data
    if kind in (Type.Q4_1, Type.Q4_0, Type.Q8_0):
        rows = data.shape[0]
        size = {Type.Q4_1: 20, Type.Q4_0: 18, Type.Q8_0: 34}[kind]
        blocks = np.ascontiguousarray(data).reshape(rows, -1, size)
        blocks = blocks if order is None else blocks[order.numpy()]
        scale = torch.from_numpy(np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0])
        if kind == Type.Q8_0:
            values = np.ascontiguousarray(blocks[..., 2:]).view(np.int8).reshape(rows, -1)
            return GroupInt8(torch.from_numpy(values), scale)
        nibbles = torch.from_numpy(_columns_in_order(blocks[..., size - 16 :]).reshape(rows, -1))
        if kind == Type.Q4_0:
            return Int4(nibbles, scale, torch.zeros_like(scale), 32)
        minimum = torch.from_numpy(np.ascontiguousarray(blocks[..., 2:4]).view(np.float16)[..., 0])
        return Int4(nibbles, scale, (minimum.float() + 8 * scale.float()).half(), 32)
    if kind in (Type.F32, Type.F16):
        dense = torch.from_numpy(np.array(data))
    elif kind == Type.BF16:
        dense = torch.from_numpy(np.array(data)).view(torch.bfloat16)
    else:  # K-quants and others: 8 and more significant bits survive in fp16
        dense = torch.from_numpy(dequantize(data, kind)).half()
    return Dense(dense if order is None else dense[order])


def _columns_in_order(body: np.ndarray) -> np.ndarray:
    """Blocks of 16 bytes with columns 0..15 in the low and 16..31 in the high nibbles -> neighbours share a byte."""
    even, odd = body[..., 0::2], body[..., 1::2]
    return np.concatenate(((even & 15) | (odd << 4), (even >> 4) | (odd & 0xF0)), axis=-1)


def _complete(path: Path, config: SigmaConfig, tensors: dict[str, Packed]) -> None:
    layers = range(config.num_hidden_layers)
    wanted = [f"model.layers.{i}.{part}.weight" for i in layers for part in _LAYER.values()]
    missing = [name for name in ("model.embed_tokens.weight", "model.norm.weight", *wanted) if name not in tensors]
    if missing:
        raise ValueError(f"{path.name}: {len(missing)} tensors are missing, the first is {missing[0]}")
