# SPDX-License-Identifier: Apache-2.0
"""Sync groups: several addresses that are on one host, all or none."""

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
