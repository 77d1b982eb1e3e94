# SPDX-License-Identifier: Apache-2.0
"""Who becomes master, and who stays it."""

from lib.agents import VIP, instance
from lib.wait import now, until


def start_both(pair, master_lines=(), backup_lines=(), priorities=(200, 150), **options):
    """Both at the same time."""
    agents = [pair.agent(host, instance(priority, *lines, track=False, **options))
              for host, lines, priority in zip((pair.master, pair.backup), (master_lines, backup_lines), priorities)]
    for agent in agents:
        agent.start()
    return agents


def settled(pair, host, adverts=10):
    """`host` alone holds the VIP and speaks."""
    pair.watcher.wait_holder(host, VIP, 15)
    since = now()
    pair.watcher.wait_adverts(host, adverts, 20)
    other = pair.backup if host is pair.master else pair.master
    assert pair.watcher.holders(VIP) == [host.name]
    assert not pair.watcher.adverts(other, since)


def test_equal_priorities_started_at_once_settle_on_one(pair):
    pair.watcher.allow_overlap(0.15)  # both timers may run out within a packet's time
    start_both(pair, priorities=(100, 100), state="MASTER")
    until(lambda: len(pair.watcher.holders(VIP)) == 1 and len(pair.watcher.find(event="advert", dir="out")) > 10, 15,
          "one holder")
    name = pair.watcher.holders(VIP)[0]
    settled(pair, pair.hosts[name], 15)


def test_equal_priorities_after_a_partition_prefer_the_higher_address(pair):
    start_both(pair, priorities=(100, 100))
    until(lambda: pair.watcher.holders(VIP), 10, "a holder")
    begun = now()
    pair.isolate(pair.backup)
    until(lambda: len(pair.watcher.holders(VIP)) == 2, 10, "both to hold the VIP")
    pair.heal(pair.backup)
    pair.watcher.allow_overlap_during(begun - 1, now() + 0.3)
    settled(pair, pair.backup)


def test_higher_priority_wins_and_preempts(pair):
    pair.agent(pair.backup, instance(150, track=False)).start()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    first = pair.agent(pair.master, instance(200, track=False)).start()
    settled(pair, pair.master)
    # The one that was preempted did not resign: it was outvoted.
    assert not pair.watcher.adverts(pair.backup, priority=0)
    first.stop()
    settled(pair, pair.backup)


def test_nopreempt_leaves_the_vip_where_it_is_until_the_holder_goes(pair):
    other = pair.agent(pair.backup, instance(150, track=False)).start()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    pair.agent(pair.master, instance(200, "nopreempt", track=False)).start()
    settled(pair, pair.backup, 20)
    other.stop()
    settled(pair, pair.master)


def test_preempt_delay_waits(pair):
    pair.agent(pair.backup, instance(150, track=False)).start()
    pair.watcher.wait_holder(pair.backup, VIP, 10)
    agent = pair.agent(pair.master, instance(200, "preempt_delay 2", track=False)).start()
    at = agent.process.started
    took = pair.watcher.wait_holder(pair.master, VIP, 15)
    assert took - at > 2.0


def test_owner_speaks_at_once(pair):
    agent = pair.agent(pair.master, instance(255, track=False, state="MASTER", advert="1")).start()
    first = pair.watcher.wait(5, host="mastersql", event="advert", dir="out")
    assert first["priority"] == 255
    assert first["t"] - agent.process.started < 2.5  # with the start of the program; a backup would wait for three


def test_down_time_passes_before_a_lonely_host_takes_the_vip(pair):
    agent = pair.agent(pair.master, instance(100, track=False, state="MASTER", version=2, advert="1")).start()
    first = pair.watcher.wait(10, host="mastersql", event="advert", dir="out")
    # 3 s and Skew_Time 0.609 s; `state MASTER` gives no head start.
    assert 3.6 <= first["t"] - agent.process.started < 4.6


def test_script_that_fails_moves_the_vip_and_its_return_brings_it_back(pair):
    script = ("vrrp_script alive {\n script \"/usr/bin/test -e /tmp/alive\"\n interval 0.1\n fall 2\n rise 2\n}\n")
    pair.master.write("/tmp/alive", "")
    pair.backup.write("/tmp/alive", "")
    track = "track_script {\n alive\n}"
    pair.start_configured(*(script + instance(p, track, track=False) for p in (200, 150)))
    pair.master.path("/tmp/alive").unlink()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    pair.agents["mastersql"].wait_state("FAULT", 5)
    pair.master.write("/tmp/alive", "")
    pair.watcher.wait_holder(pair.master, VIP, 10)


def test_script_with_weight_lowers_the_priority(pair):
    script = ("vrrp_script alive {\n script \"/usr/bin/test -e /tmp/alive\"\n interval 0.1\n weight -100\n}\n")
    pair.master.write("/tmp/alive", "")
    track = "track_script {\n alive\n}"
    pair.start_configured(script + instance(200, track, track=False), instance(150, track=False))
    pair.master.path("/tmp/alive").unlink()
    pair.watcher.wait_holder(pair.backup, VIP, 5)
    assert pair.watcher.adverts(pair.master, priority=100)
