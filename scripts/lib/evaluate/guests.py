# SPDX-License-Identifier: BSD-3-Clause
"""QEMU guests: a real-time one (1) and another one (2), in the testbed. The client and the load are
Linux programs in the client's namespace. Variants that differ in nothing that needs a new guest
share a testbed, and take turns in it."""

import contextlib
import json
import signal
import time
from pathlib import Path

from driver import TOP, Bed, Wrong, guest_address, shared
from testbed import net, paths

from . import host, plan as plans, place
from .record import Cell, Run

SERVER_PRIORITY = "60"
NGINX = TOP / "scripts" / "lib" / "nginx.conf"
GUEST_IF = "eth0"
OURS = """\
[dataplane]
memory = 256M
log-level = info
control = @RUN@/control.sock
state = @RUN@/state
control-cpu = {other}

[port p0]
device = net_af_packet0,iface=@IFACE@
gateway = 10.77.0.1

[guest g1]
socket = @RUN@/g1.sock
class = {kind}
priority = {priority}
port = p0
address = 10.77.0.11/24

[guest g2]
socket = @RUN@/g2.sock
port = p0
address = 10.77.0.12/24
"""
SEPARATED = OURS + """
[lcore 0]
cpu = {other}
class = non-rt

[lcore 1]
cpu = {rt}
class = rt
priority = 50
"""
TOGETHER = OURS + """
[lcore 0]
cpu = {rt}
class = non-rt
nice = -20
"""
# Testbeds, in the order of a round: options, and the variants that take turns.
BEDS = (
    (("--kernel", "amd64", "--backend", "bridge", "--no-module"), ("a",)),
    (("--kernel", "rt", "--backend", "bridge", "--no-module"), ("b", "d")),
    (("--kernel", "rt", "--backend", "testpmd", "--no-module"), ("c",)),
    (("--kernel", "rt"), ("e", "f")),
)
NATIVE = "abcd"         # the guest's own TCP/IP


def config(variant, cpus):
    words = {"other": cpus[0], "rt": cpus[1]}
    if variant == "e":
        return SEPARATED.format(kind="rt", priority=7, **words)
    return TOGETHER.format(kind="non-rt", priority=0, **words)


class Evaluation:
    """One testbed of one round."""

    def __init__(self, lab, records, plan, number):
        self.lab, self.records, self.plan, self.number = lab, records, plan, number
        self.cpus = (lab.cpu_load, lab.cpu_daemon)      # the client's, and the RT lcore's
        self.server, self.client, self.load = (
            shared(lab.program(name)) for name in ("linux_server", "linux_client", "linux_load"))

    # ---- variants ----

    def options(self, words, variants):
        if "e" not in variants:
            return words
        path = self.lab.dir / "guests.conf"
        path.write_text(config("e", self.cpus))
        return (*words, "--config", path)

    def measure(self, words, variants):
        bed = self.bed = Bed(["--guests", "2", "--cpus", "1", *self.options(words, variants)])
        try:
            bed.up()
            if variants[0] in NATIVE:
                self.addresses()
            for variant in variants:
                self.native = variant in NATIVE
                self.lab.say(f"guests: ({variant}), round {self.number}")
                self.become(variant)
                self.cells(variant)
        finally:
            bed.stop_programs()
            bed.down(check=False)

    def addresses(self):
        for number in (1, 2):
            for argv in (("addr", "add", f"{guest_address(number)}/24", "dev", GUEST_IF),
                         ("link", "set", GUEST_IF, "up")):
                self.bed.guest("ip", *argv, n=number, native=True)

    def become(self, variant):
        """Another variant in the same testbed: who runs where, or the daemon's configuration."""
        if variant == "f":
            self.restart(variant)
        if not self.native:
            place.daemon(self.bed)
        place.guests(self.bed, variant, self.cpus)

    def restart(self, variant):
        folder = Path(paths.RUN) / self.bed.env["OUTSOCK_TESTBED"]
        self.bed.command("kill-daemon", "-TERM")
        text = config(variant, self.cpus).replace("@RUN@", str(folder))
        (folder / "outsockd.conf").write_text(text.replace("@IFACE@", net.HOST_IF))
        self.bed.command("start-daemon")

    # ---- cells ----

    def cells(self, variant):
        with self.serving(1):
            if not self.native and not any(":7" in s for s in self.bed.guest_sockets(1)):
                raise Wrong("the server's sockets are not outsourced")
            if self.number == 1:
                for request in self.plan.ladder:
                    self.cell(variant, "none", request, 1)
            for load in self.plan.loads:
                for request in self.plan.requests[load]:
                    self.cell(variant, load, request, self.plan.seconds)

    @contextlib.contextmanager
    def serving(self, number):
        """The servers in a guest; what they say at their end goes to the dictionary."""
        urgent = ("chrt", "-f", SERVER_PRIORITY) if number == 1 else ()
        program = self.bed.guest_start(*urgent, self.server, n=number, native=self.native)
        program.wait_line(lambda line: line == "ready", f"the servers in guest {number}")
        said = {}
        try:
            yield said
        finally:
            program.stop()
        last = [line for line in program.lines if line.startswith("{")]
        if last:
            said.update(json.loads(last[-1]))

    @contextlib.contextmanager
    def loading(self, load, variant):
        """Load on guest 2; what came of it, a second, is in the dictionary afterwards."""
        others = {}
        if load == "none":
            yield others
            return
        if load == "web":
            with self.web(variant, others):
                yield others
            return
        words = {"bulk": (4,), "flood": (20000, 256), "churn": (500,)}[load]
        with self.serving(2) as served:
            program = self.bed.client_start(*place.load(variant, self.cpus), self.load, load,
                                            guest_address(2), *words)
            program.wait_line(lambda line: line == "loaded", "the load")
            begin, cpu = time.monotonic(), place.seconds_of(program.process.pid)
            try:
                yield others
                seconds = time.monotonic() - begin
                others["cpu_s"] = place.seconds_of(program.process.pid) - cpu
            finally:
                program.stop()
        asked = json.loads(next(line for line in program.lines if line.startswith("{")))
        others.update({"mbit": served["bytes"] * 8e-6 / seconds,
                       "dgrams": served["dgrams"] / seconds, "conns": asked["conns"] / seconds,
                       "failed": asked["failed"]})

    @contextlib.contextmanager
    def web(self, variant, others):
        address = guest_address(2)
        server = self.bed.guest_start("nginx", "-e", "stderr", "-c", shared(NGINX), n=2,
                                      native=self.native)
        self.bed.wait_port(80, address)
        argv = ["stdbuf", "-oL", "wrk", "-t1", "-c16", "-d1h", f"http://{address}/small"]
        program = self.bed.client_start(*place.load(variant, self.cpus), *argv)
        try:
            program.wait_line(lambda line: "connections" in line, "wrk")
            cpu = place.seconds_of(program.process.pid)
            yield
            others["cpu_s"] = place.seconds_of(program.process.pid) - cpu
        finally:
            program.process.send_signal(signal.SIGINT)      # it then says what it has measured
            program.wait()
            server.stop()
        line = next(line for line in program.lines if line.startswith("Requests/sec:"))
        others["requests"] = float(line.split()[1])

    def cell(self, variant, load, request, seconds):
        protocol, size, rate = request
        cell = Cell("guests", variant, load, protocol, size, rate)
        try:
            with self.loading(load, variant) as others:
                busy, begin = place.busy(), time.monotonic()
                got = self.ask(request, seconds)
                busy, took = place.busy() - busy, time.monotonic() - begin
        except Wrong as e:
            what = f"guests ({variant}), {load}, {cell.request()}"
            self.records.add_failed(what, str(e))
            return
        # Client and load stand for other machines.
        used = busy - got["cpu_ns"] * 1e-9 - others.pop("cpu_s", 0)
        self.records.add(Run(cell, self.number, got["asked"], got["answered"], took,
                             [x / 1000 for x in got["latencies_ns"]],
                             [x / 1000 for x in got["bare_ns"]], max(0, used), others))

    def ask(self, request, seconds):
        out = self.bed.client(*host.watched(self.client, guest_address(1), *request, seconds,
                                            self.cpus[0], plans.CLIENT_PRIORITY,
                                            plans.BARE_MS)).stdout
        return json.loads(out)


def measure(lab, records, plan, chosen):
    for number in range(1, plan.rounds + 1):
        for words, variants in BEDS:
            variants = tuple(v for v in variants if v in chosen)
            if not variants:
                continue
            try:
                Evaluation(lab, records, plan, number).measure(words, variants)
            except (Wrong, OSError, KeyError, ValueError, StopIteration) as e:
                records.add_failed(f"guests ({', '.join(variants)}), round {number}", str(e))
