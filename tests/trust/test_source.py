"""What the source never does: ask a shell, run text, read a pickle, fetch a file without a hash, hand out a folder."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house import parsed, source_files

ROOT = Path(__file__).parents[2]
OURS = [path for path in source_files(ROOT, (".py",)) if path.relative_to(ROOT).parts[0] != "tests"]
SCRIPTS = [path for path in source_files(ROOT, (".js",)) if path.relative_to(ROOT).parts[0] != "tests"]
PAGES = [path for path in source_files(ROOT, (".html",)) if path.relative_to(ROOT).parts[0] == "assets"]

STARTS = {"run", "Popen", "call", "check_call", "check_output"}
SHELLS = re.compile(r"(^|/)(ba|da|z|k|c|fi)?sh$|^(cmd|powershell)(\.exe)?$")
FORBIDDEN = {
    "os.system", "os.popen", "os.spawnl", "os.spawnv", "os.execl", "os.execv", "subprocess.getoutput", "subprocess.getstatusoutput", "pty.spawn",
    "tempfile.mktemp", "yaml.load", "marshal.loads", "pickle.loads", "pickle.load",
}  # fmt: skip
# Text is run as a program in two places: in the sandbox (inside WebAssembly), and our own generated program, to see that it prints its plan.
RUNS_TEXT = {"sigma/aimicius/optiflow/generator/programs.py"}
# HTML comes from the server in these, where every text in it was escaped (`tests/aimicius/test_judges.py`, `tests/visualizers`).
PUTS_HTML = {"tasks/results.js": 1, "tasks/verdict.js": 2, "efficiency/mount.js": 1, "static/runs.js": 1}


def name_of(node: ast.expr) -> str:
    """`a.b.c` of a call's function, "" for anything else."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(text: str) -> list[tuple[str, ast.Call]]:
    """(name, call) of every call in a file."""
    return [(name_of(node.func), node) for node in ast.walk(parsed(text)) if isinstance(node, ast.Call)]


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((one.value for one in call.keywords if one.arg == name), None)


def is_value(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def faults(text: str) -> list[str]:
    """What a Python file does that none of ours may."""
    found = []
    for name, call in calls(text):
        where = f"line {call.lineno}: {name}"
        last = name.rpartition(".")[2]
        if name in FORBIDDEN or last in ("extractall",):
            found.append(where)
        if keyword(call, "shell") is not None and not is_value(keyword(call, "shell"), False):
            found.append(f"{where} asks a shell")
        if name.startswith("subprocess.") and last in STARTS:
            first = call.args[0] if call.args else keyword(call, "args")
            if isinstance(first, (ast.JoinedStr, ast.Constant)) or not isinstance(
                first, (ast.List, ast.Tuple, ast.Name)
            ):
                found.append(f"{where} is given a line, not a list of words")
            words = first.elts if isinstance(first, (ast.List, ast.Tuple)) else []
            if words and isinstance(words[0], ast.Constant) and SHELLS.search(str(words[0].value)):
                found.append(f"{where} starts a shell")
        if name in ("eval", "exec"):
            found.append(f"{where} runs text")
        if name == "torch.load" and not is_value(keyword(call, "weights_only"), True):
            found.append(f"{where} reads a pickle")
        trusts = keyword(call, "trust_remote_code")
        if trusts is not None and not is_value(trusts, False):
            found.append(f"{where} runs a checkpoint's own code")
        if is_value(keyword(call, "allow_pickle"), True) or is_value(keyword(call, "verify"), False):
            found.append(where)
        if last == "set_static_paths" or (keyword(call, "allowed_paths") is not None):
            found.append(f"{where} hands out a folder")
    for node in ast.walk(parsed(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found += [
            f"line {node.lineno}: imports {name}"
            for name in names
            if name in ("pickle", "marshal", "shelve", "dill", "joblib")
        ]
    return found


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_shell_no_pickle_no_text_that_is_run(path):
    name = path.relative_to(ROOT).as_posix()
    wrong = faults(path.read_text("utf-8"))
    if name in RUNS_TEXT:
        assert len(wrong) == 1 and wrong[0].endswith("exec runs text")
        return
    assert not wrong


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(['ls'], shell=True)",
        "subprocess.run(words, shell=flag)",
        "subprocess.run('ls')",
        "subprocess.check_output(f'ls {x}')",
        "subprocess.run(['sh', '-c', x])",
        "subprocess.Popen(['/bin/bash', '-c', x])",
        "os.system(x)",
        "eval(x)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "import pickle",
        "from pickle import loads",
        "AutoModel.from_pretrained(path, trust_remote_code=True)",
        "numpy.load(path, allow_pickle=True)",
        "archive.extractall(folder)",
        "page.launch(allowed_paths=['/'])",
        "gr.set_static_paths(['assets'])",
    ],
)
def test_the_scan_finds_it(line):
    assert len(faults(f"import os\n{line}\n")) == 1, line


def test_the_scan_lets_pass_what_is_fine():
    fine = "subprocess.run([tool, '--version'])\ntorch.load(p, weights_only=True)\nmodel.eval()\nAutoConfig.from_pretrained(p)\n"
    assert not faults(fine)


def test_scripts_build_no_html_and_run_no_text():
    for path in SCRIPTS:
        text, name = path.read_text("utf-8"), path.relative_to(ROOT / "assets").as_posix()
        assert len(
            re.findall(r"\b(?:innerHTML|outerHTML)\s*=[^=]|insertAdjacentHTML|createContextualFragment", text)
        ) == PUTS_HTML.get(name, 0), name
        assert not re.search(
            r"\beval\(|new Function|document\.write|\bsrcdoc\b|set(?:Timeout|Interval)\(\s*[\"'`]", text
        ), name
        assert not re.search(r"[\"'`]\s*javascript:", text), name


def test_fragments_hold_no_handler_and_no_script():
    assert PAGES
    for path in PAGES:
        text = path.read_text("utf-8")
        assert not re.search(r"<[^>]*\son[a-z]+\s*=|javascript:|<iframe|<object|<embed|<base", text, re.IGNORECASE), (
            path.name
        )
        scripts = re.findall(r"<script[^>]*>", text, re.IGNORECASE)
        assert not scripts or path.parent.name == "static", path.name


def test_what_is_fetched_has_a_hash():
    """Everything that the project downloads by itself is compared with a SHA-256 that stands in the source."""
    fetchers = {
        "sigma/checkpoints/base.py": ("pip", "SHA256"),
        "sigma/aimicius/nl2kql/strict.py": ("npm", "SHA256"),
    }
    for name, (tool, pinned) in fetchers.items():
        text = (ROOT / name).read_text("utf-8")
        assert tool in text and re.search(rf'{pinned} = "[0-9a-f]{{64}}"', text), name
    sandbox = (ROOT / "sigma/aimicius/optiflow/sandbox/__init__.py").read_text("utf-8")
    assert re.search(r'WASM_SHA256 = "[0-9a-f]{64}"', sandbox)
    asking = re.compile(
        r"urlopen|urlretrieve|(?<![.\w])requests\.get|httpx\.get|hf_hub_download|snapshot_download\(|load_dataset\("
        r'|"download",|"pack",'
    )
    found = {path.relative_to(ROOT).as_posix() for path in OURS if asking.search(path.read_text("utf-8"))}
    # The Hub is asked for what a user names: a repository, whose files are then read as safetensors and JSON only.
    assert found == {*fetchers, "sigma/checkpoints/load.py", "sigma/training/hub.py"}, found
