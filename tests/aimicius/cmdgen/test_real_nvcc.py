"""Where a real nvcc 13 is at hand, our reading of its command line is held to it: refusals word for word, pairs by dry run."""

import re
import shlex
import shutil
import subprocess

import pytest

from sigma.aimicius.cmdgen.command import read
from sigma.aimicius.cmdgen.simulator import run
from tests.aimicius.cmdgen.pairs import rows
from tests.aimicius.cmdgen.test_refusals import REFUSED


def version():
    if shutil.which("nvcc") is None:
        return ""
    said = subprocess.run(["nvcc", "--version"], capture_output=True, text=True, timeout=60).stdout
    return (re.search(r"release (\d+)\.", said) or ["", ""])[1]


pytestmark = pytest.mark.skipif(version() != "13", reason="needs nvcc 13")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("nvcc")
    for name in "kab":
        (place / f"{name}.cu").write_text("__global__ void k(float* x) { x[threadIdx.x] *= 2; }\n")
    return place


def dry(line, folder):
    """Exit code and the words of every step; names of temporary files and the log of flags left out."""
    program, *words = shlex.split(line)
    done = subprocess.run([program, "--dryrun", *words], cwd=folder, capture_output=True, text=True, timeout=60)
    said = re.sub(
        r"tmpxft_[0-9a-f]+_[0-9a-f]+-?\d*|/tmp/\S+|_\d{5,}_|--cmdline=\"[^\"]*\"", "", done.stdout + done.stderr
    )
    said = re.sub(r"--(frandom-seed|module_id_file_name|stub_file_name|gen_module_id_file)\S*", "", said)
    return [str(done.returncode), *said.split()]


def test_refusals_word_for_word(folder):
    lines = [line for _, line, _ in REFUSED if line.startswith("nvcc")]
    assert len(lines) >= 8
    for line in lines:
        real = subprocess.run(shlex.split(line), cwd=folder, capture_output=True, text=True, timeout=60)
        assert real.returncode != 0
        assert run(read(line, "NVIDIA"), "8xH100").output == real.stdout + real.stderr, line


def test_pairs_by_dry_run(folder):
    pairs = [(one, same, other) for _, one, same, other in rows() if one.startswith("nvcc")]
    assert len(pairs) >= 30
    for one, same, other in pairs:
        first, second = dry(one, folder), dry(other, folder)
        if same:  # some parts come in another order: macros, images of the fat binary
            assert sorted(first) == sorted(second), (one, other)
        else:
            assert first != second, (one, other)
