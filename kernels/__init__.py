"""Attention with unequal query, key and value heads, as pure tensor functions.

Light on purpose: nothing is imported until a name is used, because transformers probes a package called
`kernels` (a Hub client on PyPI) by importing it.

For the same reason the folder installs under another name, `diffqkv` (pyproject.toml): every import inside it is relative,
and so is every include.
"""

from importlib import import_module

_HOME = {
    "decode_attention": "front_doors",
    "prefill_attention": "front_doors",
    "selective_decode_attention": "front_doors",
    "attention_weights": "front_doors",
    "attention_squares": "front_doors",
    "append_rope": "front_doors",
    "silu_mul": "front_doors",
    "has_own_backward": "front_doors",
    "MAX_DECODE_QUERIES": "checks",
    "SelectiveResult": "selective.reference",
}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
