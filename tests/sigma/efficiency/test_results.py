"""Ratios, crossover and whole outputs, on times that are known."""

import csv
import io
import json

import pytest

from sigma.efficiency import paper
from sigma.efficiency.results import Machine, Result, Spread, crossover, disturbed, outputs, point
from sigma.efficiency.settings import Settings

MACHINE = Machine("a machine", "cpu", 2, "cpu", "2", "2026-11-30T00:00:00+00:00")


def timed(tokens: int, rounds: int = 5):
    """Times in ms: STD 4 µs a token, Sigma 2.5 and 1 ms for the augmented query; a round is slower than the last one."""
    drift = [1e-3 * (1 + 0.1 * r) for r in range(rounds)]
    std = {
        "store": [0.01 * d for d in drift],
        "copy": [0.002 * tokens * d for d in drift],
        "attention": [0.002 * tokens * d for d in drift],
    }
    sigma = {
        "store": [0.01 * d for d in drift],
        "copy": [0.00125 * tokens * d for d in drift],
        "attention": [0.00125 * tokens * d for d in drift],
        "augmented": [1.5 * d for d in drift],
    }
    return point(tokens, {"std": std, "sigma": sigma, "selective": {"attention": [0.1 * d for d in drift]}})


def test_a_point_keeps_the_parts_and_two_totals():
    p = timed(1000)
    assert p.parts["std"]["attention"].median == pytest.approx(2 * 1.2) and p.rounds == 5
    assert p.parts["std"]["attention"].low == pytest.approx(2 * 1.1)
    assert p.totals["std"]["in_place"].median == pytest.approx((0.01 + 2) * 1.2)
    assert p.totals["sigma"]["copied"].median == pytest.approx((1.25 + 1.25 + 1.5) * 1.2)
    assert p.totals["selective"]["in_place"].median == pytest.approx((0.01 + 0.1 + 1.5) * 1.2)
    assert "augmented" not in p.ratios["sigma"] and set(p.ratios) == {"sigma", "selective"}


def test_a_ratio_is_of_the_same_round_so_a_drift_falls_out():
    ratio = timed(1000).ratios["sigma"]["attention"]
    assert (ratio.low, ratio.median, ratio.high) == pytest.approx((0.625, 0.625, 0.625))
    with pytest.raises(ValueError, match="no rounds"):
        Spread.of([])


def test_rounds_that_do_not_agree_are_said():
    assert disturbed([timed(1000), timed(2000)]) is None  # a drift that both sides share is no disturbance
    std = {"store": [1e-5] * 4, "copy": [1e-3, 2e-3, 1e-3, 4e-3], "attention": [1e-3, 4e-3, 1e-3, 2e-3]}
    sigma = {name: values[::-1] for name, values in std.items()}
    assert "Something disturbed this run" in disturbed([point(1000, {"std": std, "sigma": sigma})])


def test_the_crossover_of_known_lines():
    tokens = [1000, 2000, 4000, 8000]
    std = [0.001 * n for n in tokens]
    other = [0.0005 * n + 1.5 for n in tokens]  # meets STD's at 3,000
    found = crossover(tokens, std, other)
    assert (found.kind, found.tokens) == ("between", 3000) and "3,000" in found.words
    later = crossover(tokens[:2], std[:2], other[:2])
    assert (later.kind, later.tokens) == ("beyond", 3000) and "computed" in later.words
    assert crossover(tokens, std, [v / 2 for v in std]).kind == "from_start"
    assert crossover(tokens, std, [v * 2 for v in std]).kind == "never"
    assert crossover([1000], [1.0], [2.0]) == crossover(tokens, std, [v + 1 for v in std])
    # Ahead, behind, ahead again: the last change counts, from where it stays ahead.
    assert crossover([1, 2, 3], [2.0, 2.0, 2.0], [1.0, 3.0, 1.0]).tokens == 2


def test_a_whole_output_is_the_sum_of_its_steps():
    s = Settings.asked({"prefixes": [1000, 2000], "output": 1000, "layers": 10})
    assert s.lengths() == (1000, 2000, 3000)
    points = [timed(n) for n in s.lengths()]
    first, second = outputs(s, points)
    steps = sum(0.002 * t * 1.2 for t in range(1001, 2001))
    assert first.ms["std"]["attention"] == pytest.approx(10 * steps, rel=1e-4)
    assert first.saved["sigma"]["attention"] == pytest.approx(37.5)
    assert second.saved["sigma"]["copied"] > first.saved["sigma"]["copied"]
    assert second.ms["sigma"]["in_place"] == pytest.approx(10 * 1000 * 1.2 * (0.01 + 0.00125 * 2500.5 + 1.5), rel=1e-4)
    assert [o.prefix for o in outputs(s, points[:2])] == [1000]  # the second one's end was not reached


def test_a_result_says_what_is_measured_computed_and_the_papers():
    s = Settings.asked({"prefixes": [1000, 2000], "output": 10})
    result = Result.of(s, MACHINE, [timed(1000), timed(2000)], 1.5, ["a note"])
    told = json.loads(json.dumps(result.to_dict()))
    assert told["labels"]["points"] == "measured now" and "computed" in told["labels"]["outputs"]
    assert told["settings"]["name"] == "Sigma-1.5B" and told["notes"] == ["a note"] and told["device"] == "a machine"
    assert told["crossovers"]["sigma"]["copied"]["kind"] == "between"
    assert told["points"][1]["ratios"]["selective"]["attention"]["median"] == pytest.approx(0.025)
    rows = list(csv.DictReader(io.StringIO(result.csv())))
    assert len(rows) == 2 * (3 + 2 + 4 + 2 + 4 + 2)
    row = next(r for r in rows if (r["tokens"], r["side"], r["part"]) == ("2000", "sigma", "attention"))
    assert float(row["median_ms"]) == pytest.approx(3) and float(row["ratio"]) == pytest.approx(0.625)
    with pytest.raises(ValueError, match="no length"):
        Result.of(s, MACHINE, [], 0, [])


def test_table_15_adds_up_as_far_as_its_digits():
    for row in paper.TABLE_15:
        assert row.std_split + row.std_combine == pytest.approx(row.std_total, rel=0.01)
        assert row.sigma_split + row.sigma_combine == pytest.approx(row.sigma_total, rel=0.01)
        assert 100 * (1 - row.sigma_total / row.std_total) == pytest.approx(row.saved_percent, abs=0.7)
    assert paper.saved(4096) == 18.02 and paper.saved(5000) is None
