"""Which task a chat asks: known questions with their truth, free questions by what they name, and nothing else."""

import pytest

from sigma.aimicius import load_task
from sigma.aimicius.recognise import Known, hand_written, recognise

PLAN = (
    "Plan an all-gather for 3 GPUs, each with 64 KB in 2 chunks. Write a Python program.\n\n"
    "latency (us, inf = no link):\n0 1 1\n1 0 1\n1 1 0\n\nbandwidth (GB/s):\n0 10 10\n10 0 10\n10 10 0\n"
)


def test_every_hand_written_question_is_found_with_its_truth_and_makes_a_case():
    known = [one for one in hand_written() if one.question]
    assert len(known) > 280
    for one in known[::17]:
        found = recognise(f"  {one.question.upper()} ")
        assert found.task == one.task and found.has_truth and one.row["id"] in found.how
    # Inside a longer text, too.
    found = recognise(f"On our node: {known[0].question} Thanks!")
    assert found.row["id"] == known[0].row["id"] and found.row["truth"] == known[0].row["truth"]


def test_a_question_with_records_is_judged_by_its_dcw_alone():
    whole = next(one for one in hand_written() if one.task == "infrawise" and one.row["kind"] == "end-to-end")
    found = recognise(whole.question)
    assert found.row["kind"] == "dcw" and "records" not in found.row and "DCW alone" in found.assumed[0]
    case = load_task("infrawise").case(found.row, "test")
    assert case.truth.endswith("}")


def test_a_second_turn_is_judged_as_a_first():
    again = next(one for one in hand_written() if one.task == "optiflow" and one.row.get("previous"))
    found = recognise(again.question, more=[again])
    assert "previous" not in found.row


@pytest.mark.parametrize(
    "text, task, fields",
    [
        ("Write the nvidia-smi command that lists all GPUs.", "cmdgen", {"vendor": "NVIDIA", "system": "8xH100"}),
        ("which rocm-smi command line shows the fans", "cmdgen", {"vendor": "AMD", "system": "8xMI300X"}),
        ("A100 node: what command runs all_reduce_perf on 8 GPUs?", "cmdgen", {"vendor": "NVIDIA", "system": "8xA100"}),
        ("all_reduce_perf command for 8 MI300X please", "cmdgen", {"vendor": "AMD"}),
        ("Write a KQL query that counts rows of XidErrors.", "nl2kql", {"tables": ["gpufleet.health.XidErrors"]}),
        (PLAN, "optiflow", {"size": 64.0, "chunks": 2, "gpus": 3}),
        ("all-gather plan for a DGX-1, as a program", "optiflow", {"topology": "DGX-1", "size": 1024, "chunks": 1}),
        ("Give me the DCW: is H100 faster than A100 in BERT?", "infrawise", {"kind": "dcw"}),
    ],
)  # fmt: skip
def test_a_free_question_is_known_by_what_it_names_and_has_no_truth(text, task, fields):
    found = recognise(text)
    assert found.task == task and not found.has_truth
    assert {name: found.row[name] for name in fields} == fields
    assert load_task(task).case(found.row, "test").truth == ""


def test_a_described_table_becomes_the_schema():
    found = recognise(
        "Table Beat has the columns SeenTime, Host and Load: real. Write a Kusto query for the busiest host."
    )
    assert found.row["schema"] == {
        "here": {"here": {"Beat": {"SeenTime": "datetime", "Host": "string", "Load": "real"}}}
    }
    assert "Beat" in found.how and found.assumed


@pytest.mark.parametrize(
    "text",
    ["", "What is a GPU?", "What is nvidia-smi?", "Tell me about Kusto.", "What is an all-gather?", "Plan an all-gather.",
     "The sky is blue, why?", "sb told me to write a command", "Is H100 faster than A100?", "nvidia-smile at the command line",
     "plan an all-gather program\nlatency:\n0 x\n1 0\nbandwidth:\n0 1\n1 0\n"],
)  # fmt: skip
def test_what_asks_no_task_is_left_alone(text):
    assert recognise(text, ["A friendly answer."]) is None


def test_an_answer_with_a_command_makes_a_question_about_a_tool_one():
    assert recognise("How do I see temperatures with nvidia-smi?", ["It can."]) is None
    found = recognise("How do I see temperatures with nvidia-smi?", ["", "```\nnvidia-smi -q -d TEMPERATURE\n```"])
    assert found.task == "cmdgen"


def test_the_longest_known_question_counts_and_short_ones_only_alone():
    short = Known("cmdgen", {"id": "s", "prompt": "list all", "truth": "nvidia-smi -L"}, "of the test")
    longer = Known(
        "cmdgen",
        {"id": "l", "prompt": "list all of the GPUs here, with names", "truth": "nvidia-smi -L"},
        "of the test",
    )
    inner = Known("cmdgen", {"id": "i", "prompt": "all of the GPUs here, with", "truth": "nvidia-smi"}, "of the test")
    assert recognise("please list all", more=[short]) is None
    assert recognise("List  ALL!", more=[short]).row["id"] == "s"
    assert recognise("so: list all of the GPUs here, with names", more=[inner, longer, short]).row["id"] == "l"


def test_a_very_long_text_is_looked_at_in_time():
    assert recognise("table a has the columns " * 8_000 + "Kusto query") is None
    assert recognise("all-gather plan\nlatency:\n" + "0 " * 50_000) is None
    assert (
        recognise("all-gather plan in " + "12 " * 5_000 + "latency:\n" * 1_000 + "bandwidth:\n" + "0\n" * 5_000) is None
    )
