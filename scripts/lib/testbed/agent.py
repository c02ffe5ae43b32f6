#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Process 1 of a guest: runs commands for `scripts/testbed guest` over virtio-serial ports.

Each port serves one command at a time; several ports make commands run side by side. Both
directions carry lines of JSON. "s" names the session, which the client draws; lines of another
session are leftovers of a client that went away, and are dropped.

    client: {"s", "t": "ping"}                  {"s", "t": "run", "argv", "cwd", "env", "slice"}
            {"s", "t": "in", "d": base64}       {"s", "t": "eof"}      {"s", "t": "sig", "n"}
    agent:  {"t": "hello", "boot"}  the guest started anew: commands that ran are gone
            {"s", "t": "pong", "boot", "kernel", "module"}     {"s", "t": "started"}
            {"s", "t": "out" or "err", "d": base64}            {"s", "t": "exit", "code" or "sig"}
            {"s", "t": "fail", "why"}

A client that disconnects takes its command with it. The file stands alone: it is copied into the
guest's folder at `up`.
"""

import base64
import fcntl
import glob
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback

CGROUP = "/sys/fs/cgroup"
OUTPUT_HIGH = 256 * 1024        # a command waits when its client does not read
GRACE = 2.0                     # seconds between SIGTERM and SIGKILL for an orphaned command


def say(text):
    print(f"testbed: {text}", flush=True)


def enter_slice(slice_name, session):
    """A cgroup of its own for each command, below outsock.slice (its sockets are outsourced) or
    native.slice (they are not)."""
    path = os.path.join(CGROUP, f"{slice_name}.slice", f"run-{session}.scope")
    os.makedirs(path, exist_ok=True)
    return path


class Command:
    def __init__(self, port, frame):
        self.port = port
        self.session = frame["s"]
        self.cgroup = enter_slice(frame.get("slice", "outsock"), self.session)
        self.kill_at = None
        self.stdin_data = bytearray()
        self.stdin_ends = not frame.get("stdin")
        cwd = frame.get("cwd", "/")
        argv = frame["argv"]

        def before_exec():
            with open(os.path.join(self.cgroup, "cgroup.procs"), "w", encoding="ascii") as procs:
                procs.write("0")
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
                score.write("0")

        self.child = subprocess.Popen(
            argv, cwd=cwd if os.path.isdir(cwd) else "/",
            env={**os.environ, **frame.get("env", {})},
            stdin=subprocess.DEVNULL if self.stdin_ends else subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            preexec_fn=before_exec, bufsize=0)
        self.pipes = {self.child.stdout.fileno(): "out", self.child.stderr.fileno(): "err"}
        self.stdin = None if self.stdin_ends else self.child.stdin.fileno()
        for fd in [*self.pipes, *([self.stdin] if self.stdin is not None else [])]:
            os.set_blocking(fd, False)

    def signal(self, number):
        try:
            os.killpg(self.child.pid, number)
        except ProcessLookupError:
            pass

    def kill_tree(self):
        try:
            with open(os.path.join(self.cgroup, "cgroup.kill"), "w", encoding="ascii") as kill:
                kill.write("1")
        except OSError:
            self.signal(signal.SIGKILL)

    def abandon(self):
        """Nobody listens any more."""
        if self.kill_at is None:
            self.kill_at = time.monotonic() + GRACE
            self.signal(signal.SIGTERM)

    def close_stdin(self):
        if self.stdin is not None:
            self.port.agent.forget(self.stdin)
            self.child.stdin.close()
            self.stdin = None

    def write_stdin(self):
        while self.stdin is not None and self.stdin_data:
            try:
                done = os.write(self.stdin, self.stdin_data[:65536])
            except BlockingIOError:
                return
            except OSError:             # the command closed its input
                self.stdin_data.clear()
                return self.close_stdin()
            del self.stdin_data[:done]
        if self.stdin_ends:
            self.close_stdin()

    def close(self):
        self.close_stdin()
        for fd in self.pipes:
            self.port.agent.forget(fd)
        self.child.stdout.close()
        self.child.stderr.close()
        try:
            os.rmdir(self.cgroup)
        except OSError:
            pass                        # a daemon that the command left behind lives in it


class Port:
    """One virtio-serial port. Its file is polled edge-triggered: a port without a client reports
    HUP at every look, and only the edge tells when one comes or goes."""

    def __init__(self, agent, path):
        self.agent = agent
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.received = bytearray()
        self.output = bytearray()
        self.command = None
        self.throttled = False
        agent.watch(self.fd, self.ready,
                    select.EPOLLIN | select.EPOLLOUT | select.EPOLLHUP | select.EPOLLET)

    def send(self, kind, session=None, **fields):
        frame = {"t": kind, **fields}
        if session is not None:
            frame["s"] = session
        self.output += json.dumps(frame).encode() + b"\n"
        self.flush()

    def flush(self):
        while self.output:
            try:
                done = os.write(self.fd, self.output[:32768])
            except BlockingIOError:
                break
            except OSError:             # no client
                self.output.clear()
                break
            del self.output[:done]
        if self.command and self.throttled and len(self.output) < OUTPUT_HIGH // 4:
            self.throttled = False
            self.watch_pipes()

    def ready(self, events):
        if events & select.EPOLLHUP:
            self.output.clear()
            self.received.clear()
            if self.command:
                self.command.abandon()
        self.flush()
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                break
            if not data:
                break
            self.received += data
        while b"\n" in self.received:
            line, _, self.received = self.received.partition(b"\n")
            self.take(line)

    def take(self, line):
        try:
            frame = json.loads(line)
            kind, session = frame["t"], frame["s"]
        except (ValueError, KeyError, TypeError):
            return                      # the torn end of a former client's last line
        if kind == "ping":
            self.send("pong", session, **self.agent.about())
        elif kind == "run":
            self.run(frame)
        elif self.command and self.command.session == session:
            self.feed(kind, frame)

    def run(self, frame):
        if self.command:                # its client is gone, or this one would not have the port
            self.command.kill_tree()
            self.finish(None)
        try:
            self.command = Command(self, frame)
        except OSError as error:
            self.send("fail", frame["s"], why=f"{frame['argv'][0]}: {error.strerror}")
            return
        self.throttled = False
        self.send("started", frame["s"])
        self.watch_pipes()

    def feed(self, kind, frame):
        command = self.command
        if kind == "sig":
            command.signal(int(frame["n"]))
        elif kind == "in" and command.stdin is not None:
            command.stdin_data += base64.b64decode(frame["d"])
            self.agent.watch(command.stdin, lambda _: command.write_stdin(),
                             select.EPOLLOUT | select.EPOLLET)
            command.write_stdin()
        elif kind == "eof":
            command.stdin_ends = True
            command.write_stdin()

    def watch_pipes(self):
        for fd in self.command.pipes:
            self.agent.watch(fd, lambda _, fd=fd: self.pump(fd), select.EPOLLIN)

    def pump(self, fd):
        """One read of a command's output; False when there is nothing (more) to read."""
        try:
            data = os.read(fd, 32768)
        except BlockingIOError:
            return False
        if not data:
            self.agent.forget(fd)
            self.command.pipes.pop(fd)
            return False
        self.send(self.command.pipes[fd], self.command.session,
                  d=base64.b64encode(data).decode())
        if len(self.output) > OUTPUT_HIGH:
            self.throttled = True
            for pipe in self.command.pipes:
                self.agent.forget(pipe)
        return True

    def finish(self, status):
        """The command ended (None: it was replaced). What its pipes hold now goes out first; a
        daemon it left behind may keep them open, so their end is not waited for."""
        command = self.command
        if status is not None:
            for fd in list(command.pipes):
                for _ in range(32):     # more than a pipe can hold
                    if fd not in command.pipes or not self.pump(fd):
                        break
            if os.WIFSIGNALED(status):
                self.send("exit", command.session, sig=os.WTERMSIG(status))
            else:
                self.send("exit", command.session, code=os.WEXITSTATUS(status))
        command.close()
        self.command = None


class Agent:
    def __init__(self, config):
        self.config = config
        self.epoll = select.epoll()
        self.handlers = {}
        self.module = "none"
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            self.boot = file.read().strip()
        self.ports = []

    def watch(self, fd, handler, events):
        if fd in self.handlers:
            self.epoll.modify(fd, events)
        else:
            self.epoll.register(fd, events)
        self.handlers[fd] = handler

    def forget(self, fd):
        if self.handlers.pop(fd, None):
            self.epoll.unregister(fd)

    def about(self):
        return {"boot": self.boot, "kernel": os.uname().release, "module": self.module}

    def load_module(self):
        path = self.config.get("module")
        if not path:
            return
        # The slice is there before the module looks for it: the first command is outsourced, too.
        os.makedirs(os.path.join(CGROUP, "outsock.slice"), exist_ok=True)
        command = ["/sbin/insmod", "/run/host" + path, "policy=cgroup",
                   *self.config.get("module_params", [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.module = "loaded" if done.returncode == 0 else \
            f"not loaded: {done.stderr.strip() or done.returncode}"
        say(f"outsock.ko {self.module}")
        if done.returncode == 0:
            self.wait_session()

    @staticmethod
    def wait_session():
        """Until the module and the daemon have met: before, new sockets are the kernel's own. A
        module without a device (it has given it back, or there is none) will meet nobody."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and glob.glob("/sys/bus/virtio/drivers/outsock/virtio*"):
            try:
                with open("/proc/net/outsock", encoding="ascii") as file:
                    if "session=up" in file.read():
                        say("outsock session is up")
                        return
            except OSError:
                pass
            time.sleep(0.05)
        say("no outsock session: is outsockd running?")

    def open_ports(self):
        for name_file in sorted(glob.glob("/sys/class/virtio-ports/*/name")):
            with open(name_file, encoding="ascii") as file:
                if not file.read().startswith("testbed."):
                    continue
            port = Port(self, "/dev/" + os.path.basename(os.path.dirname(name_file)))
            self.ports.append(port)
            port.send("hello", boot=self.boot)

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for port in self.ports:
                if port.command and port.command.child.pid == pid:
                    port.command.child.returncode = status
                    port.finish(status)

    def overdue(self):
        """Kills abandoned commands whose grace is over; returns the time to the next."""
        now, wait = time.monotonic(), -1
        for port in self.ports:
            command = port.command
            if not command or command.kill_at is None:
                continue
            if now >= command.kill_at:
                command.kill_tree()
                command.kill_at = now + GRACE
            left = command.kill_at - now
            wait = left if wait < 0 else min(wait, left)
        return wait

    def serve(self):
        read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write_end)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.watch(read_end, lambda _: os.read(read_end, 4096), select.EPOLLIN)
        while True:
            wait = self.overdue()
            for fd, events in self.epoll.poll(wait):
                handler = self.handlers.get(fd)
                if handler:
                    handler(events)
            self.reap()


def loopback_up():
    """ip link set lo up, without a process: emulated guests start slowly."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0x1 | 0x40)      # IFF_UP, IFF_RUNNING
        fcntl.ioctl(sock, 0x8914, request)                       # SIOCSIFFLAGS


def prepare(config):
    os.environ.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                      HOME="/tmp", LANG="C.UTF-8", TERM="dumb", OUTSOCK_TESTBED_GUEST="1")
    socket.sethostname(config["name"])
    loopback_up()
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("-1000")
    # modprobe and friends find this kernel's modules where they look for them.
    if config.get("modules") and os.path.isdir("/lib/modules"):
        subprocess.run(["/bin/mount", "-t", "tmpfs", "tmpfs", "/lib/modules"], check=False)
        target = "/lib/modules/" + os.uname().release
        os.symlink("/run/host" + config["modules"], target)


def main():
    try:
        with open(os.path.join(sys.argv[1], "guest.json"), encoding="utf-8") as file:
            config = json.load(file)
        prepare(config)
        agent = Agent(config)
        agent.load_module()
        agent.open_ports()
        say(f"agent ready on {len(agent.ports)} ports")
        agent.serve()
    except Exception:       # process 1 must not end; the console keeps the reason
        traceback.print_exc()
        say("agent failed; the guest can only be reset or killed")
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
