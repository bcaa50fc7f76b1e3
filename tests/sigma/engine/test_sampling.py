"""Tokens are drawn with transformers' probabilities, whichever way the nucleus is found."""

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from sigma.engine.sampling import CANDIDATES, Sampler
from sigma.events import PromptError, Sampling

VOCABULARY = 3 * CANDIDATES


def logits(spread: float) -> torch.Tensor:
    return torch.randn(1, VOCABULARY, generator=torch.Generator().manual_seed(7)) * spread


@pytest.mark.parametrize(
    "spread, options",
    [
        (4.0, {}),
        (4.0, {"top_p": 0.9}),
        (4.0, {"top_p": 0.9, "temperature": 0.7}),
        (4.0, {"top_k": 5}),
        (4.0, {"top_k": 40, "top_p": 0.5}),
        (0.1, {"top_p": 0.95}),  # nearly flat: the nucleus is wider than the candidates
        (0.0, {"top_p": 0.01}),  # all ties
        (4.0, {"top_p": 1e-6}),
    ],
)
def test_frequencies_are_those_of_transformers_filters(spread, options):
    sampling = Sampling(**{"temperature": 1.0, "seed": 3, **options})
    scores = TemperatureLogitsWarper(sampling.temperature)(None, logits(spread))
    if sampling.top_k:
        scores = TopKLogitsWarper(sampling.top_k)(None, scores)
    if sampling.top_p < 1:
        scores = TopPLogitsWarper(sampling.top_p)(None, scores)
    expected = scores.softmax(-1)[0]
    sampler, draws = Sampler(sampling), 4000
    counts = torch.zeros(VOCABULARY)
    for _ in range(draws):
        counts[sampler.next([0], logits(spread))] += 1
    if spread:  # among ties, which tokens are kept is either sort's own
        assert not counts[expected == 0].any()
    else:
        assert (counts > 0).sum() == (expected > 0).sum()
        return
    # Pooled by probability: chi-square per cell is about 1 where the draw is right.
    order = expected.argsort(descending=True)
    cells = [order[i] for i in range(10)] + [order[10:100], order[100:]]
    for cell in cells:
        p = float(expected[cell].sum())
        assert abs(float(counts[cell].sum()) - draws * p) <= 5 * (draws * p * (1 - p)) ** 0.5 + 1


def test_a_seed_repeats_and_greedy_takes_the_largest():
    first, again = (Sampler(Sampling(temperature=1.0, top_p=0.9, seed=5)) for _ in range(2))
    assert [first.next([0], logits(2)) for _ in range(20)] == [again.next([0], logits(2)) for _ in range(20)]
    assert Sampler(Sampling(temperature=0)).next([0], logits(2)) == int(logits(2).argmax())
    largest = int(logits(2).argmax())
    assert Sampler(Sampling(temperature=0, repetition_penalty=50.0)).next([largest], logits(2)) != largest


def test_a_token_without_weight_is_never_drawn():
    one = torch.full((1, 50), -torch.inf)
    one[0, 20] = 0.0
    sampler = Sampler(Sampling(temperature=1.0, seed=1))
    assert {sampler.next([0], one) for _ in range(200)} == {20}


@pytest.mark.parametrize("wrong", [{"temperature": -1}, {"top_p": -0.5}, {"top_k": -2}, {"repetition_penalty": -1.0}])
def test_impossible_options_are_named(wrong):
    with pytest.raises(PromptError, match=next(iter(wrong)).removeprefix("repetition_")):
        Sampler(Sampling(**{"temperature": 1.0, **wrong}))
