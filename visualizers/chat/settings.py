"""What the Chat tab's settings hold, by name, and the request that they make. No Gradio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sigma.events import ChatRequest, Sampling, SideInfo
from visualizers.shared.columns import COLUMNS, FIRST_MODELS
from visualizers.shared.options import clean_prompt, make_request, make_sampling, number

ANY_CONTEXT, ANY_LAYERS = 1 << 30, 1 << 10
"""Limits while no model says its own."""


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """The settings of one turn as they come from the browser, unchecked, in the order of `ChatTab.settings`."""

    system: Any
    tuned: Any
    lookup: Any
    selective: Any
    missing_mass: Any
    threshold: Any
    layer: Any
    pictures: Any
    temperature: Any
    top_p: Any
    top_k: Any
    penalty: Any
    max_new_tokens: Any
    seed: Any

    def system_prompt(self) -> str:
        """The system prompt, cleaned; PromptError when it is too long."""
        return clean_prompt(self.system, "system prompt")

    def sampling(self) -> Sampling:
        """The sampling options; PromptError for one out of its range."""
        return make_sampling(self.temperature, self.top_p, self.top_k, self.penalty, self.max_new_tokens, self.seed)

    def check(self, infos: Mapping[str, SideInfo] | None) -> None:
        """PromptError for any option that cannot be used; `infos` describes the sides once they are loaded."""
        self.request({column: [] for column in COLUMNS}, infos)

    def request(
        self, messages: dict[str, list[dict[str, str]]], infos: Mapping[str, SideInfo] | None = None
    ) -> ChatRequest:
        """The engine's request; a layer that the loaded model lacks becomes its last, none is probed without pictures.

        Models without a tuned base answer as they are. Without `infos` the model's own limits are not known yet.
        """
        sigma = infos["sigma"] if infos else None
        context, layers = (sigma.context_length, sigma.layers) if sigma else (ANY_CONTEXT, ANY_LAYERS)
        layer = number(self.layer, "Probe layer", 0, ANY_LAYERS, whole=True)
        layer = min(int(layer), layers - 1) if self.pictures else None
        how = {"missing_mass": self.missing_mass, "threshold": self.threshold}
        request = make_request(messages, self.sampling(), self.selective, layer, context, layers, **how)
        request = replace(request, tuned=bool(self.tuned and (sigma is None or sigma.tuned)), lookup=bool(self.lookup))
        return replace(request, columns={column: request.column(FIRST_MODELS[column]) for column in messages})
