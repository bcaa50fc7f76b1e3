"""The text that is sent for a request: what a DCW is, and the request. What is asked about results is in `one`."""

from __future__ import annotations

from sigma.aimicius.infrawise import names

DCW_RULES = f"""\
A DCW says what to look up, as one line of JSON:
{{"Design": {{"Target": "<target>", "Baseline": "<baseline>"}}, "Criterion": "<criterion>", "Workload": "<workload>"}}
Target and Baseline: a GPU ({", ".join(names.GPUS)}) or a machine ({", ".join(names.SKUS)}); Baseline is "" unless two are compared.
Criterion: "default", "peak performance", "cost-effectiveness" or a limit such as "within 200 ms".
Workload: the benchmark, then the precision if one is named, such as "BERT-large training fp16"."""
ASKED = "Request: "
DCW_ANSWER = "Answer with the DCW of the request and nothing else."


def dcw_prompt(intention: str) -> str:
    """The text that asks for the DCW of a request."""
    return "\n\n".join((DCW_RULES, ASKED + intention, DCW_ANSWER))
