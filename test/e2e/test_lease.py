# SPDX-License-Identifier: Apache-2.0
"""The lease: the kernel takes the address from an agent that cannot give it up any more."""

import json

from lib.agents import VIP, instance, mysql_check
from lib.wait import now, until

LEASE = 2  # what auto makes of advert_int 0.1
KERNEL = 1.1  # the kernel may be that late
NOISE = 1.0  # and so may this machine
LIVES_AT_MOST = LEASE + KERNEL + NOISE


def lease(agent):
    return agent.instance()["vips"][0]["lease"]


def shown(host):
    """The VIP as `ip` shows it: valid lifetime in seconds, None for ever; False if it is not there."""
    for link in json.loads(host.run(["ip", "-j", "addr", "show", "dev", "eth0"]).stdout):
        for addr in link["addr_info"]:
            if addr["local"] == VIP:
                return addr["valid_life_time"] if addr["valid_life_time"] < (1 << 32) - 1 else None
    return False


def start(pair, check="", **options):
    """mastersql holds the VIP; backupsql would win an election, but does not ask for one."""
    options["track"] = bool(check)
    first, second = instance(150, **options), instance(200, "nopreempt", **options)
    return pair.start_configured(check + first, check + second)


def test_address_has_a_lifetime_that_is_renewed_in_time(pair, soak):
    agents = start(pair)
    at = now()
    assert agents["mastersql"].test().stdout.count("vip_lease 2\n") == 1
    assert lease(agents["mastersql"])["length_s"] == LEASE and lease(agents["backupsql"])["left_s"] is None
    pair.watcher.wait(soak(20, 400), at, soak(6, 300), host="mastersql", event="address", op="renew",
                      address=f"{VIP}/32")
    assert 0 < shown(pair.master) <= LEASE
    left = lease(agents["mastersql"])["left_s"]
    assert LEASE / 3 < left <= LEASE, "the lease is a third short at most"
    assert not pair.watcher.find(at, event="address", op=("add", "del"), address=f"{VIP}/32")
    renewals = pair.watcher.find(at, event="address", op="renew", address=f"{VIP}/32")
    spans = [b["t"] - a["t"] for a, b in zip(renewals, renewals[1:])]
    assert min(spans) > 0.4, f"one renewal for several adverts: {spans}"
    assert "lease of 2 s" in pair.master.run([pair.build.sqlvipctl, "status"]).stdout


def test_lease_can_be_switched_off(pair):
    agent = pair.agent(pair.master, instance(150, "vip_lease off", track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 5)
    assert shown(pair.master) is None
    assert lease(agent) == {"length_s": 0, "left_s": None, "why_not": None}


def test_frozen_agent_loses_the_address_to_the_kernel_and_does_not_take_it_back(pair):
    agents = start(pair)
    at = agents["mastersql"].freeze()
    pair.watcher.allow_overlap(LIVES_AT_MOST)
    pair.watcher.wait_no_holder(pair.master, VIP, 20)
    gone = pair.watcher.find(at, host="mastersql", event="address", op="del")[0]["t"]
    assert gone - at < LIVES_AT_MOST
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    thawed = agents["mastersql"].thaw()
    agents["mastersql"].wait_state("BACKUP", 10)
    pair.watcher.wait_adverts(pair.backup, 20, 10)
    assert not pair.watcher.find(thawed, host="mastersql", event="address", op=("add", "renew"), address=f"{VIP}/32")
    assert not pair.watcher.find(thawed, host="mastersql", event="garp", dir="out")
    assert pair.watcher.holders(VIP) == ["backupsql"]


def test_connections_do_not_survive_the_loss(pair):
    pair.start_servers()
    agents = start(pair, mysql_check())
    clients = pair.holders(clients=20)
    agents["mastersql"].freeze()
    pair.watcher.allow_overlap(LIVES_AT_MOST)
    pair.watcher.wait_no_holder(pair.master, VIP, 20)
    established = f"ss -Htn state established src {VIP}"
    assert pair.master.run(["sh", "-c", established]).stdout.count(VIP) == 20, "the loss alone ends none"
    agents["mastersql"].thaw()
    until(lambda: VIP not in pair.master.run(["sh", "-c", established]).stdout, 10, "the connections to be reset")
    assert clients.process.alive


def test_freeze_shorter_than_the_lease_costs_nothing(pair):
    """As when virtual machines are paused for a backup: both agents stand still, the kernels do not."""
    agents = start(pair, advert="1", version=3)
    assert lease(agents["mastersql"])["length_s"] == 6
    # Just after an advert: the backup's Down time of 3.2 s runs on meanwhile, and one that is over is over.
    at = pair.watcher.wait_adverts(pair.master, 1, 10)["t"]
    for agent in agents.values():
        agent.freeze()
    until(lambda: now() > at + 2, 10, "the pause to end")
    for agent in reversed(agents.values()):
        agent.thaw()
    pair.watcher.wait_adverts(pair.master, 5, 20)
    assert not pair.watcher.find(at, event="address", op=("add", "del"), address=f"{VIP}/32")
    assert agents["mastersql"].instance()["state"] == "MASTER"


def test_killed_agent_loses_the_address_to_the_kernel(pair):
    agents = start(pair)
    at = agents["mastersql"].kill()
    pair.watcher.allow_overlap(LIVES_AT_MOST)
    pair.watcher.wait_no_holder(pair.master, VIP, 20)
    gone = pair.watcher.find(at, host="mastersql", event="address", op="del")[0]["t"]
    assert gone - at < LIVES_AT_MOST
    pair.watcher.wait_holder(pair.backup, VIP, 10)


def test_address_that_would_take_others_along_has_no_lease(pair):
    pair.master.run(["sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=0",
                     "net.ipv4.conf.eth0.promote_secondaries=0"])
    agent = pair.agent(pair.master, instance(150, track=False, vips=("10.9.8.1/24",))).start()
    agent.wait_state("MASTER", 5)
    until(lambda: lease(agent)["left_s"], 5, "a lease: the VIP is alone in its subnet")
    pair.master.run(["ip", "addr", "add", "10.9.8.2/24", "dev", "eth0"])
    until(lambda: lease(agent)["why_not"], 10, "the lease to end")
    assert lease(agent)["length_s"] == 0
    agent.process.wait_log(r"10\.9\.8\.1 has no lease any more: .*promote_secondaries", 5)
    pair.master.run(["sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1"])
    until(lambda: lease(agent)["left_s"], 10, "the lease to begin again")
    assert not pair.watcher.find(event="address", op="del", host="mastersql")
    assert "take other addresses" not in pair.master.run([pair.build.sqlvipctl, "status"]).stdout
