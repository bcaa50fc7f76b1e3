"""The model card of a converted checkpoint: what it is, how it was made, what was measured."""

from __future__ import annotations

from statistics import mode

from sigma.model.configuration import SigmaConfig


def key_heads_in_words(config: SigmaConfig) -> str:
    """ "1", or "1 (3 in layers 8, 17)" where layers differ: the number of most layers, then the others'."""
    usual = mode(config.key_heads)
    others = sorted({heads for heads in config.key_heads if heads != usual})
    said = [
        f"{heads} in layers {', '.join(str(i) for i, found in enumerate(config.key_heads) if found == heads)}"
        for heads in others
    ]
    return f"{usual} ({'; '.join(said)})" if said else str(usual)


def model_card(name: str, source: str, before: SigmaConfig, after: SigmaConfig, figures: dict) -> str:
    """Markdown with the Hub's front matter.

    Args:
        name: the checkpoint's; source: path or Hub id of the GQA model.
        before, after: their configurations.
        figures: what `sigma.conversion.run.converted_folder` measured.
    """
    is_hub_id = source.count("/") == 1 and not source.startswith((".", "/", "~"))
    front = ["library_name: transformers", "tags: [sigma, diffqkv]", "pipeline_tag: text-generation"]
    if is_hub_id:
        front.append(f"base_model: {source}")
    heads = "{0.num_attention_heads} query, {1} key, {0.num_value_heads} value"
    saved = 1 - figures["kv_bytes_per_token_after"] / figures["kv_bytes_per_token_before"]
    widths = {wide for wide in after.augmented_query_dims if wide is not None}
    query = f"augmented, width {' or '.join(map(str, sorted(widths)))}" if widths else "plain"
    rows = [("source", figures["gqa_nll"], None, None), ("converted", *_row(figures["converted"]))]
    if figures.get("healed"):
        rows.append(("converted and healed", *_row(figures["healed"])))
    return "\n".join(
        [
            "---",
            *front,
            "---",
            "",
            f"# {name}",
            "",
            f"A Sigma (DiffQKV attention, arXiv 2501.13629) made from `{source}` by `python -m sigma.convert`.",
            "",
            f"| | {source} | {name} |",
            "|---|---|---|",
            f"| heads | {heads.format(before, key_heads_in_words(before))} | {heads.format(after, key_heads_in_words(after))} |",
            f"| query | plain | {query} |",
            f"| KV cache per token, bf16 | {figures['kv_bytes_per_token_before']:,} bytes "
            f"| {figures['kv_bytes_per_token_after']:,} bytes ({-saved:.1%}) |",
            "",
            f"Measured on {figures['held_out_tokens']:,} held-out tokens in windows of {figures['context']:,}:",
            "",
            "| model | loss per token | against the source | KL | top-1 agreement |",
            "|---|---|---|---|---|",
            *(f"| {label} | {nll:.4f} | {gap} | {rest} |" for label, nll, gap, rest in map(_cells, rows)),
            "",
            f"Conversion took {figures['seconds']:.0f} s." + _healing(figures),
            "",
            "```python",
            "from transformers import AutoModelForCausalLM",
            "",
            "from sigma import SigmaForCausalLM  # tells the Auto classes what a Sigma is",
            "",
            f'model = AutoModelForCausalLM.from_pretrained("{name}")',
            "```",
            "",
        ]
    )


def _row(measured: dict) -> tuple[float, float, tuple[float, float]]:
    return measured["nll"], measured["gap_percent"], (measured["kl"], measured["top1_agreement"])


def _cells(row) -> tuple[str, float, str, str]:
    label, nll, gap, rest = row
    if gap is None:
        return label, nll, "", " | "
    return label, nll, f"{gap:+.2f} %", f"{rest[0]:.4f} | {rest[1]:.1%}"


def _healing(figures: dict) -> str:
    healing = figures.get("healing")
    return "" if not healing else f" Healed on {healing['tokens']:,} tokens ({healing['stage']} stage at its end)."
