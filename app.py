"""Start the page: `python app.py`, then open http://127.0.0.1:7860."""

from __future__ import annotations

import argparse
import os
import sys

# Set before Gradio is imported: it calls out at import otherwise.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Sigma's demo: DiffQKV attention beside grouped-query attention.")
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), help="address to serve on")
    parser.add_argument("--port", type=int, help="default: GRADIO_SERVER_PORT, or the first free one from 7860")
    parser.add_argument("--checkpoint", metavar="PATH_OR_HUB_ID", help="Sigma checkpoint; default: the embedded one")
    parser.add_argument("--base", metavar="PATH_OR_HUB_ID", help="GQA base model; default: the one it was made from")
    parser.add_argument(
        "--tuned",
        default="auto",
        metavar="auto|off|FILE",
        help="tuned minima of the base; default: the checkpoint's own",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    parser.add_argument(
        "--weights", choices=("auto", "int4", "bf16", "fp32"), default="auto", help="how weights are held"
    )
    parser.add_argument("--offline", action="store_true", help="fetch nothing; use what is on this machine")
    parser.add_argument("--max-waiting", type=int, default=20, help="visitors that may wait in the queue")
    parser.add_argument("--together", type=int, default=8, help="visitors that are answered at the same time")
    parser.add_argument(
        "--kv-memory", type=float, metavar="GIB", help="most memory for K and V; default: half of what is free"
    )
    parser.add_argument(
        "--mcp",
        action=argparse.BooleanOptionalAction,
        default="SPACE_ID" in os.environ,
        help="the endpoints as tools for agents, at /gradio_api/mcp/; default: on Spaces only",
    )
    args = parser.parse_args(argv)
    for name in ("max_waiting", "together"):
        if getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, not {getattr(args, name)}")
    if args.kv_memory is not None and not 0 < args.kv_memory < 2**20:
        parser.error(f"--kv-memory must be a number of GiB above 0, not {args.kv_memory}")
    return args


def main(argv: list[str] | None = None) -> int:
    """Build the page around an engine that loads in the background, and serve it until interrupted."""
    args = parse(argv)
    if args.offline:
        os.environ["HF_HUB_OFFLINE"] = os.environ["SIGMA_OFFLINE"] = "1"

    from kernels.guard import check_foreign_distribution

    try:
        check_foreign_distribution()
    except RuntimeError as error:
        sys.exit(f"error: {error}")

    from sigma.observe import logs
    from sigma.observe.meter import Meter

    meter = Meter()
    try:
        logs.configure(meter)
    except ValueError as error:
        sys.exit(f"error: {error}")

    from visualizers.page.page import build_page, launch_options
    from visualizers.shared.loader import EngineLoader

    def load(progress):
        from sigma.engine.engine import load_engine

        kv_bytes = None if args.kv_memory is None else int(args.kv_memory * 2**30)
        engine = load_engine(args.checkpoint, args.base, args.device, args.weights, progress, args.tuned, kv_bytes)
        return meter.watched(engine)

    loader = EngineLoader(load, meter=meter)
    page = build_page(loader, args.max_waiting, together=args.together)
    # The page answers first: importing torch in the loader would hold the interpreter lock during start-up.
    page.launch(
        server_name=args.host,
        server_port=args.port,
        prevent_thread_lock=True,
        **launch_options(loader, args.max_waiting, args.together, args.mcp),
    )
    logs.adopt_server()
    loader.start()
    page.block_thread()
    return 0


if __name__ == "__main__":
    sys.exit(main())
