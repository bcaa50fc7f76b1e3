"""One record at a time: what is asked, what is right, and what an answer means."""

import random
from itertools import islice

import pytest

from sigma.aimicius.contract import verdict_of
from sigma.aimicius.infrawise import TASK, one
from sigma.aimicius.infrawise.dcw import DCW
from sigma.aimicius.infrawise.records import fits, published
from tests.aimicius.driven import driven, right, whole

ROW = {"index": 7, "hardware": "A100", "sku": "NDv4", "workload": "NCCL allreduce"}
ROW |= {"results": {"message": "8 GiB", "busbw (GB/s)": 235.36, "time (us)": 63870}}
WANTED = DCW("A100", "", "default", "NCCL allreduce")


@pytest.fixture(scope="module")
def cases():
    return [*TASK.examples(), *islice(TASK.generate("dev"), 60)]


@pytest.mark.parametrize(
    ("dcw", "answer"),
    [
        (DCW("H100", "NDmv4", "default", "NCCL reduce"), "A100: no\nNDv4: no\nNCCL allreduce: no\nno precision: yes"),
        (DCW("H100", "NDv4", "default", "GEMM fp16"), "A100: no\nNDv4: yes\nNCCL allreduce: no\nno precision: no"),
        (WANTED, "A100: yes\nNDv4: no\nNCCL allreduce: yes\nno precision: yes"),
        (
            DCW("nvidia a100", "", "within 60 ms", "nccl all-reduce"),
            "A100: yes\nNDv4: no\nNCCL allreduce: yes\nno precision: yes\ntime 63870 us: no",
        ),
        (
            DCW("A100", "", "within 64 ms", "NCCL allreduce"),
            "A100: yes\nNDv4: no\nNCCL allreduce: yes\nno precision: yes\ntime 63870 us: yes",
        ),
    ],
)
def test_each_name_of_a_record_is_wanted_or_not(dcw, answer):
    assert one.answer(ROW, dcw) == answer
    assert one.says_fit(answer, ROW, dcw) == fits(ROW, dcw)


def test_a_limit_asks_for_a_time_and_a_record_without_one_does_not_fit():
    row, dcw = {**ROW, "sku": "", "results": {"busbw (GB/s)": 1}}, DCW("A100", "", "within 64 ms", "NCCL allreduce")
    assert one.answer(row, dcw).splitlines() == ["A100: yes", "NCCL allreduce: yes", "no precision: yes", "no time: no"]
    assert one.says_fit(one.answer(row, dcw), row, dcw) is False


def test_right_answers_mean_what_the_tasks_rule_says():
    rng = random.Random(3)
    records = published()
    for _ in range(400):
        like, other, row = (rng.choice(records) for _ in range(3))
        criterion = rng.choice(("default", "peak performance", "within 100 ms", "within 2 s"))
        workload = rng.choice((like.workload, one.parted(like.workload)[0], row.workload))
        dcw = DCW(rng.choice((like.hardware, like.sku or like.hardware)), other.hardware, criterion, workload)
        assert one.says_fit(one.answer(row.row(1), dcw), row.row(1), dcw) == fits(row.row(1), dcw)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "yes",
        "A100: yes",
        "A100: yes\nNDv4: no\nNCCL allreduce: yes",
        "A100: yes\nNDv4: maybe\nNCCL allreduce: yes\nno precision: yes",
        "A100: yes\nNDv4: no\nNCCL allreduce: yes\nno precision: yes\nall else: no",
        "H100: yes\nNDv4: no\nNCCL allreduce: yes\nno precision: yes",
        "\x00\ud800",
    ],
)
def test_an_answer_in_another_form_says_nothing(answer):
    assert one.says_fit(answer, ROW, WANTED) is None


def test_the_prompt_names_what_is_wanted_and_what_is_there_and_not_the_answer():
    text = one.asked(DCW("nd a100 v4", "", "within 60 ms", "NCCL allreduce"), ROW)
    assert "NDv4: yes\nNCCL allreduce: yes\nany precision: yes\ntime: within 60 ms\nall else: no" in text
    assert text.endswith("Result: A100, NDv4, NCCL allreduce, message 8 GiB, busbw (GB/s) 235.36, time (us) 63870")
    others = [one.asked(WANTED, record.row(1)) for record in published()[:40]]
    head = others[0].partition("Result: ")[0]
    assert all(text.startswith(head) for text in others)


def test_right_answers_to_every_prompt_make_the_truth(cases):
    for case in cases:
        text = whole(TASK, case, right(TASK, case))
        scores = verdict_of(TASK, case, text).scores
        assert {score.value for score in scores.values()} <= {1.0, None}, (case, text, scores)


def test_there_is_a_prompt_for_the_dcw_and_one_for_each_result(cases):
    for case in cases:
        kind, asks = case.fields["kind"], [ask for ask, _ in driven(TASK, case, right(TASK, case))]
        assert len(asks) == (kind != "retrieval") + len(case.fields.get("records", ()))
        assert asks[0].messages == TASK.messages(case)


def test_a_wrong_yes_chooses_a_result_and_a_wrong_no_leaves_one_out():
    case = TASK.examples()[4]
    assert case.fields["kind"] == "retrieval"
    turned = lambda ask, how: right(TASK, case)(ask).replace(*how)  # noqa: E731
    assert whole(TASK, case, lambda ask: turned(ask, ("yes", "no"))).endswith("\nResults: None")
    every = whole(TASK, case, lambda ask: turned(ask, ("no\n", "yes\n")).removesuffix("no") + "yes")
    assert "Results: None" not in every
    assert whole(TASK, case, lambda ask: "I cannot say.").endswith("\nResults: None")


def test_without_a_dcw_nothing_is_looked_for():
    case = TASK.examples()[0]
    asks = list(driven(TASK, case, lambda ask: "It depends."))
    assert len(asks) == TASK.tries and all(ask.messages == asks[0][0].messages for ask, _ in asks)
    assert whole(TASK, case, lambda ask: "It depends.").endswith("# another try: it is no DCW\nIt depends.")


def test_a_prompt_of_ones_own_is_the_only_one():
    case = TASK.case({"id": "mine", "prompt": "What is fast?", "records": [ROW]}, "here")
    assert [ask.messages[0]["content"] for ask, _ in driven(TASK, case, lambda ask: "[7]")] == ["What is fast?"]
