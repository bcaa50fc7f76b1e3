"""What is packed, unpacked by the rule that the browser follows."""

import base64
import json

import numpy as np
import pytest

from visualizers.explore import payloads
from visualizers.explore.payloads import ALPHABET


def steps_of(text):
    return np.array([ALPHABET.index(c) for c in text])


def value(step):
    return 0.0 if step == 0 else 10.0 ** ((step / (len(ALPHABET) - 1) - 1) * 5)


def attention(heads, tokens, seed=0):
    """Causal rows that sum to 1."""
    raw = np.random.default_rng(seed).gumbel(0, 3, (heads, tokens, tokens))
    raw[:, ~np.tri(tokens, dtype=bool)] = -np.inf
    weights = np.exp(raw - raw.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def source(full):
    return lambda start, stop: full[:, start:stop, :stop]


def test_characters_survive_json_and_markup_and_keep_their_order():
    assert len(set(ALPHABET)) == 92
    assert json.dumps(ALPHABET) == f'"{ALPHABET}"' and "<" not in ALPHABET
    weights = np.array([0, 1e-6, 1e-5, 1e-4, 0.01, 0.5, 1], np.float32)
    steps = steps_of(payloads.score_text(weights))
    assert steps[0] == steps[1] == steps[2] == 0 and steps[-1] == 91 and (np.diff(steps) >= 0).all()
    found = [value(s) for s in steps_of(payloads.score_text(np.array([3e-4, 0.02, 0.37], np.float32)))]
    assert found == pytest.approx([3e-4, 0.02, 0.37], rel=0.07)
    for bad in ([np.nan], [-0.1], [1.5]):
        with pytest.raises(ValueError, match="softmax"):
            payloads.score_text(np.array(bad))


@pytest.mark.parametrize("tokens,size", [(1, 8), (5, 8), (8, 8), (9, 8), (70, 16), (517, 64)])
def test_a_map_shows_the_strongest_of_each_bin(tokens, size):
    full = attention(3, tokens)
    packed = payloads.pack_map(source(full), (0, tokens), (0, tokens), size)
    width, steps, at = packed["width"], steps_of(packed["codes"]), 0
    rows = -(-tokens // width)
    assert rows <= size and width == -(-tokens // size)
    for head in range(3):
        for r in range(rows):
            for c in range(payloads.columns_of_row(0, 0, tokens, width, r)):
                block = full[head, r * width : (r + 1) * width, c * width : (c + 1) * width]
                assert value(steps[at]) == pytest.approx(block.max() if block.max() > 1.1e-5 else 0, rel=0.07, abs=2e-5)
                at += 1
    assert at == len(steps)


def test_a_window_is_exact():
    full = attention(2, 60)
    packed = payloads.pack_map(source(full), (20, 40), (10, 50), 64)
    assert packed["width"] == 1
    steps, at = steps_of(packed["codes"]), 0
    for head in range(2):
        for q in range(20, 40):
            seen = payloads.columns_of_row(20, 10, 40, 1, q - 20)
            assert seen == q - 10 + 1
            assert [value(s) for s in steps[at : at + seen]] == pytest.approx(
                full[head, q, 10 : q + 1], rel=0.07, abs=2e-5
            )
            at += seen
    assert at == len(steps)


def test_a_window_of_keys_after_the_queries_is_empty():
    full = attention(1, 30)
    packed = payloads.pack_map(source(full), (0, 5), (20, 25), 64)
    assert packed["codes"] == ""


def test_work_that_nobody_wants_ends():
    calls = []

    def still_wanted():
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        payloads.pack_map(source(attention(1, 600)), (0, 600), (0, 600), 600, still_wanted)


def test_picture_bytes_per_token_stay_small():
    """All heads of both sides at 512 tokens: the maps of a layer, and one step's rows."""
    full = attention(9, 512)
    maps = len(json.dumps(payloads.pack_map(source(full), (0, 512), (0, 512), 128)))
    row = len(json.dumps(payloads.pack_row(full[:, -1], np.zeros(9), 512)))
    assert 2 * maps / 512 + row * 10 / 9 < 10_000  # of the other side one head


@pytest.mark.parametrize("width", [1, 4])
def test_log_sums_are_bounds_of_each_bin(width):
    sums = np.random.default_rng(0).normal(5, 3, (2, 10)).astype(np.float32)
    packed = payloads.pack_sums(sums, width)
    codes = np.frombuffer(base64.b64decode(packed["data"]), np.uint8).reshape(-1, 2, -(-10 // width))
    least, most = (np.array(packed[name])[:, None] for name in ("least", "most"))
    found = least + codes / 255 * (most - least)
    assert len(found) == (1 if width == 1 else 2)
    for start in range(0, 10, width):
        own = sums[:, start : start + width]
        assert found[0, :, start // width] == pytest.approx(own.min(1), abs=0.05)
        assert found[-1, :, start // width] == pytest.approx(own.max(1), abs=0.05)
    assert payloads.pack_sums(np.array([[1, np.nan]]), width) is None
    assert np.isfinite(json.loads(json.dumps(payloads.pack_sums(np.ones((1, 3)), width)))["least"]).all()


def test_bits_and_bytes():
    marks = np.array([[1, 0, 1], [0, 0, 1]], bool)
    assert base64.b64decode(payloads.pack_bits(marks)) == bytes([0b10100000, 0b00100000])
    packed = payloads.pack_bytes(np.array([[0, 0.5], [1, 2]]), 2)
    assert packed["top"] == 2 and packed["shape"] == [2, 2]
    assert list(base64.b64decode(packed["data"])) == [0, 64, 128, 255]
