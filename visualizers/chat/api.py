"""The named endpoint for programs: `Client(url).predict("What is a GPU?", api_name="/chat")`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import gradio as gr

from sigma.events import CacheBytes, Engine, Event, PromptError, PromptEvent, StepEvent
from visualizers.chat.arguments import Arguments, check_arguments
from visualizers.chat.caller import GONE, PLACES, WAIT_SECONDS, Caller, Place
from visualizers.shared.loader import EngineLoader
from visualizers.shared.options import make_request, make_sampling

log = logging.getLogger(__name__)

SHARE = {"concurrency_id": "api", "concurrency_limit": PLACES}
"""A few programs are answered together, the others wait; the page's visitors, who have places of their own, do not wait for
programs."""


def make_chat(loader: EngineLoader):
    """The endpoint's function, bound to an engine."""
    place = Place()

    def chat(
        request: gr.Request,
        prompt: Any = None,
        side: Any = "sigma",
        max_new_tokens: Any = 128,
        temperature: Any = 0.0,
        selective_k: Any = None,
        selective_missing_mass: Any = None,
        selective_threshold: Any = None,
    ) -> dict[str, Any]:
        """
        Answer one prompt with the Sigma model, the GQA model, or both.

        Parameters:
            prompt: text, required
            side: "sigma", "gqa" or "both"; null is "sigma"
            max_new_tokens: longest answer in tokens, a whole number from 1 to 2048; null is 128
            temperature: 0 is greedy, up to 5; null is 0
            selective_k: V rows fetched per query head on the Sigma side, a whole number; null fetches all
            selective_missing_mass: what becomes of the weight of the rows that are not fetched: "drop", "renormalize"
                or "mean" (it goes to their mean); null is the model's own way
            selective_threshold: of those rows, the ones that weigh less are not fetched, 0 to 0.5; null is the model's own
        Returns:
            {"text", "sides": {side: {"text", "finish", "prompt_tokens", "new_tokens", "cache_bytes"}}}. text: the answer; for
            "both", the two answers, each after a line "[sigma]" or "[gqa]". finish: "stop" (the model ended), "length"
            (max_new_tokens) or "context" (full). cache_bytes: K and V held at the end.
        """
        try:
            selective = selective_k, selective_missing_mass, selective_threshold
            asked = check_arguments(prompt, side, max_new_tokens, temperature, *selective)
            caller = Caller(request)
            with place.taken(caller):
                return _answer(loader, asked, caller)
        except PromptError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except Exception:
            log.exception("an API call failed")
            raise gr.Error("The answer failed; the server's log has the details.", print_exception=False) from None

    return chat


@dataclass
class _Answer:
    """One side's answer as it grows."""

    text: str = ""
    finish: str | None = None
    prompt_tokens: int = 0
    new_tokens: int = 0
    cache: CacheBytes | None = None

    def feed(self, event: Event) -> None:
        if isinstance(event, PromptEvent):
            self.prompt_tokens = len(event.token_ids)
            return
        self.cache = event.cache
        if isinstance(event, StepEvent):
            self.text += event.text
            self.new_tokens += event.token_id >= 0
            self.finish = event.finish_reason or self.finish

    def told(self) -> dict[str, Any]:
        held = self.cache.k_resident + self.cache.v_resident if self.cache else 0
        counts = {"prompt_tokens": self.prompt_tokens, "new_tokens": self.new_tokens, "cache_bytes": held}
        return {"text": self.text, "finish": self.finish, **counts}


def _answer(loader: EngineLoader, asked: Arguments, caller: Caller) -> dict[str, Any]:
    engine = _engine(loader, caller)
    info = engine.info("sigma")
    if asked.selective_k is not None and asked.selective_k > info.context_length:
        raise PromptError(
            f"selective_k must be at most the context of {info.context_length:,} tokens, not {asked.selective_k:,}."
        )
    messages = {name: [{"role": "user", "content": asked.prompt}] for name in asked.sides}
    sampling = make_sampling(asked.temperature, 1, 0, 1, asked.max_new_tokens, 0)
    how = {"missing_mass": asked.selective_missing_mass, "threshold": asked.selective_threshold}
    request = make_request(messages, sampling, asked.selective_k, None, info.context_length, info.layers, **how)
    answers = {name: _Answer() for name in asked.sides}
    events = engine.stream(request)
    try:
        for event in events:
            answers[event.side].feed(event)
            if caller.gone():
                raise PromptError(GONE)
    finally:
        events.close()
    text = "\n\n".join(f"[{name}]\n{answer.text}" for name, answer in answers.items())
    if len(asked.sides) == 1:
        text = answers[asked.sides[0]].text
    return {"text": text, "sides": {name: answer.told() for name, answer in answers.items()}}


def _engine(loader: EngineLoader, caller: Caller) -> Engine:
    while not loader.wait(WAIT_SECONDS):
        if caller.gone():
            raise PromptError(GONE)
    if loader.engine is None:
        raise PromptError(f"No model is loaded: {loader.status.text}")
    return loader.engine
