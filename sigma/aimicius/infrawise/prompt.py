"""The text that is sent: what a DCW is, which results fit one, the results and the request."""

from __future__ import annotations

import json
from typing import Any

from sigma.aimicius.infrawise import names

DCW_RULES = f"""\
A DCW says what to look up, as one line of JSON:
{{"Design": {{"Target": "<target>", "Baseline": "<baseline>"}}, "Criterion": "<criterion>", "Workload": "<workload>"}}
Target and Baseline: a GPU ({", ".join(names.GPUS)}) or a machine ({", ".join(names.SKUS)}); Baseline is "" unless two are compared.
Criterion: "default", "peak performance", "cost-effectiveness" or a limit such as "within 200 ms".
Workload: the benchmark, then the precision if one is named, such as "BERT-large training fp16"."""
RESULT_RULES = """\
A result fits if its hardware or its sku is the Target or the Baseline, and its workload is the Workload (in any precision if the DCW names none). \
If the Criterion is a limit, its time must not be longer. Other criteria exclude nothing."""
ASKED = "Request: "
DCW_ANSWER = "Answer with the DCW of the request and nothing else."
# No index and no name stands in an example: one that some case has for its truth could be said to everything.
RESULT_ANSWER = "Answer with every index that fits as a JSON list of numbers, or with None."
BOTH_ANSWER = 'Answer with two lines: the DCW of the request; then "Results: " and every index that fits as a JSON list of numbers, or None.'


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
        blocks.append(ASKED + fields["intention"])
    blocks.append({"dcw": DCW_ANSWER, "retrieval": RESULT_ANSWER, "end-to-end": BOTH_ANSWER}[kind])
    return "\n\n".join(blocks)
