"""What the browser computes where there is no server is what the server computes: both are asked the same, in Node."""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.visualizers.static.recordings import random_recording
from visualizers.chat.recording import read as read_recorded
from visualizers.chat.recording import recorded_info
from visualizers.explore.recorded import read
from visualizers.explore.service import Explorer
from visualizers.memory import figures, form
from visualizers.memory.models import MODELS
from visualizers.page.assets import ASSETS
from visualizers.static import memory, recording

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no Node on this machine")

PARTS = "maps head row linked figures exact select overview time next track numbers".split()
CHARACTERS = " 0123456789,.kKmM-½x"


def node(script, cases, tmp_path):
    """Run a module of this folder on cases; it prints nothing and ends with 0 when all answers are the same."""
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(cases), "utf-8")
    environment = {**os.environ, "SIGMA_CASES": str(path)}
    done = subprocess.run(["node", HERE / script], capture_output=True, text=True, env=environment, timeout=1200)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def ask_explorer(path, questions):
    """(question, the server's answer) for each."""
    explorer = Explorer(None, read(path))
    page = explorer.open_page("test").token
    return [[one, explorer.ask({**one, "page": page})] for one in questions]


def some_questions(tokens, layers, heads, count, seed):
    draw = random.Random(seed)
    for i in range(count):
        yield {
            "op": "view",
            "run": "recorded",
            "text": "sigma",
            "layer": draw.randrange(layers),
            "query": (tokens - 2, 0, 1, tokens - 1)[i] if i < 4 else draw.randrange(tokens),
            "head": draw.randrange(heads),
            "side": draw.choice(["sigma", "gqa"]),
            "k": draw.choice([1, 2, 5, 16, tokens - 1, 10_000]),
            "measure": ("captured", "entropy", "diverge")[i % 3],
            "parts": PARTS if i < 4 else draw.sample(PARTS, 4),
        }


def test_the_explorers_answers_are_the_servers(tmp_path):
    path = ASSETS / "examples" / "explore.json"
    data = recording.exploration(path)
    info, tokens = data["sides"]["sigma"]["info"], len(data["ids"])
    questions = list(some_questions(tokens, info["layers"], info["query_heads"], 14, 3))
    window = {"op": "view", "run": "recorded", "text": "sigma", "side": "gqa", "head": 4, "layer": 3, "query": 50}
    questions.append({**window, "parts": ["head"], "q0": 40, "q1": 55, "k0": 7, "k1": 33})
    questions.append({**window, "parts": ["exact"], "from": 5, "to": 9})
    cases = ask_explorer(path, questions)
    assert not [answer for _, answer in cases if "error" in answer]
    assert node("answers.mjs", {"data": data, "cases": cases}, tmp_path) == f"{len(cases)} answers\n"


def test_a_longer_recording_is_binned_alike(tmp_path):
    path = tmp_path / "explore.json"
    path.write_text(json.dumps(random_recording(tokens=150, layers=2)), "utf-8")
    data = recording.exploration(path)
    cases = ask_explorer(path, some_questions(150, 2, 6, 8, 5))
    assert cases[0][1]["maps"]["sigma"]["width"] == 2 and not [answer for _, answer in cases if "error" in answer]
    assert node("answers.mjs", {"data": data, "cases": cases}, tmp_path) == f"{len(cases)} answers\n"


def test_what_there_is_not_is_said(tmp_path):
    data = recording.exploration(ASSETS / "examples" / "explore.json")
    asked = [
        ({"op": "view", "run": "other"}, "not known"),
        ({"op": "view", "run": "recorded", "parts": ["all"]}, "parts must be"),
        ({"op": "view", "run": "recorded", "parts": ["row"], "layer": 30, "query": 3}, "layer must be"),
        ({"op": "view", "run": "recorded", "parts": ["row"], "layer": 3, "query": 70}, "query must be"),
        ({"op": "view", "run": "recorded", "parts": ["row"], "layer": 3, "query": 7, "side": "both"}, "side must be"),
        ({"op": "view", "run": "recorded", "parts": ["select"], "layer": 3, "query": 7, "k": 0}, "k must be"),
        ({"op": "open", "run": "recorded", "text": "gqa"}, "Sigma's text only"),
        ({"op": "rerun", "run": "recorded", "k": 4}, "no model"),
        ({"op": "write", "run": "recorded"}, "nothing else"),
    ]
    cases = {"data": data, "refused": asked, "cases": [[{"op": "open", "run": "recorded"}, data["about"]]]}
    assert node("answers.mjs", cases, tmp_path) == "1 answers\n"


def some_forms(count, seed):
    """Forms as browsers send them: presets, changes that fit, and much that does not."""
    draw = random.Random(seed)
    good = {
        "context": ["1", "128k", "1M", "1,000", " 77 "],
        "batch": ["1", "100,000", "7"],
        "top_k": ["", "1", "100", "1k"],
        "kv": list(form.KV_TYPES),
        "weights": list(form.WEIGHT_TYPES),
        "n_q": ["8", "32", "9"],
        "n_k": ["1", "4", "8"],
        "n_v": ["1", "8", "16"],
        "gqa": ["1", "8", "3"],
        "d_k": ["32", "64", "192", "65"],
        "d_v": ["64", "128"],
        "window": ["", "512", "4k"],
        "b_layers": ["", "3", "200"],
        "b_window": ["", "128"],
        "b_n_k": ["", "2"],
        "c_layers": ["", "1"],
        "c_d_k": ["", "32"],
        "tied": ["yes", "no", "maybe"],
        "memory": ["80", "0.5", "23,5", "1,000", "1000000", ".1", "0"],
        "counted": ["", "8030.261248", "0,5", "1e3", "0.0000001", "100000000"],
        "augmented": ["", "864"],
        "layers": ["1", "1000"],
        "hidden": ["576", "1000000"],
        "ffn": ["1536", "10000000"],
    }
    for _ in range(count):
        fields = {"preset": draw.choice(list(MODELS))}
        for name in draw.sample(list(good), draw.randrange(7)):
            fields[name] = draw.choice(good[name])
        if draw.random() < 0.3:
            name = draw.choice([*form.NUMBERS, "memory", "counted"])
            fields[name] = "".join(draw.choices(CHARACTERS, k=draw.choice([1, 3, 8, 25])))
        yield fields


def test_the_memory_tabs_answers_are_the_servers(tmp_path):
    most = {name: str(field.most) for name, field in form.NUMBERS.items() if name not in ("n_k", "n_v", "gqa")}
    forms = [{"preset": name} for name in MODELS]
    forms += [{}, {"preset": "none"}, {"preset": "sigma-10b", "kv": "int2"}, {"context": "9" * 25, "n_q": "1.5"}]
    forms += [{**most, "kv": "fp32"}, *some_forms(300, 11)]
    infos = read_recorded(ASSETS / "examples" / "recorded.json")["info"]
    measured = [
        {
            "sigma": {"tokens": 41, "k": 157_440, "v": 472_320, "v_read": 9},
            "gqa": {"tokens": 0, "k": 1, "v": 1, "v_read": 1},
        },
        {
            "sigma": {"tokens": None, "k": 1, "v": 1, "v_read": 1},
            "gqa": {"tokens": 3, "k": 1, "v": 1 << 40, "v_read": 0},
        },
        {},
    ]
    sides = recorded_info({"info": infos})
    cases = {
        "rules": memory.rules(),
        "infos": infos,
        "forms": [[one, json.loads(figures.project(one))] for one in forms],
        "measured": [[one, json.loads(figures.check(one, sides))] for one in measured],
    }
    views = [answer["view"] for _, answer in cases["forms"]]
    assert 100 < sum(view is None for view in views) < 250  # there is enough of both to compare
    assert node("memory.mjs", cases, tmp_path) == f"{len(forms)} forms\n"
