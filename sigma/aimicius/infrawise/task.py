"""The Infrawise task (paper section 4, App. C and D) behind the contract of `sigma.aimicius.contract`.

A request is asked for its DCW, and then of each result alone whether it fits that DCW (`one`). Fields of a case: `kind` ("dcw", "retrieval" or "end-to-end"); `intention`, the user's request (not for retrieval); `dcw`, the
DCW given (retrieval only); `records`, a list of {"index", "hardware", "sku", "workload", "results"} (not for dcw). A `prompt`,
if given, is sent instead, as the only one. Truths: the DCW's JSON; a list of indexes or None; or both, on two lines.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Generator, Iterator, Sequence
from functools import cache
from typing import Any

from sigma.aimicius.contract import Ask, Case, CaseError, MetricInfo, Part, Task, Verdict, text_field
from sigma.aimicius.infrawise import answer as reading
from sigma.aimicius.infrawise import cases, choice, dcw, one
from sigma.aimicius.infrawise.faults import faults
from sigma.aimicius.infrawise.judge import ACCURACY, RECALL, WANTED, judge
from sigma.aimicius.infrawise.lark import answer_form, record_form
from sigma.aimicius.infrawise.prompt import ASKED, DCW_ANSWER, DCW_RULES, dcw_prompt
from sigma.aimicius.paper import figures
from sigma.aimicius.tries import several

MAX_RECORDS = 50
DCW_TOKENS = 96  # the longest DCW of known names takes about 80
_MEANINGS = {
    "Target": "the design asked about is right",
    "Baseline": "the design compared with is right",
    "Criterion": "how results are judged is right",
    "Workload": "the benchmark is right",
    "DCW": "all four parts are right",
    RECALL: "every result that fits was found",
    ACCURACY: "all found and nothing irrelevant",
}
METRICS = tuple(
    MetricInfo(name, meaning, primary=name == ACCURACY, paper=figures("infrawise", name))
    for name, meaning in _MEANINGS.items()
)


class Infrawise(Task):
    """Requests become DCWs, and DCWs choose among published benchmark results."""

    name = "infrawise"
    title = "Infrawise"
    about = (
        "What has been measured? A request in plain words becomes a DCW (design, criterion, workload); then each of ten published "
        "benchmark results is asked about alone, and those whose names are all wanted are the answer. Every part of the DCW must match the truth after "
        "spelling is evened out; the chosen set must be complete and hold nothing else. A DCW that has a design, limit or precision "
        "which the request does not, or leaves one out, is tried again, up to three times; the lines between say why."
    )
    metrics = METRICS
    tries = 4  # of the DCW
    answer_tokens = 480 + (tries - 1) * DCW_TOKENS  # the DCWs, and of ten results the names that each has
    worked = 3
    lead = ASKED
    note = (
        "Always answering None scores 16.0 % in Bench. Accuracy: nothing fits in 48 of the test set's 300 such cases."
    )

    def examples(self) -> list[Case]:
        """One click each: a comparison end to end, a limit, a request that nothing answers, a DCW alone, a retrieval alone."""
        return list(_examples())

    def generate(self, split: str) -> Iterator[Case]:
        """5,000 / 100 / 400 cases. Raises CaseError for an unknown split."""
        return cases.cases(split)

    def group(self, case: Case) -> str:
        """The paper's two kinds, and both together."""
        return {"dcw": "DCW generation", "retrieval": "Retrieval"}.get(case.fields["kind"], "End to end")

    def label(self, case: Case) -> str:
        """The request, or what is looked for."""
        if case.fields.get("intention"):
            return case.fields["intention"]
        design = (case.fields.get("dcw") or {}).get("Design", {})
        return f"Find results: {design.get('Target', '')}, {(case.fields.get('dcw') or {}).get('Workload', '')}"

    def case(self, row: dict[str, Any], where: str) -> Case:
        """A case from a JSON line. Raises CaseError."""
        return _case(row, where)

    def messages(self, case: Case) -> list[dict[str, str]]:
        """One user message: for the DCW, or where that is given for the first result."""
        return _chat(case.fields.get("prompt") or _first(case.fields))

    def dialogue(
        self, case: Case, first: list[dict[str, str]], tries: int | None = None
    ) -> Generator[Ask, str | None, str]:
        """The DCW, then one result after the other; an answer without a DCW ends there. The end lists the results that fit.

        A DCW with faults that show without a truth is tried again, a few times at most.
        """
        fields = case.fields
        given, end = json.dumps(fields["dcw"]) if "dcw" in fields else "", ""
        if "prompt" in fields:
            yield Ask(first, self.grammar(case))
            return ""
        if fields["kind"] != "retrieval":
            ask, most = Ask(first, self.grammar(case), DCW_TOKENS), self.tries if tries is None else tries
            given, end = yield from several(ask, lambda text: faults(fields["intention"], text), most)
            if fields["kind"] == "dcw":
                return end
        wanted = reading.read_dcw(given).dcw()
        if wanted is None:
            return end
        fitting = []
        for number, row in enumerate(fields["records"]):
            before = "" if number == 0 and fields["kind"] == "retrieval" else "\n"
            lead = f"{end if number == 0 else ''}{before}{row['index']}. "
            said = yield Ask(_chat(one.asked(wanted, row)), record_form(row, wanted), one.TOKENS, lead, ", ")
            if one.says_fit(said, row, wanted):
                fitting.append(row["index"])
        return f"\nResults: {json.dumps(fitting) if fitting else 'None'}"

    def lessons(self, case: Case) -> Iterator[tuple[list[dict[str, str]], str]]:
        """The DCW of a request, and the answer about each result."""
        fields = case.fields
        wanted = reading.read_dcw(json.dumps(fields["dcw"]) if "dcw" in fields else case.truth).dcw()
        if fields["kind"] != "retrieval":
            yield _chat(_first(fields)), wanted.to_json()
        for row in fields.get("records", ()):
            yield _chat(one.asked(wanted, row)), one.answer(row, wanted)

    def question(self, messages: Sequence[dict[str, str]]) -> str | None:
        """The request, where the DCW alone is asked for: an example with its own results would be long."""
        text = messages[-1]["content"]
        whole = text.startswith(DCW_RULES) and text.endswith(DCW_ANSWER) and self.lead in text
        return text.removesuffix(DCW_ANSWER).rstrip("\n").rpartition(self.lead)[2] if whole else None

    def grammar(self, case: Case) -> str:
        """The DCW's JSON with known designs, or the names of the first result with yes or no behind each."""
        if case.fields["kind"] == "retrieval" and "dcw" in case.fields and "prompt" not in case.fields:
            return record_form(case.fields["records"][0], reading.read_dcw(json.dumps(case.fields["dcw"])).dcw())
        indexes = [row["index"] for row in case.fields.get("records") or []]
        return answer_form(case.fields["kind"] if "prompt" in case.fields else "dcw", indexes)

    def judge(self, case: Case, answer: str) -> Iterator[Part | Verdict]:
        """See `judge`."""
        return judge(case, answer)


def _chat(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def _first(fields: dict[str, Any]) -> str:
    if fields["kind"] == "retrieval":
        return one.asked(reading.read_dcw(json.dumps(fields["dcw"])).dcw(), fields["records"][0])
    return dcw_prompt(fields["intention"])


def _case(row: dict[str, Any], where: str) -> Case:
    kind = text_field(row, "kind", where, "end-to-end")
    if kind not in WANTED:
        raise CaseError(f"{where}: kind {kind!r} is none of {', '.join(WANTED)}")
    fields: dict[str, Any] = {"kind": kind}
    prompted = text_field(row, "prompt", where, "")
    if prompted:
        fields["prompt"] = prompted
    if kind != "retrieval":
        fields["intention"] = text_field(row, "intention", where, "" if prompted else None)
    elif "dcw" in row or not prompted:
        given = row.get("dcw")
        text = json.dumps(given) if isinstance(given, dict) else ""
        if reading.read_dcw(text).dcw() is None:
            raise CaseError(f"{where}: 'dcw' is no DCW: {_reading_problem(text)}")
        fields["dcw"] = given
    if kind != "dcw" and ("records" in row or not prompted):
        fields["records"] = _records(row.get("records"), where)
    case = Case(
        text_field(row, "id", where), fields, text_field(row, "truth", where, ""), str(row.get("split", "test"))
    )
    if case.truth:
        _check_truth(case, where)
    return case


def _reading_problem(text: str) -> str:
    found = reading.read_dcw(text)
    return found.problem or "; ".join(dict.fromkeys(found.problems.values()))


def _check_truth(case: Case, where: str) -> None:
    rest = case.truth
    if "DCW" in WANTED[case.fields["kind"]]:
        found = reading.read_dcw(case.truth)
        rest = found.rest
        if found.dcw() is None:
            raise CaseError(f"{where}: 'truth' holds no DCW: {_reading_problem(case.truth)}")
    if "results" in WANTED[case.fields["kind"]]:
        claim = choice.read_choice(rest)
        if claim.chosen is None:
            raise CaseError(f"{where}: 'truth' chooses no results: {claim.problem}")
        known = {record["index"] for record in case.fields.get("records", [])}
        if known and claim.chosen - known:
            raise CaseError(f"{where}: 'truth' names index {min(claim.chosen - known)}, which no record has")


def _records(rows: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not rows:
        raise CaseError(f"{where}: 'records' must be a list of results")
    if len(rows) > MAX_RECORDS:
        raise CaseError(f"{where}: {len(rows)} records; at most {MAX_RECORDS} fit a prompt")
    seen: set[int] = set()
    for number, row in enumerate(rows, 1):
        at = f"{where}: record {number}"
        if not isinstance(row, dict):
            raise CaseError(f"{at} is no object")
        index = row.get("index")
        if type(index) is not int or not 0 <= index < 1_000_000:
            raise CaseError(f"{at}: 'index' must be a whole number from 0")
        if index in seen:
            raise CaseError(f"{at}: the index {index} is given twice")
        seen.add(index)
        for name in ("hardware", "sku", "workload"):
            if not isinstance(row.get(name), str):
                raise CaseError(f"{at}: {name!r} must be a string")
        results = row.get("results")
        if not isinstance(results, dict):
            raise CaseError(f"{at}: 'results' must be an object")
        for key, value in results.items():
            if not isinstance(value, (str, int, float)) or (isinstance(value, float) and not math.isfinite(value)):
                raise CaseError(f"{at}: the result {key!r} must be a finite number or a string")
            if isinstance(value, int) and abs(value) > 10**15:
                raise CaseError(f"{at}: the result {key!r} is too large")
    return [{key: row[key] for key in ("index", "hardware", "sku", "workload", "results")} for row in rows]


@cache
def _examples() -> tuple[Case, ...]:
    wanted = (
        ("end-to-end", dcw.DCW("NDmv4", "NDv4", "default", "BERT-large training fp16"), "We have NDv4 today and think about NDmv4. How do they differ in BERT-large training in half precision?"),
        ("end-to-end", dcw.DCW("NDv4", "", "within 220 ms", "ResNet50 training"), "How fast is training ResNet50 on ND A100 v4? Anything above 220 ms is too slow."),
        ("end-to-end", dcw.DCW("MI200", "", "peak performance", "NCCL allreduce"), "nccl all-reduce on AMD MI200, at peak performance"),
        ("dcw", dcw.DCW("H100", "A100", "cost-effectiveness", "Llama 3 70B inference"), "Our finance people ask whether replacing A100 by H100 is worth it for serving Llama 3 70B. Value for money is the point."),
        ("retrieval", dcw.DCW("A100", "", "default", "tensor core GEMM fp16"), None),
    )  # fmt: skip
    found = []
    for number, (kind, asked, intention) in enumerate(wanted, 1):
        rng = random.Random(f"infrawise example {number}")
        fields, truth = cases.build(rng, "train", kind, asked, intention)
        found.append(Case(f"infrawise-example-{number}", fields, truth, "train"))
    return tuple(found)
