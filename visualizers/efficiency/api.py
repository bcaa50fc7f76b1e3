"""The named endpoint `/efficiency`: the paper's experiment on the server, for a program."""

from __future__ import annotations

from typing import Any

import gradio as gr

from sigma.efficiency.settings import Settings
from sigma.events import PromptError
from sigma.limits.current import limits
from sigma.observe.numbers import current
from visualizers.efficiency.lab import Lab
from visualizers.shared.caller import GONE, WAIT_SECONDS, Caller, host_of
from visualizers.shared.programs import in_words

SECONDS = 60
"""A program's time budget, where it gives none."""


def make_efficiency(lab: Lab):
    """The endpoint's function, bound to who measures."""

    def efficiency(
        request: gr.Request,
        preset: Any = "1.5b",
        prefixes: Any = None,
        output: Any = None,
        batch: Any = None,
        selective_k: Any = None,
        fields: Any = None,
    ) -> dict[str, Any]:
        """
        Time one decode layer of STD and of Sigma on the server, in turn: KV store and copy, attention, augmented query.

        Parameters:
            preset: the paper's layer shapes, "1.5b" or "10b"; null is "1.5b"
            prefixes: cached tokens, a list of up to 12 whole numbers; null is [2048, 4096, 8192, 16384, 32768]
            output: output tokens whose time is computed from the steps, from 1 to 65536; null is 10
            batch: sequences that decode together, from 1 to 256; null is 1
            selective_k: V rows per query head for Sigma with selective V, 0 is off; null is 100
            fields: what else is to be other than the preset's, an object: "dtype", "seconds" (time budget), "n_q", "std_k", "std_v",
                "sigma_k", "sigma_v", "head_dim", "key_dim", "augmented", "layers"
        Returns:
            {"device", "threads", "kernels", "settings", "points": [{"tokens", "parts": {side: {part: {"median", "low", "high"} in ms}},
            "totals", "ratios" (to STD)}], "outputs": [{"prefix", "ms", "saved" in percent}], "crossovers", "notes", "labels",
            "paper" (what the paper states)}
        """
        with in_words("The run"):
            caller = Caller(request)
            settings = asked(preset, prefixes, output, batch, selective_k, fields)
            lab.loader.meter.visitors.admit(host_of(request), current())
            with lab.line.join() as place:
                while not place.wait(WAIT_SECONDS) or not lab.loader.wait(WAIT_SECONDS):
                    if caller.gone():
                        raise PromptError(GONE)
                return _measured(lab, settings, caller)

    return efficiency


def asked(preset: Any, prefixes: Any, output: Any, batch: Any, selective_k: Any, fields: Any) -> Settings:
    """The checked settings; PromptError with a sentence that names the field."""
    if fields is not None and not isinstance(fields, dict):
        raise PromptError("fields must be an object.")
    own = {"preset", "prefixes", "output", "batch", "top_k"} & set(fields or {})
    if own:
        raise PromptError(f"{min(own)} is no entry of fields: it has a parameter of its own.")
    given = {"preset": preset, "prefixes": prefixes, "output": output, "batch": batch, "top_k": selective_k}
    return Settings.asked(
        {"seconds": min(SECONDS, limits().measure_seconds), **(fields or {}), **given}, {"top_k": "selective_k"}
    )


def _measured(lab: Lab, settings: Settings, caller: Caller) -> dict[str, Any]:
    going = lab.measure(settings)
    try:
        while True:
            try:
                next(going)
            except StopIteration as end:
                return {name: value for name, value in end.value.items() if name != "csv"}
            if caller.gone():
                raise PromptError(GONE)
    finally:
        going.close()
