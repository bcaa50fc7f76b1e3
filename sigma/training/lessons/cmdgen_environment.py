"""Environment variables of collective tests in people's words; each goes in front of the program, or behind mpirun's -x."""

from __future__ import annotations

VARIABLES = """
***NCCL_DEBUG=INFO
    with nccl debug info | and nccl logging at info | with debug output | and show what nccl is doing | nccl debug level info | with NCCL_DEBUG=INFO | verbose nccl logs
NCCL_DEBUG=WARN
    with nccl warnings | nccl debug level warn | only nccl warnings logged
NCCL_DEBUG=TRACE
    with nccl trace logging | nccl debug level trace
NCCL_DEBUG=VERSION
    printing the nccl version | and print nccl's version
*NCCL_DEBUG=INFO NCCL_DEBUG_SUBSYS={subsys}
    with nccl debug info of subsystem {subsys} | nccl info logs, subsys {subsys} | debug info for {subsys} only
*NCCL_DEBUG=INFO NCCL_DEBUG_FILE={log}
    with nccl debug info to {log} | nccl info log in file {log}
**NCCL_ALGO={algo}
    with the {algo} algorithm | forcing {algo} | nccl algo {algo} | {algo} algorithm only | using {algo} as algorithm
**NCCL_PROTO={proto}
    with protocol {proto} | forcing the {proto} protocol | nccl proto {proto} | {proto} protocol only
*NCCL_ALGO={algo} NCCL_PROTO={proto}
    with algorithm {algo} and protocol {proto} | {algo} and {proto} forced
**NCCL_SOCKET_IFNAME={nic}
    over interface {nic} | with sockets on {nic} | using network interface {nic} | nccl sockets through {nic} | socket ifname {nic}
NCCL_SOCKET_FAMILY=AF_INET
    over ipv4 | with ipv4 sockets
NCCL_SOCKET_FAMILY=AF_INET6
    over ipv6 | with ipv6 sockets
NCCL_SOCKET_NTHREADS={small}
    with {small} socket threads | {small} threads per socket connection
NCCL_NSOCKS_PERTHREAD={small}
    with {small} sockets per thread
**NCCL_IB_HCA={hca}
    over hca {hca} | using ib device {hca} | with infiniband hca {hca} | on the nic {hca} | ib hca {hca}
**NCCL_IB_DISABLE=1
    without infiniband | with ib disabled | no ib, tcp sockets | infiniband off | over tcp instead of ib
NCCL_IB_TIMEOUT={timeout}
    with ib timeout {timeout} | infiniband timeout {timeout}
NCCL_IB_RETRY_CNT={small}
    with ib retry count {small} | {small} infiniband retries
*NCCL_IB_GID_INDEX={number}
    with gid index {number} | roce gid index {number} | ib gid index {number}
NCCL_IB_SL={number}
    with ib service level {number}
NCCL_IB_TC={regs}
    with ib traffic class {regs} | traffic class {regs}
*NCCL_IB_QPS_PER_CONNECTION={small}
    with {small} queue pairs per connection | {small} qps per connection
NCCL_IB_PCI_RELAXED_ORDERING=1
    with pci relaxed ordering | relaxed ordering on
NCCL_IB_ADAPTIVE_ROUTING=1
    with ib adaptive routing | adaptive routing on
NCCL_NET=Socket
    with the socket network | nccl net socket | using nccl's socket transport
NCCL_NET=IB
    with the ib network | nccl net ib
NCCL_NET_PLUGIN=none
    without a net plugin | net plugin none
NCCL_TUNER_PLUGIN=libtuner.so
    with tuner plugin libtuner.so
*NCCL_NET_GDR_LEVEL={p2p}
    with gpudirect rdma level {p2p} | gdr level {p2p} | net gdr level {p2p}
NCCL_NET_GDR_READ=1
    with gpudirect rdma for reads | gdr read on
**NCCL_P2P_DISABLE=1
    without p2p | with peer to peer off | p2p disabled | no gpu peer-to-peer | disable direct gpu-gpu access
*NCCL_P2P_LEVEL={p2p}
    with p2p level {p2p} | p2p up to {p2p} | peer to peer level {p2p}
NCCL_P2P_DIRECT_DISABLE=1
    without direct p2p | p2p direct disabled
**NCCL_SHM_DISABLE=1
    without shared memory | shm disabled | shared memory transport off
NCCL_CROSS_NIC=1
    with cross nic | allowing rings across nics | cross-nic on
NCCL_CROSS_NIC=0
    without cross nic | always the same nic in a ring | cross-nic off
*NCCL_MIN_NCHANNELS={channels}
    with at least {channels} channels | minimum {channels} channels | min nchannels {channels}
*NCCL_MAX_NCHANNELS={channels}
    with at most {channels} channels | maximum {channels} channels | max nchannels {channels}
NCCL_MIN_CTAS={channels}
    with at least {channels} ctas
NCCL_MAX_CTAS={channels}
    with at most {channels} ctas
NCCL_NTHREADS={threads}
    with {threads} threads per block | nccl threads {threads}
*NCCL_BUFFSIZE={bytes}
    with buffer size {bytes} | nccl buffer size {bytes} bytes
NCCL_NCHANNELS_PER_NET_PEER={small}
    with {small} channels per net peer
*NCCL_TOPO_FILE={xmlfile}
    with the topology from {xmlfile} | using topo file {xmlfile}
*NCCL_TOPO_DUMP_FILE={xmlfile}
    dumping the topology to {xmlfile} | and save the detected topology in {xmlfile} | topo dump to {xmlfile}
NCCL_GRAPH_FILE={xmlfile}
    with the graph from {xmlfile} | using graph file {xmlfile}
NCCL_GRAPH_DUMP_FILE={xmlfile}
    dumping the graph to {xmlfile} | graph dump to {xmlfile}
*NCCL_NVLS_ENABLE=0
    without nvlink sharp | nvls disabled | nvls off
NCCL_NVLS_ENABLE=1
    with nvlink sharp | nvls enabled | nvls on
NCCL_COMM_BLOCKING=1
    with blocking communicators
NCCL_COMM_BLOCKING=0
    with nonblocking communicators
NCCL_LAUNCH_MODE=GROUP
    with launch mode group
NCCL_LAUNCH_MODE=PARALLEL
    with launch mode parallel
*NCCL_COLLNET_ENABLE=1
    with collnet | collnet enabled | sharp/collnet on
NCCL_SHARP_DISABLE=1
    without sharp | sharp disabled
NCCL_COMM_ID=10.0.0.1:29500
    with comm id 10.0.0.1:29500
NCCL_HOSTID=host1
    with host id host1
NCCL_CONF_FILE=nccl.conf
    with nccl config file nccl.conf
NCCL_IGNORE_CPU_AFFINITY=1
    ignoring cpu affinity | ignore the job's cpu affinity
NCCL_CHECK_POINTERS=1
    with pointer checks | checking pointers
NCCL_GRAPH_REGISTER=1
    with graph registration | graph register on
NCCL_GRAPH_REGISTER=0
    without graph registration
NCCL_LOCAL_REGISTER=1
    with NCCL_LOCAL_REGISTER on | nccl local register enabled by variable
NCCL_SET_STACK_SIZE=1
    with nccl setting the stack size
NCCL_SET_THREAD_NAME=1
    with named nccl threads | setting thread names
NCCL_CUMEM_ENABLE=1
    with cumem | cuMem allocation on
NCCL_CUMEM_ENABLE=0
    without cumem | cuMem allocation off
NCCL_DMABUF_ENABLE=1
    with dma-buf | dmabuf enabled
NCCL_DMABUF_ENABLE=0
    without dma-buf | dmabuf disabled
NCCL_RAS_ENABLE=0
    without nccl's ras subsystem
NCCL_MNNVL_ENABLE=1
    with multi-node nvlink | mnnvl on
NCCL_MNNVL_ENABLE=0
    without multi-node nvlink | mnnvl off
*NCCL_PXN_DISABLE=1
    without pxn | pxn disabled
NCCL_RUNTIME_CONNECT=0
    connecting everything at init | runtime connect off
NCCL_TESTS_SPLIT=%2
    with the tests split by %2 | nccl tests split %2
NCCL_TESTS_SPLIT_MASK=0x7
    with split mask 0x7 | tests split mask 0x7
OMP_NUM_THREADS={small}
    with {small} openmp threads
LD_LIBRARY_PATH={libdir}
    with libraries from {libdir} | ld library path {libdir}
LD_PRELOAD=/opt/nccl/lib/libnccl.so
    preloading /opt/nccl/lib/libnccl.so
"""
CUDA = """
CUDA_DEVICE_ORDER=PCI_BUS_ID
    with gpus in pci order | device order by pci bus id
CUDA_DEVICE_ORDER=FASTEST_FIRST
    with the fastest gpus first
"""
ROCM = """
*HSA_FORCE_FINE_GRAIN_PCIE=1
    with fine grain pcie forced | forcing fine-grained pcie
*RCCL_MSCCL_ENABLE=1
    with msccl | msccl on
RCCL_MSCCL_ENABLE=0
    without msccl | msccl off
*RCCL_MSCCLPP_ENABLE=1
    with mscclpp | msccl++ on
RCCL_MSCCLPP_ENABLE=1 RCCL_MSCCLPP_THRESHOLD={bytes}
    with mscclpp up to {bytes} bytes | msccl++ on with threshold {bytes}
RCCL_ENABLE_HIPGRAPH=1
    with rccl hip graph support
*HSA_NO_SCRATCH_RECLAIM=1
    without scratch reclaim | no scratch reclaim
NCCL_ENABLE_DMABUF_SUPPORT=1
    with dmabuf support
RCCL_FORCE_ENABLE_DMABUF=1
    with dmabuf forced on
"""
