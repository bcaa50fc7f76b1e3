"""Needle retrieval and multiple choice: the harnesses themselves, on tiny models and hand-made cases."""

import json

import pytest
import torch

from sigma.measure.questions import Question, accuracy, log_likelihoods, parse, read_questions
from sigma.measure.retrieval import haystack_with_needle, retrieval, retrieves
from tests.tiny import byte_tokenizer, tiny_model

FORMS = {
    "hellaswag": {"ctx": "A man opens", "endings": ["a door.", "the sea.", "red."], "label": "0"},
    "arc": {"question": "Which?", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "B"},
    "piqa": {"goal": "Cut paper", "sol1": "scissors", "sol2": "soup", "label": 0},
    "plain": {"question": "2+2?", "choices": ["4", "5"], "answer": 0},
}


@pytest.fixture(scope="module")
def tokenizer():
    return byte_tokenizer()


@pytest.mark.parametrize("form, answer, count", [("hellaswag", 0, 3), ("arc", 1, 2), ("piqa", 0, 2), ("plain", 0, 2)])
def test_every_published_form_is_read(tmp_path, form, answer, count):
    path = tmp_path / "q.jsonl"
    path.write_text("\n" + json.dumps(FORMS[form]) + "\n")
    (question,) = read_questions(path)
    assert question.answer == answer and len(question.choices) == count
    assert all(choice.startswith(" ") for choice in question.choices)


@pytest.mark.parametrize(
    "line, words",
    [
        ("{", "line 1"),
        ('{"a": 1}', "fields a"),
        ('{"question": "q", "choices": ["x"], "answer": 0}', "1 choices"),
        ('{"question": "q", "choices": ["x", "y"], "answer": 2}', "answer 2"),
        ('{"question": "q", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "C"}', "line 1"),
        ("[]", "line 1"),
        ("", "no questions"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, words):
    path = tmp_path / "q.jsonl"
    path.write_text(line)
    with pytest.raises(ValueError, match=words):
        read_questions(path)


def test_likelihood_is_the_models_own(tokenizer):
    model = tiny_model()
    question = Question("abc", (" de", " x"), 0)
    ids = torch.tensor([tokenizer("abc de", add_special_tokens=False).input_ids])
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        log = model(input_ids=ids).logits[0].float().log_softmax(-1)
    truth = sum(float(log[i - 1, ids[0, i]]) for i in range(3, 6))
    assert log_likelihoods(model, tokenizer, question)[0] == pytest.approx(truth, abs=2e-2)


def test_accuracy_counts_the_likelier_choice(tokenizer):
    model = tiny_model()
    question = parse(FORMS["plain"])
    scores = log_likelihoods(model, tokenizer, question)
    best = max(range(2), key=scores.__getitem__)
    for answer in (0, 1):
        result = accuracy(model, tokenizer, [Question(question.context, question.choices, answer)])
        assert result["acc"] == (answer == best) and result["n"] == 1 and result["choices"] == [best]


def test_a_question_longer_than_the_context_is_named_before_any_is_asked(tokenizer, tmp_path):
    path = tmp_path / "q.jsonl"
    fits, long = (
        {"ctx": "a" * 500, "endings": ["b", "c"], "label": 0},
        {"ctx": "a", "endings": ["b", "c" * 600], "label": 0},
    )
    path.write_text(json.dumps(fits) + "\n\n" + json.dumps(long) + "\n")
    model = tiny_model()
    model.model.forward = None  # nothing may run
    with pytest.raises(ValueError, match=r"q\.jsonl, line 3: with choice 2 it has 602 tokens, .* context is 512"):
        accuracy(model, tokenizer, read_questions(path))


def test_a_question_may_fill_the_context(tokenizer):
    fits = Question("a" * 510, (" b", " c"), 0)
    assert accuracy(tiny_model(), tokenizer, [fits])["n"] == 1
    with pytest.raises(ValueError, match="513 tokens"):
        accuracy(tiny_model(), tokenizer, [Question("a" * 511, (" b", " c"), 0)])


@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
def test_the_needle_stands_where_it_was_put(tokenizer, depth):
    filler = torch.full((2000,), tokenizer("x", add_special_tokens=False).input_ids[0])
    ids, answer = haystack_with_needle(filler, tokenizer, 400, depth, seed=3)
    text = tokenizer.decode(ids)
    code = tokenizer.decode(ids[-answer:]).strip()
    assert len(ids) == 400 and len(code) == 6 and code.isdigit() and text.count(code) == 2
    room = text.count("x")
    assert text.index("The access code") - 2 == pytest.approx(depth * room, abs=2)


def test_retrieval_needs_every_digit(tokenizer):
    class Copies(torch.nn.Module):
        """Predicts the code it saw in the fact, or spoils its last digit."""

        device = torch.device("cpu")

        def __init__(self, ids, spoil):
            super().__init__()
            self.next = torch.cat((ids[1:], ids[:1]))
            if spoil:
                self.next[-2] += 1
            self.model = lambda _ids, use_cache: type("Out", (), {"last_hidden_state": self.next[None, :, None]})
            self.lm_head = lambda hidden: torch.nn.functional.one_hot(hidden[:, 0], 400)

    filler = torch.full((2000,), 7)
    ids, answer = haystack_with_needle(filler, tokenizer, 300, 0.3, seed=1)
    assert retrieves(Copies(ids, False), ids, answer) and not retrieves(Copies(ids, True), ids, answer)


def test_retrieval_reports_each_side(tokenizer):
    filler = torch.randint(3, 259, (3000,))
    rows = retrieval({"gqa": tiny_model(num_key_heads=3), "sigma": tiny_model()}, filler, tokenizer, [256, 300], 2)
    assert [row["context"] for row in rows] == [256, 300]
    assert all(row["needles"] == 2 and 0 <= row["gqa"] <= 1 and 0 <= row["sigma"] <= 1 for row in rows)


@pytest.mark.parametrize("context, filler, words", [(20, 4000, "no room"), (2000, 100, "100 tokens")])
def test_a_needle_that_does_not_fit_is_refused(tokenizer, context, filler, words):
    with pytest.raises(ValueError, match=words):
        haystack_with_needle(torch.full((filler,), 5), tokenizer, context, 0.5, seed=0)
