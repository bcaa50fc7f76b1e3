"""Words of the generated requests. No sentence and no name of a machine occurs in more than one split."""

from __future__ import annotations

import random

# Every request says how many GPUs and chunks there are; {machine} may be empty.
SCENES = {
    "train": (
        "There are {n} GPUs{machine}. Each one holds {size} of data in {chunks}.",
        "{n} GPUs{machine}; every GPU starts with {size} split into {chunks}.",
        "My node has {n} GPUs{machine}. A GPU's own data is {size}, cut into {chunks}.",
        "Machine: {n} GPUs{machine}. Data: {size} per GPU, {chunks}.",
        "We have {n} GPUs{machine}, {size} on each, {chunks} per GPU.",
        "n = {n} GPUs{machine}, {chunks} each, {size} per GPU.",
        "On this box ({n} GPUs{machine}) each GPU owns {size} in {chunks}.",
        "Given are {n} GPUs{machine}. The shard on each of them is {size} and has {chunks}.",
        "The server: {n} GPUs{machine}. Shards of {size}, {chunks} to a shard.",
        "{n} accelerators{machine}, {size} on every one, in {chunks}.",
        "Consider {n} GPUs{machine} with {size} of local data each, as {chunks}.",
        "Hardware is {n} GPUs{machine}. Local buffers are {size}, {chunks} per buffer.",
        "I rent {n} GPUs{machine}. Each keeps {size} that I divide into {chunks}.",
        "Rank count {n}{machine}; {size} a rank; {chunks} a rank.",
    ),
    "dev": (
        "Setup: {n} GPUs{machine}, with {size} each, sliced into {chunks}.",
        "A host carries {n} GPUs{machine}; {size} sits on each as {chunks}.",
        "GPUs: {n}{machine}. Payload per GPU: {size} in {chunks}.",
        "Take {n} GPUs{machine}, {size} apiece, {chunks} apiece.",
    ),
    "test": (
        "Our system consists of {n} GPUs{machine}; each contributes {size} in {chunks}.",
        "{n} cards{machine}. Per card: {size}, {chunks}.",
        "Suppose {n} GPUs{machine} where every GPU begins with its own {size} ({chunks}).",
        "The cluster node under test: {n} GPUs{machine}, {chunks} of data on each GPU, {size} altogether per GPU.",
        "world size {n}{machine}, {chunks} per rank ({size})",
        "Inside this chassis {n} GPUs sit{machine}, and each one must share {size} held as {chunks}.",
    ),
}
ASKS = {
    "train": (
        "Write an all-gather plan for it.",
        "Plan an all-gather.",
        "Find a fast all-gather schedule.",
        "I need every GPU to end up with the data of all GPUs. How should they send it?",
        "Give me Python that prints an all-gather plan.",
        "all-gather plan please",
        "After every layer the sharded weights have to be collected on all GPUs; plan the transfers.",
        "Generate an allgather communication plan with low latency.",
        "Which transfers make an efficient all-gather here?",
        "Schedule the transfers so that all data reaches every GPU quickly.",
        "Everybody must get everybody's chunks. Make a plan.",
        "allgather, as quick as posible",
        "Produce the plan of an all-gather for these links.",
        "Using the matrices below, work out an all-gather.",
        "Training waits for this gather. Can you plan it well?",
        "Make a program for the all-gather on this topology.",
    ),
    "dev": (
        "Design an all-gather for this machine.",
        "How do I gather all shards on all GPUs?",
        "need a allgather schedule for this",
        "Please code up an all-gather plan.",
    ),
    "test": (
        "Come up with an efficient all-gather plan.",
        "Our sharded parameters must be complete on each GPU before the next step; how would you move them?",
        "print an allgather for this topology",
        "Each GPU should finish with a full copy of everything. What is a good order of sends?",
        "Could you devise the communication plan of an all-gather?",
        "Wanted: low-latency allgather, code only",
        "Derive from the link matrices a plan that spreads all chunks to all GPUs.",
    ),
}
STYLES = {
    "train": {
        "lines": ("Print one transfer a line.", "A flat list is fine.", "No rounds, just the transfers.", ""),
        "steps": (
            "Print it step by step.",
            "Group it in steps.",
            "Begin each round with a step line.",
            "Show the rounds.",
        ),
        "nested": (
            "Print a list of rounds.",
            "Print the rounds as a nested list.",
            "One Python list for each round, please.",
        ),
    },
    "dev": {
        "lines": ("Only lines of transfers.", ""),
        "steps": ("With step headings.",),
        "nested": ("As a list of lists.",),
    },
    "test": {
        "lines": ("Plain transfers, one below the other.", ""),
        "steps": ("Organise it into numbered steps.", "Put a step header above every round."),
        "nested": ("Output one list that contains a list per round.",),
    },
}
MACHINES = {
    "train": {
        "switch": (" on an NVSwitch", " behind one switch", ", all linked to a switch,", " with NVSwitch", ""),
        "mesh": (
            " in a full mesh",
            ", each linked to every other,",
            ", fully connected",
            " with direct links between all pairs",
        ),
        "ring": (" in a ring", ", each linked to its two neighbours in a circle,", " on a bidirectional ring"),
        "one way": (" in a one-way ring", ", each linked only to the next in a circle,", " on a directed ring"),
        "irregular": (" with uneven links", " in a partial mesh", " with only some direct links", " in a hybrid mesh"),
    },
    "dev": {
        "switch": (" joined by a switch chip",),
        "mesh": (" wired all-to-all",),
        "ring": (" on a loop with links both ways",),
        "one way": (" on a loop that runs one way",),
        "irregular": (" wired irregularly",),
    },
    "test": {
        "switch": (" connected through a central NVSwitch", " that share a single switch", ""),
        "mesh": (" where any two have a link of their own", " forming a complete graph"),
        "ring": (" forming a two-way ring", " closed to a ring, links in both directions"),
        "one way": (" forming a ring with links in one direction only",),
        "irregular": (" where many pairs have no link", " in an incomplete mesh"),
    },
}


def request(rng: random.Random, split: str, kind: str, style: str, n: int, chunks: int, size: float) -> str:
    """One request in the split's words, now and then with a typing error."""
    pick = lambda pool: rng.choice(pool)  # noqa: E731
    amount = f"{size / 1000:g} MB" if size >= 1000 and rng.random() < 0.6 else f"{size:g} KB"
    counted = f"{chunks} chunk{'s' if chunks > 1 else ''}"
    scene = pick(SCENES[split]).format(n=n, machine=pick(MACHINES[split][kind]), size=amount, chunks=counted)
    parts = [scene, pick(ASKS[split])]
    if rng.random() < 0.35:
        parts.reverse()
    words = " ".join([*parts, pick(STYLES[split][style])]).strip()
    return typo(rng, words) if rng.random() < 0.12 else words


def typo(rng: random.Random, words: str) -> str:
    """Two neighbouring small letters inside one word change places; figures and names stay."""
    places = [i for i in range(1, len(words) - 2) if words[i - 1 : i + 3].isalpha() and words[i - 1 : i + 3].islower()]
    if not places:
        return words
    i = rng.choice(places)
    return words[:i] + words[i + 1] + words[i] + words[i + 2 :]
