"""What the Chat tab's settings hold, by name, and the request that they make. No Gradio."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sigma.events import ChatRequest, Sampling, SideInfo
from visualizers.shared.options import clean_prompt, make_request, make_sampling

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

    def check(self, info: SideInfo | None) -> None:
        """PromptError for any option that cannot be used; `info` describes Sigma's side once it is loaded."""
        context = info.context_length if info else ANY_CONTEXT
        how = {"missing_mass": self.missing_mass, "threshold": self.threshold}
        make_request({}, self.sampling(), self.selective, self.layer, context, ANY_LAYERS, **how)

    def request(self, messages: dict[str, list[dict[str, str]]], info: SideInfo) -> ChatRequest:
        """The engine's request; a layer that the loaded model lacks becomes its last, none is probed without pictures.

        Models without a tuned base answer as they are.
        """
        layer = min(int(self.layer), info.layers - 1) if self.pictures else None
        how = {"missing_mass": self.missing_mass, "threshold": self.threshold}
        limits = info.context_length, info.layers
        request = make_request(messages, self.sampling(), self.selective, layer, *limits, **how)
        return replace(request, tuned=bool(self.tuned and info.tuned), lookup=bool(self.lookup))
