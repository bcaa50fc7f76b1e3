"""What the Memory tab's form allows, for the browser that computes it alone (`assets/static/kv_form.js`).

Everything is taken from the form, the presets and the models of `visualizers.memory`: no range, no choice and no size of
a model is written down a second time.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from visualizers.memory import form
from visualizers.memory.figures import contexts
from visualizers.memory.models import MODELS, SIGMA


def rules() -> dict[str, Any]:
    """Fields with their ranges, choices, presets as the form shows them, and the models as shapes."""
    return {
        "first": next(iter(MODELS)),
        "contexts": contexts(),
        "longest": form.LONGEST,
        "numbers": {
            name: {"least": field.least, "most": field.most, "empty": field.empty}
            for name, field in form.NUMBERS.items()
        },
        "choices": form.CHOICES,
        "kinds": {letter: list(fields) for letter, fields in form.KINDS.items()},
        "kv": form.KV_TYPES,
        "weights": form.WEIGHT_TYPES,
        "most": {"counted": form.COUNTED.most, "memory": form.MEMORY.most},
        "presets": {name: form.defaults(name) for name in MODELS},
        "models": {
            name: {"name": model.name, "sigma": name in SIGMA, "gqa": model.gqa, "shape": asdict(model.shape)}
            for name, model in MODELS.items()
        },
    }
