"""Microsoft's parser, where `python -m sigma.aimicius.nl2kql.strict` has fetched it: both parsers say the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sigma.aimicius.contract import verdict_of
from sigma.aimicius.nl2kql import strict
from sigma.aimicius.nl2kql.language import parse, references
from sigma.aimicius.nl2kql.language.keywords import KEYWORDS, PLAIN
from sigma.aimicius.nl2kql.schema import fleet
from sigma.aimicius.nl2kql.task import Nl2kql
from tests.aimicius.nl2kql.broken import BREAKERS
from tests.aimicius.nl2kql.queries import ACCEPTED, REFUSED, places_of

TASK = Nl2kql(execute=False, use_strict=True)
PAIRS = os.environ.get("SIGMA_NL2KQL_PAIRS", "")
needs_parser = pytest.mark.skipif(
    not strict.present(), reason="the strict parser was not fetched, or has no JavaScript engine"
)


@pytest.fixture(scope="module", autouse=True)
def parser_ends():
    yield
    strict.close()


def corpus() -> list[str]:
    truths = [case.truth for case in TASK.generate("dev")]
    if PAIRS:
        lines = Path(PAIRS).read_text(encoding="utf-8").splitlines()
        truths += [json.loads(line)["baseline"].rstrip() for line in lines if line.strip()]
    changes = list(BREAKERS.values())
    return truths + [changes[i % len(changes)](truth) for i, truth in enumerate(truths)]


@needs_parser
def test_the_parsers_agree():
    queries = corpus()
    differ = [query for query in queries if parse.parse(query).ok != (not strict.judge(query, fleet())[0])]
    assert len(differ) <= 0.005 * len(queries), differ


@needs_parser
def test_what_the_default_parser_mends_is_what_microsofts_takes():
    expected = [pair for word in sorted(KEYWORDS) for pair in places_of(word)]
    expected += [(f"T | count as {word}", True) for word in sorted(PLAIN)]
    expected += [(query, True) for query in ACCEPTED] + [(query, False) for query in REFUSED]
    differ = [query for query, right in expected if (not strict.judge(query, fleet())[0]) is not right]
    assert differ == []


@needs_parser
def test_an_unknown_function_is_no_table():
    _, found = strict.judge("GpuMetrics | invoke f(5)", fleet())
    assert found.tables == {"GpuMetrics"}
    assert "KS211" in found.diagnostics[0].message


@needs_parser
def test_both_read_the_same_names():
    for case in list(TASK.generate("test")) + TASK.examples():
        syntax, found = strict.judge(case.truth, fleet())
        other = references.read(parse.parse(case.truth), fleet())
        assert not syntax and not found.diagnostics
        for part in references.PARTS:
            assert found.part(part) == other.part(part), case.truth


@needs_parser
def test_the_verdict_says_who_judged():
    case = TASK.examples()[0]
    verdict = verdict_of(TASK, case, case.truth)
    assert {score.value for score in verdict.scores.values()} == {1.0}
    assert "Microsoft" in verdict.scores["Syntax Acc."].reason
    assert (
        "KS142"
        in next(p for p in verdict_of(TASK, case, "XidErrors | where Foo == 1").parts if p.name == "Syntax").view[
            "diagnostics"
        ][0]["message"]
    )


def test_a_failing_parser_is_replaced_by_the_default(monkeypatch):
    def fail(query, schema):
        raise strict.StrictError("gone")

    monkeypatch.setattr(strict, "judge", fail)
    case = TASK.examples()[0]
    verdict = verdict_of(TASK, case, case.truth)
    assert verdict.scores["Syntax Acc."].value == 1.0
    assert "default parser judged" in next(part.text for part in verdict.parts if part.name == "Syntax")


def test_the_command_says_nothing_of_its_own_import(tmp_path):
    """As a user starts it: the package must not have imported the module before."""
    done = subprocess.run(
        [sys.executable, "-m", "sigma.aimicius.nl2kql.strict", "--tarball", str(tmp_path / "none.tgz")],
        capture_output=True, text=True, env={**os.environ, "SIGMA_CACHE": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: the package cannot be stored") and "Warning" not in done.stderr


def test_another_tarball_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SIGMA_CACHE", str(tmp_path / "cache"))
    wrong = tmp_path / "wrong.tgz"
    wrong.write_bytes(b"no tarball")
    with pytest.raises(strict.StrictError, match="nothing was kept"):
        strict.fetch(wrong)
    assert not strict.folder().exists()
    assert not strict.present()
    assert strict.main(["--tarball", str(tmp_path / "none.tgz")]) == 1
    assert "cannot be stored" in capsys.readouterr().err


def test_npm_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGMA_CACHE", str(tmp_path))
    monkeypatch.setattr(strict.shutil, "which", lambda name: None)
    with pytest.raises(strict.StrictError, match="npm is not installed"):
        strict.fetch()
