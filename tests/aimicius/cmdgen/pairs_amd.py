"""The AMD half of the pairs of commands that were compared by hand; how to read it is said in pairs.py."""

TABLE = """
# AMD rocm-smi: argparse spellings, sets, what --showtopo stands for
rocm-smi -u
= rocm-smi --showuse
rocm-smi -t -P
= rocm-smi --showpower --showtemp
rocm-smi -tP
= rocm-smi -t -P
rocm-smi --showtemp
! rocm-smi --showtempgraph
rocm-smi -d 0 1 -t
= rocm-smi -t --device 1 0
rocm-smi -d 0 -t
! rocm-smi -d 1 -t
rocm-smi -d 0 -t
! rocm-smi -t
rocm-smi -t --json
! rocm-smi -t
rocm-smi -t --json
! rocm-smi -t --csv
rocm-smi -d 0 1 2 3 4 5 6 7 -t
= rocm-smi -t
rocm-smi --showmeminfo vram gtt
= rocm-smi --showmeminfo gtt vram
rocm-smi --showmeminfo vram
! rocm-smi --showmeminfo gtt
rocm-smi --showmeminfo vram
! rocm-smi --showmemuse
rocm-smi --showtopo
= rocm-smi --showtopoweight --showtopohops --showtopotype --showtoponuma
rocm-smi --showtopo
! rocm-smi --showtopotype
rocm-smi -d 2 --setpoweroverdrive 500
= rocm-smi --setpoweroverdrive 500 -d 2
rocm-smi -d 2 --setpoweroverdrive 500
! rocm-smi -d 2 --setpoweroverdrive 600
rocm-smi -d 2 --setperflevel high
= rocm-smi --setperflevel=high -d 2
rocm-smi --setperflevel high
! rocm-smi --setperflevel low
rocm-smi --setsrange 500 1500
! rocm-smi --setsrange 500 1600
rocm-smi --setsrange 500 1500
! rocm-smi --setmrange 500 1500
rocm-smi -r
= rocm-smi --resetclocks
rocm-smi --setcomputepartition SPX
= rocm-smi --setcomputepartition spx
rocm-smi --showpendingpages
! rocm-smi --showretiredpages

# AMD amd-smi: clusters, abbreviations, all GPUs by default
amd-smi monitor -ptu
= amd-smi monitor -p -t -u
amd-smi monitor -ptu
= amd-smi monitor --power-usage --temperature --gfx
amd-smi monitor -p -g 0 1
= amd-smi monitor -g 1 0 --power-usage
amd-smi monitor -p -g all
= amd-smi monitor -p
amd-smi monitor -p -g 0
! amd-smi monitor -p
amd-smi monitor -p
! amd-smi metric -p
amd-smi monitor -p -w 2 -i 5
= amd-smi monitor --watch 2 --iterations 5 -p
amd-smi monitor -p -w 2 -i 5
! amd-smi monitor -p -w 5 -i 2
amd-smi metric -g 0 --temperature
= amd-smi metric -t --gpu 0
amd-smi metric --temp -g 0
= amd-smi metric -t -g 0
amd-smi metric -t -g 0
! amd-smi metric -u -g 0
amd-smi metric -t --json
! amd-smi metric -t --csv
amd-smi static -a
! amd-smi static -b
amd-smi topology -t
= amd-smi topology --link-type
amd-smi topology -t
! amd-smi topology -o
amd-smi topology
= amd-smi topology -a -w -o -t -b -c -n -d -z
amd-smi topology -c
= amd-smi topology --coherent
amd-smi topology
! amd-smi topology -z
amd-smi metric --throttle
= amd-smi metric --violation
amd-smi metric -T
= amd-smi metric -v
amd-smi monitor -V
= amd-smi monitor --violation
amd-smi static -P
= amd-smi static --soc-pstate
amd-smi partition -c -g 0
= amd-smi partition --gpu=0 --current
amd-smi partition
= amd-smi partition -c -m -a
amd-smi partition -c
! amd-smi partition -m
amd-smi partition --accelerator
! amd-smi static --partition
amd-smi node -p
= amd-smi node --power-management
amd-smi node
= amd-smi node -p -b -G -T
amd-smi node -p
! amd-smi node -b
amd-smi ras --cper --severity fatal all --folder /tmp/x
= amd-smi ras --folder=/tmp/x --cper --severity all fatal
amd-smi ras --cper --severity fatal
! amd-smi ras --cper
amd-smi set -g 0 -C CPX
= amd-smi set -g 0 --compute-partition 3
amd-smi set -g 0 -C CPX
! amd-smi set -g 0 -C 2
amd-smi set -g 0 -c sclk 0 1
= amd-smi set -g 0 --clk-level sclk 0 1
amd-smi set -g 0 -p 1
= amd-smi set -g 0 --soc-pstate 1
amd-smi reset -r
= amd-smi reset --reload-driver
amd-smi reset -r -g 0
! amd-smi reset -G -g 0
amd-smi metric -G
= amd-smi metric --gpuboard
amd-smi metric -b
! amd-smi metric -G
amd-smi list -e
! amd-smi list
rocm-smi --showmemorypartition
= rocm-smi --shownpsmode
rocm-smi --setpoweroverdrive 500 --autorespond y
= rocm-smi --autorespond=yes --setpoweroverdrive 500
rocm-smi --setpoweroverdrive 500
! rocm-smi --setpoweroverdrive 500 --autorespond n
rocm-smi -t --autorespond y
= rocm-smi -t
export NCCL_DEBUG=INFO; all_reduce_perf -g 8
= NCCL_DEBUG=INFO all_reduce_perf -g 8
NCCL_DEBUG=INFO; export NCCL_DEBUG; all_reduce_perf -g 8
= NCCL_DEBUG=INFO all_reduce_perf -g 8
NCCL_DEBUG=INFO; all_reduce_perf -g 8
= all_reduce_perf -g 8
NCCL_DEBUG=INFO && all_reduce_perf -g 8
! NCCL_DEBUG=INFO all_reduce_perf -g 8
export NCCL_DEBUG=WARN; NCCL_DEBUG=INFO; all_reduce_perf -g 8
= NCCL_DEBUG=INFO all_reduce_perf -g 8
time rocm-smi -t
= rocm-smi -t
sudo -u root nice -n 10 amd-smi list
= amd-smi list
amd-smi static -V
= amd-smi static --ifwi
all_reduce_perf -x out.csv
= all_reduce_perf -X out.csv
all_reduce_perf -y 1
= all_reduce_perf --stream_null 1
all_reduce_perf -y fine
= all_reduce_perf -Y fine
sb result generate-baseline -d a.jsonl --summary-rule-file s.yaml --diagnosis-rule-file d.yaml
= sb result generate-baseline -dr d.yaml -sr s.yaml -d a.jsonl
sb result generate-baseline -d a.jsonl -sr s.yaml
! sb result generate-baseline -d a.jsonl -sr s.yaml --debug
amd-smi set -g 0 -o 500
= amd-smi set --power-cap 500 --gpu 0
amd-smi set -g 0 -o 500
! amd-smi set -g 0 -o 600
amd-smi set -g 0 -l HIGH
= amd-smi set -g 0 --perf-level high
amd-smi reset -g 0 -G
! amd-smi reset -g 0 -c
amd-smi process -p 12
= amd-smi process --pid 12
amd-smi process -p 12
! amd-smi process -p 13
amd-smi event -g 0
! amd-smi event -g 1

# AMD rccl-tests: like nccl-tests, with options of their own
all_reduce_perf -b 8 -e 128M -f 2 -g 8
= all_reduce_perf --minbytes=8 -e 134217728 -f2 -g 8
all_reduce_perf -g 8 -y fine
! all_reduce_perf -g 8
all_reduce_perf -g 8 -y coarse
= all_reduce_perf -g 8
all_reduce_perf -g 8 -Z csv -x out.csv
= all_reduce_perf -g 8 --output_file out.csv --output_format csv
all_reduce_perf -g 8 -Z csv -x out.csv
! all_reduce_perf -g 8 -Z json -x out.csv
HSA_NO_SCRATCH_RECLAIM=1 all_reduce_perf -g 8
! all_reduce_perf -g 8

# AMD SuperBench's sb: short and long names, defaults
sb run -f local.ini -c config.yaml
= sb run --config-file config.yaml --host-file local.ini
sb run -f local.ini -c config.yaml
= sb run -f ./local.ini -c config.yaml
sb run -f local.ini -c config.yaml
! sb run -f other.ini -c config.yaml
sb run -f local.ini -c config.yaml
! sb exec -c config.yaml
sb run -f local.ini -c config.yaml
! sb deploy -f local.ini
sb run -f local.ini -c config.yaml --no-docker
! sb run -f local.ini -c config.yaml
sb run -l a,b -c config.yaml
= sb run --host-list b,a -c config.yaml
sb run -l a,b -c config.yaml -C superbench.enable=kernel-launch
= sb run -l a,b -c config.yaml --config-override superbench.enable=kernel-launch
sb deploy -f local.ini
= sb deploy -f local.ini -i superbench/superbench
sb deploy -f local.ini -i superbench/superbench:v0.11.0-rocm6.2
! sb deploy -f local.ini
sb benchmark list
! sb benchmark list-parameters
sb benchmark list -n '[a-z]+-bw'
= sb benchmark list --name [a-z]+-bw
sb result summary -d r.jsonl -r rule.yaml
= sb result summary --rule-file rule.yaml --data-file r.jsonl --output-file-format md
sb result summary -d r.jsonl -r rule.yaml
! sb result summary -d r.jsonl -r rule.yaml --output-file-format html
sb result diagnosis -d r.jsonl -r rule.yaml -b base.json
= sb result diagnosis -b base.json -r rule.yaml -d r.jsonl --decimal-place-value 2
sb result diagnosis -d r.jsonl -r rule.yaml -b base.json
! sb result diagnosis -d r.jsonl -r rule.yaml -b base.json --output-all
sb node info
! sb version
"""
