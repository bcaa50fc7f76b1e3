"""Chats that the base model samples from itself: text on its own distribution, under its own licence.

    python -m sigma.training.chats OUT.jsonl --count 600

Questions are drawn by a seed from templates and topics, one to three of them a chat; the answers are sampled in
batches. `--split held-out` with another seed writes a file to evaluate on. The file has over 300 lines because what is asked
about stands one topic a line.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Callable
from pathlib import Path

import torch
from tqdm import tqdm

from kernels.device import chosen_device
from sigma.cli import parser_for, run
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
    "Can you help me with {}?",
    "I know nothing about {}. Where do I begin?",
    "How does {} work?",
    "What is the history of {}?",
    "Write a checklist for {}.",
    "Explain {} as if I were ten years old.",
    "What is the difference between {} and {}?",
    "Write a dialogue between two friends about {}.",
    "What would change without {}?",
    "Describe {} in one paragraph.",
    "Make a plan for one week around {}.",
    "Is it worth learning about {}? Why?",
    "Write a short Python function that has to do with {}.",
    "What are three surprising facts about {}?",
    "Translate the idea of {} into everyday words.",
    "Write an introduction to a talk about {}.",
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
    "a failing hard disk",
    "high CPU usage",
    "an out-of-memory error",
    "a slow web page",
    "HTTP status codes",
    "a firewall",
    "DNS",
    "cron jobs",
    "regular expressions",
    "a memory leak",
    "the scheduler of an operating system",
    "virtual machines",
    "message queues",
    "JSON files",
    "large language models",
    "gradient descent",
    "a neural network",
    "cloud computing",
    "data centers",
    "the moon",
    "earthquakes",
    "the human heart",
    "DNA",
    "gravity",
    "the speed of light",
    "bees",
    "whales",
    "rainforests",
    "the Renaissance",
    "the Roman Empire",
    "World War II",
    "the invention of printing",
    "democracy",
    "inflation",
    "supply and demand",
    "a birthday party",
    "a dragon who is afraid of heights",
    "a train journey",
    "a quiet village",
    "winter",
    "stress at work",
    "a difficult conversation",
    "teamwork",
    "giving feedback",
    "a cover letter",
    "travel to Japan",
    "vegetarian cooking",
    "pasta",
    "yoga",
    "swimming",
    "football",
    "painting with watercolors",
    "the guitar",
    "classical music",
    "fractions",
    "the area of a circle",
    "negative numbers",
    "binary numbers",
    "logic puzzles",
    "a small business",
)
SYSTEMS = (
    None,
    None,
    "You are a concise technical assistant.",
    "You are a friendly teacher.",
    "Answer in plain words.",
    "You are an experienced system administrator.",
    "You help with writing and keep the tone warm.",
)
FOLLOW_UPS = (
    "Can you give me an example?",
    "Explain that in simpler words.",
    "Why is that?",
    "Make it shorter.",
    "What would you do first?",
    "Are there any exceptions?",
    "Turn that into a short list.",
    "And what about {}?",
    "How does that relate to {}?",
    "Thanks! One more question: what is {}?",
)
MOST_TURNS = 3
TEMPERATURE, MIN_P = 0.7, 0.02


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


def follow_ups(count: int, seed: int) -> list[list[str]]:
    """For each of `count` chats, what the user says after the first answer: 0 to 2 turns, a pure function of the seed."""
    rng = random.Random(f"follow-ups {seed}")
    turns = [rng.sample(FOLLOW_UPS, rng.randrange(MOST_TURNS)) for _ in range(count)]
    return [[text.format(rng.choice(TOPICS)) for text in said] for said in turns]


def gumbel_noise(_ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Logits [b, vocabulary] whose largest entry is a sample at TEMPERATURE, without tokens under MIN_P of the likeliest.

    The same distribution as a softmax and a draw, for a tenth of the time: sorting 49k logits for a nucleus costs
    4 ms a row on one core, more than the model's own step.
    """
    scaled = logits.float() / TEMPERATURE
    rows, tokens = (scaled >= scaled.amax(-1, keepdim=True) + math.log(MIN_P)).nonzero(as_tuple=True)
    kept = scaled[rows, tokens]
    noisy = torch.full_like(scaled, -torch.inf)
    noisy[rows, tokens] = kept - torch.empty_like(kept).exponential_().log_()
    return noisy


@torch.no_grad()
def answer(model, tokenizer, chats: list[list[dict[str, str]]], max_new_tokens: int) -> list[str]:
    """A sampled answer to each chat, without markers."""
    prompts = [tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False) for chat in chats]
    batch = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left", add_special_tokens=False).to(
        model.device
    )
    out = model.generate(
        **batch, do_sample=False, max_new_tokens=max_new_tokens, logits_processor=[gumbel_noise], use_cache=True
    )
    return tokenizer.batch_decode(out[:, batch.input_ids.shape[1] :], skip_special_tokens=True)


def converse(
    ask: Callable[[list[list[dict[str, str]]]], list[str]],
    tokenizer,
    chats: list[list[dict[str, str]]],
    more: list[list[str]],
) -> list[str]:
    """The full texts, markers included, of chats that `ask` answers and that go on with the follow-ups in `more`."""
    chats, left = [list(chat) for chat in chats], [list(said) for said in more]
    going = list(range(len(chats)))
    while going:
        for i, text in zip(going, ask([chats[i] for i in going])):
            chats[i].append({"role": "assistant", "content": text})
        going = [i for i in going if left[i]]
        for i in going:
            chats[i].append({"role": "user", "content": left[i].pop(0)})
    return [tokenizer.apply_chat_template(chat, tokenize=False) for chat in chats]


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--base", help="model that writes; the default base otherwise")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--batch", type=int, default=160)
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=("train", "held-out"), help="mark every chat so; by its hash otherwise")
    args = parser.parse_args(argv)
    run(lambda: write(args), False)


def write(args: argparse.Namespace) -> None:
    """What the command does. Raises ValueError, OSError or CheckpointError for input that cannot be used."""
    from sigma.checkpoints.load import load_dense
    from sigma.training.heal import keep_freed_memory

    if min(args.count, args.batch, args.max_new_tokens) < 1:
        raise ValueError("--count, --batch and --max-new-tokens are at least 1")
    keep_freed_memory()
    model, tokenizer = load_dense(args.base)
    model.to(chosen_device(), torch.bfloat16)
    torch.manual_seed(args.seed)

    def ask(chats):
        return answer(model, tokenizer, chats, args.max_new_tokens)

    chats, more = questions(args.count, args.seed), follow_ups(args.count, args.seed)
    with args.out.open("w", encoding="utf-8") as out:
        for start in tqdm(range(0, len(chats), args.batch), unit="batch"):
            part = slice(start, start + args.batch)
            for text in converse(ask, tokenizer, chats[part], more[part]):
                row = {"text": text, "source": "chat", "split": args.split or split_of(text)}
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
