"""nvidia-smi's query fields: every name it takes, and the one that we keep for each.

Names are facts of `nvidia-smi --help-query-gpu` and its siblings (driver 550); other names of one field are joined by |.
"""

from __future__ import annotations


def _table(lines: str) -> dict[str, str]:
    return {name: names[0] for line in lines.split() for names in [line.split("|")] for name in names}


GPU = _table("""
timestamp driver_version vgpu_driver_capability.heterogenous_multivGPU count name|gpu_name serial|gpu_serial uuid|gpu_uuid
pci.bus_id|gpu_bus_id pci.domain pci.bus pci.device pci.baseClass pci.subClass pci.device_id pci.sub_device_id
vgpu_device_capability.fractional_multiVgpu
pcie.link.gen.gpucurrent pcie.link.gen.current pcie.link.gen.max pcie.link.gen.gpumax pcie.link.gen.hostmax
pcie.link.width.current pcie.link.width.max
index display_mode display_active persistence_mode addressing_mode accounting.mode accounting.buffer_size
driver_model.current driver_model.pending vbios_version inforom.img|inforom.image inforom.oem inforom.ecc inforom.pwr|inforom.power
gpu_recovery_action gom.current|gpu_operation_mode.current gom.pending|gpu_operation_mode.pending fan.speed pstate
clocks_event_reasons.supported|clocks_throttle_reasons.supported clocks_event_reasons.active|clocks_throttle_reasons.active
clocks_event_reasons.gpu_idle|clocks_throttle_reasons.gpu_idle
clocks_event_reasons.applications_clocks_setting|clocks_throttle_reasons.applications_clocks_setting
clocks_event_reasons.sw_power_cap|clocks_throttle_reasons.sw_power_cap
clocks_event_reasons.hw_slowdown|clocks_throttle_reasons.hw_slowdown
clocks_event_reasons.hw_thermal_slowdown|clocks_throttle_reasons.hw_thermal_slowdown
clocks_event_reasons.hw_power_brake_slowdown|clocks_throttle_reasons.hw_power_brake_slowdown
clocks_event_reasons.sw_thermal_slowdown|clocks_throttle_reasons.sw_thermal_slowdown
clocks_event_reasons.sync_boost|clocks_throttle_reasons.sync_boost
memory.total memory.reserved memory.used memory.free compute_mode compute_cap
utilization.gpu utilization.memory utilization.encoder utilization.decoder utilization.jpeg utilization.ofa
encoder.stats.sessionCount encoder.stats.averageFps encoder.stats.averageLatency
dramEncryption.mode.current dramEncryption.mode.pending
ecc.mode.current ecc.mode.pending
ecc.errors.corrected.volatile.device_memory ecc.errors.corrected.volatile.dram ecc.errors.corrected.volatile.register_file
ecc.errors.corrected.volatile.l1_cache ecc.errors.corrected.volatile.l2_cache ecc.errors.corrected.volatile.texture_memory
ecc.errors.corrected.volatile.cbu ecc.errors.corrected.volatile.sram ecc.errors.corrected.volatile.total
ecc.errors.corrected.aggregate.device_memory ecc.errors.corrected.aggregate.dram ecc.errors.corrected.aggregate.register_file
ecc.errors.corrected.aggregate.l1_cache ecc.errors.corrected.aggregate.l2_cache ecc.errors.corrected.aggregate.texture_memory
ecc.errors.corrected.aggregate.cbu ecc.errors.corrected.aggregate.sram ecc.errors.corrected.aggregate.total
ecc.errors.uncorrected.volatile.device_memory ecc.errors.uncorrected.volatile.dram ecc.errors.uncorrected.volatile.register_file
ecc.errors.uncorrected.volatile.l1_cache ecc.errors.uncorrected.volatile.l2_cache ecc.errors.uncorrected.volatile.texture_memory
ecc.errors.uncorrected.volatile.cbu ecc.errors.uncorrected.volatile.sram ecc.errors.uncorrected.volatile.total
ecc.errors.uncorrected.aggregate.device_memory ecc.errors.uncorrected.aggregate.dram
ecc.errors.uncorrected.aggregate.register_file ecc.errors.uncorrected.aggregate.l1_cache
ecc.errors.uncorrected.aggregate.l2_cache ecc.errors.uncorrected.aggregate.texture_memory ecc.errors.uncorrected.aggregate.cbu
ecc.errors.uncorrected.aggregate.sram ecc.errors.uncorrected.aggregate.total
retired_pages.single_bit_ecc.count|retired_pages.sbe retired_pages.double_bit.count|retired_pages.dbe retired_pages.pending
temperature.gpu temperature.gpu.tlimit temperature.memory
power.management power.draw power.draw.average power.draw.instant power.limit enforced.power.limit power.default_limit
power.min_limit power.max_limit module.power.draw.average module.power.draw.instant module.power.limit
clocks.current.graphics|clocks.gr clocks.current.sm|clocks.sm clocks.current.memory|clocks.mem clocks.current.video|clocks.video
clocks.applications.graphics|clocks.applications.gr clocks.applications.memory|clocks.applications.mem
clocks.default_applications.graphics|clocks.default_applications.gr
clocks.default_applications.memory|clocks.default_applications.mem
clocks.max.graphics|clocks.max.gr clocks.max.sm clocks.max.memory|clocks.max.mem
mig.mode.current mig.mode.pending gsp.mode.current gsp.mode.default c2c.mode
protected_memory.total protected_memory.used protected_memory.free
fabric.state fabric.status platform.chassis_serial_number platform.slot_number platform.tray_index platform.host_id
""")

COMPUTE_APPS = _table("""
timestamp gpu_name gpu_bus_id gpu_serial gpu_uuid pid process_name|name used_gpu_memory|used_memory
""")

ACCOUNTED_APPS = _table("""
timestamp gpu_name gpu_bus_id gpu_serial gpu_uuid vgpu_instance pid gpu_utilization|gpu_util mem_utilization|mem_util
max_memory_usage time
""")

SUPPORTED_CLOCKS = _table("""
timestamp gpu_name gpu_bus_id gpu_serial gpu_uuid memory|mem graphics|gr
""")

RETIRED_PAGES = _table("""
timestamp gpu_name gpu_bus_id gpu_serial gpu_uuid retired_pages.address|page.address retired_pages.cause|page.cause
""")

REMAPPED_ROWS = _table("""
timestamp gpu_name gpu_bus_id gpu_serial gpu_uuid remapped_rows.correctable remapped_rows.uncorrectable
remapped_rows.pending remapped_rows.failure remapped_rows.histogram.max remapped_rows.histogram.high
remapped_rows.histogram.partial remapped_rows.histogram.low remapped_rows.histogram.none
""")
# (name, profile id, most instances, memory GiB, multiprocessors) of an 80 GB A100 and H100: NVIDIA's MIG user guide.
MIG_PROFILES = {
    "9.0": (("1g.10gb", 19, 7, 9.75, 16), ("1g.10gb+me", 20, 1, 9.75, 16), ("1g.20gb", 15, 4, 19.62, 26))
    + (("2g.20gb", 14, 3, 19.62, 32), ("3g.40gb", 9, 2, 39.50, 60), ("4g.40gb", 5, 1, 39.50, 64))
    + (("7g.80gb", 0, 1, 79.25, 132),),
    "8.0": (("1g.10gb", 19, 7, 9.50, 14), ("1g.10gb+me", 20, 1, 9.50, 14), ("1g.20gb", 15, 4, 19.50, 14))
    + (("2g.20gb", 14, 3, 19.50, 28), ("3g.40gb", 9, 2, 39.25, 42), ("4g.40gb", 5, 1, 39.25, 56))
    + (("7g.80gb", 0, 1, 78.75, 98),),
}
