"""Any Llama-type GQA checkpoint -> Sigma: fewer K heads by complex PCA, an augmented query with an exact start.

    python -m sigma.convert SOURCE DEST --key-heads 1 --augmented-query 864 --text FILE

The maths. RoPE turns the pair (f, f + d/2) of every head by one angle, so as complex numbers it multiplies by
e^(i theta_f t), and any complex-linear map across heads at one frequency commutes with it. Per frequency we keep the
complex directions that preserve most of the scores q . k (weighted by the query covariance), as the new key heads,
and absorb the conjugate coefficients into W_Q. Neighbouring slow frequencies turn almost alike, so a block of them may
share directions ("folding"): the fold grows towards the slow end.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sigma.configuration import SigmaConfig
from sigma.modeling import SigmaForCausalLM

# (number of frequencies, how many neighbours share directions) for 32 frequencies; scaled to other widths
PROGRESSIVE_FOLD = ((8, 1), (8, 2), (8, 4), (8, 8))
GATE_ALPHA = 4.0
# Near SiLU's stationary point: a healed query is reproduced to a quarter of the jitter of v . q, and gates still learn
LIFTED_ALPHA = -1.5


def fold_blocks(frequencies: int, fold=PROGRESSIVE_FOLD) -> list[list[int]]:
    """Blocks of neighbouring frequencies that share directions. Raises ValueError if the fold does not tile them."""
    total = sum(count for count, _ in fold)
    if frequencies % total and total % frequencies:
        raise ValueError(f"the fold covers {total} frequencies, the head has {frequencies}")
    blocks, start = [], 0
    for count, width in fold:
        stop = start + count * frequencies // total
        while start < stop:
            blocks.append(list(range(start, min(start + width, stop))))
            start = blocks[-1][-1] + 1
    return blocks


def as_complex(x: Tensor) -> Tensor:
    """Last dimension [d] -> complex [d/2], pairing f with f + d/2 as the rotation does."""
    half = x.shape[-1] // 2
    return torch.complex(x[..., :half].contiguous(), x[..., half:].contiguous())


def complex_rows(matrix: Tensor, heads: int) -> Tensor:
    """A projection [heads * d, hidden] as complex rows [heads, d/2, hidden]."""
    rows = matrix.view(heads, 2, -1, matrix.shape[-1])
    return torch.complex(rows[:, 0].contiguous(), rows[:, 1].contiguous())


def real_rows(rows: Tensor) -> Tensor:
    """The inverse of `complex_rows`."""
    return torch.stack((rows.real, rows.imag), dim=1).flatten(0, 2)


@torch.no_grad()
def compress_keys(
    w_q: Tensor, w_k: Tensor, inputs: Tensor, heads: tuple[int, int, int], fold=PROGRESSIVE_FOLD
) -> tuple[Tensor, Tensor]:
    """One layer: new (W_Q, W_K) with fewer key heads whose scores stay closest to the old ones.

    Args:
        w_q: [n_q * d, hidden]; w_k: [n_old * d, hidden]; inputs: the layer's normalised inputs [tokens, hidden].
        heads: (n_q, n_old, n_new), n_new dividing n_old.
        fold: see `PROGRESSIVE_FOLD`; `((32, 1),)` is plain per-frequency PCA.

    Per new head and block of m frequencies, with k the [n_merged * m] complex vector of the merged heads: minimise
    the sum over query heads of E|(k - k_hat)^H q|^2 over all k_hat = U c with m components c.
    """
    n_q, n_old, n_new = heads
    if n_new == n_old:
        return w_q, w_k
    merged = n_old // n_new
    rows_q, rows_k = complex_rows(w_q.double(), n_q), complex_rows(w_k.double(), n_old)
    second = (inputs.double().T @ inputs.double() / len(inputs)).to(rows_q.dtype)  # E[x x^T]
    new_q = torch.zeros_like(rows_q)
    new_k = torch.zeros(n_new, rows_k.shape[1], rows_k.shape[2], dtype=rows_k.dtype)
    for new in range(n_new):
        old = range(new * merged, (new + 1) * merged)
        readers = {g: [i for i in range(n_q) if i * n_old // n_q == g] for g in old}
        for block in fold_blocks(rows_k.shape[1], fold):
            m = len(block)
            keys = torch.cat([rows_k[g][block] for g in old])  # [merged * m, hidden]
            weight = torch.zeros(merged * m, merged * m, dtype=keys.dtype)
            for index, g in enumerate(old):
                for i in readers[g]:
                    q = rows_q[i][block]
                    here = slice(index * m, index * m + m)
                    weight[here, here] += q @ second @ q.mH
            values, vectors = torch.linalg.eigh(weight)
            values = values.clamp_min(values.max() * 1e-10)
            root = (vectors * values.sqrt()) @ vectors.mH
            unroot = (vectors / values.sqrt()) @ vectors.mH
            _, directions = torch.linalg.eigh(root @ (keys @ second @ keys.mH) @ root)
            directions = directions[:, -m:]
            directions = directions[:, _slots(unroot @ directions, merged, m)]
            new_k[new][block] = directions.mH @ root @ keys
            spread = unroot @ directions  # U: k_hat = U c
            for index, g in enumerate(old):
                part = spread[index * m : index * m + m]  # [m frequencies, m slots]
                for i in readers[g]:
                    new_q[i][block] = part.mH @ rows_q[i][block]
    new_q, new_k = (real_rows(rows).to(w_q.dtype) for rows in (new_q, new_k))
    return balance(new_q, new_k, new_k.shape[0] // n_new)


@torch.no_grad()
def balance(w_q: Tensor, w_k: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Move scale between W_Q and W_K, per key head and frequency, until their rows are equally large.

    No score changes, but an optimizer's step does: weighted by the query power, keys come out some forty times larger
    than queries, and steps of one size then blur the queries while the keys stand still.

    Args:
        w_q: [n_q * width, hidden]; w_k: [n_k * width, hidden]; width: the key head dim.
    """
    n_q, n_k = len(w_q) // width, len(w_k) // width
    q, k = w_q.view(n_k, n_q // n_k, 2, width // 2, -1), w_k.view(n_k, 2, width // 2, -1)
    # one factor for both halves of a pair, or the rotation would no longer commute with it
    ratio = q.square().mean((1, 2, 4)) / k.square().mean((1, 3)).clamp_min(1e-24)
    factor = ratio.clamp(1e-12, 1e12) ** 0.25  # [n_k, width / 2]
    q = q / factor[:, None, None, :, None]
    k = k * factor[:, None, :, None]
    return q.reshape(w_q.shape), k.reshape(w_k.shape)


def _slots(spread: Tensor, merged: int, m: int) -> list[int]:
    """Which component each slot of a block takes: the one with most energy at the slot's own frequency, greedily."""
    energy = spread.abs().square().view(merged, m, m).sum(0)  # [frequency, component]
    energy = energy / energy.sum(0, keepdim=True)
    order = [-1] * m
    for _ in range(m):
        f, c = divmod(int(energy.argmax()), m)
        order[f] = c
        energy[f, :], energy[:, c] = -1, -1
    return order


@torch.no_grad()
def start_augmented_query(q: Tensor, width: int, alpha: float = GATE_ALPHA, seed: int = 0) -> dict[str, Tensor]:
    """Gate, up and down projections that reproduce q itself: q ~ down(silu(gate q) * up q).

    Finds v with v . q ~ 1 by ridge regression; then gate rows alpha * v, up = I, down = I / silu(alpha). With
    alpha = -1.2785 (where SiLU is stationary) the start is exact to second order but the gates get no gradient;
    alpha = 4 costs a KL of 0.003 and learns. Units beyond q's width start ordinary, with zero down columns.

    Args:
        q: queries before RoPE, [tokens, n_q * d]; width: the Aug Q dimension, at least n_q * d.

    Returns gate [width, d_q], up [width, d_q], down [d_q, width], and the structure that packing subtracts:
    `v` [d_q].
    """
    size = q.shape[1]
    if width < size:
        raise ValueError(f"augmented_query_dim {width} is below the query's width {size}: no exact start exists")
    q = q.double()
    gram = q.T @ q
    gram += torch.eye(size, dtype=gram.dtype) * gram.diagonal().mean() * 1e-4
    v = torch.linalg.solve(gram, q.sum(0)).float()
    generator = torch.Generator().manual_seed(seed)
    extra = torch.randn(2, width - size, size, generator=generator) / size**0.5 / float(q.std()) * 0.5
    gate = torch.cat((alpha * v.expand(size, size), extra[0]))
    up = torch.cat((torch.eye(size), extra[1]))
    down = torch.cat((torch.eye(size) / float(F.silu(torch.tensor(alpha))), torch.zeros(size, width - size)), dim=1)
    return {"gate": gate, "up": up, "down": down, "v": v}


@torch.no_grad()
def layer_inputs(model: SigmaForCausalLM, windows: Tensor, batch: int = 4) -> list[Tensor]:
    """The normalised attention inputs of every layer, bf16 [tokens, hidden], over token windows [n, t]."""
    found: list[list[Tensor]] = [[] for _ in model.model.layers]
    hooks = [
        layer.input_layernorm.register_forward_hook(
            lambda _m, _i, out, store=store: store.append(out.flatten(0, 1).to(torch.bfloat16))
        )
        for layer, store in zip(model.model.layers, found)
    ]
    try:
        for chunk in windows.split(batch):
            with torch.autocast(windows.device.type, dtype=torch.bfloat16):
                model.model(chunk.to(model.device), use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return [torch.cat(store) for store in found]


def converted_config(config: SigmaConfig, key_heads: int, augmented_query_dim: int | None) -> SigmaConfig:
    """The source's config with other key heads and an augmented query; norms of q and k become part of the weights."""
    changed = {
        "qk_norm": False,
        "num_key_heads": key_heads,
        "augmented_query_dim": augmented_query_dim,
        "selective_v_top_k": None,
        "selective_v_renormalize": True,
    }
    return SigmaConfig.from_dict({**config.to_dict(), **changed})


@torch.no_grad()
def convert(
    model: SigmaForCausalLM,
    windows: Tensor,
    key_heads: int,
    augmented_query_dim: int | None = None,
    fold=PROGRESSIVE_FOLD,
    alpha: float = GATE_ALPHA,
    progress=None,
) -> SigmaForCausalLM:
    """A Sigma with `key_heads` K heads that shares every tensor but the query and key path with `model`.

    Args:
        model: a GQA model of our class; windows: calibration tokens [n, t], best at the longest context served.
        progress: called with (layer, layers).

    Raises ValueError if key_heads does not divide the model's key heads.
    """
    old = model.config
    if key_heads < 1 or old.num_key_heads % key_heads:
        raise ValueError(f"--key-heads {key_heads} must divide the {old.num_key_heads} key heads of the source")
    if old.augmented_query_dim is not None or old.key_head_dim != old.head_dim:
        raise ValueError("the source already has an augmented query or a compressed key dim; convert a GQA model")
    with torch.device("meta"):
        sigma = SigmaForCausalLM(converted_config(old, key_heads, augmented_query_dim))
    state = model.state_dict()
    inputs = layer_inputs(model, windows)
    for i, x in enumerate(inputs):
        name = f"model.layers.{i}.self_attn."
        x = x.float()
        if old.qkv_bias:  # a bias is the weight of an input that is always 1
            x = torch.cat((x, torch.ones(len(x), 1, device=x.device)), dim=1)
        w_q, w_k = (linear_rows(state, f"{name}{part}", x, old.head_dim) for part in "qk")
        w_q, w_k = compress_keys(w_q, w_k, x, (old.num_attention_heads, old.num_key_heads, key_heads), fold)
        for part, weight in (("q", w_q), ("k", w_k)):
            if old.qkv_bias:
                state[f"{name}{part}_proj.bias"] = weight[:, -1].contiguous()
            state[f"{name}{part}_proj.weight"] = weight[:, : old.hidden_size].contiguous()
            state.pop(f"{name}{part}_norm.weight", None)
        if augmented_query_dim is not None:
            start = start_augmented_query(x @ w_q.T, augmented_query_dim, alpha, seed=i)
            for part in ("gate", "up", "down"):
                state[f"{name}q_{part}_proj.weight"] = start[part]
        if progress is not None:
            progress(i + 1, len(inputs))
    sigma.load_state_dict(state, assign=True)
    sigma.tie_weights()
    return sigma.eval()


def linear_rows(state: dict[str, Tensor], name: str, x: Tensor, width: int) -> Tensor:
    """The projection `name` ("...q" or "...k") as one matrix [rows, hidden], its bias as the last column.

    A norm per head is no linear map: it becomes its weights times the mean of 1 / rms on the inputs x [tokens, hidden],
    which healing then corrects.
    """
    weight = state[f"{name}_proj.weight"]
    if f"{name}_proj.bias" in state:
        weight = torch.cat((weight, state[f"{name}_proj.bias"][:, None]), dim=1)
    if f"{name}_norm.weight" not in state:
        return weight
    heads = weight.view(-1, width, weight.shape[1])
    out = torch.einsum("tx,hdx->htd", x.to(weight.dtype), heads)
    size = out.square().mean(-1).clamp_min(1e-12).rsqrt().mean(-1)
    return (heads * size[:, None, None] * state[f"{name}_norm.weight"][:, None]).view_as(weight)


@torch.no_grad()
def augment(
    model: SigmaForCausalLM, windows: Tensor, width: int, alpha: float = LIFTED_ALPHA, progress=None
) -> SigmaForCausalLM:
    """The same model with an augmented query of `width` in place of its plain one; all else is shared.

    Its own inputs on the calibration windows [n, t] decide the gates. Raises ValueError if the query is augmented.
    """
    if model.config.augmented_query_dim is not None:
        raise ValueError("the query is augmented already")
    if model.config.qk_norm:
        raise ValueError("the query has a norm; convert the model instead")
    config = converted_config(model.config, model.config.num_key_heads, width)
    with torch.device("meta"):
        sigma = SigmaForCausalLM(config)
    state = model.state_dict()
    inputs = layer_inputs(model, windows)
    for i, x in enumerate(inputs):
        name = f"model.layers.{i}.self_attn."
        q = F.linear(x.float(), state[f"{name}q_proj.weight"], state.get(f"{name}q_proj.bias"))
        start = start_augmented_query(q, width, alpha, seed=i)
        for part in ("gate", "up", "down"):
            state[f"{name}q_{part}_proj.weight"] = start[part]
        if progress is not None:
            progress(i + 1, len(inputs))
    sigma.load_state_dict(state, assign=True)
    sigma.tie_weights()
    return sigma.eval()


def main(argv: list[str] | None = None) -> None:
    import time
    from pathlib import Path

    from sigma.cli import parser_for, run, say, table

    parser = parser_for(__doc__)
    parser.add_argument("source", help="GQA checkpoint: folder, GGUF file or Hub id; 'default' is the default base")
    parser.add_argument("dest", type=Path, help="folder to write: config, weights, tokenizer")
    parser.add_argument("--key-heads", type=int, required=True)
    parser.add_argument("--augmented-query", type=int, help="width of the augmented query (default: a plain query)")
    parser.add_argument(
        "--text", type=Path, nargs="+", required=True, help="calibration and test text (a tenth is held out)"
    )
    parser.add_argument("--context", type=int, default=1024, help="tokens per window: the longest context served")
    parser.add_argument("--windows", type=int, default=64, help="calibration windows")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)

    def work() -> dict:
        from sigma.checkpoints import load_dense
        from sigma.evaluate import compare
        from sigma.training.corpus import pack, read

        if args.dest.exists() and any(args.dest.iterdir()):
            raise ValueError(f"{args.dest} exists and is not empty; choose another folder")
        model, tokenizer = load_dense(None if args.source == "default" else args.source)
        windows = pack(
            [t for path in args.text for t in read(path)], tokenizer, args.context, args.windows * 10 // 9 + 1
        )
        if len(windows) < 2:
            raise ValueError(f"the text gives {len(windows)} window of {args.context} tokens; at least 2 are needed")
        held = max(1, min(8, len(windows) // 10))
        begun = time.monotonic()
        sigma = convert(
            model, windows[held:], args.key_heads, args.augmented_query, progress=lambda i, n: say("converting", i / n)
        )
        seconds = time.monotonic() - begun
        figures = compare(model, sigma, windows[:held], say)
        before, after = (sum(m.config.kv_bytes(1)) for m in (model, sigma))
        args.dest.parent.mkdir(parents=True, exist_ok=True)
        part = args.dest.with_name(args.dest.name + ".part")
        sigma.save_pretrained(part)
        tokenizer.save_pretrained(part)
        if args.dest.exists():
            args.dest.rmdir()
        part.rename(args.dest)
        result = {
            "kv_bytes_per_token_before": before,
            "kv_bytes_per_token_after": after,
            "seconds": seconds,
            **{key: figures[key] for key in ("gqa_nll", "sigma_nll", "gap_percent", "kl", "top1_agreement")},
        }
        if not args.json:
            print(
                table(
                    [["source", figures["gqa_nll"], before], ["converted, not healed", figures["sigma_nll"], after]],
                    ["model", "NLL", "KV bytes per token"],
                )
            )
            print(
                f"KL {figures['kl']:.4f}, top-1 agreement {figures['top1_agreement']:.1%}, {seconds:.0f} s; next: python -m sigma.training.heal"
            )
        return result

    run(work, args.json)


if __name__ == "__main__":
    main()
