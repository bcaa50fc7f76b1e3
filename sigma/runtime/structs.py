"""The C++ code's structs by field name; what the fields mean is said in matrix.h and model.h.

The library confirms them when it is loaded (`kernels.structs`). Addresses point into tensors that the caller keeps.
"""

import ctypes


def _fields(kind: type, names: str) -> list[tuple[str, type]]:
    return [(name, kind) for name in names.split()]


class Matrix(ctypes.Structure):
    """A packed matrix (matrix.h)."""

    _fields_ = [
        *_fields(ctypes.c_int64, "kind rows cols group"),
        *_fields(ctypes.c_void_p, "data scale zero"),
        ("identity", ctypes.c_double),
        *_fields(ctypes.c_void_p, "rank_rows rank_cols"),
    ]


class Layer(ctypes.Structure):
    """The weights of one layer (model.h)."""

    _fields_ = _fields(ctypes.c_void_p, "input_norm post_norm q k v o gate up down q_gate q_up q_down expand")


class Model(ctypes.Structure):
    """What does not change between two calls (model.h)."""

    _fields_ = [
        *_fields(ctypes.c_int64, "hidden n_q n_k n_v d d_k inner wide layers half context"),
        *_fields(ctypes.c_double, "eps scale"),
        *_fields(ctypes.c_void_p, "cosine sine norm layer"),
    ]


class Sequence(ctypes.Structure):
    """One sequence of a call, and what a step leaves behind of it (model.h)."""

    _fields_ = [
        *_fields(ctypes.c_int64, "past capacity top_k probe missing_mass"),
        ("threshold", ctypes.c_double),
        *_fields(ctypes.c_void_p, "cache probe_q positions probe_positions captured probe_captured v_sum"),
        *_fields(ctypes.c_int64, "v_sum_stride requested distinct"),
    ]


class Step(ctypes.Structure):
    """One call: tokens and buffers (model.h)."""

    _fields_ = [
        *_fields(ctypes.c_int64, "b t threads"),
        *_fields(ctypes.c_void_p, "state q out sequence decode selective"),
    ]


STRUCTURES = (Matrix, Layer, Model, Sequence, Step)
