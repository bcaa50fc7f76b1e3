"""The packed checkpoint's model card: figures from its manifest, loss curves, and ten answers of both sides.

    python -m sigma.training.card assets/sigma-135m [--runs RUN...]

Answers are greedy, from the packed weights as they are served. With `--runs` the loss curves of those healing runs are
drawn into the folder (needs matplotlib) and shown in the card. Longer measurements, written by hand in the folder's
`experiments.md`, become a section of it.
"""

from __future__ import annotations

import json
from pathlib import Path

from sigma.checkpoints.load import EMBEDDED
from sigma.cli import parser_for, run, say
from sigma.conversion.card import key_heads_in_words
from sigma.conversion.convert import kept_layers
from sigma.events import SIDES, ChatRequest, Sampling, StepEvent
from sigma.measure.text import json_lines
from sigma.model.configuration import SigmaConfig

PROMPTS = EMBEDDED.parent / "examples" / "prompts.json"
ANSWER_TOKENS = 96
FIGURE = "healing.svg"
EXPERIMENTS = "experiments.md"
SCORES = "aimicius.json"


def read_record(folder: Path) -> list[dict]:
    """The rows of a run's record. Raises ValueError if there is none, or it holds no step."""
    path = folder / "record.jsonl"
    try:
        rows = [row for _, row in json_lines(path.read_text("utf-8"), path.name)]
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} holds no readable healing record: {error}") from error
    if not rows:
        raise ValueError(f"{folder} holds an empty healing record")
    return rows


def smooth(values: list[float], width: int = 20) -> list[float]:
    """Running mean of the last `width` values."""
    return [sum(values[max(0, i - width + 1) : i + 1]) / (i - max(0, i - width + 1) + 1) for i in range(len(values))]


def draw_loss(runs: dict[str, Path], path: Path) -> None:
    """KL of the next token against tokens trained, one curve per run; an SVG at `path`."""
    try:
        import matplotlib
    except ImportError:
        raise ValueError("loss curves need matplotlib: pip install matplotlib") from None
    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
    for label, folder in runs.items():
        rows = [row for row in read_record(folder) if row["stage"] == "logits"]
        if rows:
            axes.plot([row["tokens"] / 1e3 for row in rows], smooth([row["loss"] for row in rows]), label=label)
    axes.set(xlabel="thousand tokens", ylabel="KL to the source, mean of 20 steps", yscale="log")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def answers(engine, prompts: list[str], tokens: int = ANSWER_TOKENS) -> list[dict[str, str]]:
    """Each prompt's greedy answer of both sides: {"prompt", "gqa", "sigma"}."""
    rows = []
    for prompt in prompts:
        messages = {side: [{"role": "user", "content": prompt}] for side in SIDES}
        texts = dict.fromkeys(SIDES, "")
        for event in engine.stream(ChatRequest(messages, Sampling(temperature=0.0, max_new_tokens=tokens))):
            if isinstance(event, StepEvent):
                texts[event.side] += event.text
        rows.append({"prompt": prompt, **texts})
    return rows


def tuned_section(manifest: dict) -> list[str]:
    """What the shared tensors were tuned by, from the manifest; nothing for an untuned base."""
    tuned = manifest.get("tuned")
    if not tuned:
        return []
    runs = [tuned]
    while "recipe" in runs[-1].get("start", {}):
        runs.append(runs[-1]["start"])
    ends = [
        f"| {name} | {tuned['loss_first'].get(name, float('nan')):.3f} | {loss:.3f} |"
        for name, loss in tuned["loss_last"].items()
    ]
    return [
        "## The tuned base",
        "",
        f"{tuned['name']}: `tuned.safetensors` holds a change of the minimum of every group of columns, int8 with a scale per row: "
        f"{_numbers(tuned)}. The 4-bit grid and its cost stay what they were. "
        f"`sigma.training.tune`: {', then '.join(map(_run, reversed(runs)))}. `--tuned off` runs both sides as they were.",
        "",
        "Of the last run, in nats per learned token (for chats the KL from the untuned GQA model):",
        "",
        "| learned through | first steps | last steps |",
        "|---|---|---|",
        *ends,
        "",
    ]


def _numbers(tuned: dict) -> str:
    count = {part: f"{number / 1e6:.1f}M numbers" for part, number in tuned["numbers"].items()}
    return (
        f"{count['shared']} of V, O and the MLP, which both sides share, {count['gqa']} of the GQA model's queries and keys and "
        f"{count['sigma']} of Sigma's (its 8-bit matrices are rounded to 8 bits again)"
    )


def _run(tuned: dict) -> str:
    recipe = tuned["recipe"]
    own = f" (queries and keys {recipe['own_rate']:.0%} of it)" if "own_rate" in recipe else ""
    return (
        f"{tuned['tokens']:,} tokens in {tuned['steps']:,} steps, peak rate {recipe['rate']:g}{own}, {recipe['sigma_share']:.0%} of the passes "
        f"through Sigma's attention, the rest through the GQA model's, mix by tokens {recipe['mix']}"
    )


def tasks_section(figures: dict) -> list[str]:
    """The recorded scores on the AIMicius-style tasks (`sigma.aimicius.record`); nothing where there are none."""
    rows = [row for row in figures.get("reports", []) if row["metrics"]]
    if not rows:
        return []
    lines = []
    for row in rows:
        scores = ", ".join(f"{name} {value:.1f}" for name, value in row["metrics"].items() if value is not None)
        lines.append(f"| {row['task']} | {row['data']} | {row['side']} | {row['model']} | {row['n']} | {scores} |")
    return [
        "## Tasks",
        "",
        "Percent, greedy, by `sigma.aimicius.evaluate`; `test` is our generated test set (or a fixed sample of it), `heldout` questions written by "
        "hand. Paired differences: `aimicius.json`.",
        "",
        "| task | data | side | model | n | scores |",
        "|---|---|---|---|---|---|",
        *lines,
        "",
    ]


def card(
    config: SigmaConfig,
    manifest: dict,
    rows: list[dict[str, str]],
    curves: bool,
    experiments: str = "",
    figures: dict | None = None,
) -> str:
    """The card as Markdown; `experiments` is Markdown too, `figures` the recorded scores on the tasks."""
    measured = [
        f"| {name} | {f['tokens']:,} | {f['gqa_nll']:.4f} | {f['sigma_nll']:.4f} | {f['gap_percent']:+.2f} % "
        f"| {f['kl']:.3f} | {f['top1_agreement']:.1%} | {_packing(f)} "
        f"| {_selective(f['selective'])} |"
        for name, f in manifest["figures"].items()
    ]
    quoted = [
        f"**{row['prompt']}**\n\n- GQA: {' '.join(row['gqa'].split())}\n- Sigma: {' '.join(row['sigma'].split())}\n"
        for row in rows
    ]
    picture = [f"![loss of the healing runs]({FIGURE})", ""] if curves else []
    return "\n".join(
        [
            introduction(config),
            "## Measured",
            "",
            "On held-out text, windows of 1,024 tokens, both sides untuned (`sigma.training.pack`; the commit and recipe are in the manifest):",
            "",
            "| text | tokens | GQA loss | Sigma loss | gap | KL | top-1 agreement | packing | selective V at every position |",
            "|---|---|---|---|---|---|---|---|---|",
            *measured,
            "",
            *picture,
            *tuned_section(manifest),
            *tasks_section(figures or {}),
            *([experiments.strip(), ""] if experiments.strip() else []),
            "## Ten answers",
            "",
            f"Greedy, at most {ANSWER_TOKENS} tokens, the prompts of assets/examples/prompts.json; the source beside it.",
            "",
            *quoted,
        ]
    )


def _packing(figures: dict) -> str:
    """What packing added to the loss, where it was measured."""
    return f"{figures['packing_percent']:+.2f} %" if "packing_percent" in figures else "not measured apart"


def _selective(rows: list[dict]) -> str:
    return ", ".join(f"k = {row['k']}: {row['cost_percent']:+.2f} %" for row in rows)


def introduction(config: SigmaConfig) -> str:
    """The card's beginning: what the checkpoint is, with the numbers of its configuration."""
    heads, n_v, layers = config.num_attention_heads, config.num_value_heads, config.num_hidden_layers
    source = layers * (config.key_head_dim + config.head_dim) * n_v
    own, kept = sum(config.kv_bytes(1, 1)), len(kept_layers(config))
    wide = config.augmented_width
    query = "plain query" if wide is None else f"augmented query of width {wide}"
    return _INTRODUCTION.format(
        heads=f"{heads} query heads, {key_heads_in_words(config)} of {n_v} key heads, {n_v} value heads",
        sizes=f"head dim {config.head_dim}, {query}, {layers} layers",
        cache=f"{own:,} instead of {source:,} cached values per token ({own / source - 1:+.1%})",
        kept=f"; the other {kept} layers have the base's own" if kept else "",
    )


_INTRODUCTION = """---
license: apache-2.0
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
tags: [sigma, diffqkv]
---

# Sigma-135M

A small Sigma (arXiv 2501.13629) made from SmolLM2-135M-Instruct: {heads};
{sizes}. {cache}.

This folder holds the query and key path: `q_proj`, `k_proj` in int8, the augmented query in int4 (groups of 64 and
32, around its starting structure: rank one, identity, scaled identity){kept}, and what tuning changed in the shared tensors
(below). Every other tensor is the base's own, from the Q4_1 GGUF whose sha256 is in `manifest.json`;
`sigma.checkpoints.load.load_pair` puts them together.

Made by `sigma.convert` (progressive-fold complex PCA, closed-form start of the augmented query), healed by
`sigma.training.heal` on two CPU cores (layer-wise attention, then logits KL) on package documentation and chats sampled
from the base, packed by `sigma.training.pack`. Recipe, tokens and all figures: `manifest.json`.

It is a 135M model: it shows the mechanism, it is often wrong, and it loses a little against its source.
"""


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folder", type=Path, help="packed checkpoint; its README.md is written anew")
    parser.add_argument("--base", help="its base; the default one otherwise")
    parser.add_argument("--runs", nargs="*", default=[], metavar="LABEL=RUN", help="healing runs to draw")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        from sigma.engine.engine import load_engine

        runs = dict(item.split("=", 1) if "=" in item else (Path(item).name, item) for item in args.runs)
        runs = {label: Path(folder) for label, folder in runs.items()}
        try:
            manifest = json.loads((args.folder / "manifest.json").read_text("utf-8"))
        except (OSError, json.JSONDecodeError) as error:
            raise ValueError(f"{args.folder} is not a packed checkpoint: {error}") from error
        if runs:
            draw_loss(runs, args.folder / FIGURE)
        rows = answers(
            load_engine(str(args.folder), args.base, "cpu", progress=say), json.loads(PROMPTS.read_text("utf-8"))
        )
        curves = (args.folder / FIGURE).exists()
        experiments = args.folder / EXPERIMENTS
        text = experiments.read_text("utf-8") if experiments.exists() else ""
        scores = args.folder / SCORES
        figures = json.loads(scores.read_text("utf-8")) if scores.exists() else {}
        config = SigmaConfig.from_pretrained(args.folder)
        (args.folder / "README.md").write_text(card(config, manifest, rows, curves, text, figures), "utf-8")
        if not args.json:
            print(args.folder / "README.md")
        return {"answers": rows}

    run(work, args.json)


if __name__ == "__main__":
    main()
