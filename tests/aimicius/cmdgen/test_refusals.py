"""What the tools refuse, in their kind of words; the nvcc lines were compared with a real nvcc 13.0."""

import pytest

from sigma.aimicius.cmdgen.command import read
from sigma.aimicius.cmdgen.simulator import run

SYSTEM = {"NVIDIA": "8xH100", "AMD": "8xMI300X"}
INVALID = "Invalid combination of input arguments. Please run 'nvidia-smi{} -h' for help."
REFUSED = [
    ("NVIDIA", "nvidia-smi --foo", INVALID.format("")),
    ("NVIDIA", "nvidia-smi -foo 3", INVALID.format("")),
    ("NVIDIA", "nvidia-smi extra words", INVALID.format("")),
    ("NVIDIA", "nvidia-smi dmon -z", INVALID.format(" dmon")),
    ("NVIDIA", "nvidia-smi pmon -i 0,1,2,3,4", "Please run 'nvidia-smi pmon -h' for help."),
    ("NVIDIA", "nvidia-smi topo", INVALID.format(" topo")),
    ("NVIDIA", "nvidia-smi -q -d NOISE", "is none of MEMORY"),
    ("NVIDIA", "nvidia-smi --query-gpu=name", INVALID.format("")),
    ("NVIDIA", "nvidia-smi --format=csv", INVALID.format("")),
    ("NVIDIA", "nvidia-smi --query-gpu=name,warmth --format=csv", 'Field "warmth" is not a valid field to query.'),
    ("NVIDIA", "nvidia-smi --query-gpu=name --format=noheader", INVALID.format("")),
    ("NVIDIA", "nvidia-smi -pl 300 -q", INVALID.format("")),
    ("NVIDIA", "nvidia-smi -pl watts", "'watts' is not a number"),
    ("NVIDIA", "nvidia-smi -pl", "is missing its value"),
    ("NVIDIA", "nvidia-smi -pl 9000", "is not a valid power limit which should be between 200.00 W and 700.00 W"),
    ("NVIDIA", "nvidia-smi -i 8", "No devices were found"),
    ("NVIDIA", "nvidia-smi dmon -d 11", "11 is above 10"),
    ("NVIDIA", "nvidia-smi -l 0", "0 is below 1"),
    ("NVIDIA", "nvidia-smi -lgc 1500,1200", "the minimum 1500 is above the maximum 1200"),
    ("NVIDIA", "nvidia-smi -i 1 -r", "is currently in use by 1 other process(es)"),
    ("NVIDIA", "all_reduce_perf -Q 3", "all_reduce_perf: invalid option -- 'Q'"),
    ("NVIDIA", "all_reduce_perf --fast", "all_reduce_perf: unrecognized option '--fast'"),
    ("NVIDIA", "all_reduce_perf -g", "all_reduce_perf: option requires an argument -- 'g'"),
    ("NVIDIA", "all_reduce_perf --m 3", "option '--m' is ambiguous"),
    ("NVIDIA", "all_reduce_perf -b 1G -e 1M", "invalid sizes for 'minbytes' and 'maxbytes': 1073741824 > 1048576"),
    ("NVIDIA", "all_reduce_perf -g 9", "invalid device ordinal"),
    ("NVIDIA", "all_reduce_perf -d fp16", "'fp16' is none of"),
    ("NVIDIA", "NCCL_IB_TIMEOUT=99 all_reduce_perf", "NCCL_IB_TIMEOUT=99: invalid value"),
    ("NVIDIA", "mpirun --frob 3 all_reduce_perf", 'unknown option "--frob"'),
    ("NVIDIA", "mpirun -np 8", "no executable was specified"),
    ("NVIDIA", "nvcc --arch=sm_90 k.cu", "nvcc fatal   : Unknown option '--arch=sm_90'"),
    ("NVIDIA", "nvcc -fopenmp k.cu", "nvcc fatal   : Unknown option '-fopenmp'"),
    ("NVIDIA", "nvcc -ox k.cu", "nvcc fatal   : Unknown option '-ox'"),
    ("NVIDIA", "nvcc -use-fast-math k.cu", "nvcc fatal   : Unknown option '-use-fast-math'"),
    ("NVIDIA", "nvcc", "nvcc fatal   : No input files specified; use option --help for more information"),
    ("NVIDIA", "nvcc k.cu -o", "nvcc fatal   : argument expected after '-o'"),
    ("NVIDIA", "nvcc -arch=sm_12 k.cu", "nvcc fatal   : Unsupported gpu architecture 'sm_12'"),
    ("NVIDIA", "nvcc -code=sm_90 k.cu", "nvcc fatal   : -arch option not specified"),
    ("NVIDIA", "nvcc -arch=sm_90 -code=sm_80 k.cu", "must be a virtual code architecture"),
    ("NVIDIA", "nvcc -c a.cu b.cu -o x.o", "A single input file is required for a non-link phase"),
    ("NVIDIA", "rocm-smi", "bash: rocm-smi: command not found"),
    ("AMD", "nvidia-smi", "bash: nvidia-smi: command not found"),
    ("AMD", "rocm-smi --showeverything", "rocm-smi: error: unrecognized arguments: --showeverything"),
    ("AMD", "rocm-smi -d", "expected at least one argument"),
    ("AMD", "rocm-smi -d 9 -t", "The desired GPU is not found in the system"),
    ("AMD", "rocm-smi --json --csv -t", "not allowed with argument"),
    ("AMD", "rocm-smi --setpoweroverdrive 9000", "above the maximum of 750W"),
    ("AMD", "amd-smi", "usage: amd-smi"),
    ("AMD", "amd-smi ras", "requires a target argument"),
    ("AMD", "amd-smi node -g 0", "Parameter '-g' is invalid."),
    ("AMD", "watch -n 1 rocm-smi", "(not simulated)"),
    ("NVIDIA", "timeout 60 nvidia-smi -l 1", "(not simulated)"),
    ("AMD", "rocm-smi --setpoweroverdrive 500 --autorespond no", "Confirmation not given."),
    ("AMD", "amd-smi frob", "Command 'frob' is invalid. Run 'amd-smi -h' for more info. Error code: -1"),
    ("AMD", "amd-smi metric --frob", "Parameter '--frob' is invalid."),
    ("AMD", "amd-smi monitor -i 5", "Run 'amd-smi monitor --help'"),
    ("AMD", "amd-smi list -g 9", "Can not find a device: GPU '9'"),
    ("AMD", "amd-smi set -g 0", "requires a target argument"),
    ("AMD", "amd-smi set -g 0 -o 5000", "Power cap must be between 0 and 750 W"),
    ("AMD", "sb frobnicate", "'frobnicate' is not in the 'sb' command group"),
    ("AMD", "sb run --frob", "sb run: error: unrecognized arguments: --frob"),
    ("AMD", "sb result summary -d a.jsonl", "the following arguments are required: --rule-file/-r"),
    ("AMD", "sb result summary -d a -r b --output-file-format pdf", "'pdf' is none of md, excel, html"),
    ("AMD", "all_reduce_perf -I 1", "invalid option -- 'I'"),  # an nccl-tests option that rccl-tests lacks
    ("AMD", "sb result generate-baseline -d a -dr b", "are required: --summary-rule-file/-sr"),
    ("NVIDIA", "srun --frob all_reduce_perf", "srun: unrecognized option '--frob'"),
    ("NVIDIA", "nvidia-smi -L -B", INVALID.format("")),
]


@pytest.mark.parametrize("vendor,line,words", REFUSED, ids=[row[1] for row in REFUSED])
def test_refused_in_the_tools_words(vendor, line, words):
    execution = run(read(line, vendor), SYSTEM[vendor])
    assert execution.exit_code != 0 or line == "sb result"
    assert words in execution.output


SHELL = [
    ("nvidia-smi | grep Tesla", "a pipe"),
    ("nvidia-smi || reboot", "a second command after ||"),
    ("nvidia-smi; rm -rf /", "a second command after ;"),
    ("nvidia-smi && reboot", "a second command after &&"),
    ("nvidia-smi > /etc/passwd", "a redirection"),
    ("nvidia-smi $(reboot)", "a variable or substitution"),
    ("nvidia-smi -f $HOMES/x", "a variable or substitution"),
    ("cd /tmp && nvidia-smi && reboot", "a second command after &&"),
    ("export A=$(id); nvidia-smi", "a variable or substitution"),
    ("X=1; ls; nvidia-smi", "a second command after ;"),
    ('nvidia-smi -f "$(id)"', "a variable or substitution"),
    ("nvidia-smi `reboot`", "a command substitution"),
    ("nvcc *.cu", "a file pattern"),
    ("nvcc {a,b}.cu", "a brace expansion"),
    ("nvidia-smi -f ~bob/x", "a home directory"),
    ("nvidia-smi -f 'open", "a quote (') is not closed"),
    ("nvidia-smi &", "a second job"),
]


@pytest.mark.parametrize("line,words", SHELL, ids=[row[0] for row in SHELL])
def test_what_needs_a_shell_is_said_and_not_done(line, words):
    result = read(line, "NVIDIA")
    assert result.meaning is None
    assert words in result.error.reason


@pytest.mark.parametrize(
    "line",
    [
        "nvidia-smi -f 'a | b; c'",
        'nvidia-smi -f "a > b"',
        "nvidia-smi -q # the long report",
        "nvidia-smi -f a\\;b",
        "nvcc -gencode arch=compute_90,code=[sm_90,compute_90] k.cu",
        "nvidia-smi -f /tmp/a~b",
    ],
)
def test_quoted_signs_are_plain_text(line):
    assert read(line, "NVIDIA").error is None
