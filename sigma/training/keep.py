"""Give layers of a packed checkpoint their source's queries and keys back: more K heads there, and less lost.

    python -m sigma.training.keep assets/sigma-135m DEST --layers 8 15 17 18 --text held-out.jsonl...

Those layers then have the base's own tensors, which both sides share, so the file gets smaller; the cache grows by their
K heads. Nothing is trained. The result is measured on the held-out part of the texts, both sides untuned.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sigma.checkpoints.base import sha256_of
from sigma.checkpoints.files import json_object
from sigma.checkpoints.load import PACKED_FILE, Side, load_side, read_packed
from sigma.checkpoints.tuned import SIGMA, TUNED_FILE, read_tuned, write_tuned
from sigma.cli import parser_for, run, say
from sigma.conversion.convert import converted_config, kept_layers
from sigma.measure.quality import compare, mean_nll
from sigma.measure.selective import selective_cost
from sigma.model.configuration import SigmaConfig
from sigma.quantization import load_packed, save_packed
from sigma.training.corpus import pack, read
from sigma.training.publish import counted

WINDOW = 1024  # tokens of a window that the result is measured on


def keep(
    source: Path, dest: Path, layers: list[int], base: str | None = None, texts: Sequence[Path] = (), windows: int = 24
) -> dict[str, Any]:
    """Write the checkpoint `source` with these layers kept, besides those that it keeps, into the new folder `dest`.

    Tuned minima go along, without those of the queries and keys that are gone, and what the folder has besides. `windows`: of
    1,024 tokens, of each text. Returns {"key_heads", "kv_bytes_per_token", "figures"}. Raises CheckpointError for a source
    that cannot be read, ValueError for layers that do not exist or a `dest` that does.
    """
    if dest.exists():
        raise ValueError(f"{dest} exists; choose another folder")
    gqa = load_side(base, say)
    old = read_packed(source, gqa)
    kept = sorted({*layers, *kept_layers(old.config)})
    config = converted_config(gqa.config, min(old.config.key_heads), old.config.augmented_width, kept)
    own = tuple(f"model.layers.{i}." for i in kept)
    dest.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=dest.parent, prefix=f".{dest.name}-") as aside:
        part = Path(aside) / "checkpoint"
        part.mkdir()
        manifest = _write(source, part, config, own)
        if texts:
            manifest["figures"] = measured(gqa, read_packed(part, gqa), texts, windows)
            _write_json(part / "manifest.json", manifest)
        part.rename(dest)
    sizes = {"key_heads": config.key_heads, "kv_bytes_per_token": sum(config.kv_bytes(1))}
    return {**sizes, "figures": manifest["figures"]}


def _write(source: Path, dest: Path, config: SigmaConfig, own: tuple[str, ...]) -> dict[str, Any]:
    """All files, without the tensors whose names begin with one of `own`; the manifest, without figures."""
    packed, metadata = load_packed(source / PACKED_FILE)
    manifest = json_object(source / "manifest.json") | {"figures": {}}
    base = manifest["base"]["sha256"]
    save_packed(dest / PACKED_FILE, {n: tensor for n, tensor in packed.items() if not n.startswith(own)}, metadata)
    if (source / TUNED_FILE).exists():
        changes, name = read_tuned(source / TUNED_FILE, base, sha256_of(source / PACKED_FILE))
        gone = tuple(SIGMA + prefix for prefix in own)
        changes = {matrix: change for matrix, change in changes.items() if not matrix.startswith(gone)}
        write_tuned(dest / TUNED_FILE, changes, base, name, sha256_of(dest / PACKED_FILE))
        if manifest.get("tuned"):
            manifest["tuned"] |= {"sha256": sha256_of(dest / TUNED_FILE), "numbers": counted(changes)}
    settings = {**config.to_diff_dict(), "architectures": ["SigmaForCausalLM"]}
    settings.pop("_name_or_path", None)
    _write_json(dest / "config.json", dict(sorted(settings.items())))
    _write_json(dest / "manifest.json", manifest)
    for also in (*source.glob("*.md"), *source.glob("*.svg"), source / "aimicius.json"):
        if also.exists():
            shutil.copy(also, dest)
    return manifest


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def measured(gqa: Side, sigma: Side, texts: Sequence[Path], windows: int) -> dict[str, dict]:
    """As `sigma.training.pack.figures_of`, of weights that are packed already: by the name of the text."""
    teacher, student, found = gqa.dense(), sigma.dense(), {}
    for path in texts:
        held = pack(read(path, "held-out"), gqa.tokenizer, WINDOW, windows)
        few = held[:6]
        cost = selective_cost(student, few, [100, 256], mean_nll(student, few), say)
        found[path.stem] = {**compare(teacher, student, held, say), "tokens": held.numel(), "selective": cost}
    return found


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("source", type=Path, help="packed checkpoint")
    parser.add_argument("dest", type=Path, help="folder to write, which must not exist")
    parser.add_argument("--layers", type=int, nargs="+", required=True, help="layers that get their source's back")
    parser.add_argument("--base", help="its GQA source (default: the default base)")
    parser.add_argument("--text", type=Path, nargs="+", default=[], help="texts to measure on (their held-out part)")
    parser.add_argument("--windows", type=int, default=24, help="windows of 1,024 tokens of each")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        found = keep(args.source, args.dest, args.layers, args.base, args.text, args.windows)
        if not args.json:
            print(
                f"{args.dest}: K heads {found['key_heads']}, {found['kv_bytes_per_token']:,} bytes of K and V a token"
            )
        return found

    run(work, args.json)


if __name__ == "__main__":
    main()
