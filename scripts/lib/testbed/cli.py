# SPDX-License-Identifier: BSD-3-Clause
"""The commands of scripts/testbed."""

import argparse
import json
import os
import signal
import sys

from . import bed, channel, daemon, guest, net
from .report import Failure
from .state import State

USAGE = """\
scripts/testbed COMMAND [OPTION...]

  up             make namespaces, start outsockd and the guests; brings up what is missing
  down           stop and remove everything, also after a crash
  status         what runs (exit status 3 if something is missing); --json
  guest          [-n K] -- CMD...   run CMD in guest K, its sockets outsourced
  client         -- CMD...          run CMD in the client namespace (10.77.0.1)
  host           -- CMD...          run CMD in the host namespace
  logs           [-f]               the daemon's log and the end of the guests' consoles
  console        [-n K] [-f]        a guest's console
  dmesg          [-n K] [--check]   a guest's kernel log; --check: status 1 on warnings
  monitor        [-n K] -- LINE     a line of QEMU's monitor: stop, cont, device_add ...
  reset          [-n K]             system_reset, and wait until the guest is back
  kill-guest     [-n K] [-SIGNAL]   end QEMU at once (default -9)
  start-guest    [-n K]             start it again
  kill-daemon    [-SIGNAL]          end outsockd at once (default -9)
  start-daemon                      start it again under the same configuration

Guests see this machine's files read-only; /tmp, /run and /var/log are their own, and what these
hide is under /run/host. Files made for running guests go to /var/tmp: only there are changes of a
file that a guest has read before sure to be seen.

OUTSOCK_TESTBED names the testbed (default: default); OUTSOCK_BUILD is the build directory.
`scripts/testbed COMMAND --help` lists a command's options.
"""

def _parser(command, text):
    return argparse.ArgumentParser(prog=f"testbed {command}", description=text,
                                   argument_default=argparse.SUPPRESS)


def _number_option(parser):
    parser.add_argument("-n", dest="number", type=int, default=1, metavar="K",
                        help="which guest (default 1)")


def _split(words):
    """The words before and after the first --."""
    if "--" in words:
        at = words.index("--")
        return words[:at], words[at + 1:]
    return words, []


def _signal_number(words, default=signal.SIGKILL):
    """Takes -9 or -TERM out of the words."""
    for word in words:
        name = word[1:].upper().removeprefix("SIG")
        if word.startswith("-") and name.isdigit():
            words.remove(word)
            return int(name)
        if word.startswith("-") and hasattr(signal, "SIG" + name):
            words.remove(word)
            return getattr(signal, "SIG" + name)
    return default


def cmd_up(words):
    parser = _parser("up", "Make namespaces, start outsockd and the guests.")
    add = parser.add_argument
    add("--guests", type=int, help="how many (default 1)")
    add("--config", help="use this outsockd configuration; in it @RUN@ is the testbed's folder "
        "and @IFACE@ the host's end of the veth pair; guest K is its K-th [guest]")
    add("--kernel", choices=("rt", "amd64"), help="Debian kernel of the guests (default rt)")
    add("--queues", type=int, help="queue pairs of each guest's device (default 1)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--server", dest="mode", action="store_const", const="server",
                      help="outsockd listens on the vhost-user sockets")
    mode.add_argument("--client", dest="mode", action="store_const", const="client",
                      help="QEMU listens, outsockd connects (default)")
    add("--class", choices=("rt", "non-rt", "mixed"),
        help="class of the guests; mixed: guest 1 is rt (default non-rt)")
    add("--cpus", type=int, help="CPUs of each guest (default 2)")
    add("--memory", dest="guest_memory", help="memory of each guest (default 512M)")
    add("--daemon-memory", dest="memory", help="hugepages for outsockd (default 256M)")
    add("--log-level", help="outsockd's (default info)")
    add("--module", type=os.path.abspath, help="load this outsock.ko instead of building one")
    add("--module-param", dest="module_params", action="append", metavar="NAME=VALUE")
    add("--no-module", action="store_true", help="boot the guests without outsock.ko")
    add("--backend", choices=("outsockd", "testpmd", "bridge", "none"),
        help="without outsockd: testpmd with a veth pair for each guest, taps on a bridge, or no "
        "NIC; a guest's own stack then needs an address, and --no-module")
    add("--no-kvm", action="store_true", help="emulate even where KVM works")
    add("--slub-debug", action="store_true", help="boot with slub_debug=FZPU")
    add("--append", help="more words for the guests' kernel command line")
    add("--keep", action="store_true", default=False, help="leave everything when it fails")
    given = vars(parser.parse_args(words))
    keep = given.pop("keep")
    if given.get("config"):
        given["config"] = os.path.abspath(given["config"])
    bed.up(State(), given, keep)


def cmd_down(words):
    _parser("down", "Stop and remove everything of this testbed.").parse_args(words)
    bed.down(State(damaged_is_empty=True))


def cmd_status(words):
    parser = _parser("status", "What runs.")
    parser.add_argument("--json", action="store_true", default=False)
    options = parser.parse_args(words)
    rows = bed.status(State())
    if options.json:
        print(json.dumps([{"part": a, "text": b, "up": c} for a, b, c in rows], indent=1))
    else:
        for part, text, well in rows:
            print(f"{part:12} {'up' if well else 'MISSING':8} {text}")
    return 0 if all(row[2] for row in rows) else 3


def cmd_guest(words):
    options, command = _split(words)
    parser = _parser("guest", "Run a command in a guest: testbed guest [-n K] -- CMD...")
    _number_option(parser)
    parser.add_argument("-i", "--stdin", action="store_true", default=False,
                        help="give it this command's standard input (default: empty)")
    parser.add_argument("--native", action="store_true", default=False,
                        help="outside of outsock.slice: with the guest's own network stack")
    given = parser.parse_args(options)
    if not command:
        parser.error("which command? testbed guest [-n K] -- CMD...")
    return channel.run(State().require(), given.number, command, given.stdin, given.native)


def _in_namespace(side, words):
    options, command = _split(words)
    parser = _parser(side, f"Run a command in the {side} namespace: testbed {side} -- CMD...")
    parser.parse_args(options)
    if not command:
        parser.error(f"which command? testbed {side} -- CMD...")
    bed.need_root()
    state = State().require()
    argv = net.inside(state.namespace(side), command)
    sys.stdout.flush()
    os.execvp(argv[0], argv)


def cmd_client(words):
    _in_namespace("client", words)


def cmd_host(words):
    _in_namespace("host", words)


def _follow(files, follow):
    existing = [path for path in files if os.path.exists(path)]
    if not existing:
        raise Failure("there is no log yet")
    lines = "+1" if len(files) == 1 else "60"
    os.execvp("tail", ["tail", "-n", lines, *(["-F"] if follow else []), *existing])


def cmd_logs(words):
    parser = _parser("logs", "The daemon's log and the end of the guests' consoles.")
    parser.add_argument("-f", dest="follow", action="store_true", default=False)
    given = parser.parse_args(words)
    state = State().require()
    _follow([daemon.log_path(state), *(os.path.join(state.guest_dir(number), name)
             for number in state.guests() for name in ("qemu.log", "console.log"))], given.follow)


def cmd_console(words):
    parser = _parser("console", "A guest's console since it was started.")
    _number_option(parser)
    parser.add_argument("-f", dest="follow", action="store_true", default=False)
    given = parser.parse_args(words)
    state = State().require()
    _follow([os.path.join(state.guest_dir(given.number), "console.log")], given.follow)


def cmd_dmesg(words):
    parser = _parser("dmesg", "A guest's kernel log.")
    _number_option(parser)
    parser.add_argument("--check", action="store_true", default=False,
                        help="print only signs of trouble; status 1 if there are any")
    given = parser.parse_args(words)
    state = State().require()
    if not given.check:
        return channel.run(state, given.number, ["dmesg"], native=True)
    trouble = guest.trouble(state, given.number)
    print("".join(line + "\n" for line in trouble), end="")
    return 1 if trouble else 0


def cmd_monitor(words):
    options, line = _split(words)
    parser = _parser("monitor", "Run a line of QEMU's human monitor: testbed monitor -- LINE")
    _number_option(parser)
    given = parser.parse_args(options)
    if not line:
        parser.error("which line? testbed monitor [-n K] -- LINE")
    said = guest.monitor(State().require(), given.number, " ".join(line)).replace("\r\n", "\n")
    sys.stdout.write(said)
    return 1 if said.startswith(("Error", "unknown command", "Could not")) else 0


def _guest_argument(command, words, text):
    parser = _parser(command, text)
    _number_option(parser)
    number = parser.parse_args(words).number
    state = State().require()
    if number not in state.guests():
        raise Failure(f"guest {number} does not exist: there are {len(state.guests())}")
    return state, number


def cmd_reset(words):
    guest.reset(*_guest_argument("reset", words, "Reset a guest and wait until it is back."))


def cmd_kill_guest(words):
    signum = _signal_number(words)
    state, number = _guest_argument("kill-guest", words, "End QEMU at once.")
    guest.kill(state, number, signum)


def cmd_start_guest(words):
    state, number = _guest_argument("start-guest", words, "Start a guest that was killed.")
    with state.locked():
        if not guest.running(state, number):
            bed.start_guests(state, [number])


def cmd_kill_daemon(words):
    signum = _signal_number(words)
    _parser("kill-daemon", "End outsockd at once.").parse_args(words)
    daemon.kill(State().require(), signum)


def cmd_start_daemon(words):
    _parser("start-daemon", "Start outsockd again.").parse_args(words)
    bed.need_root()
    daemon.start(State().require())


def main(words):
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0 if words else 2
    command = globals().get("cmd_" + words[0].replace("-", "_"))
    if not command:
        print(f"testbed: no command is called '{words[0]}'\n\n{USAGE}", end="", file=sys.stderr)
        return 2
    try:
        return command(words[1:]) or 0
    except Failure as failure:
        failure.show()
        return 255 if words[0] == "guest" else 1
    except PermissionError as error:
        Failure(str(error), "needs root").show()
        return 1
    except KeyboardInterrupt:
        return 130
