"""Whether the implementations that were chosen compute what their references do, on this very device.

A kernel that passes every test can still be wrong where it runs: another compiler, driver or instruction set. So before a
model answers, each operation's choice takes one small step beside its reference. `backends.distrust` then keeps a wrong
one from being used.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from . import backends
from .selective.missing_mass import MISSING_MASS

ROWS, CAPACITY, CHUNK, TOP_K = 70, 96, 20, 8
"""Cached rows, rows of the buffer, queries of the prefill, and fetched V rows of the steps that are compared."""

TOLERANCE = {torch.float32: 4e-3, torch.float16: 1e-2, torch.bfloat16: 3e-2}
"""Largest difference allowed, as a part of the reference's largest value: a few roundings of the type. A kernel that reads
one row too many or too few is off by ten times as much on these inputs."""

Tensors = tuple[torch.Tensor, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An operation whose choice is wrong here: which back end it was, and by how much, or how it failed, in words."""

    operation: str
    backend: str
    words: str


def disagreements(
    device: torch.device, dtype: torch.dtype, heads: tuple[int, int, int], d_k: int, d_v: int
) -> list[Disagreement]:
    """One decode and one prefill step of each operation, with heads (n_q, n_k, n_v); those that disagree.

    Nothing is changed. ValueError and RuntimeError as `backends.chosen_backend`.
    """
    found = {}
    with torch.inference_mode():
        for operation, run in _steps(device, dtype, heads, d_k, d_v):
            backend = backends.chosen_backend(operation, device)
            if backend == "reference" or operation in found:
                continue
            wrong = _compared(run, backends.implementation(operation, backend), _reference(operation), TOLERANCE[dtype])
            if wrong:
                found[operation] = Disagreement(operation, backend, wrong)
    return list(found.values())


def _reference(operation: str) -> Callable:
    return backends.implementation(operation, "reference")


def _compared(run: Callable[[Callable], Tensors], chosen: Callable, reference: Callable, most: float) -> str:
    """What is wrong with the chosen implementation; "" if nothing is."""
    wanted = run(reference)
    try:
        got = run(chosen)
    except Exception as error:  # of a compiler, a driver, a launch: each has its own
        first = (str(error).splitlines() or [""])[0][:200]
        return f"it failed ({type(error).__name__}: {first})"
    for one, other in zip(got, wanted):
        if one.shape != other.shape:
            return f"its result is {tuple(one.shape)} and not {tuple(other.shape)}"
        one, other = one.float().cpu(), other.float().cpu()
        if not one.isfinite().all():
            return "its result has values that are not finite"
        off = float((one - other).abs().max() / other.abs().max().clamp_min(1e-6))
        if off > most:
            return f"its result is off by {off:.1%} of its largest value"
    return ""


def _steps(
    device: torch.device, dtype: torch.dtype, heads: tuple[int, int, int], d_k: int, d_v: int
) -> Iterator[tuple[str, Callable[[Callable], Tensors]]]:
    """(operation, what calls an implementation of it and gives its tensors). Memory behind the rows is NaN, as it may be."""
    generator = torch.Generator().manual_seed(0)
    n_q, n_k, n_v = heads

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator).to(device, dtype)

    def buffer(n: int, d: int) -> torch.Tensor:
        held = torch.full((1, n, CAPACITY, d), float("nan"), dtype=dtype, device=device)
        held[:, :, :ROWS] = normal(1, n, ROWS, d)
        return held

    k, v = buffer(n_k, d_k), buffer(n_v, d_v)
    newest, chunk = 2 * normal(1, n_q, 1, d_k), 2 * normal(1, n_q, CHUNK, d_k)
    lengths = torch.tensor([ROWS], device=device)
    rows = k[:, :, :ROWS], v[:, :, :ROWS]
    for how in ({"lengths": lengths}, {}):  # by whole buffers and a length, as on a GPU, and by views
        held = (k, v) if how else rows
        yield "decode_attention", lambda f, held=held, how=how: (f(newest, *held, **how),)
        yield "prefill_attention", lambda f, held=held, how=how: (f(chunk, *held, **how),)
        yield "attention_weights", lambda f, held=held, how=how: (f(newest, held[0], **how),)
        for word in MISSING_MASS:
            yield (
                "selective_decode_attention",
                lambda f, held=held, how=how, word=word: _selected(f(newest, *held, TOP_K, missing_mass=word, **how)),
            )
    yield "attention_squares", lambda f: f(chunk, rows[0], (3, ROWS), 8)
    new_k, new_v = normal(1, n_k, 1, d_k), normal(1, n_v, 1, d_v)
    angle = torch.rand(CAPACITY, d_k // 2, generator=generator) * 6.28
    tables = [torch.cat((x, x), -1).to(device, dtype) for x in (angle.cos(), angle.sin())]

    def appended(f: Callable) -> Tensors:
        caches = k.clone(), v.clone()
        q = f(newest, new_k, new_v, *tables, *caches, lengths)
        return q, *(cache[:, :, :ROWS] for cache in caches)

    yield "append_rope", appended
    stacked = normal(3, 2 * max(64, d_v))
    yield "silu_mul", lambda f: (f(stacked),)


def _selected(result) -> Tensors:
    return result.out, result.captured
