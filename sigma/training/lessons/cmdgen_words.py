"""People's words for what tools can show: nvidia-smi's query fields and report sections, the flags of rocm-smi and amd-smi."""

from __future__ import annotations


def _table(text: str) -> dict[str, str]:
    return {name: words for line in text.strip().splitlines() for name, _, words in [line.strip().partition(" ")]}


def _ecc() -> dict[str, str]:
    """nvidia-smi's ECC counters: four kinds at nine places each."""
    kinds = {
        "corrected.volatile": "corrected volatile|single-bit volatile|correctable (since reboot)",
        "corrected.aggregate": "corrected aggregate|lifetime corrected|single-bit aggregate",
        "uncorrected.volatile": "uncorrected volatile|double-bit volatile|uncorrectable (since boot)",
        "uncorrected.aggregate": "uncorrected aggregate|lifetime uncorrected|uncorrectable aggregate",
    }
    places = {
        "total": "ecc errors|ecc error total|ecc total", "device_memory": "ecc errors in device memory|device memory ecc errors",
        "dram": "dram ecc errors|ecc errors in dram", "register_file": "register file ecc errors", "l1_cache": "L1 cache ecc errors",
        "l2_cache": "L2 cache ecc errors", "texture_memory": "texture memory ecc errors", "cbu": "cbu ecc errors",
        "sram": "sram ecc errors|ecc errors in sram",
    }  # fmt: skip
    return {
        f"ecc.errors.{kind}.{place}": "|".join(f"{k} {p}" for k in said.split("|") for p in there.split("|"))
        for kind, said in kinds.items()
        for place, there in places.items()
    }


# The everyday fields first; each of them is drawn alone as well as in lists.
COMMON_FIELDS = _table("""
index index|gpu index|gpu number|idx
name name|gpu name|model|model name|product name|card name
uuid uuid|gpu uuid
serial serial number|serial|board serial
pci.bus_id pci bus id|bus id|pci address|pci bus
driver_version driver version|driver|installed driver
vbios_version vbios version|vbios|bios version
timestamp timestamp|time|date and time
temperature.gpu temperature|gpu temperature|temp|core temp|temperature in celsius
temperature.memory memory temperature|hbm temperature|vram temp|memory temp
utilization.gpu gpu utilization|utilization|usage|gpu usage|load|gpu load|how busy|util
utilization.memory memory utilization|memory util|memory controller load|memory bandwidth utilization
memory.total total memory|memory size|vram size|total vram|memory capacity
memory.used used memory|memory used|vram used|memory usage|memory in use|used vram
memory.free free memory|memory free|free vram|available memory|memory left
power.draw power draw|power|power usage|current power|watts|power consumption|wattage
power.limit power limit|power cap|current power limit
power.max_limit maximum power limit|max power limit|highest allowed power limit
power.min_limit minimum power limit|lowest allowed power limit
power.default_limit default power limit|stock power limit
enforced.power.limit enforced power limit
clocks.sm sm clock|sm frequency|current sm clock|sm speed
clocks.mem memory clock|mem clock|memory frequency|vram clock
clocks.gr graphics clock|core clock|gpu clock|graphics frequency
clocks.video video clock
clocks.max.sm max sm clock|highest sm clock
clocks.max.mem max memory clock
clocks.max.gr max graphics clock|maximum gpu clock
clocks.applications.gr application graphics clock|applications clock of graphics
clocks.applications.mem application memory clock
pstate pstate|performance state|p-state|perf state
fan.speed fan speed|fan|fan percent|fans
pcie.link.gen.current current pcie generation|pcie gen|pcie link generation
pcie.link.gen.max max pcie generation|highest pcie gen
pcie.link.width.current pcie link width|current pcie width|pcie lanes
pcie.link.width.max max pcie width|maximum pcie lanes
persistence_mode persistence mode|persistence|persistence state
compute_mode current compute mode|compute mode setting
compute_cap compute capability|cuda compute capability|sm version
mig.mode.current mig mode|current mig mode|whether mig is on
mig.mode.pending pending mig mode
ecc.mode.current ecc mode|current ecc mode|whether ecc is on|ecc state
ecc.mode.pending pending ecc mode|ecc mode after reboot
count gpu count|number of gpus
display_active whether a display is active|active display
display_mode mode of the display|whether a monitor is attached
clocks_throttle_reasons.active active throttle reasons|active clock throttle reasons|throttling bitmask
""")
# Words that alone would rather ask for the long report, but say enough in a list.
LISTED = COMMON_FIELDS | {
    "temperature.gpu": "temperature|gpu temperature|temp|heat|temps|core temp",
    "compute_mode": "compute mode",
    "clocks_throttle_reasons.active": "throttle reasons|active throttle reasons",
    "utilization.gpu": "gpu utilization|utilization|usage|gpu usage|load|gpu load|util|gpu%",
    "memory.used": "used memory|memory used|vram used|memory usage|memory in use|mem used|used vram",
    "memory.free": "free memory|memory free|free vram|mem free|available memory",
    "memory.total": "total memory|memory total|total vram|memory size|mem total",
    "power.draw": "power draw|power|power usage|watts|power consumption|wattage",
}
RARE_FIELDS = _table("""
memory.reserved reserved memory|memory reserved by the driver
power.draw.average average power draw
power.draw.instant instant power draw|instantaneous power
power.management whether power management is supported|power management
module.power.draw.average average module power draw
module.power.draw.instant instant module power draw
module.power.limit module power limit
temperature.gpu.tlimit temperature margin|tlimit|degrees left to the limit
utilization.encoder encoder utilization|encoder load
utilization.decoder decoder utilization|decoder load
utilization.jpeg jpeg engine utilization
utilization.ofa optical flow utilization|ofa utilization
encoder.stats.sessionCount encoder sessions|number of encoder sessions
encoder.stats.averageFps encoder average fps
encoder.stats.averageLatency encoder average latency
pci.domain pci domain
pci.bus pci bus number
pci.device pci device number
pci.device_id pci device id
pci.sub_device_id pci sub device id
pci.baseClass pci base class
pci.subClass pci sub class
pcie.link.gen.gpucurrent pcie generation of the gpu right now
pcie.link.gen.gpumax pcie generation the gpu supports
pcie.link.gen.hostmax pcie generation the host supports
addressing_mode addressing mode
accounting.mode accounting mode|whether accounting is on
accounting.buffer_size accounting buffer size
driver_model.current driver model
driver_model.pending pending driver model
inforom.img inforom image version
inforom.oem inforom oem object version
inforom.ecc inforom ecc object version
inforom.pwr inforom power object version
gpu_recovery_action gpu recovery action|recommended recovery action
gom.current current gpu operation mode
gom.pending pending gpu operation mode
clocks_throttle_reasons.supported supported throttle reasons
clocks_throttle_reasons.gpu_idle whether clocks are low because the gpu is idle
clocks_throttle_reasons.applications_clocks_setting whether application clocks hold the gpu back
clocks_throttle_reasons.sw_power_cap power cap throttling|software power cap throttle reason
clocks_throttle_reasons.hw_slowdown hardware slowdown|hw slowdown reason
clocks_throttle_reasons.hw_thermal_slowdown hardware thermal slowdown|hw thermal throttling
clocks_throttle_reasons.hw_power_brake_slowdown power brake slowdown
clocks_throttle_reasons.sw_thermal_slowdown software thermal slowdown|thermal throttling by software
clocks_throttle_reasons.sync_boost sync boost throttle reason
dramEncryption.mode.current dram encryption mode
dramEncryption.mode.pending pending dram encryption mode
retired_pages.sbe pages retired for single bit errors|retired pages single bit
retired_pages.dbe pages retired for double bit errors|retired pages double bit
retired_pages.pending pending page retirements|pages waiting for retirement
clocks.default_applications.gr default application graphics clock
clocks.default_applications.mem default application memory clock
gsp.mode.current gsp mode
gsp.mode.default default gsp mode
c2c.mode c2c mode
protected_memory.total total protected memory
protected_memory.used used protected memory
protected_memory.free free protected memory
fabric.state fabric state
fabric.status fabric status
platform.chassis_serial_number chassis serial number
platform.slot_number platform slot number
platform.tray_index tray index
platform.host_id platform host id
vgpu_driver_capability.heterogenous_multivGPU heterogeneous multi-vgpu driver capability
vgpu_device_capability.fractional_multiVgpu fractional multi-vgpu device capability
""") | _ecc()  # fmt: skip
SECTIONS = _table("""
MEMORY memory|memory usage|fb memory
UTILIZATION utilization|usage|load
ECC ecc|ecc errors|ecc counters
TEMPERATURE temperature|temps|thermal
POWER power|power readings|wattage
CLOCK clocks|clock speeds|frequencies
COMPUTE compute mode|compute
PIDS processes|pids|running processes
PERFORMANCE performance state|throttle reasons|performance
SUPPORTED_CLOCKS supported clocks|allowed clocks
PAGE_RETIREMENT page retirement|retired pages
ACCOUNTING accounting|accounting mode
ENCODER_STATS encoder stats|encoder statistics
SUPPORTED_GPU_TARGET_TEMP supported target temperature
VOLTAGE voltage
FBC_STATS frame buffer capture stats|fbc stats
ROW_REMAPPER row remapper|row remapping|remapped rows
RESET_STATUS reset status|whether a reset is needed
GSP_FIRMWARE_VERSION gsp firmware version
POWER_SMOOTHING power smoothing
POWER_PROFILES power profiles
""")
APP_FIELDS = _table("""
pid pid|pids|process id
process_name process name|name|command
used_memory used memory|memory|gpu memory|how much memory they use
gpu_uuid gpu uuid|which gpu (uuid)
gpu_name gpu name
gpu_bus_id gpu bus id|pci bus id of the gpu
gpu_serial gpu serial
timestamp timestamp
""")
DMON = _table("""
p power and temperature|power/temp|power & temperature|heat and watts
u utilization|sm and memory utilization|usage
c clocks|clock speeds|processor and memory clocks
v violations|power and thermal violations|throttling violations
m memory|framebuffer memory|fb and bar1 memory
e ecc errors|ecc errors and pcie replays
t pcie throughput|pcie rx/tx|pcie traffic
""")
ROCM_SHOW = _table("""
--showtemp temperature|temps|temperatures|heat
--showpower power|power draw|average power|watts|power consumption
--showuse gpu use|utilization|gpu usage|load|gpu busy percent
--showmemuse memory use|vram usage percent|memory usage|vram%
--showclocks clocks|current clock frequencies|clock speeds
--showgpuclocks gpu clocks|current gpu clock frequency
--showfan fan speed|fan|fans
--showvoltage voltage|current voltage
--showperflevel performance level|perf level|dpm performance level
--showserial serial number|serials
--showbus pci bus|pci bus number|bus id
--showuniqueid unique id
--showvbios vbios version|vbios|bios version
--showproductname product name|card model|product details
--showmaxpower max power|power cap|maximum graphics package power
--showid device id|gpu id
--showdriverversion driver version|kernel driver version
--showmemvendor memory vendor|vram vendor
--showoverdrive overdrive level|gpu clock overdrive
--showmemoverdrive memory overdrive level
--showprofile compute profile|power profile
--showbw pcie bandwidth|estimated pcie bandwidth
--showreplaycount pcie replay count
--showxgmierr xgmi errors|xgmi error state
--showenergycounter energy counter|energy used
--showcomputepartition compute partition
--showmemorypartition memory partition
""")
ROCM_FIRMWARE = tuple(
    (name, f"{name}|{name.upper()}") for name in
    "asd ce dmcu mc me mec mec2 pfp rlc rlc_srlc rlc_srlg rlc_srls sdma sdma2 smc sos ta_ras ta_xgmi uvd vce vcn".split()
)  # fmt: skip
AMD_METRICS = _table("""
--usage usage|utilization|engine usage|gpu load
--power power|power draw|watts|power and voltage
--clock clocks|clock|clock speeds|frequencies
--temperature temperature|temps|heat
--pcie pcie|pcie speed and width|pcie link
--ecc ecc|ecc error counts|total ecc errors
--ecc-blocks ecc per block|ecc errors by block
--fan fan|fan speed
--mem-usage memory usage|vram usage|memory used and free|vram used/free
--voltage-curve voltage curve
--overdrive overdrive|overdrive level
--perf-level performance level|perf level
--xgmi-err xgmi errors|xgmi error state
--energy energy|energy consumption|joules used
""")
AMD_STATIC = _table("""
--asic asic|asic information|chip info|market name
--bus bus|bus information|pcie bus info
--vbios vbios|vbios information|bios version
--driver driver|driver version|kernel driver
--vram vram|vram type and size|memory type and vendor
--cache cache|cache sizes|cache info
--board board|board information|serial and product
--process-isolation process isolation|process isolation status
--ras ras|ras features|ras capabilities
--partition partition|partition information|partitioning
--limit limits|power and temperature limits|the limit values
--numa numa|numa node|numa affinity
""")
AMD_MONITOR = _table("""
--power-usage power|power usage|watts
--temperature temperature|temps|heat
--gfx gfx utilization|gfx|graphics load|gfx usage
--mem memory utilization|mem utilization
--encoder encoder utilization|encoder
--decoder decoder utilization|decoder
--ecc ecc|ecc counts|ecc errors and pcie replays
--vram-usage vram usage|vram used|memory usage
--pcie pcie bandwidth|pcie throughput
--violation violations|throttle violations|violation status
""")
