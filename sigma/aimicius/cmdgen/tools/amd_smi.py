"""amd-smi: sub-commands and their options (names from AMD's guide to the tool and its changelog, MIT).

Options of several versions stand side by side: --throttle became another name of --violation in ROCm 7.0, and `metric -G`
and -b, `reset -r`, `node` and `ras` came with 7.0 to 7.2.
"""

from __future__ import annotations

from sigma.aimicius.cmdgen.grammar.meaning import CommandError, Meaning
from sigma.aimicius.cmdgen.grammar.option import Option, opt
from sigma.aimicius.cmdgen.grammar.parser import Grammar, Habits

HABITS = Habits(cluster=True, abbreviate=True)
COMMON = (
    opt("--help -h"),
    opt("--json"),
    opt("--csv"),
    opt("--file", "path"),
    opt("--loglevel", "choice", None, "DEBUG INFO WARNING ERROR CRITICAL"),
)
TARGETS = (
    opt("--gpu -g", "devices", ["all"], count="+", repeat="set"),
    opt("--cpu -U", "devices", count="+", repeat="set"),
    opt("--core -O", "devices", count="+", repeat="set"),
)
WATCH = (
    opt("--watch -w", "int", low=1),
    opt("--watch_time -W", "int", low=1),
    opt("--iterations -i", "int", low=1),
)
# Flags of each sub-command: LONG or LONG|SHORT.
FLAGS = {
    "version": "",
    "list": "enumeration|e",
    "static": "asic|a bus|b driver|d vram|v cache|c board|B process-isolation|R ras|r partition|p limit|l "
    "xgmi-plpd|x numa|u smu|s interface-ver|i",
    "firmware": "ucode-list|f",
    "bad-pages": "pending|p retired|r un-res|u",
    "metric": "mem-usage|m usage|u power|p clock|c temperature|t pcie|P ecc|e ecc-blocks|k fan|f voltage-curve|C overdrive|o "
    "perf-level|l xgmi-err|x energy|E cpu-power-metrics cpu-prochot cpu-freq-metrics cpu-c0-res "
    "cpu-pwr-svi-telemtry-rails cpu-metrics-ver cpu-metrics-table cpu-socket-energy cpu-ddr-bandwidth cpu-temp "
    "core-boost-limit core-curr-active-freq-core-limit core-energy gpuboard|G baseboard|b cpu-pwr-svi-telemetry-rails",
    "process": "general|G engine|e",
    "event": "",
    "topology": "access|a weight|w hops|o link-type|t numa-bw|b coherent|c atomics|n dma|d bi-dir|z",
    "set": "cpu-enable-apb",
    "reset": "gpureset|G clocks|c fans|f profile|p xgmierr|x perf-determinism|d compute-partition|C memory-partition|M "
    "power-cap|o clean-local-data|l reload-driver|r",
    "monitor": "power-usage|p temperature|t gfx|u mem|m encoder|n decoder|d ecc|e vram-usage|v pcie|r process|q violation|V "
    "gpu-board-temps base-board-temps",
    "xgmi": "metric|m link-status|l",
    "partition": "current|c memory|m accelerator|a",
    "node": "power-management|p base-board-temps|b gtt|G tray|T",
    "ras": "cper afid follow",
}
PERF_LEVELS = "AUTO LOW HIGH MANUAL STABLE_STD STABLE_PEAK STABLE_MIN_MCLK STABLE_MIN_SCLK DETERMINISM"
# A mode by name, or by the index that `amd-smi partition --accelerator` lists it under on an MI300X.
PARTITIONS = {name: name for name in ("SPX", "DPX", "TPX", "QPX", "CPX")} | dict(
    zip("0123", ("SPX", "DPX", "QPX", "CPX"))
)
VALUES: dict[str, tuple[Option, ...]] = {
    "static": (
        opt("--vbios --ifwi -V -I"),  # the later name is --ifwi
        opt("--policy --soc-pstate -P"),
        opt("--clock -C", "text", count="*", repeat="set"),
    ),
    "metric": (
        *WATCH,
        opt("--throttle --violation -T -v"),
        opt("--cpu-lclk-dpm-level", "int"),
        opt("--cpu-io-bandwidth", "text", count=2),
        opt("--cpu-xgmi-bandwidth", "text", count=2),
        opt("--cpu-dimm-temp-range-rate", "text"),
        opt("--cpu-dimm-pow-consumption", "text"),
        opt("--cpu-dimm-thermal-sensor", "text"),
    ),
    "process": (*WATCH, opt("--pid -p", "int", low=0), opt("--name -n", "text")),
    "monitor": WATCH,
    "set": (
        opt("--fan -f", "text"),
        opt("--perf-level -l", "choice", None, PERF_LEVELS),
        opt("--profile -P", "text"),
        opt("--perf-determinism -d", "int", low=0),
        opt("--compute-partition -C", "choice", None, PARTITIONS),
        opt("--memory-partition -M", "choice", None, "NPS1 NPS2 NPS4 NPS8"),
        opt("--power-cap -o", "int", low=0),
        opt("--dpm-policy --soc-pstate -p", "int", low=0),
        opt("--clk-level -c", "text", count="+"),
        opt("--xgmi-plpd -x", "int", low=0),
        opt("--process-isolation -R", "int", low=0, high=1),
        opt("--clk-limit -L", "text", count=3),
        opt("--cpu-pwr-limit", "int"),
        opt("--cpu-xgmi-link-width", "int", count=2),
        opt("--cpu-lclk-dpm-level", "int", count=3),
        opt("--cpu-pwr-eff-mode", "int"),
        opt("--cpu-gmi3-link-width", "int", count=2),
        opt("--cpu-pcie-link-rate", "int"),
        opt("--cpu-df-pstate-range", "int", count=2),
        opt("--cpu-disable-apb", "int"),
        opt("--soc-boost-limit", "int"),
        opt("--core-boost-limit", "int"),
    ),
    "reset": (opt("--run-shader", "text"),),
    "ras": (
        opt("--severity", "choice", None, "nonfatal-uncorrected fatal nonfatal-corrected all", count="+", repeat="set"),
        opt("--folder", "path"),
        opt("--file-limit", "int", low=1),
        opt("--cper-file", "path"),
    ),
}
# A bare `amd-smi static` shows every section; naming each of them would be the same, which nobody types.


def _refuse(error: CommandError, grammar: Grammar) -> tuple[str, int]:
    command = " ".join(("amd-smi", *grammar.sub))
    if error.kind == "sub-command":
        if not error.token:
            return "usage: amd-smi [-h]  ...\n", 255
        return f"Command '{error.token}' is invalid. Run 'amd-smi -h' for more info. Error code: -1\n", 255
    if error.kind in ("unknown-option", "operand", "ambiguous"):
        return f"Parameter '{error.token}' is invalid. Run '{command} --help' for more info. Error code: -2\n", 254
    if error.kind == "missing-value":
        return (
            f"Parameter '{error.token}' requires a value. Run '{command} --help' for more info. Error code: -8\n",
            248,
        )
    if error.kind == "missing-option":
        return (
            f"Command '{command}' requires a target argument. Run '{command} --help' for more info. Error code: -9\n",
            247,
        )
    if error.kind == "bad-value":
        return (
            f"Value '{error.token}' is not of valid type or format. Run '{command} --help' for more info. Error code: -6\n",
            250,
        )
    return f"{error.reason}. Run '{command} --help' for more info. Error code: -7\n", 249


def _finish(meaning: Meaning) -> None:
    options, sub = meaning.options, meaning.sub[0] if meaning.sub else ""
    if options.get("help"):
        return
    for name in options.get("gpu", []):
        if name.upper() == "ALL":
            options["gpu"] = ["all"]
            break
    if sub in ("metric", "process", "monitor") and "watch" not in options:
        for name in ("watch_time", "iterations"):
            if name in options:
                raise CommandError("conflict", f"--{name} needs --watch", "--" + name)
    if sub == "ras" and not {"cper", "afid"} & set(options):
        raise CommandError("missing-option", "amd-smi ras needs --cper or --afid", "")
    if sub == "set":
        if not set(options) - {"gpu", "cpu", "core", "json", "csv", "file", "loglevel"}:
            raise CommandError("missing-option", "amd-smi set changes nothing without a setting", "")
        if "gpu" not in options and "cpu" not in options and "core" not in options:
            meaning.notes.append("no --gpu: the setting goes to every GPU")


def _grammar(sub: str) -> Grammar:
    flags = [
        opt(f"--{long} -{short}" if short else f"--{long}")
        for item in FLAGS[sub].split()
        for long, _, short in [item.partition("|")]
    ]
    if sub == "firmware":
        flags = [opt("--ucode-list --fw-list -f")]
    targets = {"version": (), "node": (), "partition": TARGETS[:1]}.get(sub, TARGETS)
    # A sub-command's own short name wins over a shared one (-c of metric, -p of process).
    options = (*COMMON, *targets, *flags, *VALUES.get(sub, ()))
    return Grammar("amd-smi", options, HABITS, sub=(sub,), refuse=_refuse, finish=_finish, exclusive=(("json", "csv"),))


GRAMMAR = Grammar(
    "amd-smi",
    (opt("--help -h"),),
    HABITS,
    subs={name: _grammar(name) for name in FLAGS},
    aliases={"discovery": "list", "ucode": "firmware", "topo": "topology", "dmon": "monitor"},
    needs_sub=True,
    refuse=_refuse,
)
