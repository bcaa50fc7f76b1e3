"""Put a tuning run's minima into a packed checkpoint, and what they were made by into its manifest.

python -m sigma.training.publish RUN_FOLDER assets/sigma-135m
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from torch import Tensor

from sigma.checkpoints.base import CheckpointError, sha256_of
from sigma.checkpoints.files import json_object
from sigma.checkpoints.load import PACKED_FILE
from sigma.checkpoints.tuned import TUNED_FILE, parted, read_tuned
from sigma.cli import parser_for, run
from sigma.measure.text import json_lines

ENDS = 20  # steps whose mean loss the manifest gives, at a run's beginning and at its end


def mean_losses(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Mean loss per learned token by what was learned through whose attention ("lessons sigma")."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, loss in row["loss"].items():
            found.setdefault(name, []).append(loss)
    return {name: round(sum(losses) / len(losses), 4) for name, losses in sorted(found.items())}


def counted(changes: dict[str, Tensor]) -> dict[str, int]:
    """How many minima changed: of matrices that both sides share, and of each side's own queries and keys."""
    of_gqa, of_sigma, both = parted(changes)
    size = {name: change.numel() for name, change in of_gqa.items()}
    shared = sum(size[name] for name in both)
    return {
        "shared": shared,
        "gqa": sum(size.values()) - shared,
        "sigma": sum(change.numel() for change in of_sigma.values()),
    }


def publish(run_folder: Path, dest: Path) -> dict[str, Any]:
    """Copy the minima, each file whole or not at all; returns the manifest's new entry.

    Raises CheckpointError if the run has no usable minima or they were made for another base or Sigma than the checkpoint's.
    """
    manifest = json_object(dest / "manifest.json")
    if not (dest / PACKED_FILE).is_file():
        raise CheckpointError(f"{dest} is no packed checkpoint: it has no {PACKED_FILE}.")
    source = run_folder / TUNED_FILE
    changes, name = read_tuned(source, manifest["base"]["sha256"], sha256_of(dest / PACKED_FILE))
    record = run_folder / "record.jsonl"
    rows = [row for _, row in json_lines(record.read_text("utf-8"), record.name)]
    if not rows:
        raise CheckpointError(f"{record} holds no step")
    lineage = json_object(run_folder / "run.json")
    entry = {
        "name": name,
        "sha256": sha256_of(source),
        "numbers": counted(changes),
        "recipe": lineage["recipe"],
        "commit": lineage["commit"],
        "steps": rows[-1]["step"],
        "planned_steps": rows[-1]["steps"],
        "tokens": rows[-1]["tokens"],
        "loss_first": mean_losses(rows[:ENDS]),
        "loss_last": mean_losses(rows[-ENDS:]),
    }
    if "start" in lineage:
        before = manifest.get("tuned") or {}
        entry["start"] = before if before.get("sha256") == lineage["start"] else {"sha256": lineage["start"]}
    part = dest / f"{TUNED_FILE}.part"
    shutil.copyfile(source, part)
    part.replace(dest / TUNED_FILE)
    part = dest / "manifest.part"
    part.write_text(json.dumps({**manifest, "tuned": entry}, indent=1) + "\n", encoding="utf-8")
    part.replace(dest / "manifest.json")
    return entry


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("run", type=Path, help="run folder of sigma.training.tune")
    parser.add_argument("dest", type=Path, help="packed checkpoint that gets the minima")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        entry = publish(args.run, args.dest)
        if not args.json:
            print(f"{args.dest / TUNED_FILE}: {entry['name']}, {entry['tokens']:,} tokens")
        return entry

    run(work, args.json)


if __name__ == "__main__":
    main()
