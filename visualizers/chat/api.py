"""The named endpoint for programs: `Client(url).predict("What is a GPU?", api_name="/chat")`."""

from __future__ import annotations

import logging

import gradio as gr

from sigma.events import SIDES, PromptError, StepEvent
from visualizers.shared.loader import EngineLoader
from visualizers.shared.options import clean_prompt, make_request, make_sampling

log = logging.getLogger(__name__)


def make_chat(loader: EngineLoader):
    """The endpoint's function, bound to an engine."""

    def chat(
        prompt: str,
        side: str = "sigma",
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        selective_k: int | None = None,
    ) -> str:
        """
        Answer one prompt with the Sigma model, the GQA model, or both.

        Parameters:
            prompt: the visitor's text
            side: "sigma", "gqa" or "both"
            max_new_tokens: longest answer in tokens, 1 to 2048
            temperature: 0 is greedy; up to 5
            selective_k: V rows fetched per query head on the Sigma side; null fetches all
        Returns:
            The answer; for "both", the two answers, each after a line "[sigma]" or "[gqa]"
        """
        try:
            return _answer(loader, prompt, side, max_new_tokens, temperature, selective_k)
        except PromptError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except Exception:
            log.exception("an API call failed")
            raise gr.Error("The answer failed; the server's log has the details.", print_exception=False) from None

    return chat


def _answer(
    loader: EngineLoader, prompt: str, side: str, max_new_tokens: int, temperature: float, selective_k: int | None
) -> str:
    if side not in (*SIDES, "both"):
        raise PromptError(f"side must be sigma, gqa or both, not {str(side)[:20]!r}.")
    sides = SIDES if side == "both" else (side,)
    text = clean_prompt(prompt)
    sampling = make_sampling(temperature, 1, 0, 1, max_new_tokens, 0)
    loader.wait()
    if loader.engine is None:
        raise PromptError(f"No model is loaded: {loader.status.text}")
    info = loader.engine.info("sigma")
    messages = {name: [{"role": "user", "content": text}] for name in sides}
    request = make_request(messages, sampling, selective_k, None, info.context_length, info.layers)
    answers = dict.fromkeys(sides, "")
    for event in loader.engine.stream(request):
        if isinstance(event, StepEvent):
            answers[event.side] += event.text
    if side != "both":
        return answers[side]
    return "\n\n".join(f"[{name}]\n{answers[name]}" for name in sides)
