# SPDX-License-Identifier: Apache-2.0
"""Somebody on the segment without a key, and with time on his hands: adverts stay on time, nothing moves, and the log
stays readable."""

import re

import pytest

from lib.agents import VIP, block, instance
from lib.forge import Advert, Forge, Hmac
from lib.wait import now, until

LATE = 0.25  # what a busy machine may add to an advert; a backup would wait for two more
KEY, OTHER = bytes(range(32)), bytes(range(32, 64))
SIGNED = block("auth_hmac", f"key 1 hex:{KEY.hex()}")


def gaps(pair, host, since):
    times = [e["t"] for e in pair.watcher.adverts(host, since)]
    return [b - a for a, b in zip(times, times[1:])]


@pytest.mark.soak
def test_c40_wrong_passwords_do_not_silence_a_master(pair, soak):
    seconds = soak(6, 60)
    agent = pair.agent(pair.master, instance(200, version=2, advert="1", password="secret12", track=False)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    since = now()
    Forge(pair, pair.client).stream(Advert(version=2, priority=250, password=b"another1"), every=0.1)
    pair.watcher.wait_adverts(pair.master, seconds, seconds + 10)
    assert max(gaps(pair, pair.master, since)) < 1 + LATE
    assert agent.instance()["counters"]["auth_failure"] > 8 * (seconds - 2)
    assert pair.watcher.holders(VIP) == [pair.master.name] and pair.watcher.moves(VIP) == 1


def rubbish():
    """One of each reason, all cheap to send."""
    return [
        Advert(ttl=254), Advert(version=2), Advert(type=2), Advert(flip=((6, 1),)), Advert(cut=2), Advert(interval=0),
        Advert(vips=()), Advert(src="192.168.1.1"), Advert(auth=Hmac(OTHER, seq=1)), Advert(message=b"\x31\x33"),
    ]


@pytest.mark.soak
@pytest.mark.parametrize("state", ["master", "backup"])
def test_c41_ten_thousand_wrong_adverts_a_second_change_nothing(pair, soak, state):
    seconds = soak(4, 30)
    agents = pair.start_agents(check="", track=False, advert="0.2")
    victim = agents["mastersql" if state == "master" else "backupsql"]
    since = now()
    rogue = Forge(pair, pair.client)
    mac = victim.host.mac()
    stream = rogue.stream(*(Advert(**{**a.__dict__, "dst_mac": mac}) for a in rubbish()), every=0.001)
    before = victim.instance()["counters"]
    pair.watcher.wait_adverts(pair.master, 5 * seconds, 3 * seconds + 10)
    stream.kill()
    counters = victim.instance()["counters"]
    heard = sum(counters[k] - before[k] for k in
                ("ip_ttl_err", "vers_err", "invalid_type_rcvd", "chk_err", "packet_len_err", "advert_interval_zero",
                 "addr_count_zero"))
    assert heard > 1000 * seconds, "the flood was none"
    worst = max(gaps(pair, pair.master, since))
    assert worst < 0.2 + LATE, f"{1000 * worst:.0f} ms between two adverts"
    assert pair.watcher.moves(VIP) == 1
    lines = victim.process.text().count("refused an advert")
    elapsed = now() - since
    assert lines <= 10 * (elapsed + 2), f"{lines} lines in {elapsed:.1f} s"


def test_flood_of_forged_signatures_is_judged_and_nothing_is_late(pair):
    """Each one costs a hash."""
    agents = pair.start_agents(SIGNED, check="", track=False, advert="0.2")
    since = now()
    forged = Advert(interval=0.2, priority=250, dst_mac=pair.backup.mac(),
                    auth=Hmac(KEY, seq=int(1e18))).fixed()
    fresh = Advert(interval=0.2, priority=250, dst_mac=pair.backup.mac(), auth=Hmac(OTHER))
    stream = Forge(pair, pair.client).stream(fresh, *[forged] * 9, every=0.001)
    pair.watcher.wait_adverts(pair.master, 20, 20)
    stream.kill()
    counters = agents["backupsql"].instance()["counters"]
    assert counters["auth_ext_stale"] > 5000 and counters["auth_ext_invalid_hmac"] > 500
    assert max(gaps(pair, pair.master, since)) < 0.2 + LATE
    assert pair.watcher.moves(VIP) == 1


@pytest.mark.parametrize("state", ["master", "backup"])
def test_interval_of_zero_makes_nobody_flap(pair, state):
    """keepalived computes a Down time of zero from it, and changes its state at the rate of the packets."""
    agents = pair.start_agents(check="", track=False, advert="0.2")
    host = pair.master if state == "master" else pair.backup
    Forge(pair, pair.client).stream(Advert(interval=0, dst_mac=host.mac()), every=0.005)
    pair.watcher.wait_adverts(pair.master, 15, 15)
    assert pair.watcher.moves(VIP) == 1
    for agent in agents.values():
        assert agent.instance()["counters"]["become_master"] <= 1
        assert agent.instance()["counters"]["release_master"] == 0
    until(lambda: agents[host.name].instance()["counters"]["advert_interval_zero"] > 100, 10, "a hundred to be refused")


@pytest.mark.parametrize("priority", [0, 199, 200])
def test_inferior_adverts_are_not_answered_at_the_rate_at_which_they_come(pair, priority):
    """Each asks for an answer; of equal priority, one from a lower address is inferior, too. The advert timer, put off
    by each answer, never runs out meanwhile: what depends on it, the lease above all, must not wait for it."""
    pair.agent(pair.backup, instance(200, track=False, advert="0.2")).start()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    since = now()
    stream = Forge(pair, pair.client).stream(
        Advert(src="192.168.1.1", priority=priority, interval=0.2, dst_mac=pair.backup.mac()), every=0.001)
    pair.watcher.wait(20, since, 2000, host="client", event="advert", dir="out")
    stream.kill()
    seconds = now() - since
    answers = len(pair.watcher.adverts(pair.backup, since))
    assert 10 < answers < 130 * seconds, f"{answers} in {seconds:.1f} s"
    assert pair.watcher.moves(VIP) == 1


def test_inferior_adverts_under_many_names_are_told_and_reacted_to_once_a_second(pair):
    """Each name would be news."""
    agent = pair.agent(pair.master, instance(200, "garp_lower_prio_repeat 3", track=False, advert="0.2")).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    since = now()
    mac = pair.master.mac()
    stream = Forge(pair, pair.client).stream(
        *(Advert(src=f"192.168.1.{host}", priority=100, interval=0.2, dst_mac=mac) for host in range(100, 200)),
        every=0.1)
    pair.watcher.wait(20, since, 3000, host="client", event="advert", dir="out")
    stream.kill()
    seconds = now() - since
    lines = len(re.findall("also claims to be master", agent.process.text()))
    garps = len(pair.watcher.find(since, host="mastersql", event="garp", dir="out"))
    assert lines <= seconds + 2 and garps <= 2 * 3 * (seconds + 2) + 5, (lines, garps, seconds)


def test_flood_of_fragments_and_giants_delays_nothing(pair):
    agents = pair.start_agents(check="", track=False, advert="0.2")
    since = now()
    giants = [Advert(tail=bytes(60000)), Advert(fragment=0x2000, ip_id=2), Advert(message=b""),
              Advert(options=b"\1" * 40, ttl=254), Advert(total_length=20), Advert(count=255),
              Advert(tail=bytes(1400)), Advert(tail=bytes(5000), ip_id=3)]
    stream = Forge(pair, pair.client).stream(*giants, every=0.01)
    pair.watcher.wait_adverts(pair.master, 20, 20)
    assert max(gaps(pair, pair.master, since)) < 0.2 + LATE
    assert until(lambda: agents["backupsql"].instance()["counters"]["wire_rx_trunc"], 5, "the giants to arrive") > 10
    stream.kill()
    counters = agents["backupsql"].instance()["counters"]
    assert counters["packet_len_err"] > 10 and counters["ip_ttl_err"] > 10
    assert pair.watcher.moves(VIP) == 1
