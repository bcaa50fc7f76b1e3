"""A made-up recorded exploration, in the format of `visualizers.explore.record`; and the live page that exports link to."""

from __future__ import annotations

from typing import Any

import numpy as np

from visualizers.explore.measures import k_grid
from visualizers.explore.recorded import VERSION, compress, to_levels, to_sixty_fourths

SPACE = "someone/sigma"
SIDES = {"sigma": (1, 3), "gqa": (3, 3)}
HEADS = 6


def random_recording(tokens: int, layers: int, prompt: int = 20, seed: int = 7) -> dict[str, Any]:
    """Random attention of 6 query heads over `tokens` tokens; tokens are numbered as they come."""
    draw = np.random.default_rng(seed)
    ids = list(range(tokens))
    return {
        "kind": "sigma exploration",
        "version": VERSION,
        "made": "a test",
        "prompt": "What is random?",
        "texts": {side: {"ids": ids, "prompt": prompt} for side in SIDES},
        "pieces": {str(i): f" t{i}" for i in ids},
        "sides": {side: _side(side, tokens, layers, prompt, draw) for side in SIDES},
    }


def _side(side: str, tokens: int, layers: int, prompt: int, draw: np.random.Generator) -> dict[str, Any]:
    keys, values = SIDES[side]
    grid, steps = k_grid(tokens), tokens - prompt
    rows, columns = np.tril_indices(tokens)

    def weights() -> str:
        scores = np.exp(3 * draw.normal(size=(HEADS, tokens, tokens))) * np.tri(tokens)
        return compress(to_levels((scores / scores.sum(-1, keepdims=True))[:, rows, columns]))

    info = {
        "side": side,
        "name": f"Random {side}",
        "layers": layers,
        "query_heads": HEADS,
        "key_heads": keys,
        "value_heads": values,
        "key_head_dim": 8,
        "value_head_dim": 8,
        "augmented_query_dim": None,
        "kv_itemsize": 2,
        "context_length": 512,
        "parameters": 1,
        "weights": "fp32",
        "device": "cpu",
        "kernels": "none",
    }
    return {
        "info": info,
        "weights": [weights() for _ in range(layers)],
        "log_sums": [compress(to_sixty_fourths(draw.normal(size=(HEADS, tokens)))) for _ in range(layers)],
        "errors": [compress(to_levels(draw.random((steps + 1, HEADS, len(grid))))) for _ in range(layers)],
        "next": [[[1, 2, 3], [0.5, 0.25, 0.125], 0.3, 1.5] for _ in range(steps + 1)],
    }
