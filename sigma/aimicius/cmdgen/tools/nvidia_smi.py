"""nvidia-smi: option tables of the main command and of dmon, pmon, topo, nvlink and mig (driver 550)."""

from __future__ import annotations

from sigma.aimicius.cmdgen.grammar.meaning import CommandError, Meaning
from sigma.aimicius.cmdgen.grammar.option import opt
from sigma.aimicius.cmdgen.grammar.parser import Grammar, Habits
from sigma.aimicius.cmdgen.tools import nvidia_fields as fields

HABITS = Habits(one_dash=True, short_equals=True, greedy=True)
SWITCH = {"0": "0", "1": "1", "DISABLED": "0", "ENABLED": "1"}
SECTIONS = (
    "MEMORY UTILIZATION ECC TEMPERATURE POWER CLOCK COMPUTE PIDS PERFORMANCE SUPPORTED_CLOCKS PAGE_RETIREMENT ACCOUNTING "
    "ENCODER_STATS SUPPORTED_GPU_TARGET_TEMP VOLTAGE FBC_STATS ROW_REMAPPER RESET_STATUS GSP_FIRMWARE_VERSION "
    "POWER_SMOOTHING POWER_PROFILES"
)
COMPUTE_MODES = {"0": "0", "DEFAULT": "0", "1": "1", "EXCLUSIVE_THREAD": "1", "2": "2", "PROHIBITED": "2"} | {
    "3": "3",
    "EXCLUSIVE_PROCESS": "3",
}
ID = opt("-i --id", "devices")
HELP = opt("-h --help")
FORMAT = {"csv": "csv", "noheader": "noheader", "nounits": "nounits", "nounit": "nounits"}
# The sets that one run changes or asks for; nvidia-smi takes one of them at a time, except for query and its filters.
CHANGES = (
    "persistence-mode ecc-config reset-ecc-errors compute-mode gom gpu-reset virt-mode applications-clocks "
    "reset-applications-clocks applications-clocks-permission power-limit accounting-mode clear-accounted-apps "
    "lock-gpu-clocks reset-gpu-clocks lock-memory-clocks reset-memory-clocks multi-instance-gpu gpu-target-temp"
).split()
QUERIES = {
    "query-gpu": fields.GPU,
    "query-compute-apps": fields.COMPUTE_APPS,
    "query-accounted-apps": fields.ACCOUNTED_APPS,
    "query-supported-clocks": fields.SUPPORTED_CLOCKS,
    "query-retired-pages": fields.RETIRED_PAGES,
    "query-remapped-rows": fields.REMAPPED_ROWS,
}


def _refuse(error: CommandError, grammar: Grammar) -> tuple[str, int]:
    command = " ".join(("nvidia-smi", *grammar.sub))
    if error.kind == "field":
        return f'Field "{error.token}" is not a valid field to query.\n', 2
    if error.kind == "unknown-option" or error.kind == "operand":
        return f"Invalid combination of input arguments. Please run '{command} -h' for help.\n", 6
    if error.kind == "missing-value":
        return f"Option {error.token} is missing its value. Please run '{command} -h' for help.\n", 2
    if error.kind == "bad-value":
        return f"{error.reason}\nOption value is not valid. Please run '{command} -h' for help.\n", 2
    return f"Invalid combination of input arguments. Please run '{command} -h' for help.\n", 6


def _main(meaning: Meaning) -> None:
    given = meaning.options
    if given.get("help"):
        return
    asked = [name for name in QUERIES if name in given]
    if asked and "format" not in given:
        raise CommandError("conflict", f"--{asked[0]} needs --format=csv", "--" + asked[0])
    if "format" in given and not asked:
        raise CommandError("conflict", "--format belongs to a --query-...= option", "--format")
    if "format" in given and "csv" not in given["format"]:
        raise CommandError("conflict", "--format must contain csv", "--format")
    for needs, base in (("display", "query"), ("xml-format", "query"), ("dtd", "xml-format")):
        if needs in given and base not in given and not (needs == "display" and asked):
            raise CommandError("conflict", f"--{needs} needs --{base}", needs)
    changed = [name for name in CHANGES if name in given]
    if changed and (asked or "query" in given or "list-gpus" in given):
        raise CommandError("conflict", f"--{changed[0]} does not go with a query", changed[0])
    for name in asked:
        known = QUERIES[name]
        for field in given[name]:
            if field not in known:
                raise CommandError("field", f"{field!r} is no field of --{name}", field)
        given[name] = [known[field] for field in given[name]]
    if given.get("loop") is not None:  # -l 2 and -lms 2000 are the same rhythm
        given["loop-ms"] = given.pop("loop") * 1000
        meaning.spelled["loop-ms"] = meaning.spelled.pop("loop", "")


def _monitor(most: int) -> object:
    def finish(meaning: Meaning) -> None:
        chosen = meaning.options.get("id", [])
        if len(chosen) > most:
            raise CommandError("bad-value", f"at most {most} devices can be monitored", ",".join(chosen))

    return finish


def _sub(name: str, options: tuple, **more: object) -> Grammar:
    return Grammar("nvidia-smi", (*options, HELP), HABITS, sub=(name,), refuse=_refuse, **more)


DMON = _sub(
    "dmon",
    (
        ID,
        opt("-d --delay", "int", 1, low=1, high=10),
        opt("-c --count", "int", low=1),
        opt("-s --select", "letters", "puc", choices="p u c v m e t"),
        opt("-o --options", "letters", choices="D T"),
        opt("-f --filename", "path"),
        opt("--gpm-metrics", "list"),
        opt("--gpm-options", "letters", choices="d m"),
        opt("--format", "words", choices=FORMAT),
    ),
    finish=_monitor(16),
)
PMON = _sub(
    "pmon",
    (
        ID,
        opt("-d --delay", "int", 1, low=1, high=10),
        opt("-c --count", "int", low=1),
        opt("-s --select", "letters", "u", choices="u m"),
        opt("-o --options", "letters", choices="D T"),
        opt("-f --filename", "path"),
    ),
    finish=_monitor(4),
)
TOPO = _sub(
    "topo",
    (
        ID,
        opt("-m --matrix"),
        opt("-mp --matrix_pci"),
        opt("-c --cpu", "int", low=0),
        opt("-n --nearest_gpus", "int", low=0, high=5),
        opt("-gpu --gpu", "devices", name="gpu"),
        opt("-gnid --get_numa_id"),
        opt("-p --path"),
        opt("-p2p --p2pstatus", "choice", choices="r w n a p", strict_case=True),
        opt("-C --numa_of_cpu", name="numa-of-cpu"),
        opt("-M --numa_of_memory", name="numa-of-memory"),
    ),
    exclusive=(("matrix", "matrix_pci", "cpu", "nearest_gpus", "path", "p2pstatus"),),
)
NVLINK = _sub(
    "nvlink",
    (
        ID,
        opt("-l --link", "int", low=0, high=17),
        opt("-s --status"),
        opt("-c --capabilities"),
        opt("-p --pcibusid"),
        opt("-R --remotelinkinfo"),
        opt("-sc --setcontrol", "text"),
        opt("-gc --getcontrol"),
        opt("-g --getcounters", "int", low=0, high=1),
        opt("-r --resetcounters", "int", low=0, high=1),
        opt("-e --errorcounters"),
        opt("-ec --crcerrorcounters"),
        opt("-re --reseterrorcounters"),
        opt("-gt --getthroughput", "choice", choices="d r", strict_case=True),
        opt("-sLowPwrThres --setLowPowerThreshold", "int"),
        opt("-gLowPwrInfo --getLowPowerInfo"),
        opt("-info --info"),
    ),
)


def _profiles(meaning: Meaning) -> None:
    """A profile by its number, its name or `MIG name` is the same one."""
    given = meaning.options.get("create-gpu-instance")
    if given is not None:
        known = {name: str(number) for rows in fields.MIG_PROFILES.values() for name, number, *_ in rows}
        names = [name.strip().removeprefix("MIG ").strip() for name in given]
        meaning.options["create-gpu-instance"] = [known.get(name.lower(), name) for name in names]


MIG = _sub(
    "mig",
    (
        ID,
        opt("-gi --gpu-instance-id", "list"),
        opt("-ci --compute-instance-id", "list"),
        opt("-lgip --list-gpu-instance-profiles"),
        opt("-lgipp --list-gpu-instance-possible-placements"),
        opt("-C --default-compute-instance"),
        opt("-cgi --create-gpu-instance", "list"),
        opt("-dgi --destroy-gpu-instance"),
        opt("-lgi --list-gpu-instances"),
        opt("-lcip --list-compute-instance-profiles"),
        opt("-lcipp --list-compute-instance-possible-placements"),
        opt("-cci --create-compute-instance", "list", count="?", bare=["default"]),
        opt("-dci --destroy-compute-instance"),
        opt("-lci --list-compute-instances"),
    ),
    finish=_profiles,
)
GRAMMAR = Grammar(
    "nvidia-smi",
    (
        HELP,
        opt("--version"),
        opt("-L --list-gpus"),
        opt("-B --list-excluded-gpus"),
        ID,
        opt("-q --query"),
        opt("-u --unit"),
        opt("-f --filename", "path"),
        opt("-x --xml-format"),
        opt("--dtd"),
        opt("-d --display", "words", choices=SECTIONS),
        opt("-l --loop", "int", count="?", bare=5, low=1),
        opt("-lms --loop-ms", "int", low=1),
        opt("-pm --persistence-mode", "choice", choices=SWITCH),
        opt("-e --ecc-config", "choice", choices=SWITCH),
        opt("-p --reset-ecc-errors", "choice", choices={"0": "0", "1": "1", "VOLATILE": "0", "AGGREGATE": "1"}),
        opt("-c --compute-mode", "choice", choices=COMPUTE_MODES),
        opt("--gom", "choice", choices={"0": "0", "ALL_ON": "0", "1": "1", "COMPUTE": "1", "2": "2", "LOW_DP": "2"}),
        opt("-r --gpu-reset"),
        opt("-vm --virt-mode", "choice", choices={"3": "3", "VGPU": "3", "4": "4", "VSGA": "4"}),
        opt("-ac --applications-clocks", "clocks", low=1),
        opt("-rac --reset-applications-clocks"),
        opt(
            "-acp --applications-clocks-permission",
            "choice",
            choices={"0": "0", "1": "1", "UNRESTRICTED": "0", "RESTRICTED": "1"},
        ),
        opt("-pl --power-limit", "number", low=1),
        opt("-sc --scope", "choice", "0", choices={"0": "0", "1": "1", "GPU": "0", "MODULE": "1"}),
        opt("-am --accounting-mode", "choice", choices=SWITCH),
        opt("-caa --clear-accounted-apps"),
        opt("-lgc --lock-gpu-clocks", "pair", low=0),
        opt("-m --mode", "choice", choices="0 1"),
        opt("-rgc --reset-gpu-clocks"),
        opt("-lmc --lock-memory-clocks", "pair", low=0),
        opt("-rmc --reset-memory-clocks"),
        opt("-lmcd --lock-memory-clocks-deferred", "int", low=0),
        opt("-rmcd --reset-memory-clocks-deferred"),
        opt("-gtt --gpu-target-temp", "int", low=1),
        opt("-mig --multi-instance-gpu", "choice", choices=SWITCH),
        opt("-fdm --force-driver-model", "choice", choices="0 1"),
        *(opt("--" + name, "list") for name in QUERIES if name != "query-compute-apps"),
        opt("--query-compute-apps", "list"),
        opt("--format", "words", choices=FORMAT),
        opt("--help-query-gpu"),
        opt("--help-query-compute-apps"),
        opt("--help-query-supported-clocks"),
        opt("--help-query-accounted-apps"),
        opt("--help-query-retired-pages"),
        opt("--help-query-remapped-rows"),
    ),
    HABITS,
    subs={"dmon": DMON, "pmon": PMON, "topo": TOPO, "nvlink": NVLINK, "mig": MIG},
    exclusive=(
        tuple(QUERIES),
        ("query", *QUERIES),
        ("loop", "loop-ms"),
        ("list-gpus", "list-excluded-gpus", "query", *QUERIES),
    ),
    refuse=_refuse,
    finish=_main,
)
