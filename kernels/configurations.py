"""What our back ends may ask Triton to compile: the form in which each kernel module lists it for `kernels.inspect`.

A kernel module takes part with a function `configurations(target) -> Iterator[Configuration]` and a line in
`kernels.inspect.MODULES`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .checks import MAX_DECODE_QUERIES

DTYPES = {"bf16": 2, "fp16": 2, "fp32": 4}
# (d_k, d_v): the head dims in use, "half K dim" (arXiv 2501.13629, section 2.2) last.
DIMS = [(32, 32), (64, 64), (96, 96), (128, 128), (192, 192), (256, 256), (32, 64), (64, 128)]
# Query, key and value heads: the paper's and ours, plain GQA and MQA, and counts where K and V heads do not nest.
HEADS = [(32, 4, 16), (9, 1, 3), (32, 16, 16), (9, 3, 3), (32, 8, 8), (64, 1, 64), (64, 8, 8), (8, 1, 1), (40, 8, 20)]
QUERIES = [1, 2, 4, 8, MAX_DECODE_QUERIES]


@dataclass(frozen=True)
class Configuration:
    """One specialisation of one kernel.

    kernel and name: for reading, e.g. "decode", "bf16 d64 slots4 m16". types: the type of each argument as Triton
    writes it ("*bf16", "fp32"), None for an absent pointer; an argument that is not named is i32. constants: the
    compile-time arguments. Pointers and integers count as divisible by 16, as the JIT finds them for head dims that
    are, unless the kernel says `do_not_specialize`. is_small: every tensor lies within 2 GiB, which the JIT tells AMD's
    compiler (it then uses buffer instructions); without effect on NVIDIA.
    """

    kernel: str
    name: str
    function: Any
    types: dict[str, str | None]
    constants: dict[str, Any]
    num_warps: int
    num_stages: int
    is_small: bool = True


def different(configurations: Iterator[Configuration]) -> Iterator[Configuration]:
    """Each compiled form once: many head counts and query lengths share one."""
    seen = set()
    for one in configurations:
        key = (one.function.__name__, repr((one.types, one.constants)), one.num_warps, one.num_stages)
        if key not in seen:
            seen.add(key)
            yield one
