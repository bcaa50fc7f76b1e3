"""Find and load checkpoints: the embedded default, a local folder or file, a Hub id.

A *packed* Sigma (`config.json`, `sigma.safetensors`, `manifest.json`) holds the query and key path only and takes all
other tensors from its base, so the two sides of the page share them in memory. A *full* one is a transformers folder.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from sigma.checkpoints.base import CheckpointError, Progress, fetch_base, sha256_of
from sigma.checkpoints.files import (
    check_shapes,
    end_tokens,
    expected_shapes,
    json_object,
    one_line,
    reading,
    refuse_pointer,
    stored_shapes,
)
from sigma.checkpoints.preset import NOTE, Place, is_preset, preset_pair
from sigma.checkpoints.tokenizer import tokenizer_from_gguf
from sigma.checkpoints.tuned import TUNED_FILE, Tuning, parted, read_tuned, with_minima
from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import SigmaForCausalLM
from sigma.quantization import Dense, load_packed, open_gguf, read_gguf

EMBEDDED = Path(__file__).resolve().parents[2] / "assets" / "sigma-135m"
PACKED_FILE = "sigma.safetensors"
_GQA_FAMILIES = ("llama", "mistral", "qwen2", "qwen3")

__all__ = ["CheckpointError", "Pair", "Side", "load_dense", "load_pair", "load_side", "resolve"]


@dataclass(slots=True)
class Side:
    """One model: its config, its tensors by state-dict name (packed objects of `sigma.quantization`), its tokenizer."""

    name: str
    config: SigmaConfig
    tensors: dict[str, Any]
    tokenizer: Any
    manifest: dict[str, Any] = field(default_factory=dict)

    def dense(self) -> SigmaForCausalLM:
        """The transformers model with every tensor dequantized to fp32."""
        with torch.device("meta"):
            model = SigmaForCausalLM(self.config)
        state = {name: packed.dequantize() for name, packed in self.tensors.items()}
        if self.config.tie_word_embeddings:
            state.setdefault("lm_head.weight", state["model.embed_tokens.weight"])
        try:
            model.load_state_dict(state, assign=True)
        except RuntimeError as error:
            raise CheckpointError(f"The tensors of {self.name} do not fit its config: {error}") from error
        model.tie_weights()
        return model.eval()


@dataclass(slots=True)
class Pair:
    """The two sides of the page. Tensors that both have are the same objects. `tuning` says whether they were tuned."""

    sigma: Side
    gqa: Side
    tuning: Tuning = field(default_factory=Tuning)


def resolve(source: str, progress: Progress | None = None) -> Path:
    """A local path for a folder, a file or a Hub id. Raises CheckpointError, naming what was looked for."""
    path = Path(source).expanduser()
    if path.exists():
        return path
    if source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise CheckpointError(f"There is no file or folder {source!r}, and it is not a Hub id of the form owner/name.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if progress is not None:
        progress(f"fetching {source} from the Hub", 0.0)
    try:
        return Path(
            snapshot_download(
                source, allow_patterns=["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model", "*.gguf"]
            )
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(f"{source!r} is no local path and could not be fetched from the Hub: {first}") from error


def load_side(source: str | Path | None = None, progress: Progress | None = None) -> Side:
    """A complete model from a GGUF file or a transformers folder (llama, mistral, qwen2, qwen3 or sigma); None is the default base."""
    path = fetch_base(progress) if source is None else resolve(str(source), progress)
    if path.is_dir() and not (path / "config.json").exists():
        files = sorted(path.glob("*.gguf"))
        if len(files) != 1:
            raise CheckpointError(f"{path} holds no config.json and {len(files)} GGUF files; one of either is needed.")
        path = files[0]
    with reading(path):
        return _from_gguf(path) if path.is_file() else _from_folder(path)


def _from_gguf(path: Path) -> Side:
    refuse_pointer(path)
    reader = open_gguf(path)
    config, tensors, metadata = read_gguf(path, reader)
    check_shapes(config, {name: tensor.shape for name, tensor in tensors.items()})
    tokenizer = tokenizer_from_gguf(path, reader, config.vocab_size)
    return Side(path.stem, config, tensors, tokenizer, {"file": path.name, "path": str(path), **metadata})


def _from_folder(path: Path) -> Side:
    raw = json_object(path / "config.json")
    family = raw.get("model_type")
    if family not in ("sigma", *_GQA_FAMILIES):
        raise ValueError(f"model type {family!r} is not supported; there are sigma, {', '.join(_GQA_FAMILIES)}")
    if raw.get("quantization_config"):
        method = raw["quantization_config"].get("quant_method", "unknown")
        raise ValueError(f"weights quantized by {method!r} are not supported; give the plain model, or a GGUF file")
    source = AutoConfig.from_pretrained(path, trust_remote_code=False)
    config = source if family == "sigma" else gqa_config(source)
    if not (stored := stored_shapes(path)):
        raise ValueError("it holds no weights as safetensors, the only form that is read: others can hold programs")
    check_shapes(config, stored)
    if (path / "generation_config.json").exists():  # published models name their second end token only there
        also = json_object(path / "generation_config.json").get("eos_token_id")
        config.eos_token_id = end_tokens(config.vocab_size, config.eos_token_id, also)
    model, loading = AutoModelForCausalLM.from_pretrained(
        path, dtype="auto", trust_remote_code=False, use_safetensors=True, output_loading_info=True
    )
    problems = {
        kind: sorted(loading[kind])[:3]
        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")
        if loading[kind]
    }
    if problems:
        raise ValueError(f"the tensors do not fit the config: {problems}")
    state = model.state_dict()
    if config.tie_word_embeddings:
        # As transformers does: a head in the file that is not the embedding counts, whatever the config says.
        config.tie_word_embeddings = torch.equal(state["lm_head.weight"], state["model.embed_tokens.weight"])
    if config.tie_word_embeddings:
        state.pop("lm_head.weight")
    tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    return Side(
        path.name, config, {name: Dense(tensor) for name, tensor in state.items()}, tokenizer, {"path": str(path)}
    )


def gqa_config(source) -> SigmaConfig:
    """SigmaConfig of a Llama-type config. Raises ValueError for features that our class does not have."""
    rope = dict(source.rope_parameters or {})
    if rope.get("rope_type", "default") != "default":
        raise ValueError(f"rope type {rope['rope_type']!r} is not supported, only the plain rotation")
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        raise ValueError("rotary embeddings over a part of the head are not supported")
    for name in ("attention_bias", "mlp_bias"):
        if getattr(source, name, None):
            raise ValueError(f"{name}={getattr(source, name)} is not supported")
    # Up to its width a sliding window is full attention, so the context ends there.
    context = min(source.max_position_embeddings, getattr(source, "sliding_window", None) or 1 << 62)
    if source.hidden_act != "silu":
        raise ValueError(f"activation {source.hidden_act!r} is not supported, only silu")
    return SigmaConfig(
        vocab_size=source.vocab_size,
        hidden_size=source.hidden_size,
        intermediate_size=source.intermediate_size,
        num_hidden_layers=source.num_hidden_layers,
        num_attention_heads=source.num_attention_heads,
        num_key_heads=source.num_key_value_heads,
        num_value_heads=source.num_key_value_heads,
        head_dim=getattr(source, "head_dim", None),
        max_position_embeddings=context,
        rope_theta=rope["rope_theta"],
        rms_norm_eps=source.rms_norm_eps,
        qkv_bias=source.model_type == "qwen2",
        qk_norm=source.model_type == "qwen3",
        tie_word_embeddings=source.tie_word_embeddings,
        bos_token_id=source.bos_token_id,
        eos_token_id=end_tokens(source.vocab_size, source.eos_token_id),
        pad_token_id=source.pad_token_id,
    )


def sigma_folder(checkpoint: str | None, progress: Progress | None = None) -> Path:
    """Where a Sigma checkpoint lies; None is the embedded one. Raises CheckpointError."""
    return EMBEDDED if checkpoint is None else resolve(checkpoint, progress)


def load_pair(
    checkpoint: str | None = None,
    base: str | None = None,
    progress: Progress | None = None,
    tuned: str = "off",
    place: Place | None = None,
) -> Pair:
    """Both sides. A packed checkpoint takes its other tensors from the base; a full one needs `base` named.

    `preset:NAME` has random weights (`sigma.checkpoints.preset`), made at `place`, and the default base's tokenizer.
    tuned: "off" takes no tuned minima; "auto" takes those that lie in a packed checkpoint's folder, and goes on untuned,
    saying so in `Pair.tuning`, if they cannot be used; anything else is a file that must fit.
    Raises CheckpointError.
    """
    say = progress or (lambda *_: None)
    if is_preset(checkpoint, base):
        tokenizer = load_side(None, progress).tokenizer
        models = preset_pair(checkpoint, base, tokenizer, place or Place(), progress)
        return Pair(*(Side(*model, tokenizer, {"note": NOTE}) for model in models))
    folder = sigma_folder(checkpoint, progress)
    packed = folder / PACKED_FILE
    if not packed.exists():
        if not (folder / "config.json").exists():
            raise CheckpointError(f"{folder} is not a Sigma checkpoint: it has neither {PACKED_FILE} nor config.json.")
        if base is None:
            raise CheckpointError(
                f"{folder} is a full Sigma checkpoint: name the GQA model to show beside it with --base."
            )
        return tuned_twin(Pair(load_side(folder, progress), load_side(base, progress)), folder, tuned)
    gqa = load_side(base, progress)
    say("reading the Sigma checkpoint", 0.0)
    return tuned_twin(Pair(read_packed(folder, gqa), gqa), folder, tuned)


def tuned_twin(pair: Pair, folder: Path, tuned: str) -> Pair:
    """The same two sides with tuned minima, as new objects that share all other tensors; `tuning` says if there are none.

    folder: the Sigma checkpoint's; `tuned` as for `load_pair`. Raises CheckpointError for a named file that does not fit.
    """
    if tuned == "off" or (tuned == "auto" and not (folder / PACKED_FILE).exists()):
        return replace(pair, tuning=Tuning())
    path = folder / TUNED_FILE if tuned == "auto" else Path(tuned).expanduser()
    try:
        if not (folder / PACKED_FILE).exists():
            raise CheckpointError(f"{folder} is a full Sigma checkpoint: tuned minima belong to a packed one's base.")
        if tuned == "auto" and not path.exists() and json_object(folder / "manifest.json").get("tuned") is None:
            return replace(pair, tuning=Tuning())
        source = Path(pair.gqa.manifest.get("path", ""))
        base = sha256_of(source) if source.is_file() else None
        changes, name = read_tuned(path, base, sha256_of(folder / PACKED_FILE))
        of_gqa, of_sigma, both = parted(changes)
        tensors = with_minima(pair.gqa.tensors, of_gqa)
        own = with_minima(pair.sigma.tensors, of_sigma)
    except (CheckpointError, ValueError, OSError) as error:
        if tuned != "auto":
            raise
        return replace(pair, tuning=Tuning("failed", f"Both sides run untuned: {one_line(error)}"))
    gqa = replace(pair.gqa, name=name, tensors=tensors)
    # besides V, O and the MLP: queries and keys of layers that Sigma keeps as the base has them
    kept = (name for name, found in pair.gqa.tensors.items() if pair.sigma.tensors.get(name) is found)
    shared = {matrix: tensors[matrix] for matrix in (*both, *kept)}
    sigma = replace(pair.sigma, name=f"{pair.sigma.name}, tuned", tensors={**own, **shared})
    return Pair(sigma, gqa, Tuning("tuned", name))


def read_packed(folder: Path, gqa: Side) -> Side:
    """A packed Sigma on its base. Raises CheckpointError if files are missing, damaged or made for another base."""
    try:
        manifest = json_object(folder / "manifest.json")
        name, made_for = manifest["name"], (manifest["base"]["file"], manifest["base"]["sha256"])
        json_object(folder / "config.json")
        config = SigmaConfig.from_pretrained(folder)
        refuse_pointer(folder / PACKED_FILE)
        own, _ = load_packed(folder / PACKED_FILE)
        expected = expected_shapes(config)
    except Exception as error:
        raise CheckpointError(f"The Sigma checkpoint in {folder} cannot be read: {one_line(error)}") from error
    path = Path(gqa.manifest.get("path", ""))
    if path.is_file() and made_for[1] != sha256_of(path):
        raise CheckpointError(
            f"The Sigma checkpoint in {folder} was made for the base {made_for[0]} "
            f"(sha256 {made_for[1][:12]}...), and {path} is another file."
        )
    tensors = {tensor: own.get(tensor, gqa.tensors.get(tensor)) for tensor in expected}
    try:
        check_shapes(config, {tensor: found.shape for tensor, found in {**tensors, **own}.items() if found is not None})
    except ValueError as error:
        raise CheckpointError(f"The Sigma checkpoint in {folder} does not fit its config or base: {error}.") from error
    if config.tie_word_embeddings != gqa.config.tie_word_embeddings:
        raise CheckpointError(f"The Sigma checkpoint in {folder} and {gqa.name} differ in whether the head is tied.")
    return Side(name, config, tensors, gqa.tokenizer, manifest)


def tensor_names(config: SigmaConfig) -> list[str]:
    """State-dict names of a config, without the tied head."""
    return list(expected_shapes(config))


def load_dense(source: str | None = None) -> tuple[SigmaForCausalLM, Any]:
    """(fp32 transformers model, tokenizer) of a complete checkpoint; None is the default base."""
    side = load_side(source)
    return side.dense(), side.tokenizer
