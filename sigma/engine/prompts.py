"""From messages to token ids, with the checks that keep a bad prompt from the model."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from tokenizers import Tokenizer

from sigma.events import PromptError
from sigma.limits.current import limits

ROLES = ("system", "user", "assistant")
# Stands in a template for the text of message N: private characters, which no template writes and cleaning lets pass
PLACE = "\ue0b1{}\ue0b2"
_PLACE = re.compile(PLACE.format("([0-9]+)"))


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
        # Tokenizing more would stall the page before the length check could speak. Twice a prompt's limit, since a task
        # puts its own words around one.
        if len(content) > (most := 2 * limits().prompt_characters):
            raise PromptError(f"The message has {len(content):,} characters; at most {most:,} are read. Shorten it.")
        cleaned.append({"role": role, "content": clean(content)})
    if not cleaned or cleaned[-1]["role"] != "user" or not cleaned[-1]["content"].strip():
        raise PromptError("The prompt is empty: type a question first.")
    return [m for m in cleaned if m["role"] != "system" or m["content"].strip()]


def prompt_ids(tokenizer, messages: list[dict[str, str]], context_length: int) -> list[int]:
    """Token ids of a chat up to where the answer begins.

    Text that looks like a control marker stays text. Raises PromptError, with the numbers, if the prompt leaves no
    room for an answer, and for messages that the model's template refuses or leaves out.
    """
    if tokenizer.chat_template is None:
        return text_ids(tokenizer, messages, context_length)
    messages = checked(messages)
    places = _places(tokenizer, messages)
    if any(_has_marker(tokenizer, m["content"]) for m in messages):
        ids = _piecewise(tokenizer, messages, places)
    else:
        ids = tokenizer(_rendered(tokenizer, messages), add_special_tokens=False).input_ids
    return _fitting(ids, context_length, "chat", "shorten it or start a new chat")


def text_ids(tokenizer, messages: list[dict[str, str]], context_length: int) -> list[int]:
    """Token ids of the messages' texts as they are, to be continued: no template, control markers stay text.

    Raises PromptError if there is no text or it leaves no room.
    """
    text = "\n\n".join(m["content"] for m in checked(messages))
    ids = _plain(tokenizer).ids(text, True) if _has_marker(tokenizer, text) else tokenizer(text).input_ids
    return _fitting(ids, context_length, "text", "shorten it")


def _has_marker(tokenizer, text: str) -> bool:
    """Whether a text holds what the tokenizer would take for one of its added tokens."""
    return any(marker in text for marker in tokenizer.get_added_vocab() if marker.strip())


def _fitting(ids: list[int], context_length: int, what: str, advice: str) -> list[int]:
    if len(ids) >= context_length:
        raise PromptError(f"The {what} has {len(ids):,} tokens and the context is {context_length:,}: {advice}.")
    return ids


def _rendered(tokenizer, messages: list[dict[str, str]]) -> str:
    """The template filled in. PromptError, with its reason, if it refuses: some know no system message, for instance."""
    try:
        return tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    except Exception as error:  # a template is a program of the model's makers
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise PromptError(f"The model's chat template refuses these messages: {reason}") from error


def _places(tokenizer, messages: list[dict[str, str]]) -> str:
    """The template with a placeholder for each text, blanks around it kept, since a template may trim.

    PromptError if a question or a system message would not reach the model whole. An earlier answer may be left out.
    """
    blanks = []
    for i, message in enumerate(messages):
        content = message["content"]
        start = len(content) - len(content.lstrip())
        end = len(content.rstrip()) if content.strip() else start
        blanks.append({**message, "content": content[:start] + PLACE.format(i) + content[end:]})
    text = _rendered(tokenizer, blanks)
    kept = {int(number) for number in _PLACE.findall(text)}
    for i, message in enumerate(messages):
        if i not in kept and message["role"] != "assistant":
            raise PromptError(f"The model's chat template leaves out the {message['role']} message {i + 1}.")
    if any(c in _PLACE.sub("", text) for c in PLACE.format("")):
        raise PromptError(
            "The model's chat template takes the messages apart; their text cannot be kept apart from it."
        )
    return text


def _piecewise(tokenizer, messages: list[dict[str, str]], places: str) -> list[int]:
    """The template's own markers as control tokens, what looks like one in the messages as plain text.

    As in one pass over the whole text, the text between two markers is tokenized together, wherever it comes from.
    """
    plain = _plain(tokenizer)
    texts = [m["content"].strip() for m in messages]
    ids: list[int] = []
    for part in plain.markers.split(places) if plain.markers else [places]:
        marker = plain.added.get(part.strip(), plain.added.get(part))
        if marker is not None:
            ids.append(marker)
        elif part:
            ids += plain.ids(_PLACE.sub(lambda found: texts[int(found[1])], part), not_first=bool(ids))
    return ids


@dataclass(frozen=True, slots=True)
class Plain:
    """A tokenizer to which every character of a text is text: `first` at a text's start, `later` after a marker."""

    first: Tokenizer
    later: Tokenizer
    added: dict[str, int]
    markers: re.Pattern | None
    unknown: int | None

    def ids(self, text: str, whole: bool = False, not_first: bool = False) -> list[int]:
        """Token ids; `whole` adds what the tokenizer puts around a text. PromptError if a marker cannot be text."""
        backend = self.later if not_first else self.first
        found = backend.encode(text, add_special_tokens=False).ids
        present = set(found) - {self.unknown}
        for marker, number in self.added.items():
            if number in present:
                raise PromptError(f"The model's tokenizer cannot read {marker!r} as text: leave it out.")
        return backend.encode(text, add_special_tokens=True).ids if whole else found


@lru_cache(maxsize=4)
def _plain(tokenizer) -> Plain:
    """The tokenizer without its added tokens, special or not; blanks among them are text anyway."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise PromptError("The text holds a control marker, and the model's tokenizer cannot read one as text.")
    state = json.loads(backend.to_str())
    tokens = sorted(
        (t for t in state["added_tokens"] if t["content"].strip()), key=lambda t: len(t["content"]), reverse=True
    )
    state["added_tokens"] = [t for t in state["added_tokens"] if not t["content"].strip()]
    state["truncation"] = state["padding"] = None
    first = Tokenizer.from_str(json.dumps(state))
    for step in _steps(state.get("pre_tokenizer")):
        if step.get("prepend_scheme") == "first":
            step["prepend_scheme"] = "never"
    patterns = (r"\s*" * bool(t["lstrip"]) + re.escape(t["content"]) + r"\s*" * bool(t["rstrip"]) for t in tokens)
    return Plain(
        first,
        Tokenizer.from_str(json.dumps(state)),
        {t["content"]: t["id"] for t in tokens},
        re.compile(f"({'|'.join(patterns)})") if tokens else None,
        tokenizer.unk_token_id,
    )


def _steps(pre_tokenizer: dict | None) -> list[dict]:
    """A pre-tokenizer's steps, one or many."""
    return [] if pre_tokenizer is None else pre_tokenizer.get("pretokenizers", [pre_tokenizer])
