"""The Infrawise task (paper section 4, App. C and D) behind the contract of `sigma.aimicius.contract`.

Fields of a case: `kind` ("dcw", "retrieval" or "end-to-end"); `intention`, the user's request (not for retrieval); `dcw`, the
DCW given (retrieval only); `records`, a list of {"index", "hardware", "sku", "workload", "results"} (not for dcw). A `prompt`,
if given, is sent instead of the one made from them. Truths: the DCW's JSON; a list of indexes or None; or both, on two lines.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

from sigma.aimicius.contract import Case, CaseError, MetricInfo, Part, Verdict, text_field
from sigma.aimicius.infrawise import dcw, generate, indexes, names
from sigma.aimicius.infrawise.judge import ACCURACY, RECALL, WANTED, judge

MAX_RECORDS = 50
_COLUMNS = ("GPT-4", "DeepSeek-Coder-7B", "Qwen2.5-Coder-7B", "LLaMA3-8B", "Sigma-System-10B")


def _table6(*values: float) -> dict[str, float | None]:
    return dict(zip(_COLUMNS, values, strict=True))


METRICS = (
    MetricInfo("Target", "the design asked about is right", paper=_table6(40.7, 43.5, 44.9, 28.1, 95.2)),
    MetricInfo("Baseline", "the design compared with is right", paper=_table6(34.1, 43.6, 42.7, 34.5, 92.9)),
    MetricInfo("Criterion", "how results are judged is right", paper=_table6(55.1, 36.3, 44.2, 11.1, 75.1)),
    MetricInfo("Workload", "the benchmark is right", paper=_table6(52.1, 39.9, 47.8, 14.2, 48.4)),
    MetricInfo("DCW", "all four parts are right", paper=_table6(22.5, 16.6, 20.8, 4.6, 40.3)),
    MetricInfo(RECALL, "every result that fits was found", paper=_table6(19.8, 11.6, 20.4, 6.5, 28.3)),
    MetricInfo(ACCURACY, "all found and nothing irrelevant", primary=True, paper=_table6(18.7, 11.6, 12.6, 6.5, 28.3)),
)

DCW_RULES = f"""\
A DCW says what to look up, as one line of JSON:
{{"Design": {{"Target": "A100", "Baseline": ""}}, "Criterion": "default", "Workload": "ORT inference"}}
Target and Baseline: a GPU ({", ".join(names.GPUS)}) or a machine ({", ".join(names.SKUS)}); Baseline is "" unless two are compared.
Criterion: "default", "peak performance", "cost-effectiveness" or a limit such as "within 200 ms".
Workload: the benchmark, then the precision if one is named, such as "BERT-large training fp16"."""
RESULT_RULES = """\
A result fits if its hardware or its sku is the Target or the Baseline, and its workload is the Workload (in any precision if the DCW names none). \
If the Criterion is a limit, its time must not be longer. Other criteria exclude nothing."""
DCW_ANSWER = "Answer with the DCW of the request and nothing else."
RESULT_ANSWER = "Answer with the list of every index that fits, such as [2, 5], or with None."
BOTH_ANSWER = 'Answer with two lines: the DCW of the request; then "Results: " and the list of every index that fits, such as [2, 5], or None.'


class Infrawise:
    """Requests become DCWs, and DCWs choose among published benchmark results."""

    name = "infrawise"
    title = "Infrawise"
    about = (
        "What has been measured? A request in plain words becomes a DCW (design, criterion, workload), and of ten published "
        "benchmark results the answer names every one that fits, or None. Every part of the DCW must match the truth after "
        "spelling is evened out; the chosen set must be complete and hold nothing else."
    )
    metrics = METRICS
    answer_tokens = 120

    def examples(self) -> list[Case]:
        """One click each: a comparison end to end, a limit, a request that nothing answers, a DCW alone, a retrieval alone."""
        return list(_examples())

    def generate(self, split: str) -> Iterator[Case]:
        """5,000 / 100 / 400 cases. Raises CaseError for an unknown split."""
        return generate.cases(split)

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
        """One user message."""
        return [{"role": "user", "content": case.fields.get("prompt") or prompt(case.fields)}]

    def judge(self, case: Case, answer: str) -> Iterator[Part | Verdict]:
        """See `judge`."""
        return judge(case, answer)


def prompt(fields: dict[str, Any]) -> str:
    """The text made from a case's fields."""
    kind, blocks = fields["kind"], []
    if kind != "retrieval":
        blocks.append(DCW_RULES)
    if kind != "dcw":
        blocks.append(RESULT_RULES)
        rows = "\n".join(json.dumps(row, ensure_ascii=False) for row in fields.get("records") or [])
        blocks.append(f"Results:\n{rows}")
    if kind == "retrieval":
        blocks.append(f"DCW: {json.dumps(fields['dcw'], ensure_ascii=False)}")
    else:
        blocks.append(f"Request: {fields['intention']}")
    blocks.append({"dcw": DCW_ANSWER, "retrieval": RESULT_ANSWER, "end-to-end": BOTH_ANSWER}[kind])
    return "\n\n".join(blocks)


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
        if dcw.read(text).dcw() is None:
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
    reading = dcw.read(text)
    return reading.problem or "; ".join(dict.fromkeys(reading.problems.values()))


def _check_truth(case: Case, where: str) -> None:
    rest = case.truth
    if "DCW" in WANTED[case.fields["kind"]]:
        reading = dcw.read(case.truth)
        rest = reading.rest
        if reading.dcw() is None:
            raise CaseError(f"{where}: 'truth' holds no DCW: {_reading_problem(case.truth)}")
    if "results" in WANTED[case.fields["kind"]]:
        claim = indexes.read(rest)
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
        fields, truth = generate.build(rng, "train", kind, asked, intention)
        found.append(Case(f"infrawise-example-{number}", fields, truth, "train"))
    return tuple(found)
