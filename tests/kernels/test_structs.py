"""A struct that Python and the C++ code see differently is found when the library is loaded, by its field."""

import ctypes

import pytest

from kernels import native
from kernels.structs import difference
from sigma.runtime import native as runtime_native
from sigma.runtime.structs import STRUCTURES

pytestmark = pytest.mark.skipif("no C++ compiler" in native.status(), reason="no C++ compiler")

ATTENTION, RUNTIME = ("attention", native._SOURCES), ("runtime", (runtime_native._HERE / "decode.cpp",))
USED = [(ATTENTION, native.Args), *((RUNTIME, structure) for structure in STRUCTURES)]
SOURCE = """
#include "kernels/layout.h"
namespace sigma {
struct Point {
  int64_t x, y;
  double weight;
  const float* data;
  int64_t strides[3];
};
}
SIGMA_LAYOUT(Point, SIGMA_FIELD(x), SIGMA_FIELD(y), SIGMA_FIELD(weight), SIGMA_FIELD(data), SIGMA_FIELD(strides))
"""
FIELDS = {
    "x": ctypes.c_int64,
    "y": ctypes.c_int64,
    "weight": ctypes.c_double,
    "data": ctypes.c_void_p,
    "strides": ctypes.c_int64 * 3,
}


def structure(name: str, fields: list[tuple[str, type]]) -> type[ctypes.Structure]:
    return type(name, (ctypes.Structure,), {"_fields_": fields})


def swapped(fields: list[tuple[str, type]], at: int) -> list[tuple[str, type]]:
    return [*fields[:at], fields[at + 1], fields[at], *fields[at + 2 :]]


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "point.cpp"
    path.write_text(SOURCE)
    return path


@pytest.mark.parametrize("library, used", USED, ids=lambda x: getattr(x, "__name__", ""))
def test_what_is_in_use_is_confirmed(library, used):
    assert difference(native.load(*library), used) is None


@pytest.mark.parametrize("library, used", USED, ids=lambda x: getattr(x, "__name__", ""))
def test_every_swap_refuses_the_load(library, used):
    """Two neighbours in the other order, anywhere in a struct in use, though they are of one type."""
    for at, (name, _) in enumerate(used._fields_[:-1]):
        changed = structure(used.__name__, swapped(list(used._fields_), at))
        second = used._fields_[at + 1][0]
        with pytest.raises(
            native.NativeUnavailable, match=rf'^struct {used.__name__}: field "{second}: .* is "{name}: '
        ):
            native.load(*library, structures=[changed])


@pytest.mark.parametrize(
    "change, message",
    [
        ({}, None),
        (
            {"y": ctypes.c_double},
            r'struct Point: field "y: float, 8 bytes at 8" in Python is "y: integer, 8 bytes at 8"',
        ),
        ({"x": ctypes.c_void_p}, r'struct Point: field "x: pointer.* is "x: integer'),
        ({"data": ctypes.c_int64}, r'struct Point: field "data: integer.* is "data: pointer'),
        ({"strides": ctypes.c_int64 * 2}, r"struct Point: field .strides: integer, 16 bytes at 32.* 24 bytes at 32"),
        ({"more": ctypes.c_int64}, r'struct Point: field "more: .* in Python is missing in the C\+\+ code'),
        ({"strides": None}, r'struct Point: field missing in Python is "strides: '),
    ],
    ids=["same", "type", "pointer-for-number", "number-for-pointer", "shorter", "more", "fewer"],
)
def test_a_change_in_python_is_named(source, change, message):
    fields = [(name, kind) for name, kind in (FIELDS | change).items() if kind]
    if message is None:
        native.load("point", [source], structures=[structure("Point", fields)])
        return
    with pytest.raises(native.NativeUnavailable, match=message):
        native.load("point", [source], structures=[structure("Point", fields)])


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("int64_t x, y;", "int64_t y, x;", r'field "x: integer, 8 bytes at 0" .* is "x: integer, 8 bytes at 8"'),
        ("int64_t x, y;", "int32_t x, y;", r'field "x: integer, 8 bytes at 0" .* is "x: integer, 4 bytes at 0"'),
        ("double weight;", "double weight, other;", r'field "data: .* bytes at 24" .* bytes at 32"'),
        ("strides[3];", "strides[3], last;", "struct Point: 56 bytes in Python are 64 in the C"),
        (
            "SIGMA_LAYOUT(Point",
            "namespace sigma { struct Other : Point {}; }\nSIGMA_LAYOUT(Other",
            "struct Point: the C",
        ),
    ],
    ids=["order", "type", "between", "behind", "unnamed"],
)
def test_a_change_in_the_cpp_code_is_named(source, old, new, message):
    assert old in SOURCE
    source.write_text(SOURCE.replace(old, new))
    with pytest.raises(native.NativeUnavailable, match=message):
        native.load("point", [source], structures=[structure("Point", list(FIELDS.items()))])


def test_the_callers_use_torch_and_say_why(monkeypatch):
    """A package whose struct is another one than its library's goes on without it."""
    monkeypatch.setattr(native, "Args", structure("Args", swapped(list(native.Args._fields_), 6)))
    native.reset()
    try:
        assert native.status().startswith('torch (struct Args: field "n_q: integer, 8 bytes at 48"')
    finally:
        native.reset()
