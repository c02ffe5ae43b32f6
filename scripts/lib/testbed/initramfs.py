# SPDX-License-Identifier: BSD-3-Clause
"""The guests' initramfs: busybox, the kernel modules for virtio and 9p, and a script that mounts
this machine's root read-only and starts the agent there."""

import io
import lzma
import os
import stat

from .report import Failure

BUSYBOX = "/bin/busybox"
# virtio_net is in it since a stock guest has it too: outsock.ko takes the device over from it.
MODULES = ("virtio_pci", "virtio_console", "9p", "9pnet_virtio", "virtio_net", "virtio_rng")

INIT = """#!/bin/busybox sh
# testbed.dir=DIR on the command line names the folder, on the shared root, of the agent.
export PATH=/bin
B=/bin/busybox
$B mount -t proc proc /proc
fail() { $B echo "testbed: initramfs: $1"; $B sh; $B poweroff -f; }
for module in $($B cat /modules/order); do
	$B insmod /modules/$module || fail "cannot load $module"
done
for word in $($B cat /proc/cmdline); do
	case $word in testbed.dir=*) dir=${word#*=} ;; esac
done
R=/root
$B mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root $R ||
	fail "cannot mount the shared root"
$B umount /proc
$B mount -t proc proc $R/proc
$B mount -t sysfs sysfs $R/sys
$B mount -t devtmpfs devtmpfs $R/dev
$B mkdir -p $R/dev/pts $R/dev/shm
$B mount -t devpts devpts $R/dev/pts
$B mount -t tmpfs tmpfs $R/dev/shm
$B mount -t cgroup2 cgroup2 $R/sys/fs/cgroup
$B mount -t tmpfs -o mode=755 tmpfs $R/run
# What the writable folders below hide of the shared root can still be seen under /run/host.
$B mkdir -p $R/run/host $R/run/lock
$B mount --bind $R $R/run/host
for folder in tmp var/log var/lib/redis var/lib/nginx; do
	[ -d $R/$folder ] && $B mount -t tmpfs -o mode=1777 tmpfs $R/$folder
done
# Tests put files for programs in the guest into the machine's /var/tmp: not cached, so that a file
# which changes is seen to change. Elsewhere a guest may keep what it read first.
$B mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none,ro shared $R/var/tmp ||
	fail "cannot mount the shared /var/tmp"
$B mkdir -p $R/var/log/nginx $R/var/log/redis
exec $B switch_root $R /usr/bin/python3 -I -u /run/host$dir/agent.py /run/host$dir
"""


def _dependencies(modules_dir):
    """{module name: (file, [files it needs, nearest first])} from modules.dep."""
    table = {}
    with open(os.path.join(modules_dir, "modules.dep"), encoding="utf-8") as file:
        for line in file:
            path, _, needs = line.partition(":")
            name = os.path.basename(path).split(".ko")[0].replace("-", "_")
            table[name] = (path, needs.split())
    return table


def _builtin(modules_dir):
    with open(os.path.join(modules_dir, "modules.builtin"), encoding="utf-8") as file:
        return {os.path.basename(line.strip())[:-3].replace("-", "_") for line in file}


def load_order(modules_dir, names=MODULES):
    """Module files, of @names and what they need, in the order in which insmod can take them."""
    table = _dependencies(modules_dir)
    builtin = _builtin(modules_dir)
    order = []
    for name in names:
        if name not in table:
            if name in builtin:
                continue
            raise Failure(f"the kernel in {modules_dir} has no module {name}",
                          "cloud kernels have no 9p, for one: use --kernel rt or --kernel amd64")
        path, needs = table[name]
        for file in [*reversed(needs), path]:
            if file not in order:
                order.append(file)
    return order


def read_module(path):
    with open(path, "rb") as file:
        data = file.read()
    return lzma.decompress(data) if path.endswith(".xz") else data


class Cpio:
    """Writer of the "newc" format, as in the kernel's buffer-format.rst."""

    def __init__(self):
        self.out = io.BytesIO()
        self.inode = 1

    def _entry(self, name, mode, data=b"", device=(0, 0)):
        raw = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0)
        self.inode += 1
        self.out.write(b"070701" + b"".join(b"%08x" % field for field in fields) + raw)
        self._pad()
        self.out.write(data)
        self._pad()

    def _pad(self):
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def folder(self, name):
        self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        self._entry(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def close(self):
        self._entry("TRAILER!!!", 0)
        return self.out.getvalue()


def build(kernel):
    """The archive's bytes for one kernel; uncompressed, since unpacking is slow in emulation."""
    if not os.path.exists(BUSYBOX):
        raise Failure(f"{BUSYBOX} is not here", "install it with: scripts/setup testbed")
    cpio = Cpio()
    for folder in ("bin", "dev", "proc", "root", "modules"):
        cpio.folder(folder)
    cpio.device("dev/console", 5, 1)
    with open(BUSYBOX, "rb") as file:
        cpio.file("bin/busybox", file.read(), 0o755)
    names = []
    for path in load_order(kernel.modules):
        name = os.path.basename(path).removesuffix(".xz")
        cpio.file(f"modules/{name}", read_module(os.path.join(kernel.modules, path)))
        names.append(name)
    cpio.file("modules/order", "\n".join(names).encode() + b"\n")
    cpio.file("init", INIT.encode(), 0o755)
    return cpio.close()
