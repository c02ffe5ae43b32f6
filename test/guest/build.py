# SPDX-License-Identifier: BSD-3-Clause
"""Builds the test programs in C (NAME.c, or all files of a folder NAME), and test modules of the
guest's kernel."""

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = Path(os.environ.get("OUTSOCK_TEST_FILES", "/var/tmp/outsock-test"))
FLAGS = ("-g", "-O2", "-std=gnu11", "-D_GNU_SOURCE", "-pthread", "-Wall", "-Wextra", "-Werror",
         "-Wmissing-prototypes", "-Wstrict-prototypes", "-Wshadow", "-Wno-unused-parameter")


def compiled(name, folder=FILES):
    """Where the program is, after building it (the guest has this machine's user land)."""
    folder.mkdir(parents=True, exist_ok=True)
    source, program = HERE / name, folder / f"{name}.test"
    sources = sorted(source.glob("*.c")) if source.is_dir() else [HERE / f"{name}.c"]
    subprocess.run(["gcc", *FLAGS, "-o", program, *sources], check=True)
    os.chmod(program, 0o755)
    return program


def kernel_module(name, release, folder=FILES):
    """Where the module is, after building the folder @name for that kernel."""
    target = folder / f"{name}-{release}"
    shutil.copytree(HERE / name, target, dirs_exist_ok=True)
    subprocess.run(["make", "-s", "-C", f"/usr/src/linux-headers-{release}", f"M={target}",
                    "KCFLAGS=-Werror", "modules"], check=True, capture_output=True)
    return target / f"{name}.ko"
