"""nvidia-smi in people's words: the main command's options."""

from __future__ import annotations

TEXT = """
**nvidia-smi #once
    gpu status | gpu overview | show the gpus | what are the gpus doing | summary of all gpus | is the gpu busy | gpu table | are the gpus free
    default status table | quick look at the gpus | current state of the gpus | check gpus | nvidia status | which cuda version does the driver support | what is running on the gpus right now
    gpu health at a glance | are my gpus idle | show gpu usage | gpu usage and memory overview | plain gpu summary | which gpus are free
*nvidia-smi {EVERY}
    gpu status | watch the gpus | keep refreshing the gpu summary | gpu overview | the summary table | monitor the gpus | loop the status table | show gpu usage | watch gpu usage
    keep an eye on the gpu table | repeat the overview | live gpu status | poll the status screen | print the gpu table again and again | refresh gpu usage
nvidia-smi -i {gpu}
    status of gpu {gpu} | summary for gpu {gpu} | overview of gpu {gpu} only | what is gpu {gpu} doing | show gpu {gpu} | gpu {gpu} status | just gpu {gpu} | check card {gpu} | is gpu {gpu} free
nvidia-smi -i {gpus}
    status of gpus {gpus} | summary for gpus {gpus} | only show gpus {gpus} | overview of gpus {gpus} | gpus {gpus} status | check cards {gpus} | restrict the summary to gpus {gpus}
nvidia-smi -i {gpu} {EVERY}
    watch gpu {gpu} | status of gpu {gpu} | keep refreshing gpu {gpu} | monitor gpu {gpu} | gpu {gpu} overview | poll card {gpu}
nvidia-smi -f {log}
    save the summary to {log} | write gpu status to {log} | log the status table into {log} | gpu overview to file {log} | store the summary in {log} instead of printing it
**nvidia-smi -L #once
    list gpus | list the gpus | which gpus are there | gpu list | gpu uuids | uuids of the gpus | what gpus do we have | enumerate devices | list devices with uuid | how many gpus | installed gpus | names and uuids of every gpu
    display a list of gpus connected to the system | one line per gpu | what cards are in this box | which gpu models are installed
nvidia-smi -B #once
    list excluded gpus | excluded gpus | which gpus are excluded | display a list of excluded gpus in the system | blacklisted gpus | gpus that the driver leaves out
*nvidia-smi --version #once
    nvidia-smi version | version of the tool | version info | nvml and driver version of the tool | show version information | print driver, nvml and cuda version | what version of nvidia-smi is this
nvidia-smi -h #once
    nvidia-smi help | help for nvidia-smi | usage of nvidia-smi | what options does nvidia-smi have | list of nvidia-smi options | nvidia-smi usage text
**nvidia-smi -q {at}
    full report | everything about the gpu | detailed gpu info | all gpu attributes | long report | full query | all details | verbose gpu information | display gpu info in full | dump all properties | complete gpu details | detailed query | full gpu dump | every attribute of the gpus
nvidia-smi -q {at} -f {log}
    full report to {log} | write the detailed report to {log} | save all gpu details in {log} | dump everything to file {log} | long report into {log} | log the full query to {log}
nvidia-smi -q {at} {EVERY}
    full report | detailed gpu info | long report again | all details, looping | run the full query
nvidia-smi -q -x {at}
    full report as xml | xml output | everything in xml | gpu details in xml format | xml dump | machine readable report in xml | produce xml output of the full query | all attributes as xml
nvidia-smi -q -x {at} -f {xmlfile}
    xml report to {xmlfile} | save full details as xml in {xmlfile} | dump xml into {xmlfile} | write the xml report to {xmlfile} | xml of everything to file {xmlfile}
nvidia-smi -q -x --dtd {at}
    xml report with embedded dtd | xml with dtd | xml output including the dtd | embed the dtd in the xml report | full xml with the document type definition
nvidia-smi -q -u
    unit attributes | show unit instead of gpu attributes | unit report | s-class unit information | query unit attributes | full report of the units
*nvidia-smi -q -d MEMORY {at}
    memory report | memory section of the full report | memory details | fb and bar1 memory usage | detailed memory usage | only the memory part of the query | framebuffer memory details | bar1 usage
*nvidia-smi -q -d UTILIZATION {at}
    utilization report | utilization section | gpu, memory, encoder and decoder utilization | detailed utilization | encoder utilization details | how busy, in the long report | utilization rates
*nvidia-smi -q -d TEMPERATURE {at}
    temperature report | temps in detail | heat | thermals | gpu temps | temperature details | shutdown and slowdown temperature | temperature limits | thermal section | how hot is it | temperature section of the report | at which temperature does it slow down | hot?
*nvidia-smi -q -d POWER {at}
    power report | power readings | power details | power section | min and max power limit | default power limit and draw | what power limits are allowed | power limits | power readings in detail | wattage details | which power cap is set
*nvidia-smi -q -d CLOCK {at}
    clocks | clock report | current clocks in detail | clock speeds | clock section | max clocks and application clocks | all clocks | current and max clock frequencies | frequencies in detail | what clocks are we running at
*nvidia-smi -q -d ECC {at}
    ecc errors | ecc report | ecc error counts | memory errors | ecc counters | ecc section | volatile and aggregate ecc errors | any ecc errors | bit errors | ecc mode and error counts | check for ecc errors | single and double bit errors
nvidia-smi -q -d COMPUTE {at}
    compute mode | compute section | which compute mode is set | is it exclusive mode | compute mode report
*nvidia-smi -q -d PIDS {at}
    process section of the report | processes in the full report | pids in the long report | process details in the query | pid section
*nvidia-smi -q -d PERFORMANCE {at}
    throttle reasons | why is it throttling | performance state and throttle reasons | performance section | is it throttled | clocks throttle reasons | performance report | slowdown reasons | is the gpu thermally throttled | pstate and clock event reasons
*nvidia-smi -q -d SUPPORTED_CLOCKS {at}
    supported clocks | which clocks can I set | list supported clock pairs | available clocks | allowed clock frequencies | valid application clocks | supported clocks section | possible clock speeds
*nvidia-smi -q -d PAGE_RETIREMENT {at}
    retired pages | page retirement | page retirement section | bad pages | retired page counts | pending page retirement | pages blacklisted due to ecc errors
nvidia-smi -q -d ACCOUNTING {at}
    accounting section | is accounting on | accounting mode report | accounting details
nvidia-smi -q -d ENCODER_STATS {at}
    encoder stats | video encoder statistics | encoder section | average fps and latency of the encoder
nvidia-smi -q -d SUPPORTED_GPU_TARGET_TEMP {at}
    supported target temperatures | target temperature range | which target temps can I set | min and max gpu target temperature
nvidia-smi -q -d VOLTAGE {at}
    voltage | gpu voltage | voltage section | core voltage | what voltage | volts
nvidia-smi -q -d FBC_STATS {at}
    fbc stats | frame buffer capture statistics | fbc sessions | frame buffer capture section
*nvidia-smi -q -d ROW_REMAPPER {at}
    row remapper | remapped rows report | row remapping section | row remap availability | any remapped rows | row remapper histogram section | hbm row remapping status
nvidia-smi -q -d RESET_STATUS {at}
    the reset status | is a reset required | is a reset required or recommended | does the gpu need a reset | drain and reset recommended | the reset section
nvidia-smi -q -d GSP_FIRMWARE_VERSION {at}
    gsp firmware version | gsp firmware | version of the gsp firmware | which gsp firmware is loaded
nvidia-smi -q -d POWER_SMOOTHING {at}
    power smoothing | power smoothing section | is power smoothing on | power smoothing settings
nvidia-smi -q -d POWER_PROFILES {at}
    power profiles | requested and enforced power profiles | power profiles section | workload power profiles
**nvidia-smi -q -d {sections} {at}
    {sections} report | {sections} from the full report | detailed report of {sections} only | only the {sections} sections | long report restricted to {sections} | report on {sections} | {sections} in detail
nvidia-smi -q -d {section} -l {secs}
    {section} report every {secs} | repeat the {section} section every {secs} | watch the {section} section each {secs} | long report of {section}, again every {secs}
nvidia-smi -q -d {section} -f {log}
    {section} section to {log} | write the {section} report to {log} | save the detailed {section} section in {log} | {section} report into file {log}
nvidia-smi -q -x -d {section}
    {section} section as xml | xml report of {section} only | {section} in xml | only the {section} part, as xml
**nvidia-smi {one} -pm 1
    .persistence on | .persistence mode on | turn on persistence mode | enable persistence mode | keep the driver loaded | set persistence mode | activate persistence | stop the driver from unloading | .pm on | keep gpu initialised when no client runs | set persistence mode to enabled | .persistence enabled
*nvidia-smi {one} -pm 0
    .persistence off | turn off persistence mode | disable persistence mode | .persistence mode off | switch persistence off | .pm off | let the driver unload when idle | deactivate persistence | set persistence mode to disabled
*nvidia-smi {one} -e 1
    .ecc on | enable ecc | turn on ecc | switch ecc on | activate error correction | turn on memory error correction | .ecc enabled | set ecc mode to 1 | toggle ecc support on
*nvidia-smi {one} -e 0
    .ecc off | disable ecc | turn off ecc | switch ecc off | get rid of ecc | turn off error correction | .ecc disabled | disable ecc memory protection | set ecc mode to 0
*nvidia-smi {one} -p 0
    reset volatile ecc errors | clear volatile ecc counters | zero the volatile ecc counts | reset ecc error counts since boot | clear the ecc errors (volatile) | .ecc counters to zero, volatile ones
nvidia-smi {one} -p 1
    reset aggregate ecc errors | clear lifetime ecc counters | zero aggregate ecc counts | clear the ecc errors (aggregate) | wipe the lifetime ecc error history
*nvidia-smi {one} -c EXCLUSIVE_PROCESS
    .exclusive process mode | set compute mode to exclusive process | allow only one process per gpu | one process at a time | .exclusive mode | make it exclusive to one process | only one context at a time | .compute mode exclusive | set exclusive-process compute mode
*nvidia-smi {one} -c DEFAULT
    set compute mode to default | .default compute mode | back to shared compute mode | allow several processes again | .compute mode default | let multiple processes share the gpu | undo exclusive mode
nvidia-smi {one} -c PROHIBITED
    .prohibited compute mode | forbid compute processes | set compute mode to prohibited | block all compute contexts | allow no cuda process | keep cuda jobs off the gpu
**nvidia-smi -i {gpu} -r
    reset gpu {gpu} | gpu {gpu} reset | trigger a reset of gpu {gpu} | gpu {gpu} hangs, reset it | reset card {gpu} | .reset {gpu} | recover gpu {gpu} with a reset | reboot gpu {gpu} | kick gpu {gpu}, it is stuck
nvidia-smi --gpu-reset #once
    reset all gpus | reset every gpu | .gpu reset | trigger a reset of all gpus | .reset the gpus | reboot the gpus
*nvidia-smi {one} -pl {watts}
    .power limit {watts} | .power cap {watts} | cap power at {watts} | set the power limit to {watts} | limit power to {watts} | .max {watts} | set power cap to {watts} | allow at most {watts} | lower the power limit to {watts} | throttle to {watts} | .{watts} power limit | .don't draw more than {watts}
*nvidia-smi -i {gpu} -pl {watts}
    .gpu {gpu}: {watts} max | cap gpu {gpu} at {watts} | limit gpu {gpu} to {watts} | .power limit of gpu {gpu} to {watts} | set gpu {gpu} power cap {watts} | .power cap gpu {gpu} {watts}
nvidia-smi {one} -sc 1 -pl {watts} #rare
    set the module power limit to {watts} | cap the whole module at {watts} | .module scope power limit {watts} | power limit of {watts} for the module instead of the gpu
*nvidia-smi {one} -lgc {lo},{hi}
    lock gpu clocks to {lo}-{hi} MHz | lock gpu clocks between {lo} and {hi} | .clocks locked {lo} to {hi} | keep the core clock between {lo} and {hi} MHz | pin gpu clocks to {lo},{hi} | restrict graphics clock to {lo}..{hi} MHz | .lock clocks {lo} {hi} | hold the sm clock in the range {lo} to {hi}
*nvidia-smi {one} -lgc {mhz}
    lock gpu clocks at {mhz} | lock the core clock to {mhz} | .clocks locked at {mhz} | pin clocks to {mhz} | fix the gpu clock at {mhz} | .lock sm clock {mhz} | run at a fixed {mhz} | freeze clocks at {mhz} for benchmarking | .fixed clock {mhz}
nvidia-smi {one} -lgc {lo},{hi} -m 1
    lock gpu clocks to {lo},{hi} with mode 1 | lock clocks {lo} to {hi} in lower accuracy mode (mode 1) | .lock clocks {lo},{hi}, mode 1
*nvidia-smi {one} -rgc
    unlock gpu clocks | reset gpu clocks | unlock the clocks | .clocks back to default | release the locked clocks | undo the clock lock | reset the gpu clocks to default | stop locking the core clock | remove clock lock
*nvidia-smi {one} -lmc {memmhz}
    lock memory clock at {memmhz} | lock memory clocks to {memmhz} | pin the memory clock to {memmhz} | .memory clock fixed {memmhz} | .lock mem clock {memmhz} | hold vram clock at {memmhz}
nvidia-smi {one} -lmc {mlo},{mhi}
    lock memory clocks between {mlo} and {mhi} | lock memory clocks to {mlo},{mhi} MHz | keep memory clock in {mlo}-{mhi} MHz | .memory clocks {mlo} to {mhi}
*nvidia-smi {one} -rmc
    unlock memory clocks | reset memory clocks | unlock the memory clock | release the locked memory clock | undo the memory clock lock | .memory clocks back to default
nvidia-smi {one} -lmcd {memmhz} #rare
    lock memory clocks to {memmhz}, deferred | deferred memory clock lock at {memmhz} | lock the memory clock at {memmhz} from the next driver load on
nvidia-smi {one} -rmcd #rare
    reset deferred memory clocks | undo the deferred memory clock lock | remove deferred memory clock setting
*nvidia-smi {one} -ac {mlo},{lo}
    set application clocks to {mlo},{lo} | .application clocks: memory {mlo}, graphics {lo} | set applications clocks memory {mlo} MHz and graphics {lo} MHz | run apps at {mlo} memory and {lo} graphics clock | .app clocks {mlo},{lo}
*nvidia-smi {one} -rac
    reset application clocks | reset applications clocks to default | .application clocks back to default | undo the application clocks | .app clocks default
nvidia-smi {one} -acp 0 #rare
    let non-root users change application clocks | unrestricted application clock permission | allow everyone to set application clocks | .application clocks permission unrestricted | permit users to set clocks
nvidia-smi {one} -acp 1 #rare
    only root may set application clocks | restrict application clock changes to root | .application clocks permission restricted | forbid users to change application clocks
nvidia-smi {one} -gtt {celsius} #rare
    set gpu target temperature to {celsius} | .target temp {celsius} | .gpu target temperature {celsius} | aim for {celsius} | keep it near {celsius}
*nvidia-smi {one} -am 1
    enable accounting mode | .accounting on | turn on process accounting | start accounting of processes | keep statistics of compute processes | turn accounting on
nvidia-smi {one} -am 0
    disable accounting mode | .accounting off | turn off process accounting | stop accounting | turn accounting off
nvidia-smi {one} -caa
    clear accounted apps | clear the accounting buffer | wipe accounted processes | forget accounted pids | clear all accounted applications
*nvidia-smi {one} -mig 1
    .mig on | enable mig | turn on mig mode | enable multi instance gpu | activate mig | .mig mode on | allow gpu partitioning | switch mig on | let the gpu be split into slices
*nvidia-smi {one} -mig 0
    .mig off | disable mig | turn off mig mode | disable multi-instance gpu | .mig mode off | back to a whole gpu without mig | leave mig mode | stop slicing the gpu
nvidia-smi {one} --gom=0 #rare
    .gpu operation mode all on | set gom to all_on | .gom 0 | set the operation mode to everything on
nvidia-smi {one} --gom=1 #rare
    .gpu operation mode compute | set gom to compute only | .gom 1 | graphics off, compute operation mode
nvidia-smi {one} --gom=2 #rare
    .gpu operation mode low double precision | set gom to low_dp | .gom 2
nvidia-smi {one} -vm 3 #rare
    set virtualization mode to vgpu | .virt mode vgpu | .virtualization mode 3 | switch to vgpu mode
nvidia-smi {one} -vm 4 #rare
    set virtualization mode to vsga | .virt mode vsga | .virtualization mode 4
nvidia-smi {one} -fdm 0 #rare
    force the wddm driver model | .driver model wddm, forced | force driver model 0
nvidia-smi {one} -fdm 1 #rare
    force the tcc driver model | .driver model tcc, forced | force driver model 1 even with a display attached
nvidia-smi --help-query-gpu #once
    which fields can I query | list of query-gpu properties | help on query-gpu | what can --query-gpu show | all queryable gpu fields | list the valid properties for query-gpu
nvidia-smi --help-query-compute-apps #once
    fields of query-compute-apps | help for query-compute-apps | what can I ask about compute apps | list valid properties for compute app queries
nvidia-smi --help-query-supported-clocks #once
    help on query-supported-clocks | fields of the supported clocks query | valid properties for supported clocks
nvidia-smi --help-query-accounted-apps #once
    help on query-accounted-apps | fields for accounted apps | valid properties for accounted apps
nvidia-smi --help-query-retired-pages #once
    help on query-retired-pages | fields of the retired pages query | valid properties for retired pages
nvidia-smi --help-query-remapped-rows #once
    help on query-remapped-rows | fields of the remapped rows query | valid properties for remapped rows
"""

# Lists of fields: every question says which, so that the order is the question's.
QUERIES = """
**nvidia-smi --query-gpu={fields} {form} {at} {every} {csvto}
    {fields} | {fields} | query {fields} | list {fields} | print {fields} per gpu | csv with {fields} | {fields} for each gpu | gpu query of {fields} | columns {fields} | log {fields} | record {fields} | report {fields} of the gpus | a csv of {fields} | show only {fields} | csv: {fields} | csv table of {fields}
**nvidia-smi --query-gpu={fewfields} {form} {at} {every}
    just {fewfields} | only {fewfields} | {fewfields}, nothing else | what is the {fewfields} | query the {fewfields} | {fewfields} per gpu | csv of {fewfields}
**nvidia-smi --query-compute-apps={apps} {form} {at}
    processes with {apps} | {apps} of the running compute processes | {apps} of compute apps | list gpu processes: {apps} | query compute apps for {apps} | {apps} for everything running on the gpu | csv of processes with {apps} | running cuda jobs: {apps} | {apps} of active compute processes | {apps} of all cuda processes
**nvidia-smi --query-compute-apps=pid,process_name,used_memory --format=csv {one}
    who is using the gpu | which processes are using gpu memory | gpu processes and their memory | what is eating the gpu memory | process list with memory | list compute processes | which process uses how much vram | running cuda processes | list processes currently using the gpu | what runs on the gpu and how much memory does it take | who hogs the vram | processes on the gpu | compute apps | which jobs occupy the gpu | memory per process
*nvidia-smi --query-compute-apps=pid --format=csv,noheader {one}
    pids using the gpu | just the pids of gpu processes | process ids on the gpu, no header | bare list of gpu pids | pids only, for a script | give me only the pids of compute processes without header
nvidia-smi --query-compute-apps=pid,used_memory --format=csv {one}
    memory by pid | pid and memory of each compute process | gpu memory per pid | which pid uses how much memory | pid + used memory
nvidia-smi --query-accounted-apps=gpu_name,pid,gpu_util,mem_util,max_memory_usage,time --format=csv {one}
    accounted apps with gpu name, pid, gpu utilization, memory utilization, max memory and time | accounting data: gpu name, pid, gpu util, mem util, max memory usage, time | finished processes with gpu name, pid, gpu and memory utilization, peak memory and run time
nvidia-smi --query-accounted-apps=pid,max_memory_usage,time --format=csv {one}
    accounted processes: pid, max memory usage, time | accounting: pid, peak memory and run time | pid, max memory and time of accounted apps
nvidia-smi --query-accounted-apps=pid,gpu_util --format=csv {one}
    accounted apps: pid and gpu utilization | pid and gpu util of accounted processes | accounting data, pid and gpu load
nvidia-smi --query-accounted-apps=timestamp,gpu_uuid,pid,mem_util --format=csv,noheader
    accounted apps: timestamp, gpu uuid, pid and memory utilization, no header | timestamp, uuid, pid and mem util of accounted processes without header
*nvidia-smi --query-supported-clocks=mem,gr --format=csv {one}
    supported clocks as csv | memory and graphics clock pairs as csv | query supported clocks, memory and graphics | csv list of allowed memory,graphics clocks | which mem/gr clocks are supported, as csv | valid mem and graphics clock combinations in csv
nvidia-smi --query-supported-clocks=gr --format=csv {one}
    supported graphics clocks as csv | only the graphics clocks that are supported, csv | allowed graphics clocks in csv
nvidia-smi --query-supported-clocks=mem --format=csv {one}
    supported memory clocks as csv | only the memory clocks that are supported, csv
nvidia-smi --query-supported-clocks=gpu_name,mem,gr --format=csv,noheader
    supported clocks with gpu name, memory and graphics, no header | gpu name, mem and gr of supported clocks without header
*nvidia-smi --query-retired-pages=gpu_uuid,retired_pages.address,retired_pages.cause --format=csv {one}
    retired pages with gpu uuid, address and cause | csv of retired pages: uuid, address, cause | uuid, page address and cause of each retired page
nvidia-smi --query-retired-pages=retired_pages.address,retired_pages.cause --format=csv {one}
    address and cause of retired pages | retired page addresses with cause as csv | why were pages retired: address and cause
nvidia-smi --query-retired-pages=timestamp,gpu_name,gpu_bus_id,gpu_serial,retired_pages.address --format=csv
    retired pages with timestamp, gpu name, bus id, serial and address | timestamp, name, bus id, serial and address of retired pages
*nvidia-smi --query-remapped-rows=gpu_bus_id,gpu_uuid,remapped_rows.correctable,remapped_rows.uncorrectable,remapped_rows.pending,remapped_rows.failure --format=csv
    remapped rows with bus id, uuid, correctable, uncorrectable, pending and failure | csv of remapped rows: bus id, uuid, correctable, uncorrectable, pending, failure
nvidia-smi --query-remapped-rows=gpu_uuid,remapped_rows.correctable,remapped_rows.uncorrectable --format=csv {one}
    remapped rows by uuid, correctable and uncorrectable | gpu uuid with correctable and uncorrectable row remaps | how many rows were remapped: uuid, correctable, uncorrectable
nvidia-smi --query-remapped-rows=remapped_rows.pending,remapped_rows.failure --format=csv {one}
    pending and failed row remaps | row remap pending and failure flags as csv | is a row remap pending or failed, csv
nvidia-smi --query-remapped-rows=gpu_name,remapped_rows.histogram.max,remapped_rows.histogram.high,remapped_rows.histogram.partial,remapped_rows.histogram.low,remapped_rows.histogram.none --format=csv
    row remap histogram with gpu name: max, high, partial, low, none | gpu name and remapped rows histogram max, high, partial, low and none
nvidia-smi --query-remapped-rows=timestamp,gpu_serial,remapped_rows.correctable --format=csv
    timestamp, serial and correctable remapped rows | correctable row remaps with timestamp and serial
*nvidia-smi --query-gpu=timestamp,name,pci.bus_id,driver_version,pstate,pcie.link.gen.max,pcie.link.gen.current,temperature.gpu,utilization.gpu,utilization.memory,memory.total,memory.free,memory.used --format=csv -l 5
    log timestamp, name, bus id, driver, pstate, max and current pcie gen, temperature, gpu and memory utilization, total, free and used memory as csv every 5 seconds
*nvidia-smi --query-gpu=index,name,memory.total,memory.used,memory.free --format=csv {one} {every}
    index, name, total, used and free memory | memory per gpu: index, name, total, used, free | csv of index, name, memory total, used and free
*nvidia-smi --query-gpu=memory.used,memory.total --format=csv {one}
    memory used and total | used vs total vram | vram used / total | used and total gpu memory | how full is the vram (used and total)
*nvidia-smi --query-gpu=memory.used,memory.free --format=csv {one}
    memory used/free | vram used and free | used and free memory | memory: used, free
"""
