#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""outsockd on DPDK's other software ports: a tap device, and an AF_XDP socket on a veth pair.

    ports.py OUTSOCKD OUTSOCKCTL

Linux at the other end asks a guest's address (ARP, ICMP echo), also after the lcore has slept."""

import os
import subprocess
import sys

from daemon import CLIENT, NON_RT, Bed, Daemon, run, skips, until

CONFIG = """\
[dataplane]
memory = 64M
control = {dir}/control.sock
state = {dir}/state/secret
hugepages = no

[lcore 0]
cpu = 0
packets = 8192
connections = 1024

[port p0]
device = {device}

[guest g1]
socket = {dir}/g1.sock
port = p0
address = {address}/24
"""


def asks(namespace, big=1400):
    """Twenty echo requests of @big bytes, one after the other's answer, each byte looked at."""
    out = subprocess.run(["ip", "netns", "exec", namespace, "ping", "-c", "20", "-i", "0.01", "-s",
                          str(big), "-p", "6f75747369646521", "-W", "10", NON_RT],
                         capture_output=True, text=True, check=False).stdout
    assert " 20 received" in out and "wrong" not in out and "DUP" not in out, out


def test(bed, programs, device, namespace, ready=lambda: None):
    """@ready: what the other end needs once the device is there."""
    with open(bed.dir + "/conf", "w", encoding="utf-8") as file:
        file.write(CONFIG.format(dir=bed.dir, device=device, address=NON_RT))
    daemon = Daemon(bed, *programs)
    try:
        ready()
        until(lambda: bed.pings(NON_RT, namespace=namespace), f"an answer through {device}")
        asks(namespace)
        until(lambda: daemon.ctl("lcore", "list")[0]["asleep"], "the lcore sleeps")
        asks(namespace, 64)
        (port,) = daemon.ctl("port", "list")
        assert port["rx_frames"] >= 40 and port["tx_frames"] >= 40, port
        daemon.end()
    finally:
        if daemon.proc.poll() is None:
            daemon.proc.kill()
            daemon.proc.wait()


def main():
    programs = list(map(os.path.abspath, sys.argv[1:3]))
    with Bed() as bed:
        def address():
            run("ip", "-n", bed.host, "addr", "add", CLIENT + "/24", "dev", "tap0")
            run("ip", "-n", bed.host, "link", "set", "tap0", "up")

        # libxdp keeps a table of each umem for ever, which is nothing of ours.
        with open(bed.dir + "/leaks", "w", encoding="ascii") as file:
            file.write("leak:xsk_umem__create\n")
        os.environ["LSAN_OPTIONS"] = f"suppressions={bed.dir}/leaks:print_suppressions=0"
        test(bed, programs, "net_tap0,iface=tap0", bed.host, address)
        test(bed, programs, "net_af_xdp0,iface=h0", bed.client)
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(skips() or main())
