# SPDX-License-Identifier: Apache-2.0
"""The state machine on the wire and by the clock, rule by rule. Several rules share one network
where one follows from the other; the pure ones are in test/unit/test_fsm*.c."""

import pytest

from lib.agents import VIP, block, instance
from lib.forge import Advert, Forge
from lib.wait import now, until

# One interval of a second and version 2: Skew_Time is (256 - priority) / 256 s.
V2 = {"track": False, "version": 2, "advert": "1"}
HOOK = '#!/bin/sh\necho "$SQLVIP_STATE" >> /tmp/hooks\n'
LATE = 0.5  # what a busy machine may add to a timer


def skew(priority):
    return (256 - priority) / 256


def down(priority):
    return 3 + skew(priority)


def sent(pair, host, since=0.0, **fields):
    return pair.watcher.adverts(host, since, **fields)


def garps(pair, host, since=0.0, address=VIP):
    return [e["t"] for e in pair.watcher.find(since, host=host.name, dir="out", event="garp", address=address)]


def wait_garps(pair, host, count, seconds, since=0.0):
    until(lambda: len(garps(pair, host, since)) >= count, seconds, lambda: f"{count} ARPs: {garps(pair, host, since)}")
    return garps(pair, host, since)


def answered_at_once(pair, forge, advert):
    """Sends the advert; returns when it left, once the master has answered before its timer would have."""
    last = sent(pair, pair.master)[-1]["t"]
    until(lambda: sent(pair, pair.master)[-1]["t"] > last, 3, "the next advert of the master")
    last = sent(pair, pair.master)[-1]["t"]
    forge.send(advert)
    out = pair.watcher.wait(5, last, host="client", dir="out", event="advert", priority=advert.priority)["t"]
    answer = pair.watcher.wait(5, out, host="mastersql", dir="out", event="advert")["t"]
    assert answer - out < 0.3 and answer - last < 0.95, (last, out, answer)
    return out


def test_c42_c44_c46_c55_c56_c57_c60_life_of_one_host(pair):
    forge = Forge(pair, pair.client)
    pair.master.write("/tmp/hook", HOOK, 0o755)
    agent = pair.agent(pair.master, instance(100, "notify_master_rx_lower_pri /tmp/hook", state="MASTER",
                                             **V2)).start()
    # C42, C44: a full Down time, whatever `state` says; then the advert, then the address.
    taken = pair.watcher.wait_holder(pair.master, VIP, 15)
    first = sent(pair, pair.master)[0]
    assert down(100) <= first["t"] - agent.process.started < down(100) + 1 + LATE
    assert first["priority"] == 100 and first["t"] < taken
    # C46: five ARPs, five more five seconds later, and no more.
    times = wait_garps(pair, pair.master, 10, 10)
    assert first["t"] < times[0] and times[4] - times[0] < 0.2
    assert 4.9 < times[5] - times[0] < 5 + LATE
    # C57: somebody resigns who never was master.
    answered_at_once(pair, forge, Advert(version=2, priority=0))
    assert agent.instance()["state"] == "MASTER" and len(garps(pair, pair.master)) == 10
    # C55: an inferior master.
    heard = answered_at_once(pair, forge, Advert(version=2, priority=50))
    hooks = pair.master.path("/tmp/hooks")
    until(lambda: hooks.exists() and hooks.read_text() == "MASTER_RX_LOWER_PRI\n", 5, "the hook")
    times = wait_garps(pair, pair.master, 10, 10, heard)
    assert times[4] - heard < 0.3 and 4.9 < times[5] - times[0] < 5 + LATE
    # C56: an equal one decides by the address.
    heard = answered_at_once(pair, forge, Advert(version=2, priority=100, src="192.168.1.0"))
    wait_garps(pair, pair.master, 5, 5, heard)
    assert agent.instance()["state"] == "MASTER"
    forge.send(Advert(version=2, priority=100, src="192.168.1.50"))
    yielded = pair.watcher.wait_no_holder(pair.master, VIP, 5)
    agent.wait_state("BACKUP", 5)
    assert not sent(pair, pair.master, priority=0)
    # C60: that one resigns.
    forge.send(Advert(version=2, priority=0))
    out = pair.watcher.wait(5, yielded, host="client", dir="out", event="advert", priority=0)["t"]
    again = pair.watcher.wait(5, out, host="mastersql", dir="out", event="advert")["t"]
    assert skew(100) <= again - out < skew(100) + LATE


def test_c55_lower_prio_no_advert_answers_nothing(pair):
    forge = Forge(pair, pair.client)
    pair.agent(pair.master, instance(100, "lower_prio_no_advert", "garp_lower_prio_repeat 2",
                                     "garp_lower_prio_delay 1", **V2)).start()
    pair.watcher.wait_adverts(pair.master, 2, 15)
    last = sent(pair, pair.master)[-1]["t"]
    forge.send(Advert(version=2, priority=50))
    heard = pair.watcher.wait(5, last, host="client", dir="out", event="advert", priority=50)["t"]
    times = wait_garps(pair, pair.master, 4, 5, heard)
    assert times[1] - heard < 0.3 and 0.9 < times[2] - times[0] < 1 + LATE
    pair.watcher.wait_adverts(pair.master, 3, 10)
    stamps = [e["t"] for e in sent(pair, pair.master, last)]
    assert min(b - a for a, b in zip(stamps, stamps[1:])) > 0.9


@pytest.mark.parametrize("priority", ["priority 255", ""])
def test_c43_c45_owner_speaks_at_once(pair, priority):
    config = instance(255, state="MASTER", **V2).replace("priority 255", priority)
    agent = pair.agent(pair.master, config).start()
    first = pair.watcher.wait(5, host="mastersql", event="advert", dir="out")
    assert first["priority"] == 255
    assert first["t"] - agent.process.started < 0.2 + 1 + LATE  # with the start of the program
    assert bool(priority) != ("MASTER without priority means priority 255" in agent.process.text())


def test_c47_c48_one_arp_and_one_more_each_two_seconds(pair):
    config = "global_defs {\n vrrp_min_garp\n}\n" + instance(
        200, "garp_master_refresh 2", vips=(VIP, "192.168.1.101"), track=False)
    pair.agent(pair.master, config).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    times = wait_garps(pair, pair.master, 4, 12)
    assert all(1.9 < b - a < 2 + LATE for a, b in zip(times, times[1:])), times
    second = garps(pair, pair.master, address="192.168.1.101")
    assert len(second) >= 3 and all(abs(a - b) < 0.1 for a, b in zip(times, second))


def test_c49_c50_c51_c52_two_hosts(pair):
    pair.start_configured(instance(200, **V2), instance(100, **V2), 20)
    # C51: the master's cable goes silent.
    begun = now()
    pair.isolate(pair.master)
    took = pair.watcher.wait(10, begun, host="backupsql", dir="out", event="advert")["t"]
    heard = pair.watcher.find(host="backupsql", dir="in", event="advert")[-1]["t"]
    assert down(100) - 0.05 < took - heard < down(100) + 0.1 + LATE
    pair.heal(pair.master)
    pair.watcher.wait_holder(pair.master, VIP, 10)
    pair.watcher.allow_overlap_during(begun, now() + 0.1)
    # C49: removed, then one resignation; the peer follows after its Skew_Time.
    at = pair.agents["mastersql"].term()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    gone = pair.watcher.wait(5, at, host="mastersql", event="address", op="del", address=f"{VIP}/32")
    resigned = sent(pair, pair.master, at, priority=0)
    assert len(resigned) == 1 and gone["since"] <= resigned[0]["t"]
    assert resigned[0]["t"] - at < 0.05 + LATE
    took = sent(pair, pair.backup, at)[0]["t"]
    assert skew(100) <= took - resigned[0]["t"] < skew(100) + LATE
    assert pair.agents["mastersql"].process.wait(1.5 + LATE) == 0
    # C52: it returns, waits for its Down time, and the other one goes without a word.
    back = pair.agent(pair.master, instance(200, **V2)).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    first = sent(pair, pair.master, back.process.started)[0]["t"]
    assert down(200) <= first - back.process.started < down(200) + 1 + LATE
    assert not sent(pair, pair.backup, priority=0)
    # C50: a backup leaves without a word.
    since = now()
    assert pair.agents["backupsql"].stop() == 0
    pair.watcher.wait_adverts(pair.master, 2, 5)
    assert not sent(pair, pair.backup, since)


def test_c53_nopreempt_waits_as_long_as_the_other_speaks(pair):
    forge = Forge(pair, pair.client)
    stream = forge.stream(Advert(priority=50, interval=0.2), every=0.15)
    agent = pair.agent(pair.master, instance(200, "nopreempt", track=False, advert="0.2")).start()
    until(lambda: agent.instance()["counters"]["advert_rcvd"] > 40, 30, "forty adverts")
    assert not sent(pair, pair.master)
    stream.kill()
    pair.watcher.wait_holder(pair.master, VIP, 5)


def test_c54_preempt_delay(pair):
    """Delay 2 s, interval 0.2 s: what is more than an interval and a Down time beside it would show."""
    forge = Forge(pair, pair.client)
    lower = Advert(priority=50, interval=0.2)
    agent = pair.agent(pair.master, instance(200, "preempt_delay 2", track=False, advert="0.2")).start()
    stream = forge.stream(lower, every=0.15)
    first = pair.watcher.wait(5, host="client", dir="out", event="advert", priority=50)["t"]
    down_ = 0.6 + 0.2 * skew(200)
    took = pair.watcher.wait(10, first, host="mastersql", dir="out", event="advert")["t"]
    assert 2 + down_ - 0.25 < took - first < 2 + down_ + LATE
    stream.kill()
    agent.stop()
    # A better advert in between has it begin anew.
    stream = forge.stream(lower, every=0.15)
    since = now()
    agent = pair.agent(pair.master, instance(200, "preempt_delay 2", track=False, advert="0.2")).start()
    until(lambda: agent.instance()["counters"]["advert_rcvd"] > 8, 10, "the delay to run")
    forge.send(Advert(priority=200, interval=0.2))
    better = pair.watcher.wait(5, since, host="client", dir="out", event="advert", priority=200)["t"]
    assert not sent(pair, pair.master, since)
    took = pair.watcher.wait(10, better, host="mastersql", dir="out", event="advert")["t"]
    assert 2 + down_ - 0.25 < took - better < 2 + down_ + 0.15 + LATE
    stream.kill()


@pytest.mark.soak
def test_c58_first_of_two_equals_stays_master(pair, soak):
    pair.agent(pair.master, instance(100, **V2)).start()
    started = now()
    until(lambda: now() > started + 1, 5, "a second to pass")
    other = pair.agent(pair.backup, instance(100, **V2)).start()
    pair.watcher.wait_holder(pair.master, VIP, 15)
    pair.watcher.wait_adverts(pair.master, soak(8, 60), soak(30, 120))
    assert not sent(pair, pair.backup) and other.instance()["state"] == "BACKUP"


def test_c59_of_two_owners_the_lower_address_yields(pair):
    begun = now()
    pair.agent(pair.master, instance(255, state="MASTER", **V2)).start()
    pair.watcher.wait_holder(pair.master, VIP, 10)
    pair.agent(pair.backup, instance(255, state="MASTER", **V2)).start()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    pair.watcher.allow_overlap_during(begun, now())
    pair.watcher.wait_adverts(pair.backup, 3, 10)
    assert pair.watcher.holders(VIP) == ["backupsql"]


def test_c70_nothing_is_heard_or_sent_while_the_start_is_delayed(pair):
    forge = Forge(pair, pair.client)
    config = "global_defs {\n vrrp_startup_delay 5\n}\n" + instance(100, **V2)
    agent = pair.agent(pair.master, config).start()
    forge.send(Advert(version=2, priority=200), count=3)
    assert agent.instance()["state"] == "INIT"
    assert agent.instance()["counters"]["advert_rcvd"] == 0
    first = pair.watcher.wait(20, host="mastersql", dir="out", event="advert")["t"]
    assert 5 + down(100) <= first - agent.process.started < 5 + down(100) + 1 + LATE
    agent.stop()
    # The same from the boot, which is long ago.
    config = "global_defs {\n vrrp_delay_after_boot 1\n}\n" + instance(100, **V2)
    agent = pair.agent(pair.master, config).start()
    assert agent.instance()["state"] == "BACKUP"


def test_agent_that_is_stopped_while_its_start_is_delayed_ends_at_once(pair):
    config = "global_defs {\n vrrp_startup_delay 60\n}\n" + block(
        "vrrp_sync_group G", block("group", "VI_1")) + instance(100, **V2)
    agent = pair.agent(pair.master, config).start()
    assert agent.stop(5) == 0
    assert not sent(pair, pair.master)
