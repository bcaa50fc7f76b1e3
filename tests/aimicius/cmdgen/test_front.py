"""What stands in front of a tool: what prepares it, what runs it, and what it asks before it works."""

import pytest

from sigma.aimicius.cmdgen import TASK
from sigma.aimicius.cmdgen.answer import find
from sigma.aimicius.cmdgen.command import read
from sigma.aimicius.contract import Case, verdict_of


@pytest.mark.parametrize(
    ("truth", "answer", "right"),
    [
        ("rocm-smi --setpoweroverdrive 650", "rocm-smi --setpoweroverdrive 650 --autorespond y", 1.0),
        ("rocm-smi --setpoweroverdrive 650 --autorespond y", "rocm-smi --setpoweroverdrive 650", 0.0),
        ("rocm-smi --setpoweroverdrive 650", "rocm-smi --setpoweroverdrive 650", 1.0),
    ],
)
def test_a_command_that_waits_for_an_answer_is_not_one_that_does_not(truth, answer, right, without_encoder):
    """Not asked for, --autorespond y spares a question; asked for, its absence leaves the command waiting."""
    case = Case("x", {"prompt": "?", "vendor": "AMD", "system": "8xMI300X", "tool": "rocm-smi"}, truth)
    score = verdict_of(TASK, case, answer).scores["Success Ratio"]
    assert score.value == right
    assert right or "waits for an answer" in score.reason


@pytest.mark.parametrize(
    ("answer", "command"),
    [
        ("NCCL_DEBUG=INFO; all_reduce_perf -g 8", "NCCL_DEBUG=INFO; all_reduce_perf -g 8"),
        ("NCCL_DEBUG=INFO\nexport NCCL_DEBUG\nall_reduce_perf -g 8", "NCCL_DEBUG=INFO && export NCCL_DEBUG && all_reduce_perf -g 8"),
        ("```bash\nwatch -n 1 nvidia-smi\n```", "watch -n 1 nvidia-smi"),
        ("`time nvidia-smi -L`", "time nvidia-smi -L"),
    ],
)  # fmt: skip
def test_what_stands_in_front_of_a_tool_belongs_to_the_command(answer, command):
    assert find(answer).command == command


def test_prose_that_begins_with_a_wrappers_name_is_prose():
    assert find("time to run nvidia-smi then").command == ""
    assert find("watch the nvidia-smi output").command == ""


def test_an_unexported_variable_is_said():
    meaning = read("NCCL_DEBUG=INFO; all_reduce_perf -g 8", "NVIDIA").meaning
    assert meaning.env == {}
    assert "NCCL_DEBUG is a variable of the shell only" in meaning.notes[0]


@pytest.mark.parametrize(("line", "name"), [("watch nvidia-smi", "watch"), ("numactl -N 0 all_reduce_perf", "numactl")])
def test_a_program_that_runs_the_tool_otherwise_is_named(line, name):
    assert read(line, "NVIDIA").error.reason.startswith(f"{name} runs another command")
