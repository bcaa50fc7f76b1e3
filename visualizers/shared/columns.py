"""The two columns that answer one prompt: who answers in each, and what an answer's figures say of who made them. No Gradio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernels.selective.missing_mass import DEFAULT_MISSING_MASS
from sigma.events import SIDE_NAMES, ChatRequest, Column

COLUMNS = ("left", "right")
FIRST_MODELS = {"left": "sigma", "right": "gqa"}
"""Who answers where until a visitor chooses."""

FIRST_MADE = {column: {"model": model, "settings": ""} for column, model in FIRST_MODELS.items()}

MASS_WORDS = {"renormalize": "renormalized", "mean": "mean of the others", "drop": "dropped"}
SYSTEM_SHOWN = 24  # characters of a column's system prompt


def made_by(request: ChatRequest) -> dict[str, dict[str, Any]]:
    """What the page tells of who answers, by the names of a request's messages.

    `model`: the side; `label`: its name with what sets it apart, for lines and curves ("Sigma (k = 16)"); `settings`: all
    that is not as a model answers by itself, in words; `selective_k` and `selective_threshold` as in `Column`.
    """
    columns = {name: request.column(name) for name in request.messages}
    systems = {name: system_of(messages) for name, messages in request.messages.items()}
    labels = _labels(columns)
    return {
        name: {
            "model": column.model,
            "label": labels[name],
            "settings": _settings(column, columns, systems[name], len(set(systems.values())) > 1),
            "selective_k": column.selective_k,
            "selective_threshold": column.selective_threshold,
        }
        for name, column in columns.items()
    }


def system_of(messages: list[dict[str, str]]) -> str:
    """The system prompt of a chat, "" for none."""
    return messages[0]["content"] if messages and messages[0]["role"] == "system" else ""


def _labels(columns: Mapping[str, Column]) -> dict[str, str]:
    own = {name: _reads(column, columns) + _samples(column, columns) for name, column in columns.items()}
    named = {name: (SIDE_NAMES.get(column.model, column.model), own[name]) for name, column in columns.items()}
    for name, (model, words) in named.items():
        if sum(other == (model, words) for other in named.values()) > 1:
            own[name] = [*words, name]  # which of two that are alike
    return {name: f"{model} ({', '.join(own[name])})" if own[name] else model for name, (model, _) in named.items()}


def _reads(column: Column, columns: Mapping[str, Column]) -> list[str]:
    """How V is read, where that is not plain: all rows beside the same model's fewer rows are worth a word, too."""
    if column.selective_k is None:
        fewer = any(o.selective_k is not None for o in columns.values() if o.model == column.model)
        return ["all rows"] if fewer else []
    words = [f"k = {column.selective_k:,}"]
    if column.selective_missing_mass not in (None, DEFAULT_MISSING_MASS):
        words.append(MASS_WORDS[column.selective_missing_mass])
    if column.selective_threshold:
        words.append(f"threshold {column.selective_threshold:g}")
    return words


def _samples(column: Column, columns: Mapping[str, Column]) -> list[str]:
    """What else sets a column apart from another one."""
    words = []
    if len({o.sampling.temperature for o in columns.values()}) > 1:
        words.append(f"temperature {column.sampling.temperature:g}")
    if len({o.tuned for o in columns.values()}) > 1:
        words.append("tuned" if column.tuned else "as published")
    return words


def _settings(column: Column, columns: Mapping[str, Column], system: str, differ: bool) -> str:
    words = _reads(column, columns)
    if column.sampling.temperature:
        words.append(f"temperature {column.sampling.temperature:g}")
    elif "temperature 0" in _samples(column, columns):
        words.append("greedy")
    if column.tuned:
        words.append("tuned base")
    if differ:
        shown = system if len(system) <= SYSTEM_SHOWN else system[: SYSTEM_SHOWN - 1].rstrip() + "…"
        words.append(f"system prompt “{shown}”" if system else "no system prompt")
    return ", ".join(words)
