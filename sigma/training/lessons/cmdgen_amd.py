"""amd-smi in people's words. A question names the tool where rocm-smi could answer it too; #free rows are amd-smi's alone.

It has over 300 lines because it is a table.
"""

from __future__ import annotations

TEXT = """
*amd-smi version {xfmt}
    version | tool, library and rocm version | amdsmi library version | rocm version | which version is installed
**amd-smi list {xfmt} {aat}
    list gpus | gpu list | gpus with bdf and uuid | uuids of the gpus | enumerate gpus | which gpus are there | bdf, uuid and kfd id | device list | gpu discovery
amd-smi -h #once
    help | list of sub-commands | general help
**amd-smi static {aat} {afmt}
    static info | all static information | everything static about the gpu | gpu details that never change | static gpu report
**amd-smi static {aat} {statics} {afmt}
    static {statics} | {statics} | static info: {statics} | {statics} (static) | show {statics} | static information on {statics}
*amd-smi static {aat} --asic {afmt}
    asic info | market name | chip details | product and vendor id | target graphics version | number of compute units
amd-smi static {aat} --bus {afmt}
    bus info | max pcie speed and width | pcie bus information | bdf
*amd-smi static {aat} --vbios {afmt}
    vbios | vbios version | bios name, build date and part number | ifwi version
*amd-smi static {aat} --driver {afmt}
    driver | driver name and version | amdgpu driver version | which driver
*amd-smi static {aat} --vram {afmt}
    vram type and size | vram vendor | memory type | how much vram is installed | vram bit width
amd-smi static {aat} --cache {afmt}
    cache info | cache sizes | l2 and infinity cache size
*amd-smi static {aat} --board {afmt}
    board info | serial number | model number and product serial | fru id
*amd-smi static {aat} --limit {afmt}
    limits | max power and temperature limits | power cap limits | slowdown and shutdown temperature
*amd-smi static {aat} --numa {afmt}
    numa node | numa affinity | cpu affinity
*amd-smi static {aat} --ras {afmt}
    ras capabilities | ras features | ecc block state | ras eeprom version
*amd-smi static {aat} --partition {afmt}
    partition | partition info | current compute and memory partition | accelerator partition
amd-smi static {aat} --process-isolation {afmt} #free
    process isolation | is process isolation on | process isolation status
amd-smi static {aat} --soc-pstate {afmt} #free
    soc pstate policy | dpm policy | soc p-state
amd-smi static {aat} --xgmi-plpd {afmt} #free
    xgmi plpd | xgmi per-link power down policy | xgmi power down policy
amd-smi static --smu {afmt} #free
    smu firmware of the cpu | cpu smu version | smu info
amd-smi static --interface-ver {afmt} #free
    hsmp interface version | cpu interface version
amd-smi static -U all --smu #free #rare
    smu information of all cpus | cpu smu firmware version for every socket
amd-smi static {aat} --clock
    static clock info | all clock frequency levels | clock levels
amd-smi static {aat} --clock {clk}
    static clock levels of {clk} | frequency levels of the {clk} clock
*amd-smi firmware {aat} {afmt}
    firmware | firmware versions | all firmware versions | ucode list | which firmware is loaded | firmware list
amd-smi firmware {aat} --fw-list
    firmware list with --fw-list | all firmware, fw-list
**amd-smi bad-pages {aat} {afmt} #free
    bad pages | bad page info | list bad pages | all bad pages | vram bad pages
*amd-smi bad-pages {aat} --retired {afmt} #free
    retired bad pages | bad pages that are retired | only retired ones of the bad pages
amd-smi bad-pages {aat} --pending {afmt} #free
    pending bad pages | bad pages waiting to be retired
amd-smi bad-pages {aat} --un-res {afmt} #free
    unreservable bad pages | un-res bad pages | bad pages that could not be reserved
**amd-smi metric {aat} {afmt}
    all metrics | metrics | every metric | gpu metrics | current readings of everything
***amd-smi metric {aat} {metrics} {afmt}
    {metrics} metrics | {metrics} | metric {metrics} | current {metrics} | {metrics} right now | readings of {metrics}
**amd-smi metric {aat} {metrics} {watch}
    {metrics} metrics | {metrics} | watch {metrics} | {metrics} readings | metric {metrics} | poll {metrics}
*amd-smi metric {aat} --temperature {afmt} {watch}
    temps | temperature | heat | how hot | hotspot and memory temperature
*amd-smi metric {aat} --power {afmt} {watch}
    power | power draw | socket power | watts
*amd-smi metric {aat} --usage {afmt} {watch}
    usage | utilization | gfx and umc activity | how busy | load
*amd-smi metric {aat} --mem-usage {afmt} {watch}
    memory usage | vram used and free | memory used/free | total, used and free vram | how much memory is free
*amd-smi metric {aat} --clock {afmt} {watch}
    clocks | current clocks | clock speeds | current, min and max clocks
*amd-smi metric {aat} --ecc {afmt}
    ecc errors | ecc counts | correctable and uncorrectable errors | total ecc error count | any memory errors
*amd-smi metric {aat} --ecc-blocks {afmt} #free
    ecc errors per block | ecc counts by block | which block has ecc errors
amd-smi metric {aat} --pcie {afmt}
    pcie | pcie link speed and width | pcie bandwidth and replays
*amd-smi metric {aat} --throttle {afmt} #free
    throttle status | is it throttling | throttle violations | why is the gpu throttled | accumulated throttling
amd-smi metric {aat} --fan {afmt}
    fan speed | fans | fan rpm
amd-smi metric {aat} --energy {afmt}
    energy | total energy consumption | joules
amd-smi metric {aat} --xgmi-err {afmt}
    xgmi errors | xgmi error state
amd-smi metric {aat} --voltage-curve {afmt}
    voltage curve | voltage frequency curve
amd-smi metric {aat} --overdrive {afmt}
    overdrive | overdrive level
amd-smi metric {aat} --perf-level {afmt}
    perf level | performance level
amd-smi metric -U all --cpu-power-metrics #free #rare
    cpu power | power metrics of all cpus | cpu package power of every socket
amd-smi metric -U all --cpu-prochot #free #rare
    prochot status of all cpus | is prochot active on the cpus | cpu prochot
amd-smi metric -U all --cpu-freq-metrics #free #rare
    cpu frequency metrics | frequency metrics of all cpus | fclk, mclk and frequency limits of the cpus
amd-smi metric -U all --cpu-c0-res #free #rare
    c0 residency of all cpus | cpu c0 residency | how long are the cpus in c0
amd-smi metric -U all --cpu-pwr-svi-telemtry-rails #free #rare
    svi telemetry rail power of all cpus | cpu svi rail power
amd-smi metric -U all --cpu-metrics-ver #free #rare
    cpu metrics table version | metrics table version of all cpus
amd-smi metric -U all --cpu-metrics-table #free #rare
    cpu metrics table | whole metrics table of all cpus
amd-smi metric -U all --cpu-socket-energy #free #rare
    socket energy of all cpus | cpu socket energy | energy counter of every cpu socket
amd-smi metric -U all --cpu-ddr-bandwidth #free #rare
    cpu ddr bandwidth | ddr bandwidth of all cpus | memory bandwidth of the cpu sockets
amd-smi metric -U all --cpu-temp #free #rare
    cpu temperature | temperature of all cpus | how hot are the cpus
amd-smi metric -O all --core-boost-limit #free #rare
    boost limit of all cores | core boost limit of every core
amd-smi metric -O all --core-curr-active-freq-core-limit #free #rare
    current active frequency limit of all cores | active frequency limit per core
amd-smi metric -O all --core-energy #free #rare
    energy of all cores | core energy | energy per core
amd-smi metric -U 0 --cpu-lclk-dpm-level {number} #free #rare
    lclk dpm level of nbio {number} on cpu 0 | cpu 0 lclk dpm level, nbio {number}
amd-smi metric -U 0 --cpu-io-bandwidth AGG_BW0 P0 #free #rare
    aggregate io bandwidth of link P0 on cpu 0 | cpu 0 io bandwidth, AGG_BW0 on P0
amd-smi metric -U 0 --cpu-xgmi-bandwidth RD_BW1 G0 #free #rare
    xgmi read bandwidth of link G0 on cpu 0 | cpu 0 xgmi bandwidth, RD_BW1 on G0
amd-smi metric -U 0 --cpu-dimm-temp-range-rate 0x10 #free #rare
    dimm 0x10 temperature range and rate on cpu 0 | cpu 0 dimm temp range rate, dimm 0x10
amd-smi metric -U 0 --cpu-dimm-pow-consumption 0x10 #free #rare
    power consumption of dimm 0x10 on cpu 0 | cpu 0 dimm power, dimm 0x10
amd-smi metric -U 0 --cpu-dimm-thermal-sensor 0x10 #free #rare
    thermal sensor of dimm 0x10 on cpu 0 | cpu 0 dimm thermal sensor, dimm 0x10
**amd-smi process {aat} {afmt} {watch}
    processes | running processes | who uses the gpu | process list | which processes run on the gpu | gpu jobs | compute processes
*amd-smi process --pid {pid}
    process {pid} | info on pid {pid} | gpu usage of process {pid} | what does pid {pid} use
*amd-smi process --name {procname}
    processes named {procname} | {procname} processes on the gpu | info on processes called {procname} | gpu processes with the name {procname}
*amd-smi process {aat} --general
    general process info | pid, name and memory of processes | processes, general information
*amd-smi process {aat} --engine
    engine usage of processes | gfx and encoder time per process | processes, engine usage
amd-smi event {aat} #free
    event stream | show gpu events with amd-smi | listen for gpu events, amd-smi | gpu event notifications in amd-smi
**amd-smi topology {afmt}
    topology | gpu topology | link topology | how are gpus connected | full topology tables
amd-smi topology {aat} --access
    topology access | link accessibility | can gpus access each other
amd-smi topology {aat} --weight
    topology weight | weights of the links
*amd-smi topology {aat} --hops
    topology hops | hops between gpus | number of hops
*amd-smi topology {aat} --link-type
    link types | xgmi or pcie between gpus | topology link type
*amd-smi topology {aat} --numa-bw
    numa bandwidth | min and max bandwidth between gpus | topology numa bw
amd-smi topology {aat} --coherent #free
    cache coherency of links | are the links coherent | topology coherent | link coherency between gpus
amd-smi topology {aat} --atomics #free
    atomics over links | 32 and 64 bit atomics between gpus | topology atomics | link atomics support
amd-smi topology {aat} --dma #free
    p2p dma between gpus | dma link capability | topology dma
amd-smi topology {aat} --bi-dir #free
    bidirectional links | bi-directional link capability | topology bi-dir
**amd-smi monitor {aat} {watch} {xfmt}
    monitor | monitor all gpus | live monitor table | dmon-style monitor | gpu monitor
***amd-smi monitor {aat} {monitors} {watch} {xfmt}
    monitor {monitors} | {monitors} in the monitor | monitor columns {monitors} | watch {monitors} in the monitor table | {monitors} monitor
*amd-smi monitor {aat} -putm {watch}
    monitor power, temperature, gfx and memory utilization | monitor with power, temps, gfx and mem columns
*amd-smi monitor {aat} --vram-usage {watch}
    monitor vram usage | vram monitor | watch vram used/total
amd-smi monitor {aat} --process {watch}
    monitor processes | monitor table with processes | process columns in the monitor
amd-smi monitor {aat} --violation {watch} #free
    monitor throttle violations | violation monitor | watch power and thermal violations
*amd-smi xgmi {aat} {xfmt} #free
    xgmi info | xgmi | xgmi link metrics and status
*amd-smi xgmi {aat} --metric {xfmt} #free
    xgmi metrics | xgmi bandwidth and data | xgmi read and write | how much data went over xgmi | xgmi link metrics
*amd-smi xgmi {aat} --link-status {xfmt} #free
    xgmi link status | are the xgmi links up | xgmi links | xgmi up or down
**amd-smi set {sat} --power-cap {wattsa}
    .power cap {wattsa} | set power cap {wattsa} | cap power at {wattsa} | limit power to {wattsa} | .power limit {wattsa}
*amd-smi set {sat} --perf-level {levelu}
    .perf level {levelu} | set performance level {levelu} | .performance level to {levelu} | switch to {levelu} performance
*amd-smi set {sat} --perf-determinism {cap}
    .perf determinism {cap} | set performance determinism at {cap} | enforce deterministic clock {cap}
**amd-smi set {sat} --compute-partition {partition}
    .{partition} mode | set compute partition {partition} | switch to {partition} | .compute partition {partition}
**amd-smi set {sat} --memory-partition {nps}
    .{nps} mode | set memory partition {nps} | switch memory to {nps} | .memory partition {nps}
*amd-smi set {sat} --fan {fan}
    .fan {fan} | set fan speed {fan} | run fans at {fan} | .fans to {fan}
amd-smi set {sat} --profile {profilep}
    .power profile {profilep} | set power profile {profilep} | switch to profile {profilep}
*amd-smi set {sat} --process-isolation 1 #free
    .process isolation on | enable process isolation | turn on process isolation
*amd-smi set {sat} --process-isolation 0 #free
    .process isolation off | disable process isolation | turn off process isolation
amd-smi set {sat} --dpm-policy {plevel} #free
    .soc pstate policy {plevel} | set soc p-state policy {plevel} | set dpm policy {plevel}
amd-smi set {sat} --xgmi-plpd {plevel} #free
    .xgmi plpd policy {plevel} | set xgmi per-link power down policy {plevel}
*amd-smi set {sat} --clk-limit sclk max {cap}
    .max sclk {cap} | limit sclk to at most {cap} | set clock limit sclk max {cap} | set the upper sclk limit to {cap}
amd-smi set {sat} --clk-limit sclk min {cap}
    .min sclk {cap} | set clock limit sclk min {cap} | set the lower sclk limit to {cap}
amd-smi set {sat} --clk-limit mclk max {cap}
    .max mclk {cap} | set clock limit mclk max {cap} | limit mclk to at most {cap}
amd-smi set -U all --cpu-pwr-limit {cpupwr} #free #rare
    set cpu power limit {cpupwr} on all sockets | .cpu power limit {cpupwr}, all cpus
amd-smi set -U all --cpu-xgmi-link-width {number} 2 #free #rare
    set cpu xgmi link width {number} to 2 on all cpus | .cpu xgmi link width min {number} max 2, all sockets
amd-smi set -U 0 --cpu-lclk-dpm-level {number} 0 2 #free #rare
    set lclk dpm level of nbio {number} to 0..2 on cpu 0 | .cpu 0 lclk dpm level: nbio {number}, min 0, max 2
amd-smi set -U all --cpu-pwr-eff-mode {plevel} #free #rare
    set cpu power efficiency mode {plevel} | .cpu power efficiency mode {plevel} on all cpus
amd-smi set -U all --cpu-gmi3-link-width {number} 2 #free #rare
    set cpu gmi3 link width {number} to 2 on all cpus | .gmi3 link width min {number} max 2
amd-smi set -U all --cpu-pcie-link-rate {plevel} #free #rare
    set cpu pcie link rate {plevel} | .cpu pcie link rate control {plevel}, all cpus
amd-smi set -U all --cpu-df-pstate-range {number} 0 #free #rare
    set cpu data fabric p-state range {number} to 0 | .df pstate range max {number} min 0 on all cpus
amd-smi set -U all --cpu-enable-apb #free #rare
    enable apb on all cpus | enable the algorithmic performance boost of the data fabric
amd-smi set -U all --cpu-disable-apb {plevel} #free #rare
    disable apb with data fabric p-state {plevel} | .apb off, df p-state {plevel}
amd-smi set -U all --soc-boost-limit {boost} #free #rare
    set soc boost limit {boost} | .socket boost limit {boost} MHz on all cpus
amd-smi set -O all --core-boost-limit {boost} #free #rare
    set core boost limit {boost} | .boost limit {boost} MHz on all cores
**amd-smi reset {aat1} --gpureset
    reset | gpu reset | the gpu hangs, reset it | reboot the card
amd-smi reset {sat} --clocks
    reset clocks | .clocks back to default | undo clock and overdrive settings
amd-smi reset {sat} --fans
    reset fans | .automatic fan control again | return fans to the driver
amd-smi reset {sat} --profile
    reset power profile | .power profile back to default
amd-smi reset {sat} --xgmierr
    reset xgmi errors | clear xgmi error counts
*amd-smi reset {sat} --perf-determinism
    disable performance determinism | reset perf determinism | .perf determinism off
*amd-smi reset {sat} --compute-partition
    reset compute partition | .compute partition back to boot state
amd-smi reset {sat} --memory-partition
    reset memory partition | .memory partition back to boot state
*amd-smi reset {sat} --power-cap
    reset power cap | .power cap back to default | undo the power limit
amd-smi reset {sat} --clean-local-data #free
    clean local data | clean up local data on the gpu | wipe lds and vgpr data
amd-smi reset {sat} --run-shader cleaner #free
    run the cleaner shader | clean up with a shader | run shader "cleaner"
amd-smi metric {metrics} --loglevel {loglevel}
    {metrics} metrics with log level {loglevel} | metric {metrics}, loglevel {loglevel}
amd-smi list -e {xfmt} #free
    enumeration of the gpus | render and card numbers of the gpus | enumeration mapping | hip ids and uuids of the gpus (enumeration)
amd-smi metric {aat} --gpuboard #free
    gpu board temperatures (metric) | gpu board metrics | metric readings of the gpu board
amd-smi metric {aat} --baseboard #free
    base board temperatures (metric) | base board metrics | metric readings of the base board
amd-smi metric -U all --cpu-pwr-svi-telemetry-rails #rare
    svi telemetry rails power, new spelling | cpu svi telemetry rails (telemetry spelling)
amd-smi monitor {aat} --gpu-board-temps #free
    monitor gpu board temperatures | gpu board temps in the monitor
amd-smi monitor {aat} --base-board-temps #free
    monitor base board temperatures | base board temps in the monitor
*amd-smi partition {aat} {xfmt} #free
    partition information of the gpus | partitions, amd-smi partition | all partition tables
*amd-smi partition --current {xfmt} #free
    current partitions | current partition of every gpu | which partitions are in effect
amd-smi partition --memory {xfmt} #free
    memory partition modes | possible memory partitions | partition table of the memory
*amd-smi partition --accelerator {xfmt} #free
    accelerator partition profiles | possible accelerator partitions | accelerator partition table
amd-smi node --power-management #free
    node power management | power management of the node
amd-smi node --base-board-temps #free
    base board temperatures of the node | node base board temps
amd-smi node --gtt #free
    node gtt settings | gtt of the node
amd-smi node --tray #free
    tray information of the node | node tray
*amd-smi ras --cper #free
    ras cper entries | cper records | show cper entries | list ras error records (cper)
amd-smi ras --cper --severity fatal #free
    fatal cper entries | ras cper records of severity fatal
amd-smi ras --cper --folder {outdir} #free
    cper entries into folder {outdir} | save ras cper records in folder {outdir}
amd-smi ras --cper --folder {outdir} --file-limit {count} #free
    cper entries into folder {outdir}, at most {count} files | ras cper records in {outdir} with a file limit of {count}
amd-smi ras --cper --follow #free
    follow cper entries | keep watching for new cper records
amd-smi ras --afid --cper-file error.cper #free
    afids of error.cper | decode the cper file error.cper into afids
amd-smi reset --reload-driver #free
    reload the driver | driver reload | restart the amdgpu driver
amd-smi set {sat} --clk-level sclk {freqlevel} #free
    .sclk clock level {freqlevel} (clk-level) | set clk-level sclk to {freqlevel}
amd-smi {sub} -h
    help for the {sub} sub-command | options of {sub} | what can {sub} show | {sub} help
"""
