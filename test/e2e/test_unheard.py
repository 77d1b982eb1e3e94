# SPDX-License-Identifier: Apache-2.0
"""A master whose adverts do not leave its host: it hears the others, and they do not hear it."""

import re

import pytest

from lib.agents import VIP, Sqlvipd, block, instance
from lib.wait import now, until

FAULT = r"MASTER -> FAULT \(adverts cannot be sent: Operation not permitted"
DOWN = 0.1 * 3  # without Skew_Time
LEASE = 2 + 1.1  # what auto makes of advert_int 0.1, and how late the kernel may be


def mute(host, which=""):
    """As a filter does that knows nothing of VRRP; the sender gets EPERM."""
    host.run(["nft", "-f", "-"], input=(
        "table inet mute {\n chain output {\n  type filter hook output priority 0;\n"
        f"  meta l4proto 112 {which} drop\n }}\n}}\n"))


def unmute(host):
    host.run(["nft", "delete", "table", "inet", "mute"])


def start(pair, *lines, **options):
    return pair.start_agents(*lines, check="", track=False, **options)


def alarms(agent):
    return {a["id"]: a["text"] for a in agent.status()["alarms"]}


def hooks_of(host):
    """What the hook of RECORD was told."""
    path = host.path("/tmp/told")
    return path.read_text().split() if path.exists() else []


RECORD = 'notify "/tmp/tell" root'


def write_hook(host):
    host.write("/tmp/tell", "#!/bin/sh\necho $3 >>/tmp/told\n", 0o755)


@pytest.mark.parametrize("lease", ["auto", "off"])
def test_master_that_cannot_send_gives_the_vip_up_before_its_peer_takes_it(pair, lease):
    """The watcher judges that no two hosts had it."""
    agents = start(pair, f"vip_lease {lease}")
    at = now()
    mute(pair.master)
    took = pair.watcher.wait_holder(pair.backup, VIP, 5)
    assert pair.watcher.wait_no_holder(pair.master, VIP, 1) < took
    agents["mastersql"].process.wait_log(FAULT, 5)
    assert "adverts cannot be sent" in until(lambda: alarms(agents["mastersql"]).get("fault"), 10, "the alarm")
    # It has the higher priority and tries again, which the other host does not notice.
    until(lambda: len(re.findall(FAULT, agents["mastersql"].process.text())) >= 2, 20, "a second try")
    assert pair.watcher.holders(VIP) == ["backupsql"] and pair.watcher.moves(VIP) == 2
    assert agents["backupsql"].instance()["counters"]["release_master"] == 0
    unmute(pair.master)
    pair.watcher.wait_holder(pair.master, VIP, 30)
    assert not alarms(agents["mastersql"]).get("fault")
    assert pair.watcher.find(at, host="mastersql", event="address", op="add", address=f"{VIP}/32")


def test_lone_master_that_cannot_send_gives_the_vip_up_and_comes_back(pair):
    agent = pair.agent(pair.master, instance(200, track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    mute(pair.master)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    agent.wait_state("FAULT", 5)
    assert "protocol 112" in agent.instance()["faults"][0]
    unmute(pair.master)
    pair.watcher.wait_holder(pair.master, VIP, 20)


def test_of_two_hosts_that_cannot_send_neither_has_the_vip(pair):
    agents = start(pair)
    for host in (pair.backup, pair.master):
        mute(host)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)
    for agent in agents.values():
        agent.process.wait_log(r"(BACKUP|MASTER) -> FAULT \(adverts cannot be sent", 20)
    assert pair.watcher.moves(VIP) == 1 and not pair.watcher.holders(VIP)
    unmute(pair.backup)
    pair.watcher.wait_holder(pair.backup, VIP, 30)
    assert pair.watcher.moves(VIP) == 2


def test_host_that_cannot_send_takes_no_vip_and_runs_no_master_hook(pair):
    for host in (pair.master, pair.backup):
        write_hook(host)
    other = pair.agent(pair.backup, instance(150, RECORD, track=False)).start()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    mute(pair.master)
    agent = pair.agent(pair.master, instance(200, RECORD, track=False)).start()
    until(lambda: hooks_of(pair.master).count("FAULT") >= 2, 30, "two tries")
    assert "MASTER" not in hooks_of(pair.master)
    assert hooks_of(pair.backup) == ["BACKUP", "MASTER"]
    assert pair.watcher.moves(VIP) == 1
    assert other.instance()["state"] == "MASTER" and "claims to be master" not in agent.process.text()


def test_two_adverts_of_three_that_cannot_be_sent_move_nothing(pair):
    agents = start(pair)
    at = now()
    mute(pair.master, "numgen inc mod 3 < 2")
    pair.watcher.wait_adverts(pair.master, 15, 20)
    assert now() - at > LEASE
    unmute(pair.master)
    assert agents["mastersql"].instance()["counters"]["advert_failed"] >= 20
    assert agents["mastersql"].instance()["state"] == "MASTER"
    assert pair.watcher.moves(VIP) == 1
    assert not pair.watcher.find(at, event="address", op="del", address=f"{VIP}/32")


def unicast(priority, host, *peers):
    return instance(priority, f"unicast_src_ip {host.address}", block("unicast_peer", *peers), track=False)


def test_one_peer_of_several_that_cannot_be_sent_to_is_no_fault(pair):
    agent = Sqlvipd(pair.master, pair.build, unicast(200, pair.master, pair.client.address, pair.backup.address)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    at = now()
    mute(pair.master, f"ip daddr {pair.client.address}")
    agent.process.wait_log(r"an advert could not be sent to 192\.168\.1\.50: Operation not permitted", 5)
    until(lambda: now() - at > LEASE, 10, "a lease to pass")
    assert agent.instance()["state"] == "MASTER" and pair.watcher.holders(VIP) == ["mastersql"]
    assert pair.watcher.moves(VIP) == 1
    mute(pair.master)  # all of them
    agent.wait_state("FAULT", 5)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)


def order(pair, host, *words):
    return host.run([pair.build.sqlvipctl, *words])


def test_maintenance_keeps_the_vip_on_an_interface_that_is_set_down(pair):
    agents = start(pair)
    for host in (pair.backup, pair.master):
        order(pair, host, "maintenance", "on")
    at = now()
    pair.master.run(["ip", "link", "set", "eth0", "down"])
    until(lambda: agents["mastersql"].instance()["withheld"], 5, "the fault to be withheld")
    until(lambda: now() - at > LEASE + 1, 10, "a lease to pass")
    assert agents["mastersql"].instance()["state"] == "MASTER"
    pair.master.run(["ip", "link", "set", "eth0", "up"])
    pair.watcher.wait_adverts(pair.master, 5, 10)
    until(lambda: not agents["mastersql"].instance()["faults"], 5, "the faults to be over")
    assert pair.watcher.holders(VIP) == ["mastersql"] and pair.watcher.moves(VIP) == 1


def test_master_in_maintenance_that_cannot_send_gives_way_to_another_that_is_heard(pair):
    agents = start(pair)
    order(pair, pair.master, "maintenance", "on")
    mute(pair.master)
    # The other one is not in maintenance, and hears nobody. Its first advert is what the master goes by.
    pair.watcher.allow_overlap(0.1)
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    agents["mastersql"].process.wait_log(r"maintenance: would give up the addresses: adverts cannot be sent", 1)
    agents["mastersql"].process.wait_log(r"MASTER -> FAULT \(adverts cannot be sent: .*192\.168\.1\.2 has taken over", 5)
    unmute(pair.master)
    agents["mastersql"].wait_state("BACKUP", 20)
    pair.watcher.wait_adverts(pair.backup, 10, 10)
    assert pair.watcher.holders(VIP) == ["backupsql"] and pair.watcher.moves(VIP) == 2


def test_untracked_link_that_is_set_down_is_no_fault(pair):
    agent = pair.agent(pair.master, instance(200, "dont_track_primary", track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    at = now()
    pair.master.run(["ip", "link", "set", "eth0", "down"])
    until(lambda: now() - at > LEASE + 1, 10, "a lease to pass")
    assert agent.instance()["state"] == "MASTER"
    pair.master.run(["ip", "link", "set", "eth0", "up"])
    pair.watcher.wait_adverts(pair.master, 5, 10)
    assert pair.watcher.moves(VIP) == 1
