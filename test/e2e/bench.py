# SPDX-License-Identifier: Apache-2.0
"""How long clients wait when the virtual IP has to move, for sqlvip and for Debian's keepalived, in the same run.

Two hosts and a client in namespaces of their own, real MariaDB servers, a fresh client connection every millisecond;
one measurement at a time. A figure is the time from the fault to the first answer over the virtual IP from the other
host. "above" is the part that the agent answers for: without the backup's Skew_Time (when a cable is pulled, because
nobody can resign then, its Down time since the last advert), and for a hang without interval and timeout."""

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from lib.agents import VIP, Keepalived, Sqlvipd, block, instance, mysql_check
from lib.build import TOP, Build
from lib.forge import Advert
from lib.mariadb import PASSWORD, SOCKET, USER
from lib.pair import Pair
from lib.usage import at_rest, processes
from lib.wait import now, until

ADVERT = 0.1
INTERVAL, TIMEOUT = 0.1, 0.5
PRIORITIES = {"mastersql": 200, "backupsql": 150}
SCRIPT = f"""#!/bin/sh
exec mariadb --no-defaults --socket={SOCKET} --user={USER} --password={PASSWORD} --connect-timeout=1 -e 'SELECT 1'
"""


def skew_ms(advert, priority):
    return 1000 * advert * (256 - priority) / 256


@dataclass
class Contender:
    """One agent with one configuration; `start` brings both hosts up and leaves mastersql as the holder."""

    name: str
    config: callable  # host name -> configuration
    kind: type
    advert: float = ADVERT
    backup_priority: int = PRIORITIES["backupsql"]
    resident_gib: int = 0
    returns: bool = True  # the VIP goes back by itself when mastersql is healthy again

    def start(self, pair):
        pair.start_servers(resident_gib=self.resident_gib)
        pair.master.write("/tmp/check_mysql.sh", SCRIPT, 0o755)
        pair.backup.write("/tmp/check_mysql.sh", SCRIPT, 0o755)
        pair.agents = {}
        for host in (pair.master, pair.backup):
            pair.agents[host.name] = self.kind(host, pair.build, self.config(host.name)).start()
            if host is pair.master:
                pair.watcher.wait_holder(host, VIP, 30)
        settle(pair)

    @property
    def skew(self):
        return skew_ms(self.advert, self.backup_priority)

    @property
    def down(self):
        return 3000 * self.advert + self.skew


def settle(pair):
    """mastersql holds the VIP, and the other is a backup that has been healthy for a while."""
    pair.watcher.wait_holder(pair.master, VIP, 60)
    for name, agent in pair.agents.items():
        if isinstance(agent, Sqlvipd):
            until(lambda: all(c["state"] == "up" for c in agent.status()["checks"]), 60, f"{name} to be healthy")
            until(lambda: all(i["state"].upper() != "FAULT" for i in agent.status()["instances"]), 60, f"{name}")
    seen = pair.watcher.adverts(pair.master)[-1]["t"]
    pair.watcher.wait_adverts(pair.master, 12, 60, seen)


# The faults. Each returns when it happened; undo brings the host back to health.


@dataclass
class Fault:
    name: str
    strike: callable
    undo: callable
    above: callable  # contender -> ms that are not the agent's
    about: str


def restart(pair):
    pair.mysql["mastersql"].restart()


def pull(pair):
    at = now()
    pair.pull(pair.master)
    return at


FAULTS = {
    "kill": Fault("mysqld killed", lambda p: p.mysql["mastersql"].kill(), restart, lambda c: c.skew, "Skew"),
    "hang": Fault("mysqld hangs", lambda p: p.mysql["mastersql"].stop(), lambda p: p.mysql["mastersql"].cont(),
                  lambda c: c.skew + 1000 * (INTERVAL + TIMEOUT), "Skew+interval+timeout"),
    "stop": Fault("mysqld stopped", lambda p: p.mysql["mastersql"].term(), restart, lambda c: c.skew, "Skew"),
    "cable": Fault("cable pulled", pull, lambda p: p.plug(p.master), lambda c: c.down - 500 * c.advert,
                   "Down-advert_int/2"),
}


def strike_once(pair, contender, fault):
    """One measurement in ms, and everything put right again."""
    client = pair.ping(interval_us=1000)
    client.wait_answer(pair.master, 10)
    pair.watcher.wait_adverts(pair.master, 1, 20)
    # At no particular moment between two adverts, or two runs of a script.
    moment = now() + random.uniform(0, 1)
    until(lambda: now() >= moment, 2, "the moment", step=0.001)
    at = fault.strike(pair)
    answered = client.wait_answer(pair.backup, 60, at)
    client.finish()
    fault.undo(pair)
    if not contender.returns:
        give_back(pair)
    settle(pair)
    return 1000 * (answered - at)


def give_back(pair):
    """With nopreempt: a fault on the other host brings the VIP home."""
    agent = pair.agents["mastersql"]
    until(lambda: agent.status()["instances"][0]["state"].upper() == "BACKUP", 60, "mastersql to be BACKUP")
    pair.watcher.wait_adverts(pair.backup, 1, 30)
    pair.mysql["backupsql"].kill()
    pair.watcher.wait_holder(pair.master, VIP, 60)
    pair.mysql["backupsql"].restart()


# At rest.


def rest_of(build, folder, contender, seconds):
    """What the agents need, in a network without an observer: the kernel charges the observer's share to the sender."""
    with Pair(build, folder) as pair:
        contender.start(pair)
        pair.watcher.end()
        if contender.kind is not Sqlvipd:
            return {contender.name: at_rest((pair.master, pair.backup), "keepalived", seconds, network=True)}
        agent = at_rest((pair.master, pair.backup), "sqlvipd", seconds, network=True)
        return {contender.name: agent, BARE: bare_loop(pair, seconds)}


def bare_loop(pair, seconds):
    """What anybody would need who wakes up, sends an advert and asks mysqld, in the place of the holder's agent."""
    pair.agents.pop("mastersql").stop()
    advert = Advert(src="192.168.1.1", priority=254, interval=ADVERT).payload().hex()
    loop = pair.master.popen([pair.build.tool("bareloop"), SOCKET, USER, PASSWORD, advert], "bareloop")
    try:
        until(lambda: processes(pair.master, "bareloop"), 10, "the bare loop to run")
        pair.agents["backupsql"].wait_state("BACKUP", 10)
        return at_rest((pair.master,), "bareloop", seconds, network=True)
    finally:
        loop.kill()


# What is compared.


def ours(*check, **options):
    text = mysql_check(*check, interval=str(INTERVAL), timeout=str(TIMEOUT))
    return lambda host: text + instance(PRIORITIES[host], advert=str(ADVERT), **options)


def keepalived_script(interval, fall):
    script = block("vrrp_script check_mysql", 'script "/tmp/check_mysql.sh"', f"interval {interval}", f"fall {fall}",
                   "rise 1", "user root")
    track = block("track_script", "check_mysql")
    return lambda host: script + instance(PRIORITIES[host], track, track=False, advert=str(ADVERT))


def shipped(host):
    return (TOP / "etc" / "examples" / "two-hosts" / f"{host}.conf").read_text()


@dataclass
class Result:
    fault: str
    contender: str
    about: str
    times: list = field(default_factory=list)
    above: float = 0.0

    @property
    def median(self):
        return statistics.median(self.times)


def measure(build, folder, contender, faults, runs, say, rest_seconds=0):
    """All runs of one contender, in a network of its own; returns results and what it needs at rest."""
    results, rest = [], {}
    if rest_seconds:
        rest = rest_of(build, folder, contender, rest_seconds)
    with Pair(build, folder) as pair:
        contender.start(pair)
        for key in faults:
            fault = FAULTS[key]
            result = Result(fault.name, contender.name, fault.about)
            results.append(result)
            for run in range(runs):
                result.times.append(strike_once(pair, contender, fault))
                say(f"{contender.name}: {fault.name}, run {run + 1} of {runs}: {result.times[-1]:.1f} ms")
            result.above = result.median - fault.above(contender)
    shutil.rmtree(folder, ignore_errors=True)
    return results, rest


def contenders(args):
    """(contender, faults, measured at rest) in the order of the table."""
    script = f"keepalived, script each {args.script_interval} s, fall {args.script_fall}"
    everything = list(FAULTS)
    return {
        "sqlvip": (Contender("sqlvip", ours(), Sqlvipd), everything, True),
        "keepalived": (Contender(script, keepalived_script(args.script_interval, args.script_fall), Keepalived),
                       everything, True),
        "big": (Contender(f"sqlvip, mysqld of {args.gib} GiB", ours(), Sqlvipd, resident_gib=args.gib), ["kill"], False),
        "no-watch": (Contender("sqlvip, thread watch off", ours("thread_watch off"), Sqlvipd), ["kill"], False),
        "shipped": (Contender("sqlvip, shipped example", shipped, Sqlvipd, advert=1.0, backup_priority=253,
                              returns=False), ["kill"], False),
    }


def print_times(results):
    base = {r.fault: r.median for r in results if r.contender == "sqlvip"}
    name = max(len(r.contender) for r in results)
    print(f"\n  {'fault':<15} {'agent':<{name}}  runs   median      min      max     above  of             ratio")
    for r in sorted(results, key=lambda r: [f.name for f in FAULTS.values()].index(r.fault)):
        ratio = f"{r.median / base[r.fault]:6.1f}" if r.fault in base else "     -"
        print(f"  {r.fault:<15} {r.contender:<{name}}  {len(r.times):4}  {r.median:7.1f}  {min(r.times):7.1f}  "
              f"{max(r.times):7.1f}  {r.above:8.1f}  {r.about:<21}{ratio}")
    print("\n  ms from the fault to the first answer from the other host; `above` is the median without what the protocol"
          "\n  and the configuration wait for; ratio to sqlvip. keepalived's track_process is not in the table: it needs"
          "\n  the kernel's process connector, which exists in the first network namespace only, and these hosts are"
          "\n  namespaces.")


BARE = "a bare loop of the same calls"


def print_rest(rest, seconds):
    if not rest:
        return
    name = max(map(len, rest))
    print(f"\n  at rest for {seconds} s, advert_int {ADVERT}\n  {'agent':<{name}}  processes  CPU of a core  of it network  PSS MiB  "
          "RSS MiB")
    for who, r in rest.items():
        network = "            -" if r["softirq_percent"] is None else f"{r['softirq_percent']:11.2f} %"
        print(f"  {who:<{name}}  {r['processes']:9}  {r['cpu_percent']:11.2f} %  {network}  {r['pss_mib']:7.1f}  "
              f"{r['rss_mib']:7.1f}")
    print("\n  `network`: the virtual switch and the receivers, whose softirqs run in the sender's system call. A kernel "
          "with\n  CONFIG_IRQ_TIME_ACCOUNTING does not charge him with them.\n")


def parse():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--runs", type=int, default=10, help="of each measurement (10)")
    p.add_argument("--only", action="append", help="contender: sqlvip, keepalived, big, no-watch, shipped")
    p.add_argument("--fault", action="append", choices=list(FAULTS), help="only this fault")
    p.add_argument("--script-interval", default="1", help="keepalived's vrrp_script interval (1, its default)")
    p.add_argument("--script-fall", default="1", help="keepalived's vrrp_script fall (1, its default)")
    p.add_argument("--gib", type=int, default=2, help="of memory for the big server (2)")
    p.add_argument("--rest-seconds", type=int, default=60, help="how long to look at agents at rest (60; 0: not)")
    p.add_argument("--json", help="write everything to this file, too")
    return p.parse_args()


def main():
    args = parse()
    if os.geteuid() != 0:
        print("the bench makes network namespaces: run it as root", file=sys.stderr)
        return 1
    build, results, rest = Build.from_environment(), [], {}
    folder = Path(tempfile.mkdtemp(prefix="sqlvip-bench-"))
    progress = (lambda text: print(f"\r\033[K  {text}", end="", flush=True)) if sys.stdout.isatty() else (lambda _: None)
    try:
        for key, (contender, faults, resting) in contenders(args).items():
            if args.only and key not in args.only:
                continue
            faults = [f for f in faults if not args.fault or f in args.fault]
            got, idle = measure(build, folder / key, contender, faults, args.runs, progress,
                                args.rest_seconds if resting else 0)
            results += got
            rest.update(idle)
        progress("")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if results:
        print_times(results)
    print_rest(rest, args.rest_seconds)
    if args.json:
        Path(args.json).write_text(json.dumps({
            "times_ms": [{"fault": r.fault, "agent": r.contender, "above_ms": r.above, "runs": r.times} for r in results],
            "at_rest": rest}, indent=1))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
