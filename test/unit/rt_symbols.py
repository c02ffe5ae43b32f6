#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Objects that run inside an lcore's turn refer to nothing that allocates, waits, logs or locks.

    rt_symbols.py ARCHIVE:OBJECT,OBJECT...  (an object: the part of its name before ".c.o")

dataplane/lcore/rt_forbidden.h keeps the names out of their text; this looks at what is left after
macros and inline functions of libraries."""

import re
import subprocess
import sys

FORBIDDEN = re.compile(
    r"^(malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup"
    r"|rte_(malloc|zmalloc|calloc|realloc|free)(_socket)?"
    r"|v?f?d?printf|puts|fputs|fwrite|syslog|sd_journal_.*|log_.*|rte_v?log"
    r"|pthread_(mutex|rwlock|cond)_.*|sem_.*|__rte_.*lock.*"
    r"|usleep|nanosleep|clock_nanosleep|sched_yield|p?poll|p?select|epoll_.*"
    r"|open(at)?|close|mmap|munmap|ioctl|send(to|msg|mmsg)?|recv(from|msg|mmsg)?|read|write)$")


def undefined(archive, wanted):
    """Undefined symbols of the @wanted objects of @archive, by object."""
    out = subprocess.run(["nm", "-A", "-u", archive], check=True, capture_output=True,
                         text=True).stdout
    found = {name: [] for name in wanted}
    for line in out.splitlines():
        match = re.search(r"(\w+)\.c\.o:.* U (\w+)", line)
        if match and match.group(1) in found:
            found[match.group(1)].append(match.group(2))
    return found


def main():
    bad = 0
    for word in sys.argv[1:]:
        archive, objects = word.rsplit(":", 1)
        for name, symbols in undefined(archive, objects.split(",")).items():
            assert symbols, f"{archive} has no object {name}"
            for symbol in filter(FORBIDDEN.match, symbols):
                print(f"{name}.c: refers to {symbol}()")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
