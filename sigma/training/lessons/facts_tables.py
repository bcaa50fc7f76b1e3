"""Facts that come in rows: environment variables, columns, link types, Xid errors, Kusto operators, hardware."""

from __future__ import annotations

VARIABLES = """
NCCL_DEBUG=INFO = makes NCCL print what it does: its version, the network that it found, rings, trees and channels
NCCL_DEBUG=WARN = makes NCCL print a message for every error that it meets
NCCL_DEBUG=TRACE = makes NCCL print a trace of every call, if it was built with tracing
NCCL_DEBUG_SUBSYS = limits NCCL's debug output to parts such as INIT, NET, GRAPH or COLL
NCCL_DEBUG_FILE = sends NCCL's debug output to a file
NCCL_ALGO = chooses the algorithms that NCCL may use, such as Ring, Tree or NVLS
NCCL_PROTO = chooses the protocols that NCCL may use: LL, LL128 or Simple
NCCL_SOCKET_IFNAME = names the network interface for NCCL's sockets, such as eth0
NCCL_IB_HCA = names the InfiniBand cards that NCCL uses, such as mlx5_0; ^ in front leaves them out
NCCL_IB_DISABLE=1 = keeps NCCL off InfiniBand and RoCE; it then uses TCP sockets
NCCL_IB_TIMEOUT = sets the timeout of InfiniBand; higher values help on large networks
NCCL_IB_GID_INDEX = chooses the GID, that is the address, which NCCL uses on RoCE
NCCL_IB_QPS_PER_CONNECTION = sets how many queue pairs a connection uses
NCCL_P2P_DISABLE=1 = turns direct access between GPUs off; data then goes through main memory
NCCL_P2P_LEVEL = says how far apart two GPUs may be for direct access: LOC, NVL, PIX, PXB, PHB or SYS
NCCL_SHM_DISABLE=1 = turns the shared-memory transport off
NCCL_NET_GDR_LEVEL = says how far apart a GPU and a network card may be for GPUDirect RDMA
NCCL_CROSS_NIC = says whether a ring or tree may use different network cards on different nodes
NCCL_MIN_NCHANNELS = sets the smallest number of channels
NCCL_MAX_NCHANNELS = sets the largest number of channels
NCCL_BUFFSIZE = sets the size of the buffer between two GPUs, 4 MiB by default
NCCL_NTHREADS = sets the number of threads of a block: 64, 128, 256 or 512
NCCL_TOPO_FILE = names an XML file with the topology that NCCL loads
NCCL_TOPO_DUMP_FILE = names an XML file to which NCCL writes the topology that it found
NCCL_GRAPH_DUMP_FILE = names a file to which NCCL writes the graphs that it chose
NCCL_NVLS_ENABLE=0 = turns NVLink SHARP off
NCCL_COLLNET_ENABLE=1 = turns on collectives in the network, such as SHARP
NCCL_PXN_DISABLE=1 = keeps NCCL from reaching a network card through another GPU over NVLink
NCCL_NET = chooses the network by name, such as IB or Socket
NCCL_LAUNCH_MODE = says how NCCL launches its kernels: PARALLEL or GROUP
CUDA_VISIBLE_DEVICES = lists the GPUs that a CUDA program may see; they are numbered anew from 0
CUDA_DEVICE_ORDER = says how CUDA numbers the GPUs; PCI_BUS_ID gives the order of nvidia-smi
HIP_VISIBLE_DEVICES = lists the GPUs that a HIP program may see
ROCR_VISIBLE_DEVICES = lists the GPUs that the ROCm runtime shows to a program
HSA_NO_SCRATCH_RECLAIM=1 = keeps the ROCm runtime from taking back scratch memory, which helps RCCL's speed
RCCL_MSCCL_ENABLE=1 = turns on MSCCL's algorithms in RCCL
RCCL_MSCCLPP_ENABLE=1 = turns on MSCCL++ in RCCL
OMP_NUM_THREADS = sets the number of OpenMP threads of a program
LD_LIBRARY_PATH = lists folders where the loader looks for shared libraries first
"""

# whose column: name = meaning
COLUMNS = {
    "nvidia-smi dmon": """
pwr = the power draw in watts
gtemp = the temperature of the GPU in degrees Celsius
mtemp = the temperature of the memory in degrees Celsius
sm = the utilization of the multiprocessors in percent
mem = the utilization of the memory in percent, not how full it is
enc = the utilization of the video encoder in percent
dec = the utilization of the video decoder in percent
jpg = the utilization of the JPEG engine in percent
ofa = the utilization of the optical flow engine in percent
mclk = the memory clock in MHz
pclk = the processor clock in MHz
pviol = the share of time in which the power limit held the clocks down, in percent
tviol = 1 while heat holds the clocks down, and else 0
fb = the framebuffer memory in use in MB
bar1 = the BAR1 memory in use in MB
sbecc = the aggregated single-bit ECC errors
dbecc = the aggregated double-bit ECC errors
pci = the PCIe replay errors
rxpci = the data that came in over PCIe in MB/s
txpci = the data that went out over PCIe in MB/s
""",
    "nvidia-smi pmon": """
pid = the process's id
type = the kind of process: C is compute, G is graphics, and C+G is both
sm = the process's share of the multiprocessors in percent
mem = the process's use of memory bandwidth in percent
fb = the process's framebuffer memory in MB
command = the name of the program
""",
    "nccl-tests": """
size = the size of the message in bytes
count = the number of elements
type = the data type
redop = the reduction, such as sum
root = the root rank, or -1 where there is none
time = the time of one operation in microseconds
algbw = the algorithm bandwidth in GB/s: size divided by time
busbw = the bus bandwidth in GB/s, which can be compared with the hardware's peak
#wrong = the number of wrong results, which should be 0
out-of-place = the run in which input and output are different buffers
in-place = the run in which input and output share a buffer
""",
}

LINKS = """
NV# = a bonded set of # NVLinks; NV18 is all 18 links of an H100
PIX = a connection over at most one PCIe switch
PXB = a connection over several PCIe switches, without the CPU's host bridge
PHB = a connection over a PCIe host bridge, which is usually the CPU
NODE = a connection over PCIe and the link between host bridges within one NUMA node
SYS = a connection over PCIe and the link between NUMA nodes, such as UPI
X = the device itself
"""

XIDS = """
13 = a graphics engine exception, mostly a fault of the program such as an array index out of range
31 = a GPU memory page fault, mostly a program that touches an illegal address
43 = that the GPU stopped processing because of an error in a program; the GPU itself is usually fine
45 = a preemptive cleanup after an earlier error, or an application that was stopped
48 = a double-bit ECC error, which cannot be corrected; the GPU needs a reset
61 = a breakpoint or warning of an internal microcontroller
62 = a halt of an internal microcontroller
63 = that a page was retired or a row remapping was recorded
64 = that retiring a page or recording a row remapping failed
74 = an NVLink error
79 = that the GPU has fallen off the bus: the driver cannot reach it over PCIe any more, mostly for a hardware, power or heat reason
92 = a high rate of single-bit ECC errors
94 = a contained uncorrectable ECC error: only the program that met it is affected
95 = an uncontained uncorrectable ECC error: the GPU must be reset
119 = a timeout of the GPU's system processor (GSP)
120 = an error of the GPU's system processor (GSP)
"""

OPERATORS = """
where = keeps the rows for which a condition holds ;; T | where Temperature > 80
project = chooses, renames and computes columns ;; T | project Node, Power
project-away = drops the named columns ;; T | project-away Serial
project-rename = gives columns new names ;; T | project-rename Watts = Power
project-reorder = changes the order of the columns ;; T | project-reorder Node, Time
extend = adds computed columns and keeps the others ;; T | extend Fahrenheit = Celsius * 1.8 + 32
summarize = groups rows and aggregates them ;; T | summarize avg(Power) by Node
count = returns the number of rows ;; T | count
distinct = returns the different values of the named columns ;; T | distinct Node
top = returns the first rows in the order of a column ;; T | top 5 by Power desc
take = returns some rows, in no fixed order ;; T | take 10
limit = is another name of take ;; T | limit 10
order by = sorts the rows; descending unless asc is said ;; T | order by Time asc
sort by = is another name of order by ;; T | sort by Power desc
join = joins the rows of two tables on equal columns ;; A | join kind=inner B on Node
lookup = adds columns of a small dimension table ;; Facts | lookup Nodes on Node
union = puts the rows of several tables together ;; union A, B
let = gives a name to a value, a table or a function ;; let limit_C = 80;
parse = takes columns out of a text by a pattern ;; T | parse Message with "Xid " Code:int *
mv-expand = makes a row of every element of an array ;; T | mv-expand Values
make-series = makes regular time series with one value per step ;; T | make-series avg(Power) on Time step 1h by Node
render = draws the result as a chart ;; T | summarize count() by bin(Time, 1h) | render timechart
sample = returns random rows ;; T | sample 10
serialize = fixes the order of rows, so that functions such as prev and next work ;; T | serialize
datatable = writes a small table into the query ;; datatable(Node:string)["n1", "n2"]
range = makes a table of one column with evenly spaced values ;; range n from 1 to 10 step 1
print = returns one row of computed values ;; print now()
getschema = returns the columns of a table with their types ;; T | getschema
search = looks for a text in all columns ;; T | search "timeout"
evaluate = calls a plugin, such as pivot ;; T | evaluate pivot(State)
"""
FUNCTIONS = """
ago() = gives the time that lies a span before now ;; T | where Time > ago(1h)
now() = gives the current time ;; print now()
bin() = rounds a value down to a multiple of a step ;; T | summarize count() by bin(Time, 5m)
count() = counts the rows of a group ;; T | summarize count() by Node
countif() = counts the rows of a group for which a condition holds ;; T | summarize countif(Errors > 0) by Node
dcount() = estimates the number of different values ;; T | summarize dcount(Node)
avg() = gives the mean of a group ;; T | summarize avg(Temperature) by Node
sum() = gives the sum of a group ;; T | summarize sum(Energy) by Node
max() = gives the largest value of a group ;; T | summarize max(Temperature) by Node
min() = gives the smallest value of a group ;; T | summarize min(Clock) by Node
percentile() = gives a percentile of a group ;; T | summarize percentile(Latency, 95) by Node
arg_max() = gives the row with the largest value in a column ;; T | summarize arg_max(Time, *) by Node
arg_min() = gives the row with the smallest value in a column ;; T | summarize arg_min(Time, *) by Node
stdev() = gives the standard deviation of a group ;; T | summarize stdev(Power) by Node
make_list() = puts the values of a group into an array ;; T | summarize make_list(Gpu) by Node
make_set() = puts the different values of a group into an array ;; T | summarize make_set(Xid) by Node
iff() = gives one of two values, by a condition ;; T | extend State = iff(Temperature > 80, "hot", "ok")
case() = gives the value of the first condition that holds ;; T | extend Band = case(P < 100, "low", P < 400, "mid", "high")
strcat() = joins texts ;; T | extend Id = strcat(Node, "/", Gpu)
tostring() = turns a value into text ;; T | extend Text = tostring(Code)
toint() = turns a value into a whole number ;; T | extend Number = toint(Text)
isnull() = says whether a value is missing ;; T | where isnull(Power)
isempty() = says whether a text is empty or missing ;; T | where isempty(Message)
extract() = takes a part of a text by a regular expression ;; T | extend Code = extract("Xid (\\\\d+)", 1, Message)
split() = cuts a text into an array at a separator ;; T | extend Parts = split(Node, "-")
round() = rounds a number to so many places ;; T | extend Watts = round(Power, 1)
datetime_diff() = gives the difference of two times in a unit ;; T | extend Hours = datetime_diff("hour", End, Start)
startofday() = gives the midnight before a time ;; T | summarize count() by startofday(Time)
prev() = gives the value of the row before, in ordered rows ;; T | order by Time asc | extend Step = Power - prev(Power)
row_number() = numbers ordered rows ;; T | order by Time asc | extend Nr = row_number()
"""
COMPARISONS = """
== = compares two values and minds upper and lower case
=~ = compares two texts and does not mind upper and lower case
!= = is true where two values differ
has = is true where a text holds a whole word, whatever its case
contains = is true where a text holds another anywhere, whatever its case
startswith = is true where a text starts with another, whatever its case
endswith = is true where a text ends with another, whatever its case
in = is true where a value is one of a list
!in = is true where a value is none of a list
between = is true where a value lies within a range, both ends included
matches regex = is true where a text fits a regular expression
has_any = is true where a text holds one of several words
"""

# GPU: question = answer
HARDWARE = """
how much memory does an A100 80GB have|A100 80GB memory type = An A100 80GB has 80 GB of HBM2e memory.
how much memory does an H100 SXM have|H100 memory size|how much vram does an H100 have = An H100 SXM has 80 GB of HBM3 memory.
how much memory does an H200 have|H200 memory = An H200 has 141 GB of HBM3e memory.
how much memory does an MI300X have|MI300X memory|MI300X vram = An MI300X has 192 GB of HBM3 memory.
how much memory does an MI250X have|MI250X memory = An MI250X has 128 GB of HBM2e memory.
memory bandwidth of an H100 SXM|how fast is the memory of an H100 = The memory of an H100 SXM moves 3.35 TB/s.
memory bandwidth of an A100 80GB|how fast is the memory of an A100 80GB = The memory of an A100 80GB SXM moves about 2 TB/s.
memory bandwidth of an H200|how fast is the memory of an H200 = The memory of an H200 moves 4.8 TB/s.
memory bandwidth of an MI300X|how fast is the memory of an MI300X = The memory of an MI300X moves 5.3 TB/s.
tdp of an H100 SXM|how much power does an H100 SXM draw at most|H100 power limit = An H100 SXM draws up to 700 W.
tdp of an A100 SXM|how much power does an A100 SXM draw at most|A100 power limit = An A100 SXM draws up to 400 W.
tdp of an MI300X|how much power does an MI300X draw at most|MI300X power limit = An MI300X draws up to 750 W.
how many nvlinks does an H100 have|NVLink bandwidth of an H100 = An H100 SXM has 18 NVLinks with 900 GB/s together, counting both directions.
how many nvlinks does an A100 have|NVLink bandwidth of an A100 = An A100 has 12 NVLinks with 600 GB/s together, counting both directions.
nvlink bandwidth of a V100|how many nvlinks does a V100 have = A V100 SXM has 6 NVLinks with 300 GB/s together, counting both directions.
how many xgmi links does an MI300X have|Infinity Fabric links of an MI300X = An MI300X has 7 XGMI links to the other GPUs of its server, 128 GB/s each, counting both directions.
how many multiprocessors does an H100 have|SM count of an H100 = An H100 SXM has 132 streaming multiprocessors.
how many multiprocessors does an A100 have|SM count of an A100 = An A100 has 108 streaming multiprocessors.
how many compute units does an MI300X have|CU count of an MI300X = An MI300X has 304 compute units.
compute capability of an H100|which sm is hopper|sm version of an H100 = The H100 has compute capability 9.0, which nvcc calls sm_90.
compute capability of an A100|which sm is an A100|sm version of an A100 = The A100 has compute capability 8.0, which nvcc calls sm_80.
compute capability of a V100|sm version of a V100 = The V100 has compute capability 7.0, which nvcc calls sm_70.
compute capability of a T4|sm version of turing = The T4 and other Turing GPUs have compute capability 7.5, which nvcc calls sm_75.
compute capability of an L40S|sm version of ada = The L40S and other Ada GPUs have compute capability 8.9, which nvcc calls sm_89.
compute capability of a B200|sm version of a B200 = The B200 has compute capability 10.0, which nvcc calls sm_100.
gfx version of an MI300X|what is gfx942 = gfx942 is the architecture name of the MI300X.
gfx version of an MI250X|what is gfx90a = gfx90a is the architecture name of the MI250X.
which architecture is the A100|is the A100 ampere = The A100 is an Ampere GPU.
which architecture is the H100|is the H100 hopper = The H100 is a Hopper GPU.
which architecture is the MI300X|is the MI300X CDNA = The MI300X is a CDNA 3 GPU.
how many slices can an A100 be cut into|how many MIG instances per GPU = MIG cuts an A100 or an H100 into at most seven slices.
what is the MIG profile 1g.10gb|meaning of 1g.10gb = 1g.10gb is a MIG slice with one of seven compute slices and about 10 GB of memory; its profile id is 19.
what is the MIG profile 3g.40gb|meaning of 3g.40gb = 3g.40gb is a MIG slice with three of seven compute slices and about 40 GB of memory; its profile id is 9.
what is the MIG profile 7g.80gb|meaning of 7g.80gb = 7g.80gb is a MIG slice that is the whole of an 80 GB GPU; its profile id is 0.
what is the MIG profile 2g.20gb|meaning of 2g.20gb = 2g.20gb is a MIG slice with two of seven compute slices and about 20 GB of memory; its profile id is 14.
how fast is PCIe 4.0 x16|bandwidth of PCIe 4.0 x16 = PCIe 4.0 with 16 lanes moves about 32 GB/s in each direction.
how fast is PCIe 5.0 x16|bandwidth of PCIe 5.0 x16 = PCIe 5.0 with 16 lanes moves about 64 GB/s in each direction.
how fast is PCIe 3.0 x16|bandwidth of PCIe 3.0 x16 = PCIe 3.0 with 16 lanes moves about 16 GB/s in each direction.
how fast is NDR InfiniBand|what does NDR mean = NDR InfiniBand moves 400 Gb/s per port, which is 50 GB/s in each direction.
how fast is HDR InfiniBand|what does HDR mean = HDR InfiniBand moves 200 Gb/s per port, which is 25 GB/s in each direction.
how many bytes are in a GiB|difference between GB and GiB = A GiB is 2^30 = 1,073,741,824 bytes; a GB is 10^9 bytes.
how many bytes are in a MiB|difference between MB and MiB = A MiB is 2^20 = 1,048,576 bytes; a MB is 10^6 bytes.
how many bits are in a byte|difference between Gb and GB = A byte has 8 bits, so 400 Gb/s are 50 GB/s.
how many bytes does an fp16 number take|size of fp16 = An fp16 number takes 2 bytes.
how many bytes does a bf16 number take|size of bf16 = A bf16 number takes 2 bytes; it has the range of fp32 and fewer digits.
how many bytes does an fp32 number take|size of fp32 = An fp32 number takes 4 bytes.
how many bytes does an fp64 number take|size of fp64 = An fp64 number takes 8 bytes.
how many bytes does an fp8 number take|size of fp8 = An fp8 number takes 1 byte.
what does -b 8 mean in nccl-tests, 8 what = In nccl-tests, -b 8 starts the sweep at 8 bytes.
what is 128M in nccl-tests|how many bytes is 128M = In nccl-tests 128M is 128 * 2^20 = 134,217,728 bytes.
what unit is the time of nccl-tests in|unit of nccl-tests time = nccl-tests gives times in microseconds.
what unit is the memory of nvidia-smi in|unit of memory in nvidia-smi = nvidia-smi gives memory in MiB.
what unit is the power of nvidia-smi in|unit of power in nvidia-smi = nvidia-smi gives power in watts.
what unit are the clocks of nvidia-smi in|unit of clocks in nvidia-smi = nvidia-smi gives clocks in MHz.
what unit is the temperature of nvidia-smi in|is the temperature of nvidia-smi in celsius = nvidia-smi gives temperatures in degrees Celsius.
what unit does rocm-smi give memory in|unit of showmeminfo = rocm-smi --showmeminfo gives memory in bytes.
at how many degrees does a GPU slow down|how hot may a GPU get = It depends on the model: `nvidia-smi -q -d TEMPERATURE` shows the slowdown and the shutdown temperature of yours.
what is the 2(n-1)/n factor|why is all-reduce bus bandwidth 2(n-1)/n = In an all-reduce over n ranks each rank must send and receive 2(n-1)/n times the data, so bus bandwidth is algorithm bandwidth times that factor.
bus bandwidth factor of all-gather|why (n-1)/n for all-gather = In an all-gather over n ranks every rank already has its own piece, so bus bandwidth is algorithm bandwidth times (n-1)/n.
bus bandwidth factor of broadcast|bus bandwidth of broadcast = For broadcast and reduce, bus bandwidth equals algorithm bandwidth.
"""
