"""What the Chat tab's settings hold, by name, and the request that they make. No Gradio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from kernels.selective.missing_mass import DEFAULT_MISSING_MASS
from sigma.events import ChatRequest, Sampling, SideInfo
from visualizers.shared.column_settings import TUNED, ColumnSettings
from visualizers.shared.columns import COLUMNS, FIRST_MODELS
from visualizers.shared.options import clean_prompt, make_request, make_sampling, number

ANY_CONTEXT, ANY_LAYERS = 1 << 30, 1 << 10
"""Limits while no model says its own."""

LEFT, RIGHT = (ColumnSettings(FIRST_MODELS[column]) for column in COLUMNS)


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """The settings of one turn as they come from the browser, unchecked, in the order of `ChatTab.settings`.

    The defaults are what the page shows at first.
    """

    system: Any = ""
    tuned: Any = False
    lookup: Any = False
    selective: Any = "off"
    missing_mass: Any = DEFAULT_MISSING_MASS
    threshold: Any = "0"
    layer: Any = 12
    pictures: Any = True
    temperature: Any = 0
    top_p: Any = 1
    top_k: Any = 0
    penalty: Any = 1
    max_new_tokens: Any = 256
    seed: Any = 0
    left: ColumnSettings = LEFT
    right: ColumnSettings = RIGHT

    @classmethod
    def read(cls, *values: Any) -> TurnSettings:
        """The settings from the values of `ChatTab.settings`: those of both columns, then each column's own."""
        own = len(fields(ColumnSettings))
        both, columns = values[: -own * len(COLUMNS)], values[-own * len(COLUMNS) :]
        return cls(*both, *(ColumnSettings(*columns[i * own : (i + 1) * own]) for i in range(len(COLUMNS))))

    def values(self) -> list[Any]:
        """The values of `ChatTab.settings`, as `read` takes them."""
        both = [getattr(self, field.name) for field in fields(TurnSettings) if field.name not in COLUMNS]
        return both + [value for column in COLUMNS for value in self.own(column).values()]

    def own(self, column: str) -> ColumnSettings:
        """A column's settings."""
        return {"left": self.left, "right": self.right}[column]

    def systems(self) -> dict[str, str]:
        """Each column's system prompt, cleaned; PromptError when one is too long."""
        return {column: clean_prompt(self.own(column).system or self.system, "system prompt") for column in COLUMNS}

    def opening(self) -> dict[str, list[dict[str, str]]]:
        """Messages of a chat that only begins: each column's system prompt, if any."""
        return {c: [{"role": "system", "content": text}] if text else [] for c, text in self.systems().items()}

    def sampling(self) -> Sampling:
        """The sampling options of both; PromptError for one out of its range."""
        return make_sampling(self.temperature, self.top_p, self.top_k, self.penalty, self.max_new_tokens, self.seed)

    def asks_tuned(self, column: str) -> bool:
        """Whether a column asks for the tuned base, which not every model has."""
        own = self.own(column).tuned
        return bool(TUNED.get(own, self.tuned))

    def request(
        self, messages: dict[str, list[dict[str, str]]], infos: Mapping[str, SideInfo] | None = None
    ) -> ChatRequest:
        """The engine's request; a layer that the loaded model lacks becomes its last, none is probed without pictures.

        messages: by column. Models without a tuned base answer as they are. Without `infos`, which describes the sides,
        their own limits are not known yet. PromptError for any option that cannot be used.
        """
        sigma = infos["sigma"] if infos else None
        context, layers = (sigma.context_length, sigma.layers) if sigma else (ANY_CONTEXT, ANY_LAYERS)
        layer = number(self.layer, "Probe layer", 0, ANY_LAYERS, whole=True)
        layer = min(int(layer), layers - 1) if self.pictures else None
        how = {"missing_mass": self.missing_mass, "threshold": self.threshold}
        both = make_request(messages, self.sampling(), self.selective, layer, context, layers, **how)
        has_tuned = sigma is None or bool(sigma.tuned)
        both = replace(both, tuned=bool(self.tuned and has_tuned), lookup=bool(self.lookup))
        return replace(both, columns={name: self.own(name).named(name, both, context, has_tuned) for name in messages})


def with_example(settings: TurnSettings, example: Mapping[str, Any]) -> TurnSettings:
    """The settings that an example is answered with: what it does not name of the columns is as on the first page."""
    shown = {name: example[name] for name in ("system", "tuned", "selective")}
    own = {c: ColumnSettings(**{"model": FIRST_MODELS[c], **example.get(c, {})}) for c in COLUMNS}
    return replace(settings, **shown, **own)
