# SPDX-License-Identifier: Apache-2.0
"""What leaves a host, octet for octet, and what is made of unusual packets.

What must leave is made by lib/forge, whose packets are compared with keepalived's in test_forge.py."""

import dataclasses
import struct

import pytest

from lib.agents import VIP, Sqlvipd, block, instance
from lib.forge import Advert, Forge, refusals, stays_backup, takes_over
from lib.wait import until

MASTER, BACKUP, CLIENT = "192.168.1.1", "192.168.1.2", "192.168.1.50"


def frames(pair, host, proto=112):
    """The Ethernet frames with VRRP that this host sent, in order."""
    mac = bytes.fromhex(host.mac().replace(":", ""))
    data = pair.watcher.pcap.read_bytes()
    at, found = 24, []
    while at + 16 <= len(data):
        _, _, size, _ = struct.unpack("<IIII", data[at:at + 16])
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        kind = frame[12:14]
        is_vrrp = kind == b"\x08\x00" and frame[23] == proto or kind == b"\x86\xdd" and frame[20] == proto
        if len(frame) == size and frame[6:12] == mac and is_vrrp:
            found.append(frame)
    return found


def unblanked(frame):
    """Without what no two correct programs agree on: the flow label of IPv6."""
    if frame[12:14] != b"\x86\xdd":
        return frame
    return frame[:14] + bytes([frame[14], frame[15] & 0xf0, 0, 0]) + frame[18:]


def first(**fields):
    return Advert(src=MASTER, priority=255, **fields)


VIPS20 = tuple(f"192.168.1.{n}" for n in range(100, 120))
UNICAST = block("unicast_peer", BACKUP)
CASES = {
    "c1_v2": (dict(version=2, advert="1"), first(version=2)),
    "c2_password": (dict(version=2, advert="1", password="1111"), first(version=2, password=b"1111")),
    "c3_long_password_is_cut": (dict(version=2, advert="1", password="secret123"),
                                first(version=2, password=b"secret12")),
    "c5_v3": (dict(), first(interval=0.1)),
    "c5_v3_checksum_as_v2": (dict(more=["v3_checksum_as_v2"]), first(interval=0.1, checksum="plain")),
    "c5_unicast": (dict(more=[UNICAST]), first(interval=0.1, dst=BACKUP)),
    "c5_old_unicast_checksum": (dict(more=[UNICAST, "old_unicast_checksum"]),
                                first(interval=0.1, dst=BACKUP, checksum="group")),
    "c7_longest_interval": (dict(advert="40.95"), first(interval=40.95)),
    "c11_file_order_without_the_excluded": (
        dict(vips=("192.168.1.103", VIP, "192.168.1.101"),
             more=[block("virtual_ipaddress_excluded", "192.168.1.102", "2001:db8::1")]),
        first(interval=0.1, vips=("192.168.1.103", VIP, "192.168.1.101"))),
    "c12_twenty": (dict(vips=VIPS20), first(interval=0.1, vips=VIPS20)),
    "unicast_ttl": (dict(more=[UNICAST, "unicast_ttl 7"]), first(interval=0.1, dst=BACKUP, ttl=7)),
    "unicast_ttl_means_nothing_on_multicast": (dict(more=["unicast_ttl 7"]), first(interval=0.1)),
}


@pytest.mark.parametrize("name", CASES)
def test_first_adverts_are_those_of_keepalived_octet_for_octet(pair, name):
    """C1-C3, C5, C7-C12: MAC, IP header with identification from 1 on, message."""
    options, expected = CASES[name]
    options = dict(options)
    if expected.checksum != "pseudo":
        pair.watcher.judge_packets = lambda: None  # tshark knows but one checksum at a time
    Sqlvipd(pair.master, pair.build, instance(255, *options.pop("more", ()), state="MASTER", track=False,
                                              **options)).start()
    count = 1 if options.get("advert") == "40.95" else 3
    sent = until(lambda: (f := frames(pair, pair.master))[count - 1:] and f, 20, "adverts")
    own = bytes.fromhex(pair.master.mac().replace(":", ""))
    dst_mac = pair.backup.mac() if expected.dst else None
    for i in range(count):
        forged = dataclasses.replace(expected, ip_id=i + 1, dst_mac=dst_mac).frames(own)
        assert [sent[i].hex()] == [f.hex() for f in forged]


def test_c6_ipv6_adverts_are_those_of_keepalived_octet_for_octet(pair):
    vips = ("fe80::100", "2001:db8::100")
    pair.master.run(["ip", "addr", "add", "fe80::11/64", "dev", "eth0", "nodad"])
    agent = Sqlvipd(pair.master, pair.build, instance(255, "mcast_src_ip fe80::11", state="MASTER", track=False,
                                                      vips=vips)).start()
    sent = until(lambda: (f := frames(pair, pair.master))[2:] and f, 20, "adverts")
    own = bytes.fromhex(pair.master.mac().replace(":", ""))
    forged = Advert(src="fe80::11", priority=255, interval=0.1, vips=vips).frames(own)
    for frame in sent[:3]:
        assert [unblanked(frame).hex()] == [f.hex() for f in forged]
    assert agent.status()["instances"][0]["source"] == "fe80::11"


@pytest.mark.parametrize("hmac", [False, True], ids=["plain", "auth_hmac"])
def test_c14_unicast_sends_one_copy_to_each_peer(pair, hmac):
    """Each interval one to each, the same but for the destination and what covers that: the trailer does not."""
    pair.add("third", "192.168.1.3")
    peers = (BACKUP, CLIENT, "192.168.1.3")
    signed = block("auth_hmac", f"key 1 hex:{bytes(range(32)).hex()}", "active_key 1") if hmac else ""
    Sqlvipd(pair.master, pair.build, instance(255, block("unicast_peer", *peers), signed, state="MASTER",
                                              track=False)).start()
    sent = until(lambda: (f := frames(pair, pair.master))[11:] and f, 20, "adverts")
    rounds = {}
    for frame in sent[:12]:
        ip_id = struct.unpack("!H", frame[18:20])[0]
        rounds.setdefault(ip_id, []).append(".".join(map(str, frame[30:34])))
    assert rounds == {i: list(peers) for i in range(1, 5)}
    assert {len(frame) for frame in sent[:12]} == {14 + 20 + 12 + (28 if hmac else 0)}
    for at in range(0, 12, 3):
        bodies = {frame[34:40] + frame[42:] for frame in sent[at:at + 3]}
        assert len(bodies) == 1, "the copies differ beside destination and checksum"


def dut(pair, *lines, **options):
    """A backup that hears nobody yet: its Down time is longer than it takes to make somebody speak."""
    agent = Sqlvipd(pair.backup, pair.build, instance(150, *lines, track=False, **{"advert": "1", **options})).start()
    agent.wait_state("BACKUP", 10)  # a link-local address takes a second until it may be used
    return agent


def heeding(pair, forged, *lines):
    """A backup that hears `forged` from its start on and stays one. Half a second is the interval of both."""
    Forge(pair, pair.client).stream(dataclasses.replace(forged, interval=0.5), every=0.3)
    agent = dut(pair, *lines, advert="0.5")
    stays_backup(agent, every=0.3)
    return agent


@pytest.mark.parametrize("forged", [
    pytest.param(Advert(), id="c15_right"),
    pytest.param(Advert(rsvd=0xf), id="c8_reserved_bits"),
    pytest.param(Advert(checksum="plain"), id="c20_other_dialect"),
    pytest.param(Advert(vips=(VIP, "192.168.1.101")), id="c30_two_addresses"),
    pytest.param(Advert(vips=("192.168.1.101",)), id="c30_another_address"),
    pytest.param(Advert(options=b"\x01\x01\x01\x01"), id="c39_ip_options"),
])
def test_adverts_that_are_unusual_and_right_hold_a_backup_back(pair, forged):
    agent = heeding(pair, forged)
    counters = agent.instance()["counters"]
    assert not refusals(agent.instance())
    assert bool(counters["csum_alt"]) == (forged.checksum == "plain")
    assert bool(counters["addr_list_err"]) == (forged.vips != (VIP,))


def test_skip_check_adv_addr_leaves_other_addresses_uncounted(pair):
    agent = heeding(pair, Advert(vips=("192.168.1.101",)), "skip_check_adv_addr")
    assert agent.instance()["counters"]["addr_list_err"] <= 1  # the first, when nobody was master yet


@pytest.mark.parametrize("family", [4, 6])
def test_c37_unicast_is_nothing_to_a_multicast_instance(pair, family):
    vips = (VIP,) if family == 4 else ("fe80::100",)
    agent = dut(pair, vips=vips)
    own = agent.instance()["source"]
    src = CLIENT if family == 4 else "fe80::50"
    Forge(pair, pair.client).stream(Advert(src=src, dst=own, dst_mac=pair.backup.mac(), vips=vips))
    takes_over(agent)


@pytest.mark.parametrize("family", [4, 6])
def test_c37_multicast_is_nothing_to_a_unicast_instance(pair, family):
    vips, src = ((VIP,), CLIENT) if family == 4 else (("fe80::100",), "fe80::50")
    agent = dut(pair, block("unicast_peer", src), vips=vips)
    Forge(pair, pair.client).stream(Advert(src=src, vips=vips))
    takes_over(agent)


def to_backup(pair, **fields):
    return Advert(dst=BACKUP, dst_mac=pair.backup.mac(), **fields)


@pytest.mark.parametrize("check", ["check_unicast_src", "min_ttl"])
def test_c36_strangers_are_ignored_where_peers_are_checked(pair, check):
    peer = "192.168.1.3 min_ttl 200" if check == "min_ttl" else "192.168.1.3"
    agent = dut(pair, block("unicast_peer", peer), check if check != "min_ttl" else "")
    Forge(pair, pair.client).stream(to_backup(pair))
    takes_over(agent, counter="unknown_peer")


def test_c36_strangers_are_heard_where_they_are_not(pair):
    heeding(pair, to_backup(pair), block("unicast_peer", "192.168.1.3"))


@pytest.mark.parametrize("ttl", [255, 254])
def test_c36_a_peers_ttl_must_be_in_its_range(pair, ttl):
    peer, forged = block("unicast_peer", f"{CLIENT} min_ttl 255"), to_backup(pair, ttl=ttl)
    if ttl == 255:
        heeding(pair, forged, peer)
    else:
        agent = dut(pair, peer)
        Forge(pair, pair.client).stream(forged)
        takes_over(agent, counter="ip_ttl_err")


@pytest.mark.parametrize("family", [4, 6])
def test_c38_adverts_from_our_own_address_are_ignored_as_backup_too(pair, family):
    vips = (VIP,) if family == 4 else ("fe80::100",)
    agent = dut(pair, vips=vips)
    Forge(pair, pair.client).stream(Advert(src=agent.instance()["source"], vips=vips))
    # Of IPv4 the kernel itself drops what claims to be from an address of this host.
    takes_over(agent, counter="own_src" if family == 6 else None)


def test_c39_odd_packets_do_no_harm(pair):
    """One octet, 64 KiB in fragments, a lone fragment, a header that lies about its length."""
    agent = dut(pair)
    rogue = Forge(pair, pair.client)
    big = tuple(f"10.{n // 256}.{n % 256}.1" for n in range(255))
    rogue.send(Advert(message=b""), Advert(message=b"\x31"), Advert(message=bytes(65000)),
               Advert(message=b"\x31\x33" + bytes(65000)), Advert(fragment=0x2000), Advert(fragment=0x0010),
               Advert(count=255), Advert(total_length=20), Advert(total_length=24), Advert(vips=big), count=20)
    Forge(pair, pair.client).stream(Advert())
    stays_backup(agent)
    assert agent.process.alive


def test_c39_odd_ipv6_packets_do_no_harm(pair):
    agent = dut(pair, vips=("fe80::100",))
    rogue = Forge(pair, pair.client)
    six = Advert(src="fe80::50", vips=("fe80::100",))
    odd = [dict(message=b"\x31"), dict(count=255), dict(count=0), dict(cut=7), dict(tail=b"x"), dict(ttl=254),
           dict(version=2), dict(vips=()), dict(flip=((6, 1),))]
    rogue.send(*(dataclasses.replace(six, **fields) for fields in odd), count=20)
    seen = until(lambda: (r := refusals(agent.instance())).get("chk_err", 0) >= 20 and r, 10, "all packets to be judged")
    assert {"packet_len_err", "ip_ttl_err", "vers_err", "chk_err", "addr_count_zero"} <= set(seen), seen
    rogue.stream(six)
    stays_backup(agent)


def test_unknown_routers_are_counted_and_logged_only_on_demand(pair):
    for lines in ("", block("global_defs", "log_unknown_vrids")):
        agent = Sqlvipd(pair.backup, pair.build, lines + instance(150, track=False, advert="1")).start()
        Forge(pair, pair.client).send(Advert(vrid=77), count=5)
        until(lambda: agent.instance()["counters"]["wire_vrid_err"] >= 5, 5, "the packets to be counted")
        agent.stop()  # and all that it had to say is written
        assert ("virtual router 77" in agent.process.text()) == bool(lines)
