"""The model card: curves from run records, answers of both sides, figures from the manifest."""

import json

import pytest

from sigma.checkpoints.load import EMBEDDED
from sigma.model.configuration import SigmaConfig
from sigma.training.card import PROMPTS, answers, card, draw_loss, read_record, smooth, tasks_section, tuned_section
from tests.fake_engine import FakeEngine


def test_curves_are_drawn_from_the_record(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    rows = [{"stage": "layer", "loss": 9.0, "tokens": 1}]
    rows += [{"stage": "logits", "loss": 1 / (i + 1), "tokens": 1000 * i} for i in range(50)]
    (tmp_path / "record.jsonl").write_text("\n".join(map(json.dumps, rows)))
    draw_loss({"augmented query": tmp_path}, tmp_path / "healing.svg")
    first = (tmp_path / "healing.svg").read_text()
    assert first.startswith("<?xml") and "thousand tokens" in first


def test_a_missing_or_empty_record_is_named(tmp_path):
    with pytest.raises(ValueError, match="no readable healing record"):
        read_record(tmp_path)
    (tmp_path / "record.jsonl").write_text("")
    with pytest.raises(ValueError, match="empty"):
        read_record(tmp_path)


def test_smoothing_is_the_mean_of_what_came_before():
    assert smooth([4.0, 2.0, 0.0], width=2) == [4.0, 3.0, 1.0]


def test_the_card_carries_the_manifests_figures_and_every_answer():
    manifest = json.loads((EMBEDDED / "manifest.json").read_text())
    prompts = json.loads(PROMPTS.read_text())
    assert len(prompts) == 10
    text = card(
        SigmaConfig.from_pretrained(EMBEDDED),
        manifest,
        answers(FakeEngine(words=5), prompts[:2], tokens=8),
        curves=False,
    )
    for figures in manifest["figures"].values():
        assert f"{figures['sigma_nll']:.4f}" in text and f"{figures['gap_percent']:+.2f} %" in text
    assert all(prompt in text for prompt in prompts[:2]) and "healing.svg" not in text
    longer = card(
        SigmaConfig.from_pretrained(EMBEDDED), manifest, [], curves=True, experiments="## Longer texts\n\n| a |\n"
    )
    assert longer.index("healing.svg") < longer.index("## Longer texts") < longer.index("## Ten answers")


def test_the_card_tells_what_was_tuned_and_what_it_scores():
    tuned = {
        "name": "a tuned base",
        "tokens": 1_234_567,
        "steps": 89,
        "recipe": {"rate": 0.003, "sigma_share": 0.5, "mix": "cmdgen=2 chats=1"},
        "numbers": {"shared": 2_900_000, "gqa": 410_000, "sigma": 1_300_000},
        "loss_first": {"lessons gqa": 2.5},
        "loss_last": {"lessons gqa": 0.25, "chats sigma": 0.0625},
    }
    section = "\n".join(tuned_section({"tuned": tuned}))
    assert "2.9M numbers of V, O and the MLP" in section and "0.4M numbers of the GQA model's" in section
    assert "1,234,567 tokens in 89 steps" in section and "| lessons gqa | 2.500 | 0.250 |" in section
    assert "| chats sigma | nan | 0.062 |" in section and "50% of the passes" in section
    first = {**tuned, "tokens": 77, "start": {"sha256": "ab"}}
    both = "\n".join(tuned_section({"tuned": {**tuned, "start": first}}))
    assert both.index("77 tokens") < both.index(", then 1,234,567 tokens")
    assert tuned_section({}) == [] == tasks_section({}) == tasks_section({"reports": []})
    row = {"task": "cmdgen", "data": "heldout", "side": "sigma", "model": "tuned", "n": 40}
    scores = tasks_section({"reports": [{**row, "metrics": {"Accuracy": 12.5, "CMD Score": None}}]})
    assert "| cmdgen | heldout | sigma | tuned | 40 | Accuracy 12.5 |" in scores
