"""nvcc in people's words: whole jobs, and options that go with any of them. It has over 300 lines because it is a table."""

from __future__ import annotations

TEXT = """
**nvcc {src} -o {bin}
    compile {src} to {bin} | build {bin} from {src} | compile {src} into an executable called {bin} | {src} -> {bin} | make {bin} out of {src} | compile and link {src} as {bin} | turn {src} into a program {bin} | build {src}, output {bin} | compile {src}, name the binary {bin}
*nvcc {src}
    compile {src} | build {src} | compile {src} with default output | compile the cuda file {src} | just compile {src}
**nvcc -arch={arch} {src} -o {bin}
    compile {src} for {arch} into {bin} | build {bin} from {src} for {arch} | {src} to {bin}, target {arch} | compile {src} -> {bin} for {arch} | target {arch}: {src} to {bin}
*nvcc -arch={arch} {src}
    compile {src} for {arch} | build {src} for {arch} | {src}, target {arch} | compile for {arch}: {src}
*nvcc -gencode arch=compute_{cc},code=sm_{cc} {src} -o {bin}
    compile {src} to {bin} with gencode for compute_{cc}/sm_{cc} | build {bin} from {src} using -gencode, arch compute_{cc} and code sm_{cc} | native code only for sm_{cc}: {src} to {bin} | {src} to {bin}, sm_{cc} machine code without ptx
*nvcc -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 {src} -o {bin}
    fat binary for a100 and h100 from {src} to {bin} | compile {src} to {bin} for both ampere and hopper | build {bin} from {src} for sm_80 and sm_90 | {src} to {bin} for A100 + H100
nvcc -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 -gencode arch=compute_90,code=compute_90 {src} -o {bin}
    compile {src} to {bin} for sm_80 and sm_90 with compute_90 ptx for newer gpus | {src} to {bin}: sm_80, sm_90 and ptx of compute_90 for forward compatibility
nvcc -arch=compute_{cc} -code=sm_{cc} {src} -o {bin}
    compile {src} to {bin} with virtual arch compute_{cc} and real code sm_{cc} | {src} to {bin}, arch compute_{cc}, code sm_{cc}
*nvcc -arch=native {src} -o {bin}
    compile {src} to {bin} for the gpu in this machine | build {bin} from {src} for the local gpu | {src} to {bin} for the installed gpu | native arch build of {src} to {bin}
nvcc -arch=all {src} -o {bin}
    compile {src} to {bin} for all architectures | {src} to {bin} for every supported gpu architecture
nvcc -arch=all-major {src} -o {bin}
    compile {src} to {bin} for all major architectures | {src} to {bin}, every major gpu generation
**nvcc -ptx {src}
    emit ptx of {src} | compile {src} to ptx | get the ptx of {src} | generate ptx from {src} | ptx for {src} | only produce ptx for {src} | ptx assembly of {src} | stop {src} at ptx
*nvcc -ptx -arch={arch} {src} -o {ptx}
    ptx of {src} for {arch} into {ptx} | compile {src} to {ptx} for {arch} | emit {ptx} from {src}, target {arch} | write ptx for {arch} to {ptx} from {src}
*nvcc -ptx {src} -o {ptx}
    compile {src} to {ptx} | ptx of {src} into {ptx} | emit ptx from {src} as {ptx} | {src} -> {ptx}
*nvcc -cubin -arch={arch} {src}
    cubin of {src} for {arch} | compile {src} to a cubin for {arch} | device binary (cubin) of {src}, {arch} | generate a cubin from {src} for {arch}
nvcc -cubin {src} -o {bin}.cubin
    cubin from {src} named {bin}.cubin | compile {src} to {bin}.cubin | make {bin}.cubin out of {src}
*nvcc -fatbin {src}
    fatbin of {src} | compile {src} to a fat binary file | generate fatbin from {src} | make a .fatbin of {src}
nvcc -optix-ir {src}
    optix ir of {src} | compile {src} to optix-ir | generate optix ir from {src}
nvcc -ltoir -arch={arch} {src}
    lto ir of {src} for {arch} | compile {src} to ltoir for {arch} | generate lto-ir from {src}, target {arch}
nvcc -cuda {src}
    translate {src} to .cu.cpp.ii | compile {src} to host c++ code only (cuda phase) | cuda phase output of {src} | compile {src} to a .cu.cpp.ii file
*nvcc -E {src}
    preprocess {src} | only run the preprocessor on {src} | preprocessed output of {src} | show {src} after preprocessing
nvcc -E {src} -o {bin}.ii
    preprocess {src} into {bin}.ii | preprocessed {src} to {bin}.ii | write preprocessor output of {src} to {bin}.ii
nvcc -M {src}
    dependencies of {src} for make | generate make dependencies of {src} | dependency file for {src} | which headers does {src} include, as a make rule
nvcc -MM {src}
    dependencies of {src} without system headers | make dependencies of {src}, no system includes | non-system dependencies of {src}
nvcc -MD -c {src} -o {obj}
    compile {src} to {obj} and write a dependency file | object {obj} of {src} plus dependency file | generate dependencies while compiling {src} to {obj}
nvcc -MMD -c {src} -o {obj}
    compile {src} to {obj} and write dependencies without system headers | object {obj} from {src} with non-system dependency file
nvcc -MD -MP -c {src} -o {obj}
    compile {src} to {obj} with dependency file and phony targets | {src} to {obj}, dependencies plus phony target per header
nvcc -MD -MF {bin}.d -c {src} -o {obj}
    compile {src} to {obj} with dependencies in {bin}.d | {src} to {obj}, dependency output {bin}.d
nvcc -MM -MT {obj} {src}
    non-system dependencies of {src} with target name {obj} | dependency rule for {src}, target {obj}
**nvcc -c {src} -o {obj}
    compile {src} to {obj} | object file {obj} from {src} | compile {src} without linking to {obj} | {src} -> {obj}, don't link | only compile {src} into {obj} | make {obj} from {src}
*nvcc -c {src}
    compile {src} to an object file | compile only, no linking: {src} | object file from {src} | compile {src} without linking
*nvcc -dc {src} -o {obj}
    relocatable device object {obj} from {src} | compile {src} to {obj} with relocatable device code | {src} to {obj} for separate compilation | separate compilation: {src} to {obj} | device-c compile of {src} to {obj}
*nvcc -dc -arch={arch} {src} -o {obj}
    relocatable device code object {obj} from {src} for {arch} | {src} to {obj} for {arch}, separate compilation | separate compilation of {src} to {obj}, {arch}
nvcc -dw {src} -o {obj}
    object {obj} from {src} with executable device code (dw) | compile {src} to {obj} with whole-program device code | device-w compile of {src} to {obj}
nvcc -dlink a.o b.o -o dlink.o #once
    device link a.o and b.o into dlink.o | device-link the objects a.o b.o, output dlink.o | dlink.o from a.o and b.o with the device linker
nvcc -dlink -arch={arch} main.o kernels.o -o link.o
    device link main.o and kernels.o for {arch} into link.o | link.o: device link of main.o kernels.o, {arch}
nvcc -dlink -dlto -arch={arch} a.o b.o -o dlink.o
    device link a.o and b.o with link time optimization for {arch} to dlink.o | dlink.o with lto from a.o b.o, {arch}
*nvcc a.o b.o -o app #once
    link a.o and b.o to app | build app from the objects a.o b.o | link objects a.o and b.o as app
nvcc -link a.o b.o -o app #once
    only link a.o b.o into app with -link | explicit link step: a.o b.o to app
*nvcc main.cu kernels.cu -o app #once
    compile main.cu and kernels.cu to app | build app from main.cu and kernels.cu | main.cu + kernels.cu -> app
nvcc -rdc=true main.cu kernels.cu -o app #once
    build app from main.cu and kernels.cu with relocatable device code | main.cu and kernels.cu to app, rdc on | main.cu kernels.cu to app, kernels call device functions of the other file
*nvcc -lib a.o b.o -o libk.a #once
    static library libk.a from a.o and b.o | archive a.o b.o as libk.a | create libk.a out of a.o and b.o
*nvcc -shared -Xcompiler -fPIC {src} -o lib{bin}.so
    shared library lib{bin}.so from {src} | compile {src} to lib{bin}.so | build a shared object lib{bin}.so of {src} with -fPIC | make lib{bin}.so out of {src}, position independent | {src} to lib{bin}.so
*nvcc -run {src}
    compile and run {src} | build {src} and run it right away | run {src} directly | compile {src} and execute it
nvcc -run -run-args {number} {src}
    compile and run {src} with argument {number} | run {src} passing it {number}
**nvcc --version #once
    cuda version | which cuda toolkit is installed | compiler version | version of nvcc | cuda compiler version | which cuda compiler release is this | nvcc release | toolkit version
nvcc --help #once
    nvcc help | help for nvcc | nvcc options | compiler option list
nvcc --list-gpu-arch #once
    which virtual architectures does nvcc support | list gpu architectures of the compiler | supported compute_XX list | list gpu arch | virtual architectures
nvcc --list-gpu-code #once
    which real architectures does nvcc support | list gpu codes of the compiler | supported sm_XX list | list gpu code | real architectures that the compiler can generate
*nvcc -dryrun {src} -o {bin}
    show the compile steps of {src} to {bin} without running them | dry run of compiling {src} to {bin} | what would nvcc do for {src} to {bin} | list commands for {src} to {bin}, don't execute
*nvcc -dryrun {src}
    dry run of {src} | show the compile steps of {src} without executing | what commands would compile {src} | list sub-commands for {src} but do not run
nvcc -clean {src} -o {bin}
    delete the files that compiling {src} to {bin} made | clean targets of {src} to {bin}
nvcc -fdevice-syntax-only {src}
    syntax check of device code in {src} only | check device syntax of {src} without compiling
nvcc -x cu {bin}.cpp -o {bin}
    compile {bin}.cpp as cuda to {bin} | treat {bin}.cpp as a .cu file, output {bin} | build {bin} from {bin}.cpp with language cu
nvcc -r a.o b.o -o ab.o #once
    relocatable link of a.o and b.o to ab.o | partially link a.o b.o into ab.o
nvcc -optf flags.txt {src} -o {bin}
    compile {src} to {bin} with options from flags.txt | read nvcc options from flags.txt for {src} to {bin}
"""

# An option and words that follow "compile X to Y"; they also combine in twos.
OPTIONS = """
*-O{optl}
    with -O{optl} | at optimization level {optl} | optimization {optl} | opt level {optl}
*-O3 #once
    fully optimized | with full optimization | as fast as possible (O3) | optimized
*-g -G
    for debugging | with host and device debug info | with debug symbols for host and device | debug build | with debug symbols for host and gpu code | so that cuda-gdb works | for cuda-gdb
-g
    with host debug info only | with host debug symbols
-G
    with device debug info only | with debug info for device code
*-lineinfo
    with line info | with line numbers for the profiler | keeping source line information | so that ncu shows source lines | with line-number information for device code
*-use_fast_math
    with fast math | using fast math | with fast, less exact math functions | with the fast math library | fast math on
*-maxrregcount={regs}
    with at most {regs} registers per thread | max {regs} registers | limited to {regs} registers | register limit {regs} | using no more than {regs} registers
**-Xptxas -v
    and print register usage | with register usage | showing registers and shared memory per kernel | with ptxas verbose output | register and spill info | show how many registers each kernel uses | with ptxas -v
-Xptxas -O{optl}
    with ptxas optimization level {optl} | ptxas at -O{optl}
-Xptxas -warn-spills
    with a ptxas warning for register spills | warn on register spills (ptxas)
-res-usage
    with resource usage | and show resource usage | print resource usage of the kernels | with the resource-usage option
*-std={std}
    as {std} | with {std} | in {std} mode | language standard {std}
*-I{incdir}
    with include path {incdir} | with headers in {incdir} | searching headers in {incdir} | include dir {incdir} | headers are in {incdir}
*-L{libdir} -l{library}
    with library {library} from {libdir} | linking {library} from {libdir} | link {library}, library path {libdir}
**-l{library}
    linked with {library} | linking {library} | against {library} | link {library} too | with the {library} library
-lcublas -lcudart
    linked with cublas and cudart | against cublas and cudart
-isystem {incdir}
    with system include dir {incdir} | treating {incdir} as system headers
*-D{macro}
    with {macro} defined | defining {macro} | with macro {macro} | and define {macro}
-U{macro}
    with {macro} undefined | undefining {macro} | undefine macro {macro}
-include common.h
    with common.h included first | pre-including common.h
*-Xcompiler {hostflag}
    passing {hostflag} to the host compiler | with host compiler flag {hostflag} | host compiler option {hostflag} | give {hostflag} to gcc
-Xcompiler -fopenmp
    with openmp | using openmp on the host | openmp enabled
-Xlinker -rpath={libdir}
    with linker option -rpath={libdir} | passing -rpath={libdir} to the linker
-Xarchive -v
    passing -v to the archiver
-Xnvlink -v
    with verbose nvlink linker | passing -v to nvlink (the device linker)
*-ccbin {host}
    with host compiler {host} | using {host} as host compiler | ccbin {host} | host compiler {host}
-allow-unsupported-compiler
    even with an unsupported host compiler | allowing an unsupported host compiler | ignore the host compiler version check
*--threads {jobs}
    with {jobs} compile threads | compiling in parallel with {jobs} threads | using {jobs} threads
-split-compile {jobs}
    with split compilation in {jobs} threads | split compile {jobs}
-split-compile-extended {jobs}
    with extended split compilation, {jobs} threads
-rdc=true
    with relocatable device code | rdc on | with rdc=true | allowing device functions across files
-dlto
    with link time optimization of device code | with device lto | lto for device code | dlto on
-lto
    with the lto option | lto on
-gen-opt-lto
    with optimized lto generation | gen-opt-lto
*--keep
    keeping intermediate files | and keep the intermediates | keep all temporary files | don't delete intermediate files
--save-temps
    saving temps | with save-temps
--keep --keep-dir {outdirn}
    keeping intermediate files in {outdirn} | intermediates in {outdirn}
-objtemp
    with the object directory as temp dir | temp files in the object directory
*-v
    verbosely | and list the commands it runs | with verbose output | showing the sub-commands as they run
*-w
    without warnings | with all warnings off | suppress warnings | no warnings please
-time times.csv
    writing phase times to times.csv | with compile phase timing in times.csv
-fdevice-time-trace trace
    with a device time trace in trace | time trace of device compilation into trace
--default-stream per-thread
    with per-thread default stream | default stream per thread
*-ftz=true
    flushing denormals to zero | with ftz | flush subnormals to zero
-prec-div=false
    with approximate division | with imprecise division | without precise division
-prec-sqrt=false
    with approximate square root | without precise square root
-fmad=false
    without fused multiply-add | no fma contraction | fmad off
*--extended-lambda
    allowing device lambdas | with extended lambdas | with __device__ lambdas
--expt-extended-lambda
    with the experimental extended lambda option | with expt-extended-lambda
*--expt-relaxed-constexpr
    allowing constexpr functions in device code | with relaxed constexpr | host constexpr functions callable from the device
-restrict
    treating kernel pointers as restrict | with the restrict option for kernel pointers
-extra-device-vectorization
    with extra device vectorization | more aggressive device vectorization
-src-in-ptx
    with source interleaved in ptx | source in ptx
-keep-device-functions
    keeping unused device functions | keep device functions
-pg
    instrumented for gprof | for profiling with gprof | with -pg profiling code
-noeh
    without c++ exceptions on the host | no host exceptions
-nodlink
    without device linking | skip the device link step
-ewp
    as an extensible whole program | extensible whole program mode
-no-compress
    without compressing the device code | no compression of device code
--compress-mode=size
    with compress mode size | compressing device code for size
-Werror all-warnings
    treating warnings as errors | all warnings as errors | fail on any warning
-Wreorder
    warning about member initializer reorder | with -Wreorder
-Wdefault-stream-launch
    warning when a kernel goes to the default stream | warn on default stream launches
-Wmissing-launch-bounds
    warning about missing launch bounds | warn about kernels without launch bounds
-Wext-lambda-captures-this #rare
    warning when an extended lambda captures this
-Wno-deprecated-declarations
    without deprecated declaration warnings | no warnings about deprecated declarations
*-Wno-deprecated-gpu-targets
    without the deprecated gpu target warning | no warnings about deprecated gpu targets | silence deprecated architecture warnings
-diag-suppress {diag}
    suppressing diagnostic {diag} | silence warning number {diag}
-diag-error {diag}
    with diagnostic {diag} as an error | turn message {diag} into an error
-diag-warn {diag}
    with diagnostic {diag} as a warning
-err-no #rare
    showing error numbers | display diagnostic numbers
-no-err-no #rare
    hiding error numbers | no diagnostic numbers
-cudart shared
    with the shared cuda runtime | dynamically linked cudart | against the shared cudart
-cudart none
    without the cuda runtime library | no cudart
-cudadevrt none
    without the device runtime library | no cudadevrt
-e {bin}_kernel
    only for the entry {bin}_kernel | compile the kernel {bin}_kernel only
-opt-info inline
    with optimization info on inlining | report inlining (opt-info)
-Ofc max
    with fast compile max | fastest device compile (Ofast-compile max) | compile speed first, Ofc max
-dopt on
    with optimized device debug code | device debug with optimization (dopt on)
-ftemplate-depth {regs}
    with template depth {regs} | template instantiation depth {regs}
-ftemplate-backtrace-limit {small}
    with template backtrace limit {small} | at most {small} template notes
-frandom-seed {number} #rare
    with random seed {number} | reproducibly, random seed {number}
-forward-unknown-to-host-compiler
    forwarding unknown options to the host compiler
-forward-unknown-to-host-linker
    forwarding unknown linker options to the host linker
-forward-unknown-opts
    forwarding unknown options to host compiler and linker | forward unknown opts
-noprof #rare
    ignoring nvcc.profile | without nvcc.profile
-use-local-env #rare
    with the local environment | using the local env (msvc)
-nohdinitlist #rare
    without host device initializer lists
-nohdmoveforward #rare
    without host device move and forward
-jobserver #rare
    under the make jobserver | using make's jobserver
-jtd {percentx} #rare
    with jump table density {percentx} | jump table density {percentx}
-sanitize memcheck #rare
    with sanitizer memcheck | instrumented for memcheck
-device-stack-protector=true #rare
    with device stack protector | stack protector in device code
-brief-diag=true
    with brief diagnostics | short diagnostics
-static-global-template-stub=false #rare
    with static-global-template-stub off | without static global template stubs
-device-entity-has-hidden-visibility=false #rare
    with default visibility of device entities | no hidden visibility for device entities
-qpp-config #rare
    with qpp-config on | with qpp config
-astoolspatch #rare
    as a tools patch | compile as tools patch
-aug-hls #rare
    augmenting the host linker script
-hls gen-lcs #rare
    generating a host linker script with gen-lcs | host linker script gen-lcs
-reloc-ptx #rare
    with relocatable ptx
-ldir {libdir} #rare
    with libdevice in {libdir} | libdevice directory {libdir}
-target-dir x86_64-linux #rare
    for target directory x86_64-linux
-arbin /usr/bin/ar #rare
    with archiver /usr/bin/ar
-idp /mnt #rare
    with input drive prefix /mnt
-ddp /mnt #rare
    with dependency drive prefix /mnt
-dp /mnt #rare
    with drive prefix /mnt
-m64
    as 64 bit | for 64-bit | in 64-bit mode
-odir {outdirn}
    with output directory {outdirn} | output dir {outdirn} | objects in {outdirn}
"""
