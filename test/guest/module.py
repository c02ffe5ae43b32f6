# SPDX-License-Identifier: BSD-3-Clause
"""What the guest's module promises to programs, and that it leaves nothing behind."""

import sys
from pathlib import Path

from build import compiled
from driver import CLIENT, TOOL, expect, guest_address
from programs import redis
from registry import registrar

TESTS = []
test = registrar(TESTS)
GUEST = guest_address(1)
HERE = Path(__file__).resolve().parent


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
    """The socket calls one by one, with Linux' own behaviour as the specification."""
    program = compiled("sockapi")
    bed.client_start(sys.executable, TOOL, "serve", "7200")
    bed.client_start(sys.executable, HERE / "peer.py", "7201")
    for port in ("7200", "7201"):
        bed.client(sys.executable, TOOL, "wait", CLIENT, port)
    out = bed.guest(program, CLIENT, "7200", GUEST, check=False, timeout=900)
    lines = out.stdout.splitlines()
    bad = [line for line in lines if not line.startswith("ok - ")]
    expect(out.returncode == 0 and lines and not bad,
           f"status {out.returncode} {out.stderr[-1500:]}\n" + "\n".join(bad))
