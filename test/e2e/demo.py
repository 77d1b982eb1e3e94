# SPDX-License-Identifier: Apache-2.0
"""The main job in front of your eyes: mysqld dies on the host that holds the virtual IP, and the other host answers.

Two hosts and a client in namespaces of their own, with real MariaDB servers and the shipped two-host configurations.
Everything that is printed has been observed: addresses through each host's netlink, adverts in its packets, answers by
the client. Ends with 0 only if all of it happened. Nothing outside the namespaces is touched."""

import datetime
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from lib.agents import VIP
from lib.build import TOP, Build
from lib.pair import Pair
from lib.wait import Late, now, until

EXAMPLES = TOP / "etc" / "examples" / "two-hosts"
WIDTH = 84


class Page:
    """The output: aligned, and coloured where somebody looks at it."""

    def __init__(self, out):
        self._out = out
        self._colour = out.isatty() and "NO_COLOR" not in os.environ
        self._started = now()

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def say(self, text=""):
        print(text, file=self._out, flush=True)

    def bold(self, text):
        return self._paint("1", text)

    def dim(self, text):
        return self._paint("2", text)

    def heading(self, text):
        self.say()
        self.say("  " + self.bold(text))

    def done(self, text):
        """A step that went well, with the time since the start at the right."""
        clock = f"{now() - self._started:5.1f} s"
        self.say(f"    {self._paint('32', 'ok')}  {text:<{WIDTH - 16}}{self.dim(clock)}")

    def failed(self, text):
        self.say(f"    {self._paint('31', 'no')}  {text}")

    def row(self, ms, what, strong=False):
        """One line of the timeline."""
        what = self.bold(what) if strong else what
        self.say(f"    {self._paint('36', f'{ms:8.1f} ms')}   {what}")


def log_time(match):
    """CLOCK_MONOTONIC of a log line that starts with the local time."""
    when = datetime.datetime.strptime(match.group(1), "%Y-%m-%d %H:%M:%S.%f")
    return when.timestamp() - (time.time() - now())


def versions(pair):
    """Of MariaDB, as one word."""
    found = re.search(r"Ver (\S+?)-MariaDB", pair.master.run(["mariadbd", "--no-defaults", "--version"]).stdout)
    return f"MariaDB {found.group(1)}" if found else "MariaDB"


def setting(config, keyword):
    """The value of a keyword in a configuration file."""
    return re.search(rf"^\s*{keyword}\s+(\S+)", config, re.MULTILINE).group(1)


def start(page, pair, configs):
    """Servers, agents and the client; returns the client."""
    page.heading("Two MySQL hosts and a client, each in a network namespace of its own")
    pair.start_servers()
    page.done(f"{versions(pair)} runs on mastersql and on backupsql")
    pair.agents = {}
    for host in (pair.master, pair.backup):
        pair.agents[host.name] = pair.agent(host, configs[host.name]).start()
    for host in (pair.master, pair.backup):
        pair.agents[host.name].wait_check(10, verdict="alive", name=setting(configs[host.name], "vrrp_mysql"))
    page.done("sqlvipd runs on both, and each watches its own mysqld")
    pair.watcher.wait_holder(pair.master, VIP, 15)
    page.done(f"mastersql holds {VIP}")
    client = pair.ping(interval_us=1000)
    client.wait_answer(pair.master, 5)
    pair.watcher.wait_adverts(pair.master, 1, 5)
    page.done(f"the client asks {VIP}:3306 every millisecond, mastersql answers")
    return client


def fail_over(page, pair, client, priority, advert):
    """Kills mysqld on the holder and prints what follows; returns how long the client waited at worst, in ms."""
    page.heading("kill -9 of mysqld on mastersql")
    agent = pair.agents["mastersql"].process
    mark = agent.mark()
    killed = pair.mysql["mastersql"].kill()
    answered = client.wait_answer(pair.backup, 10, killed)
    saw = agent.wait_log(r"^(\S+ \S+) .*mysqld \S+: alive -> dead \((.*)\)", 5, mark)
    removed = pair.watcher.wait_no_holder(pair.master, VIP, 5)
    resigned = pair.watcher.wait(5, killed, host="mastersql", event="advert", dir="out", priority=0)["t"]
    claimed = pair.watcher.wait(5, killed, host="backupsql", event="advert", dir="out")["t"]
    taken = pair.watcher.wait_holder(pair.backup, VIP, 5)

    rows = [
        (killed, "mastersql   mysqld is killed"),
        (log_time(saw), f"mastersql   the probe has seen it ({saw.group(2)})"),
        (removed, f"mastersql   {VIP} is removed"),
        (resigned, "mastersql   resigns: VRRP priority 0 is sent"),
        (claimed, f"backupsql   announces itself, priority {priority}"),
        (taken, f"backupsql   {VIP} is taken"),
        (answered, "client      first answer from backupsql"),
    ]
    page.say()
    for at, what in sorted(rows, key=lambda row: row[0]):
        page.row(1000 * (at - killed), what, strong=at in (killed, answered))
    skew = 1000 * advert * (256 - priority) / 256
    page.say()
    page.say(f"    VRRP itself waits {skew:.1f} ms of that: Skew_Time at priority {priority}, advert_int {advert:g}.")
    return answered


def come_back(page, pair, check):
    """mysqld returns on mastersql, and the VIP stays where it is."""
    page.heading("mysqld on mastersql is started again")
    pair.mysql["mastersql"].restart()
    agent = pair.agents["mastersql"]
    agent.wait_check(15, verdict="alive", state="up", name=check)
    agent.wait_state("BACKUP", 10, name=agent.status()["instances"][0]["name"])
    page.done("mastersql is healthy again, and BACKUP")
    pair.watcher.wait_adverts(pair.backup, 5, 15)
    if pair.watcher.holders(VIP) != ["backupsql"] or pair.watcher.moves(VIP) != 2:
        raise AssertionError(f"{VIP} moved back in spite of nopreempt")
    page.done(f"{VIP} stays on backupsql: nothing moves back (nopreempt)")


def run(page, folder):
    configs = {name: (EXAMPLES / f"{name}.conf").read_text() for name in ("mastersql", "backupsql")}
    priority, advert = int(setting(configs["backupsql"], "priority")), float(setting(configs["backupsql"], "advert_int"))
    page.say()
    page.say("  " + page.bold("sqlvip") + f": mysqld dies, the virtual IP {VIP} moves")
    with Pair(Build.from_environment(), folder) as pair:
        client = start(page, pair, configs)
        fail_over(page, pair, client, priority, advert)
        summary = client.finish()
        page.say("    " + page.bold(f"The longest time that the client was without an answer: {summary['gap_ms']:.1f} ms."))
        come_back(page, pair, setting(configs["mastersql"], "vrrp_mysql"))
        pair.watcher.judge()
        page.done("never did two hosts hold it; tshark finds no fault in any packet")
    page.say()


def main():
    if os.geteuid() != 0:
        print("the demo makes network namespaces: run it as root", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    page = Page(sys.stdout)
    folder = Path(tempfile.mkdtemp(prefix="sqlvip-demo-"))
    try:
        run(page, folder)
    except KeyboardInterrupt:
        page.say("\n    interrupted; everything is tidied up")
        return 130
    except (AssertionError, Late, RuntimeError, OSError) as error:
        page.failed(str(error))
        for log in sorted(folder.glob("sqlvipd-*.log")):
            page.say(page.dim(f"\n{log.name}:\n{log.read_text()}"))
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
