"""Intents for AMD nodes: rocm-smi and amd-smi. Questions name the tool, because both could often answer.

It has over 300 lines: a list of intents, one after another, where a cut would only be to turn a page.
"""

from __future__ import annotations

from sigma.aimicius.cmdgen.generator.phrasing import Intent, intent


def _i(command: str, text: str) -> Intent:
    return intent(command, text, ("8xMI300X",), named=True)


ROCM = (
    _i("rocm-smi", """
        show the concise overview of all GPUs
        print the default status table
        = get the concise info table
        + take a quick look at temperature, power and use of every GPU in the default table
        + ! Plain overview of the AMD GPUs."""),
    _i("rocm-smi {rocm}", """
        show {rocm} of all GPUs
        display the {rocm} of every card
        ! I need {rocm} for each AMD GPU.
        = print {rocm} for all devices
        + read out {rocm} on the whole node
        + ! Every card: {rocm}."""),
    _i("rocm-smi -d {gpu} {rocm}", """
        show {rocm} of GPU {gpu}
        display the {rocm} of card {gpu} only
        ! For GPU {gpu}, what are {rocm}?
        = print {rocm} for device {gpu}
        + read out {rocm} on accelerator {gpu}
        + ! GPU {gpu} only: {rocm}."""),
    _i("rocm-smi {rocm} --json", """
        show {rocm} of all GPUs as JSON
        output {rocm} in JSON format
        = print {rocm} as JSON
        + get {rocm} for each card in JSON so a script can read it
        + ! JSON, please: {rocm} of all cards."""),
    _i("rocm-smi {rocm} --csv", """
        show {rocm} of all GPUs as CSV
        output {rocm} in CSV format
        = print {rocm} as CSV
        + get a CSV with {rocm} for every card
        + ! Comma separated {rocm} of all cards."""),
    _i("rocm-smi -d {gpusp} --showtemp --showpower", """
        show temperature and power consumption of GPUs {gpusp}
        display the temperature and the power draw of cards {gpusp}
        = print temperature and power for devices {gpusp}
        + compare heat and power (temperature and power consumption) of accelerators {gpusp}
        + ! Temperature plus power of {gpusp} only."""),
    _i("rocm-smi --showmeminfo {memtype}", """
        show total and used {memtype} memory of all GPUs
        display {memtype} memory information
        = print {memtype} usage in bytes
        + see how many bytes of {memtype} are taken on each card
        + ! {memtype} totals and usage, all GPUs."""),
    _i("rocm-smi -d {gpu} --showmeminfo {memtype}", """
        show {memtype} memory information of GPU {gpu}
        display total and used {memtype} on card {gpu}
        = print {memtype} usage of device {gpu}
        + see how many bytes of {memtype} accelerator {gpu} has in use
        + ! GPU {gpu}: {memtype} info."""),
    _i("rocm-smi --showtopo", """
        show the full hardware topology
        display weights, hops, link types and NUMA nodes between GPUs
        = print all topology information
        + learn how the MI300X are wired: weight, hops, link type and NUMA in one go
        + ! Complete GPU topology."""),
    _i("rocm-smi --showtopotype", """
        show the link type between every pair of GPUs
        display which GPU pairs use XGMI or PCIe
        = print the link type matrix
        + check whether all GPU pairs are linked by XGMI
        + ! Link types only."""),
    _i("rocm-smi --showtopohops", """
        show the number of hops between GPUs
        display the hop count matrix
        = print hops between devices
        + find out how many hops lie between each pair of cards
        + ! Hop matrix."""),
    _i("rocm-smi --showpids", """
        list the processes that use the GPUs
        show KFD process information
        = print KFD processes
        + see which PIDs run on the accelerators
        + ! Who is using the AMD GPUs right now (PIDs)?"""),
    _i("rocm-smi --showdriverversion", """
        show the driver version
        print the version of the amdgpu driver
        = display the kernel driver's version
        + check which amdgpu driver is loaded
        + ! Driver version?"""),
    _i("rocm-smi --showrasinfo all", """
        show RAS information of all blocks
        display the ECC/RAS state of every block
        = print RAS info for all blocks
        + check error protection (RAS) for all IP blocks
        + ! RAS overview, all blocks."""),
    _i("rocm-smi --showxgmierr", """
        show XGMI errors
        check every GPU for XGMI link errors
        = print the XGMI error status
        + see if the XGMI links report errors
        + ! XGMI errors since the last read?"""),
    _i("rocm-smi --showfwinfo {fw}", """
        show the {fw} firmware version of all GPUs
        display firmware information for the {fw} block
        = print the {fw} firmware version
        + check which {fw} firmware each card runs
        + ! {fw} firmware version, every card."""),
    _i("rocm-smi -d {gpu} --setpoweroverdrive {wattsa}", """
        set the power cap of GPU {gpu} to {wattsa} W
        limit card {gpu} to {wattsa} watts
        = cap device {gpu} at {wattsa} W
        + keep accelerator {gpu} below {wattsa} W
        + ! Power cap: GPU {gpu}, {wattsa} W."""),
    _i("rocm-smi -d {gpu} --resetpoweroverdrive", """
        reset the power cap of GPU {gpu} to default
        undo the power limit on card {gpu}
        = restore device {gpu}'s default power cap
        + give accelerator {gpu} its stock power limit back
        + ! GPU {gpu}: default power cap."""),
    _i("rocm-smi -d {gpu} --setperflevel {level}", """
        set the performance level of GPU {gpu} to {level}
        switch card {gpu} to performance level {level}
        = use performance level {level} on device {gpu}
        + change accelerator {gpu}'s performance level to {level}
        + ! Performance level {level}, GPU {gpu}."""),
    _i("rocm-smi --setperfdeterminism {cap}", """
        enable performance determinism with a maximum clock of {cap} MHz on all GPUs
        set deterministic performance at {cap} MHz
        = turn on performance determinism at {cap} MHz
        + get run-to-run stable timings: determinism mode, {cap} MHz ceiling
        + ! Perf determinism, {cap} MHz, all cards."""),
    _i("rocm-smi -d {gpu} --setsrange {slo} {shi}", """
        set the sclk range of GPU {gpu} to {slo} - {shi} MHz
        limit card {gpu}'s system clock to between {slo} and {shi} MHz
        = restrict device {gpu}'s sclk to {slo}-{shi} MHz
        + keep the sclk of accelerator {gpu} within {slo} and {shi} MHz
        + ! GPU {gpu}: sclk range {slo} to {shi}."""),
    _i("rocm-smi --setcomputepartition {partition}", """
        set the compute partition mode to {partition} on all GPUs
        switch every card to {partition} compute partitioning
        = change the compute partition to {partition}
        + partition the accelerators' compute as {partition}
        + ! Compute partition {partition}, node-wide."""),
    _i("rocm-smi --setmemorypartition {nps}", """
        set the memory partition mode to {nps} on all GPUs
        switch every card to {nps} memory partitioning
        = change the memory partition to {nps}
        + use {nps} memory mode on all accelerators
        + ! Memory partition {nps}, node-wide."""),
    _i("rocm-smi --resetclocks", """
        reset clocks and overdrive to default
        restore the default clocks on all GPUs
        = put all clocks back to default
        + undo every clock setting on the node
        + ! Default clocks again."""),
    _i("rocm-smi -d {gpu} --gpureset", """
        reset GPU {gpu}
        trigger a reset of card {gpu}
        = do a GPU reset on device {gpu}
        + bring hung accelerator {gpu} back by a reset
        + ! Reset GPU {gpu}."""),
)  # fmt: skip
AMD_SMI = (
    _i("amd-smi list", """
        list all GPUs with their BDF and UUID
        show the GPUs that the node has
        = print the device list
        + enumerate the accelerators with BDF and UUID
        + ! Device list, please."""),
    _i("amd-smi version", """
        print the tool and ROCm version
        show which version of the tool, library and ROCm is installed
        = display version information
        + check the installed ROCm and library version
        + ! Versions?"""),
    _i("amd-smi static -g {gpu} {statics}", """
        show the static {statics} information of GPU {gpu}
        display {statics} details (static) for GPU {gpu}
        = print static {statics} data of device {gpu}
        + look up the fixed {statics} properties of accelerator {gpu}
        + ! Static info, GPU {gpu}: {statics}."""),
    _i("amd-smi static {statics}", """
        show the static {statics} information of all GPUs
        display {statics} details (static) for every GPU
        = print static {statics} data of all devices
        + look up the fixed {statics} properties across the node
        + ! Static info, all GPUs: {statics}."""),
    _i("amd-smi metric -g {gpu} {metrics}", """
        show the current {metrics} metrics of GPU {gpu}
        display {metrics} metrics for GPU {gpu}
        ! What are the {metrics} metrics of GPU {gpu} right now?
        = print {metrics} metrics of device {gpu}
        + read the live {metrics} figures of accelerator {gpu}
        + ! GPU {gpu}: metrics for {metrics}."""),
    _i("amd-smi metric {metrics} --json", """
        show the {metrics} metrics of all GPUs as JSON
        output {metrics} metrics of every GPU in JSON format
        = print {metrics} metrics as JSON
        + get live {metrics} figures of all accelerators in JSON
        + ! JSON metrics, all GPUs: {metrics}."""),
    _i("amd-smi metric {metrics} --csv --file {csvfile}", """
        save the {metrics} metrics of all GPUs as CSV to {csvfile}
        write {metrics} metrics of every GPU to {csvfile} in CSV format
        = export {metrics} metrics as CSV to {csvfile}
        + keep a CSV of live {metrics} figures in {csvfile}
        + ! CSV file {csvfile} with the {metrics} metrics of all GPUs."""),
    _i("amd-smi metric -g {gpu} {metrics} -w {secs} -i {count}", """
        watch the {metrics} metrics of GPU {gpu} every {secs} seconds for {count} iterations
        sample {metrics} metrics of GPU {gpu} {count} times at {secs} second intervals
        = poll {metrics} metrics of device {gpu}: {secs} s interval, {count} iterations
        + follow the {metrics} figures of accelerator {gpu}, {count} readings, {secs} s apart
        + ! {metrics} metrics of GPU {gpu}: every {secs} s, {count} times."""),
    _i("amd-smi monitor", """
        start the monitor with its default columns
        show the one-line-per-GPU monitor table
        = run the monitor with defaults
        + get the compact table of all accelerators from the monitor
        + ! Monitor table, defaults."""),
    _i("amd-smi monitor {monitors}", """
        monitor {monitors} of all GPUs
        show monitor columns for {monitors}
        = print the monitor with {monitors}
        + see {monitors} of every accelerator in the monitor table
        + ! Monitor, columns {monitors}."""),
    _i("amd-smi monitor {monitors} -w {secs} -i {count}", """
        monitor {monitors} every {secs} seconds for {count} iterations
        watch {monitors} in the monitor, interval {secs} s, {count} times
        = run the monitor for {monitors}: {secs} s interval, {count} iterations
        + follow {monitors} in the monitor table, {count} rounds at {secs} s
        + ! {monitors} in the monitor: {count} samples, one each {secs} s."""),
    _i("amd-smi monitor -g {gpusp} {monitors}", """
        monitor {monitors} of GPUs {gpusp}
        show monitor columns for {monitors}, only GPUs {gpusp}
        = print the monitor for devices {gpusp} with {monitors}
        + see {monitors} of accelerators {gpusp} in the monitor
        + ! Monitor {gpusp} only: {monitors}."""),
    _i("amd-smi process -g {gpu}", """
        list the processes on GPU {gpu}
        show process information of GPU {gpu}
        = print the processes of device {gpu}
        + see who runs on accelerator {gpu}
        + ! Processes, GPU {gpu}."""),
    _i("amd-smi process --pid {pid}", """
        show GPU usage of the process with PID {pid}
        look up process {pid} on all GPUs
        = print process information for PID {pid}
        + find where PID {pid} runs and what it uses
        + ! Process {pid}: which GPU, how much memory?"""),
    _i("amd-smi topology", """
        show the full GPU topology
        display access, weight, hops, link type and bandwidth tables
        = print all topology tables
        + learn how the accelerators are connected, every table
        + ! Topology, everything."""),
    _i("amd-smi topology --link-type", """
        show the link types between GPUs
        display only the link type table
        = print the link type topology table
        + check that all accelerators are linked by XGMI
        + ! Link type table only."""),
    _i("amd-smi topology --json --file {jsonfile}", """
        save the topology as JSON to {jsonfile}
        write the complete topology in JSON format into {jsonfile}
        = export the topology as JSON to {jsonfile}
        + keep the GPU topology as JSON in {jsonfile}
        + ! Topology, JSON, file {jsonfile}."""),
    _i("amd-smi firmware -g {gpu}", """
        show the firmware versions of GPU {gpu}
        list all firmware of GPU {gpu}
        = print firmware information of device {gpu}
        + check which firmware accelerator {gpu} runs
        + ! Firmware list, GPU {gpu}."""),
    _i("amd-smi bad-pages", """
        show bad memory pages of all GPUs
        list retired, pending and unreservable pages
        = print bad page information
        + check the node for bad memory pages
        + ! Bad pages on any GPU?"""),
    _i("amd-smi set -g {gpu} --power-cap {wattsa}", """
        set the power cap of GPU {gpu} to {wattsa} W
        limit GPU {gpu} to {wattsa} watts
        = cap device {gpu} at {wattsa} W
        + hold accelerator {gpu} at {wattsa} W or less
        + ! Power cap {wattsa} W, GPU {gpu}."""),
    _i("amd-smi set -g {gpu} --perf-level {levelu}", """
        set the performance level of GPU {gpu} to {levelu}
        switch GPU {gpu} to the {levelu} performance level
        = use performance level {levelu} on device {gpu}
        + change accelerator {gpu} to {levelu} performance level
        + ! Performance level {levelu} for GPU {gpu}."""),
    _i("amd-smi set -g {gpu} --compute-partition {partition}", """
        set the compute partition of GPU {gpu} to {partition}
        partition GPU {gpu} as {partition}
        = change device {gpu}'s compute partition to {partition}
        + divide accelerator {gpu} in {partition} mode
        + ! {partition} compute partition on GPU {gpu}."""),
    _i("amd-smi set -g all --memory-partition {nps}", """
        set the memory partition of all GPUs to {nps}
        switch all GPUs to {nps} memory mode
        = change every device's memory partition to {nps}
        + use {nps} as memory partition on all accelerators
        + ! {nps} memory partition everywhere."""),
    _i("amd-smi set -g {gpu} --process-isolation 1", """
        enable process isolation on GPU {gpu}
        turn on process isolation for GPU {gpu}
        = activate process isolation on device {gpu}
        + isolate processes from each other on accelerator {gpu}
        + ! Process isolation on, GPU {gpu}."""),
    _i("amd-smi reset -g {gpu} --gpureset", """
        reset GPU {gpu}
        trigger a GPU reset on GPU {gpu}
        = do a reset of device {gpu}
        + bring stuck accelerator {gpu} back with a reset
        + ! GPU {gpu} hangs: reset."""),
    _i("amd-smi reset -g {gpu} --power-cap", """
        reset the power cap of GPU {gpu} to default
        undo the power limit of GPU {gpu}
        = restore device {gpu}'s power cap default
        + give accelerator {gpu} back its stock power cap
        + ! Default power cap for GPU {gpu}."""),
    _i("amd-smi xgmi -m", """
        show XGMI metrics of all GPUs
        display XGMI link metrics
        = print the XGMI metric table
        + see traffic and speed on the XGMI links
        + ! XGMI metrics."""),
)  # fmt: skip
