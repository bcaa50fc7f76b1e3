"""Write a Sigma as a full folder for vLLM and transformers: config, bf16 weights, tokenizer, a page on how to serve it.

    python -m sigma.serving.export DEST [--checkpoint FOLDER] [--tuned auto] [--side gqa]
    python -m sigma.serving.export DEST --preset sigma-10b

With --preset it is the shapes alone, for vLLM's --load-format dummy. The default checkpoint is packed, its base a 4-bit file; the folder holds all of it as plain tensors. What vLLM needs, and
how it serves the folder at Sigma's cache size: sigma/serving/vllm/README.md.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from sigma.checkpoints.load import PACKED_FILE, CheckpointError, Side, load_pair, load_side, resolve
from sigma.cli import parser_for, run, say, table
from sigma.conversion.card import key_heads_in_words
from sigma.events import SIDES
from sigma.model.configuration import SigmaConfig, preset
from sigma.model.presets import PRESETS
from sigma.serving.vllm.shards import cache_bytes, check_mappable, possible_ranks, shards, weight_bytes

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
REQUIREMENTS = "sigma/serving/vllm/requirements-vllm.txt"
INSTALL = (
    "python3 -m venv .venv-vllm",
    f".venv-vllm/bin/pip install -r {REQUIREMENTS} --extra-index-url https://download.pytorch.org/whl/cpu",
    ".venv-vllm/bin/pip install --no-deps -e .",
)


def has_vllm() -> bool:
    """Whether vLLM can be imported here."""
    return importlib.util.find_spec("vllm") is not None


def chosen_side(checkpoint: str | None, base: str | None, tuned: str, side: str, progress=None) -> Side:
    """The model to write. A full folder needs no base; a packed one takes its own. Raises CheckpointError."""
    full = checkpoint is not None and not (resolve(checkpoint, progress) / PACKED_FILE).exists()
    if not full:
        pair = load_pair(checkpoint, base, progress, tuned)
        if pair.tuning.state == "failed":
            raise CheckpointError(pair.tuning.words)
        return pair.sigma if side == "sigma" else pair.gqa
    if tuned not in ("off", "auto"):
        raise CheckpointError("Tuned minima belong to a packed checkpoint's base; this one is full.")
    if side == "sigma":
        return load_side(checkpoint, progress)
    if base is None:
        raise CheckpointError("--side gqa of a full checkpoint needs --base, the GQA model itself.")
    return load_side(base, progress)


def plain_tensors(side: Side, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Every tensor of a side, dequantized, under its state-dict name; a tied head is left out."""
    return {name: packed.dequantize().to(dtype).contiguous() for name, packed in side.tensors.items()}


@contextmanager
def appearing_whole(dest: Path) -> Iterator[Path]:
    """A folder to write into, put in the place of `dest` at the end. Raises ValueError if `dest` holds anything."""
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise ValueError(f"{dest} exists and is not empty; choose another folder")
    dest.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=dest.parent, prefix=f".{dest.name}-") as aside:
        part = Path(aside) / "folder"
        part.mkdir()
        yield part
        if dest.exists():
            dest.rmdir()
        part.rename(dest)


def write_config(folder: Path, config: SigmaConfig, dtype: torch.dtype) -> None:
    """config.json with what a loader asks for: the architecture and the weights' type."""
    own = copy.deepcopy(config)
    own.architectures, own.dtype = ["SigmaForCausalLM"], dtype
    own.save_pretrained(folder)


def write_folder(dest: Path, side: Side, dtype: torch.dtype) -> int:
    """Write config, weights (in files of at most 5 GB), tokenizer and README.md; returns the weights' bytes.

    Raises ValueError if the folder exists and is not empty, or if vLLM cannot map the configuration.
    """
    from huggingface_hub import save_torch_state_dict
    from transformers import GenerationConfig

    check_mappable(side.config)
    with appearing_whole(dest) as part:
        tensors = plain_tensors(side, dtype)
        save_torch_state_dict(tensors, part, metadata={"format": "pt"})
        write_config(part, side.config, dtype)
        GenerationConfig.from_model_config(side.config).save_pretrained(part)
        side.tokenizer.save_pretrained(part)
        (part / "README.md").write_text(page_of(dest, side, dtype), "utf-8")
    return sum(tensor.nbytes for tensor in tensors.values())


def ranks_table(config: SigmaConfig, dtype: torch.dtype) -> list[list[int]]:
    """Per tensor-parallel size: K heads (the most of a layer) and V heads, bytes a token and bytes of weights on each rank."""
    rows = []
    for ranks in possible_ranks(config):
        held = shards(config, ranks)
        sizes = (count(config, ranks, dtype.itemsize) for count in (cache_bytes, weight_bytes))
        rows.append([ranks, max(layer.k_heads for layer in held), held[0].v_heads, *sizes])
    return rows


def serve_command(dest: Path) -> str:
    """How vLLM serves the folder."""
    return f".venv-vllm/bin/python -m vllm.entrypoints.openai.api_server --model {dest} --served-model-name sigma"


def page_of(dest: Path, side: Side, dtype: torch.dtype) -> str:
    """The folder's README.md."""
    c = side.config
    rows = [
        f"| {ranks} | {k} | {v} | {cache:,} | {weights / 1e9:.2f} GB |"
        for ranks, k, v, cache, weights in ranks_table(c, dtype)
    ]
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            "tags: [sigma, diffqkv]",
            "pipeline_tag: text-generation",
            *(["license: apache-2.0"] if side.manifest.get("license") == "Apache-2.0" else []),
            "---",
            "",
            f"# {side.name}",
            "",
            f"Full {str(dtype).removeprefix('torch.')} weights, written by `python -m sigma.serving.export`: "
            f"{c.num_attention_heads} query, {key_heads_in_words(c)} key and {c.num_value_heads} value heads.",
            "",
            "vLLM serves it with Sigma's plugin, in an environment of its own, from the project's folder:",
            "",
            "```bash",
            *INSTALL,
            serve_command(Path(dest.name)),
            "```",
            "",
            "| tensor parallel | K heads a rank | V heads a rank | bytes of K and V a token and rank | weights a rank |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument("dest", type=Path, help="folder to write; must not exist, or be empty")
    parser.add_argument("--checkpoint", help="Sigma checkpoint: folder or Hub id (default: the embedded one)")
    parser.add_argument("--base", help="GQA model: folder, GGUF file or Hub id (default: fetched once, 93 MB)")
    parser.add_argument(
        "--tuned",
        default="off",
        metavar="auto|off|FILE",
        help="tuned minima of the base: the checkpoint's own, none, or a file's (default: %(default)s)",
    )
    parser.add_argument("--side", choices=SIDES, default="sigma")
    parser.add_argument("--preset", choices=PRESETS, help="write these shapes' config.json only, without weights")
    parser.add_argument("--dtype", choices=TYPES, default="bf16", help="of the weights (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    args = parser.parse_args(argv)
    if args.preset and (args.checkpoint or args.base or args.tuned != "off" or args.side != "sigma"):
        parser.error("--preset is shapes alone: it takes none of --checkpoint, --base, --tuned and --side")
    return args


def exported(args: argparse.Namespace, progress: Callable[[str, float], None]) -> dict[str, Any]:
    """Write the folder that the options ask for; returns the figures."""
    dtype = TYPES[args.dtype]
    if args.preset:
        config, name, size = preset(args.preset), args.preset, 0
        with appearing_whole(args.dest) as part:
            write_config(part, config, dtype)
    else:
        side = chosen_side(args.checkpoint, args.base, args.tuned, args.side, progress)
        config, name, size = side.config, side.name, write_folder(args.dest, side, dtype)
    return {
        "folder": str(args.dest),
        "name": name,
        "dtype": args.dtype,
        "bytes": size,
        "kv_bytes_per_token": sum(config.kv_bytes(1, dtype.itemsize)),
        "selective_v_top_k": config.selective_v_top_k,
        "tensor_parallel": ranks_table(config, dtype),
        "vllm_installed": has_vllm(),
    }


def show(result: dict[str, Any]) -> None:
    """The figures as text, and what to do next."""
    weights = f"{result['bytes'] / 1e6:,.0f} MB of {result['dtype']} weights" if result["bytes"] else "shapes alone"
    print(f"{result['folder']}: {result['name']}, {weights}\n")
    header = ["tensor parallel", "K heads", "V heads", "KV bytes per token", "weight bytes"]
    print(table(result["tensor_parallel"], header) + "\n(each rank)\n")
    if result["selective_v_top_k"] is not None:
        print(f"selective_v_top_k is {result['selective_v_top_k']}: vLLM fetches all V rows instead.\n")
    if not result["vllm_installed"]:
        print("vLLM is not installed here. It needs an environment of its own:\n")
        print("\n".join(f"    {line}" for line in INSTALL) + "\n")
    without = "" if result["bytes"] else " --load-format dummy --skip-tokenizer-init"
    print(f"Serve it:\n\n    {serve_command(Path(result['folder']))}{without}")


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)

    def work() -> dict[str, Any]:
        result = exported(args, say)
        if not args.json:
            show(result)
        return result

    run(work, args.json)


if __name__ == "__main__":
    main()
