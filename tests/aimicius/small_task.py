"""A small real task: sums and products in words. It has everything that a task may have, and answers at once."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

from sigma.aimicius.contract import (
    MAX_ANSWER,
    SPLITS,
    Case,
    CaseError,
    MetricInfo,
    Part,
    Sheet,
    Task,
    Verdict,
    text_field,
)

NUMBER = re.compile(r"-?\d{1,18}")
SIZES = {"train": 30, "dev": 10, "test": 20}


class SmallTask(Task):
    name = "small"
    title = "Small sums"
    about = "A question about two numbers. The last number of the answer counts."
    answer_tokens = 48
    worked = 1
    metrics = (
        MetricInfo(
            "Number Found",
            "the answer holds a number",
            paper={"GPT-4": 90.0, "Sigma-System-10B": None, "GPT-4 sum": 91.5},
        ),
        MetricInfo("Exact", "it is the right one", primary=True, paper={"GPT-4": 80.5, "Sigma-System-10B": 88.0}),
        MetricInfo("Improved", "the second turn is nearer than the first"),
    )

    def examples(self) -> list[Case]:
        return [
            Case("sum", {"question": "What is 3 plus 4?", "numbers": [3, 4], "kind": "sum"}, "7", "dev"),
            Case("product", {"question": "What is 6 times 7?", "numbers": [6, 7], "kind": "product"}, "42", "dev"),
            Case("long", {"question": "Add <b>1</b> & 2.\nSlowly.", "numbers": [1, 2], "kind": "sum"}, "3", "dev"),
        ]

    def label(self, case: Case) -> str:
        return f"{case.fields['kind']}: {case.fields['numbers'][0]} and {case.fields['numbers'][1]}"

    def group(self, case: Case) -> str:
        return case.fields["kind"]

    def generate(self, split: str) -> Iterator[Case]:
        if split not in SPLITS:
            raise CaseError(f"there is no split {split!r}")
        rng = random.Random(split)
        for i in range(SIZES[split]):
            a, b = rng.randrange(100), rng.randrange(100)
            kind = "sum" if i < SIZES[split] // 2 else "product"
            word, truth = ("plus", a + b) if kind == "sum" else ("times", a * b)
            yield Case(
                f"{split}-{i}",
                {"question": f"What is {a} {word} {b}?", "numbers": [a, b], "kind": kind},
                str(truth),
                split,
            )

    def case(self, row: dict[str, Any], where: str) -> Case:
        numbers = row.get("numbers")
        if not isinstance(numbers, list) or not all(isinstance(n, int) for n in numbers) or len(numbers) != 2:
            raise CaseError(f"{where}: 'numbers' is not a list of two whole numbers")
        fields = {
            "question": text_field(row, "question", where),
            "numbers": numbers,
            "kind": text_field(row, "kind", where),
        }
        if "first_answer" in row:
            fields["first_answer"] = text_field(row, "first_answer", where)
        return Case(text_field(row, "id", where), fields, text_field(row, "truth", where, ""))

    def messages(self, case: Case) -> list[dict[str, str]]:
        messages = [{"role": "user", "content": case.fields["question"]}]
        if "first_answer" in case.fields:
            messages.append({"role": "assistant", "content": case.fields["first_answer"]})
            messages.append({"role": "user", "content": "Look again. Only the number."})
        return [{"role": "system", "content": "Answer with one number."}, *messages]

    def judge(self, case: Case, answer: str) -> Iterator[Part | Verdict]:
        sheet = Sheet(metric.name for metric in self.metrics)
        found = NUMBER.findall(answer[:MAX_ANSWER])
        yield sheet.part("number", "good" if found else "bad", found[-1] if found else "no number in the answer")
        right = bool(found) and case.truth.strip() == found[-1]
        if not found:
            yield sheet.part("comparison", "skipped", "there is nothing to compare")
        elif not case.truth:
            yield sheet.part("comparison", "neutral", "no truth was given")
        else:
            view = {"kind": "pair", "answer": found[-1], "truth": case.truth}
            yield sheet.part("comparison", "good" if right else "bad", f"{found[-1]} against {case.truth}", view)
        sheet.score("Number Found", float(bool(found)), "a number" if found else "no number")
        if case.truth:
            sheet.score("Exact", float(right), "equal" if right else "not equal")
        if "first_answer" in case.fields:
            sheet.score("Improved", float(right), "now right" if right else "still wrong")
        sheet.missing(None, "no truth", ("Exact",))
        sheet.missing(None, "one turn")
        yield sheet.verdict()

    def follow_up(self, case: Case, verdict: Verdict) -> Case | None:
        if "first_answer" in case.fields or verdict.scores["Number Found"].value != 1:
            return None
        return Case(f"{case.id}-2", {**case.fields, "first_answer": verdict.parts[0].text}, case.truth, case.split)


TASK = SmallTask()
