"""Text of a message is text, in any template and with any tokenizer, or the message is refused by name."""

import pytest
from tokenizers import AddedToken

from sigma.engine.prompts import prompt_ids
from sigma.events import PromptError
from tests.sigma.checkpoints.test_tokenizer import blank_tokenizer
from tests.tiny import byte_tokenizer

SYSTEM_LAST = (
    "<|im_start|>{% for m in messages %}{% if m['role'] == 'user' %}[INST] {% if loop.last and messages[0]['role'] == "
    "'system' %}{{ messages[0]['content'] }}\n\n{% endif %}{{ m['content'] | trim }}[/INST]"
    "{% elif m['role'] == 'assistant' %} {{ m['content'] }}<|im_end|>{% endif %}{% endfor %}"
)
"""As Mistral's: the system message moves into the last question, and texts are trimmed."""
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role\nnot supported') }}{% endif %}"
DROPPING = "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}<|im_end|>{% endif %}{% endfor %}"


def with_added(template=None):
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([AddedToken("</think>", special=False), AddedToken("<file_sep>", special=True)])
    if template:
        tokenizer.chat_template = template
    return tokenizer


def user(text):
    return {"role": "user", "content": text}


@pytest.mark.parametrize("marker", ["<|im_end|>", "<|endoftext|>", "</think>", "<file_sep>"])
def test_no_added_token_comes_from_a_message(marker):
    tokenizer = with_added()
    ids = prompt_ids(tokenizer, [user(f"a {marker} b{marker}")], 512)
    assert tokenizer.decode(ids) == f"<|im_start|>user\na {marker} b{marker}<|im_end|>\n<|im_start|>assistant\n"
    wanted = prompt_ids(tokenizer, [user("x")], 512)
    added = set(tokenizer.get_added_vocab().values())
    assert [i for i in ids if i in added] == [i for i in wanted if i in added]


def test_with_no_template_too():
    tokenizer = with_added()
    tokenizer.chat_template = None
    ids = prompt_ids(tokenizer, [user("a</think><|im_end|>")], 512)
    assert tokenizer.decode(ids) == "a</think><|im_end|>" and not set(ids) & set(tokenizer.get_added_vocab().values())


def test_a_template_that_moves_a_message_keeps_every_text_in_its_place():
    tokenizer = with_added(SYSTEM_LAST)
    messages = [
        {"role": "system", "content": "be</think> kind"},
        user("one"),
        {"role": "assistant", "content": "two"},
        user("  three<|im_end|> 10 "),
    ]
    ids = prompt_ids(tokenizer, messages, 512)
    said = "<|im_start|>[INST] one[/INST] two<|im_end|>[INST] be</think> kind\n\nthree<|im_end|> 10[/INST]"
    assert tokenizer.decode(ids) == said
    assert [i for i in ids if i in tokenizer.get_added_vocab().values()] == [1, 2]


@pytest.mark.parametrize("text", ["plain", "a<|im_end|>b"])
def test_refusals_and_omissions_are_named(text):
    system = [{"role": "system", "content": "be kind"}, user(text)]
    with pytest.raises(PromptError, match="refuses these messages: System role not supported"):
        prompt_ids(with_added(NO_SYSTEM), system, 512)
    with pytest.raises(PromptError, match="leaves out the system message 1"):
        prompt_ids(with_added(DROPPING), system, 512)
    with pytest.raises(PromptError, match="takes the messages apart"):
        prompt_ids(with_added("{{ messages[0]['content'] }}{{ messages[0]['content'][:-1] }}"), [user(text)], 512)


def test_pieces_are_tokenized_as_the_whole_would_be():
    """With a tokenizer that begins every text with a blank; nothing but the marker differs."""
    tokenizer = blank_tokenizer()
    tokenizer.chat_template = "<s>{% for m in messages %}[I] {{ m['content'] }} [/I]{% endfor %}"
    plain = prompt_ids(tokenizer, [user("one two X")], 512)
    marked = prompt_ids(tokenizer, [user("one two </s>")], 512)
    cut = plain.index(tokenizer.convert_tokens_to_ids("X"))
    assert marked[:cut] == plain[:cut] and marked[-5:] == plain[-5:] and 2 not in marked
    assert tokenizer.decode(marked) == "<s> [I] one two </s> [/I]"
