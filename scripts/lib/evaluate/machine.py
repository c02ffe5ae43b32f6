# SPDX-License-Identifier: BSD-3-Clause
"""Which machine, kernel and versions the figures are of."""

import os
import platform
import subprocess
from pathlib import Path

from bench.lab import TOP
from testbed import guest, kernel
from testbed.report import Failure


def _said(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, cwd=TOP, check=False)
    except OSError:
        return "not here"
    return (done.stdout or done.stderr).strip().split("\n")[0] or "unknown"


def _cpu():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _guest_kernel(flavour):
    try:
        return kernel.find(flavour).version
    except Failure as failure:
        return f"unknown ({failure})"


def _throttling():
    us = Path("/proc/sys/kernel/sched_rt_runtime_us").read_text(encoding="ascii").strip()
    return "off" if us == "-1" else f"RT threads have {us} us of each period"


def busy():
    """Does the machine do other work? Of the last minute."""
    return os.getloadavg()[0] > len(os.sched_getaffinity(0)) / 2


def describe():
    hypervisor = "hypervisor" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return {
        "CPU": f"{len(os.sched_getaffinity(0))} x {_cpu()}"
               + (", itself a virtual machine" if hypervisor else ""),
        "host kernel": f"{platform.release()} {platform.version()}",
        "RT throttling before": _throttling(),
        "guests run by": "KVM" if guest.kvm_works() else "emulation (no KVM here)",
        "guest kernels": f"{_guest_kernel('amd64')}; {_guest_kernel('rt')}",
        "vhost-net": "yes" if os.path.exists("/dev/vhost-net") else "no: QEMU serves the taps",
        "QEMU": _said("qemu-system-x86_64", "--version"),
        "DPDK": _said("pkg-config", "--modversion", "libdpdk"),
        "compiler": _said("cc", "--version"),
        "outsock": _said("git", "describe", "--always", "--dirty"),
        "load average at the start": " ".join(f"{x:.2f}" for x in os.getloadavg()),
    }
