"""A text of the page itself is read once for all sessions; what a session asks is nobody else's."""

import threading

import pytest

from sigma.engine.engine import SigmaEngine
from sigma.events import ChatRequest
from tests.sigma.engine.test_same_answers import _no_native, answers, made, tokens_of, user

TEXT = "The page itself shows this text to everybody. " * 12
ROOM = dict(max_position_embeddings=1024)


@pytest.fixture(params=["native", "torch"])
def engine(request, monkeypatch):
    if request.param == "torch":
        monkeypatch.setattr("sigma.runtime.runtime.NativePath", _no_native)
    engine = SigmaEngine(made(**ROOM))
    yield engine
    engine.close()
    assert engine.cached_bytes() == 0


def reused(got):
    return {side: rows for side, (_, rows) in got.items()}


def test_another_session_reads_only_what_follows_and_answers_as_if_it_had_read_all(engine):
    question = [user(f"{TEXT}What is shown?")]
    alone = answers(engine, question, common="")
    assert engine.cached_bytes() == 0
    first = answers(engine, question, common=TEXT)
    second = answers(engine, question, common=TEXT)
    assert reused(first) == {"sigma": 0, "gqa": 0} and tokens_of(alone) == tokens_of(first) == tokens_of(second)
    least = 256 if engine.models["sigma"].runtime.path.cuts_freely is False else len(TEXT)
    assert all(least <= rows < len(TEXT) + 40 for rows in reused(second).values())
    other = answers(engine, [user(f"{TEXT}Who reads it?")], "a session", common=TEXT)
    assert reused(other) == reused(second)
    assert tokens_of(other) == tokens_of(answers(engine, [user(f"{TEXT}Who reads it?")]))


def test_only_the_text_is_shared_and_only_with_who_names_it(engine):
    secret = f"{TEXT}My own secret words, which go on for a while: " + "secret " * 40
    answers(engine, [user(secret)], common=TEXT)
    again = reused(answers(engine, [user(secret)], common=TEXT))
    assert all(rows <= len(TEXT) + 40 for rows in again.values())  # of the question itself nothing
    assert reused(answers(engine, [user(secret)])) == {"sigma": 0, "gqa": 0}
    assert reused(answers(engine, [user(secret)], common="Another text")) == {"sigma": 0, "gqa": 0}
    engine._common.free()
    answers(engine, [user("Something else. " * 20)], common=TEXT)  # which does not begin with it
    assert engine.cached_bytes() == 0
    answers(engine, [user("short text, short question")], common="short text")
    assert engine.cached_bytes() == 0


def test_a_session_that_kept_more_goes_on_from_its_own(engine):
    chat = [user(f"{TEXT}What is shown?" + " Tell me more." * 20)]
    answers(engine, chat, "mine", common=TEXT)
    longer = reused(answers(engine, [user(chat[0]["content"] + " And more.")], "mine", common=TEXT))
    anew = reused(answers(engine, [user(chat[0]["content"] + " And more.")], "other", common=TEXT))
    assert all(longer[side] > anew[side] > 0 for side in longer)


def test_it_is_freed_where_memory_is_wanted_and_read_again(engine):
    question = [user(f"{TEXT}What is shown?")]
    answers(engine, question, common=TEXT)
    held = engine.cached_bytes()
    assert held > 0
    answers(engine, question, common=TEXT)
    assert engine.cached_bytes() == held  # once
    engine._spare()
    assert engine.cached_bytes() == 0
    assert reused(answers(engine, question, common=TEXT)) == {"sigma": 0, "gqa": 0}


def test_nothing_is_copied_over_the_limit_of_memory(engine):
    question = [user(f"{TEXT}What is shown?")]
    engine._memory.limit = 3 * sum(model.side.config.kv_bytes(1024, 2)[0] for model in engine.models.values())
    answers(engine, question, common=TEXT)
    held = engine.cached_bytes()
    assert held > 0
    with engine._memory.hold(engine._memory.limit - held, "x", "x", "x"):
        assert not engine._memory.room(1)
        model = engine.models["gqa"]
        ids = engine._common._texts[id(model), TEXT].ids
        assert engine._common.better(model, ChatRequest({}, common=TEXT), ids, None) is None
    assert engine._common.better(model, ChatRequest({}, common=TEXT), ids, None).ids == ids


def test_no_room_for_a_copy_costs_no_answer(engine, monkeypatch):
    monkeypatch.setattr("sigma.model.cache.DiffKVCache.copied", lambda *_: (_ for _ in ()).throw(MemoryError()))
    got = answers(engine, [user(f"{TEXT}What is shown?")], common=TEXT)
    assert all(ids for ids, _ in got.values()) and engine.cached_bytes() == 0


def test_the_longest_unused_text_is_freed(engine, monkeypatch):
    monkeypatch.setattr("sigma.engine.common.MOST", 2)
    monkeypatch.setattr("sigma.engine.common.MOST", 4)

    def rows(name):
        return reused(answers(engine, [user(f"{name} {TEXT}?")], common=f"{name} {TEXT}"))["gqa"]

    assert [rows(name) > 0 for name in "abacba"] == [False, False, True, False, False, False]


def test_many_at_once_get_the_same(engine):
    question = [user(f"{TEXT}What is shown?")]
    wanted, found = tokens_of(answers(engine, question)), []
    threads = [
        threading.Thread(target=lambda: found.append(answers(engine, question, common=TEXT)), daemon=True)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(found) == 4 and all(tokens_of(one) == wanted for one in found)
