# SPDX-License-Identifier: Apache-2.0
"""Unicast: between our own, with Debian's keepalived in both roles, and what comes of its checksums."""

from pathlib import Path

import pytest

from lib.agents import VIP, Keepalived, Sqlvipd, block, instance
from lib.mariadb import PASSWORD_FILE
from lib.wait import now, until

VIP6 = "2001:db8::100"
DIALECTS = {
    "v2": dict(version=2, advert="1"),
    "v2-pass": dict(version=2, advert="1", password="1111"),
    "v3": dict(version=3, advert="0.2"),
    "v3-ipv6": dict(version=3, advert="0.2", vips=("fe80::100", f"{VIP6}/64")),
}


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return dict(DIALECTS[request.param])


def own(host, six):
    return f"fd00::{host.number}" if six else host.address


def config(pair, host, priority, *lines, vips=(VIP,), **options):
    """An instance that speaks to the other host alone."""
    six = ":" in vips[0]
    other = pair.backup if host is pair.master else pair.master
    return instance(priority, f"unicast_src_ip {own(host, six)}", block("unicast_peer", own(other, six)), *lines,
                    vips=vips, track=False, **options)


def vip(options):
    return VIP6 if "vips" in options else VIP


def start(pair, kinds, *lines, **options):
    """Starts both, mastersql with the higher priority; returns the agents."""
    agents = []
    for host in (pair.master, pair.backup):
        host.run(["ip", "addr", "add", f"fd00::{host.number}/64", "dev", "eth0", "nodad"])
    for host, priority, kind in ((pair.master, 200, kinds[0]), (pair.backup, 150, kinds[1])):
        agents.append(kind(host, pair.build, config(pair, host, priority, *lines, **options)).start())
        if host is pair.master:
            pair.watcher.wait_holder(host, vip(options), 15)
    pair.watcher.wait_adverts(pair.master, 4, 15)
    assert pair.watcher.holders(vip(options)) == ["mastersql"]
    assert not pair.watcher.adverts(pair.backup)
    six = "vips" in options
    for advert in pair.watcher.adverts(pair.master):
        assert (advert["source"], advert["to"]) == (own(pair.master, six), own(pair.backup, six))
    return agents


def hand_over_and_back(pair, agents, options):
    pair.watcher.allow_overlap(0.1)
    at = now()
    assert agents[0].stop() == 0
    took = pair.watcher.wait_holder(pair.backup, vip(options), 10)
    resigned = pair.watcher.wait(1, at, host="mastersql", event="advert", dir="out", priority=0)
    assert took - resigned["t"] < 2 * float(options["advert"])  # Skew_Time, and not the whole Down time
    agents[0].start()
    pair.watcher.wait_holder(pair.master, vip(options), 15)


def test_hand_over_between_two_of_ours(pair, dialect):
    agents = start(pair, (Sqlvipd, Sqlvipd), "check_unicast_src", **dialect)
    assert agents[1].instance()["sends_to"] == [own(pair.master, "vips" in dialect)]
    hand_over_and_back(pair, agents, dialect)


def test_link_local_peers_are_reached_through_the_interface(pair):
    for host, other, priority in ((pair.master, pair.backup, 200), (pair.backup, pair.master, 150)):
        host.run(["ip", "addr", "add", f"fe80::{host.number}/64", "dev", "eth0", "nodad"])
        Sqlvipd(host, pair.build, instance(
            priority, f"unicast_src_ip fe80::{host.number}", "check_unicast_src",
            block("unicast_peer", f"fe80::{other.number}"), vips=("fe80::100", f"{VIP6}/64"), track=False)).start()
        if host is pair.master:
            pair.watcher.wait_holder(host, VIP6, 15)
    pair.watcher.wait_adverts(pair.master, 10, 15)
    assert pair.watcher.holders(VIP6) == ["mastersql"] and not pair.watcher.adverts(pair.backup)


@pytest.mark.parametrize("role", ["master", "backup"])
def test_sqlvipd_and_keepalived_hand_over_and_back(pair, dialect, role):
    kinds = (Sqlvipd, Keepalived) if role == "master" else (Keepalived, Sqlvipd)
    agents = start(pair, kinds, **dialect)
    hand_over_and_back(pair, agents, dialect)
    ours = agents[0 if role == "master" else 1].instance()["counters"]
    assert not ours["addr_list_err"] and not ours["csum_alt"] and not ours["chk_err"]


def test_the_shipped_example_moves_both_addresses_when_mysqld_dies(pair):
    examples = Path(__file__).resolve().parents[2] / "etc" / "examples" / "unicast"
    texts = [(examples / f"{name}.conf").read_text() for name in ("mastersql", "backupsql")]
    pair.start_servers()
    pair.start_configured(*(t.replace("/etc/sqlvip/mysql.password", PASSWORD_FILE) for t in texts))
    pair.watcher.wait_holder(pair.master, VIP6, 5)
    pair.mysql["mastersql"].kill()
    for vip in (VIP, VIP6):
        pair.watcher.wait_holder(pair.backup, vip, 5)
    assert {a["to"] for a in pair.watcher.adverts(pair.master)} == {pair.backup.address}


def test_silent_master_is_missed(pair):
    start(pair, (Sqlvipd, Sqlvipd), advert="0.2")
    begun = now()
    pair.isolate(pair.master)
    until(lambda: len(pair.watcher.holders(VIP)) == 2, 10, "both to hold the VIP")
    pair.heal(pair.master)
    pair.watcher.allow_overlap_during(begun, now() + 1)
    pair.watcher.wait_holder(pair.master, VIP, 10)


def old_checksum_is_not_judged(pair):
    """tshark takes the old unicast checksum for a wrong one, which by RFC it is."""
    pair.watcher.judge_packets = lambda: None


def test_old_checksum_of_keepalived_is_answered_with_the_same(pair):
    """Debian's keepalived, told to send as versions up to 1.3.6 did, accepts nothing else."""
    old_checksum_is_not_judged(pair)
    options = dict(version=3, advert="0.2")
    for host in (pair.master, pair.backup):
        host.run(["ip", "addr", "add", f"fd00::{host.number}/64", "dev", "eth0", "nodad"])
    theirs = Keepalived(pair.master, pair.build,
                        config(pair, pair.master, 200, "old_unicast_checksum", **options)).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    ours = Sqlvipd(pair.backup, pair.build, config(pair, pair.backup, 150, **options)).start()
    ours.wait_state("BACKUP", 10)
    until(lambda: ours.instance()["counters"]["csum_alt"], 10, "the old checksum to be heard")
    ours.process.wait_log("old unicast checksum", 10)
    assert theirs.stop() == 0
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    # It hears us, or it would not wait until its priority tells and take over in good order.
    pair.watcher.allow_overlap(0.1)
    at = now()
    theirs.start()
    theirs.process.wait_log(r"Entering MASTER STATE", 20)
    pair.watcher.wait_holder(pair.master, VIP, 10)
    assert "Invalid VRRPv3 checksum" not in theirs.process.text()
    assert pair.watcher.adverts(pair.backup, since=at)


def test_old_checksum_is_refused_where_never_is_said(pair):
    old_checksum_is_not_judged(pair)
    pair.watcher.allow_overlap_during(0, now() + 1000)
    options = dict(version=3, advert="0.2")
    Sqlvipd(pair.master, pair.build, config(pair, pair.master, 200, "old_unicast_checksum", **options)).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    ours = Sqlvipd(pair.backup, pair.build,
                   config(pair, pair.backup, 150, "old_unicast_checksum never", **options)).start()
    ours.wait_state("MASTER", 10)
    assert ours.instance()["counters"]["chk_err"]


def test_instances_with_one_vrid_are_told_apart_by_their_peers(pair):
    """Two routers of the same number: one with the other host, one with the client, whose agent has it alone."""
    third = "192.168.1.103"
    first = config(pair, pair.backup, 150, advert="0.2")
    second = instance(150, f"unicast_src_ip {pair.backup.address}", block("unicast_peer", pair.client.address),
                      name="VI_2", vips=(third,), track=False, advert="0.2")
    Sqlvipd(pair.master, pair.build, config(pair, pair.master, 200, advert="0.2")).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    Sqlvipd(pair.client, pair.build, instance(
        200, f"unicast_src_ip {pair.client.address}", block("unicast_peer", pair.backup.address), vips=(third,),
        track=False, advert="0.2")).start()
    pair.watcher.wait_holder(pair.client, third, 15)
    both = Sqlvipd(pair.backup, pair.build, first + second).start()
    for name in ("VI_1", "VI_2"):
        both.wait_state("BACKUP", 10, name=name)
        until(lambda n=name: both.instance(n)["counters"]["advert_rcvd"] >= 20, 20, f"{name} to hear its master")
        assert not both.instance(name)["counters"]["addr_list_err"]
        assert both.instance(name)["counters"]["become_master"] == 0


def test_no_peers_is_a_fault_where_that_is_asked_for(pair):
    bare = instance(200, f"unicast_src_ip {pair.master.address}", track=False, advert="0.1")
    agent = Sqlvipd(pair.master, pair.build, bare).start()
    agent.wait_state("MASTER", 10)
    assert not pair.watcher.adverts(pair.master)
    agent.stop()
    agent = Sqlvipd(pair.master, pair.build, bare.replace("priority", "unicast_fault_no_peer\n    priority")).start()
    agent.wait_state("FAULT", 10)
    assert agent.instance()["faults"] == ["there is no unicast_peer"]


@pytest.mark.parametrize("six", [False, True], ids=["arp", "na"])
def test_own_source_is_announced_when_a_fault_is_over(pair, six):
    """So that the master can reach us without asking first."""
    options = dict(advert="0.2", **(dict(vips=("fe80::100", f"{VIP6}/64")) if six else {}))
    agents = start(pair, (Sqlvipd, Sqlvipd), **options)
    pair.pull(pair.backup)
    agents[1].wait_state("FAULT", 10)
    at = now()
    pair.plug(pair.backup)
    pair.watcher.wait(10, at, host="backupsql", event="na" if six else "garp", dir="out", address=own(pair.backup, six))


def test_peers_behind_a_router_are_reached(pair):
    """The hosts are in different subnets; the client forwards. The TTL tells that it did."""
    for host, net in ((pair.master, 10), (pair.backup, 20)):
        host.run(["ip", "addr", "add", f"10.0.{net}.1/24", "dev", "eth0"])
        host.run(["ip", "route", "add", "10.0.0.0/16", "via", f"10.0.{net}.254"])
        pair.client.run(["ip", "addr", "add", f"10.0.{net}.254/24", "dev", "eth0"])
    pair.client.run(["sh", "-c", "cd /proc/sys/net/ipv4; echo 1 > ip_forward; "
                     "for f in all eth0; do echo 0 > conf/$f/send_redirects; done"])
    agents = []
    for host, priority, net, other in ((pair.master, 200, 10, 20), (pair.backup, 150, 20, 10)):
        agents.append(Sqlvipd(host, pair.build, instance(
            priority, f"unicast_src_ip 10.0.{net}.1", block("unicast_peer", f"10.0.{other}.1 min_ttl 254 max_ttl 254"),
            track=False, advert="0.2")).start())
        if host is pair.master:
            pair.watcher.wait_holder(host, VIP, 15)
    agents[1].wait_state("BACKUP", 10)
    until(lambda: agents[1].instance()["counters"]["advert_rcvd"] >= 20, 20, "routed adverts to be heard")
    assert agents[1].instance()["counters"]["become_master"] == 0
    agents[0].stop()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
