"""Windows for training: control tokens come from the tokenizer's own template, whatever family it is of."""

import pytest

from sigma.training.corpus import chat_markers, pack
from tests.tiny import TEMPLATE, byte_tokenizer

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
OTHER = TEMPLATE.replace("<|im_start|>", "<|turn|>").replace("<|im_end|>", "<|/turn|>")


def tokenizer_of(template: str | None):
    """The byte tokenizer with two more control tokens, under a template that uses these, those or none."""
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|turn|>", "<|/turn|>"]})
    tokenizer.chat_template = template
    return tokenizer


def ids_of(text: str, tokenizer) -> list[int]:
    plain = byte_tokenizer()
    length = len(plain(text, add_special_tokens=False, split_special_tokens=True).input_ids) + 1
    return pack([text, " " * length], tokenizer, 1, length)[:, 0].tolist()


@pytest.mark.parametrize("template", [TEMPLATE, OTHER], ids=["chatml", "another family's"])
def test_a_chats_own_markers_are_control_tokens(template):
    tokenizer = tokenizer_of(template)
    text = tokenizer.apply_chat_template(CHAT, tokenize=False)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    control = {tokenizer.convert_tokens_to_ids(token) for token in tokenizer.all_special_tokens}
    assert len(control & set(ids)) == 2
    assert ids_of(text, tokenizer)[: len(ids) + 1] == [*ids, tokenizer.eos_token_id]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (TEMPLATE, "A turn begins with <|im_start|> and ends with <|im_end|>."),
        (OTHER, "A turn begins with <|turn|>, elsewhere with <|im_start|>."),
        (OTHER, "<|im_start|>user\nanother family's chat<|im_end|>"),
        (None, "<|im_start|>user\nno template, no chats<|im_end|>"),
    ],
)
def test_a_document_that_speaks_of_markers_holds_none(template, text):
    tokenizer = tokenizer_of(template)
    ids = ids_of(text, tokenizer)
    control = {tokenizer.convert_tokens_to_ids(token) for token in tokenizer.all_special_tokens}
    assert set(ids[: ids.index(tokenizer.eos_token_id)]).isdisjoint(control)
    assert tokenizer.decode(ids[: ids.index(tokenizer.eos_token_id)]) == text


def test_markers_are_what_the_template_begins_with():
    assert chat_markers(tokenizer_of(TEMPLATE)) == ("<|im_start|>",)
    assert chat_markers(tokenizer_of(OTHER)) == ("<|turn|>",)
    assert chat_markers(tokenizer_of(None)) == ()
    refuses = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + OTHER
    assert chat_markers(tokenizer_of(refuses)) == ("<|turn|>",)
