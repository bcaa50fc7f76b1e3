"""One small parser for all tools; a tool is a table of options and a few habits (`Grammar`).

Habits differ: getopt takes `-b8` and `--min 8`, argparse takes `-ptu` and lists of values, nvidia-smi and nvcc have long
names behind one dash. Nothing is ever run: words in, meaning or refusal out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sigma.aimicius.cmdgen.grammar.meaning import CommandError, Meaning
from sigma.aimicius.cmdgen.grammar.option import Option
from sigma.aimicius.cmdgen.grammar.values import KINDS, ValueProblem


@dataclass(frozen=True, slots=True)
class Habits:
    """How a tool reads its command line."""

    cluster: bool = False  # -ptu is -p -t -u
    glued: bool = False  # -b8
    one_dash: bool = False  # -lgc and -arch are names, not clusters
    short_equals: bool = False  # -arch=sm_90
    abbreviate: bool = False  # --min for --minbytes
    greedy: bool = False  # getopt takes the next word as a value even if it starts with a dash


@dataclass(frozen=True, slots=True)
class Grammar:
    """A tool or one of its sub-commands."""

    tool: str
    options: tuple[Option, ...]
    habits: Habits
    subs: dict[str, Grammar] = field(default_factory=dict)
    needs_sub: bool = False
    operands: int = 0  # how many it takes at most
    required: tuple[str, ...] = ()
    exclusive: tuple[tuple[str, ...], ...] = ()
    refuse: Callable[[CommandError, Grammar], tuple[str, int]] | None = None  # the tool's own words, exit code
    finish: Callable[[Meaning], None] | None = None  # checks and rewritings that a table cannot hold
    aliases: dict[str, str] = field(default_factory=dict)  # other names of sub-commands
    sub: tuple[str, ...] = ()

    def flag(self, word: str) -> Option | None:
        """The option that is spelled exactly so."""
        return _index(self).get(word)


_INDEX: dict[int, dict[str, Option]] = {}


def _index(grammar: Grammar) -> dict[str, Option]:
    """Flags to options, built once per grammar (grammars live as long as the program)."""
    key = id(grammar)
    if key not in _INDEX:
        _INDEX[key] = {flag: option for option in grammar.options for flag in option.flags}
    return _INDEX[key]


def parse(words: list[str], grammar: Grammar) -> Meaning:
    """The meaning of a tool's arguments (without the tool's own name). Raises CommandError with the tool's refusal."""
    rest = list(words)
    while grammar.subs and rest and (name := grammar.aliases.get(rest[0], rest[0])) in grammar.subs:
        grammar = grammar.subs[name]
        rest.pop(0)
    try:
        if grammar.needs_sub:
            _no_sub(rest, grammar)
        meaning = _arguments(rest, grammar)
        _check(meaning, grammar)
        if grammar.finish:
            grammar.finish(meaning)
    except CommandError as error:
        if not error.output and grammar.refuse:
            error.output, error.exit_code = grammar.refuse(error, grammar)
        raise
    return meaning


def _no_sub(rest: list[str], grammar: Grammar) -> None:
    if rest and rest[0] in ("-h", "--help"):
        return
    what = f"{rest[0]!r} is no sub-command of {grammar.tool}" if rest else f"{grammar.tool} needs a sub-command"
    raise CommandError("sub-command", what, rest[0] if rest else "")


def _check(meaning: Meaning, grammar: Grammar) -> None:
    if meaning.options.get("help"):
        return
    for name in grammar.required:
        if name not in meaning.options:
            flags = "/".join(next(o.flags for o in grammar.options if o.name == name))
            raise CommandError("missing-option", f"{flags} is required", flags)
    for group in grammar.exclusive:
        given = [name for name in group if name in meaning.options]
        if len(given) > 1:
            raise CommandError("conflict", f"{' and '.join(given)} exclude each other", given[1])


def _arguments(rest: list[str], grammar: Grammar) -> Meaning:
    meaning = Meaning(grammar.tool, grammar.sub)
    meaning.defaults = {option.name: option.default for option in grammar.options if option.default is not None}
    operands: list[str] = []
    position = 0
    while position < len(rest):
        word = rest[position]
        position += 1
        if word == "--":
            operands += rest[position:]
            break
        if not word.startswith("-") or word == "-" or re.fullmatch(r"-\d+", word, re.ASCII):
            operands.append(word)
            continue
        for option, inline, spelled in _options(word, grammar):
            values, used = _values(option, inline, rest[position:], grammar, spelled)
            position += used
            typed = " ".join([word, *rest[position - used : position]])
            _store(meaning, option, values, typed)
    if len(operands) > grammar.operands:
        raise CommandError("operand", f"{operands[grammar.operands]!r} is not expected", operands[grammar.operands])
    meaning.operands = tuple(operands)
    return meaning


def _options(word: str, grammar: Grammar) -> list[tuple[Option, str | None, str]]:
    """The options in one word with their inline values: `--id=0`, `-b8`, `-ptu`."""
    habits, name, equals, inline = grammar.habits, *word.partition("=")
    value = inline if equals else None
    if word.startswith("--"):
        if option := grammar.flag(name) or _abbreviated(name, grammar):
            return [(option, value, name)]
    elif (option := grammar.flag(name)) and (not equals or habits.short_equals):
        return [(option, value, name)]
    elif habits.one_dash:
        for cut in range(len(word) - 1, 1, -1):
            if (option := grammar.flag(word[:cut])) and option.attached:
                return [(option, word[cut:].removeprefix("="), word[:cut])]
    elif habits.cluster or habits.glued:
        return _cluster(word, grammar)
    raise CommandError("unknown-option", f"{name} is no option of {' '.join((grammar.tool, *grammar.sub))}", word)


def _abbreviated(name: str, grammar: Grammar) -> Option | None:
    if not grammar.habits.abbreviate or len(name) < 3:
        return None
    found = {option.name: option for option in grammar.options for flag in option.flags if flag.startswith(name)}
    if len(found) > 1:
        raise CommandError("ambiguous", f"{name} could be {' or '.join(sorted(found)[:4])}", name)
    return next(iter(found.values()), None)


def _cluster(word: str, grammar: Grammar) -> list[tuple[Option, str | None, str]]:
    found: list[tuple[Option, str | None, str]] = []
    for place, letter in enumerate(word[1:], 1):
        option = grammar.flag("-" + letter)
        if option is None:
            raise CommandError("unknown-option", f"-{letter} is no option of {grammar.tool}", word)
        if option.kind != "flag":
            tail = word[place + 1 :]
            found.append((option, tail or None, "-" + letter))
            break
        found.append((option, None, "-" + letter))
    return found


def _values(
    option: Option, inline: str | None, rest: list[str], grammar: Grammar, spelled: str
) -> tuple[list[str] | None, int]:
    """The option's raw values and how many of the following words it used."""
    if option.kind == "flag":
        if inline is not None:
            raise CommandError("bad-value", f"{spelled} takes no value", f"{spelled}={inline}")
        return None, 0
    if inline is not None:
        if isinstance(option.count, int) and option.count > 1:
            raise CommandError("missing-value", f"{spelled} takes {option.count} values", spelled)
        return [inline], 0
    free = 0
    while free < len(rest) and not _is_option(rest[free], grammar):
        free += 1
    if option.count == "?":
        takes = min(free, 1) and int(_fits(option, rest[0]))
        return ([rest[0]], 1) if takes else ([], 0)
    if option.count in ("+", "*"):
        if option.count == "+" and not free:
            raise CommandError("missing-value", f"{spelled} needs a value", spelled)
        return rest[:free], free
    if grammar.habits.greedy:
        free = len(rest)
    if free < option.count:
        raise CommandError("missing-value", f"{spelled} needs {_many(option.count)}", spelled)
    return rest[: option.count], int(option.count)


def _many(count: int | str) -> str:
    return "a value" if count == 1 else f"{count} values"


def _is_option(word: str, grammar: Grammar) -> bool:
    return word.startswith("-") and len(word) > 1 and not re.fullmatch(r"-\d+(\.\d+)?", word, re.ASCII)


def _fits(option: Option, word: str) -> bool:
    try:
        KINDS[option.kind](word, option)
    except ValueProblem:
        return option.kind != "int" or word.lstrip("-").isdigit()  # a number out of range is refused, not skipped
    return True


def _store(meaning: Meaning, option: Option, raw: list[str] | None, typed: str) -> None:
    if raw is None:
        meaning.options[option.name] = True
    else:
        try:
            parsed = [KINDS[option.kind](word, option) for word in raw]
        except ValueProblem as problem:
            shown = option.flags[0] if not typed.startswith("-") else typed.split()[0].split("=")[0]
            raise CommandError("bad-value", f"{shown}: {problem}", " ".join(raw)) from problem
        value: Any
        if option.count == "?":
            value = parsed[0] if parsed else option.bare
        elif option.count in ("+", "*") or option.repeat in ("append", "set"):
            value = [item for part in parsed for item in (part if isinstance(part, list) else [part])]
            if option.count == 1:
                value = [*meaning.options.get(option.name, []), *value]
            if option.repeat == "set":
                value = sorted(set(value), key=lambda item: (str(type(item)), item))
        elif option.count != 1:
            value = parsed
        else:
            value = parsed[0]
        meaning.options[option.name] = value
    meaning.spelled[option.name] = typed
