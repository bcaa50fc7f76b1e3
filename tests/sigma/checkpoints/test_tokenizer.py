"""Tokens to text without broken characters; a tokenizer from GGUF metadata."""

import numpy as np
import pytest

from sigma.checkpoints.tokenizer import StreamDecoder, piece, tokenizer_from_gguf
from tests.tiny import SPECIALS, TEMPLATE


@pytest.mark.parametrize("text", ["plain", "naïve café", "你好, 世界", "🎉🏳️‍🌈 done", "mixed 🎉 and text", "\n\ttabs\n"])
def test_stream_is_whole_characters_only(tokenizer, text):
    """The byte tokenizer cuts inside every non-ASCII character."""
    decoder, shown = StreamDecoder(tokenizer), []
    for token in tokenizer(text).input_ids:
        shown.append(decoder.push(token))
        assert "\ufffd" not in shown[-1]
    assert "".join(shown) + decoder.flush() == text


def test_end_inside_a_character_drops_the_rest(tokenizer):
    decoder = StreamDecoder(tokenizer)
    shown = "".join(decoder.push(token) for token in tokenizer("ok é").input_ids[:-1])
    assert shown + decoder.flush() == "ok "


def test_invalid_bytes_do_not_stall(tokenizer):
    decoder = StreamDecoder(tokenizer)
    lonely = tokenizer("é").input_ids[1:]  # continuation byte without its start
    shown = "".join(decoder.push(t) for t in lonely * 20 + tokenizer("then text").input_ids)
    assert "text" in shown + decoder.flush()


def test_pieces_are_printable(tokenizer):
    assert [piece(tokenizer, t) for t in tokenizer("a b").input_ids] == ["a", " ", "b"]
    assert piece(tokenizer, 1) == "<|im_start|>"


def gguf_file(path, pre, kind="gpt2"):
    from gguf import GGUFWriter

    tokens = [*SPECIALS, "a", "b", "1", "2", "12", "Ġ", "ab"]
    writer = GGUFWriter(str(path), "llama")
    writer.add_tokenizer_model(kind)
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3] + [1] * 7)
    writer.add_token_merges(["a b", "1 2"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    writer.add_tensor("x", np.zeros(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("pre, expected", [("smollm", [9, 5, 6]), ("gpt-2", [9, 7])])
def test_digits_are_split_as_the_model_saw_them(tmp_path, pre, expected):
    tokenizer = tokenizer_from_gguf(gguf_file(tmp_path / "t.gguf", pre))
    assert tokenizer("ab12").input_ids == expected
    assert tokenizer.eos_token == "<|im_end|>" and tokenizer.chat_template == TEMPLATE


def test_unknown_pre_tokenizer_is_named(tmp_path):
    with pytest.raises(ValueError, match="qwen9"):
        tokenizer_from_gguf(gguf_file(tmp_path / "t.gguf", "qwen9"))


def blank_tokenizer():
    """A vocabulary that writes spaces as ▁ and falls back to bytes, as Llama's first ones do."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
    from transformers import PreTrainedTokenizerFast

    letters = [chr(i) for i in range(0x21, 0x7F)]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), "▁", *letters, "▁t", "▁▁"]
    backend = Tokenizer(
        models.BPE(
            {t: i for i, t in enumerate(tokens)},
            [("▁", "t"), ("▁", "▁")],
            unk_token="<unk>",
            byte_fallback=True,
            fuse_unk=True,
        )
    )
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    backend.decoder = decoders.Sequence(steps)
    backend.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<unk>", "<s>", "</s>")])
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


@pytest.mark.parametrize("text", ["Hello  two spaces", "a b", "  led", "🎉 done", "new\n line ", "<0x41> é"])
def test_blank_tokenizers_keep_their_spaces(text):
    tokenizer = blank_tokenizer()
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids) == text
    decoder = StreamDecoder(tokenizer)
    assert "".join(map(decoder.push, ids)) + decoder.flush() == text
    assert "".join(map(decoder.push, ids)) == " " + text  # an answer's later words keep theirs


def test_a_replacement_character_of_the_text_is_not_dropped(tokenizer):
    for one in (tokenizer, blank_tokenizer()):
        decoder = StreamDecoder(one)
        assert "".join(map(decoder.push, one("bad: \ufffd").input_ids)) + decoder.flush() == "bad: \ufffd"


def test_pieces_of_a_split_character_show_their_bytes(tokenizer):
    assert [piece(tokenizer, t) for t in tokenizer("🎉").input_ids] == ["<F0>", "<9F>", "<8E>", "<89>"]
    blank = blank_tokenizer()
    assert [piece(blank, t) for t in blank("é").input_ids] == [" ", "<C3>", "<A9>"]
    assert piece(blank, 1) == "<s>"
