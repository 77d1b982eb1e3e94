# SPDX-License-Identifier: Apache-2.0
"""IPv6: adverts, addresses and neighbours, between our own and with Debian's keepalived."""

import ipaddress
import subprocess

import pytest

from lib.agents import Keepalived, Sqlvipd, instance
from lib.wait import now, until

VIP = "2001:db8::100"
LINK = "fe80::100"
VIPS = (LINK, f"{VIP}/64")
PYTHON = "/usr/bin/python3"
# Connects, and waits for a second octet that does not come.
CLIENT = """
import socket, sys
s = socket.create_connection((sys.argv[1], 3307), 10)
print("greeted by", s.recv(1)[0], flush=True)
try:
    print("answered", s.recv(1), flush=True)
except ConnectionResetError:
    print("reset", flush=True)
"""


def config(priority, *lines, vips=VIPS, **options):
    return instance(priority, *lines, vips=vips, track=False, **options)


def addresses(host):
    """The IPv6 addresses of eth0, with what `ip` says of each."""
    out = host.run(["ip", "-6", "-o", "addr", "show", "dev", "eth0"]).stdout
    return {line.split()[3]: line for line in out.splitlines()}


def start(pair, *lines, **options):
    agents = {}
    for host, priority in ((pair.master, 200), (pair.backup, 150)):
        agents[host.name] = Sqlvipd(host, pair.build, config(priority, *lines, **options)).start()
        if host is pair.master:
            pair.watcher.wait_holder(host, VIP, 15)
        else:
            agents[host.name].wait_state("BACKUP", 15)
    return agents


def test_c6_adverts_leave_from_link_local_with_hop_limit_255(pair):
    start(pair)
    pair.watcher.wait_adverts(pair.master, 5, 10)
    own = {ipaddress.ip_address(a.split("/")[0]) for a in addresses(pair.master)}
    for advert in pair.watcher.adverts(pair.master):
        source = ipaddress.ip_address(advert["source"])
        assert source.is_link_local and source in own and str(source) != LINK
        assert (advert["to"], advert["ttl"], advert["version"], advert["count"]) == ("ff02::12", 255, 3, 2)
    done = subprocess.run(["tshark", "-r", pair.watcher.pcap, "-Y", "vrrp && ipv6", "-T", "fields", "-e", "ipv6.tclass",
                           "-e", "eth.dst"], capture_output=True, text=True, timeout=60, check=True)
    assert {tuple(line.split()) for line in done.stdout.splitlines()} == {("0x000000c0", "33:33:00:00:00:12")}


def test_hand_over_moves_all_addresses_and_resets_clients(pair):
    pair.client.run(["ip", "addr", "add", "2001:db8::50/64", "dev", "eth0", "nodad"])
    agents = start(pair)
    for host in (pair.master, pair.backup):
        host.popen([pair.build.tool("mappedlisten"), "3307", str(host.number)], "server").wait_log("listening", 5)
    client = pair.client.popen([PYTHON, "-c", CLIENT, VIP], "client")
    client.wait_log("greeted by 1", 5)
    at = now()
    assert agents["mastersql"].stop() == 0
    took = pair.watcher.wait_holder(pair.backup, VIP, 5)
    resigned = pair.watcher.wait(1, at, host="mastersql", event="advert", dir="out", priority=0)
    assert took - resigned["t"] < 0.2  # Skew_Time, 0.04 s, and not the whole Down time, 0.34 s
    client.wait_log("reset", 5)
    until(lambda: pair.watcher.holders(LINK) == ["backupsql"], 5, "the link-local VIP to follow")
    again = pair.client.popen([PYTHON, "-c", CLIENT, VIP], "client")
    again.wait_log("greeted by 2", 5)
    agents["mastersql"].start()
    pair.watcher.wait_holder(pair.master, VIP, 10)


def test_c46_neighbours_are_told_as_often_as_with_arp(pair):
    Sqlvipd(pair.master, pair.build, config(200, "garp_master_delay 1")).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    for vip in (VIP, LINK):
        told = pair.watcher.wait(5, 0, 10, host="mastersql", event="na", dir="out", address=vip)
        told = pair.watcher.find(host="mastersql", event="na", dir="out", address=vip)
        first = pair.watcher.adverts(pair.master)[0]["t"]
        assert told[0]["t"] >= first
        assert told[4]["t"] - told[0]["t"] < 0.2 and 0.8 < told[5]["t"] - told[0]["t"] < 2
        assert not told[0]["router"]
    pair.watcher.wait_adverts(pair.master, 15, 10)
    assert len(pair.watcher.find(host="mastersql", event="na", dir="out", address=VIP)) == 10


def test_a_forwarding_host_says_that_it_is_a_router(pair):
    pair.master.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth0/forwarding"])
    Sqlvipd(pair.master, pair.build, config(200)).start()
    told = pair.watcher.wait(10, 0, host="mastersql", event="na", dir="out", address=VIP)
    assert told["router"]


def test_c86_addresses_are_as_keepalived_would_add_them(pair):
    vips = (LINK, "2001:db8::100", "2001:db8::101/64 preferred_lft 7000", "2001:db8::102/128 preferred_lft forever",
            "2001:db8::103/64 home noprefixroute")
    Sqlvipd(pair.master, pair.build, config(200, "vip_lease off", vips=vips)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    have = until(lambda: len(a := addresses(pair.master)) >= 5 and a, 5, "all addresses")
    detail = {line.split()[3]: line for line in pair.master.run(
        ["ip", "-6", "-o", "-d", "addr", "show", "dev", "eth0"]).stdout.splitlines()}
    assert "deprecated" in detail["fe80::100/128"] and "nodad" in detail["fe80::100/128"]
    assert "deprecated" in detail["2001:db8::100/128"]
    assert "deprecated" not in detail["2001:db8::102/128"]
    assert "home" in detail["2001:db8::103/64"] and "noprefixroute" in detail["2001:db8::103/64"]
    assert "preferred_lft 7000sec" in pair.master.run(["ip", "-6", "addr", "show", "dev", "eth0"]).stdout, have


def test_duplicate_detection_delays_the_announcement_and_no_more(pair):
    pair.master.run(["sh", "-c", "for f in all eth0; do echo 1 > /proc/sys/net/ipv6/conf/$f/accept_dad; done"])
    agent = Sqlvipd(pair.master, pair.build, config(200, vips=(LINK, f"{VIP}/64 -nodad"))).start()
    agent.wait_state("MASTER", 10)
    told = pair.watcher.wait(10, 0, host="mastersql", event="na", dir="out", address=VIP)
    added = pair.watcher.wait(1, 0, host="mastersql", event="address", op="add", address=f"{VIP}/64")
    assert told["t"] >= added["since"]
    assert agent.instance()["counters"]["vips_restored"] == 0
    assert agent.instance()["state"] == "MASTER"


def test_an_address_under_duplicate_detection_keeps_its_lease(pair):
    """Three probes, a second apart, take longer than the lease."""
    pair.master.run(["sh", "-c", "for f in all eth0; do echo 1 > /proc/sys/net/ipv6/conf/$f/accept_dad; done; "
                     "echo 3 > /proc/sys/net/ipv6/conf/eth0/dad_transmits"])
    agent = Sqlvipd(pair.master, pair.build, config(200, "vip_lease 2", vips=(LINK, f"{VIP}/64 -nodad"))).start()
    agent.wait_state("MASTER", 10)
    pair.watcher.wait(20, 0, host="mastersql", event="na", dir="out", address=VIP)
    assert agent.instance()["counters"]["vips_restored"] == 0
    assert agent.instance()["counters"]["lease_expired"] == 0
    assert "deleted by somebody else" not in agent.process.text()


def test_interface_down_is_fault_and_up_is_recovery(pair):
    """Administrative down takes the IPv6 addresses along, our source among them."""
    agents = start(pair)
    pair.master.run(["ip", "link", "set", "eth0", "down"])
    agents["mastersql"].wait_state("FAULT", 5)
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    pair.master.run(["ip", "link", "set", "eth0", "up"])
    pair.watcher.allow_overlap(0.1)
    pair.watcher.wait_holder(pair.master, VIP, 15)
    until(lambda: {v.split("/")[0] for v in VIPS} <= {a.split("/")[0] for a in addresses(pair.master)}, 5,
          "both addresses to be back")


def test_a_deleted_address_is_put_back_and_announced(pair):
    agents = start(pair)
    at = now()
    pair.master.run(["ip", "addr", "del", f"{VIP}/64", "dev", "eth0"])
    pair.watcher.wait_holder(pair.master, VIP, 5)
    pair.watcher.wait(5, at, 5, host="mastersql", event="na", dir="out", address=VIP)
    until(lambda: agents["mastersql"].instance()["counters"]["vips_restored"] == 1, 5, "the count of it")
    assert agents["backupsql"].instance()["state"] == "BACKUP"


def test_addresses_of_a_killed_agent_are_swept_and_removed_at_the_next_start(pair):
    agent = Sqlvipd(pair.master, pair.build, config(200, "vip_lease off")).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)

    def left():
        return {a.split("/")[0] for a in addresses(pair.master)} & {VIP, LINK}

    agent.kill()
    agent.process.wait(10)
    assert pair.master.run([pair.build.sqlvipd, "-X", "-f", agent.configure()]).returncode == 0
    assert not left()
    for vip in VIPS:
        pair.master.run(["ip", "addr", "add", vip if "/" in vip else f"{vip}/128", "dev", "eth0", "nodad"])
    agent.start()
    removed = pair.watcher.wait(10, host="mastersql", event="address", op="del", address=f"{VIP}/64", count=2)
    pair.watcher.wait_holder(pair.master, VIP, 10)
    assert pair.watcher.adverts(pair.master, since=removed["t"])


def test_ipv4_and_ipv6_share_a_vrid(pair):
    v4 = "192.168.1.100"
    both = [config(p, name="SIX") + instance(p, name="FOUR", track=False) for p in (200, 150)]
    agents = [Sqlvipd(pair.master, pair.build, both[0]).start()]
    for vip in (v4, VIP):
        pair.watcher.wait_holder(pair.master, vip, 10)
    agents.append(Sqlvipd(pair.backup, pair.build, both[1]).start())
    for name in ("SIX", "FOUR"):
        agents[1].wait_state("BACKUP", 10, name=name)
    assert agents[0].stop() == 0
    for vip in (v4, VIP):
        pair.watcher.wait_holder(pair.backup, vip, 5)


@pytest.mark.parametrize("role", ["master", "backup"])
def test_sqlvipd_and_keepalived_hand_over_and_back(pair, role):
    pair.watcher.allow_overlap(0.1)
    ours = pair.master if role == "master" else pair.backup
    # Until the kernel gives it a link-local address, keepalived sends no advert: on a loaded machine that takes seconds.
    for host in (pair.master, pair.backup):
        until(lambda h=host: any(a.startswith("fe80::") for a in addresses(h)), 20, f"a link-local address on {host.name}")
    agents = []
    for host, priority in ((pair.master, 200), (pair.backup, 150)):
        kind = Sqlvipd if host is ours else Keepalived
        agents.append(kind(host, pair.build, config(priority, advert="0.2")).start())
        if host is pair.master:
            pair.watcher.wait_holder(host, VIP, 15)
    pair.watcher.wait_adverts(pair.master, 5, 15)
    assert pair.watcher.holders(VIP) == pair.watcher.holders(LINK) == ["mastersql"]
    assert not pair.watcher.adverts(pair.backup)
    if role == "backup":
        assert not agents[1].instance()["counters"]["addr_list_err"]
    at = now()
    assert agents[0].stop() == 0
    took = pair.watcher.wait_holder(pair.backup, VIP, 10)
    resigned = pair.watcher.wait(1, at, host="mastersql", event="advert", dir="out", priority=0)
    assert took - resigned["t"] < 2 * 0.2  # Skew_Time, and not the whole Down time
    agents[0].start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    until(lambda: pair.watcher.holders(LINK) == ["mastersql"], 5, "the link-local VIP to follow")
