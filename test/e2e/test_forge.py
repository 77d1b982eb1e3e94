# SPDX-License-Identifier: Apache-2.0
"""The forger of packets itself: what it makes is what keepalived makes, and what it is told to make wrong is wrong."""

from lib.agents import VIP, instance
from lib.forge import Advert, Forge, Hmac, csum, refusals, stays_backup, takes_over
from lib.wait import until

SRC, DOC_VIP, KEY = "192.0.2.11", ("192.0.2.100",), bytes(range(32))
S = 0x6800000080000000


def advert(**fields):
    return Advert(**{"src": SRC, "vips": DOC_VIP, "priority": 100, **fields})


def test_forged_packets_equal_those_of_keepalived():
    """Captured from keepalived, or computed apart from it."""
    vectors = {
        "45c0002800010000ff701887c000020be0000012213364010001b865c00002640000000000000000": advert(version=2),
        "45c0002800010000ff701887c000020be00000122133640101015503c00002643131313100000000":
            advert(version=2, password=b"1111"),
        "45c0002000010000ff70188fc000020be00000123133640100640568c0000264": advert(),
        "45c0002000010000ff703695c000020bc000020c313364010064236ec0000264": advert(dst="192.0.2.12"),
        "45c0002000010000ff703695c000020bc000020c3133640100640568c0000264":
            advert(dst="192.0.2.12", checksum="group"),
    }
    for octets, forged in vectors.items():
        assert forged.packets() == [bytes.fromhex(octets)]
    assert advert(checksum="plain").payload().hex() == "313364010064a802c0000264"
    six = advert(src="fe80::11", vips=("fe80::100", "2001:db8::100"))
    assert six.payload().hex() == ("3133640200643dedfe80000000000000000000000000010020010db8000000000000000000000100")


def test_forged_trailers_equal_the_vectors():
    trailer = "010100006800000080000000f4c8a83d2e233334f3b490a9dfbe6009"
    assert advert(auth=Hmac(KEY, seq=S)).payload().hex() == "3133640100640568c0000264" + trailer
    assert advert(auth=Hmac(KEY, seq=S), checksum="plain").payload().hex() == "313364010064a802c0000264" + trailer
    assert advert(version=2, auth=Hmac(KEY, seq=S + 1)).payload().hex() == (
        "213364010001b865c00002640000000000000000" "010100006800000080000001f6149fd44c2baf214d504122b91747b2")
    assert advert(src="fe80::11", vips=("fe80::100", "2001:db8::100"), auth=Hmac(KEY, seq=S)).payload().hex() == (
        "3133640200648f19fe80000000000000000000000000010020010db8000000000000000000000100"
        "010100006800000080000000146ba026013bb9a6298e3012961a6687")
    assert advert(priority=0, auth=Hmac(KEY, id=7, seq=S + 0xffff)).payload().hex() == (
        "3133000100646968c0000264" "01070000680000008000ffff2de93cde05e033ae530ed0ab8375c425")


def test_fragments_hold_the_whole_packet_once():
    big = advert(tail=bytes(range(256)) * 16, options=b"\1\1\1\0")
    pieces = {}
    for packet in big.packets():
        head = (packet[0] & 0xf) * 4
        assert head == 24 and csum(packet[:head]) == 0 and len(packet) <= 1500
        pieces[(int.from_bytes(packet[6:8], "big") & 0x1fff) * 8] = packet[head:]
    whole = b"".join(pieces[at] for at in sorted(pieces))
    assert whole == big.payload() and len(pieces) == 3


def test_forged_master_is_heeded_and_missed_when_it_is_gone(pair):
    stream = Forge(pair, pair.client).stream(Advert(interval=0.2), every=0.15)
    agent = pair.agent(pair.master, instance(100, track=False, advert="0.2")).start()
    stays_backup(agent, every=0.15)
    assert not refusals(agent.instance())
    stream.kill()
    takes_over(agent)
    pair.watcher.wait_holder(pair.master, VIP, 5)


def test_forger_keeps_up_with_ten_thousand_a_second(pair):
    Forge(pair, pair.client).stream(Advert(vrid=77), every=0.0001)
    first = pair.watcher.wait(5, host="client", event="advert", dir="out", vrid=77)["t"]
    last = pair.watcher.wait(30, host="client", event="advert", dir="out", vrid=77, count=20000)["t"]
    assert last - first < 10


def test_fragments_are_put_together_by_the_other_host(pair):
    agent = pair.agent(pair.master, instance(100, track=False, advert="0.2")).start()
    Forge(pair, pair.client).send(Advert(tail=bytes(60000)))
    until(lambda: agent.instance()["counters"]["wire_rx_trunc"] == 1, 5, "the long packet to be counted")
