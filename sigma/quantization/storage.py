"""Packed tensors <-> one safetensors file.

Each packed tensor becomes plain tensors "NAME#part"; how they belong together is one JSON entry of the header.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sigma.quantization.packed import Dense, GroupInt8, Int4, Int8, Packed

_HEADER = "sigma.packed"
_PARTS = {
    "dense": ("tensor",),
    "int8": ("values", "scale"),
    "group_int8": ("values", "scale"),
    "int4": ("nibbles", "scale", "zero"),
}
_KINDS = {"dense": Dense, "int8": Int8, "group_int8": GroupInt8, "int4": Int4}


def save_packed(path: str | Path, tensors: dict[str, Packed], metadata: dict[str, str]) -> None:
    """Write the tensors and string metadata; the file appears whole or not at all (written aside, then renamed)."""
    path = Path(path)
    plain: dict[str, Tensor] = {}
    entries: dict[str, dict] = {}
    for name, packed in tensors.items():
        kind = next(k for k, cls in _KINDS.items() if type(packed) is cls)
        entry: dict = {"kind": kind}
        for part in _PARTS[kind]:
            plain[f"{name}#{part}"] = _own(getattr(packed, part))
        if kind == "int4":
            entry |= {"group": packed.group, "identity": packed.identity, "rank_one": packed.rank_one is not None}
            if packed.rank_one is not None:
                plain[f"{name}#rows"], plain[f"{name}#cols"] = map(_own, packed.rank_one)
        entries[name] = entry
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".packed-") as folder:
        aside = Path(folder) / path.name
        save_file(plain, aside, metadata={**metadata, _HEADER: json.dumps(entries)})
        os.replace(aside, path)


def load_packed(path: str | Path) -> tuple[dict[str, Packed], dict[str, str]]:
    """The tensors and metadata of a file written by `save_packed`.

    ValueError when it is missing, truncated, or was written by something else.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            if _HEADER not in metadata:
                raise ValueError(f"{path.name} is a safetensors file without packed tensors")
            entries = json.loads(metadata.pop(_HEADER))
            return {name: _join(file, name, entry) for name, entry in entries.items()}, metadata
    except (SafetensorError, OSError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path.name} is truncated or not a packed checkpoint: {error}") from error


def _own(tensor: Tensor) -> Tensor:
    """A copy of its own: safetensors refuses tensors that share memory, and layers may share a vector."""
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)


def _join(file, name: str, entry: dict) -> Packed:
    parts = {part: file.get_tensor(f"{name}#{part}") for part in _PARTS[entry["kind"]]}
    if entry["kind"] == "int4":
        rank_one = tuple(file.get_tensor(f"{name}#{part}") for part in ("rows", "cols")) if entry["rank_one"] else None
        parts |= {"group": entry["group"], "identity": entry["identity"], "rank_one": rank_one}
    return _KINDS[entry["kind"]](**parts)
