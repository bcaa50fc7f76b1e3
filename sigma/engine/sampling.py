"""The next token from its logits: transformers' own processors, and a draw that does not sort the whole vocabulary.

transformers' nucleus filter sorts all 49k logits (4 ms on one CPU core) and `torch.multinomial` costs 1.2 ms: together
as much as a decode step of the default model. The nucleus nearly always lies within the likeliest thousand tokens;
where it does, only they are sorted, and where it does not, transformers' filter is used. Same distribution either way.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from sigma.events import Likelihood, PromptError, Sampling

CANDIDATES = 1024  # tokens among which a nucleus is looked for
GREEDY_BELOW = 1e-6  # a temperature under which only equal logits would share a draw, and dividing by it overflows


class Sampler:
    """Draws tokens for one answer, with its own random numbers. Raises PromptError for impossible options."""

    def __init__(self, sampling: Sampling, device: torch.device | str = "cpu"):
        for name in ("temperature", "top_p", "repetition_penalty"):
            if not math.isfinite(getattr(sampling, name)):
                raise PromptError(f"{name} must be a finite number, got {getattr(sampling, name)}")
        self.greedy = abs(sampling.temperature) < GREEDY_BELOW
        self.chain = LogitsProcessorList()
        self.top_p: TopPLogitsWarper | None = None
        try:
            if sampling.repetition_penalty != 1.0:
                self.chain.append(RepetitionPenaltyLogitsProcessor(float(sampling.repetition_penalty)))
            if sampling.temperature < 0:
                raise ValueError(f"temperature must not be negative, got {sampling.temperature}")
            if not self.greedy:
                self.chain.append(TemperatureLogitsWarper(float(sampling.temperature)))
                if sampling.top_k:
                    self.chain.append(TopKLogitsWarper(int(sampling.top_k)))
                if sampling.top_p < 1:
                    self.top_p = TopPLogitsWarper(float(sampling.top_p))
        except ValueError as error:
            raise PromptError(str(error)) from error
        self.generator = torch.Generator(device=device)
        if sampling.seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(int(sampling.seed))

    def next(self, ids: list[int], logits: Tensor, margin: float = 0.0) -> int | None:
        """One token after `ids` from its logits [1, vocabulary], which must be finite.

        margin: None is returned where the greedy choice is ahead of the next one by less.
        """
        scores = self.chain(torch.tensor([ids], device=logits.device), logits) if self.chain else logits
        if self.greedy:
            if margin:
                best, second = scores[0].topk(2).values.tolist()
                if best - second < margin:
                    return None
            return int(scores.argmax(-1))
        if self.top_p is None:
            return self._draw(scores[0].softmax(-1))
        likeliest, tokens = scores[0].softmax(-1).topk(min(CANDIDATES, scores.shape[-1]))
        before = likeliest.cumsum(0) - likeliest  # mass of the tokens before each
        if before[-1] < self.top_p.top_p and len(tokens) < scores.shape[-1]:  # the nucleus may go on beyond them
            return self._draw(self.top_p(None, scores)[0].softmax(-1))
        return int(tokens[self._draw(likeliest * (before < self.top_p.top_p))])

    def _draw(self, weights: Tensor) -> int:
        """An index with probability proportional to its weight [n], by the inverse of the cumulative sum."""
        cumulative = weights.double().cumsum(0)
        point = torch.rand((), dtype=torch.float64, generator=self.generator, device=weights.device) * cumulative[-1]
        # Rounding up to the total itself would name the last token, whatever its weight.
        point = torch.minimum(point, torch.nextafter(cumulative[-1], torch.zeros_like(point)))
        return int(torch.searchsorted(cumulative, point, right=True))


def likelihood_of(logits: Tensor, token: int, count: int) -> Likelihood:
    """Logarithms of the softmax of logits [1, vocabulary]: of the token taken and of the `count` likeliest."""
    logs = logits[0].float().log_softmax(-1)
    values, ids = logs.topk(count)
    return Likelihood(float(logs[token]), tuple(zip(ids.tolist(), values.tolist())))
