"""What a visitor may set: fields with their limits, defaults per preset, and messages that say what to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from visualizers.memory.models import MODELS
from visualizers.shared.formulas import GIB
from visualizers.shared.shapes import Layers, Shape, gqa_of

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
    "layers": Field("Layers", 1, 1000, "of this kind"),
    "window": Field("Window, tokens", 1, MAX_CONTEXT, "a layer keeps; empty: all", empty="all tokens"),
    "gqa": Field("GQA: K and V heads", 1, 1024, "what to compare with"),
}


def _kind(letter: str, which: str) -> dict[str, Field]:
    """The fields of layers of a further kind; what is empty is as in the first kind, but the window."""
    same = {"empty": "as above"}
    return {
        f"{letter}_layers": Field(f"Layers, {which} kind", 1, 1000, "empty: none", empty="none"),
        f"{letter}_window": Field(f"Window, {which} kind", 1, MAX_CONTEXT, "empty: all tokens", empty="all tokens"),
        f"{letter}_n_k": Field(f"K heads, {which} kind", 1, 1024, **same),
        f"{letter}_n_v": Field(f"V heads, {which} kind", 1, 1024, **same),
        f"{letter}_d_v": Field(f"Head dim, {which} kind", 2, 4096, **same),
        f"{letter}_d_k": Field(f"Key head dim, {which} kind", 2, 4096, **same),
    }


KINDS = {"b": _kind("b", "2nd"), "c": _kind("c", "3rd")}
USE = {
    "context": Field("Context, tokens", 1, MAX_CONTEXT, "up to 1M; 128k is 131,072"),
    "batch": Field("Sequences at once", 1, 100_000, "batch"),
    "top_k": Field("Selective V, k", 1, MAX_CONTEXT, "rows per query head; empty: all", empty="off"),
}
WEIGHTS = {
    "hidden": Field("Hidden size", 1, 1_000_000),
    "ffn": Field("FFN size", 1, 10_000_000),
    "vocabulary": Field("Vocabulary", 1, 10_000_000),
    "augmented": Field("Augmented Q width", 1, 1_000_000, "of the first kind's layers; empty: plain", empty="none"),
}
COUNTED = Field("Parameters, millions", 0, 100_000_000, "empty: counted from these sizes", empty="counted")
NUMBERS = {**ARCHITECTURE, **KINDS["b"], **KINDS["c"], **USE, **WEIGHTS}
CHOICES = {
    "preset": list(MODELS),
    "kv": list(KV_TYPES),
    "weights": list(WEIGHT_TYPES),
    "tied": ["yes", "no"],
}
MEMORY = Field("Memory of the device, GiB", 0, 1_000_000, "80 for an H100")
FIELDS = (*CHOICES, *NUMBERS, "counted", "memory")
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
    if preset not in MODELS:
        raise ValueError(f"unknown preset {preset!r}; there are {', '.join(MODELS)}")
    model = MODELS[preset]
    shape = model.shape
    numbers = {name: getattr(shape, name) for name in (*ARCHITECTURE, *WEIGHTS) if name != "gqa"}
    return {
        "preset": preset,
        "kv": "bf16",
        "weights": model.weights,
        "tied": "yes" if shape.tied else "no",
        **{name: str(value or "") for name, value in numbers.items()},
        **_kinds_text(shape),
        "gqa": str(model.gqa),
        "context": str(model.context),
        "batch": "1",
        "top_k": model.top_k,
        "counted": f"{Decimal(shape.counted) / 10**6:f}" if shape.counted else "",
        "memory": str(model.memory),
    }


def _kinds_text(shape: Shape) -> dict[str, str]:
    """The fields of the other kinds of layers; what is as in the first kind is left empty."""
    text = {name: "" for fields in KINDS.values() for name in fields}
    first = shape.kinds[0]
    for letter, kind in zip(KINDS, shape.others):
        text |= {f"{letter}_layers": str(kind.layers), f"{letter}_window": str(kind.window or "")}
        for name in ("n_k", "n_v", "d_v", "d_k"):
            if getattr(kind, name) != getattr(first, name):
                text[f"{letter}_{name}"] = str(getattr(kind, name))
    return text


def read_number(name: str, text: str) -> int | None:
    """One number of the form; None for an empty box that may be empty. Raises ValueError with what to change."""
    field = NUMBERS[name]
    bare = _grouped(text)
    if not bare and field.empty is not None:
        return None
    if not bare:
        raise ValueError(f"Enter a whole number from {field.least:,} to {field.most:,}.")
    match = re.fullmatch(r"([0-9]+)([kKmM]?)", bare)
    if match is None or (match[2] and name not in ("context", "top_k") and not name.endswith("window")):
        raise ValueError(f"Enter a whole number from {field.least:,} to {field.most:,}; “{text.strip()}” is not one.")
    value = int(match[1]) << {"": 0, "k": 10, "m": 20}[match[2].lower()]
    if not field.least <= value <= field.most:
        raise ValueError(f"Enter a number from {field.least:,} to {field.most:,}, not {value:,}.")
    return value


def _grouped(text: str) -> str:
    """The text without the commas or blanks that part its thousands; any other comma or blank stays, to be refused.

    Thousands never begin with a nought: 0,125 is an eighth.
    """
    text = " ".join(text.split())
    if re.fullmatch(r"[1-9][0-9]{0,2}((,[0-9]{3})+|( [0-9]{3})+)(\.[0-9]*)?[kKmM]?", text):
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


def read_counted(text: str) -> int | None:
    """Parameters given in millions, with decimals after a point or a comma; None for an empty box.

    Raises ValueError with what to change.
    """
    bare = _grouped(text)
    if not bare:
        return None
    if re.fullmatch("[0-9]*,[0-9]+", bare):
        bare = bare.replace(",", ".")
    value = Decimal(bare) * 10**6 if re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", bare) else Decimal(0)
    if not 1 <= value <= COUNTED.most * 10**6 or value != int(value):
        raise ValueError(
            "Enter millions of parameters above 0, such as 8030.261248 for 8,030,261,248, or leave it empty."
        )
    return int(value)


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
    text = {**defaults(given.get("preset", next(iter(MODELS)))), **given}
    numbers: dict[str, int | None] = {}
    special = {"counted": read_counted, "memory": read_memory}
    for name in [*NUMBERS, *special]:
        if name in errors:
            continue
        try:
            numbers[name] = special[name](text[name]) if name in special else read_number(name, text[name])
        except ValueError as error:
            errors[name] = str(error)
    errors = {**_misfits(numbers), **errors}
    if errors:
        return None, errors
    return _settings(text, numbers), {}


def _misfits(numbers: dict[str, int | None]) -> dict[str, str]:
    """Numbers that are fine alone and do not fit together."""
    errors = {}
    n_q = numbers.get("n_q")
    heads = [
        ("gqa", "heads"),
        *((f"{at}{name}", f"{name[2].upper()} heads") for at in _prefixes() for name in ("n_k", "n_v")),
    ]
    for name, what in heads:
        count = numbers.get(name)
        if n_q and count and n_q % count:
            divisors = ", ".join(str(n) for n in range(1, n_q + 1) if n_q % n == 0)
            errors[name] = f"{n_q} query heads cannot share {count} {what} evenly. Possible: {divisors}."
    for name in (f"{at}{width}" for at in _prefixes() for width in ("d_v", "d_k")):
        width = numbers.get(name)
        if width and width % 2:
            errors[name] = f"{width} is odd: rotary embedding turns pairs of dimensions. Enter an even number."
    for letter, fields in KINDS.items():
        layers = f"{letter}_layers"
        if layers in numbers and numbers[layers] is None and any(numbers.get(name) for name in fields):
            errors[layers] = "Enter how many layers are of this kind, or empty its other boxes."
    return errors


def _prefixes() -> list[str]:
    return ["", *(f"{letter}_" for letter in KINDS)]


def _settings(text: dict[str, str], numbers: dict[str, Any]) -> Settings:
    def kind(letter: str) -> Layers:
        values = {name: numbers[f"{letter}_{name}"] or numbers[name] for name in ("n_k", "n_v", "d_k", "d_v")}
        return Layers(numbers[f"{letter}_layers"], window=numbers[f"{letter}_window"], **values)

    names = (
        "layers",
        "n_q",
        "n_k",
        "n_v",
        "d_k",
        "d_v",
        "window",
        "hidden",
        "ffn",
        "vocabulary",
        "augmented",
        "counted",
    )
    shape = Shape(
        **{name: numbers[name] for name in names},
        tied=text["tied"] == "yes",
        others=tuple(kind(letter) for letter in KINDS if numbers[f"{letter}_layers"]),
    )
    return Settings(
        preset=text["preset"],
        shape=shape,
        gqa=gqa_of(shape, numbers["gqa"]),
        tokens=numbers["context"],
        batch=numbers["batch"],
        bits=KV_TYPES[text["kv"]],
        top_k=numbers["top_k"],
        memory=numbers["memory"],
        weight_bits=WEIGHT_TYPES[text["weights"]],
    )
