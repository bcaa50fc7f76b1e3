"""The status chip: what is loading, or what is ready, with the details behind it."""

from __future__ import annotations

from html import escape

from sigma.events import SIDES
from visualizers.shared.loader import EngineLoader


def chip(loader: EngineLoader) -> str:
    """HTML of the chip for the loader's newest status."""
    status = loader.status
    text = escape(status.text)
    if status.phase == "loading":
        label = f"loading model ({text}, {round(status.fraction * 100)} %)"
        details = "The recorded run below plays until the model is ready. A prompt sent now is answered then."
    elif status.phase == "failed":
        label = "model not loaded"
        details = text
    else:
        label = f"ready: {text}"
        details = _details(loader)
    return (
        f'<details class="chip" id="status-chip" data-phase="{status.phase}"><summary><i></i>{label}</summary>'
        f'<div class="chip-body">{details}</div></details>'
    )


def _details(loader: EngineLoader) -> str:
    rows = []
    for side in SIDES:
        info = loader.engine.info(side)
        augmented = f", augmented query {info.augmented_query_dim}" if info.augmented_query_dim else ""
        rows.append(
            f"<p><b>{escape(info.name)}</b><br>{info.parameters / 1e6:,.0f}M parameters, {info.layers} layers, "
            f"{info.query_heads} Q / {info.key_heads} K / {info.value_heads} V heads{augmented}, "
            f"context {info.context_length:,}</p>"
        )
    return "".join(rows)
