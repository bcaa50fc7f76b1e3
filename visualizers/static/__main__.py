"""Write the page without a server: `python -m visualizers.static DEST`, then open DEST/index.html."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from visualizers.static import folder
from visualizers.static.card import check_space
from visualizers.static.page import build


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m visualizers.static", description=__doc__.splitlines()[0])
    parser.add_argument("dest", type=Path, metavar="DEST", help="folder to write, new or empty")
    parser.add_argument("--space", metavar="OWNER/NAME", help="the live page's Space, to link to and to duplicate")
    parser.add_argument(
        "--run", type=Path, action="append", default=[], metavar="FILE", help="a further run, by visualizers.record"
    )
    parser.add_argument("--force", action="store_true", help="write a folder again that this command wrote before")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(argv)
    if args.space:
        try:
            check_space(args.space)
        except ValueError as error:
            parser.error(str(error))
    return args


def main(argv: list[str] | None = None) -> int:
    """Build all files, write them and say what was written; 2 when it cannot be done."""
    args = parse(argv)
    try:
        folder.check(args.dest, args.force)  # before the work
        files = build(args.run, args.space)
        size = folder.write(args.dest, files, args.force)
    except (OSError, ValueError) as error:
        print(f"not written: {error}", file=sys.stderr)
        return 2
    if args.json:
        sizes = {name: len(content) for name, content in files.items()}
        print(json.dumps({"folder": str(args.dest), "bytes": size, "files": sizes, "space": args.space}))
        return 0
    for name, content in files.items():
        print(f"{len(content):>10,}  {name}")
    print(f"{size:>10,}  bytes in {args.dest}; open {args.dest / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
