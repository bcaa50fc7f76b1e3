"""The text that is sent: the node in one line, and the question."""

from __future__ import annotations

from sigma.aimicius.contract import Case

NODES = {"8xH100": "8 NVIDIA H100 GPUs", "8xA100": "8 NVIDIA A100 GPUs", "8xMI300X": "8 AMD MI300X GPUs"}


def messages(case: Case) -> list[dict[str, str]]:
    """A short system line that names the node, and the question."""
    node = NODES[case.fields["system"]]
    system = f"You are the operator of a node with {node}. Answer with one shell command and nothing else."
    return [{"role": "system", "content": system}, {"role": "user", "content": case.fields["prompt"]}]
