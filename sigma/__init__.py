"""Sigma: a decoder with DiffQKV attention (arXiv 2501.13629), its cache, checkpoints, runtime and engine.

A name is imported when it is first used, so that `import sigma.events` loads neither torch nor transformers. With
`SigmaForCausalLM` or `SigmaModel`, transformers' Auto classes learn to load a Sigma (`sigma.model.modeling`).
"""

from importlib import import_module

_HOME = {
    "PRESETS": "sigma.model.presets",
    "SigmaConfig": "sigma.model.configuration",
    "SigmaForCausalLM": "sigma.model.modeling",
    "SigmaModel": "sigma.model.modeling",
    "preset": "sigma.model.configuration",
}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'sigma' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
