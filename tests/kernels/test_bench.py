"""The bench's arithmetic and its output, on a case that takes seconds."""

import json

import pytest
import torch

from kernels import bench, contenders
from kernels.contenders import Case
from kernels.cost import paper_variants
from kernels.peers import Peer, peers
from kernels.timing import Contender, take_rounds
from tests.kernels.inputs import make_qkv

KEYS = {"op", "variant", "peer", "b", "T", "d", "dtype", "ms", "min_ms", "ratio_to_best_peer", "bandwidth_fraction"}


@pytest.fixture(scope="module")
def result():
    cases = [Case("decode", 1, 140, 16, "fp32", "cpu"), Case("prefill", 2, 33, 16, "fp32", "cpu")]
    return bench.bench(cases, rounds=3, seconds=0.1, wanted=set())


def test_every_variant_and_peer_has_a_row(result):
    found = {(row["op"], row["variant"], row["peer"]) for row in result["rows"]}
    ours = {("decode", name, None) for name in ("gqa", "diffqkv", "diffqkv-halfk", "diffqkv-top100")}
    ours |= {("prefill", name, None) for name in ("gqa", "diffqkv", "diffqkv-halfk")}
    assert ours <= found
    assert {("decode", "gqa", "torch bmm"), ("prefill", "diffqkv", "torch expand-k")} <= found
    assert not [note for note in result["notes"] if "of one core" not in note]
    assert all(set(row) >= KEYS for row in result["rows"])


def test_ratio_is_to_the_fastest_gqa_peer(result):
    rows = [row for row in result["rows"] if row["op"] == "decode"]
    best = min(row["ms"] for row in rows if row["peer"] and row["variant"] == "gqa")
    for row in rows:
        assert row["ratio_to_best_peer"] == pytest.approx(row["ms"] / best)
    assert min(row["ratio_to_best_peer"] for row in rows if row["peer"] and row["variant"] == "gqa") == 1


def test_bandwidth_is_least_bytes_over_time(result):
    assert result["read_gb_s"] > 0 < result["copy_gb_s"]
    for row in result["rows"]:
        if row["op"] == "prefill":
            assert row["bandwidth_fraction"] is None
            assert row["tflop_s"] > 0
        else:
            assert row["tflop_s"] is None
            assert row["bandwidth_fraction"] > 0
    gqa = next(row for row in result["rows"] if row["variant"] == "gqa")
    assert gqa["gb"] == pytest.approx((140 * 2 * 16 * 16 + 2 * 32 * 16) * 4 / 1e9)


@pytest.mark.parametrize("operation, t", [("decode", 1), ("prefill", 40)])
@pytest.mark.parametrize("variant, heads", [("gqa", (8, 4, 4)), ("diffqkv", (8, 1, 4))])
def test_peers_compute_attention(operation, t, variant, heads):
    from kernels.prefill import reference

    q, k, v = make_qkv(heads, t, 40, b=2, d_k=16)
    found = peers(operation, variant, "cpu", 2)
    assert found
    for peer in found:
        torch.testing.assert_close(peer.prepare(q, k, v)(), reference.prefill_attention(q, k, v), atol=1e-5, rtol=0)


def test_a_wrong_or_failing_peer_is_left_out_and_named(monkeypatch):
    def fails(q, k, v):
        raise NotImplementedError("head dim 16")

    wrong = Peer("wrong", lambda q, k, v: lambda: q * 100, devices=("cpu",))
    monkeypatch.setattr("kernels.peers._PEERS", [wrong, Peer("failing", fails, devices=("cpu",))])
    result = bench.bench([Case("decode", 1, 8, 16, "fp32", "cpu")], 3, 0.1, {"diffqkv"})
    assert {row["variant"] for row in result["rows"]} == {"gqa", "diffqkv"}
    assert all(row["ratio_to_best_peer"] is None for row in result["rows"])
    assert "wrong" in result["notes"][0] and "differs from ours" in result["notes"][0]
    assert "failing" in result["notes"][1] and "head dim 16" in result["notes"][1]


def test_rounds_alternate_order_and_rotate_buffers():
    seen = []
    contenders = [
        Contender(name, None, [lambda mark=f"{name}{i}": seen.append(mark) for i in (0, 1)], 1, 1) for name in "ab"
    ]
    take_rounds(contenders, "cpu", 3, 60.0)
    assert seen == ["a0", "b0", "b1", "a1", "a0", "b0"]
    assert [len(c.seconds) for c in contenders] == [3, 3]


def test_buffers_are_cold():
    """Together the sets of a decode case exceed the last-level cache by far, and no two share memory."""
    case = Case("decode", 1, 4096, 64, "bf16", "cpu")
    sets = contenders._buffers(case, paper_variants()["diffqkv"])
    assert sum(k.nbytes + v.nbytes for _, k, v in sets) > 64 << 20
    assert len({k.data_ptr() for _, k, _ in sets}) == len(sets)


def test_command_prints_one_json_object(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "_RESULTS", tmp_path)
    argv = ["--quick", "--device", "cpu", "--variant", "diffqkv", "--rounds", "3", "--seconds", "0.1"]
    bench.main([*argv, "--op", "decode", "--T", "64", "--json", "--save"])
    result = json.loads(capsys.readouterr().out)
    assert {row["variant"] for row in result["rows"]} == {"gqa", "diffqkv"}
    (saved,) = tmp_path.glob("*.json")
    assert json.loads(saved.read_text()) == result


def test_table_has_a_line_per_row(result):
    text = bench.table({**result, "notes": ["something"]})
    assert sum(line.startswith(("decode", "prefill")) for line in text.splitlines()) == len(result["rows"])
    assert text.endswith("note: something")


@pytest.mark.parametrize(
    "argv, message",
    [(["--T", "1"], "--T 1"), (["--d", "33"], "even"), (["--b", "0"], "0 is not at least 1"), (["--op", "x"], "x")],
)
def test_bad_options(argv, message, capsys):
    with pytest.raises(SystemExit) as caught:
        bench.main([*argv, "--device", "cpu"])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
