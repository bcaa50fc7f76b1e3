"""Healing learns, and an interrupted run ends where an uninterrupted one does."""

import json
import random
from dataclasses import replace

import pytest
import torch

from sigma.conversion.convert import convert
from sigma.training.heal import Healer, main
from sigma.training.losses import _LogitKL, layer_losses, logit_loss
from sigma.training.pack import pack_query_path, write_checkpoint
from sigma.training.positions import spread_positions
from sigma.training.recipe import Recipe, matrix_rates
from sigma.training.start import lineage_of, start_from, started_student, trained_parameters
from tests.tiny import tiny_model

RECIPE = Recipe(length=32, batch=2, layer_steps=6, logit_steps=6, layer_rate=2e-3, logit_rate=2e-3)


def windows():
    return torch.randint(3, 259, (12, 32), generator=torch.Generator().manual_seed(1))


def healer(folder, recipe=RECIPE):
    teacher = tiny_model(num_key_heads=3)
    return Healer(convert(teacher, windows(), 1, 80), teacher, windows(), recipe, folder)


def test_both_stages_lower_their_loss(tmp_path):
    one = healer(tmp_path, Recipe(length=32, batch=2, layer_steps=40, logit_steps=40, layer_rate=2e-3, logit_rate=2e-3))
    with torch.no_grad():
        before = logit_loss(one.student, one.teacher, windows())
    one.run()
    rows = [json.loads(line) for line in (tmp_path / "record.jsonl").read_text().splitlines()]
    layer, logits = ([r["loss"] for r in rows if r["stage"] == stage] for stage in ("layer", "logits"))
    assert sum(layer[-5:]) < 0.9 * sum(layer[:5]) and sum(logits[-5:]) < 0.9 * sum(logits[:5])
    with torch.no_grad():
        assert logit_loss(one.student, one.teacher, windows()) < 0.85 * before
    assert rows[-1]["gate_moved"] > 0 and rows[-1]["tokens"] == 80 * 64


def test_only_the_query_and_key_path_moves(tmp_path):
    one = healer(tmp_path)
    teacher = {n: p.clone() for n, p in one.teacher.state_dict().items()}
    one.run()
    moved = {
        n
        for n, p in one.student.state_dict().items()
        if n in teacher and p.shape == teacher[n].shape and not torch.equal(p, teacher[n])
    }
    assert moved and all("q_proj" in n for n in moved)


def test_logit_loss_and_its_gradient_are_those_of_kl_div():
    got, want = (torch.randn(37, 300, generator=torch.Generator().manual_seed(i)) for i in (1, 2))
    got.requires_grad_()
    expected = torch.nn.functional.kl_div(
        got.log_softmax(-1), want.log_softmax(-1), log_target=True, reduction="batchmean"
    )
    (reference,) = torch.autograd.grad(expected, got)
    loss = _LogitKL.apply(got, want) / 37
    (gradient,) = torch.autograd.grad(loss, got)
    assert abs(loss - expected) < 1e-6 and (gradient - reference).abs().max() < 1e-8


MIXED = replace(RECIPE, shortest=8, selective_every=2, selective_top_k=4, reach=200, rates="q_up_proj=0.01")


def _without_time(row):
    return {k: v for k, v in json.loads(row).items() if k != "seconds"}


def test_steps_that_were_not_saved_leave_the_record(tmp_path):
    one = healer(tmp_path)
    one.run(stop_after=0)
    record = tmp_path / "record.jsonl"
    saved = record.read_text()
    record.write_text(saved + saved.replace('"tokens": 64', '"tokens": 128') + '{"stage": "lay')  # killed while writing
    assert healer(tmp_path).resume()
    assert record.read_text() == saved and '"tokens": 64' in saved


@pytest.mark.parametrize(
    "wrong",
    [
        dict(length=1),
        dict(batch=0),
        dict(logit_steps=-1),
        dict(logit_rate=float("nan")),
        dict(warmup=2),
        dict(shortest=64),
        dict(length=100, shortest=10),
        dict(reach=16),
        dict(selective_top_k=0),
        dict(rates="v_proj=1"),
    ],
)
def test_a_recipe_that_makes_no_run_is_refused(wrong):
    with pytest.raises(ValueError):
        replace(RECIPE, **wrong)


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, capsys):
    for options in (["--length", "1"], ["--rates", "v_proj=1"], ["--shortest", "400", "--length", "300"]):
        with pytest.raises(SystemExit) as ended:
            main([str(tmp_path), "--corpus", str(tmp_path / "none.jsonl"), *options])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1


@pytest.mark.parametrize("recipe, interrupted_at", [(RECIPE, 3), (RECIPE, 6), (RECIPE, 8), (MIXED, 9)])
def test_resume_is_exact(tmp_path, recipe, interrupted_at):
    whole = healer(tmp_path / "whole", recipe)
    whole.run()
    first = healer(tmp_path / "pieces", recipe)
    count = 0
    original = first.batch

    def stopping(stage, step):
        nonlocal count
        count += 1
        if count > interrupted_at:
            first.save()
            raise KeyboardInterrupt
        return original(stage, step)

    first.batch = stopping
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = healer(tmp_path / "pieces", recipe)
    assert second.resume()
    second.run()
    for name, parameter in whole.parameters.items():
        assert torch.equal(parameter, second.parameters[name]), name
    one, two = ([_without_time(row) for row in (tmp_path / f / "record.jsonl").open()] for f in ("whole", "pieces"))
    assert one == two


def test_logit_steps_mix_window_lengths_and_selective_v(tmp_path):
    one = healer(tmp_path, replace(MIXED, layer_steps=0, logit_steps=12))
    one.run()
    rows = [json.loads(line) for line in (tmp_path / "record.jsonl").read_text().splitlines()]
    assert {row["window"] for row in rows} == {8, 16, 32} and {row["tokens"] for row in rows} == {
        64 * n for n in range(1, 13)
    }
    assert [row["selective"] for row in rows] == [False, True] * 6
    assert max(row["reach"] for row in rows) > 100 and all(row["window"] <= row["reach"] <= 200 for row in rows)
    assert one.student.config.selective_v_top_k is None


def test_spread_positions_reach_far_and_stay_in_order():
    rng, spread = random.Random(0), []
    for _ in range(300):
        positions = spread_positions(64, 1000, rng)
        assert positions[0] == 0 and positions[-1] < 1000 and bool((positions.diff() >= 1).all())
        spread.append(int(positions[-1]))
    assert 60 < sum(last == 63 for last in spread) < 140  # a third without gaps
    assert max(spread) > 950 and len({last // 100 for last in spread}) == 10
    assert torch.equal(spread_positions(64, 0, rng), torch.arange(64))
    assert spread_positions(1, 1000, rng).tolist() == [0]


def test_logits_at_gapped_positions_are_those_of_the_text_with_a_gap(tmp_path):
    """Same tokens, later positions: only rotations change, and the first part not at all."""
    one = healer(tmp_path)
    ids, positions = windows()[:2], torch.arange(32)[None].repeat(2, 1)
    positions[1, 20:] += 300
    ones = {"attention_mask": torch.ones_like(ids), "position_ids": positions}
    with torch.no_grad():
        plain = one.student(input_ids=ids, use_cache=False).logits
        gapped = one.student(input_ids=ids, use_cache=False, **ones).logits
        eager = healer(tmp_path / "eager").student
        eager.set_attn_implementation("eager")
        expected = eager(input_ids=ids, use_cache=False, **ones).logits
    assert torch.allclose(gapped[0], plain[0], atol=1e-5) and torch.allclose(gapped[1, :20], plain[1, :20], atol=1e-5)
    assert (gapped[1, 20:] - plain[1, 20:]).abs().max() > 1e-3
    assert torch.allclose(gapped, expected, atol=1e-5)


def test_each_matrix_has_its_own_rate():
    rates = matrix_rates(replace(RECIPE, query_rate=0.5, rates="q_up_proj=0.01 k_proj=2"))
    assert (rates["q_proj"], rates["q_up_proj"], rates["k_proj"]) == (0.5, 0.01, 2.0)
    for wrong in ("v_proj=1", "q_proj", "q_proj=fast", "q_proj=-1", "q_proj=nan", "q_proj=inf"):
        with pytest.raises(ValueError, match="NAME=NUMBER"):
            matrix_rates(replace(RECIPE, rates=wrong))


def test_a_run_starts_from_a_packed_checkpoint(tmp_path):
    teacher = tiny_model(num_key_heads=3)
    recipe = replace(RECIPE, augmented_query_dim=80)
    student = started_student(tmp_path / "start.pt", teacher, windows(), recipe)
    write_checkpoint(tmp_path / "packed", student, pack_query_path(student, windows()), {"healing": {"tokens": 7}})
    again = started_student(tmp_path / "two" / "start.pt", teacher, windows(), recipe, tmp_path / "packed")
    for name, parameter in student.named_parameters():
        other = again.get_parameter(name)
        assert (parameter - other).norm() <= 0.2 * parameter.norm(), name
    assert lineage_of(tmp_path / "packed") == {"tokens": 7}
    with pytest.raises(ValueError, match="no healing run"):
        start_from(tmp_path)


def test_layers_learn_on_what_the_students_own_layers_make(tmp_path):
    teacher = tiny_model(num_key_heads=3)
    same = convert(teacher, windows(), 3, fold=((4, 1),))
    positions = spread_positions(32, 200, random.Random(1)).expand(2, -1)
    for own in (False, True):
        losses = [(kl.item(), error.item()) for kl, error in layer_losses(same, teacher, windows()[:2], positions, own)]
        assert len(losses) == 2 and max(max(pair) for pair in losses) < 1e-4
    recipe = replace(RECIPE, layer_steps=40, logit_steps=0, layer_inputs="student", reach=64)
    student = started_student(tmp_path / "start.pt", teacher, windows(), replace(recipe, augmented_query_dim=80))
    before = logit_loss(student, teacher, windows()).item()
    first, second = (list(layer_losses(student, teacher, windows(), torch.arange(32)[None], own)) for own in (0, 1))
    assert torch.equal(first[0][1], second[0][1]) and not torch.equal(first[1][1], second[1][1])
    run = Healer(student, teacher, windows(), replace(recipe, augmented_query_dim=80), tmp_path)
    run.run()
    assert logit_loss(student, teacher, windows()).item() < 0.9 * before
    with pytest.raises(ValueError, match="layer inputs = mine"):
        replace(recipe, layer_inputs="mine")


def test_layers_that_are_kept_stay_the_sources(tmp_path):
    """In a run from the beginning, in one that goes on from a packed checkpoint, and in what is packed."""
    teacher = tiny_model(num_key_heads=3)
    recipe = replace(RECIPE, augmented_query_dim=80, keep_layers="1")
    student = started_student(tmp_path / "start.pt", teacher, windows(), recipe)
    assert student.config.key_heads == (1, 3) and all(".layers.0." in name for name in trained_parameters(student))
    packed = pack_query_path(student, windows())
    assert packed and all(".layers.0." in name for name in packed)
    run = Healer(student, teacher, windows(), recipe, tmp_path)
    run.run()
    assert torch.equal(*(m.model.layers[1].self_attn.k_proj.weight for m in (student, teacher)))
    whole = started_student(tmp_path / "whole.pt", teacher, windows(), replace(recipe, keep_layers=""))
    write_checkpoint(tmp_path / "packed", whole, pack_query_path(whole, windows()), {"healing": {"tokens": 7}})
    again = started_student(tmp_path / "two" / "start.pt", teacher, windows(), recipe, tmp_path / "packed")
    assert again.config.key_heads == (1, 3) and again.config.augmented_query_dims == (80, None)
    assert torch.equal(*(m.model.layers[1].self_attn.q_proj.weight for m in (again, teacher)))
    write_checkpoint(tmp_path / "kept", again, pack_query_path(again, windows()), {"healing": {"tokens": 7}})
    assert start_from(tmp_path / "kept")[1:] == (1, 80, frozenset({1}))
    with pytest.raises(ValueError, match=r"keeps the layers \[1\]"):
        started_student(tmp_path / "x.pt", teacher, windows(), replace(recipe, keep_layers=""), tmp_path / "kept")
    with pytest.raises(ValueError, match="keep_layers are layers"):
        replace(recipe, keep_layers="all")


def test_another_recipe_is_refused(tmp_path):
    one = healer(tmp_path)
    one.save()
    with pytest.raises(ValueError, match="recipe"):
        healer(tmp_path, Recipe(length=32, layer_steps=7)).resume()


def test_a_run_starts_where_another_ended_and_augments_its_query(tmp_path):
    teacher = tiny_model(num_key_heads=3)
    with torch.no_grad():  # real inputs share a direction, which is what makes v . q ~ 1 possible; random ones do not
        teacher.model.embed_tokens.weight[:, :4] += 0.5
    plain = Recipe(length=32, batch=2, layer_steps=8, logit_steps=0, layer_rate=2e-3, augmented_query_dim=None)
    first = Healer(
        started_student(tmp_path / "one" / "start.pt", teacher, windows(), plain),
        teacher,
        windows(),
        plain,
        tmp_path / "one",
    )
    first.run()
    wide = replace(plain, augmented_query_dim=80)
    start = tmp_path / "two" / "start.pt"
    second = started_student(start, teacher, windows(), wide, tmp_path / "one")
    assert second.config.augmented_query_dim == 80
    with torch.no_grad():
        moved = logit_loss(second, first.student, windows())
        unhealed = logit_loss(convert(teacher, windows(), 1), first.student, windows())
    assert moved < 0.2 * unhealed
    again = started_student(start, teacher, windows(), wide)  # a continued run needs no previous one
    assert all(torch.equal(a, b) for a, b in zip(second.state_dict().values(), again.state_dict().values()))
    with pytest.raises(ValueError, match="1 key heads"):
        started_student(
            tmp_path / "three" / "start.pt", teacher, windows(), replace(wide, key_heads=3), tmp_path / "one"
        )
