"""What the endpoints tell of attention: one layer's heads at the newest token, and what selective V costs at several k."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from pydantic import Field

from sigma.engine.fields import Fields, Whole
from sigma.events import (
    AttentionProbe,
    ChatRequest,
    Engine,
    HeldInspection,
    PromptError,
    PromptEvent,
    Sampling,
    SideInfo,
    StepEvent,
)
from visualizers.explore.measures import captured_curve
from visualizers.shared.options import clean_prompt
from visualizers.shared.programs import events_of

KS = (4, 8, 16, 32, 64, 100, 256)
MOST_KS = 16


class AttentionAsked(Fields):
    """A call of `/attention` up to the model's own limits."""

    prompt: str
    side: Literal["sigma", "gqa"] = "sigma"
    layer: Whole = Field(0, ge=0)
    max_new_tokens: Whole = Field(2, ge=2, le=256)
    selective_k: Whole = Field(None, ge=1)
    strongest: Whole = Field(8, ge=1, le=64)


class SelectiveAsked(Fields):
    """A call of `/selective_v`."""

    prompt: str
    max_new_tokens: Whole = Field(16, ge=1, le=256)
    ks: list = list(KS)


def request_of(prompt: str, side: str, tokens: int, k: int | None = None, layer: int | None = None) -> ChatRequest:
    """A greedy answer of one side; PromptError for a prompt that is none."""
    messages = {side: [{"role": "user", "content": clean_prompt(prompt)}]}
    return ChatRequest(messages, Sampling(max_new_tokens=tokens), k, layer)


def attention_of(engine: Engine, asked: AttentionAsked, gone: Callable[[], bool]) -> dict[str, Any]:
    """The newest token's attention of every head of a layer: its strongest positions, and what selective V fetched."""
    info = engine.info(asked.side)
    if asked.layer >= info.layers:
        raise PromptError(f"layer must be between 0 and {info.layers - 1}, not {asked.layer}.")
    k = asked.selective_k if asked.side == "sigma" else None
    pieces: list[str] = []
    text, probe = "", None
    request = request_of(asked.prompt, asked.side, asked.max_new_tokens, k, asked.layer)
    for event in events_of(engine, request, gone):
        if isinstance(event, PromptEvent):
            pieces = list(event.pieces)
        elif isinstance(event, StepEvent):
            if event.probe is not None:
                probe, read = event.probe, list(pieces)  # the token that came of it has not been read itself
            pieces.append(event.piece)
            text += event.text
    if probe is None:
        raise PromptError(
            "The model ended its answer at once, so no step's attention was measured; ask for something longer."
        )
    return {
        "side": asked.side,
        "layer": asked.layer,
        "answer": text,
        **told(info, asked.layer, probe, read, asked.strongest),
    }


def told(info: SideInfo, layer: int, probe: AttentionProbe, pieces: list[str], strongest: int) -> dict[str, Any]:
    """A probe of a layer in words and numbers, head by head."""
    tokens, key_heads = probe.scores.shape[1], info.key_heads_of(layer)
    heads = []
    for head, scores in enumerate(probe.scores):
        fetched = None if probe.positions is None else set(probe.positions[head].tolist())
        best = np.argsort(-scores, kind="stable")[:strongest].tolist()
        heads.append(
            {
                "head": head,
                "key_head": head * key_heads // info.query_heads,
                "value_head": head * info.value_heads // info.query_heads,
                "captured": round(float(probe.captured[head]), 6),
                "strongest": [
                    {
                        "position": at,
                        "token": pieces[at] if at < len(pieces) else "",
                        "weight": round(float(scores[at]), 6),
                        "v_row_fetched": fetched is None or at in fetched,
                    }
                    for at in best
                ],
            }
        )
    rows = tokens if probe.positions is None else probe.positions.shape[1]
    return {"tokens": tokens, "v_rows_fetched_per_head": rows, "heads": heads}


def checked_ks(ks: Any, tokens: int) -> list[int]:
    """The values of k in rising order; PromptError for anything but a few whole numbers."""
    if not 1 <= len(ks) <= MOST_KS or any(
        isinstance(k, bool) or not isinstance(k, int) or not 1 <= k < 1 << 20 for k in ks
    ):
        raise PromptError(f"ks must be a list of 1 to {MOST_KS} whole numbers from 1 up.")
    return sorted({min(k, max(1, tokens - 1)) for k in ks})


def selective_of(engine: Engine, asked: SelectiveAsked, gone: Callable[[], bool], session: str) -> dict[str, Any]:
    """What Sigma's newest token loses when only the V rows of the k best scores are read, over all layers and heads."""
    checked_ks(asked.ks, 2)
    try:
        text = ""
        for event in events_of(engine, request_of(asked.prompt, "sigma", asked.max_new_tokens), gone, session):
            text += event.text if isinstance(event, StepEvent) else ""
        run = engine.past_run(session).sides["sigma"]
    finally:
        engine.release(session)
    found = engine.inspect("sigma", run.ids, run.prompt_length)
    try:
        return {"answer": text, **report(found, engine.info("sigma"), checked_ks(asked.ks, found.tokens))}
    finally:
        found.free()


def report(found: HeldInspection, info: SideInfo, ks: list[int]) -> dict[str, Any]:
    """One row per k: mass captured and output error over layers and heads, V bytes asked for, beside reading all."""
    query = found.tokens - 1
    captured, errors = [], []
    for layer in range(found.layers):
        captured.append(captured_curve(found.weights(layer, query, query + 1)[:, 0], ks))
        errors.append(found.output_errors(layer, query, ks))
    mass, error = np.stack(captured), np.stack(errors)  # [layers, n_q, ks]
    row = info.layers * info.value_head_dim * info.kv_itemsize
    rows = [
        {
            "k": k,
            "mass_captured_mean": round(float(mass[..., i].mean()), 6),
            "mass_captured_least": round(float(mass[..., i].min()), 6),
            "output_error_mean": round(float(error[..., i].mean()), 6),
            "output_error_most": round(float(error[..., i].max()), 6),
            "v_bytes_requested": row * info.query_heads * (min(k, query) + 1),
        }
        for i, k in enumerate(ks)
    ]
    return {"tokens": query + 1, "v_bytes_all": row * info.value_heads * (query + 1), "rows": rows}
