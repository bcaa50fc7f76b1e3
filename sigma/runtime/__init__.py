"""The lean forward pass that the engine runs: packed weights, a preallocated cache, few operations per layer.

runtime.py     Runtime: what a caller sees (prefill, decode, probe, bytes read)
path.py        Path: what every way through the model does
torch_path.py  the forward pass in torch operations, on any device
graph.py       a decode step on a GPU: the same operations on fixed buffers, captured in a CUDA graph
native.py      the same in C++ (decode.cpp) for a CPU, packed weights computed in their own 4 and 8 bits
newest.py      the sequences of one call as that code sees them
structs.py     the structs of the C++ code (matrix.h, model.h) by field name
layout.py      packed tensors -> the interleaved layout that the C++ code reads (matrix.h, panel.h, team.h)
"""

from sigma.runtime.path import SequenceStep
from sigma.runtime.runtime import Runtime
from sigma.runtime.trace import Trace

__all__ = ["Runtime", "SequenceStep", "Trace"]
