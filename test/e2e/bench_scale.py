# SPDX-License-Identifier: Apache-2.0
"""What many instances and many addresses cost: sqlvip and Debian's keepalived, in the same run.

Instances: CPU of the agent with 1, 64 and 255 of them, the larger of holder and backup, without an observer on the
network, whose share the kernel would charge to the sender; then, observed, how far adverts were from their time, also
while somebody makes and removes network namespaces, which holds the kernel's rtnl lock. Addresses: from the first advert of a new
master until its last address is there, and from SIGTERM until the last one is gone, with 1, 100 and 1000 of them."""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from lib.agents import VIP, Keepalived, Sqlvipd, block, instance
from lib.build import Build
from lib.pair import Pair
from lib.usage import at_rest, let_pass
from lib.wait import until

AGENTS = {"sqlvip": (Sqlvipd, "sqlvipd"), "keepalived": (Keepalived, "keepalived")}
PRIORITIES = {"mastersql": 200, "backupsql": 150}
SECOND_SET = 6  # s: adverts and ARP of a new master have calmed down by then


def many(count, priority, advert):
    return "".join(instance(priority, name=f"V{n}", vrid=n, advert=advert, vips=(f"10.0.{n}.1",), track=False)
                   for n in range(1, count + 1))


def held(host):
    """How many virtual addresses the host has."""
    return sum(a.startswith("10.") for a in host.addresses())


def start_pair(pair, kind, count, advert):
    for host in (pair.master, pair.backup):
        kind(host, pair.build, many(count, PRIORITIES[host.name], advert)).start()
        if host is pair.master:
            until(lambda: held(pair.master) == count, 120, f"{count} addresses", step=0.1)
    let_pass(SECOND_SET)


def lateness(watcher, hosts, advert, seconds):
    """By how many ms the gaps between adverts differ from advert_int: median, 99th percentile, maximum."""
    last, off = {}, []
    let_pass(seconds)
    for host in hosts:
        for e in watcher.adverts(host):
            before = last.get((host, e["vrid"]))
            if before:
                off.append(1000 * abs(e["t"] - before - advert))
            last[host, e["vrid"]] = e["t"]
    off.sort()
    return statistics.median(off), off[len(off) * 99 // 100], off[-1]


def instances(build, folder, name, count, advert, seconds):
    """One row of the table."""
    kind, program = AGENTS[name]
    with Pair(build, folder) as pair:
        pair.watcher.end()
        start_pair(pair, kind, count, advert)
        used = at_rest((pair.master, pair.backup), program, seconds)
        watcher = pair.watch()
        quiet = lateness(watcher, (pair.master, pair.backup), float(advert), 5)
        watcher.end()
        churn = pair.client.popen(["sh", "-c", "while :; do unshare -n true; done"], "churn")
        watcher = pair.watch()
        busy = lateness(watcher, (pair.master, pair.backup), float(advert), 5)
        churn.kill()
    shutil.rmtree(folder, ignore_errors=True)
    return used, quiet, busy


def vip_config(count):
    more = [f"10.{n // 250}.{n % 250}.1" for n in range(1, count)]
    return instance(200, block("virtual_ipaddress_excluded", *more) if more else "", track=False)


def addresses(build, folder, name, count, runs):
    """Two lists of ms: to take all, and to drop all."""
    kind, _ = AGENTS[name]
    take, drop = [], []
    with Pair(build, folder) as pair:
        for _ in range(runs):
            began = pair.watcher.events[-1]["t"]
            agent = kind(pair.master, build, vip_config(count)).start()
            mine = {"host": pair.master.name, "event": "address"}
            last = pair.watcher.wait(60, began, count, op="add", **mine)
            first = pair.watcher.adverts(pair.master, began)[0]
            take.append(1000 * (last["t"] - first["t"]))
            let_pass(1)
            at = agent.term()
            drop.append(1000 * (pair.watcher.wait(60, at, count, op="del", **mine)["t"] - at))
            agent.process.wait(20)
    shutil.rmtree(folder, ignore_errors=True)
    return take, drop


def run(build, folder, args, say):
    rows = []
    print(f"\n  {'instances':>9} {'advert_int':>10}  {'agent':<10}  CPU of a core  PSS MiB   adverts off by ms: "
          "median/p99/max, beside rtnl churn")
    for count in args.instances:
        for advert in args.adverts:
            for name in AGENTS:
                say(f"{name}: {count} instances at {advert} s")
                used, quiet, busy = instances(build, folder / "many", name, count, advert, args.seconds)
                say("")
                rows.append({"instances": count, "advert_int": advert, "agent": name, **used, "off_ms": quiet,
                             "off_churn_ms": busy})
                shown = "  ".join("/".join(f"{ms:.1f}" for ms in off) for off in (quiet, busy))
                print(f"  {count:9} {advert:>10}  {name:<10}  {used['cpu_percent']:11.2f} %  {used['pss_mib']:7.1f}   {shown}",
                      flush=True)
    print(f"\n  {'addresses':>9}  {'agent':<10}  taken in ms: median (min-max)   dropped in ms")
    for count in args.addresses:
        for name in AGENTS:
            say(f"{name}: {count} addresses")
            take, drop = addresses(build, folder / "vips", name, count, args.runs)
            say("")
            rows.append({"addresses": count, "agent": name, "take_ms": take, "drop_ms": drop})
            shown = "   ".join(f"{statistics.median(ms):8.1f} ({min(ms):.1f}-{max(ms):.1f})" for ms in (take, drop))
            print(f"  {count:9}  {name:<10}  {shown}", flush=True)
    return rows


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--instances", type=int, nargs="*", default=[1, 64, 255])
    p.add_argument("--adverts", nargs="*", default=["1", "0.1"], help="advert_int (1 0.1)")
    p.add_argument("--addresses", type=int, nargs="*", default=[1, 100, 1000])
    p.add_argument("--seconds", type=int, default=20, help="how long to measure CPU (20)")
    p.add_argument("--runs", type=int, default=5, help="of each measurement with addresses (5)")
    args = p.parse_args()
    if os.geteuid() != 0:
        print("the bench makes network namespaces: run it as root", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="sqlvip-bench-"))
    say = (lambda text: print(f"\r\033[K  {text}" if text else "\r\033[K", end="", flush=True)) if sys.stdout.isatty() \
        else (lambda _: None)
    try:
        run(Build.from_environment(), folder, args, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
