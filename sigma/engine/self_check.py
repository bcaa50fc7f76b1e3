"""A look at the kernels before they answer: what each computes on this device, beside what it should.

First every operation that was chosen beside its reference (`kernels.agreement`), then the way through the model, on the
loaded weights of its first layers, beside the readable model in fp32: a prompt, a decode step, a step with selective V
and a step of two sequences. What disagrees is served by its reference from then on, slower and right, and says so; with
SIGMA_SELF_CHECK=fail nothing is served. It takes less than a second on the default models.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import torch
from torch import Tensor

from kernels import agreement, backends
from sigma.checkpoints.base import CheckpointError
from sigma.checkpoints.load import Side
from sigma.engine.run import Model
from sigma.events import SIDE_NAMES
from sigma.limits.current import limits
from sigma.model.cache import DiffKVCache
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import SigmaForCausalLM
from sigma.quantization import Dense, GroupInt8, Int8, Packed
from sigma.runtime import Runtime, SequenceStep

LAYERS, TOKENS, TOP_K, WORDS = 2, 24, 8, 2048
"""Layers that are looked at, tokens of a prompt, V rows of the selective step, and rows of the vocabulary."""

VOCABULARY = ("model.embed_tokens.weight", "lm_head.weight")

TOLERANCE = {"fp32": 0.01, "bf16": 0.05, "int4": 0.05}
"""|logits - reference| / |reference| of a step that is right without a doubt."""

DOUBT, MOST = 3.0, 1.0
"""Beyond that the yardstick is plain torch in the same type: as many times its own distance. Of plain torch itself no more
than MOST, which is another answer altogether."""

log = logging.getLogger(__name__)


def self_check(models: Iterable[dict[str, Model]]) -> str:
    """Check all models by side; where something disagrees, let references serve it in them. What to tell, "" if nothing.

    CheckpointError where SIGMA_SELF_CHECK=fail and something disagrees, or where even plain torch does.
    """
    how = limits().self_check
    if how == "off":
        return ""
    models = [by_side for by_side in models if by_side]
    found = [*_wrong_operations(models), *_wrong_paths(models)]
    if not found:
        return ""
    said = "; ".join(found)
    if how == "fail":
        raise CheckpointError(f"The check at the start failed on this device: {said} (SIGMA_SELF_CHECK=fail).")
    if any(model.runtime.careful for by_side in models for model in by_side.values()):
        instead = "Both models run on plain torch operations instead: slower, and right."
    else:
        instead = "The reference serves instead: slower, and right."
    words = f"The check at the start found a kernel that is wrong on this device: {said}. {instead}"
    log.warning("%s", words)
    return words


def check_finite(side: str, runtime: Runtime) -> None:
    """A first chunk and step; CheckpointError unless their logits are finite."""
    cache = runtime.new_cache()
    ids = torch.arange(8, device=runtime.device)[None]
    logits = runtime.prefill(ids, cache)
    step, _ = runtime.decode(ids[:, :1], cache)
    if not (logits.isfinite().all() and step.isfinite().all()):
        raise CheckpointError(
            f"The {SIDE_NAMES[side]} side computes values that are not finite: the checkpoint is damaged."
        )
    cache.free()


def _wrong_operations(models: list[dict[str, Model]]) -> list[str]:
    """Operations that disagree with their references, which serve them from here on."""
    found: dict[str, str] = {}
    shapes = set()
    for by_side in models:
        for model in by_side.values():
            c, runtime = model.side.config, model.runtime
            for key_heads in set(c.key_heads):
                heads = c.num_attention_heads, key_heads, c.num_value_heads
                shapes.add((runtime.device, runtime.dtype, heads, c.key_head_dim, c.head_dim))
    for shape in sorted(shapes, key=str):
        for one in agreement.disagreements(*shape):
            backends.distrust(one.operation, one.backend)
            found.setdefault(one.operation, f"{one.operation} ({one.backend}): {one.words}")
    return list(found.values())


def _wrong_paths(models: list[dict[str, Model]]) -> list[str]:
    """Sides whose way through the model disagrees with the readable one; then none of the fast ways is used any more."""
    found = _differences(models)
    if not found:
        return []
    backends.distrust_all()
    _rebuild(models)
    if still := _differences(models):
        raise CheckpointError(
            f"On this device even plain torch computes something else than the model: {'; '.join(still)}. "
            "Nothing that it answers could be trusted."
        )
    return found


def _rebuild(models: list[dict[str, Model]]) -> None:
    made: list[Runtime] = []
    for by_side in models:
        for model in by_side.values():
            old = model.runtime
            options = dict(device=old.device, weights=old.weights, share=tuple(made), careful=True)
            model.runtime = Runtime(model.side.config, model.side.tensors, **options)
            made.append(model.runtime)


def _differences(models: list[dict[str, Model]]) -> list[str]:
    """What disagrees, of each way once: a tuned side runs the same code on other numbers of the same kinds and shapes."""
    tables: dict[int, Tensor] = {}
    found, seen = [], []
    for i, by_side in enumerate(models):
        for name, model in by_side.items():
            if (way := _way(model)) in seen:
                continue
            seen.append(way)
            words = _difference(model.side, model.runtime, tables)
            if words:
                who = f"the {'tuned ' if i else ''}{SIDE_NAMES.get(name, name)} side ({model.runtime.kernels})"
                found.append(f"{who}: {words}")
    return found


def _way(model: Model) -> tuple:
    """What decides which code a model runs."""
    runtime = model.runtime
    kinds = {name: (type(tensor), tensor.shape) for name, tensor in model.side.tensors.items()}
    return type(runtime.path), runtime.kernels, runtime.weights, runtime.device, kinds


def _difference(side: Side, runtime: Runtime, tables: dict[int, Tensor]) -> str:
    try:
        off = path_error(side, runtime, tables)
    except Exception as error:  # of a compiler, a driver, a launch: each has its own
        log.debug("the check of a path failed", exc_info=True)
        return f"it failed ({type(error).__name__})"
    if off <= TOLERANCE[runtime.weights] or off <= _doubtful(side, runtime, tables):
        return ""
    return f"its logits are off by {off:.1%}" if off < float("inf") else "its logits are not finite"


def _doubtful(side: Side, runtime: Runtime, tables: dict[int, Tensor]) -> float:
    """The distance that rounding alone may come to: some models are more sensitive to it than others."""
    return MOST if runtime.careful else min(MOST, DOUBT * path_error(side, runtime, tables, careful=True))


@torch.inference_mode()
def path_error(
    side: Side, runtime: Runtime, tables: dict[int, Tensor] | None = None, careful: bool | None = None
) -> float:
    """How far a runtime's first layers are from the readable model in fp32: the largest |logits - reference| / |reference|.

    inf for values that are not finite. tables: parts of vocabulary matrices, kept between calls by the matrix's id.
    careful: by plain torch; by default as the runtime is.
    """
    tables = {} if tables is None else tables
    config, tensors = first_layers(side)
    part = Runtime(
        config,
        tensors,
        device=runtime.device,
        weights=runtime.weights,
        share=runtime,
        careful=runtime.careful if careful is None else careful,
    )
    ids = torch.randint(0, min(WORDS, config.vocab_size), (2, TOKENS + 2), generator=torch.Generator().manual_seed(0))
    errors = [
        float((got - wanted).norm() / wanted.norm().clamp_min(1e-6)) if got.isfinite().all() else float("inf")
        for got, wanted in zip(_computed(part, ids), _wanted(config, tensors, ids, tables))
    ]
    return max(errors)


def first_layers(side: Side) -> tuple[SigmaConfig, dict[str, Packed]]:
    """The model without all but its first layers, one of each kind where layers differ: its configuration and tensors, the
    same objects.
    """
    kinds = list(zip(side.config.key_heads, side.config.augmented_query_dims))
    layers = list(range(min(LAYERS, len(kinds))))
    layers += [first for first in map(kinds.index, dict.fromkeys(kinds)) if first not in layers]
    changes = {
        "num_hidden_layers": len(layers),
        "num_key_heads": [kinds[layer][0] for layer in layers],
        "augmented_query_dim": [kinds[layer][1] for layer in layers],
        "selective_v_top_k": TOP_K,
    }
    prefix = "model.layers."
    tensors = {name: tensor for name, tensor in side.tensors.items() if not name.startswith(prefix)}
    for place, layer in enumerate(layers):
        own = f"{prefix}{layer}."
        tensors |= {
            f"{prefix}{place}.{name.removeprefix(own)}": tensor
            for name, tensor in side.tensors.items()
            if name.startswith(own)
        }
    return SigmaConfig(**{**side.config.to_dict(), **changes}), tensors


def _computed(runtime: Runtime, ids: Tensor) -> list[Tensor]:
    """Logits of the first words, as the engine would get them: two prompts, then a step of one and a step of both."""
    caches = [runtime.new_cache() for _ in ids]
    try:
        found = [runtime.prefill(row[None, :TOKENS], cache) for row, cache in zip(ids, caches)]
        token = lambda i, at: int(ids[i, at])  # noqa: E731
        found += [logits for logits, _ in runtime.decode_many([SequenceStep(token(0, TOKENS), caches[0])])]
        steps = [SequenceStep(token(0, TOKENS + 1), caches[0], TOP_K), SequenceStep(token(1, TOKENS), caches[1])]
        found += [logits for logits, _ in runtime.decode_many(steps)]
    finally:
        for cache in caches:
            cache.free()
    return [logits[0, :WORDS].float().cpu() for logits in found]


def _wanted(config: SigmaConfig, tensors: dict[str, Packed], ids: Tensor, tables: dict[int, Tensor]) -> list[Tensor]:
    """The same logits by the readable model, in fp32 on the CPU, without any of our kernels."""
    embedding = tensors["model.embed_tokens.weight"]
    words = _rows(embedding, tables)
    head = _rows(tensors.get("lm_head.weight", embedding), tables)
    config._attn_implementation = "eager"
    with torch.device("meta"):
        model = SigmaForCausalLM(config).model.eval()
    body = {name.removeprefix("model."): t for name, t in tensors.items() if name not in VOCABULARY}
    model.load_state_dict({name: t.dequantize().cpu() for name, t in body.items()}, strict=False, assign=True)
    states = words[ids]
    cache = DiffKVCache(config)
    whole = model(inputs_embeds=states[:, : TOKENS + 1], cache=cache, use_cache=True).last_hidden_state
    selected = model(inputs_embeds=states[:, TOKENS + 1 :], cache=cache, use_cache=True).last_hidden_state
    hidden = (whole[0, TOKENS - 1], whole[1, TOKENS - 1], whole[0, TOKENS], selected[0, 0], whole[1, TOKENS])
    return [row @ head.T for row in hidden]


def _rows(matrix: Packed, tables: dict[int, Tensor]) -> Tensor:
    """The first WORDS rows of a vocabulary's matrix, fp32."""
    if id(matrix) not in tables:
        tables[id(matrix)] = _first_rows(matrix).float().cpu()
    return tables[id(matrix)]


def _first_rows(matrix: Packed) -> Tensor:
    """Of the kinds that vocabularies come in only those rows are unpacked: all of them would take longer than the check."""
    if isinstance(matrix, Dense):
        return matrix.tensor[:WORDS].clone()
    if isinstance(matrix, (Int8, GroupInt8)):
        return type(matrix)(matrix.values[:WORDS], matrix.scale[:WORDS]).dequantize()
    return matrix.dequantize()[:WORDS].clone()
