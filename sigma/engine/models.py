"""Both sides and their tuned forms, read from files and put on a device."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from kernels.device import chosen_device
from sigma.checkpoints.load import CheckpointError, Pair, load_pair, sigma_folder, tuned_twin
from sigma.checkpoints.preset import Place, is_preset
from sigma.engine.run import Model
from sigma.engine.self_check import check_finite, self_check
from sigma.runtime import Runtime

Say = Callable[[str, float], None]
Models = dict[str, Model]
"""By side."""


def usable(device: str) -> str:
    """The device that is meant; CheckpointError where it is a GPU and there is none."""
    device = chosen_device() if device == "auto" else device
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise CheckpointError("device 'cuda' was asked for, but torch finds no GPU; use --device cpu")
    return device


def read_pairs(
    checkpoint: str | None, base: str | None, tuned: str, progress: Say | None = None, place: Place | None = None
) -> tuple[Pair, Pair]:
    """(both sides, the same with tuned minima: `Pair.tuning` says whether there are any); as `load_engine` takes them."""
    pair = load_pair(checkpoint, base, progress, place=place)
    if is_preset(checkpoint):
        return pair, pair
    return pair, tuned_twin(pair, sigma_folder(checkpoint), tuned)


def made(pair: Pair, twin: Pair, device: str, weights: str, say: Say) -> tuple[Models, Models]:
    """(both sides, their tuned forms or nothing), their common tensors once. ValueError for weights that do not fit."""
    say("preparing the GQA side", 0.6)
    gqa = Runtime(pair.gqa.config, pair.gqa.tensors, device=device, weights=weights)
    say("preparing the Sigma side", 0.8)
    sigma = Runtime(pair.sigma.config, pair.sigma.tensors, device=device, weights=weights, share=(gqa,))
    models = {"sigma": Model(pair.sigma, sigma), "gqa": Model(pair.gqa, gqa)}
    if twin.tuning.state == "tuned":
        say("preparing the tuned base", 0.9)
        tuned_gqa = Runtime(twin.gqa.config, twin.gqa.tensors, device=device, weights=weights, share=(gqa,))
        shared = (sigma, tuned_gqa)
        tuned_sigma = Runtime(twin.sigma.config, twin.sigma.tensors, device=device, weights=weights, share=shared)
        return models, {"sigma": Model(twin.sigma, tuned_sigma), "gqa": Model(twin.gqa, tuned_gqa)}
    if twin.tuning.state == "failed":
        logging.getLogger(__name__).warning("%s", twin.tuning.words)
    return models, {}


def checked(models: Models, tuned: Models) -> str:
    """Take a first step on each and check the kernels: what is to be told of them, "" if nothing.

    CheckpointError for values that are not finite, and as `sigma.engine.self_check`.
    """
    for side, model in (*models.items(), *tuned.items()):
        check_finite(side, model.runtime)
    return self_check((models, tuned))
