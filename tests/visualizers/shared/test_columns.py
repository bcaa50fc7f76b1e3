"""What the page calls who answers."""

import pytest

from sigma.events import ChatRequest, Column, Sampling
from visualizers.shared.columns import made_by

WARM = Sampling(temperature=0.7)


def told(left, right, systems=("", "")):
    messages = [[{"role": "system", "content": system}] if system else [] for system in systems]
    made = made_by(ChatRequest(dict(zip(("left", "right"), messages)), columns={"left": left, "right": right}))
    return [(made[name]["label"], made[name]["settings"]) for name in ("left", "right")]


@pytest.mark.parametrize(
    "left, right, labels",
    [
        (Column("sigma"), Column("gqa"), ["Sigma", "GQA"]),
        (Column("sigma", selective_k=16), Column("gqa"), ["Sigma (k = 16)", "GQA"]),
        (Column("sigma", selective_k=16), Column("sigma"), ["Sigma (k = 16)", "Sigma (all rows)"]),
        (Column("sigma", selective_k=1600), Column("sigma", selective_k=2), ["Sigma (k = 1,600)", "Sigma (k = 2)"]),
        (
            Column("sigma", selective_k=16, selective_missing_mass="mean", selective_threshold=0.001),
            Column("sigma", selective_k=16, selective_missing_mass="renormalize"),
            ["Sigma (k = 16, mean of the others, threshold 0.001)", "Sigma (k = 16)"],
        ),
        (Column("gqa", WARM), Column("gqa"), ["GQA (temperature 0.7)", "GQA (temperature 0)"]),
        (Column("gqa", tuned=True), Column("gqa"), ["GQA (tuned)", "GQA (as published)"]),
        (Column("sigma"), Column("sigma"), ["Sigma (left)", "Sigma (right)"]),
        (Column("sigma", WARM, tuned=True), Column("gqa", WARM, tuned=True), ["Sigma", "GQA"]),
    ],
)
def test_labels_name_the_model_and_what_sets_it_apart(left, right, labels):
    assert [label for label, _ in told(left, right)] == labels


def test_settings_are_all_that_is_not_as_a_model_answers_by_itself():
    plain = told(Column("sigma"), Column("gqa"))
    assert [words for _, words in plain] == ["", ""]
    left, right = told(Column("sigma", WARM, 16, tuned=True), Column("gqa", WARM, tuned=True), ("Be short.",) * 2)
    assert left[1] == "k = 16, temperature 0.7, tuned base" and right[1] == "temperature 0.7, tuned base"
    left, right = told(Column("sigma", WARM), Column("sigma"), ("You write one command line for the task.", ""))
    assert left[1] == "temperature 0.7, system prompt “You write one command l…”"
    assert right[1] == "greedy, no system prompt"


def test_sides_of_a_request_without_columns_are_themselves():
    made = made_by(ChatRequest({"sigma": [], "gqa": []}, selective_k=16))
    assert [(one["model"], one["label"], one["selective_k"]) for one in made.values()] == [
        ("sigma", "Sigma (k = 16)", 16),
        ("gqa", "GQA", None),
    ]
