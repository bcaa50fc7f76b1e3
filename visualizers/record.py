"""Record one turn of the loaded model into the file that the page plays until its model is ready.

python -m visualizers.record assets/examples/recorded.json --selective-k 16
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sigma.events import SIDES, ChatRequest, PromptError, Sampling
from visualizers.chat import recording
from visualizers.shared.compact_json import compact_json
from visualizers.shared.loader import running_on

PROMPT = "What does a GPU do, in a few sentences?"


def main(argv: list[str] | None = None) -> int:
    """Load the engine, run one turn on both sides and write the recording; 2 when it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m visualizers.record", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="file to write")
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--system", default="", help="system prompt")
    parser.add_argument("--max-new-tokens", type=int, default=96)
    parser.add_argument("--selective-k", type=int, default=None, help="V rows fetched per query head; default: all")
    parser.add_argument("--probe-layer", type=int, default=12)
    parser.add_argument("--checkpoint", default=None, help="folder or Hub id; default: the embedded model")
    parser.add_argument("--base", default=None, help="folder or Hub id of the GQA base")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)

    from sigma.engine.engine import load_engine

    try:
        engine = load_engine(args.checkpoint, args.base, device=args.device)
        messages = [{"role": "system", "content": args.system}] if args.system else []
        messages.append({"role": "user", "content": args.prompt})
        request = ChatRequest(
            {side: list(messages) for side in SIDES},
            Sampling(max_new_tokens=args.max_new_tokens),
            args.selective_k,
            args.probe_layer,
        )
        sigma, gqa = engine.info("sigma"), engine.info("gqa")
        made = f"{sigma.name} and {gqa.name} on {running_on(sigma)}"
        result = recording.build(engine, request, made)
    except (PromptError, OSError, ValueError) as error:
        print(f"not recorded: {error}", file=sys.stderr)
        return 2
    text = compact_json(result)
    args.out.write_text(text + "\n", "utf-8")
    print(f"{args.out}: {len(result['frames'])} frames, {len(text) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
