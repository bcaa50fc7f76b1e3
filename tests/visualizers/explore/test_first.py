"""The answers that the page carries are the server's own, and small."""

import json

from visualizers.explore.first import first_view
from visualizers.explore.handlers import first_view_script
from visualizers.explore.recorded import read
from visualizers.explore.service import Explorer
from visualizers.page.assets import ASSETS
from visualizers.shared.loader import EngineLoader

RECORDING = ASSETS / "examples" / "explore.json"


def test_the_page_carries_what_the_server_would_answer():
    explorer = Explorer(EngineLoader(lambda progress: None), read(RECORDING))
    page = explorer.open_page("x").token
    opening, view = first_view(RECORDING)
    for one in (opening, view):
        assert explorer.ask({**one["question"], "page": page}) == one["answer"] and "error" not in one["answer"]
    assert opening["answer"]["run"] == view["question"]["run"] == "recorded"
    assert set(view["question"]["parts"]) <= set(view["answer"])


def test_it_is_small_and_holds_nothing_that_ends_its_element():
    script = first_view_script(RECORDING)
    assert len(script) < 100_000 and script.count("<") == 2
    assert len(json.loads(script[script.index(">") + 1 : script.rindex("<")])) == 2


def test_without_a_recording_there_is_none(tmp_path):
    assert first_view(tmp_path / "none.json") == [] and first_view_script(tmp_path / "none.json") == ""
