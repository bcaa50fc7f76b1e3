"""The tools' tables as one grammar of command lines, for decoding that is held to it.

Every option with the values that its table allows, sub-commands, the environment and launchers; nothing of a question's
truth. It is wider than the tools (an option may come twice, options may exclude each other): the judge still judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache

from sigma.aimicius.cmdgen.grammar.option import Option
from sigma.aimicius.cmdgen.grammar.parser import Grammar
from sigma.aimicius.cmdgen.tools import TOOLS, environment, mpirun, nvidia_smi, srun

TERMINALS = r"""
INT: /-?[0-9]{1,9}/
NUMBER: /[0-9]{1,9}(\.[0-9]{1,4})?/
SIZE: /[0-9]{1,9}[KMGTkmgt]?B?/
WORD: /[A-Za-z0-9_.\/~+@:%=,^\[\]][A-Za-z0-9_.\/~+@:%=,^\[\]-]*/
PASSED: /[A-Za-z0-9_.\/~+@:%=,^-]+/
QUOTED: /"[^"`$\\\n]{1,80}"/ | /'[^'\n]{1,80}'/
DEVICES: /[0-9]{1,2}(,[0-9]{1,2})*/ | /GPU-[0-9a-f-]{8,36}/ | /[0-9A-Fa-f]{4,8}:[0-9A-Fa-f:.]{4,12}/ | "all"
PAIR: /[0-9]{1,5}(,[0-9]{1,5})?/
FILE: /[A-Za-z0-9_.\/~][A-Za-z0-9_.\/~+-]*/
"""
_VALUES = {"int": "INT", "number": "NUMBER", "size": "SIZE", "devices": "DEVICES", "pair": "PAIR", "clocks": "PAIR"}


class _Rules:
    """Rules as they are made, each named once."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, name: str, body: str) -> str:
        self.lines.append(f"{name}: {body}")
        return name


def _any(words: Iterable[str]) -> str:
    return " | ".join(json.dumps(word) for word in words)


def value_of(option: Option) -> str:
    """The expression of one value of an option."""
    if option.kind == "list" and option.name in nvidia_smi.QUERIES:
        return _listed(nvidia_smi.QUERIES[option.name])
    if option.kind == "choice":
        return f"({_any(option.choices or {})})"
    if option.kind in ("words", "fields"):
        return _listed(option.choices or {})
    if option.kind == "letters":
        return f"/[{''.join(option.choices or {})}]{{1,{len(option.choices or {})}}}/"
    if option.kind == "int" and option.low is not None and option.high is not None and option.high - option.low <= 64:
        return f"({_any(str(n) for n in range(int(option.low), int(option.high) + 1))})"
    if option.kind == "passed":  # options for another program begin with a dash
        return "(PASSED | QUOTED)"
    if option.kind == "text":
        return "(WORD | QUOTED)"
    return _VALUES.get(option.kind, "WORD")


def _listed(words: Iterable[str]) -> str:
    names = _any(words)
    return f'({names}) ("," ({names}))*'


def option_rule(option: Option, grammar: Grammar) -> str:
    """The expression of an option with its values, as the tool's habits write it."""
    names = _any(option.flags)
    if option.kind == "flag":
        return f"({names})"
    value = f"({value_of(option)})"
    equals = [flag for flag in option.flags if flag.startswith("--") or grammar.habits.short_equals]
    if option.count == "?":
        return f'({names}) (" " {value})?'
    if option.count == "+":
        return f'({names}) (" " {value})+'
    if option.count == "*":
        return f'({names}) (" " {value})*'
    if isinstance(option.count, int) and option.count > 1:
        return f'({names}) (" " {value}){{{option.count}}}'
    forms = [f'({names}) " " {value}']
    if equals:
        forms.append(f'({_any(equals)}) "=" {value}')
    if option.attached:
        forms.append(f"({_any(flag for flag in option.flags if len(flag) == 2)}) {value}")
    return " | ".join(forms)


def _tool(rules: _Rules, name: str, grammar: Grammar) -> str:
    """Rules of a tool or sub-command behind its own name; returns the rule's name."""
    word = "t_" + "".join(c if c.isalnum() else "_" for c in name).lower()
    options = [rules.add(f"{word}_{i}", option_rule(o, grammar)) for i, o in enumerate(grammar.options)]
    parts = [*options, *(["FILE"] if grammar.operands else [])]
    own = f'(" " ({" | ".join(parts)}))*' if parts else '""'
    subs = [f"{json.dumps(sub)} {_tool(rules, f'{name} {sub}', inner)}" for sub, inner in grammar.subs.items()]
    if not subs:
        return rules.add(word, own)
    inner = f'" " ({" | ".join(subs)})'
    if grammar.needs_sub:
        helps = next((o for o in grammar.options if o.name == "help"), None)
        return rules.add(word, inner + (f' | " " ({_any(helps.flags)})' if helps else ""))
    return rules.add(word, f"{inner} | {own}")


def _launcher(rules: _Rules, name: str, grammar: Grammar, assignment: str) -> str:
    options = []
    for i, option in enumerate(grammar.options):
        body = option_rule(option, grammar)
        if option.name == "x":
            body = f'"-x " ({assignment} | NAME)'
        options.append(rules.add(f"l_{name}_{i}", body))
    return rules.add(f"l_{name}", f'{json.dumps(name)} (" " ({" | ".join(options)}))+')


@cache
def command_line(vendor: str) -> str:
    """The grammar of one command line on a node of that vendor."""
    rules = _Rules()
    assignments = [f'{json.dumps(o.name)} "=" ({value_of(o)})' for o in environment.ROWS]
    assignment = rules.add("assignment", " | ".join(assignments))
    tools = TOOLS[vendor]
    collectives = {name: grammar for name, grammar in tools.items() if name.endswith("_perf")}
    # All binaries of a vendor take the same options.
    shared = _tool(rules, "collective", next(iter(collectives.values())))
    collective = rules.add("collective", f'("./" | "./build/" | "build/")? ({_any(collectives)}) {shared}')
    launched = " | ".join(
        _launcher(rules, name, grammar, assignment)
        for name, grammar in (("mpirun", mpirun.GRAMMAR), ("srun", srun.GRAMMAR))
    )
    single = " | ".join(
        f"{json.dumps(name)} {_tool(rules, name, grammar)}"
        for name, grammar in tools.items()
        if name not in collectives
    )
    start = f'start: "sudo "? (({single}) | (assignment " ")* (({launched}) " ")? {collective})'
    names = f"NAME: {_any(o.name for o in environment.ROWS)}"
    return "\n".join((start, *rules.lines, names, TERMINALS))
