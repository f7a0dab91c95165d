"""Describes the machine of the measurement, without its name."""

import os
import pathlib
import re

from contestants import SERVER_CPU, TESTER_CPU, TSC_HZ, versions


def field(name):
    found = re.search(rf"^{name}\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found.group(1) if found else "?"


def describe():
    huge = re.search(r"^HugePages_Free:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    system = os.uname()
    return {"cpu": field("model name"), "family": field("cpu family"), "model": field("model"),
            "virtual": "hypervisor" in field("flags").split(), "cpus": os.cpu_count(),
            "tsc_hz": round(TSC_HZ), "kernel": f"{system.sysname} {system.release}",
            "free_huge_pages": int(huge.group(1)) if huge else 0,
            "server_cpu": SERVER_CPU, "tester_cpu": TESTER_CPU, **versions()}


def sentence(m):
    kind = "virtual machine" if m["virtual"] else "machine"
    return f"{m['cpu']}, family {m['family']}, model {m['model']}; {kind} with {m['cpus']} CPUs, " \
        f"time stamp counter {m['tsc_hz'] / 1e9:.2f} GHz; {m['kernel']}; " \
        f"{'huge pages' if m['free_huge_pages'] else 'no huge pages'}; {m['noonmarkd']}, " \
        f"{m['chronyd']}. Servers on CPU {m['server_cpu']}, testers on CPU {m['tester_cpu']}."
