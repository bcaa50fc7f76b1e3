import base64

import numpy as np
import pytest

from sigma.events import AttentionProbe
from tests.fake_engine import attention, cache_bytes
from visualizers.shared import packing


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


def test_rows_that_were_too_light_are_not_marked():
    """Under a threshold heads fetch different numbers of rows; -1 fills the others' places."""
    probe = attention("sigma", 3, 100, 16, 1)
    light = probe.positions.copy()
    light[2, 5:], light[4, 0:3] = -1, -1
    packed = packing.pack_probe(AttentionProbe(3, probe.scores, light, probe.captured))
    bits = np.unpackbits(decoded(packed["marks"]).reshape(9, -1), axis=1)[:, :100]
    for head in range(9):
        assert np.flatnonzero(bits[head]).tolist() == sorted(set(light[head].tolist()) - {-1})
    assert packed["rows"] == [17, 17, 5, 17, 14, 17, 17, 17, 17]


def test_a_position_outside_the_tokens_is_refused():
    probe = AttentionProbe(0, np.full((1, 2), 0.5, np.float32), np.array([[2]], np.int32), np.ones(1, np.float32))
    with pytest.raises(ValueError, match="outside"):
        packing.pack_probe(probe)


def unpacked(packed):
    """The curve as [fields, points], as `assets/shared/payload.js` reads it."""
    codes = decoded(packed["data"], "<u2").reshape(5, packed["points"])
    return codes * np.array(packed["unit"])[:, None]


@pytest.mark.parametrize("side,k", [("sigma", None), ("sigma", 64), ("gqa", None)])
def test_a_curve_comes_back_to_the_byte_with_its_first_and_last_point(side, k):
    rows = [(0, 0, 0, 0, 0), *(packing.curve_row(cache_bytes(side, t, k)) for t in range(37, 3000))]
    packed = packing.pack_curve(rows)
    table = unpacked(packed).T.tolist()
    assert table[0] == [0] * 5 and table[-1] == list(rows[-1])
    assert set(map(tuple, table)) <= set(rows)
    assert packing.CURVE_POINTS / 2 <= packed["points"] <= packing.CURVE_POINTS


def test_points_of_a_growing_curve_stay_and_lie_at_the_same_tokens_on_both_sides():
    sigma, gqa = ([packing.curve_row(cache_bytes(side, t, 16)) for t in range(401)] for side in ("sigma", "gqa"))
    before = set(unpacked(packing.pack_curve(sigma[:391]))[0].tolist()) - {390}
    assert before <= set(unpacked(packing.pack_curve(sigma))[0].tolist())
    assert before <= set(unpacked(packing.pack_curve(gqa))[0].tolist())


@pytest.mark.parametrize("points", [3, 4, 40])
def test_never_more_points_than_asked_for(points):
    for end in (1, 2, 3, 5, 39, 40, 41, 77, 78, 1000):
        rows = [packing.curve_row(cache_bytes("gqa", t, None)) for t in range(1, end + 1)]
        packed = packing.pack_curve(rows, points)
        assert packed["points"] <= points
        assert unpacked(packed)[:, -1].tolist() == list(rows[-1])


def test_prompt_chunks_and_repeated_tokens_are_points_too():
    row = lambda t: packing.curve_row(cache_bytes("sigma", t, None))  # noqa: E731
    rows = [(0, 0, 0, 0, 0), row(512), row(700), row(700), row(701)]
    assert unpacked(packing.pack_curve(rows))[0].tolist() == [0, 512, 700, 701]


def test_bytes_beyond_sixteen_bits_of_their_unit_are_near():
    rows = [(t, t * 100_003 + 1, 0, 0, 0) for t in range(0, 5000, 7)]
    packed = packing.pack_curve(rows)
    values = unpacked(packed)
    exact = {row[0]: row[1] for row in rows}
    assert packed["unit"][0] == 7
    for tokens, k in zip(values[0], values[1], strict=True):
        assert k == pytest.approx(exact[tokens], abs=rows[-1][1] / 65535)


def test_an_empty_curve_and_too_few_points():
    assert packing.pack_curve([]) == {"points": 0, "unit": [1] * 5, "data": ""}
    with pytest.raises(ValueError, match="at least 3"):
        packing.pack_curve([(1, 1, 1, 1, 1)], 2)


def test_pieces_are_the_newest():
    packed = packing.pack_pieces([f"t{i}" for i in range(300)] + ["x" * 99])
    assert packed["start"] == 301 - 128 and packed["list"][0] == "t173" and packed["list"][-1] == "x" * 24
