"""Files cut into pieces and dealt to folders that each fit a transfer, and put together again, every byte checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

INDEX = "pieces.json"
_MOST = 12 * 2**20  # bytes of a piece


def cut(files: dict[str, bytes], folder: Path, call_bytes: int) -> list[int]:
    """Write files {name: bytes} as pieces into `folder/call-1`, `call-2` ..., none over `call_bytes`; returns their sizes.

    Each call's folder holds the index of all. Raises ValueError if a call is too small for a piece and the index, or the
    folder holds calls already.
    """
    if any(folder.glob("call-*")):
        raise ValueError(f"{folder} holds calls already: use a new folder")
    pieces = [
        (f"{number:02d}-{place // _MOST:03d}", name, raw[place : place + _MOST])
        for number, (name, raw) in enumerate(files.items())
        for place in range(0, max(1, len(raw)), _MOST)
    ]
    index = {
        name: {
            "sha256": hashlib.sha256(raw).hexdigest(),
            "pieces": [piece for piece, owner, _ in pieces if owner == name],
        }
        for name, raw in files.items()
    }
    told = json.dumps(index, indent=1).encode()
    largest = max(len(raw) for _, _, raw in pieces)
    if largest + len(told) > call_bytes:
        raise ValueError(f"a call of {call_bytes:,} bytes does not hold a piece of {largest:,}")
    sizes: list[int] = []
    # Largest first into the first call with room: few calls, because each costs a transfer's waiting.
    for piece, _, raw in sorted(pieces, key=lambda one: -len(one[2])):
        call = next((i for i, size in enumerate(sizes) if size + len(raw) <= call_bytes), len(sizes))
        here = folder / f"call-{call + 1}"
        if call == len(sizes):
            here.mkdir(parents=True)
            (here / INDEX).write_bytes(told)
            sizes.append(len(told))
        (here / piece).write_bytes(raw)
        sizes[call] += len(raw)
    return sizes


def joined(folder: Path) -> dict[str, bytes]:
    """The files of all calls' folders under `folder`. Raises ValueError, naming it, for a piece that is missing or damaged."""
    found = next(iter(sorted(folder.rglob(INDEX))), None)
    if found is None:
        raise ValueError(f"{folder} holds no {INDEX}: not one call's folder is here")
    index = json.loads(found.read_text("utf-8"))
    where = {path.name: path for path in folder.rglob("??-???")}
    if missing := sorted(piece for row in index.values() for piece in row["pieces"] if piece not in where):
        raise ValueError(f"{folder} lacks {len(missing)} pieces ({', '.join(missing[:4])}): carry every call's folder")
    files = {}
    for name, row in index.items():
        files[name] = b"".join(where[piece].read_bytes() for piece in row["pieces"])
        if hashlib.sha256(files[name]).hexdigest() != row["sha256"]:
            raise ValueError(f"{name} is not what was sent: its SHA-256 differs")
    return files
