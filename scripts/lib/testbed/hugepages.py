# SPDX-License-Identifier: BSD-3-Clause
"""Hugepages for the daemon: reserved when too few are free, given back at `down`."""

from .report import Failure

NR = "/proc/sys/vm/nr_hugepages"
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def parse_size(text):
    text = text.strip().upper().removesuffix("B")
    unit = text[-1] if text and text[-1] in "KMG" else ""
    try:
        return int(text.removesuffix(unit)) * UNITS[unit]
    except ValueError:
        raise Failure(f"'{text}' is no size", "write it like 256M") from None


def _meminfo():
    with open("/proc/meminfo", encoding="ascii") as file:
        return {key: int(rest.split()[0]) for key, rest in
                (line.split(":", 1) for line in file)}


def _set(count):
    with open(NR, "w", encoding="ascii") as file:
        file.write(str(count))


def reserve(size):
    """Makes sure `size` bytes are free in hugepages. Returns the number of pages added."""
    info = _meminfo()
    page = info.get("Hugepagesize", 0) * 1024
    if not page:
        raise Failure("this kernel has no hugepages", "it needs CONFIG_HUGETLBFS")
    missing = -(-size // page) - (info["HugePages_Free"] - info.get("HugePages_Rsvd", 0))
    if missing <= 0:
        return 0
    before = info["HugePages_Total"]
    _set(before + missing)
    got = _meminfo()["HugePages_Total"] - before
    if got < missing:
        release(got)
        raise Failure(f"could reserve only {got} of {missing} hugepages of {page >> 20} MiB",
                      "free some memory, or: echo 1 >/proc/sys/vm/compact_memory")
    return got


def release(pages):
    """Takes back what reserve() added; others may have reserved theirs in the meantime."""
    if pages > 0:
        _set(max(0, _meminfo()["HugePages_Total"] - pages))
