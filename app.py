"""Start the page: `python app.py`, then open http://127.0.0.1:7860."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from sigma.limits import options
from sigma.limits.current import apply, unknown
from sigma.limits.settings import LimitError, Limits

# Set before Gradio is imported: it calls out at import otherwise.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
if "SPACE_ID" in os.environ:  # nothing reaches a Space but by its proxy, which says for whom it asks
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "*")


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
    parser.add_argument(
        "--mcp",
        action=argparse.BooleanOptionalAction,
        default="SPACE_ID" in os.environ,
        help="the endpoints as tools for agents, at /gradio_api/mcp/; default: on Spaces only",
    )
    options.add_options(parser)
    args = parser.parse_args(argv)
    try:
        Limits.read(options.given(args))
    except LimitError as error:
        parser.error(str(error))
    return args


def _engine(args: argparse.Namespace, limits: Limits, gpu, progress):
    """The engine that the options ask for; `gpu` lends it one for each answer, if there is such."""
    kv_bytes = None if limits.kv_memory is None else int(limits.kv_memory * 2**30)
    how = args.checkpoint, args.base, args.device, args.weights, progress, args.tuned, kv_bytes
    if gpu is not None:
        from sigma.engine.lent import load_lent_engine

        return load_lent_engine(gpu, *how)
    from sigma.engine.engine import load_engine

    return load_engine(*how)


def main(argv: list[str] | None = None) -> int:
    """Build the page around an engine that loads in the background, and serve it until interrupted."""
    from visualizers.page import zerogpu

    gpu = zerogpu.lender()  # before anything that imports torch or Gradio
    args = parse(argv)
    limits = apply(options.given(args))
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
        print(f"error: {error}", file=sys.stderr)
        return 2
    for said in unknown():
        logging.getLogger("sigma.limits").warning("%s", said)

    from visualizers.page.page import build_page, launch_options
    from visualizers.shared.loader import EngineLoader

    loader = EngineLoader(lambda progress: meter.watched(_engine(args, limits, gpu, progress)), meter=meter)
    if gpu is not None:  # weights are put on its GPU before the page is served, and in this thread alone
        loader.load()
    page = build_page(loader)
    # The page answers first: importing torch in the loader would hold the interpreter lock during start-up.
    page.launch(
        server_name=args.host,
        server_port=args.port,
        prevent_thread_lock=True,
        **launch_options(loader, args.mcp, lent=gpu is not None),
    )
    logs.adopt_server()
    loader.start()
    if limits.self_check == "fail":
        loader.wait()
        if loader.engine is None:
            page.close()
            print(f"error: {loader.status.text}", file=sys.stderr)
            return 2
    page.block_thread()
    return 0


if __name__ == "__main__":
    sys.exit(main())
