"""The limits: from the environment, from options, in a table; and a sentence for what cannot be used."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import app
from sigma.limits import current, options
from sigma.limits.settings import OTHERS, LimitError, Limits, bounds, kind, option, shown, variable, words

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """No limit is set from outside, and none stays set."""
    monkeypatch.setattr(current, "_used", None)
    for name in list(os.environ):
        if name.startswith("SIGMA_"):
            monkeypatch.delenv(name)


def test_an_option_goes_before_a_variable_and_that_before_the_default(monkeypatch):
    assert (Limits.read().together, Limits.read().kv_memory, Limits.read().context) == (8, None, None)
    monkeypatch.setenv("SIGMA_TOGETHER", " 3 ")
    monkeypatch.setenv("SIGMA_BODY_SIZE", "2MiB")
    monkeypatch.setenv("SIGMA_CONTEXT", "")  # an empty one is none
    assert (Limits.read().together, Limits.read().body_size, Limits.read().context) == (3, 2 << 20, None)
    assert Limits.read({"together": "5", "sessions": None}).together == 5


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("together", "eight", "a whole number from 1 to 1,024, not 'eight'"),
        ("together", "0", "a whole number from 1 to 1,024, not '0'"),
        ("together", "2.5", "not '2.5'"),
        ("kv_memory", "nan", "a number from 0.001 to 1,048,576, not 'nan'"),
        ("answer_seconds", "inf", "a number from 1 to 86,400"),
        ("body_size", "much", "a size in bytes, or with a unit as in 16MiB, from 64KiB to 1GiB, not 'much'"),
        ("sandbox_memory", "3GiB", "from 32MiB to 2GiB"),
        ("self_check", "maybe", "one of fallback, fail, off, not 'maybe'"),
        ("together", "9" * 5000, "not '" + "9" * 59 + "..."),
    ],
)
def test_what_cannot_be_used_is_a_sentence_and_exit_status_2(name, value, words, monkeypatch, capsys):
    monkeypatch.setenv(variable(name), value)
    with pytest.raises(LimitError, match=re.escape(f"{variable(name)} must be ") + ".*" + re.escape(words)):
        Limits.read()
    with pytest.raises(SystemExit) as ended:
        app.parse([])
    told = capsys.readouterr().err
    assert ended.value.code == 2 and words in told and "Traceback" not in told
    monkeypatch.delenv(variable(name))
    with pytest.raises(SystemExit) as ended:
        app.parse([option(name), value])
    assert ended.value.code == 2 and f"{option(name)} must be" in capsys.readouterr().err


def test_a_command_ends_with_the_same_sentence():
    code = "from sigma.cli import run; from sigma.engine.options import make_sampling; run(make_sampling, False)"
    env = {**os.environ, "SIGMA_NEW_TOKENS": "lots"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: SIGMA_NEW_TOKENS must be a whole number from 1 to 1,048,576, not 'lots'.\n"


def test_help_the_table_and_the_fields_are_one(capsys):
    with pytest.raises(SystemExit) as ended:
        app.parse(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 0
    for name, field in Limits.model_fields.items():
        assert option(name) in told and variable(name) in told
        assert " ".join(field.description.split()) in told
    assert options.table() in (ROOT / "sigma" / "limits" / "README.md").read_text("utf-8")


def test_every_default_is_within_its_own_range_and_prints_as_it_is_read():
    for name, field in Limits.model_fields.items():
        if kind(name) == "word":
            assert field.default in words(name) and Limits.read({name: words(name)[-1]})
            continue
        low, high = bounds(name)
        for value in (low, high, field.default):
            if value is not None:
                assert low <= value <= high
                text = shown(name, value).replace(",", "")
                assert getattr(Limits.read({name: text}), name) == value, (name, kind(name))


def test_what_the_command_line_sets_reaches_child_processes(monkeypatch):
    monkeypatch.setenv("SIGMA_SESSIONS", "5")
    current.apply({"query_seconds": "1.5"})
    assert (current.limits().query_seconds, current.limits().sessions) == (1.5, 5)
    code = "from sigma.limits.current import limits; print(limits().query_seconds, limits().sessions)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["1.5", "5"]
    monkeypatch.delenv("SIGMA_QUERY_SECONDS")


def test_others_within_a_block():
    with current.using(together=2, v1_body_size=5000) as most:
        assert current.limits() is most and (most.together, most.v1_body_size, most.judges) == (2, 5000, 4)
    assert current.limits().together == 8
    with pytest.raises(LimitError), current.using(together=0):
        pass


def test_a_variable_that_is_none_of_ours_is_named():
    environment = {"SIGMA_TOGETHR": "3", "SIGMA_CACHE": "x", "SIGMA_TOGETHER": "3", "PATH": "", "SIGMA_ZZ": ""}
    said = current.unknown(environment)
    assert said == [
        "SIGMA_TOGETHR is no setting and changes nothing; did you mean SIGMA_TOGETHER?",
        "SIGMA_ZZ is no setting and changes nothing.",
    ]


def test_every_variable_that_the_code_reads_is_known():
    known = {*OTHERS, *map(variable, Limits.model_fields)}
    found = set()
    for folder in ("sigma", "kernels", "visualizers"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(
                re.findall(r"""environ(?:ment)?(?:\.get\(|\[)\s*["'](SIGMA_\w+)["']""", path.read_text("utf-8"))
            )
            found |= set(re.findall(r"""_word\(environment, "(SIGMA_\w+)\"""", path.read_text("utf-8")))
    assert {"SIGMA_CACHE", "SIGMA_KERNELS", "SIGMA_LOG", "SIGMA_LOG_TEXT"} <= found <= known
