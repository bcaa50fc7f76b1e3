"""A recorded run that can be explored before any model has loaded: quantised attention of every layer and head.

File: JSON with the text's tokens and, per side and layer, compressed codes in base64. Weights are kept as 64 log steps
over five decades (10 % apart), rows normalised again when read; output errors as 64 log steps at the k of a grid; the
log-sum-exp of each row's scores in 64ths.
"""

from __future__ import annotations

import base64
import json
import lzma
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sigma.events import NextTokens
from visualizers.explore.measures import k_grid
from visualizers.explore.payloads import squares_of

LEVELS, DECADES = 63, 5.0
VERSION = 2


def to_levels(values: np.ndarray) -> np.ndarray:
    """Numbers up to 1 as 0 .. 63 on a log scale; 0 stands for 10^-5 and less."""
    logs = np.log10(np.maximum(values, 10.0**-DECADES))
    return np.clip(np.rint(LEVELS * (1 + logs / DECADES)), 0, LEVELS).astype(np.uint8)


def from_levels(levels: np.ndarray) -> np.ndarray:
    """The other way; 0 becomes 0."""
    values = 10.0 ** ((levels.astype(np.float32) / LEVELS - 1) * DECADES)
    return np.where(levels == 0, 0, values).astype(np.float32)


def to_sixty_fourths(values: np.ndarray) -> np.ndarray:
    """Numbers as int16 in steps of 1 / 64, up to 511 either way."""
    return np.clip(np.rint(np.asarray(values) * 64), -32767, 32767).astype("<i2")


def compress(levels: np.ndarray) -> str:
    """Compressed bytes in base64."""
    return base64.b64encode(lzma.compress(levels.tobytes(), preset=9)).decode("ascii")


def expand(text: str, dtype: Any = np.uint8) -> np.ndarray:
    """The other way; flat."""
    return np.frombuffer(lzma.decompress(base64.b64decode(text)), dtype)


class RecordedSide:
    """One side of a recorded run; `sigma.events.Inspection` from the file."""

    first_query = 0

    def __init__(self, data: dict[str, Any], tokens: int, prompt_length: int):
        info = data["info"]
        self.tokens, self.prompt_length = tokens, prompt_length
        self.layers, self.query_heads, self.value_heads = info["layers"], info["query_heads"], info["value_heads"]
        self._data = data
        self._layer = lru_cache(maxsize=self.layers)(self._read_layer)

    def _read_layer(self, layer: int) -> np.ndarray:
        rows, columns = np.tril_indices(self.tokens)
        full = np.zeros((self.query_heads, self.tokens, self.tokens), np.float32)
        levels = expand(self._data["weights"][layer]).reshape(self.query_heads, -1)
        full[:, rows, columns] = from_levels(levels)
        return full / np.maximum(full.sum(axis=2, keepdims=True), 1e-9)

    def weights(self, layer: int, start: int, stop: int) -> np.ndarray:
        """As `Inspection.weights`; ValueError for what was not recorded."""
        if not 0 <= layer < self.layers:
            raise ValueError(f"layer {layer} does not exist: layers are 0 to {self.layers - 1}")
        if not 0 <= start < stop <= self.tokens:
            raise ValueError(f"queries {start} to {stop - 1} are not there: 0 to {self.tokens - 1} were recorded")
        return self._layer(layer)[:, start:stop, :stop].copy()

    def attend(self, layer: int, start: int, stop: int, head: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As `Inspection.attend`."""
        weights = self.weights(layer, start, stop)
        sums = expand(self._data["log_sums"][layer], "<i2").reshape(self.query_heads, self.tokens)
        own = slice(None) if head is None else slice(head, head + 1)
        return weights[own], sums[own, start:stop].astype(np.float32) / 64

    def squares(
        self, layer: int, queries: tuple[int, int], keys: tuple[int, int], width: int, head: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `Inspection.squares`."""
        weights, sums = self.attend(layer, *queries, head)
        return squares_of(weights, keys, width), sums

    def output_errors(self, layer: int, query: int, ks: Sequence[int], missing_mass: str | None = None) -> np.ndarray:
        """As `Inspection.output_errors`, interpolated between the k of the recorded grid; nan before the answer, and for
        a use of the missing mass by name: the model's own is what was recorded.
        """
        step = query - (self.prompt_length - 1)
        if step < 0 or missing_mass is not None:
            return np.full((self.query_heads, len(ks)), np.nan, np.float32)
        grid = k_grid(self.tokens)
        levels = expand(self._data["errors"][layer]).reshape(-1, self.query_heads, len(grid))
        if step >= len(levels):
            raise ValueError(f"step {step} was not recorded")
        at = np.log2(np.minimum(ks, max(1, query)))
        table = from_levels(levels[step])
        found = np.stack([np.interp(at, np.log2(grid), row) for row in table])
        found[:, np.asarray(ks) >= query] = 0
        return found.astype(np.float32)

    def next_tokens(self, position: int) -> NextTokens | None:
        """As `Inspection.next_tokens`."""
        row = position - (self.prompt_length - 1)
        if not 0 <= row < len(self._data["next"]):
            return None
        ids, probabilities, taken, entropy = self._data["next"][row]
        taken = float("nan") if taken is None else taken
        return NextTokens(tuple(ids), np.array(probabilities), taken, entropy)


def read(path: Path) -> dict[str, Any] | None:
    """A recorded exploration from a file; None if there is none. ValueError if it is something else."""
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("kind") != "sigma exploration" or data.get("version") != VERSION:
        raise ValueError(f"{path} is not a recorded exploration of version {VERSION}")
    return data
