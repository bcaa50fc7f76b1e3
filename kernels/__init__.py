"""Attention with unequal query, key and value heads, as pure tensor functions.

Light on purpose: nothing is imported until a name is used, because transformers probes a package called
`kernels` (a Hub client on PyPI) by importing it.
"""

from importlib import import_module

_HOME = {
    "decode_attention": "kernels.front_doors",
    "prefill_attention": "kernels.front_doors",
    "selective_decode_attention": "kernels.front_doors",
    "attention_weights": "kernels.front_doors",
    "append_rope": "kernels.front_doors",
    "silu_mul": "kernels.front_doors",
    "has_own_backward": "kernels.front_doors",
    "MAX_DECODE_QUERIES": "kernels.checks",
    "SelectiveResult": "kernels.selective.reference",
}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'kernels' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
