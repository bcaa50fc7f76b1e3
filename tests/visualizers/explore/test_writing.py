"""Answers written for the explorer: a run's question with another k, and a link's question."""

import pytest

from sigma.events import ChatRequest, Sampling
from tests.visualizers.explore.asking import Asker, chat
from visualizers.explore.measures import first_difference


def test_an_answer_again_with_another_k(tiny, explorer):
    chat(tiny, "c5", tokens=12)
    asker = Asker(explorer)
    run = explorer.add_run("hash", "c5")
    asker.run = run.id
    full = asker(op="rerun", k=500)
    assert full["parting"] is None and full["k"] == 500
    few = asker(op="rerun", k=1)
    request = ChatRequest({"sigma": tiny.past_run("c5").request.messages["sigma"]}, Sampling(max_new_tokens=12), 1)
    wanted = [e.token_id for e in list(tiny.stream(request)) if getattr(e, "token_id", -1) >= 0]
    assert few["words"] == tiny.text("sigma", wanted)
    text = run.text("sigma")
    assert few["parting"] == first_difference(list(text.ids[text.prompt_length :]), wanted)


def test_the_question_of_a_link_gives_the_same_run(tiny, explorer):
    chat(tiny, "c6", text="Once more", tokens=8, temperature=1.0, seed=5)
    original = explorer.add_run("hash", "c6")
    asker = Asker(explorer, "another visitor")
    told = {name: str(value) for name, value in original.settings.items() if value is not None}
    answer = asker(op="run", question=told)
    again = explorer.pages.get(asker.page).runs[answer["run"]]
    assert {side: text.ids for side, text in again.texts.items()} == {side: t.ids for side, t in original.texts.items()}


@pytest.mark.parametrize(
    "question,words",
    [
        ({"prompt": " "}, "Write a prompt"),
        ({"prompt": "x", "temperature": "hot"}, "Temperature must be a number"),
        ({"prompt": "x", "tokens": "many"}, "Max tokens"),
        ({"prompt": "x", "selective": "0"}, "at least 1"),
        ({"prompt": "x" * 250_000}, "characters"),
        ("x", "no question"),
        (None, "no question"),
    ],
)
def test_a_link_with_nonsense_is_explained(explorer, question, words):
    assert words in Asker(explorer)(op="run", question=question)["error"]
