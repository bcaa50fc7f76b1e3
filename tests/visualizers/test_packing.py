import base64

import numpy as np
import pytest

from sigma.events import AttentionProbe
from tests.fake_engine import attention, cache_bytes
from visualizers import packing


def decoded(text, dtype=np.uint8):
    return np.frombuffer(base64.b64decode(text), dtype)


def test_codes_are_logarithmic_and_end_at_0_and_255():
    codes = packing.score_codes(np.array([[0.0, 1e-5, 1e-3, 0.1, 1.0]], np.float32))
    assert codes.tolist() == [[0, 0, 102, 204, 255]]


@pytest.mark.parametrize("bad", [[[-0.1, 1.1]], [[np.nan, 1.0]], [[2.0, 0.0]]], ids=["negative", "nan", "above-1"])
def test_codes_refuse_what_is_no_softmax(bad):
    with pytest.raises(ValueError, match="softmax"):
        packing.score_codes(np.array(bad, np.float32))


def test_codes_keep_six_percent():
    scores = np.geomspace(1e-4, 1, 500, dtype=np.float32)[None]
    back = 10 ** ((packing.score_codes(scores).astype(float) / 255 - 1) * packing.DECADES)
    assert np.abs(back / scores - 1).max() < 0.06


@pytest.mark.parametrize("tokens,width,columns", [(1, 1, 1), (192, 1, 192), (193, 2, 97), (8192, 43, 191)])
def test_columns_at_any_context(tokens, width, columns):
    packed = packing.pack_probe(attention("sigma", 3, tokens, None, 1))
    assert (packed["width"], packed["columns"], packed["tokens"]) == (width, columns, tokens)
    assert decoded(packed["codes"]).size == 9 * columns
    assert packed["marks"] is None and packed["rows"] == tokens


def test_pooling_keeps_each_columns_maximum():
    rows = np.array([[1, 5, 2, 2, 9]], np.uint8)
    assert packing.max_pool(rows, 2).tolist() == [[5, 2, 9]]
    assert packing.max_pool(rows, 1) is rows


def test_marks_are_the_fetched_positions():
    probe = attention("sigma", 3, 100, 16, 1)
    packed = packing.pack_probe(probe)
    bits = np.unpackbits(decoded(packed["marks"]).reshape(9, -1), axis=1)[:, :100]
    for head in range(9):
        assert np.flatnonzero(bits[head]).tolist() == probe.positions[head].tolist()
    assert packed["rows"] == 17
    assert packed["captured"] == pytest.approx(probe.captured.tolist(), abs=1e-4)


def test_a_position_outside_the_tokens_is_refused():
    probe = AttentionProbe(0, np.full((1, 2), 0.5, np.float32), np.array([[2]], np.int32), np.ones(1, np.float32))
    with pytest.raises(ValueError, match="outside"):
        packing.pack_probe(probe)


def test_curve_is_decimated_and_keeps_first_and_last():
    rows = [packing.curve_row(cache_bytes("sigma", t, 64)) for t in range(1, 3000)]
    packed = packing.pack_curve(rows)
    table = decoded(packed["data"], "<u2").reshape(5, packed["points"]).astype(float)
    table *= np.array(packed["scale"])[:, None] / 65535
    assert packed["points"] == packing.CURVE_POINTS
    assert table[:, -1] == pytest.approx(rows[-1])
    assert table[0, 0] == pytest.approx(1, abs=0.05)
    assert packing.pack_curve([]) == {"points": 0, "scale": [0] * 5, "data": ""}


def test_pieces_are_the_newest():
    packed = packing.pack_pieces([f"t{i}" for i in range(300)] + ["x" * 99])
    assert packed["start"] == 301 - 128 and packed["list"][0] == "t173" and packed["list"][-1] == "x" * 24
