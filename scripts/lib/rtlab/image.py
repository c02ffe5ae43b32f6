# SPDX-License-Identifier: BSD-3-Clause
"""The initramfs of the machine in the laboratory. Everything it needs is in it: a file system that
this machine serves while the virtual clock runs would answer at another virtual time each run."""

import glob
import os
import re
import shutil
import subprocess

from testbed import initramfs
from testbed.report import Failure

PMDS = ("bus_pci", "bus_vdev", "mempool_ring", "net_e1000", "net_vmxnet3")
MODULES = ("uio_pci_generic", "vfio_iommu_type1", "vfio_pci", "vmxnet3", "bridge", "veth")
TOOLS = ("ip", "chrt")
HERE = os.path.dirname(os.path.realpath(__file__))


def _shared_objects(path):
    """What a program or library needs, by the dynamic linker's own account."""
    done = subprocess.run(["ldd", path], capture_output=True, text=True, check=False)
    if "not found" in done.stdout:
        raise Failure(f"{path} needs a library that is not here", "run: scripts/setup build")
    return re.findall(r"(/\S+) \(0x", done.stdout)


def _pmd_folder():
    """Where DPDK's shared libraries look for their drivers."""
    done = subprocess.run(["pkg-config", "--variable=libdir", "libdpdk"], capture_output=True,
                          text=True, check=False)
    found = sorted(glob.glob(os.path.join(done.stdout.strip(), "dpdk", "pmds-*")))
    if done.returncode or not found:
        raise Failure("DPDK's drivers are not here", "run: scripts/setup build")
    return found[-1]


def _drivers():
    """DPDK's drivers, under their full names: those the EAL loads."""
    folder = _pmd_folder()
    for name in PMDS:
        prefix = f"librte_{name}.so."
        found = [f for f in os.listdir(folder) if f.startswith(prefix)]
        if not found:
            raise Failure(f"{folder} has no librte_{name}", "run: scripts/setup build")
        yield os.path.join(folder, max(found, key=len))


class _Tree:
    """Files by their place in the archive; folders come by themselves."""

    def __init__(self):
        self.cpio = initramfs.Cpio()
        self.seen = set()
        self.copies = {}    # {file, links resolved: its place in the archive}

    def folder(self, path):
        if path and path not in self.seen:
            self.folder(os.path.dirname(path))
            self.seen.add(path)
            self.cpio.folder(path)

    def symlink(self, path, target):
        if path not in self.seen:
            self.folder(os.path.dirname(path))
            self.seen.add(path)
            self.cpio.link(path, target)

    def data(self, path, data, mode=0o644):
        path = path.lstrip("/")
        if path not in self.seen:
            self.folder(os.path.dirname(path))
            self.seen.add(path)
            self.cpio.file(path, data, mode)

    def file(self, source, path=None):
        """One file under two names stays one: a library loaded twice would register twice."""
        path, real = (path or source).lstrip("/"), os.path.realpath(source)
        if self.copies.setdefault(real, path) != path:
            return self.symlink(path, "/" + self.copies[real])
        try:
            with open(source, "rb") as file:
                return self.data(path, file.read(), 0o755)
        except OSError as error:
            raise Failure(f"{source}: {error.strerror}",
                          "build it, or run: scripts/setup") from None

    def program(self, source, path=None):
        self.file(source, path)
        for library in _shared_objects(source):
            self.file(library)


def _kernel_modules(tree, kernel):
    names = []
    for path in initramfs.load_order(kernel.modules, MODULES):
        name = os.path.basename(path).removesuffix(".xz")
        tree.data(f"modules/{name}",
                  initramfs.read_module(os.path.join(kernel.modules, path)))
        names.append(name)
    tree.data("modules/order", "\n".join(names).encode() + b"\n")


def _tool(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise Failure(f"{name} is not here", "run: scripts/setup testbed")
    return path


def build(kernel, programs, files):
    """The archive's bytes. @programs: paths, which appear in /bin; @files: {path: bytes}, which
    appear in /lab beside the scripts of this folder's inside/."""
    tree = _Tree()
    for folder in ("bin", "dev", "proc", "sys", "tmp", "run", "root", "var"):
        tree.folder(folder)
    tree.cpio.device("dev/console", 5, 1)
    tree.file(initramfs.BUSYBOX, "bin/busybox")
    for name in TOOLS:
        tree.program(_tool(name), f"tools/{name}")
    for path in programs:
        tree.program(path, f"bin/{os.path.basename(path)}")
    for path in _drivers():
        tree.program(path)
    _kernel_modules(tree, kernel)
    inside = os.path.join(HERE, "inside")
    for name in sorted(os.listdir(inside)):
        tree.file(os.path.join(inside, name), "init" if name == "init.sh" else f"lab/{name}")
    for name, data in files.items():
        tree.data(f"lab/{name}", data)
    return tree.cpio.close()
