"""From messages to token ids, with the checks that keep a bad prompt from the model."""

from __future__ import annotations

import unicodedata

from sigma.events import PromptError

MAX_CHARACTERS = 400_000  # tokenizing more would stall the page before the length check could speak
ROLES = ("system", "user", "assistant")


def clean(text: str) -> str:
    """The one cleaning of what a model is asked: line ends become \\n, characters that are no text go.

    Those are control characters other than newline and tab (a pasted NUL, an escape code), lone surrogates, and the
    bidirectional overrides and isolates, which let a reader see another order than the model.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in "\n\t" or not _is_control(c))


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") or "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"


def checked(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """Cleaned messages. Raises PromptError if there is nothing to answer or too much."""
    cleaned = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if role not in ROLES or not isinstance(content, str):
            raise PromptError(
                f"A message needs a role of {', '.join(ROLES)} and text, got role {role!r} and {type(content).__name__}."
            )
        if len(content) > MAX_CHARACTERS:
            raise PromptError(f"The message has {len(content):,} characters; at most {MAX_CHARACTERS:,} are read.")
        cleaned.append({"role": role, "content": clean(content)})
    if not cleaned or cleaned[-1]["role"] != "user" or not cleaned[-1]["content"].strip():
        raise PromptError("The prompt is empty: type a question first.")
    return [m for m in cleaned if m["role"] != "system" or m["content"].strip()]


def prompt_ids(tokenizer, messages: list[dict[str, str]], context_length: int) -> list[int]:
    """Token ids of a chat up to where the answer begins.

    Text that looks like a control marker stays text. Raises PromptError, with the numbers, if the prompt leaves no
    room for an answer.
    """
    messages = checked(messages)
    if tokenizer.chat_template is None:
        ids = tokenizer("\n\n".join(m["content"] for m in messages), split_special_tokens=True).input_ids
    elif any(marker in m["content"] for m in messages for marker in tokenizer.all_special_tokens):
        ids = _piecewise(tokenizer, messages)
    else:
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, add_special_tokens=False).input_ids
    if len(ids) >= context_length:
        raise PromptError(
            f"The chat has {len(ids):,} tokens and the model's context is {context_length:,}: shorten it or start a new chat."
        )
    return ids


def _piecewise(tokenizer, messages: list[dict[str, str]]) -> list[int]:
    """The template's own markers as control tokens, the messages' as plain text."""
    blanks = [f"\x00{i}\x00" for i in range(len(messages))]
    text = tokenizer.apply_chat_template(
        [{**m, "content": blank} for m, blank in zip(messages, blanks)], add_generation_prompt=True, tokenize=False
    )
    ids: list[int] = []
    for message, blank in zip(messages, blanks):
        before, _, text = text.partition(blank)
        ids += tokenizer(before, add_special_tokens=False).input_ids
        ids += tokenizer(message["content"], add_special_tokens=False, split_special_tokens=True).input_ids
    return ids + tokenizer(text, add_special_tokens=False).input_ids
