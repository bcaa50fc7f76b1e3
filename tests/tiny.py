"""Tiny real models: random weights, a byte-level tokenizer, the same classes as the product."""

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from sigma import SigmaConfig, SigmaForCausalLM
from sigma.checkpoints.load import Side
from sigma.quantization import Dense

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SHAPE = dict(
    vocab_size=259,
    hidden_size=72,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=9,
    num_value_heads=3,
    head_dim=8,
    max_position_embeddings=512,
    initializer_range=0.2,
)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIALS, *alphabet])}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=SPECIALS[1],
        eos_token=SPECIALS[2],
        pad_token=SPECIALS[2],
        unk_token=SPECIALS[0],
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def tiny_model(seed: int = 0, **changes) -> SigmaForCausalLM:
    torch.manual_seed(seed)
    return SigmaForCausalLM(SigmaConfig(**{**SHAPE, **changes})).eval()


def side_of(model: SigmaForCausalLM, name: str) -> Side:
    state = {n: Dense(t) for n, t in model.state_dict().items() if n != "lm_head.weight"}
    return Side(name, model.config, state, byte_tokenizer())
