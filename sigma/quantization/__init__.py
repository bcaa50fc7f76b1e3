"""Packed weights: 4-bit and 8-bit matrices, how they are made, and the files they come from.

packed.py     Dense, Int8, GroupInt8, Int4: what a packed matrix is, and its exact meaning in fp32
quantize.py   fp32 -> Int4 (range search, optional GPTQ-style error feedback) and Int8
gguf_file.py  a Llama-type GGUF file -> our names, kept in the file's own 4 and 8 bits
storage.py    packed tensors <-> one safetensors file
"""

from sigma.quantization.gguf_file import open_gguf, read_gguf
from sigma.quantization.packed import Dense, GroupInt8, Int4, Int8, Packed
from sigma.quantization.quantize import quantize_int4, quantize_int8
from sigma.quantization.storage import load_packed, save_packed

__all__ = [
    "Dense",
    "GroupInt8",
    "Int4",
    "Int8",
    "Packed",
    "load_packed",
    "open_gguf",
    "quantize_int4",
    "quantize_int8",
    "read_gguf",
    "save_packed",
]
