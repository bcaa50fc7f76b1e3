"""The tour's figures follow from the configurations, and it can be read in two minutes."""

import json
import re

from sigma.model.configuration import preset
from visualizers.shared.units import binary
from visualizers.tour.script import TOKENS, TOP_K, script, steps

TITLES = ["MHA", "GQA", "Fewer K", "Augmented Q", "Selective V", "adds up"]


def test_the_order_and_the_length():
    told = steps()
    assert all(words in step.title for words, step in zip(TITLES, told, strict=True))
    assert sum(len(re.findall(r"\S+", " ".join(step.text))) for step in told) <= 2 * 200  # 200 words a minute


def test_each_step_saves_what_it_says():
    mha, gqa, fewer, augmented, selective, end = (step.cost for step in steps())
    assert mha.resident == 3 * gqa.resident and 45 * fewer.resident == 32 * gqa.resident
    assert augmented == fewer  # queries are not cached
    assert selective.resident == augmented.resident and selective.read < augmented.read
    assert end == selective
    assert (gqa.k_resident, gqa.v_resident) == preset("gqa-135m").kv_bytes(TOKENS)
    assert selective.v_read == preset("sigma-135m").v_read_bytes(TOKENS, TOP_K)


def test_every_size_in_the_text_is_a_figure_of_the_cards():
    told = steps()
    known = {binary(getattr(s.cost, name)) for s in told for name in ("resident", "k_resident", "v_resident", "v_read")}
    for step in told:
        for size in re.findall(r"[\d.,]+ [KMG]iB", " ".join(step.text)):
            assert size in known, (step.title, size)


def test_the_card_for_the_browser():
    data = script()
    assert len(json.dumps(data)) < 10_000
    assert data["most"] == data["steps"][0]["bytes"]["resident"]["bytes"]
    for card in data["steps"]:
        assert card["bytes"]["k"]["bytes"] + card["bytes"]["v"]["bytes"] == card["bytes"]["resident"]["bytes"]
        assert card["described"].startswith("9 query heads, ")
    assert [card["selective"] for card in data["steps"]] == [False] * 4 + [True] * 2
    assert [card["recorded"] for card in data["steps"]] == [None, "gqa"] + ["sigma"] * 4
