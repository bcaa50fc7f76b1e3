"""Intents for nccl-tests with NCCL's environment (NVIDIA nodes) and for rccl-tests (AMD nodes)."""

from __future__ import annotations

from sigma.aimicius.cmdgen.generator.phrasing import Intent, intent

NVIDIA = ("8xH100", "8xA100")
AMD = ("8xMI300X",)


def _i(command: str, text: str, systems: tuple[str, ...] = NVIDIA) -> Intent:
    return intent(command, text, systems)


NCCL = (
    _i("{collective} -b {b} -e {e} -f 2 -g {ngpu}", """
        run the NCCL {collective} test on {ngpu} GPUs from {b} to {e}, doubling the size
        benchmark {collective} with NCCL on {ngpu} GPUs, sizes {b} to {e} with step factor 2
        ! NCCL {collective} bandwidth, {ngpu} GPUs, {b} up to {e}, size doubling each step.
        = test NCCL {collective} across {ngpu} GPUs between {b} and {e}, factor 2
        + sweep {collective} over {ngpu} GPUs with nccl-tests, {b} through {e}, each size twice the last
        + ! How fast is {collective} over {ngpu} GPUs? NCCL, {b} to {e}, doubling."""),
    _i("{collective} -b {size} -e {size} -g {ngpu} -n {iters}", """
        run the NCCL {collective} test at the single size {size} on {ngpu} GPUs with {iters} iterations
        measure NCCL {collective} of {size} on {ngpu} GPUs, {iters} iterations
        = time NCCL {collective} at exactly {size} with {ngpu} GPUs, {iters} iterations
        + get the NCCL {collective} bandwidth at {size} only, {ngpu} GPUs, averaged over {iters} iterations
        + ! One point, NCCL {collective}: {size}, {ngpu} GPUs, {iters} iterations."""),
    _i("{collective} -b {b} -e {e} -f 2 -g 8 -d {dtype}", """
        test NCCL {collective} in {dtype} on 8 GPUs from {b} to {e} with factor 2
        benchmark {collective} with datatype {dtype}, 8 GPUs, {b} to {e}, doubling
        = run NCCL {collective} with {dtype} data, {b} to {e}, step factor 2, 8 GPUs
        + check the {dtype} performance of NCCL {collective} over all 8 GPUs, {b} to {e}, doubling sizes
        + ! NCCL {collective}, element type {dtype}, 8 GPUs, {b} to {e}, sizes doubled."""),
    _i("all_reduce_perf -b {b} -e {e} -f 2 -g {ngpu} -o {op}", """
        run NCCL all-reduce with the {op} operation on {ngpu} GPUs, {b} to {e}, factor 2
        benchmark an all-reduce that uses {op} over {ngpu} GPUs from {b} to {e}, doubling
        = test NCCL all-reduce, op {op}, {ngpu} GPUs, sizes {b} to {e} times 2
        + try the {op} reduction in NCCL's all-reduce test on {ngpu} GPUs, {b} to {e}, doubling
        + ! NCCL all-reduce with {op}, {ngpu} GPUs, from {b} doubling to {e}."""),
    _i("{collective} -b {b} -e {e} -i {step} -g 8", """
        run NCCL {collective} on 8 GPUs from {b} to {e} in fixed steps of {step}
        benchmark {collective} on 8 GPUs, sizes {b} to {e}, increment {step}
        = test NCCL {collective}, 8 GPUs, {b} to {e}, adding {step} each time
        + sweep NCCL {collective} linearly from {b} to {e} by {step} on 8 GPUs
        + ! NCCL {collective}, 8 GPUs: {b} to {e}, step size {step}."""),
    _i("{collective} -b {size} -e {size} -g 8 -w {warm} -n {iters}", """
        run NCCL {collective} at {size} on 8 GPUs with {warm} warmup and {iters} timed iterations
        measure {collective} of {size} over 8 GPUs after {warm} warmups, {iters} iterations
        = time NCCL {collective} at {size}, 8 GPUs, {warm} warm-up rounds, {iters} iterations
        + benchmark NCCL {collective}, size {size}, 8 GPUs, warming up {warm} times before {iters} iterations
        + ! NCCL {collective} {size}, 8 GPUs: {warm} warmups then {iters} iterations."""),
    _i("{collective} -b {b} -e {e} -f 2 -g 8 -c 0", """
        run NCCL {collective} on 8 GPUs from {b} to {e}, doubling, without checking the results
        benchmark {collective} with result validation off, 8 GPUs, {b} to {e}, factor 2
        = test NCCL {collective}, 8 GPUs, {b} to {e}, factor 2, no correctness check
        + time NCCL {collective} over 8 GPUs ({b} to {e}, doubling) skipping the data check
        + ! NCCL {collective}, no validation, 8 GPUs, {b} doubling to {e}."""),
    _i("NCCL_DEBUG=INFO {collective} -b {b} -e {e} -f 2 -g 8", """
        run NCCL {collective} on 8 GPUs from {b} to {e}, doubling, with NCCL's INFO logging
        benchmark {collective} (8 GPUs, {b} to {e}, factor 2) and have NCCL print debug info
        = test NCCL {collective} with NCCL debug level INFO: 8 GPUs, {b} to {e}, factor 2
        + see what NCCL sets up while testing {collective} on 8 GPUs, {b} to {e}, doubling (info messages on)
        + ! {collective} test, 8 GPUs, {b} to {e} doubling, and I want NCCL's info log."""),
    _i("NCCL_ALGO={algo} {collective} -b {b} -e {e} -f 2 -g 8", """
        force the {algo} algorithm in an NCCL {collective} test, 8 GPUs, {b} to {e}, factor 2
        benchmark {collective} with NCCL's {algo} algorithm only on 8 GPUs, {b} to {e}, doubling
        = run NCCL {collective} with {algo}, 8 GPUs, {b} to {e}, factor 2
        + find out how NCCL {collective} does when it must use {algo}: 8 GPUs, {b} to {e}, doubling
        + ! {algo} only, NCCL {collective}, 8 GPUs, {b} doubling to {e}."""),
    _i("NCCL_PROTO={proto} {collective} -b {b} -e {e} -f 2 -g {ngpu}", """
        run NCCL {collective} with the {proto} protocol on {ngpu} GPUs, {b} to {e}, factor 2
        benchmark {collective} on {ngpu} GPUs restricted to protocol {proto}, {b} to {e}, doubling
        = test protocol {proto} with NCCL {collective}: {ngpu} GPUs, {b} to {e}, factor 2
        + limit NCCL to protocol {proto} and sweep {collective} on {ngpu} GPUs, {b} to {e}, doubling
        + ! NCCL {collective}, protocol {proto}, {ngpu} GPUs, {b} to {e}, doubling."""),
    _i("NCCL_P2P_DISABLE=1 {collective} -b {b} -e {e} -f 2 -g {ngpu}", """
        run NCCL {collective} with peer-to-peer disabled on {ngpu} GPUs, {b} to {e}, factor 2
        benchmark {collective} without P2P transport: {ngpu} GPUs, {b} to {e}, doubling
        = test NCCL {collective}, P2P off, {ngpu} GPUs, {b} to {e}, factor 2
        + measure how NCCL {collective} suffers when GPUs may not talk directly (no P2P): {ngpu} GPUs, {b} to {e}, doubling
        + ! P2P switched off, NCCL {collective}, {ngpu} GPUs, {b} to {e}, doubling."""),
    _i("NCCL_IB_DISABLE=1 NCCL_SOCKET_IFNAME={nic} all_reduce_perf -b {b} -e {e} -f 2 -g 8", """
        run NCCL all-reduce without InfiniBand over interface {nic}: 8 GPUs, {b} to {e}, factor 2
        benchmark all-reduce on 8 GPUs from {b} to {e}, doubling, IB disabled and sockets on {nic}
        = test NCCL all-reduce over TCP on {nic} with IB off, 8 GPUs, {b} to {e}, factor 2
        + make NCCL ignore InfiniBand and use {nic} in an all-reduce sweep: 8 GPUs, {b} to {e}, doubling
        + ! NCCL all-reduce, no IB, socket interface {nic}, 8 GPUs, {b} doubling to {e}."""),
    _i("mpirun -np 8 {collective} -b {b} -e {e} -f 2 -g 1", """
        run the NCCL {collective} test with 8 MPI processes, one GPU each, from {b} to {e}, factor 2
        launch {collective} with mpirun: 8 ranks, 1 GPU per rank, {b} to {e}, doubling
        = start NCCL {collective} on 8 MPI ranks with a single GPU each, {b} to {e}, factor 2
        + use one MPI process per GPU (8 in all) for NCCL {collective}, {b} to {e}, doubling
        + ! mpirun, 8 ranks, one GPU per rank, NCCL {collective}, {b} doubling to {e}."""),
    _i("mpirun -np {ranks} -N 8 --hostfile {hostfile} {collective} -b {b} -e {e} -f 2 -g 1", """
        run NCCL {collective} on {nodes} nodes with 8 ranks per node, hostfile {hostfile}, one GPU per rank, {b} to {e}, factor 2
        launch a {nodes}-node {collective} test ({ranks} ranks, 8 per node) using {hostfile}, 1 GPU per rank, {b} to {e}, doubling
        = start NCCL {collective} over {nodes} nodes (hostfile {hostfile}), {ranks} ranks, 8 per node, one GPU each, {b} to {e}, factor 2
        + measure NCCL {collective} across the {nodes} hosts in {hostfile}: {ranks} ranks, 8 on each, one GPU per rank, {b} to {e}, doubling
        + ! {nodes} nodes from {hostfile}, 8 ranks per node ({ranks} in all), a GPU per rank, NCCL {collective} {b} to {e}, doubling."""),
    _i("mpirun -np {ranks} -N 8 --hostfile {hostfile} -x NCCL_IB_HCA={hca} -x NCCL_DEBUG=INFO all_reduce_perf -b {b} -e {e} -f 2 -g 1", """
        run all-reduce on {nodes} nodes with 8 ranks each, {ranks} ranks (hostfile {hostfile}), using HCA {hca} and NCCL info logs, one GPU per rank, {b} to {e}, factor 2
        launch all_reduce over {ranks} ranks, 8 per node, hostfile {hostfile}; export NCCL_IB_HCA {hca} and NCCL debug INFO; 1 GPU per rank, {b} to {e}, doubling
        = start all-reduce with {ranks} ranks, 8 per node from {hostfile}, HCA {hca}, debug info, one GPU each, {b} to {e}, factor 2
        + pin NCCL to {hca} and log at INFO in a {nodes}-node all-reduce ({ranks} ranks, 8 per node, {hostfile}), a GPU per rank, {b} to {e}, doubling
        + ! {nodes} nodes in {hostfile}, {ranks} ranks, 8 each: all-reduce {b} to {e}, doubling, one GPU per rank, HCA {hca}, info log on every rank."""),
    _i("NCCL_MIN_NCHANNELS={channels} all_reduce_perf -b {size} -e {size} -g 8", """
        run NCCL all-reduce at {size} on 8 GPUs with at least {channels} channels
        benchmark all-reduce of {size} over 8 GPUs with NCCL's minimum channel count at {channels}
        = test NCCL all-reduce at {size}, 8 GPUs, no fewer than {channels} channels
        + require {channels} or more NCCL channels for an 8-GPU all-reduce of {size}
        + ! All-reduce {size}, 8 GPUs, NCCL with {channels} channels minimum."""),
    _i("NCCL_DEBUG=INFO NCCL_TOPO_DUMP_FILE={xmlfile} all_reduce_perf -g 8", """
        dump NCCL's detected topology to {xmlfile} while running all-reduce on 8 GPUs with INFO logging
        run all-reduce with default sizes on 8 GPUs, NCCL debug INFO, and save the topology as {xmlfile}
        = write NCCL's topology to {xmlfile} in an 8-GPU all-reduce at default sizes, with info logs
        + have NCCL store the topology it sees in {xmlfile}: 8 GPUs, all-reduce, default sizes, info messages
        + ! All-reduce on 8 GPUs, default sizes: NCCL info log, topology dump in {xmlfile}."""),
)  # fmt: skip
RCCL = (
    _i("{collective} -b {b} -e {e} -f 2 -g {ngpu}", """
        run the RCCL {collective} test on {ngpu} GPUs from {b} to {e}, doubling the size
        benchmark {collective} with rccl-tests on {ngpu} GPUs, sizes {b} to {e} with step factor 2
        ! RCCL {collective} bandwidth on {ngpu} GPUs: {b} up to {e}, doubling each step.
        = test RCCL {collective} across {ngpu} GPUs between {b} and {e}, factor 2
        + sweep {collective} over {ngpu} MI300X with rccl-tests, {b} through {e}, each size twice the last
        + ! How fast is {collective} over {ngpu} GPUs with RCCL? {b} to {e}, doubling.""", AMD),
    _i("{collective} -b {b} -e {e} -f 2 -g 8 -d {dtype}", """
        test RCCL {collective} in {dtype} on 8 GPUs from {b} to {e} with factor 2
        benchmark {collective} with datatype {dtype}, all 8 GPUs, {b} to {e}, doubling
        = run RCCL {collective} with {dtype} data, {b} to {e}, step factor 2, 8 GPUs
        + check the {dtype} performance of RCCL {collective} over 8 GPUs, {b} to {e}, doubling sizes
        + ! RCCL {collective}, element type {dtype}, 8 GPUs, {b} to {e}, doubled.""", AMD),
    _i("{collective} -b {size} -e {size} -g 8 -n {iters} -w {warm}", """
        run RCCL {collective} at {size} on 8 GPUs with {iters} iterations and {warm} warmups
        measure {collective} of {size} over 8 GPUs, {iters} iterations after {warm} warmup rounds
        = time RCCL {collective} at {size}, 8 GPUs, {iters} iterations, {warm} warm-up rounds
        + benchmark RCCL {collective} at the one size {size}, 8 GPUs, {warm} warm-ups before {iters} iterations
        + ! RCCL {collective} {size}, 8 GPUs: {warm} warmups then {iters} iterations.""", AMD),
    _i("{collective} -b {b} -e {e} -f 2 -g 8 -Z csv -x {csvfile}", """
        run RCCL {collective} on 8 GPUs, {b} to {e}, factor 2, and write the results as CSV to {csvfile}
        benchmark {collective} (8 GPUs, {b} to {e}, doubling) with CSV output in {csvfile}
        = save RCCL {collective} results as CSV in {csvfile}: 8 GPUs, {b} to {e}, factor 2
        + keep a CSV of RCCL {collective} figures at {csvfile}, 8 GPUs, {b} to {e}, doubling
        + ! RCCL {collective}, 8 GPUs, {b} doubling to {e}; CSV results in {csvfile}.""", AMD),
    _i("{collective} -b {b} -e {e} -f 2 -g 8 -y fine", """
        run RCCL {collective} with fine-grained memory on 8 GPUs, {b} to {e}, factor 2
        benchmark {collective} in fine memory: 8 GPUs, {b} to {e}, doubling
        = test RCCL {collective}, memory type fine, 8 GPUs, {b} to {e}, factor 2
        + see how fine-grained buffers change RCCL {collective}: 8 GPUs, {b} to {e}, doubling
        + ! Fine-grained memory, RCCL {collective}, 8 GPUs, {b} doubling to {e}.""", AMD),
    _i("{collective} -b {b} -e {e} -f 2 -g {ngpu} -G {warm}", """
        run RCCL {collective} through HIP graphs with {warm} graph launches, {ngpu} GPUs, {b} to {e}, factor 2
        benchmark {collective} captured as a HIP graph launched {warm} times: {ngpu} GPUs, {b} to {e}, doubling
        = test RCCL {collective} with {warm} HIP graph launches, {ngpu} GPUs, {b} to {e}, factor 2
        + replay RCCL {collective} as a HIP graph {warm} times on {ngpu} GPUs, {b} to {e}, doubling
        + ! HIP graph, {warm} launches, RCCL {collective}, {ngpu} GPUs, {b} doubling to {e}.""", AMD),
    _i("NCCL_DEBUG=INFO {collective} -b {b} -e {e} -f 2 -g 8", """
        run RCCL {collective} on 8 GPUs from {b} to {e}, doubling, with INFO logging
        benchmark {collective} with rccl-tests (8 GPUs, {b} to {e}, factor 2) and print debug info
        = test RCCL {collective} at debug level INFO: 8 GPUs, {b} to {e}, factor 2
        + see what RCCL sets up while testing {collective} on 8 GPUs, {b} to {e}, doubling (info messages on)
        + ! RCCL {collective}, 8 GPUs, {b} to {e} doubling, info log please.""", AMD),
    _i("HIP_VISIBLE_DEVICES={gpus} {collective} -b {b} -e {e} -f 2 -g 2", """
        run RCCL {collective} with 2 GPUs while only GPUs {gpus} are visible, {b} to {e}, factor 2
        benchmark {collective} on two GPUs, making just {gpus} visible to HIP, {b} to {e}, doubling
        = test RCCL {collective} with HIP limited to devices {gpus}, 2 GPUs, {b} to {e}, factor 2
        + show HIP only the cards {gpus} and sweep RCCL {collective} on 2 GPUs, {b} to {e}, doubling
        + ! RCCL {collective}, 2 GPUs, HIP may see {gpus} only, {b} doubling to {e}.""", AMD),
    _i("HSA_NO_SCRATCH_RECLAIM=1 {collective} -b {b} -e {e} -f 2 -g 8", """
        run RCCL {collective} on 8 GPUs with HSA scratch reclaim off, {b} to {e}, factor 2
        benchmark {collective} with HSA_NO_SCRATCH_RECLAIM set, 8 GPUs, {b} to {e}, doubling
        = test RCCL {collective} without scratch reclaim, 8 GPUs, {b} to {e}, factor 2
        + stop HSA from reclaiming scratch during an RCCL {collective} sweep: 8 GPUs, {b} to {e}, doubling
        + ! No scratch reclaim, RCCL {collective}, 8 GPUs, {b} doubling to {e}.""", AMD),
    _i("mpirun -np 8 {collective} -b {b} -e {e} -f 2 -g 1", """
        run the RCCL {collective} test with 8 MPI processes, one GPU each, from {b} to {e}, factor 2
        launch RCCL {collective} with mpirun: 8 ranks, 1 GPU per rank, {b} to {e}, doubling
        = start RCCL {collective} on 8 MPI ranks with a single GPU each, {b} to {e}, factor 2
        + use one MPI process per GPU (8 in all) for RCCL {collective}, {b} to {e}, doubling
        + ! mpirun, 8 ranks, one GPU per rank, RCCL {collective}, {b} doubling to {e}.""", AMD),
    _i("mpirun -np 8 --bind-to numa -x NCCL_IB_HCA={hca} all_reduce_perf -b {b} -e {e} -f 2 -g 1", """
        run RCCL all-reduce with 8 MPI ranks bound to NUMA nodes, HCA {hca}, one GPU per rank, {b} to {e}, factor 2
        launch all-reduce on 8 ranks bound to numa with NCCL_IB_HCA {hca} exported, 1 GPU per rank, {b} to {e}, doubling
        = start RCCL all-reduce: 8 ranks, NUMA binding, HCA {hca}, one GPU each, {b} to {e}, factor 2
        + bind 8 MPI ranks to NUMA domains and export HCA {hca} for RCCL all-reduce, a GPU per rank, {b} to {e}, doubling
        + ! 8 ranks, bound to NUMA, HCA {hca}: RCCL all-reduce, one GPU per rank, {b} doubling to {e}.""", AMD),
)  # fmt: skip
