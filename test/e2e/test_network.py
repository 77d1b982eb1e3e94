# SPDX-License-Identifier: Apache-2.0
"""Cables, switches and partitions; and a kernel that is busy with other people's networks."""

import pytest

from lib.agents import VIP, instance
from lib.wait import now, until


@pytest.fixture
def agents(pair):
    """No MySQL: this is about the network."""
    return pair.start_agents(check="", track=False)


def test_vip_moves_when_the_cable_of_its_holder_is_pulled(pair, agents):
    pair.pull(pair.master)
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    agents["mastersql"].wait_state("FAULT", 5)
    assert "192.168.1.100/32" not in pair.master.addresses()


def test_plugged_again_the_better_host_gets_the_vip_back(pair, agents):
    pair.pull(pair.master)
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    pair.plug(pair.master)
    pair.watcher.wait_holder(pair.master, VIP, 10)
    agents["backupsql"].wait_state("BACKUP", 5)


def test_cable_pulled_at_the_backup_moves_nothing(pair, agents):
    pair.pull(pair.backup)
    agents["backupsql"].wait_state("FAULT", 5)
    pair.plug(pair.backup)
    agents["backupsql"].wait_state("BACKUP", 5)
    pair.watcher.wait_adverts(pair.master, 10, 5)
    assert pair.watcher.moves(VIP) == 1


def test_interface_set_down_and_up_by_hand(pair, agents):
    pair.master.run(["ip", "link", "set", "eth0", "down"])
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    agents["mastersql"].wait_state("FAULT", 5)
    pair.master.run(["ip", "link", "set", "eth0", "up"])
    pair.watcher.wait_holder(pair.master, VIP, 10)


def test_partition_has_two_holders_and_one_within_an_advert_interval_of_its_end(pair, agents):
    start = now()
    pair.isolate(pair.backup)
    until(lambda: len(pair.watcher.holders(VIP)) == 2, 5, "both to hold the VIP")
    healed = now()
    pair.heal(pair.backup)
    pair.watcher.allow_overlap_during(start, healed + 5)
    pair.watcher.wait_holder(pair.master, VIP, 5)
    heard = pair.watcher.wait(5, healed, host="backupsql", event="advert", dir="in", priority=200)["t"]
    left = pair.watcher.wait_no_holder(pair.backup, VIP, 1)
    assert left - max(healed, heard - 0.1) < 0.1 + 0.1, "one advert interval, and some time on a busy machine"
    agents["backupsql"].wait_state("BACKUP", 5)
    # The winner says again where the address is.
    pair.watcher.wait(5, healed, host="mastersql", event="garp", dir="out", address=VIP)


def test_holder_that_is_not_heard_yields_when_it_hears(pair, agents):
    """Adverts get lost in one direction: the backup takes the VIP, and loses it as soon as it hears the better one."""
    start = now()
    pair.drop(pair.master, "ip protocol vrrp", pair.backup)
    until(lambda: len(pair.watcher.holders(VIP)) == 2, 5, "both to hold the VIP")
    pair.undrop()
    pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.watcher.allow_overlap_during(start, now())
    assert agents


def test_one_lost_advert_in_three_moves_nothing(pair, agents):
    pair.drop(pair.master, "ip protocol vrrp numgen inc mod 3 0", pair.backup)
    pair.watcher.wait_adverts(pair.master, 30, 15)
    assert pair.watcher.moves(VIP) == 1
    assert agents["backupsql"].instance()["state"].upper() == "BACKUP"


@pytest.mark.soak
def test_adverts_are_on_time_beside_a_loop_that_makes_and_ends_namespaces(pair, agents, soak):
    churn = pair.client.popen(["sh", "-c", "while :; do unshare -n true; done"], "churn")
    since = now()
    pair.watcher.wait_adverts(pair.master, soak(60, 600), soak(60, 300))
    churn.kill()
    times = [e["t"] for e in pair.watcher.adverts(pair.master, since)]
    worst = max(b - a for a, b in zip(times, times[1:]))
    assert worst < 0.1 + 0.1, f"{1000 * worst:.1f} ms between two adverts"
    assert pair.watcher.moves(VIP) == 1
    assert agents["backupsql"].instance()["state"].upper() == "BACKUP"


def test_interface_that_comes_later_is_used_when_it_is_there(pair):
    """The interface named in the configuration does not exist yet."""
    agent = pair.agent(pair.master, instance(200, track=False, interface="late0"))
    done = agent.test()
    if done.returncode != 0:  # refused, as keepalived does without dynamic_interfaces
        assert "late0" in done.stdout + done.stderr
        agent = pair.agent(pair.master, "global_defs {\n dynamic_interfaces\n}\n" + agent.config)
    agent.start()
    agent.wait_state("FAULT", 5)
    pair.master.run(["ip", "link", "add", "late0", "type", "veth", "peer", "late1"])
    pair.master.run(["ip", "addr", "add", "10.0.0.1/24", "dev", "late0"])
    pair.master.run(["ip", "link", "set", "late0", "up"])
    pair.master.run(["ip", "link", "set", "late1", "up"])
    pair.watcher.wait_holder(pair.master, VIP, 10)


def test_winner_that_hears_a_rival_says_so_and_announces_the_vip_again(pair, agents):
    """Whoever learned the rival's hardware address meanwhile has to learn the winner's again."""
    begun = now()
    pair.drop(pair.master, "ip protocol vrrp", pair.backup)
    until(lambda: "backupsql" in pair.watcher.holders(VIP), 5, "the other host to take the VIP")
    agents["mastersql"].process.wait_log(r"192\.168\.1\.2 also claims to be master, with priority 150", 5)
    rival = pair.watcher.adverts(pair.backup, begun)[0]["t"]
    pair.watcher.wait(2, rival, host="mastersql", event="garp", dir="out", address=VIP)
    pair.undrop()
    pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.watcher.allow_overlap_during(begun, now())


def test_instance_that_cannot_open_its_sockets_is_in_fault_until_it_can(pair):
    """Neither heard nor hearing, it must not think that it is alone."""
    limit = "/proc/sys/net/ipv4/igmp_max_memberships"
    pair.master.run(["sh", "-c", f"echo 0 > {limit}"])
    agent = pair.agent(pair.master, instance(200, track=False)).start()
    agent.wait_state("FAULT", 5)
    assert any("sockets" in fault for fault in agent.instance()["faults"])
    pair.master.run(["sh", "-c", f"echo 20 > {limit}"])
    pair.watcher.wait_holder(pair.master, VIP, 10)


def test_renamed_interface_does_not_keep_the_vip(pair, agents):
    pair.master.run(["ip", "link", "set", "eth0", "name", "lan0"])
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    agents["mastersql"].wait_state("FAULT", 5)
    assert VIP not in pair.master.run(["ip", "-4", "addr"]).stdout
    pair.master.run(["ip", "link", "set", "lan0", "name", "eth0"])
    pair.watcher.wait_holder(pair.master, VIP, 10)
