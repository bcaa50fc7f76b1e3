"""Models of the paper's sizes with random weights: `preset:sigma-1.5b` beside `preset:std-1.5b`. For speed and memory only.

No Sigma weights are public, so the shapes of Table 14 run on numbers that are drawn from a seed: every step costs what it
costs a trained model of that size, and what it says means nothing. On a CPU matrices are drawn as the 4 bits that they are
kept in, on a GPU in bf16 on the device itself, one at a time, so that no second copy of the model is ever needed to make one.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor

from kernels.device import free_bytes
from sigma.checkpoints.base import CheckpointError, Progress
from sigma.checkpoints.files import expected_shapes
from sigma.model.configuration import SigmaConfig
from sigma.model.presets import PRESETS
from sigma.quantization import Dense, Int4, Packed

PREFIX = "preset:"
NOTE = "random weights: speed only"
CONTEXT = (
    32_768  # tokens: the longest of the paper's own measurement (Figure 2); a million would need tables of that length
)
GROUP = 32  # columns per scale, as in the default base
SPREAD = 0.02  # standard deviation of a matrix
_NIBBLES = math.sqrt((16**2 - 1) / 12)  # standard deviation of a uniform draw of 0..15

_TWINS = {"sigma-1.5b": "std-1.5b", "sigma-10b": "std-10b", "sigma-135m": "gqa-135m"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the weights are made and how they are kept there, as for `Runtime`: device, "int4", "bf16" or "fp32"."""

    device: str = "cpu"
    weights: str = "auto"

    @property
    def on_gpu(self) -> bool:
        return self.device != "cpu"

    @property
    def in_four_bits(self) -> bool:
        return not self.on_gpu and self.weights in ("auto", "int4")

    def nbytes(self, shape: tuple[int, ...]) -> int:
        """Bytes that a tensor takes while a model is made of it: as it is drawn, and as its runtime keeps it."""
        numbers = math.prod(shape)
        drawn = numbers * 2 if self.on_gpu or len(shape) < 2 else numbers // 2 + numbers // GROUP * 4
        kept = drawn if self.in_four_bits else numbers * (4 if self.weights == "fp32" else 2)
        return drawn + kept


def is_preset(*sources: str | None) -> bool:
    """Whether any of the sources names a preset."""
    return any(source is not None and str(source).startswith(PREFIX) for source in sources)


def preset_pair(
    checkpoint: str | None,
    base: str | None,
    tokenizer: Any,
    place: Place,
    progress: Progress | None = None,
) -> list[tuple[str, SigmaConfig, dict[str, Packed]]]:
    """(name, config, tensors) of the left model and of the one beside it; tensors of one name and shape are the same object.

    base: None is the left one's own twin of the paper. tokenizer: its end and padding tokens become the configs'.
    Raises CheckpointError for a name that is none, for a preset beside a real model, and where memory does not suffice.
    """
    left = _named(checkpoint)
    right = _named(base) if base is not None else _TWINS.get(left, left)
    configs = [_config(name, tokenizer) for name in (left, right)]
    wanted = [expected_shapes(config) for config in configs]
    different = {(name, shape) for shapes in wanted for name, shape in shapes.items()}
    _check_memory(f"{_title(left)} beside {_title(right)}", different, place)
    made: dict[tuple[str, tuple[int, ...]], Packed] = {}
    models = []
    for title, config, shapes in zip(map(_title, (left, right)), configs, wanted, strict=True):
        for name, shape in shapes.items():
            if (name, shape) not in made:
                if progress is not None:
                    progress(f"drawing random weights of {title}", len(made) / len(different))
                made[name, shape] = _drawn(name, shape, config.num_hidden_layers, place)
        models.append((f"{title}, random", config, {name: made[name, shape] for name, shape in shapes.items()}))
    return models


def _named(source: str | None) -> str:
    if source is None or not source.startswith(PREFIX):
        raise CheckpointError(
            f"A preset has random weights and goes with another one: name both with {PREFIX}NAME, or the checkpoint alone."
        )
    name = source[len(PREFIX) :].strip().lower()
    if name not in PRESETS:
        near = get_close_matches(name, PRESETS, 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise CheckpointError(f"There is no preset {name!r}; there are {', '.join(PRESETS)}.{meant}")
    return name


def _title(name: str) -> str:
    kind, size = name.split("-")
    return f"{kind.capitalize() if kind == 'sigma' else kind.upper()}-{size.upper()}"


def _config(name: str, tokenizer: Any) -> SigmaConfig:
    values: Mapping[str, Any] = PRESETS[name]
    end = tokenizer.eos_token_id
    return SigmaConfig(
        **{
            **values,
            "max_position_embeddings": min(CONTEXT, values["max_position_embeddings"]),
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": end,
            "pad_token_id": end if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
        }
    )


def _check_memory(what: str, tensors: set[tuple[str, tuple[int, ...]]], place: Place) -> None:
    need, free = sum(place.nbytes(shape) for _, shape in tensors), free_bytes(torch.device(place.device))
    if free is not None and need > free:
        kept = "4 bits" if place.in_four_bits else "32 bits" if place.weights == "fp32" else "16 bits"
        raise CheckpointError(
            f"{what}: {sum(math.prod(shape) for _, shape in tensors):,} different weights in {kept} need {need / 2**30:.1f} GiB "
            f"while they are made, and {free / 2**30:.1f} GiB are free on {place.device}. Take a smaller preset."
        )


def _drawn(name: str, shape: tuple[int, ...], layers: int, place: Place) -> Packed:
    """A norm is ones and a bias zeros; what adds to the residual stream is smaller, so that deep models stay finite."""
    if len(shape) < 2:
        fill = 0.0 if name.endswith("bias") else 1.0
        return Dense(
            torch.full(shape, fill, dtype=torch.bfloat16 if place.on_gpu else torch.float32, device=place.device)
        )
    adds = name.endswith(("self_attn.o_proj.weight", "mlp.down_proj.weight"))
    spread = SPREAD / math.sqrt(2 * layers) if adds else SPREAD
    generator = torch.Generator(place.device).manual_seed(zlib.crc32(name.encode()))
    if place.on_gpu:
        drawn = torch.empty(shape, dtype=torch.bfloat16, device=place.device)
        return Dense(drawn.normal_(0, spread, generator=generator))
    return _four_bits(shape, spread, generator)


def _four_bits(shape: tuple[int, ...], spread: float, generator: torch.Generator) -> Int4:
    rows, cols = shape
    step = spread / _NIBBLES
    scale = torch.full((rows, cols // GROUP), step, dtype=torch.float16)
    # Levels run from -8 to 7, so half a step makes their mean zero.
    return Int4(_random_bytes((rows, cols // 2), generator), scale, scale / 2, GROUP)


def _random_bytes(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    words = torch.empty(-(-math.prod(shape) // 8), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    return words.view(torch.uint8)[: math.prod(shape)].view(shape)
