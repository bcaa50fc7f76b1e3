"""The numbers of a turn have one boundary, for the page and for the commands; the commands' bytes lose nothing."""

import io
import os
import subprocess
import sys

import pytest

from sigma.cli import run, standard_input
from sigma.engine import options
from sigma.events import PromptError, Sampling
from sigma.generate import main as generate_command
from visualizers.shared import options as page

WRONG = [
    ("--temperature", "nan"),
    ("--temperature", "inf"),
    ("--temperature", "-1"),
    ("--top-p", "0"),
    ("--top-p", "nan"),
    ("--top-p", "1.5"),
    ("--top-k", "-1"),
    ("--top-k", "1" + "0" * 400),
    ("--repetition-penalty", "nan"),
    ("--repetition-penalty", "0"),
    ("--seed", "18446744073709551616"),
    ("--seed", "-1"),
    ("--max-new-tokens", "0"),
    ("--prompt", "caf\udce9"),
    ("--system", "caf\udce9"),
]


@pytest.mark.parametrize("option, value", WRONG)
def test_a_command_refuses_before_it_loads_anything(option, value, capsys, monkeypatch):
    monkeypatch.setattr("sigma.engine.engine.load_engine", lambda *_: pytest.fail("the model was loaded"))
    with pytest.raises(SystemExit) as ended:
        generate_command(["--prompt", "x", f"{option}={value}"])
    error = capsys.readouterr().err
    assert ended.value.code == 2 and error.count("\n") == 1
    assert option in error and ("UTF-8" if value.startswith("caf") else "between") in error


def test_the_page_has_the_same_boundary():
    assert page.make_sampling is options.make_sampling and page.parse_selective is options.parse_selective


WORDS = [
    (None, "missing: a number is required"),
    ("16", "a number, not a text"),
    (True, "a number, not true or false"),
    ([1], "a number, not a list"),
    ({}, "a number, not an object"),
    (float("nan"), "between 1 and 9, not nan"),
    (float("-inf"), "between 1 and 9, not -inf"),
    (10, "between 1 and 9, not 10"),
    pytest.param(10**5000, "between 1 and 9, not a number of 5001 digits", id="long"),
]


@pytest.mark.parametrize("value, words", WORDS)
@pytest.mark.parametrize("whole", [True, False])
def test_every_wrong_number_is_a_sentence_that_names_its_field(value, words, whole):
    with pytest.raises(PromptError, match=f"^Cases (must be|is) {words}"):
        options.number(value, "Cases", 1, 9, whole)


def test_whole_numbers_may_come_as_4_0_and_no_other():
    assert options.number(4.0, "Cases", 1, 9, whole=True) == 4
    assert isinstance(options.number(4.0, "Cases", 1, 9, whole=True), int)
    with pytest.raises(PromptError, match=r"^Cases must be a whole number, not 4\.5\.$"):
        options.number(4.5, "Cases", 1, 9, whole=True)
    assert options.number(4, "Penalty", 1, 9) == 4.0


def test_null_is_the_default_of_every_option():
    assert options.make_sampling() == Sampling()
    assert options.make_sampling(None, None, None, None, None, "") == Sampling()


def test_a_field_that_there_is_not_is_named():
    with pytest.raises(PromptError, match="There is no field 'heat'"):
        options.SamplingFields.read({"heat": 1})


def test_the_events_stay_light():
    code = "import sys, sigma.events; assert not {'pydantic', 'torch', 'gradio'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_byte_that_is_no_text_on_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9"), "utf-8", errors="surrogateescape"))
    with pytest.raises(PromptError, match="byte 3 is 0xE9"):
        standard_input()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("naïve ½".encode()), "latin-1"))
    assert standard_input() == "naïve ½"


SPEAK = "from sigma.cli import run; run(lambda: print({text!r}) or {{'text': 1}}, {as_json})"


def test_a_narrow_terminal_loses_no_answer():
    env = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", SPEAK.format(text="é 你 done", as_json=False)], capture_output=True, env=env, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, [b"\xe9", b"\\u4f60", b"done"])


@pytest.mark.parametrize("as_json", [True, False])
def test_a_closed_pipe_is_no_error(as_json):
    read, write = os.pipe()
    os.close(read)
    code = SPEAK.format(text="word " * 10_000, as_json=as_json)
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_is_one_line(capsys):
    def fail():
        raise ValueError("first\n  second")

    with pytest.raises(SystemExit):
        run(fail, False)
    assert capsys.readouterr().err == "error: first second\n"
