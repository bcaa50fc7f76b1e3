"""Six scores with reasons; no answer crashes the judge or scores above the truth."""

import json
import random
import time

import pytest

from sigma.aimicius.cmdgen import TASK, judge, similarity
from sigma.aimicius.contract import Case, CaseError, Part, Verdict, verdict_of

NAMES = [metric.name for metric in TASK.metrics]


def case(truth, vendor="NVIDIA", system=None):
    system = system or ("8xH100" if vendor == "NVIDIA" else "8xMI300X")
    return Case("x", {"prompt": "?", "vendor": vendor, "system": system, "tool": ""}, truth)


def values(truth, answer, **more):
    return {name: score.value for name, score in verdict_of(TASK, case(truth, **more), answer).scores.items()}


@pytest.fixture
def encoder():
    """The real all-MiniLM-L6-v2."""
    if why := similarity.missing():
        pytest.skip(why)


def test_metrics_are_the_papers():
    assert NAMES == ["CMD Score", "Output Score", "Calibration Score", "Exact Match", "Success Ratio", "Accuracy"]
    assert [metric.name for metric in TASK.metrics if metric.primary] == ["Accuracy"]
    accuracy = TASK.metrics[-1].paper
    assert accuracy["Sigma-System-10B NVIDIA"] == 74.5 and accuracy["GPT-4 AMD"] == 17.0
    assert all(len(metric.paper) == 10 for metric in TASK.metrics)


def test_the_papers_example(encoder):
    truth = "nvidia-smi pmon -i 0 -d 4 -c 10 --filename /tmp/nvidia-log.txt"
    assert set(values(truth, r"nvidia-smi pmon -i 0 -d 4 -c 10 --filename \/tmp\/nvidia-log.txt").values()) == {1.0}
    reordered = values(truth, "nvidia-smi pmon --id=0 -c 10 -d 4 -f /tmp/nvidia-log.txt")
    assert reordered["Exact Match"] == 0 and reordered["Success Ratio"] == reordered["Accuracy"] == 1
    assert 0.8 < reordered["CMD Score"] < 1 and reordered["Output Score"] == 1


def test_similarity_orders_near_and_far(encoder):
    truth = "nvidia-smi dmon -s pu -d 5 -c 10"
    near, far = values(truth, "nvidia-smi dmon -s pu -d 5 -c 20"), values(truth, "nvcc k.cu -o k")
    assert near["CMD Score"] > far["CMD Score"] + 0.3
    assert near["Calibration Score"] == 1 and far["Calibration Score"] == 0
    assert near["Accuracy"] == far["Accuracy"] == 0


def test_cosine_is_of_unit_vectors_and_symmetric(encoder):
    one, other = "nvidia-smi -q -d POWER", "rocm-smi --showpower"
    assert similarity.cosine(one, other) == pytest.approx(similarity.cosine(other, one), abs=1e-6)
    assert 0 < similarity.cosine(one, other) < 1
    assert similarity.cosine(one, one) == 1.0
    assert similarity.cosine(one, "") == 0.0


def test_without_the_encoder_three_scores_are_none_with_the_reason(without_encoder):
    verdict = verdict_of(TASK, case("nvidia-smi -L"), "nvidia-smi -L")
    for name in NAMES[:3]:
        assert verdict.scores[name].value is None
        assert "not installed" in verdict.scores[name].reason
    assert [verdict.scores[name].value for name in NAMES[3:]] == [1, 1, 1]
    nothing = verdict_of(TASK, case("nvidia-smi -L"), "")
    assert [nothing.scores[name].value for name in NAMES] == [None, None, None, 0, 0, 0]


def test_parts_come_in_order_and_json_can_hold_them(without_encoder):
    *parts, verdict = TASK.judge(case("nvidia-smi -L"), "Use `nvidia-smi -q`.")
    assert all(isinstance(part, Part) for part in parts) and isinstance(verdict, Verdict)
    assert [part.name for part in parts] == ["Answer", "Command", "Difference", "Terminal", "Scores"]
    assert verdict.parts == tuple(parts)
    assert json.loads(json.dumps(verdict.to_dict()))["parts"][3]["view"]["simulated"] is True
    assert list(verdict.scores) == NAMES


def test_thresholds_are_shown(without_encoder):
    view = verdict_of(TASK, case("nvidia-smi -L"), "nvidia-smi").parts[-1].view
    assert {row["least"] for row in view["thresholds"]} == {
        judge.CALIBRATION_CMD,
        judge.CALIBRATION_OUTPUT,
        judge.SUCCESS_OUTPUT,
    }


@pytest.mark.parametrize("answer", ["nvidia-smi -L", "", "no idea", "nvidia-smi --foo"])
def test_without_a_truth_nothing_is_scored(answer, without_encoder):
    verdict = verdict_of(TASK, case(""), answer)
    assert all(score.value is None for score in verdict.scores.values())
    assert len(verdict.parts) == 5


def test_several_commands_match_nothing(without_encoder):
    scores = values("nvidia-smi -L", "nvidia-smi -L\nnvidia-smi -q")
    assert (scores["Exact Match"], scores["Success Ratio"], scores["Accuracy"]) == (0, 0, 0)
    assert values("nvidia-smi -L", "nvidia-smi -L\n\n```\nnvidia-smi -L\n```")["Accuracy"] == 1


def test_a_truth_of_an_unknown_tool_can_only_match_exactly(without_encoder):
    assert values("ibstat mlx5_0", "ibstat mlx5_0")["Accuracy"] == 1
    assert values("ibstat mlx5_0", "ibstat mlx5_1")["Accuracy"] == 0
    assert values("ibstat mlx5_0", "nvidia-smi")["Accuracy"] == 0


@pytest.mark.parametrize(
    "row,message",
    [
        ({"prompt": "?"}, "'id' is missing"),
        ({"id": "a"}, "'prompt' is missing"),
        ({"id": "a", "prompt": " "}, "'prompt' is empty"),
        ({"id": "a", "prompt": "?", "truth": 3}, "'truth' is a int"),
        ({"id": "a", "prompt": "?", "truth": "nvidia-smi\nls"}, "more than one line"),
        ({"id": "a", "prompt": "?", "vendor": "Intel"}, "'vendor' is 'Intel'"),
        ({"id": "a", "prompt": "?", "vendor": "AMD", "system": "8xH100"}, "not a node of AMD"),
        ({"id": "a", "prompt": "?", "system": "9xH900"}, "not a node of NVIDIA"),
        ({"id": "a", "prompt": "?", "system": ["8xH100"]}, "'system' is a list"),
    ],
)
def test_case_errors_name_the_field(row, message):
    with pytest.raises(CaseError, match=r"file, line 3: ") as error:
        TASK.case(row, "file, line 3")
    assert message in str(error.value)


def test_a_case_has_its_defaults_and_a_prompt_for_the_model():
    made = TASK.case({"id": "a", "prompt": "List the cards.", "system": "8xMI300X"}, "here")
    assert made.fields["vendor"] == "AMD" and made.truth == ""
    system, user = TASK.messages(made)
    assert user == {"role": "user", "content": "List the cards."}
    assert "MI300X" in system["content"] and len(system["content"]) < 160
    assert TASK.case(json.loads(made.to_json()), "again") == made


HOSTILE = [
    "nvidia-smi -f '; DROP TABLE users'",
    "nvidia-smi -f <script>alert(1)</script>",
    "nvidia-smi " + "-i 0 " * 900,
    "nvidia-smi -l 999999999999999999999999",
    "nvidia-smi -lms 999999999999999999",
    "nvidia-smi -l 999999999999999",
    "nvidia-smi -pl " + "9" * 400,
    "nvidia-smi dmon -c 999999999999999999",
    "nvidia-smi -i ²",
    "nvidia-smi -i ٣",
    "nvidia-smi -i " + ",".join(["0"] * 1500),
    "nvidia-smi --query-gpu=" + ",".join(["name"] * 600) + " --format=csv",
    "all_reduce_perf -b 0 -e 0 -g 8",
    "all_reduce_perf -b 1 -e 999999999999999 -i 1 -g 8",
    "all_reduce_perf -b 1 -e 999999999999999G -f 1 -g 8",
    "all_reduce_perf -b 8 -e 1G -i 0 -g 8 -d all -o all",
    "all_reduce_perf -g 1024 -t 1024",
    "mpirun -np 999999999999999999 --hostfile h all_reduce_perf",
    "mpirun -np 8 mpirun -np 8 all_reduce_perf",
    "mpirun -x all_reduce_perf",
    "mpirun -x = all_reduce_perf",
    "=1 nvidia-smi",
    "A= nvidia-smi",
    "nvcc " + "a.cu " * 400,
    "nvcc -gencode arch=compute_90,code=[ k.cu",
    "nvcc -arch= k.cu",
    "nvcc -O k.cu",
    "nvcc -- -x.cu",
    "sb benchmark list -n '(a+)+b'",
    "sb benchmark list -n '((((((((('",
    "sb benchmark list -n " + "a" * 3000,
    "rocm-smi -d ² -t",
    "rocm-smi -d -1",
    "rocm-smi --showmeminfo",
    "amd-smi monitor -w 999999999999999999 -i 999999999999999999",
    "amd-smi metric -W 5",
    "amd-smi static -g ''",
    "nvidia-smi -f ''",
    "nvidia-smi -f \x00\x1b[2J",
    "nvidia-smi \ud800",
    "nvidia-smi -q\x0b-x",
    "```\n```\n```nvidia-smi",
    "sudo sudo sudo",
    "env env nvidia-smi",
]


@pytest.mark.parametrize("answer", HOSTILE, ids=[repr(text[:40]) for text in HOSTILE])
def test_hostile_answers_get_a_verdict(answer, without_encoder):
    for vendor, truth in (("NVIDIA", "nvidia-smi -L"), ("AMD", "rocm-smi")):
        start = time.monotonic()
        scores = values(truth, answer, vendor=vendor)
        assert time.monotonic() - start < 5
        assert scores["Accuracy"] == 0


def test_a_megabyte_is_judged(without_encoder):
    start = time.monotonic()
    scores = values("nvidia-smi -L", "nvidia-smi -L\n" * 80_000)
    assert scores["Accuracy"] == 1 and time.monotonic() - start < 5
    assert values("nvidia-smi -L", "x" * 1_000_000)["Accuracy"] == 0


def mutated(text, draw):
    """One to four small damages."""
    letters = list(text)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(letters) + 1)
        kind = draw.randrange(7)
        if kind == 0 and letters:
            del letters[min(place, len(letters) - 1)]
        elif kind == 1:
            letters.insert(place, draw.choice("-= ,.:;|&><$`'\"\\()[]{}*?~!#%0123456789abcxyzé\n\t\x00"))
        elif kind == 2:
            letters = letters[:place]
        elif kind == 3:
            letters = letters + list(" " + text[: draw.randrange(len(text))])
        else:
            words = "".join(letters).split(" ")
            draw.shuffle(words) if kind == 4 else words.insert(draw.randrange(len(words) + 1), draw.choice(words))
            letters = list(" ".join(words))
    return "".join(letters)


def test_thousands_of_damaged_answers(without_encoder):
    """No crash, every score within 0 and 1 and none above the truth's own."""
    draw = random.Random(7)
    cases = list(TASK.generate("test"))
    changed = 0
    for one in cases:
        assert {score.value for score in list(verdict_of(TASK, one, one.truth).scores.values())[3:]} == {1.0}
    for _ in range(6000):
        chosen = draw.choice(cases)
        answer = mutated(chosen.truth if draw.random() < 0.8 else draw.choice(cases).truth, draw)
        scores = verdict_of(TASK, chosen, answer).scores
        for name in NAMES[3:]:
            assert scores[name].value in (0.0, 1.0) and scores[name].reason
        changed += scores["Accuracy"].value == 0
    assert changed > 3000, "most damages must be noticed"


def test_random_text(without_encoder):
    draw = random.Random(11)
    words = [
        "nvidia-smi",
        "-i",
        "0",
        "rocm-smi",
        "--json",
        "sb",
        "run",
        "nvcc",
        "-o",
        "mpirun",
        "-np",
        "8",
        "`",
        "```",
        "$",
        "|",
    ]
    words += [
        "all_reduce_perf",
        "-b",
        "NCCL_DEBUG=INFO",
        "--query-gpu=name",
        "--format=csv",
        "\n",
        "amd-smi",
        "monitor",
        "-g",
        "\\",
    ]
    given = case("nvidia-smi -i 0 -L"), case("amd-smi monitor -g 0", vendor="AMD")
    for _ in range(2000):
        answer = " ".join(draw.choices(words, k=draw.randrange(1, 14)))
        for one in given:
            assert verdict_of(TASK, one, answer).scores["Accuracy"].value in (0.0, 1.0)


def test_damaged_answers_with_the_encoder(encoder):
    draw = random.Random(5)
    cases = list(TASK.generate("dev"))
    for _ in range(15):
        chosen = draw.choice(cases)
        own = {name: score.value for name, score in verdict_of(TASK, chosen, chosen.truth).scores.items()}
        assert set(own.values()) == {1.0}
        for name, score in verdict_of(TASK, chosen, mutated(chosen.truth, draw)).scores.items():
            assert 0 <= score.value <= own[name]
