"""Both sides on one prompt, measured: what `/compare` tells."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sigma.events import ChatRequest, Engine, SideInfo, StepEvent
from visualizers.shared.loader import running_on
from visualizers.shared.metrics import SideMeter
from visualizers.shared.programs import events_of


def compared(engine: Engine, request: ChatRequest, gone: Callable[[], bool]) -> dict[str, Any]:
    """{"sides": {side: figures}, "kv_bytes_per_token": {side: bytes}, "kv_saved": part of the GQA side's}.

    Speeds are over a side's own device time, since both share it; bytes are those of the tensors after the last step.
    """
    texts = dict.fromkeys(request.messages, "")
    meters = {side: SideMeter(time.perf_counter()) for side in request.messages}
    for event in events_of(engine, request, gone):
        meters[event.side].feed(event, time.perf_counter())
        if isinstance(event, StepEvent):
            texts[event.side] += event.text
    infos = {side: engine.info(side) for side in request.messages}
    each = {side: info.kv_bytes_per_token for side, info in infos.items()}
    return {
        "sides": {side: figures(infos[side], meters[side], texts[side]) for side in infos},
        "kv_bytes_per_token": each,
        "kv_saved": round(1 - each["sigma"] / each["gqa"], 4),
    }


def figures(info: SideInfo, meter: SideMeter, text: str) -> dict[str, Any]:
    """One side's; speeds are null where there was no step to measure."""
    cache = meter.cache
    return {
        "name": info.name,
        "query_heads": info.query_heads,
        "key_heads": info.key_heads,
        "layer_key_heads": list(info.layer_key_heads),
        "value_heads": info.value_heads,
        "text": text,
        "finish": meter.finish,
        "prompt_tokens": meter.prompt_tokens,
        "new_tokens": meter.step + 1,
        "first_token_ms": None if meter.first_ms is None else round(meter.first_ms, 2),
        "tokens_per_second": None if meter.tokens_per_second is None else round(meter.tokens_per_second, 1),
        "k_bytes": cache.k_resident if cache else 0,
        "v_bytes": cache.v_resident if cache else 0,
        "k_bytes_read_last_step": cache.k_read if cache else 0,
        "v_bytes_read_last_step": cache.v_read if cache else 0,
        "ran_on": running_on(info),
    }
