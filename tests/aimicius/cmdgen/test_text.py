"""What looks like a space or like text, and is none."""

import json

from sigma.aimicius.cmdgen import TASK, similarity
from sigma.aimicius.contract import Case, verdict_of


def case(truth):
    return Case("x", {"prompt": "?", "vendor": "NVIDIA", "system": "8xH100", "tool": ""}, truth)


def scores(truth, answer):
    return {name: score.value for name, score in verdict_of(TASK, case(truth), answer).scores.items()}


def test_a_no_break_space_is_no_space(without_encoder):
    for answer in ("nvidia-smi\u00a0-q -d MEMORY", "nvidia-smi -q\u00a0-d MEMORY", "nvidia-smi\u3000-q -d MEMORY"):
        found = scores("nvidia-smi -q -d MEMORY", answer)
        assert found["Exact Match"] == found["Success Ratio"] == found["Accuracy"] == 0


def test_a_lone_surrogate_is_judged():
    for answer in ("nvidia-smi \ud800", "nvidia-smi -q -d MEMORY\udfff", "\ud800"):
        verdict = verdict_of(TASK, case("nvidia-smi -q -d MEMORY"), answer)
        assert verdict.scores["Accuracy"].value == 0
        json.dumps(verdict.to_dict(), ensure_ascii=False).encode()
    assert similarity.missing() or 0 <= similarity.cosine("\ud800", "x") <= 1
