"""A conversion from end to end: read the source, convert, measure on held-out text, write the folder, upload it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from sigma.checkpoints.load import load_dense
from sigma.conversion.card import model_card
from sigma.conversion.convert import convert
from sigma.measure.quality import compare
from sigma.model.modeling import SigmaForCausalLM
from sigma.training.corpus import pack, read
from sigma.training.recipe import kept_of
from sigma.training.start import end_of_run


@dataclass(frozen=True, slots=True)
class Order:
    """What to convert, into what, and with which text.

    `source`: folder, GGUF file or Hub id, None for the default base; `name` is what the card calls it. `key_heads`,
    `augmented_query`: of the result, and `kept` the layers that stay the source's, or none of them with `healed`, a
    healing run whose end is written. `context`, `windows`:
    of the calibration. `repository`: where to upload the folder, None for nowhere.
    """

    source: str | None
    name: str
    dest: Path
    text: tuple[Path, ...]
    key_heads: int | None = None
    augmented_query: int | None = None
    kept: tuple[int, ...] = ()
    context: int = 1024
    windows: int = 64
    healed: Path | None = None
    repository: str | None = None


def converted_folder(order: Order, say: Callable[[str, float], None]) -> dict:
    """Write the converted checkpoint and its card; returns the figures. Raises ValueError for an order that cannot be done."""
    if order.dest.exists() and any(order.dest.iterdir()):
        raise ValueError(f"{order.dest} exists and is not empty; choose another folder")
    heads, width, kept, weights, healing = _target(order)
    if order.context < 2 or order.windows < 1:
        raise ValueError(
            f"--context must be at least 2 and --windows at least 1, got {order.context} and {order.windows}"
        )
    model, tokenizer = load_dense(order.source)
    model.config.check_context(order.context)
    texts = [text for path in order.text for text in read(path)]
    windows = pack(texts, tokenizer, order.context, order.windows * 10 // 9 + 1)
    if len(windows) < 2:
        raise ValueError(f"the text gives {len(windows)} window of {order.context} tokens; at least 2 are needed")
    held = max(1, min(8, len(windows) // 10))
    begun = time.monotonic()
    sigma = convert(model, windows[held:], heads, width, progress=lambda i, n: say("converting", i / n), kept=kept)
    seconds = time.monotonic() - begun
    nll, converted = _measured(model, sigma, windows[:held], say)
    result = {
        "kv_bytes_per_token_before": sum(model.config.kv_bytes(1)),
        "kv_bytes_per_token_after": sum(sigma.config.kv_bytes(1)),
        "seconds": seconds,
        "context": order.context,
        "held_out_tokens": windows[:held].numel(),
        "gqa_nll": nll,
        "converted": converted,
    }
    if healing is not None:
        sigma.load_state_dict({**sigma.state_dict(), **weights})
        result["healed"] = _measured(model, sigma, windows[:held], say)[1]
        result["healing"] = {key: healing[key] for key in ("stage", "step", "tokens")}
    card = model_card(order.repository or order.dest.name, order.name, model.config, sigma.config, result)
    write_folder(order.dest, sigma, tokenizer, card)
    if order.repository:
        result["url"] = push(order.dest, order.repository)
    return result


def _target(order: Order) -> tuple[int, int | None, tuple[int, ...], dict[str, Tensor], dict | None]:
    """(key heads, augmented width, layers kept, healed weights, the run's bookkeeping); without a run no weights and None."""
    if order.healed is None:
        if order.key_heads is None:
            raise ValueError("--key-heads is needed, or --healed RUN")
        return order.key_heads, order.augmented_query, order.kept, {}, None
    if order.key_heads is not None or order.augmented_query is not None or order.kept:
        raise ValueError("--healed takes the heads and the query's width from its run; leave the options out")
    weights, healing = end_of_run(order.healed)
    recipe = healing["recipe"]
    return recipe["key_heads"], recipe["augmented_query_dim"], kept_of(recipe), weights, healing


def _measured(model: SigmaForCausalLM, sigma: SigmaForCausalLM, held: Tensor, say) -> tuple[float, dict]:
    """(NLL of the source, figures of the Sigma) on the held-out windows."""
    found = compare(model, sigma, held, say)
    figures = {key: found[key] for key in ("gap_percent", "kl", "top1_agreement")}
    return found["gqa_nll"], {"nll": found["sigma_nll"], **figures}


def write_folder(dest: Path, model: SigmaForCausalLM, tokenizer, card: str) -> None:
    """Config, weights, tokenizer and card: written aside, then put in place."""
    dest.parent.mkdir(parents=True, exist_ok=True)
    part = dest.with_name(dest.name + ".part")
    model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    (part / "README.md").write_text(card, "utf-8")
    if dest.exists():
        dest.rmdir()
    part.rename(dest)


def push(folder, repository: str) -> str:
    """Upload a folder to the Hub; returns its address. Raises ValueError with the Hub's reason if it cannot."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        api = HfApi()
        address = api.create_repo(repository, exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=repository)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{folder} is written, but could not be uploaded to {repository!r}: {first}") from error
    return str(address)
