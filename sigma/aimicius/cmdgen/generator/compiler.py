"""Intents for nvcc."""

from __future__ import annotations

from sigma.aimicius.cmdgen.generator.phrasing import Intent, intent


def _i(command: str, text: str) -> Intent:
    return intent(command, text, ("8xH100", "8xA100"))


INTENTS = (
    _i("nvcc --version", """
        print the version of the CUDA compiler
        check which nvcc release is installed
        = show the CUDA compiler's version
        + find out which version of nvcc this machine has
        + ! CUDA compiler version?"""),
    _i("nvcc {src} -o {bin}", """
        compile {src} into the executable {bin}
        build the program {bin} from {src}
        = turn {src} into a program called {bin} with the CUDA compiler
        + make an executable {bin} out of {src}
        + ! {src} should become the binary {bin}."""),
    _i("nvcc -arch={arch} -O{opt} {src} -o {bin}", """
        compile {src} for {arch} at optimization level {opt} into {bin}
        build {bin} from {src}, architecture {arch}, host optimization {opt}
        = compile {src} to {bin} for {arch} with -O level {opt}
        + produce {bin} out of {src} targeting {arch} with optimization level {opt}
        + ! Target {arch}, optimization {opt}: {src} to {bin}."""),
    _i("nvcc -arch={arch} -std={std} {src} -o {bin}", """
        compile {src} as {std} for {arch} into {bin}
        build {bin} from {src} with the {std} standard, architecture {arch}
        = compile {src} to {bin}, language standard {std}, for {arch}
        + use {std} when building {bin} out of {src} for {arch}
        + ! {src} is {std} code; make {bin} for {arch}."""),
    _i("nvcc -ptx -arch={arch} {src} -o {bin}.ptx", """
        generate PTX for {arch} from {src} into {bin}.ptx
        compile {src} to PTX only, for {arch}, output {bin}.ptx
        = emit PTX of {src} for {arch} to {bin}.ptx
        + look at the PTX of {src} built for {arch}, saved as {bin}.ptx
        + ! PTX file {bin}.ptx from {src}, {arch}."""),
    _i("nvcc -cubin -arch={arch} {src} -o {bin}.cubin", """
        build a cubin for {arch} from {src} named {bin}.cubin
        compile {src} to {bin}.cubin for {arch}
        = produce the cubin {bin}.cubin of {src} for {arch}
        + turn {src} into a {arch} cubin called {bin}.cubin
        + ! Cubin {bin}.cubin out of {src}, {arch}."""),
    _i("nvcc -c -arch={arch} {src} -o {obj}", """
        compile {src} for {arch} to the object file {obj} without linking
        build only the object {obj} from {src} for {arch}
        = compile (no link) {src} into {obj} for {arch}
        + make just the object file {obj} out of {src}, target {arch}
        + ! Object file only: {src} to {obj}, {arch}."""),
    _i("nvcc -dc -arch={arch} {src} -o {obj}", """
        compile {src} to relocatable device code {obj} for {arch}
        build the object {obj} from {src} with separate device compilation for {arch}
        = make {obj} with relocatable device code from {src}, {arch}
        + prepare {src} for device linking later: object {obj}, {arch}
        + ! Relocatable device object {obj} from {src}, {arch}."""),
    _i("nvcc -arch={arch} -Xptxas -v {src} -o {bin}", """
        compile {src} for {arch} into {bin} and show register and shared memory usage
        build {bin} from {src} for {arch} with verbose ptxas output
        = print ptxas resource usage while building {bin} from {src} for {arch}
        + see how many registers the kernels of {src} use when building {bin} for {arch}
        + ! Register counts, please: {src} to {bin}, {arch}, ptxas verbose."""),
    _i("nvcc -arch={arch} -maxrregcount={regs} {src} -o {bin}", """
        compile {src} for {arch} into {bin} with at most {regs} registers per thread
        limit register use to {regs} when building {bin} from {src} for {arch}
        = build {bin} from {src} for {arch}, register cap {regs}
        + keep kernels of {src} at {regs} registers per thread, {arch}, output {bin}
        + ! {regs} registers maximum: {src} to {bin} on {arch}."""),
    _i("nvcc -arch={arch} -use_fast_math {src} -o {bin}", """
        compile {src} for {arch} into {bin} with fast math
        build {bin} from {src} for {arch} using fast approximate math functions
        = enable fast math when compiling {src} to {bin} for {arch}
        + trade accuracy for speed (fast math) in {bin}, built from {src} for {arch}
        + ! Fast math build of {src}: {bin}, {arch}."""),
    _i("nvcc -g -G {src} -o {bin}", """
        compile {src} into {bin} with host and device debug information
        build a debug version {bin} of {src} for cuda-gdb (host and device symbols)
        = make {bin} from {src} with debug info for host and device
        + prepare {bin} for cuda-gdb: build {src} with host and device debug symbols
        + ! Debuggable {bin} from {src}, both host and device."""),
    _i("nvcc -lineinfo -arch={arch} {src} -o {bin}", """
        compile {src} for {arch} into {bin} with line information for profiling
        build {bin} from {src} with line info, architecture {arch}
        = keep line numbers for the profiler in {bin}, from {src}, {arch}
        + let the profiler map instructions to source lines: {src} to {bin}, {arch}
        + ! Line info on: {src} to {bin}, {arch}."""),
    _i("nvcc -I{incdir} -arch={arch} {src} -o {bin}", """
        compile {src} for {arch} into {bin} with the include directory {incdir}
        build {bin} from {src} ({arch}) searching headers in {incdir}
        = add {incdir} to the header path and build {src} into {bin}, {arch}
        + let nvcc find headers in {incdir} when building {bin} from {src} for {arch}
        + ! Headers live in {incdir}: {src} to {bin}, {arch}."""),
    _i("nvcc {src} -o {bin} -l{library}", """
        compile {src} into {bin} and link {library}
        build {bin} from {src} against the {library} library
        = link {library} when building {bin} from {src}
        + make {bin} out of {src}, linked with {library}
        + ! {src} needs {library}; build {bin}."""),
    _i("nvcc -D{macro} -arch={arch} {src} -o {bin}", """
        compile {src} for {arch} into {bin} with the macro {macro} defined
        build {bin} from {src} ({arch}) defining {macro}
        = define {macro} while building {src} into {bin} for {arch}
        + set the preprocessor macro {macro} for {src}, {arch}, program {bin}
        + ! Macro {macro}, {arch}: {src} to {bin}."""),
    _i("nvcc -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 {src} -o {bin}", """
        compile {src} into {bin} with code for both A100 (sm_80) and H100 (sm_90), no PTX
        build one binary {bin} from {src} with exactly sm_80 and sm_90 machine code
        = make {bin} from {src} holding machine code for sm_80 and sm_90
        + create {bin} from {src} that carries sm_80 as well as sm_90 code and nothing else
        + ! One {bin} for A100 and H100 (machine code sm_80, sm_90) from {src}."""),
    _i("nvcc -Xcompiler -fopenmp -arch={arch} {src} -o {bin}", """
        compile {src} for {arch} into {bin} and pass -fopenmp to the host compiler
        build {bin} from {src} with OpenMP on the host side (-fopenmp), {arch}
        = hand -fopenmp to the host compiler when building {src} into {bin}, {arch}
        + use host OpenMP (-fopenmp) in {bin}, built from {src} for {arch}
        + ! Host flag -fopenmp, {arch}: {src} to {bin}."""),
    _i("nvcc --list-gpu-arch", """
        list the virtual GPU architectures that nvcc supports
        show the compute_XX architectures the compiler knows
        = print nvcc's supported virtual architectures
        + see every compute_ architecture this nvcc can target
        + ! Which compute_XX targets does nvcc know?"""),
    _i("nvcc -dryrun {src} -o {bin}", """
        show the compilation steps for {src} to {bin} without executing them
        print what nvcc would run to build {bin} from {src}
        = dry-run the build of {bin} from {src}
        + see the sub-commands nvcc would issue for {src} to {bin}, running none
        + ! Only print the steps: {src} to {bin}."""),
)  # fmt: skip
