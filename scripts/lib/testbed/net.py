# SPDX-License-Identifier: BSD-3-Clause
"""Two namespaces joined by a veth pair: no address of the testbed exists outside of them. Where
guests are served by the host's kernel there are taps on a bridge, with testpmd a pair for each."""

import os

from . import proc

CLIENT_ADDRESS = "10.77.0.1/24"
HOST_IF = "veth-host"
CLIENT_IF = "veth-client"
BRIDGE = "br0"
# af_packet hands frames over as they are: no checksum may be left to hardware, none merged.
OFFLOADS = ("tx", "rx", "sg", "tso", "gso", "gro")


def names(k):
    """The two ends, host's and client's, of veth pair @k; 0 is the one that is always there."""
    return tuple(name + (str(k + 1) if k else "") for name in (HOST_IF, CLIENT_IF))


def tap(number):
    return f"tap{number}"


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
    return f" {name}@" in found or f" {name}: " in found


def _prepare(namespace):
    if not exists(namespace):
        _ip(f"make namespace {namespace}", "netns", "add", namespace)
    # IPv6 off: its router solicitations and duplicate detection would disturb packet counts.
    proc.run(inside(namespace, ["sh", "-c",
             "for f in all default; do p=/proc/sys/net/ipv6/conf/$f/disable_ipv6;"
             " [ ! -e $p ] || echo 1 >$p; done"]), f"set up namespace {namespace}")
    _ip(f"set up namespace {namespace}", "-n", namespace, "link", "set", "lo", "up")


def up(state, pairs=1):
    for side in ("host", "client"):
        _prepare(state.namespace(side))
    for k in range(pairs):
        _join(state, k)
    # Behind each further pair lives one guest.
    for k in range(1, pairs):
        _ip("give the client a route", "-n", state.namespace("client"), "route", "replace",
            f"10.77.0.{11 + k}/32", "dev", names(k)[1], "src", CLIENT_ADDRESS.split("/")[0])


def _join(state, k):
    host, client = state.namespace("host"), state.namespace("client")
    host_if, client_if = names(k)
    if not _has_link(host, host_if):
        _ip("make the veth pair", "link", "add", host_if, "netns", host,
            "type", "veth", "peer", "name", client_if, "netns", client)
    for namespace, name in ((host, host_if), (client, client_if)):
        off = [word for feature in OFFLOADS for word in (feature, "off")]
        proc.run(inside(namespace, ["ethtool", "-K", name, *off]), f"turn offloads of {name} off")
    if k == 0:
        _ip("give the client its address", "-n", client,
            "addr", "replace", CLIENT_ADDRESS, "dev", client_if)
    _ip("bring the veth pair up", "-n", client, "link", "set", client_if, "up")
    _ip("bring the veth pair up", "-n", host, "link", "set", host_if, "up")


def bridge(state, numbers):
    """The host's end of the veth pair and a tap for each guest on one bridge."""
    host = state.namespace("host")
    if not _has_link(host, BRIDGE):
        _ip("make the bridge", "-n", host, "link", "add", BRIDGE, "type", "bridge")
    for name in [tap(number) for number in numbers]:
        if not _has_link(host, name):
            _ip("make a tap", "-n", host, "tuntap", "add", "dev", name, "mode", "tap")
    for name in (HOST_IF, *(tap(number) for number in numbers)):
        _ip("attach to the bridge", "-n", host, "link", "set", name, "master", BRIDGE, "up")
    _ip("bring the bridge up", "-n", host, "link", "set", BRIDGE, "up")


def down(state):
    for side in ("host", "client"):
        if exists(state.namespace(side)):
            _ip("remove namespace", "netns", "del", state.namespace(side))
