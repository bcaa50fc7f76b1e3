"""The named endpoints that ask the models: `Client(url).predict("What is a GPU?", api_name="/chat")`, and `/compare`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import gradio as gr

from sigma.events import CacheBytes, ChatRequest, Engine, Event, Lookup, PromptError, PromptEvent, StepEvent
from visualizers.chat.arguments import Arguments, check_arguments
from visualizers.chat.compare import compared
from visualizers.shared.options import make_request, make_sampling
from visualizers.shared.programs import Programs, events_of, in_words


def make_chat(programs: Programs):
    """The endpoint's function, bound to an engine."""

    def chat(
        request: gr.Request,
        prompt: Any = None,
        side: Any = "sigma",
        max_new_tokens: Any = 128,
        temperature: Any = 0.0,
        selective_k: Any = None,
        selective_missing_mass: Any = None,
        selective_threshold: Any = None,
        tuned: Any = None,
        lookup: Any = None,
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
            tuned: true answers with the base tuned for the system tasks, where the models have one; null is false
            lookup: true guesses what repeats and checks several tokens in one step; the answer is the same; null is false
        Returns:
            {"text", "sides": {side: {"text", "finish", "prompt_tokens", "new_tokens", "cache_bytes"}}}. text: the answer; for
            "both", the two answers, each after a line "[sigma]" or "[gqa]". finish: "stop" (the model ended), "length"
            (max_new_tokens) or "context" (full). cache_bytes: K and V held at the end. With lookup also "lookup": {"steps",
            "drafted", "accepted", "off"}; off: "" or why nothing is guessed, "sampled" or "few right".
        """
        with in_words("The answer"):
            more = selective_k, selective_missing_mass, selective_threshold, tuned, lookup
            asked = check_arguments(prompt, side, max_new_tokens, temperature, *more)
            with programs.engine(request) as (engine, gone):
                return _answer(engine, asked, gone)

    return chat


@dataclass
class _Answer:
    """One side's answer as it grows."""

    text: str = ""
    finish: str | None = None
    prompt_tokens: int = 0
    new_tokens: int = 0
    cache: CacheBytes | None = None
    lookup: Lookup | None = None

    def feed(self, event: Event) -> None:
        if isinstance(event, PromptEvent):
            self.prompt_tokens = len(event.token_ids)
            return
        self.cache = event.cache
        if isinstance(event, StepEvent):
            self.text += event.text
            self.new_tokens += event.token_id >= 0
            self.finish = event.finish_reason or self.finish
            self.lookup = event.lookup or self.lookup

    def told(self) -> dict[str, Any]:
        held = self.cache.k_resident + self.cache.v_resident if self.cache else 0
        counts = {"prompt_tokens": self.prompt_tokens, "new_tokens": self.new_tokens, "cache_bytes": held}
        told = {"text": self.text, "finish": self.finish, **counts}
        return told if self.lookup is None else {**told, "lookup": asdict(self.lookup)}


def request_of(engine: Engine, asked: Arguments) -> ChatRequest:
    """The engine's request; PromptError for what its models cannot do."""
    info = engine.info("sigma")
    if asked.selective_k is not None and asked.selective_k > info.context_length:
        raise PromptError(
            f"selective_k must be at most the context of {info.context_length:,} tokens, not {asked.selective_k:,}."
        )
    messages = {name: [{"role": "user", "content": asked.prompt}] for name in asked.sides}
    sampling = make_sampling(asked.temperature, 1, 0, 1, asked.max_new_tokens, 0)
    how = {"missing_mass": asked.selective_missing_mass, "threshold": asked.selective_threshold}
    request = make_request(messages, sampling, asked.selective_k, None, info.context_length, info.layers, **how)
    return replace(request, tuned=asked.tuned, lookup=asked.lookup)


def _answer(engine: Engine, asked: Arguments, gone: Callable[[], bool]) -> dict[str, Any]:
    answers = {name: _Answer() for name in asked.sides}
    for event in events_of(engine, request_of(engine, asked), gone):
        answers[event.side].feed(event)
    text = "\n\n".join(f"[{name}]\n{answer.text}" for name, answer in answers.items())
    if len(asked.sides) == 1:
        text = answers[asked.sides[0]].text
    return {"text": text, "sides": {name: answer.told() for name, answer in answers.items()}}


def make_compare(programs: Programs):
    """The endpoint `/compare`, bound to an engine."""

    def compare(
        request: gr.Request,
        prompt: Any = None,
        max_new_tokens: Any = 64,
        selective_k: Any = None,
    ) -> dict[str, Any]:
        """
        Answer one prompt with the Sigma model and the GQA model together, and measure both: speed, KV-cache bytes held and read.

        Parameters:
            prompt: text, required
            max_new_tokens: longest answers in tokens, a whole number from 1 to 2048; null is 64
            selective_k: V rows fetched per query head on the Sigma side, a whole number; null fetches all
        Returns:
            {"sides": {"sigma" and "gqa": {"name", "query_heads", "key_heads" (of most layers),
            "layer_key_heads" (of each, where they differ), "value_heads", "text", "finish", "prompt_tokens", "new_tokens", "first_token_ms", "tokens_per_second", "k_bytes", "v_bytes", "k_bytes_read_last_step",
            "v_bytes_read_last_step", "ran_on"}}, "kv_bytes_per_token": {side: bytes}, "kv_saved": part of the GQA side's bytes}
        """
        with in_words("The comparison"):
            new_tokens = 64 if max_new_tokens is None else max_new_tokens
            asked = check_arguments(prompt, "both", new_tokens, 0.0, selective_k)
            with programs.engine(request) as (engine, gone):
                return compared(engine, request_of(engine, asked), gone)

    return compare
