# SPDX-License-Identifier: BSD-3-Clause
"""Builds outsock.ko out of the tree, for any Debian kernel whose headers are installed.

The sources are copied to BUILD/guest-kmod/VERSION/, with lib/abi beside them as in the repository,
so that several kernels' builds live side by side and the repository stays clean.
"""

import fcntl
import filecmp
import os
import re
import shutil
import subprocess

from . import kernel as kernels
from . import paths
from .report import Failure, phase

# Only what the build reads: sources, headers and Kbuild files.
SUFFIXES = (".c", ".h", ".def", ".S")
NAMES = ("Kbuild", "Makefile")
FOLDERS = ("guest-kmod", "lib/abi")


def _sources():
    for folder in FOLDERS:
        for where, _, names in os.walk(os.path.join(paths.REPO, folder)):
            for name in names:
                if _is_source(name):
                    yield os.path.relpath(os.path.join(where, name), paths.REPO)


def _is_source(name):
    # *.mod.c is what modpost makes in the copy
    return (name.endswith(SUFFIXES) and not name.endswith(".mod.c")) or name in NAMES


def _mirror(target):
    """Copies what changed (make looks at the times) and removes what the repository lost."""
    wanted = set(_sources())
    for path in wanted:
        source, copy = os.path.join(paths.REPO, path), os.path.join(target, path)
        if os.path.exists(copy) and filecmp.cmp(source, copy, shallow=False):
            continue
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copyfile(source, copy)
    for folder in FOLDERS:
        for where, _, names in os.walk(os.path.join(target, folder)):
            for name in filter(_is_source, names):
                path = os.path.join(where, name)
                if os.path.relpath(path, target) not in wanted:
                    os.unlink(path)


def versions(word):
    """Kernel versions meant by a word: a version, a flavour, or `all` flavours."""
    flavours = {"rt": "rt-amd64", "amd64": "amd64", "cloud": "cloud-amd64"}
    if word == "all":
        return [version for name in flavours for version in versions(name)]
    if word in flavours:
        found = kernels.versions_with_headers(flavours[word])
        if not found:
            raise Failure(f"no headers of a {flavours[word]} kernel are installed",
                          "install them with: scripts/setup kernel")
        return found[:1]
    return [word]


def _headers(version):
    headers = kernels.HEADERS + version
    if not os.path.exists(os.path.join(headers, "Makefile")):
        raise Failure(f"the headers of kernel {version} are not installed",
                      "install those of Debian's current kernels with: scripts/setup kernel")
    return headers


def _prepare(version, target):
    """Brings a build directory up to date; returns the kernel's headers."""
    headers = _headers(version)
    if not os.path.exists(os.path.join(paths.REPO, "guest-kmod", "Kbuild")):
        raise Failure("guest-kmod/Kbuild is not there: this tree has no guest module")
    _mirror(target)
    return headers


def build(version, verbose=False):
    """Returns the path of outsock.ko for a kernel version. Warnings are errors."""
    target = os.path.dirname(paths.module(version))
    _headers(version)
    os.makedirs(target, exist_ok=True)
    with open(os.path.join(target, ".lock"), "w", encoding="ascii") as lock, \
            phase(f"build outsock.ko for {version}"):
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = _make(_prepare(version, target), target, ["V=1"] if verbose else [], verbose)
        # modpost's warnings are not the compiler's: look for them here.
        if re.search(r"WARNING: | warning: ", text):
            print(text, end="")
            raise Failure("outsock.ko builds with warnings; see above")
        built = os.path.join(target, "guest-kmod", "outsock.ko")
        # A new file, not new bytes in the old one: a running guest may hold that.
        shutil.copyfile(built, paths.module(version) + ".new")
        os.replace(paths.module(version) + ".new", paths.module(version))
    return paths.module(version)


def sparse(version, target):
    """Runs sparse over the module, building in `target`; the findings in files of ours, by their
    paths in the repository."""
    if not shutil.which("sparse"):
        raise Failure("sparse is not here", "install it with: scripts/setup check")
    text = _make(_prepare(version, target), target, ["C=2"], False)
    found = []
    for line in text.splitlines():
        match = re.match(r"(\S+?\.[ch])(:\d+:\d+: (?:warning|error): .+)", line)
        if match and os.path.realpath(match.group(1)).startswith(os.path.realpath(target)):
            path = os.path.relpath(os.path.realpath(match.group(1)), os.path.realpath(target))
            found.append(path + match.group(2))
    return found


def _make(headers, target, words, verbose):
    argv = ["make", "-C", headers, f"M={target}/guest-kmod", "KCFLAGS=-Werror",
            f"-j{os.cpu_count()}", *words, "modules"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if verbose or done.returncode:
        print(done.stdout, end="")
    if done.returncode:
        raise Failure("outsock.ko does not build; see above")
    return done.stdout
