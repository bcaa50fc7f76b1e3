"""mpirun in front of a collective test: the options of Open MPI (and MPICH's -env) that people put there."""

from __future__ import annotations

import re
from typing import Any

from sigma.aimicius.cmdgen.grammar.meaning import CommandError, Meaning
from sigma.aimicius.cmdgen.grammar.option import opt
from sigma.aimicius.cmdgen.grammar.parser import Grammar, Habits

NAMES = ("mpirun", "mpiexec", "mpirun.mpich", "orterun")


def _refuse(error: CommandError, grammar: Grammar) -> tuple[str, int]:
    if error.kind == "unknown-option":
        return f"mpirun: Error: unknown option \"{error.token}\"\nType 'mpirun --help' for usage.\n", 1
    return f"mpirun: {error.reason}\nType 'mpirun --help' for usage.\n", 1


GRAMMAR = Grammar(
    "mpirun",
    (
        opt("-np -n --n --np -c", "int", low=1, name="np"),
        opt("-N -npernode --npernode -ppn --ppn -perhost", "int", low=1, name="npernode"),
        opt("-H -host --host", "list", name="host", repeat="append"),
        opt("-hostfile --hostfile -machinefile --machinefile -f", "path", name="hostfile"),
        opt("-x", "text", repeat="append", name="x"),
        opt("-env --env -genv", "text", count=1, repeat="append", name="env"),
        opt("--mca -mca", "text", count=2, name="mca"),
        opt("--bind-to -bind-to", "choice", choices="none core socket numa hwthread l3cache board", name="bind-to"),
        opt("--map-by -map-by", "text", name="map-by"),
        opt("--rank-by -rank-by", "text", name="rank-by"),
        opt("--allow-run-as-root -allow-run-as-root", name="allow-run-as-root"),
        opt("--tag-output -tag-output", name="tag-output"),
        opt("--oversubscribe -oversubscribe", name="oversubscribe"),
        opt("--report-bindings -report-bindings", name="report-bindings"),
        opt("--display-map -display-map", name="display-map"),
        opt("--display-allocation -display-allocation", name="display-allocation"),
        opt("--nooversubscribe -nooversubscribe", name="nooversubscribe"),
        opt("--use-hwthread-cpus -use-hwthread-cpus", name="use-hwthread-cpus"),
        opt("--timestamp-output -timestamp-output", name="timestamp-output"),
        opt("--output-filename -output-filename", "path", name="output-filename"),
        opt("--timeout -timeout", "int", low=1, name="timeout"),
        opt("-q --quiet", name="quiet"),
        opt("-v --verbose", name="verbose"),
        opt("--prefix", "path"),
        opt("-wdir --wdir", "path", name="wdir"),
    ),
    Habits(one_dash=True, greedy=True),
    refuse=_refuse,
    finish=lambda meaning: _finish(meaning),
)


def as_set(text: str) -> str:
    """A comma list whose order says nothing, sorted; ^ in front of it leaves its members out."""
    sign = text[:1] if text[:1] in "^=" else ""
    return sign + ",".join(sorted(text[len(sign) :].split(",")))


def _finish(meaning: Meaning) -> None:
    """`--map-by ppr:8:node` is -N 8."""
    match = re.fullmatch(r"ppr:(\d{1,4}):node", str(meaning.options.get("map-by", "")), re.ASCII)
    if match and "npernode" not in meaning.options:
        meaning.options["npernode"] = int(match[1])
        del meaning.options["map-by"]
        meaning.spelled["npernode"] = meaning.spelled.pop("map-by")


def _refused(error: CommandError) -> CommandError:
    error.output, error.exit_code = _refuse(error, GRAMMAR)
    return error


def split(words: list[str]) -> tuple[list[str], dict[str, str], dict[str, Any], list[str]]:
    """mpirun's own words, the environment that it exports, its MCA settings, and the program with its words.

    `words` starts after mpirun. A bare `-x NAME` exports the value of the shell: it comes back with the value "".
    """
    own: list[str] = []
    env: dict[str, str] = {}
    mca: dict[str, Any] = {}
    place = 0
    while place < len(words) and words[place].startswith("-"):
        word = words[place]
        option = GRAMMAR.flag(word)
        if option is None:
            raise _refused(CommandError("unknown-option", f"{word} is no option of mpirun that is known here", word))
        count = 0 if option.kind == "flag" else int(option.count)
        values = words[place + 1 : place + 1 + count]
        if len(values) < count:
            needs = "a value" if count == 1 else f"{count} values"
            raise _refused(CommandError("missing-value", f"{word} needs {needs}", word))
        if option.name in ("x", "env"):
            name, equals, value = values[0].partition("=")
            if option.name == "env" and not equals and place + 2 < len(words):  # MPICH also takes two words
                value, place = words[place + 2], place + 1
            env[name] = value
        elif option.name == "mca":
            mca[values[0]] = as_set(values[1])
        else:
            own += [word, *values]
        place += 1 + count
    return own, env, mca, words[place:]
