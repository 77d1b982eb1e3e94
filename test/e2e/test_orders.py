# SPDX-License-Identifier: Apache-2.0
"""What an operator orders: standby and resume, maintenance. Kept over restarts, loud in status, recorded."""

import json

from lib.agents import VIP, instance
from lib.wait import now, until


def ctl(pair, host, *words, check=True):
    return host.run([pair.build.sqlvipctl, *words], check=check)


def alarms(agent):
    return {a["id"]: a for a in agent.status()["alarms"]}


def recorded(pair, host, kind):
    out = host.run([pair.build.sqlvipctl, "events", "--json", "-k", kind, "-n", "1000"]).stdout
    return [json.loads(line)["text"] for line in out.splitlines()]


def start(pair, *lines, **options):
    """Both agents; each has heard the other, as after any failover."""
    agents = pair.start_agents("nopreempt", *lines, check="", track=False, **options)
    agents["mastersql"].stop()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    agents["mastersql"].start()
    agents["mastersql"].wait_state("BACKUP", 10)
    agents["backupsql"].stop()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    agents["backupsql"].start()
    agents["backupsql"].wait_state("BACKUP", 10)
    return agents


def test_standby_hands_over_at_once_and_lasts_until_resumed(pair):
    agents = start(pair)
    at = now()
    done = ctl(pair, pair.master, "standby")
    assert "VI_1: away from here, and taken over by 192.168.1.2 (priority 150)" in done.stdout
    took = pair.watcher.wait_holder(pair.backup, VIP, 5)
    removed = pair.watcher.find(at, host="mastersql", event="address", op="del", address=f"{VIP}/32")[0]
    resigned = pair.watcher.find(at, host="mastersql", event="advert", dir="out", priority=0)
    assert len(resigned) == 1 and removed["since"] <= resigned[0]["t"] <= took
    # The other one is gone, and still it stays out, over a restart, too.
    agents["backupsql"].stop()
    pair.watcher.wait_no_holder(pair.backup, VIP, 5)
    agents["mastersql"].stop()
    agents["mastersql"].start()
    inst = until(lambda: i if (i := agents["mastersql"].instance())["state"] == "FAULT" else None, 5, "FAULT")
    assert inst["standby"] and "standby" in inst["faults"][0]
    until(lambda: {"standby", "no_master"} <= alarms(agents["mastersql"]).keys(), 10, "the alarms")
    assert pair.watcher.holders(VIP) == []
    assert "ALARM  VI_1: on standby" in ctl(pair, pair.master, "status").stdout
    assert "VI_1: takes part again" in ctl(pair, pair.master, "resume", "VI_1").stdout
    pair.watcher.wait_holder(pair.master, VIP, 5)
    assert "standby" not in alarms(agents["mastersql"])
    assert recorded(pair, pair.master, "order") == ["standby", "still on standby, as ordered before this start",
                                                    "resume"]


def test_standby_is_refused_when_nobody_was_heard_unless_forced(pair):
    pair.agent(pair.master, instance(200, track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    done = ctl(pair, pair.master, "standby", check=False)
    assert done.returncode == 1 and "--force" in done.stderr and "silent" in done.stderr
    assert pair.watcher.holders(VIP) == ["mastersql"]
    done = ctl(pair, pair.master, "standby", "--force", check=False)
    assert done.returncode == 1 and "nobody has taken over" in done.stdout
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    ctl(pair, pair.master, "resume")
    pair.watcher.wait_holder(pair.master, VIP, 5)


def test_unknown_names_and_wrong_words_are_refused(pair):
    agents = start(pair)
    for words, code, text in ((["standby", "VI_2"], 1, 'no instance "VI_2"; do you mean VI_1?'),
                              (["resume", "web"], 1, 'no instance "web"; there is: VI_1'), (["maintenance", "maybe"], 2, "on or off"),
                              (["standby", "VI_1", "VI_2"], 2, "VI_2"), (["resume", "--force"], 2, "option")):
        done = ctl(pair, pair.master, *words, check=False)
        assert done.returncode == code and text in done.stderr, done
    assert "none is on standby" in ctl(pair, pair.master, "resume").stdout
    assert "VI_1: is not on standby" in ctl(pair, pair.master, "resume", "VI_1").stdout
    assert agents["mastersql"].instance()["state"] == "MASTER"


def test_maintenance_keeps_the_vip_where_it_is_although_mysqld_dies(pair):
    agents = pair.start_all()
    for host in (pair.master, pair.backup):
        assert "maintenance is on" in ctl(pair, host, "maintenance", "on").stdout
    pair.mysql["mastersql"].kill()
    until(lambda: "would" in alarms(agents["mastersql"]), 10, "what would have been")
    at = now()
    pair.watcher.wait_adverts(pair.master, 20, 10, priority=200)
    assert pair.watcher.holders(VIP) == ["mastersql"] and pair.watcher.moves(VIP) == 1
    assert not pair.watcher.adverts(pair.backup, at)
    assert agents["mastersql"].instance()["state"] == "MASTER"
    would = recorded(pair, pair.master, "would")
    assert len(would) == 1 and "would give up the addresses: mysqld local: " in would[0]
    text = ctl(pair, pair.master, "status").stdout
    assert "ALARM  maintenance since" in text and "ALARM  VI_1: would give up the addresses" in text
    # Once it is over, what was withheld takes effect; the other one is still not allowed to take them.
    ctl(pair, pair.backup, "maintenance", "off")
    assert pair.watcher.holders(VIP) == ["mastersql"]
    ctl(pair, pair.master, "maintenance", "off")
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    assert "maintenance is over: mysqld local: " in agents["mastersql"].instance()["cause"]


def test_what_comes_back_in_maintenance_was_nothing(pair):
    agents = pair.start_all()
    ctl(pair, pair.master, "maintenance", "on")
    pair.mysql["mastersql"].kill()
    until(lambda: "would" in alarms(agents["mastersql"]), 10, "what would have been")
    pair.mysql["mastersql"].start()
    until(lambda: "would" not in alarms(agents["mastersql"]), 20, "the server to be back")
    ctl(pair, pair.master, "maintenance", "off")
    pair.watcher.wait_adverts(pair.master, 10, 10)
    assert pair.watcher.moves(VIP) == 1


def test_backup_in_maintenance_does_not_take_over_from_a_silent_master(pair):
    agents = start(pair)
    ctl(pair, pair.backup, "maintenance", "on")
    agents["mastersql"].kill()
    until(lambda: "would" in alarms(agents["backupsql"]), 10, "what would have been")
    assert "would take over: down timer" in alarms(agents["backupsql"])["would"]["text"]
    until(lambda: "no_master" in alarms(agents["backupsql"]), 10, "the alarm")
    assert not pair.watcher.adverts(pair.backup, pair.watcher.adverts(pair.master)[-1]["t"])
    pair.master.run([pair.build.sqlvipd, "-X", "-f", "/etc/sqlvip/sqlvip.conf"])
    ctl(pair, pair.backup, "maintenance", "off")
    pair.watcher.wait_holder(pair.backup, VIP, 5)


def test_holder_has_its_vip_again_after_a_restart_in_maintenance_on_both(pair):
    agents = start(pair)
    for host in (pair.master, pair.backup):
        ctl(pair, host, "maintenance", "on")
    until(lambda: '"holders": [\n  {' in pair.master.path("/var/lib/sqlvip/orders.json").read_text(), 5, "the file")
    at = now()
    agents["mastersql"].stop()
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    agents["mastersql"].start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    assert not pair.watcher.adverts(pair.backup, at)
    assert alarms(agents["mastersql"]).keys() == {"maintenance"}


def test_explain_tells_both_sides_of_a_failover_and_of_nopreempt(pair):
    pair.start_all("nopreempt")
    pair.mysql["mastersql"].kill()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    down = ctl(pair, pair.master, "explain").stdout
    assert "VI_1 does not hold 192.168.1.100 on this host: FAULT" in down
    assert "  - mysqld local: crashed: " in down
    assert "The master meanwhile is 192.168.1.2 with priority 150" in down
    holder = ctl(pair, pair.backup, "explain", "VI_1").stdout
    assert "VI_1 holds 192.168.1.100 on this host: MASTER" in holder
    assert "BACKUP -> MASTER, because: skew timer: the master resigned." in holder
    assert "mysqld local dies (seen at once) or hangs (seen within 0.100 s + 0.500 s);" in holder
    pair.mysql["mastersql"].start()
    until(lambda: "but nopreempt is set: this host takes over only if it stops advertising or resigns" in
          ctl(pair, pair.master, "explain").stdout, 20, "the reason")
    assert "(256 - 200)/256 x 0.100 s" in ctl(pair, pair.master, "explain").stdout
    done = ctl(pair, pair.master, "explain", "VI_2", check=False)
    assert done.returncode == 1 and 'no instance "VI_2"' in done.stderr


def test_instance_that_a_reload_brings_obeys_what_was_ordered_before(pair):
    config = instance(200, track=False)
    more = instance(200, name="VI_2", vrid=52, vips=("192.168.1.101",), track=False)
    agent = pair.agent(pair.master, config + more).start()
    pair.watcher.wait_holder(pair.master, "192.168.1.101", 10)
    ctl(pair, pair.master, "standby", "VI_2", "--force", check=False)
    agent.configure(config)
    ctl(pair, pair.master, "reload")
    until(lambda: [i["name"] for i in agent.status()["instances"]] == ["VI_1"], 10, "VI_2 to be gone")
    assert not [a for a in agent.status()["alarms"] if a["instance"] == "VI_2"]
    agent.configure(config + more)
    ctl(pair, pair.master, "reload")
    agent.wait_state("FAULT", 10, "VI_2")
    assert agent.instance("VI_2")["standby"] and pair.watcher.holders("192.168.1.101") == []
    assert pair.watcher.holders(VIP) == ["mastersql"]
    ctl(pair, pair.master, "maintenance", "on")
    ctl(pair, pair.master, "resume")
    agent.wait_state("BACKUP", 10, "VI_2")  # standby has ended its claim: nobody takes them in maintenance
    until(lambda: agent.instance("VI_2")["withheld"], 10, "what would be")
    assert pair.watcher.holders("192.168.1.101") == []
    ctl(pair, pair.master, "maintenance", "off")
    pair.watcher.wait_holder(pair.master, "192.168.1.101", 10)
