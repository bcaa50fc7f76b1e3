"""A fast tokenizer from a GGUF file's own vocabulary, and printable text from its tokens.

transformers' GGUF route loses the pre-tokenizer that splits digits (GGUF names it "smollm" only), so numbers
would be tokenized as the model never saw them; this builds the same pipeline from the stored vocabulary.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

_CONTROL, _USER_DEFINED = 3, 4  # gguf's token types of tokens that are cut out of a text before its words
_DIGITS_APART = {"smollm", "refact", "starcoder", "command-r"}
_PLAIN = {"gpt-2", "gpt2", "default"}


def _byte_letters() -> dict[str, bytes]:
    """The letters by which byte-level vocabularies write bytes: printable ones themselves, the others from U+0100 on."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = [*map(chr, shown), *(chr(0x100 + i) for i in range(len(hidden)))]
    return dict(zip(letters, (bytes([byte]) for byte in (*shown, *hidden))))


_BYTES = _byte_letters()


def tokenizer_from_gguf(path: str | Path, reader=None, vocabulary: int | None = None) -> PreTrainedTokenizerFast:
    """The byte-level BPE tokenizer stored in a GGUF file, with its chat template.

    reader: if the file is open already; vocabulary: rows of the embedding, if they are known.

    Raises ValueError if the file's tokenizer is of another kind, or a part of it is missing or does not fit.
    """
    from gguf import GGUFReader

    fields = (GGUFReader(path) if reader is None else reader).fields

    def get(key, default=None):
        field = fields.get(f"tokenizer.{key}")
        return default if field is None else field.contents()

    kind, pre = get("ggml.model"), get("ggml.pre", "default")
    if kind != "gpt2" or pre not in _DIGITS_APART | _PLAIN:
        raise ValueError(
            f"tokenizer {kind!r} with pre-tokenizer {pre!r} is not supported; give a folder with tokenizer.json"
        )
    parts = {name: get(f"ggml.{name}") for name in ("tokens", "merges", "token_type")}
    for name, part in parts.items():
        if not isinstance(part, list) or not part:
            raise ValueError(f"the tokenizer has no tokenizer.ggml.{name}; give a folder with tokenizer.json")
    tokens, kinds = parts["tokens"], parts["token_type"]
    if len(kinds) != len(tokens) or len(tokens) > (vocabulary or len(tokens)):
        raise ValueError(
            f"the tokenizer has {len(tokens):,} tokens and {len(kinds):,} token types"
            + (f" for a vocabulary of {vocabulary:,}" if vocabulary else "")
        )
    merges = [tuple(merge.split(" ")) for merge in parts["merges"]]
    if any(len(merge) != 2 for merge in merges):
        raise ValueError("a merge of the tokenizer is not two tokens")
    backend = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = [pre_tokenizers.Digits(individual_digits=True)] if pre in _DIGITS_APART else []
    backend.pre_tokenizer = pre_tokenizers.Sequence([*digits, byte_level])
    backend.decoder = decoders.ByteLevel()
    added = [(token, kind == _CONTROL) for token, kind in zip(tokens, kinds) if kind in (_CONTROL, _USER_DEFINED)]
    backend.add_tokens([AddedToken(token, special=special, normalized=False) for token, special in added])

    def named(key):
        index = get(f"ggml.{key}_token_id")
        if index is not None and not 0 <= index < len(tokens):
            raise ValueError(f"the {key} token {index} is not among the {len(tokens):,} tokens")
        return None if index is None else tokens[index]

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=named("bos"),
        eos_token=named("eos"),
        unk_token=named("unknown"),
        pad_token=named("padding"),
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = get("chat_template")
    return tokenizer


@lru_cache(maxsize=8)
def _spelling(tokenizer) -> Callable[[str], bytes] | None:
    """How the tokenizer's vocabulary spells bytes; None where only decoding a token tells."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = json.loads(backend.to_str())["decoder"] if backend is not None else None
    steps = [] if decoder is None else decoder.get("decoders", [decoder])
    kinds = {step["type"] for step in steps}
    if "ByteLevel" in kinds:
        return lambda token: b"".join(_BYTES[c] if c in _BYTES else c.encode() for c in token)
    if kinds & {"ByteFallback", "Metaspace"} or any(
        step.get("pattern") == {"String": "▁"} and step.get("content") == " " for step in steps
    ):
        falls_back = "ByteFallback" in kinds
        return lambda token: (
            bytes([int(token[3:5], 16)])
            if falls_back and re.fullmatch("<0x[0-9A-F]{2}>", token)
            else token.replace("▁", " ").encode()
        )
    return None


@lru_cache(maxsize=8)
def _added(tokenizer) -> dict[int, bytes]:
    """The added tokens, which stand for themselves."""
    return {number: token.encode() for token, number in tokenizer.get_added_vocab().items()}


def token_bytes(tokenizer, token_id: int) -> bytes:
    """What a token stands for within a text. A ▁ is a space, also at the beginning, where decoding would drop it."""
    if (added := _added(tokenizer).get(token_id)) is not None:
        return added
    spelling, token = _spelling(tokenizer), tokenizer.convert_ids_to_tokens(token_id)
    if spelling is None or token is None:
        return tokenizer.decode([token_id], skip_special_tokens=False, clean_up_tokenization_spaces=False).encode()
    return spelling(token)


def piece(tokenizer, token_id: int) -> str:
    """One token, printable: bytes that are no whole character show as <F0>."""
    return token_bytes(tokenizer, token_id).decode("utf-8", errors="sigma.hex")


def _hex(error: UnicodeError) -> tuple[str, int]:
    return "".join(f"<{byte:02X}>" for byte in error.object[error.start : error.end]), error.end


codecs.register_error("sigma.hex", _hex)


class StreamDecoder:
    """Incremental detokenizing that never shows half a character.

    `push` returns the text that has become certain; bytes of an unfinished character wait for the next token. Bytes
    that are no UTF-8 become the replacement character. Control tokens are not shown.
    """

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.hidden = set(tokenizer.all_special_ids)
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.begun = _strips_first_space(tokenizer) is False

    def push(self, token_id: int) -> str:
        """Text that this token completes, perhaps ''."""
        if token_id in self.hidden:
            return ""
        data = token_bytes(self.tokenizer, token_id)
        if not self.begun and data:
            self.begun = True
            data = data.removeprefix(b" ")
        return self.decoder.decode(data)

    def flush(self) -> str:
        """What is left at the end of the stream; an unfinished character is dropped."""
        self.decoder.reset()
        return ""


@lru_cache(maxsize=8)
def _strips_first_space(tokenizer) -> bool:
    """Whether the tokenizer writes a space before a text's first word, which is not the text's."""
    spelled = [i for i in tokenizer("a a", add_special_tokens=False).input_ids if i is not None]
    whole = b"".join(token_bytes(tokenizer, i) for i in spelled)
    return whole.startswith(b" ")
