# SPDX-License-Identifier: Apache-2.0
"""The addresses: as configured, put back, announced, and gone when they should be."""

import pytest

from lib.agents import VIP, block, instance
from lib.wait import now, until


def start(pair, *lines, **options):
    return pair.start_agents(*lines, check="", track=False, **options)


def test_deleted_vip_is_put_back_and_announced(pair):
    agents = start(pair)
    at = now()
    pair.master.run(["ip", "addr", "del", f"{VIP}/32", "dev", "eth0"])
    pair.watcher.wait(2, at, host="mastersql", event="address", op="add", address=f"{VIP}/32")
    pair.watcher.wait(2, at, host="client", event="garp", dir="in", address=VIP)
    pair.watcher.wait_adverts(pair.master, 10, 5)
    assert agents["backupsql"].instance()["state"].upper() == "BACKUP"
    assert pair.watcher.holders(VIP) == ["mastersql"]
    assert not pair.watcher.adverts(pair.master, priority=0)


def test_vip_deleted_the_moment_it_appears_is_put_back(pair):
    agent = pair.agent(pair.master, instance(200, track=False))
    thief = pair.master.popen(["sh", "-c", f"until ip addr del {VIP}/32 dev eth0; do :; done"], "thief")
    agent.start()
    assert thief.wait(15) == 0
    pair.watcher.wait(5, event="address", op="del", address=f"{VIP}/32")
    pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.watcher.wait_adverts(pair.master, 5, 5)
    assert pair.watcher.holders(VIP) == ["mastersql"]


def test_flush_of_many_vips_is_one_incident(pair):
    vips = (VIP, *(f"192.168.2.{n}" for n in range(1, 9)))
    agents = start(pair, vips=vips)
    # They are back so soon that `ip` may complain that its work does not end.
    pair.master.run(["ip", "addr", "flush", "dev", "eth0", "to", "192.168.2.0/24"], check=False)
    for vip in vips:
        pair.watcher.wait_holder(pair.master, vip, 5)
    pair.watcher.wait_adverts(pair.master, 10, 5)
    assert not pair.watcher.adverts(pair.master, priority=0)
    assert agents["mastersql"].instance()["state"] == "MASTER"


def test_each_of_many_vips_deleted_at_once_is_put_back_once(pair):
    vips = [f"192.168.2.{n}" for n in range(1, 20)]
    agent = start(pair, vips=(VIP, *vips))["mastersql"]
    at = now()
    pair.master.run(["ip", "-batch", "-"], input="".join(f"addr del {vip}/32 dev eth0\n" for vip in vips))
    for vip in vips:
        pair.watcher.wait(5, at, host="mastersql", event="address", op="add", address=f"{vip}/32")
    pair.watcher.wait_adverts(pair.master, 10, 5)
    assert agent.instance()["counters"]["vips_restored"] == 19


def test_vip_deleted_again_and_again_goes_to_the_other_host_and_stays_there_until_a_reload(pair):
    agents = start(pair)
    agent = agents["mastersql"]
    for _ in range(6):
        pair.watcher.wait_adverts(pair.master, 12, 10)  # more than a second: an incident of its own
        pair.master.run(["ip", "addr", "del", f"{VIP}/32", "dev", "eth0"])
        until(lambda: pair.watcher.holders(VIP), 5, "somebody to hold the VIP")
    pair.watcher.wait(5, host="mastersql", event="advert", dir="out", priority=0)
    agent.process.wait_log(r"too often to be put back; trying again in 5 s", 5)
    agent.process.wait_log(r"MASTER -> FAULT \(.*deleted by somebody else", 5)
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    assert agent.instance()["faults"] == ["others delete the addresses again and again"]
    pair.master.run([agent.build.sqlvipctl, "reload"])
    agent.process.wait_log(r"FAULT -> BACKUP \(trying again", 5)
    pair.watcher.wait_holder(pair.master, VIP, 10)


def test_vip_that_cannot_be_put_back_goes_to_the_other_host(pair):
    """A master that stays one without its addresses would keep everybody from having them."""
    start(pair, block("virtual_ipaddress_excluded", "2001:db8::100"))
    pair.master.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"])
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    pair.watcher.wait_no_holder(pair.master, VIP, 5)


def test_vip_that_cannot_be_put_back_in_maintenance_moves_the_others_afterwards(pair):
    agents = start(pair, block("virtual_ipaddress_excluded", "2001:db8::100"))
    order = [agents["mastersql"].build.sqlvipctl, "maintenance"]
    pair.master.run([*order, "on"])
    pair.master.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"])
    agents["mastersql"].process.wait_log(r"could not be put back", 10)
    pair.watcher.wait_adverts(pair.master, 10, 10)
    assert pair.watcher.holders(VIP) == ["mastersql"]
    pair.master.run([*order, "off"])
    pair.watcher.wait_holder(pair.backup, VIP, 10)


def test_host_that_cannot_add_its_addresses_leaves_the_other_in_peace_longer_each_time(pair):
    six = block("virtual_ipaddress_excluded", "2001:db8::100")
    other = pair.agent(pair.backup, instance(150, six, track=False)).start()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    pair.master.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"])
    agent = pair.agent(pair.master, instance(200, six, track=False)).start()
    for seconds in (5, 10, 20):
        agent.process.wait_log(f"the addresses cannot be added: .*; trying again in {seconds} s", 40)
        pair.watcher.wait_holder(pair.backup, VIP, 5)
    assert agent.instance()["counters"]["become_master"] == 3
    assert other.instance()["counters"]["become_master"] == 4


def add_device(host):
    host.run(["ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1b"])
    host.run(["ip", "link", "set", "eth1b", "up"])
    host.run(["ip", "link", "set", "eth1", "up"])


ON_ETH1 = "192.168.7.7"


def test_host_without_the_device_of_an_address_does_not_ask_for_the_others(pair):
    config = {"vips": (VIP, f"{ON_ETH1} dev eth1"), "track": False}
    add_device(pair.backup)
    other = pair.agent(pair.backup, instance(150, **config)).start()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    agent = pair.agent(pair.master, instance(200, **config)).start()
    pair.watcher.wait_adverts(pair.backup, 20, 10)  # several times the down timer
    assert agent.instance()["faults"] == ["interface eth1, which an address belongs on, is missing"]
    assert not pair.watcher.adverts(pair.master)
    assert other.instance()["counters"]["become_master"] == 1
    add_device(pair.master)
    pair.watcher.wait_holder(pair.master, ON_ETH1, 10)
    pair.watcher.wait_holder(pair.master, VIP, 5)


def test_vip_whose_device_vanishes_takes_the_others_to_the_other_host(pair):
    for host in (pair.master, pair.backup):
        add_device(host)
    agent = start(pair, vips=(VIP, f"{ON_ETH1} dev eth1"))["mastersql"]
    pair.watcher.wait_holder(pair.master, ON_ETH1, 5)
    pair.master.run(["ip", "link", "del", "eth1"])
    agent.process.wait_log(r"MASTER -> FAULT \(interface eth1, which an address belongs on, is missing", 5)
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    pair.watcher.wait_holder(pair.backup, ON_ETH1, 5)
    assert "deleted by somebody else" not in agent.process.text()
    add_device(pair.master)
    pair.watcher.wait_holder(pair.master, ON_ETH1, 10)
    pair.watcher.wait_holder(pair.master, VIP, 5)


def test_untracked_address_whose_device_is_missing_is_left_out(pair):
    agent = pair.agent(pair.master, instance(200, vips=(VIP, f"{ON_ETH1} dev eth1 no_track"), track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    assert agent.instance()["faults"] == []


def test_vips_have_the_attributes_that_were_configured(pair):
    vips = (VIP, "192.168.1.101/24 dev eth0 label eth0:db", "10.9.8.7/16 brd 10.9.255.255 scope link")
    start(pair, vips=vips)
    shown = pair.master.run(["ip", "-4", "-o", "addr", "show", "dev", "eth0"]).stdout
    until(lambda: len(pair.master.addresses()) == 4, 5, "three VIPs")
    shown = pair.master.run(["ip", "-4", "-o", "addr", "show", "dev", "eth0"]).stdout.replace(" dynamic", "")
    assert "inet 192.168.1.100/32 scope global eth0" in shown
    assert "inet 192.168.1.101/24 scope global secondary eth0:db" in shown
    assert "inet 10.9.8.7/16 brd 10.9.255.255 scope link eth0" in shown


def test_hundreds_of_vips_move_together(pair):
    vips = [f"192.168.{2 + n // 100}.{n % 100 + 1}/32" for n in range(200)]
    agents = start(pair, vips=(VIP, *vips[:19]), priorities=(200, 150))
    assert agents  # v2 and v3 adverts may list 255; a whole file of them is below
    agents["mastersql"].stop()
    took = pair.watcher.wait_holder(pair.backup, VIP, 5)
    until(lambda: len(pair.watcher.holders(vips[18].split("/")[0])) == 1, 5, "the last VIP")
    pair.watcher.wait_holder(pair.backup, vips[18].split("/")[0], 5)
    assert took


def test_two_hundred_vips_of_one_instance_come_and_go(pair):
    vips = [f"192.168.{2 + n // 100}.{n % 100 + 1}/32" for n in range(200)]
    agent = pair.agent(pair.master, instance(200, track=False, vips=vips)).start()
    until(lambda: len(pair.watcher.periods()) == 200, 10, "200 addresses")
    agent.wait_state("MASTER", 5)
    assert all(vip["present"] for vip in agent.instance()["vips"])
    assert agent.stop() == 0
    until(lambda: all(p.end for p in pair.watcher.periods()), 5, "all of them to be gone")
    assert pair.master.addresses() == ["192.168.1.1/24"]


def test_stale_vip_is_removed_at_start(pair):
    pair.master.run(["ip", "addr", "add", f"{VIP}/32", "dev", "eth0"])
    agent = pair.agent(pair.master, instance(200, track=False)).start()
    first = pair.watcher.wait(5, host="mastersql", event="advert", dir="out")
    assert pair.watcher.find(host="mastersql", event="address", op="del", address=f"{VIP}/32")[0]["t"] < first["t"]
    agent.wait_state("MASTER", 5)
    pair.watcher.wait_holder(pair.master, VIP, 5)


def test_taken_vip_is_announced_five_times_at_once(pair):
    start(pair, "garp_master_delay 1")
    taken = pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.watcher.wait(5, taken - 1, 5, host="mastersql", event="garp", dir="out", address=VIP)
    pair.watcher.wait(5, taken + 0.9, 5, host="mastersql", event="garp", dir="out", address=VIP)
    mac = pair.master.run(["cat", "/proc/self/net/arp"]) and pair.watcher.find(event="garp", host="mastersql")[0]["mac"]
    assert mac in pair.master.run(["ip", "link", "show", "eth0"]).stdout


def test_advert_precedes_the_address_and_the_announcement_follows_it(pair):
    start(pair)
    added = pair.watcher.find(host="mastersql", event="address", op="add", address=f"{VIP}/32")[0]
    advert = pair.watcher.adverts(pair.master)[0]
    garp = pair.watcher.wait(5, host="mastersql", event="garp", dir="out", address=VIP)
    assert advert["t"] <= added["t"]
    assert added["since"] <= garp["t"]


@pytest.mark.parametrize("version", [2, 3])
def test_host_keeps_its_own_address_when_the_vip_goes(pair, version):
    agent = pair.agent(pair.master, instance(200, track=False, version=version, advert="1" if version == 2 else "0.1",
                                             vips=(f"{VIP}/24",))).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    agent.stop()
    assert pair.master.addresses() == ["192.168.1.1/24"]
