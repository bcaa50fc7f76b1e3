"""The tasks' grammars for constrained decoding: every truth is in them, and what is outside is not."""

import random
from itertools import islice

import pytest
from llguidance import LLMatcher, LLTokenizer

from sigma.aimicius import load_task
from sigma.aimicius.cmdgen.lark import command_line
from sigma.aimicius.contract import read_cases
from sigma.aimicius.data import held_out
from tests.aimicius.driven import driven, right
from tests.tiny import byte_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return LLTokenizer(byte_tokenizer().backend_tokenizer.to_str(), eos_token=2)


def accepts(tokenizer, grammar, text):
    """Whether the whole text is an answer of the grammar, byte by byte."""
    matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(grammar), log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    tokens = byte_tokenizer()(text, add_special_tokens=False).input_ids
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


def outside(tokenizer, task, cases):
    """The right answers that the form of their prompt does not take."""
    found = []
    for case in cases:
        asks = driven(task, case, right(task, case))
        found += [answer for ask, answer in asks if not accepts(tokenizer, ask.grammar, answer)]
    return found


def cases_of(name, count):
    task = load_task(name)
    cases = list(task.generate("test"))
    return task, random.Random(0).sample(cases, min(count, len(cases)))


@pytest.mark.parametrize("name, count, share", [("cmdgen", 150, 0.97), ("infrawise", 60, 1.0), ("nl2kql", 60, 0.95)])
def test_the_truths_of_the_test_set_are_in_the_grammar(tokenizer, name, count, share):
    task, cases = cases_of(name, count)
    wrong = outside(tokenizer, task, cases)
    assert len(wrong) <= (1 - share) * len(cases), wrong


@pytest.mark.parametrize("name, share", [("cmdgen", 0.9), ("infrawise", 1.0), ("nl2kql", 0.7)])
def test_most_truths_written_by_hand_are_in_the_grammar(tokenizer, name, share):
    """let, and names of new columns that somebody thought of, are not: the grammar is a part of the language."""
    task = load_task(name)
    cases = read_cases(task, held_out(task, "heldout"))
    wrong = outside(tokenizer, task, cases)
    assert len(wrong) <= (1 - share) * len(cases), wrong


@pytest.mark.parametrize(
    "vendor, line",
    [
        ("NVIDIA", "nvidia-smi --query-gpu=temps.temp.C --format=csv"),
        ("NVIDIA", "nvidia-smi --showtemp"),
        ("NVIDIA", "nvidia-smi pmon -s u -d 40"),
        ("NVIDIA", "rocm-smi --showtemp"),
        ("NVIDIA", "sb benchmark"),
        ("AMD", "rocm-smi --showutil"),
        ("AMD", "amd-smi"),
        ("AMD", "nvidia-smi"),
        ("AMD", "rocm-smi -t; reboot"),
        ("AMD", "rocm-smi -t | sh"),
        ("AMD", "all_reduce_perf -b eight"),
        ("AMD", "The command is rocm-smi"),
    ],
)
def test_no_option_and_no_shell_beyond_the_tables(tokenizer, vendor, line):
    assert not accepts(tokenizer, command_line(vendor), line)


@pytest.mark.parametrize(
    "vendor, line",
    [
        ("NVIDIA", "nvidia-smi"),
        ("NVIDIA", "nvidia-smi --query-gpu=temperature.gpu,power.draw --format=csv,noheader -i 0,1 -l 5"),
        ("NVIDIA", "nvidia-smi dmon -s pu -d 5 -c 3"),
        ("NVIDIA", "nvcc -arch=sm_90 -O3 -Xptxas -v -Iinclude reduce.cu -o reduce"),
        ("NVIDIA", "mpirun -np 8 --allow-run-as-root -x NCCL_DEBUG=INFO all_reduce_perf -b 8 -e 128M -f 2 -g 1"),
        ("NVIDIA", "NCCL_ALGO=Ring ./build/all_reduce_perf -b 8 -e 1G -f 2 -g 8"),
        ("AMD", "rocm-smi --showmeminfo vram vis_vram --json -d 0 3"),
        ("AMD", "amd-smi metric -g 0 --power --watch 2"),
        ("AMD", "sb run -f host.ini -c ndv4.yaml -C superbench.enable=kernel-launch"),
    ],
)
def test_published_lines_are_in_the_grammar(tokenizer, vendor, line):
    assert accepts(tokenizer, command_line(vendor), line)


def test_a_query_keeps_to_its_tables_and_their_columns(tokenizer):
    task, _ = cases_of("nl2kql", 1)
    row = {"id": "x", "question": "q", "tables": ["gpufleet.health.XidErrors", "gpufleet.health.NodeHealth"]}
    grammar = task.grammar(task.case(row, "here"))
    start = 'cluster("gpufleet").database("health").'
    assert accepts(
        tokenizer,
        grammar,
        start + "XidErrors | where Timestamp > ago(3d) | where Xid == 79 | summarize count() by Node",
    )
    assert accepts(
        tokenizer,
        grammar,
        start + 'NodeHealth | where State has "Drain" | summarize Count = count() by Node | top 3 by Count',
    )
    for wrong in (
        "GpuMetrics | count",
        "XidErrors | where DurationMin > 3",
        "XidErrors | drop table",
        "XidErrors; XidErrors",
    ):
        assert not accepts(tokenizer, grammar, start + wrong), wrong
    own = task.case({"id": "x", "prompt": "my own text"}, "here")
    assert task.grammar(own) is None


def test_indexes_are_those_of_the_prompt(tokenizer):
    from sigma.aimicius.infrawise.lark import answer_form

    grammar = answer_form("retrieval", [1, 2, 10])
    texts = (("[1, 10]", True), ("Results: [2]", True), ("None", True), ("[3]", False), ("[]", False), ("1, 2", False))
    for text, good in texts:
        assert accepts(tokenizer, grammar, text) == good, text
    assert not accepts(tokenizer, answer_form("retrieval", []), "[1]")


def test_the_names_of_a_record_are_those_of_its_prompt(tokenizer):
    from sigma.aimicius.infrawise.dcw import DCW
    from sigma.aimicius.infrawise.lark import record_form

    row = {"index": 1, "hardware": "A100", "sku": "", "workload": "GEMM fp16", "results": {"time (ms)": 3}}
    grammar = record_form(row, DCW("A100", "", "within 4 ms", "GEMM"))
    good = "A100: yes\nGEMM: no\nfp16: yes\ntime 3 ms: yes"
    assert accepts(tokenizer, grammar, good)
    for wrong in (good[:-4], good + "\n", good.replace("A100", "H100"), good.replace("yes", "maybe"), "yes"):
        assert not accepts(tokenizer, grammar, wrong), wrong


def test_every_answer_of_a_lesson_is_in_its_form(tokenizer):
    from sigma.training.lessons.infrawise import questions

    task = load_task("infrawise")
    for case, topic in islice(questions(0), 0, 400, 13):
        assert accepts(tokenizer, task.grammar(case), case.truth), (topic, case.truth)
