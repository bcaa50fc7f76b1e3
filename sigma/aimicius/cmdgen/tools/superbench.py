"""SuperBench's `sb`: nested sub-commands (names and defaults from superbenchmark's docs/cli.md, MIT)."""

from __future__ import annotations

from sigma.aimicius.cmdgen.grammar.meaning import CommandError, Meaning
from sigma.aimicius.cmdgen.grammar.option import opt
from sigma.aimicius.cmdgen.grammar.parser import Grammar, Habits

HABITS = Habits(cluster=True, abbreviate=True)
HELP = opt("--help -h")
LOGGING = (opt("--debug"), opt("--verbose"), opt("--only-show-errors"))  # every command of knack's takes them
OUTPUT = opt("--output-dir", "path")
CONFIG = (opt("--config-file -c", "path"), opt("--config-override -C", "text", count="+", repeat="set"))
IMAGE = (
    opt("--docker-image -i", "text", "superbench/superbench"),
    opt("--docker-password", "text"),
    opt("--docker-username", "text"),
)
HOSTS = (
    opt("--host-file -f", "path"),
    opt("--host-list -l", "list"),
    opt("--host-password", "text"),
    opt("--host-username", "text"),
    opt("--private-key", "path"),
)
DATA = opt("--data-file -d", "path")
RULE = opt("--rule-file -r", "path")
PLACES = opt("--decimal-place-value", "int", 2, low=0)


def _format(default: str, names: str) -> object:
    return opt("--output-file-format", "choice", default, names, strict_case=True)


def _refuse(error: CommandError, grammar: Grammar) -> tuple[str, int]:
    command = " ".join(("sb", *grammar.sub))
    if error.kind == "sub-command":
        known = " ".join(grammar.subs)
        if not error.token:
            return f"Group\n    {command}\n\nSubgroups and commands:\n    {known}\n", 0
        return f"{command}: '{error.token}' is not in the '{command}' command group. See '{command} --help'.\n", 2
    if error.kind in ("unknown-option", "operand"):
        return f"{command}: error: unrecognized arguments: {error.token}\n", 2
    if error.kind == "missing-value":
        return f"{command}: error: argument {error.token}: expected one argument\n", 2
    if error.kind == "missing-option":
        return f"{command}: error: the following arguments are required: {error.token}\n", 2
    return f"{command}: error: {error.reason}\n", 2


def _hosts(meaning: Meaning) -> None:
    options = meaning.options
    if "host-list" in options:
        options["host-list"] = sorted(set(options["host-list"]))
    if "host-file" in options and "host-list" in options:
        raise CommandError("conflict", "--host-file and --host-list exclude each other", "--host-list")


def _leaf(path: str, options: tuple, **more: object) -> Grammar:
    return Grammar("sb", (*options, HELP, *LOGGING), HABITS, sub=tuple(path.split()), refuse=_refuse, **more)


def _group(path: str, subs: dict[str, Grammar]) -> Grammar:
    return Grammar("sb", (HELP,), HABITS, subs=subs, needs_sub=True, sub=tuple(path.split()), refuse=_refuse)


NAME = opt("--name -n", "text")
GRAMMAR = _group(
    "",
    {
        "version": _leaf("version", ()),
        "deploy": _leaf("deploy", (*IMAGE, *HOSTS, opt("--no-image-pull"), OUTPUT), finish=_hosts),
        "exec": _leaf("exec", (*CONFIG, OUTPUT)),
        "run": _leaf("run", (*CONFIG, *IMAGE, *HOSTS, opt("--get-info"), opt("--no-docker"), OUTPUT), finish=_hosts),
        "run-info": _leaf("run-info", (*IMAGE, *HOSTS, opt("--no-image-pull"), OUTPUT), finish=_hosts),
        "node": _group("node", {"info": _leaf("node info", (OUTPUT,))}),
        "benchmark": _group(
            "benchmark",
            {
                "list": _leaf("benchmark list", (NAME,)),
                "list-parameters": _leaf("benchmark list-parameters", (NAME,)),
            },
        ),
        "result": _group(
            "result",
            {
                "diagnosis": _leaf(
                    "result diagnosis",
                    (
                        DATA,
                        RULE,
                        opt("--baseline-file -b", "path"),
                        PLACES,
                        opt("--output-all"),
                        OUTPUT,
                        _format("excel", "excel json jsonl md html"),
                    ),
                    required=("data-file", "rule-file"),
                ),
                "summary": _leaf(
                    "result summary",
                    (DATA, RULE, PLACES, OUTPUT, _format("md", "md excel html")),
                    required=("data-file", "rule-file"),
                ),
                "generate-baseline": _leaf(
                    "result generate-baseline",
                    (
                        DATA,
                        opt("--summary-rule-file -sr", "path"),
                        opt("--diagnosis-rule-file -dr", "path"),
                        opt("--baseline-file -b", "path"),
                        PLACES,
                        OUTPUT,
                    ),
                    required=("data-file", "summary-rule-file"),
                ),
            },
        ),
    },
)
