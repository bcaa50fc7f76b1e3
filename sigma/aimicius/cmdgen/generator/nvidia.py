"""Intents for NVIDIA nodes: nvidia-smi and its sub-commands. Phrases: train plain, `=` dev, `+` test (see phrasing.intent).

It has over 300 lines: a list of intents, one after another, where a cut would only be to turn a page.
"""

from __future__ import annotations

from sigma.aimicius.cmdgen.generator.phrasing import Intent, intent

BOTH = ("8xH100", "8xA100")


def _i(command: str, text: str, systems: tuple[str, ...] = BOTH) -> Intent:
    return intent(command, text, systems)


INTENTS = (
    _i("nvidia-smi", """
        see the overview table of all GPUs
        show the standard status table of the node's GPUs and processes
        ! Give me the plain nvidia-smi summary.
        = get the usual one-screen GPU summary
        + take a first look at the state of every GPU and what runs on it
        + ! Default GPU status screen, nothing special."""),
    _i("nvidia-smi -L", """
        list all GPUs and their UUIDs
        print one line per GPU with its UUID
        ! Which GPUs does this node have? I need their UUIDs.
        = show every device next to its unique identifier
        + enumerate the cards in the box together with their UUIDs
        + ! I need the short list of devices and UUIDs."""),
    _i("nvidia-smi -l {secs}", """
        refresh the GPU status table every {secs} seconds
        keep showing the summary, updating each {secs} s
        ! Watch the GPUs: the normal table again and again, {secs} seconds apart.
        = repeat the overview at a {secs} second interval
        + have the status screen print itself anew every {secs} seconds
        + ! Leave the summary running with a {secs}-second refresh."""),
    _i("nvidia-smi -lms {ms}", """
        print the GPU summary every {ms} milliseconds
        loop over the status table with a period of {ms} ms
        = refresh the summary at {ms} ms
        + poll the overview table each {ms} milliseconds
        + ! The status table, please, but with a {ms} ms loop."""),
    _i("nvidia-smi -i {gpu} -q", """
        print the full detailed report of GPU {gpu}
        query every attribute of GPU {gpu}
        ! Everything nvidia-smi knows about GPU {gpu}, in the long form.
        = dump all details of device {gpu}
        + read the complete attribute report for GPU {gpu} only
        + ! I need the long query output, just card {gpu}."""),
    _i("nvidia-smi -q -d {sections}", """
        show only the {sections} sections of the detailed query for all GPUs
        display detailed {sections} information of every GPU
        ! The long report is too much: keep only {sections}.
        = restrict the detailed report to {sections}
        + get the {sections} part of the full query, all devices
        + ! From the -q report I only care about {sections}."""),
    _i("nvidia-smi -q -d {section} -i {gpu}", """
        show the {section} section of the detailed query for GPU {gpu}
        display detailed {section} information of GPU {gpu}
        ! What does the long report say about {section} on GPU {gpu}?
        = print the {section} details of device {gpu}
        + look up the {section} block of the full query for card {gpu}
        + ! Only {section}, only GPU {gpu}, from the detailed report."""),
    _i("nvidia-smi -q -x -f {xmlfile}", """
        save the full query as XML in {xmlfile}
        write the complete GPU report to {xmlfile} in XML format
        ! A machine-readable XML dump of all GPUs should land in {xmlfile}.
        = store the XML report under {xmlfile}
        + put the whole detailed report, as XML, into {xmlfile}
        + ! Our parser wants XML: full query to {xmlfile}."""),
    _i("nvidia-smi -q -f {log}", """
        write the detailed report of all GPUs to {log}
        save the full text query into the file {log}
        ! Full report into {log} instead of the screen.
        = send the long query to {log}
        + keep a copy of the complete text report in {log}
        + ! Detailed query, all GPUs, redirected by the tool itself to {log}."""),
    _i("nvidia-smi --query-gpu={fields} --format=csv", """
        report {fields} of every GPU as CSV
        query {fields} for all GPUs in CSV format
        ! I want a CSV with {fields} for each GPU.
        = produce CSV output with {fields}
        + collect {fields} from all cards, comma separated with the header
        + ! CSV please: {fields}, one row per GPU."""),
    _i("nvidia-smi --query-gpu={fields} --format=csv,noheader -i {gpu}", """
        report {fields} of GPU {gpu} as CSV without a header
        query {fields} of GPU {gpu} in CSV, no header line
        ! Just the CSV values of {fields} for GPU {gpu}, leave out the header.
        = fetch {fields} of device {gpu} as header-less CSV
        + read {fields} of card {gpu} as comma separated values and drop the header
        + ! Only card {gpu}: {fields} in CSV, header off."""),
    _i("nvidia-smi --query-gpu={fields} --format=csv,noheader,nounits", """
        print {fields} of all GPUs as bare CSV, without header and units
        get {fields} as CSV with no header and no units
        ! My script parses numbers: {fields} of every GPU in CSV, no header, no units.
        = output {fields} as plain CSV numbers (header and units off)
        + feed a script with {fields} for each card: CSV, neither header nor units
        + ! {fields} per GPU, CSV, strip units and the header."""),
    _i("nvidia-smi --query-gpu={fields} --format=csv -l {secs}", """
        log {fields} of all GPUs as CSV every {secs} seconds
        sample {fields} in CSV format each {secs} seconds
        ! Keep printing {fields} as CSV, one sample per {secs} seconds.
        = poll {fields} as CSV at {secs} second intervals
        + record {fields} over time, CSV rows every {secs} s
        + ! Track {fields} continuously: CSV, {secs} seconds between samples."""),
    _i("nvidia-smi --query-gpu={fields} --format=csv -f {csvfile}", """
        save {fields} of all GPUs as CSV to {csvfile}
        write a CSV of {fields} into {csvfile}
        ! {fields} for every GPU, as CSV, stored in {csvfile}.
        = export {fields} as CSV to {csvfile}
        + have {fields} of each card written as CSV to the file {csvfile}
        + ! CSV file {csvfile} should contain {fields} of all devices."""),
    _i("nvidia-smi --query-compute-apps={apps} --format=csv", """
        list compute processes with {apps} as CSV
        show {apps} of all running compute apps in CSV format
        ! Which compute processes are running? I need {apps} as CSV.
        = print the compute apps' {apps} as CSV
        + get a CSV of the jobs on the GPUs: {apps}
        + ! CSV of every compute process, columns {apps}."""),
    _i("nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader -i {gpu}", """
        list the PID and used memory of compute processes on GPU {gpu} as CSV without header
        show which PIDs occupy memory on GPU {gpu} and how much, CSV and no header
        = get pid and used memory of the processes on device {gpu}, CSV without the header
        + find out who is eating memory on card {gpu}: pid and used memory, header-less CSV
        + ! Processes on GPU {gpu}: pid, used memory, CSV, header off."""),
    _i("nvidia-smi dmon", """
        start device monitoring with the default columns
        watch rolling per-device statistics of all GPUs
        = run the device monitor with its defaults
        + get the scrolling one-line-per-GPU statistics
        + ! Device monitoring, default settings."""),
    _i("nvidia-smi dmon -s {groups} -d {delay} -c {count}", """
        use dmon to collect {groups} every {delay} seconds, {count} samples
        monitor {groups} of all devices with a delay of {delay} seconds, {count} times
        ! Device monitoring of {groups}: {count} samples, {delay} seconds apart.
        = sample {groups} {count} times with dmon, one each {delay} seconds
        + scroll {groups} statistics of every GPU, {count} rows per device at {delay} s
        + ! dmon, metrics {groups}, stop after {count} samples, {delay} s interval."""),
    _i("nvidia-smi dmon -i {gpus} -s {groups}", """
        monitor {groups} of GPUs {gpus} with dmon
        run device monitoring on GPUs {gpus} showing {groups}
        ! Rolling {groups} statistics, only GPUs {gpus}.
        = watch {groups} on devices {gpus} with dmon
        + follow {groups} of cards {gpus} in the device monitor
        + ! dmon for {gpus} only, columns for {groups}."""),
    _i("nvidia-smi dmon -o DT -f {log}", """
        log device monitoring with date and time to {log}
        run dmon into {log}, each line with date and time
        ! Device monitor to the file {log}, timestamps (date and time) included.
        = save dmon output with date and time in {log}
        + write the rolling device statistics to {log} and stamp rows with date and time
        + ! dmon in the background of my mind: file {log}, add date and time columns."""),
    _i("nvidia-smi pmon -i {gpu} -d {delay} -c {count}", """
        use nvidia-smi pmon to monitor GPU {gpu}, updating every {delay} seconds for {count} times
        watch the processes of GPU {gpu} with pmon, {count} samples at {delay} second intervals
        ! Process monitoring on GPU {gpu}: delay {delay}, count {count}.
        = monitor processes on device {gpu} every {delay} s, {count} samples
        + follow per-process usage of card {gpu} at {delay} s, stopping after {count} samples
        + ! Per-process statistics, GPU {gpu}, {count} times, one every {delay} seconds."""),
    _i("nvidia-smi pmon -i {gpu} -d {delay} -c {count} -f {log}", """
        monitor processes of GPU {gpu} every {delay} seconds for a total of {count} times and log to {log}
        use pmon on GPU {gpu} with interval {delay} and {count} samples, writing to {log}
        = run pmon for device {gpu}: {count} samples, {delay} seconds each, output in {log}
        + record the process monitor of card {gpu} ({count} samples, {delay} s apart) in {log}
        + ! pmon to file {log}: GPU {gpu}, {delay} s, {count} samples."""),
    _i("nvidia-smi pmon -s um -c {count}", """
        show process utilization and memory usage {count} times with pmon
        collect {count} pmon samples with both utilization and memory columns
        = take {count} process monitor samples with usage and framebuffer memory
        + print {count} rounds of per-process usage including memory
        + ! pmon with utilization plus memory, {count} rounds."""),
    _i("nvidia-smi topo -m", """
        show the topology matrix of the node
        see how the GPUs are connected to each other and to the CPUs
        ! Which GPU pairs talk over NVLink? Show the matrix.
        = print the interconnect matrix
        + display the GPU interconnect and CPU affinity matrix
        + ! I need the connection matrix between all GPUs."""),
    _i("nvidia-smi topo -p2p {p2pcap}", """
        show the peer-to-peer {p2pcap} capability between all GPUs
        print the P2P status matrix for {p2pcap}
        = check p2p {p2pcap} support between devices
        + verify which GPU pairs support peer-to-peer {p2pcap}
        + ! P2P matrix, {p2pcap} capability."""),
    _i("nvidia-smi nvlink -s -i {gpu}", """
        show the NVLink status of GPU {gpu}
        check whether the NVLinks of GPU {gpu} are up and their speed
        = list link state and speed of device {gpu}'s NVLinks
        + see if all NVLinks of card {gpu} are active
        + ! NVLink state, GPU {gpu}."""),
    _i("nvidia-smi nvlink -e", """
        show the NVLink error counters of all GPUs
        check every GPU for NVLink replay, recovery and CRC errors
        = print NVLink error counts
        + look for errors on the NVLinks of the whole node
        + ! Any NVLink errors? Show the counters."""),
    _i("nvidia-smi nvlink -gt d -i {gpu} -l {link}", """
        read the data throughput counter of NVLink {link} on GPU {gpu}
        show how much payload data went over link {link} of GPU {gpu}
        = get NVLink data throughput of device {gpu}, link {link}
        + measure NVLink payload traffic on card {gpu}, only link {link}
        + ! NVLink throughput (data), link {link}, GPU {gpu}."""),
    _i("nvidia-smi mig -lgip -i {gpu}", """
        list the MIG GPU instance profiles of GPU {gpu}
        show which MIG profiles GPU {gpu} supports
        = print the GPU instance profiles available on device {gpu}
        + find out into which MIG instances card {gpu} could be cut
        + ! MIG profiles for GPU {gpu}, please."""),
    _i("nvidia-smi mig -i {gpu} -cgi {profile} -C", """
        create a MIG GPU instance {profile} on GPU {gpu} together with its compute instance
        make a {profile} MIG instance with default compute instance on GPU {gpu}
        = set up MIG instance {profile} and its compute instance on device {gpu}
        + carve a {profile} GPU instance plus compute instance out of card {gpu}
        + ! GPU {gpu}: MIG instance {profile}, compute instance included."""),
    _i("nvidia-smi mig -lgi", """
        list the MIG GPU instances that exist
        show all created GPU instances
        = print existing MIG GPU instances
        + check which MIG GPU instances are currently set up
        + ! Current GPU instances (MIG)?"""),
    _i("nvidia-smi -i {gpu} -mig 1", """
        enable MIG mode on GPU {gpu}
        switch GPU {gpu} into multi-instance mode
        = turn MIG on for device {gpu}
        + get card {gpu} ready for partitioning by activating MIG
        + ! MIG on, GPU {gpu}."""),
    _i("nvidia-smi -i {gpu} -mig 0", """
        disable MIG mode on GPU {gpu}
        take GPU {gpu} out of multi-instance mode
        = turn MIG off for device {gpu}
        + make card {gpu} a whole GPU again by deactivating MIG
        + ! MIG off, GPU {gpu}."""),
    _i("nvidia-smi -pm 1", """
        enable persistence mode on all GPUs
        keep the driver loaded on every GPU when nothing runs
        ! The first CUDA call is slow because the driver unloads. Turn persistence mode on everywhere.
        = activate persistence mode node-wide
        + stop the driver from unloading between jobs by setting persistence mode
        + ! Persistence mode: on, all devices."""),
    _i("nvidia-smi -i {gpu} -pm 0", """
        disable persistence mode on GPU {gpu}
        turn off persistence mode for GPU {gpu} only
        = switch persistence off for device {gpu}
        + clear the persistence mode flag of card {gpu}
        + ! Persistence mode off on GPU {gpu}."""),
    _i("nvidia-smi -i {gpu} -pl {watts}", """
        set the power limit of GPU {gpu} to {watts} W
        cap GPU {gpu} at {watts} watts
        ! GPU {gpu} runs too hot; let it draw {watts} W at most.
        = limit device {gpu} to {watts} watts
        + keep card {gpu} from drawing more than {watts} W
        + ! Power cap of {watts} W for GPU {gpu}."""),
    _i("nvidia-smi -pl {watts}", """
        set a power limit of {watts} W on all GPUs
        cap every GPU at {watts} watts
        = limit the whole node's GPUs to {watts} W each
        + make each card draw {watts} watts at most
        + ! {watts} W power cap, every device."""),
    _i("nvidia-smi -i {gpu} -lgc {lo},{hi}", """
        lock the graphics clock of GPU {gpu} between {lo} and {hi} MHz
        restrict GPU {gpu}'s core clock to the range {lo} to {hi} MHz
        = pin device {gpu}'s GPU clocks to {lo}-{hi} MHz
        + hold the core clock of card {gpu} within {lo} and {hi} MHz
        + ! GPU {gpu}: clock range {lo} to {hi} MHz, locked."""),
    _i("nvidia-smi -lgc {mhz}", """
        lock the GPU clock of every device at {mhz} MHz
        fix all core clocks to {mhz} MHz for a benchmark
        = pin the graphics clock of all GPUs to {mhz} MHz
        + get repeatable timings by freezing every core clock at {mhz} MHz
        + ! All GPUs at exactly {mhz} MHz."""),
    _i("nvidia-smi -rgc", """
        reset the locked GPU clocks to default
        undo the GPU clock lock on all devices
        = release the graphics clock lock
        + let all core clocks float freely again after a lock
        + ! Clock lock off again, everywhere."""),
    _i("nvidia-smi -i {gpu} -rgc", """
        reset the locked clocks of GPU {gpu}
        undo the clock lock on GPU {gpu} only
        = release the graphics clock lock of device {gpu}
        + free the core clock of card {gpu} after an experiment
        + ! GPU {gpu}: remove the clock lock."""),
    _i("nvidia-smi -ac {appmem},{mhz}", """
        set the application clocks to {appmem} MHz memory and {mhz} MHz graphics
        use application clocks of {appmem} (memory) and {mhz} (graphics) on all GPUs
        = choose application clocks memory {appmem}, graphics {mhz}
        + make applications run at memory clock {appmem} MHz and graphics clock {mhz} MHz
        + ! Application clocks: {appmem} MHz for memory, {mhz} MHz for graphics.""", ("8xA100",)),
    _i("nvidia-smi -rac", """
        reset the application clocks to their default
        restore default application clocks on all GPUs
        = put application clocks back to default
        + drop custom application clocks
        + ! Default application clocks again, please."""),
    _i("nvidia-smi -i {gpu} -e 0", """
        disable ECC on GPU {gpu}
        turn off ECC memory for GPU {gpu}
        = switch ECC off on device {gpu}
        + run card {gpu} without error correction after the next reboot
        + ! ECC off, GPU {gpu}."""),
    _i("nvidia-smi -e 1", """
        enable ECC on all GPUs
        turn on ECC memory protection everywhere
        = activate ECC on the whole node
        + make every card use error correcting memory
        + ! ECC on for all devices."""),
    _i("nvidia-smi -i {gpu} -p 0", """
        reset the volatile ECC error counts of GPU {gpu}
        clear volatile ECC errors on GPU {gpu}
        = zero the volatile ECC counters of device {gpu}
        + wipe the since-boot ECC counts of card {gpu}
        + ! Volatile ECC counters of GPU {gpu} back to zero."""),
    _i("nvidia-smi -i {gpu} -c {mode}", """
        set the compute mode of GPU {gpu} to {mode}
        put GPU {gpu} into {mode} compute mode
        = change device {gpu} to compute mode {mode}
        + give card {gpu} the {mode} compute mode
        + ! Compute mode {mode} on GPU {gpu}."""),
    _i("nvidia-smi -i {idle} -r", """
        reset GPU {idle}
        trigger a GPU reset of GPU {idle}
        = restart device {idle}'s hardware state with a reset
        + bring idle card {idle} back with a GPU reset
        + ! GPU {idle} hangs, reset it."""),
    _i("nvidia-smi -am 1", """
        enable accounting mode on all GPUs
        switch on per-process accounting
        = activate accounting
        + have the driver keep per-process accounting records on every card
        + ! Accounting mode on."""),
    _i("nvidia-smi --query-supported-clocks=mem,gr --format=csv -i {gpu}", """
        list the supported memory and graphics clocks of GPU {gpu} as CSV
        query which memory and graphics clock pairs GPU {gpu} supports, in CSV
        = print supported mem and gr clocks of device {gpu} as CSV
        + see which memory/graphics clock combinations card {gpu} accepts (CSV)
        + ! CSV of supported memory and graphics clocks, GPU {gpu}."""),
)  # fmt: skip
