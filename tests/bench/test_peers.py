"""The peer benchmark's own side: the explorer's code draws a known attention, and hover and layer change are seen."""

import numpy as np
import pytest

from tests.bench.peers import main, served, watch
from tests.bench.tools import ours

pytestmark = pytest.mark.browser


def causal(layers, heads, tokens):
    """Random softmax weights [layers, heads, tokens, tokens] of queries that look back only."""
    scores = np.random.default_rng(0).normal(size=(layers, heads, tokens, tokens))
    weights = np.exp(scores) * np.tri(tokens)
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def test_our_side_is_drawn_and_timed(browser, tmp_path):
    tool = ours(causal(2, 9, 40), [f"<t{i}>" for i in range(40)], dict(query_heads=9, key_heads=1, value_heads=3))
    (tmp_path / "index.html").write_text(tool.page, "utf-8")
    with served(tmp_path) as address:
        figures = watch(browser, tool, address, {}, layers=2, limit_s=20)
    assert "failed" not in figures, figures
    assert figures["dom_nodes"] < 40 and figures["hover_ms"] > 0 and figures["layer_ms"] > 0
    # A character for each visible weight, and little else.
    assert 2 * 9 * 40 * 41 / 2 <= tool.payload <= 2 * 9 * 40 * 41 / 2 + 2000


def test_a_page_that_draws_nothing_fails(browser, tmp_path):
    tool = ours(causal(1, 9, 40), ["x"] * 40, dict(query_heads=9, key_heads=1, value_heads=3))
    (tmp_path / "index.html").write_text(tool.page.replace("window.showLayer(0);", ""), "utf-8")
    with served(tmp_path) as address:
        assert "failed" in watch(browser, tool, address, {}, layers=1, limit_s=2)


def test_impossible_sizes_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--tokens", "3"])
    assert "32 .. 2048" in capsys.readouterr().err
