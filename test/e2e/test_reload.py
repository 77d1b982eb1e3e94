# SPDX-License-Identifier: Apache-2.0
"""Reload: what has changed takes effect, what has not is not touched, and a broken file changes nothing."""

import json
import os
import resource
import signal
import socket
import subprocess

import pytest

from lib.agents import VIP, block, instance, mysql_check
from lib.clients import Holders
from lib.process import HeldThread
from lib.wait import now, until

VIP2 = "192.168.1.101"
VIP3 = "192.168.1.102"
# A backup at advert_int 0.1 waits this long; a gap in the master's adverts must stay below.
DOWN = 0.3


def reload(agent, config=None):
    """Writes the file and runs `sqlvipctl reload`; the CompletedProcess."""
    if config is not None:
        agent.configure(config)
    return agent.host.run([agent.build.sqlvipctl, "reload"], check=False)


def reloaded(agent, config=None):
    """The same for a reload that must succeed; what it printed."""
    done = reload(agent, config)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{agent.process.text()[-3000:]}"
    return done.stdout


class Rhythm:
    """That the agent is master all the time: from its making to judge()."""

    def __init__(self, pair, agent):
        self.pair, self.agent = pair, agent
        self.before = agent.instance()
        assert self.before["state"] == "MASTER"
        self.start = now()

    def judge(self, max_gap=DOWN):
        self.pair.watcher.wait_adverts(self.agent.host, 5, 10)
        asked = now()
        after = self.agent.instance()
        assert after["state"] == "MASTER"
        for counter in ("become_master", "release_master", "pri_zero_sent"):
            assert after["counters"][counter] == self.before["counters"][counter], counter
        for counter in ("advert_sent", "arp_sent", "advert_rcvd"):
            assert after["counters"][counter] >= self.before["counters"][counter], counter
        assert after["since_s"] >= asked - self.start
        adverts = self.pair.watcher.adverts(self.agent.host, since=self.start - 0.2)
        assert all(a["priority"] > 0 for a in adverts)
        gaps = [b["t"] - a["t"] for a, b in zip(adverts, adverts[1:])]
        assert max(gaps) < max_gap, f"an advert came {max(gaps):.3f} s after the one before"
        return adverts


def advertised(pair):
    """The addresses in each advert that was captured, as text."""
    done = subprocess.run(["tshark", "-r", pair.watcher.pcap, "-T", "fields", "-e", "vrrp.ip_addr", "-Y", "vrrp"],
                          capture_output=True, text=True, timeout=60, start_new_session=True)
    return done.stdout.splitlines()


def single(pair, *lines, before="", **options):
    """One agent, master, that checks nothing unless `before` and `lines` say so."""
    options.setdefault("track", False)
    agent = pair.agent(pair.master, before + instance(200, *lines, **options)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    return agent


def test_c83_added_address_is_the_only_thing_that_happens(pair):
    agent = single(pair)
    rhythm = Rhythm(pair, agent)
    text = reloaded(agent, instance(200, vips=(VIP, VIP2), track=False))
    assert f"vrrp_instance VI_1: + virtual_ipaddress {VIP2}/32" in text
    pair.watcher.wait_holder(pair.master, VIP2, 5)
    pair.watcher.wait(5, rhythm.start, event="garp", host=pair.master.name, dir="out", address=VIP2)
    rhythm.judge()
    assert pair.watcher.moves(VIP) == 1
    assert not pair.watcher.find(rhythm.start, event="garp", host=pair.master.name, dir="out", address=VIP)
    assert [v["present"] for v in agent.instance()["vips"]] == [True, True]
    until(lambda: advertised(pair)[-1] == f"{VIP},{VIP2}", 5, "the adverts to have both")
    assert advertised(pair)[0] == VIP


def test_c83_broken_file_changes_nothing_and_is_told_with_its_lines(pair):
    agent = single(pair)
    rhythm = Rhythm(pair, agent)
    broken = instance(200, "no_such_keyword 1", vips=(VIP, "300.1.1.1"), track=False).replace("priority 200",
                                                                                            "priority 300")
    done = reload(agent, broken)
    assert done.returncode == 1
    lines = broken.splitlines()
    for keyword, line in (("priority", "    priority 300"), ("300.1.1.1", "        300.1.1.1")):
        number = 1 + lines.index(line)
        assert f"/etc/sqlvip/sqlvip.conf:{number}: " in done.stderr, done.stderr
        assert keyword in done.stderr
    assert "nothing was changed" in done.stderr
    status = agent.status()
    assert "is not valid" in status["reload"]["failed"]["error"]
    assert any(a["id"] == "reload" for a in status["alarms"])
    # By signal: the same in the log.
    mark = agent.process.mark()
    agent.process.signal(signal.SIGHUP)
    agent.process.wait_log(r"sqlvip.conf:\d+: .*300\.1\.1\.1", 5, mark)
    agent.process.wait_log(r"reload \(SIGHUP\): .*nothing was changed", 5, mark)
    rhythm.judge()
    assert pair.watcher.moves(VIP) == 1
    # A file that is not there is no reason, either.
    pair.master.path("/etc/sqlvip/sqlvip.conf").unlink()
    assert "no such file" in reload(agent).stderr
    reloaded(agent, instance(210, vips=(VIP, VIP2), track=False))
    status = agent.status()
    assert status["reload"]["failed"] is None and status["reload"]["count"] == 1 and not status["alarms"]
    rhythm.judge()


def test_removed_address_goes_alone_and_its_connections_are_reset(pair):
    pair.start_servers()
    agent = pair.agent(pair.master, mysql_check() + instance(200, vips=(VIP, VIP2))).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    pair.watcher.wait_holder(pair.master, VIP2, 10)
    rhythm = Rhythm(pair, agent)
    stays = pair.holders(clients=5)
    leaves = Holders(pair, pair.client, VIP2, clients=5)
    reloaded(agent, mysql_check() + instance(200, vips=(VIP,)))
    pair.watcher.wait_no_holder(pair.master, VIP2, 5)
    leaves.wait_errors(5)
    rhythm.judge()
    assert not stays.find(event="error")
    assert pair.watcher.moves(VIP) == 1


def test_priority_takes_effect_without_a_stumble(pair):
    agents = pair.start_all()
    master, backup = (agents[h.name] for h in (pair.master, pair.backup))
    rhythm = Rhythm(pair, master)
    reloaded(master, mysql_check() + instance(210))
    until(lambda: pair.watcher.adverts(pair.master)[-1]["priority"] == 210, 5, "adverts of the new priority")
    rhythm.judge()
    # Beneath the other's, it is a hand-over like any.
    reloaded(master, mysql_check() + instance(100))
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    master.wait_state("BACKUP", 5)
    assert backup.instance()["state"] == "MASTER"
    assert master.instance()["priority"]["base"] == 100


def test_advertisement_interval_and_timers_change_on_the_fly(pair):
    agents = pair.start_agents(check=" ", track=False)
    master, backup = (agents[h.name] for h in (pair.master, pair.backup))
    rhythm = Rhythm(pair, master)
    reloaded(master, instance(200, advert="0.05", track=False))
    rhythm.judge()
    reloaded(backup, instance(150, "down_timer_adverts 5", advert="0.05", track=False))
    until(lambda: backup.instance()["down_s"] < 0.3, 5, "the backup to know the new interval")
    assert backup.instance()["down_s"] > 0.25
    rhythm.judge()
    # From long to short nobody waits the long one out.
    start = now()
    reloaded(master, instance(200, advert="10", track=False))
    pair.watcher.wait_adverts(pair.master, 1, 5, since=start, interval_cs=1000)
    start = now()
    reloaded(master, instance(200, advert="0.1", track=False))
    pair.watcher.wait_adverts(pair.master, 3, 5, since=start)
    assert pair.watcher.moves(VIP) == 1


def test_changed_password_logs_in_anew_and_nothing_moves(pair):
    agents = pair.start_all()
    agent = agents[pair.master.name]
    rhythm = Rhythm(pair, agent)
    before = agent.check()
    wrong = mysql_check().replace("password file:", "password wrong #") + instance(200)
    text = reloaded(agent, wrong)
    assert "another password" in text
    agent.wait_check(5, verdict="degraded", state="up")
    rhythm.judge()
    pair.mysql[pair.master.name].sql("SELECT 1")
    reloaded(agent, mysql_check() + instance(200))
    agent.wait_check(5, verdict="alive", state="up")
    rhythm.judge()
    after = agent.check()
    assert after["pid"] == before["pid"] and after["queries"] > before["queries"]
    assert after["failures"] == before["failures"]


def test_unchanged_checks_keep_their_connection_and_a_changed_interval_keeps_the_verdict(pair):
    agents = pair.start_all()
    agent = agents[pair.master.name]
    rhythm = Rhythm(pair, agent)
    before = agent.check()
    reloaded(agent, mysql_check(interval="0.05", timeout="0.8") + instance(200, "garp_master_refresh 1"))
    until(lambda: agent.check()["queries"] > before["queries"] + 20, 10, "more queries")
    assert agent.check()["connects"] == before["connects"]
    assert agent.check()["verdict"] == "alive"
    rhythm.judge()
    # What counts is still seen.
    pair.mysql[pair.master.name].kill()
    pair.watcher.wait_holder(pair.backup, VIP, 10)


def script(name, command, *lines):
    return block(f"vrrp_script {name}", f'script "{command}"', "interval 1", "timeout 5", *lines)


def test_new_script_is_held_against_nobody_until_it_reports(pair):
    agent = single(pair)
    rhythm = Rhythm(pair, agent)
    track = block("track_script", "slow")
    reloaded(agent, script("slow", "/bin/sleep 0.5") + instance(200, track, track=False))
    until(lambda: agent.check("slow")["state"] == "up", 10, "the script to report")
    rhythm.judge()
    # With another command it fails, and then it counts.
    reloaded(agent, script("slow", "/bin/false") + instance(200, track, track=False))
    agent.wait_state("FAULT", 10)
    # Nobody tracks it any more: nothing is in the way.
    reloaded(agent, instance(200, track=False))
    agent.wait_state("MASTER", 10)
    assert all(c["name"] != "slow" for c in agent.status()["checks"])


def test_hooks_follow_the_new_configuration(pair):
    for name in ("old", "new"):
        pair.master.write(f"/tmp/{name}", f"#!/bin/sh\necho {name} $3 >> /tmp/hooks\n", 0o755)
    hooks = pair.master.path("/tmp/hooks")
    agent = single(pair, "notify /tmp/old")
    until(lambda: hooks.exists() and "old MASTER" in hooks.read_text(), 10, "the old hook")
    rhythm = Rhythm(pair, agent)
    reloaded(agent, instance(200, "notify /tmp/new", track=False))
    rhythm.judge()
    assert "new" not in hooks.read_text()
    agent.stop()
    assert hooks.read_text().splitlines()[-1] == "new STOP"


def test_instance_that_is_new_starts_and_one_that_is_gone_resigns(pair):
    pair.master.write("/tmp/hook", "#!/bin/sh\necho $2 $3 >> /tmp/hooks\n", 0o755)
    hooks = pair.master.path("/tmp/hooks")
    first = instance(200, track=False)
    second = instance(200, "notify /tmp/hook", name="VI_2", vrid=52, vips=(VIP2,), track=False)
    agent = pair.agent(pair.master, first).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    rhythm = Rhythm(pair, agent)
    reloaded(agent, first + second)
    pair.watcher.wait_holder(pair.master, VIP2, 10)
    assert agent.instance("VI_2")["state"] == "MASTER"
    start = now()
    text = reloaded(agent, first)
    assert "- vrrp_instance VI_2" in text
    gone = pair.watcher.wait(5, start, event="address", op="del", host=pair.master.name, address=f"{VIP2}/32")
    zero = pair.watcher.wait(5, start, event="advert", dir="out", host=pair.master.name, vrid=52, priority=0)
    assert gone["since"] < zero["t"]
    until(lambda: hooks.exists() and "VI_2 DELETED" in hooks.read_text(), 10, "notify_deleted")
    assert [i["name"] for i in agent.status()["instances"]] == ["VI_1"]
    adverts = pair.watcher.adverts(pair.master, since=rhythm.start)
    assert all(a["priority"] > 0 for a in adverts if a["vrid"] == 51)
    assert agent.instance()["counters"]["release_master"] == 0


def test_another_router_id_is_another_router(pair):
    agent = single(pair)
    start = now()
    reloaded(agent, instance(200, vrid=61, track=False))
    zero = pair.watcher.wait(5, start, event="advert", dir="out", host=pair.master.name, vrid=51, priority=0)
    first = pair.watcher.wait(5, start, event="advert", dir="out", host=pair.master.name, vrid=61)
    assert zero["t"] < first["t"]
    agent.wait_state("MASTER", 10)
    assert pair.watcher.moves(VIP) == 2
    until(lambda: pair.watcher.holders(VIP) == [pair.master.name], 5, "the address to be back")
    # Version: the same VRID on the same wire.
    reloaded(agent, instance(200, vrid=61, version=2, advert="1", track=False))
    agent.wait_state("MASTER", 20)
    assert agent.instance()["version"] == 2


def test_alarms_of_a_new_router_outlive_the_hooks_of_the_old_one_with_its_name(pair):
    pair.master.write("/tmp/stopped", "#!/bin/sh\nuntil test -e /tmp/end; do sleep 0.05; done\n", 0o755)
    agent = pair.agent(pair.master, instance(150, "notify_stop /tmp/stopped", track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    agent.host.run([agent.build.sqlvipctl, "standby", "--force"], check=False)

    def on_standby():
        return [a["since_s"] for a in agent.status()["alarms"] if a["id"] == "standby"]

    until(on_standby, 10, "the alarm")
    raised = now()
    reloaded(agent, instance(150, track=False, vrid=77))
    pair.master.write("/tmp/end", "")  # the old one has no hooks left, and goes
    until(lambda: now() > raised + 3, 10, "the alarms to be looked at some times")
    assert on_standby()[0] >= 3
    assert agent.process.text().count("alarm: on standby") == 1


def test_reload_says_whom_it_waits_for(pair):
    """Nothing is exchanged before an instance that goes has let go of its addresses, however long that takes."""
    config = instance(150, "vip_lease off", track=False)
    more = instance(150, "vip_lease off", name="VI_2", vrid=52, vips=(VIP2,), track=False)
    agent = pair.agent(pair.master, config + more).start()
    pair.watcher.wait_holder(pair.master, VIP2, 10)
    pair.watcher.wait_holder(pair.master, VIP, 10)
    agent.configure(config)
    with HeldThread(agent.engine, "netif"):
        agent.process.signal(signal.SIGHUP)
        agent.process.wait_log(r"the reload waits for VI_2, which is to leave and has not released its addresses", 20)
        assert len(agent.status()["instances"]) == 2
        assert VIP2 in pair.master.run(["ip", "addr"]).stdout
    until(lambda: [i["name"] for i in agent.status()["instances"]] == ["VI_1"], 10, "VI_2 to be gone")
    assert pair.watcher.holders(VIP2) == []


def test_renamed_instance_goes_on(pair):
    agent = single(pair)
    rhythm = Rhythm(pair, agent)
    reloaded(agent, instance(200, name="renamed", track=False))
    assert agent.instance("renamed")["state"] == "MASTER"
    assert agent.instance("renamed")["since_s"] >= rhythm.before["since_s"]
    assert pair.watcher.moves(VIP) == 1
    assert all(a["priority"] > 0 for a in pair.watcher.adverts(pair.master))


def test_address_moves_from_one_instance_to_another(pair):
    def config(first, second):
        return instance(200, vips=first, track=False) + instance(200, name="VI_2", vrid=52, vips=second, track=False)

    agent = pair.agent(pair.master, config((VIP,), (VIP2, VIP3))).start()
    for vip in (VIP, VIP2, VIP3):
        pair.watcher.wait_holder(pair.master, vip, 10)
    for first, second in (((VIP, VIP3), (VIP2,)), ((VIP,), (VIP2, VIP3))):
        reloaded(agent, config(first, second))
        until(lambda: agent.instance()["vips"][-1]["present"] and agent.instance("VI_2")["vips"][-1]["present"], 5,
              "all addresses to be there")
        pair.watcher.wait_holder(pair.master, VIP3, 5)
    assert pair.watcher.moves(VIP) == 1
    assert all(agent.instance(n)["counters"]["release_master"] == 0 for n in ("VI_1", "VI_2"))


def test_address_on_an_interface_that_does_not_exist_is_refused(pair):
    agent = single(pair)
    rhythm = Rhythm(pair, agent)
    done = reload(agent, instance(200, vips=(VIP, f"{VIP2} dev eth9"), track=False))
    assert done.returncode == 1
    assert "there is no interface eth9" in done.stderr and "sqlvip.conf:" in done.stderr
    rhythm.judge()


def test_what_needs_a_restart_is_said(pair):
    agent = single(pair)
    rhythm = Rhythm(pair, agent)
    text = reloaded(agent, block("global_defs", "control_socket /run/other.sock", "router_id elsewhere",
                                 "realtime off") + instance(200, track=False))
    assert "takes effect at the next start only: control_socket /run/other.sock" in text
    assert "takes effect at the next start only: realtime off" in text
    assert "next start only: router_id" not in text
    rhythm.judge()


def test_file_that_has_not_changed_changes_nothing(pair):
    agent = single(pair)
    rhythm = Rhythm(pair, agent)
    mark = agent.process.mark()
    assert reloaded(agent) == "nothing has changed\n"
    assert agent.instance()["counters"]["arp_sent"] == rhythm.before["counters"]["arp_sent"]
    rhythm.judge()
    said = agent.process.text()[mark:].splitlines()
    assert len(said) == 1 and "nothing has changed" in said[0], said


def test_backup_stays_backup_and_new_addresses_come_with_mastership(pair):
    agents = pair.start_agents(check=" ", track=False)
    backup = agents[pair.backup.name]
    until(lambda: backup.instance()["peers"], 5, "the backup to hear the master")
    before = backup.instance()
    # Somebody has put one of them there by hand: a backup must not have it.
    pair.backup.run(["ip", "addr", "add", f"{VIP2}/32", "dev", "eth0"])
    pair.watcher.wait_holder(pair.backup, VIP2, 5)
    reloaded(backup, instance(150, vips=(VIP, VIP2), track=False))
    pair.watcher.wait_no_holder(pair.backup, VIP2, 5)
    reloaded(agents[pair.master.name], instance(200, vips=(VIP, VIP2), track=False))
    pair.watcher.wait_holder(pair.master, VIP2, 5)
    assert backup.instance()["state"] == "BACKUP"
    until(lambda: backup.instance()["peers"][0]["adverts"] > before["peers"][0]["adverts"], 5, "the count to go on")
    agents[pair.master.name].stop()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    pair.watcher.wait_holder(pair.backup, VIP2, 5)


@pytest.mark.soak
def test_many_reloads_in_a_row_cost_no_advert_and_no_address(pair, soak):
    agents = pair.start_all()
    agent = agents[pair.master.name]
    rhythm = Rhythm(pair, agent)
    configs = [mysql_check() + instance(200),
               mysql_check(interval="0.2") + instance(201, "garp_master_refresh 1", vips=(VIP, VIP2)),
               mysql_check('query "SELECT 1"') + instance(200, "lower_prio_no_advert", vips=(VIP2, VIP3, VIP)),
               "nonsense {"]
    for i in range(soak(50, 1000)):
        config = configs[i % len(configs)]
        if i % 3:
            assert (reload(agent, config).returncode == 0) == (config != "nonsense {")
        else:
            mark = agent.process.mark()
            agent.configure(config)
            agent.process.signal(signal.SIGHUP)
            agent.process.wait_log(r"reload \(", 10, mark)
    reloaded(agent, configs[0])
    pair.watcher.wait_no_holder(pair.master, VIP2, 5)
    pair.watcher.wait_no_holder(pair.master, VIP3, 5)
    rhythm.judge()
    assert pair.watcher.moves(VIP) == 1
    assert agents[pair.backup.name].instance()["counters"]["become_master"] == 0
    assert agent.check()["failures"] == 0


def test_reload_of_many_instances_and_addresses_is_on_time(pair):
    def config(count, addresses):
        return "".join(
            instance(200, name=f"VI_{i}", vrid=i, track=False,
                     vips=[f"10.{i}.0.{1 + k}" for k in range(addresses if i <= 4 else 1)])
            for i in range(1, count + 1))

    agent = pair.agent(pair.master, config(255, 187)).start()  # 999 addresses
    until(lambda: all(i["state"] == "MASTER" for i in agent.status()["instances"]), 20, "255 masters", step=0.2)
    until(lambda: all(v["present"] for v in agent.instance("VI_1")["vips"]), 20, "its addresses", step=0.2)
    before = {i["name"]: i["counters"]["release_master"] for i in agent.status()["instances"]}
    start = now()
    for addresses in (188, 187):
        reloaded(agent, config(255, addresses))
        until(lambda: len(agent.instance("VI_1")["vips"]) == addresses and
              all(v["present"] for v in agent.instance("VI_1")["vips"]), 10, "the addresses", step=0.1)
    pair.watcher.wait_adverts(pair.master, 10, 20, vrid=255)
    last = {}
    worst = 0
    for a in pair.watcher.adverts(pair.master, since=start):
        assert a["priority"] > 0
        worst = max(worst, a["t"] - last.get(a["vrid"], a["t"]))
        last[a["vrid"]] = a["t"]
    assert len(last) == 255
    assert worst < DOWN, f"an advert came {worst:.3f} s after the one before"
    assert {i["name"]: i["counters"]["release_master"] for i in agent.status()["instances"]} == before


def test_reload_that_needs_more_open_files_than_are_allowed_is_refused_and_costs_nothing(pair):
    """Each group has sockets of its own."""
    def config(*vrids):
        return "".join(instance(200, f"mcast_dst_ip 224.0.1.{i}" if i > 2 else "", name=f"VI_{i}", vrid=i,
                                vips=(VIP if i == 1 else f"192.168.1.{100 + i}",), track=False) for i in vrids)

    many = config(1, *range(3, 150))  # without VI_2, which must not be told to leave
    agent = pair.agent(pair.master, config(1, 2))
    with ServiceManager(pair) as manager:
        manager.start(agent)
        manager.told("READY")
        for vip in (VIP, "192.168.1.102"):
            pair.watcher.wait_holder(pair.master, vip, 20)
        engine = agent.engine
        resource.prlimit(engine, resource.RLIMIT_NOFILE, (120, 120))
        start = now()
        before = [agent.instance(name)["counters"] for name in ("VI_1", "VI_2")]
        done = reload(agent, many)
        assert done.returncode == 1
        assert "may have 120 files open" in done.stderr and "LimitNOFILE=" in done.stderr, done.stderr
        assert "nothing was changed" in done.stderr
        manager.told("RELOADING")
        manager.told("READY")
        mark = agent.process.mark()
        agent.process.signal(signal.SIGHUP)
        agent.process.wait_log(r"reload \(SIGHUP\): .*LimitNOFILE=.*nothing was changed", 10, mark)
        manager.told("RELOADING")
        manager.told("READY")
        status = agent.status()
        assert status["engine"]["pid"] == engine and status["engine"]["restarts"] == 0
        assert "LimitNOFILE=" in status["reload"]["failed"]["error"]
        assert any(a["id"] == "reload" for a in status["alarms"])
        assert [i["name"] for i in status["instances"]] == ["VI_1", "VI_2"]
        for i, old in zip(status["instances"], before):
            assert i["state"] == "MASTER"
            for counter in ("become_master", "release_master", "pri_zero_sent", "arp_sent"):
                assert i["counters"][counter] == old[counter], counter
            assert i["counters"]["advert_sent"] >= old["advert_sent"]
        for vrid in (1, 2):
            pair.watcher.wait_adverts(pair.master, 5, 10, vrid=vrid)
            times = [a["t"] for a in pair.watcher.adverts(pair.master, vrid=vrid, since=start - 0.2)]
            assert max(b - a for a, b in zip(times, times[1:])) < DOWN
        assert pair.watcher.moves(VIP) == pair.watcher.moves("192.168.1.102") == 1
        # What fits is taken: nothing of what was made for the others is left.
        reloaded(agent, config(1, *range(3, 15)))
        until(lambda: all(i["state"] == "MASTER" for i in agent.status()["instances"]), 20, "13 masters", step=0.2)
        pair.watcher.wait_no_holder(pair.master, "192.168.1.102", 5)
        status = agent.status()
        assert status["engine"]["pid"] == engine
        assert not any(a["id"] == "reload" for a in status["alarms"])
        assert pair.watcher.moves(VIP) == 1
        assert agent.stop() == 0


def test_many_instances_come_and_go_and_cost_the_one_that_stays_no_advert(pair):
    def config(last):
        return "".join(instance(200, name=f"VI_{i}", vrid=i, vips=(VIP if i == 1 else f"192.168.1.{100 + i}",),
                                track=False) for i in range(1, last + 1))

    agent = pair.agent(pair.master, config(1)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    start = now()
    since = agent.instance()["counters"]
    for last in (80, 1):
        reloaded(agent, config(last))
        until(lambda n=last: [i["state"] for i in agent.status()["instances"]] == n * ["MASTER"], 20, "all masters",
              step=0.1)
        pair.watcher.wait_adverts(pair.master, 10, 10, vrid=1)
    times = [a["t"] for a in pair.watcher.adverts(pair.master, vrid=1, since=start)]
    assert max(b - a for a, b in zip(times, times[1:])) < DOWN
    assert agent.instance()["counters"]["become_master"] == since["become_master"]
    assert pair.watcher.moves(VIP) == 1


def test_stop_in_the_middle_of_a_reload_is_a_clean_stop(pair):
    agent = single(pair)
    agent.configure(instance(200, vrid=61, vips=(VIP, VIP2), track=False))
    agent.process.signal(signal.SIGHUP)
    assert agent.stop() == 0
    for vip in (VIP, VIP2):
        pair.watcher.wait_no_holder(pair.master, vip, 5)


def test_tracked_things_that_are_new_do_not_shake_a_master(pair):
    agent = single(pair)
    rhythm = Rhythm(pair, agent)
    pair.master.write("/tmp/number", "5\n")
    pair.master.run(["ip", "-batch", "-"], input="link add eth7 type veth peer name eth7p\nlink set eth7 up\n"
                                                 "link set eth7p up\n")
    lines = block("track_file", "number weight 1"), block("track_interface", "eth7")
    file = block("track_file number", "file /tmp/number")
    reloaded(agent, file + instance(200, *lines, track=False))
    until(lambda: agent.instance()["priority"]["effective"] == 205, 5, "the file to count")
    rhythm.judge()
    # And what has been there stays known.
    reloaded(agent, file + instance(190, *lines, track=False))
    until(lambda: agent.instance()["priority"]["effective"] == 195, 5, "the new base")
    rhythm.judge()


def grouped(*members, lines=(), vips=(VIP, VIP2, VIP3)):
    """Members of one group and, if there are fewer than three, an instance that is alone."""
    text = block("vrrp_sync_group G", block("group", *members), *lines) if members else ""
    return text + "".join(instance(200, name=f"VI_{i}", vrid=50 + i, vips=(vips[i - 1],), track=False)
                          for i in (1, 2, 3))


def test_sync_group_goes_on_and_members_come_and_go(pair):
    for name in ("old", "new"):
        pair.master.write(f"/tmp/{name}", f"#!/bin/sh\necho {name} $1 $3 >> /tmp/hooks\n", 0o755)
    hooks = pair.master.path("/tmp/hooks")
    agent = pair.agent(pair.master, grouped("VI_1", "VI_2", lines=("notify /tmp/old",))).start()
    for vip in (VIP, VIP2, VIP3):
        pair.watcher.wait_holder(pair.master, vip, 10)
    until(lambda: hooks.exists() and "old GROUP MASTER" in hooks.read_text(), 10, "the hook of the group")
    said = hooks.read_text()
    rhythm = Rhythm(pair, agent)
    reloaded(agent, grouped("VI_1", "VI_2", "VI_3", lines=("notify /tmp/new",)))
    assert agent.status()["groups"][0]["members"] == ["VI_1", "VI_2", "VI_3"]
    assert agent.status()["groups"][0]["state"] == "MASTER"
    reloaded(agent, grouped("VI_1", "VI_3", lines=("notify /tmp/new",)))
    assert agent.status()["groups"][0]["members"] == ["VI_1", "VI_3"]
    rhythm.judge()
    assert hooks.read_text() == said
    reloaded(agent, grouped())
    assert agent.status()["groups"] == []
    reloaded(agent, grouped("VI_1", "VI_2", lines=("notify /tmp/new",)))
    rhythm.judge()
    # A fault of one takes the other along, again.
    reloaded(agent, script("bad", "/bin/false") +
             grouped("VI_1", "VI_2").replace("virtual_router_id 52", "virtual_router_id 52\n    " +
                                             "track_script {\n        bad\n    }"))
    for name in ("VI_1", "VI_2"):
        agent.wait_state("FAULT", 10, name)
    assert agent.instance("VI_3")["state"] == "MASTER"


def test_hooks_of_a_sync_group_that_is_renamed_or_gone_run_to_the_end(pair):
    pair.master.write("/tmp/hook", "#!/bin/sh\necho began $2 $3 >> /tmp/hooks\nuntil [ -e /tmp/go$2 ]; do sleep 0.05; "
                      "done\necho done $2 $3 >> /tmp/hooks\n", 0o755)
    hooks = pair.master.path("/tmp/hooks")
    lines = ("notify_master \"/tmp/hook GROUP G1 MASTER\"", "notify_backup \"/tmp/hook GROUP G1 BACKUP\"")
    agent = pair.agent(pair.master, grouped("VI_1", "VI_2", lines=lines)).start()
    for vip in (VIP, VIP2, VIP3):
        pair.watcher.wait_holder(pair.master, vip, 10)

    def said():
        return hooks.read_text().splitlines() if hooks.exists() else []

    until(lambda: said() == ["began G1 BACKUP"], 10, said)
    since = agent.status()["groups"][0]["since_s"]
    reloaded(agent, grouped("VI_2", "VI_1", lines=lines).replace("vrrp_sync_group G", "vrrp_sync_group H"))
    group = agent.status()["groups"][0]
    assert (group["name"], group["state"], group["hooks"]["running"]) == ("H", "MASTER", "notify_backup")
    assert group["since_s"] >= since
    reloaded(agent, grouped())
    assert agent.status()["groups"] == [] and said() == ["began G1 BACKUP"]
    pair.master.write("/tmp/goG1", "")
    until(lambda: said() == [f"{w} G1 {s}" for s in ("BACKUP", "MASTER") for w in ("began", "done")], 10, said)
    assert agent.stop() == 0 and "we are stopping" not in agent.process.text()


def bad_second(*members):
    """VI_2 is in FAULT, whatever the group."""
    return script("bad", "/bin/false") + grouped(*members).replace(
        "virtual_router_id 52", "virtual_router_id 52\n    track_script {\n        bad\n    }")


def test_fault_of_a_member_holds_the_others_only_while_they_are_in_one_group(pair):
    agent = pair.agent(pair.master, bad_second("VI_1", "VI_2")).start()
    agent.wait_state("FAULT", 10, "VI_2")
    reloaded(agent, bad_second("VI_1", "VI_3"))
    agent.wait_state("MASTER", 15, "VI_1")
    agent.wait_state("MASTER", 15, "VI_3")
    reloaded(agent, bad_second("VI_1", "VI_2"))
    agent.wait_state("FAULT", 10, "VI_1")
    assert agent.instance("VI_3")["state"] == "MASTER"
    reloaded(agent, bad_second())
    agent.wait_state("MASTER", 15, "VI_1")
    assert agent.instance("VI_2")["state"] == "FAULT"


def test_group_of_members_that_differ_lets_the_backup_follow_and_then_tells_its_hooks(pair):
    hooks = pair.master.path("/tmp/hooks")
    pair.master.write("/tmp/new", "#!/bin/sh\necho \"$@\" >> /tmp/hooks\n", 0o755)
    agent = pair.agent(pair.master, grouped()).start()
    other = pair.agent(pair.backup, instance(250, name="VI_2", vrid=52, vips=(VIP2,), track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    pair.watcher.wait_holder(pair.backup, VIP2, 10)
    reloaded(agent, grouped("VI_1", "VI_2", lines=("notify /tmp/new",)))
    agent.process.wait_log(r"G: sync group .* -> MASTER", 5)
    pair.watcher.wait_adverts(pair.backup, 3, 10, vrid=52)
    assert not hooks.exists()
    other.stop()
    pair.watcher.wait_holder(pair.master, VIP2, 10)
    until(lambda: hooks.exists() and "GROUP G MASTER" in hooks.read_text(), 10, "the hook of the group")
    assert pair.watcher.moves(VIP) == 1


def test_unicast_peers_change_on_the_fly(pair):
    def config(*peers):
        return instance(200, "unicast_src_ip 192.168.1.1", block("unicast_peer", *peers), track=False)

    agent = pair.agent(pair.master, config("192.168.1.2")).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    rhythm = Rhythm(pair, agent)
    reloaded(agent, config("192.168.1.2", "192.168.1.50"))
    pair.watcher.wait_adverts(pair.master, 2, 5, to="192.168.1.50")
    rhythm.judge()
    reloaded(agent, config("192.168.1.50"))
    assert agent.instance()["sends_to"] == ["192.168.1.50"]
    pair.watcher.wait_adverts(pair.master, 3, 5, to="192.168.1.50")
    rhythm.judge()
    assert pair.watcher.moves(VIP) == 1


def test_lease_comes_and_goes_without_the_address(pair):
    def left():
        shown = pair.master.run(["ip", "-o", "addr", "show", "dev", "eth0"]).stdout
        line = next(line for line in shown.splitlines() if f" {VIP}/" in line)
        return None if "valid_lft forever" in line else int(line.split("valid_lft ")[1].split("sec")[0])

    agent = single(pair, "vip_lease off")
    rhythm = Rhythm(pair, agent)
    assert left() is None
    for lease in ("3", "60", "2", "off"):
        reloaded(agent, instance(200, f"vip_lease {lease}", track=False))
        until(lambda: left() is None if lease == "off" else (left() or 99) <= int(lease) and
              (left() or 0) > int(lease) - 3, 10, lambda: f"a lease of {lease}; {left()} is left")
    rhythm.judge()
    assert pair.watcher.moves(VIP) == 1


def test_orders_outlive_a_reload(pair):
    agent = single(pair)
    agent.host.run([agent.build.sqlvipctl, "standby", "--force"], check=False)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    reloaded(agent, instance(210, track=False) + instance(200, name="VI_2", vrid=52, vips=(VIP2,), track=False))
    pair.watcher.wait_holder(pair.master, VIP2, 10)
    assert agent.instance()["standby"] and not agent.instance("VI_2")["standby"]
    assert agent.instance()["state"] == "FAULT"
    # Restarted as another router, it is the same to the operator.
    reloaded(agent, instance(210, vrid=61, track=False))
    agent.wait_state("FAULT", 10)
    assert agent.instance()["standby"]
    # And under another name it is the same router, even to an engine that starts anew.
    reloaded(agent, instance(210, name="DB", vrid=61, track=False))
    old = agent.engine
    os.kill(old, signal.SIGKILL)

    def anew():
        status = agent.status(check=False)
        return status if status and status["engine"]["pid"] != old else None

    assert [(i["name"], i["standby"]) for i in until(anew, 10, "another engine")["instances"]] == [("DB", True)]
    agent.host.run([agent.build.sqlvipctl, "resume"])
    pair.watcher.wait_holder(pair.master, VIP, 10)
    kept = pair.master.path("/var/lib/sqlvip/orders.json")
    until(lambda: json.loads(kept.read_text())["standby"] == [], 5, lambda: f"the order to end: {kept.read_text()}")


def test_ipv6_addresses_come_and_go(pair):
    six, more = "2001:db8::100/64", "2001:db8::101/64"
    agent = pair.agent(pair.master, instance(200, vips=("fe80::100", six), track=False)).start()
    pair.watcher.wait_holder(pair.master, "2001:db8::100", 10)
    rhythm = Rhythm(pair, agent)
    reloaded(agent, instance(200, vips=("fe80::100", six, more), track=False))
    pair.watcher.wait_holder(pair.master, "2001:db8::101", 5)
    reloaded(agent, instance(200, block("virtual_ipaddress_excluded", VIP), vips=("fe80::100", more), track=False))
    pair.watcher.wait_no_holder(pair.master, "2001:db8::100", 5)
    pair.watcher.wait_holder(pair.master, VIP, 5)
    rhythm.judge()


def test_hmac_keys_are_exchanged_under_way(pair):
    def config(priority, active, *keys):
        lines = [f"key {key} hex:{bytes([key] * 32).hex()}" for key in keys]
        return instance(priority, block("auth_hmac", *lines, f"active_key {active}"), track=False)

    agents = pair.start_configured(config(200, 1, 1), config(150, 1, 1))
    master, backup = (agents[h.name] for h in (pair.master, pair.backup))
    rhythm = Rhythm(pair, master)
    refused = {k: v for k, v in backup.instance()["counters"].items() if k.startswith("auth")}
    for active, keys in ((1, (1, 2)), (2, (1, 2)), (2, (2,))):
        for priority, agent in ((150, backup), (200, master)):
            assert "auth_hmac" in reloaded(agent, config(priority, active, *keys))
            rhythm.judge()
    assert {k: v for k, v in backup.instance()["counters"].items() if k.startswith("auth")} == refused
    assert backup.instance()["state"] == "BACKUP" and pair.watcher.moves(VIP) == 1
    # Another key under the same number is told, not shown. Two hosts that do not believe each other are two masters.
    pair.watcher.allow_overlap_during(now(), float("inf"))
    text = reloaded(backup, config(150, 2, 2).replace(bytes([2] * 32).hex(), bytes([3] * 32).hex()))
    assert "another key for auth_hmac" in text and "0303" not in text


class ServiceManager:
    """Listens to an agent on mastersql, as systemd does."""

    def __init__(self, pair):
        self.host = pair.master
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.host.path("/run/notify")))
        self.socket.settimeout(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def start(self, agent):
        """Does not wait for it."""
        agent.process = self.host.popen(["env", "NOTIFY_SOCKET=/run/notify", agent.build.sqlvipd, "-f",
                                         agent.configure(), "-n", "-l"], "sqlvipd")

    def told(self, word, but=()):
        """The next message that has this word, as a dictionary; before it, none with a word of `but`."""
        end = now() + 20
        while now() < end:
            message = dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())
            if word in message:
                return message
            assert not set(message) & set(but), message
        raise AssertionError(f"nobody said {word}")


def test_service_manager_is_asked_for_the_time_that_programs_take(pair):
    pair.master.write("/tmp/slow", "#!/bin/sh\ntouch /tmp/began-$1\nuntil [ -e /tmp/go-$1 ]; do sleep 0.05; done\n",
                      0o755)
    programs = block("global_defs", 'startup_script "/tmp/slow up"', 'shutdown_script "/tmp/slow down"',
                     "startup_script_timeout 100", "shutdown_script_timeout 100")
    agent = pair.agent(pair.master, programs + instance(200, track=False))
    with ServiceManager(pair) as manager:
        manager.start(agent)
        for _ in range(2):
            assert int(manager.told("EXTEND_TIMEOUT_USEC", but=["READY"])["EXTEND_TIMEOUT_USEC"]) >= 5000000
        pair.master.write("/tmp/go-up", "")
        manager.told("READY")
        pair.watcher.wait_holder(pair.master, VIP, 10)
        agent.term()
        manager.told("STOPPING", but=["EXTEND_TIMEOUT_USEC"])
        for _ in range(2):
            manager.told("EXTEND_TIMEOUT_USEC")
        until(pair.master.path("/tmp/began-down").exists, 10, "shutdown_script to run")
        pair.master.write("/tmp/go-down", "")
        assert agent.process.wait(10) == 0


def test_service_manager_is_told_of_beginning_and_end(pair):
    with ServiceManager(pair) as manager:
        told = manager.told
        agent = pair.agent(pair.master, instance(200, track=False))
        manager.start(agent)
        told("READY")
        for config, code in ((agent.config, 0), ("nonsense", 1)):
            start = now()
            assert reload(agent, config).returncode == code
            began = told("RELOADING")
            assert start <= int(began["MONOTONIC_USEC"]) / 1e6 <= now()
            told("READY")
        assert agent.stop() == 0


def test_service_manager_is_told_of_the_end_when_it_is_known_what_has_come_of_it(pair):
    """An instance that waits for vip_pre_take is waited for, and after three seconds the reload is refused."""
    pair.master.write("/tmp/pre", "#!/bin/sh\nuntil [ -e /tmp/answer ]; do sleep 0.05; done\n", 0o755)
    lines = ("vip_pre_take /tmp/pre", "vip_pre_take_timeout 60")
    agent = pair.agent(pair.master, instance(200, *lines, track=False))
    with ServiceManager(pair) as manager:
        manager.start(agent)
        manager.told("READY")
        until(lambda: agent.instance()["pre_take"]["asking"], 20, "the question")
        agent.configure(instance(200, *lines, vips=(VIP, VIP2), track=False))
        asked = pair.master.popen([agent.build.sqlvipctl, "reload"], "reload")
        began = int(manager.told("RELOADING")["MONOTONIC_USEC"]) / 1e6
        manager.told("READY")
        assert now() - began > 2
        assert asked.wait(10) == 1
        # The same with one that is waited for not in vain.
        asked = pair.master.popen([agent.build.sqlvipctl, "reload"], "reload")
        manager.told("RELOADING")
        pair.master.write("/tmp/answer", "")
        manager.told("READY")
        assert asked.wait(10) == 0
        pair.watcher.wait_holder(pair.master, VIP2, 10)
        assert agent.stop() == 0


def test_reload_while_the_startup_script_runs_is_put_off(pair):
    pair.master.write("/tmp/start", "#!/bin/sh\nuntil [ -e /tmp/go ]; do sleep 0.05; done\n", 0o755)
    slow = block("global_defs", "startup_script /tmp/start")
    agent = pair.agent(pair.master, slow + instance(200, track=False)).start()
    assert "still starting" in reload(agent).stderr
    agent.configure(slow + instance(210, track=False))
    agent.process.signal(signal.SIGHUP)
    pair.master.write("/tmp/go", "")
    agent.process.wait_log(r"reload \(SIGHUP\): 2 differences", 20)
    pair.watcher.wait_holder(pair.master, VIP, 10)
    assert agent.instance()["priority"]["base"] == 210


def test_observer_that_reloads_touches_nothing(pair):
    def watching(*vips):
        return mysql_check() + instance(150, "notify /bin/false", vips=vips)

    agent = pair.agent(pair.master, instance(200, vips=(VIP, VIP2), track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP2, 10)
    rhythm = Rhythm(pair, agent)
    path = pair.master.write("/etc/sqlvip/observe.conf", watching(VIP))
    observer = pair.master.popen([agent.build.sqlvipd, "--observe", "-f", path, "-n", "-l"], "observer")
    observer.wait_log(r"VI_1: .*-> (BACKUP|FAULT|MASTER)", 10)
    for vips in ((VIP, VIP2), (VIP2,), (VIP, VIP2, VIP3)):
        pair.master.write("/etc/sqlvip/observe.conf", watching(*vips))
        done = pair.master.run([agent.build.sqlvipctl, "--observe", "reload"])
        assert "virtual_ipaddress" in done.stdout
    rhythm.judge()
    assert pair.watcher.holders(VIP) == [pair.master.name] == pair.watcher.holders(VIP2)
    assert pair.watcher.moves(VIP) == pair.watcher.moves(VIP2) == 1 and not pair.watcher.periods(VIP3)
    observer.term()
    assert observer.wait(10) == 0
