"""nvidia-smi in people's words: dmon, pmon, topo, nvlink and mig."""

from __future__ import annotations

TEXT = """
*nvidia-smi dmon {one} {delay} {samples} {stamp} {tofile}
    device monitoring | scrolling gpu stats | dmon | rolling device stats | one line of stats per gpu | live device monitor | continuous stats in scrolling format | device monitor in scrolling form | stream gpu stats line by line
**nvidia-smi dmon {one} -s {groups} {delay} {samples} {stamp} {tofile}
    dmon with {groups} | scrolling {groups} | monitor {groups} line by line | device monitor for {groups} | rolling stats of {groups} | dmon columns for {groups} | stream {groups} | scroll {groups} | dmon showing only {groups}
*nvidia-smi dmon {one} -s p {delay} {samples}
    scroll power and temperature | dmon power/temp | stream of watts and temps | scrolling power usage and temperature
*nvidia-smi dmon {one} -s u {delay} {samples}
    dmon utilization | scroll sm, memory, encoder and decoder utilization | scrolling sm utilization | scrolling utilization columns
*nvidia-smi dmon {one} -s t {delay} {samples}
    pcie traffic | pcie rx and tx throughput | pcie bandwidth in MB/s, live | how much goes over pcie | scrolling pcie rx/tx | watch pcie throughput
nvidia-smi dmon {one} -s v {delay} {samples}
    power and thermal violations | throttling violations scrolling | dmon violations | watch for power or thermal violations
nvidia-smi dmon {one} -s e {delay} {samples}
    dmon ecc errors and pcie replays | scroll ecc error counts and pcie replay errors | watch ecc errors line by line
nvidia-smi dmon {one} -s m {delay} {samples}
    dmon memory | scrolling fb and bar1 memory usage | stream framebuffer memory use
nvidia-smi dmon {one} -s c {delay} {samples}
    dmon clocks | scroll processor and memory clocks | stream the clock speeds
nvidia-smi dmon {one} -s pucvmet {delay} {samples}
    dmon with all metric groups | dmon with everything | all dmon columns: power, utilization, clocks, violations, memory, ecc and pcie | scroll every metric group
nvidia-smi dmon -i {gpus} -s {groups}
    dmon {groups} of gpus {gpus} | scroll {groups} for gpus {gpus} | monitor {groups} on cards {gpus} only
nvidia-smi dmon --gpm-metrics 1,2,3
    dmon with gpm metrics 1,2,3 | gpm metrics 1,2,3 in the device monitor | dmon gpm 1,2,3
nvidia-smi dmon --gpm-metrics 2 --gpm-options m
    dmon with gpm metric 2 at mig level | gpm metric 2, options m | gpm metric 2 per mig instance
nvidia-smi dmon --gpm-metrics 10,20 --gpm-options d
    gpm metrics 10 and 20 at device level in dmon | dmon gpm metrics 10,20 with options d
nvidia-smi dmon --format csv,noheader {samples}
    dmon as csv without header | device monitor in csv, no header | csv dmon output, no header lines
nvidia-smi dmon --format csv {samples}
    dmon as csv | device monitor output in csv | scrolling stats as csv
nvidia-smi dmon --format csv,noheader,nounit -s {groups}
    dmon {groups} as csv without header or units | {groups} from dmon, csv, no header, no units
nvidia-smi dmon -h #once
    dmon help | help for dmon | options of dmon | how does dmon work
**nvidia-smi pmon {one} {delay} {samples} {stamp} {tofile}
    process monitoring | per-process gpu usage | pmon | which process uses how much of the gpu | scrolling process stats | process monitor | usage per process, live | gpu usage by process | sm utilization per process | top for gpu processes | watch gpu processes
*nvidia-smi pmon -c 1 #once
    per-process gpu usage once | one snapshot of gpu processes with utilization | pmon one sample | single pmon reading | process usage right now, one shot | pmon once
*nvidia-smi pmon {one} -s m {delay} {samples}
    memory per process, scrolling | framebuffer memory of each process | pmon memory | process monitor with memory usage | fb usage per process | pmon with memory columns only
*nvidia-smi pmon {one} -s um {delay} {samples} {tofile}
    pmon with utilization and memory | utilization and memory per process | process monitor: usage + memory | both utilization and memory columns in pmon | sm and fb use of each process
nvidia-smi pmon {one} -s u {delay} {samples}
    pmon utilization | process monitor with utilization columns
nvidia-smi pmon -i {gpus} {samples}
    process monitor on gpus {gpus} | pmon for gpus {gpus} | watch processes of gpus {gpus}
nvidia-smi pmon -h #once
    pmon help | help for pmon | options of the process monitor
**nvidia-smi topo -m #once
    topology | gpu topology | topology matrix | how are the gpus connected | interconnect matrix | gpu and nic topology | which gpus share nvlink | topo | show the topology | gpu affinity matrix | connection matrix between gpus | cpu affinity of the gpus | numa affinity and links | display the gpudirect communication matrix | is it nvlink or pcie between the gpus
nvidia-smi topo -mp #once
    pci-only topology matrix | topology without nvlink | topo matrix excluding nvlinks | pcie topology matrix | communication matrix of pci connections only
nvidia-smi topo -c {cpun}
    gpus near cpu {cpun} | which gpus have affinity with cpu {cpun} | gpus with affinity to cpu {cpun} | topology: gpus of cpu {cpun}
nvidia-smi topo -n {freqlevel} -i {gpu}
    gpus nearest to gpu {gpu} at traversal level {freqlevel} | nearest gpus of gpu {gpu}, level {freqlevel} | gpus closest to {gpu} with topology level {freqlevel}
nvidia-smi topo -p -i {two}
    path between gpus {two} | most direct path traversal for gpus {two} | which path connects gpus {two} | common ancestor of gpus {two}
nvidia-smi topo -p2p r #once
    p2p read status | can the gpus read each other's memory | peer to peer read capability | p2p matrix for reads | p2p reads
nvidia-smi topo -p2p w #once
    p2p write status | peer to peer write capability | can gpus write to each other | p2p matrix for writes
nvidia-smi topo -p2p n #once
    p2p nvlink status | nvlink p2p matrix | which gpu pairs have p2p over nvlink | peer to peer over nvlink
nvidia-smi topo -p2p a #once
    p2p atomics status | peer to peer atomics support | p2p matrix for atomics | can gpus do atomics on each other
nvidia-smi topo -p2p p #once
    p2p over pcie status | p2p pcie capability matrix | peer to peer prop matrix over pci
nvidia-smi topo -C -i {gpu}
    numa node of the cpu nearest to gpu {gpu} | numa id of the cpu for gpu {gpu} | nearest cpu numa node of gpu {gpu} | numa of cpu, gpu {gpu}
nvidia-smi topo -M -i {gpu}
    numa node of the memory nearest to gpu {gpu} | memory numa id of gpu {gpu} | numa of memory, gpu {gpu}
nvidia-smi topo -gnid -i {gpu}
    gpu numa id of gpu {gpu} | numa node id of the gpu {gpu} itself | get numa id, gpu {gpu}
nvidia-smi topo -gpu {two} -p #rare
    topology path with -gpu {two} | topo path for the gpu list {two}
nvidia-smi topo -h #once
    topo help | help for topo | topology options
**nvidia-smi nvlink -s {one}
    nvlink status | are the nvlinks up | nvlink speed per link | link status | is nvlink active | nvlink state and bandwidth | check nvlinks | nvlink links and their speed | nvlinks ok? | nvlink up or down
*nvidia-smi nvlink -s -i {gpu} -l {link}
    status of nvlink {link} of gpu {gpu} | nvlink status, gpu {gpu} link {link} | is link {link} of gpu {gpu} up
*nvidia-smi nvlink -c {one}
    nvlink capabilities | what can the nvlinks do | link capabilities | display nvlink capabilities
nvidia-smi nvlink -p {one}
    remote pci bus ids of the nvlinks | which device is at the other end of each nvlink | remote node pci bus id of links | nvlink peers by pci id
nvidia-smi nvlink -R {one}
    remote link info of nvlink | remote device and link number | nvlink remote link information | which remote link number is each nvlink wired to
*nvidia-smi nvlink -e {one}
    nvlink errors | nvlink error counters | link errors | replay and recovery errors of nvlink | crc, replay and recovery error counts of nvlinks | are there nvlink errors
nvidia-smi nvlink -ec {one}
    nvlink crc errors per lane | per-lane crc error counters | crc error counters of the nvlink lanes
nvidia-smi nvlink -re {one}
    reset nvlink error counters | clear nvlink errors | zero the nvlink error counts | reset all error counters of the links
*nvidia-smi nvlink -gt d {one}
    nvlink traffic | nvlink data throughput | how much data went over nvlink | nvlink tx and rx data | nvlink throughput counters, payload | nvlink utilization in KiB
nvidia-smi nvlink -gt r {one}
    raw nvlink throughput | nvlink raw data counters including protocol overhead | nvlink throughput, raw
nvidia-smi nvlink -gt d -i {gpu} -l {link}
    data throughput of link {link} on gpu {gpu} | nvlink traffic of gpu {gpu}, link {link} | tx/rx data of nvlink {link}, gpu {gpu}
nvidia-smi nvlink -g {cpun} {one}
    nvlink utilization counter {cpun} | get nvlink counters, set {cpun} | read nvlink counter {cpun}
nvidia-smi nvlink -r {cpun} {one}
    reset nvlink utilization counter {cpun} | reset nvlink counters, set {cpun} | clear nvlink counter {cpun}
nvidia-smi nvlink -gc {one}
    get nvlink counter control | how are the nvlink counters configured | nvlink utilization counter control settings
nvidia-smi nvlink -sc 0bz {one}
    set nvlink counter 0 to count bytes for all packets (0bz) | nvlink setcontrol 0bz | configure nvlink counters with 0bz
nvidia-smi nvlink -sLowPwrThres {channels} {one}
    set the nvlink low power threshold to {channels} | .nvlink low power threshold {channels}
nvidia-smi nvlink -gLowPwrInfo {one}
    nvlink low power info | get low power threshold info of nvlink | nvlink low power settings
nvidia-smi nvlink -info {one}
    nvlink info | nvlink supported info | general information on nvlink
nvidia-smi nvlink -h #once
    nvlink help | help for the nvlink sub-command | nvlink options
**nvidia-smi mig -lgip {one}
    mig profiles | list mig profiles | which mig slices are possible | available gpu instance profiles | mig slice sizes | gpu instance profiles | what mig partitions does it support | free mig profiles
nvidia-smi mig -lgipp {one}
    possible mig placements | gpu instance placements | where can mig instances be placed | list possible placements of gpu instances
**nvidia-smi mig -lgi {one}
    mig slices | list mig instances | which mig instances exist | list gpu instances | created gpu instances | current mig partitions | mig gpu instances
*nvidia-smi mig -i {gpu} -cgi {profile} -C
    create a {profile} mig instance with compute instance on gpu {gpu} | make one {profile} slice incl. compute instance on gpu {gpu} | carve a {profile} slice with its default compute instance out of gpu {gpu} | .mig: one {profile} on gpu {gpu} with compute instance
*nvidia-smi mig -cgi {profile} -C
    create a {profile} mig instance with compute instance | make a {profile} slice plus default compute instance | create {profile} gpu instance and compute instance | .one {profile} mig slice with ci
nvidia-smi mig {one} -cgi {profile},{profile2} -C
    create mig slices {profile} and {profile2} with compute instances | make two gpu instances, {profile} and {profile2}, with default compute instances | split into {profile} + {profile2}, compute instances too
nvidia-smi mig {one} -cgi {profile}
    create a {profile} gpu instance only | make a {profile} gpu instance without compute instance | create gpu instance {profile}, no compute instance yet
*nvidia-smi mig {one} -dgi
    destroy all gpu instances | delete all mig instances | remove every mig slice | destroy gpu instances | wipe the mig partitions
nvidia-smi mig -i {gpu} -dgi -gi {small}
    destroy gpu instance {small} on gpu {gpu} | delete mig instance {small} of gpu {gpu} | remove gpu instance {small} from gpu {gpu}
nvidia-smi mig -lcip {one}
    compute instance profiles | list compute instance profiles | which compute instances are possible | mig compute profiles
nvidia-smi mig -lcip -gi {small} {one}
    compute instance profiles of gpu instance {small} | list ci profiles for gpu instance {small}
nvidia-smi mig -lcipp {one}
    possible compute instance placements | placements of compute instances | where can compute instances go
*nvidia-smi mig -lci {one}
    list compute instances | compute instances | which compute instances exist | mig compute instances
*nvidia-smi mig {one} -cci -gi {small}
    create the default compute instance in gpu instance {small} | add a compute instance to gpu instance {small} | default compute instance on gi {small}
nvidia-smi mig {one} -cci {number} -gi {small}
    create compute instance profile {number} in gpu instance {small} | compute instance of profile {number} on gi {small}
*nvidia-smi mig {one} -dci
    destroy all compute instances | delete compute instances | remove the compute instances | wipe all compute instances
nvidia-smi mig {one} -dci -ci {plevel} -gi {small}
    destroy compute instance {plevel} of gpu instance {small} | delete compute instance {plevel} in gi {small} | remove ci {plevel} from gi {small}
nvidia-smi mig -h #once
    mig help | help for the mig sub-command | options of nvidia-smi mig
"""
