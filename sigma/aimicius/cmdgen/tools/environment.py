"""Environment variables in front of a command: NCCL's and RCCL's own, and those that choose devices.

Names, values and defaults are facts of NVIDIA's NCCL guide ("Environment Variables") and of RCCL's documents. A default is
noted only where both agree on one fixed value; a variable that is not in the table is kept as text and said to be unknown.
"""

from __future__ import annotations

from typing import Any

from sigma.aimicius.cmdgen.grammar.meaning import CommandError
from sigma.aimicius.cmdgen.grammar.option import Option, opt
from sigma.aimicius.cmdgen.grammar.values import KINDS, ValueProblem
from sigma.aimicius.cmdgen.tools.mpirun import as_set

_SWITCH = {"0": "0", "1": "1"}
_P2P = {"LOC": "LOC", "0": "LOC", "NVL": "NVL", "1": "NVL", "PIX": "PIX", "2": "PIX", "PXB": "PXB", "3": "PXB"} | {
    "PHB": "PHB",
    "4": "PHB",
    "SYS": "SYS",
    "5": "SYS",
}


def _row(name: str, kind: str, default: Any = None, choices: Any = None, **more: Any) -> Option:
    return opt(name, kind, default, choices, name=name, **more)


def _switches(names: str, default: str | None) -> list[Option]:
    return [_row(name, "choice", default, _SWITCH) for name in names.split()]


ROWS = [
    _row("NCCL_DEBUG", "choice", None, "VERSION WARN INFO ABORT TRACE"),
    _row("NCCL_DEBUG_SUBSYS", "text"),
    _row("NCCL_DEBUG_FILE", "path"),
    _row("NCCL_ALGO", "text"),
    _row("NCCL_PROTO", "text"),
    _row("NCCL_SOCKET_IFNAME", "text"),
    _row("NCCL_SOCKET_FAMILY", "choice", None, "AF_INET AF_INET6"),
    _row("NCCL_SOCKET_NTHREADS", "int", low=1, high=16),
    _row("NCCL_NSOCKS_PERTHREAD", "int", low=1, high=16),
    _row("NCCL_IB_HCA", "text"),
    _row("NCCL_IB_TIMEOUT", "int", low=0, high=31),
    _row("NCCL_IB_RETRY_CNT", "int", 7, low=0),
    _row("NCCL_IB_GID_INDEX", "int"),
    _row("NCCL_IB_SL", "int", 0, low=0, high=15),
    _row("NCCL_IB_TC", "int", 0, low=0, high=255),
    _row("NCCL_IB_QPS_PER_CONNECTION", "int", 1, low=1, high=128),
    _row("NCCL_IB_PCI_RELAXED_ORDERING", "int", 2, low=0, high=2),
    _row("NCCL_NET", "text"),
    _row("NCCL_NET_PLUGIN", "text"),
    _row("NCCL_TUNER_PLUGIN", "text"),
    _row("NCCL_NET_GDR_LEVEL", "choice", None, _P2P),
    _row("NCCL_NET_GDR_READ", "choice", None, _SWITCH),
    _row("NCCL_P2P_LEVEL", "choice", None, _P2P),
    _row("NCCL_CROSS_NIC", "int", 2, low=0, high=2),
    _row("NCCL_MIN_NCHANNELS", "int", low=1),
    _row("NCCL_MAX_NCHANNELS", "int", low=1),
    _row("NCCL_MIN_CTAS", "int", low=1),
    _row("NCCL_MAX_CTAS", "int", low=1),
    _row("NCCL_NTHREADS", "int", low=64, high=512),
    _row("NCCL_BUFFSIZE", "int", 4194304, low=0),
    _row("NCCL_NCHANNELS_PER_NET_PEER", "int", low=1),
    _row("NCCL_TOPO_FILE", "path"),
    _row("NCCL_TOPO_DUMP_FILE", "path"),
    _row("NCCL_GRAPH_FILE", "path"),
    _row("NCCL_GRAPH_DUMP_FILE", "path"),
    _row("NCCL_NVLS_ENABLE", "int", low=0, high=2),
    _row("NCCL_COMM_BLOCKING", "choice", None, _SWITCH),
    _row("NCCL_LAUNCH_MODE", "choice", None, "PARALLEL GROUP"),
    _row("NCCL_COLLNET_ENABLE", "choice", "0", _SWITCH),
    _row("NCCL_COMM_ID", "text"),
    _row("NCCL_HOSTID", "text"),
    _row("NCCL_CONF_FILE", "path"),
    _row("NCCL_TESTS_SPLIT", "text"),
    _row("NCCL_TESTS_SPLIT_MASK", "text"),
    *_switches("NCCL_IB_DISABLE NCCL_P2P_DISABLE NCCL_SHM_DISABLE NCCL_IGNORE_CPU_AFFINITY NCCL_CHECK_POINTERS", "0"),
    *_switches("NCCL_GRAPH_REGISTER NCCL_LOCAL_REGISTER NCCL_SET_STACK_SIZE NCCL_SET_THREAD_NAME", None),
    *_switches("NCCL_CUMEM_ENABLE NCCL_DMABUF_ENABLE NCCL_IB_ADAPTIVE_ROUTING NCCL_RAS_ENABLE NCCL_MNNVL_ENABLE", None),
    *_switches("NCCL_P2P_DIRECT_DISABLE NCCL_PXN_DISABLE NCCL_SHARP_DISABLE NCCL_RUNTIME_CONNECT", None),
    *_switches("RCCL_MSCCL_ENABLE RCCL_MSCCLPP_ENABLE RCCL_ENABLE_HIPGRAPH HSA_FORCE_FINE_GRAIN_PCIE", None),
    *_switches("HSA_NO_SCRATCH_RECLAIM NCCL_ENABLE_DMABUF_SUPPORT RCCL_FORCE_ENABLE_DMABUF", None),
    _row("RCCL_MSCCLPP_THRESHOLD", "int", low=0),
    _row("CUDA_VISIBLE_DEVICES", "list"),
    _row("HIP_VISIBLE_DEVICES", "list"),
    _row("ROCR_VISIBLE_DEVICES", "list"),
    _row("CUDA_DEVICE_ORDER", "choice", None, "FASTEST_FIRST PCI_BUS_ID"),
    _row("LD_LIBRARY_PATH", "text"),
    _row("LD_PRELOAD", "text"),
    _row("OMP_NUM_THREADS", "int", low=1),
    _row("SB_MICRO_PATH", "path"),
]
TABLE = {row.name: row for row in ROWS}
_SETS = ("NCCL_IB_HCA", "NCCL_SOCKET_IFNAME")  # filters: the order of their members says nothing
_ANY_CASE = ("NCCL_ALGO", "NCCL_PROTO", "NCCL_DEBUG_SUBSYS")  # NCCL compares these without case


def canonical(name: str, value: str, notes: list[str]) -> tuple[Any, bool]:
    """The value in one form, and whether it only repeats the default. Raises CommandError for one that NCCL ignores."""
    row = TABLE.get(name)
    if row is None:
        if name.startswith(("NCCL_", "RCCL_")):
            notes.append(f"{name} is no variable that NCCL or RCCL documents")
        return value, False
    try:
        parsed = KINDS[row.kind](value, row)
    except ValueProblem as problem:
        raise CommandError("bad-value", f"{name}: {problem}", value, f"{name}={value}: invalid value\n", 1) from problem
    if name in _ANY_CASE:
        parsed = parsed.upper()
    if name in (*_ANY_CASE, *_SETS) and (name != "NCCL_ALGO" or ":" not in parsed):
        parsed = as_set(parsed)
    return parsed, row.default is not None and parsed == row.default
