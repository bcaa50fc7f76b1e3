"""The guided tour: five steps from MHA to Sigma and what they add up to. Every figure is computed here or the paper's.

One model all along, the default pair's sizes with other heads, at one context, so that only attention changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from visualizers.shared.formulas import Cost, cache_cost
from visualizers.shared.shapes import Shape, parameters, preset_shape
from visualizers.shared.units import binary, change, digits, spoken

TOKENS = 8192
TOP_K = 100
BITS = 16
SIGMA, GQA = preset_shape("sigma-135m"), preset_shape("gqa-135m")
MHA = replace(GQA, n_k=GQA.n_q, n_v=GQA.n_q)


@dataclass(frozen=True, slots=True)
class Step:
    """One card: what it says, the model it draws, and what the explorer beside it shows.

    `recorded`: whose attention of the recorded run is drawn (None: no such model was recorded), `rows`: whether the V
    rows that it fetched are marked. `explore`: changes for `window.sigma.explore.setState`.
    """

    title: str
    text: tuple[str, ...]
    shape: Shape
    top_k: int | None = None
    recorded: str | None = None
    rows: bool = False
    explore: dict[str, Any] | None = None

    @property
    def cost(self) -> Cost:
        return cache_cost(self.shape, TOKENS, 1, BITS, self.top_k)


def steps(live: bool = True) -> list[Step]:
    """The tour, in order. `live`: whether there are models on the page to ask."""
    return [_multi_head(), _grouped_query(), _fewer_k_heads(), _augmented_q(), _selective_v(), _sum(live)]


def _resident(shape: Shape) -> int:
    return cache_cost(shape, TOKENS, 1, BITS).resident


def _multi_head() -> Step:
    return Step(
        "Multi-head attention (MHA)",
        (
            f"Each of {MHA.n_q} query heads has its own K head and its own V head. K and V of every token stay in "
            "memory: the KV cache. Each new token reads all of it.",
            f"At {TOKENS:,} tokens a model of this size would hold {binary(_resident(MHA))}.",
        ),
        MHA,
    )


def _grouped_query() -> Step:
    return Step(
        "Grouped-query attention (GQA)",
        (
            f"Query heads share. Here {GQA.n_q // GQA.n_k} of them use one K head and one V head, so {GQA.n_k} of "
            f"each are enough, and the cache is a third: {binary(_resident(GQA))}.",
            "K and V shrink together. The picture below is this page's GQA model, in a recorded run.",
        ),
        GQA,
        recorded="gqa",
        explore={"side": "gqa", "mode": "attention"},
    )


def _fewer_k_heads() -> Step:
    paper, std = preset_shape("sigma-1.5b"), preset_shape("std-1.5b")
    limit = change(cache_cost(paper, 1).resident, cache_cost(std, 1).resident)
    return Step(
        "Fewer K heads",
        (
            "K and V do not matter alike. In the paper, half the V heads of MHA cost quality (52.40 to 51.74, "
            "average of nine benchmarks), half the K heads did not (52.83; the ablations of the paper).",
            f"So Sigma keeps {SIGMA.n_v} V heads and only {SIGMA.n_k} K head{_elsewhere(SIGMA)}: {binary(_resident(SIGMA))}, "
            f"{change(_resident(SIGMA), _resident(GQA))} against GQA. Sigma-1.5B has {paper.n_q} query, "
            f"{paper.n_k} K and {paper.n_v} V heads: {limit} (Eq. 2).",
        ),
        replace(SIGMA, augmented=None),
        recorded="sigma",
        explore={"side": "sigma", "mode": "attention"},
    )


def _elsewhere(shape: Shape) -> str:
    """What the layers of another kind keep; "" where there are none."""
    layers = sum(kind.layers for kind in shape.kinds)
    said = [f"{kind.n_k} in {kind.layers} of {layers} layers" for kind in shape.others]
    return f" ({', '.join(said)})" if said else ""


def _augmented_q() -> Step:
    extra = parameters(SIGMA)["augmented query"]
    return Step(
        "Augmented Q",
        (
            "What the K side lost, the query side gains. Queries are used once and never cached, so a wider query "
            f"path costs no cache. Here it is {SIGMA.augmented} wide, {SIGMA.augmented / SIGMA.hidden:g} times "
            f"the hidden size, and adds {digits(extra / 1e6)} million parameters.",
            "In the paper it lifts GQA-16 from 52.14 to 53.38 (Table 3). It costs time at each step: at short context "
            "more than the smaller cache saves.",
        ),
        SIGMA,
        recorded="sigma",
        explore={"side": "sigma", "mode": "compare"},
    )


def _selective_v() -> Step:
    cost = cache_cost(SIGMA, TOKENS, 1, BITS, TOP_K)
    return Step(
        "Selective V",
        (
            "The scores are known before V is read. Each query head fetches only the V rows of its highest scores, "
            f"and the newest one. With k = {TOP_K}, at {TOKENS:,} tokens a step reads {binary(cost.v_read)} of V and not "
            f"{binary(cost.v_resident)}.",
            "The other rows stay resident: this saves traffic, not memory. In the paper GQA-4 scores 51.66 with all V "
            "and 51.67 with k = 100 (Table 8). The marked rows below were fetched in the recorded run.",
        ),
        SIGMA,
        top_k=TOP_K,
        recorded="sigma",
        rows=True,
        explore={"side": "sigma", "mode": "selection", "k": 16},
    )


def _sum(live: bool) -> Step:
    first = "ask both models something in Chat, look into their heads" if live else "look into the heads of both models"
    cost = cache_cost(SIGMA, TOKENS, 1, BITS, TOP_K)
    return Step(
        "What it adds up to",
        (
            f"Three figures, kept apart. Resident: {binary(cost.resident)} for K and V. Read in one step: "
            f"{binary(cost.k_read)} of K and {binary(cost.v_read)} of V. GQA: {binary(_resident(GQA))}, "
            "resident and read.",
            f"Now {first} in Explore, or put in your own model in Memory.",
        ),
        SIGMA,
        top_k=TOP_K,
        recorded="sigma",
        rows=True,
        explore={"side": "sigma", "mode": "selection"},
    )


def script(live: bool = True) -> dict[str, Any]:
    """The tour for the browser (`assets/tour/tour.js`); `live` as in `steps`."""
    told = steps(live)
    return {
        "tokens": TOKENS,
        "steps": [_card(step) for step in told],
        "most": max(step.cost.resident for step in told),
        "gqa": told[1].cost.resident,
    }


def _card(step: Step) -> dict[str, Any]:
    shape, cost = step.shape, step.cost
    rows = "" if step.top_k is None else f"; of V the top {step.top_k} rows per query head are read"
    wide = f", augmented query {shape.augmented} wide" if shape.augmented else ""
    return {
        "title": step.title,
        "text": list(step.text),
        "heads": {"query_heads": shape.n_q, "key_heads": shape.n_k, "value_heads": shape.n_v},
        "augmented": shape.augmented,
        "selective": step.top_k is not None,
        "described": f"{shape.n_q} query heads, {_plural(shape.n_k, 'K head')}{_elsewhere(shape)}, {_plural(shape.n_v, 'V head')}{wide}{rows}.",
        "bytes": {
            name: {"bytes": value, "text": binary(value), "say": spoken(value)}
            for name, value in (
                ("k", cost.k_resident),
                ("v", cost.v_resident),
                ("resident", cost.resident),
                ("k_read", cost.k_read),
                ("v_read", cost.v_read),
                ("read", cost.read),
            )
        },
        "recorded": step.recorded,
        "rows": step.rows,
        "explore": step.explore,
    }


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
