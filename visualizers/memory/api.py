"""The named endpoint `/kv_memory`: the KV cache of any configuration, as the Memory tab computes it. No model is asked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sigma.engine.fields import Fields
from sigma.events import PromptError
from visualizers.memory.figures import model_name
from visualizers.memory.form import FIELDS, Settings, read
from visualizers.memory.models import MODELS
from visualizers.shared.formulas import Cost, cache_cost
from visualizers.shared.programs import in_words


class Asked(Fields):
    """What a program may send: a preset, and fields that are other than the preset's."""

    preset: str = next(iter(MODELS))
    fields: dict = {}


def kv_memory(preset: Any = None, fields: Any = None) -> dict[str, Any]:
    """
    Compute the KV-cache memory of a model configuration, and of the same model with grouped-query attention (GQA).

    Parameters:
        preset: the model to start from: "sigma-1.5b", "sigma-10b", "sigma-135m" or a published model's name; null is the first
        fields: what is to be other than the preset's, an object: "context", "batch", "kv" ("bf16", "fp8", ...), "top_k" (selective V),
            "n_q", "n_k", "n_v", "d_k", "d_v", "layers", "window", "gqa" (K and V heads of the comparison)
    Returns:
        {"model", "tokens", "batch", "bits", "selective_k", "bytes": {"k_resident", "v_resident", "k_read", "v_read", "resident", "read"},
        "gqa": {the same}, "saved": part of GQA's resident bytes, "read_saved": part of the bytes GQA reads a step}
    """
    with in_words("The computation"):
        asked = Asked.read({"preset": preset, "fields": fields})
        return computed(settings_of(asked))


def settings_of(asked: Asked) -> Settings:
    """The checked settings; PromptError with a sentence that names the field."""
    if asked.preset not in MODELS:
        raise PromptError(f"preset must be one of {', '.join(MODELS)}, not {asked.preset[:30]!r}.")
    unknown = [name for name in asked.fields if name not in FIELDS or name == "preset"]
    if unknown:
        raise PromptError(f"There is no field {str(unknown[0])[:30]!r}; there are {', '.join(FIELDS[1:])}.")
    text = {}
    for name, value in asked.fields.items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float, type(None))):
            raise PromptError(f"{name} must be a number or a text.")
        whole = isinstance(value, float) and value.is_integer()  # JSON knows no difference between 4 and 4.0
        text[name] = "" if value is None else str(int(value) if whole else value)
    settings, errors = read({**text, "preset": asked.preset})
    if settings is None:
        name, message = next(iter(errors.items()))
        raise PromptError(f"{name}: {message}")
    return settings


def computed(s: Settings) -> dict[str, Any]:
    """Exact bytes of both, and what is saved."""
    sigma = cache_cost(s.shape, s.tokens, s.batch, s.bits, s.top_k)
    gqa = cache_cost(s.gqa, s.tokens, s.batch, s.bits)
    return {
        "model": model_name(s),
        "tokens": s.tokens,
        "batch": s.batch,
        "bits": s.bits,
        "selective_k": s.top_k,
        "bytes": _told(sigma),
        "gqa": _told(gqa),
        "saved": round(1 - sigma.resident / gqa.resident, 6),
        "read_saved": round(1 - sigma.read / gqa.read, 6),
    }


def _told(cost: Cost) -> dict[str, int]:
    return {**asdict(cost), "resident": cost.resident, "read": cost.read}
