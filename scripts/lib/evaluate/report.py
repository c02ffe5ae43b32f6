# SPDX-License-Identifier: BSD-3-Clause
"""The report in Markdown, from the records alone."""

from rtlab.targets import WHY

from . import plan as plans, plots, verdict
from .record import show, write_csv

HEAD = """\
# Evaluation

What Garcia, Shinjo and Pu (IEEE Access 2018) asked of socket outsourcing with RT and non-RT kept
apart, at the size of this machine. Figures are medians over the rounds, the smallest and the
largest in parentheses; in each round all variants are measured one after the other. Ratios are of
one round each.
"""
GUESTS = """\
## QEMU guests

Guest 1 runs the RT server (SCHED_FIFO), guest 2 what the others get. The client (SCHED_FIFO, Linux
sockets) and the load run in a namespace behind a veth pair; a latency is the time from the client's
send() until it has read the whole reply. In {bare} ms of each second the client sends nothing and
only looks at the clock, on the same CPU at the same priority: "bare" is how late it saw events on a
grid of 100 us. Times in us. CPU: of all CPUs together, without client and load, in % of one.

This host's kernel is the same for all variants, and can't be changed from here: (b) and (d) have
PREEMPT_RT in the guest, and on the host urgent vCPU threads; interrupts and softirqs of the host
are what its kernel makes of them. {vhost}(c) polls, and so takes a CPU whatever there is to do.
Both guests and everything else share {cpus}. In (d) the RT guest has one CPU for itself, the other
guest, the client and the load have the other.
"""
SIMULATED = """\
## Simulated guests

Processes that speak the ABI over vhost-user, without QEMU. {rate} requests/s in all go in turn to
the RT guests on one busy RT lcore; the other lcore serves one guest with 4 TCP streams at full
speed, and shares its CPU with them. A latency is the time from the client stack's send to the whole
reply, by the clock of one thread that polls meanwhile; "notified": the guests ask for a
notification of each message, "polling": for none. (f): all on one lcore of one class. Times in us.

The bare loop is on the client's CPU; the RT lcore's has gaps of its own. Unless it is kept from it
(section Machine) the kernel stops the lcore for up to 50 ms of each second (RT throttling, and from
Linux 6.12 on the fair server, where any other task wants that CPU): "stopped" is how long it was.
Where this is {stopped} ms of a second or more, (e) is measured again, up to {tries} times in all
("tries"), and the run that was stopped least counts, whatever its latencies.
"""
RESIDENCE = """\
### Residence in the daemon

By its own count (outsockctl latency), begun anew for each case, of all messages of the RT guests:
rx from the return of rx_burst to the store of the used index, tx from the look at the guest's ring
to the call of tx_burst. Times in us of a real processor, in steps of a sixteenth. "turn": of the
lcore, that found work.
"""
LATENCY = ["answered", "mean", "SD", "p50", "p99", "p99.9", "max", "bare SD", "bare p99.9",
           "bare max"]
NAMES = ["mean", "sd", "p50", "p99", "p99.9", "max", "bare_sd", "bare_p99.9", "bare_max"]
SPREAD = {"sd", "p99.9", "max"}     # told of these alone: the table would be too wide


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def _latency(records, cell):
    return [f"{100 * records.answered(cell):.1f} %",
            *(figure.text() if name in SPREAD else show(figure.value)
              for name, figure in ((n, records.figure(cell, n)) for n in NAMES))]


def _machine(records):
    return "## Machine\n\n" + "".join(f"- {k}: {v}\n" for k, v in records.machine.items()) + \
        "".join(f"\n**Note:** {note}.\n" for note in records.notes)


def _failed(records):
    if not records.failed:
        return ""
    rows = "".join(f"- {what}: {why.strip().splitlines()[0] if why.strip() else '?'}\n"
                   for what, why in records.failed)
    return "## Could not be measured\n\n" + rows


def _verdicts(records):
    rows = [v.row() for v in verdict.verdicts(records)]
    if not rows:
        return ""
    return "\n".join(["## Targets\n", table(["target", "limit", "figure", "verdict", WHY], rows),
                      verdict.LABORATORY])


# ---- guests ----

def _ratios(records):
    rows = []
    for other in "abcdf":
        for cell, same in verdict.pairs(records, "e", other):
            if cell.load != "none":
                rows.append([f"(e) against ({other})", cell.load, cell.request(),
                             verdict.ratio(records, cell, same, "sd").text(" times"),
                             verdict.ratio(records, cell, same, "p99.9").text(" times"),
                             verdict.ratio(records, cell, same, "cpu").text(" times")])
    return rows


def _others(records, cell):
    named = {"mbit": "Mbit/s", "dgrams": "datagrams/s", "conns": "connections/s",
             "requests": "requests/s"}
    return ", ".join(f"{records.other(cell, k).text()} {unit}" for k, unit in named.items()
                     if records.other(cell, k).value > 0)


def _guests(records, out):
    cells = [c for c in records.cells("guests")]
    if not cells:
        return ""
    loaded = [c for c in cells if c.rate == plans.SMALL[0][2]]
    vhost = "" if records.machine.get("vhost-net") == "yes" else \
        "There are no vhost threads: QEMU serves the taps. "
    text = GUESTS.format(bare=plans.BARE_MS, vhost=vhost, cpus=records.machine.get("CPU", "it"))
    variants = list(dict.fromkeys(c.variant for c in cells))
    parts = [text, "".join(f"- ({v}) {plans.VARIANTS[v]}\n" for v in variants)]
    for load in dict.fromkeys(c.load for c in loaded):
        some = [c for c in loaded if c.load == load]
        some.sort(key=lambda c: (c.protocol, c.bytes, c.variant))
        rows = [[c.request(), f"({c.variant})", *_latency(records, c),
                 records.figure(c, "cpu").text(), _others(records, c)] for c in some]
        parts += [f"### Load: {load} ({plans.LOADS[load]})\n",
                  table(["requests", "variant", *LATENCY, "CPU %", "the other guest"], rows),
                  plots.latencies(records, load, out)]
    parts += [plots.guest_bars(records, out), "### Ratios\n",
              table(["", "load", "requests", "SD", "p99.9", "CPU"], _ratios(records)),
              _ladder(records, cells)]
    return "\n".join(parts)


def _ladder(records, cells):
    rows = []
    for variant in dict.fromkeys(c.variant for c in cells):
        for cell in (c for c in cells if c.variant == variant and c.load == "none"
                     and c.rate != plans.SMALL[0][2]):
            rows.append([f"({variant})", cell.request(), *_latency(records, cell)])
    if not rows:
        return ""
    return "### What a guest can bear\n\nEach rate for a second, nothing else to do.\n\n" + \
        table(["variant", "requests", *LATENCY], rows)


# ---- simulated ----

def _simulated(records, out):
    cells = [c for c in records.cells("simulated")]
    if not cells:
        return ""
    cells.sort(key=lambda c: (c.variant, c.guests, c.load != "none"))
    rows = [[*_case(c), *_latency(records, c), records.figure(c, "cpu").text(),
             show(records.other(c, "stopped_ms").value),
             records.other(c, "tries").text(), records.other(c, "mbit").text(),
             records.other(c, "mbit_per_lcore_s").text()] for c in cells]
    floor = records.fact("floor_us")
    said = "(c), one frame from virtio_user through testpmd and back, no TCP/IP, nothing else: " \
           f"median {floor.text()} us.\n" if floor.samples else ""
    return "\n".join([SIMULATED.format(rate=plans.SCALE_RATE, stopped=plans.STOPPED_MS,
                                       tries=plans.TRIES), said,
                      table(["variant", "load", "RT guests", "", "requests", *LATENCY,
                             "RT lcore busy %", "stopped, ms/s", "tries", "non-RT Mbit/s",
                             "per CPU s of its lcore"], rows),
                      _residence(records, cells), plots.scale(records, out),
                      plots.simulated_bars(records, out)])


def _case(cell):
    return [f"({cell.variant})", cell.load, cell.guests, verdict.kind(cell),
            f"{cell.protocol} {cell.bytes} B"]


def _residence(records, cells):
    points = ("n", "p50", "p99", "p99.9", "p99.99", "max")
    rows = [[*_case(c), *(records.other(c, f"{way} {point}").text() if point == "p50" else
                          show(records.other(c, f"{way} {point}").value)
                          for way in ("rx", "tx") for point in points),
             show(records.other(c, "turn p50").value)]
            for c in cells if records.other(c, "rx p50").samples]
    if not rows:
        return ""
    head = ["variant", "load", "RT guests", "", "requests"]
    return RESIDENCE + "\n" + table(head + [f"{way} {point}" for way in ("rx", "tx")
                                            for point in points] + ["turn p50"], rows)


def _wake(records):
    if not records.facts.get("kick_us"):
        return ""
    rows = [["CPU of the idle daemon, % of one", records.fact("idle_cpu").text()],
            ["how often its lcore goes to sleep, 1/s", records.fact("idle_sleeps").text()],
            ["an eventfd wakes a thread, us", records.fact("eventfd_us").text()],
            ["the lcore answers a guest's first kick, us", records.fact("kick_us").text()],
            ["share of those requests that took a kick", records.fact("kicked").text()],
            ["times the lcore went to sleep, by request", records.fact("kick_sleeps").text()]]
    return "## An adaptive RT lcore with nothing to do\n\n" + table(["", "medians of rounds"], rows)


def _lab(lab):
    if not lab:
        return ""
    text = lab.read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        if line.startswith("!["):
            line = line.replace("](", f"]({lab.parent.name}/")
        lines.append("#" + line if line.startswith("#") else line)
    return "\n".join(lines) + "\n"


def write(records, out):
    """All files; returns the text of the report."""
    write_csv(records, out)
    lab = out / "lab" / "report.md"
    parts = [HEAD, _machine(records), _failed(records), _verdicts(records), _guests(records, out),
             _simulated(records, out), _wake(records), _lab(lab if lab.exists() else None)]
    text = "\n".join(part for part in parts if part)
    (out / "report.md").write_text(text, encoding="utf-8")
    return text


def summary(records):
    """For the terminal: verdicts, and what is missing."""
    lines = [f"{v.row()[3]:10} {v.row()[0]}: {v.row()[2]}, {v.row()[1]}"
             for v in verdict.verdicts(records)]
    lines += [f"could not be measured: {what}" for what, _ in records.failed]
    return "\n".join(lines)


__all__ = ["write", "summary", "table", "show"]
