# SPDX-License-Identifier: BSD-3-Clause
"""What the guest's module promises to programs, and that it leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

from driver import CLIENT, TOOL, expect, guest_address
from programs import FILES, redis
from registry import registrar

TESTS = []
test = registrar(TESTS)
GUEST = guest_address(1)
HERE = Path(__file__).resolve().parent


def compiled(name):
    """A test program in C, built for the guest (which has this machine's user land)."""
    FILES.mkdir(parents=True, exist_ok=True)
    source, program = HERE / f"{name}.c", FILES / name
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, source],
                   check=True)
    os.chmod(program, 0o755)
    return program


@test("local")
def local_clients(bed):
    """A wildcard listener also serves local clients, on 127.0.0.1 and on the guest's address."""
    redis(bed)
    out = bed.guest("redis-cli", "-h", "127.0.0.1", "ping").stdout
    expect(out == "PONG\n", f"redis-cli to 127.0.0.1: {out}")
    out = bed.guest("redis-cli", "-h", GUEST, "ping").stdout
    expect(out == "PONG\n", f"redis-cli to the guest's own address: {out}")


@test("sockapi")
def socket_api(bed):
    """The socket calls one by one, against an echo server in the client namespace."""
    program = compiled("sockapi")
    bed.client_start(sys.executable, TOOL, "serve", "7200")
    bed.client(sys.executable, TOOL, "wait", CLIENT, "7200")
    out = bed.guest(program, CLIENT, "7200", GUEST, check=False, timeout=300)
    bad = [line for line in out.stdout.splitlines() if line.startswith("not ok")]
    expect(out.returncode == 0 and not bad and "ok" in out.stdout,
           f"status {out.returncode}\n" + "\n".join(bad) + out.stderr + out.stdout[-1500:])
