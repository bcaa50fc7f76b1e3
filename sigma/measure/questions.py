"""Multiple-choice questions in their published forms, and which choice a model finds likeliest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch

from sigma.measure.text import json_lines


@dataclass(frozen=True, slots=True)
class Question:
    """A context, its possible continuations, the index of the right one, and the file and line that it stands in."""

    context: str
    choices: tuple[str, ...]
    answer: int
    where: str = "a question"


def parse(row: dict) -> Question:
    """A question from a row of one of the four forms. Raises ValueError that names what is missing."""
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    if "endings" in row:
        question = Question(row["ctx"], tuple(" " + e for e in row["endings"]), int(row["label"]))
    elif "goal" in row:
        context = f"Question: {row['goal']}\nAnswer:"
        question = Question(context, (" " + row["sol1"], " " + row["sol2"]), int(row["label"]))
    elif isinstance(row.get("choices"), dict):
        keys = [str(key) for key in row["choices"]["label"]]
        texts = tuple(" " + text for text in row["choices"]["text"])
        question = Question(f"Question: {row['question']}\nAnswer:", texts, keys.index(str(row["answerKey"])))
    elif {"question", "choices", "answer"} <= set(row):
        texts = tuple(" " + text for text in row["choices"])
        question = Question(f"Question: {row['question']}\nAnswer:", texts, int(row["answer"]))
    else:
        raise ValueError(f"not a HellaSwag, ARC, PIQA or plain question: it has the fields {', '.join(row)}")
    if len(question.choices) < 2 or not 0 <= question.answer < len(question.choices):
        raise ValueError(f"{len(question.choices)} choices and the answer {question.answer}")
    return question


def read_questions(path: Path, limit: int | None = None) -> list[Question]:
    """The first `limit` questions of a JSON-lines file. Raises ValueError with the line number of a bad one."""
    questions = []
    for where, row in islice(json_lines(path.read_text(encoding="utf-8"), str(path)), limit):
        try:
            questions.append(replace(parse(row), where=where))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{where}: {error}") from error
    if not questions:
        raise ValueError(f"{path} has no questions")
    return questions


def check_lengths(questions: list[Question], tokenizer, context_length: int) -> None:
    """Raise ValueError that names the first question longer, with a choice, than `context_length` tokens.

    Beyond its context a model's likelihoods mean nothing, and no error would say so.
    """
    for question in questions:
        for number, choice in enumerate(question.choices, 1):
            tokens = len(tokenizer(question.context + choice, add_special_tokens=False).input_ids)
            if tokens > context_length:
                raise ValueError(
                    f"{question.where}: with choice {number} it has {tokens:,} tokens, and the model's context is "
                    f"{context_length:,}"
                )


@torch.no_grad()
def log_likelihoods(model, tokenizer, question: Question) -> list[float]:
    """Log-likelihood [nats] of each choice after the context."""
    context = tokenizer(question.context, add_special_tokens=False).input_ids
    results = []
    for choice in question.choices:
        whole = tokenizer(question.context + choice, add_special_tokens=False).input_ids
        # The border may be tokenised together with the choice: count what the context alone does not give.
        start = max(1, min(len(context), len(whole) - 1))
        ids = torch.tensor([whole], device=model.device)
        with torch.autocast(model.device.type, dtype=torch.bfloat16):
            hidden = model.model(ids, use_cache=False).last_hidden_state[0]
            log = model.lm_head(hidden[start - 1 : -1]).float().log_softmax(-1)
        results.append(float(log.gather(1, ids[0, start:, None]).sum()))
    return results


def accuracy(model, tokenizer, questions: list[Question], progress=None) -> dict:
    """{"acc", "acc_norm", "n", "choices"}: shares of questions answered right; `choices` lists the indices taken.

    Raises ValueError if a question is longer than the model's context, before any is asked.
    """
    check_lengths(questions, tokenizer, model.config.max_position_embeddings)
    right = normed = 0
    taken = []
    for i, question in enumerate(questions):
        scores = log_likelihoods(model, tokenizer, question)
        lengths = [len(choice.encode()) for choice in question.choices]
        best = max(range(len(scores)), key=scores.__getitem__)
        right += best == question.answer
        normed += max(range(len(scores)), key=lambda c: scores[c] / lengths[c]) == question.answer
        taken.append(best)
        if progress is not None:
            progress("questions", (i + 1) / len(questions))
    n = len(questions)
    return {"acc": right / n, "acc_norm": normed / n, "n": n, "choices": taken}
