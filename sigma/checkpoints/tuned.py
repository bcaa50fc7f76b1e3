"""Tuned minima: what fine-tuning changed in a 4-bit base, without leaving its grid.

A 4-bit matrix is w = (n - 8) * scale + zero per group of 32 columns. Tuning changes `zero` alone, so a tuned model
costs the same bytes and the same time as its base, and merges exactly. V, O and the MLP are tuned once for both sides;
each side's queries and keys are tuned for themselves: what differs between the sides stays those alone. Of Sigma's own
path the 8-bit matrices have no zero: a change per group of 32 columns is added and the rows are rounded to 8 bits again.
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
TUNED_MATRICES = ("v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")  # of both sides alike
OWN_MATRICES = ("q_proj", "k_proj", "q_gate_proj", "q_up_proj", "q_down_proj")  # of each side for itself
SIGMA = "sigma."  # before the names of Sigma's own matrices; the base's stand plain
FORMAT = "sigma-tuned-1"
GROUP = 32  # columns of a group where the matrix itself has none


@dataclass(frozen=True, slots=True)
class Tuning:
    """Whether a base was tuned. `state` is "tuned", "off" (asked for, or none belongs to it) or "failed"; `words` say it."""

    state: str = "off"
    words: str = ""


def rounded_rows(change: Tensor) -> Int8:
    """A matrix, as a change of minima [rows, groups] is one, as int8 with one scale per row."""
    peak = change.abs().amax(1)
    scale = (peak / 127).half()
    scale = torch.where((scale.float() * 127 < peak) & (scale > 0), torch.nextafter(scale, scale + 1), scale)
    safe = scale.float().clamp_min(1e-12)[:, None]
    values = (change.float() / safe).round().clamp(-127, 127) * (scale > 0)[:, None]
    return Int8(values.to(torch.int8), scale)


def write_tuned(path: Path, changes: dict[str, Tensor], base_sha256: str, name: str, sigma_sha256: str = "") -> None:
    """Write changes of minima, fp32 [rows, groups] by matrix name, made for the base file of that hash.

    sigma_sha256: the packed Sigma whose own matrices ("sigma." before their names) are among them; "" if none are.
    """
    packed = {matrix: rounded_rows(change) for matrix, change in changes.items()}
    save_packed(path, packed, {"format": FORMAT, "base": base_sha256, "name": name, "sigma": sigma_sha256})


def read_tuned(
    path: Path, base_sha256: str | None = None, sigma_sha256: str | None = None
) -> tuple[dict[str, Tensor], str]:
    """(changes of minima by matrix name, the tuned base's name).

    Raises CheckpointError if the file is missing, damaged, of another format or made for another base or Sigma.
    """
    try:
        refuse_pointer(path)
        packed, metadata = load_packed(path)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"The tuned minima in {path} cannot be read: {one_line(error)}") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path} holds no tuned minima: its format is {metadata.get('format')!r}.")
    for what, key, wanted in (("base", "base", base_sha256), ("Sigma checkpoint", "sigma", sigma_sha256)):
        made_for = str(metadata.get(key) or "")
        if wanted is None or made_for == wanted or (key == "sigma" and not made_for):
            continue
        raise CheckpointError(
            f"The tuned minima in {path} were made for the {what} with sha256 {made_for[:12]}..., not {wanted[:12]}..."
        )
    return {name: change.dequantize() for name, change in packed.items()}, metadata.get("name", path.stem)


def parted(changes: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor], list[str]]:
    """(changes of the GQA side's tensors, those of Sigma's own by their names there, names that both sides share)."""
    base = {name: change for name, change in changes.items() if not name.startswith(SIGMA)}
    own = {name.removeprefix(SIGMA): change for name, change in changes.items() if name.startswith(SIGMA)}
    return base, own, [name for name in base if name.split(".")[-2] not in OWN_MATRICES]


def with_minima(tensors: dict[str, Any], changes: dict[str, Tensor]) -> dict[str, Any]:
    """The tensors with changed minima; nibbles and scales of 4-bit ones stay the same objects.

    Raises CheckpointError where one does not fit.
    """
    changed = {}
    for name, change in changes.items():
        found = tensors.get(name)
        if not isinstance(found, (Int4, Int8)) or _minima_shape(found) != tuple(change.shape):
            raise CheckpointError(f"The tuned minima of {name} do not fit the base.")
        if not bool(change.isfinite().all()):
            raise CheckpointError(f"The tuned minima of {name} are not finite.")
        if isinstance(found, Int4):
            changed[name] = replace(found, zero=(found.zero.float() + change).half())
        else:
            changed[name] = rounded_rows(found.dequantize() + change.repeat_interleave(GROUP, 1))
    return {**tensors, **changed}


def group_of(packed: Any) -> int:
    """Columns of a matrix that one change moves."""
    return packed.group if isinstance(packed, Int4) else GROUP


def _minima_shape(packed: Int4 | Int8) -> tuple[int, int]:
    rows, cols = packed.shape
    return rows, cols // group_of(packed)
