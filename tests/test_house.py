"""The house keeps its floors: what imports what, what stands where, and how long a file may be."""

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).parents[1]
MODULES = house.python_files(ROOT)

COMMANDS = {"bench", "choices", "convert", "efficiency", "evaluate", "generate", "harness", "needle"}
CONTRACT = {"__init__", "events", "cli"}

MAY_IMPORT_GRADIO = (
    "visualizers/page/*.py",
    "visualizers/*/tab.py",
    "visualizers/*/handlers.py",
    "visualizers/*/api.py",
    "visualizers/shared/caller.py",
    "visualizers/shared/programs.py",
    "visualizers/shared/turn_handlers.py",
)


def test_no_file_imports_from_a_floor_above():
    assert not house.upward_imports(MODULES)


def test_no_files_import_each_other_in_a_circle():
    ring = house.circle(MODULES)
    assert ring is None, " -> ".join(ring)


def test_the_model_and_its_kernels_know_no_page():
    below = {module: path for module, path in MODULES.items() if house.floor_of(module) < 3}
    assert not list(house.importers(below, ("gradio", "plotly")))


def test_gradio_stays_at_the_edge_of_the_page():
    above = {module: path for module, path in MODULES.items() if module.startswith("visualizers")}
    users = {MODULES[module].relative_to(ROOT).as_posix() for module, _ in house.importers(above, ("gradio",))}
    outside = {path for path in users if not any(fnmatch(path, pattern) for pattern in MAY_IMPORT_GRADIO)}
    assert not outside


def test_what_two_tabs_need_is_in_shared():
    tabs = ("chat", "explore", "tasks", "memory", "efficiency", "tour")
    for module, path in MODULES.items():
        room = module.split(".")[1] if module.startswith("visualizers.") else ""
        if room in tabs:
            others = tuple(f"visualizers.{tab}" for tab in tabs if tab != room)
            assert not [one.name for one in house.imports_of(path, module) if one.name.startswith(others)], module


def test_a_file_directly_in_sigma_is_a_command_or_the_contract():
    files = {path.stem for path in (ROOT / "sigma").glob("*.py")}
    assert CONTRACT <= files <= COMMANDS | CONTRACT
    for name in files & COMMANDS:
        assert '__name__ == "__main__"' in (ROOT / "sigma" / f"{name}.py").read_text("utf-8"), name


def test_training_and_the_engine_import_no_command():
    rooms = ("sigma.training", "sigma.engine", "sigma.measure", "sigma.conversion", "sigma.runtime", "sigma.aimicius")
    for module, path in MODULES.items():
        if module.startswith(rooms):
            named = {house.module_named(one.name, MODULES) for one in house.imports_of(path, module)}
            assert not named & {f"sigma.{name}" for name in COMMANDS}, module


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_whole_page_is_imported_without_torch_and_transformers():
    modules = sorted(module for module in MODULES if module.startswith("visualizers"))
    code = f"""
import sys
from importlib import import_module
for module in {modules!r}:
    import_module(module)
    loaded = {{"torch", "transformers"}} & set(sys.modules)
    if loaded:
        sys.exit(f"{{module}} loads {{loaded}}")
print(len(sys.modules) > 100)
"""
    assert run(code) == "True"


def test_the_contract_is_light_and_the_names_of_sigma_are_there():
    code = """
import sys, sigma, sigma.events, sigma.model.presets, sigma.measure.text
from sigma import PRESETS
print(sorted({"torch", "transformers", "gradio"} & set(sys.modules)), set(sigma.__all__) <= set(dir(sigma)))
from sigma import *
from transformers import AutoConfig
print(AutoConfig.for_model("sigma").model_type, SigmaForCausalLM.__name__, preset("gqa-135m").num_key_heads)
try:
    sigma.nothing
except AttributeError as error:
    print(error)
"""
    assert run(code).splitlines() == [
        "[] True",
        "sigma SigmaForCausalLM 3",
        "module 'sigma' has no attribute 'nothing'",
    ]


def test_a_long_file_says_why():
    files = house.source_files(ROOT, (".py", ".js", ".css", ".cpp", ".h"))
    found = {path.relative_to(ROOT).as_posix() for path in files if house.is_too_long(path)}
    assert not found


def test_no_function_is_longer_than_a_screen():
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {name}"
        for path in house.source_files(ROOT, (".py",))
        for name in house.long_functions(path)
    }
    assert not found


# The checks themselves, on a made-up house.


@pytest.fixture
def tree(tmp_path):
    def build(files: dict[str, str]) -> dict[str, Path]:
        for name in ("kernels/ops", "sigma/model", "visualizers/page", "app", *files):
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files.get(name, ""))
            init = path.parent / "__init__.py"
            if path.parent != tmp_path and not init.exists():
                init.write_text("")
        return house.python_files(tmp_path)

    return build


@pytest.mark.parametrize(
    "files, offender",
    [
        ({"kernels/ops": "from sigma.model import Net"}, "kernels.ops:1 imports sigma.model.Net"),
        ({"sigma/model": "def f():\n    import visualizers.page"}, "sigma.model:2 imports visualizers.page"),
        ({"sigma/model": "from sigma.aimicius import task"}, "sigma.model:1 imports sigma.aimicius.task"),
        (
            {"sigma/model": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from visualizers import page"},
            "sigma.model:3 imports visualizers.page",
        ),
        ({"visualizers/page": "from app import main"}, "visualizers.page:1 imports app.main"),
    ],
)
def test_an_import_from_above_is_named(tree, files, offender):
    assert house.upward_imports(tree({"sigma/aimicius/task": "", **files})) == [offender]


def test_downward_imports_are_no_offence(tree):
    modules = tree(
        {"app": "import visualizers.page", "visualizers/page": "from sigma import model\nimport kernels.ops"}
    )
    assert not house.upward_imports(modules) and house.circle(modules) is None


@pytest.mark.parametrize(
    "files, ring",
    [
        ({"sigma/a": "from sigma.b import x", "sigma/b": "import sigma.a"}, {"sigma.a", "sigma.b"}),
        ({"sigma/a": "from . import b", "sigma/b": "def f():\n    from .a import x"}, {"sigma.a", "sigma.b"}),
        (  # importing a file runs its package first
            {"sigma/p/__init__": "import sigma.a", "sigma/p/q": "", "sigma/a": "import sigma.p.q"},
            {"sigma.a", "sigma.p"},
        ),
        ({"sigma/a": "if TYPE_CHECKING:\n    import sigma.b", "sigma/b": "import sigma.a"}, None),
        ({"sigma/p/__init__": "from sigma.p.q import x", "sigma/p/q": "import sigma.p.r", "sigma/p/r": ""}, None),
    ],
)
def test_a_circle_is_found(tree, files, ring):
    found = house.circle(tree(files))
    assert (found and set(found)) == ring
    assert found is None or found[0] == found[-1]


def test_long_files_and_functions_are_found(tmp_path):
    path = tmp_path / "a.py"
    path.write_text('"""Short."""\n' + "x = 1\n" * 300)
    assert house.is_too_long(path)
    path.write_text('"""A table, which is why it has over\n300 lines."""\n' + "x = 1\n" * 300)
    assert not house.is_too_long(path)
    path.write_text('"""It has over 300 lines."""\n' + "x = 1\n" * 500)
    assert house.is_too_long(path)
    script = tmp_path / "a.js"
    for head, wrong in (("", True), ("/* over 300 lines: a list. */", False), ("// Has over\n// 300 lines.", False)):
        script.write_text(f"{head}\n" + "f();\n" * 301)
        assert house.is_too_long(script) is wrong
    path.write_text("def short():\n" + "    pass\n" * 59 + "def long():\n" + "    pass\n" * 60)
    assert house.long_functions(path) == ["long"]
    path.write_text('"""`long` has over 60\nlines: a table."""\n' + "def long():\n" + "    pass\n" * 60)
    assert house.long_functions(path) == []
