"""The browser's modules: Node runs the tests of the pure ones, on payloads that the server's own code packs; and every module
can be read, imports what there is, stands in no circle, and has no long function."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sigma.events import AttentionProbe
from tests.fake_engine import cache_bytes
from visualizers.explore.payloads import pack_bits, pack_bytes, pack_map, pack_row
from visualizers.page.assets import ASSETS, MAIN, modules
from visualizers.shared.packing import curve_row, fetched_marks, pack_curve, pack_probe

HERE = Path(__file__).parent
LONGEST = 60
IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.M)
EXPORT = re.compile(r"^export (?:async )?(?:function|const|class) (\w+)", re.M)
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no Node on this machine")


def node(*arguments, **environment):
    return subprocess.run(
        ["node", *map(str, arguments)], capture_output=True, text=True, env={**os.environ, **environment}, timeout=120
    )


def payloads():
    """Packed by the server's code, beside the numbers that were packed."""
    random = np.random.default_rng(3)
    scores = np.exp(3 * random.normal(size=(3, 24, 24))) * np.tri(24)
    weights = (scores / scores.sum(-1, keepdims=True)).astype(np.float32)
    look = lambda start, stop: weights[:, start:stop, :stop]  # noqa: E731
    bits, some = random.random((3, 13)) < 0.4, random.random((2, 5))
    rows = [(0, 0, 0, 0, 0), *(curve_row(cache_bytes("sigma", t, 16)) for t in range(41, 900))]
    positions = np.stack([random.permutation(24)[:6] for _ in range(3)]).astype(np.int64)
    probe = AttentionProbe(layer=2, scores=weights[:, -1, :], positions=positions, captured=np.ones(3))
    marks = fetched_marks(positions, 24) > 0
    return {
        "weights": weights.tolist(),
        "map": {**pack_map(look, (0, 24), (0, 24), 24), "lse": None},
        "binned": {**pack_map(look, (0, 24), (0, 24), 7), "lse": None},
        "row": pack_row(weights[:, -1, :], np.array([0.5, 1.25, 2.0]), 64),
        "bits": {"text": pack_bits(bits), "columns": 13, "values": bits.tolist()},
        "bytes": {"packed": pack_bytes(some, 1.0), "values": some.tolist()},
        "attention": {"packed": pack_probe(probe), "weights": weights[:, -1].tolist(), "marks": marks.tolist()},
        "curve": {"packed": pack_curve(rows), "rows": [list(map(int, row)) for row in rows]},
    }


@needs_node
def test_pure_modules(tmp_path):
    (tmp_path / "payloads.json").write_text(json.dumps(payloads()), "utf-8")
    tests = sorted(HERE.glob("*.test.mjs"))
    assert tests
    done = node("--test", *tests, SIGMA_PAYLOADS=str(tmp_path / "payloads.json"))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.M)[1]) >= 25


@needs_node
@pytest.mark.parametrize("name", sorted(modules()))
def test_a_module_can_be_read(name):
    done = node("--check", ASSETS / name)
    assert done.returncode == 0, done.stderr


def source(name):
    return (ASSETS / name).read_text("utf-8")


def imports(name, text):
    """{path of an imported module: names}"""
    found = {}
    for names, where in IMPORT.findall(text):
        assert where.startswith("."), f"{name} imports {where}: only files beside it can be had"
        target = os.path.normpath(os.path.join(os.path.dirname(name), where))
        found[target] = {one.strip() for one in names.split(",") if one.strip()}
    return found


def test_every_import_is_exported_somewhere():
    for name in modules():
        text = source(name)
        assert text.count("\nimport ") == len(IMPORT.findall(text)), f"{name}: an import in another form"
        for target, names in imports(name, text).items():
            assert target in modules(), f"{name} imports {target}, which is not there"
            missing = names - set(EXPORT.findall(source(target)))
            assert not missing, f"{name} imports {missing} from {target}"


def test_every_module_is_reached_and_every_export_is_used():
    used, seen, waiting = {}, set(), [MAIN]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for target, names in imports(name, source(name)).items():
            used.setdefault(target, set()).update(names)
            waiting.append(target)
    assert seen == set(modules())
    tests = "".join(path.read_text("utf-8") for path in HERE.glob("*.test.mjs"))
    for name in modules():
        for one in set(EXPORT.findall(source(name))) - used.get(name, set()):
            assert re.search(rf"\b{one}\b", tests), f"{name} exports {one}, which nobody imports"


def ring(graph):
    """Modules that import each other in a ring, or None."""
    done = set()

    def follow(name, way):
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return None
        found = next(filter(None, (follow(target, [*way, name]) for target in sorted(graph[name]))), None)
        done.add(name)
        return found

    return next(filter(None, (follow(name, []) for name in sorted(graph))), None)


def test_no_modules_import_each_other_in_a_ring():
    assert ring({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()}) == ["a", "b", "c", "a"]
    assert ring({name: set(imports(name, source(name))) for name in modules()}) is None


def test_a_feature_imports_shared_modules_and_its_own():
    for name in modules():
        if name != MAIN:
            folders = {target.split("/")[0] for target in imports(name, source(name))}
            assert folders <= {name.split("/")[0], "shared"}, name


def long_functions(text):
    """(line, lines) of every function longer than LONGEST, by the indentation of the line that closes it."""
    lines, found = text.split("\n"), []
    for i, line in enumerate(lines):
        if line.startswith(("import", "//")) or not re.search(r"(\) \{|=> \{|=> \(\{)$", line):
            continue
        if re.match(r"\s*(?:if|for|while|switch|\} else)\b", line):
            continue
        indent = len(line) - len(line.lstrip())
        end = next(
            j for j in range(i + 1, len(lines)) if lines[j].strip() and len(lines[j]) - len(lines[j].lstrip()) <= indent
        )
        if end - i + 1 > LONGEST:
            found.append((i + 1, end - i + 1))
    return found


def test_no_function_is_long():
    body = "\n".join(["function a() {", *["  b();"] * LONGEST, "}"])
    assert long_functions(body) == [(1, LONGEST + 2)] and long_functions(body.replace("  b();\n", "", 2)) == []
    assert {name: found for name in modules() if (found := long_functions(source(name)))} == {}
