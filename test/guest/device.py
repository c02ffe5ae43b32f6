# SPDX-License-Identifier: BSD-3-Clause
"""Which devices the module takes, which it gives back, and which it never touches."""

import sys

from driver import CLIENT, expect, guest_address, until
from module import listens, module_file
from registry import ONE, registrar

TESTS = []
test = registrar(TESTS)
NOBODY = ("--guests", "1", "--backend", "testpmd", "--module-param", "hello_timeout=1",
          "--slub-debug")

# A network card by its MAC: "NAME IFINDEX DRIVER FEATURES", or nothing.
CARD = """
import os, sys
for name in os.listdir("/sys/class/net"):
    path = "/sys/class/net/" + name
    if open(path + "/address").read().strip() == sys.argv[1]:
        device = path + "/device"
        print(name, open(path + "/ifindex").read().strip(),
              os.path.basename(os.readlink(device + "/driver")),
              open(device + "/features").read().strip())
"""


def card(bed, mac):
    return bed.guest(sys.executable, "-c", CARD, mac, native=True).stdout.split()


def configure(bed, name, address):
    script = f"ip address add {address}/24 dev {name} && ip link set {name} up"
    bed.guest("sh", "-c", script, native=True)


def answers(bed, address):
    """The guest's own stack and that card: ping gives up after a while, and fails then."""
    out = bed.guest("ping", "-c", "3", "-i", "0.2", "-w", "60", address, native=True).stdout
    expect(", 0% packet loss" in out, out)


@test("given-back", NOBODY)
def given_back(bed):
    """Nobody answers HELLO (it is testpmd): virtio_net has the device again, and it works."""
    said = [line for line in bed.command("dmesg").stdout.splitlines()
            if "no answer to HELLO; the device goes back to virtio_net" in line]
    expect(len(said) == 1, f"said {len(said)} times: {said}")
    until(lambda: card(bed, "02:6f:75:74:00:01"), "the card of virtio_net")
    name, _, driver, _ = card(bed, "02:6f:75:74:00:01")
    expect(driver == "virtio_net", driver)
    configure(bed, name, guest_address(1))
    answers(bed, CLIENT)
    _, outsourced = listens(bed, 7510)
    expect(not outsourced, "a listener is outsourced without a device")


FOREIGN = "02:6f:75:73:00:01"       # of our prefix but for a bit


def plug(bed):
    bed.command("monitor", "--", "netdev_add user,id=foreign,restrict=on")
    bed.command("monitor", "--",
                f"device_add virtio-net-pci,netdev=foreign,id=foreign,romfile=,mac={FOREIGN}")
    until(lambda: card(bed, FOREIGN), "the foreign card")


def unplug(bed):
    bed.command("monitor", "--", "device_del foreign")
    until(lambda: not card(bed, FOREIGN), "the foreign card has gone")
    until(lambda: bed.command("monitor", "--", "netdev_del foreign", check=False).returncode == 0,
          "its back end has gone")


@test("foreign-nic", ONE)
def foreign_nic(bed):
    """Another virtio-net card stays with virtio_net and works: plugged in beside the module, while
    that goes, and when it is loaded again."""
    plug(bed)
    before = card(bed, FOREIGN)
    name, _, driver, _ = before
    expect(driver == "virtio_net", driver)
    configure(bed, name, "10.0.2.15")
    answers(bed, "10.0.2.2")
    until(lambda: bed.guest("rmmod", "outsock", native=True, check=False).returncode == 0,
          "rmmod succeeds")
    answers(bed, "10.0.2.2")
    bed.guest("insmod", module_file(bed), "policy=cgroup", native=True)
    until(lambda: "session=up" in bed.guest("cat", "/proc/net/outsock", native=True).stdout,
          "a session after loading again")
    expect(card(bed, FOREIGN) == before, f"{card(bed, FOREIGN)}, before: {before}")
    answers(bed, "10.0.2.2")
    unplug(bed)
