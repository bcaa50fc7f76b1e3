"""rocm-smi in people's words. On an AMD node it is what a question gets that names no tool and that both tools could answer."""

from __future__ import annotations

TEXT = """
**rocm-smi #once
    gpu status | gpu overview | show the gpus | concise gpu table | summary of all gpus | what are the gpus doing | quick look at the gpus | gpu usage overview | default table | are the gpus busy | gpu health at a glance | check gpus
rocm-smi -h #once
    rocm-smi help | help for rocm-smi | options of rocm-smi | rocm-smi usage text
*rocm-smi --version #once
    rocm-smi version | version of rocm-smi | which rocm-smi is installed | version of the rocm smi tool and library
*rocm-smi --showdriverversion {rfmt}
    driver version | kernel driver version | amdgpu driver version | which driver is loaded | show the kernel driver version
*rocm-smi {rat} -a {rfmt}
    everything about the gpu | all info | show all information | full gpu report | dump everything | all gpu details | verbose report
rocm-smi {rat} --showhw
    hardware details | hardware info | show hardware | gpu hardware table
**rocm-smi {rat} -i {rfmt}
    device id | gpu id | show ids | gpu device ids | asic device id
rocm-smi --alldevices
    all devices | include every device | output for all devices
*rocm-smi {rat} --showproductname {rfmt}
    product name | card model | which cards are these | gpu model | card series and vendor | product details | gpu names | list gpus | what gpus are installed
*rocm-smi {rat} --showserial {rfmt}
    serial number | serials | board serial numbers | gpu serial
*rocm-smi {rat} --showuniqueid {rfmt}
    unique id | gpu unique ids | uuid | unique identifier of the card
*rocm-smi {rat} --showvbios {rfmt}
    vbios | vbios version | bios version | gpu bios
*rocm-smi {rat} --showbus {rfmt}
    pci bus | pci bus id | bus address | pci address of the gpu | bus number
**rocm-smi {rat} --showtemp {rfmt}
    temperature | temps | heat | hot? | gpu temps | how hot is it | thermals | current temperature | edge, junction and memory temperature | hbm temperature | hotspot temperature | junction temp | temp readings | is it overheating
**rocm-smi {rat} --showpower {rfmt}
    power | power draw | watts | power consumption | how much power does it use | average graphics package power | current power usage | wattage | socket power
**rocm-smi {rat} --showuse {rfmt}
    gpu usage | gpu utilization | load | gpu use | how busy | gpu busy percent | is it idle | current gpu use | utilization
**rocm-smi {rat} --showmemuse {rfmt}
    memory usage percent | vram usage in percent | memory utilization | memory use | current gpu memory used percent | vram% | how full is the memory, in percent | memory activity
**rocm-smi {rat} --showmeminfo vram {rfmt}
    vram | vram used and total | memory used/free | how much vram is used | memory info | vram usage in bytes | used and total vram | gpu memory size | free vram | vram info | how much memory is free | memory total and used
*rocm-smi {rat} --showmeminfo all {rfmt}
    all memory info | vram, visible vram and gtt usage | every memory type used and total | all memory types
rocm-smi {rat} --showmeminfo gtt {rfmt}
    gtt memory | gtt usage | gtt used and total
rocm-smi {rat} --showmeminfo vis_vram {rfmt}
    visible vram | visible vram usage | cpu visible vram used and total
rocm-smi {rat} --showmeminfo vram gtt
    vram and gtt usage | memory info of vram and gtt
rocm-smi {rat} --showmemvendor {rfmt}
    memory vendor | vram vendor | who made the hbm | vram manufacturer
**rocm-smi {rat} --showclocks {rfmt}
    clocks | current clocks | clock speeds | frequencies | all current clock frequencies | what clocks is it running at | sclk and mclk right now
rocm-smi {rat} -g
    gpu clocks | current gpu clock frequencies | core clock only | gpu clock speed
*rocm-smi {rat} -s {rfmt}
    supported clock frequencies | supported gpu and memory clocks | available frequencies | which clock levels are there | dpm frequency levels | supported sclk/mclk levels
**rocm-smi {rat} --showfan {rfmt}
    fan | fan speed | fans | fan rpm | how fast do the fans spin | fan level and speed
*rocm-smi {rat} --showvoltage {rfmt}
    voltage | current voltage | gpu voltage | voltages | volts | core voltage
rocm-smi {rat} --showvoltagerange
    voltage range | allowed voltage range | valid voltages
rocm-smi {rat} --showsclkrange
    sclk range | allowed gpu clock range | valid core clock range | overdrive sclk range
rocm-smi {rat} --showmclkrange
    mclk range | allowed memory clock range | valid memory clock range
rocm-smi {rat} -S
    clock and voltage info | supported gpu and memory clocks with voltages | clkvolt | voltage per clock level
rocm-smi {rat} --showvc
    voltage curve | voltage frequency curve | show the voltage curve
*rocm-smi {rat} -b {rfmt}
    pcie bandwidth | estimated pcie bandwidth | pcie use | bandwidth over pcie | pci throughput estimate
**rocm-smi --showpids
    processes | running processes | kfd processes | which processes use the gpu | who is using the gpu | list processes | pids on the gpu | compute processes | what is running on the gpu | process list with vram | gpu jobs | list kfd pids
*rocm-smi --showpids details
    processes with details | detailed process list | running processes per gpu in detail | kfd pids, details
*rocm-smi --showpidgpus {pid}
    gpus used by pid {pid} | which gpu does process {pid} use | gpus of process {pid} | devices that pid {pid} runs on
rocm-smi --showpidgpus
    gpus used by each process | which process is on which gpu | gpu list per pid
*rocm-smi {rat} --showperflevel {rfmt}
    perf level | performance level | current dpm performance level | which performance level is set | power dpm level
*rocm-smi {rat} --showmaxpower {rfmt}
    power cap | max power | maximum power | power limit | maximum graphics package power | highest power allowed | current power cap
*rocm-smi {rat} --showprofile {rfmt}
    power profile | compute profile | available compute profiles | compute profile attributes | current power profile
*rocm-smi {rat} --showoverdrive {rfmt}
    overdrive | overdrive level | gpu overdrive percent | current gpu clock overdrive
rocm-smi {rat} --showmemoverdrive {rfmt}
    memory overdrive | memory clock overdrive level | mem overdrive percent
*rocm-smi {rat} --showrasinfo all {rfmt}
    ras | ras info | ecc errors | ras error counts | ras status of all blocks | ecc error counts | correctable and uncorrectable errors | memory errors | any ecc errors
*rocm-smi {rat} --showrasinfo {block}
    ras info of {block} | ras errors in block {block} | error count of {block} | {block} ras status
*rocm-smi {rat} --showretiredpages
    retired pages | pages that were retired | bad pages retired | retired vram pages
rocm-smi {rat} --showpendingpages
    pending pages | pages pending retirement | pending retired pages
rocm-smi {rat} --showunreservablepages
    unreservable pages | pages that could not be reserved
*rocm-smi {rat} --showpagesinfo
    pages info | retired, pending and unreservable pages | bad page report of rocm-smi | rocm-smi bad pages
rocm-smi {rat} --showreplaycount {rfmt}
    pcie replay count | pcie replays | how many pcie replays
*rocm-smi {rat} --showxgmierr {rfmt}
    xgmi errors | xgmi error state | errors on xgmi links | xgmi link errors since last read
**rocm-smi --showtopo
    topology | gpu topology | hardware topology | how are the gpus connected | link topology | weights, hops and link types between gpus | xgmi topology | interconnect | topo
rocm-smi --showtopoaccess
    link accessibility between gpus | topology access | can gpus reach each other
rocm-smi --showtopoweight
    topology weights | relative weight between gpus | weights of the links
*rocm-smi --showtopohops
    hops between gpus | number of hops | topology hops | hop count matrix
*rocm-smi --showtopotype
    link types between gpus | xgmi or pcie between gpus | topology link type | are the gpus linked by xgmi
*rocm-smi --showtoponuma
    numa nodes of the gpus | numa affinity | gpu numa | topology numa
rocm-smi --shownodesbw
    bandwidth between nodes | xgmi bandwidth between gpus | max and min bandwidth between gpus | nodes bw
*rocm-smi {rat} --showenergycounter {rfmt}
    energy counter | energy used | accumulated energy | joules
*rocm-smi {rat} --showcomputepartition {rfmt}
    compute partition | current compute partition | partition mode | is it spx or cpx | which partition mode is set
*rocm-smi {rat} --showmemorypartition {rfmt}
    memory partition | nps mode | current memory partition | which nps is set
*rocm-smi {rat} --showfwinfo {rfmt}
    firmware | firmware versions | firmware info | all firmware versions | which firmware is loaded
*rocm-smi {rat} --showfwinfo {fw}
    {fw} firmware version | firmware of {fw} | version of the {fw} firmware block | fw {fw}
rocm-smi --showtempgraph
    temperature graph | live temperature graph | plot temps in the terminal
rocm-smi -e
    gpu events | show events | listen for gpu events | events as they happen | event list
rocm-smi {rat} -e {event}
    {event} events | show {event} events | listen for {event} | only {event} events
**rocm-smi {rat} {rocmshow} {rfmt}
    {rocmshow} | show {rocmshow} | print {rocmshow} | {rocmshow} of the card | both {rocmshow} | check {rocmshow} | report {rocmshow} | I want {rocmshow} at once | {rocmshow} together
*rocm-smi {rocmone} --json
    {rocmone} in json | json with {rocmone} | {rocmone} as json | {rocmone}, machine readable json
*rocm-smi {rocmone} --csv
    {rocmone} in csv | csv with {rocmone} | {rocmone} as csv | {rocmone} for a spreadsheet (csv)
rocm-smi {rocmone} --loglevel debug
    {rocmone} with debug logging | {rocmone}, log level debug
rocm-smi {rocmone} --loglevel error
    {rocmone}, errors only in the log | {rocmone}, log level error
**rocm-smi -d {gpu} --gpureset
    reset gpu {gpu} | gpu {gpu} reset | gpu {gpu} hangs, reset it | reset card {gpu} | reset the specified gpu {gpu} | reboot gpu {gpu}
**rocm-smi -d {gpu} --setperflevel {level}
    set perf level {level} on gpu {gpu} | .gpu {gpu} performance level {level} | .perf level of gpu {gpu} to {level} | switch gpu {gpu} to {level} performance
*rocm-smi --setperflevel {level}
    set perf level {level} | .performance level {level} | .perf level to {level} on all gpus | switch to {level} performance level | force performance level {level}
rocm-smi --setperflevel {stable}
    set perf level {stable} | .performance level {stable} | switch to {stable}
**rocm-smi {rat} --setpoweroverdrive {wattsa}
    .power cap {wattsa} | set the power cap to {wattsa} | cap power at {wattsa} | limit power to {wattsa} | .power limit {wattsa} | .power overdrive {wattsa} | set maximum gpu power to {wattsa} | allow at most {wattsa}
*rocm-smi {rat} --resetpoweroverdrive
    reset power overdrive | undo the power cap | .power cap back to default | restore default power limit | set the power limit back to normal | reset the power cap
*rocm-smi {rat} --setoverdrive {percent} --autorespond y
    set gpu overdrive to {percent} and answer yes automatically | .overdrive {percent}, auto yes | raise the gpu clock overdrive by {percent} without prompt
rocm-smi {rat} --setoverdrive {percent}
    set overdrive to {percent} | .gpu overdrive {percent} | .overdrive level {percent} | raise gpu clock overdrive to {percent}
rocm-smi {rat} --setmemoverdrive {percent}
    set memory overdrive to {percent} | .memory overdrive {percent} | raise the memory clock overdrive to {percent}
*rocm-smi {rat} --setfan {fan}
    set fan to {fan} | .fan speed {fan} | run the fans at {fan} | .fans {fan}
*rocm-smi {rat} --resetfans
    reset fans | .fans back to automatic | return fan control to the driver | .automatic fan control
*rocm-smi {rat} --resetclocks
    reset clocks | .clocks back to default | reset clocks and overdrive to default | undo clock settings | .default clocks
*rocm-smi {rat} --setsclk {freqlevel}
    set sclk level {freqlevel} | .gpu clock level {freqlevel} | set gpu clock frequency level to {freqlevel} | force sclk to level {freqlevel}
rocm-smi {rat} --setmclk {freqlevel}
    set mclk level {freqlevel} | .memory clock level {freqlevel} | set memory clock frequency level to {freqlevel}
rocm-smi {rat} --setpcie {freqlevel}
    set pcie clock level {freqlevel} | .pcie level {freqlevel} | set the pcie frequency level to {freqlevel}
rocm-smi {rat} --setclock sclk {freqlevel}
    set clock sclk to level {freqlevel} (setclock) | .setclock sclk {freqlevel}
rocm-smi {rat} --setclock mclk {freqlevel}
    set clock mclk to level {freqlevel} (setclock) | .setclock mclk {freqlevel}
rocm-smi {rat} --setslevel {freqlevel} {mhzn} {volt}
    set sclk level {freqlevel} to {mhzn} MHz and {volt} mV | .slevel {freqlevel} {mhzn} {volt}
rocm-smi {rat} --setmlevel {freqlevel} {mhzn} {volt}
    set mclk level {freqlevel} to {mhzn} MHz and {volt} mV | .mlevel {freqlevel} {mhzn} {volt}
rocm-smi {rat} --setvc {plevel} {mhzn} {volt}
    set voltage curve point {plevel} to {mhzn} MHz, {volt} mV | .voltage curve point {plevel}: {mhzn} MHz {volt} mV
**rocm-smi {rat} --setsrange {slo} {shi}
    set sclk range {slo} to {shi} | .gpu clock range {slo}-{shi} MHz | limit sclk to {slo}-{shi} | keep the gpu clock between {slo} and {shi} MHz | lock clocks to {slo}..{shi} MHz
rocm-smi {rat} --setmrange {slo} {shi}
    set mclk range {slo} to {shi} | .memory clock range {slo}-{shi} MHz | limit mclk to {slo}-{shi} | keep the memory clock between {slo} and {shi} MHz
rocm-smi {rat} --setextremum max sclk {mhzn}
    set maximum sclk to {mhzn} | .max sclk {mhzn} MHz | set the highest gpu clock to {mhzn} MHz (extremum)
rocm-smi {rat} --setextremum min sclk {mhzn}
    set minimum sclk to {mhzn} | .min sclk {mhzn} MHz | set the lowest gpu clock to {mhzn} MHz (extremum)
*rocm-smi {rat} --setperfdeterminism {cap}
    .perf determinism {cap} | enable performance determinism at {cap} | set performance determinism with max clock {cap} | cap the clock at {cap} for deterministic performance
*rocm-smi {rat} --resetperfdeterminism
    disable performance determinism | reset perf determinism | .perf determinism off
*rocm-smi {rat} --setprofile {profilen}
    set power profile {profilen} | .compute profile {profilen} | switch to power profile {profilen}
*rocm-smi {rat} --resetprofile
    reset power profile | .power profile back to default | undo the compute profile
**rocm-smi {rat} --setcomputepartition {partition}
    set compute partition {partition} | .{partition} mode | switch to {partition} partitioning | .compute partition {partition} | partition as {partition}
*rocm-smi {rat} --resetcomputepartition
    reset compute partition | .compute partition back to boot state | undo the compute partition
**rocm-smi {rat} --setmemorypartition {nps}
    set memory partition {nps} | .{nps} mode | switch memory to {nps} | .memory partition {nps}
rocm-smi {rat} --resetmemorypartition
    reset memory partition | .memory partition back to boot state | undo the nps mode
*rocm-smi {rat} --resetxgmierr
    reset xgmi errors | clear the xgmi error count | reset xgmi error state
rocm-smi {rat} --rasenable {block} ue
    enable ras for {block}, uncorrectable errors | .ras on for {block} (ue)
rocm-smi {rat} --rasdisable {block} ce
    disable ras for {block}, correctable errors | .ras off for {block} (ce)
rocm-smi {rat} --rasinject {block}
    inject a ras error into {block} | ras error injection in {block} | test ras by injecting an error into {block}
*rocm-smi --save {jsonfile}
    save clock settings to {jsonfile} | save the settings in {jsonfile} | store clocks, fan and profile settings to {jsonfile}
*rocm-smi --load {jsonfile}
    .load clock settings from {jsonfile} | restore settings from {jsonfile} | apply saved settings of {jsonfile}
"""
