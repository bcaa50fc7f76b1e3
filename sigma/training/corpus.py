"""Text to calibrate, heal and evaluate on, from documentation that package managers install.

    python -m sigma.training.corpus OUT.txt --docs /usr/share/doc/linux-doc-6.1 ... [--limit-mb 40]

Documents are cleaned, deduplicated, shuffled by a seed and written as JSON lines {"text", "source", "split"}; a
document's hash decides its split, so a held-out document never enters training. Text stays out of the repository.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import html
import json
import random
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from sigma.cli import parser_for, run
from sigma.measure.text import json_lines

HELD_OUT_PER_MILLE = 20
_SUFFIXES = (".txt", ".rst", ".md", ".html", ".htm", ".pod")
_DROP = re.compile(r"(?is)<(script|style|nav|head)\b.*?</\1>|<!--.*?-->")
_BLOCK = re.compile(r"(?i)</?(p|div|br|li|ul|ol|tr|h\d|pre|table|dt|dd|section)[^>]*>")
_TAG = re.compile(r"<[^>]+>")


def clean(text: str, is_html: bool) -> str:
    """Plain text: tags out, entities decoded, control characters and runs of blank lines removed."""
    if is_html:
        text = html.unescape(_TAG.sub("", _BLOCK.sub("\n", _DROP.sub("", text))))
    text = re.sub(r"[^\S\n]+\n", "\n", text.replace("\r\n", "\n").replace("\t", "    "))
    text = "".join(c for c in text if c == "\n" or c.isprintable())
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def split_of(text: str) -> str:
    """ "held-out" or "train", decided by the document's own hash."""
    digest = hashlib.sha256(text.encode()).digest()
    return "held-out" if int.from_bytes(digest[:4], "big") % 1000 < HELD_OUT_PER_MILLE else "train"


def documents(folders: Iterable[Path]) -> Iterator[dict[str, str]]:
    """Every readable document of at least 500 characters under the folders, each text once."""
    seen = set()
    for folder in folders:
        for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
            stem = path.name.removesuffix(".gz")
            if not stem.endswith(_SUFFIXES):
                continue
            try:
                raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            except (OSError, EOFError, zlib.error):  # one unreadable or damaged file of thousands
                continue
            text = clean(raw.decode("utf-8", errors="ignore"), stem.endswith((".html", ".htm")))
            key = hashlib.sha256(re.sub(r"\W+", "", text)[:2000].encode()).digest()
            if len(text) >= 500 and key not in seen:
                seen.add(key)
                yield {"text": text, "source": Path(folder).name, "split": split_of(text)}


def read(path: str | Path, split: str | None = None) -> list[str]:
    """Texts of a corpus file (JSON lines as written here, or any plain text file as one document)."""
    path = Path(path)
    try:
        raw = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a readable text file: {error}") from error
    if path.suffix != ".jsonl":
        return [raw]
    texts = []
    for where, row in json_lines(raw, str(path)):
        text = row.get("text") if isinstance(row, dict) else None
        if not isinstance(text, str):
            raise ValueError(f'{where}: expected an object with a "text"')
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise ValueError(f"{where}: the text holds half of a surrogate pair, which is no character")
        if split is None or row.get("split", split) == split:
            texts.append(text)
    return texts


def chat_markers(tokenizer) -> tuple[str, ...]:
    """The control tokens with which a chat may begin, read from what the tokenizer's own template writes.

    Without a template there are no chats: every text is a document. Some templates refuse a system message, all know a
    user's.
    """
    if tokenizer.chat_template is None:
        return ()
    turns = [
        {"role": "system", "content": "x"},
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "x"},
    ]
    starts = set()
    for messages in (turns, turns[1:]):
        try:
            rendered = tokenizer.apply_chat_template(messages, tokenize=False)
        except Exception:  # a template is a program of the model's makers
            continue
        starts |= {token for token in tokenizer.all_special_tokens if rendered.lstrip().startswith(token)}
    return tuple(starts)


def pack(texts: Iterable[str], tokenizer, length: int, limit: int | None = None) -> Tensor:
    """Token windows int64 [n, length]: documents joined by the end token, the last window dropped if short."""
    end = tokenizer.eos_token_id
    if end is None:
        raise ValueError("the tokenizer has no end token to put between documents")
    ids: list[int] = []
    markers = chat_markers(tokenizer)
    for text in texts:
        # a chat begins with a control token; what looks like one inside a document is text
        is_chat = text.lstrip().startswith(markers)
        ids += tokenizer(text, add_special_tokens=False, split_special_tokens=not is_chat).input_ids + [end]
        if limit is not None and len(ids) >= limit * length:
            break
    count = len(ids) // length if limit is None else min(limit, len(ids) // length)
    if count == 0:
        raise ValueError(f"the text has {len(ids)} tokens, one window needs {length}")
    return torch.tensor(ids[: count * length]).view(count, length)


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("out", type=Path, help="JSON lines file to write")
    parser.add_argument("--docs", nargs="+", type=Path, required=True, help="folders of documentation")
    parser.add_argument("--limit-mb", type=float, default=40.0, help="stop after this much text per folder")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    run(lambda: write(args), False)


def write(args: argparse.Namespace) -> None:
    """What the command does. Raises ValueError or OSError for folders that hold no text and files that cannot be written."""
    rows = []
    for folder in args.docs:
        size = 0
        found = list(documents([folder]))
        random.Random(args.seed).shuffle(found)
        for row in found:
            size += len(row["text"])
            rows.append(row)
            if size > args.limit_mb * 2**20:
                break
    if not rows:
        raise ValueError(f"no documents under {', '.join(map(str, args.docs))}")
    random.Random(args.seed).shuffle(rows)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    part = args.out.with_suffix(".part")
    part.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    part.replace(args.out)
    held = sum(row["split"] == "held-out" for row in rows)
    print(f"{len(rows)} documents, {held} held out, {sum(len(r['text']) for r in rows) / 2**20:.1f} MiB -> {args.out}")


if __name__ == "__main__":
    main()
