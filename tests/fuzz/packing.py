"""The pictures that the server packs: what comes out again is what went in, as near as the codes can hold it."""

from __future__ import annotations

import base64
import json

import numpy as np
from hypothesis import strategies as st

from sigma.events import AttentionProbe
from tests.fuzz.target import Target
from tests.fuzz.texts import ANY_TEXT
from visualizers.chat.messages import pack_messages
from visualizers.explore.payloads import ALPHABET, columns_of_row, pack_map, pack_row
from visualizers.shared import packing

STEP = 10 ** (packing.DECADES / 255)  # between two codes of weight
MAP_STEP = 10 ** (packing.DECADES / (len(ALPHABET) - 1))
LEAST = 10.0**-packing.DECADES


def bytes_of(text: str, dtype: str = "u1") -> np.ndarray:
    """What base64 text holds."""
    return np.frombuffer(base64.b64decode(text, validate=True), dtype)


def weights_of(seed: int, heads: int, queries: int, tokens: int, sharpness: float) -> np.ndarray:
    """Softmax weights [heads, queries, tokens], causal, from nearly even to nearly one-hot."""
    logits = np.random.default_rng(seed).normal(0, sharpness, (heads, queries, tokens))
    seen = np.arange(tokens) <= np.arange(tokens - queries, tokens)[:, None]
    logits = np.where(seen, logits, -np.inf)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def near(found: np.ndarray, meant: np.ndarray, step: float) -> bool:
    """Whether weights from codes are those meant, to the next code and down to the least one."""
    meant = np.maximum(meant, LEAST)
    return bool((found <= meant * step * 1.001).all() and (found * step * 1.001 >= meant).all())


def pooled(rows: np.ndarray, width: int) -> np.ndarray:
    """The greatest of each run of `width` columns, one after the other."""
    return np.stack([rows[:, at : at + width].max(1) for at in range(0, rows.shape[1], width)], 1)


def check_probe(case: tuple[int, int, int, float, int, int]) -> None:
    """A probe's codes are its pooled weights, its marks the rows fetched."""
    seed, heads, tokens, sharpness, fetched, columns = case
    rng = np.random.default_rng(seed)
    scores = weights_of(seed, heads, 1, tokens, sharpness)[:, 0]
    positions = None
    if fetched:
        positions = np.stack([np.sort(rng.permutation(tokens)[: min(fetched, tokens)]) for _ in range(heads)]).astype(
            np.int32
        )
        positions[rng.random(positions.shape) < 0.1] = -1  # too light for a threshold
    packed = packing.pack_probe(AttentionProbe(0, scores, positions, np.ones(heads, np.float32)), columns)
    json.dumps(packed, allow_nan=False)
    assert packed["columns"] == -(-tokens // packed["width"]) <= columns
    codes = bytes_of(packed["codes"]).reshape(heads, packed["columns"])
    assert near(10 ** ((codes.astype(float) / 255 - 1) * packing.DECADES), pooled(scores, packed["width"]), STEP)
    if positions is None:
        assert packed["marks"] is None and packed["rows"] == tokens
        return
    bits = np.unpackbits(bytes_of(packed["marks"]).reshape(heads, -1), axis=1)
    assert not bits[:, packed["columns"] :].any()
    rows = packed["rows"] if isinstance(packed["rows"], list) else [packed["rows"]] * heads
    for head in range(heads):
        mine = [p for p in positions[head].tolist() if p >= 0]
        assert set(np.flatnonzero(bits[head])) == {p // packed["width"] for p in mine} and rows[head] == len(mine)


def check_curve(case: tuple[list[list[int]], int]) -> None:
    """A curve keeps its first and last point, takes no more points than asked for, and none that was not there."""
    steps, points = case
    rows = [tuple(row) for row in np.cumsum(np.array(steps, dtype=np.int64), axis=0).tolist()]
    packed = packing.pack_curve(rows, points)
    json.dumps(packed, allow_nan=False)
    assert 1 <= packed["points"] <= points
    found = bytes_of(packed["data"], "<u2").reshape(len(packing.CURVE_FIELDS), -1) * np.array(packed["unit"])[:, None]
    there = {row[0]: row for row in rows}
    exact = [isinstance(unit, int) for unit in packed["unit"]]
    for place in (0, -1):
        for field, whole in enumerate(exact):
            error = 0 if whole else max(row[field] for row in rows) / 65535
            assert abs(found[field, place] - rows[place][field]) <= error
    if exact[0]:
        assert all(int(tokens) in there for tokens in found[0])


def check_map(case: tuple[int, int, int, float, int, int, int]) -> None:
    """A window of the map: every visible bin is its strongest weight; a row likewise."""
    seed, heads, tokens, sharpness, start, length, size = case
    weights = weights_of(seed, heads, tokens, tokens, sharpness)
    q0 = min(start, tokens - 1)
    q1 = min(tokens, q0 + length)
    k0 = min(start // 2, q0)
    packed = pack_map(lambda a, b: weights[:, a:b, :b], (q0, q1), (k0, q1), size)
    width, spelled = packed["width"], iter(packed["codes"])
    for head in range(heads):
        for row in range(-(-(q1 - q0) // width)):
            part = weights[head, q0 + row * width : min(q1, q0 + (row + 1) * width), k0:q1]
            columns = columns_of_row(q0, k0, q1 - k0, width, row)
            meant = pooled(part.max(0)[None], width)[0][:columns]
            assert len(meant) == columns
            found = np.array([ALPHABET.index(next(spelled)) for _ in range(columns)])
            assert near(10 ** ((found / (len(ALPHABET) - 1) - 1) * packing.DECADES), meant, MAP_STEP)
    assert next(spelled, None) is None
    last = pack_row(weights[:, -1], np.zeros(heads), size)
    found = np.array([ALPHABET.index(c) for c in last["codes"]]).reshape(heads, -1)
    assert near(
        10 ** ((found / (len(ALPHABET) - 1) - 1) * packing.DECADES), pooled(weights[:, -1], last["width"]), MAP_STEP
    )


def check_messages(rows: list[list[str]]) -> None:
    """Messages come back to the letter, one a line; nothing in them looks like a tag."""
    packed = pack_messages([{"role": role, "content": text} for role, text in rows])
    assert "<" not in packed
    lines = packed.split("\n") if rows else []
    assert [json.loads(f'"{line[1:]}"') for line in lines] == [text for _, text in rows]


SEED, SHARP = st.integers(0, 2**32 - 1), st.sampled_from((0.0, 0.5, 2.0, 8.0, 60.0))
AMOUNT = st.one_of(st.integers(0, 3), st.integers(0, 2**20), st.just(23040), st.just(0))
TARGETS = (
    Target("packing.probe", "one layer's attention of a token, packed for the page",
           st.tuples(SEED, st.integers(1, 9), st.integers(1, 500), SHARP, st.integers(0, 40), st.sampled_from((1, 2, 7, 192))).map(list), check_probe),
    Target("packing.curve", "the memory curve, packed for the page",
           st.tuples(st.lists(st.tuples(*[AMOUNT] * 5).map(list), min_size=1, max_size=60), st.integers(3, 45)).map(list), check_curve),
    Target("packing.map", "a window of an attention map, packed for the explorer",
           st.tuples(SEED, st.integers(1, 3), st.integers(1, 40), SHARP, st.integers(0, 40), st.integers(1, 40), st.integers(1, 16)).map(list), check_map),
    Target("packing.messages", "the messages of a column, packed for the page",
           st.lists(st.tuples(st.sampled_from(("user", "assistant", "waiting", "note")), ANY_TEXT).map(list), max_size=6), check_messages),
)  # fmt: skip
