"""What a request may ask of the models that are there, before anything is done for it."""

from __future__ import annotations

from kernels.selective.missing_mass import check_missing_mass, check_threshold
from sigma.engine.options import MOST_LIKELIEST
from sigma.engine.run import Model
from sigma.events import SIDE_NAMES, ChatRequest, Column, PromptError


def check_request(request: ChatRequest, models: dict[str, Model]) -> None:
    """Raises PromptError if the models cannot answer it."""
    if not request.messages:
        raise PromptError("Choose at least one side.")
    for name in request.messages:
        _check_column(request, request.column(name), models)
    if request.likeliest is not None and not 0 <= request.likeliest <= MOST_LIKELIEST:
        raise PromptError(
            f"Of 0 to {MOST_LIKELIEST} likeliest tokens the likelihood is told, not of {request.likeliest}."
        )


def _check_column(request: ChatRequest, column: Column, models: dict[str, Model]) -> None:
    if column.model not in models:
        raise PromptError(f"There is no side {column.model!r}; there are {', '.join(models)}.")
    config = models[column.model].side.config
    if request.probe_layer is not None and not 0 <= request.probe_layer < config.num_hidden_layers:
        raise PromptError(
            f"Layer {request.probe_layer} does not exist: layers are 0 to {config.num_hidden_layers - 1}."
        )
    if column.selective_k is not None:
        if column.model != "sigma":
            raise PromptError(f"Selective V is Sigma's; the {SIDE_NAMES[column.model]} side reads every V row.")
        context = models[column.model].context_length
        if not 1 <= column.selective_k <= context:
            raise PromptError(f"Selective V needs k from 1 to the context length {context}, got {column.selective_k}.")
    try:
        if column.selective_missing_mass is not None:
            check_missing_mass("The missing mass", column.selective_missing_mass)
        if column.selective_threshold is not None:
            check_threshold("The threshold of selective V", column.selective_threshold)
    except ValueError as error:
        raise PromptError(f"{error}.") from None
    if column.sampling.max_new_tokens < 1:
        raise PromptError(f"At least one new token has to be asked for, got {column.sampling.max_new_tokens}.")
