"""What the page says of the models that it has loaded."""

from dataclasses import replace

from sigma.checkpoints.preset import NOTE
from tests.fake_engine import fake_info
from visualizers.chat.column import column_head
from visualizers.page.words import LIMITS, limits_of
from visualizers.shared.columns import FIRST_MADE

DEFAULT = {side: fake_info(side) for side in ("sigma", "gqa")}


def loaded(**given):
    return {side: replace(info, **given) for side, info in DEFAULT.items()}


def test_the_default_model_says_what_it_is_not():
    assert limits_of(loaded(name="whatever", device="cuda"), DEFAULT) == LIMITS


def test_another_checkpoint_is_not_called_the_default():
    said = limits_of(loaded(name="Mine", layers=12, parameters=1_640_000_000, device="cuda"), DEFAULT)
    assert said == limits_of(loaded(name="Mine", layers=12, parameters=1_640_000_000, device="cuda"), {})
    assert said == "Mine beside Mine: 1.64B and 1.64B parameters, on cuda."


def test_random_weights_are_told_even_in_the_defaults_shape():
    said = limits_of(loaded(note=NOTE), DEFAULT)
    assert "drawn at random" in said and "means nothing" in said and "179M and 135M parameters" in said
    head = column_head("left", FIRST_MADE["left"], loaded(note=NOTE)["sigma"])
    assert "random weights: speed only · 9 query heads share 1 key head" in head
