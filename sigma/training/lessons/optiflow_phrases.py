"""How people ask for an all-gather plan: scenes, requests, shapes of the output, put together at random.

Slots: {n} the number of GPUs as it is said, {where} how they are joined (may be empty), {size} the data of one GPU, {chunks} "3 chunks".
A scene without {n} is for machines whose name or matrices tell it.
"""

from __future__ import annotations

import random

from sigma.aimicius.optiflow.generator.phrases import typo

NUMBERS = dict(
    enumerate(
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split(), start=2
    )
)
WHERE = {
    "switch": (", one switch between them", " behind an NVSwitch", " (NVSwitch)", " plugged into the same switch", ", star-wired to a switch", ""),
    "planes": (" with two switches, each GPU on both", " on two switch planes", " on a pair of NVSwitches", ""),
    "tree": (" under two switches", ", half of them on one switch and half on another", " on two linked switches", ""),
    "mesh": (" all linked to each other", " in an all-to-all mesh", " (full mesh)", ", a direct link for every pair", ", everyone connected to everyone", ""),
    "ring": (" on a ring", " in a circle, links both ways", " (bidirectional ring)", ", each with a left and a right neighbour", ""),
    "one way": (" on a one-directional ring", " in a circle, data flows one way only", " (unidirectional ring)", ""),
    "line": (" in a line", " chained one after another", ", daisy-chained", ""),
    "grid": (" in a grid of two columns", " on a 2D mesh", " arranged in two columns", ""),
    "star": (", all linked to GPU 0 only", " around GPU 0", " with GPU 0 as the hub", ""),
    "pair of groups": (" in two groups, linked pairwise", " on two boards with a link from each to its twin", ", two islands", ""),
    "irregular": (", some pairs without a link", " with an odd set of links", " wired as in the matrices", " (links are not uniform)", ""),
}  # fmt: skip
SCENES = (
    "{n} GPUs{where}, {size} on each in {chunks}.",
    "There's a server with {n} GPUs{where}. Each GPU has {size} ({chunks}).",
    "I've got {n} GPUs{where} and every one of them starts with {size}, i.e. {chunks}.",
    "{n}-GPU machine{where}; {size} per GPU; {chunks}",
    "{n}x GPU{where}, {size}/GPU, {chunks}/GPU",
    "The job runs on {n} GPUs{where}. Per GPU there is {size} of weights, stored as {chunks}.",
    "number of GPUs: {n}{where}\ndata per GPU: {size}\nsplit: {chunks}",
    "We train on {n} GPUs{where}; a shard is {size} and is sent in {chunks}.",
    "Each of the {n} GPUs{where} owns {chunks} ({size} together).",
    "Data: {size} in {chunks} on each GPU. Machine: {n} GPUs{where}.",
    "gpus={n}, size={size}, {chunks}",
    "{size} per rank, {chunks}, {n} ranks{where}",
    "Node with {n} GPUs{where}, local buffer {size}, {chunks}",
    "In our lab there's a box of {n} GPUs{where}; everybody has {size} to share, cut in {chunks}.",
    "Picture {n} GPUs{where}. All hold {size} in {chunks} at the start.",
    "For {n} GPUs{where} with {chunks} each (that is {size} per GPU):",
    "{n} GPU ranks{where}, message of {size} per rank, {chunks} to a message",
    "The matrices describe {n} GPUs{where}. Every one brings {chunks}, {size} in total.",
    "{n} gpus{where}. {size} each. {chunks} each.",
    "Setting: {n} GPUs{where}, sharded model, {size} per shard, {chunks} per shard.",
    "There will be {n} GPUs{where}. What they hold: {size} in {chunks} each.",
    "My topology has {n} GPUs{where}. Every GPU contributes {chunks}; its data is {size}.",
    "n={n}{where}; {chunks} of {size} in total per GPU",
    "{n} devices{where}, each with a {size} tensor cut in {chunks}.",
    "{n} workers{where}, one GPU each, tensors of {size}, {chunks} per tensor.",
    "A colleague gave me {n} GPUs{where} for the weekend. Each stores {size}, in {chunks}.",
    "Inference with tensor parallelism on {n} GPUs{where}: {size} of activations per GPU, {chunks}.",
    "Every GPU of the {n}{where} has {chunks}. That makes {size} per GPU.",
    "Machine with {n} GPUs{where}. Buffer per GPU: {size}. Chunks per GPU: {chunks}.",
    "The vendor ships {n} GPUs{where} in one box; say each holds {size} as {chunks}.",
    "let there be {n} gpus{where}, {size} of data on each of them, {chunks}",
    "{n} GPUs{where}; chunking: {chunks} per GPU; payload: {size} per GPU",
    "Between {n} GPUs{where} we exchange {size} per GPU, always {chunks} per GPU.",
)
UNCOUNTED = (
    "The machine is given by the matrices. {size} per GPU in {chunks}.",
    "Look at the links below; each GPU has {size}, {chunks}.",
    "GPUs 0 to {last}{where}; {size} on each, {chunks}.",
    "GPUs are numbered 0..{last}{where}. {size} per GPU, {chunks}.",
    "ranks 0-{last}{where}, {size} and {chunks} per rank",
)
NAMED = (
    "Our {name}: {size} per GPU, {chunks}.",
    "{name}, {size} on every GPU, {chunks}",
    "This is {name}. A GPU has {size} in {chunks}.",
    "Machine: {name} ({n} GPUs). {size} a GPU, {chunks}.",
    "{n} GPUs of {name}; {size}, {chunks} per GPU",
)
NAMES = {
    "NDv5": ("an NDv5", "an ND H100 v5 VM", "a DGX H100", "an 8x H100 node"),
    "NDv4": ("an NDv4", "an ND A100 v4 VM", "a DGX A100", "an 8x A100 node"),
    "MI300X": ("an MI300X node", "an 8x MI300X box", "a server of eight MI300X"),
    "DGX-1": ("a DGX-1", "a DGX-1 with V100s", "the old DGX-1"),
    "DGX-2": ("a DGX-2", "a DGX-2 with 16 V100s"),
    "NDv2": ("an NDv2", "an NDv2 VM with V100s"),
}
ASKS = (
    "Plan the all-gather.",
    "What is a good all-gather for this?",
    "Write the all-gather.",
    "Write a Python script for the all-gather.",
    "Give me an all-gather schedule.",
    "How should an all-gather run here?",
    "I want everyone to have everything. Which sends?",
    "Make me an allgather plan.",
    "allgather?",
    "all gather plan, fast",
    "Please write code that prints the sends of an all-gather.",
    "Code for an allgather schedule, please.",
    "Find the quickest way to gather everything everywhere.",
    "Every chunk has to reach every GPU. In what order do I send?",
    "Distribute all chunks to all GPUs.",
    "We need the full parameters on all GPUs (FSDP). Plan it.",
    "Make an all-gather plan that uses the links well.",
    "Minimise the time of an all-gather.",
    "Can you write an all-gather for that topology?",
    "Give a plan so that all of them end up with all the data.",
    "Collect all shards on each GPU, as fast as you can.",
    "Let each GPU obtain the chunks of the others.",
    "I'm looking for an all-gather with little latency.",
    "Print an all-gather plan for these links.",
    "Work out who sends what to whom for an all-gather.",
    "Replace NCCL's allgather by a plan for this machine.",
    "Show me the program for the all-gather.",
    "Task: all-gather. Output: a program.",
    "I need a communication plan: all-gather.",
    "What would you send, and when, to complete an all-gather?",
    "Please solve the all-gather for this machine.",
    "Synthesize an all-gather algorithm.",
    "Could I get an all-gather that is close to optimal?",
    "Write a short program that plans the all-gather.",
    "Help me gather the shards everywhere.",
    "Do an allgather in as little time as possible.",
    "Move the data so that nobody lacks anything.",
    "In the end all GPUs must have the same complete data.",
    "I'd like the transfers of an all-gather printed.",
    "Optimise the all-gather for latency.",
    "All chunks to all GPUs, please.",
    "A plan for MPI_Allgather on this node?",
    "How do I exchange everything between all of them?",
    "Schedule an all-gather; respect the links.",
)
SHAPES = {
    "lines": ("", "", "", "", "Just the transfers.", "One transfer per line.", "No steps needed.", "A simple list will do.", "Flat output.", "Lines only, please."),
    "steps": ("In steps.", "Show the steps.", "Group the transfers by step.", "With a step line before each round.", "Round by round, please.", "I want to see the rounds.", "Separate the rounds.", "Mark where a step begins."),
    "nested": ("As a nested list.", "Print it as a list of lists.", "One list with an inner list for every round.", "Rounds as Python lists.", "I will parse it: print nested lists."),
}  # fmt: skip
MODELS = ("H100", "A100", "H200", "V100", "MI300X", "MI250X", "B200", "L40S", "NVIDIA", "AMD", "Hopper")
"""What may stand before the word GPUs, where the machine has no name."""
OPENERS = ("", "", "", "", "", "Hi! ", "Hello, ", "Quick one: ", "Hey, ", "Question: ", "ok so ", "Good morning. ")
TAILS = ("", "", "", "", "", "", " Thanks!", " Thank you.", " It is urgent.", " No explanation needed.", " thx")


def request(rng: random.Random, kind: str, name: str, style: str, n: int, chunks: int, size: float) -> str:
    """A request for a machine of that kind (and name, if it has one), now and then with a slip or without capitals."""
    where = rng.choice(WHERE[kind])
    values = {"size": amount(rng, size), "chunks": counted(rng, chunks), "last": n - 1, "where": where}
    if name:
        scene = rng.choice(NAMED).format(name=rng.choice(NAMES[name]), n=said(rng, n), **values)
    elif rng.random() < 0.12:
        scene = rng.choice(UNCOUNTED).format(**values)
    else:
        scene = rng.choice(SCENES)
        if rng.random() < 0.12:
            scene = scene.replace("{n} GPUs", f"{{n}} {rng.choice(MODELS)} GPUs")
        scene = scene.format(n=said(rng, n), **values)
    if scene[-1].isalnum() and rng.random() < 0.8:
        scene += "."
    parts = [scene[0].upper() + scene[1:], rng.choice(ASKS)]
    if rng.random() < 0.4:
        parts.reverse()
    between = "\n" if rng.random() < 0.1 else " "
    words = rng.choice(OPENERS) + between.join([*parts, rng.choice(SHAPES[style])]).strip() + rng.choice(TAILS)
    chance = rng.random()
    if chance < 0.15:
        return typo(rng, words)
    return words.lower().replace(" kb", " KB").replace(" mb", " MB") if chance < 0.25 else words


def said(rng: random.Random, n: int) -> str:
    """A number of GPUs in figures, now and then in words."""
    return NUMBERS[n] if n in NUMBERS and rng.random() < 0.15 else str(n)


def counted(rng: random.Random, chunks: int) -> str:
    """ "3 chunks", now and then in words."""
    if chunks == 1:
        return rng.choice(("1 chunk", "one chunk", "a single chunk"))
    return f"{NUMBERS[chunks] if rng.random() < 0.15 else chunks} chunks"


def amount(rng: random.Random, size: float) -> str:
    """A size in KB as it is said: KB or MB, with or without the space."""
    unit, value = ("MB", size / 1000) if size >= 1000 and rng.random() < 0.7 else ("KB", size)
    return f"{value:g}{rng.choice((' ', ' ', ''))}{unit}"
