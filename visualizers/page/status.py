"""The status chip: what is loading, or what is ready, with the details behind it."""

from __future__ import annotations

from sigma.events import SIDES, SideInfo
from visualizers.page.html import Html, fragment
from visualizers.shared.heads import other_layers
from visualizers.shared.loader import EngineLoader


def chip(loader: EngineLoader) -> Html:
    """HTML of the chip for the loader's newest status."""
    status = loader.status
    phase, details = status.phase, status.text
    if status.phase == "loading":
        label = f"loading model ({status.text}, {round(status.fraction * 100)} %)"
        details = "The recorded run below plays until the model is ready. A prompt sent now is answered then."
    elif status.phase == "failed":
        label = "model not loaded"
    else:
        infos = [loader.engine.info(side) for side in SIDES]
        label = f"ready: {status.text}"
        warnings = sorted({info.warning for info in infos} - {""})
        if warnings:
            phase, label = "warned", f"ready, with a warning: {status.text}"
        details = Html(
            "".join((*(fragment("shared/chip_warning", words=words) for words in warnings), *map(_side, infos)))
        )
    return fragment("shared/chip", phase=phase, label=label, details=details)


def _side(info: SideInfo) -> Html:
    return fragment(
        "shared/chip_side",
        name=info.name,
        parameters=f"{info.parameters / 1e6:,.0f}",
        layers=info.layers,
        queries=info.query_heads,
        keys=f"{info.key_heads}{other_layers(info)}",
        values=info.value_heads,
        augmented=f", augmented query {info.augmented_query_dim}" if info.augmented_query_dim else "",
        context=f"{info.context_length:,}",
    )
