"""The evaluation's figures against plain loops."""

import pytest
import torch

from sigma.measure.quality import captured_mass, compare, selective_cost
from tests.tiny import tiny_model


@pytest.fixture
def windows():
    return torch.randint(3, 259, (2, 40), generator=torch.Generator().manual_seed(3))


def test_a_model_against_itself(windows):
    model = tiny_model(num_key_heads=3)
    figures = compare(model, model, windows)
    assert figures["kl"] == pytest.approx(0, abs=1e-6) and figures["top1_agreement"] == 1
    assert figures["gap_percent"] == 0 and figures["gqa_nll"] > 0
    assert [b["positions"] for b in figures["buckets"]] == ["0-39"]


def test_captured_mass_is_what_the_best_rows_hold(windows):
    model = tiny_model(num_key_heads=1)
    model.set_attn_implementation("eager")
    want = torch.zeros(2, 2, dtype=torch.float64)
    with torch.no_grad():
        for ids in windows:
            attentions = model(ids[None], output_attentions=True).attentions
            for layer, weights in enumerate(attentions):
                for n, k in enumerate((4, 16)):
                    found = []
                    for head in weights[0]:
                        for t in range(k + 1, 40):
                            best = sorted(head[t, :t].tolist(), reverse=True)[:k]
                            found.append(sum(best) + float(head[t, t]))
                    want[n, layer] += sum(found) / len(found) / len(windows)
    got = captured_mass(model, windows, [4, 16])
    torch.testing.assert_close(torch.tensor(got, dtype=torch.float64), want, atol=1e-5, rtol=1e-5)
    assert model.config._attn_implementation == "diffqkv"
    assert captured_mass(model, windows, [500]) == [[1.0, 1.0]]


def test_selective_v_with_every_row_costs_nothing(windows):
    model = tiny_model(num_key_heads=1)
    full = compare(model, model, windows)["sigma_nll"]
    few, all_rows = selective_cost(model, windows, [1, 39], full)
    assert all_rows["cost_percent"] == pytest.approx(0, abs=0.05)
    assert abs(few["cost_percent"]) > 0.1
    assert model.config.selective_v_top_k is None
