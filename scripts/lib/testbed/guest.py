# SPDX-License-Identifier: BSD-3-Clause
"""Guests: QEMU's command line, its start and end, and its monitor."""

import fcntl
import json
import os
import re
import shlex
import shutil
import socket

from . import channel, config, initramfs, net, paths, proc
from .report import Deadline, Failure, note, phase

BOOT_SECONDS = 180              # emulated and on a loaded machine; it takes 10 s on an idle one
MAC_PREFIX = "02:6f:75:74:00:"
QEMU = "qemu-system-x86_64"

# What a kernel says when something is wrong in it; slub_debug's reports begin with BUG and FIX.
TROUBLE = re.compile(r"\bWARNING:|\bBUG:|\bBUG [a-z]|\bFIX [a-z].*: |Oops|Call Trace|"
                     r"general protection|unable to handle|refcount_t:|list_(add|del) corruption|"
                     r"soft lockup|blocked for more than|scheduling while atomic|"
                     r"sleeping function called|rcu: INFO|rcu_preempt detected")


def kvm_works():
    """/dev/kvm alone says nothing: without the CPU's extension a guest hangs in its firmware."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    return ("vmx" in flags or "svm" in flags) and os.access("/dev/kvm", os.R_OK | os.W_OK)


def _machine(options, kvm):
    memory = options["guest_memory"]
    accel = ["-accel", "kvm", "-cpu", "host"] if kvm else \
        ["-accel", "tcg,thread=multi", "-cpu", "max"]
    # vhost-user needs memory that the daemon can map; slots are for hot-add.
    return ["-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc", *accel,
            "-smp", str(options["cpus"]), "-m", f"{memory},slots=4,maxmem=4G",
            "-object", f"memory-backend-memfd,id=m0,size={memory},share=on",
            "-numa", "node,memdev=m0", "-device", "virtio-rng-pci"]


def _kernel(state, number, options, kernel):
    words = ["console=ttyS0", "loglevel=5", "panic=-1", "memhp_default_state=online",
             f"testbed.dir={state.guest_dir(number)}"]
    if options["slub_debug"]:
        words.append("slub_debug=FZPU")
    words += options["append"].split()
    return ["-kernel", kernel.image, "-initrd", state.path("initramfs.cpio"),
            "-append", " ".join(words)]


def _channels(folder):
    argv = ["-chardev", f"socket,id=monitor,path={folder}/monitor.sock,server=on,wait=off",
            "-mon", "chardev=monitor,mode=control",
            "-chardev", f"socket,id=console,path={folder}/console.sock,server=on,wait=off,"
                        f"logfile={folder}/console.log,logappend=on",
            "-serial", "chardev:console",
            "-device", f"virtio-serial-pci,max_ports={channel.SLOTS + 1}"]
    for slot in range(channel.SLOTS):
        argv += ["-chardev", f"socket,id=agent{slot},path={folder}/agent.{slot},"
                             "server=on,wait=off",
                 "-device", f"virtserialport,chardev=agent{slot},nr={slot + 1},"
                            f"name=testbed.{slot:02}"]
    return argv


def _root():
    # multidevs: without it folders that are mounts of their own land on wrong files.
    common = "security_model=none,readonly=on,multidevs=remap"
    return ["-virtfs", f"local,path=/,mount_tag=root,{common}",
            "-virtfs", f"local,path=/var/tmp,mount_tag=shared,{common}"]


def _nic(state, number, options, kvm):
    backend, mac = options["backend"], f"mac={MAC_PREFIX}{number:02x}"
    if backend == "none":
        return []
    if backend == "bridge":
        vhost = ",vhost=on" if os.path.exists("/dev/vhost-net") else ""
        return ["-netdev", f"tap,id=net0,ifname={net.tap(number)},script=no,downscript=no{vhost}",
                "-device", f"virtio-net-pci,netdev=net0,id=nic0,romfile=,{mac}"]
    reading = config.Reading(state.path("outsockd.conf"))
    path = reading.guest_socket(number)
    listen = "server=on,wait=off" if reading.guest_mode(number) == "client" else "reconnect=1"
    queues = options["queues"]
    # QEMU under emulation crashes when a vhost-user device starts with MSI-X.
    vectors = 2 * queues + 2 if kvm else 0
    return ["-chardev", f"socket,id=vhost,path={path},{listen}",
            "-netdev", f"vhost-user,id=net0,chardev=vhost,queues={queues}",
            "-device", f"virtio-net-pci,netdev=net0,id=nic0,romfile=,{mac},"
                       f"mq={'on' if queues > 1 else 'off'},vectors={vectors}"]


def running(state, number):
    return proc.alive(state.guest_process(number))


def prepare(state, kernel):
    with open(state.path("initramfs.cpio"), "wb") as file:
        file.write(initramfs.build(kernel))


def _write_agent(state, number, options, kernel):
    folder = state.guest_dir(number)
    os.makedirs(folder, exist_ok=True)
    shutil.copy(os.path.join(os.path.dirname(__file__), "agent.py"), folder)
    with open(os.path.join(folder, "guest.json"), "w", encoding="utf-8") as file:
        json.dump({"name": f"g{number}", "modules": kernel.modules,
                   "module": options["module_path"],
                   "module_params": options["module_params"]}, file)
    return folder


def start(state, number, kernel):
    """Starts QEMU; wait() tells when the guest is up."""
    options = state.data["options"]
    folder = _write_agent(state, number, options, kernel)
    kvm = kvm_works() and not options["no_kvm"]
    argv = [QEMU, "-name", f"outsock-{state.name}-g{number}", *_machine(options, kvm),
            *_kernel(state, number, options, kernel), *_channels(folder), *_root(),
            *_nic(state, number, options, kvm)]
    if options["backend"] == "bridge":
        argv = net.inside(state.namespace("host"), argv)
    with open(os.path.join(folder, "qemu.cmd"), "w", encoding="utf-8") as file:
        file.write(shlex.join(argv) + "\n")
    with proc.undisturbed():
        state.update(**{f"g{number}": proc.start(argv, os.path.join(folder, "qemu.log"))})


def wait(state, number, seconds=BOOT_SECONDS, other_than=None):
    """Waits until the guest's agent answers and the module, if any, is loaded."""
    about = channel.ping(state, number, seconds, other_than)
    if about["module"].startswith("not loaded"):
        raise Failure(f"guest {number}: outsock.ko {about['module']}; the end of its console:",
                      "scripts/testbed dmesg shows the kernel's reason",
                      log=os.path.join(state.guest_dir(number), "console.log"))
    return about


def reset(state, number):
    """system_reset, and back when the guest is up again."""
    before = channel.ping(state, number, BOOT_SECONDS)["boot"]
    with phase(f"reset guest {number}"):
        monitor(state, number, "system_reset")
        wait(state, number, other_than=before)


def kill(state, number, signum):
    if not proc.kill(state.guest_process(number), signum):
        raise Failure(f"guest {number} is not running", "start it with: scripts/testbed up")
    if not Deadline(30).until(lambda: proc.gone(state.guest_process(number))):
        raise Failure(f"guest {number} does not end after signal {signum}")


def stop(state, number):
    proc.stop(state.guest_process(number))


def trouble(state, number):
    """The lines of a guest's kernel log that tell of trouble."""
    log = bytearray()
    status = channel.run(state, number, ["dmesg"], native=True,
                         sink=lambda fd, data: log.extend(data))
    if status:
        raise Failure(f"could not read the kernel log of guest {number}")
    return [line for line in log.decode(errors="replace").splitlines() if TROUBLE.search(line)]


class _Qmp:
    """Just enough of QEMU's machine protocol; one client at a time, hence the lock."""

    def __init__(self, folder, number):
        self.lock = open(os.path.join(folder, "monitor.lock"), "w", encoding="ascii")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(60)
        try:
            sock.connect(os.path.join(folder, "monitor.sock"))
        except OSError:
            raise Failure(f"guest {number} has no monitor: it is not running",
                          "start it with: scripts/testbed up") from None
        self.file = sock.makefile("rw", encoding="utf-8")
        self._answer("QMP")
        self.execute("qmp_capabilities")

    def _answer(self, *keys):
        for line in self.file:
            reply = json.loads(line)
            if any(key in reply for key in keys):
                return reply
        raise Failure("QEMU closed its monitor")

    def execute(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        reply = self._answer("return", "error")
        if "error" in reply:
            raise Failure(f"QEMU: {reply['error']['desc']}")
        return reply["return"]


def monitor(state, number, line):
    """Runs one line of the human monitor and returns what it prints."""
    if number not in state.guests():
        raise Failure(f"guest {number} does not exist")
    qmp = _Qmp(state.guest_dir(number), number)
    return qmp.execute("human-monitor-command", **{"command-line": line})


def module_for(kernel, options):
    """The path of outsock.ko for a kernel; None with --no-module."""
    if options["no_module"]:
        note("the guests run without outsock.ko (--no-module)")
        return None
    path = options["module"] or paths.module(kernel.version)
    if not os.path.exists(path):
        raise Failure(f"{path} is not there",
                      f"build it with: scripts/build-module {kernel.version}; "
                      "or leave it out with: up --no-module")
    return path
