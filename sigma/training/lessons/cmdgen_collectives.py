"""nccl-tests and rccl-tests in people's words: what is run, on what, with which options, variables and launcher."""

from __future__ import annotations

# A run is a base, up to two options, up to two variables. {coll}: the binary.
BASES = """
***{coll} -b {b} -e {e} -f 2 -g {ngpu}
    {coll} on {ngpu} gpus from {b} to {e} | {coll} sweep {b} to {e} on {ngpu} gpus | bus bandwidth of {coll} from {b} to {e} on {ngpu} gpus | {coll} bandwidth test {b}-{e}, {ngpu} gpus | benchmark {coll} with {ngpu} gpus, {b} to {e}, doubling | run {coll} from {b} to {e} on {ngpu} gpus, factor 2
    {coll} test, {b}..{e}, x2 steps, {ngpu} gpus | measure {coll} between {b} and {e} on {ngpu} gpus | {ngpu} gpu {coll}, sizes {b} to {e} doubling each time | busbw of {coll} on {ngpu} gpus, {b} up to {e} | test {coll} across {ngpu} gpus, message sizes {b} to {e} | sweep {coll} over {ngpu} gpus from {b} to {e}
    run {coll} on {ngpu} gpus, min {b}, max {e}, step factor 2 | scan {coll} message sizes from {b} to {e} on {ngpu} gpus | {coll} {b}-{e} x{ngpu} gpus | how fast is {coll} on {ngpu} gpus from {b} to {e} | {coll} performance on {ngpu} gpus, {b} through {e}
*{coll} -b {b} -e {e} -f {factor} -g {ngpu}
    {coll} on {ngpu} gpus from {b} to {e}, factor {factor} | {coll} from {b} to {e} multiplying by {factor}, {ngpu} gpus | {ngpu} gpu {coll}, {b} to {e}, step factor {factor} | {coll} sweep {b} to {e} on {ngpu} gpus with size x{factor} each step
*{coll} -b {b} -e {e} -i {step} -g {ngpu}
    {coll} on {ngpu} gpus from {b} to {e} in steps of {step} | {coll} {b} to {e} with fixed {step} steps, {ngpu} gpus | {ngpu} gpu {coll}, {b} to {e}, increment {step} | {coll} sweep from {b} to {e} adding {step} each time on {ngpu} gpus
**{coll} -b {size} -e {size} -g {ngpu}
    {coll} at {size} on {ngpu} gpus | {coll} with one message size of {size} on {ngpu} gpus | only {size} {coll}, {ngpu} gpus | {coll} of {size} across {ngpu} gpus | single size {size} {coll} with {ngpu} gpus | time {coll} at {size} on {ngpu} gpus
*{coll} -g {ngpu}
    {coll} on {ngpu} gpus with default sizes | run {coll} on {ngpu} gpus | {coll} test with {ngpu} gpus | {coll} across {ngpu} gpus | simple {coll} on {ngpu} gpus | {ngpu} gpu {coll} | {coll} benchmark on {ngpu} gpus, defaults otherwise
{coll} -b {b} -e {e} -f 2 -t {small} -g 1
    {coll} from {b} to {e} with {small} threads of one gpu each | {coll} {b} to {e}, {small} threads, 1 gpu per thread | {small} threads x 1 gpu {coll} from {b} to {e}
{coll} -t 2 -g 4 -b {b} -e {e} -f 2
    {coll} from {b} to {e} with 2 threads and 4 gpus each | {coll} {b} to {e}, 2 threads, 4 gpus per thread
*{coll} -h #once
    help for the {coll} test | options of the {coll} benchmark | usage of the {coll} test binary | what options does the {coll} test take
*mpirun -np 8 {coll} -b {b} -e {e} -f 2 -g 1
    {coll} with 8 mpi ranks, one gpu each, {b} to {e} | mpirun {coll} from {b} to {e}, 8 processes, 1 gpu per process | 8 rank {coll}, {b} to {e}, one gpu per rank | mpi {coll} on this node: 8 ranks, {b} to {e}
**mpirun -np {ranks} -N 8 --hostfile {hostfile} {coll} -b {b} -e {e} -f 2 -g 1
    {coll} on {nodes} nodes with 8 gpus each, hostfile {hostfile}, {b} to {e} | {coll} over {nodes} nodes ({ranks} ranks, 8 per node) from {b} to {e}, hosts in {hostfile} | {nodes} node {coll}, {b} to {e}, 8 ranks per node, hostfile {hostfile} | multi-node {coll}: {ranks} ranks, 8 per node, {hostfile}, {b} to {e}
    mpirun {coll} across {nodes} nodes, hostfile {hostfile}, 8 ranks per node, sizes {b} to {e} | {ranks} gpu {coll} from {b} to {e}, 8 processes per node, hosts from {hostfile}
*mpirun -np {ranks} -N 8 {coll} -b {b} -e {e} -f 2 -g 1
    {coll} with {ranks} ranks, 8 per node, {b} to {e}, one gpu per rank | {ranks} rank mpi {coll} from {b} to {e}, 8 ranks on each node | {coll} over {nodes} nodes, {ranks} ranks in all and 8 per node, {b} to {e}
*mpirun -np {nodes} -N 1 {coll} -b {b} -e {e} -f 2 -g 8
    {coll} on {nodes} nodes, one process per node with 8 gpus each, {b} to {e} | {nodes} mpi processes, 1 per node, 8 gpus per process: {coll} {b} to {e} | {coll} {b} to {e}, {nodes} nodes, single rank per node driving 8 gpus
*mpirun -np {procs} {coll} -b {b} -e {e} -f 2 -g {each}
    {coll} with {procs} mpi processes and {each} gpus each, {b} to {e} | {procs} processes x {each} gpus: {coll} from {b} to {e} | mpi {coll} on {procs} processes with {each} gpus per process, a total of {sum} gpus, {b} to {e} | {coll} over {sum} gpus as {procs} processes with {each} gpus each, {b} to {e} | mpirun {procs} processes, {each} gpus per process, {coll} {b} to {e}
*mpirun -np {ranks4} -N 4 {coll} -b {b} -e {e} -f 2 -g 1
    {coll} on {nodes4} nodes with 4 gpus each, {b} to {e}, one gpu per rank | {ranks4} ranks, 4 per node, {coll} from {b} to {e} | {coll} over {nodes4} nodes, 4 ranks per node, {b} to {e}
mpirun -np {ranks4} -N 4 --hostfile {hostfile} {coll} -b {b} -e {e} -f 2 -g 1
    {coll} on {nodes4} nodes of {hostfile} with 4 gpus each, {b} to {e} | {ranks4} ranks, 4 per node, hostfile {hostfile}, {coll} {b} to {e}
*mpirun -np {ranks} -N 8 {coll} -b {size} -e {size} -g 1
    {coll} at {size} on {nodes} nodes, 8 ranks each | {ranks} rank {coll}, 8 per node, only {size}
mpirun -np {ranks} -N 8 --mca coll_hcoll_enable 0 {coll} -b {b} -e {e} -f 2 -g 1
    {ranks} rank {coll} with hcoll switched off (coll_hcoll_enable 0), 8 per node, {b} to {e} | {coll} {b} to {e} over {nodes} nodes, 8 ranks each, mca coll_hcoll_enable 0
mpirun -np {ranks} -N 8 --bind-to none --mca btl tcp,self {coll} -b {b} -e {e} -f 2 -g 1
    {ranks} rank {coll}, 8 per node, bind to none, btl tcp,self, {b} to {e} | {coll} {b} to {e} over {nodes} nodes, 8 ranks each, no binding, mca btl tcp,self
mpirun -np {ranks} -N 8 -x LD_LIBRARY_PATH -x NCCL_DEBUG=INFO {coll} -b {b} -e {e} -f 2 -g 1
    {ranks} rank {coll}, 8 per node, passing on LD_LIBRARY_PATH and NCCL_DEBUG=INFO, {b} to {e}
*mpirun -np 16 -H {hostslots} {coll} -b {b} -e {e} -f 2 -g 1
    {coll} on hosts {hostslots}, 16 ranks, {b} to {e} | 16 rank {coll} over {hostslots}, from {b} to {e} | mpirun {coll} with 16 processes on {hostslots}, {b} to {e}, one gpu each
mpirun -np 2 -H {hostlist} {coll} -b {b} -e {e} -f 2 -g 8
    {coll} between {hostlist}, 2 ranks with 8 gpus each, {b} to {e} | two ranks on {hostlist}, 8 gpus per rank, {coll} from {b} to {e}
mpirun --allow-run-as-root -np 8 {coll} -b {b} -e {e} -f 2 -g 1
    as root: 8 rank {coll} from {b} to {e}, one gpu each | {coll} with 8 mpi ranks from {b} to {e}, mpirun allowed to run as root
mpirun -np 8 --bind-to numa {coll} -b {b} -e {e} -f 2 -g 1
    {coll} with 8 ranks bound to numa nodes, {b} to {e}, one gpu each | 8 rank {coll}, bind to numa, {b} to {e}
mpirun -np 8 --bind-to none {coll} -b {b} -e {e} -f 2 -g 1
    {coll} with 8 ranks without binding, {b} to {e}, one gpu each | 8 rank {coll} from {b} to {e}, bind-to none
mpirun -np {ranks} --map-by ppr:8:node --hostfile {hostfile} {coll} -b {b} -e {e} -f 2 -g 1
    {ranks} ranks of {coll} mapped by ppr:8:node over {hostfile}, {b} to {e} | {coll} from {b} to {e}, {ranks} ranks, map-by ppr:8:node, hostfile {hostfile}
mpirun -np {ranks} -N 8 --hostfile {hostfile} --mca btl_tcp_if_include {nic} {coll} -b {b} -e {e} -f 2 -g 1
    {ranks} rank {coll}, 8 per node, hostfile {hostfile}, mpi traffic over {nic} (btl_tcp_if_include), {b} to {e} | {coll} {b} to {e} on {ranks} ranks of {hostfile}, 8 per node, mca btl_tcp_if_include {nic}
mpirun -np {ranks} -N 8 --hostfile {hostfile} -x NCCL_DEBUG=INFO -x NCCL_IB_HCA={hca} {coll} -b {b} -e {e} -f 2 -g 1
    {ranks} rank {coll}, 8 per node, hostfile {hostfile}, exporting NCCL_DEBUG=INFO and NCCL_IB_HCA={hca}, {b} to {e} | {coll} over {nodes} nodes of {hostfile}, 8 ranks each, nccl debug info, ib hca {hca}, {b} to {e}
mpirun -np {ranks} -N 8 --hostfile {hostfile} -x NCCL_SOCKET_IFNAME={nic} {coll} -b {b} -e {e} -f 2 -g 1
    {ranks} rank {coll}, 8 per node, hostfile {hostfile}, NCCL_SOCKET_IFNAME {nic} exported, {b} to {e} | {coll} {b} to {e} over {nodes} nodes, {hostfile}, 8 ranks each, sockets on {nic}
mpirun -np 8 --oversubscribe --report-bindings {coll} -b {b} -e {e} -f 2 -g 1
    8 rank {coll} from {b} to {e}, oversubscribe and report bindings
mpirun -np 8 --tag-output --rank-by slot {coll} -b {b} -e {e} -f 2 -g 1
    8 rank {coll} from {b} to {e} with tagged output, ranked by slot
*srun -N {nodes} --ntasks-per-node 8 {coll} -b {b} -e {e} -f 2 -g 1
    slurm: {coll} on {nodes} nodes with 8 tasks per node, {b} to {e} | srun {coll} over {nodes} nodes, 8 tasks each, {b} to {e} | {coll} through srun: {nodes} nodes x 8 tasks, {b} to {e}
srun -n {ranks} --gpus-per-task 1 {coll} -b {b} -e {e} -f 2 -g 1
    srun with {ranks} tasks, one gpu per task, {coll} {b} to {e} | slurm {coll} {b} to {e}, {ranks} tasks and 1 gpu per task
./build/{coll} -b {b} -e {e} -f 2 -g {ngpu}
    ./build {coll} from {b} to {e} on {ngpu} gpus | run {coll} out of ./build, {b} to {e}, {ngpu} gpus | {coll} binary in ./build: {b} to {e} on {ngpu} gpus
/opt/nccl-tests/build/{coll} -b {b} -e {e} -f 2 -g {ngpu}
    {coll} from /opt/nccl-tests/build, {b} to {e} on {ngpu} gpus | run /opt/nccl-tests/build's {coll}, {b} to {e}, {ngpu} gpus
"""
OPTIONS = """
**-n {iters}
    with {iters} iterations | {iters} iterations per size | {iters} timed iterations | iterating {iters} times
**-w {warm}
    with {warm} warmup iterations | {warm} warmup rounds | after {warm} warm-ups
*-n {iters} -w {warm}
    with {iters} iterations and {warm} warmups | {warm} warmup and {iters} timed iterations
*-c 0
    without checking results | no correctness check | validation off | skip the data check
-c 1 -n {iters}
    checking results, {iters} iterations | with correctness check on and {iters} iterations
**-d {dtype}
    in {dtype} | with datatype {dtype} | as {dtype} | using {dtype} | dtype {dtype}
-m {small}
    aggregating {small} iterations | with {small} aggregated operations per iteration | agg iters {small}
-N {small}
    repeating the whole run {small} times | {small} run cycles
-a 0
    reporting only rank 0's time | times of rank 0 only (average 0)
-a 2
    reporting the minimum time over ranks | with the smallest time of all ranks
-a 3
    reporting the maximum time over ranks | with the slowest rank's time
-p 1
    with parallel initialization | init nccl in parallel threads | parallel init
-z 1
    with blocking collectives | wait after each collective (blocking) | blocking mode
-C 1
    reporting cpu time instead of latency | report cpu time
-R 1
    with local buffer registration | registering the buffers | local register on
-R 2
    with symmetric memory registration | symmetric registration (mode 2)
-T {span}
    with a timeout of {span} seconds per test | time out after {span} seconds
-S 1
    with timestamps in the report | adding timestamps | report timestamps
-M 1
    with memory usage report | reporting memory use
-D 1
    with device implementation 1 | device api implementation 1
-D 1 -V {channels}
    with device implementation 1 and {channels} ctas | device implementation 1, {channels} device ctas
"""
REDUCTIONS = """
*-o {op}
    with {op} as operation | using the {op} operation | reduction op {op} | doing {op}
"""
ROOTED = """
*-r {root}
    with root {root} | root rank {root} | from rank {root}
-r all
    with every rank as root in turn | root all
"""
NCCL_OPTIONS = """
*-G {small}
    captured in a cuda graph {small} times | with cuda graphs, {small} launches | as cuda graph, replayed {small} times | cudagraph {small}
-I 1
    with per-iteration timing | timing each iteration
-I 1 -K {small}
    with per-iteration timing, skipping {small} | time each iteration but skip the first {small}
*-J {jsonfile}
    with json output to {jsonfile} | writing json to {jsonfile} | save results as json in {jsonfile}
-u {small}
    with buffers unaligned by {small} | unalign {small}
"""
RCCL_OPTIONS = """
*-G {small}
    in a hip graph launched {small} times | with hip graphs, {small} launches | hipgraph {small}
*-Y fine
    in fine-grained memory | with memory type fine | fine memory
-Y host
    in host memory | with memory type host
-Y managed
    in managed memory | with memory type managed
--stream_null 1
    on the null stream | using stream null
-u {channels}
    with cu mask {channels} | cumask {channels}
-F {small}
    flushing the cache every {small} iterations | cache flush {small}
-O 1
    out of place only | out-of-place results only
-q {small}
    with a delay of {small} | delay {small}
-E 1
    with rotating tensors | rotating tensor on
-A 1
    showing algorithm, protocol and channels | print algo, proto and channel count
**-Z csv -x {csvfile}
    as csv to {csvfile} | with csv results in {csvfile} | save csv to {csvfile} | csv output, file {csvfile}
*-Z json -x {jsonfile}
    as json to {jsonfile} | with json results in {jsonfile} | json output, file {jsonfile}
--cta_policy 1
    with cta policy 1 | cta policy 1
-d fp8_e4m3
    in fp8 e4m3 | with datatype fp8_e4m3
-d fp8_e5m2
    in fp8 e5m2 | with datatype fp8_e5m2
"""

NCCL_BASES = """
*CUDA_VISIBLE_DEVICES={two} {coll} -b {b} -e {e} -f 2 -g 2
    {coll} between gpus {two} only, {b} to {e} | {coll} from {b} to {e} on two gpus with only {two} visible | {coll} restricted to cuda devices {two}, {b} to {e}, 2 gpus | 2 gpu {coll}, {b} to {e}, visible devices {two}
CUDA_VISIBLE_DEVICES={four} {coll} -b {b} -e {e} -f 2 -g 4
    {coll} on the four gpus {four} only, {b} to {e} | 4 gpu {coll} from {b} to {e}, visible devices {four}
"""
RCCL_BASES = """
*HIP_VISIBLE_DEVICES={two} {coll} -b {b} -e {e} -f 2 -g 2
    {coll} between gpus {two} only, {b} to {e} | {coll} from {b} to {e} on two gpus with only {two} visible to hip | 2 gpu {coll}, {b} to {e}, hip visible devices {two} | {coll} restricted to hip devices {two}, {b} to {e}, 2 gpus
HIP_VISIBLE_DEVICES={four} {coll} -b {b} -e {e} -f 2 -g 4
    {coll} on the four gpus {four} only, {b} to {e} | 4 gpu {coll} from {b} to {e}, hip visible devices {four}
ROCR_VISIBLE_DEVICES={two} {coll} -b {b} -e {e} -f 2 -g 2
    {coll} from {b} to {e} on two gpus with rocr visible devices {two} | 2 gpu {coll}, {b} to {e}, only {two} visible to rocr
alltoallv_perf -b {b} -e {e} -f 2 -g {ngpu}
    all-to-all-v on {ngpu} gpus from {b} to {e} | alltoallv from {b} to {e}, {ngpu} gpus | benchmark alltoallv with {ngpu} gpus, {b} to {e}
all_reduce_bias_perf -b {b} -e {e} -f 2 -g {ngpu}
    all-reduce with bias on {ngpu} gpus from {b} to {e} | allreduce bias test from {b} to {e}, {ngpu} gpus
"""
