# SPDX-License-Identifier: Apache-2.0
"""Debian's keepalived on one host, sqlvipd on the other, in both roles."""

import pytest

from lib.agents import VIP, Keepalived, Sqlvipd, instance
from lib.wait import now, until

DIALECTS = {
    "v2": {"version": 2, "advert": "1"},
    "v2-pass": {"version": 2, "advert": "1", "password": "1111"},
    "v3": {"version": 3, "advert": "0.2"},
}


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return dict(DIALECTS[request.param])


def start(pair, ours, dialect):
    """Starts both; `ours` says on which host sqlvipd runs. mastersql has the higher priority."""
    agents = []
    for host, priority in ((pair.master, 200), (pair.backup, 150)):
        config = instance(priority, track=False, vips=(VIP, "192.168.1.101/24"), **dialect)
        kind = Sqlvipd if host is ours else Keepalived
        agents.append(kind(host, pair.build, config).start())
        if host is pair.master:
            pair.watcher.wait_holder(host, VIP, 15)
    first = pair.watcher.adverts(pair.master)[0]
    assert first["version"] == dialect["version"]
    pair.watcher.wait_adverts(pair.master, 4, 15)
    assert pair.watcher.holders(VIP) == pair.watcher.holders("192.168.1.101") == ["mastersql"]
    assert not pair.watcher.adverts(pair.backup)
    return agents


@pytest.mark.parametrize("role", ["master", "backup"])
def test_sqlvipd_and_keepalived_hand_over_and_back(pair, dialect, role):
    pair.watcher.allow_overlap(0.1)
    first, second = start(pair, pair.master if role == "master" else pair.backup, dialect)
    at = now()
    assert first.stop() == 0
    took = pair.watcher.wait_holder(pair.backup, VIP, 10)
    # Priority 0 was understood: only Skew_Time passed, not the whole Down time.
    resigned = pair.watcher.wait(1, at, host="mastersql", event="advert", dir="out", priority=0)
    assert took - resigned["t"] < 2 * float(dialect["advert"])
    first.start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    until(lambda: pair.watcher.holders("192.168.1.101") == ["mastersql"], 5, "the second VIP to follow")
    assert second.process.alive


@pytest.mark.parametrize("role", ["master", "backup"])
def test_sqlvipd_and_keepalived_agree_after_a_partition(pair, dialect, role):
    start(pair, pair.master if role == "master" else pair.backup, dialect)
    begun = now()
    pair.isolate(pair.master)
    until(lambda: len(pair.watcher.holders(VIP)) == 2, 10, "both to hold the VIP")
    pair.heal(pair.master)
    healed = now()
    pair.watcher.allow_overlap_during(begun, healed + 2 * float(dialect["advert"]))
    pair.watcher.wait_holder(pair.master, VIP, 10)
    pair.watcher.wait_adverts(pair.master, 3, 15)
    assert pair.watcher.holders(VIP) == ["mastersql"]


def test_both_checksums_of_version_3_are_understood(pair):
    """With and without pseudo header. Debian's keepalived knows only one of them, so this is a pair of our own."""
    judge = pair.watcher.judge_packets
    pair.watcher.judge_packets = lambda: (judge([pair.backup.address]),
                                          judge([pair.master.address], v3_without_pseudo_header=True))
    agents = pair.start_configured(instance(200, "v3_checksum_as_v2", track=False), instance(150, track=False))
    pair.watcher.wait_adverts(pair.master, 10, 5)
    assert pair.watcher.moves(VIP) == 1
    agents["mastersql"].stop()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    agents["mastersql"].start()
    pair.watcher.allow_overlap(0.05)
    pair.watcher.wait_holder(pair.master, VIP, 5)


def test_wrong_password_is_ignored_and_counted(pair):
    """Each side thinks it is alone; neither is silenced by the other."""
    pair.watcher.allow_overlap_during(0, now() + 1000)
    Keepalived(pair.master, pair.build, instance(200, track=False, version=2, advert="1", password="1111")).start()
    agent = Sqlvipd(pair.backup, pair.build, instance(150, track=False, version=2, advert="1", password="2222")).start()
    pair.watcher.wait_adverts(pair.backup, 3, 20)
    agent.wait_state("MASTER", 5)
    counters = agent.instance()["counters"]
    assert any("auth" in name and value for name, value in _flat(counters)), counters


def _flat(counters, prefix=""):
    for name, value in counters.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
