#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""outsockd as a whole, in namespaces, on af_packet over a veth pair, without hugepages.

    daemon.py OUTSOCKD OUTSOCKCTL GUEST_PAIR

Start and end, two lcores on one queue, guests added and removed, guest to guest without a NIC."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from telemetry import Telemetry     # noqa: E402

SKIP = 77
DEADLINE = 60  # seconds for anything at all to happen
OFFLOADS = ("tx", "rx", "sg", "tso", "gso", "gro")
CLIENT, NON_RT, RT, LATER = "10.79.0.1", "10.79.0.11", "10.79.0.12", "10.79.0.13"
FAR, FARTHER = "10.80.0.1", "10.80.0.2"  # behind the client: one with a route

MOVES = 10  # of each guest, under traffic
PACKETS = 8192 - 1024 - 8192 // 8  # of an lcore for its guests

CONFIG = """\
[dataplane]
memory = 192M
log-level = info
rt-throttling = {throttling}
control = {dir}/control.sock
state = {dir}/state/secret
hugepages = no

[lcore 0]
cpu = {cpu_nrt}
packets = 8192
connections = 1024

[lcore 1]
cpu = {cpu_rt}
class = rt
poll = {poll}
packets = 8192
connections = 1024

[port p0]
device = net_af_packet0,iface=h0
route = {far}/32 via {client}

[guest g1]
socket = {dir}/g1.sock
port = p0
address = {non_rt}/24

[guest g2]
socket = {dir}/g2.sock
class = rt
port = p0
address = {rt}/24
"""


def run(*argv, **more):
    return subprocess.run(argv, check=True, capture_output=True, text=True, **more).stdout


def until(condition, what):
    """Waits for what only polling can tell."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {DEADLINE} s")


class Bed:
    """Two namespaces joined by a veth pair, and a folder."""

    def __enter__(self):
        self.host, self.client = (f"daemon-{side}-{os.getpid()}" for side in ("host", "client"))
        self.dir = tempfile.mkdtemp(prefix="outsock-daemon-")
        for ns in (self.host, self.client):
            run("ip", "netns", "add", ns)
            run("ip", "netns", "exec", ns, "sh", "-c",
                "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
        run("ip", "link", "add", "h0", "netns", self.host, "type", "veth",
            "peer", "name", "c0", "netns", self.client)
        off = [word for feature in OFFLOADS for word in (feature, "off")]
        for ns, dev in ((self.host, "h0"), (self.client, "c0")):
            run("ip", "netns", "exec", ns, "ethtool", "-K", dev, *off)
            run("ip", "-n", ns, "link", "set", dev, "up")
        run("ip", "-n", self.client, "addr", "add", CLIENT + "/24", "dev", "c0")
        for address in (FAR, FARTHER):
            run("ip", "-n", self.client, "addr", "add", address + "/32", "dev", "c0")
        return self

    def __exit__(self, *_):
        for ns in (self.host, self.client):
            subprocess.run(["ip", "netns", "del", ns], check=False)
        shutil.rmtree(self.dir)

    def with_throttling(self):
        """Before a command: in the host's namespace, RT throttling on, as most kernels have it."""
        for name, value in (("runtime", "950000"), ("period", "1000000")):
            with open(f"{self.dir}/sched_rt_{name}_us", "w", encoding="ascii") as file:
                file.write(value + "\n")
        mounts = "for f in runtime period; do mount --bind $0/sched_rt_${f}_us " \
                 "/proc/sys/kernel/sched_rt_${f}_us || exit 99; done; "
        return ["ip", "netns", "exec", self.host, "sh", "-c", mounts + 'exec "$@"', self.dir]

    def pings(self, address, source=CLIENT, namespace=None):
        """Does @address answer? Asks again until it does, or a second has passed."""
        argv = ["ip", "netns", "exec", namespace or self.client, "ping", "-c", "1", "-W", "1",
                "-I", source, address]
        return subprocess.run(argv, stdout=subprocess.DEVNULL, check=False).returncode == 0


class Daemon:
    def __init__(self, bed, outsockd, outsockctl):
        self.bed, self.ctl_path = bed, outsockctl
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.settimeout(DEADLINE)
        self.notify.bind(bed.dir + "/notify")
        self.proc = subprocess.Popen(
            [*bed.with_throttling(), outsockd, bed.dir + "/conf"],
            env={**os.environ, "NOTIFY_SOCKET": bed.dir + "/notify"})
        self.wait_for("READY=1")

    def wait_for(self, word):
        while True:
            if word in self.notify.recv(4096).decode().split("\n"):
                return

    def ctl(self, *words):
        return json.loads(run(self.ctl_path, "--socket", self.bed.dir + "/control.sock", "--json",
                              *words))

    def ctl_fails(self, *words):
        done = subprocess.run([self.ctl_path, "--socket", self.bed.dir + "/control.sock", *words],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 1, done
        return done.stderr

    def guest(self, name):
        return self.ctl("guest", "show", name)

    def end(self):
        self.proc.send_signal(signal.SIGTERM)
        self.wait_for("STOPPING=1")
        assert self.proc.wait(DEADLINE) == 0, self.proc.returncode
        self.notify.close()
        os.unlink(self.bed.dir + "/notify")


# ---- tests ----

def test_mistake_touches_nothing(bed, outsockd):
    path = bed.dir + "/bad"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"[dataplane]\ncontrol = {bed.dir}/bad.sock\n[lcore 0]\ncpu = 0\npoll = x\n")
    done = subprocess.run([outsockd, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (f"{path}:5: [lcore 0] poll: 'x' is not a valid value; "
                           "right: adaptive or busy\n"), done.stderr
    assert not os.path.exists(bed.dir + "/bad.sock")


def throttled(lcore):
    return (f"lcore {lcore} is real-time and busy, and RT throttling may stop it for 50000 us of "
            "each 1000000 us (kernel.sched_rt_runtime_us is 950000); right: sysctl -w "
            "kernel.sched_rt_runtime_us=-1, or poll = adaptive")


def test_throttled_lcore_is_refused(bed, outsockd):
    write_config(bed, poll="busy")
    done = subprocess.run([*bed.with_throttling(), outsockd, bed.dir + "/conf"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1, done
    wrong = throttled(1) + ", or rt-throttling = allow in [dataplane]"
    assert wrong in done.stderr and "the start ends at: RT throttling" in done.stderr, done.stderr


def test_throttled_lcore_is_allowed(bed, outsockd, outsockctl):
    """Starts when told so; the lcore is made adaptive at once, others need the CPU."""
    write_config(bed, poll="busy", throttling="allow")
    daemon = Daemon(bed, outsockd, outsockctl)
    try:
        assert daemon.ctl("lcore", "set", "1", "poll=adaptive")["poll"] == "adaptive"
        daemon.end()
    finally:
        if daemon.proc.poll() is None:
            daemon.proc.kill()
            daemon.proc.wait()


def test_both_classes_answer(bed, daemon):
    until(lambda: bed.pings(NON_RT), "ping of the ordinary guest's address")
    until(lambda: bed.pings(RT), "ping of the RT guest's address")
    (port,) = daemon.ctl("port", "list")
    lcores = {lc["name"]: lc for lc in daemon.ctl("lcore", "list")}
    assert port["lcore"] == "1", "the RT lcore polls the shared queue"
    assert lcores["1"]["foreign_frames"] >= 1, lcores["1"]
    assert lcores["0"]["rx_given"] >= 1 and lcores["0"]["rx_frames"] == 0, lcores["0"]
    assert lcores["0"]["tx_frames"] >= 1 and lcores["1"]["tx_frames"] >= 1, lcores
    assert not bed.pings(LATER)


def test_routes(bed):
    """Replies to a network with a route go there; to one without there is no way."""
    assert bed.pings(NON_RT, FAR) and bed.pings(RT, FAR)
    assert not bed.pings(RT, FARTHER)


def test_threads(daemon):
    """RT lcores are FIFO, and nothing else is."""
    fifo = set()
    for task in os.listdir(f"/proc/{daemon.proc.pid}/task"):
        with open(f"/proc/{daemon.proc.pid}/task/{task}/comm", encoding="ascii") as file:
            name = file.read().strip()
        if os.sched_getscheduler(int(task)) == os.SCHED_FIFO:
            fifo.add(name)
    assert fifo == {"lcore-1"}, fifo


def test_status(daemon):
    status = daemon.ctl("status")
    assert (status["lcores"], status["ports"], status["guests"]) == (2, 1, 2), status
    assert os.stat(daemon.bed.dir + "/control.sock").st_mode & 0o777 == 0o600
    assert os.stat(daemon.bed.dir + "/state/secret").st_mode & 0o777 == 0o600
    assert [g["name"] for g in daemon.ctl("guest", "list")] == ["g1", "g2"]
    assert daemon.ctl("socket", "list") == []
    assert "drop/IP_DST" in daemon.ctl("counters")


def ask(bed):
    """A client of the control socket that has asked for the status."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(bed.dir + "/control.sock")
    client.settimeout(DEADLINE)
    client.send(b'{"op": "status"}\n')
    return client


def test_more_clients_wait(bed):
    """More than it serves at a time: the others are answered when their turn comes."""
    waiting = [ask(bed) for _ in range(40)]
    while waiting:
        with waiting.pop(0) as client:
            assert json.loads(client.makefile().readline())["ok"]


def test_busy_daemon_is_waited_for(bed, daemon):
    daemon.proc.send_signal(signal.SIGSTOP)
    words = [daemon.ctl_path, "--socket", bed.dir + "/control.sock", "status"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        try:
            line = process.stderr.readline()
            assert "still waiting for the daemon" in line, line
        finally:
            daemon.proc.send_signal(signal.SIGCONT)
        assert "version" in process.stdout.read()
        assert process.wait(DEADLINE) == 0


def quota(daemon, name):
    return daemon.ctl("guest", "show", name)["quota_packets"]


def test_guest_comes_and_goes(bed, daemon, outsockd):
    sock = bed.dir + "/g3.sock"
    words = ("guest", "add", "g3", "socket=" + sock, "port=p0", "mode=server")
    assert "each address for exactly one guest" in daemon.ctl_fails(*words, f"address={RT}/24")
    assert "address: the key is missing" in daemon.ctl_fails(*words)
    assert "not enough for this one" in daemon.ctl_fails(*words, f"address={LATER}/24",
                                                         "quota-packets=6100")
    assert quota(daemon, "g1") == PACKETS
    daemon.ctl(*words, f"address={LATER}/24")
    # Its lcore's packets are divided anew.
    assert quota(daemon, "g1") == quota(daemon, "g3") == PACKETS // 2
    assert quota(daemon, "g2") == PACKETS
    until(lambda: bed.pings(LATER), "ping of the new guest's address")
    assert os.path.exists(sock)
    # What is in force now is a valid file.
    with open(bed.dir + "/dump", "w", encoding="utf-8") as file:
        file.write(daemon.ctl("config", "dump")["text"])
    assert f"address = {LATER}/24" in run(outsockd, "--dump", bed.dir + "/dump")
    run(daemon.ctl_path, "--socket", bed.dir + "/control.sock", "guest", "remove", "g3")
    assert "there is no guest 'g3'" in daemon.ctl_fails("guest", "remove", "g3")
    assert quota(daemon, "g1") == PACKETS
    assert not bed.pings(LATER)
    assert bed.pings(NON_RT)


def test_poller_moves(bed, daemon):
    """Without RT guests an ordinary lcore polls, with packets of the RT one's pool, and gives them
    back."""
    words = ("guest", "add", "g2", "class=rt", f"socket={bed.dir}/g2.sock", "port=p0",
             f"address={RT}/24")
    run(daemon.ctl_path, "--socket", bed.dir + "/control.sock", "guest", "remove", "g2")
    assert daemon.ctl("port", "list")[0]["lcore"] == "0"
    before = {lc["name"]: lc for lc in daemon.ctl("lcore", "list")}
    for _ in range(3):
        until(lambda: bed.pings(NON_RT), "ping while the ordinary lcore polls")
    after = {lc["name"]: lc for lc in daemon.ctl("lcore", "list")}
    assert after["0"]["rx_frames"] - before["0"]["rx_frames"] >= 3, after["0"]
    until(lambda: {lc["name"]: lc for lc in daemon.ctl("lcore", "list")}["1"]["packets_free"] ==
          before["1"]["packets_free"], "all packets are back")
    daemon.ctl(*words)
    assert daemon.ctl("port", "list")[0]["lcore"] == "1"
    until(lambda: bed.pings(RT), "ping of the RT guest that is back")
    assert bed.pings(NON_RT)


def test_lcore_set(daemon):
    lcore = daemon.ctl("lcore", "set", "1", "priority=60", "idle=100us")
    assert lcore["priority"] == 60
    assert os.sched_getparam(lcore["tid"]).sched_priority == 60
    assert "right: priority" in daemon.ctl_fails("lcore", "set", "1", "nice=1")
    assert throttled(1) in daemon.ctl_fails("lcore", "set", "1", "poll=busy", "priority=61")
    (lcore,) = [lc for lc in daemon.ctl("lcore", "list") if lc["name"] == "1"]
    assert (lcore["poll"], lcore["priority"]) == ("adaptive", 60), lcore


def test_latency(daemon):
    """What the lcores measured of the guests' messages, as table, JSON and telemetry's arrays."""
    rows = daemon.ctl("latency")
    named = {(row["kind"], row["name"], row["what"]): row for row in rows}
    for row in rows:
        points = [row[f"{key}_ns"] for key in ("p50", "p90", "p99", "p999", "p9999", "max")]
        assert points == sorted(points), row
    # They have just talked to each other, over the wire between their lcores.
    for guest, cls in (("g1", "non-rt"), ("g2", "rt")):
        row = named["guest", guest, "rx"]
        assert row["count"] > 1000 and 0 < row["p50_ns"] <= row["max_ns"], row
        assert named["guest", guest, "rx-late"]["count"] <= row["count"], rows
        assert named["class", cls, "rx"]["count"] == row["count"], rows
    assert named["lcore", "0", "turn"]["count"] > 0, rows
    assert named["lcore", "1", "turn"]["mean_ns"] > 0, rows
    assert len(daemon.ctl("latency", "g1")) == 4
    table = run(daemon.ctl_path, "--socket", daemon.bed.dir + "/control.sock", "latency", "g2")
    assert "P99.99" in table and "rx-late" in table, table
    assert "there is no guest or lcore" in daemon.ctl_fails("latency", "nobody")
    daemon.ctl("lcore", "set", "0", "slow-turn=1us")
    until(lambda: daemon.ctl("lcore", "slow", "0"), "a turn of more than 1 us")
    slow = daemon.ctl("lcore", "slow", "0")[-1]
    parts = slow["in_ns"] + slow["guests_ns"] + slow["out_ns"] + slow["end_ns"]
    assert slow["ns"] == parts > 1000 and "guests_tx" in slow["did"], slow
    daemon.ctl("lcore", "set", "0", "slow-turn=200us")
    daemon.ctl("latency", "0", "--reset")
    assert not [s for s in daemon.ctl("lcore", "slow", "0") if s["ns"] < 200000]


def test_telemetry(daemon):
    """It says what outsockctl says of guests that have nothing to do: their counts stand still."""
    with Telemetry(daemon.proc.pid) as tel:
        assert sorted(tel.ask("/outsock/guest/list")) == ["g1", "g2"]
        assert tel.ask("/outsock/lcore/list") == ["0", "1"]
        assert tel.ask("/outsock/port/list") == ["p0"]
        assert tel.ask("/outsock/status")["guests"] == 2
        told, said = tel.ask("/outsock/guest/info", "g1"), daemon.guest("g1")
        assert told["class"] == said["class"] == "non-rt" and told["rx_msgs"] == said["rx_msgs"]
        assert tel.ask("/outsock/lcore/info", "1")["class"] == "rt"
        assert tel.ask("/outsock/port/info", "p0")["device"] == "net_af_packet0,iface=h0"
        counts = tel.ask("/outsock/counters")
        assert counts["tcp/ACTIVE_OPENS"] > 0, counts
        told = tel.ask("/outsock/latency", "g2")
        for row in daemon.ctl("latency", "g2"):
            for key in ("count", "p50_ns", "p9999_ns", "max_ns"):
                assert told[f"{row['what']}/{key}".replace("-", "_")] == row[key], (told, row)
        histogram = tel.ask("/outsock/histogram", "g2", "rx")
        assert sum(histogram["slots"]) == told["rx/count"], histogram
        turns = tel.ask("/outsock/histogram", "1", "turn")
        assert sum(turns["slots"]) > 0 and turns["first_ns"] == 64, turns
        for wrong in (("/outsock/latency", "nobody"), ("/outsock/histogram", "g2"),
                      ("/outsock/histogram", "g2", "no"), ("/outsock/guest/info", "nobody")):
            assert tel.ask(*wrong) is None, wrong


def test_guest_set(daemon):
    packets = quota(daemon, "g1")
    guest = daemon.ctl("guest", "set", "g1", "priority=7", "quota-packets=1000",
                       "quota-messages=32", "quota-sockets=2000", "grace=5s")
    assert (guest["priority"], guest["quota_packets"]) == (7, 1000), guest
    text = daemon.ctl("config", "dump")["text"]
    for line in ("priority = 7", "quota-packets = 1000", "quota-messages = 32", "grace = 5s"):
        assert line in text, text
    assert "right: 0 to 7" in daemon.ctl_fails("guest", "set", "g1", "priority=8")
    assert "while the guest runs" in daemon.ctl_fails("guest", "set", "g1", "port=p0")
    assert "for 4096 sockets" in daemon.ctl_fails("guest", "set", "g1", "quota-sockets=4097")
    assert "there is no guest" in daemon.ctl_fails("guest", "set", "g9", "priority=1")
    assert "not enough" in daemon.ctl_fails("guest", "set", "g1", "quota-packets=9000")
    assert (daemon.guest("g1")["priority"], quota(daemon, "g1")) == (7, 1000)
    daemon.ctl("guest", "set", "g1", "priority=0", "quota-packets=auto", "quota-messages=64",
               "quota-sockets=4096", "grace=10s")
    assert quota(daemon, "g1") == packets


def test_reload(bed, daemon):
    """The file changes, and what can change while running does, by command and by SIGHUP."""
    path = bed.dir + "/conf"
    with open(path, encoding="utf-8") as file:
        before = file.read()
    third = f"[guest g3]\nsocket = {bed.dir}/g3.sock\nport = p0\naddress = {LATER}/24\n"

    def write(text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    write(before + third + "mode = what\n")
    line = (before + third).count("\n") + 1
    assert f"{path}:{line}: [guest g3] mode: 'what'" in daemon.ctl_fails("config", "reload")
    assert len(daemon.ctl("guest", "list")) == 2
    write(before.replace("class = rt\npoll = ", "class = rt\npriority = 55\npoll = ")
          .replace("packets = 8192", "packets = 4096", 1) + third)
    done = daemon.ctl("config", "reload")
    assert done == {"changed": ["[lcore 1] priority = 55, idle = 50us", "[guest g3] added"],
                    "restart": ["[lcore 0] packets"], "failed": []}, done
    (lcore,) = [lc for lc in daemon.ctl("lcore", "list") if lc["name"] == "1"]
    assert os.sched_getparam(lcore["tid"]).sched_priority == 55
    until(lambda: bed.pings(LATER), "ping of the guest that the file has now")
    write(before)
    daemon.proc.send_signal(signal.SIGHUP)
    until(lambda: len(daemon.ctl("guest", "list")) == 2, "the guest goes at SIGHUP")
    assert not bed.pings(LATER) and bed.pings(NON_RT)


def test_doctor(daemon):
    """It finds the daemon and its threads by itself; the rest is this machine's."""
    done = subprocess.run([daemon.ctl_path, "--socket", daemon.bed.dir + "/control.sock", "--json",
                           "doctor"], capture_output=True, text=True, check=False)
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.returncode == int(any(r["verdict"] == "bad" for r in rows.values())), done
    assert (rows["lcore-threads"]["verdict"], rows["lcore-threads"]["found"]) == \
           ("ok", "2 lcores, as configured"), rows["lcore-threads"]
    assert rows["control-threads"]["verdict"] == "ok", rows["control-threads"]
    assert rows["hugepages"]["mend"] == ["configure: hugepages = yes in [dataplane]"], rows


def test_doctor_without_daemon(outsockctl):
    done = subprocess.run([outsockctl, "--socket", "/nowhere", "doctor"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2 and "--config FILE" in done.stderr, done


def test_guest_to_guest(bed, daemon, guest_pair):
    """One guest on each lcore: streams and datagrams to the other one and to itself, no NIC."""
    before = daemon.ctl("port", "list")[0]
    print(run(guest_pair, bed.dir + "/g1.sock", NON_RT, bed.dir + "/g2.sock", RT), end="")
    after = daemon.ctl("port", "list")[0]
    assert after["tx_bytes"] - before["tx_bytes"] < 100000, "not over the port"
    for lcore in daemon.ctl("lcore", "list"):
        assert lcore["wire_in"] > 1000 and lcore["wire_out"] > 1000, lcore
    until(lambda: daemon.guest("g1")["state"] == "away", "the daemon sees that the guest is gone")


def test_guest_moves(bed, daemon, guest_pair):
    """Under traffic each guest goes to the other lcore and back, as another class: streams are
    exact, none is reset, and what stays behind is free again."""
    free = {lc["name"]: lc["packets_free"] for lc in daemon.ctl("lcore", "list")}
    refused = daemon.ctl_fails("guest", "set", "g1", "lcore=1")
    assert "lcore 1 is class = rt, the guest is non-rt" in refused, refused
    words = [guest_pair, bed.dir + "/g1.sock", NON_RT, bed.dir + "/g2.sock", RT, "go-on"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as pair:
        try:
            assert pair.stdout.readline() == "ok - A to A: stream\n"
            before = {name: daemon.guest(name)["epoch"] for name in ("g1", "g2")}
            for turn in range(MOVES):
                lcore, rt = (("1", "rt"), ("0", "non-rt"))[turn % 2]
                guest = daemon.ctl("guest", "set", "g1", "class=" + rt, "lcore=" + lcore)
                assert (guest["lcore"], guest["class"]) == (lcore, rt), guest
                pair.stdout.readline()
                lcore, rt = (("0", "non-rt"), ("1", "rt"))[turn % 2]
                guest = daemon.ctl("guest", "set", "g2", "class=" + rt)
                assert (guest["lcore"], guest["class"]) == (lcore, rt), guest
                for _ in range(turn):
                    assert pair.stdout.readline().startswith("ok - "), pair.stdout.read()
            after = {name: daemon.guest(name)["epoch"] for name in ("g1", "g2")}
            assert before == after, "no session ended"
        finally:
            pair.stdin.close()
            pair.stdout.read()
        assert pair.wait(DEADLINE) == 0, "a stream was not exact"
    until(lambda: daemon.guest("g1")["state"] == daemon.guest("g2")["state"] == "away",
          "the daemon sees that the guests are gone")
    assert (daemon.guest("g1")["lcore"], daemon.guest("g2")["lcore"]) == ("0", "1")
    for name in ("g1", "g2"):
        daemon.ctl("guest", "set", name, "grace=0s")
    run(guest_pair, *words[1:5])
    until(lambda: all(daemon.guest(name)["packets"] == 0 and daemon.guest(name)["sockets"] == 0
                      for name in ("g1", "g2")), "nothing is left of the sockets")
    until(lambda: all(lc["packets_free"] >= free[lc["name"]] - 64
                      for lc in daemon.ctl("lcore", "list")), "all packets are back")
    assert bed.pings(NON_RT) and bed.pings(RT)


def test_secret_is_kept(bed):
    with open(bed.dir + "/state/secret", encoding="ascii") as file:
        return file.read()


def write_config(bed, poll="adaptive", throttling="refuse", n_cpus=2):
    cpus = sorted(os.sched_getaffinity(0))[:n_cpus]
    with open(bed.dir + "/conf", "w", encoding="utf-8") as file:
        file.write(CONFIG.format(dir=bed.dir, cpu_nrt=cpus[0], cpu_rt=cpus[-1], poll=poll,
                                 throttling=throttling, client=CLIENT, far=FAR, non_rt=NON_RT,
                                 rt=RT))


def test_one_cpu(bed, outsockd, outsockctl, guest_pair):
    """Both lcores on one CPU: the RT one is FIFO, and sleeps often enough for the other one."""
    write_config(bed, n_cpus=1)
    daemon = Daemon(bed, outsockd, outsockctl)
    try:
        cpus = {lcore["cpu"] for lcore in daemon.ctl("lcore", "list")}
        assert len(cpus) == 1, cpus
        until(lambda: bed.pings(NON_RT) and bed.pings(RT), "ping with both lcores on one CPU")
        test_guest_to_guest(bed, daemon, guest_pair)
        daemon.end()
    finally:
        if daemon.proc.poll() is None:
            daemon.proc.kill()
            daemon.proc.wait()


def all_tests(bed, outsockd, outsockctl, guest_pair):
    test_mistake_touches_nothing(bed, outsockd)
    test_doctor_without_daemon(outsockctl)
    test_throttled_lcore_is_refused(bed, outsockd)
    test_throttled_lcore_is_allowed(bed, outsockd, outsockctl)
    test_one_cpu(bed, outsockd, outsockctl, guest_pair)
    write_config(bed)
    daemon = Daemon(bed, outsockd, outsockctl)
    try:
        test_status(daemon)
        test_threads(daemon)
        test_more_clients_wait(bed)
        test_busy_daemon_is_waited_for(bed, daemon)
        test_both_classes_answer(bed, daemon)
        test_routes(bed)
        test_guest_comes_and_goes(bed, daemon, outsockd)
        test_poller_moves(bed, daemon)
        test_lcore_set(daemon)
        test_guest_set(daemon)
        test_reload(bed, daemon)
        test_doctor(daemon)
        test_guest_to_guest(bed, daemon, guest_pair)
        test_latency(daemon)
        test_telemetry(daemon)
        test_guest_moves(bed, daemon, guest_pair)
        secret = test_secret_is_kept(bed)
        daemon.end()
        assert not os.path.exists(bed.dir + "/control.sock")
        daemon = Daemon(bed, outsockd, outsockctl)
        assert test_secret_is_kept(bed) == secret
        until(lambda: bed.pings(RT), "ping after a restart")
        daemon.end()
    finally:
        if daemon.proc.poll() is None:
            daemon.proc.kill()
            daemon.proc.wait()


def skips():
    """What is missing, as a status."""
    if os.geteuid() != 0:
        print("SKIP: needs root, for namespaces")
        return SKIP
    if len(os.sched_getaffinity(0)) < 2:
        print("SKIP: needs two CPUs, one for a busy RT lcore")
        return SKIP
    for tool in ("ip", "ethtool", "ping"):
        if not shutil.which(tool):
            print(f"SKIP: {tool} is missing (apt-get install iproute2 ethtool iputils-ping)")
            return SKIP
    return 0


def main():
    with Bed() as bed:
        all_tests(bed, *map(os.path.abspath, sys.argv[1:4]))
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(skips() or main())
