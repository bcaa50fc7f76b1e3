"""Tuning: teach the 4-bit base its tasks by moving the minima of its groups, for both attentions at once. Resumable.

    python -m sigma.training.tune RUN_FOLDER --tokens 1500000 --mix "cmdgen=2 nl2kql=2 facts=1 chats=1" --chats chats.jsonl

Only the zero of each group of columns changes (sigma.checkpoints.tuned). V, O and the MLP are shared by the GQA side and
by Sigma, and passes go through either side's attention in turn, so neither is tuned at the other's cost; each side's
queries and keys learn from its own passes. Rows that begin alike are computed together (sigma.training.branches). Lessons count with the loss of their answers;
the base's own chats with their KL from the untuned base, so that everyday chat stays what it was.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, fields
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from kernels.device import chosen_device
from sigma.checkpoints.base import sha256_of
from sigma.checkpoints.load import PACKED_FILE, Pair, load_pair, sigma_folder
from sigma.checkpoints.tuned import OWN_MATRICES, TUNED_FILE, group_of, read_tuned, write_tuned
from sigma.cli import parser_for, run
from sigma.model.modeling import SigmaForCausalLM
from sigma.training.branches import BRANCHES, Group, Line, hidden_states, laid
from sigma.training.heal import git_commit, keep_freed_memory
from sigma.training.losses import kl_of_logits
from sigma.training.minima import learnable_minima, plainly
from sigma.training.recipe import one_cycle
from sigma.training.rows import CHATS, digest, gathered, planned, rows_of
from sigma.training.tune_recipe import TuneRecipe

NAME = "SmolLM2-135M, tuned"


class Tuner:
    """One run: state in `folder/state.pt` (exact resume), a record in `folder/record.jsonl`, the result in `folder/tuned.safetensors`.

    `sides`: the GQA model and Sigma, whose V, O and MLP become the same modules; `groups`: columns of a group of Sigma's
    own matrices by name, where it is not 32; `sigma_sha256`: of the packed Sigma's file.
    """

    def __init__(
        self,
        sides: dict[str, SigmaForCausalLM],
        plan: list[list[Group]],
        recipe: TuneRecipe,
        folder: Path,
        groups: dict[str, int] | None = None,
        sigma_sha256: str = "",
    ):
        self.sigma_sha256 = sigma_sha256
        self.sides, self.plan, self.recipe, self.folder = sides, plan, recipe, folder
        for model in sides.values():
            model.config._attn_implementation = BRANCHES
        self.changes: dict[str, torch.nn.Parameter] = {}
        self.shifted = learnable_minima(sides["gqa"], sides["sigma"], self.changes, groups)
        own = {name for name in self.changes if name.split(".")[-2] in OWN_MATRICES}
        parts = [
            {"params": [change for name, change in self.changes.items() if (name in own) == mine], "share": share}
            for mine, share in ((False, 1.0), (True, recipe.own_rate))
        ]
        self.optimizer = torch.optim.AdamW(parts, lr=0.0, betas=(0.9, 0.98), weight_decay=0.0)
        self.step, self.tokens = 0, 0
        self.steps = -(-len(plan) // recipe.passes)
        rows = [row for groups in plan for row in rows_of(groups) if row.kind != CHATS]
        counted = sum(len(row.learned()) for row in rows)
        # Every learned token counts alike, however many share its batch; a step's loss is then of order one.
        self.scale = len(plan) / max(1, counted) / recipe.passes
        folder.mkdir(parents=True, exist_ok=True)

    def side_of(self, place: int) -> str:
        """Whose attention the pass at this place of the plan goes through: spread evenly, in the recipe's share."""
        share = self.recipe.sigma_share
        return "sigma" if int((place + 1) * share) > int(place * share) else "gqa"

    def losses(self, side: str, line: Line, chats: bool) -> Tensor:
        """Sum over the learned tokens: their loss, or for chats their KL from the untuned GQA model."""
        model = self.sides[side]
        logits = model.lm_head(hidden_states(model, line))
        if not chats:
            return F.cross_entropy(logits.float(), line.wanted, reduction="sum")
        with torch.no_grad(), plainly(self.shifted):
            teacher = self.sides["gqa"]
            want = teacher.lm_head(hidden_states(teacher, line))
        return kl_of_logits(logits, want)

    def advance(self) -> dict[str, object]:
        """One step of the plan; returns its figures."""
        r = self.recipe
        rate = r.rate * one_cycle(self.step, self.steps, r.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        begun, figures = time.monotonic(), {}
        for place in range(self.step * r.passes, min(len(self.plan), (self.step + 1) * r.passes)):
            rows, side = rows_of(self.plan[place]), self.side_of(place)
            line, chats = laid(self.plan[place]).to(self.device), rows[0].kind == CHATS
            total = self.losses(side, line, chats)
            (total * self.scale).backward()
            count = len(line.wanted)
            name = f"{CHATS if chats else 'lessons'} {side}"
            figures[name] = (figures.get(name, (0.0, 0))[0] + total.item(), figures.get(name, (0.0, 0))[1] + count)
            self.tokens += sum(len(row.ids) for row in rows)
        norm = torch.nn.utils.clip_grad_norm_(self.changes.values(), 1.0)
        if not bool(norm.isfinite()):
            raise ValueError(f"step {self.step + 1}: the gradient is not finite; the last saved state is kept")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.merge()
        self.step += 1
        return {
            "step": self.step,
            "steps": self.steps,
            "tokens": self.tokens,
            "rate": rate,
            "norm": float(norm),
            "seconds": time.monotonic() - begun,
            "loss": {name: total / count for name, (total, count) in figures.items()},
        }

    @property
    def device(self) -> torch.device:
        return next(iter(self.changes.values())).device

    def merge(self) -> None:
        """Bring the matrices that compute up to date with the changes."""
        for shifted in self.shifted:
            shifted.merge()

    def run(self, base_sha256: str, save_every: float = 180.0, stop_after: float | None = None) -> None:
        """Run to the end of the plan, or for `stop_after` seconds; saves on the way and at the end."""
        begun = saved = time.monotonic()
        with (
            (self.folder / "record.jsonl").open("a", encoding="utf-8") as record,
            tqdm(total=self.steps, initial=self.step, unit="step", disable=None) as bar,
        ):
            while self.step < self.steps:
                row = self.advance()
                record.write(json.dumps(row) + "\n")
                record.flush()
                bar.update()
                bar.set_postfix({name: f"{loss:.3f}" for name, loss in row["loss"].items()})
                now = time.monotonic()
                if now - saved > save_every:
                    self.save(base_sha256)
                    saved = now
                if stop_after is not None and now - begun > stop_after:
                    break
            self.save(base_sha256)

    def save(self, base_sha256: str) -> None:
        """Write the state and the tuned file aside, then rename: an interruption or a full disk loses nothing."""
        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "tokens": self.tokens,
            "changes": {name: change.detach() for name, change in self.changes.items()},
            "optimizer": self.optimizer.state_dict(),
        }
        part = self.folder / "state.part"
        try:
            torch.save(state, part)
            part.replace(self.folder / "state.pt")
        finally:
            part.unlink(missing_ok=True)
        changes = {name: change.detach().cpu() for name, change in self.changes.items()}
        write_tuned(self.folder / TUNED_FILE, changes, base_sha256, NAME, self.sigma_sha256)

    def resume(self) -> bool:
        """Continue from `folder/state.pt` if there is one. Raises ValueError if another recipe or other data wrote it."""
        path = self.folder / "state.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["recipe"] != asdict(self.recipe):
            raise ValueError(
                f"{path} was written by another recipe: use a new folder, or its options: {state['recipe']}"
            )
        self.start_at(state["changes"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.tokens = state["step"], state["tokens"]
        record = self.folder / "record.jsonl"
        if record.exists():  # steps after the saved state are run again: their rows leave the record
            rows = [row for row in record.read_text("utf-8").splitlines(keepends=True) if row.endswith("\n")]
            part = record.with_suffix(".part")
            part.write_text("".join(row for row in rows if json.loads(row)["step"] <= self.step), encoding="utf-8")
            part.replace(record)
        return True

    @torch.no_grad()
    def start_at(self, changes: dict[str, Tensor]) -> None:
        """Take over changes of minima by name; what they lack starts at none. Raises ValueError if they are another model's."""
        if not changes or not changes.keys() <= self.changes.keys():
            raise ValueError("the tuned minima to start from are another model's")
        for name, change in changes.items():
            self.changes[name].copy_(change)
        self.merge()


def models_of(pair: Pair, device: str) -> dict[str, SigmaForCausalLM]:
    """Both sides as bf16 models in training mode."""
    return {
        name: side.dense().to(device, torch.bfloat16).train()
        for name, side in (("gqa", pair.gqa), ("sigma", pair.sigma))
    }


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folder", type=Path, help="run folder; an interrupted run there is continued")
    parser.add_argument("--checkpoint", help="Sigma checkpoint: folder or Hub id (default: the embedded one)")
    parser.add_argument("--base", help="GQA model: folder, GGUF file or Hub id (default: fetched once)")
    parser.add_argument("--chats", type=Path, help="the base's own chats, from sigma.training.chats")
    parser.add_argument("--start", type=Path, help="begin at the tuned minima of this file")
    parser.add_argument("--stop-after", type=float, help="seconds; the run can be continued later")
    parser.add_argument("--end-at", type=int, metavar="STEP", help="end there, the rate falling to its end by then")
    parser.add_argument("--device", default=chosen_device())
    for entry in fields(TuneRecipe):
        if entry.name != "data":
            kind = type(entry.default)
            parser.add_argument(
                f"--{entry.name.replace('_', '-')}", type=kind, default=entry.default, help="(%(default)s)"
            )
    args = parser.parse_args(argv)
    run(lambda: work(args), False)


def work(args: argparse.Namespace) -> None:
    """What the command does. Raises ValueError, OSError or CheckpointError for input that cannot be used."""
    keep_freed_memory()
    given = {entry.name: getattr(args, entry.name) for entry in fields(TuneRecipe) if entry.name != "data"}
    recipe = TuneRecipe(**given)
    pair = load_pair(args.checkpoint, args.base)
    base = sha256_of(Path(pair.gqa.manifest["path"]))
    plan = planned(
        gathered(recipe.mix, recipe.tokens, recipe.longest, recipe.seed, pair.gqa.tokenizer, args.chats),
        recipe.batch_tokens,
        recipe.seed,
    )
    recipe = TuneRecipe(**given, data=digest(plan))
    groups = {name: group_of(packed) for name, packed in pair.sigma.tensors.items() if len(packed.shape) == 2}
    packed_sigma = sigma_folder(args.checkpoint) / PACKED_FILE
    sigma = sha256_of(packed_sigma) if packed_sigma.is_file() else ""
    tuner = Tuner(models_of(pair, args.device), plan, recipe, args.folder, groups, sigma)
    if args.end_at is not None:
        if args.end_at < 1:
            raise ValueError(f"--end-at must be at least 1, not {args.end_at}")
        tuner.steps = min(tuner.steps, args.end_at)
    if tuner.resume():
        print(f"continuing at step {tuner.step} of {tuner.steps}")
    else:
        lineage: dict[str, object] = {"recipe": asdict(recipe), "commit": git_commit(), "base": base, "sigma": sigma}
        if args.start is not None:
            tuner.start_at(read_tuned(args.start, base, sigma)[0])
            lineage["start"] = sha256_of(args.start)
        (args.folder / "run.json").write_text(json.dumps(lineage, indent=1))
    del pair
    tuner.run(base, stop_after=args.stop_after)


if __name__ == "__main__":
    main()
