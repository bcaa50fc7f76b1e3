"""What the tab draws: the three figures apart, formulas whose numbers give the result, a chart that is its table."""

import json
import math
import re

import pytest

from visualizers.memory.figures import byte_ticks, contexts, project, view
from visualizers.memory.form import defaults, read
from visualizers.memory.models import MODELS, PUBLISHED
from visualizers.shared.shapes import PAIRS


def seen(**changes):
    settings, errors = read({**defaults("sigma-1.5b"), **changes})
    assert not errors
    return view(settings)


def test_three_figures_are_apart():
    shown = seen(context="32768", top_k="100", batch="2")
    resident, read_, gqa = (item["bytes"] for item in shown["headline"])
    assert resident == 2 * 32_768 * 66_560 and gqa == 2 * 32_768 * 106_496
    assert read_ == 26 * 2 * 32 * 101 * 64 * 2
    assert shown["headline"][2]["detail"].endswith("Sigma holds 37.5 % less")
    assert seen(n_k="16")["headline"][2]["detail"].endswith("Sigma holds as much")
    assert seen(n_k="32", n_v="32")["headline"][2]["detail"].endswith("Sigma holds 100 % more")
    rows = {row["name"]: row for row in shown["rows"]}
    assert rows["K + V resident"]["change"] == "−37.5 %" and rows["K resident"]["change"] == "−75.0 %"
    assert rows["V resident"]["change"] == "0 %"
    assert rows["V read, one step"]["sigma"]["bytes"] == read_
    assert rows["V read, one step"]["gqa"]["bytes"] == rows["V resident"]["gqa"]["bytes"]


@pytest.mark.parametrize("kv", ["fp32", "bf16", "fp8", "int4"])
@pytest.mark.parametrize("top_k", ["", "100"])
@pytest.mark.parametrize("d_k", ["32", "192"])
def test_the_numbers_put_in_give_the_result(kv, top_k, d_k):
    check_numbers(seen(kv=kv, top_k=top_k, batch="3", d_k=d_k))
    check_numbers(
        seen(kv=kv, top_k=top_k, batch="3", window="4096", b_layers="4", b_d_k=d_k, c_layers="2", c_window="64")
    )


@pytest.mark.parametrize("name", MODELS)
def test_the_numbers_of_every_model_give_the_result(name):
    check_numbers(published(name))
    check_numbers(published(name, context="77", top_k="100"))


def published(name, **changes):
    settings, errors = read({**defaults(name), **changes})
    assert not errors
    return view(settings)


def check_numbers(shown):
    for line in shown["formulas"]:
        result = int(re.match(r"([\d,]+) B", line["result"])[1].replace(",", ""))
        if not line["numbers"]:
            continue
        sum_ = line["numbers"].replace(",", "").replace("½", "0.5").replace("×", "*")
        sum_ = re.sub(r"min\((\d+) (\d+)\)", r"min(\1, \2)", sum_)
        sum_ = re.sub(r"\b(layers|seq\.|tokens|query heads|heads|B)(?=\s|$|\))", "", sum_)
        assert eval(sum_, {"__builtins__": {}, "min": min}) == result, line


@pytest.mark.parametrize(
    "name, context, resident",
    [
        ("llama-3.1-8b", 131_072, 131_072 * 32 * 8 * (128 + 128) * 2),  # 16 GiB
        ("qwen3-8b", 32_768, 32_768 * 36 * 8 * (128 + 128) * 2),
        ("mistral-7b-v0.1", 32_768, 4096 * 32 * 8 * (128 + 128) * 2),
        ("mistral-7b-v0.1", 4096, 4096 * 32 * 8 * (128 + 128) * 2),
        ("mistral-7b-v0.1", 100, 100 * 32 * 8 * (128 + 128) * 2),
        ("gemma-3-1b", 32_768, (4 * 32_768 + 22 * 512) * (256 + 256) * 2),
        ("mimo-v2-flash", 131_072, (9 * 131_072 * 4 + 39 * 128 * 8) * (192 + 128) * 2),
    ],
)
def test_published_models_hold_what_their_configurations_say(name, context, resident):
    shown = published(name, context=str(context))
    assert shown["headline"][0]["bytes"] == shown["headline"][2]["bytes"] == resident
    assert shown["headline"][0]["title"].startswith(PUBLISHED[name].name)
    assert sum(row["sum"]["bytes"] for row in shown["kinds"]["rows"]) == resident if shown["kinds"] else True
    assert shown["chart"]["names"]["sigma"] == f"{PUBLISHED[name].name} K + V resident"


def test_windows_hold_139_mib_where_all_tokens_would_be_832():
    shown = published("gemma-3-1b")
    assert shown["headline"][0]["bytes"] == 139 << 20 and shown["kinds"]["full"]["bytes"] == 832 << 20
    assert "832 MiB" in shown["kinds"]["text"] and "83.3 % less" in shown["kinds"]["text"]
    assert [row["name"] for row in shown["kinds"]["rows"]] == ["4 layers, all tokens", "22 layers, window 512"]
    assert [row["rows"] for row in shown["kinds"]["rows"]] == ["32,768", "512"]
    assert "No window is full" in published("gemma-3-1b", context="512")["kinds"]["text"]
    alone = published("gemma-3-1b", b_window="")
    assert alone["headline"][0]["bytes"] == 832 << 20 and alone["kinds"]["text"] == ""
    assert seen()["kinds"] is None


def test_a_full_window_gives_away_what_the_newest_token_takes():
    row = published("gemma-3-1b")["rows"][0]
    assert row["name"].startswith("Newest token") and row["sigma"]["bytes"] == 4 * (256 + 256) * 2
    assert published("mistral-7b-v0.1")["rows"][0]["sigma"]["bytes"] == 0
    assert seen()["rows"][0]["name"].startswith("Resident per token") and seen()["rows"][0]["sigma"]["bytes"] == 66_560
    sides = published("mistral-7b-v0.1")["fit"]["sides"]
    assert sides[0]["context"] is None and "of any length" in sides[0]["text"]


def test_selective_v_reads_no_more_of_a_window_than_it_holds():
    shown = published("gemma-3-1b", top_k="600")
    assert shown["headline"][1]["bytes"] == 4 * (4 * 601 + 22 * 512) * 256 * 2


def test_a_key_wider_than_a_value():
    """192 and 128, as published models have them; GQA of the same model keeps the wide keys."""
    shown = seen(n_q="128", n_k="128", n_v="128", gqa="128", d_k="192", d_v="128", layers="61", context="1", batch="1")
    rows = {row["name"]: row for row in shown["rows"]}
    assert rows["K resident"]["sigma"]["bytes"] == 61 * 128 * 192 * 2
    assert rows["V resident"]["sigma"]["bytes"] == 61 * 128 * 128 * 2
    assert rows["K + V resident"]["change"] == "0 %"


def test_how_many_fit():
    sides = seen(context="131072", memory="80", weights="none")["fit"]["sides"]
    assert [side["sequences"] for side in sides] == [
        80 * 2**30 // (131_072 * 66_560),
        80 * 2**30 // (131_072 * 106_496),
    ]
    assert all(side["weights"] is None for side in sides)
    full = seen(memory="1", weights="fp32")["fit"]["sides"]
    assert [side["sequences"] for side in full] == [0, 0] and "nothing fits" in full[0]["text"]


def test_selective_v_that_reads_more_is_said():
    shown = seen(context="150", top_k="100")
    assert shown["headline"][1]["bytes"] > shown["rows"][2]["sigma"]["bytes"]
    assert any("more than all of V" in note for note in shown["notes"])
    assert not any("more than all of V" in note for note in seen(context="131072", top_k="100")["notes"])
    assert seen(top_k="")["notes"] == []


def test_a_changed_model_is_no_longer_the_papers():
    assert seen()["name"] == "Sigma-1.5B" and seen()["side"] == seen(n_k="8")["side"] == "Sigma"
    assert published("llama-3.1-8b", n_k="4")["side"] == "Your model"
    assert published("llama-3.1-8b", n_k="4")["headline"][2]["detail"].endswith("Your model holds 25.0 % less")
    assert seen(context="5")["name"] == "Sigma-1.5B"
    assert seen(n_k="8")["name"] == "your own, from Sigma-1.5B"
    assert any("more than GQA-4" in note for note in seen(n_k="16", gqa="4")["notes"])


@pytest.mark.parametrize("preset", PAIRS)
def test_the_chart_is_its_table(preset):
    chart = json.loads(project({"preset": preset}))["view"]["chart"]
    assert chart["x"] == contexts() and chart["x"][0] == 1024 and chart["x"][-1] == 1 << 20
    assert len(chart["points"]) == len(chart["x"]) and len(chart["points"][0]["cells"]) == len(chart["series"])
    ticks = [value for value, _ in chart["y_ticks"]]
    for values in chart["series"].values():
        assert len(values) == len(chart["x"]) and values == sorted(values)
        assert ticks[0] <= values[0] and values[-1] <= ticks[-1]
    for resident, k, gqa in zip(chart["series"]["sigma"], chart["series"]["k"], chart["series"]["gqa"]):
        assert k < resident < gqa


@pytest.mark.parametrize("preset", PUBLISHED)
def test_the_chart_of_a_published_model_never_falls(preset):
    chart = published(preset)["chart"]
    ticks = [value for value, _ in chart["y_ticks"]]
    for values in chart["series"].values():
        assert values == sorted(values) and ticks[0] <= values[0] and values[-1] <= ticks[-1]


@pytest.mark.parametrize("low, high", [(1, 1), (1, 2), (5, 5), (3, 10**6), (1, 1 << 80), (1023, 1025)])
def test_ticks_enclose_and_stay_few(low, high):
    ticks = byte_ticks(low, high)
    assert ticks[0] <= low and ticks[-1] >= high and len(ticks) <= 9
    assert all(math.log2(tick) % 1 == 0 for tick in ticks)


def test_the_extremes_of_every_field_are_drawn():
    largest = {"context": "1M", "batch": "100000", "layers": "1000", "n_q": "1024", "n_k": "1024", "n_v": "1024"}
    largest |= {"d_v": "4096", "d_k": "4096", "gqa": "1024", "kv": "fp32", "top_k": "1M", "memory": "1000000"}
    largest |= {"b_layers": "1000", "c_layers": "1000", "c_window": "1M"}
    smallest = {"context": "1", "layers": "1", "n_q": "1", "n_k": "1", "n_v": "1", "d_v": "2", "d_k": "2", "gqa": "1"}
    smallest |= {"window": "1", "b_layers": "1", "b_window": "1"}
    smallest |= {"kv": "int4", "top_k": "1", "memory": ".0001", "hidden": "1", "ffn": "1", "vocabulary": "1"}
    for extreme in (largest, smallest):
        assert seen(**extreme)["summary"]


def test_the_summary_speaks_its_units():
    text = seen()["summary"]
    assert "gibibytes" in text and not re.search(r"[KMGT]iB", text)
