"""Options of the tools in a sentence: `FLAGS = what it does; what else is worth knowing`.

The first half answers "which option ...", both answer "what does ... do". Flags are those of the task's own option tables.
"""

from __future__ import annotations

OPTIONS = {
    "nvidia-smi": """
-L --list-gpus = lists the GPUs of the machine, one line each; every line has the index, the name and the UUID
-i --id = limits the command to certain GPUs; it takes an index, a UUID or a PCI bus id, or several of them with commas
-q --query = prints the full report of every GPU; with -d it shrinks to single sections
-d --display = limits the full report of -q to sections such as TEMPERATURE, POWER, CLOCK, ECC or MEMORY; several sections are joined by commas
-x --xml-format = prints the report of -q as XML; it is meant for programs that read the report
-f --filename = writes the output to a file instead of the terminal
-l --loop = repeats the output every so many seconds until Ctrl+C; without a number it takes five seconds
-lms --loop-ms = repeats the output every so many milliseconds until Ctrl+C
-pm --persistence-mode = turns persistence mode on (1) or off (0); with it on, the driver stays loaded while no program uses the GPU
-e --ecc-config = turns ECC memory protection on (1) or off (0); the change needs a reset of the GPU or a reboot
-p --reset-ecc-errors = sets the ECC error counters back to zero; with 0 the volatile ones, with 1 the aggregate ones
-c --compute-mode = sets the compute mode of a GPU; DEFAULT lets many processes share it, EXCLUSIVE_PROCESS only one, PROHIBITED none
-r --gpu-reset = resets a GPU that hangs; no process may be using it at that moment
-pl --power-limit = sets the highest power that a GPU may draw, in watts; the value must lie within the limits that nvidia-smi -q -d POWER shows
-lgc --lock-gpu-clocks = locks the GPU clock to one value or to a range in MHz; the option -rgc undoes it
-rgc --reset-gpu-clocks = releases GPU clocks that were locked with -lgc
-lmc --lock-memory-clocks = locks the memory clock to one value or a range in MHz; the option -rmc undoes it
-rmc --reset-memory-clocks = releases memory clocks that were locked with -lmc
-ac --applications-clocks = sets the application clocks as memory,graphics in MHz; the option -rac sets them back
-rac --reset-applications-clocks = sets the application clocks back to their default
-am --accounting-mode = turns accounting on (1) or off (0); with it on, the driver keeps figures of every compute process
-caa --clear-accounted-apps = clears the list of accounted processes
-mig --multi-instance-gpu = turns MIG mode on (1) or off (0); on an A100 the change needs a GPU reset
-gtt --gpu-target-temp = sets the temperature that the GPU aims for, in degrees Celsius
-B --list-excluded-gpus = lists the GPUs that the driver leaves out
--query-gpu = prints chosen properties of every GPU as a table; it needs --format=csv
--query-compute-apps = prints the compute processes on the GPUs as a table; fields are pid, process_name, used_memory and more, and it needs --format=csv
--query-supported-clocks = lists the pairs of memory and graphics clocks that a GPU can run at
--query-accounted-apps = prints figures of finished processes; accounting mode must have been on while they ran
--query-retired-pages = lists memory pages that were retired because of ECC errors
--query-remapped-rows = shows how many memory rows were replaced by spare ones; A100 and later GPUs do that instead of retiring pages
--format = chooses the form of a query's table; it must contain csv, and noheader drops the first line and nounits drops MHz, W and MiB
--help-query-gpu = lists every field that --query-gpu takes, each with a description
""",
    "nvidia-smi dmon": """
-s --select = chooses the groups of columns; the letter p stands for power and temperature, u for utilization, c for clocks, v for violations, m for memory, e for ECC errors and t for PCIe traffic
-d --delay = sets the seconds between two samples; it takes 1 to 10 and is 1 unless it is given
-c --count = stops after so many samples; without it the output goes on until Ctrl+C
-o --options = puts a date (D) or a time (T) in front of every line
-f --filename = writes the samples to a file
""",
    "nvidia-smi pmon": """
-s --select = chooses the columns; the letter u stands for utilization and m for memory, so um shows both
-c --count = stops after so many samples; with -c 1 it is a single snapshot
-d --delay = sets the seconds between two samples; it takes 1 to 10
""",
    "nvidia-smi topo": """
-m --matrix = prints the matrix of connections between GPUs and network cards; it also names the CPU cores and the NUMA node near each GPU
-mp --matrix_pci = prints the connection matrix with PCI paths only; NVLinks are left out
-p2p --p2pstatus = shows which pairs of GPUs can reach each other directly; the letter r stands for reads, w for writes, n for NVLink and a for atomics
-n --nearest_gpus = lists the GPUs that are nearest to a GPU at a given level of the topology
-c --cpu = lists the GPUs that are near a given CPU
""",
    "nvidia-smi nvlink": """
-s --status = shows for every NVLink whether it is up, with its speed in GB/s
-c --capabilities = shows what every NVLink can do, such as peer access, atomics and SLI
-e --errorcounters = shows the error counters of every NVLink; they count replays, recoveries and CRC errors
-re --reseterrorcounters = sets the error counters of the NVLinks back to zero
-gt --getthroughput = shows how much data went over every NVLink in KiB; with d it counts payload, with r raw bytes including the protocol's own
-p --pcibusid = shows the PCI bus id of the device at the other end of every link
-l --link = limits the command to one link
""",
    "nvidia-smi mig": """
-lgip --list-gpu-instance-profiles = lists the slices that a GPU can be cut into; every profile comes with its id and how many are still free
-lgi --list-gpu-instances = lists the GPU instances that exist
-cgi --create-gpu-instance = creates GPU instances from profiles, given by id or by name such as 1g.10gb; with -C each gets its compute instance at once
-C --default-compute-instance = also creates the default compute instance in every new GPU instance; it goes with -cgi
-dgi --destroy-gpu-instance = destroys GPU instances; all of them, or those named by -gi
-cci --create-compute-instance = creates a compute instance inside a GPU instance
-dci --destroy-compute-instance = destroys compute instances; this comes before -dgi
-lci --list-compute-instances = lists the compute instances that exist
""",
    "nvcc": """
-arch --gpu-architecture = names the GPU architecture to compile for; for Hopper it is sm_90, for the A100 sm_80, and native takes the GPU of the machine
-gencode --generate-code = adds one pair of virtual architecture and real code; it may be repeated to build for several GPUs at once
-code --gpu-code = names the real GPUs that code is made for; it goes with -arch=compute_XX
-c --compile = compiles to an object file and does not link
-dc --device-c = compiles to an object with relocatable device code; it is short for -rdc=true -c
-dlink --device-link = links the device code of several objects; the result goes into the host linker
-rdc --relocatable-device-code = makes relocatable device code when true; kernels can then call device functions of other files
-ptx --ptx = stops at PTX, the assembly of the virtual architecture
-cubin --cubin = compiles to a cubin, the binary for one real GPU
-fatbin --fatbin = compiles to a fat binary, which holds code for several architectures
-E --preprocess = runs only the preprocessor
-lib --lib = puts the objects into a static library
-shared --shared = builds a shared library; the host compiler also needs -Xcompiler -fPIC
-run --run = compiles the program and runs it at once
-o --output-file = names the output file
-g --debug = adds debug information to the host code
-G --device-debug = adds debug information to the device code; it turns most device optimizations off
-lineinfo --generate-line-info = keeps source line numbers in device code; profilers use them and optimization stays on
-O --optimize = sets the optimization level of the host code
-use_fast_math --use_fast_math = uses faster and less exact math; it implies -ftz=true, -prec-div=false, -prec-sqrt=false and -fmad=true
-maxrregcount --maxrregcount = limits the registers that a thread may use; a low limit can cause spills to local memory
-Xptxas --ptxas-options = passes options to ptxas, the PTX assembler; for example -Xptxas -v prints the registers and the shared memory of every kernel
-Xcompiler --compiler-options = passes options to the host compiler; for example -Xcompiler -fopenmp
-Xlinker --linker-options = passes options to the host linker
-ccbin --compiler-bindir = chooses the host compiler
-std --std = chooses the C++ standard; for example c++17
-I --include-path = adds a folder where headers are looked for
-L --library-path = adds a folder where libraries are looked for
-l --library = links a library; for example -lcublas links cuBLAS
-D --define-macro = defines a macro
-U --undefine-macro = undefines a macro
-t --threads = compiles for several architectures in so many threads at once
-keep --keep = keeps the intermediate files
-v --verbose = prints the commands that nvcc runs
-dryrun --dryrun = prints the commands that nvcc would run and runs none of them
-w --disable-warnings = turns all warnings off
-ftz --ftz = flushes single-precision denormals to zero when true
-fmad --fmad = joins multiplications and additions into fused ones when true; that is the default
-prec-div --prec-div = chooses exact single-precision division when true and a faster approximation when false
-default-stream --default-stream = chooses the default stream; per-thread gives every host thread a stream of its own
-extended-lambda --extended-lambda = allows __device__ and __host__ __device__ lambdas
-expt-relaxed-constexpr --expt-relaxed-constexpr = lets device code call constexpr functions of the host
-dlto --dlink-time-opt = optimizes the device code at link time
-res-usage --resource-usage = prints the resources that every kernel uses, such as registers and shared memory
-cudart --cudart = chooses how the CUDA runtime is linked; it takes none, shared or static, and static is the default
-V --version = prints the version of the compiler and of the CUDA toolkit
-arch-ls --list-gpu-arch = lists the virtual architectures that the compiler knows
-code-ls --list-gpu-code = lists the real GPU architectures that the compiler knows
""",
    "nccl-tests": """
-b --minbytes = sets the smallest message size of a sweep; suffixes K, M and G count in powers of 1024
-e --maxbytes = sets the largest message size of a sweep
-f --stepfactor = multiplies the size by this factor from one step to the next; with -f 2 it doubles
-i --stepbytes = adds a fixed number of bytes from one step to the next
-g --ngpus = sets the number of GPUs of every thread; without MPI and threads that is the number of all GPUs
-t --nthreads = sets the number of threads of every process
-n --iters = sets the number of timed iterations; it is 20 unless it is given
-w --warmup_iters = sets the number of iterations that are not timed
-c --check = checks the results for correctness; with -c 0 there is no check
-o --op = chooses the reduction: sum, prod, min, max, avg or all
-d --datatype = chooses the data type, such as float, half, bfloat16 or int8
-r --root = chooses the root rank of broadcast, reduce, gather and scatter
-m --agg_iters = puts several operations into one group in every iteration
-z --blocking = makes the CPU wait after every collective
-p --parallel_init = initializes NCCL from several threads at once
-G --cudagraph = captures the operations in a CUDA graph and plays it so many times
-a --average = chooses whose time is reported; with 0 that of rank 0, with 1 the mean, with 2 the smallest and with 3 the largest
-T --timeout = gives up on a test after so many seconds
""",
    "rocm-smi": """
-d --device = limits the command to certain devices; several are separated by blanks
--showtemp -t = shows the temperatures, on an MI300X of the junction and the memory
--showpower -P = shows how much power the GPU draws
--showuse -u = shows how busy the GPU is, in percent
--showmemuse = shows how much of the memory is in use, in percent
--showmeminfo = shows the total and the used memory in bytes; it takes vram, vis_vram, gtt or all
--showclocks -c = shows the current clocks of all domains
--showfan -f = shows the speed of the fans
--showvoltage = shows the current voltage
--showpids = lists the processes that use the GPUs; with details it says more
--showpidgpus = shows which GPUs a process uses
--showperflevel -p = shows the performance level
--showmaxpower -M = shows the power cap
--showproductname = shows the card's model, series and vendor
--showserial = shows the serial number of the card
--showuniqueid = shows the unique id of the GPU
--showvbios -v = shows the version of the VBIOS
--showbus = shows the PCI bus id
--showdriverversion = shows the version of the kernel driver
--showfwinfo = shows the versions of the firmware blocks; names such as smc or vcn limit it to these
--showrasinfo = shows RAS state and error counts of the blocks, such as umc, gfx or sdma
--showretiredpages = shows memory pages that were retired
--showpendingpages = shows memory pages that wait to be retired
--showtopo = shows the topology: weights, hops, link types and NUMA nodes
--showtopohops = shows the number of hops between the GPUs
--showtopotype = shows whether GPUs are linked by XGMI or by PCIe
--shownodesbw = shows the bandwidth between the nodes of the topology
--showxgmierr = shows whether there were errors on the XGMI links
--showbw -b = shows the estimated PCIe bandwidth
--showenergycounter = shows the energy that the GPU has used
--showcomputepartition = shows the compute partition, such as SPX or CPX
--showmemorypartition = shows the memory partition, such as NPS1 or NPS4
--showallinfo -a = shows all that rocm-smi can show
--setperflevel = sets the performance level: auto, low, high or manual
--setsclk = sets the level of the GPU clock; the performance level becomes manual
--setmclk = sets the level of the memory clock
--setfan = sets the speed of the fan, as a level or in percent
--resetfans = gives the fans back to the driver
--resetclocks = sets clocks and overdrive back to their defaults
--setpoweroverdrive = sets the power cap in watts
--resetpoweroverdrive = sets the power cap back to its default
--setoverdrive = raises the GPU clock by a percentage
--setprofile = sets the power profile
--resetprofile = sets the power profile back to its default
--setperfdeterminism = sets a highest clock so that performance varies less from run to run; the option --resetperfdeterminism undoes it
--setcomputepartition = sets the compute partition: SPX, DPX, TPX, QPX or CPX
--setmemorypartition = sets the memory partition: NPS1, NPS2, NPS4 or NPS8
--gpureset = resets a GPU
--json = prints the output as JSON
--csv = prints the output as CSV
--autorespond = answers the warning prompt by itself, for example with y
""",
    "amd-smi metric": """
--usage -u = shows how busy the engines of the GPU are
--power -p = shows the power that the GPU draws
--clock -c = shows the clocks
--temperature -t = shows the temperatures
--mem-usage -m = shows total, used and free memory
--ecc -e = shows how many ECC errors there were in all
--ecc-blocks -k = shows the ECC errors of every block
--pcie -P = shows speed, width and replays of the PCIe link
--throttle --violation = shows whether the GPU is or was throttled
--watch -w = repeats the output every so many seconds
--watch_time -W = stops watching after so many seconds
--iterations -i = stops after so many repetitions; it goes with --watch
""",
    "amd-smi set": """
--power-cap -o = sets the power cap in watts
--perf-level -l = sets the performance level, such as AUTO, LOW, HIGH or MANUAL
--compute-partition -C = sets the compute partition: SPX, DPX, TPX, QPX or CPX
--memory-partition -M = sets the memory partition: NPS1, NPS2, NPS4 or NPS8
--perf-determinism -d = sets a highest clock so that performance varies less
--process-isolation -R = turns isolation between processes on (1) or off (0)
--clk-limit -L = limits a clock; it takes the clock's name, min or max, and the value in MHz
--fan -f = sets the speed of the fan
""",
    "amd-smi reset": """
--gpureset -G = resets the GPU
--clocks -c = sets clocks and overdrive back to their defaults
--power-cap -o = sets the power cap back to its default
--compute-partition -C = sets the compute partition back to that of the boot
--memory-partition -M = sets the memory partition back to that of the boot
""",
    "amd-smi monitor": """
--power-usage -p = adds a column for the power
--temperature -t = adds a column for the temperatures
--gfx -u = adds a column for the graphics engine's utilization
--mem -m = adds a column for the memory's utilization
--vram-usage -v = adds columns for used and total VRAM
--ecc -e = adds columns for ECC errors and PCIe replays
""",
    "sb deploy": """
--host-file -f = names the host file, an Ansible inventory of the machines
--host-list -l = names the machines in the command itself, separated by commas
--docker-image -i = chooses the container image that is deployed
--no-image-pull = uses the image that the machines have already and pulls none
--host-username = sets the user name for the login on the machines
--private-key = names the private key for the login on the machines
""",
    "sb run": """
--config-file -c = names the configuration, a YAML file that says which benchmarks run and how
--config-override -C = overrides single values of the configuration; for example superbench.enable=gemm-flops runs this benchmark alone
--no-docker = runs the benchmarks on the machines themselves, without a container
--get-info = also collects system information of the machines
--output-dir = names the folder for the results
""",
    "sb result diagnosis": """
--data-file -d = names the results, a JSON-lines file
--rule-file -r = names the rules by which a machine counts as defective
--baseline-file -b = names the baseline that results are compared with
--output-file-format = chooses the form of the report: excel, json, jsonl, md or html
--output-all = writes all machines and not only the defective ones
--decimal-place-value = sets the number of decimal places in the report
""",
}
