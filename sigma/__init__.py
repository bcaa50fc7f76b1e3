"""Sigma: a decoder with DiffQKV attention (arXiv 2501.13629), its cache, checkpoints, runtime and engine.

Importing the package registers `SigmaConfig` and `SigmaForCausalLM` with transformers' Auto classes.
"""

from sigma.model.configuration import SigmaConfig
from sigma.model.modeling import SigmaForCausalLM, SigmaModel
from sigma.model.presets import PRESETS, preset

__all__ = ["PRESETS", "SigmaConfig", "SigmaForCausalLM", "SigmaModel", "preset"]
