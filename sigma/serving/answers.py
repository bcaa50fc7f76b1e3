"""An engine's events as what clients of OpenAI's API read: one object at the end, or chunks on the way."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sigma.events import CacheBytes, Engine, Event, Lookup, PrefillEvent, PromptEvent, StepEvent
from sigma.serving.asked import AskedChat, AskedText
from sigma.serving.stopping import StopText

FINISH = {"stop": "stop", "length": "length", "context": "length"}


class Answer:
    """One answer as it grows. Feed it every event; `over` says that nothing more is wanted of the engine."""

    def __init__(self, asked: AskedChat | AskedText, engine: Engine):
        self.asked, self._engine = asked, engine
        self.chat = isinstance(asked, AskedChat)
        self._named = {
            "id": f"{'chatcmpl' if self.chat else 'cmpl'}-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": asked.model,
        }
        self._stop = StopText(asked.stop)
        self._texts: list[str] = []
        self._likelihoods: list[dict[str, Any]] = []
        self._offset = 0  # of the next token in the text
        self._prompt_tokens = self._reused = self._new_tokens = 0
        self._cache: CacheBytes | None = None
        self._lookup: Lookup | None = None
        self.finish: str | None = None
        if not self.chat and asked.echo:
            self._texts.append(asked.prompt)
            self._offset = len(asked.prompt)

    @property
    def over(self) -> bool:
        return self.finish is not None

    def opening(self) -> Iterator[dict[str, Any]]:
        """The chunks before the first token: who speaks, or the prompt that is to be repeated."""
        if self.chat:
            yield self._chunk({"delta": {"role": "assistant", "content": ""}})
        elif self.asked.echo:
            yield self._chunk({"text": self.asked.prompt})

    def feed(self, event: Event) -> Iterator[dict[str, Any]]:
        """The chunks that an event makes: none while there is nothing to show."""
        if isinstance(event, PromptEvent):
            self._prompt_tokens, self._reused = len(event.token_ids), event.reused
            return
        self._cache = event.cache
        if isinstance(event, PrefillEvent):
            return
        self._new_tokens += event.token_id >= 0
        self._lookup = event.lookup or self._lookup
        shown = self._stop.push(event.text)
        ended = FINISH.get(event.finish_reason or "")
        if ended and not self._stop.found:
            shown += self._stop.flush()
        self.finish = "stop" if self._stop.found else ended
        likelihood = self._likelihood(event)
        self._texts.append(shown)
        if shown or likelihood is not None:
            yield self._chunk({"delta": {"content": shown}} if self.chat else {"text": shown}, likelihood)
        if self.finish:
            yield self._chunk({"delta": {}} if self.chat else {"text": ""}, None, self.finish)

    def closing(self) -> Iterator[dict[str, Any]]:
        """The counts, for a client that asked for them."""
        if self.asked.usage_at_end:
            yield {**self._named, "object": self._object(True), "choices": [], "usage": self.usage()}

    def whole(self) -> dict[str, Any]:
        """The answer in one piece."""
        text = "".join(self._texts)
        said = {"message": {"role": "assistant", "content": text, "refusal": None}} if self.chat else {"text": text}
        choice = {"index": 0, **said, "logprobs": self._logprobs(self._likelihoods), "finish_reason": self.finish}
        return {**self._named, "object": self._object(False), "choices": [choice], "usage": self.usage()}

    def usage(self) -> dict[str, Any]:
        """Tokens read and written. This project's own: `kv_cache`, bytes of K and V held and last read; `lookup`, where it was
        asked for, steps taken, tokens drafted and accepted, and why guessing is off, if it is."""
        counts: dict[str, Any] = {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": self._new_tokens,
            "total_tokens": self._prompt_tokens + self._new_tokens,
            "prompt_tokens_details": {"cached_tokens": self._reused},
        }
        if (cache := self._cache) is not None:
            names = ("k_resident", "v_resident", "k_read", "v_read")
            counts["kv_cache"] = {name: getattr(cache, name) for name in names}
        if self._lookup is not None:
            counts["lookup"] = asdict(self._lookup)
        return counts

    def _object(self, chunk: bool) -> str:
        return ("chat.completion.chunk" if chunk else "chat.completion") if self.chat else "text_completion"

    def _chunk(self, said: dict[str, Any], likelihood: dict | None = None, finish: str | None = None) -> dict[str, Any]:
        logprobs = self._logprobs([likelihood]) if likelihood is not None else None
        choice = {"index": 0, **said, "logprobs": logprobs, "finish_reason": finish}
        chunk = {**self._named, "object": self._object(True), "choices": [choice]}
        return {**chunk, "usage": None} if self.asked.usage_at_end else chunk

    def _likelihood(self, event: StepEvent) -> dict[str, Any] | None:
        """A step's likelihood with the tokens' texts, kept for the whole answer too; None where none was asked for."""
        if event.likelihood is None or event.token_id < 0:
            return None
        told = {
            **self._token(event.token_id, event.likelihood.taken),
            "top_logprobs": [self._token(i, value) for i, value in event.likelihood.likeliest],
            "offset": self._offset,
        }
        self._offset += len(event.text)
        self._likelihoods.append(told)
        return told

    def _token(self, token_id: int, logprob: float) -> dict[str, Any]:
        text = self._engine.text(self.asked.model, [token_id])
        # Part of a character, or a control token: it has a name, and no text whose bytes could be told.
        whole = bool(text) and "\ufffd" not in text
        name = text if whole else self._engine.piece(self.asked.model, token_id)
        return {"token": name, "logprob": logprob, "bytes": list(text.encode()) if whole else None}

    def _logprobs(self, told: list[dict[str, Any]]) -> dict[str, Any] | None:
        if self.asked.likeliest is None:
            return None
        if self.chat:
            return {"content": [{k: v for k, v in one.items() if k != "offset"} for one in told], "refusal": None}
        tops = [{top["token"]: top["logprob"] for top in one["top_logprobs"]} for one in told]
        return {
            "tokens": [one["token"] for one in told],
            "token_logprobs": [one["logprob"] for one in told],
            "top_logprobs": tops if self.asked.likeliest else None,
            "text_offset": [one["offset"] for one in told],
        }
