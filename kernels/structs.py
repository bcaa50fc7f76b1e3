"""C structs by field name: a `ctypes.Structure` is used only where the library confirms its size and every field.

The library describes a struct with `SIGMA_LAYOUT` (kernels/layout.h); the Python class has the struct's own name.
"""

import ctypes
from itertools import zip_longest

_KINDS = {ctypes.c_void_p: "pointer", ctypes.c_int64: "integer", ctypes.c_double: "float"}


def difference(library: ctypes.CDLL, structure: type[ctypes.Structure]) -> str | None:
    """How a Python structure differs from the library's struct of that name, naming the first such field, or None."""
    name = structure.__name__
    try:
        describe = getattr(library, f"sigma_layout_{name}")
    except AttributeError:
        return f"struct {name}: the C++ code does not describe it"
    describe.argtypes, describe.restype = [], ctypes.c_char_p
    size, *theirs = describe().decode().split("\n")
    for mine, other in zip_longest(_fields(structure), theirs):
        if mine != other:
            return f"struct {name}: field {_quoted(mine)} in Python is {_quoted(other)} in the C++ code"
    if ctypes.sizeof(structure) != int(size):
        return f"struct {name}: {ctypes.sizeof(structure)} bytes in Python are {size} in the C++ code"
    return None


def _fields(structure: type[ctypes.Structure]) -> list[str]:
    """The lines that kernels/layout.h writes. KeyError for a type that it has no word for."""
    lines = []
    for name, kind, *_ in structure._fields_:
        place = getattr(structure, name)
        element = kind._type_ if issubclass(kind, ctypes.Array) else kind
        lines.append(f"{name}: {_KINDS[element]}, {place.size} bytes at {place.offset}")
    return lines


def _quoted(line: str | None) -> str:
    return f'"{line}"' if line else "missing"
