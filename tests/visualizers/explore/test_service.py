"""Questions and answers over tiny real models."""

import base64
import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sigma.events import SIDES, ChatRequest, PastRun, RunTokens
from tests.visualizers.explore.asking import RECORDING, VIEW, Asker, chat
from visualizers.explore import measures, service
from visualizers.explore.answers import PARTS
from visualizers.explore.handlers import ExploreHandlers
from visualizers.explore.payloads import ALPHABET
from visualizers.explore.recorded import read
from visualizers.explore.runs import from_past
from visualizers.explore.service import Explorer
from visualizers.shared.loader import EngineLoader


def near(row):
    """Weights [heads, columns] of a packed row."""
    steps = np.array([ALPHABET.index(c) for c in row["codes"]]).reshape(row["heads"], -1)
    return np.where(steps == 0, 0, 10.0 ** ((steps / 91 - 1) * 5))


def held(explorer):
    """What is kept of runs that were read again."""
    return [job for job in explorer._jobs.values() if job.found is not None]


def test_the_recorded_run_answers_everything_without_a_model():
    asker = Asker(Explorer(EngineLoader(lambda progress: None), read(RECORDING)))
    about = asker(op="open")
    assert about["recorded"] and about["tokens"] == len(about["pieces"]) and about["info"]["sigma"]["key_heads"] == 1
    for part in PARTS:
        answer = asker(**VIEW, parts=[part])
        assert "error" not in answer and part in answer, part
    assert "still loading" in asker(**VIEW, parts=["row"], text="gqa")["error"]
    assert "no such" not in asker(op="open", text="gqa").get("error", "")


def test_a_live_run_is_read_again_and_says_what_the_model_says(tiny, explorer):
    events = chat(tiny, "c1")
    run = explorer.add_run("hash", "c1")
    asker = Asker(explorer)
    asker.run = run.id
    about = asker(op="open", text="gqa")
    past = tiny.past_run("c1").sides["gqa"]
    assert about["tokens"] == len(past.ids) and about["text"] == "gqa" and about["writers"] == ["sigma", "gqa"]
    assert about["pieces"][: past.prompt_length] == list(next(e for e in events if e.side == "gqa").pieces)
    found = tiny.inspect("sigma", past.ids, past.prompt_length)
    query = past.prompt_length + 2
    parts = ["row", "linked", "figures", "select", "exact", "next"]
    answer = asker(**{**VIEW, "query": query}, parts=parts, text="gqa")
    wanted = found.weights(1, query, query + 1)[:, 0]
    assert near(answer["row"]) == pytest.approx(wanted, rel=0.07, abs=2e-5) and answer["row"]["side"] == "sigma"
    other = tiny.inspect("gqa", past.ids, past.prompt_length).weights(1, query, query + 1)[:, 0]
    assert near(answer["linked"]) == pytest.approx(other[2:3], rel=0.07, abs=2e-5)
    assert answer["linked"]["side"] == "gqa" and answer["linked"]["first"] == 2
    figures = answer["figures"]
    assert figures["gqa"]["smallest"] == measures.smallest_k(other, 0.99).tolist()
    assert figures["diverge"] == pytest.approx(measures.jensen_shannon(wanted, other), abs=1e-3)
    bits = np.frombuffer(base64.b64decode(answer["select"]["sigma"]["marks"]), np.uint8).reshape(9, -1)
    assert (np.unpackbits(bits, axis=1)[:, : query + 1] == measures.choose(wanted, 4)).all()
    assert answer["select"]["sigma"]["errors"] == pytest.approx(found.output_errors(1, query, [4])[:, 0], abs=1e-3)
    for side, one in (("sigma", found), ("gqa", tiny.inspect("gqa", past.ids, past.prompt_length))):
        by_word = {word: one.output_errors(1, query, [4], word).mean() for word in ("drop", "renormalize", "mean")}
        assert answer["select"][side]["missing"] == pytest.approx(by_word, abs=1e-4)
        assert len(set(answer["select"][side]["missing"].values())) == 3
    exact = np.frombuffer(base64.b64decode(answer["exact"]["weights"]), "<f4")
    assert exact == pytest.approx(wanted[2], abs=1e-6)
    told = found.next_tokens(query)
    assert answer["next"]["sigma"]["top"][0] == [
        tiny.piece("sigma", told.ids[0]),
        pytest.approx(told.probabilities[0], abs=1e-4),
        told.ids[0],
    ]
    assert answer["next"]["came"] == about["pieces"][query + 1]


def true_scores(found, layer, query):
    """Scaled products of one query with every key, float32 [n_q, query + 1]: what the softmax is taken of."""
    q, k = found._queries[layer][:, query - found.first_query].float(), found._keys[layer][:, : query + 1].float()
    k = k.repeat_interleave(found.query_heads // len(k), 0)
    return (torch.einsum("hd,htd->ht", q, k) * found.scale).numpy()


def test_scores_are_the_models(tiny, explorer):
    """A score is ln(weight) + log-sum-exp: near in what a hover has, exact in what a lock brings."""
    chat(tiny, "c8")
    run = explorer.add_run("hash", "c8")
    asker = Asker(explorer)
    asker.run = run.id
    text = run.text("sigma")
    n, query = len(text.ids), 20
    for side, other in (SIDES, SIDES[::-1]):
        found, beside = (tiny.inspect(name, text.ids, text.prompt_length) for name in (side, other))
        question = {**VIEW, "query": query, "side": side}
        answer = asker(**question, parts=["row", "linked", "maps", "head", "exact", "numbers"])
        for packed, one, heads in ((answer["row"], found, range(9)), (answer["linked"], beside, [2])):
            wanted, weights = true_scores(one, 1, query)[heads], near(packed)
            scores = np.log(np.maximum(weights, 1e-9)) + np.array(packed["lse"])[:, None]
            assert (weights > 0).mean() > 0.5
            assert scores[weights > 0] == pytest.approx(wanted[weights > 0], abs=0.08)
        exact = np.frombuffer(base64.b64decode(answer["exact"]["weights"]), "<f4")
        assert np.log(exact) + answer["exact"]["lse"] == pytest.approx(true_scores(found, 1, query)[2], abs=1e-4)
        assert answer["numbers"]["log_sum_exp"][side][2] == pytest.approx(answer["exact"]["lse"], abs=1e-4)
        alone, every = found.attend(1, 5, n, head=2), found.attend(1, 5, n)
        assert alone[0][0] == pytest.approx(every[0][2], abs=1e-6) and alone[1][0] == pytest.approx(
            every[1][2], abs=1e-5
        )
        for packed, heads in ((answer["maps"][side], range(9)), (answer["head"], [2])):  # width 1: every query's own
            codes = np.frombuffer(base64.b64decode(packed["lse"]["data"]), np.uint8).reshape(len(heads), n) / 255
            least, most = np.array(packed["lse"]["least"])[:, None], np.array(packed["lse"]["most"])[:, None]
            for at in (0, 7, query):
                wanted = np.log(np.exp(true_scores(found, 1, at)[heads].astype(np.float64)).sum(1))
                assert (least + codes * (most - least))[:, at] == pytest.approx(wanted, abs=0.05)


def test_overview_and_time_agree_with_the_rows(tiny, explorer):
    chat(tiny, "c2")
    run = explorer.add_run("hash", "c2")
    asker = Asker(explorer)
    asker.run = run.id
    answer = asker(**VIEW, parts=["overview", "time", "track", "maps", "head"])
    text = run.text("sigma")
    a, b = (tiny.inspect(side, text.ids, text.prompt_length) for side in SIDES)
    table = np.frombuffer(base64.b64decode(answer["overview"]["both"]["data"]), np.uint8).reshape(4, 9) / 255
    for layer in range(4):
        wanted = measures.jensen_shannon(a.weights(layer, 30, 31)[:, 0], b.weights(layer, 30, 31)[:, 0])
        assert table[layer] == pytest.approx(wanted, abs=0.003)
    first = answer["time"]["first"]
    bits = np.frombuffer(base64.b64decode(answer["time"]["marks"]), np.uint8).reshape(len(text.ids) - 1 - first, -1)
    marks = np.unpackbits(bits, axis=1)[:, : len(text.ids)]
    for query in range(first, len(text.ids) - 1):
        wanted = measures.choose(a.weights(1, query, query + 1)[2:3, 0], 4)[0]
        assert (marks[query - first, : query + 1] == wanted).all() and not marks[query - first, query + 1 :].any()
    assert len(answer["track"]["sigma"]) == text.steps == len(answer["track"]["agree"])


def test_one_run_is_read_once_per_side(tiny, explorer, monkeypatch):
    chat(tiny, "c3")
    read_again = []
    real = tiny.inspect
    monkeypatch.setattr(tiny, "inspect", lambda *a, **k: read_again.append(a[0]) or real(*a, **k))
    asker = Asker(explorer)
    asker.run = explorer.add_run("hash", "c3").id
    for layer in range(4):
        asker(**{**VIEW, "layer": layer}, parts=["maps", "row"])
    assert sorted(read_again) == ["gqa", "sigma"] and len(held(explorer)) == 2
    explorer.close("hash")
    assert not held(explorer)
    assert "reload" in asker(op="open")["error"]


def test_memory_of_all_visitors_is_bounded(tiny, explorer, monkeypatch):
    monkeypatch.setattr(service, "limits", lambda: SimpleNamespace(explore_memory=1))
    askers = []
    for i in range(3):
        chat(tiny, f"m{i}")
        asker = Asker(explorer, f"hash{i}")
        asker.run = explorer.add_run(f"hash{i}", f"m{i}").id
        assert "row" in asker(**VIEW, parts=["row"])
        askers.append(asker)
    assert len(held(explorer)) == 2
    assert "row" in askers[0](**VIEW, parts=["row"])  # read again


def test_a_visitor_who_leaves_ends_the_reading(tiny, explorer, monkeypatch):
    chat(tiny, "c4")
    begun, go_on, ended = threading.Event(), threading.Event(), []

    def slow(side, ids, prompt, gone, progress, tuned):
        begun.set()
        go_on.wait(5)
        ended.append(gone.is_set())
        raise RuntimeError("cancelled")

    monkeypatch.setattr(tiny, "inspect", slow)
    asker = Asker(explorer)
    asker.run = explorer.add_run("hash", "c4").id
    assert asker.once(**VIEW, parts=["row"])["pending"] == 0
    assert begun.wait(5)
    explorer.close("hash")
    go_on.set()
    for _ in range(100):
        if ended:
            break
        time.sleep(0.02)
    assert ended[0] and not held(explorer)


@pytest.mark.parametrize(
    "change,words",
    [
        (dict(layer=30), "layer must be between 0 and 29"),
        (dict(layer="3"), "layer must be a number, not a text"),
        (dict(layer=None), "layer is missing"),
        (dict(layer=True), "layer must be"),
        (dict(query=10**9), "query must be between"),
        (dict(query=-1), "query must be between"),
        (dict(k=0), "k must be between 1"),
        (dict(k=float("nan")), "k must be"),
        (dict(head=9), "head must be between 0 and 8"),
        (dict(side="left"), "side must be one of"),
        (dict(side=["sigma"]), "no sense"),
        (dict(parts=[]), "parts must be"),
        (dict(parts=["everything"]), "parts must be"),
        (dict(parts=[["maps"]]), "no sense"),
        (dict(text="nobody"), "no text of"),
        (dict(op="delete"), "nothing else"),
        (dict(run="0" * 32), "not known"),
        (dict(run=None), "not known"),
        (dict(page="0" * 32), "reload"),
        (dict(page=None), "reload"),
    ],
)
def test_bad_questions_get_a_message(explorer, change, words):
    asker = Asker(explorer)
    answer = asker.once(**{**VIEW, "parts": ["select", "time"], **change})
    assert words in answer["error"]


def test_one_visitors_run_is_not_anothers(tiny, explorer):
    chat(tiny, "c7")
    run = explorer.add_run("hash", "c7")
    stranger = Asker(explorer, "stranger")
    stranger.run = run.id
    assert "not known" in stranger(op="open")["error"]


def test_an_empty_and_a_one_token_run(tiny, explorer):
    assert explorer.add_run("hash", "never chatted") is None and explorer.add_run("hash", None) is None
    request = ChatRequest({"sigma": [{"role": "user", "content": "x"}]})
    with pytest.raises(Exception, match="empty"):
        from_past(PastRun(request, {"sigma": RunTokens((), 0)}), tiny.piece)
    one = from_past(PastRun(request, {"sigma": RunTokens((7,), 1)}), tiny.piece)
    asker = Asker(explorer)
    explorer.pages.get(asker.page).add(one)
    asker.run = one.id
    assert asker(op="open")["steps"] == 0
    for part in PARTS:
        answer = asker(**{**VIEW, "query": 0, "text": "sigma"}, parts=[part])
        assert part in answer, (part, answer)


@pytest.mark.parametrize("question", ["", "{", "[]", "3", None, 7, "[" * 200_000, "x" * 200_000, b"x"])
def test_the_endpoint_survives_anything(question):
    handlers = ExploreHandlers(EngineLoader(lambda progress: None), RECORDING)
    assert "error" in json.loads(handlers.ask(question))
