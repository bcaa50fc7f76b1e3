"""Tuning moves the minima of shared matrices, for both attentions at once, and resumes to the same end."""

import json
from dataclasses import replace
from itertools import islice

import pytest
import torch
import torch.nn.functional as F

from sigma.checkpoints.tuned import GROUP, OWN_MATRICES, SIGMA, TUNED_FILE, TUNED_MATRICES, read_tuned
from sigma.training.branches import Group, Row, laid
from sigma.training.lessons import Lesson
from sigma.training.minima import ShiftedLinear, learnable_minima, plainly
from sigma.training.rows import (
    CHATS,
    chat_rows,
    digest,
    drawn,
    learned,
    parse_mix,
    planned,
    row_of,
    rows_of,
    sources,
    with_examples,
)
from sigma.training.tune import Tuner
from sigma.training.tune_recipe import TuneRecipe
from tests.tiny import byte_tokenizer, tiny_model

SHAPE = {"hidden_size": 64, "num_attention_heads": 8, "num_value_heads": 2, "intermediate_size": 96}
RECIPE = TuneRecipe(tokens=600, rate=2e-2, batch_tokens=64, passes=2)


def both():
    """A GQA model and a Sigma that has its V, O and MLP."""
    gqa = tiny_model(num_key_heads=2, **SHAPE)
    sigma = tiny_model(1, num_key_heads=1, augmented_query_dim=96, **SHAPE)
    own = {name: tensor for name, tensor in sigma.state_dict().items() if ".q_" in name or ".k_proj" in name}
    sigma.load_state_dict({**gqa.state_dict(), **own})
    return {"gqa": gqa, "sigma": sigma}


def lessons_of(count: int, seed: int = 0) -> list[Row]:
    """Rows whose answer is always the same three tokens."""
    torch.manual_seed(seed)
    rows = []
    for i in range(count):
        prompt = torch.randint(3, 259, (6 + i % 5,)).tolist()
        rows.append(Row("cmdgen", (*prompt, 70, 71, 72, 2), len(prompt)))
    return rows


def tuner(folder, rows=None, recipe=RECIPE) -> Tuner:
    plan = planned(rows or lessons_of(40), recipe.batch_tokens, recipe.seed)
    return Tuner(both(), plan, replace(recipe, data=digest(plan)), folder)


def test_the_gradient_of_a_change_is_that_of_the_whole_matrix_summed_by_group():
    torch.manual_seed(0)
    weight, x = torch.randn(5, 64), torch.randn(3, 7, 64, requires_grad=True)
    change = torch.nn.Parameter(torch.randn(5, 2) * 0.1)
    shifted = ShiftedLinear(weight, change)
    shifted.merge()
    (shifted(x) * torch.arange(5.0)).square().sum().backward()
    got = (change.grad.clone(), x.grad.clone())
    change.grad = x.grad = None
    whole = weight + change.repeat_interleave(GROUP, 1)
    (F.linear(x, whole) * torch.arange(5.0)).square().sum().backward()
    torch.testing.assert_close(got, (change.grad, x.grad), rtol=1e-4, atol=1e-3)


def test_both_sides_learn_and_only_the_minima_move(tmp_path):
    one = tuner(tmp_path, lessons_of(400))
    before = {side: {n: p.clone() for n, p in m.state_dict().items()} for side, m in one.sides.items()}
    one.run("0" * 64)
    rows = [json.loads(line) for line in (tmp_path / "record.jsonl").read_text().splitlines()]
    for side in ("lessons gqa", "lessons sigma"):
        losses = [row["loss"][side] for row in rows if side in row["loss"]]
        assert sum(losses[-3:]) < 0.5 * sum(losses[:3]), side
    for side, model in one.sides.items():
        for name, tensor in model.state_dict().items():
            learns = name.endswith((".change", *(f"{m}.weight" for m in (*TUNED_MATRICES, *OWN_MATRICES))))
            assert learns != torch.equal(tensor, before[side][name]), name
    assert one.sides["gqa"].model.layers[0].mlp is one.sides["sigma"].model.layers[0].mlp


def test_queries_and_keys_learn_for_each_side_alone_in_the_groups_they_are_packed_in():
    sides, changes = both(), {}
    up = "model.layers.0.self_attn.q_up_proj.weight"
    learnable_minima(sides["gqa"], sides["sigma"], changes, {up: 64})
    key = "model.layers.1.self_attn.k_proj.weight"
    assert changes[SIGMA + up].shape == (96, 1) and changes[SIGMA + up.replace("up", "down")].shape == (64, 3)
    assert changes[key].shape == (16, 2) and changes[SIGMA + key].shape == (8, 2)
    assert all(change.requires_grad for change in changes.values())
    one, other = (sides[name].model.layers[1].self_attn for name in ("gqa", "sigma"))
    assert one.q_proj.change is not other.q_proj.change and one.v_proj is other.v_proj


def test_layers_that_sigma_keeps_of_its_source_learn_as_the_same_modules():
    gqa = tiny_model(num_key_heads=2, **SHAPE)
    sigma = tiny_model(1, num_key_heads=[2, 1], augmented_query_dim=[None, 96], **SHAPE)
    changes = {}
    shifted = learnable_minima(gqa, sigma, changes)
    mine, theirs = (model.model.layers[0].self_attn for model in (sigma, gqa))
    assert mine.q_proj is theirs.q_proj and mine.k_proj is theirs.k_proj
    own = {name.split(".")[3] for name in changes if name.startswith(SIGMA)}
    assert own == {"1"} and all(change.requires_grad for change in changes.values())
    assert len(shifted) == len({id(one) for one in shifted}) == len(changes)


def test_queries_and_keys_learn_at_a_rate_of_their_own(tmp_path):
    one = tuner(tmp_path, recipe=replace(RECIPE, own_rate=0.0))
    one.run("0" * 64)
    moved = {name.split(".")[-2] for name, change in one.changes.items() if bool(change.any())}
    assert moved == set(TUNED_MATRICES)
    with pytest.raises(ValueError, match="own rate = 2"):
        replace(RECIPE, own_rate=2.0)


def test_a_run_begins_at_a_file_without_queries_and_keys(tmp_path):
    one = tuner(tmp_path)
    shared = {name: torch.full_like(change, 0.01) for name, change in one.changes.items() if ".mlp." in name}
    one.start_at(shared)
    assert all(bool((change == (0.01 if name in shared else 0)).all()) for name, change in one.changes.items())
    for wrong in ({}, {**shared, "model.layers.9.mlp.up_proj.weight": torch.zeros(1, 1)}):
        with pytest.raises(ValueError, match="another model's"):
            one.start_at(wrong)


def test_the_file_holds_what_was_learned(tmp_path):
    one = tuner(tmp_path)
    one.run("ab" * 32)
    changes, name = read_tuned(tmp_path / TUNED_FILE, "ab" * 32)
    assert name and changes.keys() == one.changes.keys()
    for key, change in changes.items():
        scale = one.changes[key].detach().abs().amax(1, keepdim=True)
        assert ((change - one.changes[key]).abs() <= scale / 250 + 1e-7).all()
    assert max(float(change.abs().max()) for change in changes.values()) > 0.01


def test_an_interrupted_run_ends_where_a_whole_one_does(tmp_path):
    whole, part = tuner(tmp_path / "whole"), tuner(tmp_path / "part")
    whole.run("0" * 64)
    part.advance(), part.advance(), part.save("0" * 64), part.advance()
    again = tuner(tmp_path / "part")
    assert again.resume() and again.step == 2
    again.run("0" * 64)
    for name, change in whole.changes.items():
        assert torch.equal(change, again.changes[name])
    steps = [json.loads(line)["step"] for line in (tmp_path / "part" / "record.jsonl").read_text().splitlines()]
    assert steps == list(range(3, again.steps + 1)) and again.tokens == whole.tokens


def test_another_recipe_or_other_lessons_are_another_run(tmp_path):
    one = tuner(tmp_path)
    one.advance(), one.save("0" * 64)
    for other in (tuner(tmp_path, recipe=replace(RECIPE, rate=1e-3)), tuner(tmp_path, lessons_of(41))):
        with pytest.raises(ValueError, match="another recipe"):
            other.resume()


def test_chats_are_held_where_the_untuned_base_has_them(tmp_path):
    rows = [Row(CHATS, tuple(torch.randint(3, 259, (20,)).tolist()), 4) for _ in range(4)]
    one = tuner(tmp_path, rows)
    line = laid(one.plan[0])
    held = one.losses("gqa", line, True)
    assert abs(held.item()) < 1e-4 and one.losses("sigma", line, True).item() > 0.01
    with torch.no_grad():
        for change in one.changes.values():
            change.add_(torch.randn_like(change) * 0.05)
    one.merge()
    assert one.losses("gqa", line, True).item() > 0.01
    with plainly(one.shifted):
        assert abs(one.losses("gqa", line, True).item()) < 1e-4


def test_half_of_the_passes_go_through_each_attention(tmp_path):
    one = tuner(tmp_path)
    sides = [one.side_of(place) for place in range(10)]
    assert sides.count("sigma") == 5 and sides[:4] == ["gqa", "sigma"] * 2
    one.recipe = replace(one.recipe, sigma_share=0.25)
    assert [one.side_of(place) for place in range(8)].count("sigma") == 2


def test_a_gradient_that_is_no_number_ends_the_run_and_keeps_the_saved_state(tmp_path):
    one = tuner(tmp_path)
    one.advance(), one.save("0" * 64)
    kept = (tmp_path / "state.pt").read_bytes()
    one.sides["gqa"].lm_head.weight.data.fill_(float("nan"))
    with pytest.raises(ValueError, match="not finite"):
        one.run("0" * 64)
    assert (tmp_path / "state.pt").read_bytes() == kept


# Rows and batches.


def test_a_plan_has_every_row_once_and_no_pass_is_too_large():
    rows = lessons_of(300) + [Row(CHATS, tuple(range(3, 40)), 2)] * 7
    plan = planned(list(rows), 64, 3)
    assert sorted(row.ids for groups in plan for row in rows_of(groups)) == sorted(row.ids for row in rows)
    for groups in plan:
        assert len(rows_of(groups)) == 1 or sum(group.size for group in groups) <= 64
        assert len({row.kind == CHATS for row in rows_of(groups)}) == 1
    assert digest(plan) == digest(planned(list(rows), 64, 3)) != digest(planned(list(rows), 64, 4))


def test_rows_repeat_when_they_run_out_and_long_ones_are_left_out():
    rows = lessons_of(3)
    taken = drawn(iter(rows), 100, 1000)
    assert sum(len(r.ids) for r in taken) >= 100 and taken[:3] == rows and taken[3] == rows[0]
    with pytest.raises(ValueError, match="at most 5 tokens"):
        drawn(iter(rows), 100, 5)


def test_a_lesson_becomes_the_prompt_that_the_engine_sends():
    tokenizer = byte_tokenizer()
    lesson = Lesson("cmdgen", ({"role": "user", "content": "heat?"},), "nvidia-smi")
    row = row_of(tokenizer, lesson, "cmdgen")
    text = tokenizer.decode(row.ids[: row.start])
    assert text == "<|im_start|>user\nheat?<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(row.ids[row.start :]) == "nvidia-smi<|im_end|>"


def test_the_answers_of_worked_examples_are_learned_and_their_questions_are_not():
    tokenizer = byte_tokenizer()
    turns = ("user", "heat?"), ("assistant", "smi -q"), ("user", "power?")
    row = row_of(tokenizer, Lesson("cmdgen", tuple({"role": r, "content": c} for r, c in turns), "smi -p"), "cmdgen")
    assert tokenizer.decode([row.ids[place] for place in row.learned()]) == "smi -q<|im_end|>smi -p<|im_end|>"
    line = laid([Group((row,), 0)])
    assert line.wanted.tolist() == [row.ids[place] for place in row.learned()]
    assert line.predicting.tolist() == [place - 1 for place in row.learned()]


def test_most_lessons_have_examples_and_some_have_none():
    found = list(with_examples(islice(learned("cmdgen", 0), 60), "cmdgen", 0))
    counts = [sum(m["role"] == "assistant" for m in lesson.messages) for lesson in found]
    assert 0 in counts and max(counts) == 4 and sum(counts) > 90
    assert found == list(with_examples(islice(learned("cmdgen", 0), 60), "cmdgen", 0))
    shown = [m["content"] for lesson in found for m in lesson.messages[:-1] if m["role"] == "assistant"]
    assert sum(lesson.answer in [m["content"] for m in lesson.messages] for lesson in found) < 30 < len(set(shown))


def test_a_chat_counts_behind_its_system_prompt(tmp_path):
    tokenizer, path = byte_tokenizer(), tmp_path / "chats.jsonl"
    text = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n"
    path.write_text(json.dumps({"text": text, "split": "train"}) + "\n")
    (row,) = chat_rows(path, tokenizer, 512)
    assert tokenizer.decode(row.ids[: row.start]) == "<|im_start|>system\nS<|im_end|>"
    path.write_text(json.dumps({"text": text, "split": "held-out"}) + "\n")
    with pytest.raises(ValueError, match="no training chats"):
        chat_rows(path, tokenizer, 512)


@pytest.mark.parametrize("mix", ["", "cmdgen", "cmdgen=0", "cmdgen=-1", "cmdgen=nan", "weather=1", "facts=1 facts=2"])
def test_a_mix_that_makes_no_sense_is_refused(mix):
    with pytest.raises(ValueError, match="mix"):
        TuneRecipe(mix=mix)


def test_a_mix_names_every_source():
    shares = parse_mix(" ".join(f"{name}=2" for name in sources()))
    assert set(shares) == set(sources()) and sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("name, value", [("tokens", 0), ("rate", 0.0), ("sigma_share", 1.5), ("longest", 1)])
def test_numbers_that_make_no_run_are_refused(name, value):
    with pytest.raises(ValueError, match=name.replace("_", " ")):
        TuneRecipe(**{name: value})
