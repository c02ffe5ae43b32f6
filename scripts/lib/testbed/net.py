# SPDX-License-Identifier: BSD-3-Clause
"""Two namespaces joined by a veth pair: no address of the testbed exists outside of them."""

import os

from . import proc

CLIENT_ADDRESS = "10.77.0.1/24"
HOST_IF = "veth-host"
CLIENT_IF = "veth-client"
# af_packet hands frames over as they are: no checksum may be left to hardware, none merged.
OFFLOADS = ("tx", "rx", "sg", "tso", "gso", "gro")


def _ip(what, *argv):
    return proc.run(["ip", *argv], what)


def exists(namespace):
    return os.path.exists(f"/run/netns/{namespace}")


def inside(namespace, argv):
    """argv that runs in the namespace; `ip netns exec` also gives it a /sys that shows it."""
    return ["ip", "netns", "exec", namespace, *argv]


def link_up(state):
    host = state.namespace("host")
    return exists(host) and exists(state.namespace("client")) and _has_link(host, HOST_IF)


def _has_link(namespace, name):
    found = proc.run(["ip", "-n", namespace, "-o", "link", "show"], "look for the veth pair")
    return f" {name}@" in found


def _prepare(namespace):
    if not exists(namespace):
        _ip(f"make namespace {namespace}", "netns", "add", namespace)
    # IPv6 off: its router solicitations and duplicate detection would disturb packet counts.
    proc.run(inside(namespace, ["sh", "-c",
             "for f in all default; do p=/proc/sys/net/ipv6/conf/$f/disable_ipv6;"
             " [ ! -e $p ] || echo 1 >$p; done"]), f"set up namespace {namespace}")
    _ip(f"set up namespace {namespace}", "-n", namespace, "link", "set", "lo", "up")


def up(state):
    host, client = state.namespace("host"), state.namespace("client")
    _prepare(host)
    _prepare(client)
    if not _has_link(host, HOST_IF):
        _ip("make the veth pair", "link", "add", HOST_IF, "netns", host,
            "type", "veth", "peer", "name", CLIENT_IF, "netns", client)
    for namespace, name in ((host, HOST_IF), (client, CLIENT_IF)):
        off = [word for feature in OFFLOADS for word in (feature, "off")]
        proc.run(inside(namespace, ["ethtool", "-K", name, *off]), f"turn offloads of {name} off")
    _ip("give the client its address", "-n", client,
        "addr", "replace", CLIENT_ADDRESS, "dev", CLIENT_IF)
    _ip("bring the veth pair up", "-n", client, "link", "set", CLIENT_IF, "up")
    _ip("bring the veth pair up", "-n", host, "link", "set", HOST_IF, "up")


def down(state):
    for side in ("host", "client"):
        if exists(state.namespace(side)):
            _ip("remove namespace", "netns", "del", state.namespace(side))
