"""The models that the form can start from: Sigma's own presets, and published models with the figures of their configurations."""

from __future__ import annotations

from dataclasses import dataclass

from visualizers.shared.shapes import PAIRS, Layers, Shape, preset_shape


@dataclass(frozen=True, slots=True)
class Model:
    """A start for the form: its name, where its numbers come from, its shape, and how it is first shown.

    `gqa` is the number of K and V heads of the model that it is compared with. `memory` is in GiB, `weights` and `top_k`
    as the form has them.
    """

    name: str
    source: str
    shape: Shape
    gqa: int
    context: int
    memory: int = 80
    weights: str = "bf16"
    top_k: str = ""


def _sigma(name: str) -> Model:
    label, baseline, source = PAIRS[name]
    small = name == "sigma-135m"
    # 100 is the paper's k (App. B.2).
    return Model(
        label,
        source,
        preset_shape(name),
        preset_shape(baseline).n_k,
        context=8192 if small else 131_072,
        memory=16 if small else 80,
        top_k="100",
    )


def _published(repository: str, about: str) -> str:
    return f"config.json of {repository}: {about}. Lower its K heads to see what DiffQKV would save."


SIGMA = {name: _sigma(name) for name in PAIRS}

# Figures: config.json of each model's repository on the Hugging Face hub. `counted` where a model has parameters that a
# Llama-type decoder of these sizes has not (norms of queries and keys, further norms, experts): the number of parameters
# that transformers' class of the model has with that configuration.
PUBLISHED = {
    # huggingface.co/meta-llama/Llama-3.1-8B/blob/main/config.json
    "llama-3.1-8b": Model(
        "Llama 3.1 8B",
        _published("meta-llama/Llama-3.1-8B", "every layer keeps all tokens"),
        Shape(32, 32, 8, 8, 128, 128, hidden=4096, ffn=14_336, vocabulary=128_256, tied=False),
        gqa=8,
        context=131_072,
    ),
    # huggingface.co/Qwen/Qwen3-8B/blob/main/config.json
    "qwen3-8b": Model(
        "Qwen3 8B",
        _published("Qwen/Qwen3-8B", "every layer keeps all tokens"),
        Shape(36, 32, 8, 8, 128, 128, 4096, 12_288, 151_936, tied=False, counted=8_190_735_360),
        gqa=8,
        context=32_768,
    ),
    # huggingface.co/mistralai/Mistral-7B-v0.1/blob/main/config.json
    "mistral-7b-v0.1": Model(
        "Mistral 7B v0.1",
        _published("mistralai/Mistral-7B-v0.1", "every layer has a window of 4,096 tokens"),
        Shape(32, 32, 8, 8, 128, 128, hidden=4096, ffn=14_336, vocabulary=32_000, tied=False, window=4096),
        gqa=8,
        context=32_768,
        memory=24,
    ),
    # huggingface.co/google/gemma-3-1b-it/blob/main/config.json: every sixth of 26 layers keeps all tokens
    "gemma-3-1b": Model(
        "Gemma 3 1B",
        _published("google/gemma-3-1b-it", "22 of 26 layers have a window of 512 tokens"),
        Shape(
            *(4, 4, 1, 1, 256, 256, 1152, 6912, 262_144),
            others=(Layers(22, 1, 1, 256, 256, window=512),),
            counted=999_885_952,
        ),
        gqa=1,
        context=32_768,
        memory=8,
    ),
    # huggingface.co/XiaomiMiMo/MiMo-V2-Flash/blob/main/config.json: the first and every sixth of 48 layers keep all tokens;
    # its window is taken as written there, without a 129th row for the newest token as some programs read it
    "mimo-v2-flash": Model(
        "MiMo-V2-Flash",
        _published(
            "XiaomiMiMo/MiMo-V2-Flash",
            "K of 192 and V of 128; 39 of 48 layers have twice the K and V heads and a window of 128 tokens",
        ),
        Shape(
            *(9, 64, 4, 4, 192, 128, 4096, 16_384, 152_576),
            tied=False,
            others=(Layers(39, 8, 8, 192, 128, window=128),),
            counted=308_778_768_832,
        ),
        gqa=4,
        context=131_072,
        memory=640,
        weights="fp8",
    ),
}
MODELS = {**SIGMA, **PUBLISHED}
