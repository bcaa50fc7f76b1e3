"""Record one turn with the attention of every layer and head, for the explorer to show before a model has loaded.

python -m visualizers.explore.record assets/examples/explore.json [--prompt TEXT]
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sigma.events import SIDES, ChatRequest, Engine, Inspection, PromptError, Sampling, SideInfo
from visualizers.explore.measures import k_grid
from visualizers.explore.recorded import VERSION, compress, to_levels, to_sixty_fourths
from visualizers.shared.compact_json import compact_json
from visualizers.shared.loader import running_on

PROMPT = "What is a GPU? One sentence."


def build(engine: Engine, request: ChatRequest, made: str) -> dict[str, Any]:
    """The recording: both answers' tokens, and how both sides attended while reading Sigma's."""
    for _ in engine.stream(request, "recorder"):
        pass
    past = engine.past_run("recorder")
    engine.release("recorder")
    text = past.sides["sigma"]
    pieces: dict[int, str] = {}
    sides = {}
    for side in SIDES:
        found = engine.inspect(side, text.ids, text.prompt_length)
        sides[side] = side_data(
            engine.info(side), found, text.prompt_length, lambda i: engine.piece("sigma", i), pieces
        )
    return {
        "kind": "sigma exploration",
        "version": VERSION,
        "made": made,
        "prompt": request.messages["sigma"][-1]["content"],
        "texts": {side: {"ids": list(run.ids), "prompt": run.prompt_length} for side, run in past.sides.items()},
        "pieces": {
            **pieces,
            **{i: engine.piece("sigma", i) for run in past.sides.values() for i in run.ids},
        },
        "sides": sides,
    }


def side_data(
    info: SideInfo, found: Inspection, prompt_length: int, piece: Callable[[int], str], pieces: dict[int, str]
) -> dict[str, Any]:
    """One side: weights and output errors of every layer, and what it expected after every position of the answer."""
    grid = k_grid(found.tokens)
    rows, columns = np.tril_indices(found.tokens)
    expected = []
    for position in range(prompt_length - 1, found.tokens):
        told = found.next_tokens(position)
        pieces.update((i, piece(i)) for i in told.ids)
        taken = None if np.isnan(told.taken) else round(told.taken, 4)
        expected.append([list(told.ids), np.round(told.probabilities, 4).tolist(), taken, round(told.entropy, 3)])
    read = [found.attend(layer, 0, found.tokens) for layer in range(found.layers)]
    return {
        "info": dataclasses.asdict(info),
        "weights": [compress(to_levels(weights[:, rows, columns])) for weights, _ in read],
        "log_sums": [compress(to_sixty_fourths(sums)) for _, sums in read],
        "errors": [
            compress(
                to_levels(
                    np.stack([found.output_errors(layer, q, grid) for q in range(prompt_length - 1, found.tokens)])
                )
            )
            for layer in range(found.layers)
        ],
        "next": expected,
    }


def main(argv: list[str] | None = None) -> int:
    """Load the default pair, run one turn, write the recording; 2 when it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m visualizers.explore.record", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--max-new-tokens", type=int, default=32)
    parser.add_argument("--checkpoint", default=None, help="folder or Hub id; default: the embedded model")
    parser.add_argument("--base", default=None, help="folder or Hub id of the GQA base")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)

    from sigma.engine.engine import load_engine

    try:
        engine = load_engine(args.checkpoint, args.base, device=args.device)
        messages = {side: [{"role": "user", "content": args.prompt}] for side in SIDES}
        request = ChatRequest(messages, Sampling(max_new_tokens=args.max_new_tokens))
        sigma, gqa = engine.info("sigma"), engine.info("gqa")
        made = f"{sigma.name} and {gqa.name} on {running_on(sigma)}"
        data = build(engine, request, made)
    except (PromptError, OSError, ValueError) as error:
        print(f"not recorded: {error}", file=sys.stderr)
        return 2
    text = compact_json(data)
    args.out.write_text(text + "\n", "utf-8")
    print(f"{args.out}: {len(data['texts']['sigma']['ids'])} tokens, {len(text) / 1000:.0f} kB")
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
