"""Tiny models over several processes, each compared with one process: `python -m tests.sigma.model.ranks R FOLDER`.

Writes FOLDER/RANK.json with a row per case. The processes are forked once torch is imported, and meet by a file in the
folder; gloo connects them. What must hold is asserted by `test_parallel`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

import torch
import torch.distributed as dist
from transformers import AutoModelForCausalLM
from transformers.distributed import DistributedConfig
from transformers.utils import logging

from sigma.model.cache import CACHE_NAME, DiffKVCache
from tests.tiny import tiny_model

HEADS = dict(hidden_size=64, num_attention_heads=8, head_dim=8, num_value_heads=4)
CASES = {  # by the heads of Q, K and V
    "gqa-8-4-4": dict(num_key_heads=4),
    "sigma-8-2-4": dict(num_key_heads=2, augmented_query_dim=102),  # which four processes cannot halve evenly
    "one-key-8-1-4": dict(num_key_heads=1, augmented_query_dim=96, tie_word_embeddings=False),
    "layers-differ-8-2-4": dict(num_key_heads=[4, 2], augmented_query_dim=[None, 96]),
    "mqa-8-1-1": dict(num_key_heads=1, num_value_heads=1),
    "half-k-8-2-4": dict(num_key_heads=2, key_head_dim=4),
    "half-k-8-1-4": dict(num_key_heads=1, key_head_dim=4, augmented_query_dim=96),
    "wide-k-8-2-4": dict(num_key_heads=2, key_head_dim=12, augmented_query_dim=96),
    "qwen-8-2-2": dict(num_key_heads=2, num_value_heads=2, qkv_bias=True, qk_norm=True),
    "selective-8-2-4": dict(num_key_heads=2, augmented_query_dim=96, selective_v_top_k=5),
}
REFUSED = {
    "queries": dict(num_attention_heads=9, num_key_heads=1, num_value_heads=3, hidden_size=72),
    "augmented-queries": dict(
        num_attention_heads=9, num_key_heads=1, num_value_heads=3, hidden_size=72, augmented_query_dim=96
    ),
    "keys": dict(num_attention_heads=12, num_key_heads=3, num_value_heads=12),
}
GREEDY = dict(do_sample=False, max_new_tokens=10, min_new_tokens=10, pad_token_id=2)


def model_of(case: dict):
    """One process's model of a case; its biases are not zero, or none could be seen missing."""
    model = tiny_model(**{**HEADS, **case})
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "_norm" in name:
                parameter += 0.1 * torch.arange(parameter.numel()).view(parameter.shape).sin()
    return model


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of a tensor that the processes may hold in parts."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def farthest(got: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference, as a part of the largest wanted number."""
    return ((got - wanted).abs().max() / wanted.abs().max()).item()


def compare(case: dict, folder: Path, processes: int) -> dict:
    """Logits, greedy tokens, cached shapes, gradients and the saved weights of a case, beside one process's."""
    one = model_of(case)
    given = dict(distributed_config=DistributedConfig(tp_size=processes))
    split = AutoModelForCausalLM.from_pretrained(folder, **given).eval()
    prompt = torch.randint(3, 259, (2, 20), generator=torch.Generator().manual_seed(1))
    padding = torch.ones_like(prompt)
    padding[0, :6] = 0
    with torch.no_grad():
        logits = [(m(prompt).logits, m(prompt, padding).logits[:, 6:]) for m in (split, one)]
        cache = DiffKVCache(split.config)
        split(prompt[:, :15], **{CACHE_NAME: cache})
        split(prompt[:, 15:], **{CACHE_NAME: cache})
        texts = [m.generate(prompt, attention_mask=torch.ones_like(prompt), **GREEDY) for m in (split, one)]
    for m in (split, one):
        m.train()(prompt, labels=prompt).loss.backward()
    gradients = {n: whole(p.grad) for n, p in split.named_parameters()}
    split.save_pretrained(folder / f"saved-{processes}")
    dist.barrier()
    again = AutoModelForCausalLM.from_pretrained(folder / f"saved-{processes}").state_dict()
    return {
        "logits": max(farthest(a, b) for a, b in zip(*logits)),
        "same_text": torch.equal(*texts),
        "keys": [list(layer.keys.shape) for layer in cache.layers],
        "values": list(cache.layers[1].values.shape),
        "bytes": cache.bytes().k_resident + cache.bytes().v_resident,
        "gradients": max(farthest(gradients[n], p.grad) for n, p in one.named_parameters()),
        "same_saved": all(torch.equal(again[n], t) for n, t in one.state_dict().items()),
    }


def refusal(folder: Path, processes: int) -> str:
    """What loading a model says that so many processes cannot share; empty if it loads."""
    try:
        AutoModelForCausalLM.from_pretrained(folder, distributed_config=DistributedConfig(tp_size=processes))
    except ValueError as error:
        return str(error)
    return ""


def work(rank: int, processes: int, folder: Path) -> None:
    """One process's part: all cases in order."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes))
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=processes)
    rows = {name: compare(case, folder / name, processes) for name, case in CASES.items()}
    rows["refused"] = {name: refusal(folder / name, processes) for name in REFUSED}
    (folder / f"{rank}.json").write_text(json.dumps(rows))
    dist.barrier()
    dist.destroy_process_group()


def main(processes: int, folder: Path) -> int:
    """Save every case's model, fork the processes, wait for all; 1 if one failed."""
    torch.set_num_threads(1)  # so there is no pool of threads that a fork would lose
    logging.disable_progress_bar()  # it has a thread
    for name, case in (CASES | REFUSED).items():
        model_of(case).save_pretrained(folder / name)
    started = []
    for rank in range(processes):
        if child := os.fork():
            started.append(child)
            continue
        code = 1
        try:
            work(rank, processes, folder)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    codes = [os.waitpid(child, 0)[1] for child in started]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
