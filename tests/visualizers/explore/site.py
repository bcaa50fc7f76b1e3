"""The page over tiny real models, so that the explorer recomputes real attention: `python -m tests.visualizers.explore.site`."""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from sigma.engine.engine import Model, SigmaEngine
from sigma.runtime import Runtime
from tests.tiny import side_of, tiny_model
from tests.visualizers.server import launch

SHAPES = {
    "9/1/3": (dict(num_key_heads=1, augmented_query_dim=108), dict(num_key_heads=3)),
    "32/4/16": (
        dict(num_attention_heads=32, num_key_heads=4, num_value_heads=16, hidden_size=128, head_dim=4),
        dict(num_attention_heads=32, num_key_heads=16, num_value_heads=16, hidden_size=128, head_dim=4),
    ),
    "1/1/1": (
        dict(num_attention_heads=1, num_key_heads=1, num_value_heads=1, hidden_size=16, head_dim=16),
        dict(num_attention_heads=1, num_key_heads=1, num_value_heads=1, hidden_size=16, head_dim=16),
    ),
}


def tiny_engine(shape: str = "9/1/3", **changes) -> SigmaEngine:
    """An engine of two tiny random models with these query/key/value head counts."""
    models = {}
    for seed, (name, own) in enumerate(zip(("sigma", "gqa"), SHAPES[shape])):
        side = side_of(
            tiny_model(seed, **{"num_hidden_layers": 4, "initializer_range": 0.1, **own, **changes}), f"Tiny {name}"
        )
        models[name] = Model(side, Runtime(side.config, side.tensors, weights="fp32"))
    return SigmaEngine(models)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=7862)
    parser.add_argument("--heads", choices=list(SHAPES), default="9/1/3")
    parser.add_argument("--context", type=int, default=8192)
    options = parser.parse_args()
    blocks, address, _ = launch(tiny_engine(options.heads, max_position_embeddings=options.context), 0.0, options.port)
    print(address, flush=True)
    blocks.block_thread()
