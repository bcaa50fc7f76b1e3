"""nccl-tests and rccl-tests: one binary per collective, the same options but for a few (READMEs, BSD-3 and BSD)."""

from __future__ import annotations

from sigma.aimicius.cmdgen.grammar.meaning import CommandError, Meaning
from sigma.aimicius.cmdgen.grammar.option import opt
from sigma.aimicius.cmdgen.grammar.parser import Grammar, Habits

BINARIES = (
    "all_gather_perf all_reduce_perf alltoall_perf broadcast_perf gather_perf hypercube_perf reduce_perf reduce_scatter_perf "
    "scatter_perf sendrecv_perf"
).split()
RCCL_BINARIES = [*BINARIES, "alltoallv_perf", "all_reduce_bias_perf"]
OPERATIONS = {name: name for name in "sum prod min max avg all mulsum".split()}
TYPES = {name: name for name in "int8 uint8 int32 uint32 int64 uint64 half float double bfloat16 all".split()}
RCCL_TYPES = TYPES | {"fp8_e4m3": "fp8_e4m3", "fp8_e5m2": "fp8_e5m2"}
NCCL_TYPES = TYPES | {"f8e4m3": "f8e4m3", "f8e5m2": "f8e5m2"}
HABITS = Habits(glued=True, abbreviate=True, greedy=True)


def _shared(types: dict[str, str]) -> tuple:
    return (
        opt("-t --nthreads", "int", 1, low=1, high=1024),
        opt("-g --ngpus", "int", 1, low=1, high=1024),
        opt("-b --minbytes", "size", 32 << 20),
        opt("-e --maxbytes", "size", 32 << 20),
        opt("-i --stepbytes", "size", 1 << 20),
        opt("-f --stepfactor", "int", low=1),
        opt("-o --op", "choice", "sum", choices=OPERATIONS, strict_case=True),
        opt("-d --datatype", "choice", "float", choices=types, strict_case=True),
        opt("-r --root", "choice", "0", choices={str(n): str(n) for n in range(128)} | {"all": "all"}),
        opt("-n --iters", "int", 20, low=0),
        opt("-w --warmup_iters", "int", low=0),
        opt("-m --agg_iters", "int", 1, low=1),
        opt("-N --run_cycles", "int", 1, low=0),
        opt("-a --average", "int", 1, low=0, high=3),
        opt("-p --parallel_init", "int", 0, low=0, high=1),
        opt("-c --check", "int", 1, low=0),
        opt("-z --blocking", "int", 0, low=0, high=3),
        opt("-C --report_cputime", "int", 0, low=0, high=1),
        opt("-R --local_register", "int", 0, low=0, high=2),
        opt("-T --timeout", "int", low=0),
        opt("-h --help"),
    )


MEMORY = {name: name for name in "coarse fine host managed 0 1".split()}
NCCL = (
    opt("-G --cudagraph", "int", 0, low=0),
    opt("-I --per_iter_timing", "int", low=0, high=1),
    opt("-K --per_iter_skip", "int", low=0),
    opt("-D --device_implementation", "int", 0, low=0),
    opt("-V --device_cta_count", "int", 16, low=0),
    opt("-S --report_timestamps", "int", 0, low=0, high=1),
    opt("-J --output_file", "path"),
    opt("-M --memory", "int", 0, low=0, high=1),
    opt("-u --unalign", "int", 0, low=0),
)
RCCL = (
    opt("-G --hipgraph", "int", 0, low=0),
    opt("-Y -y --memory_type", "choice", "coarse", choices=MEMORY, strict_case=True),  # -y of old; -y 0|1 is another
    opt("--stream_null", "int", 0, low=0, high=1),
    opt("-u --cumask", "list"),
    opt("-F --cache_flush", "int", 0, low=0),
    opt("-O --out_of_place", "int", low=0, high=1),
    opt("-q --delay", "int", 10, low=0),
    opt("-E --rotating_tensor", "int", 0, low=0, high=1),
    opt("-A --output_algo_proto_channels", "int", 0, low=0, high=1),
    opt("-S --report_timestamps", "int", 0, low=0, high=1),
    opt("-M --memory_report", "int", 0, low=0, high=1),
    opt("-D --device_implementation", "int", 0, low=0),
    opt("-V --device_cta_count", "int", 16, low=0),
    opt(
        "-Z --output_format --rccl_output_format", "choice", choices="csv json", strict_case=True, name="output_format"
    ),
    opt("-J -x -X --output_file --rccl_output_file", "path", name="output_file"),  # -x of old; -x 0|1|2 is another
    opt("--cta_policy", "int", low=0, high=2),
)


def _refuse(error: CommandError, grammar: Grammar) -> tuple[str, int]:
    program, token = grammar.tool, error.token.split("=")[0]
    if error.kind == "unknown-option":
        short = not token.startswith("--")
        message = f"invalid option -- '{token.lstrip('-')[:1]}'" if short else f"unrecognized option '{token}'"
    elif error.kind == "missing-value":
        short = not token.startswith("--")
        message = f"option requires an argument -- '{token[1:]}'" if short else f"option '{token}' requires an argument"
    elif error.kind == "ambiguous":
        message = f"option '{token}' is ambiguous"
    elif error.kind == "sizes":
        return f"{error.reason}\n", 255
    else:
        return f"{program}: {error.reason}\nUSAGE: {program}\n\t[-h,--help]\n", 255
    return f"{program}: {message}\nUSAGE: {program}\n\t[-t,--nthreads <num threads>]\n\t[-h,--help]\n", 255


def _finish(meaning: Meaning) -> None:
    options = meaning.options
    for old, new, numbers in (("memory_type", "stream_null", "01"), ("output_file", "cta_policy", "012")):
        typed = meaning.spelled.get(old, "")
        if typed.startswith(("-y", "-x")) and str(options.get(old)) in tuple(numbers):
            options[new] = int(options.pop(old))
            meaning.spelled[new] = meaning.spelled.pop(old)
    low, high = meaning.get("minbytes"), meaning.get("maxbytes")
    if low > high and "help" not in options:
        raise CommandError("sizes", f"invalid sizes for 'minbytes' and 'maxbytes': {low} > {high}", "-b")
    if "stepfactor" in options:  # a factor switches the fixed step off; a factor of 1 is no step at all
        options.pop("stepbytes", None)
    if low == high:  # one size: how it would step changes nothing
        options.pop("stepfactor", None)
        options.pop("stepbytes", None)


def grammar(binary: str, rccl: bool) -> Grammar:
    """The grammar of one binary."""
    options = (*_shared(RCCL_TYPES if rccl else NCCL_TYPES), *(RCCL if rccl else NCCL))
    return Grammar(binary, options, HABITS, refuse=_refuse, finish=_finish)


GRAMMARS = {name: grammar(name, False) for name in BINARIES}
RCCL_GRAMMARS = {name: grammar(name, True) for name in RCCL_BINARIES}
