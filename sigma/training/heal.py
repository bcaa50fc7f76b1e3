"""Healing: teach a converted Sigma to attend as its GQA source does. Resumable at any moment.

    python -m sigma.training.heal RUN_FOLDER --corpus corpus.jsonl --layer-steps 150 --logit-steps 400

Two stages. Layer-wise: every layer gets the teacher's own input (or the student's, and mends what came before) and learns
its attention (KL per query head) and its output (squared error); cheap, and layers do not disturb each other. End to end: KL of the next-token distribution.
Only the query and key path trains; everything else stays the source's own tensors, shared by both models.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import random
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from kernels.device import chosen_device
from sigma.checkpoints.load import load_dense
from sigma.cli import parser_for, run
from sigma.model.modeling import SigmaForCausalLM
from sigma.training.corpus import pack, read
from sigma.training.losses import layer_losses, logit_loss
from sigma.training.positions import spread_positions
from sigma.training.recipe import Recipe, matrix_rates, one_cycle, recipe_of, recipe_options
from sigma.training.start import lineage_of, started_student, trained_parameters


class Healer:
    """One run: state in `folder`, a record in `folder/record.jsonl`, exact resume from `folder/state.pt`."""

    def __init__(
        self, student: SigmaForCausalLM, teacher: SigmaForCausalLM, windows: Tensor, recipe: Recipe, folder: Path
    ):
        self.student, self.teacher, self.windows, self.recipe, self.folder = student, teacher, windows, recipe, folder
        teacher.requires_grad_(False).eval()
        self.parameters = trained_parameters(student)
        self.gates = {
            n: p.detach().clone()
            for n, p in self.parameters.items()
            if n.endswith("layers.0.self_attn.q_gate_proj.weight")
        }
        factors = matrix_rates(recipe)
        groups: dict[float, list[Tensor]] = {1.0: []}
        for name, parameter in self.parameters.items():
            groups.setdefault(factors[name.split(".")[-2]], []).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [{"params": p, "factor": f} for f, p in groups.items() if p], lr=0.0, betas=(0.9, 0.98), weight_decay=0.0
        )
        self.stage, self.step, self.tokens = "layer", 0, 0
        self.attention = "diffqkv"  # of the end-to-end stage's steps that are not selective
        folder.mkdir(parents=True, exist_ok=True)

    def batch(self, stage: str, step: int) -> Tensor:
        """The windows of a step: a pure function of (seed, stage, step), so a resumed run sees the same data."""
        r = self.recipe
        position = (step + (r.layer_steps if stage == "logits" else 0)) * r.batch
        epoch, start = divmod(position, max(1, len(self.windows) - r.batch + 1))
        order = torch.randperm(len(self.windows), generator=torch.Generator().manual_seed(r.seed + epoch))
        ids = self.windows[order[start : start + r.batch]].to(self.student.device)
        if stage == "logits":
            lengths = r.window_lengths()
            ids = ids.reshape(-1, lengths[random.Random(f"{r.seed} {step}").randrange(len(lengths))])
        return ids

    def layer_step(self, ids: Tensor) -> dict[str, float]:
        positions, kls, errors = self.positions(ids), [], []
        own = self.recipe.layer_inputs == "student"
        for kl, error in layer_losses(self.student, self.teacher, ids, positions, own):
            (kl + error).backward()
            kls.append(kl.item())
            errors.append(error.item())
        return {"loss": sum(kls) / len(kls), "kl_worst": max(kls), "output_error": sum(errors) / len(errors)}

    def logit_step(self, ids: Tensor) -> dict[str, float]:
        r = self.recipe
        selective = bool(r.selective_every) and self.step % r.selective_every == r.selective_every - 1
        self.student.config.selective_v_top_k = r.selective_top_k if selective else None
        self.student.set_attn_implementation("diffqkv_selective_everywhere" if selective else self.attention)
        positions = self.positions(ids)
        total = 0.0
        # Two sides' logits of 49k tokens are the memory: 400 KB a token. A GPU wants some 16k tokens at once.
        together = 1 if ids.device.type == "cpu" else max(1, 16_384 // ids.shape[1])
        for part, at in zip(ids.split(together), positions.split(together)):
            loss = logit_loss(self.student, self.teacher, part, at) * (len(part) / len(ids))
            loss.backward()
            total += loss.item()
        self.student.config.selective_v_top_k = None
        reached = 1 + int(positions.max())
        return {"loss": total, "window": ids.shape[1], "selective": selective, "reach": reached}

    def positions(self, ids: Tensor) -> Tensor:
        """Positions [b, t] of this step's windows: like the windows, a pure function of seed and step."""
        rng = random.Random(f"positions {self.recipe.seed} {self.step}")
        rows = [spread_positions(ids.shape[1], self.recipe.reach, rng) for _ in ids]
        return torch.stack(rows).to(ids.device)

    def run(self, save_every: float = 300.0, stop_after: float | None = None) -> None:
        """Run to the end of the recipe, or for `stop_after` seconds; saves on the way and at the end."""
        r = self.recipe
        begun = saved = time.monotonic()
        record = (self.folder / "record.jsonl").open("a", encoding="utf-8")
        bar = tqdm(
            total=r.layer_steps + r.logit_steps,
            disable=None,
            initial=self.step + (r.layer_steps if self.stage == "logits" else 0),
            unit="step",
        )
        self.student.train()
        while not (self.stage == "logits" and self.step >= r.logit_steps):
            if self.stage == "layer" and self.step >= r.layer_steps:
                self.stage, self.step = "logits", 0
                self.optimizer.state.clear()
                continue
            steps, peak, act = (
                (r.layer_steps, r.layer_rate, self.layer_step)
                if self.stage == "layer"
                else (r.logit_steps, r.logit_rate, self.logit_step)
            )
            rate = peak * one_cycle(self.step, steps, r.warmup)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["factor"]
            clock = time.monotonic()
            ids = self.batch(self.stage, self.step)
            with torch.autocast(ids.device.type, dtype=torch.bfloat16):
                figures = act(ids)
            norm = torch.nn.utils.clip_grad_norm_(self.parameters.values(), 1.0 if self.stage == "logits" else 10.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.step += 1
            self.tokens += ids.numel()
            row = {
                "stage": self.stage,
                "step": self.step,
                "tokens": self.tokens,
                "rate": rate,
                "norm": float(norm),
                "seconds": time.monotonic() - clock,
                "gate_moved": self.gate_moved(),
                **figures,
            }
            record.write(json.dumps({k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()}) + "\n")
            record.flush()
            bar.update()
            bar.set_postfix(stage=self.stage, loss=f"{figures['loss']:.4f}")
            now = time.monotonic()
            if now - saved > save_every:
                self.save()
                saved = now
            if stop_after is not None and now - begun > stop_after:
                break
        self.save()
        record.close()
        bar.close()

    def gate_moved(self) -> float:
        """How far the first layer's gates are from their start, relative to the start's size."""
        return max(
            (float((self.parameters[n].detach() - start).norm() / start.norm()) for n, start in self.gates.items()),
            default=0.0,
        )

    def save(self) -> None:
        """Write weights, optimizer and position aside, then rename: an interruption loses nothing."""
        state = {
            "recipe": asdict(self.recipe),
            "stage": self.stage,
            "step": self.step,
            "tokens": self.tokens,
            "weights": {n: p.detach() for n, p in self.parameters.items()},
            "gates": self.gates,
            "optimizer": self.optimizer.state_dict(),
        }
        part = self.folder / "state.part"
        torch.save(state, part)
        part.replace(self.folder / "state.pt")

    def resume(self) -> bool:
        """Continue from `folder/state.pt` if there is one. Raises ValueError if its recipe differs."""
        path = self.folder / "state.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.student.device, weights_only=True)
        if asdict(Recipe()) | state["recipe"] != asdict(self.recipe):  # a run may be older than an option
            raise ValueError(
                f"{path} was written by another recipe; use a new folder, or the same options\n{state['recipe']}"
            )
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(state["weights"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.stage, self.step, self.tokens, self.gates = state["stage"], state["step"], state["tokens"], state["gates"]
        self._forget_what_was_not_saved()
        return True

    def _forget_what_was_not_saved(self) -> None:
        """Steps after the last saved state are run again: their rows leave the record."""
        path = self.folder / "record.jsonl"
        if path.exists():
            rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [row for row in rows if row.endswith("\n") and json.loads(row)["tokens"] <= self.tokens]
            part = path.with_suffix(".part")
            part.write_text("".join(kept), encoding="utf-8")
            part.replace(path)


def corpus_windows(path: Path, tokenizer, recipe: Recipe, limit: int) -> Tensor:
    """At most `limit` training windows of one corpus file, from documents in an order fixed by the seed."""
    texts = read(path, "train")
    order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(recipe.seed)).tolist()
    return pack((texts[i][:20_000] for i in order), tokenizer, recipe.length, limit)


def keep_freed_memory() -> None:
    """Let glibc's malloc reuse big blocks: each step's logits are 100 MB, and fresh pages cost more than their use.

    Measured on two cores, 2 x 512 tokens: 4.0 s a step before, 2.4 s after. Elsewhere than on glibc it does nothing.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 2**29)):  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
        mallopt(option, value)


def git_commit() -> str:
    """The commit that runs, or "unknown" outside a checkout."""
    try:
        return subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folder", type=Path, help="run folder; an interrupted run there is continued")
    parser.add_argument("--base", help="GQA source: folder, GGUF file or Hub id; the default base otherwise")
    parser.add_argument("--corpus", type=Path, nargs="+", required=True, help="JSON lines from sigma.training.corpus")
    parser.add_argument("--start", type=Path, help="begin at another run's end or at a packed checkpoint (a folder)")
    parser.add_argument("--windows", type=int, default=3000, help="most training windows read from each corpus file")
    parser.add_argument("--stop-after", type=float, help="seconds; the run can be continued later")
    parser.add_argument("--device", default=chosen_device())
    recipe_options(parser)
    args = parser.parse_args(argv)
    run(lambda: work(args, recipe_of(args)), False)


def work(args: argparse.Namespace, recipe: Recipe) -> None:
    """What the command does. Raises ValueError, OSError or CheckpointError for input that cannot be used."""
    keep_freed_memory()
    teacher, tokenizer = load_dense(args.base)
    teacher.config.check_context(recipe.length)
    windows = torch.cat([corpus_windows(path, tokenizer, recipe, args.windows) for path in args.corpus])
    recipe = replace(recipe, data=hashlib.sha256(windows.numpy().tobytes()).hexdigest()[:16])
    spread = torch.randperm(len(windows), generator=torch.Generator().manual_seed(recipe.seed))
    calibration = windows[spread[: recipe.calibration_windows]]
    if recipe.length < 1024:  # fold for longer contexts than the training windows
        joined = calibration.flatten()
        calibration = joined[: len(joined) // 1024 * 1024].view(-1, 1024)
    student = started_student(args.folder / "start.pt", teacher, calibration, recipe, args.start)
    teacher.to(args.device), student.to(args.device)
    healer = Healer(student, teacher, windows, recipe, args.folder)
    if healer.resume():
        print(f"continuing {healer.stage} stage at step {healer.step}")
    else:
        lineage = {"recipe": asdict(recipe), "commit": git_commit()}
        if args.start is not None:
            lineage["start"] = lineage_of(args.start)
        (args.folder / "run.json").write_text(json.dumps(lineage, indent=1))
    healer.run(stop_after=args.stop_after)


if __name__ == "__main__":
    main()
