"""The line of figures above each column, counted from the engine's events."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sigma.events import CacheBytes, Event, Lookup, PrefillEvent, PromptEvent, StepEvent


@dataclass
class SideMeter:
    """Figures of one side in one turn.

    Decode speed is tokens over this side's own compute time, because the two sides share the device: the wall rate
    would measure the sharing. Both are kept. Step 0 is sampled from the prefill's logits, so its time belongs to the
    first token and not to the decode speed.
    """

    started: float
    prompt_tokens: int = 0
    reused: int = 0
    prefilled: int = 0
    prefill_ms: float = 0.0
    first_ms: float | None = None
    first_wall_ms: float | None = None
    decode_steps: int = 0
    decode_ms: float = 0.0
    decode_wall_s: float = 0.0
    step: int = -1
    cache: CacheBytes | None = None
    finish: str | None = None
    lookup: Lookup | None = None
    _first_at: float = 0.0

    def feed(self, event: Event, now: float) -> None:
        """Count one event of this side that arrived at `now` (seconds, any monotonic clock)."""
        if isinstance(event, PromptEvent):
            self.prompt_tokens, self.reused, self.prefilled = len(event.token_ids), event.reused, event.reused
            return
        self.cache = event.cache
        if isinstance(event, PrefillEvent):
            self.prefilled = event.done
            self.prefill_ms += event.compute_ms
            return
        self._feed_step(event, now)

    def _feed_step(self, event: StepEvent, now: float) -> None:
        self.finish = event.finish_reason
        self.lookup = event.lookup or self.lookup
        if event.token_id < 0:
            return
        self.step = event.step
        if event.step == 0:
            self.first_ms = self.prefill_ms + event.compute_ms
            self.first_wall_ms = (now - self.started) * 1000
            self._first_at = now
        else:
            self.decode_steps += 1
            self.decode_ms += event.compute_ms
            self.decode_wall_s = now - self._first_at

    @property
    def tokens_per_second(self) -> float | None:
        """Decode speed over own compute time; None before the second token."""
        return self.decode_steps * 1000 / self.decode_ms if self.decode_ms > 0 else None

    @property
    def wall_tokens_per_second(self) -> float | None:
        """Decode speed as the clock on the wall saw it, the other side's time included."""
        return self.decode_steps / self.decode_wall_s if self.decode_wall_s > 0 else None

    @property
    def phase(self) -> str:
        """waiting, prefill, decode or done."""
        if self.finish is not None:
            return "done"
        if self.step >= 0:
            return "decode"
        return "prefill" if self.prompt_tokens else "waiting"

    def figures(self) -> dict[str, Any]:
        """The figures for the browser, raw numbers (bytes, milliseconds, tokens per second); `lookup` where it was asked for."""
        cache = self.cache
        return {
            "phase": self.phase,
            "finish": self.finish,
            "step": self.step,
            "prompt": self.prompt_tokens,
            "reused": self.reused,
            "prefilled": self.prefilled,
            "rate": _rounded(self.tokens_per_second),
            "wall_rate": _rounded(self.wall_tokens_per_second),
            "first": _rounded(self.first_ms),
            "first_wall": _rounded(self.first_wall_ms),
            "context": cache.tokens if cache else 0,
            "k": cache.k_resident if cache else 0,
            "v": cache.v_resident if cache else 0,
            "k_read": cache.k_read if cache else 0,
            "v_read": cache.v_read if cache else 0,
            "v_distinct": cache.v_distinct if cache else 0,
            "allocated": cache.allocated if cache else 0,
            **({} if self.lookup is None else {"lookup": asdict(self.lookup)}),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
