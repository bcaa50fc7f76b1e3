"""What a visitor may set: fields with their limits, defaults per preset, and messages that say what to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from visualizers.shared.formulas import GIB
from visualizers.shared.shapes import PAIRS, Shape, gqa_of, preset_shape

MAX_CONTEXT = 1 << 20
KV_TYPES = {"fp32": 32, "bf16": 16, "fp8": 8, "int4": 4}
KV_LABELS = {"fp32": "fp32", "bf16": "bf16 or fp16", "fp8": "fp8 or int8", "int4": "int4"}
WEIGHT_TYPES = {"none": 0, **KV_TYPES}
WEIGHT_LABELS = {"none": "do not subtract", **KV_LABELS}


@dataclass(frozen=True, slots=True)
class Field:
    """One number: its label, hint and range. `empty` is what an empty box means, or None when it must be filled."""

    label: str
    least: int
    most: int
    hint: str = ""
    empty: str | None = None


ARCHITECTURE = {
    "n_q": Field("Query heads", 1, 1024),
    "n_k": Field("K heads", 1, 1024, "divides the query heads"),
    "n_v": Field("V heads", 1, 1024, "divides the query heads"),
    "d_v": Field("Head dim", 2, 4096, "of a V head, even"),
    "d_k": Field("Key head dim", 2, 4096, "half is “half K dim”"),
    "layers": Field("Layers", 1, 1000),
    "gqa": Field("GQA: K and V heads", 1, 1024, "what to compare with"),
}
USE = {
    "context": Field("Context, tokens", 1, MAX_CONTEXT, "up to 1M; 128k is 131,072"),
    "batch": Field("Sequences at once", 1, 100_000, "batch"),
    "top_k": Field("Selective V, k", 1, MAX_CONTEXT, "rows per query head; empty: all", empty="off"),
}
WEIGHTS = {
    "hidden": Field("Hidden size", 1, 1_000_000),
    "ffn": Field("FFN size", 1, 10_000_000),
    "vocabulary": Field("Vocabulary", 1, 10_000_000),
    "augmented": Field("Augmented Q width", 1, 1_000_000, "empty: plain query", empty="none"),
}
NUMBERS = {**ARCHITECTURE, **USE, **WEIGHTS}
CHOICES = {
    "preset": list(PAIRS),
    "kv": list(KV_TYPES),
    "weights": list(WEIGHT_TYPES),
    "tied": ["yes", "no"],
}
MEMORY = Field("Memory of the device, GiB", 0, 1_000_000, "80 for an H100")
FIELDS = (*CHOICES, *NUMBERS, "memory")
LONGEST = 24  # characters of a field


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings that passed every check."""

    preset: str
    shape: Shape
    gqa: Shape
    tokens: int
    batch: int
    bits: int
    top_k: int | None
    memory: int
    weight_bits: int


def defaults(preset: str) -> dict[str, str]:
    """The fields of a preset as text, as the form shows them. Raises ValueError for an unknown preset."""
    shape, small = preset_shape(preset), preset == "sigma-135m"
    baseline = preset_shape(PAIRS[preset][1])
    return {
        "preset": preset,
        "kv": "bf16",
        "weights": "bf16",
        "tied": "yes" if shape.tied else "no",
        **{name: str(getattr(shape, name)) for name in ("n_q", "n_k", "n_v", "d_v", "d_k", "layers")},
        "gqa": str(baseline.n_k),
        "context": "8192" if small else "131072",
        "batch": "1",
        "top_k": "100",  # the paper's k (App. B.2)
        "hidden": str(shape.hidden),
        "ffn": str(shape.ffn),
        "vocabulary": str(shape.vocabulary),
        "augmented": str(shape.augmented or ""),
        "memory": "16" if small else "80",
    }


def read_number(name: str, text: str) -> int | None:
    """One number of the form; None for an empty box that may be empty. Raises ValueError with what to change."""
    field = NUMBERS[name]
    bare = _grouped(text)
    if not bare and field.empty is not None:
        return None
    if not bare:
        raise ValueError(f"Enter a whole number from {field.least:,} to {field.most:,}.")
    match = re.fullmatch(r"([0-9]+)([kKmM]?)", bare)
    if match is None or (match[2] and name not in ("context", "top_k")):
        raise ValueError(f"Enter a whole number from {field.least:,} to {field.most:,}; “{text.strip()}” is not one.")
    value = int(match[1]) << {"": 0, "k": 10, "m": 20}[match[2].lower()]
    if not field.least <= value <= field.most:
        raise ValueError(f"Enter a number from {field.least:,} to {field.most:,}, not {value:,}.")
    return value


def _grouped(text: str) -> str:
    """The text without the commas or blanks that part its thousands; any other comma or blank stays, to be refused."""
    text = " ".join(text.split())
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?[kKmM]?|[0-9]{1,3}( [0-9]{3})+(\.[0-9]*)?[kKmM]?", text):
        return re.sub("[, ]", "", text)
    return re.sub(" (?=[kKmM]$)", "", text)  # 128 k


def read_memory(text: str) -> int:
    """Bytes of a device given in GiB, with decimals after a point or a comma: 23,5 is 23.5, and 1,000 a thousand.

    Raises ValueError with what to change.
    """
    bare = _grouped(text)
    if re.fullmatch("[0-9]*,[0-9]+", bare):
        bare = bare.replace(",", ".")
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", bare) or not 0 < float(bare) <= MEMORY.most:
        raise ValueError(f"Enter a number of GiB above 0 and up to {MEMORY.most:,}, such as 80.")
    return round(float(bare) * GIB)


def read(raw: Any) -> tuple[Settings | None, dict[str, str]]:
    """The form as the browser sends it, {field: text}: (settings, {}) or (None, {field: message}).

    Fields that are missing have the preset's value. Nothing that arrives here is trusted: anything but short text in a
    known field is a message, never an exception.
    """
    if not isinstance(raw, dict):
        return None, {"form": "The settings could not be read."}
    given = {name: raw[name] for name in FIELDS if name in raw}
    errors = {name: "Enter a shorter value." for name, v in given.items() if not isinstance(v, str) or len(v) > LONGEST}
    errors |= {
        name: f"Choose one of: {', '.join(CHOICES[name])}."
        for name, value in given.items()
        if name in CHOICES and (name in errors or value not in CHOICES[name])
    }
    if "preset" in errors:
        return None, errors
    text = {**defaults(given.get("preset", next(iter(PAIRS)))), **given}
    numbers: dict[str, int | None] = {}
    memory = 0
    for name in [*NUMBERS, "memory"]:
        if name in errors:
            continue
        try:
            if name == "memory":
                memory = read_memory(text[name])
            else:
                numbers[name] = read_number(name, text[name])
        except ValueError as error:
            errors[name] = str(error)
    errors = {**_misfits(numbers), **errors}
    if errors:
        return None, errors
    return _settings(text, numbers, memory), {}


def _misfits(numbers: dict[str, int | None]) -> dict[str, str]:
    """Numbers that are fine alone and do not fit together."""
    errors = {}
    n_q, d_v, d_k = numbers.get("n_q"), numbers.get("d_v"), numbers.get("d_k")
    for name, what in (("n_k", "K heads"), ("n_v", "V heads"), ("gqa", "heads")):
        heads = numbers.get(name)
        if n_q and heads and n_q % heads:
            divisors = ", ".join(str(n) for n in range(1, n_q + 1) if n_q % n == 0)
            errors[name] = f"{n_q} query heads cannot share {heads} {what} evenly. Possible: {divisors}."
    for name, width in (("d_v", d_v), ("d_k", d_k)):
        if width and width % 2:
            errors[name] = f"{width} is odd: rotary embedding turns pairs of dimensions. Enter an even number."
    return errors


def _settings(text: dict[str, str], numbers: dict[str, Any], memory: int) -> Settings:
    names = ("layers", "n_q", "n_k", "n_v", "d_k", "d_v", "hidden", "ffn", "vocabulary", "augmented")
    shape = Shape(**{name: numbers[name] for name in names}, tied=text["tied"] == "yes")
    return Settings(
        preset=text["preset"],
        shape=shape,
        gqa=gqa_of(shape, numbers["gqa"]),
        tokens=numbers["context"],
        batch=numbers["batch"],
        bits=KV_TYPES[text["kv"]],
        top_k=numbers["top_k"],
        memory=memory,
        weight_bits=WEIGHT_TYPES[text["weights"]],
    )
