"""Answers held to a grammar: at every step only tokens that keep to it may be drawn.

The grammar is Lark's as `llguidance` reads it (https://github.com/guidance-ai/llguidance); its matcher works on bytes, so
it needs no agreement between the grammar's words and the tokenizer's. The model's own order of the allowed tokens is kept.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from sigma.events import DamagedStep, PromptError

MAX_GRAMMAR = 400_000  # characters


@lru_cache(maxsize=4)
def _vocabulary(tokenizer, size: int, ends: tuple[int, ...]):
    """The tokenizer as llguidance sees it; half a second, once per model."""
    from llguidance.hf import from_tokenizer

    return from_tokenizer(tokenizer, n_vocab=size, eos_token=list(ends))


class Constraint:
    """What may follow in one answer.

    vocabulary: rows of the logits; ends: ids of the tokens that end an answer, allowed where the grammar is satisfied.
    Raises PromptError for a grammar that cannot be read, is too large, or allows nothing at all.
    """

    def __init__(self, tokenizer, grammar: str, vocabulary: int, ends: set[int]):
        from llguidance import LLMatcher
        from llguidance.numpy import allocate_token_bitmask

        if len(grammar) > MAX_GRAMMAR:
            raise PromptError(f"The grammar has {len(grammar):,} characters; at most {MAX_GRAMMAR:,} are read.")
        known = _vocabulary(tokenizer, vocabulary, tuple(sorted(ends)))
        self.matcher = LLMatcher(known, LLMatcher.grammar_from_lark(grammar), log_level=0)
        self.bits = allocate_token_bitmask(1, vocabulary)
        self.size = vocabulary
        self._problem("The grammar cannot be used")
        if not self._allowed().any():
            raise PromptError("The grammar allows no answer at all.")

    def _problem(self, words: str) -> None:
        if self.matcher.is_error():
            reason = " ".join(self.matcher.get_error().split())[:300]
            raise PromptError(f"{words}: {reason}")

    def _allowed(self) -> np.ndarray:
        """Which tokens may follow, bool [vocabulary]."""
        from llguidance.numpy import fill_next_token_bitmask

        fill_next_token_bitmask(self.matcher, self.bits, 0)
        self._problem("The grammar cannot be followed any further")
        return np.unpackbits(self.bits.view(np.uint8)[0], bitorder="little")[: self.size].astype(bool)

    def apply(self, logits: Tensor) -> Tensor:
        """The logits [1, vocabulary] with minus infinity for what may not follow. DamagedStep if nothing may."""
        allowed = torch.from_numpy(self._allowed())
        if not bool(allowed.any()):
            raise DamagedStep("The grammar allows no further token, so the answer ends here.")
        return logits.masked_fill(~allowed.to(logits.device), -torch.inf)

    def took(self, token: int) -> None:
        """The token that was drawn."""
        self.matcher.consume_token(token)
