"""Answers written for the explorer: a run's question with another k, and a link's question."""

from dataclasses import replace

import pytest

from sigma.events import ChatRequest, Column, PromptError, Sampling
from tests.visualizers.explore.asking import VIEW, Asker, chat
from visualizers.explore.measures import first_difference
from visualizers.explore.writing import MAX_TOKENS, request_of


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


SAME = {"left": Column("sigma", Sampling(max_new_tokens=8), 2), "right": Column("sigma", Sampling(max_new_tokens=8))}


def ask_columns(tiny, session, columns, systems=("", "")):
    messages = {
        name: [*([{"role": "system", "content": system}] if system else []), {"role": "user", "content": "Twice"}]
        for name, system in zip(columns, systems)
    }
    sampling = columns["left"].sampling
    list(tiny.stream(ChatRequest(messages, sampling, columns=columns), session))


def test_columns_of_one_model_are_two_texts_and_their_link_gives_the_same_run(tiny, explorer):
    ask_columns(tiny, "c7", SAME)
    run = explorer.add_run("hash", "c7")
    assert list(run.texts) == ["left", "right"]
    assert run.labels == {"left": "Sigma (k = 2)", "right": "Sigma (all rows)"}
    asker = Asker(explorer)
    asker.run = run.id
    about = asker(op="open", text="right")
    assert about["writers"] == ["left", "right"] and about["labels"] == run.labels
    assert "error" not in asker(**VIEW, text="right", parts=["row"])
    link = {name: str(value) for name, value in run.settings.items() if value is not None}
    assert link["right"] == "sigma" and link["left_selective"] == "2" and "left" not in link
    again = explorer.pages.get(asker.page).runs[asker(op="run", question=link)["run"]]
    assert {name: text.ids for name, text in again.texts.items()} == {name: t.ids for name, t in run.texts.items()}


def test_columns_of_two_models_keep_the_sides_names_and_what_is_each_ones_own(tiny, explorer):
    warm = Sampling(temperature=0.5, seed=3, max_new_tokens=8)
    columns = {"left": Column("gqa", warm), "right": Column("sigma", replace(warm, temperature=0.25), 3)}
    ask_columns(tiny, "c8", columns, ("Be short.", ""))
    run = explorer.add_run("hash", "c8")
    assert list(run.texts) == ["gqa", "sigma"] and run.names == {"gqa": "left", "sigma": "right"}
    asker = Asker(explorer)
    asker.run = run.id
    assert asker(op="rerun", k=500)["k"] == 500, "by the column that Sigma answered in"
    link = {name: str(value) for name, value in run.settings.items() if value is not None}
    assert link["left_system"] == "Be short." and link["right_temperature"] == "0.25" and link["system"] == ""
    again = explorer.pages.get(asker.page).runs[asker(op="run", question=link)["run"]]
    assert {name: text.ids for name, text in again.texts.items()} == {name: t.ids for name, t in run.texts.items()}
    assert [again.column(writer) for writer in again.texts] == list(columns.values())


@pytest.mark.parametrize(
    "question,words",
    [
        ({"prompt": " "}, "Write a prompt"),
        ({"prompt": "x", "left": "llama"}, "Left column: there is no model 'llama'"),
        ({"prompt": "x", "right": "sigma", "right_selective": "0"}, "Right column: Selective V: k must be at least 1"),
        ({"prompt": "x", "missing": "keep"}, "Missing mass must be one of"),
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


def test_a_links_numbers_come_as_text_and_are_checked_as_any_other():
    asked = request_of({"prompt": "x", "temperature": "0.5", "tokens": "9000", "seed": "", "selective": "16"}, 8192, 30)
    assert (asked.sampling.temperature, asked.sampling.max_new_tokens) == (0.5, MAX_TOKENS)
    assert (asked.sampling.seed, asked.selective_k) == (None, 16)
    assert [request_of({"prompt": "x", "tuned": t}, 8192, 30).tuned for t in ("true", "false", None)] == [
        True,
        False,
        False,
    ]
    assert request_of({"prompt": "x", "tokens": "null"}, 8192, 30).sampling.max_new_tokens == 256
    for wrong, message in (
        ({"temperature": "hot"}, "Temperature must be a number, not a text"),
        ({"tokens": "nan"}, "Max tokens must be between 1 and 2048, not nan"),
        ({"tokens": [5]}, "Max tokens must be a number, not a list"),
        ({"top_k": "1.5"}, "Top-k must be a whole number, not 1.5"),
    ):
        with pytest.raises(PromptError, match=message):
            request_of({"prompt": "x", **wrong}, 8192, 30)
