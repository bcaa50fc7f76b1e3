"""What may be asked of a run: the two shapes, the lengths, and how long it may take. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field

from kernels.cost import Heads
from sigma.engine.fields import FieldError, Fields, Whole
from sigma.model.presets import PRESETS

LONGEST = 1 << 20
MOST_PREFIXES = 12
MOST_SECONDS = 600

SIZES = {"1.5b": ("Sigma-1.5B", "sigma-1.5b", "std-1.5b"), "10b": ("Sigma-10B", "sigma-10b", "std-10b")}
"""A size by its name here: what it is called, and its two presets (`sigma.model.presets`; paper, Table 14)."""

LABELS = {
    "preset": "Size",
    "n_q": "Query heads",
    "std_k": "STD: K heads",
    "std_v": "STD: V heads",
    "sigma_k": "Sigma: K heads",
    "sigma_v": "Sigma: V heads",
    "head_dim": "Head dim",
    "key_dim": "Sigma: key head dim",
    "augmented": "Augmented Q width",
    "layers": "Layers",
    "prefixes": "Prefix lengths",
    "output": "Output tokens",
    "batch": "Sequences",
    "dtype": "Number type",
    "top_k": "Selective V, k",
    "seconds": "Time budget, seconds",
}
"""What a person is shown for each field."""


def whole(text: Any) -> Any:
    """A whole number written by a person: "2,048", "32k" and "1M" too; what is none comes back as it is."""
    if not isinstance(text, str):
        return text
    found = re.fullmatch(r"([0-9]{1,15}|[1-9][0-9]{0,2}(?:,[0-9]{3})+)\s*([kKmM]?)", text.strip(), re.ASCII)
    return int(found[1].replace(",", "")) << {"": 0, "k": 10, "m": 20}[found[2].lower()] if found else text


def _lengths(value: Any) -> tuple[int, ...]:
    """Prefix lengths from a list, or from a text such as "2k 4k 8k"; sorted, each once."""
    if isinstance(value, str):
        value = re.split(r"\s*;\s*|,\s+|\s+", value.strip().rstrip(",;"))
    elif not isinstance(value, (list, tuple)):
        value = [value]
    numbers = [whole(one) for one in value]
    for one, given in zip(numbers, value):
        if isinstance(one, float) and one.is_integer():
            continue
        if isinstance(one, bool) or not isinstance(one, int):
            raise ValueError(f"Prefix lengths are whole numbers such as 2048 or 32k; {str(given)[:20]!r} is not one.")
    wrong = [one for one in numbers if not 0 <= one <= LONGEST]
    if wrong or not 1 <= len(numbers) <= MOST_PREFIXES:
        given = f"{wrong[0]:.0f}" if wrong else f"{len(numbers)} of them"
        raise ValueError(f"Prefix lengths are 1 to {MOST_PREFIXES} numbers from 0 to {LONGEST:,}, not {given}.")
    return tuple(sorted({int(one) for one in numbers}))


Heads256 = Annotated[Whole, Field(ge=1, le=256)]
Dim = Annotated[Whole, Field(ge=2, le=256)]


class Settings(Fields):
    """One run. `Settings.asked` reads it; what is not given is the preset's.

    augmented: width of the augmented query, 0 for none (Sigma has it, STD never). key_dim: width of Sigma's K heads,
    head_dim / 2 being "half K dim"; STD's are as wide as the wider of both. layers: only multiplies. prefixes: tokens
    that are cached when the output begins; output: tokens of it. top_k: Sigma with selective V is timed too, 0 for not.
    seconds: the run ends after that, with what it has.
    """

    preset: Literal["1.5b", "10b"] = "1.5b"
    n_q: Heads256
    std_k: Heads256
    std_v: Heads256
    sigma_k: Heads256
    sigma_v: Heads256
    head_dim: Dim
    key_dim: Dim
    augmented: Whole = Field(ge=0, le=65_536)
    layers: Whole = Field(ge=1, le=1000)
    prefixes: Annotated[tuple[int, ...], BeforeValidator(_lengths)] = (2048, 4096, 8192, 16_384, 32_768)
    output: Whole = Field(10, ge=1, le=65_536)
    batch: Whole = Field(1, ge=1, le=256)
    dtype: Literal["bf16", "fp16", "fp32"] = "bf16"
    top_k: Whole = Field(100, ge=0, le=LONGEST)
    seconds: Whole = Field(60, ge=1, le=MOST_SECONDS)

    @classmethod
    def asked(cls, given: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Self:
        """Settings from what is given, texts too. FieldError, a PromptError, with a sentence that names the field.

        names: what the asker calls a field; by default as it is called here.
        """
        values = {name: value if name in ("prefixes", "dtype") else whole(value) for name, value in given.items()}
        preset = values.get("preset")
        size = of_size(preset if isinstance(preset, str) and preset in SIZES else "1.5b")
        found = cls.read(size | {n: v for n, v in values.items() if v not in (None, "")}, names)
        found._check(names or {})
        return found

    def _check(self, names: Mapping[str, str]) -> None:
        for name in ("std_k", "std_v", "sigma_k", "sigma_v"):
            heads = getattr(self, name)
            if self.n_q % heads:
                possible = ", ".join(str(n) for n in range(1, self.n_q + 1) if self.n_q % n == 0)
                shown = names.get(name, name)
                raise FieldError(
                    f"{shown}: {self.n_q} query heads cannot share {heads} heads evenly; possible are {possible}.", name
                )
        for name in ("head_dim", "key_dim"):
            if getattr(self, name) % 2:
                raise FieldError(f"{names.get(name, name)} must be even, not {getattr(self, name)}.", name)
        if self.prefixes[-1] + self.output > LONGEST:
            raise FieldError(
                f"Prefix and output together are at most {LONGEST:,} tokens, not {self.prefixes[-1] + self.output:,}.",
                "prefixes",
            )

    @property
    def std(self) -> Heads:
        """STD's layer: a K as wide as V, or as Sigma's where that is wider."""
        return Heads(self.n_q, self.std_k, self.std_v, max(self.head_dim, self.key_dim), self.head_dim)

    @property
    def sigma(self) -> Heads:
        return Heads(self.n_q, self.sigma_k, self.sigma_v, self.key_dim, self.head_dim)

    @property
    def query_width(self) -> int:
        """Width of all query heads together: what the augmented query reads and writes."""
        return self.n_q * max(self.head_dim, self.key_dim)

    @property
    def is_paper(self) -> bool:
        """Whether both layers are the paper's own."""
        return all(getattr(self, name) == value for name, value in of_size(self.preset).items())

    @property
    def is_table_15(self) -> bool:
        """Whether the paper's Table 15 is of the same experiment: elsewhere its figures would say nothing."""
        return self.is_paper and (self.preset, self.output, self.batch) == ("1.5b", 10, 1)

    @property
    def name(self) -> str:
        """What the two shapes are called."""
        called = SIZES[self.preset][0]
        return called if self.is_paper else f"your own, from {called}"

    def lengths(self) -> tuple[int, ...]:
        """Cached rows at which a step is timed: at each prefix, and at the end of its output where that is far away.

        Where the output is less than a 64th of the prefix, a step in it costs what the prefix's does, to 1.6 %.
        """
        ends = {prefix + self.output for prefix in self.prefixes if 64 * self.output > prefix}
        return tuple(sorted({max(prefix, 1) for prefix in self.prefixes} | ends))


def of_size(name: str) -> dict[str, int]:
    """The fields of a size in `SIZES`: the heads and widths of the paper's Table 14."""
    sigma, std = (PRESETS[preset] for preset in SIZES[name][1:])
    return {
        "n_q": sigma["num_attention_heads"],
        "std_k": std["num_key_heads"],
        "std_v": std["num_value_heads"],
        "sigma_k": sigma["num_key_heads"],
        "sigma_v": sigma["num_value_heads"],
        "head_dim": sigma["head_dim"],
        "key_dim": sigma["head_dim"],
        "augmented": sigma["augmented_query_dim"],
        "layers": sigma["num_hidden_layers"],
    }
