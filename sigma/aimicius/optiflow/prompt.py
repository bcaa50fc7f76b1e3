"""The text that is sent: the machine and the request, its matrices, the form of the answer; for a second turn what came before."""

from __future__ import annotations

from sigma.aimicius.contract import Case
from sigma.aimicius.optiflow.question import Question, read_question, rows

FORMAT = (
    "Answer with one short Python program in a ```python block that prints the plan. A line `D(s, c): G(a) => G(b)` sends "
    "chunk c of GPU s's data from GPU a to GPU b; a GPU can only send what it holds, and at the end every GPU holds "
    "every chunk. A line `step k` begins round k (rounds are optional). The variables latency, bandwidth, size and chunks "
    "are defined."
)


def machine_words(q: Question) -> str:
    """The machine in words, for a case without a question of its own."""
    t = q.topology
    switches = t.nodes - t.gpus
    known = f"{t.name}: " if t.name != "custom" else ""
    numbers = ", ".join(str(k) for k in range(t.gpus, t.nodes))
    many = "es" if switches > 1 else ""
    nodes = f" and {switches} switch{many} (node{many[1:]} {numbers})" if switches else ""
    return (
        f"{known}{t.gpus} GPUs (0 to {t.gpus - 1}){nodes}. Every GPU holds {q.size:g} KB in {q.chunks} chunk"
        f"{'s' if q.chunks > 1 else ''}. Write a fast all-gather plan."
    )


def messages(case: Case) -> list[dict[str, str]]:
    """The chat: the task; for an improvement also the previous answer and what it took."""
    q = read_question(case.fields, case.id)
    words = q.words.strip() or machine_words(q)
    t = q.topology
    task = q.prompt.strip() or (
        f"{words}\n\nlatency (us, inf = no link):\n{rows(t.latency)}\n\nbandwidth (GB/s):\n{rows(t.bandwidth)}\n\n{FORMAT}"
    )
    if q.previous is None:
        return [{"role": "user", "content": task}]
    again = f"The plan is valid and takes {q.previous.latency:.2f} us. Write a program that prints a faster plan."
    return [
        {"role": "user", "content": task},
        {"role": "assistant", "content": q.previous.answer},
        {"role": "user", "content": again},
    ]
