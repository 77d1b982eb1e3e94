# SPDX-License-Identifier: Apache-2.0
"""What the agent's processes on a host use: CPU time and memory."""

import os

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


def at_rest(hosts, program, seconds):
    """CPU in % of a core, PSS and RSS in MiB, of the program on each host; the largest of each."""
    watched = [(pids, cpu_ns(pids)) for pids in (processes(host, program) for host in hosts)]
    lasted = let_pass(seconds)
    return {
        "cpu_percent": max(100e-9 * (cpu_ns(pids) - before) / lasted for pids, before in watched),
        "processes": max(len(pids) for pids, _ in watched),
        "pss_mib": max(memory_kib(pids, "Pss:") for pids, _ in watched) / 1024,
        "rss_mib": max(memory_kib(pids, "Rss:") for pids, _ in watched) / 1024,
    }
