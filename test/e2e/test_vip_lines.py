# SPDX-License-Identifier: Apache-2.0
"""What an address line may say, and the lists of addresses: excluded ones, none, many, secondaries."""

import pytest

from lib.agents import VIP, Sqlvipd, block, instance
from lib.wait import now, until

SIX = "2001:db8::9"


def addresses(host, *options):
    """What `ip` says of each address of eth0, by address with length."""
    out = host.run(["ip", *options, "-o", "addr", "show", "dev", "eth0"]).stdout
    return {line.split()[3]: line for line in out.splitlines()}


def start(pair, *lines, **options):
    """Both hosts; mastersql is master."""
    agents = []
    for host, priority in ((pair.master, 200), (pair.backup, 150)):
        agents.append(Sqlvipd(host, pair.build, instance(priority, *lines, track=False, **options)).start())
        if host is pair.master:
            pair.watcher.wait_holder(host, VIP, 15)
    agents[1].wait_state("BACKUP", 15)
    return agents


def test_c11_excluded_addresses_come_and_go_and_are_announced_but_not_advertised(pair):
    excluded = ("192.168.7.7/24", SIX)
    agents = start(pair, block("virtual_ipaddress_excluded", *excluded))
    for vip, event in (("192.168.7.7", "garp"), (SIX, "na")):
        pair.watcher.wait_holder(pair.master, vip, 5)
        pair.watcher.wait(5, 0, 5, host="mastersql", event=event, dir="out", address=vip)
    assert {a["count"] for a in pair.watcher.adverts(pair.master)} == {1}
    assert [(v["address"], v["advertised"]) for v in agents[0].instance()["vips"]] == [
        (f"{VIP}/32", True), ("192.168.7.7/24", False), (f"{SIX}/128", False)]
    assert agents[0].stop() == 0
    for vip in (VIP, "192.168.7.7", SIX):
        pair.watcher.wait_holder(pair.backup, vip, 5)
    assert not agents[1].instance()["counters"]["addr_list_err"]


def test_excluded_address_is_put_back_too(pair):
    agents = start(pair, block("virtual_ipaddress_excluded", f"{SIX}/64"))
    pair.watcher.wait_holder(pair.master, SIX, 5)
    pair.master.run(["ip", "addr", "del", f"{SIX}/64", "dev", "eth0"])
    until(lambda: agents[0].instance()["counters"]["vips_restored"] == 1, 5, "it to be put back")
    pair.watcher.wait_holder(pair.master, SIX, 5)


def test_an_instance_without_advertised_addresses_elects_all_the_same(pair):
    only = instance(200, "no_virtual_ipaddress", block("virtual_ipaddress_excluded", VIP), track=False)
    only = only.replace("    virtual_ipaddress {\n        " + VIP + "\n    }\n", "")
    agents = [Sqlvipd(pair.master, pair.build, only).start()]
    pair.watcher.wait_holder(pair.master, VIP, 10)
    agents.append(Sqlvipd(pair.backup, pair.build, only.replace("priority 200", "priority 150")).start())
    agents[1].wait_state("BACKUP", 10)
    assert {a["count"] for a in pair.watcher.adverts(pair.master)} == {0}
    assert agents[0].stop() == 0
    pair.watcher.wait_holder(pair.backup, VIP, 5)


def test_c86_options_of_ipv4_addresses(pair):
    vips = (VIP, "10.9.8.7/16 brd + scope link label eth0:db", "10.8.7.7/16 brd - noprefixroute",
            "10.7.7.7 peer 10.7.7.8")
    agents = start(pair, "vip_lease off", vips=vips)
    have = until(lambda: len(a := addresses(pair.master, "-4", "-d")) >= 5 and a, 5, "all addresses")
    assert "scope global" in have[f"{VIP}/32"] and "brd" not in have[f"{VIP}/32"]
    assert "brd 10.9.255.255" in have["10.9.8.7/16"] and "scope link" in have["10.9.8.7/16"]
    assert "eth0:db" in have["10.9.8.7/16"]
    assert "brd 10.8.0.0" in have["10.8.7.7/16"] and "noprefixroute" in have["10.8.7.7/16"]
    assert "peer 10.7.7.8/32" in have["10.7.7.7"]
    assert agents[0].stop() == 0
    pair.watcher.wait_holder(pair.backup, "10.7.7.7", 5)
    assert set(addresses(pair.master, "-4")) == {"192.168.1.1/24"}


def promotes(host):
    """The kernel's switch."""
    return host.run(["cat", "/proc/sys/net/ipv4/conf/eth0/promote_secondaries"]).stdout.strip()


def promote_nothing(host):
    host.run(["sh", "-c", "echo 0 > /proc/sys/net/ipv4/conf/eth0/promote_secondaries; "
              "echo 0 > /proc/sys/net/ipv4/conf/all/promote_secondaries"])


@pytest.mark.parametrize("promote", [True, False])
def test_c86_secondaries_stay_when_the_primary_goes_if_they_are_promoted(pair, promote):
    """The VIP has the subnet of the host's addresses, of which the first is removed."""
    promote_nothing(pair.master)
    pair.master.run(["ip", "addr", "add", "192.168.1.7/24", "dev", "eth0"])
    agents = start(pair, "promote_secondaries" if promote else "", "vip_lease off", vips=(f"{VIP}/24",))
    assert promotes(pair.master) == ("1" if promote else "0")
    at = now()
    pair.master.run(["ip", "addr", "del", "192.168.1.1/24", "dev", "eth0"])
    if promote:
        agents[0].process.wait_log("adverts leave from 192.168.1.7", 5)
        pair.watcher.wait_adverts(pair.master, 5, 5)
        assert pair.watcher.holders(VIP) == ["mastersql"]
        assert not pair.watcher.find(since=at, host="mastersql", event="address", op="del", address=f"{VIP}/24")
        assert agents[0].instance()["state"] == "MASTER"
    else:
        pair.watcher.wait_holder(pair.backup, VIP, 10)
    assert agents[0].stop() == 0
    assert promotes(pair.master) == "0"


def promoting(vrid, vip, name="VI_1"):
    return instance(200, "promote_secondaries", name=name, vrid=vrid, vips=(vip,), track=False)


def reload(pair, agent, config):
    """What leaves by it has gone ten adverts after that: it is looked for ten times a second."""
    agent.configure(config)
    pair.master.run([pair.build.sqlvipctl, "reload"])
    pair.watcher.wait(10, now(), 10, host="mastersql", event="advert", dir="out")


def test_secondaries_are_promoted_on_when_a_reload_replaces_the_instance(pair):
    promote_nothing(pair.master)
    agent = pair.agent(pair.master, promoting(51, VIP)).start()
    agent.wait_state("MASTER", 10)
    assert promotes(pair.master) == "1"
    reload(pair, agent, promoting(52, VIP))
    agent.wait_state("MASTER", 10)
    assert promotes(pair.master) == "1"
    assert agent.stop() == 0
    assert promotes(pair.master) == "0"


def test_secondaries_are_promoted_until_the_last_that_wants_it_goes(pair):
    promote_nothing(pair.master)
    plain = instance(200, name="VI_3", vrid=53, vips=("192.168.1.102",), track=False)
    first, second = promoting(51, VIP), promoting(52, "192.168.1.101", "VI_2")
    agent = pair.agent(pair.master, first + second + plain).start()
    for name in ("VI_1", "VI_2", "VI_3"):
        agent.wait_state("MASTER", 10, name)
    assert promotes(pair.master) == "1"
    reload(pair, agent, second + plain)
    assert promotes(pair.master) == "1"
    reload(pair, agent, second.replace("promote_secondaries", "promote_secondaries off") + plain)
    assert promotes(pair.master) == "0"


def test_c12_c87_hundreds_of_addresses_come_at_once(pair):
    """20 advertised, 500 excluded. How long it takes exactly is the bench's matter."""
    advertised = (VIP, *(f"192.168.2.{n}" for n in range(1, 20)))
    excluded = [f"10.1.{n // 250}.{n % 250 + 1}" for n in range(500)]
    agents = start(pair, block("virtual_ipaddress_excluded", *excluded), vips=advertised)
    wanted = {f"{a}/32" for a in (*advertised, *excluded)}
    first = pair.watcher.adverts(pair.master)[0]["t"]
    until(lambda: {p.address for p in pair.watcher.periods() if p.end is None} >= wanted, 10, "all to be there")
    assert max(p.start for p in pair.watcher.periods() if p.address in wanted) - first < 1
    assert {a["count"] for a in pair.watcher.adverts(pair.master)} == {20}
    at = now()
    assert agents[0].stop() == 0
    until(lambda: {p.address for p in pair.watcher.periods() if p.end is None and p.host == "backupsql"} >= wanted, 10,
          "all to have moved")
    gone = [p.end for p in pair.watcher.periods() if p.host == "mastersql" and p.address in wanted]
    assert None not in gone and max(gone) - at < 1


def test_adverts_hold_as_many_addresses_as_the_mtu_allows(pair):
    """Those beyond are held all the same."""
    vips = tuple(f"fe80::{n:x}" for n in range(0x100, 0x100 + 100))
    agent = Sqlvipd(pair.master, pair.build, instance(200, vips=vips, track=False)).start()
    agent.wait_state("MASTER", 10)
    until(lambda: all(v["present"] for v in agent.instance()["vips"]), 10, "all addresses")
    assert {a["count"] for a in pair.watcher.adverts(pair.master)} == {(1500 - 40 - 8) // 16}
    assert sum(v["advertised"] for v in agent.instance()["vips"]) == (1500 - 40 - 8) // 16
    agent.process.wait_log("hold 90 of the 100 addresses", 10)
