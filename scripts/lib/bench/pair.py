# SPDX-License-Identifier: BSD-3-Clause
"""The daemon between a client stack (memif) and a simulated guest (vhost-user), which share the
thread on the other CPU: test/perf/traffic."""

import contextlib
import json
import subprocess
import threading
import queue

from . import outsockd
from .lab import Unmeasured, end, until
from .result import Row

CLIENT = "10.77.0.1"
RING = 256


@contextlib.contextmanager
def testpmd(lab):
    """A vhost-user device whose frames come back: the least that any backend does."""
    path = lab.dir / "floor.sock"
    argv = ["dpdk-testpmd", "--lcores", f"0@{lab.cpu_load},1@{lab.cpu_daemon}", "-m", "128",
            "--in-memory", "--single-file-segments", "--no-pci", "--no-telemetry",
            "--vdev", f"net_vhost0,iface={path}", "--", "--forward-mode=io", "--auto-start",
            "-i", "--total-num-mbufs=8192", "--port-topology=loop", f"--rxd={RING}",
            f"--txd={RING}"]
    with lab.process(argv, "testpmd", stdin=subprocess.PIPE) as child:
        until(path.exists, 30, "start of testpmd", child)
        yield path


def floor(lab):
    """Round trip of one frame through testpmd, nanoseconds, median."""
    with testpmd(lab) as path:
        argv = [lab.program("vhost_rtt"),
                *lab.eal(lab.cpu_load, 64, "--vdev",
                         f"net_virtio_user0,path={path},queue_size={RING}"),
                "--", "--seconds=0.7", "--repeat=1"]
        return lab.lines(argv, "vhost_rtt")[0]["rtt_ns"]["p50"]


def cache_line(lab):
    """One cache line between the two CPUs, there and back, nanoseconds; all else hangs on it."""
    return lab.lines([lab.program("line_rtt"), str(lab.cpu_daemon), str(lab.cpu_load)],
                     "line_rtt")[0]["line_ns"]["p50"]


class Traffic:
    """test/perf/traffic in the background; its JSON lines come as they are printed."""

    def __init__(self, child):
        self.child, self.queue = child, queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.child.stdout:
            if line.startswith("{"):
                self.queue.put(json.loads(line))
        self.queue.put(None)

    def next(self, timeout=60):
        try:
            line = self.queue.get(timeout=timeout)
        except queue.Empty:
            raise Unmeasured("traffic says nothing") from None
        if line is None:
            raise Unmeasured("traffic ended before its time")
        return line


@contextlib.contextmanager
def traffic(lab, daemon, mode, conns, inflight, repeat, seconds=1.0, packets=16384):
    # Requests in flight are few: rings no longer than the guest's keep out of each other's caches.
    vdev = outsockd.memif(daemon.dir, "client") + (",rsize=8" if mode == "echo" else "")
    argv = [lab.program("traffic"), *lab.eal(lab.cpu_load, 256, "--vdev", vdev), "--",
            f"--mode={mode}", f"--guest={daemon.socket}", f"--client={CLIENT}",
            f"--server={outsockd.ADDRESS}", f"--conns={conns}", f"--inflight={inflight}",
            f"--seconds={seconds}", f"--repeat={repeat}", f"--packets={packets}"]
    log = lab.dir / "traffic.log"
    with open(log, "w") as err:
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err,
                                 text=True)
    try:
        yield Traffic(child)
    except Unmeasured as e:
        raise Unmeasured(f"{e}\ntraffic:\n{log.read_text()[-2000:]}") from None
    finally:
        # The daemon first: DPDK's memif driver may crash when its peer goes while it transmits.
        end(daemon.child)
        child.kill()
        child.wait()


def daemon_on_memif(lab, **more):
    return outsockd.running(lab, outsockd.memif("{dir}", "server"), **more)


def measure_rtt(lab):
    """Both round trips one after the other, several times: each ratio is of one such round."""
    lines, base, median, tail = [], [], [], []
    for k in range(lab.repeats(6)):
        lab.say(f"round trips through testpmd, and of a 64-byte TCP echo through outsockd, "
                f"round {k + 1}")
        lines.append(cache_line(lab))
        base.append(floor(lab))
        with daemon_on_memif(lab) as daemon, traffic(lab, daemon, "echo", 1, 1, 1, 0.7) as t:
            got = t.next()["rtt_ns"]
        median.append(got["p50"])
        tail.append(got["p99"])
    return [Row("round trip, one cache line between the CPUs", "ns", lines),
            Row("round trip, testpmd vhost to virtio_user", "us", [b / 1000 for b in base]),
            Row("round trip, 64-byte TCP echo, median", "us", [m / 1000 for m in median]),
            Row("round trip, 64-byte TCP echo, 99 %", "us", [t / 1000 for t in tail]),
            Row("round trip: echo against testpmd", "times",
                [m / b for m, b in zip(median, base)], 8)]


def rounds(lab, what, mode, conns=1, inflight=1):
    """Daemon and load anew each time, since their places in the machine (which CPUs of it, which
    memory) matter: yields the cache line's price, the daemon, and the load's next JSON line."""
    for k in range(lab.repeats(6)):
        lab.say(f"{what}, round {k + 1}")
        price = cache_line(lab)
        with daemon_on_memif(lab) as daemon, traffic(lab, daemon, mode, conns, inflight, 3,
                                                     0.7) as t:
            t.next()        # warms up
            yield price, daemon, t.next


def measure_requests(lab, conns=1000, inflight=32):
    """Busy time is the lcore's own account: share of busy cycles between two looks at it."""
    rates, busy, cost, lines = [], [], [], []
    for price, daemon, following in rounds(lab, f"requests a second, {conns} connections, "
                                           f"{inflight} in flight", "echo", conns, inflight):
        before = daemon.lcore()
        line = following()
        share = share_busy(before, daemon.lcore(), line["hz"])
        rates.append(line["rate"])
        busy.append(line["rate"] / share)
        cost.append(1e9 * share / line["rate"])
        lines.append(price)
    return [Row(f"requests/s of busy lcore time, {conns} connections", "1/s", busy, 1.5e6,
                at_most=False),
            Row("  the same: busy lcore time a request", "ns", cost),
            Row(f"requests/s as they came (load on one CPU), {conns} connections", "1/s", rates),
            Row("  the same: cache line between the CPUs before", "ns", lines)]


def share_busy(before, after, hz):
    """Busy cycles of all cycles between two looks at an lcore."""
    return (after["busy_cycles"] - before["busy_cycles"]) / ((after["at"] - before["at"]) * hz)


def measure_bulk(lab):
    rows = []
    for mode, what in (("send", "to the guest"), ("recv", "from the guest")):
        got = [following()["gbit"]
               for _, _, following in rounds(lab, f"bulk TCP over memif, {what}", mode)]
        rows.append(Row(f"bulk TCP over memif, {what}", "Gbit/s", got, 10, at_most=False))
    return rows
