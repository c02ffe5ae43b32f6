#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whatever an lcore's turn can reach neither allocates, waits, logs, locks, nor calls the system.

    rt_symbols.py ARCHIVE... -- ARCHIVE...

dataplane/lcore/rt_forbidden.h keeps the names out of the text of some files. This follows the calls
in the object code, through all archives: from the loops of the lcores, from every function of the
first archives whose address is in a table or is taken, so that it may be called indirectly, and
from those that the last archives hand to lcore_call(): these run between two turns."""

import platform
import re
import subprocess
import sys

ROOTS = {"lcore_rt_loop", "lcore_nrt_loop"}
CALLS_ON_LCORE = "lcore_call"   # who takes a function's address and calls this hands it over
FORBIDDEN = re.compile(
    r"^(?!__asan_|__ubsan_)(.*alloc(_.*)?|free|v?asprintf|.*strn?dup"
    r"|rte_(z?malloc|calloc|realloc|free)(_socket)?|rte_memzone_.*"
    r"|v?f?d?printf|putc?s|fput.*|fwrite|f(open|close|flush)|v?syslog|sd_.*|log_.*|rte_v?log"
    r"|pthread_(?!self$).*|sem_.*|.*_lock|__rte_.*lock.*|sched_.*"
    r"|u?sleep|(clock_)?nanosleep|p?poll|p?select|epoll_.*|timerfd_.*|signalfd|eventfd.*"
    r"|open(at|dir)?(64)?|close(dir)?|readdir.*|readlink|stat|mmap(64)?|munmap|madvise|mlock.*"
    r"|ioctl|fcntl(64)?|prctl|getrandom|clock_gettime|gettimeofday|time|socket|bind|connect"
    r"|send(to|msg|mmsg)?|recv(from|msg|mmsg)?|p?read(v|64)?|p?write(v|64)?|syscall|kill|exit)$")
# The exceptions, which D7 of the design names: notifications, wakes, the sleep of an idle lcore;
# and the price of a port that sends by a packet socket (never a NIC's).
ALLOWED = {
    ("ring_notify", "write"), ("guest_notify", "write"),
    ("lcore_wake", "write"), ("lcore_sleep", "write"), ("lcore_hand_on", "write"),
    ("lcore_sleep", "epoll_pwait2"), ("lcore_sleep", "nanosleep"),
    ("wait_for_events", "epoll_pwait2"), ("wait_for_events", "nanosleep"),
    ("send_batch", "sendmmsg"), ("port_raw_tx", "sendmmsg"),
}
# Addresses are taken of these, but not for a turn to call: a thread's beginning and end, the
# handler of a signal that ends a guest's session.
COLD = {"thread_main", "join", "on_sigbus"}
SECTION = re.compile(r"Disassembly of section (\S+):")
MEMBER = re.compile(r"^(\S+\.o):\s+file format")
FUNCTION = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
LOCAL_JUMP = re.compile(r"\t(?:call|j\w+)\s+[0-9a-f]+ <([^>+]+)(?:\+0x[0-9a-f]+)?>$")
LOCAL_ADDRESS = re.compile(r"\tlea\s.*# [0-9a-f]+ <([^>+]+)>$")
RELOC = re.compile(r"R_X86_64_(\w+)\s+([^\s+-]+)(?:([+-])0x([0-9a-f]+))?$")
DATA = re.compile(r"^RELOCATION RECORDS FOR \[(\.(?:data|rodata|tdata)[^\]]*)\]")


def objdump(option, archive):
    return subprocess.run(["objdump", "-w", "--no-show-raw-insn", option, archive], check=True,
                          capture_output=True, text=True).stdout.splitlines()


class Code:
    """Nodes are (member, name) of functions, (member, section) of data, and ("", name) outside."""

    def __init__(self):
        self.starts = {}   # (member, section) -> [(address, name)]
        self.refs = {}     # node -> raw references: (symbol or section, offset, is an address)
        self.public = {}   # name -> node

    def add(self, archive):
        self.add_text(archive)
        self.add_data(archive)
        self.add_symbols(archive)

    def add_text(self, archive):
        member = section = node = None
        for line in objdump("-dr", archive):
            match = MEMBER.match(line)
            if match:
                member = f"{archive}:{match.group(1)}"
                continue
            match = SECTION.match(line)
            if match:
                section = match.group(1)
                continue
            match = FUNCTION.match(line)
            if match:
                node = (member, match.group(2))
                self.starts.setdefault((member, section), []).append(
                    (int(match.group(1), 16), match.group(2)))
                self.refs.setdefault(node, [])
                continue
            self.add_line(node, line)

    def add_line(self, node, line):
        match = RELOC.search(line)
        if match:
            self.refs[node].append(where(match))
            return
        match = LOCAL_ADDRESS.search(line)
        if match:
            self.refs[node].append((match.group(1), 0, True))
            return
        match = LOCAL_JUMP.search(line)
        if match and match.group(1) != node[1]:
            self.refs[node].append((match.group(1), 0, False))

    def add_data(self, archive):
        member = node = None
        for line in objdump("-r", archive):
            match = MEMBER.match(line)
            if match:
                member, node = f"{archive}:{match.group(1)}", None
            elif line.startswith("RELOCATION RECORDS"):
                match = DATA.match(line)
                node = (member, match.group(1)) if match else None
                if node:
                    self.refs.setdefault(node, [])
            else:
                match = RELOC.search(line)
                if match and node:
                    self.refs[node].append(where(match))

    def add_symbols(self, archive):
        member = None
        for line in objdump("-t", archive):
            match = MEMBER.match(line)
            if match:
                member = f"{archive}:{match.group(1)}"
            fields = line.split()
            if member and len(fields) >= 5 and re.match(r"^[0-9a-f]{16} g", line):
                section = next(f for f in fields[1:] if f.startswith((".", "*")))
                name = fields[-1]
                if section.startswith(".text"):
                    self.public[name] = (member, name)
                elif section.startswith("."):
                    self.public[name] = (member, section)

    def resolve(self, member, ref):
        name, offset, _ = ref
        if not name.startswith("."):
            if (member, name) in self.refs:
                return (member, name)
            return self.public.get(name, ("", name))
        inside = [n for at, n in self.starts.get((member, name), ()) if at <= offset]
        return (member, inside[-1]) if inside else (member, name)

    def targets(self, node):
        return {self.resolve(node[0], ref) for ref in self.refs.get(node, ())}

    def addresses(self, node):
        """Functions whose address it takes: not a place inside of one, as a switch does, and not
        its own, which AddressSanitizer notes in its frames."""
        found = set()
        for ref in self.refs[node]:
            target = self.resolve(node[0], ref)
            if ref[2] and target in self.refs and not target[1].startswith(".") and \
                    base(target[1]) != base(node[1]) and \
                    (not ref[0].startswith(".") or self.begins(node[0], ref)):
                found.add(target)
        return found

    def begins(self, member, ref):
        return any(at == ref[1] for at, _ in self.starts.get((member, ref[0]), ()))


def where(match):
    """Symbol and offset of a relocation, and whether it is an address: calls are PLT32. What an
    instruction refers to counts from behind the operand."""
    kind = match.group(1)
    offset = int(match.group(4) or "0", 16) * (-1 if match.group(3) == "-" else 1)
    return match.group(2), offset + (4 if kind in ("PC32", "PLT32") else 0), kind != "PLT32"


def find_roots(code, hot):
    roots = {code.public[name] for name in ROOTS}
    for node in code.refs:
        of_hot = node[0].rsplit(":", 1)[0] in hot
        if of_hot or any(name == CALLS_ON_LCORE for _, name in code.targets(node)):
            roots |= {t for t in code.addresses(node) if base(t[1]) not in COLD}
    return roots


def reach(code, roots):
    """Every node that can be reached, and from where."""
    via, queue = {node: None for node in roots}, list(roots)
    while queue:
        node = queue.pop()
        for target in sorted(code.targets(node)):
            if target not in via:
                via[target] = node
                queue.append(target)
    return via


def way(via, node):
    names = []
    while node:
        names.append(node[1])
        node = via[node]
    return " < ".join(names)


def base(name):
    """Without what the compiler made of it: .cold, .part.0, .isra.0"""
    return name.split(".")[0]


def judge(code, via):
    bad = []
    for node in sorted(via):
        for member, name in sorted(code.targets(node)):
            if not member and FORBIDDEN.match(name) and \
                    (base(node[1]), name) not in ALLOWED:
                bad.append(f"{name}() < {way(via, node)}")
    return bad


def main():
    if platform.machine() != "x86_64":
        print("SKIP: it reads the relocations of x86-64")
        return 77
    code = Code()
    split = sys.argv.index("--")
    hot, others = sys.argv[1:split], sys.argv[split + 1:]
    for archive in hot + others:
        code.add(archive)
    roots = find_roots(code, hot)
    via = reach(code, roots)
    # That it looks at all: what nobody would say is not part of a turn, and what is none.
    for name in ("arp_rx", "attach", "call_start", "fill_page", "frag_tx", "guest_cmd", "guest_tx",
                 "ip_wire_rx", "link_rx", "pkt_drop", "pool_get", "port_lookup_flow", "port_sort",
                 "tcp_segment", "tcp_tx", "tcp_rx", "udp_rx", "vring_next", "wheel_advance"):
        assert any(base(n) == name for _, n in via), f"{name}() was not reached"
    for name in ("lcore_create", "stack_create", "guest_create", "port_open"):
        assert not any(n == name for _, n in via), f"{name}(): {way(via, code.public[name])}"
    bad = judge(code, via)
    print("\n".join(bad) or f"ok: {len(via)} functions and tables, {len(roots)} roots")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
