"""Faults of a command that show without a truth, and the further tries that they lead to."""

import pytest

from sigma.aimicius import load_task
from sigma.aimicius.cmdgen.answer import find
from sigma.aimicius.cmdgen.faults import faults, left_out, made_up, values
from sigma.aimicius.contract import Case, verdict_of
from sigma.aimicius.evaluate import ask, load_cases
from sigma.aimicius.tries import BEST, again, first_try, last_try
from sigma.events import StepEvent
from tests.aimicius.test_asking import Scripted

TASK = load_task("cmdgen")
SWEEP = "NCCL all-reduce, protocol LL128, 4 GPUs, 256 KB to 8 GB, doubling."
RIGHT = "NCCL_PROTO=LL128 all_reduce_perf -b 256K -e 8G -f 2 -g 4"
WRONG = "NCCL_PROTO=LL128 all_reduce_perf -b 4 -e 8G -f 2 -g 4"
FIELDS = {"prompt": SWEEP, "vendor": "NVIDIA", "system": "8xH100", "tool": ""}
CASE = Case("a", FIELDS, RIGHT)


@pytest.mark.parametrize(
    "question, found",
    [
        (SWEEP, ("4", "256K", "8G", "LL128")),
        ("Macro NDEBUG, sm_86: conv2d.cu to conv2d on the H100 node", ("sm_86", "conv2d.cu", "NDEBUG")),
        ("define TILE=32 in /opt/x/scan.cu, 7 s, 25 times.", ("7", "25", "32", "/opt/x/scan.cu")),
        ("MIG instance 2g.20gb (id 14) on 8xA100", ("14", "2g.20gb")),
        ("turn ECC off on every NVIDIA card", ()),
        ("1.5 GiB in 10 bytes", ("1.5G", "10")),
    ],
)
def test_values_are_what_a_command_has_to_say(question, found):
    assert set(values(question)) >= set(found) and len(values(question)) <= len(found) + 1


def test_what_is_left_out_and_what_was_not_asked_for():
    assert left_out(SWEEP, RIGHT) == [] == made_up(SWEEP, RIGHT)
    assert left_out(SWEEP, WRONG) == ["256K"] and made_up(SWEEP, WRONG) == []
    assert made_up("every 7 s", "amd-smi metric -w 25") == ["25"]
    assert made_up("2 nodes, 8 ranks on each, half of 3 minutes", "mpirun -np 16 x -l 180 -pm 1 -e 0") == []
    assert left_out("O level 3, headers in /opt/cub, macro N_BIG", "nvcc -O3 -I/opt/cub -DN_BIG x.cu") == []


def test_a_tool_that_does_not_take_it_and_no_command_at_all_are_faults():
    assert faults(SWEEP, RIGHT, "NVIDIA") == []
    assert faults("activate MIG on card 7", "nvidia-smi mig -i 7 -mig 1", "NVIDIA")[0].startswith("is not taken: ")
    assert faults(SWEEP, "I cannot.", "NVIDIA") > [] and faults(SWEEP, "", "AMD") > []
    assert len(faults(SWEEP, "none", "AMD")) > len(faults(SWEEP, "amd-smi list\namd-smi version", "AMD")) > 0
    for odd in ("\0", "=" * 5000, "nvidia-smi " + "9" * 5000, "nvcc '", "mpirun -np"):
        assert isinstance(faults(odd, odd, "NVIDIA"), list)
    many = " ".join(map(str, range(100_000)))
    assert len(faults(many, RIGHT, "NVIDIA")) < 1100  # of a question of any length, in no time


def test_hardly_a_right_command_looks_faulty():
    cases = [*load_cases(TASK, None, "dev", 120), *load_cases(TASK, None, "train", 240)]
    alarms = [case for case in cases if faults(case.fields["prompt"], case.truth, case.fields["vendor"])]
    assert len(alarms) <= 0.02 * len(cases), alarms[:5]


def tried(answers, tries=None, budget=None):
    """(the whole answer, how each try was asked): the engine's answers in turn."""
    left = iter(answers)
    engine = Scripted(lambda side, prompt: next(left))
    *events, answer = ask(engine, "sigma", TASK, CASE, 0, budget, tries=tries)
    assert all(isinstance(event.token_id, int) for event in events if isinstance(event, StepEvent))
    return answer, [request.sampling for request in engine.requests]


def test_a_faulty_command_is_tried_again_until_one_has_no_fault():
    answer, asked = tried([WRONG, "nonsense", RIGHT, "never asked"])
    assert [(s.temperature, s.seed) for s in asked] == [(0.0, None), (0.8, 1), (0.8, 2)]
    assert answer.finish == "stop" and answer.text.startswith(f"{WRONG}\n# another try: it leaves out 256K\nnonsense\n")
    assert answer.text.endswith(f"\n{RIGHT}")
    verdict = verdict_of(TASK, CASE, answer.text)
    assert verdict.scores["Accuracy"].value == 1 and "of several tries the last line counts" in verdict.parts[0].text
    assert tried([RIGHT])[0].text == RIGHT


def test_the_try_with_the_fewest_faults_counts_and_of_equal_ones_the_earliest():
    two = WRONG.replace("8G", "9G")
    answer, asked = tried([WRONG, "nonsense", two, two])
    assert len(asked) == TASK.tries == 4
    assert answer.text.endswith(f"\n{BEST}\n{WRONG}") and find(answer.text).command == WRONG
    answer, asked = tried([WRONG, two], tries=2)
    assert len(asked) == 2 and find(answer.text).command == WRONG
    answer, asked = tried([WRONG], tries=1)
    assert len(asked) == 1 and answer.text == WRONG


def test_where_there_is_no_room_for_a_try_the_best_so_far_counts():
    answer, asked = tried([WRONG, "never asked"], budget=100)
    assert len(asked) == 1 and answer.text == WRONG and answer.finish == "stop"
    answer, asked = tried(["nonsense", WRONG, "never asked"], budget=135)
    assert len(asked) == 2 and find(answer.text).command == WRONG


def test_the_lines_between_tries_are_ours_alone():
    assert last_try("nvidia-smi") == ("nvidia-smi", 0)
    text = f"a\n{again(['leaves out x' * 90, 'y'])}\nb\n{BEST}\nnvidia-smi -L"
    assert last_try(text)[1] == 2 and find(text).commands == ("nvidia-smi -L",)
    assert first_try(text) == "a" and first_try("nvidia-smi\n") == "nvidia-smi\n"
    assert "\n" not in again(["one\ntwo"])
    assert find("# another try would be nice\nnvidia-smi").command == "nvidia-smi"


def test_a_cut_try_makes_the_answer_cut_only_where_it_counts():
    endless = "nonsense " * 300
    answer, _ = tried([WRONG, endless], tries=2, budget=400)
    assert find(answer.text).command == WRONG and answer.finish == "stop"
    answer, _ = tried([endless, RIGHT], budget=400)
    assert find(answer.text).command == RIGHT and answer.finish == "stop"
    answer, _ = tried([endless, ""], tries=2, budget=400)
    assert answer.finish == "length"
