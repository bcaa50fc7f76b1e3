"""The load measurement, small: a few visitors of the fake engine, all counted, and what it finds where something is wrong."""

import json

import httpx
import pytest

from tests.apart import awaited, in_thread
from tests.bench import load
from tests.bench.visitor import Page, Visitor
from tests.fake_engine import FakeEngine
from tests.visualizers.server import launch


def test_a_few_visitors_of_the_real_application_are_all_counted(capsys):
    """Ten in six seconds, two of whom close their tab; the exit status says that nothing was lost or left behind."""
    arguments = ["--visitors", "100", "--minutes", "0.1", "--leave", "2", "--delay", "0.02", "--tokens", "12", "--json"]
    status = in_thread(load.main, arguments)
    found = json.loads(capsys.readouterr().out)
    assert status == 0, found
    assert (found["visitors"], found["left"], found["failed"], found["heard_others"]) == (10, 2, 0, 0)
    assert found["finished"] + found["refused"] == 8 and found["finished"] >= 1
    assert found["tokens"] == found["finished"] * 2 * 12
    assert 0 < found["first_token_s"]["p50"] <= found["first_token_s"]["p99"]
    assert found["server"]["memory_mb"]["most"] > 50 and found["server"]["threads"]["most"] >= 4
    assert set(found["held_at_the_end"].values()) == {0.0}


@pytest.fixture(scope="module")
def served():
    engine = FakeEngine(words=20)
    page, url, loader = launch(engine)
    assert loader.wait(30)
    yield engine, url
    page.close()


def visit(url, change=lambda visitor: None):
    async def go():
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            visitor = Visitor(http, Page.read((await http.get("/config")).json()))
            change(visitor)
            return await visitor.visit("hello", 20)

    return awaited(go())


def test_an_error_on_the_way_a_refusal_and_a_strangers_text_are_found(served):
    engine, url = served
    whole = visit(url)
    assert (whole.outcome, whole.tokens, whole.others) == ("finished", 40, set())
    engine.fail_next = RuntimeError("broken")
    refused = visit(url)
    assert refused.outcome == "refused" and "Something went wrong" in refused.message

    def deaf_to_its_own(visitor):
        real, visitor.mark = visitor.mark, "mark000000000000"
        visitor._ask = lambda prompt, tokens, ask=visitor._ask: ask(prompt.replace(visitor.mark, real), tokens)

    heard = visit(url, deaf_to_its_own)
    assert heard.outcome == "finished" and len(heard.others) == 1, "a mark that is not the visitor's"
    samples = [{"memory_mb": 1.0, "threads": 1, "files": 1}]
    assert load.told([heard, whole], samples, {})["heard_others"] == 1


def test_text_that_is_taken_back_and_a_stream_without_an_end_are_failures(served):
    url = served[1]
    taken = visit(url, lambda visitor: visitor._texts.update(left="something else"))
    assert taken.outcome == "failed" and "taken back" in taken.message

    def never_ends(visitor):
        visitor._hear = lambda message: message["msg"] == "process_completed"

    cut = visit(url, never_ends)
    assert (cut.outcome, cut.message) == ("failed", "the stream ended without an end")


def test_growth_is_from_the_second_sixth_to_the_last():
    samples = [{"memory_mb": 100.0 if i < 10 else 200.0 if i < 50 else 210.0} for i in range(60)]
    assert load.growth(samples, "memory_mb") == pytest.approx(5)
    assert load.growth(samples[:20], "memory_mb") is None


def test_percentiles_of_few_and_of_none():
    assert load.percentiles([3.0, 1.0, 2.0]) == {"p50": 2.0, "p95": 3.0, "p99": 3.0, "max": 3.0}
    assert set(load.percentiles([]).values()) == {None}
