"""Programs that print plans: good ones, which are the truths of the generated cases, and slow ones to improve upon.

Each is short enough for a small model to learn: it names the number of GPUs and chunks, reads links from the injected
`bandwidth` where the machine is irregular, and prints lines, step lines or one nested list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

STYLES = ("lines", "steps", "nested")

HEAD = "n = {n}\nchunks = {chunks}\n"
# The body of the innermost loop in the three styles; `{{}}` survive into the program's own f-strings.
ROTATE = {
    "lines": """\
for r in range(1, n):
    for g in range(n):
        for c in range(chunks):
            print(f"D({g}, {c}): G({g}) => G({(g + r) % n})")
""",
    "steps": """\
for r in range(1, n):
    print(f"step {r}")
    for g in range(n):
        for c in range(chunks):
            print(f"D({g}, {c}): G({g}) => G({(g + r) % n})")
""",
    "nested": """\
plan = []
for r in range(1, n):
    plan.append([f"D({g}, {c}): G({g}) => G({(g + r) % n})" for g in range(n) for c in range(chunks)])
print(plan)
""",
}
# On a full mesh every GPU has a link to every other: all at once, in one round.
DIRECT = {
    "lines": """\
for a in range(n):
    for b in range(n):
        if a != b:
            for c in range(chunks):
                print(f"D({a}, {c}): G({a}) => G({b})")
""",
    "steps": """\
print("step 1")
for a in range(n):
    for b in range(n):
        if a != b:
            for c in range(chunks):
                print(f"D({a}, {c}): G({a}) => G({b})")
""",
    "nested": """\
plan = [f"D({a}, {c}): G({a}) => G({b})" for a in range(n) for b in range(n) if a != b for c in range(chunks)]
print([plan])
""",
}
BOTH_WAYS = {
    "lines": """\
for s in range(1, n // 2 + 1):
    for g in range(n):
        for c in range(chunks):
            print(f"D({g}, {c}): G({(g + s - 1) % n}) => G({(g + s) % n})")
            if s <= (n - 1) // 2:
                print(f"D({g}, {c}): G({(g - s + 1) % n}) => G({(g - s) % n})")
""",
    "steps": """\
for s in range(1, n // 2 + 1):
    print(f"step {s}")
    for g in range(n):
        for c in range(chunks):
            print(f"D({g}, {c}): G({(g + s - 1) % n}) => G({(g + s) % n})")
            if s <= (n - 1) // 2:
                print(f"D({g}, {c}): G({(g - s + 1) % n}) => G({(g - s) % n})")
""",
    "nested": """\
plan = []
for s in range(1, n // 2 + 1):
    sends = []
    for g in range(n):
        for c in range(chunks):
            sends.append(f"D({g}, {c}): G({(g + s - 1) % n}) => G({(g + s) % n})")
            if s <= (n - 1) // 2:
                sends.append(f"D({g}, {c}): G({(g - s + 1) % n}) => G({(g - s) % n})")
    plan.append(sends)
print(plan)
""",
}
ONE_WAY = {
    "lines": """\
for s in range(1, n):
    for g in range(n):
        for c in range(chunks):
            print(f"D({g}, {c}): G({(g + s - 1) % n}) => G({(g + s) % n})")
""",
    "steps": """\
for s in range(1, n):
    print(f"step {s}")
    for g in range(n):
        for c in range(chunks):
            print(f"D({g}, {c}): G({(g + s - 1) % n}) => G({(g + s) % n})")
""",
    "nested": """\
plan = []
for s in range(1, n):
    plan.append([f"D({g}, {c}): G({(g + s - 1) % n}) => G({(g + s) % n})" for g in range(n) for c in range(chunks)])
print(plan)
""",
}
# Any graph: in each step every link carries one chunk that its receiver still lacks, the rarest first.
FLOOD = {
    "lines": """\
have = [{(g, c) for c in range(chunks)} for g in range(n)]
while min(len(h) for h in have) < n * chunks:
    old = [set(h) for h in have]
    for a in range(n):
        for b in range(n):
            new = sorted(old[a] - have[b])
            if bandwidth[a][b] > 0 and new:
                s, c = min(new, key=lambda d: sum(d in h for h in have))
                have[b].add((s, c))
                print(f"D({s}, {c}): G({a}) => G({b})")
""",
    "steps": """\
have = [{(g, c) for c in range(chunks)} for g in range(n)]
while min(len(h) for h in have) < n * chunks:
    old = [set(h) for h in have]
    print("step")
    for a in range(n):
        for b in range(n):
            new = sorted(old[a] - have[b])
            if bandwidth[a][b] > 0 and new:
                s, c = min(new, key=lambda d: sum(d in h for h in have))
                have[b].add((s, c))
                print(f"D({s}, {c}): G({a}) => G({b})")
""",
    "nested": """\
have = [{(g, c) for c in range(chunks)} for g in range(n)]
plan = []
while min(len(h) for h in have) < n * chunks:
    old = [set(h) for h in have]
    sends = []
    for a in range(n):
        for b in range(n):
            new = sorted(old[a] - have[b])
            if bandwidth[a][b] > 0 and new:
                s, c = min(new, key=lambda d: sum(d in h for h in have))
                have[b].add((s, c))
                sends.append(f"D({s}, {c}): G({a}) => G({b})")
    plan.append(sends)
print(plan)
""",
}
GOOD = {"rotate": ROTATE, "direct": DIRECT, "both ways": BOTH_WAYS, "one way": ONE_WAY, "flood": FLOOD}

# What a first attempt looks like: right, and slow.
SLOW = {
    "one sender at a time": """\
for g in range(n):
    print(f"step {g + 1}")
    for r in range(1, n):
        for c in range(chunks):
            print(f"D({g}, {c}): G({g}) => G({(g + r) % n})")
""",
    "gather and spread": """\
print("step 1")
for g in range(1, n):
    for c in range(chunks):
        print(f"D({g}, {c}): G({g}) => G(0)")
print("step 2")
for g in range(n):
    for b in range(1, n):
        if b != g:
            for c in range(chunks):
                print(f"D({g}, {c}): G(0) => G({b})")
""",
    "one transfer a step": """\
for g in range(n):
    for b in range(n):
        for c in range(chunks):
            if b != g:
                print("step")
                print(f"D({g}, {c}): G({g}) => G({b})")
""",
    "ring": ONE_WAY["steps"],
    "one chunk at a time": """\
for s in range(n):
    for c in range(chunks):
        have = [s]
        for a in have:
            for b in range(n):
                if bandwidth[a][b] > 0 and b not in have:
                    have.append(b)
                    print("step")
                    print(f"D({s}, {c}): G({a}) => G({b})")
""",
    "one source at a time": """\
for s in range(n):
    have = [s]
    for a in have:
        print("step")
        for b in range(n):
            if bandwidth[a][b] > 0 and b not in have:
                have.append(b)
                for c in range(chunks):
                    print(f"D({s}, {c}): G({a}) => G({b})")
""",
}


def good_program(scheme: str, style: str, n: int, chunks: int) -> str:
    """The text of a good program; `scheme` of GOOD, `style` of STYLES."""
    return HEAD.format(n=n, chunks=chunks) + GOOD[scheme][style]


def slow_program(scheme: str, n: int, chunks: int) -> str:
    """The text of a slow program; `scheme` of SLOW."""
    return HEAD.format(n=n, chunks=chunks) + SLOW[scheme]


def print_of(program: str, values: Mapping[str, Any]) -> str:
    """What one of OUR programs prints, run right here. Never for anything that a model or a visitor wrote."""
    lines: list[str] = []
    show: Callable[..., None] = lambda *items: lines.append(" ".join(map(str, items)))  # noqa: E731
    exec(compile(program, "own program", "exec"), {"print": show, **values})
    return "\n".join(lines) + "\n"
