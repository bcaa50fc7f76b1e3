"""What a visitor may type: settings or a message at the right field, never an exception."""

import json

import pytest

from visualizers.memory.figures import project
from visualizers.memory.form import FIELDS, defaults, read, read_counted, read_memory
from visualizers.memory.models import MODELS
from visualizers.shared.formulas import GIB
from visualizers.shared.shapes import PAIRS, Layers, gqa_of, preset_shape

GOOD = defaults("sigma-1.5b")


@pytest.mark.parametrize("name", PAIRS)
def test_the_defaults_are_the_presets(name):
    settings, errors = read(defaults(name))
    assert not errors
    assert settings.shape == preset_shape(name) and settings.gqa == preset_shape(PAIRS[name][1])


@pytest.mark.parametrize("name", MODELS)
def test_the_form_says_the_whole_model(name):
    settings, errors = read(defaults(name))
    model = MODELS[name]
    assert not errors and settings.shape == model.shape
    assert settings.gqa == gqa_of(model.shape, model.gqa) and settings.tokens == model.context


def test_layers_of_other_kinds_are_as_the_first_where_they_are_empty():
    kinds = {
        "window": "2k",
        "b_layers": "3",
        "b_n_k": "8",
        "c_layers": "5",
        "c_window": "1,024",
        "c_d_k": "192",
        "c_d_v": "128",
    }
    settings, errors = read({**GOOD, **kinds})
    assert not errors
    assert settings.shape.kinds == (
        Layers(26, 4, 16, 64, 64, 2048),
        Layers(3, 8, 16, 64, 64),
        Layers(5, 4, 16, 192, 128, 1024),
    )
    assert read({**GOOD, "c_layers": "5"})[0].shape.others == (Layers(5, 4, 16, 64, 64),)


def test_missing_fields_are_the_presets_and_text_is_read_kindly():
    settings, errors = read(
        {"preset": "sigma-10b", "context": " 128k ", "batch": "1,000", "top_k": "", "memory": "79.6"}
    )
    assert not errors
    assert (settings.tokens, settings.batch, settings.top_k) == (131_072, 1000, None)
    assert settings.memory == round(79.6 * GIB)
    assert read({"context": "1M"})[0].tokens == 1 << 20


@pytest.mark.parametrize(
    "field, text, words",
    [
        ("context", "0", "1 to 1,048,576"),
        ("context", "-5", "whole number"),
        ("context", "2M", "2,097,152"),
        ("context", "1.5", "whole number"),
        ("context", "", "whole number"),
        ("context", "１２", "whole number"),
        ("context", "9" * 24, "1 to 1,048,576"),
        ("context", "9" * 25, "shorter"),
        ("n_q", "4k", "whole number"),
        ("n_k", "5", "32 query heads cannot share 5 K heads evenly. Possible: 1, 2, 4, 8, 16, 32."),
        ("n_v", "33", "evenly"),
        ("gqa", "3", "evenly"),
        ("d_v", "65", "odd"),
        ("d_k", "31", "odd"),
        ("layers", "3,2", "“3,2”"),
        ("context", "13,10,72", "“13,10,72”"),
        ("context", "1 2", "“1 2”"),
        ("batch", "1,5", "“1,5”"),
        ("batch", "0,128", "“0,128”"),
        ("memory", "1,2,3", "such as 80"),
        ("memory", "1.000,5", "such as 80"),
        ("top_k", "0", "1 to"),
        ("batch", "many", "“many”"),
        ("window", "0", "1 to 1,048,576"),
        ("b_layers", "0", "1 to 1,000"),
        ("b_window", "few", "“few”"),
        ("memory", "0", "above 0"),
        ("memory", "-80", "above 0"),
        ("memory", "nan", "above 0"),
        ("memory", "1e3", "above 0"),
        ("memory", ".", "above 0"),
        ("kv", "fp7", "fp32, bf16, fp8, int4"),
        ("weights", "", "none"),
        ("preset", "<img src=x>", "sigma-1.5b"),
        ("tied", "perhaps", "yes, no"),
    ],
)
def test_bad_input_names_its_field(field, text, words):
    settings, errors = read({**GOOD, field: text})
    assert settings is None and list(errors) == [field] and words in errors[field]


@pytest.mark.parametrize(
    "field, text, words",
    [
        ("b_n_k", "5", "32 query heads cannot share 5 K heads evenly"),
        ("b_n_v", "12", "32 query heads cannot share 12 V heads evenly"),
        ("b_d_v", "65", "odd"),
        ("c_d_k", "31", "odd"),
        ("b_d_k", "", ""),
    ],
)
def test_a_further_kind_is_checked_as_the_first(field, text, words):
    settings, errors = read({**GOOD, "b_layers": "2", "c_layers": "2", field: text})
    assert (settings is None) == bool(words) and words in errors.get(field, "")


@pytest.mark.parametrize("field", ["window", "n_k", "d_v"])
def test_a_kind_without_layers_is_said(field):
    settings, errors = read({**GOOD, f"b_{field}": "8"})
    assert settings is None and list(errors) == ["b_layers"] and "how many layers" in errors["b_layers"]


def test_parameters_in_millions():
    assert read_counted("") is None and read_counted("8,190.73536") == 8_190_735_360
    assert read_counted("999,885952") == 999_885_952 and read_counted(".5") == 500_000
    for text in ("0", "-1", "x", "1.0000001", "1e3", "nan", "1" * 20, "."):
        with pytest.raises(ValueError, match=r"8030\.261248"):
            read_counted(text)
    assert read({**GOOD, "counted": "1e3"})[1].keys() == {"counted"}


def test_several_errors_come_together():
    _, errors = read({**GOOD, "n_k": "5", "batch": "0", "context": ""})
    assert set(errors) == {"n_k", "batch", "context"}


@pytest.mark.parametrize("raw", [None, 3, "text", [], [{}]])
def test_what_is_no_form_is_said(raw):
    assert set(json.loads(project(raw))["errors"]) == {"form"}


@pytest.mark.parametrize("value", [None, 5, 1.5, True, [], {}, {"a": 1}])
def test_every_field_survives_every_type(value):
    for field in FIELDS:
        answer = json.loads(project({**GOOD, field: value}))
        assert answer["view"] is None and field in answer["errors"]


def test_unknown_fields_are_ignored():
    assert read({**GOOD, "__class__": "x", "nonsense": [1]})[1] == {}


def test_memory_in_decimals():
    assert read_memory(".5") == GIB // 2 and read_memory("24.") == 24 * GIB
    assert read_memory("23,5") == read_memory("23.5") == 47 * GIB // 2 and read_memory(" 0,25 ") == GIB // 4
    assert read_memory("1,000") == read_memory("1 000") == 1000 * GIB and read_memory("1,000.5") == 2001 * GIB // 2
    assert read_memory("0,125") == read_memory("0,1250") == GIB // 8 and read_counted("0,135") == 135_000
