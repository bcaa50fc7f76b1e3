"""A fast tokenizer from a GGUF file's own vocabulary, and printable text from its tokens.

transformers' GGUF route loses the pre-tokenizer that splits digits (GGUF names it "smollm" only), so numbers
would be tokenized as the model never saw them; this builds the same pipeline from the stored vocabulary.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

_CONTROL = 3  # gguf's token type of special tokens
_DIGITS_APART = {"smollm", "refact", "starcoder", "command-r"}
_PLAIN = {"gpt-2", "gpt2", "default"}


def tokenizer_from_gguf(path: str | Path, reader=None) -> PreTrainedTokenizerFast:
    """The byte-level BPE tokenizer stored in a GGUF file, with its chat template; `reader` if the file is open already.

    Raises ValueError if the file's tokenizer is of another kind.
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
    tokens = get("ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in get("ggml.merges")]
    backend = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = [pre_tokenizers.Digits(individual_digits=True)] if pre in _DIGITS_APART else []
    backend.pre_tokenizer = pre_tokenizers.Sequence([*digits, byte_level])
    backend.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, get("ggml.token_type")) if kind == _CONTROL]
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])

    def named(key):
        index = get(f"ggml.{key}_token_id")
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
