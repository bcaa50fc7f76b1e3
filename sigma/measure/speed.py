"""Speed of our two sides beside their peers: who is timed, in turns, and the medians as ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from sigma.checkpoints.load import Side
from sigma.engine.run import PREFILL_CHUNK
from sigma.measure.peers import Contender, Speed, llama_cpp, stock, stock_model


def ours(
    runtime,
    prompt: torch.Tensor,
    tokens: int,
    top_k: int | None = None,
    probe_layer: int | None = None,
    prefill: bool = False,
) -> Contender:
    """One of our sides; the prompt [1, t] is read once and the cache cropped back, or each time with `prefill`."""
    cache = runtime.new_cache()

    def read() -> float:
        cache.keep_first(0)
        begun = time.perf_counter()
        for part in prompt[:, :-1].split(PREFILL_CHUNK, dim=1):
            logits = runtime.prefill(part, cache)
        logits.cpu()
        return (prompt.shape[1] - 1) / (time.perf_counter() - begun)

    read()
    base = cache.length

    def once() -> Speed:
        speed = read() if prefill else None
        cache.keep_first(base)
        ids = prompt[:, -1:].to(runtime.device)
        begun = time.perf_counter()
        for _ in range(tokens):
            logits, _ = runtime.decode(ids, cache, top_k=top_k, probe_layer=probe_layer)
            ids = logits.argmax(-1, keepdim=True)
        ids.cpu()
        return Speed(speed, tokens / (time.perf_counter() - begun))

    return once


@dataclass(frozen=True, slots=True)
class Medians:
    """Tokens per second by contender: `decode` of the answer, `read` of the prompt where that was timed."""

    decode: dict[str, float]
    read: dict[str, float]

    def ratio(self, name: str, to: str = "stock") -> float | None:
        """Decode speed of one contender as a multiple of another's; None where either was not timed."""
        other = self.decode.get(to)
        return self.decode[name] / other if other and name in self.decode else None

    def read_ratio(self, name: str, to: str) -> float | None:
        """As `ratio`, of the prompt."""
        other = self.read.get(to)
        return self.read[name] / other if other and name in self.read else None

    def figures(self) -> dict:
        """The speeds and ratios that `sigma.bench --json` prints."""
        return {
            "stock_tok_s": self.decode.get("stock"),
            "gqa_tok_s": self.decode["gqa"],
            "sigma_tok_s": self.decode["sigma"],
            "gqa_ratio": self.ratio("gqa"),
            "sigma_ratio": self.ratio("sigma"),
            "llama_cpp_ratio": self.ratio("gqa", "llama_cpp"),
            "llama_cpp_tok_s": self.decode.get("llama_cpp"),
            "sigma_selective_tok_s": self.decode.get("sigma_selective"),
            "probe_cost_percent": (self.decode["sigma"] / self.decode["sigma_probed"] - 1) * 100,
            "prefill_tok_s": self.read,
            "prefill_llama_cpp_ratio": self.read_ratio("gqa", "llama_cpp"),
        }


def contenders(
    base: Side, gqa, sigma, context: int, tokens: int, top_k: int | None, prefill: bool, with_stock: bool
) -> dict[str, Contender]:
    """Everyone who can run here, by name. base: the GQA side; gqa, sigma: the runtimes; top_k: also with selective V."""
    generator = torch.Generator().manual_seed(0)
    prompt = torch.randint(20, base.config.vocab_size, (1, context), generator=generator).to(gqa.device)
    found = {
        "stock": stock(stock_model(base).to(gqa.device), prompt, tokens) if with_stock else None,
        "gqa": ours(gqa, prompt, tokens, prefill=prefill),
        "sigma": ours(sigma, prompt, tokens, prefill=prefill),
        "sigma_selective": ours(sigma, prompt, tokens, top_k) if top_k else None,
        "sigma_probed": ours(sigma, prompt, tokens, probe_layer=0),
        "llama_cpp": llama_cpp(Path(base.manifest.get("path", "")), prompt.cpu(), tokens),
    }
    return {name: once for name, once in found.items() if once is not None}


def medians(
    contenders: dict[str, Contender], repeats: int, prefill: bool, progress: Callable[[float], None]
) -> Medians:
    """Each contender once per round, in turn; prefill: whether the reading of the prompt counts too."""
    speeds: dict[str, list[Speed]] = {name: [] for name in contenders}
    for repeat in range(repeats + 1):  # the first round warms up
        for name, once in contenders.items():
            speed = once()
            if repeat:
                speeds[name].append(speed)
        progress(repeat / repeats)
    return Medians(
        {name: statistics.median(speed.decode for speed in each) for name, each in speeds.items()},
        {
            name: statistics.median(speed.prefill for speed in each)
            for name, each in speeds.items()
            if prefill and each[0].prefill is not None
        },
    )
