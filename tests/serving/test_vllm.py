"""vLLM serves our models: token for token, at the formula's bytes, over OpenAI's API. tests/serving/vllm.sh runs them.

Each run of vLLM is a process of its own (tests/serving/vllm_run.py), shared by the tests that look at it.
"""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.serving import vllm_models as models

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None,
    reason="vLLM is not installed here: tests/serving/vllm.sh makes an environment of its own for it",
)
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",  # tiny models, and ranks that share two cores: threads would only wait for each other
}
TABLE = os.environ.get("SIGMA_VLLM_TABLE")  # rows of the table that vllm.sh prints are appended to this file


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Tiny models on disk, written when they are first asked for; and the answers of our own class."""
    root, answers = tmp_path_factory.mktemp("models"), {}

    def folder(name: str) -> Path:
        shape = models.SHAPES[name] if name in models.SHAPES else models.REFUSED[name][0]
        if not (root / name).exists():
            models.write_tiny(root / name, shape)
        return root / name

    def answer(name: str):
        if name not in answers:
            answers[name] = models.our_answers(folder(name))
        return answers[name]

    folder.answers = answer
    return folder


@pytest.fixture(scope="module")
def run():
    """Results of a run by folder name, and its log; a run is made once."""
    made = {}

    def call(folders: list[Path], *options: str) -> tuple[dict, str]:
        key = (*map(str, folders), *options)
        if key not in made:
            made[key] = vllm(folders, *options)
        return made[key]

    return call


@contextmanager
def process(*command: str):
    """A process of Python with its log in a file; it and what it started are ended afterwards."""
    with tempfile.TemporaryFile("w+") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

        def written() -> str:
            log.seek(0)
            return log.read()

        try:
            yield child, written
        finally:
            for signal in (15, 9):
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal)
                with suppress(subprocess.TimeoutExpired):
                    child.wait(30)


def vllm(folders: list[Path], *options: str) -> tuple[dict, str]:
    with process("tests.serving.vllm_run", *map(str, folders), *options) as (child, written):
        child.wait(1800)
        log = written()
    lines = [line.removeprefix("RESULT ") for line in log.splitlines() if line.startswith("RESULT ")]
    assert len(lines) == len(folders), log[-6000:]
    return {found["folder"]: found for found in map(json.loads, lines)}, log


def compare(label: str, found: dict, answers: list, ranks: int = 1) -> tuple[int, int, float]:
    """(equal tokens, tokens, worst difference of a log probability up to the first other token); a row of the table."""
    assert "error" not in found, found["error"]
    equal = total = 0
    worst = 0.0
    for tokens, logprobs, ours in zip(found["tokens"], found["logprobs"], answers, strict=True):
        assert len(tokens) == len(ours.tokens)
        total += len(tokens)
        equal += sum(a == b for a, b in zip(tokens, ours.tokens))
        for a, b, theirs, own in zip(tokens, ours.tokens, logprobs, ours.logprobs):
            if a != b:
                break
            worst = max(worst, abs(theirs - own))
    per_token = found["allocated"][0]["bytes"] / found["allocated"][0]["tokens"]
    row(
        f"| {label} | {ranks} | {equal}/{total} | {worst:.0e} | {per_token:,.0f} | {found['load_s']:.0f} + {found['generate_s']:.0f} s |"
    )
    return equal, total, worst


def row(text: str) -> None:
    if TABLE:
        with open(TABLE, "a", encoding="utf-8") as file:
            file.write(text + "\n")


def check(name: str, folders, results: dict, ranks: int = 1, label: str = "") -> None:
    """Every token ours, and every rank's tensors as large as the formula says."""
    from sigma import SigmaConfig
    from sigma.serving.vllm.shards import cache_bytes

    config = SigmaConfig(**models.SHAPES[name])
    equal, total, worst = compare(label or name, results[name], folders.answers(name), ranks)
    assert equal == total == len(models.SIZES) * models.NEW and worst < 1e-3
    assert len(results[name]["allocated"]) == ranks
    for rank in results[name]["allocated"]:
        assert rank["bytes"] == rank["tokens"] * cache_bytes(config, ranks, 4) > 0
    if ranks == 1:
        assert cache_bytes(config, 1, 4) == sum(config.kv_bytes(1, 4))


ONE_RANK = [name for name in models.SHAPES if name != "8-1-4"]


@pytest.mark.parametrize("name", ONE_RANK)
def test_one_rank(name, folders, run):
    results, _ = run([folders(one) for one in (*ONE_RANK, *models.REFUSED)])
    check(name, folders, results)


@pytest.mark.parametrize("name", models.REFUSED)
def test_what_vllm_cannot_map_is_refused_with_the_numbers(name, folders, run):
    results, _ = run([folders(one) for one in (*ONE_RANK, *models.REFUSED)])
    assert models.REFUSED[name][1] in results[name]["error"]


def test_selective_v_is_served_with_all_rows_and_says_so(folders, run):
    _, log = run([folders(one) for one in (*ONE_RANK, *models.REFUSED)])
    assert log.count("selective_v_top_k is 3: vLLM fetches all V rows") == 1


def test_prompts_in_chunks(folders, run):
    results, _ = run([folders("9-1-3"), folders("half-k")], "--chunk", "32")
    check("9-1-3", folders, results, label="9-1-3, prompts in chunks of 32")
    check("half-k", folders, results, label="half-k, prompts in chunks of 32")


def test_compiled(folders, run):
    results, _ = run([folders("32-4-16")], "--compile")
    check("32-4-16", folders, results, label="32-4-16, torch.compile")


@pytest.mark.parametrize("name", ["8-2-4", "8-1-4", "half-k", "qk-norm-bias"])
def test_two_ranks(name, folders, run):
    results, _ = run([folders(one) for one in ("8-2-4", "8-1-4", "half-k", "qk-norm-bias")], "--ranks", "2")
    check(name, folders, results, ranks=2)


def test_three_ranks(folders, run):
    results, _ = run([folders("9-1-3")], "--ranks", "3")
    check("9-1-3", folders, results, ranks=3)


# The default model: its own weights, words and all.

QUESTIONS = ("What is a GPU?", "Write one sentence about the sea.", "How do I list files in a folder on Linux?")


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    from sigma.serving import export
    from tests.real import need_default_pair

    need_default_pair()
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("default") / "sigma"
    export.main([str(folder), "--json"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=False
        )
        for text in QUESTIONS
    ]
    prompts.append(tokenizer((ROOT / "LICENSE").read_text("utf-8"))["input_ids"][:600])
    models.write_prompts(folder, prompts, new=32, context=1024)
    return folder, tokenizer


@pytest.mark.base
def test_the_default_model_s_greedy_text_is_ours(default, run):
    folder, tokenizer = default
    results, _ = run([folder])
    ours = models.our_answers(folder)
    equal, total, worst = compare("Sigma-135M, fp32", results["sigma"], ours)
    assert equal == total == 128 and worst < 1e-3
    assert [tokenizer.decode(tokens) for tokens in results["sigma"]["tokens"]] == [
        tokenizer.decode(o.tokens) for o in ours
    ]
    (rank,) = results["sigma"]["allocated"]
    assert rank["bytes"] == rank["tokens"] * 32_768


@pytest.mark.base
def test_the_default_model_on_three_ranks(default, run):
    folder, _ = default
    results, _ = run([folder], "--ranks", "3")
    equal, total, worst = compare("Sigma-135M, fp32", results["sigma"], models.our_answers(folder), 3)
    assert equal == total == 128 and worst < 1e-3
    assert len(results["sigma"]["allocated"]) == 3
    for rank in results["sigma"]["allocated"]:  # of one K head a copy, of three one, and of the V heads one
        assert rank["bytes"] == rank["tokens"] * 15_360


@pytest.mark.base
def test_the_default_model_in_bf16(default, run):
    folder, _ = default
    results, _ = run([folder], "--dtype", "bfloat16")
    ours = models.our_answers(folder)  # in fp32, on the same bf16 weights
    equal, total, _ = compare("Sigma-135M, bf16", results["sigma"], ours)
    for tokens, answer in zip(results["sigma"]["tokens"], ours):  # a first other token only where two were nearly even
        first = next((i for i, (a, b) in enumerate(zip(tokens, answer.tokens)) if a != b), None)
        assert first is None or answer.gaps[first] < 0.2
    assert equal >= total // 2
    (rank,) = results["sigma"]["allocated"]
    assert rank["bytes"] == rank["tokens"] * 16_384


@contextmanager
def server(folder: Path):
    """vLLM's server of OpenAI's API on the folder; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    options = ["--model", str(folder), "--served-model-name", "sigma", "--host", "127.0.0.1", "--port", port]
    options += ["--max-model-len", "1024", "--enforce-eager", "--dtype", "float32"]
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + 900
    with process("vllm.entrypoints.openai.api_server", *options) as (child, written):
        while True:
            assert child.poll() is None, written()[-6000:]
            assert time.monotonic() < until, "vLLM's server did not start within 15 minutes\n" + written()[-6000:]
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(1)
        yield f"{address}/v1"


@pytest.mark.base
def test_the_server_answers_openai_s_client(default):
    openai = pytest.importorskip("openai")
    folder, tokenizer = default
    ours = tokenizer.decode(models.our_answers(folder)[0].tokens, skip_special_tokens=True)
    with server(folder) as address, openai.OpenAI(base_url=address, api_key="none", timeout=300) as client:
        assert [model.id for model in client.models.list()] == ["sigma"]
        asked = dict(model="sigma", messages=[{"role": "user", "content": QUESTIONS[0]}], temperature=0, max_tokens=32)
        whole = client.chat.completions.create(**asked)
        pieces = [
            c.choices[0].delta.content or "" for c in client.chat.completions.create(**asked, stream=True) if c.choices
        ]
    assert whole.choices[0].message.content == ours == "".join(pieces)
    row(
        f"| OpenAI's client, Sigma-135M: the same text, whole and streamed | 1 | {whole.usage.completion_tokens}/32 | | | |"
    )
