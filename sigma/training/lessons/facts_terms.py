"""What things of a GPU cluster are, in a sentence or three: questions, an answer, and follow-ups that make sense after it.

Written by hand. A line of questions, joined by |; indented below it the answer; lines with > are follow-ups with their answers.
Figures of hardware are those of the makers' data sheets.
"""

from __future__ import annotations

TERMS = """
nvidia-smi
    nvidia-smi is NVIDIA's command-line tool for its GPUs. It shows state such as temperature, power, clocks, memory and processes, and it changes settings such as the power limit or MIG mode.
> how do I refresh it every second
    Run `nvidia-smi -l 1`: it prints the table again every second until you press Ctrl+C.
> can it write csv
    Yes: `nvidia-smi --query-gpu=index,temperature.gpu --format=csv` prints the fields that you name as CSV.
dmon | nvidia-smi dmon
    nvidia-smi dmon is the device monitor: it prints one line of figures per GPU and second, and keeps going. `-s` chooses the groups of columns and `-d` the seconds between samples.
> and for processes
    That is `nvidia-smi pmon`: it prints a line for every process on a GPU.
pmon | nvidia-smi pmon
    nvidia-smi pmon is the process monitor: it prints a line for every process on a GPU with its use of the multiprocessors, the memory and the video engines. `-c 1` stops after one sample.
nvcc
    nvcc is the compiler driver of the CUDA toolkit. It splits a .cu file into device code, which becomes PTX and machine code for the GPU, and host code, which it gives to a C++ compiler.
> how do I see its version
    Run `nvcc --version`.
> how do I compile for an H100
    Add `-arch=sm_90`, for example `nvcc -arch=sm_90 kernel.cu -o kernel`.
rocm-smi
    rocm-smi is AMD's older command-line tool for its GPUs under ROCm. It shows temperature, power, clocks, memory and topology, and it sets things such as the performance level and the power cap.
> what replaces it
    amd-smi is its successor; it has sub-commands such as static, metric, monitor, process and set.
amd-smi
    amd-smi is AMD's command-line tool for its GPUs and the successor of rocm-smi. It is made of sub-commands: list, static, firmware, bad-pages, metric, process, event, topology, set, reset, monitor and xgmi.
> what is the difference between static and metric
    `amd-smi static` shows what never changes, such as the board and the VBIOS; `amd-smi metric` shows current readings such as temperature and power.
amd-smi static
    amd-smi static shows what does not change while the machine runs: ASIC, bus, VBIOS, driver, VRAM type, board, limits and partition.
amd-smi metric
    amd-smi metric shows current readings: usage, power, clocks, temperatures, memory, ECC counts and more. With `-w` it repeats them.
amd-smi monitor
    amd-smi monitor prints a table with one row per GPU and a column for each figure that you choose, and with `-w` it keeps printing.
amd-smi bad-pages
    amd-smi bad-pages lists pages of the GPU's memory that are retired, wait to be retired or could not be reserved.
amd-smi process
    amd-smi process lists the processes that use the GPUs, with their memory and engine use.
amd-smi xgmi
    amd-smi xgmi shows the XGMI links: their status, their speed and how much data went over them.
amd-smi topology
    amd-smi topology shows how the GPUs are connected: access, weights, hops, link types and bandwidths.
nccl
    NCCL is NVIDIA's library for communication between GPUs. It has collectives such as all-reduce, all-gather and broadcast, and it picks rings, trees and protocols by itself for NVLink, PCIe and the network.
> what is AMD's version
    RCCL: it has the same functions for AMD GPUs and runs on ROCm.
> how do I see what it does
    Set `NCCL_DEBUG=INFO` in the environment; NCCL then prints its version, the network, the rings and the channels.
rccl
    RCCL is AMD's library for communication between GPUs. It has the same interface as NCCL and works over XGMI, PCIe and the network.
nccl-tests | nccl tests
    nccl-tests is a set of small programs, one for each collective, that measure how fast NCCL is and check its results. all_reduce_perf is the best known.
> how do I run all-reduce on 8 gpus
    Run `all_reduce_perf -b 8 -e 8G -f 2 -g 8`: it doubles the size from 8 bytes to 8 GB on 8 GPUs.
rccl-tests | rccl tests
    rccl-tests is the same set of benchmarks as nccl-tests for AMD GPUs and RCCL. Its programs have the same names, such as all_reduce_perf.
superbench | sb
    SuperBench is a tool by Microsoft that validates AI hardware. Its command `sb` deploys a container to the machines, runs benchmarks on them, and finds defective machines in the results.
> how do I list the benchmarks
    Run `sb benchmark list`.
> how are bad machines found
    `sb result diagnosis` compares every machine's results with rules and a baseline and reports those that break a rule.
kql | kusto | kusto query language
    KQL is the Kusto Query Language of Azure Data Explorer. A query starts with a table and passes its rows through operators joined by pipes, such as where, summarize and order by.
> how do I filter rows
    Use `where`, for example `T | where Temperature > 80`.
all-reduce | allreduce
    All-reduce combines the values of all ranks, for example by a sum, and gives every rank the whole result. Data-parallel training uses it to add up gradients.
> what is its bus bandwidth factor
    Bus bandwidth is algorithm bandwidth times 2(n-1)/n for n ranks.
all-gather | allgather
    All-gather gives every rank the pieces of all ranks: with n ranks, everyone starts with one piece and ends with n of them.
> and the opposite
    That is reduce-scatter: it combines the ranks' data and leaves every rank with one piece of the result.
> what is its bus bandwidth factor
    Bus bandwidth is algorithm bandwidth times (n-1)/n for n ranks.
reduce-scatter | reducescatter
    Reduce-scatter combines the data of all ranks, for example by a sum, and leaves every rank with its own piece of the result. An all-reduce is a reduce-scatter followed by an all-gather.
broadcast
    Broadcast sends the data of one rank, the root, to all other ranks.
all-to-all | alltoall
    In an all-to-all every rank sends a different piece to every other rank. Mixture-of-experts models use it to send tokens to their experts.
send/recv | sendrecv
    Send and receive move data from one rank to another; pipeline parallelism uses them. In nccl-tests, sendrecv_perf has every rank send to the next one.
reduce (the collective)
    Reduce combines the data of all ranks, for example by a sum, and leaves the result on one rank, the root.
gather and scatter
    Gather brings the pieces of all ranks to one root; scatter does the opposite and hands out the root's pieces, one to each rank.
bus bandwidth | busbw
    Bus bandwidth is what nccl-tests call the speed of the links: algorithm bandwidth times a factor that depends on the collective. It can be compared with the hardware's peak whatever the number of GPUs.
> and algorithm bandwidth
    Algorithm bandwidth is the size of the data divided by the time.
algorithm bandwidth | algbw
    Algorithm bandwidth is the size of the data divided by the time that the collective took.
nvlink
    NVLink is NVIDIA's fast link between GPUs. An H100 has 18 links, together 900 GB/s in both directions; an A100 has 12 links and 600 GB/s.
> how do I check its status
    Run `nvidia-smi nvlink -s`: it lists every link with its speed, or says that it is inactive.
> are there errors
    Run `nvidia-smi nvlink -e`: it shows replay, recovery and CRC errors of every link.
nvswitch
    An NVSwitch is a switch chip for NVLink. In an 8-GPU server it lets every GPU talk to every other at full NVLink speed.
xgmi | infinity fabric
    XGMI is AMD's link between GPUs, also known as Infinity Fabric. An MI300X has 7 of these links, one to each of the 7 other GPUs of a server.
> how do I look for errors on it
    Run `rocm-smi --showxgmierr`, or `amd-smi metric --xgmi-err`.
pcie
    PCIe is the bus that connects GPUs, network cards and disks to the CPU. A PCIe 5.0 x16 slot moves about 64 GB/s in each direction, PCIe 4.0 about half of that.
mig | multi-instance gpu
    MIG cuts one GPU into up to seven isolated slices, each with its own memory and multiprocessors. It works on the A100, the H100 and their successors.
> how do I turn it on
    Run `nvidia-smi -i 0 -mig 1` for GPU 0.
> how do I create a slice
    Run `nvidia-smi mig -cgi 1g.10gb -C`: it creates a GPU instance and its compute instance.
> how do I list the slices
    Run `nvidia-smi mig -lgi`.
gpu instance
    A GPU instance is a MIG slice of a GPU with its own share of memory and multiprocessors. Compute instances are created inside it.
compute instance
    A compute instance is the part of a MIG GPU instance that runs programs. A GPU instance may hold one or several of them, which share its memory.
ecc | ecc memory
    ECC adds check bits to memory, so that single-bit errors are corrected and double-bit errors are detected. GPUs of data centers have it on.
> how do I see the errors
    Run `nvidia-smi -q -d ECC` on NVIDIA, or `rocm-smi --showrasinfo all` on AMD.
> how do I turn it off
    Run `nvidia-smi -e 0` and reset the GPU or reboot.
volatile and aggregate ecc errors | volatile ecc errors
    Volatile ECC counts start anew when the driver is loaded or the machine boots; aggregate counts cover the whole life of the GPU.
corrected and uncorrected errors | correctable and uncorrectable ecc errors
    A corrected error was a single wrong bit that ECC repaired; an uncorrected one could only be detected, and the data is lost.
page retirement | retired pages
    Page retirement takes memory pages with ECC errors out of use. GPUs from the A100 on remap rows instead.
row remapping | row remapper
    Row remapping replaces a bad row of the GPU's memory by a spare one. It takes effect at the next reset of the GPU.
persistence mode
    Persistence mode keeps the NVIDIA driver loaded while no program uses the GPU, so the next program starts faster and settings stay. `nvidia-smi -pm 1` turns it on.
> and off again
    `nvidia-smi -pm 0` turns it off.
compute mode
    The compute mode says how many processes may use a GPU: DEFAULT any number, EXCLUSIVE_PROCESS one, PROHIBITED none.
accounting mode
    In accounting mode the driver keeps figures of every compute process, such as its highest memory use and its time. `nvidia-smi -am 1` turns it on.
application clocks
    Application clocks are the memory and graphics clocks that a GPU uses while programs run. `nvidia-smi -ac MEMORY,GRAPHICS` sets them.
power cap | power limit
    The power limit is the highest power that a GPU may draw; near it the GPU lowers its clocks. `nvidia-smi -pl 300` sets it to 300 W, `rocm-smi --setpoweroverdrive 300` does so on AMD.
throttling | throttle reasons
    Throttling means that a GPU lowers its clocks, because of heat, the power limit or a setting. `nvidia-smi -q -d PERFORMANCE` shows the reasons.
pstate | performance state | p0
    The performance state of an NVIDIA GPU goes from P0, the fastest, to P12, the slowest.
compute capability
    The compute capability is the version of a GPU's features: 8.0 is the A100, 9.0 the H100, 10.0 the B200. nvcc writes it as sm_80, sm_90 and sm_100.
ptx
    PTX is the assembly language of NVIDIA's virtual GPU. nvcc makes it from CUDA code, and the driver can compile it for GPUs that came later.
> how do I get it
    Run `nvcc -ptx kernel.cu`; it writes kernel.ptx.
> and the machine code
    That is SASS. `nvcc -cubin -arch=sm_90 kernel.cu` makes a cubin that holds it.
cubin
    A cubin is a file with machine code for one GPU architecture. nvcc makes it from PTX with ptxas.
fat binary | fatbin
    A fat binary holds code for several GPU architectures, as machine code or as PTX; the driver picks the part that fits the GPU.
ptxas
    ptxas is the assembler that turns PTX into machine code for a real GPU. nvcc calls it, and `-Xptxas -v` makes it print register use.
register spilling | register spill
    Registers spill when a kernel needs more of them than it may use; the values then go to local memory, which is slower. `nvcc -Xptxas -v` shows the spills.
sm | streaming multiprocessor
    An SM, a streaming multiprocessor, is the unit of an NVIDIA GPU that runs threads. An H100 SXM has 132 of them, an A100 has 108.
warp
    A warp is a group of 32 threads that an NVIDIA GPU runs together. AMD calls it a wavefront; on the MI300X it has 64 threads.
hbm
    HBM is memory that is stacked beside the GPU on one package; it has a very wide bus. An H100 SXM has 80 GB of HBM3, an MI300X has 192 GB.
vram
    VRAM is the memory of a GPU. `nvidia-smi --query-gpu=memory.used,memory.total --format=csv` shows it on NVIDIA, `rocm-smi --showmeminfo vram` on AMD.
gtt
    GTT is main memory that an AMD GPU can reach. `rocm-smi --showmeminfo gtt` shows how much is in use.
ras
    RAS stands for reliability, availability and serviceability: the parts of a GPU that detect, count and contain errors. On AMD, `rocm-smi --showrasinfo all` shows it.
vbios
    The VBIOS is the firmware that a GPU starts from.
uuid of a gpu | gpu uuid
    The UUID names a GPU for good, wherever it is plugged in. `nvidia-smi -L` shows it.
overdrive
    Overdrive is AMD's word for running a GPU beyond its normal clocks or power. rocm-smi shows it with --showoverdrive.
sclk and mclk | sclk | mclk
    sclk is the clock of an AMD GPU's cores and mclk the clock of its memory.
performance level | perf level
    The performance level of an AMD GPU says how it picks its clocks: auto by load, low and high fixed, manual by your own settings. `rocm-smi --setperflevel` sets it.
performance determinism
    Performance determinism limits an AMD GPU's clock so that runs take nearly the same time. `rocm-smi --setperfdeterminism 1900` sets the limit to 1900 MHz.
compute partition | spx, dpx, qpx and cpx
    A compute partition splits one AMD GPU into several logical ones. SPX is the whole GPU; on an MI300X, CPX makes eight of it.
memory partition | nps1 and nps4
    The memory partition of an AMD GPU says into how many NUMA domains its memory is split: NPS1 is one, NPS4 is four.
numa
    NUMA means that memory is nearer to some CPU cores than to others. A process should run on cores of the NUMA node that its GPU hangs on.
> how do I see the node of a gpu
    Run `nvidia-smi topo -m`; the last columns give the CPU cores and the NUMA node.
gpudirect rdma
    GPUDirect RDMA lets a network card read and write GPU memory directly, without a copy in main memory. `NCCL_NET_GDR_LEVEL` says how far apart the two may be.
infiniband
    InfiniBand is a network for clusters with high bandwidth, low delay and RDMA. NCCL uses it through cards such as mlx5_0.
roce
    RoCE is RDMA over Ethernet. NCCL uses it like InfiniBand, and NCCL_IB_GID_INDEX chooses the right address.
rdma
    RDMA lets a network card read or write the memory of another machine without its CPU taking part.
sharp
    SHARP lets the switches of the network do the reduction of a collective, so less data travels. NVLink SHARP, or NVLS, does the same in NVSwitches.
nvls | nvlink sharp
    NVLS is NVLink SHARP: NVSwitches reduce and multicast data themselves, which speeds up all-reduce. `NCCL_NVLS_ENABLE=0` turns it off.
ring algorithm | ring and tree in nccl
    In the ring algorithm every GPU passes data on to its neighbour; it uses the full bandwidth, and its delay grows with the number of GPUs. The tree algorithm has less delay on many nodes.
ll128 | nccl protocols | ll, ll128 and simple
    LL, LL128 and Simple are NCCL's protocols. LL has the least delay and little bandwidth, LL128 has little delay and nearly full bandwidth over NVLink, Simple has the full bandwidth for large messages.
nccl channel | channels in nccl
    A channel is a part of a collective that runs on its own with a thread block of its own. More channels move more data at once and take more multiprocessors.
mpirun
    mpirun is the launcher of MPI: it starts a program as several processes, its ranks, on one or more machines. `-np` is their number, `--hostfile` the machines, and Open MPI's `-x` exports a variable.
> how do I start 8 on each node
    With Open MPI, add `-N 8`.
rank
    A rank is one of the processes of a parallel job, or its number. With one GPU per process, ranks and GPUs are the same in number.
srun
    srun is Slurm's launcher: it starts a job's tasks on the nodes that Slurm gives it. `-N` is the number of nodes and `--ntasks-per-node` the tasks on each.
sm utilization | gpu utilization
    The GPU utilization of nvidia-smi is the share of time in which at least one kernel ran. It says nothing about how many multiprocessors the kernel used.
memory utilization
    The memory utilization of nvidia-smi is the share of time in which device memory was read or written. It is not how full the memory is.
cuda
    CUDA is NVIDIA's platform for programs on GPUs: an extension of C++, a compiler, a runtime and libraries.
rocm
    ROCm is AMD's platform for programs on GPUs: the driver, the HIP language, compilers and libraries such as RCCL.
hip
    HIP is AMD's C++ interface for GPU programs. It looks much like CUDA and runs on AMD GPUs, and on NVIDIA's through CUDA.
cublas
    cuBLAS is NVIDIA's library for linear algebra, such as matrix products. Link it with `-lcublas`.
driver version and cuda version | why does nvidia-smi show another cuda version than nvcc
    nvidia-smi shows the highest CUDA version that the driver supports; nvcc shows the version of the toolkit that is installed. They may differ.
latency and bandwidth
    Latency is how long the first byte takes, in microseconds; bandwidth is how many bytes follow per second, in GB/s. Small messages are bound by latency, large ones by bandwidth.
alpha-beta model
    The alpha-beta model says that sending s bytes takes alpha + s * beta: alpha is the link's delay and beta the time per byte.
tensor parallelism
    Tensor parallelism splits the matrices of each layer over several GPUs, which exchange results in every layer. It needs fast links such as NVLink.
data parallelism
    Data parallelism gives every GPU a copy of the model and a part of the batch; gradients are added up with an all-reduce.
pipeline parallelism
    Pipeline parallelism puts different layers on different GPUs; activations go from one to the next with send and receive.
"""
