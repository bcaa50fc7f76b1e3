"""A fast tokenizer from a GGUF file's own vocabulary, and printable text from its tokens.

transformers' GGUF route loses the pre-tokenizer that splits digits (GGUF names it "smollm" only), so numbers
would be tokenized as the model never saw them; this builds the same pipeline from the stored vocabulary.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

_CONTROL, _USER_DEFINED = 3, 4  # gguf's token types of tokens that are cut out of a text before its words
_DIGITS_APART = {"smollm", "refact", "starcoder", "command-r"}
_PLAIN = {"gpt-2", "gpt2", "default"}


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


def piece(tokenizer, token_id: int) -> str:
    """One token, printable: incomplete UTF-8 shows as the replacement character."""
    return tokenizer.decode([token_id], skip_special_tokens=False, clean_up_tokenization_spaces=False)


class StreamDecoder:
    """Incremental detokenizing that never shows half a character.

    `push` returns the text that has become certain; bytes of an unfinished character wait for the next token.
    """

    _LONGEST = 8  # a character is 4 bytes at most, so at most a few tokens

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.pending: list[int] = []

    def push(self, token_id: int) -> str:
        """Text that this token completes, perhaps ''."""
        self.pending.append(token_id)
        text = self._text()
        if text.endswith("\ufffd") and len(self.pending) < self._LONGEST:
            return ""
        self.pending.clear()
        return text

    def flush(self) -> str:
        """What is left at the end of the stream; an unfinished character is dropped."""
        text = self._text().rstrip("\ufffd")
        self.pending.clear()
        return text

    def _text(self) -> str:
        return self.tokenizer.decode(self.pending, skip_special_tokens=True, clean_up_tokenization_spaces=False)
