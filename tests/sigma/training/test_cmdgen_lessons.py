"""CMDGen's lessons: the same on every machine, right by the task's own judge, and over every option of every tool."""

import itertools
import re
from collections import Counter

import pytest

from sigma.aimicius import load_task
from sigma.aimicius.cmdgen.answer import find
from sigma.aimicius.cmdgen.command import program, read
from sigma.aimicius.cmdgen.simulator import run
from sigma.aimicius.cmdgen.tools import AMD, NVIDIA, TOOLS, nvidia_fields
from sigma.aimicius.cmdgen.tools.environment import TABLE
from sigma.aimicius.contract import verdict_of
from sigma.training.lessons import cmdgen, lessons
from sigma.training.lessons.cmdgen_rows import SLOT, rows
from sigma.training.lessons.cmdgen_values import MODIFIERS

VENDOR = {"rocm-smi": "AMD", "amd-smi": "AMD", "rccl-tests": "AMD"}


@pytest.fixture(scope="module")
def made():
    return list(lessons("cmdgen", 1))


def vendor(lesson) -> str:
    return VENDOR.get(lesson.topic, "NVIDIA")


def test_the_same_seed_gives_the_same_lessons(made):
    assert list(itertools.islice(lessons("cmdgen", 1), 300)) == made[:300]
    assert list(itertools.islice(lessons("cmdgen", 2), 50)) != made[:50]


def test_there_are_many_and_no_tool_has_more_than_a_quarter(made):
    assert 6000 <= len(made) <= 12_000
    topics = Counter(lesson.topic for lesson in made)
    assert set(topics) == {"nvidia-smi", "nvcc", "nccl-tests", "rccl-tests", "rocm-smi", "amd-smi", "sb"}
    assert max(topics.values()) < 0.25 * len(made) and min(topics.values()) > 0.07 * len(made)
    first = Counter(lesson.topic for lesson in made[:700])
    assert all(abs(first[name] / 700 - count / len(made)) < 0.06 for name, count in topics.items())  # mixed order


def test_a_fifth_comes_without_the_tasks_prompt(made):
    bare = [lesson for lesson in made if len(lesson.messages) == 1]
    assert 0.17 < len(bare) / len(made) < 0.23
    assert all([m["role"] for m in lesson.messages] in (["user"], ["system", "user"]) for lesson in made)
    nodes = {lesson.messages[0]["content"] for lesson in made if len(lesson.messages) == 2}
    assert len(nodes) == 3  # the task's own three system lines
    for lesson in made:
        if len(lesson.messages) == 2:
            assert ("AMD" in lesson.messages[0]["content"]) == (vendor(lesson) == "AMD") or lesson.topic == "sb"


def test_no_question_has_two_answers(made):
    answers: dict[tuple[str, ...], set[str]] = {}
    for lesson in made:
        answers.setdefault(tuple(m["content"].lower() for m in lesson.messages), set()).add(lesson.answer)
    assert not {question for question, given in answers.items() if len(given) > 1}


def test_every_answer_is_one_command_that_its_tool_takes(made):
    for lesson in made:
        given = read(lesson.answer, vendor(lesson))
        assert given.error is None, (lesson.answer, given.error.reason)
        assert find(lesson.answer).commands == (lesson.answer,) or find(lesson.answer).command, lesson.answer
        assert "\n" not in lesson.answer and len(lesson.answer) < 400


def test_every_number_of_a_command_is_said(made):
    """Devices, intervals, counts, limits: what a command holds beyond its kind must come from the question."""
    said = {"one": "1", "two": "2", "three": "3", "four": "4", "eight": "8", "half": "50"}
    unsaid = []
    for lesson in made:
        if lesson.topic in ("nvidia-smi", "rocm-smi", "amd-smi"):
            question = lesson.messages[-1]["content"].lower()
            known = set(re.findall(r"\d+", question)) | {digit for word, digit in said.items() if word in question}
            if len(known) > 1 and (span := re.search(r"(\d)(?:-| to )(\d)\b", question)):
                known |= {str(number) for number in range(int(span[1]), int(span[2]) + 1)}
            typed = re.findall(r"(?<=[ ,])\d+(?=[ ,]|$)", lesson.answer)
            unsaid += [(question, lesson.answer) for number in typed if int(number) > 1 and number not in known]
    named = ("-p2p", "-cgi", "--gom", "-vm", "--setfan", "--fan", "-c 3")  # modes and profiles that have names
    unsaid = [pair for pair in unsaid if not any(name in pair[1] for name in named)]
    assert not unsaid, unsaid[:40]


def test_the_judge_gives_full_marks(made):
    task = load_task("cmdgen")
    for number, lesson in enumerate(made[::120]):
        row = {
            "id": str(number),
            "prompt": lesson.messages[-1]["content"],
            "truth": lesson.answer,
            "vendor": vendor(lesson),
        }
        verdict = verdict_of(task, task.case(row, "lesson"), lesson.answer)
        assert verdict.scores["Accuracy"].value == 1.0
        assert all(part.state != "bad" for part in verdict.parts), lesson.answer


def test_most_commands_also_run_on_the_simulated_node(made):
    failed = []
    for lesson in made[::7]:
        system = "8xMI300X" if vendor(lesson) == "AMD" else "8xH100"
        if run(read(lesson.answer, vendor(lesson)), system).exit_code:
            failed.append(lesson.answer)
    assert len(failed) < 0.05 * len(made[::7]), failed[:20]


def flags_of(answer: str, whose: str) -> set[tuple[str, str]]:
    """(tool with sub-command, first flag of the option) for every option in the command."""
    words = [word for word in answer.split() if word != "sudo"]
    place = next(n for n, word in enumerate(words) if program(word) in TOOLS[whose])
    grammar, rest = TOOLS[whose][program(words[place])], words[place + 1 :]
    family = "collective" if "_perf" in grammar.tool else grammar.tool
    while rest and grammar.aliases.get(rest[0], rest[0]) in grammar.subs:
        grammar = (
            grammar.subs[grammar.aliases.get(rest.pop(0), "")]
            if rest[0] in grammar.aliases
            else grammar.subs[rest.pop(0)]
        )
    found = set()
    for word in rest:
        cut = word.split("=")[0]
        options = (
            [grammar.flag(cut)]
            if grammar.flag(cut)
            else [o for o in grammar.options if o.attached and any(word.startswith(f) and f != word for f in o.flags)]
        )
        found |= {(" ".join((family, *grammar.sub)), option.flags[0]) for option in options[:1]}
    return found


# What the judge reads and what came to amd-smi after the version that the lessons teach.
LATER = frozenset({"amd-smi partition", "amd-smi node", "amd-smi ras"})
LATER_FLAGS = frozenset(
    "--gpuboard --baseboard --cpu-pwr-svi-telemetry-rails --gpu-board-temps --base-board-temps --clk-level --reload-driver "
    "--enumeration".split()
)


def known_flags(whose: str) -> set[tuple[str, str]]:
    """The same for all that the tables know and the lessons teach."""
    found = set()

    def walk(grammar, family):
        found.update((" ".join((family, *grammar.sub)), option.flags[0]) for option in grammar.options)
        for sub in grammar.subs.values():
            walk(sub, family)

    for name, grammar in TOOLS[whose].items():
        walk(grammar, "collective" if "_perf" in name else name)
    return {
        key for key in found if key[0] not in LATER and (not key[0].startswith("amd-smi") or key[1] not in LATER_FLAGS)
    }


def shared(known: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Options that most sub-commands of a tool have (help, logging, output forms): asked for with some of them is enough."""
    of_tool = Counter((tool.split()[0], flag) for tool, flag in known)
    subs = Counter(name.split()[0] for name in {tool for tool, _ in known})
    return {key for key, count in of_tool.items() if count > 1 and count >= 0.5 * subs[key[0]]}


@pytest.mark.parametrize("whose", ["NVIDIA", "AMD"])
def test_every_option_of_every_tool_is_asked_for(made, whose):
    asked = set()
    for lesson in made:
        if lesson.topic == "sb" or vendor(lesson) == whose:
            asked |= flags_of(lesson.answer, whose)
    known = known_flags(whose)
    common = shared(known)

    def counted(pairs):
        return {(tool.split()[0], flag) if (tool.split()[0], flag) in common else (tool, flag) for tool, flag in pairs}

    known, asked = counted(known), counted(asked)
    for tool in sorted({name.split()[0] for name, _ in known}):
        of_tool = {pair for pair in known if pair[0].split()[0] == tool}
        print(f"{whose} {tool}: {len(of_tool & asked)} of {len(of_tool)} options")
        assert of_tool <= asked, sorted(of_tool - asked)


def test_every_sub_command_binary_field_and_variable_is_there(made):
    answers = [lesson.answer for lesson in made]
    words = {word.split("/")[-1] for answer in answers for word in answer.split()}
    assert {*NVIDIA, *AMD} <= words
    assert {"dmon", "pmon", "topo", "nvlink", "mig"} <= words
    assert set(AMD["amd-smi"].subs) <= words
    fields = {
        name
        for answer in answers
        if "--query-gpu=" in answer
        for name in answer.split("--query-gpu=")[1].split()[0].split(",")
    }
    assert {nvidia_fields.GPU[name] for name in fields} == set(nvidia_fields.GPU.values())
    variables = {part.split("=")[0] for answer in answers for part in answer.split() if "=" in part}
    assert set(TABLE) - variables <= {"SB_MICRO_PATH"}


def test_the_values_of_choices_are_all_there(made):
    answers = [f" {lesson.answer} " for lesson in made]
    for words in (
        "EXCLUSIVE_PROCESS PROHIBITED DEFAULT",
        "SPX DPX TPX QPX CPX",
        "NPS1 NPS2 NPS4 NPS8",
        "auto low high manual",
        "half bfloat16 double int8 uint8 int32 uint32 int64 uint64 float",
        "prod min max avg mulsum",
    ):
        for word in words.split():
            assert any(f" {word} " in answer for answer in answers), word


def test_no_phrase_of_a_table_stands_for_two_commands():
    tables = {tool.name: tool.table() for tool in cmdgen.TOOLS}
    unnamed = [row for row in tables["amd-smi"] if "free" in row.marks]
    for table in (*tables.values(), [*tables["rocm-smi"], *unnamed]):
        meant: dict[str, set[str]] = {}
        for row in table:
            plain = " ".join(SLOT.sub(lambda slot: "" if slot[1] in MODIFIERS else slot[0], row.command).split())
            for phrase in row.phrases:
                meant.setdefault(re.sub(r"[^a-z0-9{}%]+", " ", phrase.lower()).strip(), set()).add(plain)
        assert not {phrase: plain for phrase, plain in meant.items() if len(plain) > 1}


def test_a_phrase_must_say_what_the_command_holds():
    assert rows("tool -i {gpu}\n    show gpu {gpu}")[0].phrases == ("show gpu {gpu}",)
    with pytest.raises(ValueError, match="does not say gpu"):
        rows("tool -i {gpu}\n    show the gpu")
    with pytest.raises(ValueError, match="no phrase"):
        rows("tool -x\nother\n    words")
