import json

import numpy as np
import pytest

from sigma.events import SIDES, ChatRequest, Sampling
from tests.visualizers.explore.site import tiny_engine
from visualizers.explore import record, recorded
from visualizers.explore.runs import from_recording
from visualizers.page.assets import ASSETS

SHIPPED = ASSETS / "examples" / "explore.json"


def test_levels_are_ten_percent_apart():
    values = np.array([0, 1e-6, 2e-4, 0.03, 0.5, 1])
    assert recorded.from_levels(recorded.to_levels(values)) == pytest.approx([0, 0, 2e-4, 0.03, 0.5, 1], rel=0.1)
    levels = np.arange(64, dtype=np.uint8)
    assert (recorded.expand(recorded.compress(levels)) == levels).all()


@pytest.fixture(scope="module")
def made():
    engine = tiny_engine()
    messages = {side: [{"role": "user", "content": "Hi <b>"}] for side in SIDES}
    data = record.build(engine, ChatRequest(messages, Sampling(max_new_tokens=6)), "a test")
    yield json.loads(json.dumps(data)), engine
    engine.close()


def test_a_recording_answers_like_the_inspection_it_was_made_of(made):
    data, engine = made
    run = from_recording(data)
    text = run.text("sigma")
    for side in SIDES:
        mine = recorded.RecordedSide(data["sides"][side], len(text.ids), text.prompt_length)
        real = engine.inspect(side, text.ids, text.prompt_length)
        n = len(text.ids)
        assert mine.weights(2, 0, n) == pytest.approx(real.weights(2, 0, n), abs=0.05)
        assert mine.weights(2, 0, n).sum(-1) == pytest.approx(np.ones((9, n)), abs=1e-5)
        weights, sums = mine.attend(1, 3, n)
        assert sums == pytest.approx(real.attend(1, 3, n)[1], abs=1 / 64) and weights.shape == (9, n - 3, n)
        ks = [1, 2, 4, 8]
        assert mine.output_errors(3, n - 1, ks) == pytest.approx(
            np.minimum(real.output_errors(3, n - 1, ks), 1), rel=0.12, abs=1e-4
        )
        assert not mine.output_errors(3, n - 1, [n]).any()
        assert np.isnan(mine.output_errors(3, 0, [1])).all()
        told, wanted = mine.next_tokens(n - 2), real.next_tokens(n - 2)
        assert tuple(told.ids) == wanted.ids and told.taken == pytest.approx(wanted.taken, abs=1e-3)
        assert mine.next_tokens(0) is None and mine.next_tokens(n) is None
    for arguments in ((4, 0, 1), (0, 0, n + 1), (0, 3, 3)):
        with pytest.raises(ValueError, match=r"does not exist|not there"):
            mine.weights(*arguments)


def test_the_shipped_recording_is_whole():
    data = recorded.read(SHIPPED)
    run = from_recording(data)
    text = run.text("sigma")
    assert run.parting() is not None and text.steps >= 16 and SHIPPED.stat().st_size < 1_500_000
    assert data["sides"]["sigma"]["info"]["key_heads"] == 1 and data["sides"]["gqa"]["info"]["key_heads"] == 3
    for side in SIDES:
        one = recorded.RecordedSide(data["sides"][side], len(text.ids), text.prompt_length)
        for layer in range(one.layers):
            sums = one.weights(layer, 0, len(text.ids)).sum(-1)
            assert sums == pytest.approx(np.ones_like(sums), abs=1e-5)
        assert one.next_tokens(len(text.ids) - 2).taken > 0


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"kind": "sigma exploration", "version": 99}', "\x00\x01"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="not"):
        recorded.read(path)
    assert recorded.read(tmp_path / "none.json") is None
