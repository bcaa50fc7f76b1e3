"""From a command line to its meaning: environment, sudo, mpirun, then the tool's own grammar."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from sigma.aimicius.cmdgen.grammar import words
from sigma.aimicius.cmdgen.grammar.meaning import CommandError, Meaning
from sigma.aimicius.cmdgen.grammar.parser import Grammar
from sigma.aimicius.cmdgen.grammar.parser import parse as parse_grammar
from sigma.aimicius.cmdgen.tools import KNOWN, LAUNCHERS, TOOLS, environment, mpirun, srun
from sigma.aimicius.cmdgen.wrappers import WRAPPERS, unwrapped

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)
COLLECTIVES = frozenset(name for tools in TOOLS.values() for name in tools if name.endswith("_perf"))


@dataclass(frozen=True, slots=True)
class Read:
    """A line that was read: its meaning, or the refusal that a terminal would show."""

    line: str
    meaning: Meaning | None = None
    error: CommandError | None = None


def program(word: str) -> str:
    """The program's name without its folder; a collective test built for MPI is the same program."""
    name = word.rsplit("/", 1)[-1]
    return name.removesuffix("_mpi") if name.endswith("_perf_mpi") else name


def read(line: str, vendor: str) -> Read:
    """Parse one command line for a node of that vendor. Never raises; what a terminal would refuse is in `error`."""
    try:
        return Read(line, meaning=_read(words.plain_paths(line), vendor))
    except words.ShellError as problem:
        return Read(line, error=CommandError("shell", str(problem), output="(not simulated)\n"))
    except CommandError as problem:
        return Read(line, error=problem)


def _read(line: str, vendor: str) -> Meaning:
    notes: list[str] = []
    line, prefix, folder = _set_up(line, notes)
    rest = words.split(line)
    while rest and (rest[0] in ("env", "sudo") or program(rest[0]) in WRAPPERS or ASSIGNMENT.match(rest[0])):
        if ASSIGNMENT.match(rest[0]):
            name, _, value = rest.pop(0).partition("=")
            prefix[name] = value
        elif rest[0] == "env":
            rest.pop(0)
        else:
            rest = unwrapped(rest, notes)
    if not rest:
        raise CommandError("empty", "there is no program in the line")
    launcher: dict[str, object] = {}
    launcher_env: dict[str, str] = {}
    typed: dict[str, str] = {}
    if program(rest[0]) in LAUNCHERS:
        launch = srun if program(rest[0]) == "srun" else mpirun
        own, launcher_env, mca, rest = launch.split(rest[1:])
        parsed = parse_grammar(own, launch.GRAMMAR)
        launcher = {**parsed.options, **{f"mca {name}": value for name, value in mca.items()}}
        typed = {f"mpirun {name}": value for name, value in parsed.spelled.items()}
        notes += parsed.notes
        if not rest:
            name = launch.GRAMMAR.tool
            raise CommandError("empty", f"{name} is given no program", output=f"{name}: no executable was specified\n")
    name = program(rest[0])
    grammar = TOOLS[vendor].get(name)
    if grammar is None:
        raise _not_found(name, vendor)
    if launcher and name not in COLLECTIVES:
        notes.append(f"{name} gains nothing from mpirun")
    meaning = parse_grammar(rest[1:], grammar)
    meaning.launcher = launcher
    meaning.spelled |= typed
    meaning.notes += notes
    _environment(meaning, prefix, launcher_env)
    if folder:
        _placed(meaning, grammar, folder)
    return meaning


def is_set_up(words_of: list[str]) -> bool:
    """Whether the words only prepare: `export NAME=value`, `export NAME`, `NAME=value`, `cd FOLDER`."""
    if words_of and words_of[0] == "export":
        return len(words_of) > 1 and all(ASSIGNMENT.match(word) or NAME.fullmatch(word) for word in words_of[1:])
    if words_of and all(ASSIGNMENT.match(word) for word in words_of):
        return True
    return len(words_of) == 2 and words_of[0] == "cd" and not words_of[1].startswith("-")


def _set_up(line: str, notes: list[str]) -> tuple[str, dict[str, str], str]:
    """The command behind `export NAME=value` and `cd FOLDER`, what they export, and the folder ("" for none).

    `NAME=value;` alone sets a variable of the shell, which no program sees before `export NAME`.
    """
    exported: dict[str, str] = {}
    own: dict[str, str] = {}
    folder = ""
    rest = words.steps(line)
    while len(rest) > 1:
        parts = words.split(rest[0][0])
        if not is_set_up(parts):
            break
        if parts[0] == "cd":
            folder = posixpath.join(folder, parts[1])
            notes.append(f"cd {parts[1]} is not run; relative file names are taken to be there")
        else:
            exporting = parts[0] == "export"
            for word in parts[exporting:]:
                name, equals, value = word.partition("=")
                value = value if equals else {**own, **exported}.get(name)
                if value is not None:
                    (exported if exporting or name in exported else own)[name] = value
        rest.pop(0)
    notes += [
        f"{name} is a variable of the shell only, not exported: the command does not see it"
        for name in own
        if name not in exported
    ]
    if len(rest) > 1 and rest[-2][1] == ";" and not rest[-1][0].strip():  # a last ; ends the command
        rest = [*rest[:-2], (rest[-2][0], "")]
    return "".join(part + sign for part, sign in rest), exported, folder


def _placed(meaning: Meaning, grammar: Grammar, folder: str) -> None:
    """Relative files as seen from where the line began."""
    for sub in meaning.sub:
        grammar = grammar.subs.get(sub, grammar)
    for option in grammar.options:
        value = meaning.options.get(option.name)
        if option.kind == "path" and isinstance(value, str):
            meaning.options[option.name] = posixpath.normpath(posixpath.join(folder, value))
    meaning.operands = tuple(posixpath.normpath(posixpath.join(folder, name)) for name in meaning.operands)


def _environment(meaning: Meaning, prefix: dict[str, str], exported: dict[str, str]) -> None:
    """One environment from `NAME=value` in front and mpirun's `-x`: local ranks inherit the one, all ranks get the other."""
    remote = "host" in meaning.launcher or "hostfile" in meaning.launcher
    values = {name: (value or prefix.get(name, "")) for name, value in exported.items()}
    for name, value in prefix.items():
        if remote and name not in exported:
            meaning.notes.append(f"{name} is set for mpirun only: ranks on other hosts do not see it without -x")
            values[name + " (mpirun's own)"] = value
        else:
            values.setdefault(name, value)
    for name, value in values.items():
        canonical, is_default = environment.canonical(name, value, meaning.notes)
        if not is_default:
            meaning.env[name] = canonical
        meaning.spelled[f"environment {name}"] = f"{name}={value}"


def _not_found(name: str, vendor: str) -> CommandError:
    other = "AMD" if vendor == "NVIDIA" else "NVIDIA"
    why = (
        f"{name} is a tool of {other} nodes; this node has {vendor} GPUs"
        if name in KNOWN
        else f"{name} is no known tool"
    )
    return CommandError("not-found", why, name, f"bash: {name}: command not found\n", 127)
