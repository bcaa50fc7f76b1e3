"""One turn as it is seen: both sides' text, figures, memory curve and newest attention, and the picture of it all."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sigma.events import AttentionProbe, Event, PromptEvent, SideInfo, StepEvent
from visualizers.shared.columns import COLUMNS
from visualizers.shared.compact_json import compact_json
from visualizers.shared.metrics import SideMeter
from visualizers.shared.packing import curve_row, pack_curve, pack_pieces, pack_probe, rows_fetched


@dataclass
class SideView:
    """What one side has shown so far in this turn."""

    meter: SideMeter
    text: str = ""
    pieces: list[str] = field(default_factory=list)
    curve: list[tuple[int, ...]] = field(default_factory=list)
    probe: AttentionProbe | None = None

    def feed(self, event: Event, now: float) -> None:
        """Take in one event of this side."""
        self.meter.feed(event, now)
        if isinstance(event, PromptEvent):
            self.pieces = list(event.pieces)
            return
        # A side's first cache figures are those of its first prefill chunk; the curve starts at the empty cache.
        if not self.curve:
            self.curve.append((0, 0, 0, 0, 0))
        self.curve.append(curve_row(event.cache))
        if isinstance(event, StepEvent):
            self.text += event.text
            if event.token_id >= 0:
                self.pieces.append(event.piece)
            if event.probe is not None:
                self.probe = event.probe

    def picture(self) -> dict[str, Any]:
        """This side's part of the payload."""
        return {
            "figures": self.meter.figures(),
            "chars": len(self.text),
            "curve": pack_curve(self.curve),
            "attention": pack_probe(self.probe) if self.probe is not None else None,
            "pieces": pack_pieces(self.pieces),
        }


SIZES = (
    "layers",
    "query_heads",
    "key_heads",
    "value_heads",
    "key_head_dim",
    "value_head_dim",
    "kv_itemsize",
)


def sizes(info: SideInfo) -> dict[str, Any]:
    """The numbers of a side that the attention picture and the cache formula need, by their names in `SideInfo`."""
    return {**{name: getattr(info, name) for name in SIZES}, "layer_key_heads": list(info.layer_key_heads)}


class TurnView:
    """Both columns of one turn, or whatever names its request has."""

    def __init__(self, started: float, sides: tuple[str, ...] = COLUMNS):
        self.info: dict[str, dict[str, Any]] = {}
        self.run = uuid.uuid4().hex[:8]
        self.sequence = 0
        self.stopped = False
        self.made: dict[str, dict[str, Any]] = {}  # who answers (`visualizers.shared.columns.made_by`)
        self.sides = {side: SideView(SideMeter(started)) for side in sides}

    def restart(self, now: float) -> None:
        """Begin to count at `now`: waiting for a model to load is not time to the first token."""
        for side in self.sides.values():
            side.meter.started = now

    def describe(self, infos: dict[str, SideInfo]) -> None:
        """Tell the picture the sizes of the sides."""
        self.info = {side: sizes(info) for side, info in infos.items()}

    def feed(self, event: Event, now: float) -> None:
        """Take in one event; an event of a side that was not asked for is an error of the engine."""
        self.sides[event.side].feed(event, now)

    def texts(self) -> dict[str, str]:
        """The answers so far, by side."""
        return {side: view.text for side, view in self.sides.items()}

    def finished(self) -> bool:
        """Whether every side has ended by itself."""
        return all(side.meter.finish is not None for side in self.sides.values())

    def picture(self) -> dict[str, Any]:
        """The payload as a plain dictionary (see `payload`)."""
        self.sequence += 1
        return {
            "run": self.run,
            "seq": self.sequence,
            "stopped": self.stopped,
            "made": self.made,
            "info": self.info,
            "sides": {side: view.picture() for side, view in self.sides.items()},
            "summary": self.summary(),
        }

    def payload(self) -> str:
        """One compact string for the page's picture: a few KB at any context length."""
        return compact_json(self.picture())

    def summary(self) -> str:
        """One sentence for a screen reader about the newest step."""
        first = next(iter(self.sides.values()))
        meter = first.meter
        if meter.phase in ("waiting", "prefill"):
            done, total = meter.prefilled, meter.prompt_tokens
            return f"Reading the prompt: {done} of {total} tokens." if total else ""
        parts = [f"Step {meter.step}: "]
        if first.probe is not None:
            tokens = first.probe.scores.shape[1]
            rows = round(float(np.mean(rows_fetched(first.probe))))
            mass = round(100 * float(np.mean(first.probe.captured)))
            parts.append(f"V rows {rows} of {tokens}, {mass} % of the mass")
        else:
            parts.append(f"{meter.cache.tokens if meter.cache else 0} tokens in the cache")
        if self.stopped:
            parts.append("; stopped")
        elif self.finished():
            parts.append("; finished")
        return "".join(parts) + "."
