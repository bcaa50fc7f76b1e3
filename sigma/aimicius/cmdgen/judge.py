"""The verdict on an answer: command found, parsed, compared with the truth option by option, run on the simulated node, scored."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from sigma.aimicius.cmdgen import similarity
from sigma.aimicius.cmdgen.answer import Found, find
from sigma.aimicius.cmdgen.command import Read, program, read
from sigma.aimicius.cmdgen.grammar.meaning import difference
from sigma.aimicius.cmdgen.grammar.words import tidy
from sigma.aimicius.cmdgen.simulator import Execution, closeness, deviations, run
from sigma.aimicius.contract import Case, Part, Score, Sheet, Verdict, readable

# The paper gives no thresholds; these are ours and every verdict shows them.
CALIBRATION_CMD = 0.85  # CMD Score from which Calibration counts
CALIBRATION_OUTPUT = 0.85  # Output Score from which Calibration counts
SUCCESS_OUTPUT = 1.0  # share of output lines that must agree; the simulator is deterministic, so all of them
MAX_SHOWN = 12_000  # characters of terminal text in a view
NAMES = ("CMD Score", "Output Score", "Calibration Score", "Exact Match", "Success Ratio", "Accuracy")


def judge(case: Case, answer: str) -> Iterator[Part | Verdict]:
    """Parts as they are found, then the verdict. Never raises for anything in the answer; nothing is run by a shell."""
    answer = readable(answer)
    truth, vendor, system = case.truth.strip(), case.fields["vendor"], case.fields["system"]
    sheet = Sheet(NAMES)
    found = find(answer, frozenset({_program(truth)}) if truth else frozenset())
    yield sheet.add(_answer_part(found, truth))
    right = _truth(truth, vendor, system) if truth else None
    if not found.command:
        for name in ("Command", "Difference", "Terminal"):
            yield sheet.part(name, "skipped", "there is no command to look at")
        yield from _finish(sheet, _nothing(found, truth))
        return
    given = read(found.command, vendor)
    yield sheet.add(_command_part(given))
    yield sheet.add(_difference_part(given, right))
    execution = run(given, system)
    same = right is not None and _succeeds(given, execution, right)
    yield sheet.add(_terminal_part(given, execution, right, system, same))
    share = None if right is None else closeness(right[1], execution)
    yield from _finish(sheet, _scores(found, given, execution, truth, right, same), share)


def _program(truth: str) -> str:
    return next((program(word) for word in truth.split() if "=" not in word and word != "sudo"), "")


@lru_cache(maxsize=64)
def _truth(truth: str, vendor: str, system: str) -> tuple[Read, Execution]:
    meant = read(truth, vendor)
    return meant, run(meant, system)


def _answer_part(found: Found, truth: str) -> Part:
    one = len(found.commands) == 1
    text = "; ".join(found.notes) or "the answer is one plain command"
    view = {
        "kind": "cmdgen.answer",
        "raw": found.command,
        "plain": tidy(found.command),
        "truth": tidy(truth),
        "truth_raw": truth,
        "commands": list(found.commands),
        "notes": list(found.notes),
    }
    return Part("Answer", "good" if one else "bad", text, view)


def _command_part(given: Read) -> Part:
    if given.meaning is None:
        error = given.error
        return Part(
            "Command", "bad", error.reason, {"kind": "cmdgen.command", "problem": error.kind, "reason": error.reason}
        )
    meaning = given.meaning
    text = f"{' '.join((meaning.tool, *meaning.sub))} takes it" + "".join(f"; {note}" for note in meaning.notes)
    return Part("Command", "good", text, {"kind": "cmdgen.command", "problem": "", "reason": text})


def _difference_part(given: Read, right: tuple[Read, Execution] | None) -> Part:
    if right is None:
        return Part("Difference", "skipped", "there is no true command to compare with")
    if given.meaning is None or right[0].meaning is None:
        whose = "the command" if given.meaning is None else "the true command"
        return Part(
            "Difference", "skipped", f"{whose} has no meaning to compare: {(given.error or right[0].error).reason}"
        )
    rows = difference(right[0].meaning, given.meaning)
    off = [f"{row['name']}: {row['state']}" for row in rows if row["state"] != "same"]
    text = "; ".join(off[:6]) + ("; ..." if len(off) > 6 else "") if off else "both mean the same"
    return Part("Difference", "bad" if off else "good", text, {"kind": "cmdgen.difference", "rows": rows[:200]})


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + f"\n... ({len(text) - MAX_SHOWN:,} more characters)\n"


def _side(line: str, execution: Execution) -> dict[str, Any]:
    return {
        "command": line,
        "output": _cut(execution.output),
        "exit_code": execution.exit_code,
        "files": {path: _cut(text) for path, text in list(execution.files.items())[:4]},
        "rhythm": list(execution.rhythm) if execution.rhythm else None,
    }


def _terminal_part(
    given: Read, execution: Execution, right: tuple[Read, Execution] | None, system: str, same: bool
) -> Part:
    view = {"kind": "cmdgen.terminal", "system": system, "simulated": True, "answer": _side(given.line, execution)}
    if right is None:
        state, text = "neutral", f"exit code {execution.exit_code} (simulated)"
    else:
        view["truth"] = _side(right[0].line, right[1])
        state = "good" if same else "bad"
        off = "; ".join(deviations(right[1], execution, SUCCESS_OUTPUT)) or "another meaning"
        text = "same result as the true command's" if same else f"not the true command's result: {off}"
    return Part("Terminal", state, text + (" (simulated)" if right else ""), view)


def _succeeds(given: Read, execution: Execution, right: tuple[Read, Execution]) -> bool:
    if given.meaning is None or right[0].meaning is None:
        return False
    return given.meaning.key == right[0].meaning.key or not deviations(right[1], execution, SUCCESS_OUTPUT)


def _nothing(found: Found, truth: str) -> dict[str, Score]:
    if not truth:
        return {name: Score(None, "no true command was given") for name in NAMES}
    why = similarity.missing()
    zero = Score(0.0, found.notes[-1] if found.notes else "no command")
    return {name: Score(None, why) if why and name in NAMES[:3] else zero for name in NAMES}


def _scores(
    found: Found, given: Read, execution: Execution, truth: str, right: tuple[Read, Execution] | None, same: bool
) -> dict[str, Score]:
    if right is None:
        return {name: Score(None, "no true command was given") for name in NAMES}
    several = len(found.commands) > 1
    exact = tidy(found.command) == tidy(truth) and not several
    success = (same or exact) and not several
    command = similarity.cosine(tidy(found.command), tidy(truth))
    output = similarity.cosine(_seen(execution), _seen(right[1]))
    if several:
        reason = f"{len(found.commands)} commands were given; one was asked for"
    elif success:
        equal = given.meaning is not None and right[0].meaning is not None and given.meaning.key == right[0].meaning.key
        reason = (
            "the same meaning"
            if equal
            else "the very text of the truth"
            if exact
            else "another command with the same result"
        )
    else:
        off = "; ".join(deviations(right[1], execution, SUCCESS_OUTPUT)) or "another meaning"
        reason = given.error.reason if given.error else f"another result: {off}"
    why = similarity.missing()
    return {
        "CMD Score": _cosine(command, why, "commands"),
        "Output Score": _cosine(output, why, "outputs"),
        "Calibration Score": _calibration(command, output, why),
        "Exact Match": Score(
            float(exact), "the same text" if exact else "several commands" if several else "another text"
        ),
        "Success Ratio": Score(float(success), reason),
        "Accuracy": Score(
            float(success or exact), "exact match" if exact else f"success: {reason}" if success else reason
        ),
    }


def _seen(execution: Execution) -> str:
    """What the reader of the terminal gets to see, files that were asked for included."""
    return "\n".join(filter(None, (execution.output, *execution.files.values()))).strip() or "(no output)"


def _cosine(value: float | None, why: str | None, what: str) -> Score:
    if value is None:
        return Score(None, why or "no encoder")
    return Score(value, f"cosine of the two {what}, all-MiniLM-L6-v2")


def _calibration(command: float | None, output: float | None, why: str | None) -> Score:
    if command is None or output is None:
        return Score(None, why or "no encoder")
    good = command >= CALIBRATION_CMD or output >= CALIBRATION_OUTPUT
    signs = (">=" if command >= CALIBRATION_CMD else "<"), (">=" if output >= CALIBRATION_OUTPUT else "<")
    reason = f"CMD {command:.3f} {signs[0]} {CALIBRATION_CMD}, output {output:.3f} {signs[1]} {CALIBRATION_OUTPUT}"
    return Score(float(good), reason)


def _finish(sheet: Sheet, scores: dict[str, Score], share: float | None = None) -> Iterator[Part | Verdict]:
    for name, score in scores.items():
        sheet.score(name, score.value, score.reason)
    accuracy = scores["Accuracy"].value
    state = "neutral" if accuracy is None else "good" if accuracy else "bad"
    thresholds = [
        {"name": "Calibration: CMD Score", "least": CALIBRATION_CMD, "value": scores["CMD Score"].value},
        {"name": "Calibration: Output Score", "least": CALIBRATION_OUTPUT, "value": scores["Output Score"].value},
        {"name": "Success: equal output lines", "least": SUCCESS_OUTPUT, "value": share},
    ]
    rows = [{"name": name, "value": score.value, "reason": score.reason} for name, score in scores.items()]
    view = {"kind": "cmdgen.scores", "rows": rows, "thresholds": thresholds}
    yield sheet.part("Scores", state, scores["Accuracy"].reason, view)
    yield sheet.verdict()
