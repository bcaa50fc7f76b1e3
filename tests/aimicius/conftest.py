import pytest

from sigma.aimicius import data, evaluate
from sigma.aimicius.data import __main__ as data_command
from tests.aimicius.small_task import TASK, SmallTask


class OtherTask(SmallTask):
    name = "other"


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The commands see the small task, a cache of their own, and no fixed hashes."""
    tasks = {"small": TASK, "other": OtherTask()}
    for module in (evaluate, data_command):
        monkeypatch.setattr(module, "NAMES", tuple(tasks))
        monkeypatch.setattr(module, "load_task", tasks.__getitem__)
    monkeypatch.setenv("SIGMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "HASHES", tmp_path / "hashes.json")
    monkeypatch.setattr(data_command, "HASHES", tmp_path / "hashes.json")
