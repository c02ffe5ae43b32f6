# SPDX-License-Identifier: BSD-3-Clause
"""Stock Debian kernels for the guests: fetched and unpacked into the cache, never installed."""

import fcntl
import glob
import os
import re
import shutil
import tempfile

from . import paths, proc
from .report import Failure, phase

# Flavours that can mount this machine's root; cloud kernels have no 9p.
FLAVOURS = {"rt": "rt-amd64", "amd64": "amd64"}
HEADERS = "/usr/src/linux-headers-"


class Kernel:
    def __init__(self, version):
        self.version = version
        self.root = os.path.join(paths.CACHE, "kernel", version)
        self.image = os.path.join(self.root, "boot", f"vmlinuz-{version}")
        self.modules = os.path.join(self.root, "lib", "modules", version)

    def cached(self):
        return os.path.exists(self.image) and \
            os.path.exists(os.path.join(self.modules, "modules.dep"))

    def has_headers(self):
        return os.path.exists(HEADERS + self.version + "/Makefile")


def _sort_key(version):
    return [int(part) for part in re.findall(r"\d+", version)]


def versions_with_headers(flavour):
    """Versions of a flavour (rt-amd64, cloud-amd64, amd64) whose headers are installed, newest
    first."""
    found = []
    for path in glob.glob(HEADERS + "*-amd64"):
        version = path.removeprefix(HEADERS)
        if re.fullmatch(r"[\d.]+-\d+-" + flavour, version):
            found.append(version)
    return sorted(found, key=_sort_key, reverse=True)


def _version_in_archive(flavour):
    text = proc.run(["apt-cache", "depends", f"linux-image-{flavour}"],
                    "look for the current kernel", "run: apt-get update")
    match = re.search(r"linux-image-([\d.]+-\d+-" + flavour + r")\b", text)
    if not match:
        raise Failure(f"the package archive knows no linux-image-{flavour}",
                      "run: apt-get update")
    return match.group(1)


def find(short):
    """The kernel of a flavour for guests, ready in the cache. One whose headers are installed
    comes first, since the module is built with them."""
    flavour = FLAVOURS[short]
    with_headers = [Kernel(v) for v in versions_with_headers(flavour)]
    for kernel in with_headers:
        if kernel.cached():
            return kernel
    kernel = with_headers[0] if with_headers else Kernel(_version_in_archive(flavour))
    if not kernel.cached():
        _fetch(kernel)
    return kernel


def _fetch(kernel):
    os.makedirs(os.path.dirname(kernel.root), exist_ok=True)
    with open(kernel.root + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kernel.cached():
            with phase(f"fetch kernel {kernel.version}"):
                _download(kernel)


def _download(kernel):
    package = f"linux-image-{kernel.version}"
    work = tempfile.mkdtemp(prefix="fetch-", dir=os.path.dirname(kernel.root))
    try:
        proc.run(["sh", "-c", 'cd "$1" && apt-get -qq -o APT::Sandbox::User=root download "$2"',
                  "sh", work, package], f"download {package}",
                 "is the network there? Headers older than the archive's kernel: "
                 "apt-get update && apt-get install linux-headers-rt-amd64 linux-headers-amd64")
        archive = glob.glob(os.path.join(work, "*.deb"))[0]
        tree = os.path.join(work, "tree")
        proc.run(["dpkg-deb", "-x", archive, tree], f"unpack {package}")
        proc.run(["depmod", "-b", tree, kernel.version], f"index the modules of {package}",
                 "install kmod with: scripts/setup testbed")
        shutil.rmtree(kernel.root, ignore_errors=True)
        os.rename(tree, kernel.root)
    finally:
        shutil.rmtree(work, ignore_errors=True)
