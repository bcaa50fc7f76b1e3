"""Run by its path: answers, meets the end of this process's memory in a long prompt, and answers again."""

import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sigma.engine.engine import Model, SigmaEngine
from sigma.events import ChatRequest, OverLimit, Sampling
from sigma.runtime import Runtime
from tests.tiny import side_of, tiny_model

SHAPE = {"num_hidden_layers": 12, "head_dim": 64, "num_key_heads": 3, "max_position_embeddings": 32768}
# Bytes; 16,000 tokens of K and V are 300 MB. The tokenizer, in Rust, needs some: where that finds none it ends the process.
SPARE = [size << 20 for size in (8, 12, 24, 40, 64)]


def mapped() -> int:
    """Bytes of this process's address space."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def answer(engine: SigmaEngine, text: str) -> str:
    """What became of a question."""
    messages = {"gqa": [{"role": "user", "content": text}]}
    try:
        events = list(engine.stream(ChatRequest(messages, Sampling(max_new_tokens=4)), "chat"))
    except OverLimit as error:
        return "no memory left" if "no memory left" in str(error) else str(error)
    return "answered" if events[-1].finish_reason else "not ended"


side = side_of(tiny_model(**SHAPE), "tiny")
engine = SigmaEngine({"gqa": Model(side, Runtime(side.config, side.tensors, weights="fp32"))}, kv_bytes=1 << 40)
print(answer(engine, "hello " * 100), flush=True)
for spare in SPARE:  # each time it is another allocation that fails
    resource.setrlimit(resource.RLIMIT_AS, (mapped() + spare, resource.RLIM_INFINITY))
    print(answer(engine, "x" * 16_000), flush=True)
resource.setrlimit(resource.RLIMIT_AS, (mapped() + SPARE[-1], resource.RLIM_INFINITY))
print(answer(engine, "hello " * 100), flush=True)
engine.close()
