"""Tuned minima: what fine-tuning changed in a 4-bit base, without leaving its grid.

A 4-bit matrix is w = (n - 8) * scale + zero per group of 32 columns. Tuning changes `zero` alone, so a tuned model
costs the same bytes and the same time as its base, and merges exactly. Only matrices that both sides share are tuned
(V, O and the MLP): what differs between the sides stays attention's queries and keys alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sigma.checkpoints.base import CheckpointError
from sigma.checkpoints.files import one_line, refuse_pointer
from sigma.quantization import Int4, Int8, load_packed, save_packed

TUNED_FILE = "tuned.safetensors"
TUNED_MATRICES = ("v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
FORMAT = "sigma-tuned-1"


@dataclass(frozen=True, slots=True)
class Tuning:
    """Whether a base was tuned. `state` is "tuned", "off" (asked for, or none belongs to it) or "failed"; `words` say it."""

    state: str = "off"
    words: str = ""


def rounded_rows(change: Tensor) -> Int8:
    """A change of minima [rows, groups] as int8 with one scale per row."""
    peak = change.abs().amax(1)
    scale = (peak / 127).half()
    scale = torch.where((scale.float() * 127 < peak) & (scale > 0), torch.nextafter(scale, scale + 1), scale)
    safe = scale.float().clamp_min(1e-12)[:, None]
    values = (change.float() / safe).round().clamp(-127, 127) * (scale > 0)[:, None]
    return Int8(values.to(torch.int8), scale)


def write_tuned(path: Path, changes: dict[str, Tensor], base_sha256: str, name: str) -> None:
    """Write changes of minima, fp32 [rows, cols / 32] by matrix name, made for the base file of that hash."""
    packed = {matrix: rounded_rows(change) for matrix, change in changes.items()}
    save_packed(path, packed, {"format": FORMAT, "base": base_sha256, "name": name})


def read_tuned(path: Path, base_sha256: str | None = None) -> tuple[dict[str, Tensor], str]:
    """(changes of minima by matrix name, the tuned base's name).

    Raises CheckpointError if the file is missing, damaged, of another format or made for another base.
    """
    try:
        refuse_pointer(path)
        packed, metadata = load_packed(path)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"The tuned minima in {path} cannot be read: {one_line(error)}") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path} holds no tuned minima: its format is {metadata.get('format')!r}.")
    if base_sha256 is not None and metadata.get("base") != base_sha256:
        made_for = str(metadata.get("base"))[:12]
        raise CheckpointError(
            f"The tuned minima in {path} were made for the base with sha256 {made_for}..., not {base_sha256[:12]}..."
        )
    return {name: change.dequantize() for name, change in packed.items()}, metadata.get("name", path.stem)


def with_minima(tensors: dict[str, Any], changes: dict[str, Tensor]) -> dict[str, Any]:
    """The tensors with changed minima; nibbles and scales stay the same objects. Raises CheckpointError where one does not fit."""
    changed = {}
    for name, change in changes.items():
        found = tensors.get(name)
        if not isinstance(found, Int4) or found.zero.shape != change.shape:
            raise CheckpointError(f"The tuned minima of {name} do not fit the base.")
        if not bool(change.isfinite().all()):
            raise CheckpointError(f"The tuned minima of {name} are not finite.")
        changed[name] = replace(found, zero=(found.zero.float() + change).half())
    return {**tensors, **changed}
