# SPDX-License-Identifier: Apache-2.0
"""What many instances and many addresses cost: sqlvip and Debian's keepalived, in the same run.

Instances: CPU of the agent with 1, 64 and 255 of them, the larger of holder and backup, without an observer on the
network, whose share the kernel would charge to the sender; then, observed, how far adverts were from their time, also
while somebody makes and removes network namespaces, which holds the kernel's rtnl lock. Addresses: from the first
advert of a new master until its last address is there, and from SIGTERM until the last one is gone, with 1, 100 and
1000 of them; runs in which that did not happen are counted as unfinished, and those that the observer was kept from
seeing in time, three times over, as unseen."""

import argparse
import math
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from lib.agents import Keepalived, Sqlvipd, block, instance
from lib.build import Build
from lib.pair import Pair
from lib.usage import at_rest, let_pass
from lib.wait import Late, now, until

AGENTS = {"sqlvip": (Sqlvipd, "sqlvipd"), "keepalived": (Keepalived, "keepalived")}
PRIORITIES = {"mastersql": 200, "backupsql": 150}
SECOND_SET = 6  # s: adverts and ARP of a new master have calmed down by then
CALM = 0.5  # s without a gratuitous ARP
PATIENCE = 60  # s
SELDOM = 0.1  # s between looks: looking takes a core from the agent
EVERY_MS = 1  # between looks of the watcher
UNSURE = 0.005  # s; the watcher was kept from looking, and what it measured is not worth much
TRIES = 3
UNSEEN = "unseen"


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
    if not off:  # the watcher saw none: no figure, but the rest of the table
        return (math.nan,) * 3
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


class Unsure(Exception):
    """The watcher did not look in time."""


def last_change(pair, agent, op, count, since):
    """When the last of so many addresses came or went on mastersql; None if the agent does not get that far."""
    def changes():
        return pair.watcher.find(since, host=pair.master.name, event="address", op=op, initial=False)

    try:
        until(lambda: len(changes()) >= count or not agent.process.alive, PATIENCE, "addresses", step=SELDOM)
    except Late:
        pass
    let_pass(SELDOM)  # what the agent did last may be on its way through the watcher
    found = changes()
    if len(found) < count:
        return None
    last = found[count - 1]
    if last["t"] - last["since"] > UNSURE:
        raise Unsure
    return last["t"]


def wait_calm(pair):
    """Waits until mastersql sends adverts and nothing else. While Debian's keepalived announces 1000 addresses it sends
    no adverts and hears no SIGTERM, and its parent kills it after 5 s of that, with all its addresses still there."""
    def is_calm():
        sent = pair.watcher.find(now() - CALM, host=pair.master.name, dir="out")
        return len(sent) > 1 and all(e["event"] == "advert" for e in sent)

    let_pass(CALM)
    until(is_calm, PATIENCE, "the last gratuitous ARP", step=SELDOM)


def take_and_drop(build, folder, name, count):
    """In ms: to take all, and to drop all; None for what did not come to its end.

    The watcher looks once per ms and this program ten times a second. Whoever listens for addresses is woken by the
    kernel, at the expense of the one who adds them: a watcher that is woken for each of them, and that need not wait for
    a core, makes 1000 of them a third slower on two cores, which is its own doing and not the agent's. So times are
    late by up to 1 ms, or as far as UNSURE allows when it did not get a core at once."""
    kind, _ = AGENTS[name]
    with Pair(build, folder) as pair:  # anew for each run, so that none finds what another left behind
        pair.watcher.end()
        pair.watch(EVERY_MS)
        agent = kind(pair.master, build, vip_config(count)).start()
        taken_at = last_change(pair, agent, "add", count, 0)
        if not taken_at:
            return None, None
        take = 1000 * (taken_at - pair.watcher.adverts(pair.master)[0]["t"])
        try:
            wait_calm(pair)
            at = agent.term()
            dropped_at = last_change(pair, agent, "del", count, at)
        except Late:
            return take, None
        return take, 1000 * (dropped_at - at) if dropped_at else None


def addresses(build, folder, name, count, runs):
    """Two lists of ms, to take all and to drop all; with None for what did not come to its end, or UNSEEN."""
    measured = []
    for _ in range(runs):
        result = UNSEEN, UNSEEN
        for _ in range(TRIES):
            try:
                result = take_and_drop(build, folder, name, count)
                break
            except Unsure:
                pass
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        measured.append(result)
    return [take for take, _ in measured], [drop for _, drop in measured]


def spread(values):
    """Median and range of the runs that came to their end, and how many did not."""
    ms = [v for v in values if v not in (None, UNSEEN)]
    text = f"{statistics.median(ms):8.1f} ({min(ms):.1f}-{max(ms):.1f})" if ms else "       -"
    for what, n in (("unfinished", values.count(None)), ("unseen", values.count(UNSEEN))):
        text += f", {n} of {len(values)} {what}" if n else ""
    return text


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
            print(f"  {count:9}  {name:<10}  {spread(take)}   {spread(drop)}", flush=True)
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
