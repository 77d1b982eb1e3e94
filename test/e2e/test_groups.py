# SPDX-License-Identifier: Apache-2.0
"""Sync groups: several addresses that are on one host, all or none."""

import json

from lib.agents import VIP, block, instance
from lib.wait import now, until

VIP2 = "192.168.1.101"
ALIVE = "vrrp_script alive {\n script \"/usr/bin/test -e /tmp/alive\"\n interval 0.1\n fall 2\n rise 2\n}\n"
HOOK = "#!/bin/sh\necho \"$@\" >> /tmp/hooked\n"


def group(priority, *lines, second=(), **options):
    """Two instances in one group; lines of the group, and of the second instance."""
    return (block("vrrp_sync_group G", block("group", "VI_1", "VI_2"), *lines) +
            instance(priority, track=False, **options) +
            instance(priority, *second, name="VI_2", vrid=52, vips=(VIP2,), track=False, **options))


def wait_both(pair, host, seconds):
    pair.watcher.wait_holder(host, VIP, seconds)
    pair.watcher.wait_holder(host, VIP2, seconds)


def start(pair, *lines, config="", second=(), **options):
    """The better one is master of both before the other starts."""
    pair.agents = {}
    for host, priority in ((pair.master, 200), (pair.backup, 150)):
        host.write("/tmp/alive", "")
        host.write("/tmp/hook", HOOK, 0o755)
        pair.agents[host.name] = pair.agent(host, config + group(priority, *lines, second=second, **options)).start()
        if host is pair.master:
            wait_both(pair, host, 15)
    for name in ("VI_1", "VI_2"):
        pair.agents["backupsql"].wait_state("BACKUP", 10, name)
    return pair.agents


def states(agent):
    return [i["state"] for i in agent.status()["instances"]]


def wait_states(agent, state, seconds):
    until(lambda: states(agent) == [state, state], seconds, lambda: f"both {state}; they are {states(agent)}")


def alarms(agent):
    """Those that are raised, but for the one about silence, which comes by itself."""
    return sorted((a["id"], a["instance"]) for a in agent.status()["alarms"] if a["id"] != "no_master")


def longest_apart(pair):
    """How long one of the addresses was on a host that did not have the other, at most."""
    at, worst = now(), 0.0
    for host in ("mastersql", "backupsql"):
        edges = []
        for address in (VIP, VIP2):
            for p in pair.watcher.periods(address):
                if p.host == host:
                    edges += [(p.start, 1), (at if p.end is None else p.end, -1)]
        edges.sort()
        held = 0
        for (t, step), (after, _) in zip(edges, edges[1:]):
            held += step
            if held == 1:
                worst = max(worst, after - t)
    return worst


def test_c66_fault_of_one_member_moves_all_and_its_end_brings_all_back(pair):
    agents = start(pair, "notify /tmp/hook", config=ALIVE, second=(block("track_script", "alive"),))
    since = now()
    pair.master.path("/tmp/alive").unlink()
    wait_both(pair, pair.backup, 10)
    wait_states(agents["mastersql"], "FAULT", 5)
    for vrid in (51, 52):  # both resigned, once, and each after its address was gone
        assert len(pair.watcher.adverts(pair.master, since, vrid=vrid, priority=0)) == 1
    faults = {i["name"]: i["faults"] for i in agents["mastersql"].status()["instances"]}
    assert "VI_2: vrrp_script alive" in faults["VI_1"][0]
    pair.master.write("/tmp/alive", "")
    wait_both(pair, pair.master, 15)
    wait_states(agents["backupsql"], "BACKUP", 5)
    assert longest_apart(pair) < 1.0
    group_ = agents["mastersql"].status()["groups"][0]
    assert (group_["name"], group_["state"], group_["members"]) == ("G", "MASTER", ["VI_1", "VI_2"])
    hooked = pair.master.path("/tmp/hooked")
    expected = [f"GROUP G {s} 0" for s in ("BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER")]
    until(lambda: hooked.read_text().splitlines() == expected, 5, lambda: f"{expected}; {hooked.read_text()}")
    agents["mastersql"].stop()
    assert hooked.read_text().splitlines() == expected + ["GROUP G STOP 0"]


def test_group_tracks_for_all_its_members(pair):
    agents = start(pair, block("track_script", "alive weight -100"), config=ALIVE)
    pair.master.path("/tmp/alive").unlink()
    wait_both(pair, pair.backup, 10)
    wait_states(agents["mastersql"], "BACKUP", 5)
    assert [i["priority"]["effective"] for i in agents["mastersql"].status()["instances"]] == [100, 100]


def test_group_whose_script_has_not_reported_waits_without_a_hook(pair):
    pair.master.write("/tmp/hook", HOOK, 0o755)
    pair.master.write("/tmp/slow", "#!/bin/sh\nuntil [ -e /tmp/go ]; do sleep 0.05; done\n", 0o755)
    slow = "vrrp_script slow {\n script /tmp/slow\n interval 30\n}\n"
    config = slow + group(200, "notify /tmp/hook", second=(block("track_script", "slow"),))
    agent = pair.agent(pair.master, config).start()
    assert states(agent) == ["FAULT", "FAULT"]
    assert agent.status()["groups"][0]["state"] == "INIT"
    until(lambda: agent.status()["uptime_s"] > 3, 10, "a look for alarms")
    assert alarms(agent) == []
    pair.master.write("/tmp/go", "")
    wait_both(pair, pair.master, 15)
    hooked = pair.master.path("/tmp/hooked")
    expected = ["GROUP G BACKUP 0", "GROUP G MASTER 0"]
    until(lambda: hooked.exists() and hooked.read_text().splitlines() == expected, 5, "the hooks of the group")


def test_member_that_yields_takes_the_others_along(pair):
    """The better host was cut off, in one direction and for one of the two routers only."""
    agents = start(pair)
    begun = now()
    # Octets 20.. of the packet are the advert: version and type, then the VRID.
    pair.drop(pair.master, "ip protocol vrrp @th,8,8 52", pair.backup)
    # The backup hears of VI_1 and not of VI_2: the group cannot go, and says so.
    until(lambda: pair.watcher.find(begun, event="advert", dir="out", host="mastersql"), 5, "adverts")
    pair.watcher.wait_adverts(pair.master, 15, 10, vrid=51)
    assert states(agents["backupsql"]) == ["BACKUP", "BACKUP"]
    pair.undrop()
    pair.isolate(pair.backup)
    until(lambda: len(pair.watcher.holders(VIP)) == 2 and len(pair.watcher.holders(VIP2)) == 2, 10, "two of each")
    pair.heal(pair.backup)
    wait_both(pair, pair.master, 5)
    pair.watcher.allow_overlap_during(begun, now() + 0.2)
    wait_states(agents["backupsql"], "BACKUP", 5)
    assert longest_apart(pair) < 1.0


def ctl(pair, host, *words):
    return host.run([pair.build.sqlvipctl, *words], check=False)


def hooked(pair, host=None):
    """The states that the hooks of the group were told."""
    path = (host or pair.master).path("/tmp/hooked")
    return [line.split()[2] for line in path.read_text().splitlines()] if path.exists() else []


def test_standby_of_one_member_hands_over_the_whole_group_and_resume_brings_it_back(pair):
    agents = start(pair, "notify /tmp/hook")
    since = now()
    done = ctl(pair, pair.master, "standby", "VI_2", "--force")
    for name in ("VI_1", "VI_2"):
        assert f"{name}: away from here, and taken over by 192.168.1.2 (priority 150)" in done.stdout, done
    assert done.returncode == 0
    wait_both(pair, pair.backup, 10)
    wait_states(agents["mastersql"], "FAULT", 5)
    for vrid in (51, 52):
        assert len(pair.watcher.adverts(pair.master, since, vrid=vrid, priority=0)) == 1
    assert all(i["standby"] for i in agents["mastersql"].status()["instances"])
    assert agents["mastersql"].status()["groups"][0]["state"] == "FAULT"
    # Kept over a restart, and loud.
    agents["mastersql"].stop()
    agents["mastersql"].start()
    assert states(agents["mastersql"]) == ["FAULT", "FAULT"]
    standby = [("standby", "VI_1"), ("standby", "VI_2")]
    until(lambda: standby == alarms(agents["mastersql"]), 5, lambda: f"{standby}, not {alarms(agents['mastersql'])}")
    for i in agents["mastersql"].status()["instances"]:
        assert not [f for f in i["faults"] if f.startswith(i["name"])], "it is not held by itself"
    until(lambda: hooked(pair) == ["BACKUP", "MASTER", "FAULT", "STOP", "FAULT"], 5, lambda: hooked(pair))
    done = ctl(pair, pair.master, "resume", "VI_1")
    assert "VI_1: takes part again" in done.stdout and "VI_2: takes part again" in done.stdout
    wait_both(pair, pair.master, 15)
    until(lambda: hooked(pair)[5:] == ["BACKUP", "MASTER"], 5, lambda: hooked(pair))
    assert agents["mastersql"].process.text().count("VI_1: FAULT -> BACKUP") == 1
    assert longest_apart(pair) < 1.0


def test_member_that_was_on_standby_before_there_was_a_group_holds_the_others_from_the_start(pair):
    pair.master.write("/tmp/hook", HOOK, 0o755)
    single = (instance(200, track=False) +
              instance(200, name="VI_2", vrid=52, vips=(VIP2,), track=False))
    agent = pair.agent(pair.master, single).start()
    wait_both(pair, pair.master, 10)
    ctl(pair, pair.master, "standby", "VI_2", "--force")
    pair.watcher.wait_no_holder(pair.master, VIP2, 5)
    agent.stop()
    agent.config = group(200, "notify /tmp/hook")
    agent.start()
    assert states(agent) == ["FAULT", "FAULT"]
    held = next(i for i in agent.status()["instances"] if i["name"] == "VI_1")
    assert held["faults"] == ["VI_2: standby was ordered"]
    assert agent.status()["groups"][0]["state"] == "FAULT"
    ctl(pair, pair.master, "resume", "VI_1")
    wait_both(pair, pair.master, 10)
    until(lambda: hooked(pair) == ["FAULT", "BACKUP", "MASTER"], 5, lambda: hooked(pair))


def test_fault_of_a_member_in_maintenance_is_recorded_and_moves_nothing_until_it_ends(pair):
    agents = start(pair, "notify /tmp/hook", config=ALIVE, second=(block("track_script", "alive"),))
    since = now()
    for host in (pair.backup, pair.master):
        ctl(pair, host, "maintenance", "on")
    pair.master.path("/tmp/alive").unlink()

    def withheld():
        return [i["withheld"] for i in agents["mastersql"].status()["instances"]]

    until(lambda: all(withheld()), 10, lambda: f"both to say what would be: {withheld()}")
    assert all("VI_2: vrrp_script alive" in w or "vrrp_script alive" in w for w in withheld())
    pair.watcher.wait_adverts(pair.master, 10, 10, vrid=52)
    assert not pair.watcher.find(since, event="address", op=("add", "del"),
                                 address=(f"{VIP}/32", f"{VIP2}/32"))
    assert states(agents["mastersql"]) == ["MASTER", "MASTER"]
    assert agents["mastersql"].status()["groups"][0]["state"] == "MASTER"
    for host in (pair.backup, pair.master):
        ctl(pair, host, "maintenance", "off")
    wait_both(pair, pair.backup, 10)
    wait_states(agents["mastersql"], "FAULT", 5)
    until(lambda: hooked(pair) == ["BACKUP", "MASTER", "FAULT"], 5, lambda: hooked(pair))


def test_standby_of_one_member_is_carried_out_in_maintenance_and_withheld_from_none(pair):
    agents = start(pair)
    ctl(pair, pair.master, "maintenance", "on")
    ctl(pair, pair.master, "standby", "VI_2", "--force")
    wait_both(pair, pair.backup, 10)
    wait_states(agents["mastersql"], "FAULT", 5)
    assert not ctl(pair, pair.master, "events", "-k", "would").stdout.strip()
    # Neither keeps a claim, which would outlive a restart.
    kept = pair.master.path("/var/lib/sqlvip/orders.json")
    until(lambda: json.loads(kept.read_text())["holders"] == [], 5, lambda: f"both claims to end: {kept.read_text()}")


def test_group_of_which_one_member_cannot_add_its_addresses_runs_no_hook_for_master(pair):
    ipv6 = "/proc/sys/net/ipv6/conf/eth0/disable_ipv6"
    pair.master.run(["sh", "-c", f"echo 1 > {ipv6}"])
    pair.master.write("/tmp/hook", HOOK, 0o755)
    six = block("virtual_ipaddress_excluded", "2001:db8::100")
    agent = pair.agent(pair.master, group(200, "notify /tmp/hook", second=(six,))).start()
    agent.process.wait_log(r"VI_2: MASTER -> FAULT \(the addresses cannot be added", 10)
    wait_states(agent, "FAULT", 5)
    until(lambda: hooked(pair)[:2] == ["BACKUP", "FAULT"], 5, lambda: hooked(pair))
    pair.master.run(["sh", "-c", f"echo 0 > {ipv6}"])
    pair.watcher.wait_holder(pair.master, "2001:db8::100", 30)
    wait_both(pair, pair.master, 5)
    until(lambda: hooked(pair)[-2:] == ["BACKUP", "MASTER"], 5, lambda: hooked(pair))
    assert hooked(pair).count("MASTER") == 1
