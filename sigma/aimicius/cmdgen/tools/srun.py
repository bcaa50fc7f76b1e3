"""srun in front of a collective test: Slurm's launcher, its options by mpirun's names where they mean the same."""

from __future__ import annotations

from typing import Any

from sigma.aimicius.cmdgen.grammar.meaning import CommandError, Meaning
from sigma.aimicius.cmdgen.grammar.option import opt
from sigma.aimicius.cmdgen.grammar.parser import Grammar, Habits


def _refuse(error: CommandError, grammar: Grammar) -> tuple[str, int]:
    if error.kind == "unknown-option":
        return f"srun: unrecognized option '{error.token}'\nTry \"srun --help\" for more information\n", 1
    return f"srun: error: {error.reason}\n", 1


# How ranks find each other, whose queue they stand in and which image they run in changes nothing of what runs.
_ASIDE = {
    "--mpi": "text", "-p --partition": "text", "-A --account": "text", "-J --job-name": "text", "-t --time": "text",
    "-q --qos": "text", "-C --constraint": "text", "--reservation": "text", "--mem": "text", "--hint": "text",
    "-D --chdir": "text", "--container-image": "text", "--container-mounts": "text", "--container-name": "text",
    "--container-workdir": "text", "--container-writable": "flag", "--container-mount-home": "flag",
    "--no-container-mount-home": "flag", "--overlap": "flag", "-u --unbuffered": "flag", "-v --verbose": "flag",
    "-Q --quiet": "flag", "-W --wait": "text", "--jobid": "text", "-K --kill-on-bad-exit": "flag",
}  # fmt: skip


def _finish(meaning: Meaning) -> None:
    """What changes nothing of what runs is named and left out."""
    for name in (opt(flags).name for flags in _ASIDE):
        if meaning.options.pop(name, None) is not None:
            meaning.notes.append(f"srun's --{name} is not looked at")
        meaning.spelled.pop(name, None)


GRAMMAR = Grammar(
    "srun",
    (
        opt("-n --ntasks", "int", low=1, name="np"),
        opt("-N --nodes", "int", low=1, name="nodes"),
        opt("--ntasks-per-node", "int", low=1, name="npernode"),
        opt("-w --nodelist", "list", name="host"),
        opt("-c --cpus-per-task", "int", low=1),
        opt("-G --gpus", "text"),
        opt("--gpus-per-node", "text"),
        opt("--gpus-per-task", "text"),
        opt("--gres", "text"),
        opt("--cpu-bind", "text"),
        opt("-l --label"),
        opt("--exclusive"),
        opt("--ntasks-per-gpu", "int", low=1),
        opt("--gpu-bind", "text"),
        opt("-m --distribution", "text"),
        *(opt(flags, kind) for flags, kind in _ASIDE.items()),
        opt("--export", "text"),
    ),
    Habits(glued=True, greedy=True),
    refuse=_refuse,
    finish=_finish,
)


def split(words: list[str]) -> tuple[list[str], dict[str, str], dict[str, Any], list[str]]:
    """srun's own words, the environment that it exports, no MCA settings, and the program with its words."""
    own: list[str] = []
    env: dict[str, str] = {}
    place = 0
    while place < len(words) and words[place].startswith("-"):
        word = words[place]
        name, equals, value = word.partition("=")
        option = GRAMMAR.flag(name) or (None if word.startswith("--") else GRAMMAR.flag(word[:2]))
        if option is None:
            error = CommandError("unknown-option", f"{word} is no option of srun that is known here", word)
            error.output, error.exit_code = _refuse(error, GRAMMAR)
            raise error
        glued = equals or (not word.startswith("--") and len(word) > 2)
        used = 1 if option.kind == "flag" or glued else 2
        if option.name == "export":
            value = value if equals else " ".join(words[place + 1 : place + 2])
            env |= dict(part.split("=", 1) for part in value.split(",") if "=" in part)
        else:
            own += words[place : place + used]
        place += used
    return own, env, {}, words[place:]
