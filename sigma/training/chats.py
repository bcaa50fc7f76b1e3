"""Chats that the base model samples from itself: text on its own distribution, under its own licence.

    python -m sigma.training.chats OUT.jsonl --count 600

Questions are drawn by a seed from templates and topics; the answers are sampled in batches.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import torch
from tqdm import tqdm

from sigma.training.corpus import split_of

TEMPLATES = (
    "What is {}?",
    "Explain {} to a beginner.",
    "Give me three tips about {}.",
    "Write a short story about {}.",
    "Why does {} matter?",
    "How would you start with {}?",
    "List the pros and cons of {}.",
    "Write an email to a colleague about {}.",
    "Summarize what you know about {} in two sentences.",
    "What are common mistakes with {}?",
    "Compare {} with {}.",
    "Write a poem about {}.",
    "Give an example of {} and explain it step by step.",
    "What should I ask an expert about {}?",
)
TOPICS = (
    "a GPU",
    "the KV cache of a language model",
    "attention in neural networks",
    "Linux containers",
    "a solid state drive",
    "TCP congestion control",
    "database indexes",
    "the Python programming language",
    "unit tests",
    "memory bandwidth",
    "distributed systems",
    "log files",
    "a load balancer",
    "floating point numbers",
    "backups",
    "network latency",
    "photosynthesis",
    "black holes",
    "the water cycle",
    "vaccines",
    "plate tectonics",
    "evolution",
    "the immune system",
    "the French Revolution",
    "ancient Rome",
    "the Silk Road",
    "the Industrial Revolution",
    "world geography",
    "healthy breakfast ideas",
    "learning to cook",
    "running a marathon",
    "sleeping well",
    "time management",
    "public speaking",
    "a job interview",
    "saving money",
    "learning a language",
    "a garden in spring",
    "a lighthouse",
    "a lost dog",
    "the sea",
    "friendship",
    "a robot that paints",
    "moving to a new city",
    "reading more books",
    "chess",
    "jazz music",
    "photography",
    "bicycles",
    "electric cars",
    "solar panels",
    "recycling",
    "bread baking",
    "tea",
    "mountain hiking",
    "volcanoes",
    "prime numbers",
    "probability",
    "compound interest",
    "the Pythagorean theorem",
    "sorting algorithms",
    "recursion",
    "version control",
    "a monitoring dashboard",
    "GPU temperature alerts",
    "kernel modules",
    "file permissions",
    "SSH keys",
)
SYSTEMS = (
    None,
    None,
    "You are a concise technical assistant.",
    "You are a friendly teacher.",
    "Answer in plain words.",
)


def questions(count: int, seed: int) -> list[list[dict[str, str]]]:
    """`count` conversations that end with a user turn, a pure function of the seed."""
    rng = random.Random(seed)
    asked = []
    for _ in range(count):
        template = rng.choice(TEMPLATES)
        text = template.format(*rng.sample(TOPICS, template.count("{}")))
        system = rng.choice(SYSTEMS)
        asked.append([*([{"role": "system", "content": system}] if system else []), {"role": "user", "content": text}])
    return asked


@torch.no_grad()
def answer(model, tokenizer, chats: list[list[dict[str, str]]], max_new_tokens: int) -> list[str]:
    """The full text, markers included, of each chat with a sampled answer."""
    prompts = [tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False) for chat in chats]
    batch = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False).to(
        model.device
    )
    out = model.generate(**batch, do_sample=True, temperature=0.7, top_p=0.95, top_k=0, max_new_tokens=max_new_tokens)
    texts = []
    for prompt, row in zip(prompts, out[:, batch.input_ids.shape[1] :].tolist()):
        end = row.index(tokenizer.eos_token_id) + 1 if tokenizer.eos_token_id in row else len(row)
        texts.append(prompt + tokenizer.decode(row[:end]))
    return texts


def main(argv: list[str] | None = None) -> None:
    from sigma.checkpoints import load_dense

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--base", help="model that writes; the default base otherwise")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    model, tokenizer = load_dense(args.base)
    model.to(torch.bfloat16)
    torch.manual_seed(args.seed)
    chats = questions(args.count, args.seed)
    with args.out.open("w", encoding="utf-8") as out:
        for start in tqdm(range(0, len(chats), args.batch), unit="batch"):
            for text in answer(model, tokenizer, chats[start : start + args.batch], args.max_new_tokens):
                out.write(
                    json.dumps({"text": text, "source": "chat", "split": split_of(text)}, ensure_ascii=False) + "\n"
                )
            out.flush()


if __name__ == "__main__":
    main()
