"""What the page says about itself: its title, its first sentence, what the default model is not, how figures are obtained."""

from __future__ import annotations

from collections.abc import Mapping

from sigma.events import SideInfo

TITLE = "Sigma's demo"
SENTENCE = "Sigma gives queries, keys and values different budgets. Watch what that saves."
LIMITS = (
    "This default model has 135M + 39M parameters and runs on two CPU cores: it shows the mechanism. "
    "It is not the Sigma-10B of the paper, whose weights are not public."
)


def limits_of(infos: Mapping[str, SideInfo], default: Mapping[str, SideInfo]) -> str:
    """What the loaded models are not; `default` describes those that the page comes with, if it could be read: they are known again by their shape."""
    sigma, gqa = infos["sigma"], infos["gqa"]
    sizes = f"{_millions(sigma)} and {_millions(gqa)} parameters"
    if sigma.note or gqa.note:
        return (
            f"{sigma.name}, and {gqa.name}, have {sizes} that were drawn at random: what they say means nothing, and the "
            f"attention is of no text; speed and memory are those of trained models of these shapes."
        )
    if "sigma" in default and _shape(sigma) == _shape(default["sigma"]):
        return LIMITS
    return f"{sigma.name} beside {gqa.name}: {sizes}, on {sigma.device}."


def _shape(info: SideInfo) -> tuple:
    heads = info.query_heads, info.key_heads, info.value_heads, tuple(info.layer_key_heads)
    return info.layers, *heads, info.key_head_dim, info.augmented_query_dim


def _millions(info: SideInfo) -> str:
    return f"{info.parameters / 1e9:.2f}B" if info.parameters >= 1e9 else f"{info.parameters / 1e6:,.0f}M"


ABOUT = f"""
## What the default model is, and is not

{LIMITS}

Left is **Sigma**: in 26 of its 30 layers 9 query heads share 1 key head and 3 value heads, and the query has an augmented
dimension that pays back some of what the missing key heads cost; the other 4 keep 3 key heads, without which long texts
suffer most. Right is the **GQA** model it was made from: 9 query heads share 3 key heads and 3 value heads. Both are small: they make mistakes that large models do not make. At short context the
augmented query costs more time than the smaller cache saves on a model of this size; the saving grows with the context.

## How each figure is obtained

| figure | how |
|---|---|
| decode speed | measured: tokens over this side's own compute time, from the second on; wall rate in the tooltip. |
| first token | measured: compute time of the prefill and of the first token; wall time in the tooltip. |
| context | measured: tokens whose K and V are in the cache. |
| K resident, V resident | measured on the cache's tensors: layers × tokens × heads × width × bytes per number. |
| V read, this step | measured: bytes of V that the newest step requested; distinct rows in the tooltip. |
| time of a layer's step (Efficiency) | measured: each part called in turn on buffers that no cache holds, median and quartiles of at least five rounds; a whole output is computed from its steps. |
| captured mass | measured: the part of the softmax, over all positions, that falls on the fetched V rows. |

The two sides share the device, so the wall rate is lower than the decode speed. With selective V every query head
requests its own rows, and a row that three heads request counts three times; without it each row is read once.

Selective V fetching cuts V *traffic*: rows that were not selected stay resident. Attention is not explanation: a large
weight says what was read, not why an answer came out.

The KV-cache curve and the attention picture are drawn from the same events as the figures. Long contexts are drawn with
several tokens to a column, each column showing the strongest of them.

## When an answer repeats

At temperature 0 a prompt gets the same answer every time on one machine: asked afresh, again with Retry, after an edit,
after other questions, and with a k that covers every row as with selective V off. For that, a turn reads its chat's
earlier answers once more instead of reusing what their own steps computed, which was rounded in another way; this is
why the first token of a later turn takes longer than its question alone would.

Another machine, number of threads or number format, or a smaller k, adds up other numbers or in another order. Where
two tokens are about equally likely that decides, and the text goes on differently from there. A sampled answer repeats
with its seed.

## Licences and citation

Code and default checkpoint: Apache-2.0. The base model is SmolLM2-135M-Instruct by Hugging Face (Apache-2.0). The page
is made with Gradio (Apache-2.0), PyTorch (BSD-3-Clause) and Transformers (Apache-2.0).

Lin et al., *Sigma: Differential Rescaling of Query, Key and Value for Efficient Language Models*, arXiv 2501.13629.
This page is an independent demonstration.
"""
