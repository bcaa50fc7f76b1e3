"""Names of designs, criteria and workloads, and when two spellings mean the same (paper App. C: Design, Criterion, Workload).

Normalising forgives spelling (case, hyphens, vendor words, Azure's long SKU names, units), never meaning: NDv4 is not NDmv4,
fp16 is not fp32, allreduce is not reduce.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

GPUS = ("V100", "A100", "H100", "H200", "GB200", "MI100", "MI200", "MI300x")
SKUS = {
    "NCv3": "V100",
    "NDv4": "A100",
    "NDmv4": "A100",
    "NDv5": "H100",
    "NDv5 H200": "H200",
    "NDv6 GB200": "GB200",
    "NDv4 MI200": "MI200",
    "NDv5 MI300x": "MI300x",
    "HPE Apollo 6500": "MI100",
    "OCI BM.GPU.MI300X.8": "MI300x",
}
"""VM SKUs and machines, and the GPU in each."""

DESIGNS = GPUS + tuple(SKUS)
PRECISIONS = ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "fp4", "int8", "int4")

_ALIASES = {
    "V100": "v100sxm2 v100pcie v100s",
    "A100": "a100sxm a100sxm4 a100sxm480gb a100sxm440gb a10080gb a10040gb",
    "H100": "h100sxm h100sxm5 h10080gb h10080gbhbm3",
    "H200": "h200141gb h200sxm",
    "GB200": "gb200185gb",
    "MI200": "mi200series mi250 mi250x",
    "MI300x": "mi300",
    "NCv3": "ncv100v3 v100ncv3 ncv3v100 nc6sv3 nc12sv3 nc24sv3 nc24rsv3",
    "NDv4": "nda100v4 nd96asrv4 nd96asra100v4 ndv4a100 a100ndv4",
    "NDmv4": "ndma100v4 nd96amsrv4 nd96amsra100v4 ndmv4a100 a100ndmv4",
    "NDv5": "ndh100v5 nd96isrh100v5 ndv5h100 h100ndv5",
    "NDv5 H200": "ndh200v5 nd96isrh200v5 h200ndv5",
    "NDv6 GB200": "ndgb200v6 nd128isrgb200v6 gb200ndv6 nd128isrndrgb200v6",
    "NDv4 MI200": "ndmi200v4 mi200ndv4",
    "NDv5 MI300x": "ndmi300xv5 nd96isrmi300xv5 mi300xndv5",
    "HPE Apollo 6500": "hpeapollo apollo6500 apollo6500gen10",
    "OCI BM.GPU.MI300X.8": "bmmi300x8",  # without its "gpu", a filler
}
_FILLER = re.compile(
    r"\b(nvidia|amd|instinct|microsoft|azure|standard|tesla|gpus?|vms?|skus?|nodes?|machines?|instances?)\b"
)
_ALNUM = re.compile(r"[^a-z0-9]+")


def _design_key(text: str) -> str:
    return _ALNUM.sub("", _FILLER.sub(" ", text.casefold().replace("_", " ")))


_DESIGN_OF = {_design_key(name): name for name in DESIGNS}
_DESIGN_OF |= {key: name for name, keys in _ALIASES.items() for key in keys.split()}
EMPTY = ("", "none", "null", "n/a", "na", "-", "no baseline", "nothing")


@lru_cache(4096)
def design(text: str) -> str:
    """The canonical name of a GPU or SKU; "" for none; an unknown one in lower case with single spaces."""
    plain = " ".join(text.split()).casefold()
    if plain in EMPTY:
        return ""
    return _DESIGN_OF.get(_design_key(text), plain)


_SECONDS = {
    "us": Fraction(1, 1_000_000),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
}
_UNITS = {
    "us": "us µs μs usec microsecond microseconds",
    "ms": "ms msec millisecond milliseconds",
    "s": "s sec secs second seconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days",
}
_UNIT_OF = {spelling: unit for unit, spellings in _UNITS.items() for spelling in spellings.split()}
_DURATION = re.compile(
    r"(?:results?\s+)?(?:within|in|under|in under|below|at most|no more than|up to|less than|<=?)\s*"
    r"([0-9]{1,9}(?:,[0-9]{3})*(?:\.[0-9]{1,6})?)\s*([a-zµμ]+)"
)
PEAK, COST, DEFAULT = "peak performance", "cost-effectiveness", "default"
_CRITERION_OF = {"default": DEFAULT, "defaultcriterion": DEFAULT}
_CRITERION_OF |= dict.fromkeys(
    "peak peakperf peakperformance maximumperformance maxperformance bestperformance highestperformance".split(), PEAK
)
_CRITERION_OF |= dict.fromkeys(
    "cost costeffective costeffectiveness costefficiency costefficient costperformance priceperformance".split(), COST
)


@lru_cache(4096)
def seconds(text: str) -> Fraction | None:
    """The duration of "within 200 ms" or "results within 0.2 s" in seconds; None if it is none."""
    match = _DURATION.fullmatch(" ".join(text.split()).casefold())
    unit = _UNIT_OF.get(match[2]) if match else None
    return Fraction(match[1].replace(",", "")) * _SECONDS[unit] if unit else None


def unit_seconds(unit: str) -> Fraction | None:
    """How many seconds a unit of time is; None for another unit."""
    name = _UNIT_OF.get(unit.casefold())
    return _SECONDS[name] if name else None


def criterion(text: str) -> str:
    """The canonical criterion: one of three words, or "within N s" with the duration in seconds as a fraction."""
    limit = seconds(text)
    if limit is not None:
        return f"within {limit} s"
    plain = " ".join(text.split()).casefold()
    return _CRITERION_OF.get(_ALNUM.sub("", plain), plain)


_PRECISION_OF = {name: name for name in PRECISIONS} | {
    "float64": "fp64",
    "double": "fp64",
    "float32": "fp32",
    "single": "fp32",
    "float16": "fp16",
    "half": "fp16",
    "bfloat16": "bf16",
    "float8": "fp8",
    "float4": "fp4",
}
_WORDS = (
    (re.compile(r"\b(all|reduce|broad)[ -](reduce|gather|scatter|cast|to[ -]all)\b"), r"\1\2"),
    (re.compile(r"\b(half|single|double)[ -]precision\b"), r"\1"),
    (re.compile(r"\b(fp|int|tf|bf)[ -](64|32|16|8|4)\b"), r"\1\2"),
    (re.compile(r"\bh2d\b"), "host to device"),
    (re.compile(r"\bd2h\b"), "device to host"),
    (re.compile(r"\bd2d\b"), "device to device"),
    (re.compile(r"\b(matrix cores?|tensor cores|xdlops)\b"), "tensor core"),
    (re.compile(r"\b(onnx ?runtime|ort)\b"), "ort"),
    (re.compile(r"\bib\b"), "infiniband"),
    (re.compile(r"\bflash ?attention\b"), "flash attention"),
)


@lru_cache(4096)
def workload_key(text: str) -> tuple[str, str]:
    """(benchmark, precision or ""): equal keys mean the same workload. "half-precision Bert-Large training" and
    "BERT-large training fp16" have the same one."""
    plain = " ".join(re.sub(r"[_/(),:]+", " ", text.casefold()).split())
    for pattern, replacement in _WORDS:
        plain = pattern.sub(replacement, plain)
    tokens = plain.replace("-", " ").split()
    found = [_PRECISION_OF[t] for t in tokens if t in _PRECISION_OF]
    if len(set(found)) == 1:
        return re.sub(r"[^a-z0-9.+]", "", "".join(t for t in tokens if t not in _PRECISION_OF)), found[0]
    return re.sub(r"[^a-z0-9.+]", "", "".join(tokens)), ""
