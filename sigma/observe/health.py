"""Whether the service can answer, in one word and its reasons: from what the status chip of the page shows, and the meter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sigma.events import SIDES, Engine
from sigma.observe.meter import RECENT_SECONDS, Meter


class Loaded(Protocol):
    """What loads the engine: `engine` is None until it is there; `status` has `phase` ("loading", "ready" or "failed"),
    `text` for the visitor and `fraction`.
    """

    engine: Engine | None
    status: Any
    meter: Meter


@dataclass(frozen=True, slots=True)
class Health:
    """`state`: "loading"; "ready"; "degraded", for `reasons`. `answers`: whether a question would be answered now."""

    state: str
    text: str
    answers: bool
    fraction: float = 1.0
    reasons: tuple[str, ...] = ()


def health(loader: Loaded) -> Health:
    """How it stands with the engine that `loader` has loaded, or loads."""
    status = loader.status
    if status.phase == "loading":
        return Health("loading", status.text, False, status.fraction)
    if loader.engine is None:
        return Health("degraded", "no model is loaded", False, 0.0, (status.text,))
    reasons = []
    works = loader.engine.figures().working
    if not works:
        reasons.append("The engine has stopped.")
    reasons += sorted({loader.engine.info(side).warning for side in SIDES} - {""})
    if errors := loader.meter.recent_errors():
        reasons.append(
            f"{errors} error{'s' * (errors > 1)} in the last {RECENT_SECONDS / 60:.0f} minutes; see the log."
        )
    return Health("degraded" if reasons else "ready", status.text, works, 1.0, tuple(reasons))
