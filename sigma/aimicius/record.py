"""Figures of finished evaluations, side beside side: means, and the paired difference with its 95 % interval.

    python -m sigma.aimicius.record sigma.jsonl gqa.jsonl --model "SmolLM2-135M, tuned" --out assets/sigma-135m/aimicius.json

The files are what `sigma.aimicius.evaluate --verdicts` wrote. Where both sides answered the same cases, Sigma's score less
the GQA model's is taken case by case, so that hard and easy questions cancel; the interval is the mean +- 1.96 standard
errors. --out keeps what the file already says of other models.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from statistics import NormalDist, fmean, stdev
from typing import Any

from sigma.aimicius import NAMES, load_task
from sigma.aimicius.contract import CaseError, Score, Verdict, json_rows, read_text
from sigma.aimicius.evaluate import EXAMPLES
from sigma.aimicius.scoring import Tally
from sigma.cli import parser_for, run, table

NORMAL_95 = NormalDist().inv_cdf(0.975)
KEYS = ("task", "side", "data", "group", "id", "scores")

Rows = dict[tuple[str, str, str], dict[str, dict[str, Any]]]  # (task, data, side) -> id -> row


def read_verdicts(paths: Iterable[Path]) -> Rows:
    """The rows of verdict files. Raises CaseError, naming the line, for what is none or is there twice."""
    found: Rows = {}
    for path in paths:
        for where, row in json_rows(read_text(path), path.name):
            if not isinstance(row, dict) or any(key not in row for key in KEYS) or row["task"] not in NAMES:
                raise CaseError(f"{where}: not a verdict of sigma.aimicius.evaluate --verdicts")
            cases = found.setdefault((row["task"], row["data"], row["side"]), {})
            if row["id"] in cases:
                raise CaseError(f"{where}: the case {row['id']!r} of {row['data']} has a verdict of that side already")
            cases[row["id"]] = row
    if not found:
        raise CaseError("the files hold no verdicts")
    return found


def value(row: dict[str, Any], metric: str) -> float | None:
    """A row's score of a metric, 0 to 1; None where it does not apply."""
    return (row["scores"].get(metric) or {}).get("value")


def outcome(row: dict[str, Any], primary: Iterable[str]) -> str:
    """What became of one case: "right" in all primary metrics that apply, "wrong" in none, else "partly".

    By all metrics where no primary one applies, and "" where none does.
    """
    named = [name for name in primary if value(row, name) is not None] or list(row["scores"])
    scored = [score for name in named if (score := value(row, name)) is not None]
    if not scored:
        return ""
    return "right" if min(scored) >= 1 else "partly" if max(scored) > 0 else "wrong"


def reports(found: Rows) -> Iterator[dict[str, Any]]:
    """For each task, data and side: {task, data, side, n, metrics: percent, groups, finished_by}; of examples also `outcomes`."""
    for (name, data, side), cases in sorted(found.items()):
        metrics = tuple(metric.name for metric in load_task(name).metrics)
        whole, groups = Tally(metrics), {}
        finished: dict[str, int] = {}
        for row in cases.values():
            verdict = Verdict({metric: Score(value(row, metric), "") for metric in metrics})
            whole.add(verdict)
            if row["group"]:
                groups.setdefault(row["group"], Tally(metrics)).add(verdict)
            if row.get("finish"):
                finished[row["finish"]] = finished.get(row["finish"], 0) + 1
        report: dict[str, Any] = {"task": name, "data": data, "side": side, "n": whole.n, "metrics": whole.metrics()}
        if groups:
            report["groups"] = {g: {"n": tally.n, "metrics": tally.metrics()} for g, tally in sorted(groups.items())}
        if data == EXAMPLES:
            primary = [metric.name for metric in load_task(name).metrics if metric.primary]
            report["outcomes"] = {case: outcome(row, primary) for case, row in cases.items()}
        yield report | {"finished_by": dict(sorted(finished.items()))}


def interval(differences: list[float]) -> tuple[float, float, float]:
    """(mean, low, high) of the 95 % interval of a mean, by the normal law; one difference has no interval (NaN)."""
    mean = fmean(differences)
    if len(differences) < 2:
        return mean, math.nan, math.nan
    half = NORMAL_95 * stdev(differences) / math.sqrt(len(differences))
    return mean, mean - half, mean + half


def pairs(found: Rows) -> Iterator[dict[str, Any]]:
    """For each task, data and metric that both sides were judged by: percentage points of Sigma less GQA, low and high."""
    for name, data in sorted({key[:2] for key in found}):
        mine, theirs = found.get((name, data, "sigma"), {}), found.get((name, data, "gqa"), {})
        both = [(mine[case], theirs[case]) for case in mine if case in theirs]
        for metric in load_task(name).metrics:
            scored = [(value(a, metric.name), value(b, metric.name)) for a, b in both]
            differences = [100 * (a - b) for a, b in scored if a is not None and b is not None]
            if differences:
                mean, low, high = (None if math.isnan(x) else round(x, 2) for x in interval(differences))
                row = {"task": name, "data": data, "metric": metric.name, "primary": metric.primary}
                yield row | {"n": len(differences), "difference": mean, "low": low, "high": high}


def merged(path: Path, new: dict[str, Any], model: str) -> dict[str, Any]:
    """The file's content with this model's figures in the place of those of the same tasks and data. Raises CaseError."""
    old: dict[str, Any] = {"reports": [], "paired": []}
    if path.exists():
        try:
            old = json.loads(read_text(path))
            for part in ("reports", "paired"):
                assert all({"model", "task", "data"} <= row.keys() for row in old[part])
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
            raise CaseError(f"{path} holds something else than recorded figures") from error
    result: dict[str, Any] = {}
    for part in ("reports", "paired"):
        named = [{"model": model, "date": date.today().isoformat(), **row} for row in new[part]]
        replaced = {(row["task"], row["data"], row.get("side")) for row in new[part]}
        kept = [r for r in old[part] if r["model"] != model or (r["task"], r["data"], r.get("side")) not in replaced]
        result[part] = sorted(kept + named, key=lambda r: (r["task"], r["data"], r["model"], r.get("side", "")))
    return result


def main(argv: list[str] | None = None) -> None:
    parser = parser_for(__doc__)
    parser.add_argument("verdicts", type=Path, nargs="+", metavar="FILE", help="of sigma.aimicius.evaluate --verdicts")
    parser.add_argument(
        "--model", default="the default model", help="whose verdicts these are, as tables shall name it"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON file to keep the figures in, beside others'")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    args = parser.parse_args(argv)

    def work() -> dict:
        found = read_verdicts(args.verdicts)
        result = {"reports": list(reports(found)), "paired": list(pairs(found))}
        if args.out is not None:
            whole = merged(args.out, result, args.model)
            part = args.out.with_suffix(".part")
            part.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            part.replace(args.out)
        if not args.json:
            shown = [
                (r["task"], r["data"], r["side"], r["n"], name.upper() if m.primary else name, r["metrics"][name])
                for r in result["reports"]
                for m in load_task(r["task"]).metrics
                for name in (m.name,)
            ]
            print(table(shown, ("task", "data", "side", "n", "metric", "percent")))
            shown = [
                tuple(r[k] for k in ("task", "data", "metric", "n", "difference", "low", "high"))
                for r in result["paired"]
            ]
            if shown:
                print("\nSigma less GQA, percentage points, the same cases paired")
                print(table(shown, ("task", "data", "metric", "n", "difference", "low", "high")))
        return result

    run(work, args.json)


if __name__ == "__main__":
    main()
