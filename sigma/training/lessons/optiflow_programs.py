"""The two programs that the Optiflow lessons teach: the first turn's and the improving turn's, the same for every machine.

A small model writes a text that it has seen often reliably, and a text that it must choose among several, or compute, badly. So
neither program depends on the machine or copies anything of the question: both read all from the injected matrices.

How many nodes are GPUs is read from the links: switches come last, and GPUs behind switches have no links but to those. So if the first
half of the nodes reaches none before the second half, the first that it reaches is the first switch; else every node is a
GPU. `counted` is the same rule; a star around a late GPU would be taken for a switch, and so are two GPUs on two switches.

FIRST: sweep over all links again and again; each carries one chunk that its receiver lacks and that its sender held before the sweep,
the sender's own first, then those of the GPUs before it. Where there are switches, they join every pair. A sweep is a round,
so the plan may be printed as lines, as steps or as a nested list. It is the direct exchange on a switch and on a full mesh, the
pipeline on a ring.

FASTER: the same with time. Always the link whose next transfer would end first; the chunk that its sender has had longest (its own
first); a link with nothing to send looks again a little later. The printed order is that of the ends, without rounds: barriers only cost time.
On machines with links of different speed it goes around the slow ones.

In the sandbox's 3 seconds FIRST plans what the task allows at most, FASTER some 2,000 transfers (16 GPUs with 8 chunks, 32 with 2).
"""

from __future__ import annotations

from sigma.aimicius.optiflow.plans.topology import Matrix

_START = """\
w = bandwidth
n = min(k for k, c in enumerate(zip(*w)) if any(c[:len(w) // 2]))
if n * 2 <= len(w):
    n = len(w)
"""
_HAVE = "have = [{(g, c) for c in range(chunks)} for g in range(n)]\n"
_SWEEP = """\
    old = [set(h) for h in have]
    for a in range(n):
        for b in range(n):
            new = old[a] - have[b]
            if new and (w[a][b] or n < len(w)):
                d = min(new, key=lambda d: (a - d[0]) % n)
                have[b].add(d)
"""
_WHILE = "while min(map(len, have)) < n * chunks:\n"
_TRANSFER = 'f"D{d}: G({a}) => G({b})"'

FIRST = {
    "lines": f"{_START}{_HAVE}{_WHILE}{_SWEEP}                print({_TRANSFER})\n",
    "steps": f'{_START}{_HAVE}{_WHILE}    print("step")\n{_SWEEP}                print({_TRANSFER})\n',
    "nested": f"{_START}{_HAVE}plan = []\n{_WHILE}    plan.append([])\n{_SWEEP}                plan[-1].append({_TRANSFER})\nprint(plan)\n",
}
"""The first turn's program by the shape in which the plan is to be printed."""

FASTER = f"""\
{_START}\
cost = [[l + size / chunks / (b or 1) for l, b in zip(*row)] for row in zip(latency, w)]
for k in range(n, len(w)):
    cost = [[min(x, row[k] + y) for x, y in zip(row, cost[k])] for row in cost]
have = [{{(g, c): 0 for c in range(chunks)}} for g in range(n)]
end = {{(a, b): cost[a][b] for a in range(n) for b in range(n) if a != b}}
{_WHILE}\
    a, b = min(end, key=end.get)
    t = end[a, b]
    new = [d for d in have[a] if have[a][d] < t - cost[a][b] * 0.99 and d not in have[b]]
    end[a, b] += cost[a][b] if new else t / 16
    if new:
        d = min(new, key=have[a].get)
        have[b][d] = t
        print({_TRANSFER})
"""
"""The improving turn's program."""


def counted(bandwidth: Matrix) -> int:
    """How many GPUs the programs find in a machine."""
    half = len(bandwidth) // 2
    n = min(k for k, column in enumerate(zip(*bandwidth)) if any(column[:half]))
    return len(bandwidth) if n * 2 <= len(bandwidth) else n


def fenced(program: str) -> str:
    """A program as an answer: in a block of Python, nothing around it."""
    return f"```python\n{program}```"
