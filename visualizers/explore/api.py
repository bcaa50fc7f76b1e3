"""The named endpoints about attention: `/attention` and `/selective_v`."""

from __future__ import annotations

import uuid
from typing import Any

import gradio as gr

from visualizers.explore.told import AttentionAsked, SelectiveAsked, attention_of, selective_of
from visualizers.shared.programs import Programs, in_words


def make_attention(programs: Programs):
    """The endpoint `/attention`, bound to an engine."""

    def attention(
        request: gr.Request,
        prompt: Any = None,
        side: Any = "sigma",
        layer: Any = 0,
        max_new_tokens: Any = 2,
        selective_k: Any = None,
        strongest: Any = 8,
    ) -> dict[str, Any]:
        """
        Let one model answer, and tell what every attention head of one layer looks at when it makes the last token.

        Parameters:
            prompt: text, required
            side: "sigma" or "gqa"; null is "sigma"
            layer: a whole number from 0; null is 0
            max_new_tokens: how many tokens are answered, from 2 to 256; null is 2
            selective_k: V rows fetched per query head on the Sigma side, a whole number; null fetches all
            strongest: how many positions are told of each head, from 1 to 64; null is 8
        Returns:
            {"side", "layer", "answer", "tokens", "v_rows_fetched_per_head", "heads": [{"head", "key_head", "value_head", "captured"
            (mass on the fetched V rows), "strongest": [{"position", "token", "weight", "v_row_fetched"}]}]}
        """
        with in_words("Looking at the attention"):
            given = dict(prompt=prompt, side=side, layer=layer, max_new_tokens=max_new_tokens)
            asked = AttentionAsked.read({**given, "selective_k": selective_k, "strongest": strongest})
            with programs.engine(request) as (engine, gone):
                return attention_of(engine, asked, gone)

    return attention


def make_selective(programs: Programs):
    """The endpoint `/selective_v`, bound to an engine."""

    def selective_v(
        request: gr.Request, prompt: Any = None, max_new_tokens: Any = 16, ks: Any = None
    ) -> dict[str, Any]:
        """
        Let Sigma answer, and tell what fetching only the V rows of the k best attention scores would lose at its newest token.

        Parameters:
            prompt: text, required
            max_new_tokens: how many tokens are answered first, from 1 to 256; null is 16
            ks: the values of k, a list of whole numbers; null is [4, 8, 16, 32, 64, 100, 256]
        Returns:
            {"answer", "tokens", "v_bytes_all", "rows": [{"k", "mass_captured_mean", "mass_captured_least", "output_error_mean",
            "output_error_most" (relative error of a head's output), "v_bytes_requested"}]}, over all layers and heads
        """
        with in_words("The report"):
            asked = SelectiveAsked.read(dict(prompt=prompt, max_new_tokens=max_new_tokens, ks=ks))
            with programs.engine(request) as (engine, gone):
                return selective_of(engine, asked, gone, f"program {uuid.uuid4().hex}")

    return selective_v
