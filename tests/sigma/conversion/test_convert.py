"""The conversion's algebra, on tiny models and random text."""

import pytest
import torch

from sigma.conversion.convert import augment, convert, kept_layers, start_augmented_query
from sigma.conversion.fold import balance, complex_rows, compress_keys, fold_blocks, real_rows
from sigma.model.modeling import rope_tables, rotate
from tests.tiny import tiny_model


def windows(n=8, t=64):
    return torch.randint(3, 259, (n, t), generator=torch.Generator().manual_seed(1))


def as_complex(x):
    """[.., d] -> complex [.., d / 2], pairing f with f + d/2 as the rotation does."""
    return torch.complex(*x.chunk(2, dim=-1))


def test_rows_go_to_complex_and_back():
    matrix = torch.randn(3 * 8, 5)
    assert torch.equal(real_rows(complex_rows(matrix, 3)), matrix)


def test_rotation_is_multiplication_by_a_unit_number():
    x, angle = torch.randn(1, 1, 7, 8), torch.randn(7, 4)
    cos, sin = (torch.cat((f(angle), f(angle)), -1)[None] for f in (torch.cos, torch.sin))
    torch.testing.assert_close(as_complex(rotate(x, cos, sin)), as_complex(x) * torch.polar(torch.ones(7, 4), angle))


@pytest.mark.parametrize("frequencies, sizes", [(32, [1] * 8 + [2] * 4 + [4] * 2 + [8]), (4, [1, 1, 1, 1]), (64, None)])
def test_fold_tiles_every_frequency_once(frequencies, sizes):
    blocks = fold_blocks(frequencies)
    assert [f for block in blocks for f in block] == list(range(frequencies))
    assert sizes is None or [len(b) for b in blocks] == sizes


def test_keeping_all_heads_is_exact():
    """With as many new key heads as old ones the scores, and so the model, do not change."""
    model = tiny_model(num_key_heads=3)
    same = convert(model, windows(), key_heads=3, fold=((4, 1),))
    with torch.no_grad():
        torch.testing.assert_close(same(windows(1)).logits, model(windows(1)).logits, atol=2e-3, rtol=1e-3)


def test_redundant_heads_merge_without_loss():
    """Key heads that are complex multiples of one another per frequency collapse to one exactly."""
    torch.manual_seed(0)
    hidden, d = 24, 8
    one = complex_rows(torch.randn(d, hidden), 1)
    w_k = real_rows(
        torch.cat([one * torch.polar(torch.rand(1, d // 2, 1) + 0.5, torch.randn(1, d // 2, 1)) for _ in range(3)])
    )
    w_q, x = torch.randn(9 * d, hidden), torch.randn(500, hidden)
    new_q, new_k = compress_keys(w_q, w_k, x, (9, 3, 1), fold=((4, 1),))

    def scores(q, k, heads):
        q, k = as_complex((x @ q.T).view(-1, 9, d)), as_complex((x @ k.T).view(-1, heads, d))
        return (q[:, None] * k.repeat_interleave(9 // heads, 1)[None, :].conj()).real.sum(-1)[:50, :50]

    torch.testing.assert_close(scores(new_q, new_k, 1), scores(w_q, w_k, 3), atol=1e-3, rtol=1e-3)


def test_complex_pca_beats_keeping_one_head():
    model = tiny_model(num_key_heads=3)
    converted = convert(model, windows(), key_heads=1)
    naive = convert(model, windows(), key_heads=1)
    for mine, theirs in zip(naive.model.layers, model.model.layers):
        mine.self_attn.q_proj.weight.data = theirs.self_attn.q_proj.weight.data.clone()
        mine.self_attn.k_proj.weight.data = theirs.self_attn.k_proj.weight.data[:8].clone()

    def kl(student):
        with torch.no_grad():
            a, b = model(windows(4)).logits.log_softmax(-1), student(windows(4)).logits.log_softmax(-1)
        return (a.exp() * (a - b)).sum(-1).mean()

    assert kl(converted) < 0.9 * kl(naive)


@pytest.mark.parametrize("alpha", [4.0, -1.2785])
def test_augmented_query_starts_as_the_query(alpha):
    torch.manual_seed(0)
    q = torch.randn(2000, 16) * 0.05 + torch.randn(16)  # a common part, as trained queries have
    start = start_augmented_query(q, 24, alpha)
    gate, up, down = start["gate"], start["up"], start["down"]
    again = (torch.nn.functional.silu(q @ gate.T) * (q @ up.T)) @ down.T
    assert (again - q).norm() / q.norm() < 0.1


def test_shared_tensors_are_the_sources_own():
    model = tiny_model(num_key_heads=3)
    new = convert(model, windows(), 1, augmented_query_dim=80)
    for name in (
        "model.embed_tokens.weight",
        "model.layers.1.self_attn.v_proj.weight",
        "model.layers.0.mlp.down_proj.weight",
    ):
        assert new.get_parameter(name).data_ptr() == model.get_parameter(name).data_ptr()


def test_kept_layers_are_the_sources_own():
    model = tiny_model(num_key_heads=3, num_hidden_layers=3)
    new = convert(model, windows(), 1, augmented_query_dim=80, kept=(1,))
    assert (new.config.key_heads, new.config.augmented_query_dims) == ((1, 3, 1), (80, None, 80))
    assert kept_layers(new.config) == {1}
    for part in "qk":
        name = f"model.layers.1.self_attn.{part}_proj.weight"
        assert new.get_parameter(name).data_ptr() == model.get_parameter(name).data_ptr()
    same = convert(model, windows(), 3, augmented_query_dim=80, fold=((4, 1),), kept=(0, 2))
    assert kept_layers(same.config) == {0, 2} and same.config.key_heads == (3, 3, 3)
    lifted = augment(convert(model, windows(), 1, kept=(0,)), windows(), 80)
    assert lifted.config.augmented_query_dims == (None, 80, 80)
    with pytest.raises(ValueError, match="layers are alike"):
        convert(new, windows(), 1)
    with pytest.raises(ValueError, match="normalises queries"):
        convert(tiny_model(num_key_heads=3, qk_norm=True), windows(), 1, kept=(0,))


@pytest.mark.parametrize(
    "options, words",
    [
        (dict(key_heads=2), "2.*3"),
        (dict(key_heads=0), "0"),
        (dict(key_heads=1, augmented_query_dim=71), "71.*72"),
        (dict(key_heads=1, kept=(0, 1)), "all layers would be kept"),
        (dict(key_heads=1, kept=(0, 2)), "layer 2 cannot be kept: there are 0 to 1"),
    ],
)
def test_impossible_targets_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        convert(tiny_model(num_key_heads=3), windows(), **options)


def test_balancing_changes_no_score_and_evens_the_rows():
    generator = torch.Generator().manual_seed(5)
    w_q = torch.randn(6 * 8, 24, generator=generator) * 0.01
    w_k = torch.randn(2 * 8, 24, generator=generator) * 3.0
    new_q, new_k = balance(w_q, w_k, 8)
    x = torch.randn(5, 24, generator=generator)
    config = tiny_model(num_attention_heads=6, num_key_heads=2, num_value_heads=2).config
    tables = rope_tables(config, torch.arange(5)[None])

    def scores(q, k):
        q, k = (rotate((x @ w.T).view(1, 5, -1, 8).transpose(1, 2), *tables) for w in (q, k))
        return q @ k.repeat_interleave(3, 1).mT

    torch.testing.assert_close(scores(new_q, new_k), scores(w_q, w_k), rtol=1e-4, atol=1e-4)
    q, k = new_q.view(2, 3, 2, 4, 24).square().mean((1, 2, 4)), new_k.view(2, 2, 4, 24).square().mean((1, 3))
    torch.testing.assert_close(q, k)
