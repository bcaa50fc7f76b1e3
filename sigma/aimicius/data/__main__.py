"""Write the case files of the tasks, and verify them against the hashes that the repository fixes.

python -m sigma.aimicius.data --task all [--split test] [--out FOLDER] [--update-hashes] [--json]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tqdm import tqdm

from sigma.aimicius import NAMES, load_task
from sigma.aimicius.contract import SPLITS
from sigma.aimicius.data import HASHES, build, default_folder, fixed_hashes, path_of
from sigma.cli import parser_for, run, table


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("--task", default="all", choices=(*NAMES, "all"))
    parser.add_argument("--split", default="all", choices=(*SPLITS, "all"))
    parser.add_argument("--out", type=Path, help="folder (default: aimicius/ in the cache, where evaluate looks)")
    parser.add_argument("--update-hashes", action="store_true", help="fix the hashes of what is written from now on")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    args = parser.parse_args(argv)

    def work() -> dict:
        folder = args.out or default_folder()
        fixed, rows = fixed_hashes(), []
        for name in NAMES if args.task == "all" else (args.task,):
            task = load_task(name)
            for split in SPLITS if args.split == "all" else (args.split,):
                expected = None if args.update_hashes else fixed.get(name, {}).get(split)
                with tqdm(unit="case", desc=f"{name} {split}", disable=None, leave=False) as bar:
                    made = build(task, split, folder, lambda _, done, bar=bar: bar.update(done - bar.n), expected)
                if args.update_hashes:
                    fixed.setdefault(name, {})[split] = made
                    HASHES.write_text(json.dumps(fixed, indent=1, sort_keys=True) + "\n", encoding="utf-8")
                state = "fixed now" if args.update_hashes else "as fixed" if expected else "not fixed yet"
                rows.append(
                    {"task": name, "split": split, "path": str(path_of(folder, name, split)), **made, "hash": state}
                )
        if not args.json:
            shown = [(r["task"], r["split"], r["cases"], f"{r['bytes']:,}", r["sha256"][:12], r["hash"]) for r in rows]
            print(table(shown, ("task", "split", "cases", "bytes", "sha256", "hash")))
            print(f"in {folder}", file=sys.stderr)
        return {"folder": str(folder), "files": rows}

    run(work, args.json)


if __name__ == "__main__":
    main()
