"""What amd-smi tells of one MI300X, section by section.

`metric` has over 60 lines: one literal, a section after the other as the tool prints them.
"""

from __future__ import annotations

from typing import Any

from sigma.aimicius.cmdgen.simulator.state import Device

STATIC = (
    "asic bus vbios limit driver board ras partition policy xgmi-plpd process-isolation numa vram cache clock smu interface-ver"
).split()
METRIC = (
    "usage power clock temperature pcie ecc ecc-blocks fan voltage-curve overdrive perf-level xgmi-err energy mem-usage throttle"
    " gpuboard baseboard"
).split()
BAD_PAGES = {"pending": "PENDING", "retired": "RETIRED", "un-res": "UN_RES"}


def static(part: str, device: Device) -> dict[str, Any]:
    """One section of `amd-smi static`."""
    model = device.model
    table: dict[str, dict[str, Any]] = {
        "asic": {
            "ASIC": {
                "MARKET_NAME": model.name,
                "VENDOR_ID": "0x1002",
                "VENDOR_NAME": "Advanced Micro Devices Inc. [AMD/ATI]",
                "DEVICE_ID": model.device_id,
                "REV_ID": "0x00",
                "ASIC_SERIAL": device.uuid.upper().replace("0X", "0x"),
                "OAM_ID": device.index,
                "NUM_COMPUTE_UNITS": 304,
                "TARGET_GRAPHICS_VERSION": model.capability,
            }
        },
        "bus": {
            "BUS": {
                "BDF": device.bus_id,
                "MAX_PCIE_WIDTH": 16,
                "MAX_PCIE_SPEED": "32 GT/s",
                "PCIE_INTERFACE_VERSION": "Gen 5",
                "SLOT_TYPE": "OAM",
            }
        },
        "vbios": {"VBIOS": {"NAME": "AMD MI300X_HW_SRIOV_CVS_1VF", "BUILD_DATE": "2024/05/06", "VERSION": model.vbios}},
        "limit": {
            "LIMIT": {
                "MAX_POWER": f"{model.power[2]} W",
                "MIN_POWER": "0 W",
                "SOCKET_POWER": f"{model.power[1]} W",
                "SLOWDOWN_HOTSPOT_TEMPERATURE": "100 °C",
                "SLOWDOWN_VRAM_TEMPERATURE": "105 °C",
                "SHUTDOWN_HOTSPOT_TEMPERATURE": "110 °C",
            }
        },
        "driver": {"DRIVER": {"NAME": "amdgpu", "VERSION": "6.12.12"}},
        "board": {
            "BOARD": {"MODEL_NUMBER": "102-G30211-0C", "PRODUCT_SERIAL": device.serial, "PRODUCT_NAME": model.name}
        },
        "ras": {"RAS": {"EEPROM_VERSION": "0x0", "PARITY_SCHEMA": "DISABLED", "BLOCK_STATE": {"UMC": "ENABLED"}}},
        "partition": {"PARTITION": {"ACCELERATOR_PARTITION": "SPX", "MEMORY_PARTITION": "NPS1", "PARTITION_ID": 0}},
        "policy": {"SOC_PSTATE": {"NUM_SUPPORTED": 4, "CURRENT_ID": 0}},
        "xgmi-plpd": {"XGMI_PLPD": {"NUM_SUPPORTED": 4, "CURRENT_ID": 1, "PLPDS": "plpd_default"}},
        "process-isolation": {"PROCESS_ISOLATION": "Disabled"},
        "numa": {"NUMA": {"NODE": int(device.index > 3), "AFFINITY": int(device.index > 3)}},
        "vram": {"VRAM": {"TYPE": "HBM", "VENDOR": "HYNIX", "SIZE": f"{model.memory_mib} MB", "BIT_WIDTH": 8192}},
        "cache": {"CACHE_INFO": {"CACHE_0": {"CACHE_LEVEL": 1, "CACHE_SIZE": "32 KB", "NUM_CACHE_INSTANCE": 304}}},
        "clock": {"CLOCK": {"SYS": {"CURRENT_LEVEL": 1, "FREQUENCY_LEVELS": "132 MHz - 2100 MHz"}}},
        "smu": {"SMU": "85.108.0"},
        "interface-ver": {"INTERFACE_VERSION": "AMDSMI 25.3"},
    }
    return table[part]


def metric(part: str, device: Device, tick: int) -> dict[str, Any]:
    """One section of `amd-smi metric`."""
    now, model = device.at(tick), device.model
    table: dict[str, dict[str, Any]] = {
        "usage": {
            "USAGE": {
                "GFX_ACTIVITY": f"{now.utilization} %",
                "UMC_ACTIVITY": f"{now.memory_utilization} %",
                "MM_ACTIVITY": "N/A",
            }
        },
        "power": {
            "POWER": {
                "SOCKET_POWER": f"{now.power:.0f} W",
                "GFX_VOLTAGE": "N/A",
                "POWER_MANAGEMENT": "ENABLED",
                "THROTTLE_STATUS": "UNTHROTTLED",
            }
        },
        "clock": {
            "CLOCK": {
                "GFX_0": {"CLK": f"{now.graphics_mhz} MHz", "MIN_CLK": "132 MHz", "MAX_CLK": "2100 MHz"},
                "MEM_0": {"CLK": f"{now.memory_mhz} MHz", "MIN_CLK": "900 MHz", "MAX_CLK": f"{model.memory_mhz} MHz"},
            }
        },
        "temperature": {
            "TEMPERATURE": {
                "EDGE": "N/A",
                "HOTSPOT": f"{now.temperature} °C",
                "MEM": f"{now.memory_temperature} °C",
            }
        },
        "pcie": {
            "PCIE": {
                "WIDTH": 16,
                "SPEED": "32 GT/s",
                "BANDWIDTH": f"{(now.rx_mb + now.tx_mb) * 8} Mb/s",
                "REPLAY_COUNT": 0,
            }
        },
        "ecc": {"ECC": {"TOTAL_CORRECTABLE_COUNT": device.corrected, "TOTAL_UNCORRECTABLE_COUNT": 0}},
        "ecc-blocks": {
            "ECC_BLOCKS": {
                "UMC": {"CORRECTABLE_COUNT": device.corrected, "UNCORRECTABLE_COUNT": 0},
                "GFX": {"CORRECTABLE_COUNT": 0, "UNCORRECTABLE_COUNT": 0},
            }
        },
        "fan": {"FAN": {"SPEED": "N/A", "MAX": "N/A", "RPM": "N/A", "USAGE": "N/A"}},
        "voltage-curve": {"VOLTAGE_CURVE": "N/A"},
        "overdrive": {"OVERDRIVE": "N/A", "MEM_OVERDRIVE": "N/A"},
        "perf-level": {"PERF_LEVEL": "AMDSMI_DEV_PERF_LEVEL_AUTO"},
        "xgmi-err": {"XGMI_ERR": "N/A"},
        "energy": {"ENERGY": {"TOTAL_ENERGY_CONSUMPTION": f"{now.energy_j:.3f} J"}},
        "mem-usage": {
            "MEM_USAGE": {
                "TOTAL_VRAM": f"{model.memory_mib} MB",
                "USED_VRAM": f"{now.used_mib} MB",
                "FREE_VRAM": f"{model.memory_mib - now.used_mib} MB",
                "TOTAL_GTT": "1031000 MB",
                "USED_GTT": "22 MB",
            }
        },
        "gpuboard": {"GPUBOARD": {"TEMPERATURE": "N/A"}},
        "baseboard": {"BASEBOARD": {"TEMPERATURE": "N/A"}},
        "throttle": {"THROTTLE": {"ACCUMULATION_COUNTER": tick + 1, "PROCHOT_VIOLATION_STATUS": "NOT ACTIVE"}},
    }
    return table[part]


def firmware(device: Device) -> dict[str, Any]:
    """`amd-smi firmware`."""
    names = ("CP_MEC1", "CP_MEC2", "RLC", "SDMA0", "SDMA1", "VCN", "PSP_SOSDRV", "TA_RAS", "TA_XGMI", "PM")
    return {f"FW {number}": {"FW_ID": name, "FW_VERSION": f"{sum(name.encode())}"} for number, name in enumerate(names)}
