# SPDX-License-Identifier: Apache-2.0
"""sqlvipd --observe beside a live keepalived: it says what it would do, and does nothing."""

import json

import pytest

from lib.agents import VIP, Keepalived, Sqlvipd, instance, mysql_check
from lib.wait import now, until

HOOKS = ('notify "/bin/touch /tmp/hook"', 'notify_master "/bin/touch /tmp/hook"', 'vip_pre_take "/bin/touch /tmp/hook"')


class Observer(Sqlvipd):
    """The agent in observe mode, with a configuration file and a socket beside those of a live one."""

    def __init__(self, host, build, priority, **options):
        globals_ = "global_defs {\n startup_script \"/bin/touch /tmp/hook\"\n}\n"
        super().__init__(host, build, globals_ + mysql_check() + instance(priority, *HOOKS, advert="0.2", **options),
                         options=["--observe"])

    def configure(self, config=None):
        return self.host.write("/etc/sqlvip/observe.conf", self.config)

    def ctl(self, *words):
        return self.host.run([self.build.sqlvipctl, "--observe", *words], check=False)

    def status(self, check=True):
        done = self.ctl("status", "--json")
        assert not check or done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.returncode == 0 else None

    def events(self, *options):
        return [json.loads(line) for line in self.ctl("events", "--json", "-n", "1000", *options).stdout.splitlines()]


@pytest.fixture
def observed(pair):
    """keepalived on both hosts, blind for MySQL, and an observer beside each."""
    pair.start_servers()
    live, observers = {}, {}
    for host, priority in ((pair.master, 200), (pair.backup, 150)):
        live[host.name] = Keepalived(host, pair.build, instance(priority, "nopreempt", "garp_master_delay 1", track=False,
                                                                    advert="0.2")).start()
        if host is pair.master:
            pair.watcher.wait_holder(host, VIP, 15)
    garps = lambda: len(pair.watcher.find(event="garp", host="mastersql", dir="out"))
    until(lambda: garps() >= 10, 15, "the second set of keepalived's announcements")
    at = now()
    for host, priority in ((pair.master, 200), (pair.backup, 150)):
        observers[host.name] = Observer(host, pair.build, priority, vips=(VIP,)).start()
    observers["mastersql"].wait_state("MASTER", 15)
    observers["backupsql"].wait_state("BACKUP", 15)
    return live, observers, at


def assert_untouched(pair, since):
    """Nothing but keepalived's own adverts, from the one host that holds the address, at their own rate."""
    until_ = pair.watcher.wait_adverts(pair.master, 10, 10)["t"]
    adverts = [e["t"] for e in pair.watcher.adverts(pair.master, since) if e["t"] <= until_]
    assert len(adverts) <= (until_ - since) / 0.2 + 2, "more adverts than keepalived sends"
    assert not pair.watcher.adverts(pair.backup)
    assert not pair.watcher.find(since, host=("mastersql", "backupsql"), event="advert", dir="out", priority=0)
    assert not pair.watcher.find(since, host=("mastersql", "backupsql"), event="garp", dir="out")
    moved = pair.watcher.find(since, host=("mastersql", "backupsql"), event="address")
    # The kernel gives an interface its link-local address when it sees the carrier, which may be this late.
    assert not [e for e in moved if not e["address"].startswith("fe80::")]
    assert not any(h.path("/tmp/hook").exists() for h in (pair.master, pair.backup))


def test_observer_says_what_it_would_do_when_mysqld_dies_and_does_nothing(pair, observed):
    _, observers, at = observed
    one = observers["mastersql"]
    assert one.ctl("reload").returncode == 0  # what acts is taken out of the new configuration, too
    killed = pair.mysql["mastersql"].kill()
    one.wait_state("FAULT", 10)
    until(lambda: [e for e in one.events("-k", "would") if "would reset connections, remove 1 address" in e["text"]],
          5, "what it would do")
    lost = [e for e in one.events("-k", "transition") if e["to"] == "FAULT"][-1]
    assert lost["from"] == "MASTER" and "mysqld local" in lost["text"]
    assert 0 <= lost["mono_us"] / 1e6 - killed < 5
    # The address is still where keepalived has put it.
    status = one.status()
    assert status["observe"] and status["alarms"][0]["id"] == "observe"
    assert [vip["present"] for vip in status["instances"][0]["vips"]] == [True]
    assert one.ctl("status").stdout.startswith("ALARM  OBSERVE: this agent sends nothing")
    assert one.ctl("events").stdout.startswith("OBSERVE: nothing of this was done")
    explained = one.ctl("explain").stdout
    assert explained.startswith("OBSERVE: this agent only watches")
    assert "VI_1 would not hold 192.168.1.100" in explained and "1 of 1 address" in explained
    for words in (["standby"], ["maintenance", "on"]):
        done = one.ctl(*words)
        assert done.returncode == 1 and "only observes" in done.stderr
    assert_untouched(pair, at)
    assert pair.watcher.holders(VIP) == ["mastersql"]


def test_observer_beside_the_backup_follows_a_hand_over(pair, observed):
    live, observers, at = observed
    two = observers["backupsql"]
    assert two.instance()["master"] == "192.168.1.1"
    assert_untouched(pair, at)
    live["mastersql"].stop()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    two.wait_state("MASTER", 10)
    took = [e for e in two.events("-k", "transition") if e["to"] == "MASTER"][-1]
    assert "resigned" in took["text"] and took["peer"] == "192.168.1.1"
    assert any("would add 1 address" in e["text"] for e in two.events("-k", "would"))
    # Its end takes nothing away from keepalived.
    assert two.stop() == 0
    pair.watcher.wait_adverts(pair.backup, 5, 10)
    assert pair.watcher.holders(VIP) == ["backupsql"]
    assert not pair.watcher.find(at, host="backupsql", event="advert", dir="out", priority=0)
    assert not any(h.path("/tmp/hook").exists() for h in (pair.master, pair.backup))


def test_observer_and_a_live_agent_get_along(pair):
    agents = pair.start_all(advert="0.2")
    observer = Observer(pair.master, pair.build, 200).start()
    observer.wait_state("MASTER", 15)
    live = agents["mastersql"]
    assert not live.status()["observe"] and observer.status()["observe"]
    assert live.status()["pid"] != observer.status()["pid"]
    assert observer.stop() == 0
    assert live.instance()["state"] == "MASTER"
    done = pair.master.run([pair.build.sqlvipd, "--observe", "-X", "-f", "/etc/sqlvip/observe.conf"], check=False)
    assert done.returncode == 1 and "one of the two" in done.stderr
    pair.watcher.wait_adverts(pair.master, 5, 10)
    assert pair.watcher.moves(VIP) == 1
