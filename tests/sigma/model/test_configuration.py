"""The config refuses what cannot work, with the numbers, and counts bytes as the paper does."""

import json

import pytest

from sigma import PRESETS, SigmaConfig, preset


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(num_key_heads=2), ("9", "num_key_heads", "2")),
        (dict(num_hidden_layers=2, num_key_heads=[3, 2]), ("9", "num_key_heads", "2")),
        (dict(num_hidden_layers=2, num_key_heads=[3, 0]), ("num_key_heads", "0")),
        (dict(num_hidden_layers=3, num_key_heads=[3, 1]), ("num_key_heads has 2 entries", "3")),
        (dict(num_hidden_layers=2, num_key_heads=[]), ("num_key_heads has 0 entries",)),
        (dict(num_key_heads="3"), ("num_key_heads", "'3'")),
        (dict(num_hidden_layers=2, augmented_query_dim=[8, True]), ("augmented_query_dim", "True")),
        (dict(num_hidden_layers=3, augmented_query_dim=[8, None]), ("augmented_query_dim has 2 entries", "3")),
        (dict(num_value_heads=4), ("9", "num_value_heads", "4")),
        (dict(head_dim=63), ("63", "even")),
        (dict(key_head_dim=0), ("key_head_dim", "0")),
        (dict(augmented_query_dim=0), ("augmented_query_dim", "0")),
        (dict(selective_v_top_k=-1), ("selective_v_top_k", "-1")),
        (
            dict(selective_v_missing_mass="keep"),
            ("selective_v_missing_mass must be one of drop, renormalize, mean", "'keep'"),
        ),
        (
            dict(selective_v_missing_mass="drop", selective_v_renormalize=True),
            ("selective_v_missing_mass 'drop' contradicts selective_v_renormalize True",),
        ),
        (dict(selective_v_threshold=1.0), ("selective_v_threshold", "1.0")),
        (dict(selective_v_threshold=-0.1), ("selective_v_threshold", "-0.1")),
        (dict(num_hidden_layers="30"), ("num_hidden_layers", "'30'")),
        (dict(attention_scale=-1.0), ("attention_scale",)),
        (dict(hidden_size=100), ("100", "9")),
    ],
)
def test_impossible_numbers_are_refused(changes, words):
    with pytest.raises(ValueError) as caught:
        SigmaConfig(**changes)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("name, per_token", [("sigma-1.5b", 66_560), ("std-1.5b", 106_496)])
def test_bytes_per_token_are_the_papers(name, per_token):
    assert sum(preset(name).kv_bytes(1)) == per_token  # section 3: 26 * (4 + 16) * 64 * 2 and 26 * 32 * 64 * 2


def test_limit_of_the_saving_is_the_papers():
    assert 1 - sum(preset("sigma-1.5b").kv_bytes(7)) / sum(preset("std-1.5b").kv_bytes(7)) == 0.375  # Eq. 2


def test_selective_v_counts_requested_rows():
    config = preset("sigma-135m")
    assert config.v_read_bytes(1000, 100) == 30 * 9 * 101 * 64 * 2
    assert config.v_read_bytes(50, 100) == 30 * 9 * 50 * 64 * 2
    assert config.v_read_bytes(1000) == 30 * 3 * 1000 * 64 * 2
    assert config.kv_bytes(1) == ((26 * 1 + 4 * 3) * 64 * 2, 30 * 3 * 64 * 2)


def test_layers_may_differ_in_their_key_heads_and_augmented_query(tmp_path):
    config = SigmaConfig(
        num_hidden_layers=3, num_key_heads=(1, 3, 1), num_value_heads=3, augmented_query_dim=[864, None, 864]
    )
    config.save_pretrained(tmp_path)
    for found in (config, SigmaConfig.from_pretrained(tmp_path)):
        assert (found.key_heads, found.augmented_query_dims) == ((1, 3, 1), (864, None, 864))
        assert found.kv_bytes(7) == (7 * 5 * 64 * 2, 7 * 9 * 64 * 2)
        with pytest.raises(ValueError, match="vLLM takes models whose layers are alike; here num_key_heads differs"):
            found.one_for_all_layers("vLLM")
    alike = SigmaConfig(num_hidden_layers=2, num_key_heads=[3, 3], augmented_query_dim=[None, None])
    assert (alike.num_key_heads, alike.augmented_query_dim) == (3, None)
    alike.one_for_all_layers("vLLM")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_a_round_trip(name, tmp_path):
    config = preset(name)
    config.save_pretrained(tmp_path)
    again = SigmaConfig.from_pretrained(tmp_path)
    assert again.to_dict() == {**config.to_dict(), "transformers_version": again.to_dict().get("transformers_version")}


def test_unknown_preset_names_the_known():
    with pytest.raises(ValueError, match=r"sigma-9b.*sigma-1\.5b"):
        preset("sigma-9b")


def test_keys_may_be_wider_than_values():
    """192 wide keys and 128 wide values, as in published models."""
    config = SigmaConfig(
        hidden_size=256, num_attention_heads=8, num_key_heads=2, num_value_heads=4, head_dim=128, key_head_dim=192
    )
    assert config.query_head_dim == 192 and config.scale == 192**-0.5
    assert config.kv_bytes(10) == (30 * 10 * 2 * 2 * 192, 30 * 10 * 2 * 4 * 128)
    assert SigmaConfig(num_attention_heads=8, head_dim=128, key_head_dim=64).query_head_dim == 128


@pytest.mark.parametrize("renormalize, word", [(True, "renormalize"), (False, "drop")])
def test_a_configuration_saved_before_there_were_three_words(renormalize, word, tmp_path):
    written = SigmaConfig().to_dict()
    del written["selective_v_missing_mass"]
    (tmp_path / "config.json").write_text(json.dumps({**written, "selective_v_renormalize": renormalize}))
    config = SigmaConfig.from_pretrained(tmp_path)
    assert config.selective_v_missing_mass == word
    assert "selective_v_renormalize" not in config.to_dict()
