"""Pack a healed run into a checkpoint folder: int8 q and k, int4 augmented query, manifest with its figures.

    python -m sigma.training.pack RUN_FOLDER DEST --corpus corpus.jsonl [--text held-out.jsonl]

Rounding uses the inputs that the matrices really see (error feedback), collected on training windows.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from datetime import date
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from sigma.checkpoints.base import sha256_of
from sigma.checkpoints.load import PACKED_FILE, Side, load_side
from sigma.checkpoints.tuned import TUNED_FILE
from sigma.cli import parser_for, run, say
from sigma.conversion.convert import converted_config, kept_layers, layer_inputs
from sigma.measure.quality import compare, mean_nll
from sigma.measure.selective import selective_cost
from sigma.model.modeling import SigmaForCausalLM
from sigma.quantization import quantize_int4, quantize_int8, save_packed
from sigma.training.corpus import pack, read
from sigma.training.recipe import kept_of
from sigma.training.start import end_of_run

GROUP = 64


def healed(run: Path, base: Side, teacher: SigmaForCausalLM) -> tuple[SigmaForCausalLM, dict]:
    """The student of a run's last saved state, and that state's bookkeeping."""
    weights, progress = end_of_run(run)
    recipe = progress["recipe"]
    config = converted_config(base.config, recipe["key_heads"], recipe["augmented_query_dim"], kept_of(recipe))
    with torch.device("meta"):
        student = SigmaForCausalLM(config)
    student.load_state_dict({**teacher.state_dict(), **weights}, assign=True)
    student.tie_weights()
    return student.eval(), progress


@torch.no_grad()
def pack_query_path(student: SigmaForCausalLM, windows: Tensor, progress=None) -> dict:
    """The packed query and key tensors, layer by layer, each rounded for the inputs that it sees; none of layers that are kept."""
    packed, kept = {}, kept_layers(student.config)
    for i, (layer, x) in enumerate(zip(student.model.layers, layer_inputs(student, windows))):
        if i in kept:
            continue
        attention, name = layer.self_attn, f"model.layers.{i}.self_attn."
        x = x.float()
        packed[f"{name}q_proj.weight"] = quantize_int8(attention.q_proj.weight)
        packed[f"{name}k_proj.weight"] = quantize_int8(attention.k_proj.weight)
        if attention.augmented:
            q = x @ packed[f"{name}q_proj.weight"].dequantize().T
            packed |= {f"{name}{part}.weight": w for part, w in _pack_augmented(attention, q).items()}
        if progress is not None:
            progress("packing", (i + 1) / len(student.model.layers))
    return packed


def _pack_augmented(attention, q: Tensor) -> dict:
    """Gate, up and down around the structure they started from: rank one, identity, scaled identity."""
    size = q.shape[1]
    gate, up, down = (getattr(attention, f"q_{part}_proj").weight.float() for part in ("gate", "up", "down"))
    rows = torch.zeros(len(gate))
    rows[:size] = 1.0
    hessian = q.T @ q
    gate = quantize_int4(gate, GROUP, rank_one=(rows, gate[:size].mean(0)), hessian=hessian)
    up = quantize_int4(up, GROUP, identity=float(up[:size].diagonal().mean()), hessian=hessian)
    z = F.silu(q @ gate.dequantize().T) * (q @ up.dequantize().T)
    down = quantize_int4(down, GROUP, identity=float(down.diagonal().mean()), hessian=z.T @ z)
    return {"q_gate_proj": gate, "q_up_proj": up, "q_down_proj": down}


def write_checkpoint(dest: Path, student: SigmaForCausalLM, packed: dict, manifest: dict) -> int:
    """Write the folder aside, then put it in place; returns the bytes of its files."""
    dest.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=dest.parent, prefix=".packing-") as part:
        folder = Path(part) / "checkpoint"
        folder.mkdir()
        config = student.config.to_diff_dict()
        config.pop("_name_or_path", None)
        (folder / "config.json").write_text(
            json.dumps({**config, "architectures": ["SigmaForCausalLM"]}, indent=1, sort_keys=True) + "\n"
        )
        save_packed(folder / PACKED_FILE, packed, {"format": "sigma-packed-1"})
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        for kept in (*dest.glob("*.md"), dest / TUNED_FILE, dest / "aimicius.json"):
            if kept.exists():
                shutil.copy(kept, folder)
        size = sum(f.stat().st_size for f in folder.iterdir())
        if dest.exists():
            dest.rename(Path(part) / "old")
        folder.rename(dest)
    return size


def figures_of(
    teacher: SigmaForCausalLM, student: SigmaForCausalLM, packed: dict, held: dict[str, Tensor]
) -> dict[str, dict]:
    """What the manifest says of each held-out text of {name: windows}. The student gets the packed tensors on the way."""
    before = {name: compare(teacher, student, windows, say) for name, windows in held.items()}
    student.load_state_dict({name: w.dequantize() for name, w in packed.items()}, strict=False)
    figures = {}
    for name, windows in held.items():
        after, few = compare(teacher, student, windows, say), windows[:6]
        figures[name] = {
            **after,
            "tokens": windows.numel(),
            "unpacked_sigma_nll": before[name]["sigma_nll"],
            "packing_percent": (after["sigma_nll"] / before[name]["sigma_nll"] - 1) * 100,
            "selective": selective_cost(student, few, [100, 256], mean_nll(student, few), say),
        }
    return figures


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("run", type=Path, help="run folder of sigma.training.heal")
    parser.add_argument("dest", type=Path, help="checkpoint folder to write")
    parser.add_argument("--base", help="the run's GQA source; the default base otherwise")
    parser.add_argument("--corpus", type=Path, nargs="+", required=True, help="training text, for the rounding")
    parser.add_argument(
        "--text", type=Path, nargs="+", help="held-out text for the figures in the manifest (default: the corpus)"
    )
    parser.add_argument("--name", default="Sigma-135M")
    parser.add_argument(
        "--windows", type=int, default=24, help="windows of 1,024 tokens for the rounding and per text for the figures"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        base = load_side(args.base, say)
        teacher = base.dense()
        student, progress = healed(args.run, base, teacher)
        share = math.ceil(args.windows / len(args.corpus))
        windows = torch.cat([pack(read(path, "train"), base.tokenizer, 1024, share) for path in args.corpus])
        packed = pack_query_path(student, windows, say)
        held = {
            path.stem: pack(read(path, "held-out"), base.tokenizer, 1024, args.windows)
            for path in args.text or args.corpus
        }
        figures = figures_of(teacher, student, packed, held)
        run_file = args.run / "run.json"
        lineage = json.loads(run_file.read_text()) if run_file.exists() else {"commit": "unknown"}
        manifest = {
            "name": args.name,
            "format": "sigma-packed-1",
            "date": date.today().isoformat(),
            "license": "Apache-2.0",
            "base": {"file": base.manifest["file"], "sha256": sha256_of(Path(base.manifest["path"]))},
            "healing": progress | {key: lineage[key] for key in ("commit", "start") if key in lineage},
            "figures": figures,
        }
        before = args.dest / "manifest.json"
        if before.exists() and "tuned" in (old := json.loads(before.read_text("utf-8"))):
            manifest["tuned"] = old["tuned"]  # the minima stay in the folder
        size = write_checkpoint(args.dest, student, packed, manifest)
        if not args.json:
            for name, row in figures.items():
                print(
                    f"{name}: GQA {row['gqa_nll']:.4f}, Sigma {row['sigma_nll']:.4f} ({row['gap_percent']:+.2f} %), "
                    f"packing {row['packing_percent']:+.2f} %"
                )
            print(f"{args.dest}: {size / 2**20:.1f} MiB")
        return {"bytes": size, "figures": figures}

    run(work, args.json)


if __name__ == "__main__":
    main()
