"""Commands are found in fences, behind prompts and in prose; hostile and huge answers get a clear word."""

import time

import pytest

from sigma.aimicius.cmdgen.answer import find
from sigma.aimicius.cmdgen.grammar.words import plain_paths, tidy

FOUND = [
    ("nvidia-smi -L", "nvidia-smi -L"),
    ("  nvidia-smi -L  \n", "nvidia-smi -L"),
    ("$ nvidia-smi -L", "nvidia-smi -L"),
    ("# nvidia-smi -L", "nvidia-smi -L"),
    ("root@node-01:~# nvidia-smi -L", "nvidia-smi -L"),
    ("> nvidia-smi -L", "nvidia-smi -L"),
    ("- $ nvidia-smi -L", "nvidia-smi -L"),
    ("`nvidia-smi -L`", "nvidia-smi -L"),
    ("`nvidia-smi`", "nvidia-smi"),
    ("```\nnvidia-smi -L\n```", "nvidia-smi -L"),
    ("```bash\n$ nvidia-smi -L\n```", "nvidia-smi -L"),
    ("~~~sh\nnvidia-smi -L\n~~~", "nvidia-smi -L"),
    ("```bash\nnvidia-smi -L", "nvidia-smi -L"),
    ("To list them, run:\n\nnvidia-smi -L\n\nThis prints UUIDs.", "nvidia-smi -L"),
    ("You can use `nvidia-smi -L` for that.", "nvidia-smi -L"),
    ("Run `nvidia-smi -L`. The tool `nvidia-smi` comes with the driver.", "nvidia-smi -L"),
    ("nvidia-smi is a tool that shows GPUs.\nnvidia-smi -L", "nvidia-smi -L"),
    ("nvidia-smi -L\nnvidia-smi  -L", "nvidia-smi -L"),
    ("NCCL_DEBUG=INFO all_reduce_perf -g 8", "NCCL_DEBUG=INFO all_reduce_perf -g 8"),
    ("sudo nvidia-smi -pm 1", "sudo nvidia-smi -pm 1"),
    ("./build/all_reduce_perf -b 8 \\\n  -e 128M \\\n  -f 2", "./build/all_reduce_perf -b 8 -e 128M -f 2"),
    ("export NCCL_DEBUG=INFO\nall_reduce_perf -g 8", "export NCCL_DEBUG=INFO && all_reduce_perf -g 8"),
    ("```\n$ cd build\n$ ./all_reduce_perf -g 8\n```", "cd build && ./all_reduce_perf -g 8"),
    ("CUDA_VISIBLE_DEVICES='0, 1' all_reduce_perf -g 2", "CUDA_VISIBLE_DEVICES='0, 1' all_reduce_perf -g 2"),
    ("srun -n 8 all_reduce_perf", "srun -n 8 all_reduce_perf"),
    ("all_reduce_perf -b 8\\\r\n -e 128M", "all_reduce_perf -b 8 -e 128M"),
    ("**nvidia-smi -L**", "nvidia-smi -L"),
    ("1. nvidia-smi -L", "nvidia-smi -L"),
    ("Command: nvidia-smi -L", "nvidia-smi -L"),
    ("**The command is:** nvidia-smi -L", "nvidia-smi -L"),
    ("- **nvidia-smi -L**", "nvidia-smi -L"),
    ("<code>nvidia-smi -L</code>", "nvidia-smi -L"),
    ("nvidia-smi -L\n\n- nvidia-smi -L, of all commands, lists them", "nvidia-smi -L"),
]


@pytest.mark.parametrize("answer,command", FOUND, ids=range(len(FOUND)))
def test_one_command_is_found(answer, command):
    found = find(answer)
    assert tidy(found.command) == command
    assert len(found.commands) == 1


@pytest.mark.parametrize(
    "answer,note",
    [
        ("", "the answer is empty"),
        (" \n\t\n", "the answer is empty"),
        ("I am sorry, I cannot do that.", "no line of the answer starts with a tool"),
        ("nvidia-smi is the NVIDIA System Management Interface.", "no line of the answer starts with a tool"),
        ("rm -rf / --no-preserve-root", "no line of the answer starts with a tool"),
        ("```python\nprint('nvidia-smi -L')\n```", "no line of the answer starts with a tool"),
        ("\x00\xff\ufffd" * 50, "no line of the answer starts with a tool"),
        ('{"command": 3}', "no line of the answer starts with a tool"),
    ],
)
def test_no_command(answer, note):
    found = find(answer)
    assert found.command == "" and found.commands == ()
    assert any(note in text for text in found.notes)


def test_several_commands_are_said_to_be_several():
    found = find("nvidia-smi -L\nnvidia-smi -q\nrocm-smi")
    assert found.command == "nvidia-smi -L"
    assert len(found.commands) == 3
    assert "3 different commands" in found.notes[-1]


@pytest.mark.parametrize(
    "answer",
    ["nvidia-smi " + "-q " * 350_000, "nvidia-smi -L\n" * 80_000, "a" * 1_000_000, "`" * 1_000_000, "$ " * 500_000]
    + ["\\\n" * 500_000, "nvidia-smi --query-gpu=" + "name," * 200_000, "NCCL_A=1 " * 120_000, "```\n" * 250_000],
    ids=["options", "lines", "letters", "ticks", "prompts", "continuations", "fields", "environment", "fences"],
)
def test_a_megabyte_is_read_in_part_and_fast(answer):
    start = time.monotonic()
    found = find(answer)
    assert time.monotonic() - start < 5
    assert any("longer than 100,000 characters" in note for note in found.notes)


@pytest.mark.parametrize(
    "line,plain",
    [
        (r"nvidia-smi -f \/tmp\/nvidia-log.txt", "nvidia-smi -f /tmp/nvidia-log.txt"),
        (r"nvidia-smi -f \tmp\nvidia-log.txt", "nvidia-smi -f /tmp/nvidia-log.txt"),
        (r"nvidia-smi --filename=\tmp\a\b.txt", "nvidia-smi --filename=/tmp/a/b.txt"),
        (r"nvidia-smi -f nvidia\_log.txt", "nvidia-smi -f nvidia_log.txt"),
        ("nvidia-smi -f /tmp/a", "nvidia-smi -f /tmp/a"),
        (r"nvidia-smi -f a\ b", r"nvidia-smi -f a\ b"),
    ],
)
def test_back_slashed_paths_become_plain(line, plain):
    assert plain_paths(line) == plain
