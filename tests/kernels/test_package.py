"""`pip install ./kernels`: the folder alone, in an empty virtual environment that knows torch and nothing of this house."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from email.parser import Parser
from pathlib import Path
from shutil import copytree, ignore_patterns, which

import pytest
import torch

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "kernels"
FILES = [path.relative_to(KERNELS) for path in sorted(KERNELS.rglob("*")) if path.suffix in (".py", ".cpp", ".h")]
SOURCES = [path for path in FILES if path.parts[0] not in ("examples", "build")]

ALONE = """
import json, os, pkgutil, sys
from importlib import import_module
import torch
import diffqkv
from diffqkv import native
from diffqkv.decode import reference as decode
from diffqkv.prefill import reference as prefill
from diffqkv.selective import reference as selective
from diffqkv.append import reference as append
from diffqkv.squares import reference as squares
from diffqkv.swiglu import reference as swiglu

torch.manual_seed(0)
q, k, v = torch.randn(2, 8, 20, 16), torch.randn(2, 2, 50, 16), torch.randn(2, 4, 50, 24)
one = q[:, :, -1:]
wide, tables = torch.randn(3, 20), torch.randn(64, 8)
cos, sin = (x.repeat(1, 2) for x in (tables.cos(), tables.sin()))
new = q[:, :, :1], torch.randn(2, 2, 1, 16), torch.randn(2, 4, 1, 24)

def appended(function):
    caches = k.clone(), v.clone()
    return torch.cat([x.flatten() for x in (function(*new, cos, sin, *caches), *caches)])

pairs = {
    "decode_attention": (diffqkv.decode_attention(one, k, v), decode.decode_attention(one, k, v)),
    "prefill_attention": (diffqkv.prefill_attention(q, k, v), prefill.prefill_attention(q, k, v)),
    "selective_decode_attention": [
        f(one, k, v, 7).out for f in (diffqkv.selective_decode_attention, selective.selective_decode_attention)
    ],
    "attention_weights": (diffqkv.attention_weights(one, k), decode.attention_weights(one, k)),
    "attention_squares": [
        torch.cat([x.flatten() for x in f(q, k, (3, 50), 6)])
        for f in (diffqkv.attention_squares, squares.attention_squares)
    ],
    "append_rope": (appended(diffqkv.append_rope), appended(append.append_rope)),
    "silu_mul": (diffqkv.silu_mul(wide), swiglu.silu_mul(wide)),
}
apart = {name: (one - other).abs().max().item() for name, (one, other) in pairs.items()}
whole = torch.compile(lambda q: diffqkv.prefill_attention(q, k, v), backend="eager", fullgraph=True)
apart["compiled"] = (whole(q) - pairs["prefill_attention"][1]).abs().max().item()

import importlib.util
for module in pkgutil.walk_packages(diffqkv.__path__, "diffqkv."):
    if "triton" not in module.name or importlib.util.find_spec("triton"):
        import_module(module.name)
from diffqkv import bench
bench.main(["--device", "cpu", "--op", "decode", "--T", "64", "--rounds", "3", "--seconds", "0.1", "--json"])
print(json.dumps({
    "apart": apart, "own_backward": diffqkv.has_own_backward(q, v), "names": diffqkv.__all__,
    "status": native.status(), "modules": sorted(sys.modules),
}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that pip made of a copy of kernels/ (building leaves files behind), offline."""
    setuptools = pytest.importorskip("setuptools", reason="setuptools builds the wheel")
    if int(setuptools.__version__.split(".")[0]) < 77:
        pytest.skip(f"setuptools {setuptools.__version__} is older than kernels/pyproject.toml asks for")
    home = tmp_path_factory.mktemp("package")
    copytree(KERNELS, home / "kernels", ignore=ignore_patterns("__pycache__", "build", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps"]
    pip += ["--no-build-isolation", "--no-compile", "--target", str(home / "site"), str(home / "kernels")]
    # Without "." on the path, which the folder's own inspect.py would replace the standard library's by.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(pip, capture_output=True, text=True, cwd=home, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    return home / "site"


@pytest.fixture(scope="module")
def run(installed):
    """Runs Python in a new virtual environment without pip: the installed folder, and where torch is."""
    home = installed.parent
    venv.EnvBuilder(symlinks=True, with_pip=False).create(home / "venv")
    paths = f"{installed}{os.pathsep}{Path(torch.__file__).parents[1]}"
    environment = {**os.environ, "PYTHONPATH": paths, "XDG_CACHE_HOME": str(home / "cache"), "OMP_NUM_THREADS": "1"}
    environment.pop("SIGMA_KERNELS", None)

    def call(*arguments: str) -> str:
        command = [str(home / "venv" / "bin" / "python"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment, timeout=900)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_the_package_is_whole(installed):
    """Every module, and the C++ that is compiled at first use; no example, no test, nothing else at the top."""
    found = {path.relative_to(installed / "diffqkv") for path in (installed / "diffqkv").rglob("*") if path.is_file()}
    assert {path for path in found if path.suffix != ".pyc"} == set(SOURCES)
    (info,) = installed.glob("*.dist-info")
    assert {path.name for path in installed.iterdir()} == {"diffqkv", info.name}
    assert [*info.rglob("LICENSE")]
    metadata = Parser().parsestr((info / "METADATA").read_text("utf-8"))
    assert (metadata["Name"], metadata["License-Expression"]) == ("diffqkv", "Apache-2.0")
    assert metadata.get_all("Requires-Dist") == ["torch>=2.9"]
    assert "Query head h reads K head" in metadata.get_payload()  # the README


def test_it_works_alone(run):
    """Every public function beside its reference, the C++ library, torch.compile, the bench; nothing of ours loaded."""
    bench, answer = (json.loads(line) for line in run("-c", ALONE).splitlines()[-2:])
    assert {name: apart for name, apart in answer["apart"].items() if not apart < 1e-5} == {}
    assert {*answer["apart"], "has_own_backward", "MAX_DECODE_QUERIES", "SelectiveResult"} == {
        *answer["names"],
        "compiled",
    }
    assert answer["own_backward"] is False
    has_compiler = which(os.environ.get("CXX") or "g++") or which("clang++")
    assert answer["status"].startswith("native " if has_compiler else "torch (no C++ compiler")
    ours = [
        name for name in answer["modules"] if name.partition(".")[0] in ("kernels", "sigma", "visualizers", "tests")
    ]
    assert ours == []
    assert {"gqa", "diffqkv"} <= {row["variant"] for row in bench["rows"]}


def test_a_stock_llama_by_attn_implementation(run):
    """The example of the README: same logits and tokens as torch's attention, with padding too; then selective V."""
    pytest.importorskip("transformers")
    lines = run(str(KERNELS / "examples" / "llama.py")).splitlines()
    print("\n".join(lines))
    apart, largest = map(float, re.findall(r"[\d.]+(?:e-?\d+)?", lines[0]))
    assert apart < 1e-4 * largest
    assert lines[1] == "equal tokens: 24 of 24"
    assert lines[2] == "equal tokens, padded: 48 of 48"
    mass, calls = re.search(r"captured ([\d.]+), mean of (\d+) calls", lines[3]).groups()
    assert 0.1 < float(mass) < 1
    assert int(calls) == 2 * 23  # layers, steps after the prompt


def test_imports_and_includes_are_relative():
    """An absolute one would break the package under its other name."""
    for path in SOURCES:
        text = (KERNELS / path).read_text("utf-8")
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(text)):
                named = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                named += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                assert not [name for name in named if name.partition(".")[0] in ("kernels", "diffqkv")], path
        else:
            for name in re.findall(r'#include "([^"]+)"', text):
                assert (KERNELS / path.parent / name).is_file(), (path, name)


def test_metadata_agrees_with_the_repository():
    theirs = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    ours = tomllib.loads((KERNELS / "pyproject.toml").read_text("utf-8"))
    assert ours["project"]["requires-python"] == theirs["requires-python"]
    assert ours["project"]["license"] == theirs["license"]
    assert (KERNELS / "LICENSE").read_text("utf-8") == (ROOT / "LICENSE").read_text("utf-8")
    (torch_wanted,) = set(re.findall(r"^torch(>=[\d.]+)", (ROOT / "requirements.txt").read_text("utf-8"), re.M))
    assert ours["project"]["dependencies"] == [f"torch{torch_wanted}"]
    packages = {".".join(("diffqkv", *path.parent.parts)) for path in SOURCES if path.name == "__init__.py"}
    assert set(ours["tool"]["setuptools"]["packages"]) == packages
