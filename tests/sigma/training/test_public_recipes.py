"""The corpus from public data sets, and the evaluation harness: on local files, where their libraries are present."""

import argparse
import importlib.util
import json

import pytest

from sigma.harness import scores
from sigma.training.hub import Set, collect, document, parse_set, rows
from tests.tiny import tiny_model


class Template:
    """A tokenizer's chat template, as far as this recipe uses it."""

    def apply_chat_template(self, messages, tokenize):
        assert tokenize is False
        return "".join(f"<{m['role']}>{m['content']}" for m in messages)


def test_a_set_is_name_configuration_share():
    assert parse_set("a/b") == Set("a/b", None, 1.0)
    assert parse_set("a/b:small:0.25") == Set("a/b", "small", 0.25)
    assert parse_set("a/b::2") == Set("a/b", None, 2.0)
    for bad in ("", ":x", "a/b:x:much", "a/b:x:-1", "a/b:x:0", "a/b:x:nan"):
        with pytest.raises(argparse.ArgumentTypeError, match="share"):
            parse_set(bad)


def test_rows_are_texts_or_chats():
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert document({"messages": chat}, Template()) == "<user>Hi<assistant>Hello"
    assert document({"messages": chat[:1]}, Template()) is None
    assert document({"text": "short"}, Template()) is None
    assert document({"text": "word\tand " * 50}, Template()).startswith("word    and")
    with pytest.raises(ValueError, match="audio"):
        document({"audio": 1}, Template())


@pytest.mark.skipif(importlib.util.find_spec("datasets") is not None, reason="the datasets library is installed")
def test_without_the_library_the_recipe_says_what_to_install():
    with pytest.raises(ValueError, match="pip install datasets"):
        next(rows(Set("a/b", None, 1.0), 0))


@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is not None, reason="the harness is installed")
def test_without_the_harness_the_command_says_what_to_install():
    with pytest.raises(ValueError, match=r"pip install .*lm_eval\[hf\]"):
        scores(tiny_model(), None, ["arc_easy"], None, None, 1)


def test_shares_order_and_digest_are_reproducible(tmp_path):
    pytest.importorskip("datasets", reason="the datasets library is not installed")
    for name, word in (("one", "alpha"), ("two", "beta")):
        (tmp_path / name).mkdir()
        lines = [json.dumps({"text": f"{word} {n} " * 60}) for n in range(40)] * 2  # every text twice
        (tmp_path / name / "train.jsonl").write_text("\n".join(lines))
    sets = [Set(str(tmp_path / "one"), None, 3.0), Set(str(tmp_path / "two"), None, 1.0)]
    first = collect(sets, 20_000, None, 5, tmp_path / "a.jsonl")
    again = collect(sets, 20_000, None, 5, tmp_path / "b.jsonl")
    other = collect(sets, 20_000, None, 6, tmp_path / "c.jsonl")
    assert first == again and first["sha256"] != other["sha256"]
    texts = [json.loads(line)["text"] for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(set(texts)) == len(texts) == first["documents"]
    alpha = sum(len(text) for text in texts if text.startswith("alpha"))
    assert alpha / first["characters"] == pytest.approx(0.75, abs=0.05)
    with pytest.raises(ValueError, match="cannot be read"):
        collect([Set(str(tmp_path / "none"), None, 1.0)], 10, None, 0, tmp_path / "d.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "a.jsonl", "b.jsonl", "c.jsonl"}
