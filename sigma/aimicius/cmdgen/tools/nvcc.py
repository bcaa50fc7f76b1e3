"""nvcc: options, their short names and what several of them expand to (names and behaviour checked on nvcc 13.0)."""

from __future__ import annotations

import re

from sigma.aimicius.cmdgen.grammar.meaning import CommandError, Meaning
from sigma.aimicius.cmdgen.grammar.option import opt
from sigma.aimicius.cmdgen.grammar.parser import Grammar, Habits

# Flags as LONG or LONG|SHORT (the same name with one dash where no short one is given).
FLAGS = """
cuda cubin fatbin ptx optix-ir ltoir preprocess|E generate-dependencies|M generate-nonsystem-dependencies|MM
generate-dependencies-with-compile|MD generate-nonsystem-dependencies-with-compile|MMD generate-dependency-targets|MP
compile|c device-c|dc device-w|dw device-link|dlink link lib run objdir-as-tempdir|objtemp allow-unsupported-compiler
use-local-env profile|pg debug|g device-debug|G generate-line-info|lineinfo dlink-time-opt|dlto lto gen-opt-lto
no-exceptions|noeh shared no-host-device-initializer-list|nohdinitlist no-host-device-move-forward|nohdmoveforward
expt-relaxed-constexpr extended-lambda expt-extended-lambda forward-unknown-to-host-compiler forward-unknown-to-host-linker
forward-unknown-opts dont-use-profile|noprof dryrun verbose|v fdevice-syntax-only keep save-temps clean-targets|clean
no-device-link|nodlink use_fast_math extra-device-vectorization disable-warnings|w keep-device-functions
source-in-ptx|src-in-ptx restrict Wreorder Wdefault-stream-launch Wmissing-launch-bounds Wext-lambda-captures-this
Wno-deprecated-declarations Wno-deprecated-gpu-targets resource-usage|res-usage extensible-whole-program|ewp no-compress
qpp-config compile-as-tools-patch|astoolspatch list-gpu-code|code-ls list-gpu-arch|arch-ls display-error-number|err-no
no-display-error-number|no-err-no augment-host-linker-script|aug-hls relocatable-link|r relocatable-ptx|reloc-ptx jobserver
help|h version|V
"""
# Values that are kept as typed: LONG|SHORT.
TEXTS = """
archiver-binary|arbin libdevice-directory|ldir target-directory|target-dir optimization-info|opt-info dopt keep-dir time
input-drive-prefix|idp dependency-drive-prefix|ddp drive-prefix|dp dependency-target-name|MT dependency-output|MF
frandom-seed sanitize options-file|optf jump-table-density|jtd Ofast-compile|Ofc compress-mode host-linker-script|hls
ftemplate-backtrace-limit ftemplate-depth run-args
"""
ARCHITECTURES = "75 80 86 87 88 89 90 90a 100 100a 100f 103 103a 103f 110 110a 110f 120 120a 120f 121 121a 121f".split()
SPECIAL = ("native", "all", "all-major")
PHASES = (
    "cuda cubin fatbin ptx optix-ir ltoir preprocess generate-dependencies generate-nonsystem-dependencies compile "
    "device-c device-w device-link lib"
).split()
# What the file is called that a phase leaves behind unasked.
ENDINGS = {"ptx": ".ptx", "cubin": ".cubin", "fatbin": ".fatbin", "compile": ".o", "device-w": ".o", "optix-ir": ".optixir", "ltoir": ".ltoir", "cuda": ".cu.cpp.ii"}  # fmt: skip
_TRUTH = {"true": True, "false": False}
_SOURCES = (".cu", ".c", ".cc", ".cxx", ".cpp", ".i", ".ptx", ".gpu", ".cubin", ".fatbin")


def _names(table: str) -> list[tuple[str, str]]:
    return [(long, "-" + (short or long)) for item in table.split() for long, _, short in [item.partition("|")]]


def _yes_no(flags: str, default: bool) -> object:
    return opt(flags, "choice", default, _TRUTH, strict_case=True)


def _refuse(error: CommandError, grammar: Grammar) -> tuple[str, int]:
    if error.kind == "unknown-option":
        return f"nvcc fatal   : Unknown option '{error.token}'\n", 1
    if error.kind == "missing-value":
        return f"nvcc fatal   : argument expected after '{error.token}'\n", 1
    if error.kind == "no-input":
        return "nvcc fatal   : No input files specified; use option --help for more information\n", 1
    if error.kind == "arch":
        return f"nvcc fatal   : Unsupported gpu architecture '{error.token}'\n", 1
    return f"nvcc fatal   : {error.reason}\n", 1


def _architectures(meaning: Meaning) -> None:
    """-arch, -code and -gencode as one set of (virtual, real) pairs."""
    options = meaning.options
    arch, codes, generate = (options.pop(name, None) for name in ("gpu-architecture", "gpu-code", "generate-code"))
    if not (arch or codes or generate):
        return
    typed = [
        meaning.spelled.pop(name)
        for name in ("gpu-architecture", "gpu-code", "generate-code")
        if name in meaning.spelled
    ]
    pairs: set[tuple[str, str]] = set()
    if codes and not arch:
        raise CommandError("conflict", "-arch option not specified", "-code")
    if arch in SPECIAL:
        pairs.add((arch, arch))
    elif arch:
        virtual = arch.replace("sm_", "compute_")
        if codes and arch.startswith("sm_"):
            raise CommandError(
                "conflict", f"Value of -arch option ('{arch}') must be a virtual code architecture", arch
            )
        real = codes or ([arch, virtual] if arch.startswith("sm_") else [arch])
        pairs |= {(virtual, code.strip("[]")) for code in real}
    for item in generate or []:
        match = re.fullmatch(r"arch=([\w]+),code=(\[?[\w,]+\]?)", item.strip("'\" "))
        if not match:
            raise CommandError("conflict", f"'{item}': expected arch=...,code=...", item)
        pairs |= {(match[1], code.strip("'\"")) for code in match[2].strip("[]").split(",")}
    for name in sorted({name for both in pairs for name in both}, key=lambda name: name != arch):
        if name not in SPECIAL and not re.fullmatch(rf"(sm|compute|lto)_({'|'.join(ARCHITECTURES)})", name):
            raise CommandError("arch", f"{name} is no architecture of this compiler", name)
    if options.get("cubin") and arch:  # only the real half of -arch=sm_90 reaches a cubin, only the virtual one a ptx
        pairs = {pair for pair in pairs if pair[1].startswith("sm_")} or pairs
    if options.get("ptx"):
        pairs = {(virtual, virtual) for virtual, _ in pairs}
    options["generate-code"] = sorted(f"arch={virtual},code={real}" for virtual, real in pairs)
    meaning.spelled["generate-code"] = " ".join(typed)


def _output(meaning: Meaning, phase: str | None, sources: list[str]) -> None:
    """An output file that only names what the phase writes unasked (`nvcc -ptx k.cu` writes k.ptx) is left out."""
    options = meaning.options
    if phase == "lib" and options.get("output-file") == "a.a":
        options.pop("output-file")
    if phase not in ENDINGS or len(sources) != 1:
        return
    unasked = re.sub(r"\.\w+$", ENDINGS[phase], sources[0].split("/")[-1])
    given = str(options.get("output-file", ""))
    if given == unasked:
        options.pop("output-file")
    elif given.endswith("/" + unasked) and "output-directory" not in options:
        options["output-directory"] = given.removesuffix("/" + unasked)
        meaning.spelled["output-directory"] = meaning.spelled.pop("output-file", "")
        options.pop("output-file")


def _finish(meaning: Meaning) -> None:
    options, spelled = meaning.options, meaning.spelled
    if options.get("help") or options.get("version"):
        return
    _architectures(meaning)
    if options.get("list-gpu-arch") or options.get("list-gpu-code"):
        return
    if not meaning.operands:
        raise CommandError("no-input", "nvcc has no input file")
    if options.pop("resource-usage", None):  # the same as -Xptxas -v when nothing is linked by nvlink
        options["ptxas-options"] = sorted({*options.get("ptxas-options", []), "-v"})
        spelled["ptxas-options"] = " ".join(
            filter(None, (spelled.get("ptxas-options"), spelled.pop("resource-usage", "")))
        )
    if "ptxas-options" in options:
        options["ptxas-options"] = sorted(
            {"-v" if part in ("--verbose", "-verbose") else part for part in options["ptxas-options"]}
        )
    if options.pop("device-c", None):  # documented as --relocatable-device-code=true --compile
        options |= {"compile": True, "relocatable-device-code": True}
        spelled["compile"] = spelled["relocatable-device-code"] = spelled.pop("device-c", "-dc")
    if options.pop("expt-extended-lambda", None):
        options["extended-lambda"] = True
        spelled["extended-lambda"] = spelled.pop("expt-extended-lambda")
    if options.pop("save-temps", None):
        options["keep"] = True
        spelled["keep"] = spelled.pop("save-temps")
    phase = next((name for name in PHASES if options.get(name)), None)
    sources = [name for name in meaning.operands if name.endswith(_SOURCES)]
    if phase not in (None, "lib", "device-link") and "output-file" in options and len(meaning.operands) > 1:
        message = "A single input file is required for a non-link phase when an outputfile is specified"
        raise CommandError("conflict", message, "-o")
    if phase is None and options.get("output-file") == "a.out" and not options.get("shared"):
        options.pop("output-file")
    _output(meaning, phase, sources)
    if len(sources) == len(meaning.operands):  # the order of sources changes nothing; that of archives may
        meaning.operands = tuple(sorted(meaning.operands))


GRAMMAR = Grammar(
    "nvcc",
    (
        *(opt(f"--{long} {short}") for long, short in _names(FLAGS)),
        *(opt(f"--{long} {short}", "text") for long, short in _names(TEXTS)),
        opt("--output-file -o", "path"),
        opt("--pre-include -include", "list", repeat="append"),
        opt("--library -l", "list", repeat="append", attached=True),
        opt("--define-macro -D", "list", repeat="set", attached=True),
        opt("--undefine-macro -U", "list", repeat="set", attached=True),
        opt("--include-path -I", "list", repeat="append", attached=True),
        opt("--system-include -isystem", "list", repeat="append"),
        opt("--library-path -L", "list", repeat="append", attached=True),
        opt("--output-directory -odir", "path"),
        opt("--compiler-bindir -ccbin", "path"),
        opt("--cudart -cudart", "choice", "static", "none shared static", strict_case=True),
        opt("--cudadevrt -cudadevrt", "choice", "static", "none static", strict_case=True),
        opt("--optimize -O", "choice", None, {str(n): n for n in range(4)}, attached=True),
        opt("--x -x", "choice", None, "c c++ cu", name="x", strict_case=True),
        opt("--std -std", "choice", None, "c++03 c++11 c++14 c++17 c++20", strict_case=True),
        opt("--machine -m", "choice", "64", "64", attached=True),
        opt("--compiler-options -Xcompiler", "passed", repeat="append"),
        opt("--linker-options -Xlinker", "passed", repeat="append"),
        opt("--archive-options -Xarchive", "passed", repeat="append"),
        opt("--ptxas-options -Xptxas", "passed", repeat="set"),
        opt("--nvlink-options -Xnvlink", "passed", repeat="set"),
        opt("--threads -t", "int", low=0, attached=True),
        opt("--split-compile -split-compile", "int", low=0),
        opt("--split-compile-extended -split-compile-extended", "int", low=0),
        opt("--fdevice-time-trace -fdevice-time-trace", "path"),
        opt("--gpu-architecture -arch", "text"),
        opt("--gpu-code -code", "list"),
        opt("--generate-code -gencode", "text", repeat="append"),
        _yes_no("--relocatable-device-code -rdc", False),
        opt("--entries -e", "list", repeat="set"),
        opt("--maxrregcount -maxrregcount", "int", low=0),
        _yes_no("--ftz -ftz", False),
        _yes_no("--prec-div -prec-div", True),
        _yes_no("--prec-sqrt -prec-sqrt", True),
        _yes_no("--fmad -fmad", True),
        _yes_no("--static-global-template-stub -static-global-template-stub", True),
        _yes_no("--device-entity-has-hidden-visibility -device-entity-has-hidden-visibility", True),
        _yes_no("--brief-diagnostics -brief-diag", False),
        _yes_no("--device-stack-protector -device-stack-protector", False),
        opt("--default-stream -default-stream", "choice", "legacy", {"legacy": "legacy", "null": "legacy", "per-thread": "per-thread"}),
        opt("--Werror -Werror", "list", repeat="set"),
        opt("--diag-error -diag-error", "list", repeat="set"),
        opt("--diag-suppress -diag-suppress", "list", repeat="set"),
        opt("--diag-warn -diag-warn", "list", repeat="set"),
    ),
    Habits(one_dash=True, short_equals=True, greedy=True),
    operands=10_000,
    refuse=_refuse,
    finish=_finish,
)  # fmt: skip
