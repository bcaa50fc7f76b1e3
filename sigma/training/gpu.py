"""Healing on a GPU that is lent for minutes: one command there, and what it needs in pieces that fit a transfer.

    python -m sigma.training.gpu prepare FOLDER --corpus docs.jsonl man.jsonl chats.jsonl    # here
    python -m sigma.training.gpu run FOLDER OUT --minutes 9                                  # there
    python -m sigma.training.gpu join OUT RUN                                                # here again

`prepare` writes `FOLDER/call-1`, `call-2` ...: the base, the packed Sigma to start from, training windows as uint16 and
held-out ones, cut and compressed; carry one folder a call, and keep them beside each other there. `run` needs no corpus, no
cache and no network. It measures a step, fits the number of steps to the minutes and checks our kernels' gradient against
torch's before it trusts them. `join` makes a run folder as `sigma.training.heal` leaves it, for `sigma.training.pack`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import math
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kernels.device import chosen_device
from sigma.checkpoints.base import CheckpointError, fetch_base
from sigma.checkpoints.load import PACKED_FILE, load_dense, load_side, sigma_folder
from sigma.cli import parser_for, run, say, table
from sigma.model.modeling import SigmaForCausalLM
from sigma.training.corpus import pack, read
from sigma.training.heal import Healer, corpus_windows, git_commit
from sigma.training.losses import logit_loss
from sigma.training.pieces import cut, joined
from sigma.training.recipe import Recipe, recipe_of, recipe_options
from sigma.training.start import lineage_of, started_student

BASE, START, TRAINING, HELD_OUT = "base.gguf", "start", "windows.u16.xz", "held-out"
LENGTH = 4096  # tokens of a window as it travels; a run may cut it
HELD_WINDOWS, HELD_LENGTH = 24, 1024
FAR, FAR_WINDOWS, FAR_LENGTH = "far", 4, 8192  # of the first corpus, as long as the page goes
PIECE = 14 * 2**20  # bytes of a file of results: a transfer takes 16 MiB a file
AGREE = 2e-2  # relative difference of two gradients in bf16 that counts as agreement
WARM, TIMED = 3, 4  # steps before and in the measurement of a step


def tokens_file(windows: Tensor) -> bytes:
    """Windows int64 [n, length] of tokens below 65,536 as compressed uint16. Raises ValueError for a larger vocabulary."""
    if windows.numel() and int(windows.max()) >= 1 << 16:
        raise ValueError("this vocabulary does not fit 16 bits a token")
    return lzma.compress(windows.numpy().astype("<u2").tobytes(), preset=6)


def windows_from(raw: bytes, length: int) -> Tensor:
    """The reverse: int64 [n, length]; a rest shorter than a window is dropped."""
    ids = torch.from_numpy(np.frombuffer(lzma.decompress(raw), dtype="<u2").astype(np.int64))
    return ids[: len(ids) // length * length].view(-1, length)


def prepare(folder: Path, corpora: list[Path], start: Path, base: Path, windows: int, call_bytes: int) -> dict:
    """Write the calls' folders. Returns {"calls": [bytes ...], "tokens": of training}. Raises ValueError, OSError."""
    tokenizer = load_side(str(base)).tokenizer
    recipe = Recipe(length=LENGTH)
    train = torch.cat([corpus_windows(path, tokenizer, recipe, windows) for path in corpora])
    train = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))]
    files = {BASE: base.read_bytes(), TRAINING: tokens_file(train)}
    held = {path.stem: read(path, "held-out") for path in corpora}
    parts = [(name, texts, HELD_LENGTH, HELD_WINDOWS) for name, texts in held.items()]
    parts.append((FAR, next(iter(held.values())), FAR_LENGTH, FAR_WINDOWS))
    for name, texts, length, most in parts:
        try:
            files[f"{HELD_OUT}/{name}"] = tokens_file(pack(texts, tokenizer, length, most))
        except ValueError as error:  # a short corpus has no window of that length: the run goes without that figure
            print(f"no held-out windows of {length:,} tokens from {name}: {error}", flush=True)
    for name in ("config.json", "manifest.json", PACKED_FILE):
        files[f"{START}/{name}"] = (start / name).read_bytes()
    files["made.json"] = json.dumps({"commit": git_commit(), "start": lineage_of(start)}).encode()
    return {"calls": cut(files, folder, call_bytes), "tokens": train.numel()}


def gradient(student: SigmaForCausalLM, teacher: SigmaForCausalLM, ids: Tensor) -> Tensor:
    """The healing loss's gradient of the first layer's keys, which passes through every layer's attention."""
    with torch.autocast(ids.device.type, dtype=torch.bfloat16):
        logit_loss(student, teacher, ids).backward()
    found = student.model.layers[0].self_attn.k_proj.weight.grad.detach().float().clone()
    student.zero_grad(set_to_none=True)
    return found


def trusted_attention(student: SigmaForCausalLM, teacher: SigmaForCausalLM, ids: Tensor) -> tuple[str, float]:
    """("diffqkv" or "diffqkv_torch", their gradients' relative difference): our kernels where they agree with torch's."""
    student.set_attn_implementation("diffqkv_torch")
    want = gradient(student, teacher, ids)
    try:
        student.set_attn_implementation("diffqkv")
        apart = float((gradient(student, teacher, ids) - want).norm() / want.norm().clamp_min(1e-30))
    except RuntimeError as error:  # a kernel that does not compile or run on this device
        print(f"our kernels failed here: {error}", flush=True)
        apart = math.inf
    return ("diffqkv" if apart < AGREE else "diffqkv_torch"), apart


@torch.no_grad()
def divergence(student: SigmaForCausalLM, teacher: SigmaForCausalLM, windows: Tensor) -> list[float]:
    """KL [nats per token] of every window [n, t]."""
    with torch.autocast(student.device.type, dtype=torch.bfloat16):
        return [float(logit_loss(student, teacher, ids[None].to(student.device))) for ids in windows]


def there(folder: Path, out: Path, minutes: float, recipe: Recipe, device: str, steps: int | None = None) -> dict:
    """Heal for about so many minutes, or for `steps` if they end sooner. Writes the query path in bf16, record and run.json to `out`; returns the table's figures.

    Raises ValueError for a folder that lacks a piece, or minutes too few for a single step.
    """
    begun = time.monotonic()
    files = joined(folder)
    made = json.loads(files["made.json"])
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        (room / START).mkdir()
        for key in files:
            if key == BASE or key.startswith(START + "/"):
                (room / key).write_bytes(files[key])
        teacher, _ = load_dense(str(room / BASE))
        windows = windows_from(files[TRAINING], recipe.length)
        if len(windows) < recipe.batch:
            raise ValueError(
                f"{len(windows)} windows of {recipe.length} tokens are too few for batches of {recipe.batch}"
            )
        student = started_student(room / "run" / "start.pt", teacher, windows[:8], recipe, room / START)
        teacher.to(device), student.to(device)
        held = {
            key.rpartition("/")[2]: windows_from(raw, FAR_LENGTH if key == f"{HELD_OUT}/{FAR}" else HELD_LENGTH)
            for key, raw in files.items()
            if key.startswith(HELD_OUT + "/")
        }
        attention, apart = trusted_attention(student, teacher, windows[:1, :512].to(device))
        before = {key: divergence(student, teacher, part) for key, part in held.items()}
        recipe = replace(recipe, layer_steps=0, data=hashlib.sha256(files[TRAINING]).hexdigest()[:16])
        healer = Healer(student, teacher, windows, recipe, room / "run")
        healer.attention, healer.stage = attention, "logits"
        step = step_seconds(healer)
        last = 1.5 * (time.monotonic() - begun)  # the measurements at the end cost what those here did, at most
        left = minutes * 60 - (time.monotonic() - begun) - min(last, minutes * 12)
        steps = min(int(left / step), steps or sys.maxsize)
        if steps < 1:
            raise ValueError(f"{minutes:g} minutes are too few: one step takes {step:.1f} s and {left:.0f} s are left")
        healer.recipe = replace(recipe, logit_steps=steps)
        print(f"{steps} steps of {step:.2f} s, attention {attention} (gradients apart by {apart:.1e})", flush=True)
        healer.run(save_every=math.inf, stop_after=left)
        after = {key: divergence(student, teacher, part) for key, part in held.items()}
        rows = (room / "run" / "record.jsonl").read_text("utf-8")
    figures = {
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else platform.processor() or "cpu",
        "torch": torch.__version__,
        "attention": attention,
        "gradients_apart": apart,
        "step_seconds": step,
        "minutes": (time.monotonic() - begun) / 60,
        "kl": {key: told(before[key], after[key]) for key in held},
    }
    progress = {"recipe": asdict(healer.recipe), "stage": "logits", "step": healer.step, "tokens": healer.tokens}
    weights = {name: p.detach().to("cpu", torch.bfloat16) for name, p in healer.parameters.items()}
    write_results(out, weights, rows, progress | {key: made[key] for key in ("commit", "start")} | {"figures": figures})
    return {**figures, "steps": healer.step, "tokens": healer.tokens}


def step_seconds(healer: Healer) -> float:
    """Seconds of a step, optimizer left out, on average over plain and selective ones; no weight moves."""
    every, times = healer.recipe.selective_every, {False: [], True: []}
    for number in range(WARM + TIMED + (2 if every else 0)):
        selective = number >= WARM + TIMED
        healer.step = every - 1 if selective else 0
        clock = time.monotonic()
        with torch.autocast(healer.student.device.type, dtype=torch.bfloat16):
            healer.logit_step(healer.batch("logits", number))
        if healer.student.device.type == "cuda":
            torch.cuda.synchronize()
        healer.student.zero_grad(set_to_none=True)
        times[selective].append(time.monotonic() - clock)
    healer.step = 0
    plain = statistics.median(times[False][WARM:])
    return plain if not every else (plain * (every - 1) + times[True][-1]) / every


def told(before: list[float], after: list[float]) -> dict[str, float]:
    """Mean KL before and after, and the paired difference with its standard error."""
    differences = [b - a for a, b in zip(before, after, strict=True)]
    error = statistics.stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else math.nan
    return {
        "before": statistics.fmean(before),
        "after": statistics.fmean(after),
        "change": statistics.fmean(differences),
        "standard_error": error,
    }


def write_results(out: Path, weights: dict[str, Tensor], record: str, lineage: dict) -> None:
    """The query path in bf16 as files of at most 14 MiB, the record and run.json, into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    held: dict[str, Tensor] = {}
    count = size = 0
    for name, tensor in weights.items():
        if held and size + tensor.nbytes > PIECE:
            save_file(held, out / f"query-path-{count:02d}.safetensors")
            held, count, size = {}, count + 1, 0
        held[name] = tensor.contiguous()
        size += tensor.nbytes
    save_file(held, out / f"query-path-{count:02d}.safetensors")
    (out / "record.jsonl").write_text(record, encoding="utf-8")
    (out / "run.json").write_text(json.dumps(lineage, indent=1), encoding="utf-8")


def bring_back(out: Path, folder: Path) -> int:
    """Make a run folder of what came back; returns its tokens. Raises ValueError if something is missing or there is a run."""
    if (folder / "state.pt").exists():
        raise ValueError(f"{folder} holds a run already")
    parts = sorted(out.glob("query-path-*.safetensors"))
    if not parts or not (out / "run.json").exists():
        raise ValueError(f"{out} does not hold run.json and query-path-*.safetensors")
    lineage = json.loads((out / "run.json").read_text("utf-8"))
    weights = {name: tensor.float() for part in parts for name, tensor in load_file(part).items()}
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: lineage[key] for key in ("recipe", "stage", "step", "tokens")} | {"weights": weights}
    torch.save(state, folder / "state.part")
    for name in ("run.json", "record.jsonl"):
        (folder / name).write_bytes((out / name).read_bytes())
    (folder / "state.part").replace(folder / "state.pt")
    return lineage["tokens"]


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    first = what.add_parser("prepare", help="write what travels")
    first.add_argument("folder", type=Path)
    first.add_argument(
        "--corpus", type=Path, nargs="+", required=True, help="JSON lines from sigma.training.corpus or chats"
    )
    first.add_argument("--start", help="packed Sigma to go on from (default: the embedded one)")
    first.add_argument("--base", type=Path, help="its GQA source, a GGUF file (default: the default base)")
    first.add_argument(
        "--windows", type=int, default=1_500, help="most windows of 4,096 tokens of each corpus (%(default)s)"
    )
    first.add_argument("--call-mb", type=float, default=50.0, help="most MiB of one call's folder (%(default)s)")
    second = what.add_parser("run", help="heal, on the GPU")
    second.add_argument("folder", type=Path)
    second.add_argument("out", type=Path)
    second.add_argument(
        "--minutes", type=float, default=9.0, help="from the start of this command to its end (%(default)s)"
    )
    second.add_argument("--steps", type=int, help="not more than these: to try it out on a CPU")
    second.add_argument("--device", default=chosen_device())
    recipe_options(second)
    second.set_defaults(
        length=LENGTH, batch=8, logit_rate=3e-4, shortest=512, reach=8192, selective_every=8,
        rates="q_proj=0.3 q_gate_proj=0.2 q_up_proj=0.04 q_down_proj=0.1",
    )  # fmt: skip
    third = what.add_parser("join", help="make a run folder of what came back")
    third.add_argument("out", type=Path)
    third.add_argument("run", type=Path)
    args = parser.parse_args(argv)
    run(lambda: work(args), False)


def work(args: argparse.Namespace) -> None:
    """What the command does. Raises ValueError, OSError or CheckpointError for input that cannot be used."""
    if args.what == "prepare":
        base = args.base or fetch_base(say)
        if not base.is_file():
            raise CheckpointError(f"{base} is no GGUF file")
        made = prepare(
            args.folder, args.corpus, sigma_folder(args.start), base, args.windows, int(args.call_mb * 2**20)
        )
        for number, size in enumerate(made["calls"], 1):
            print(f"{args.folder}/call-{number}: {size / 2**20:.1f} MiB")
        print(f"{made['tokens']:,} tokens to train on")
    elif args.what == "run":
        found = there(args.folder, args.out, args.minutes, recipe_of(args), args.device, args.steps)
        rows = [(key, *row.values()) for key, row in found["kl"].items()]
        print(table(rows, ("KL on", "before", "after", "change", "standard error")))
        print(f"{found['steps']} steps, {found['tokens']:,} tokens, {found['minutes']:.1f} minutes, {found['device']}")
    else:
        print(f"{args.run}: {bring_back(args.out, args.run):,} tokens")


if __name__ == "__main__":
    main()
