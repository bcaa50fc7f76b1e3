"""The second corpus recipe: public data sets, streamed from the Hub by machines that reach it.

    pip install datasets
    python -m sigma.training.hub OUT.jsonl [--set HuggingFaceFW/fineweb-edu:sample-10BT:0.5 ...] [--megabytes 400]

A set is `name[:configuration[:share]]`: a Hub id, or a folder of Parquet or JSON-lines files. Its rows need a `text`
column, or chats in `messages` ({"role", "content"}), which are written with the base's own chat template. Documents
are cleaned, deduplicated, shuffled and split as in `sigma.training.corpus`; the printed SHA-256 names the result.
Licences of the default sets: fineweb-edu ODC-By 1.0, smol-smoltalk Apache-2.0. Text stays out of the repository.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from sigma.checkpoints.load import load_side
from sigma.cli import parser_for, run, say
from sigma.training.corpus import clean, split_of

# Web pages chosen for what they teach, and the chats that the base was tuned on: half each, as in use.
DEFAULT_SETS = ("HuggingFaceFW/fineweb-edu:sample-10BT:0.5", "HuggingFaceTB/smol-smoltalk::0.5")
SHORTEST = 200  # characters of a document worth a window
SHUFFLE_ROWS = 10_000  # rows that a stream's shuffle holds


@dataclass(frozen=True, slots=True)
class Set:
    """One data set: Hub id or folder, configuration (None: the only one), share of the corpus in characters."""

    name: str
    configuration: str | None
    share: float


def parse_set(text: str) -> Set:
    """`name[:configuration[:share]]`. Raises argparse.ArgumentTypeError."""
    name, _, rest = text.partition(":")
    configuration, _, share = rest.partition(":")
    try:
        value = float(share) if share else 1.0
    except ValueError:
        value = -1.0
    if not name or not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not name[:configuration[:share]] with a positive share")
    return Set(name, configuration or None, value)


def rows(source: Set, seed: int) -> Iterator[dict]:
    """The rows of a set's train split, streamed in an order fixed by the seed.

    Raises ValueError if the `datasets` library is missing, or the set cannot be reached.
    """
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise ValueError("this recipe needs the datasets library: pip install datasets") from error
    try:
        stream = load_dataset(source.name, source.configuration, split="train", streaming=True)
        yield from stream.shuffle(seed=seed, buffer_size=SHUFFLE_ROWS)
    except (OSError, ValueError) as error:  # not found, no network, no such configuration
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"the data set {source.name} cannot be read: {first}") from error


def document(row: dict, tokenizer) -> str | None:
    """The text of one row, or None if it holds too little. Raises ValueError for a row of another form."""
    if isinstance(row.get("messages"), list):
        return tokenizer.apply_chat_template(row["messages"], tokenize=False) if len(row["messages"]) > 1 else None
    if isinstance(row.get("text"), str):
        text = clean(row["text"], is_html=False)
        return text if len(text) >= SHORTEST else None
    raise ValueError(f"a row has neither a text nor messages, only {sorted(row)}")


def collect(sets: list[Set], characters: int, tokenizer, seed: int, out: Path, progress=None) -> dict:
    """Write about `characters` characters of the sets, in their shares; returns {documents, held_out, characters, sha256}.

    The file appears whole or not at all. Raises ValueError.
    """
    total = sum(source.share for source in sets)
    seen: set[bytes] = set()
    digest = hashlib.sha256()
    count = held = size = 0
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".corpus-") as aside:
        part = Path(aside) / out.name
        with part.open("w", encoding="utf-8") as file:
            for source in sets:
                stop = size + characters * source.share / total
                for row in rows(source, seed):
                    text = document(row, tokenizer)
                    key = hashlib.sha256((text or "").encode()).digest()[:12]
                    if text is None or key in seen:
                        continue
                    seen.add(key)
                    split = split_of(text)
                    line = json.dumps({"text": text, "source": source.name, "split": split}, ensure_ascii=False)
                    file.write(line + "\n")
                    digest.update(line.encode())
                    count, held, size = count + 1, held + (split == "held-out"), size + len(text)
                    if progress is not None:
                        progress(len(text))
                    if size >= stop:
                        break
        if not count:
            raise ValueError("the sets hold no document")
        part.replace(out)
    return {"documents": count, "held_out": held, "characters": size, "sha256": digest.hexdigest()}


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("out", type=Path, help="JSON lines file to write")
    parser.add_argument("--set", type=parse_set, nargs="+", dest="sets", default=[parse_set(s) for s in DEFAULT_SETS])
    parser.add_argument("--megabytes", type=float, default=400.0, help="about this much text (100M tokens: 400)")
    parser.add_argument("--base", help="model whose chat template renders chats; the default base otherwise")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        if not args.megabytes > 0:
            raise ValueError(f"--megabytes must be positive, got {args.megabytes}")
        tokenizer = load_side(args.base, say).tokenizer
        characters = int(args.megabytes * 1e6)
        with tqdm(total=characters, unit="B", unit_scale=True, disable=None) as bar:
            result = collect(args.sets, characters, tokenizer, args.seed, args.out, bar.update)
        if not args.json:
            print(
                f"{result['documents']} documents, {result['held_out']} held out, {result['characters'] / 1e6:.1f} MB "
                f"-> {args.out}, sha256 {result['sha256']}"
            )
        return result

    run(work, args.json)


if __name__ == "__main__":
    main()
