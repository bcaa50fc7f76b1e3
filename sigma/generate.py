"""Stream one answer on the terminal.

python -m sigma.generate --side sigma --prompt "What is a GPU?" --max-new-tokens 64 [--top-k-v 100]
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from kernels.selective.missing_mass import MISSING_MASS
from sigma.cli import argument_text, model_options, parser_for, run, say, standard_input
from sigma.engine.options import SamplingFields, make_sampling
from sigma.events import SIDES, ChatRequest, PrefillEvent, PromptError, StepEvent

OPTIONS = {name: "--" + name.replace("_", "-") for name in SamplingFields.model_fields}
"""What the sampling options are called here."""


def generate(engine, request, echo: bool) -> dict:
    """Run one side to its end; returns the figures that --json prints."""
    begun = time.perf_counter()
    text, decode_ms, prefill_ms, first, tokens, last, lookup = [], 0.0, 0.0, None, 0, None, None
    for event in engine.stream(request):
        if isinstance(event, PrefillEvent):
            prefill_ms += event.compute_ms
        elif isinstance(event, StepEvent):
            if first is None:
                first = time.perf_counter() - begun
            else:
                decode_ms += event.compute_ms
            tokens += 1
            text.append(event.text)
            last, lookup = event, event.lookup or lookup
            if echo:
                print(event.text, end="", flush=True)
    return {
        "side": last.side,
        "text": "".join(text),
        "tokens": tokens,
        "tok_s": (tokens - 1) / decode_ms * 1e3 if tokens > 1 else None,
        "first_token_s": first,
        "prefill_s": prefill_ms / 1e3,
        "context": last.cache.tokens,
        "k_bytes": last.cache.k_resident,
        "v_bytes": last.cache.v_resident,
        "k_read_bytes": last.cache.k_read,
        "v_read_bytes": last.cache.v_read,
        "finish_reason": last.finish_reason,
    } | ({} if lookup is None else {"lookup": asdict(lookup)})


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = parser_for(__doc__)
    parser.add_argument("--side", choices=SIDES, default="sigma")
    parser.add_argument("--prompt", required=True, help="the question; '-' reads it from standard input")
    parser.add_argument("--context-file", type=Path, help="a text put before the question")
    parser.add_argument("--system", help="system prompt")
    parser.add_argument("--max-new-tokens", type=int, default=256)
    parser.add_argument("--top-k-v", type=int, help="selective V: rows fetched per query head (default: all)")
    parser.add_argument(
        "--missing-mass",
        choices=MISSING_MASS,
        help="selective V: what becomes of the weight of rows that are not fetched",
    )
    parser.add_argument("--threshold", type=float, help="selective V: rows that weigh less are not fetched either")
    parser.add_argument(
        "--lookup", action="store_true", help="prompt lookup: guess what repeats, check several tokens in one step"
    )
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--top-k", type=int, default=0)
    parser.add_argument("--repetition-penalty", type=float, default=1.0)
    parser.add_argument("--seed", type=int)
    model_options(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)

    def work() -> dict:
        from sigma.engine.engine import load_engine

        sampling = make_sampling(
            args.temperature,
            args.top_p,
            args.top_k,
            args.repetition_penalty,
            args.max_new_tokens,
            args.seed,
            OPTIONS,
        )
        question = standard_input() if args.prompt == "-" else argument_text(args.prompt, "--prompt")
        if not question.strip():
            raise PromptError("The prompt is empty: type a question first.")
        if args.context_file is not None:
            try:
                question = f"{args.context_file.read_text(encoding='utf-8-sig')}\n\n{question}"
            except UnicodeDecodeError as error:
                raise PromptError(f"{args.context_file} is not a UTF-8 text file.") from error
        messages = [{"role": "user", "content": question}]
        if args.system:
            messages.insert(0, {"role": "system", "content": argument_text(args.system, "--system")})
        engine = load_engine(args.checkpoint, args.base, args.device, args.weights, say, args.tuned)
        try:
            tuned = args.tuned != "off" and bool(engine.info(args.side).tuned)
            how = {"selective_missing_mass": args.missing_mass, "selective_threshold": args.threshold}
            how |= {"tuned": tuned, "lookup": args.lookup}
            request = ChatRequest({args.side: messages}, sampling, args.top_k_v, **how)
            result = generate(engine, request, echo=not args.json)
        finally:
            engine.close()
        if not args.json:
            print(
                f"\n\n{result['tokens']} tokens, {result['tok_s'] or 0:.1f} tok/s, first token {result['first_token_s']:.2f} s, "
                f"context {result['context']}, K {result['k_bytes']:,} B, V {result['v_bytes']:,} B, "
                f"V read in the last step {result['v_read_bytes']:,} B, finished by {result['finish_reason']}"
            )
            if lookup := result.get("lookup"):
                print(
                    f"prompt lookup: {lookup['steps']} steps gave {lookup['steps'] + lookup['accepted']} tokens; of "
                    f"{lookup['drafted']} guessed {lookup['accepted']} were right"
                    + (f"; off ({lookup['off']})" if lookup["off"] else "")
                )
        return result

    run(work, args.json)


if __name__ == "__main__":
    main()
