"""The boundary of a checkpoint's files: what they say is checked before tensors are built, and every fault is one line.

A folder's weights are read by transformers; the headers of its safetensors files tell beforehand whether they are
whole, of a readable kind, and of the sizes that the config promises.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from sigma.checkpoints.base import CheckpointError
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import SigmaForCausalLM

LONGEST_HEADER = 100_000_000  # bytes, safetensors' own limit
MOST_LAYERS = 1000
_LFS = b"version https://git-lfs"
_TYPES = {"F64", "F32", "F16", "BF16"}

Shapes = dict[str, tuple[int, ...]]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong with what a file says becomes a CheckpointError of one line that names the file."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"{path} cannot be loaded: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """An exception's message without its line ends; a bare key or an empty one says its kind too."""
    text = " ".join(str(error).split())[:400]
    return text if text and not isinstance(error, KeyError) else f"{type(error).__name__} {text}".strip()


def json_object(path: Path) -> dict[str, Any]:
    """A JSON file that holds one object. Raises ValueError or OSError."""
    refuse_pointer(path)
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is not JSON: {one_line(error)}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} holds no JSON object")
    return value


def refuse_pointer(path: Path) -> None:
    """Raises ValueError for an empty file and for the pointer that Git leaves where a large file was not fetched."""
    with path.open("rb") as file:
        first = file.read(len(_LFS))
    if not first:
        raise ValueError(f"{path.name} is empty")
    if first == _LFS:
        raise ValueError(f"{path.name} is only a Git LFS pointer: fetch the file itself with `git lfs pull`")


def stored_shapes(folder: Path) -> Shapes:
    """Name and shape of every tensor of the folder's safetensors files, from their headers.

    {} for a folder without any. Raises ValueError for files that are missing, damaged, or of a type that is not read.
    """
    index = folder / "model.safetensors.index.json"
    if index.exists():
        placed = json_object(index).get("weight_map")
        if not isinstance(placed, dict) or not all(isinstance(name, str) for name in placed.values()):
            raise ValueError(f"{index.name} has no weight_map")
        names = sorted(set(placed.values()))
    else:
        names = ["model.safetensors"] if (folder / "model.safetensors").exists() else []
    shapes: Shapes = {}
    for name in names:
        shapes |= _header(folder / name)
    return shapes


def _header(path: Path) -> Shapes:
    if not path.is_file():
        raise ValueError(f"{path.name} is missing")
    refuse_pointer(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > min(size - 8, LONGEST_HEADER):
            raise ValueError(f"{path.name} is truncated or no safetensors file")
        try:
            header = json.loads(file.read(length))
            entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
            end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
            shapes = {name: tuple(entry["shape"]) for name, entry in entries.items()}
            types = {entry["dtype"]: name for name, entry in entries.items()}
        except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"{path.name} is damaged or no safetensors file") from error
    if size != 8 + length + end:
        raise ValueError(f"{path.name} is truncated or damaged: it has {size:,} of {8 + length + end:,} bytes")
    if other := sorted(set(types) - _TYPES):
        raise ValueError(
            f"{path.name} holds {other[0]} numbers ({types[other[0]]}): quantized weights of a folder are not read"
        )
    return shapes


def expected_shapes(config: SigmaConfig) -> Shapes:
    """State-dict names and shapes of a config, without the tied head. Raises ValueError for more layers than exist."""
    if config.num_hidden_layers > MOST_LAYERS:
        raise ValueError(f"num_hidden_layers is {config.num_hidden_layers}; at most {MOST_LAYERS} are read")
    with torch.device("meta"):
        state = SigmaForCausalLM(config).state_dict()
    tied = config.tie_word_embeddings
    return {name: tuple(value.shape) for name, value in state.items() if not (tied and name == "lm_head.weight")}


def check_shapes(config: SigmaConfig, found: Mapping[str, tuple[int, ...]]) -> None:
    """Raises ValueError, with a name and both sizes, if the tensors are not those of the config.

    A head of its own, a tensor that only repeats the rotation's frequencies: neither is missed or in the way.
    """
    wanted = expected_shapes(config)
    missing = sorted(set(wanted) - set(found))
    unexpected = sorted(n for n in set(found) - set(wanted) if n != "lm_head.weight" and not n.endswith("inv_freq"))
    if missing or unexpected:
        raise ValueError(f"the tensors do not fit the config: missing {missing[:3]}, unexpected {unexpected[:3]}")
    for name, shape in wanted.items():
        if found[name] != shape:
            raise ValueError(f"the tensors do not fit the config: {name} is {list(found[name])}, not {list(shape)}")


def end_tokens(vocabulary: int, *named: Any) -> int | list[int] | None:
    """The end tokens that any of the places names, each a number, a list or None; one alone as a number.

    Raises ValueError for what is not in the vocabulary.
    """
    found: list[int] = []
    for one in named:
        for token in one if isinstance(one, (list, tuple)) else [one]:
            if token is None or token in found:
                continue
            if not isinstance(token, int) or isinstance(token, bool) or not 0 <= token < vocabulary:
                raise ValueError(f"the end token {token!r} is not in the vocabulary of {vocabulary:,}")
            found.append(token)
    return found if len(found) > 1 else found[0] if found else None
