"""rocm-smi: one argparse table (names from the rocm_smi_lib README, MIT)."""

from __future__ import annotations

from sigma.aimicius.cmdgen.grammar.meaning import CommandError, Meaning
from sigma.aimicius.cmdgen.grammar.option import opt
from sigma.aimicius.cmdgen.grammar.parser import Grammar, Habits

# Flags without a value: LONG or LONG|SHORT.
FLAGS = """
help|h gpureset version|V alldevices showhw showallinfo|a showid|i showvbios|v showdriverversion showtempgraph
showmclkrange showmemvendor showsclkrange showproductname showserial showuniqueid showvoltagerange showbus showpagesinfo
showpendingpages showretiredpages showunreservablepages showfan|f showpower|P showtemp|t showuse|u showmemuse showvoltage
showbw|b showclocks|c showgpuclocks|g showprofile|l showmaxpower|M showmemoverdrive|m showoverdrive|o showperflevel|p
showclkvolt|S showclkfrq|s showreplaycount showvc showxgmierr showtopo showtopoaccess showtopoweight showtopohops
showtopotype showtoponuma showenergycounter shownodesbw showcomputepartition
resetclocks|r resetfans resetprofile resetpoweroverdrive resetxgmierr resetperfdeterminism resetcomputepartition
json csv
"""
PERF_LEVELS = "auto low high manual stable_std stable_peak stable_min_mclk stable_min_sclk perf_determinism"
FIRMWARE = (
    "all asd ce dmcu mc me mec mec2 pfp rlc rlc_srlc rlc_srlg rlc_srls sdma sdma2 smc sos ta_ras ta_xgmi uvd vce vcn"
)
RAS_BLOCKS = "all fatal gfx hdp mmhub mp0 mp1 pcie_bif sdma sem smn umc xgmi_wafl"
# Settings beyond the factory's: the tool warns and waits for a y at the terminal (rocm_smi.py, confirmOutOfSpecWarning).
ASKING = frozenset(
    "setslevel setmlevel setvc setsrange setmrange setextremum setoverdrive setmemoverdrive setpoweroverdrive".split()
)
MODES = "cpx spx dpx tpx qpx"
MEMORY_MODES = "nps1 nps2 nps4 nps8"


def _upper(names: str) -> dict[str, str]:
    return {name.upper(): name.upper() for name in names.split()}


def _refuse(error: CommandError, grammar: Grammar) -> tuple[str, int]:
    usage = "usage: rocm-smi [-h] [-V] [-d DEVICE [DEVICE ...]] [--alldevices] [--showhw] [-a] [-i] [-v] [-e [EVENT ...]] ...\n"
    if error.kind in ("unknown-option", "operand"):
        return f"{usage}rocm-smi: error: unrecognized arguments: {error.token}\n", 2
    if error.kind == "missing-value":
        return f"{usage}rocm-smi: error: argument {error.token}: expected at least one argument\n", 2
    if error.kind == "conflict":
        return f"{usage}rocm-smi: error: argument {error.token}: not allowed with argument\n", 2
    return f"{usage}rocm-smi: error: {error.reason}\n", 2


def _finish(meaning: Meaning) -> None:
    options = meaning.options
    if options.pop("alldevices", None):
        meaning.spelled.pop("alldevices", None)
    for name in ("showmeminfo", "showfwinfo", "showrasinfo"):
        if options.get(name) == []:
            options[name] = ["all"]
    _answer(meaning)
    for name in options.get("device", []):
        if not name.isdecimal():
            raise CommandError("bad-value", f"argument -d/--device: invalid device {name!r}", name)


def _answer(meaning: Meaning) -> None:
    """--autorespond in one spelling, and only where something is asked."""
    given = meaning.options.get("autorespond")
    if not ASKING & set(meaning.options):
        if given is not None:
            del meaning.options["autorespond"]
            meaning.spelled.pop("autorespond", None)
            meaning.notes.append("--autorespond answers nothing here: the command asks nothing")
    elif given is None:
        meaning.notes.append("the tool asks before it does this; --autorespond y answers")
    else:
        meaning.options["autorespond"] = "y" if given in ("y", "Y", "yes", "Yes", "YES") else "n"


GRAMMAR = Grammar(
    "rocm-smi",
    (
        *(
            opt(f"--{long} -{short}" if short else f"--{long}")
            for item in FLAGS.split()
            for long, _, short in [item.partition("|")]
        ),
        opt("--device -d", "devices", count="+", repeat="set"),
        opt("--load", "path"),
        opt("--save", "path"),
        opt("--showfwinfo", "choice", None, FIRMWARE, count="*", repeat="set"),
        opt("--showmeminfo", "choice", None, "vram vis_vram gtt all", count="+", repeat="set"),
        opt("--showpids", "choice", None, "details", count="?", bare="brief"),
        opt("--showevents -e", "text", count="*", repeat="set"),
        opt("--showpidgpus", "text", count="*", repeat="set"),
        opt("--showrasinfo", "choice", None, RAS_BLOCKS, count="*", repeat="set"),
        opt("--setclock", "text", count=2),
        opt("--setsclk", "int", count="+", low=0, repeat="set"),
        opt("--setmclk", "int", count="+", low=0, repeat="set"),
        opt("--setpcie", "int", count="+", low=0, repeat="set"),
        opt("--setslevel", "int", count=3),
        opt("--setmlevel", "int", count=3),
        opt("--setvc", "int", count=3),
        opt("--setsrange", "int", count=2, low=0),
        opt("--setmrange", "int", count=2, low=0),
        opt("--setextremum", "text", count=3),
        opt("--setfan", "text"),
        opt("--setperflevel", "choice", None, PERF_LEVELS),
        opt("--setoverdrive", "int", low=0, high=20),
        opt("--setmemoverdrive", "int", low=0, high=20),
        opt("--setpoweroverdrive", "int", low=0),
        opt("--setprofile", "text"),
        opt("--setperfdeterminism", "int", low=0),
        opt("--setcomputepartition", "choice", None, _upper(MODES)),
        opt("--showmemorypartition --shownpsmode"),  # the second names are those of ROCm 5
        opt("--resetmemorypartition --resetnpsmode"),
        opt("--setmemorypartition --setnpsmode", "choice", None, _upper(MEMORY_MODES)),
        opt("--rasenable", "text", count=2),
        opt("--rasdisable", "text", count=2),
        opt("--rasinject", "text"),
        opt("--autorespond", "text"),
        opt("--loglevel", "choice", None, "debug info warning error critical"),
    ),
    Habits(cluster=True, abbreviate=True),
    refuse=_refuse,
    finish=_finish,
    exclusive=(("json", "csv"),),
)
