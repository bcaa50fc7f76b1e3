"""Lessons of facts: the same on every machine, short, and about flags, variables and columns that the tools' tables have."""

import itertools
import re
from collections import Counter

import pytest

from sigma.aimicius.cmdgen.tools import AMD, NVIDIA
from sigma.aimicius.cmdgen.tools.environment import TABLE
from sigma.aimicius.cmdgen.tools.nvidia_fields import MIG_PROFILES
from sigma.aimicius.infrawise.names import SKUS
from sigma.training.lessons import facts, facts_tables, lessons
from sigma.training.lessons.facts_options import OPTIONS


@pytest.fixture(scope="module")
def made():
    return list(lessons("facts", 1))


def test_the_same_seed_gives_the_same_lessons(made):
    assert list(itertools.islice(lessons("facts", 1), 200)) == made[:200]
    assert list(itertools.islice(lessons("facts", 2), 50)) != made[:50]


def test_there_are_enough_of_every_topic(made):
    assert 1500 <= len(made) <= 3000
    topics = Counter("options" if lesson.topic.endswith(" options") else lesson.topic for lesson in made)
    assert set(topics) == {
        "options",
        "variables",
        "columns",
        "xid",
        "kusto",
        "machines",
        "hardware",
        "terms",
        "follow-ups",
    }
    assert min(topics.values()) >= 60


def test_answers_are_a_few_plain_sentences(made):
    for lesson in made:
        assert 10 < len(lesson.answer) < 330, lesson.answer
        assert lesson.answer[-1] in ".`" and "{" not in lesson.answer and "  " not in lesson.answer, lesson.answer
        plain = re.sub(r"`[^`]*`", "", lesson.answer)
        assert lesson.answer.count("`") % 2 == 0 and len(re.findall(r"\. [A-Z]", plain)) <= 2, lesson.answer


def test_a_chat_ends_with_the_user_and_has_no_system_prompt(made):
    for lesson in made:
        roles = [message["role"] for message in lesson.messages]
        assert roles == (["user", "assistant", "user"] if lesson.topic == "follow-ups" else ["user"])
        assert all(message["content"].strip() for message in lesson.messages)


def test_no_question_has_two_answers(made):
    answers: dict[tuple[str, ...], set[str]] = {}
    for lesson in made:
        key = tuple(message["content"].lower().strip("?. ") for message in lesson.messages)
        answers.setdefault(key, set()).add(lesson.answer)
    assert not {question: given for question, given in answers.items() if len(given) > 1}


@pytest.mark.parametrize("tool", list(OPTIONS))
def test_every_flag_is_one_of_its_tool(tool):
    name, *subs = tool.split()
    name = {"nccl-tests": "all_reduce_perf"}.get(name, name)
    grammar = {**AMD, **NVIDIA}[name]
    for sub in subs:
        grammar = grammar.subs[sub]
    for line in OPTIONS[tool].strip().splitlines():
        flags = line.partition(" = ")[0].split()
        options = {grammar.flag(flag).name if grammar.flag(flag) else flag for flag in flags}
        assert len(options) == 1 and not next(iter(options)).startswith("-"), line  # the names are of one option
        assert "=" in line and len(line) > 20


def test_variables_are_those_of_the_table():
    for line in facts_tables.VARIABLES.strip().splitlines():
        assert line.split()[0].split("=")[0] in TABLE, line


def test_machines_and_slices_are_those_of_the_tables(made):
    said = " ".join(lesson.answer for lesson in made)
    assert all(f"{name} has the {gpu}." in said for name, gpu in SKUS.items())
    for name, number, *_ in MIG_PROFILES["9.0"]:
        match = re.search(rf"{re.escape(name)} is a MIG slice[^.]*profile id is (\d+)", said)
        assert match is None or int(match[1]) == number, name


def test_sentences():
    assert facts.sentence("turns it on") == "Turns it on." and facts.sentence("run `a`", False) == "run `a`"
