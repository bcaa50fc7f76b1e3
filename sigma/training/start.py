"""Where a healing run begins: at a conversion, at another run's end, or at a packed checkpoint."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from sigma.checkpoints.files import reading
from sigma.checkpoints.load import PACKED_FILE
from sigma.conversion.convert import augment, convert, converted_config, kept_layers
from sigma.conversion.fold import balance
from sigma.measure.text import json_lines
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import SigmaForCausalLM
from sigma.quantization import load_packed
from sigma.training.recipe import TRAINED, Recipe, kept_of


def trained_parameters(model: SigmaForCausalLM) -> dict[str, torch.nn.Parameter]:
    """The query and key path, by name, but for layers that are kept; everything else is frozen here."""
    chosen = {}
    kept = tuple(f"model.layers.{i}." for i in kept_layers(model.config))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.split(".")[-2] in TRAINED and not name.startswith(kept))
        if parameter.requires_grad:
            chosen[name] = parameter
    return chosen


def started_student(
    path: Path, teacher: SigmaForCausalLM, calibration: Tensor, recipe: Recipe, previous: Path | None = None
) -> SigmaForCausalLM:
    """The model that a run starts from; its own tensors are kept in `path`, so that a continued run finds them.

    That is the converted teacher, or what the folder `previous` holds (`start_from`), its plain query augmented
    without loss if the recipe has an augmented one. Raises ValueError if the previous run has other heads or another width.
    """
    kept = kept_of(asdict(recipe))
    config = converted_config(teacher.config, recipe.key_heads, recipe.augmented_query_dim, kept)
    if path.exists():
        return _with_tensors(teacher, config, torch.load(path, weights_only=True))
    if previous is None:
        student = convert(teacher, calibration, recipe.key_heads, recipe.augmented_query_dim, kept=kept)
    else:
        tensors, heads, width, before = start_from(previous)
        if not before <= set(kept):
            raise ValueError(f"{previous} keeps the layers {sorted(before)} as the source's, this recipe {list(kept)}")
        own = tuple(f"model.layers.{i}." for i in kept)  # which a run may keep that the previous one had converted
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(own)}
        if heads != recipe.key_heads or width not in (None, recipe.augmented_query_dim):
            raise ValueError(f"{previous} has {heads} key heads and an augmented query of {width}: not this recipe's")
        if width is None:  # training moves scale between queries and keys
            for name in [n for n in tensors if n.endswith(".q_proj.weight")]:
                key = name.replace(".q_proj.", ".k_proj.")
                tensors[name], tensors[key] = balance(tensors[name], tensors[key], config.key_head_dim)
        student = _with_tensors(teacher, converted_config(teacher.config, heads, width, kept), tensors)
        if width != recipe.augmented_query_dim:
            student = augment(student, calibration, recipe.augmented_query_dim)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save({name: p.detach() for name, p in trained_parameters(student).items()}, part)
    part.replace(path)
    return student


def start_from(folder: Path) -> tuple[dict[str, Tensor], int, int | None, frozenset[int]]:
    """(query and key path, key heads, augmented width, layers kept) of a run's last state or of a packed checkpoint.

    Raises ValueError if the folder holds neither.
    """
    if (folder / PACKED_FILE).exists():
        packed, _ = load_packed(folder / PACKED_FILE)
        config = SigmaConfig.from_pretrained(folder)
        tensors = {name: tensor.dequantize().float() for name, tensor in packed.items()}
        return tensors, min(config.key_heads), config.augmented_width, kept_layers(config)
    weights, progress = end_of_run(folder)
    recipe = progress["recipe"]
    return weights, recipe["key_heads"], recipe["augmented_query_dim"], frozenset(kept_of(recipe))


def lineage_of(folder: Path) -> dict:
    """Recipe, commit and tokens of what a run starts from, and of what that started from."""
    if (folder / PACKED_FILE).exists():
        return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["healing"]
    return json.loads((folder / "run.json").read_text(encoding="utf-8")) | {"tokens": tokens_of(folder)}


def _with_tensors(teacher: SigmaForCausalLM, config, tensors: dict[str, Tensor]) -> SigmaForCausalLM:
    with torch.device("meta"):
        student = SigmaForCausalLM(config)
    student.load_state_dict({**teacher.state_dict(), **tensors}, assign=True)
    student.tie_weights()
    return student


def end_of_run(folder: Path) -> tuple[dict[str, Tensor], dict]:
    """Weights by name and bookkeeping (recipe, stage, step, tokens) of a run's last saved state.

    Raises ValueError if the folder holds none or a damaged one.
    """
    path = folder / "state.pt"
    if not path.exists():
        raise ValueError(f"{folder} holds no healing run: there is no state.pt")
    with reading(path):
        state = torch.load(path, map_location="cpu", weights_only=True)
        return state["weights"], {key: state[key] for key in ("recipe", "stage", "step", "tokens")}


def tokens_of(folder: Path) -> int:
    """Tokens that a run has trained on, its own start's not counted."""
    path = folder / "record.jsonl"
    rows = [row for _, row in json_lines(path.read_text("utf-8"), str(path))]
    return rows[-1]["tokens"] if rows else 0
