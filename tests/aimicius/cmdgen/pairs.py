"""Pairs of commands that were compared by hand: `=` they do the same, `!` they do not. The node's vendor heads each block.

A pair is two lines; the second begins with the sign. What decides is said in the block's title.
It has over 300 lines: a table.
"""

from tests.aimicius.cmdgen import pairs_amd

TABLE = """
# NVIDIA nvidia-smi: order, spelling, one meaning of a value
nvidia-smi -i 0 -q
= nvidia-smi -q -i 0
nvidia-smi -i 0 -q
= nvidia-smi --query --id=0
nvidia-smi -i 0 -q
= nvidia-smi -q --id 0
nvidia-smi -i 0,1 -q
= nvidia-smi -q -i 1,0
nvidia-smi -i 0 -q
! nvidia-smi -i 1 -q
nvidia-smi -i 0 -q
! nvidia-smi -q
nvidia-smi -L
= nvidia-smi --list-gpus
nvidia-smi -L
! nvidia-smi
nvidia-smi -L
! nvidia-smi -B
nvidia-smi -q -d MEMORY
= nvidia-smi -q --display=MEMORY
nvidia-smi -q -d MEMORY,POWER
= nvidia-smi -q -d POWER,MEMORY
nvidia-smi -q -d MEMORY
= nvidia-smi -q -d memory
nvidia-smi -q -d MEMORY
! nvidia-smi -q -d POWER
nvidia-smi -q -d MEMORY
! nvidia-smi -q -d MEMORY,POWER
nvidia-smi -q -x -f /tmp/a.xml
= nvidia-smi --query --xml-format --filename=/tmp/a.xml
nvidia-smi -q -x -f /tmp/a.xml
! nvidia-smi -q -f /tmp/a.xml
nvidia-smi -q -f /tmp/a.txt
! nvidia-smi -q -f /tmp/b.txt
nvidia-smi -q -f /tmp/a.txt
! nvidia-smi -q
nvidia-smi -l 5
= nvidia-smi --loop=5
nvidia-smi -l
= nvidia-smi -l 5
nvidia-smi -l 2
= nvidia-smi -lms 2000
nvidia-smi -l 2
! nvidia-smi -lms 200
nvidia-smi -l 5
! nvidia-smi -l 10
nvidia-smi -l 5
! nvidia-smi
nvidia-smi -pm 1
= nvidia-smi --persistence-mode=1
nvidia-smi -pm 1
= nvidia-smi -pm ENABLED
nvidia-smi -pm 1
! nvidia-smi -pm 0
nvidia-smi -pm 1
= sudo nvidia-smi -pm 1
nvidia-smi -pl 300
= nvidia-smi --power-limit=300
nvidia-smi -pl 300
= nvidia-smi -pl 300.0
nvidia-smi -pl 300
= nvidia-smi -i 0,1,2,3,4,5,6,7 -pl 300
nvidia-smi -pl 300
! nvidia-smi -pl 250
nvidia-smi -i 2 -pl 300
! nvidia-smi -pl 300
nvidia-smi -i 2 -lgc 1200,1500
= nvidia-smi --lock-gpu-clocks=1200,1500 --id=2
nvidia-smi -lgc 1200
= nvidia-smi -lgc 1200,1200
nvidia-smi -lgc 1200,1500
! nvidia-smi -lmc 1200,1500
nvidia-smi -lgc 1200,1500
! nvidia-smi -lgc 1200,1600
nvidia-smi -rgc
= nvidia-smi --reset-gpu-clocks
nvidia-smi -rgc
! nvidia-smi -rmc
nvidia-smi -ac 2619,1980
= nvidia-smi --applications-clocks=2619,1980
nvidia-smi -ac 2619,1980
! nvidia-smi -ac 2619,1410
nvidia-smi -c 3
= nvidia-smi -c EXCLUSIVE_PROCESS
nvidia-smi -c 0
= nvidia-smi --compute-mode=DEFAULT
nvidia-smi -c 2
! nvidia-smi -c 3
nvidia-smi -i 3 -e 0
= nvidia-smi --ecc-config=DISABLED --id=3
nvidia-smi -i 3 -e 0
! nvidia-smi -i 3 -p 0
nvidia-smi -i 4 -mig 1
= nvidia-smi -i 4 --multi-instance-gpu=1
nvidia-smi -i 4 -mig 1
! nvidia-smi -i 4 -mig 0

# NVIDIA nvidia-smi queries: other names of a field, order of fields, formats
nvidia-smi --query-gpu=name --format=csv
= nvidia-smi --query-gpu=gpu_name --format=csv
nvidia-smi --query-gpu=clocks.sm --format=csv
= nvidia-smi --query-gpu=clocks.current.sm --format=csv
nvidia-smi --query-gpu=name,memory.used --format=csv
! nvidia-smi --format=csv --query-gpu=memory.used,name
nvidia-smi --query-gpu=name,memory.used --format=csv
= nvidia-smi --format=csv --query-gpu=gpu_name,memory.used
nvidia-smi --query-gpu=name --format=csv,noheader,nounits
= nvidia-smi --query-gpu=name --format=csv,nounits,noheader
nvidia-smi --query-gpu=memory.used --format=csv,noheader
= nvidia-smi --query-gpu memory.used --format csv,noheader
nvidia-smi --query-gpu=name,memory.used --format=csv
! nvidia-smi --query-gpu=name,memory.free --format=csv
nvidia-smi --query-gpu=name,memory.used --format=csv
! nvidia-smi --query-gpu=name --format=csv
nvidia-smi --query-gpu=memory.used --format=csv
! nvidia-smi --query-gpu=memory.used --format=csv,noheader
nvidia-smi --query-gpu=memory.used --format=csv
! nvidia-smi --query-gpu=memory.used --format=csv,nounits
nvidia-smi --query-gpu=temperature.gpu --format=csv -i 1
! nvidia-smi -q -d TEMPERATURE -i 1
nvidia-smi --query-gpu=power.draw --format=csv -l 1
! nvidia-smi --query-gpu=power.draw --format=csv
nvidia-smi --query-compute-apps=pid,used_memory --format=csv
= nvidia-smi --query-compute-apps=pid,used_gpu_memory --format=csv
nvidia-smi --query-compute-apps=pid --format=csv
! nvidia-smi --query-gpu=index --format=csv
nvidia-smi --query-supported-clocks=mem,gr --format=csv
= nvidia-smi --query-supported-clocks=memory,graphics --format=csv

nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader -i 0
! nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader -i 3
nvidia-smi --query-gpu=power.limit --format=csv,noheader
! nvidia-smi --query-gpu=power.default_limit --format=csv,noheader
nvidia-smi --query-compute-apps=pid --format=csv,noheader -i 0
! nvidia-smi --query-compute-apps=pid --format=csv,noheader -i 3
nvidia-smi --query-compute-apps=pid --format=csv
! nvidia-smi --query-accounted-apps=pid --format=csv

# NVIDIA dmon and pmon: defaults, sets of letters
nvidia-smi dmon
= nvidia-smi dmon -d 1
nvidia-smi dmon
= nvidia-smi dmon -s puc
nvidia-smi dmon -s pu
= nvidia-smi dmon --select up
nvidia-smi dmon -s pu -c 5
! nvidia-smi dmon -s pm -c 5
nvidia-smi dmon -c 5
! nvidia-smi dmon -c 6
nvidia-smi dmon -d 2 -c 5
! nvidia-smi dmon -d 3 -c 5
nvidia-smi dmon -o DT
= nvidia-smi dmon -o TD
nvidia-smi dmon -o D
! nvidia-smi dmon -o T
nvidia-smi dmon -i 0,1
= nvidia-smi dmon -i 1,0
nvidia-smi dmon
! nvidia-smi pmon
nvidia-smi pmon -i 0 -d 4 -c 10 --filename /tmp/nvidia-log.txt
= nvidia-smi pmon -c 10 -d 4 -f /tmp/nvidia-log.txt --id=0
nvidia-smi pmon -i 0 -d 4 -c 10 --filename /tmp/nvidia-log.txt
= nvidia-smi pmon -i 0 -d 4 -c 10 --filename \\/tmp\\/nvidia-log.txt
nvidia-smi pmon -i 0 -d 4 -c 10 --filename /tmp/nvidia-log.txt
= nvidia-smi pmon -i 0 -d 4 -c 10 --filename \\tmp\\nvidia-log.txt
nvidia-smi pmon -i 0 -d 4 -c 10 --filename /tmp/nvidia-log.txt
! nvidia-smi pmon -i 0 -d 4 -c 10
nvidia-smi pmon -i 0 -d 4 -c 10
! nvidia-smi pmon -i 0 -d 10 -c 4
nvidia-smi pmon -s um
= nvidia-smi pmon -s mu
nvidia-smi pmon
= nvidia-smi pmon -s u -d 1

# NVIDIA topo, nvlink, mig
nvidia-smi topo -m
= nvidia-smi topo --matrix
nvidia-smi topo -m
! nvidia-smi topo -mp
nvidia-smi topo -p2p r
= nvidia-smi topo --p2pstatus r
nvidia-smi topo -p2p r
! nvidia-smi topo -p2p w
nvidia-smi nvlink -s -i 0
= nvidia-smi nvlink --status --id=0
nvidia-smi nvlink -s -i 0
! nvidia-smi nvlink -c -i 0
nvidia-smi nvlink -p -i 0
! nvidia-smi nvlink -R -i 0
nvidia-smi nvlink -gt d
! nvidia-smi nvlink -gt r
nvidia-smi mig -lgip
= nvidia-smi mig --list-gpu-instance-profiles
nvidia-smi mig -lgip
! nvidia-smi mig -lgi
nvidia-smi mig -i 0 -cgi 9 -C
= nvidia-smi mig -C -cgi 9 -i 0
nvidia-smi mig -i 0 -cgi 9 -C
! nvidia-smi mig -i 0 -cgi 9
nvidia-smi mig -i 0 -cgi 9
! nvidia-smi mig -i 0 -cgi 19

# NVIDIA nccl-tests: sizes, glued and long options, abbreviations, defaults, what a factor makes idle
all_reduce_perf -b 8 -e 128M -f 2 -g 8
= ./build/all_reduce_perf -g 8 -f 2 -e 128M -b 8
all_reduce_perf -b 8 -e 128M -f 2 -g 8
= all_reduce_perf --minbytes 8 --maxbytes=134217728 --stepfactor 2 --ngpus 8
all_reduce_perf -b 8 -e 128M -f 2 -g 8
= all_reduce_perf -b8 -e128M -f2 -g8
all_reduce_perf -b 8 -e 128M -f 2 -g 8
= all_reduce_perf --min 8 --max 128M --stepf 2 --ng 8
all_reduce_perf -b 8 -e 128M -f 2 -g 8
= all_reduce_perf -b 8 -e 128M -f 2 -g 8 -n 20 -c 1 -t 1 -o sum -d float
all_reduce_perf -b 1G -e 1G -g 8
= all_reduce_perf -b 1024M -e 1G -g 8 -f 2
all_reduce_perf -g 8
= all_reduce_perf -b 32M -e 32M -g 8
all_reduce_perf -b 8 -e 128M -f 2 -g 8
! all_reduce_perf -b 8 -e 256M -f 2 -g 8
all_reduce_perf -b 8 -e 128M -f 2 -g 8
! all_reduce_perf -b 8K -e 128M -f 2 -g 8
all_reduce_perf -b 8 -e 128M -f 2 -g 8
! all_gather_perf -b 8 -e 128M -f 2 -g 8
all_reduce_perf -b 8 -e 128M -f 2 -g 8
! all_reduce_perf -b 8 -e 128M -f 2 -t 8
all_reduce_perf -b 8 -e 128M -f 2 -g 8
! all_reduce_perf -b 8 -e 128M -i 2 -g 8
all_reduce_perf -g 8 -w 5
! all_reduce_perf -g 8 -w 10
all_reduce_perf -g 8 -c 0
! all_reduce_perf -g 8 -c 1
all_reduce_perf -g 8 -d half
! all_reduce_perf -g 8 -d bfloat16
all_reduce_perf -g 8 -z 1
! all_reduce_perf -g 8
all_reduce_perf -n 100 -g 8 -n 50
= all_reduce_perf -n 50 -g 8

# NVIDIA NCCL's environment: prefix, env, mpirun's -x, case, defaults
NCCL_DEBUG=INFO all_reduce_perf -g 8
= NCCL_DEBUG=info all_reduce_perf -g 8
NCCL_DEBUG=INFO all_reduce_perf -g 8
= env NCCL_DEBUG=INFO all_reduce_perf -g 8
NCCL_DEBUG=INFO NCCL_ALGO=Ring all_reduce_perf -g 8
= NCCL_ALGO=ring NCCL_DEBUG=INFO all_reduce_perf -g 8
NCCL_DEBUG=INFO all_reduce_perf -g 8
! NCCL_DEBUG=WARN all_reduce_perf -g 8
NCCL_DEBUG=INFO all_reduce_perf -g 8
! all_reduce_perf -g 8
NCCL_ALGO=Ring all_reduce_perf -g 8
! NCCL_ALGO=Tree all_reduce_perf -g 8
NCCL_IB_DISABLE=0 all_reduce_perf -g 8
= all_reduce_perf -g 8
NCCL_IB_DISABLE=1 all_reduce_perf -g 8
! all_reduce_perf -g 8
NCCL_P2P_LEVEL=NVL all_reduce_perf -g 8
! NCCL_P2P_LEVEL=SYS all_reduce_perf -g 8
NCCL_SOCKET_IFNAME=eth0 all_reduce_perf -g 8
! NCCL_SOCKET_IFNAME=ib0 all_reduce_perf -g 8
mpirun -np 8 all_reduce_perf -g 1
= mpirun -n 8 all_reduce_perf
mpirun -np 8 -x NCCL_DEBUG=INFO all_reduce_perf
= NCCL_DEBUG=INFO mpirun -np 8 all_reduce_perf
mpirun -np 8 -x NCCL_DEBUG=INFO -x NCCL_ALGO=Ring all_reduce_perf
= mpirun -x NCCL_ALGO=Ring -x NCCL_DEBUG=INFO -np 8 all_reduce_perf
NCCL_DEBUG=INFO mpirun -np 8 -x NCCL_DEBUG all_reduce_perf
= mpirun -np 8 -x NCCL_DEBUG=INFO all_reduce_perf
mpirun -np 16 --hostfile h -x NCCL_DEBUG=INFO all_reduce_perf
! NCCL_DEBUG=INFO mpirun -np 16 --hostfile h all_reduce_perf
mpirun -np 8 all_reduce_perf
! mpirun -np 4 all_reduce_perf
mpirun -np 8 all_reduce_perf
! all_reduce_perf -g 8
mpirun -np 8 --bind-to numa all_reduce_perf
! mpirun -np 8 all_reduce_perf
mpirun -np 16 -N 8 --hostfile h all_reduce_perf
= mpirun --np 16 -npernode 8 -hostfile h all_reduce_perf

# NVIDIA nvcc: spellings of an option, what several options expand to, order of sources
nvcc k.cu -o k
= nvcc -o k k.cu
nvcc k.cu -o k
= nvcc --output-file=k k.cu
nvcc k.cu
= nvcc k.cu -o a.out
nvcc k.cu -o k
! nvcc k.cu -o kk
nvcc k.cu -o k
! nvcc k.cu
nvcc -arch=sm_90 k.cu
= nvcc -arch sm_90 k.cu
nvcc -arch=sm_90 k.cu
= nvcc --gpu-architecture=sm_90 k.cu
nvcc -arch=sm_90 k.cu
= nvcc -gencode arch=compute_90,code=[sm_90,compute_90] k.cu
nvcc -arch=sm_90 k.cu
= nvcc -arch=compute_90 -code=sm_90,compute_90 k.cu
nvcc -arch=sm_90 k.cu
= nvcc -gencode=arch=compute_90,code=sm_90 -gencode arch=compute_90,code=compute_90 k.cu
nvcc -arch=sm_90 k.cu
! nvcc -gencode arch=compute_90,code=sm_90 k.cu
nvcc -arch=sm_90 k.cu
! nvcc -arch=sm_80 k.cu
nvcc -arch=sm_90 k.cu
! nvcc k.cu
nvcc -O3 k.cu
= nvcc -O 3 k.cu
nvcc -O3 k.cu
= nvcc --optimize=3 k.cu
nvcc -O3 k.cu
! nvcc -O2 k.cu
nvcc -Iinc k.cu
= nvcc -I inc k.cu
nvcc -Iinc k.cu
= nvcc --include-path=inc k.cu
nvcc -Ia -Ib k.cu
= nvcc -I a,b k.cu
nvcc -Ia -Ib k.cu
! nvcc -Ib -Ia k.cu
nvcc k.cu -lcublas
= nvcc k.cu -l cublas
nvcc k.cu -lcublas
! nvcc k.cu -lcufft
nvcc -DA=1 -DB k.cu
= nvcc -D B -D A=1 k.cu
nvcc -Xptxas -v k.cu
= nvcc --ptxas-options=-v k.cu
nvcc -Xptxas -v k.cu
= nvcc --resource-usage k.cu
nvcc -Xptxas -v k.cu
! nvcc -v k.cu
nvcc -dc k.cu
= nvcc -rdc=true -c k.cu
nvcc -dc k.cu
! nvcc -c k.cu
nvcc -c k.cu
= nvcc -c k.cu -o k.o
nvcc -c k.cu
! nvcc k.cu
nvcc -rdc=false k.cu
= nvcc k.cu
nvcc -g -G k.cu
= nvcc -G -g k.cu
nvcc -G k.cu
! nvcc -g k.cu
nvcc -std=c++17 k.cu
= nvcc --std c++17 k.cu
nvcc -std=c++17 k.cu
! nvcc -std=c++20 k.cu
nvcc a.cu b.cu -o x
= nvcc b.cu a.cu -o x
nvcc -ptx k.cu
= nvcc --ptx k.cu
nvcc -ptx k.cu
! nvcc -cubin k.cu
nvcc -use_fast_math k.cu
= nvcc --use_fast_math k.cu
nvcc -maxrregcount=64 k.cu
= nvcc --maxrregcount 64 k.cu
nvcc -maxrregcount=64 k.cu
! nvcc -maxrregcount=32 k.cu
nvcc --version
= nvcc -V
nvcc --list-gpu-arch
! nvcc --list-gpu-code

# NVIDIA one thing in several spellings
nvidia-smi -acp 1
= nvidia-smi -acp RESTRICTED
nvidia-smi -acp 1
! nvidia-smi -acp UNRESTRICTED
nvidia-smi mig -cgi 9 -C
= nvidia-smi mig -cgi 3g.40gb -C
nvidia-smi mig -cgi 9,19
= nvidia-smi mig -cgi "MIG 3g.40gb,MIG 1g.10gb"
nvidia-smi mig -cgi 9
! nvidia-smi mig -cgi 4g.40gb
nvidia-smi -q
! nvidia-smi -q -u
nvidia-smi -q
! nvidia-smi -q -m 0
NCCL_DEBUG=INFO all_reduce_perf -g 8
= NCCL_DEBUG='INFO' all_reduce_perf -g 8
NCCL_DEBUG=INFO all_reduce_perf -g 8
= env "NCCL_DEBUG=INFO" all_reduce_perf -g 8
NCCL_DEBUG=INFO all_reduce_perf -g 8
= export NCCL_DEBUG=INFO; all_reduce_perf -g 8
NCCL_DEBUG=INFO all_reduce_perf -g 8
= export NCCL_DEBUG="INFO" && cd nccl-tests/build && ./all_reduce_perf -g 8
NCCL_DEBUG=INFO all_reduce_perf -g 8
! cd nccl-tests/build && ./all_reduce_perf -g 8
all_reduce_perf -g 8
= ~/nccl-tests/build/all_reduce_perf -g 8
all_reduce_perf -g 8
= "${HOME}/nccl-tests/build/all_reduce_perf" -g 8 ;
nvidia-smi -q -f /root/a.txt
= nvidia-smi -q -f $HOME/a.txt
nvidia-smi -q -f a.txt
! cd /tmp && nvidia-smi -q -f a.txt
nvidia-smi -q -f /tmp/a.txt
= cd /tmp && nvidia-smi -q -f a.txt
mpirun -np 8 all_reduce_perf -b 8 -e 1M
= mpirun -np 8 all_reduce_perf_mpi -b 8 -e 1M
mpirun -np 8 all_reduce_perf -b 8 -e 1M
= srun -n 8 --mpi=pmix all_reduce_perf -b 8 -e 1M
mpirun -np 8 all_reduce_perf -b 8 -e 1M
! srun -n4 all_reduce_perf -b 8 -e 1M
mpirun -np 16 -N 8 all_reduce_perf -b 8 -e 1M
= mpirun -np 16 --map-by ppr:8:node all_reduce_perf -b 8 -e 1M
mpirun -np 16 -N 8 all_reduce_perf -b 8 -e 1M
! mpirun -np 16 --map-by ppr:4:node all_reduce_perf -b 8 -e 1M
mpirun -np 8 --mca btl tcp,self all_reduce_perf -b 8 -e 1M
= mpirun -np 8 --mca btl self,tcp all_reduce_perf -b 8 -e 1M
mpirun -np 8 --mca btl ^openib,smcuda all_reduce_perf -b 8 -e 1M
! mpirun -np 8 --mca btl smcuda,openib all_reduce_perf -b 8 -e 1M
mpirun -np 8 -x NCCL_DEBUG=INFO all_reduce_perf -b 8 -e 1M
= mpirun.mpich -np 8 -env NCCL_DEBUG INFO all_reduce_perf -b 8 -e 1M
NCCL_IB_HCA=mlx5_0,mlx5_1 all_reduce_perf -g 8
= NCCL_IB_HCA=mlx5_1,mlx5_0 all_reduce_perf -g 8
CUDA_VISIBLE_DEVICES=0,1 all_reduce_perf -g 2
! CUDA_VISIBLE_DEVICES=1,0 all_reduce_perf -g 2
nvcc -ptx k.cu
= nvcc -ptx k.cu -o k.ptx
nvcc -cubin k.cu
= nvcc -cubin k.cu -o k.cubin
nvcc -fatbin k.cu
= nvcc -fatbin k.cu --output-file k.fatbin
nvcc -ptx k.cu
! nvcc -ptx k.cu -o j.ptx
nvcc -ptx k.cu -odir out
= nvcc -ptx k.cu -o out/k.ptx
nvcc -Xcompiler -Wall,-Wextra k.cu
= nvcc -Xcompiler "-Wall -Wextra" k.cu
nvcc -Xptxas -v,-O3 k.cu
= nvcc -Xptxas "-O3 -v" k.cu
nvcc -arch=sm_90 k.cu
= nvcc -gencode arch=compute_90,code=sm_90 -gencode arch=compute_90,code=compute_90 k.cu
nvcc -cubin -arch=sm_90 k.cu
= nvcc -cubin -gencode arch=compute_90,code=sm_90 k.cu
nvcc -ptx -arch=sm_90 k.cu
= nvcc -ptx -arch=compute_90 k.cu

"""


def rows():
    """(vendor, first, same, second) of every pair."""
    vendor, first = "", ""
    for line in filter(None, (TABLE + pairs_amd.TABLE).splitlines()):
        if line.startswith("# "):
            vendor = line.split()[1]
        elif line[:2] in ("= ", "! "):
            yield vendor, first, line[0] == "=", line[2:]
        else:
            first = line
