# SPDX-License-Identifier: BSD-3-Clause
"""The deterministic laboratory, as a command of its own; its report becomes part of ours."""

import shutil
import subprocess

from bench.lab import TOP


def measure(records, plan, out):
    folder = out / "lab"
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run([TOP / "scripts/rt-lab", *plan.lab, "--out", folder],
                          stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        records.add_failed("laboratory", f"scripts/rt-lab: status {done.returncode}")
