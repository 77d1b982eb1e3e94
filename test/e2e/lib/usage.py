# SPDX-License-Identifier: Apache-2.0
"""What the agent's processes on a host use: CPU time and memory."""

import os
import re
from pathlib import Path

from lib.wait import now, until


def processes(host, program):
    """The ids of the program's processes on this host."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            st = os.stat(f"/proc/{entry}/ns/net")
            exe = os.readlink(f"/proc/{entry}/exe")
        except OSError:
            continue
        if (st.st_dev, st.st_ino) == host.namespace and os.path.basename(exe) == program:
            found.append(int(entry))
    return found


def cpu_ns(pids):
    """What these processes have run, and what children of theirs ran that have ended."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        with open(f"/proc/{pid}/stat", "rb") as f:
            fields = f.read().rsplit(b")", 1)[1].split()
        total += (int(fields[13]) + int(fields[14])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return total


def memory_kib(pids, key):
    """The sum of one line of smaps_rollup."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            total += next(int(line.split()[1]) for line in f if line.startswith(key))
    return total


def let_pass(seconds):
    """Lets time pass in which something is measured; returns how long it was."""
    begun = now()
    until(lambda: now() - begun >= seconds, seconds + 10, "time to pass", step=0.1)
    return now() - begun


TRACING = Path("/sys/kernel/tracing/instances")
SOFTIRQ = re.compile(r"-(\d+) +\[\d+\] \S+ +(\d+\.\d+): softirq_(entry|exit): vec=(\d+)")


class Softirqs:
    """The kernel's work for the network that was done while it ran for these processes, in an instance of tracing of
    our own. A virtual switch and the receivers behind it work in the sender's system call, and a kernel without
    CONFIG_IRQ_TIME_ACCOUNTING, which distributions set, charges him with it."""

    def __init__(self, pids):
        self._pids = pids
        self._folder = TRACING / f"sqlvip-{os.getpid()}"

    def __enter__(self):
        self._folder.mkdir()
        try:
            tasks = [task for pid in self._pids for task in os.listdir(f"/proc/{pid}/task")]
            self._write("trace_clock", "mono")
            self._write("set_event_pid", " ".join(tasks))
            for event in ("entry", "exit"):
                self._write(f"events/irq/softirq_{event}/enable", "1")
        except OSError:
            self._folder.rmdir()
            raise
        return self

    def __exit__(self, *_):
        self._folder.rmdir()

    def _write(self, name, text):
        (self._folder / name).write_text(text, encoding="ascii")

    def ns(self):
        """Of each process, so far."""
        owner = {int(task): pid for pid in self._pids for task in os.listdir(f"/proc/{pid}/task")}
        total, entered = dict.fromkeys(self._pids, 0), {}
        for line in (self._folder / "trace").read_text(encoding="ascii", errors="replace").splitlines():
            found = SOFTIRQ.search(line)
            if not found or int(found[1]) not in owner:
                continue
            task, at, vec = int(found[1]), float(found[2]), found[4]
            if found[3] == "entry":
                entered[task, vec] = at
            elif (task, vec) in entered:
                total[owner[task]] += round(1e9 * (at - entered.pop((task, vec))))
        return total


def softirq_percent(pids, seconds):
    """Of a core; None where the kernel has no tracing. In a time of its own, since to be traced costs CPU as well."""
    if not TRACING.is_dir():
        return None
    with Softirqs(pids) as trace:
        lasted = let_pass(seconds)
        return 100e-9 * sum(trace.ns().values()) / lasted


def at_rest(hosts, program, seconds, network=False):
    """CPU in % of a core, PSS and RSS in MiB, of the program on each host; the largest of each. With `network`, also how
    much of the most CPU goes into softirqs, as seen in half that time; None where that cannot be told. Not for thousands
    of them a second: the trace has a size, and a price."""
    watched = [processes(host, program) for host in hosts]
    assert all(watched), f"{program} does not run on each of {[host.name for host in hosts]}"
    before = [cpu_ns(pids) for pids in watched]
    lasted = let_pass(seconds)
    percent = [100e-9 * (cpu_ns(pids) - ns) / lasted for pids, ns in zip(watched, before)]
    busiest = watched[percent.index(max(percent))]
    return {
        "cpu_percent": max(percent),
        "softirq_percent": softirq_percent(busiest, seconds / 2) if network else None,
        "processes": max(map(len, watched)),
        "pss_mib": max(memory_kib(pids, "Pss:") for pids in watched) / 1024,
        "rss_mib": max(memory_kib(pids, "Rss:") for pids in watched) / 1024,
    }
