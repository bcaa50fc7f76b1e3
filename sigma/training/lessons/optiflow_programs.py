"""The two programs that the Optiflow lessons teach: the first turn's and the improving turn's, the same for every machine.

A small model writes a text that it has seen often reliably, and a text that it must choose among several, or compute, badly. So
neither program depends on the machine: both read the links from the injected matrices, ways through switches included,
and what is copied from the question is only the number of GPUs (the matrices do not tell it: the last node may be a switch).

FIRST: sweep over all links again and again; each carries one chunk that its receiver lacks and that its sender held before the sweep,
the sender's own first, then those of the GPUs before it. A sweep is a round, so the plan may be printed as lines, as steps
or as a nested list. It is the direct exchange on a switch and on a full mesh, the pipeline on a ring.

FASTER: the same with time. Always the link whose next transfer would end first; the chunk that its sender has had longest (its own
first); a link with nothing to send looks again a little later. The printed order is that of the ends, without rounds: barriers only cost time.
On machines with links of different speed it goes around the slow ones.

In the sandbox's 3 seconds FIRST plans what the task allows at most, FASTER some 2,000 transfers (16 GPUs with 8 chunks, 32 with 2).
"""

from __future__ import annotations

_START = """\
n = {n}
w = bandwidth
for k in range(n, len(w)):
    w = [[max(x, min(row[k], y)) for x, y in zip(row, w[k])] for row in w]
have = [{{(g, c) for c in range(chunks)}} for g in range(n)]
"""
_SWEEP = """\
    old = [set(h) for h in have]
    for a in range(n):
        for b in range(n):
            new = old[a] - have[b]
            if new and w[a][b]:
                d = min(new, key=lambda d: (a - d[0]) % n)
                have[b].add(d)
"""
_WHILE = "while min(map(len, have)) < n * chunks:\n"
_TRANSFER = 'f"D{{d}}: G({{a}}) => G({{b}})"'

FIRST = {
    "lines": f"{_START}{_WHILE}{_SWEEP}                print({_TRANSFER})\n",
    "steps": f'{_START}{_WHILE}    print("step")\n{_SWEEP}                print({_TRANSFER})\n',
    "nested": f"{_START}plan = []\n{_WHILE}    plan.append([])\n{_SWEEP}                plan[-1].append({_TRANSFER})\nprint(plan)\n",
}
"""The first turn's program by the shape in which the plan is to be printed."""

FASTER = f"""\
n = {{n}}
cost = [[l + size / chunks / b if b else l for l, b in zip(*row)] for row in zip(latency, bandwidth)]
for k in range(n, len(cost)):
    cost = [[min(x, row[k] + y) for x, y in zip(row, cost[k])] for row in cost]
have = [{{{{(g, c): 0 for c in range(chunks)}}}} for g in range(n)]
end = {{{{(a, b): cost[a][b] for a in range(n) for b in range(n) if a != b}}}}
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


def first_program(style: str, n: int) -> str:
    """The first turn's program for `n` GPUs; `style` of FIRST."""
    return FIRST[style].format(n=n)


def faster_program(n: int) -> str:
    """The improving turn's program for `n` GPUs."""
    return FASTER.format(n=n)


def fenced(program: str) -> str:
    """A program as an answer: in a block of Python, nothing around it."""
    return f"```python\n{program}```"
