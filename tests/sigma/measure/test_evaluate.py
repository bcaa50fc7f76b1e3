"""The evaluation's figures against plain loops."""

import pytest
import torch

from kernels.selective.missing_mass import MISSING_MASS
from sigma.measure.quality import compare
from sigma.measure.selective import captured_mass, rows_read, selective_cost
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


def test_the_table_is_that_of_configurations(windows):
    """Each row is the loss of a model that is configured so, and the configuration is as before in the end."""
    model = tiny_model(num_key_heads=1, selective_v_missing_mass="drop")
    full = compare(model, model, windows)["sigma_nll"]
    rows = selective_cost(model, windows, [2, 8], full, missing_masses=MISSING_MASS, thresholds=[0.0, 0.1])
    assert [(r["k"], r["threshold"], r["missing_mass"]) for r in rows] == [
        (k, threshold, word) for k in (2, 8) for threshold in (0.0, 0.1) for word in MISSING_MASS
    ]
    assert len({r["nll"] for r in rows}) == len(rows)
    one = tiny_model(num_key_heads=1, selective_v_missing_mass="mean", selective_v_threshold=0.1)
    assert selective_cost(one, windows, [8], full)[0]["nll"] == rows[-1]["nll"]
    assert (model.config.selective_v_missing_mass, model.config.selective_v_threshold) == ("drop", 0.0)


def test_rows_read_are_counted(windows):
    model = tiny_model(num_key_heads=1)
    choices = [(4, 0.0), (4, 0.1), (500, 0.0), (500, 0.05)]
    got = rows_read(model, windows, choices)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        weights = torch.stack([torch.cat(model(ids[None], output_attentions=True).attentions) for ids in windows])
    for (k, threshold), row in zip(choices, got):
        counts = []
        for head in weights.flatten(0, 2):
            for t in range(40):
                best = sorted(head[t, :t].tolist(), reverse=True)[:k]
                counts.append(1 + sum(weight >= threshold for weight in best))
        assert row["rows"] == pytest.approx(sum(counts) / len(counts))
        assert row["rows_percent"] == pytest.approx(row["rows"] / 20.5 * 100)
    assert got[2]["rows_percent"] == pytest.approx(100)
