"""Modules become one classic script that does what they do; what cannot become one is refused."""

import json
import re
import shutil
import subprocess

import pytest

from tests.visualizers.js.test_modules import imports, long_functions, ring
from visualizers.page.assets import ASSETS, STATIC, modules
from visualizers.static.bundle import NAME, bundle
from visualizers.static.page import ENTRY

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no Node on this machine")

SMALL = {
    "main.js": (
        'import { twice as double, Box } from "./a/twice.js";\nimport { LIMIT } from "./a/limit.js";\n'
        "// import is only a word here\nconst box = new Box(double(LIMIT));\nprint(box.held, again());\n"
        "function again() { return double(1); }\n"
    ),
    "a/twice.js": (
        'import { LIMIT } from "./limit.js";\nexport const twice = (n) => Math.min(2 * n, LIMIT * 2);\n'
        "export class Box {\n  constructor(held) { this.held = held; }\n}\nconst LOCAL = 1;\n"
    ),
    "a/limit.js": "export const LIMIT = 21;\nconst LOCAL = 2;\nexport async function wait() { return LOCAL; }\n",
}


def run(script, tmp_path):
    """What a script prints, run as a browser runs one that is no module."""
    (tmp_path / "run.cjs").write_text(
        f"const printed = [];\nrequire('vm').runInNewContext({json.dumps(script)}, {{ print: (...all) => printed.push(all), Math }});\n"
        "console.log(JSON.stringify(printed));\n",
        "utf-8",
    )
    done = subprocess.run(["node", tmp_path / "run.cjs"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_node
def test_the_script_does_what_the_modules_do(tmp_path):
    script = bundle(SMALL, "main.js")
    assert run(script, tmp_path) == [[42, 2]]
    assert script.index('modules["a/limit.js"] =') < script.index('modules["a/twice.js"] =')
    assert script.count('modules["a/limit.js"] = ') == 1  # twice imported, run once


@pytest.mark.parametrize(
    "changed, words",
    [
        (
            {"a/limit.js": 'import { Box } from "./twice.js";\nexport const LIMIT = 1;\n'},
            "ring: a/twice.js -> a/limit.js",
        ),
        ({"a/limit.js": "const LIMIT = 1;\n"}, "a/twice.js imports LIMIT from a/limit.js, which does not export it"),
        ({"main.js": 'import { x } from "./none.js";\n'}, "main.js imports none.js, which is not there"),
        ({"main.js": 'import x from "./a/twice.js";\n'}, "not bundled"),
        ({"main.js": 'import * as x from "./a/twice.js";\n'}, "not bundled"),
        ({"main.js": 'import "./a/twice.js";\n'}, "not bundled"),
        ({"main.js": 'import { twice } from "twice";\n'}, "not bundled"),
        ({"main.js": 'const { x } = await import("./a/twice.js");\n'}, "not bundled"),
        ({"main.js": "const here = import.meta.url;\n"}, "not bundled"),
        ({"a/limit.js": "const LIMIT = 1;\nexport { LIMIT };\n"}, "not bundled"),
        ({"main.js": "export default 3;\n"}, "not bundled"),
        ({"main.js": 'export * from "./a/limit.js";\n'}, "not bundled"),
        ({"main.js": "export let x = 3;\n"}, "not bundled"),
    ],
)
def test_another_form_is_refused(changed, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        bundle({**SMALL, **changed}, "main.js")


def sources():
    return {path.relative_to(ASSETS).as_posix(): path.read_text("utf-8") for path in sorted(ASSETS.glob("*/*.js"))}


def own():
    return {name: text for name, text in sources().items() if name.startswith(f"{STATIC}/")}


@needs_node
def test_the_pages_script_can_be_read_and_is_no_module(tmp_path):
    script = bundle(sources(), ENTRY)
    (tmp_path / "sigma.cjs").write_text(script, "utf-8")
    done = subprocess.run(["node", "--check", tmp_path / "sigma.cjs"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"^\s*(?:import|export)\b", script, re.M)


def test_the_live_pages_modules_are_used_and_not_the_other_way_round():
    named = set(re.findall(r'^modules\["([^"]+)"\] =', bundle(sources(), ENTRY), re.M))
    assert named >= {"chat/mount.js", "explore/mount.js", "memory/mount.js", "tour/tour.js", *own()}
    assert not [name for name in modules() if name.startswith(f"{STATIC}/")]
    assert named - set(own()) <= set(modules())


def test_our_own_modules_are_as_the_others_are():
    graph = {name: imports(name, text) for name, text in own().items()}
    assert ring({name: set(targets) & set(graph) for name, targets in graph.items()}) is None
    used = {one for targets in graph.values() for names in targets.values() for one in names}
    for name, text in own().items():
        assert long_functions(text) == [], name
        assert set(NAME.findall(text)) <= used, f"{name} exports what nobody imports"
        if name != ENTRY:
            assert {target.split("/")[0] for target in graph[name]} <= {STATIC, "shared"}, name
