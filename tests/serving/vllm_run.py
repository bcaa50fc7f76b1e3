"""Greedy tokens of vLLM and the bytes that it allocates, as JSON lines. Runs where vLLM is installed, a process a run.

    python -m tests.serving.vllm_run FOLDER... [--ranks N] [--dtype float32] [--chunk 32] [--compile]

Each FOLDER is a full checkpoint with `prompts.json`: {"prompts": [[token, ...], ...], "new": tokens to generate}.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import time
from pathlib import Path

BLOCK = 32  # rows of a page; vLLM's CPU kernels want multiples of it
PAGES = 160  # of the cache: room for four sequences of 1,024 tokens, and no gigabyte to clear


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--chunk", type=int, help="most tokens of a step: longer prompts are read in chunks")
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def allocated(worker) -> dict:
    """Bytes of one worker's cache tensors, and the tokens that they hold."""
    runner = worker.model_runner
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in runner.kv_caches}
    config = runner.kv_cache_config
    return {"bytes": sum(storages.values()), "tokens": config.num_blocks * BLOCK}


def run(folder: Path, args: argparse.Namespace) -> dict:
    """One model's answers. What vLLM refuses is its message."""
    from vllm import LLM, SamplingParams

    asked = json.loads((folder / "prompts.json").read_text())
    begun = time.monotonic()
    try:
        llm = LLM(
            str(folder),
            dtype=args.dtype,
            enforce_eager=not args.compile,
            max_model_len=asked.get("context", 512),
            max_num_seqs=4,
            tensor_parallel_size=args.ranks,
            skip_tokenizer_init=True,
            block_size=BLOCK,
            num_gpu_blocks_override=PAGES,
            disable_log_stats=True,
            **({"max_num_batched_tokens": args.chunk, "enable_chunked_prefill": True} if args.chunk else {}),
        )
    except Exception as error:
        return {"folder": folder.name, "error": str(error)}
    loaded = time.monotonic()
    answers = llm.generate(
        [{"prompt_token_ids": prompt} for prompt in asked["prompts"]],
        SamplingParams(temperature=0, max_tokens=asked["new"], ignore_eos=True, logprobs=0, detokenize=False),
        use_tqdm=False,
    )
    outputs = [answer.outputs[0] for answer in answers]
    result = {
        "folder": folder.name,
        "tokens": [list(one.token_ids) for one in outputs],
        "logprobs": [[at[t].logprob for at, t in zip(one.logprobs, one.token_ids)] for one in outputs],
        "allocated": llm.collective_rpc(allocated),
        "load_s": loaded - begun,
        "generate_s": time.monotonic() - loaded,
    }
    if args.ranks > 1:
        llm.llm_engine.engine_core.shutdown()  # ranks are processes, and wait busily
    return result


def main() -> None:
    args = parse()
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    os.environ["VLLM_ALLOW_INSECURE_SERIALIZATION"] = "1"  # `allocated` is sent to the workers
    if args.ranks == 1:
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    for folder in args.folders:
        print("\nRESULT " + json.dumps(run(folder, args)), flush=True)
        gc.collect()  # one model's cache is freed before the next is made


if __name__ == "__main__":
    main()
