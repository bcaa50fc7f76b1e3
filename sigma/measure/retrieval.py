"""One fact hidden in a long text, and whether a model still finds it."""

from __future__ import annotations

import random

import torch
from torch import Tensor

NAMES = ("north gate", "blue server", "old archive", "backup vault", "test cluster", "river station")
FACT = "\n\nThe access code of the {name} is {code}.\n\n"
QUESTION = "\n\nQuestion: What is the access code of the {name}?\nAnswer: The access code of the {name} is"


def haystack_with_needle(filler: Tensor, tokenizer, context: int, depth: float, seed: int) -> tuple[Tensor, int]:
    """Token ids [context] that end in the code, and how many of the last tokens are the code's.

    Args:
        filler: token ids of the text around the fact, at least `context` of them.
        depth: where the fact stands, 0 the beginning and 1 just before the question.

    Raises ValueError if the filler is too short, or the context too small for fact and question.
    """
    chance = random.Random(seed)
    name, code = chance.choice(NAMES), f"{chance.randrange(100_000, 1_000_000)}"
    fact = tokenizer(FACT.format(name=name, code=code), add_special_tokens=False).input_ids
    question = tokenizer(QUESTION.format(name=name), add_special_tokens=False).input_ids
    answer = tokenizer(f" {code}", add_special_tokens=False).input_ids
    room = context - len(fact) - len(question) - len(answer)
    if room < 0:
        raise ValueError(f"a context of {context} tokens has no room for the fact and the question")
    if len(filler) < room:
        raise ValueError(f"the text has {len(filler):,} tokens, {room:,} are needed around the fact")
    start = chance.randrange(len(filler) - room + 1)
    text = filler[start : start + room].tolist()
    cut = round(depth * room)
    return torch.tensor([*text[:cut], *fact, *text[cut:], *question, *answer]), len(answer)


@torch.no_grad()
def retrieves(model, ids: Tensor, answer: int) -> bool:
    """Whether each of the last `answer` tokens of ids [t] is the model's first choice after those before it."""
    with torch.autocast(model.device.type, dtype=torch.bfloat16):
        hidden = model.model(ids[None].to(model.device), use_cache=False).last_hidden_state[0]
        chosen = model.lm_head(hidden[-answer - 1 : -1]).argmax(-1).cpu()
    return torch.equal(chosen, ids[-answer:])


def retrieval(models: dict, filler: Tensor, tokenizer, contexts: list[int], depths: int, progress=None) -> list[dict]:
    """Per context length: the share of `depths` evenly spaced needles that each model of {name: model} retrieves."""
    rows = []
    for context in contexts:
        found = dict.fromkeys(models, 0)
        for i in range(depths):
            depth = i / max(1, depths - 1)
            ids, answer = haystack_with_needle(filler, tokenizer, context, depth, seed=1000 * context + i)
            for name, model in models.items():
                found[name] += retrieves(model, ids, answer)
            if progress is not None:
                progress(f"needle at {context:,} tokens", (i + 1) / depths)
        rows.append({"context": context, "needles": depths, **{name: hits / depths for name, hits in found.items()}})
    return rows
