"""The command in a model's answer: out of fences, prompts and prose; several commands are said to be several."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, replace

from sigma.aimicius.cmdgen.command import ASSIGNMENT, is_set_up, program
from sigma.aimicius.cmdgen.grammar.words import ShellError, split, steps, tidy
from sigma.aimicius.cmdgen.tools import KNOWN
from sigma.aimicius.cmdgen.wrappers import WRAPPERS
from sigma.aimicius.contract import MAX_ANSWER
from sigma.aimicius.tries import last_try

MAX_COMMAND = 4000  # characters of one command line that are read
MAX_LINES = 5000
MAX_WRAPPER = 12  # words of `watch -n 1`, `time`, `timeout 60` and the like in front of a tool
BLANKS = " \t\r\f\v"  # what a shell passes over; a no-break space is a letter to it
_FENCE = re.compile(r"^\s*(```|~~~)")
_PROMPT = re.compile(r"^\s*(?:[-*+•]\s+|\d{1,3}[.)]\s+)?(?:\$|>|[\w.@~:/-]{0,64}[#$])\s+")
# What stands around a command in a text that is laid out: a list's mark, "Command:", bold letters.
_MARK = re.compile(
    r"(?:[-*+•]\s+|\d{1,3}[.)]\s+)?(?:\*\*)?(?:(?:(?:the |final )?(?:command|answer)(?: is)?\s*:)(?:\*\*)?\s*)?(?:\*\*|<code>)?",
    re.IGNORECASE,
)
_INLINE = re.compile(r"`([^`\n]{1,4000})`")


@dataclass(frozen=True, slots=True)
class Found:
    """What an answer holds: `command` is the one to judge ("" for none), `commands` all different ones, `notes` why."""

    command: str
    commands: tuple[str, ...]
    notes: tuple[str, ...]


def find(answer: str, also: frozenset[str] = frozenset()) -> Found:
    """The commands of an answer, in order; identical repetitions count once. Never raises.

    `also`: programs besides the known ones that start a command (the true command's own).
    """
    counts, parted = last_try(answer)
    found = _find(counts, also)
    return replace(found, notes=("of several tries the last line counts", *found.notes)) if parted else found


def _find(answer: str, also: frozenset[str]) -> Found:
    notes: list[str] = []
    if len(answer) > MAX_ANSWER:
        notes.append(f"the answer is longer than {MAX_ANSWER:,} characters; the rest was not read")
        answer = answer[:MAX_ANSWER]
    if not answer.strip():
        return Found("", (), (*notes, "the answer is empty"))
    lines = _joined(answer.replace("\r\n", "\n").replace("\r", "\n"))
    if len(lines) > MAX_LINES:
        notes.append(f"only the first {MAX_LINES:,} lines were read")
        lines = lines[:MAX_LINES]
    found: list[str] = []
    before: list[str] = []  # lines that only prepare the next command
    fenced = prose = prompted = False
    marked: list[str] = []  # taken where nothing plainer is found: a list's lines may also speak about commands
    in_fence = False
    for line in lines:
        if _FENCE.match(line):
            in_fence = not in_fence
            fenced = True
            continue
        bare = _PROMPT.sub("", line, count=1)
        bare = bare.strip(BLANKS)
        if _prepares(bare):
            before.append(bare)
            continue
        if _is_command(bare, also):
            prompted = prompted or bare != line.strip(BLANKS)
            found.append(" && ".join([*before[-8:], bare])[:MAX_COMMAND])
            continue
        unmarked = _unmarked(bare)
        if unmarked != bare and _is_command(unmarked, also):
            marked.append(" && ".join([*before[-8:], unmarked])[:MAX_COMMAND])
            continue
        inline, alone = _inline(line, also)
        found += inline
        prose = prose or (bool(bare) and not alone)
    if fenced:
        notes.append("taken out of a code fence")
    if prompted:
        notes.append("a shell prompt in front was left out")
    if marked and not found:
        found = marked
        notes.append("what marks it in the text was left out")
    if prose and found:
        notes.append("taken out of prose")
    different = list({tidy(command): command for command in reversed(found)}.values())[::-1]
    if not found:
        notes.append("no line of the answer starts with a tool that the task knows")
        return Found("", (), tuple(notes))
    if len(different) > 1:
        notes.append(
            f"{len(different)} different commands; the task asks for one, so the first is shown and none can match"
        )
    return Found(different[0], tuple(different[:20]), tuple(notes))


def _inline(line: str, also: frozenset[str]) -> tuple[list[str], bool]:
    """The commands between back-ticks, and whether one such is the whole line."""
    quoted = [inner.strip() for inner in _INLINE.findall(line)]
    inline = [_PROMPT.sub("", inner).strip() for inner in quoted]
    inline = [inner for inner in inline if _is_command(inner, also)]
    # In a sentence, a tool's bare name is a mention; alone in the line it is the answer.
    alone = len(inline) == 1 and line.strip() == f"`{quoted[0]}`"
    return [inner for inner in inline if alone or " " in inner], alone


def _unmarked(line: str) -> str:
    """The line without a list's mark, a label and bold letters around it."""
    inner = line[_MARK.match(line).end() :]
    return inner.removesuffix("**").removesuffix("</code>").strip(BLANKS)


def _joined(text: str) -> list[str]:
    """Lines, with those that end in a back-slash joined to the next as a shell does."""
    return re.sub(r"\\[ \t]*\n[ \t]*", " ", text).split("\n")


def _is_command(line: str, also: frozenset[str]) -> bool:
    """Does the line start with a known program, after sudo, env, assignments and what only prepares (export, cd)?"""
    line = line[:MAX_COMMAND]
    words = _words(line)
    if words and (words[0] in ("export", "cd") or ASSIGNMENT.match(words[0])):
        rest = steps(line)
        while len(rest) > 1 and _prepares(rest[0][0]):
            rest.pop(0)
        line = "".join(part + sign for part, sign in rest).strip(BLANKS)
        words = _words(line)
    place = 0
    while place < len(words) and (words[place] in ("sudo", "env") or ASSIGNMENT.match(words[place])):
        sudo = words[place] == "sudo"
        place += 1
        while sudo and place < len(words) and (words[place].startswith("-") or words[place - 1] in ("-u", "--user")):
            place += 1
    if place < len(words) and program(words[place]) in WRAPPERS:
        inner = next((i for i in range(place + 1, len(words)) if program(words[i]) in KNOWN), None)
        return inner is not None and inner - place <= MAX_WRAPPER and not _is_sentence(words[place:])
    if place >= len(words):
        return False
    name = program(words[place].rstrip(";|&"))
    if name not in KNOWN and name not in also:
        return False
    return not _is_sentence(words[place:])


def _words(line: str) -> list[str]:
    """The words, quotes undone where there are any and a shell would read them."""
    if "'" in line or '"' in line:
        with contextlib.suppress(ShellError):
            return split(line)
    return [word.strip("'\"") for word in re.split(r"[ \t]+", line.strip(BLANKS))]


def _prepares(line: str) -> bool:
    line = line.strip(BLANKS)
    begins = line.startswith(("export ", "cd ")) or bool(ASSIGNMENT.match(line))
    return begins and len(line) <= MAX_COMMAND and is_set_up(_words(line.rstrip("; ")))


def _is_sentence(words: list[str]) -> bool:
    """`nvidia-smi is a tool that ...` starts with a tool and is prose all the same."""
    if len(words) < 2 or words[1].startswith("-"):
        return False
    return words[1].strip(".,:;").lower() in _VERBS or words[0].endswith((".", ",", ":"))


_VERBS = frozenset(
    "is are was can will would shows show shows, prints print displays display lists lets gives does has and or the to for "
    "with command commands tool may should reports returns allows also provides".split()
)
